//! What `swabstream rules` says and how it ends.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use swabstream::cli::rules::{RulesCommand, run};

fn check(folder: &Path) -> (ExitCode, String) {
    let mut out = Vec::new();
    let code = run(&RulesCommand::Check { folder: folder.to_owned() }, &mut out).expect("a folder");
    (code, String::from_utf8(out).expect("text"))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of the sample's folder that a test may spoil.
fn sample() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(repository().join("deploy/rules/sample")).expect("the sample") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, copy.path().join(path.file_name().expect("a file"))).expect("copied");
    }
    copy
}

#[test]
fn check_shows_what_a_right_folder_would_put_in_force() {
    let (code, page) = check(&repository().join("deploy/rules/chongqing"));
    assert_eq!(code, ExitCode::SUCCESS);
    for says in [
        "Asia/Shanghai",
        "cn-cases@2022-11-11",
        "community high, managed moderate, historic info, preliminary info, contradiction high",
        "raised high, lowered moderate, historic info",
        "high to low after 5 clean days",
        "cases/100k in 7 days 10/50/100; positive tests of at least 100 tests in 7 days 5%/8%/10%",
        "32054159",
        "LABS\n  20\n",
        "no errors; 232 records, digest ",
    ] {
        assert!(page.contains(says), "no `{says}` in\n{page}");
    }
}

#[test]
fn a_tier_policy_that_decides_by_next_to_no_tests_is_a_note_and_no_error() {
    for shipped in ["chongqing", "sample"] {
        let (_, page) = check(&repository().join("deploy/rules").join(shipped));
        assert!(!page.contains("note: tier policy"), "{page}");
    }
    let folder = sample();
    for (name, least) in [("tier-threshold.toml", "least_tests = 20"), ("tier-influenza.toml", "least_tests = 3")] {
        let file = folder.path().join(name);
        let text = fs::read_to_string(&file).expect("a text");
        assert!(text.contains(least), "{text}");
        fs::write(&file, text.replace(least, "")).expect("written");
    }
    let (code, page) = check(folder.path());
    assert_eq!(code, ExitCode::SUCCESS);
    let notes: Vec<&str> = page.lines().filter(|line| line.starts_with("note: ")).collect();
    for (policy, measure, tier) in [
        ("sample-districts@2020-01-01", "`threshold.measures[1]`", "`high`"),
        ("sample-influenza@2020-01-01", "`threshold.measures[0]`", "`high`"),
    ] {
        let told =
            format!("note: tier policy {policy}: no `least_tests` in {measure}: two tests can make an area {tier};");
        assert!(notes.iter().any(|note| note.starts_with(&told)), "no `{told}` in {notes:?}");
    }
    assert_eq!(notes.len(), 2, "one line for a policy, none for its cases: {notes:?}");
}

#[test]
fn how_many_days_a_tier_takes_is_shown_where_it_is_more_than_one() {
    let folder = sample();
    fs::remove_file(folder.path().join("tier-threshold.toml")).expect("removed");
    let published = repository().join("deploy/rules/published/tier-de-28b.toml");
    fs::copy(published, folder.path().join("tier-de-28b.toml")).expect("copied");
    let (code, page) = check(folder.path());
    assert_eq!(code, ExitCode::SUCCESS, "{page}");
    let rule = "off < on: the worse of cases/100k in 7 days 100; up after 3, down after 6 days in a row";
    assert!(page.contains(rule), "no `{rule}` in\n{page}");
    assert_eq!(page.matches("in a row").count(), 1, "one day is no row: {page}");
}

#[test]
fn check_ends_with_a_failure_and_every_error_with_its_file_and_line() {
    let folder = sample();
    let file = folder.path().join("case-sample.toml");
    let text = fs::read_to_string(&file).expect("a text").replace("horizon_days = 7", "horizon_days = 70");
    fs::write(&file, text).expect("written");
    let (code, page) = check(folder.path());
    assert_eq!(code, ExitCode::FAILURE);
    let place = format!("{}:5: horizon_days: 70 is out of bounds; use 1 to 60\n", file.display());
    assert_eq!(page, format!("{place}1 error\n"));
}

#[test]
fn files_that_are_none_of_rules_are_left_alone() {
    let folder = sample();
    fs::write(folder.path().join("README.md"), "who maintains this").expect("written");
    assert_eq!(check(folder.path()).0, ExitCode::SUCCESS);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = repository().join("deploy/rules/nowhere");
    let error = run(&RulesCommand::Check { folder: folder.clone() }, &mut Vec::new()).expect_err("no folder");
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
}
