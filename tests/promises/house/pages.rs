//! The pages for those who work on it name tests and files: whoever renames one mends the page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 5] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "tests/promises/README.md"];

/// Names of so many words are of tests: of what else the pages name, nothing has as many.
const WORDS: usize = 5;

#[test]
fn every_test_and_file_that_a_page_names_is_there() {
    let files = sources();
    let tests: BTreeSet<String> = files.iter().flat_map(|file| tests_of(&root().join(file))).collect();
    let mut missing = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).expect(page);
        for name in text.split('`').skip(1).step_by(2) {
            let is_there = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
                Some("rs" | "proto" | "js") => {
                    name.contains(['*', '{', '…']) || files.iter().any(|file| file.ends_with(name))
                }
                _ => !is_test(name) || tests.contains(name),
            };
            if !is_there {
                missing.push(format!("{page}: {name}"));
            }
        }
        for link in links(&text).filter(|link| !root().join(page).with_file_name(link).exists()) {
            missing.push(format!("{page}: {link}"));
        }
    }
    assert!(missing.is_empty(), "named, and not there:\n{}", missing.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_test(name: &str) -> bool {
    let plain = name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    plain && name.split('_').count() >= WORDS
}

/// What a page links to within the repository, without the part of a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let within = targets.map(|(target, _)| target).filter(|target| !target.contains("://") && !target.starts_with('#'));
    within.map(|target| target.split_once('#').map_or(target, |(file, _)| file))
}

/// Names of the functions that follow an attribute of a test.
fn tests_of(file: &Path) -> Vec<String> {
    if file.extension().is_none_or(|extension| extension != "rs") {
        return Vec::new();
    }
    let text = fs::read_to_string(file).expect("sources are text");
    let after = ["#[test]", "#[tokio::test"].into_iter().flat_map(|attribute| text.split(attribute).skip(1));
    let name = |rest: &str| {
        let (_, rest) = rest.split_once("fn ")?;
        Some(rest.split(['(', '<']).next()?.to_owned())
    };
    after.filter_map(name).collect()
}

/// Every source file of the repository, from its root.
fn sources() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["src", "tests", "benches", "examples", "proto"].map(|name| root().join(name)).into();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources can be read") {
            let path = entry.expect("sources can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(root()).expect("below the root").to_owned()),
            }
        }
    }
    files
}
