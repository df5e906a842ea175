//! Commands that change something do so whoever reads; commands that look end when nobody does.

use crate::days::stalled;
use crate::outputs::{Reader, code, end, slow, unread};
use crate::policy::explained;
use crate::policy_files::to_compare;
use crate::signals::{SECRET, ran};
use crate::site::{LAYOUT, RULES, Site, program, rows, said};
use crate::waiting::wait_until;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use swabstream::kafka::publisher::publish_all;
use swabstream::kafka::topics;
use swabstream::model::outcome::{Reject, RejectCode};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::dead_letter;

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

/// A copy of the sample's rules with a tier of another name.
fn other_rules(site: &Site) {
    for file in std::fs::read_dir(RULES).expect("the sample") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        site.write(&format!("other/{name}"), &text.replace("\"low\"", "\"calm\""));
    }
}

#[test]
fn an_earlier_set_of_rules_is_in_force_again_whoever_reads_of_it() {
    let two_sets = || {
        let site = Site::embedded();
        other_rules(&site);
        for folder in [RULES, "other"] {
            assert_eq!(site.run(&["rules", "apply", folder]).0, 0);
        }
        site
    };
    for reader in Reader::ALL {
        let site = two_sets();
        let (code, errors) = unread(site.command(&["rules", "restore", "1"]), reader);
        assert!(code == 0 && errors.contains("\n  in force: 0 added, 3 changed"), "{code}: {errors}");
        let shown = site.run(&["rules", "show", "--json"]).1;
        assert!(!shown.contains("calm"), "{shown}");
    }
    let site = two_sets();
    let (code, text) = slow(site.command(&["rules", "restore", "1"]), || site.wait_for(Topic::Rules, 3 * 19));
    assert!(code == 0 && text.contains("in force: 0 added, 3 changed"), "{text}");
    let (code, text) = site.run(&["rules", "history"]);
    assert!(code == 0 && text.lines().count() == 4 && text.ends_with("in force\n"), "{text}");
    assert!(site.run(&["rules", "show", "--number", "2"]).1.contains("calm"));
    let (code, text) = site.run(&["rules", "restore", "9"]);
    assert!(code == 2 && text.contains("there is no set 9") && text.contains("1 to 3"), "{code}: {text}");
}

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
    let (code, text) = slow(site.command(&create), || wait_until("topics", || layout(&site).is_some()));
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

/// What a command that looks ends with, wherever its output goes: never as if its list had been read.
#[track_caller]
fn assert_looks(command: &dyn Fn() -> Command, own_code: i32, says: &str) {
    let arguments = format!("{:?}", command());
    let (code, errors) = unread(command(), Reader::Gone);
    let gone = if own_code == 0 { 141 } else { own_code };
    assert_eq!((code, errors.contains("error: ")), (gone, false), "{arguments}: {errors}");
    let (code, errors) = unread(command(), Reader::Full);
    let error = "error: standard output cannot be written to: No space left on device";
    assert!(code == 2 && errors.contains(error), "{arguments}: {code}: {errors}");
    assert_eq!(errors.contains("something was found wrong"), own_code == 1, "{arguments}: {errors}");
    let (code, errors) = unread(command(), Reader::Shut);
    assert!(code == 2 && errors.contains("error: standard output is closed; "), "{arguments}: {code}: {errors}");
    let (code, text) = slow(command(), || ());
    assert!(code == own_code && text.contains(says), "{arguments}: {code}: {text}");
}

/// A record of somebody that was refused.
fn set_aside(site: &Site) {
    let record = Record {
        position: Position { topic: Topic::LabResults, partition: 0, offset: 41 },
        received_at: Timestamp(1_668_130_000_000),
        key: Some(b"PERSON-ONE"),
        payload: Some(br#"{"person_id":"PERSON-ONE","area":"NOWHERE"}"#),
        content_type: Some(b"application/json"),
    };
    let letter = dead_letter::output(&record, &Reject::new(RejectCode::UnknownArea, "area"), 0);
    publish_all(&site.config, "letters", &[letter]).expect("set aside");
}

#[test]
fn what_looks_never_ends_as_done_where_its_list_could_not_be_written() {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    site.write("good.csv", &rows(2, 0));
    site.write("bad.csv", &rows(2, 2));
    site.write("wrong/deployment.toml", "");
    set_aside(&site);
    let cases: [(&[&str], i32, &str); 25] = [
        (&["deadletters", "list"], 0, "1 dead letter\n"),
        (&["deadletters", "list", "--json"], 0, "\"lab-results/0/41\""),
        (&["deadletters", "show", "lab-results/0/41"], 0, "unknown_area"),
        (&["deadletters", "explain", "dead-letters/0/0"], 0, "it would be refused, lab_id: missing_field"),
        (&["deadletters", "explain", "--code", "unknown_area"], 0, "the area is not in the registry"),
        (&["deadletters", "retry", "--all", "--dry-run"], 1, "1 dead letter: 0 would be taken, 1 not"),
        (&["rules", "show"], 0, "in force: "),
        (&["rules", "show", "--json"], 0, "\"digest\""),
        (&["rules", "history"], 0, "in force"),
        (&["rules", "check", RULES], 0, "no errors"),
        (&["rules", "check", "wrong"], 1, "1 error"),
        (&["check", "good.csv", "--map", "map.toml"], 0, "2 rows: 2 valid"),
        (&["check", "bad.csv", "--map", "map.toml"], 1, "6 rows: 2 valid, 4 refused"),
        (&["watch", "alerts", "--once"], 0, "published "),
        (&["watch", "positivity"], 0, "day "),
        (&["watch", "tiers"], 0, "day "),
        (&["show", "duties", "D1"], 0, "under management        0"),
        (&["show", "duties", "none", "--day", "2022-11-12"], 0, "no known area, 2022-11-12, sars-cov-2"),
        (&["show", "positivity", "D1"], 0, "nothing is published yet"),
        (&["show", "positivity", "D1", "--csv"], 0, "area,day,target,series"),
        (&["show", "tier", "D1", "--as-of", "2022-11-12"], 0, "no day was closed by then"),
        (&["completions", "bash"], 0, "complete"),
        (&["--help"], 0, "Exit codes"),
        (&["--version"], 0, "swabstream "),
        (&["help", "publish"], 0, "Exit codes"),
    ];
    for (arguments, code, says) in cases {
        assert_looks(&|| site.command(arguments), code, says);
    }
    let site = explained();
    assert_looks(&|| site.command(&["policy", "explain", "D1"]), 0, "it can step down on 2022-11-18");
    let site = to_compare();
    let compare = ["policy", "compare", "a.toml", "b.toml", "--counts", "counts.csv"];
    assert_looks(&|| site.command(&compare), 0, "they differ on 3");
    let published = Path::new(RULES).with_file_name("published");
    let test = ["policy", "test", published.to_str().expect("a path")];
    assert_looks(&|| site.command(&test), 0, "0 are not");
    let site = stalled();
    assert_looks(&|| site.command(&["days", "list"]), 1, "waits     for person task 1");
}

#[test]
fn what_looks_at_a_deployment_never_ends_as_done_where_its_list_could_not_be_written() {
    let site = ran("looks");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["receipts", "LAB-1"], 0, "LAB-1 First Example Laboratory"),
        (&["rules", "apply", RULES, "--dry-run"], 0, "tiers: none of"),
        (&["fate", "LAB-1", "r0"], 0, "now: it holds for person"),
        (&["policy", "explain", "D1"], 0, "by policy sample-districts@2020-01-01, as published"),
        (&["topics", "check"], 0, "all topics are right"),
        (&["audit"], 0, "all agrees"),
        (&["repair", "--dry-run"], 0, "0 counts differ"),
        (&["skip-lost"], 0, "nothing is lost"),
    ];
    for (arguments, code, says) in cases {
        let command = || {
            let mut command = site.command(arguments);
            command.env("SWABSTREAM_SECRET", SECRET);
            command
        };
        assert_looks(&command, code, says);
    }
    let mut never = site.command(&["fate", "LAB-1", "NEVER-SENT"]);
    let (code, text) = said(never.env("SWABSTREAM_SECRET", SECRET).output().expect("it runs"));
    assert!(code == 1 && text.contains("nothing of it has arrived"), "{code}: {text}");
    other_rules(&site);
    let mut command = site.command(&["rules", "apply", "other", "--dry-run"]);
    command.env("SWABSTREAM_SECRET", SECRET);
    let (code, text) = said(command.output().expect("it runs"));
    assert!(code == 0 && text.contains("~ tier/") && text.contains("low → calm, by sample-"), "{code}: {text}");
    assert!(text.contains("\nnothing was published; it would be: 0 added, "), "{text}");
    assert!(site.run(&["rules", "show"]).1.contains("low"), "they are as they were");
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
    let command = site.command(&["rules", "apply", RULES]);
    let mut command = Reader::Gone.of(command);
    assert_eq!(code(command.stderr(closed()).status().expect("it runs")), 0);
    assert_eq!(site.count(Topic::Rules), 19);
    let (code, _) = said(site.command(&["rules", "apply", "nowhere"]).stderr(closed()).output().expect("it runs"));
    assert_eq!(code, 2, "an error that nobody can hear is one");
}

/// The end of a pipe that nobody reads.
fn closed() -> Stdio {
    let (read, write) = std::io::pipe().expect("a pipe");
    drop(read);
    write.into()
}
