//! What an earlier version took and this one refuses counts, if the processor's own ledger says so; nothing else does.

use super::{Snapshot, assert_named, read};
use crate::support::broker::Stored;
use crate::support::story::{Story, result, time};
use prost::Message as _;
use std::sync::Arc;
use swabstream::audit::report::Verdict;
use swabstream::model::digest;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Finding, InputOffset, LabReceipt, LabResult};

/// A result of R1 as an earlier version would have taken it: one that this version takes, and changed where it lies.
fn taken(change: impl Fn(&mut LabResult)) -> (Snapshot, Stored) {
    let story = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", Finding::Negative, "2022-11-10 08:00"))
        .result("2022-11-10 13:00", result("R2", "P1", Finding::Positive, "2022-11-10 09:00"));
    let mut snapshot = Snapshot::of_messages(7, Arc::new(sample_rules()), story.messages(), None);
    let record = snapshot.last(Topic::LabResults, |record| read::<LabResult>(record).result_id == "R1");
    let mut result = read::<LabResult>(record);
    change(&mut result);
    record.payload = Some(result.encode_to_vec());
    let record = record.clone();
    tell_of(&mut snapshot, &record, &result.result_id);
    (snapshot, record)
}

/// As if its lab had been told of R1 by this id.
fn tell_of(snapshot: &mut Snapshot, record: &Stored, id: &str) {
    let more = digest::of(id).wrapping_sub(digest::of("R1"));
    let changed = |bytes: &[u8]| digest::to_wire(digest::from_wire(bytes).expect("a digest").wrapping_add(more));
    snapshot.change_head(record.partition, |head| head.lab_digest = changed(&head.lab_digest));
    let noon = |receipt: &LabReceipt| receipt.from == Some(time("2022-11-10 12:00").to_wire());
    let receipt = snapshot.last(Topic::LabReceipts, |record| noon(&read(record)));
    let mut says: LabReceipt = read(receipt);
    says.id_digest = changed(&says.id_digest);
    receipt.payload = Some(says.encode_to_vec());
}

/// As if the task of the record had judged as it does only from an offset on.
fn judged_from(snapshot: &Snapshot, record: &Stored, offset: i64) -> Snapshot {
    let mut snapshot = snapshot.clone();
    let from = InputOffset { topic: record.topic.name().into(), offset };
    snapshot.change_head(record.partition, |head| head.judged_from = vec![from.clone()]);
    snapshot
}

fn is_named_as_taken(snapshot: &Snapshot, record: &Stored) {
    let report = snapshot.judge();
    assert_eq!(report.verdict(), Verdict::Agree, "{report:?}");
    let limited = report.check("dead letters").and_then(|check| check.limited.clone()).expect("it is said");
    let place = format!(
        "1 were taken by an earlier version that did not refuse their ids or years, and count: lab-results [{}] {}",
        record.partition, record.offset
    );
    assert!(limited.contains(&place), "{limited}");
}

#[test]
fn what_an_earlier_version_took_under_nobodys_id_is_named_and_counts() {
    let changes: [fn(&mut LabResult); 5] = [
        |result| result.specimen_id = "N/A".into(),
        |result| result.result_id = "5.00103E+17".into(),
        |result| result.result_id = "R\u{fffd}1".into(),
        |result| result.specimen_id = "＃N/A".into(),
        |result| result.reported_at = Some(time("1322-11-10 12:00").to_wire()),
    ];
    for change in changes {
        let (snapshot, record) = taken(change);
        is_named_as_taken(&judged_from(&snapshot, &record, record.offset + 1), &record);
        let mut before_any_number = snapshot.clone();
        before_any_number.change_head(record.partition, |head| head.judgement = 0);
        is_named_as_taken(&before_any_number, &record);
    }
}

#[test]
fn what_this_version_took_under_nobodys_id_differs() {
    let (snapshot, record) = taken(|result| result.specimen_id = "N/A".into());
    let names = ["dead letters", "numbers", "area state", "tiers"];
    assert_named(&snapshot, &names, &format!("lab-results [{}] {} is not there", record.partition, record.offset));
    assert_named(&judged_from(&snapshot, &record, record.offset), &names, "must be as invalid_id");
}

#[test]
fn what_no_version_ever_took_differs_whoever_read_it() {
    let (snapshot, record) = taken(|result| result.specimen_id = "S".repeat(65));
    let snapshot = judged_from(&snapshot, &record, record.offset + 1);
    assert_named(&snapshot, &["dead letters", "numbers", "area state", "tiers"], "must be as invalid_id");
}

#[test]
fn what_an_earlier_version_must_have_counted_and_did_not_differs() {
    let (snapshot, record) = taken(|result| {
        result.specimen_id = "N/A".into();
        // It stands for another finding than what was counted.
        result.set_finding(Finding::Invalid);
    });
    let snapshot = judged_from(&snapshot, &record, record.offset + 1);
    assert_named(&snapshot, &["numbers", "area state", "tiers"], "conclusive tests");
}
