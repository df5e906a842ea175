//! The outputs as read from a broker, by the overview and by `watch`.

use clap::Parser as _;
use prost::Message as _;
use std::io::Write as _;
use std::time::{Duration, Instant};
use swabstream::cli::watch::{self, WatchArgs};
use swabstream::http::follow;
use swabstream::kafka::embedded::Embedded;
use swabstream::kafka::publisher::{Publication, Publisher};
use swabstream::model::record::{Layout, Topic};
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, AreaPositivity, AreaTier};
use swabstream::view::View;

const PERSON: &str = "PSEUDONYM-0123456789";

/// A broker that holds the sample rules, an alert, a tier and a dead letter.
fn broker() -> Embedded {
    let broker = Embedded::start(Layout { person_tasks: 3, area_tasks: 2 }).expect("it starts");
    let mut publisher = Publisher::connect(&broker.config()).expect("it connects");
    let mut send = |topic, key: &[u8], payload: &[u8], headers: &[(&str, &[u8])]| {
        let payload = Some(payload);
        let record = Publication { topic, partition: None, key, payload, headers, timestamp: None };
        publisher.send(record).expect("it is taken");
    };
    let rules = sample_rules();
    for (key, value) in rules.to_records().into_iter().chain([rules.manifest()]) {
        send(Topic::Rules, key.as_bytes(), &value, &[]);
    }
    let mut alert = Alert { alert_id: "0".repeat(32), person_id: PERSON.into(), ..Alert::default() };
    alert.area = "D1".into();
    alert.set_family(AlertFamily::Positive);
    alert.set_state(AlertState::Raised);
    send(Topic::Alerts, alert.alert_id.as_bytes(), &alert.encode_to_vec(), &[]);
    let tier = AreaTier { area: "D1".into(), tier: "high".into(), day: "2022-11-20".into(), ..AreaTier::default() };
    send(Topic::AreaTiers, b"D1", &tier.encode_to_vec(), &[]);
    let headers: [(&str, &[u8]); 2] = [("swabstream-code", b"unknown_lab"), ("swabstream-field", b"lab_id")];
    send(Topic::DeadLetters, b"key", b"bytes", &headers);
    let delivered = publisher.flush(Duration::from_secs(30)).expect("all are delivered");
    assert_eq!(delivered.failed, 0, "{delivered:?}");
    broker
}

fn watched(broker: &Embedded, options: &[&str]) -> String {
    shown(broker, &[options, &["--once"]].concat())
}

fn shown(broker: &Embedded, options: &[&str]) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = "[kafka]\nbrokers = \"{}\"\nproperties = { \"fetch.wait.max.ms\" = 5 }\n[secret]\nenv = \"NONE\"\n";
    write!(file, "{}", text.replace("{}", &broker.brokers())).expect("it is written");
    let path = file.path().to_str().expect("text");
    let command = Command::parse_from(["watch"].iter().chain(options).chain(&["--config", path]));
    let mut out = Vec::new();
    watch::run(&command.args, &mut out).expect("it ends well");
    String::from_utf8(out).expect("text")
}

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    args: WatchArgs,
}

#[test]
fn the_overview_is_built_from_the_topics() {
    let broker = broker();
    let view = View::new();
    let (close, closing) = tokio::sync::watch::channel(false);
    let follower = follow::spawn(view.clone(), broker.config(), closing).expect("a thread");
    let began = Instant::now();
    while !view.look().caught_up() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not catch up: {:?}", view.look().read());
        std::thread::sleep(Duration::from_millis(20));
    }
    let overview = view.look();
    assert_eq!(overview.registry().name("D1"), "First District");
    assert_eq!(overview.alerts.live(), 1);
    assert_eq!(overview.areas.get("D1").and_then(|area| area.tier.as_ref()).map(|of| of.tier.as_str()), Some("high"));
    assert_eq!(overview.dead_letters.counts().get("unknown_lab"), Some(&1));
    drop(overview);
    close.send_replace(true);
    follower.join().expect("it ends well");
}

#[test]
fn watch_shows_what_is_there_and_ends() {
    let broker = broker();
    let table = watched(&broker, &["alerts"]);
    assert!(table.contains("raised") && table.contains("First District") && table.contains("PS…(20)"), "{table}");
    assert!(!table.contains(PERSON), "{table}");

    let json: Vec<serde_json::Value> = watched(&broker, &["tiers", "--json", "--area", "D1"])
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object per line"))
        .collect();
    assert_eq!(json.len(), 1);
    assert_eq!(json[0]["tier"], "high");
    assert!(watched(&broker, &["tiers", "--json", "--area", "D2"]).is_empty());
}

#[test]
fn without_from_watch_shows_the_newest_of_each_area_and_ends() {
    let broker = broker();
    let mut publisher = Publisher::connect(&broker.config()).expect("connected");
    let mut send = |topic, key: &str, payload: Option<Vec<u8>>| {
        let record = Publication {
            topic,
            partition: None,
            key: key.as_bytes(),
            payload: payload.as_deref(),
            headers: &[],
            timestamp: None,
        };
        publisher.send(record).expect("sent");
    };
    let tier = |area: &str, day: &str, tier: &str| {
        let of = AreaTier { area: area.into(), tier: tier.into(), day: day.into(), ..AreaTier::default() };
        Some(of.encode_to_vec())
    };
    send(Topic::AreaTiers, "D1", tier("D1", "2022-11-21", "low"));
    send(Topic::AreaTiers, "D2", tier("D2", "2022-11-21", "high"));
    send(Topic::AreaTiers, "D1S1", tier("D1S1", "2022-11-21", "medium"));
    let numbers =
        |day: &str| Some(AreaPositivity { area: "D1".into(), day: day.into(), ..Default::default() }.encode_to_vec());
    for day in ["2022-11-20", "2022-11-22", "2022-11-21", "2022-11-19"] {
        send(Topic::AreaPositivity, &format!("D1/{day}"), numbers(day));
    }
    send(Topic::AreaPositivity, "D1/2022-11-19", None);
    send(
        Topic::AreaPositivity,
        "D2/2022-11-19",
        Some(AreaPositivity { area: "D2".into(), ..Default::default() }.encode_to_vec()),
    );
    send(Topic::AreaPositivity, "D2/2022-11-19", None);
    assert_eq!(publisher.flush(Duration::from_secs(30)).expect("delivered").failed, 0);

    let table = shown(&broker, &["tiers", "--area", "D1"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().take(6).collect()).collect();
    let newest = [
        ["2022-11-21", "D1", "First", "District", "sars-cov-2", "low"],
        ["2022-11-21", "D1S1", "Old", "Town", "sars-cov-2", "medium"],
    ];
    assert_eq!(lines[1..], newest.map(Vec::from), "{table}");
    let json = shown(&broker, &["positivity", "--json"]);
    let days: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((days.len(), &days[0]["day"]), (1, &"2022-11-22".into()), "{json}");
}
