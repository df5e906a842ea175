//! Alert ids are recomputed, so that alerts differ in their id wherever they differ in what it is made of.

use super::{Snapshot, assert_named, read, snapshot};
use crate::support::broker::Stored;
use crate::support::story::{Story, result};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use swabstream::audit::report::Verdict;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, Finding, LabResult, ResultStatus};

/// A result of one swab of one person.
fn of_target(id: &str, target: &str, finding: Finding) -> LabResult {
    let result = result(id, "P1", finding, "2022-11-10 08:00");
    LabResult { specimen_id: "S1".into(), target: target.into(), ..result }
}

/// One swab, tested for two targets: both contradict themselves on the same day.
fn two_contradictions() -> Story {
    Story::begin()
        .result("2022-11-10 12:00", of_target("R1", "sars-cov-2", Finding::Positive))
        .result("2022-11-10 13:00", of_target("R2", "influenza-a", Finding::Positive))
        .result("2022-11-10 14:00", of_target("R3", "sars-cov-2", Finding::Negative))
        .result("2022-11-10 15:00", of_target("R4", "influenza-a", Finding::Negative))
}

fn snapshot_of(story: &Story) -> Snapshot {
    Snapshot::of_messages(7, Arc::new(sample_rules()), story.messages(), None)
}

#[test]
fn one_specimen_that_contradicts_itself_for_two_targets_has_two_alerts() {
    let snapshot = snapshot_of(&two_contradictions());
    let alerts = snapshot.records.iter().filter(|record| record.topic == Topic::Alerts).map(read::<Alert>);
    let ids: BTreeSet<String> =
        alerts.filter(|alert| alert.family() == AlertFamily::Contradiction).map(|alert| alert.alert_id).collect();
    assert_eq!(ids.len(), 2, "the processor publishes two alerts");
    let report = snapshot.judge();
    assert_eq!(report.verdict(), Verdict::Agree, "{report:?}");
    for id in ids {
        let mut withdrawn = snapshot.clone();
        let record = withdrawn.last(Topic::Alerts, |record| record.key.as_deref() == Some(id.as_bytes())).clone();
        withdrawn.append(Stored { payload: None, ..record });
        assert_named(&withdrawn, &["alerts"], &format!("alert {id}: missing: ALERT_FAMILY_CONTRADICTION"));
    }
}

/// Gives an alert another id everywhere: in its key, in every state.
fn with_another_id(snapshot: &Snapshot, topic: Topic, alert: &Alert) -> Snapshot {
    let mut snapshot = snapshot.clone();
    let key = alert.alert_id.clone().into_bytes();
    for record in snapshot.records.iter_mut().filter(|record| record.topic == topic) {
        if record.key.as_ref() == Some(&key) {
            let forged = Alert { alert_id: "0f".repeat(16), ..read(record) };
            record.key = Some(forged.alert_id.clone().into_bytes());
            record.payload = Some(forged.encode_to_vec());
        }
    }
    snapshot
}

/// The newest state of an alert of a family, a live one or not.
fn newest(snapshot: &Snapshot, topic: Topic, family: AlertFamily, live: bool) -> Option<Alert> {
    let states = snapshot.records.iter().filter(|record| record.topic == topic).map(read::<Alert>);
    let newest: BTreeMap<String, Alert> = states.map(|alert| (alert.alert_id.clone(), alert)).collect();
    let is_live = |alert: &Alert| alert.state() != AlertState::Withdrawn;
    let mut such = newest.into_values().filter(|alert| alert.family() == family && is_live(alert) == live);
    such.next()
}

#[test]
fn an_alert_with_a_wrong_id_is_named_live_or_withdrawn() {
    let city = snapshot();
    // One of the two is withdrawn by a correction.
    let story = two_contradictions();
    let corrected = of_target("R3", "sars-cov-2", Finding::Positive);
    let corrected = LabResult { revision: 1, status: ResultStatus::Corrected as i32, ..corrected };
    let swab = snapshot_of(&story.result("2022-11-10 16:00", corrected));
    let (wrong, mut withdrawn) = ("0f".repeat(16), 0);
    for (snapshot, topic, family, names) in [
        (&city, Topic::Alerts, AlertFamily::Positive, &["alert ids", "alerts"][..]),
        (&swab, Topic::Alerts, AlertFamily::Contradiction, &["alert ids", "alerts"]),
        (&city, Topic::AreaAlerts, AlertFamily::TierChanged, &["alert ids"]),
    ] {
        let alert = newest(snapshot, topic, family, true).expect("one is live");
        assert_named(
            &with_another_id(snapshot, topic, &alert),
            names,
            &format!("alert {wrong}: its id is not that of its"),
        );
        if let Some(alert) = newest(snapshot, topic, family, false) {
            assert_named(&with_another_id(snapshot, topic, &alert), &["alert ids"], &wrong);
            withdrawn += usize::from(topic == Topic::Alerts);
        }
    }
    assert_eq!(withdrawn, 2, "of each family about people");
}

#[test]
fn an_alert_of_a_family_that_nothing_publishes_is_named() {
    let mut snapshot = snapshot();
    let raised = newest(&snapshot, Topic::AreaAlerts, AlertFamily::TierChanged, true).expect("one is live");
    let like =
        snapshot.last(Topic::AreaAlerts, |record| record.key.as_deref() == Some(raised.alert_id.as_bytes())).clone();
    let mut forged = Alert { alert_id: "0f".repeat(16), ..read(&like) };
    forged.set_family(AlertFamily::LabSilent);
    let key = Some(forged.alert_id.clone().into_bytes());
    snapshot.append(Stored { key, payload: Some(forged.encode_to_vec()), ..like });
    assert_named(&snapshot, &["alert ids"], "nothing publishes alerts of its family");
}
