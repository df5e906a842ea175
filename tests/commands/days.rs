//! `swabstream days`, by what tasks have published of how far they have come.

use crate::outputs::{Reader, slow, unread};
use crate::site::{RULES, Site};
use prost::Message as _;
use swabstream::kafka::publisher::publish_all;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::Progress;

const MARK: [&str; 9] =
    ["days", "mark-incomplete", "2022-11-11", "--without", "1", "--by", "Zhang Wei", "--reason", "disk lost"];

const UNMARK: [&str; 3] = ["days", "unmark", "2022-11-11"];

/// Rules are in force; of two person tasks one stands still since noon of the 12th, the other is at noon of the 14th. The 10th
/// is closed.
pub fn stalled() -> Site {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    publish(&site, &[("person", 0, 2, ""), ("person", 1, 0, ""), ("area", 0, 0, "2022-11-10")]);
    site
}

/// Tasks tell that they have come to so many days after noon of the 12th, and the day that they have closed.
fn publish(site: &Site, tasks: &[(&str, i32, i64, &str)]) {
    let records = tasks.iter().map(|&(half, task, days, closed)| {
        let now = Some(Timestamp(1_668_225_600_000).plus_days(days).to_wire());
        let (half, closed_day, closed_from) = (half.to_owned(), closed.to_owned(), closed.to_owned());
        let key = format!("{half}/{task}").into_bytes();
        let progress = Progress { half, task, now, closed_day, closed_from, ..Progress::default() };
        let payload = Some(progress.encode_to_vec());
        Output { topic: Topic::Progress, partition: 0, key, payload, headers: Vec::new() }
    });
    publish_all(&site.config, "the-tests", &records.collect::<Vec<_>>()).expect("a broker");
}

#[test]
fn a_task_that_was_never_heard_of_is_waited_for_whatever_its_number() {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    publish(&site, &[("person", 0, 2, ""), ("area", 0, 0, "2022-11-10")]);
    let (code, list) = site.run(&["days", "list"]);
    assert!(code == 1 && list.contains("2022-11-11  waits     for person task 1, never heard of"), "{code}: {list}");
    let (code, said) = site.run(&MARK);
    assert!(code == 1 && said.contains("person task 1 was never heard of: no day closes"), "{code}: {said}");
}

#[test]
fn a_mark_of_a_day_behind_one_that_waits_says_so() {
    let site = stalled();
    let (code, said) =
        site.run(&["days", "mark-incomplete", "2022-11-12", "--without", "1", "--by", "Li", "--reason", "late"]);
    let waits =
        "2022-11-11, which closes before it, waits for person task 1, which has come to 2022-11-12T12:00:00+08:00";
    assert!(code == 0 && said.contains("2022-11-12 is marked to close") && said.contains(waits), "{code}: {said}");
}

#[test]
fn a_day_is_marked_and_unmarked_whoever_reads_of_it() {
    let says = "2022-11-11 closes without person task 1: disk lost (Zhang Wei)";
    let unsays = "2022-11-11 is marked no more";
    for reader in Reader::ALL {
        let site = stalled();
        for (command, says) in [(&MARK[..], says), (&UNMARK, unsays)] {
            let (code, errors) = unread(site.command(command), reader);
            assert_eq!(code, 0, "{errors}");
            assert!(errors.starts_with(reader.says()) && errors.contains(says), "{errors}");
        }
    }
    let site = stalled();
    for (command, says) in [(&MARK[..], says), (&UNMARK, unsays)] {
        let (code, text) = slow(site.command(command), || ());
        assert!(code == 0 && text.contains(says), "{code}: {text}");
    }
}

#[test]
fn a_mark_is_listed_with_its_name_and_stays_when_rules_are_applied() {
    let site = stalled();
    let (code, list) = site.run(&["days", "list"]);
    assert_eq!(code, 1, "days wait: {list}");
    for says in [
        "2022-11-09  before",
        "2022-11-10  closed",
        "2022-11-11  waits     for person task 1, which has come to 2022-11-12T12:00:00+08:00",
    ] {
        assert!(list.contains(says), "{list}");
    }
    assert_eq!(site.run(&MARK).0, 0);
    let (code, again) = site.run(&MARK);
    let says = "2022-11-11 is marked already, without person task 1: disk lost (Zhang Wei), 20";
    assert!(code == 1 && again.contains(says) && again.contains("nothing was published"), "{code}: {again}");
    for _ in 0..2 {
        let (_, list) = site.run(&["days", "list"]);
        assert!(list.contains("incomplete without task 1: disk lost (Zhang Wei, 20"), "{list}");
        let (code, applied) = site.run(&["rules", "apply", RULES]);
        assert!(code == 0 && applied.contains("nothing to do"), "{applied}");
    }
    assert_eq!(site.run(&UNMARK).0, 0);
    assert!(!site.run(&["days", "list"]).1.contains("incomplete"));
}

#[test]
fn what_cannot_be_marked_is_refused_with_what_to_do() {
    let site = stalled();
    let mark = |day: &str, without: &str| {
        site.run(&["days", "mark-incomplete", day, "--without", without, "--by", "Z", "--reason", "lost"])
    };
    for (day, without, says) in [
        ("2022-11-20", "1", "2022-11-20 lies in the future"),
        ("2022-11-10", "1", "2022-11-10 is closed already"),
        ("2022-11-11", "7", "there is no person task 7: they are 0 to 1"),
        ("2022-11-11", "0,1", "no task would be left"),
    ] {
        let (code, text) = mark(day, without);
        assert!(code == 1 && text.contains(says) && text.contains("nothing was published"), "{code}: {text}");
    }
    let (code, text) = mark("yesterday", "1");
    assert!(code == 2 && text.contains("YYYY-MM-DD"), "{code}: {text}");
    let (code, text) = site.run(&UNMARK);
    assert!(code == 1 && text.contains("is not marked incomplete, no day is"), "{code}: {text}");
    let (code, text) = Site::embedded().run(&MARK);
    assert!(code == 1 && text.contains("swabstream rules apply DIR"), "{code}: {text}");
}
