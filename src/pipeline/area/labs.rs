//! Receipts of labs: what became of what each sent, once all that was received in an interval has been read, and at once where
//! there is much of it.
//!
//! In: what person tasks say of labs, the times. Out: receipts, which add up: a record that was sent on to another task may end
//! after the first receipt of its interval, and is in another one.

use crate::model::digest;
use crate::model::record::{Output, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::effects::Effects;
use crate::pipeline::lab::tallies::{interval_of, start_of};
use crate::proto::v1::{LabReceipt, LabTally};
use crate::state::area::AreaState;
use crate::state::area::labs::LabSum;
use crate::state::area::operation::MetaOperation;
use prost::Message as _;

/// So many records are told of at once.
const AT_ONCE: u64 = 10_000;

/// Adds what a batch says of labs.
pub fn add(state: &mut AreaState, labs: &[LabTally], effects: &mut Effects) {
    for tally in labs {
        let from = tally.from.as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
        let sum = LabSum::of(&tally.outcomes, digest::from_wire(&tally.id_digest).unwrap_or_default());
        let added =
            MetaOperation::LabAdded { lab: tally.lab_id.clone(), interval: interval_of(from), sum: Box::new(sum) };
        state.change_meta(added, &mut effects.changes);
    }
}

/// Whether the receipt of an interval is to be published: time has come to its end everywhere, or there is much.
fn is_due(interval: i64, sum: &LabSum, everywhere: Option<Timestamp>) -> bool {
    everywhere.is_some_and(|at| start_of(interval + 1) <= at) || sum.outcomes.consumed >= AT_ONCE
}

/// Whether some receipt is.
pub fn owes(state: &AreaState, everywhere: Option<Timestamp>) -> bool {
    state.labs().iter().any(|(_, interval, sum)| is_due(interval, sum, everywhere))
}

/// Publishes what is due.
pub fn publish(state: &mut AreaState, task: i32, everywhere: Option<Timestamp>, effects: &mut Effects) {
    let due = state.labs().iter().filter(|(_, interval, sum)| is_due(*interval, sum, everywhere));
    let due: Vec<(String, i64, LabSum)> =
        due.map(|(lab, interval, sum)| (lab.to_owned(), interval, sum.clone())).collect();
    for (lab, interval, sum) in due {
        let receipt = LabReceipt {
            lab_id: lab.clone(),
            from: Some(start_of(interval).to_wire()),
            to: Some(start_of(interval + 1).to_wire()),
            outcomes: sum.outcomes.counts(),
            id_digest: digest::to_wire(sum.digest),
        };
        let (key, payload) = (lab.clone().into_bytes(), Some(receipt.encode_to_vec()));
        effects.outputs.push(Output { topic: Topic::LabReceipts, partition: task, key, payload, headers: Vec::new() });
        state.change_meta(MetaOperation::LabTold { lab, interval }, &mut effects.changes);
    }
}
