//! `swabstream publish` on the embedded broker: what arrives, in which order, with which times and headers.

use clap::Parser;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;
use swabstream::cli::publish::{self, PublishCommand};
use swabstream::kafka::embedded::Embedded;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Layout, Topic, partition_of};
use swabstream::model::time::Timestamp;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    publish: PublishCommand,
}

const PARTITIONS: i32 = 4;
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample");

const MAP: &str = concat!(
    include_str!("fixtures/lab.toml"),
    r#"area = { constant = "D1S1" }
purpose = { constant = "screening" }
finding = { column = "call" }
[history]
arrived_at = { column = "arrived" }
"#
);

/// The third row is older than the horizon of 7 days, the last one cannot even become a record.
const ROWS: &str = "id,person,taken,call,arrived
1,p1,2022-11-11 08:00,negative,2022-11-11 18:00
2,p2,2022-11-11 08:00,positive,2022-11-11 12:00
3,p3,2022-11-01 08:00,negative,2022-11-11 13:00
4,p4,2022-11-11 08:00,maybe,2022-11-11 13:00
";

struct Deployment {
    broker: Embedded,
    folder: tempfile::TempDir,
}

/// One record as a reader sees it.
#[derive(Debug)]
struct Seen {
    partition: i32,
    at: Timestamp,
    key: Vec<u8>,
    content_type: String,
    payload: Option<Vec<u8>>,
}

impl Deployment {
    fn start(history: bool) -> Self {
        let broker = Embedded::start(Layout { person_tasks: PARTITIONS, area_tasks: 1 }).expect("a broker");
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "[kafka]\nbrokers = \"{}\"\n[secret]\nenv = \"NOT_READ\"\n[processing]\nhistory = {history}\n",
            broker.brokers()
        );
        let files = [("settings.toml", settings.as_str()), ("map.toml", MAP), ("rows.csv", ROWS)];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("written");
        }
        Self { broker, folder }
    }

    fn publish(&self, arguments: &[&str]) -> Result<(bool, String), String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let (rows, map, settings) = (path("rows.csv"), path("map.toml"), path("settings.toml"));
        let fixed = ["publish", &rows, "--map", &map, "--config", &settings];
        let parsed = Arguments::try_parse_from([&fixed[..], arguments].concat()).map_err(|error| error.to_string())?;
        let mut page = Vec::new();
        let code = publish::run(&parsed.publish, &mut page).map_err(|error| format!("{error:#}"))?;
        Ok((code == ExitCode::SUCCESS, String::from_utf8(page).expect("text").replace(&rows, "rows.csv")))
    }

    fn records(&self) -> Vec<Seen> {
        let mut reader = TopicReader::open(&self.broker.config(), &[Topic::LabResults], From::Beginning).expect("open");
        let mut seen = Vec::new();
        reader
            .read_to_end(Duration::from_secs(30), &mut |records| {
                seen.extend(records.iter().map(|record| Seen {
                    partition: record.position.partition,
                    at: record.received_at,
                    key: record.key.unwrap_or_default().to_vec(),
                    content_type: String::from_utf8_lossy(record.content_type.unwrap_or_default()).into_owned(),
                    payload: record.payload.map(<[u8]>::to_vec),
                }));
            })
            .expect("read");
        seen
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

#[test]
fn past_data_go_in_order_of_arrival_with_marks_in_every_partition() {
    let deployment = Deployment::start(true);
    let until = "2022-11-12T00:00:00Z";
    let (all, page) = deployment.publish(&["--rules", RULES, "--history", "--until", until]).expect("published");
    assert!(!all, "two rows were refused");
    for says in [
        "rows.csv:4: collected_at: before_horizon",
        "rows.csv:5: finding: unknown_enum",
        "2 records delivered to lab-results; rows not sent: 2",
        "2 marks of time, the last at 2022-11-12T00:00:00Z",
    ] {
        assert!(page.contains(says), "no `{says}` in {page}");
    }
    let seen = deployment.records();
    assert_eq!(seen.len(), 2 + 2 * PARTITIONS as usize);
    for partition in 0..PARTITIONS {
        let own: Vec<&Seen> = seen.iter().filter(|record| record.partition == partition).collect();
        assert!(own.is_sorted_by_key(|record| record.at), "{own:?}");
        let last = own.last().expect("a mark at least");
        assert_eq!((last.at, last.content_type.as_str()), (at(until), "application/vnd.swabstream.time-mark"));
        assert_eq!(last.payload.as_deref(), Some(&[][..]));
    }
    let first = seen.iter().find(|record| record.key == b"p2").expect("sent");
    assert_eq!(first.at, at("2022-11-11T12:00:00+08:00"));
    assert_eq!(first.partition, partition_of(b"p2", PARTITIONS));
    assert_eq!(first.content_type, "application/x-protobuf");
}

#[test]
fn a_row_that_arrived_years_from_the_others_moves_no_time_unless_until_says_so() {
    let deployment = Deployment::start(true);
    let rows = "id,person,taken,call,arrived\n\
        1,p1,2022-11-11 08:00,negative,2022-11-11 18:00\n\
        2,p2,2025-11-11 08:00,positive,2025-11-11 12:00\n\
        3,p3,2022-11-11 08:00,negative,2022-11-11 19:00\n\
        4,p4,2022-11-11 08:00,negative,2202-11-11 19:00\n";
    fs::write(deployment.folder.path().join("rows.csv"), rows).expect("written");
    let (all, page) = deployment.publish(&["--rules", RULES, "--history", "--force"]).expect("published");
    assert!(!all, "{page}");
    for says in [
        "rows.csv:3: history.arrived_at: invalid_time (column `arrived`: arrived more than a year from all other rows",
        "rows.csv:5: history.arrived_at: invalid_time (column `arrived`: arrived in the future",
        "2 records delivered to lab-results; rows not sent: 2",
        "the last at 2022-11-11T11:00:00Z",
    ] {
        assert!(page.contains(says), "no `{says}` in {page}");
    }
    assert!(deployment.records().iter().all(|record| record.at <= at("2022-11-11T19:00:00+08:00")));
    let until = ["--rules", RULES, "--history", "--until", "2025-12-01T00:00:00Z"];
    let (_, page) = deployment.publish(&until).expect("published");
    assert!(page.contains("3 records delivered to lab-results; rows not sent: 1"), "{page}");
    assert!(
        page.contains("rows.csv:5: history.arrived_at: invalid_time (column `arrived`: arrived later than"),
        "{page}"
    );
}

#[test]
fn what_is_refused_is_sent_only_by_force_and_as_far_as_it_is_a_record() {
    let deployment = Deployment::start(true);
    let arguments = ["--rules", RULES, "--history", "--force", "--rate", "1000"];
    let (all, page) = deployment.publish(&arguments).expect("published");
    assert!(!all && page.contains("3 records delivered to lab-results; rows not sent: 1"), "{page}");
    assert!(deployment.records().iter().any(|record| record.key == b"p3"));
}

#[test]
fn live_data_carry_no_times_of_ours_and_no_marks() {
    let deployment = Deployment::start(false);
    let before = swabstream::clock::now();
    let (_, page) = deployment.publish(&["--no-rules"]).expect("published");
    assert!(page.contains("3 records delivered") && !page.contains("marks"), "{page}");
    let seen = deployment.records();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|record| record.at >= before), "{seen:?}");
}

#[test]
fn past_and_live_data_are_not_mixed() {
    for (history, arguments, says) in [
        (false, &["--no-rules", "--history"][..], "this one is live"),
        (true, &["--no-rules"][..], "by --history only"),
    ] {
        let deployment = Deployment::start(history);
        let error = deployment.publish(arguments).expect_err(says);
        assert!(error.contains(says), "{error}");
        assert_eq!(deployment.records().len(), 0);
    }
}

#[test]
fn without_rules_in_force_nothing_is_sent_unchecked() {
    let deployment = Deployment::start(false);
    let error = deployment.publish(&[]).expect_err("no rules");
    assert!(error.contains("no rules are in force"), "{error}");
    assert_eq!(deployment.records().len(), 0);
}
