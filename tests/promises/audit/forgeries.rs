//! Forgeries that leave every number and every book as it was.

use super::{assert_named, case, read};
use crate::support::broker::Stored;
use prost::Message as _;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Alert, AlertState, AreaTier, Cause, CauseKind};

/// Partition of the record that a letter names.
fn partition_named(letter: &Stored) -> Option<i32> {
    std::str::from_utf8(letter.header("swabstream-partition")?).ok()?.parse().ok()
}

#[test]
fn a_dead_letter_with_other_bytes_or_another_key_is_named() {
    let what = "its key or bytes are not those of the record";
    let was_sent_on = |letter: &Stored| partition_named(letter) != Some(letter.partition);
    for sent_on in [false, true] {
        let like = |letter: &Stored| was_sent_on(letter) == sent_on && letter.payload.is_some();
        let mut bytes = case();
        let letter = bytes.last(Topic::DeadLetters, like);
        letter.payload.as_mut().expect("a payload").push(0);
        assert_named(&bytes, &["dead letters"], what);
        let mut key = case();
        key.last(Topic::DeadLetters, like).key = Some(b"somebody else".to_vec());
        assert_named(&key, &["dead letters"], what);
    }
    let mut emptied = case();
    let tombstone = |letter: &Stored| letter.header("swabstream-code") == Some(b"tombstone");
    emptied.last(Topic::DeadLetters, tombstone).payload = Some(Vec::new());
    assert_named(&emptied, &["dead letters"], what);
}

#[test]
fn a_second_alert_for_one_change_of_tier_is_named() {
    let mut case = case();
    let like = |record: &Stored| read::<Alert>(record).state() != AlertState::Withdrawn;
    let record = case.last(Topic::AreaAlerts, like).clone();
    let forged = Alert { alert_id: "0f".repeat(16), ..read(&record) };
    let key = Some(forged.alert_id.clone().into_bytes());
    case.append(Stored { key, payload: Some(forged.encode_to_vec()), ..record });
    assert_named(&case, &["tiers"], &format!("{} {}: one change has 2 live alerts", forged.area, forged.first_day));
}

/// Changes the last alert of a topic that has such a cause, and that cause.
#[track_caller]
fn assert_cause_named(topic: Topic, kind: CauseKind, what: &str, change: impl Fn(&mut Cause)) {
    let mut case = case();
    let is_such = |cause: &Cause| cause.kind() == kind && cause.origin.is_some();
    // What compaction would leave of it: the newest state of each alert.
    let newest: Vec<Stored> = case.records.iter().filter(|record| record.topic == topic).cloned().collect();
    let is_newest = |record: &Stored| {
        newest.iter().rfind(|other| other.key == record.key).is_some_and(|newest| newest.offset == record.offset)
    };
    let like = |record: &Stored| is_newest(record) && read::<Alert>(record).causes.iter().any(is_such);
    let record = case.last(topic, like);
    let mut alert: Alert = read(record);
    change(alert.causes.iter_mut().find(|cause| is_such(cause)).expect("it has one"));
    record.payload = Some(alert.encode_to_vec());
    assert_named(&case, &["causes"], &format!("alert {}: a cause {what}", alert.alert_id));
}

#[test]
fn a_cause_that_is_not_there_or_not_the_record_it_says_is_named() {
    let not_there = "names a record that is not there";
    let other = "is not the record that lies where it says";
    for (topic, kind) in [
        (Topic::Alerts, CauseKind::Result),
        (Topic::Alerts, CauseKind::Moved),
        (Topic::Alerts, CauseKind::Contact),
        (Topic::Alerts, CauseKind::Index),
        (Topic::AreaAlerts, CauseKind::Area),
    ] {
        assert_cause_named(topic, kind, not_there, |cause| {
            cause.origin.as_mut().expect("an origin").offset += 1_000_000;
        });
        assert_cause_named(topic, kind, not_there, |cause| {
            cause.origin.as_mut().expect("an origin").topic = "person-state".to_owned();
        });
        if topic == Topic::Alerts {
            assert_cause_named(topic, kind, other, |cause| cause.record_id.push('?'));
        }
    }
    assert_cause_named(Topic::Alerts, CauseKind::Result, other, |cause| cause.revision += 1);
    assert_cause_named(Topic::Alerts, CauseKind::Contact, other, |cause| cause.revision += 1);
    assert_cause_named(Topic::Alerts, CauseKind::Result, "names no record", |cause| cause.origin = None);
}

#[test]
fn a_tier_without_reasons_or_with_others_is_named() {
    let with_reasons = |record: &Stored| record.payload.is_some() && !read::<AreaTier>(record).reasons.is_empty();
    let forge = |change: fn(&mut AreaTier)| {
        let mut case = case();
        let record = case.last(Topic::AreaTiers, with_reasons);
        let mut tier: AreaTier = read(record);
        change(&mut tier);
        record.payload = Some(tier.encode_to_vec());
        assert_named(&case, &["tiers"], &format!("{}: {} on {} has other reasons", tier.area, tier.tier, tier.day));
    };
    forge(|tier| tier.reasons.clear());
    forge(|tier| tier.reasons[0].numerator += 1);
    forge(|tier| tier.reasons[0].decided ^= true);
}
