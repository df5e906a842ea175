//! What `check` and `publish` take, and how much they say.

use crate::outputs::end;
use crate::site::{RULES, Site, rows, said};
use std::io::Write;
use std::process::Stdio;
use swabstream::model::record::Topic;

#[test]
fn a_file_with_any_number_of_bad_rows_is_answered_by_as_many_lines_as_there_are_causes() {
    let site = Site::embedded();
    site.write("rows.csv", &(rows(1, 5_000) + "r,p,yesterday,negative\n"));
    let (code, text) = site.run(&["check", "rows.csv", "--map", "map.toml"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.lines().count() < 15, "{text}");
    assert_eq!(text.matches(": finding: unknown_enum (").count(), 3 + 1, "three, and how many more: {text}");
    assert!(text.contains(": 4997 more rows, the last on line 5002\n(--all lists each row)\n"), "{text}");
    assert!(text.contains("rows.csv:5003: collected_at: invalid_time"), "each cause is listed: {text}");
    assert!(text.contains("5002 rows: 1 valid, 5001 refused, 0 left out"), "{text}");

    let (_, all) = site.run(&["check", "rows.csv", "--map", "map.toml", "--all"]);
    assert_eq!(all.matches("finding: unknown_enum").count(), 5_000);
    let (_, json) = site.run(&["check", "rows.csv", "--map", "map.toml", "--json"]);
    let last: serde_json::Value = serde_json::from_str(json.lines().last().expect("counts")).expect("JSON");
    assert_eq!(json.lines().count(), 3 + 1 + 1, "{json}");
    assert_eq!((&last["causes"][0]["rows"], &last["causes"][0]["last"]), (&5_000.into(), &5_002.into()), "{last}");
}

#[test]
fn what_comes_by_a_pipe_is_published_once_it_is_checked_as_a_whole() {
    let site = Site::embedded();
    let publish = ["publish", "-", "--format", "csv", "--map", "map.toml", "--rules", RULES];
    let mut command = site.command(&publish);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    let text = rows(300, 0);
    let (first, rest) = text.split_at(text.len() / 2);
    input.write_all(first.as_bytes()).expect("it reads");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(site.count(Topic::LabResults), 0, "nothing is sent of a file that is not checked to its end");
    input.write_all(rest.as_bytes()).expect("it reads");
    drop(input);
    let (code, text) = said(child.wait_with_output().expect("it ends"));
    assert_eq!((code, site.count(Topic::LabResults)), (0, 300), "{text}");
    assert!(text.contains("300 records delivered"), "{text}");
}

#[test]
fn a_second_publication_says_that_repetitions_are_counted_elsewhere() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(3, 0));
    for _ in 0..2 {
        let (code, text) = site.run(&["publish", "rows.csv", "--map", "map.toml", "--no-rules"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("cannot be told from here") && text.contains("swabstream_outcomes_total"), "{text}");
    }
}

#[test]
fn where_there_is_no_room_for_the_records_nothing_is_sent_and_the_folder_is_named() {
    let site = Site::embedded();
    // One row of a message fits into memory many times; what is more goes where TMPDIR says, which is nowhere.
    let mut command =
        site.command(&["publish", "-", "--kind", "results", "--format", "ndjson", "--no-rules", "--force"]);
    command.env("TMPDIR", site.path("nowhere")).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    let line = format!("{{\"kit\": \"{}\"}}\n", "x".repeat(200_000));
    for _ in 0..200 {
        if input.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    drop(input);
    let (code, errors) = end(child);
    assert_eq!((code, site.count(Topic::LabResults)), (2, 0), "{errors}");
    assert!(errors.contains("nowhere until they are sent; nothing was sent; let TMPDIR name a folder"), "{errors}");
}
