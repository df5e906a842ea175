//! The sources, as far as they are the program: without comments and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the sources.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below a part of `src`, without its comments and tests.
pub fn sources(part: &str) -> Vec<(PathBuf, String)> {
    let code = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("sources are text");
        (path, code_of(&text))
    };
    files(part, "rs").into_iter().map(code).collect()
}

/// Every file with such an ending below a part of `src`, or of that name beside the parts.
pub fn files(part: &str, ending: &str) -> Vec<PathBuf> {
    let root = root().join(part);
    let mut folders: Vec<PathBuf> = root.is_dir().then(|| root.clone()).into_iter().collect();
    let beside = root.with_extension(ending);
    let mut files: Vec<PathBuf> = beside.is_file().then_some(beside).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources can be read") {
            let path = entry.expect("sources can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == ending) => files.push(path),
                false => {}
            }
        }
    }
    assert!(!files.is_empty(), "there is no src/{part}");
    files
}

/// A source without its comments and tests.
pub fn code_of(text: &str) -> String {
    let code = without_tests(text);
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Items of tests are left out wherever they stand. A module of tests with its text in the file is the end of it.
fn without_tests(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]");
    let mut code = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let item = part.trim_start();
        let ends = part.find(';').filter(|end| part.find('{').is_none_or(|begin| *end < begin));
        match ends {
            Some(end) => code.push_str(&part[end + 1..]),
            None if item.starts_with("mod ") => break,
            None => code.push_str(behind_braces(part)),
        }
    }
    code
}

/// What comes after the first pair of braces.
fn behind_braces(text: &str) -> &str {
    let mut depth = 0;
    for (at, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[at + 1..],
            '}' => depth -= 1,
            _ => {}
        }
    }
    ""
}
