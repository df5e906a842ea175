//! Receipts of labs: signed batches to what each lab is told, once for each record.

use super::bench::{Bench, context, operations};
use prost::Message as _;
use std::sync::Arc;
use swabstream::model::digest;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{self, AreaChanges, LabReceipt, LabTally, OutcomeCount};
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged::Paged as _;

const HOUR: i64 = 3_600_000;

/// The day before the one that benches come to.
fn eve() -> Day {
    Day::parse("2022-11-11").expect("a day")
}

fn start(hour: i64) -> Timestamp {
    Timestamp(i64::from(eve().0) * 24 * HOUR + hour * HOUR)
}

fn tally(lab: &str, hour: i64, records: u64) -> LabTally {
    let outcomes = vec![OutcomeCount { outcome: v1::Outcome::Accepted as i32, code: 0, records }];
    let id_digest = digest::to_wire(digest::of(lab).wrapping_mul(u128::from(records)));
    LabTally { lab_id: lab.to_owned(), outcomes, id_digest, from: Some(start(hour).to_wire()) }
}

fn batch(seq: u64, labs: Vec<LabTally>) -> AreaChanges {
    AreaChanges { seq, labs, format: 5, ..AreaChanges::default() }
}

fn receipts(bench: &Bench) -> Vec<(String, i64, u64)> {
    let of_labs = bench.outputs.iter().filter(|output| output.topic == Topic::LabReceipts);
    let read = |payload: &Option<Vec<u8>>| LabReceipt::decode(payload.as_deref().expect("ours")).expect("ours");
    let of = |output: &swabstream::model::record::Output| {
        let receipt = read(&output.payload);
        assert_eq!(output.key, receipt.lab_id.as_bytes());
        let records: u64 = receipt.outcomes.iter().map(|count| count.records).sum();
        let from = Timestamp::from_wire(&receipt.from.expect("a time")).expect("a time");
        let expected = digest::of(&receipt.lab_id).wrapping_mul(u128::from(records));
        assert_eq!(digest::from_wire(&receipt.id_digest), Some(expected));
        (receipt.lab_id, (from.0 - start(0).0) / HOUR, records)
    };
    of_labs.map(of).collect()
}

#[test]
fn an_hour_is_told_of_once_time_has_come_to_its_end_everywhere_and_what_follows_adds_up() {
    let mut bench = Bench::new(&Arc::new(sample_rules()));
    bench.read(&batch(1, vec![tally("LAB-1", 1, 2), tally("LAB-2", 1, 1), tally("LAB-1", 30, 5)]));
    bench.read(&batch(2, vec![tally("LAB-1", 1, 3)]));
    assert!(bench.commit(None).is_empty(), "no time is known yet");
    bench.commit(Some(eve().plus(1)));
    assert_eq!(receipts(&bench), [("LAB-1".to_owned(), 1, 5), ("LAB-2".to_owned(), 1, 1)]);
    bench.read(&batch(3, vec![tally("LAB-1", 1, 1)]));
    bench.commit(Some(eve().plus(1)));
    assert_eq!(receipts(&bench)[2..], [("LAB-1".to_owned(), 1, 1)], "what was sent on");
    bench.commit(Some(eve().plus(2)));
    assert_eq!(receipts(&bench)[3..], [("LAB-1".to_owned(), 30, 5)]);
    bench.commit(Some(eve().plus(3)));
    assert_eq!(receipts(&bench).len(), 4, "each once");
}

#[test]
fn much_is_told_of_at_once() {
    let mut bench = Bench::new(&Arc::new(sample_rules()));
    bench.read(&batch(1, vec![tally("LAB-1", 20, 9_999)]));
    bench.commit(None);
    assert_eq!(receipts(&bench), []);
    bench.read(&batch(2, vec![tally("LAB-1", 20, 1)]));
    bench.commit(None);
    assert_eq!(receipts(&bench), [("LAB-1".to_owned(), 20, 10_000)]);
}

#[test]
fn what_no_receipt_has_told_of_outlasts_a_restart_by_image_and_by_operations() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(1, vec![tally("LAB-1", 1, 2), tally("LAB-2", 30, 1)]));
    bench.commit(Some(eve().plus(1)));
    let mut image = Vec::new();
    bench.half.image(0, &mut image);
    let mut by_image = AreaHalf::new(context(), rules.clone());
    by_image.load(0, &image, FORMAT).expect("it was written just now");
    let mut by_operations = AreaHalf::new(context(), rules);
    for (page, operation) in bench.operations.iter().flat_map(|commit| operations(commit)) {
        by_operations.replay(page, operation, FORMAT).expect("ours");
    }
    let open = |half: &AreaHalf| -> Vec<(String, u64)> {
        half.state().labs().iter().map(|(lab, _, sum)| (lab.to_owned(), sum.outcomes.consumed)).collect()
    };
    assert_eq!([open(&by_image), open(&by_operations)], [0, 1].map(|_| vec![("LAB-2".to_owned(), 1)]));
}

#[test]
fn a_batch_that_says_nonsense_of_labs_is_set_aside() {
    let mut bench = Bench::new(&Arc::new(sample_rules()));
    let good = tally("LAB-1", 1, 1);
    for bad in [
        LabTally { id_digest: vec![1; 15], ..good.clone() },
        LabTally { from: None, ..good.clone() },
        LabTally { outcomes: Vec::new(), ..good.clone() },
    ] {
        assert_eq!(bench.read(&batch(1, vec![bad])), Outcome::Rejected(RejectCode::Malformed));
    }
    assert_eq!(bench.read(&batch(1, vec![good])), Outcome::Used(End::ChangesApplied));
}
