//! Forgeries that leave every number and every book as it was, a limit of size that changed since, and what help
//! says of it all.

use super::{LAYOUT, Snapshot, assert_named, named, read, snapshot, snapshot_with_every_cause};
use crate::support::broker::Stored;
use crate::support::deployment::MAX_RECORD_BYTES;
use clap::CommandFactory as _;
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::audit::report::Verdict;
use swabstream::cli::Cli;
use swabstream::demo::city::{Kind, Message};
use swabstream::model::outcome::RejectCode;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{
    Alert, AlertState, AreaPositivity, AreaPublished, AreaTier, Cause, CauseKind, LabReceipt, LabResult,
    MatchedContact, PositiveResult, StateHead,
};

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
        let mut bytes = snapshot();
        // By chance nothing that was sent on may have been refused; what lay at home always was.
        if sent_on && !bytes.records.iter().any(|one| one.topic == Topic::DeadLetters && like(one)) {
            continue;
        }
        let letter = bytes.last(Topic::DeadLetters, like);
        letter.payload.as_mut().expect("a payload").push(0);
        assert_named(&bytes, &["dead letters"], what);
        let mut key = snapshot();
        key.last(Topic::DeadLetters, like).key = Some(b"somebody else".to_vec());
        assert_named(&key, &["dead letters"], what);
    }
    let mut emptied = snapshot();
    let tombstone = |letter: &Stored| letter.header("swabstream-code") == Some(b"tombstone");
    emptied.last(Topic::DeadLetters, tombstone).payload = Some(Vec::new());
    assert_named(&emptied, &["dead letters"], what);
}

#[test]
fn a_second_alert_for_one_change_of_tier_is_named() {
    let mut snapshot = snapshot();
    let like = |record: &Stored| read::<Alert>(record).state() != AlertState::Withdrawn;
    let record = snapshot.last(Topic::AreaAlerts, like).clone();
    let forged = Alert { alert_id: "0f".repeat(16), ..read(&record) };
    let key = Some(forged.alert_id.clone().into_bytes());
    snapshot.append(Stored { key, payload: Some(forged.encode_to_vec()), ..record });
    assert_named(&snapshot, &["alert ids", "tiers"], &forged.alert_id);
    let line = format!("{} {}: one change has 2 live alerts", named(&forged.area, &forged.target), forged.first_day);
    let report = snapshot.judge();
    assert!(report.check("tiers").is_some_and(|check| check.first[0].contains(&line)), "{report:?}");
}

/// Changes the last alert of a topic that has such a cause, and that cause.
#[track_caller]
fn assert_cause_named(topic: Topic, kind: CauseKind, what: &str, change: impl Fn(&mut Cause)) {
    let mut snapshot = snapshot_with_every_cause();
    let is_such = |cause: &Cause| cause.kind() == kind && cause.origin.is_some();
    // What compaction would leave of it: the newest state of each alert.
    let newest: Vec<Stored> = snapshot.records.iter().filter(|record| record.topic == topic).cloned().collect();
    let is_newest = |record: &Stored| {
        newest.iter().rfind(|other| other.key == record.key).is_some_and(|newest| newest.offset == record.offset)
    };
    let like = |record: &Stored| is_newest(record) && read::<Alert>(record).causes.iter().any(is_such);
    let record = snapshot.last(topic, like);
    let mut alert: Alert = read(record);
    change(alert.causes.iter_mut().find(|cause| is_such(cause)).expect("it has one"));
    record.payload = Some(alert.encode_to_vec());
    assert_named(&snapshot, &["causes"], &format!("alert {}: a cause {what}", alert.alert_id));
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
    assert_cause_named(Topic::Alerts, CauseKind::Result, other, |cause| cause.replaces_result_id.push('?'));
    assert_cause_named(Topic::Alerts, CauseKind::Result, "names no record", |cause| cause.origin = None);
}

#[test]
fn what_an_alert_says_was_measured_is_recounted() {
    let forge = |change: fn(&mut PositiveResult)| {
        let mut snapshot = snapshot();
        let newest: BTreeMap<Vec<u8>, i64> = (snapshot.records.iter())
            .filter(|record| record.topic == Topic::Alerts)
            .map(|record| (record.key.clone().unwrap_or_default(), record.offset))
            .collect();
        let like = |record: &Stored| {
            let alert: Alert = read(record);
            let live =
                alert.state() != AlertState::Withdrawn && alert.positives.iter().any(|one| !one.ct_values.is_empty());
            live && record.key.as_ref().and_then(|key| newest.get(key)) == Some(&record.offset)
        };
        let record = snapshot.last(Topic::Alerts, like);
        let mut alert: Alert = read(record);
        change(alert.positives.iter_mut().find(|one| !one.ct_values.is_empty()).expect("one that was measured"));
        record.payload = Some(alert.encode_to_vec());
        assert_named(&snapshot, &["alerts"], &format!("alert {}: differs in positives", alert.alert_id));
    };
    forge(|result| result.ct_values[0].cycles += 0.1);
    forge(|result| result.kit.push('?'));
    forge(|result| result.result_id.push('?'));
}

#[test]
fn a_tier_without_reasons_or_with_others_is_named() {
    let with_reasons = |record: &Stored| record.payload.is_some() && !read::<AreaTier>(record).reasons.is_empty();
    let forge = |change: fn(&mut AreaTier)| {
        let mut snapshot = snapshot();
        let record = snapshot.last(Topic::AreaTiers, with_reasons);
        let mut tier: AreaTier = read(record);
        change(&mut tier);
        record.payload = Some(tier.encode_to_vec());
        assert_named(
            &snapshot,
            &["tiers"],
            &format!("{}: {} on {} has other reasons", named(&tier.area, &tier.target), tier.tier, tier.day),
        );
    };
    forge(|tier| tier.reasons.clear());
    forge(|tier| tier.reasons[0].numerator += 1);
    forge(|tier| tier.reasons[0].decided ^= true);
}

/// Adds a result like another one, of more bytes than a record may have: with a higher limit it would count.
pub fn add_too_large(messages: &mut Vec<Message>) {
    let is_plain = |message: &Message| {
        message.kind == Kind::Result && message.topic == Topic::LabResults && message.content_type.is_none()
    };
    let at = messages.iter().position(is_plain).expect("there is a result");
    let like = messages[at].clone();
    let result = LabResult::decode(like.payload.as_deref().expect("a payload")).expect("a result");
    let (result_id, specimen_id) = ("too large".to_owned(), "too large".to_owned());
    let mut payload = LabResult { result_id, specimen_id, ..result }.encode_to_vec();
    // A field that nobody knows.
    prost::encoding::bytes::encode(1_000, &vec![0; MAX_RECORD_BYTES], &mut payload);
    messages.insert(at + 1, Message { payload: Some(payload), ..like });
}

/// Adds a record without any payload: by chance a small city has none.
pub fn add_tombstone(messages: &mut Vec<Message>) {
    let like = messages[0].clone();
    let kind = Kind::Broken(RejectCode::Tombstone);
    messages.insert(1, Message { payload: None, content_type: None, kind, ..like });
}

#[test]
fn records_judged_by_another_limit_of_size_are_as_they_were_judged() {
    let size = |record: &Stored| record.key.as_ref().map_or(0, Vec::len) + record.payload.as_ref().map_or(0, Vec::len);
    let snapshot = snapshot();
    let inputs = || snapshot.records.iter().filter(|record| record.topic == Topic::LabResults);
    let mut sizes: Vec<usize> = inputs().map(size).filter(|size| *size <= MAX_RECORD_BYTES).collect();
    sizes.sort_unstable();
    for max_record_bytes in [10 * MAX_RECORD_BYTES, sizes[sizes.len() / 2]] {
        let report = Snapshot { max_record_bytes, ..snapshot.clone() }.judge();
        let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
        assert_eq!(report.verdict(), Verdict::Agree, "{}", lines.join("\n"));
        let letters = report.check("dead letters").and_then(|check| check.limited.clone());
        assert!(letters.is_some_and(|limit| limit.contains("limit of size")), "{}", lines.join("\n"));
    }
}

#[test]
fn a_letter_that_says_too_large_of_a_record_that_counted_is_named() {
    let mut snapshot = snapshot();
    let letter = snapshot.last(Topic::DeadLetters, |_| true).clone();
    // Nothing else is behind it: without this record there is no alert.
    let names = |record: &&Stored, specimen: &str| {
        let payload = record.payload.as_deref().unwrap_or_default();
        record.topic == Topic::LabResults && String::from_utf8_lossy(payload).contains(specimen)
    };
    let records_of = |specimen: &str| snapshot.records.iter().filter(|record| names(record, specimen)).count();
    let is_alone = |alert: &Alert| alert.positives.len() == 1 && records_of(&alert.positives[0].specimen_id) == 1;
    let results = |alert: &Alert| {
        let origins = alert.causes.iter().filter_map(|cause| cause.origin.clone());
        origins.filter(|origin| origin.topic == Topic::LabResults.name()).collect::<Vec<_>>()
    };
    let (_, alert) = snapshot.live_alert_that(|alert| results(alert).len() == 1 && is_alone(alert));
    let cause = results(&alert).remove(0);
    let named = [cause.topic, cause.partition.to_string(), cause.offset.to_string()];
    let names = ["swabstream-topic", "swabstream-partition", "swabstream-offset"];
    let mut headers = vec![("swabstream-code", b"too_large".to_vec())];
    headers.extend(names.into_iter().zip(named.map(String::into_bytes)));
    snapshot.append(Stored { headers, partition: letter.partition % LAYOUT.person_tasks, ..letter });
    let report = snapshot.judge();
    assert!(report.check("rejections").is_some_and(|check| check.differences > 0));
    assert!(report.check("alerts").is_some_and(|check| check.differences > 0));
}

/// A record of what a day with tests was closed with.
fn is_of_tests(record: &Stored) -> bool {
    let close = read::<AreaPublished>(record).numbers.and_then(|numbers| numbers.close);
    close.is_some_and(|close| close.tests > 0)
}

#[test]
fn what_a_day_was_closed_with_is_there_once_and_as_the_day_was_closed() {
    let mut gone = snapshot();
    gone.remove(Topic::AreaPublished, is_of_tests);
    assert_named(&gone, &["day closes"], "what it was closed with is not published");
    let mut twice = snapshot();
    let again = twice.last(Topic::AreaPublished, is_of_tests).clone();
    twice.append(again);
    assert_named(&twice, &["day closes"], "was published once more");
    type Change = (fn(&mut AreaPositivity), &'static str);
    let changes: [Change; 2] = [
        (|numbers| numbers.purposes[0].windows[0].other_tests += 1, "other numbers than are published"),
        (|numbers| numbers.close.as_mut().expect("closed").without.push(9), "its close is not the one"),
    ];
    for (change, says) in changes {
        let mut otherwise = snapshot();
        let record = otherwise.last(Topic::AreaPublished, is_of_tests);
        let mut published: AreaPublished = read(record);
        change(published.numbers.as_mut().expect("numbers"));
        record.payload = Some(published.encode_to_vec());
        assert_named(&otherwise, &["day closes"], says);
    }
}

#[test]
fn a_receipt_that_is_missing_or_told_twice_or_of_other_ids_is_found() {
    let mut gone = snapshot();
    gone.remove(Topic::LabReceipts, |_| true);
    assert_named(&gone, &["receipts"], "and person tasks say");
    let mut twice = snapshot();
    let again = twice.last(Topic::LabReceipts, |_| true).clone();
    twice.append(again);
    assert_named(&twice, &["receipts"], "and person tasks say");
    let mut otherwise = snapshot();
    let record = otherwise.last(Topic::LabReceipts, |_| true);
    let mut receipt: LabReceipt = read(record);
    receipt.id_digest[3] ^= 1;
    record.payload = Some(receipt.encode_to_vec());
    assert_named(&otherwise, &["receipts"], "or of other ids");
}

#[test]
fn help_names_every_check_and_what_json_says_of_an_error() {
    let command = Cli::command();
    let audit = command.find_subcommand("audit").expect("a command");
    let help = audit.get_after_long_help().expect("it has help").to_string();
    let listed: Vec<&str> = help
        .lines()
        .take_while(|line| !line.starts_with("Exit codes"))
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with("swabstream")))
        .map(|line| line.split("  ").next().unwrap_or_default())
        .collect();
    let report = snapshot().judge();
    let made: Vec<&str> = report.checks.iter().map(|check| check.name).collect();
    assert_eq!(listed, made);
    assert!(help.contains("{\"error\": "), "{help}");
}

#[test]
fn a_contact_that_an_alert_lists_with_another_second_or_twice_is_named() {
    let forge = |change: fn(&mut Vec<MatchedContact>)| {
        let mut snapshot = snapshot();
        let states = snapshot.records.iter().filter(|record| record.topic == Topic::Alerts).map(read::<Alert>);
        let newest: BTreeMap<String, Alert> = states.map(|alert| (alert.alert_id.clone(), alert)).collect();
        let lists = |alert: &Alert| alert.to_trace.len() > 2 && alert.state() != AlertState::Withdrawn;
        let mut alert = newest.into_values().find(lists).expect("somebody has contacts");
        change(&mut alert.to_trace);
        // As if a list were too long for one record.
        alert.to_trace_omitted = u32::from(alert.to_trace[0] == alert.to_trace[1]);
        let last = snapshot.last(Topic::Alerts, |record| record.key.as_deref() == Some(alert.alert_id.as_bytes()));
        last.payload = Some(alert.encode_to_vec());
        assert_named(&snapshot, &["alerts"], &format!("alert {}: differs in to_trace", alert.alert_id));
    };
    forge(|contacts| contacts[0].exposure_start.as_mut().expect("a time").seconds += 1);
    forge(|contacts| {
        contacts[1] = contacts[0].clone();
        contacts.pop();
    });
}

#[test]
fn checks_that_need_a_state_that_cannot_be_read_are_left_out() {
    let mut snapshot = snapshot();
    let has_operations = |record: &Stored| {
        let mut rest = record.payload.as_deref().unwrap_or_default();
        StateHead::decode_length_delimited(&mut rest).is_ok() && !rest.is_empty()
    };
    let is_delta = |record: &Stored| record.key.as_deref().is_some_and(|key| key.starts_with(b"d/"));
    let delta = snapshot.last(Topic::AreaState, |record| is_delta(record) && has_operations(record));
    delta.payload.as_mut().expect("a payload").pop();
    let report = snapshot.judge();
    assert!(report.check("area state").is_some_and(|check| check.differences > 0), "{report:?}");
    assert!(report.check("numbers").is_some_and(|check| check.left_out.is_some()), "{report:?}");
}
