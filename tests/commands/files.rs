//! What `check` and `publish` take, and how much they say.

use crate::ended::ended;
use crate::outputs::end;
use crate::site::{RULES, Site, rows, said};
use std::io::Write;
use std::process::{Command, Stdio};
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
    let (code, text) = said(ended(child));
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

/// So many rows that what is known of them goes to disk.
const MANY: usize = 150_000;

#[test]
fn where_the_disk_is_full_before_all_rows_are_read_nothing_is_sent_and_the_folder_is_named() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(MANY, 0));
    let room = site.path("room");
    std::fs::create_dir(&room).expect("made");
    for (arguments, so) in [
        (&["check", "rows.csv", "--map", "map.toml"][..], ""),
        (&["publish", "rows.csv", "--map", "map.toml", "--no-rules"], "; nothing was sent"),
    ] {
        let says = format!(
            "what is known of the rows of rows.csv cannot be kept in {} until all are read{so}; let TMPDIR name a folder",
            room.display()
        );
        let (code, text) =
            said(with_little_room(site.command(arguments).env("TMPDIR", &room)).output().expect("it runs"));
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(&says) && text.contains("File too large"), "{says}: {text}");
    }
    assert_eq!(site.count(Topic::LabResults), 0);
}

/// The same command, whose files end at half a megabyte as if the disk were full.
fn with_little_room(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh"]).arg(command.get_program());
    shell.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(command.get_current_dir().expect("a folder"));
    shell
}

#[test]
fn all_rows_are_held_against_each_other_in_the_same_memory_for_twice_as_many() {
    let site = Site::embedded();
    let most = [MANY, MANY * 2].map(|good| {
        let mut text = rows(good, 0);
        let first = text.lines().nth(1).expect("a row").to_owned();
        text.push_str(&format!("{first}\n{}\n", first.replace(",p0,", ",P0,")));
        site.write("rows.csv", &text);
        let (most, text) = with_memory(site.command(&["check", "rows.csv", "--map", "map.toml"]));
        assert!(text.contains("        1  warning: rows that say again what an earlier row"), "{text}");
        assert!(text.contains(&format!("counted once (line {})", good + 2)), "{text}");
        assert!(text.contains("        1  warning: person ids that look the same as another"), "{text}");
        assert!(text.contains(&format!("(line 2, {})", good + 3)), "{text}");
        // Which is somebody else then, with the same result.
        assert!(text.contains("        1  warning: rows whose result id another person has too"), "{text}");
        assert_eq!(text.matches("warning: ").count(), 3, "{text}");
        most
    });
    // Buffers of what is merged come to a megabyte more; what each of so many rows took in memory was thirty.
    let [Some(once), Some(twice)] = most else { return println!("skipped: /proc does not tell a process's memory") };
    assert!(twice < once + 12_000, "{once} kB, and {twice} kB for twice the rows");
}

/// Kilobytes of memory that a command had at most, where that can be asked, and what it said.
fn with_memory(mut command: Command) -> (Option<u64>, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let (status, mut most) = (format!("/proc/{}/status", child.id()), None);
    while child.try_wait().expect("a child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(now);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let (code, text) = said(ended(child));
    assert_eq!(code, 0, "{text}");
    (most, text)
}
