//! What must hold of everything that was ever published, not only of the end.

use super::deployment::Deployment;
use super::oracle::LiveAlert;
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::model::outcome::{RejectCode, code_text};
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{Alert, AlertState, Progress};

/// Law 2: raised first, no update without a change, nothing after withdrawn but raised; versions count up.
pub fn assert_alerts_have_legal_histories(deployment: &Deployment) {
    for topic in [Topic::Alerts, Topic::AreaAlerts] {
        let mut before: BTreeMap<String, Alert> = BTreeMap::new();
        for record in deployment.history(topic) {
            let alert = Alert::decode(&record.payload.expect("alerts are never deleted")[..]).expect("an alert");
            assert_eq!(record.key.as_deref(), Some(alert.alert_id.as_bytes()), "alerts are keyed by their id");
            assert_follows(before.get(&alert.alert_id), &alert);
            before.insert(alert.alert_id.clone(), alert);
        }
    }
}

/// Blueprint: a task's time never runs backwards, whoever runs it. Others drop what is older.
pub fn assert_time_goes_forward(deployment: &Deployment) {
    let mut last: BTreeMap<Vec<u8>, Timestamp> = BTreeMap::new();
    for record in deployment.history(Topic::Progress) {
        let progress = Progress::decode(&record.payload.expect("progress is never deleted")[..]).expect("progress");
        let now = progress.now.as_ref().and_then(Timestamp::from_wire).expect("progress has a time");
        let key = record.key.expect("progress is published by task");
        let before = last.insert(key.clone(), now);
        assert!(before <= Some(now), "{}: {before:?}, then {now:?}", String::from_utf8_lossy(&key));
    }
}

fn assert_follows(before: Option<&Alert>, alert: &Alert) {
    let state = alert.state();
    let live = before.is_some_and(|before| before.state() != AlertState::Withdrawn);
    assert_eq!(alert.version, before.map_or(0, |before| before.version) + 1, "versions count up");
    match state {
        AlertState::Raised => assert!(!live, "a live alert was raised again"),
        AlertState::Updated => {
            assert!(live, "an alert was updated that was not live");
            let before = before.expect("it is live");
            let said = |alert: &Alert| (LiveAlert::of(alert), alert.tier_before.clone(), alert.tier_after.clone());
            assert!(said(before) != said(alert), "an update says nothing new");
        }
        AlertState::Withdrawn => assert!(live, "an alert was withdrawn that was not live"),
        AlertState::Unspecified => panic!("an alert has a state"),
    }
    assert!(!alert.causes.is_empty(), "an alert says why");
}

/// Where a record lies, and the code it must end with, if it cannot be used.
type Published = ((Topic, i32, i64), Option<RejectCode>);

/// Law 1: every record that cannot be used is in `dead-letters` once, with its code; of the others only conflicts are.
pub fn assert_dead_letters_say_why(deployment: &Deployment, published: &[Published]) {
    let mut found: BTreeMap<(Topic, i32, i64), String> = BTreeMap::new();
    for letter in deployment.history(Topic::DeadLetters) {
        let header = |name: &str| {
            let value = letter.header(name).unwrap_or_else(|| panic!("a dead letter has the header {name}"));
            String::from_utf8(value.to_vec()).expect("headers are text")
        };
        let number = |name: &str| header(name).parse::<i64>().expect("a number");
        let topic = Topic::named(&header("swabstream-topic")).expect("a topic");
        let place = (topic, number("swabstream-partition") as i32, number("swabstream-offset"));
        let again = found.insert(place, header("swabstream-code"));
        assert_eq!(again, None, "{place:?} was set aside twice");
    }
    for (place, code) in published {
        match (code, found.remove(place)) {
            (Some(code), Some(text)) => assert_eq!(text, code_text(*code), "code of {place:?}"),
            (Some(code), None) => panic!("{place:?} must be set aside as {}", code_text(*code)),
            (None, Some(text)) => assert_eq!(text, "conflict", "{place:?} is usable"),
            (None, None) => {}
        }
    }
    // What is left was sent on to another task and found there to be in conflict.
    assert!(found.values().all(|code| code == "conflict"), "{found:?}");
}
