//! Commands that change something do so whoever reads; commands that look end when nobody does.

use crate::site::{LAYOUT, Reader, Site, end, program, read_slowly, rows, said, stuck};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use swabstream::kafka::topics;
use swabstream::model::record::Topic;

/// Runs a command whose output nobody takes; exit code and standard error.
fn unread(mut command: Command, reader: Reader) -> (i32, String) {
    end(command.stdout(reader.stdout()).stderr(Stdio::piped()).spawn().expect("it runs"))
}

/// Runs a command whose output is stuck until its effect is there, and then read slowly; exit code and output.
fn slow(mut command: Command, effect: impl FnOnce()) -> (i32, String) {
    let (read, stdout) = stuck();
    let child = command.stdout(stdout).stderr(Stdio::inherit()).spawn().expect("it runs");
    // It holds our end of the pipe, too.
    drop(command);
    effect();
    let reading = std::thread::spawn(move || read_slowly(read));
    let (code, _) = end(child);
    (code, reading.join().expect("read"))
}

#[test]
fn rules_are_in_force_whoever_reads_of_it() {
    for reader in Reader::ALL {
        let site = Site::embedded();
        let (code, errors) = unread(site.command(&["rules", "apply", RULES]), reader);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.starts_with(reader.says()) && errors.contains("\n  in force: 18 added, 0 changed"), "{errors}");
        assert_eq!(site.count(Topic::Rules), 19);
    }
    let site = Site::embedded();
    let (code, text) = slow(site.command(&["rules", "apply", RULES]), || site.wait_for(Topic::Rules, 19));
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("+ area/") && text.contains("in force: 18 added"), "{text}");
}

use crate::site::RULES;

#[test]
fn files_are_published_whoever_reads_of_it() {
    let publish = ["publish", "rows.csv", "--map", "map.toml", "--rules", RULES, "--all"];
    for reader in Reader::ALL {
        let site = Site::embedded();
        site.write("rows.csv", &rows(20, 3));
        let (code, errors) = unread(site.command(&publish), reader);
        assert_eq!(code, 1, "{errors}");
        assert!(errors.starts_with(reader.says()), "{errors}");
        assert!(errors.ends_with("\n  20 records delivered to lab-results; rows not sent: 60\n"), "{errors}");
        assert_eq!(site.count(Topic::LabResults), 20);
    }
    let site = Site::embedded();
    site.write("rows.csv", &rows(20, 300));
    let (code, text) = slow(site.command(&publish), || site.wait_for(Topic::LabResults, 20));
    assert_eq!((code, text.lines().filter(|line| line.contains("finding: unknown_enum")).count()), (1, 6_000));
    assert!(text.ends_with("20 records delivered to lab-results; rows not sent: 6000\n"), "{text}");
}

#[test]
fn topics_are_created_whoever_reads_of_it() {
    let create = ["topics", "create", "--person-tasks", "2", "--area-tasks", "1"];
    let layout = |site: &Site| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let checked = runtime.block_on(topics::check(&site.config, false)).expect("the broker answers");
        checked.layout.filter(|_| checked.findings.is_empty())
    };
    for reader in Reader::ALL {
        let site = Site::real("topics-unread");
        let (code, errors) = unread(site.command(&create), reader);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.starts_with(reader.says()) && errors.contains("\n  all topics are right"), "{errors}");
        assert_eq!(layout(&site), Some(LAYOUT));
    }
    let site = Site::real("topics-slow");
    let (code, text) = slow(site.command(&create), || crate::site::wait_until("topics", || layout(&site).is_some()));
    assert!(code == 0 && text.starts_with("created ") && text.contains("all topics are right"), "{text}");
}

#[test]
fn a_demonstration_goes_on_whoever_watches() {
    let demo = || program(&["demo", "--for", "3s", "--rate", "500", "--http", "127.0.0.1:0"]);
    for reader in Reader::ALL {
        let (code, errors) = unread(demo(), reader);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.starts_with(reader.says()) && errors.contains("ledger balances"), "{errors}");
    }
    let (code, text) = slow(demo(), || std::thread::sleep(std::time::Duration::from_secs(4)));
    assert!(code == 0 && text.contains("The page: ") && text.contains("ledger balances"), "{text}");
}

#[test]
fn what_looks_ends_by_a_code_of_its_own_when_its_output_is_closed() {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    site.write("good.csv", &rows(2, 0));
    let check = ["check", "good.csv", "--map", "map.toml"];
    for command in [&["rules", "show"][..], &["rules", "check", RULES], &check, &["completions", "bash"]] {
        let (code, errors) = unread(site.command(command), Reader::Gone);
        assert_eq!((code, errors.as_str()), (141, ""), "{command:?}");
        let (code, errors) = unread(site.command(command), Reader::Full);
        assert_eq!(code, 2, "{command:?}");
        assert!(errors.starts_with("error: standard output cannot be written to: No space left"), "{errors}");
    }
}

#[test]
fn a_file_with_refused_rows_is_never_said_to_be_good() {
    let site = Site::embedded();
    site.write("bad.csv", &rows(1, 500));
    for format in [&["--all"][..], &["--all", "--json"]] {
        let mut command = site.command(&["check", "bad.csv", "--map", "map.toml"]);
        let child = command.args(format).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("it runs");
        let mut line = String::new();
        let mut output = BufReader::with_capacity(16, child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("text");
        drop(output);
        assert!(line.contains("unknown_enum"), "{line}");
        assert_eq!(end(child), (1, String::new()));
    }
}

#[test]
fn whoever_watches_is_not_waited_for_when_nothing_comes() {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    let mut command = site.command(&["watch", "alerts"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut header = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut header).expect("text");
    assert!(header.starts_with("published "), "{header}");
    // The reader is dropped, and no alert ever comes.
    assert_eq!(end(child), (141, String::new()));
}

#[test]
fn nobody_at_either_output_is_no_reason_to_fail() {
    let site = Site::embedded();
    let mut command = site.command(&["rules", "apply", RULES]);
    let status = command.stdout(Reader::Gone.stdout()).stderr(Reader::Gone.stdout()).status().expect("it runs");
    assert_eq!(crate::site::code(status), 0);
    assert_eq!(site.count(Topic::Rules), 19);
    let (code, _) =
        said(site.command(&["rules", "apply", "nowhere"]).stderr(Reader::Gone.stdout()).output().expect("it runs"));
    assert_eq!(code, 2, "an error that nobody can hear is one");
}
