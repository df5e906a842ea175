//! An audit beside a processor that never rests, on a real Kafka: labs publish all the time, nothing waits for a pause,
//! and every check is made all the same.

use crate::support::real::{LAYOUT, RealDeployment};
use prost::Message as _;
use serde_json::Value;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::demo::city::{City, CityConfig, Rates};
use swabstream::demo::stream::Stream;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertFamily};

/// Records a second: enough that each commit has some.
const RATE: u32 = 400;

/// Records before the first audit, so that there is something to compare.
const FIRST: u64 = 4_000;

#[test]
fn an_audit_of_a_processor_that_never_rests_makes_every_check_and_finds_what_is_wrong() {
    let rules = Arc::new(sample_rules());
    let mut deployment = RealDeployment::create_live("load", &rules);
    deployment.start();
    let mut city = CityConfig::live(3, 5_000, clock::now(), 4);
    city.rates = Rates::harsh();
    city.epidemic.seeded = 0.01;
    let stream = Stream::start(deployment.config().clone(), LAYOUT, City::new(city, rules), RATE).expect("a thread");
    await_records(&stream, FIRST);

    let mut in_flight = 0;
    for _ in 0..4 {
        let published = stream.confirmed();
        let (code, report) = deployment.audit();
        assert_eq!((code, &report["verdict"]), (Some(0), &"agree".into()), "{report:#}");
        for check in checks(&report) {
            assert!(check["left_out"].is_null() && check["limited"].is_null(), "{report:#}");
        }
        in_flight += i32::from(report.to_string().contains("batches in flight"));
        assert!(stream.confirmed() > published, "the labs do not wait for the audit");
    }
    assert!(in_flight > 0, "a processor at work has something in flight");

    forge_an_alert_and_a_number(&deployment);
    let (code, report) = deployment.audit();
    assert_eq!((code, &report["verdict"]), (Some(1), &"differ".into()), "{report:#}");
    let differing: Vec<_> =
        checks(&report).iter().filter(|check| check["differences"] != 0).map(|check| &check["name"]).collect();
    assert_eq!(differing, ["alert ids", "alerts", "numbers"], "{report:#}");
    assert!(report.to_string().contains(FORGED_ALERT) && report.to_string().contains(FORGED_AREA), "{report:#}");
    assert_eq!(stream.stop().expect("the labs' records are delivered").failed, 0);
}

const FORGED_ALERT: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
const FORGED_AREA: &str = "nowhere";

/// A second alert for one case, and a number of an area that is not there.
fn forge_an_alert_and_a_number(deployment: &RealDeployment) {
    let mut alert: Option<Alert> = None;
    deployment.each(Topic::Alerts, |record| {
        let state = Alert::decode(record.payload.expect("alerts are kept")).expect("an alert");
        // One about a pool lies with the pool: a copy with its person's task would be a third fault.
        let is_about_a_person = state.version == 1 && state.family() == AlertFamily::Positive;
        alert = Some(state).filter(|_| is_about_a_person).or(alert.take());
    });
    let alert = Alert { alert_id: FORGED_ALERT.to_owned(), ..alert.expect("somebody was found positive") };
    let partition = LAYOUT.person_task(&alert.person_id);
    deployment.forge(Topic::Alerts, partition, FORGED_ALERT.as_bytes(), &alert.encode_to_vec());
    let (_, numbers) = deployment.published().positivity.pop_last().expect("a number");
    let forged =
        swabstream::proto::v1::AreaPositivity { area: FORGED_AREA.to_owned(), target: String::new(), ..numbers };
    let key = format!("{FORGED_AREA}/{}", forged.day);
    deployment.forge(Topic::AreaPositivity, LAYOUT.area_task(FORGED_AREA), key.as_bytes(), &forged.encode_to_vec());
}

fn checks(report: &Value) -> &[Value] {
    report["checks"].as_array().expect("checks")
}

fn await_records(stream: &Stream, records: u64) {
    let began = Instant::now();
    while stream.confirmed() < records {
        assert!(began.elapsed() < Duration::from_secs(120), "{} records only", stream.confirmed());
        sleep(Duration::from_millis(100));
    }
}
