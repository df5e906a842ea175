//! What a plain result says, as nearly all are: a row, and where it belongs.
//!
//! In: a record. Out: a [`PlainResult`], or nothing. It takes no state. Left to the path of all results is whatever is out of
//! the ordinary: a positive, a correction under another id, a move, a person of another task, and all that is not taken, of
//! which there is one judge.

use super::versions;
use crate::model::ids::Domain;
use crate::model::record::{Record, Topic};
use crate::model::result::Finding;
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::decode::validate::Registered;
use crate::pipeline::decode::{self, validate};
use crate::pipeline::half::Context;
use crate::pipeline::lab::tallies::LabRecord;
use crate::policy::Rules;
use crate::state::person::Slot;
use crate::state::person::row::Row;

/// A result of a person of this task of which everything that counts is in its row.
#[derive(Clone, Copy, Debug)]
pub struct PlainResult {
    /// Hash of the person.
    pub person: u64,
    /// Where the person was held when it was read.
    pub held: Option<Slot>,
    /// Not placed yet: numbers of areas and purposes are state.
    pub row: Row,
    /// Where it belongs.
    pub registered: Registered,
    /// It says that it was reported before it was collected.
    pub reported_early: bool,
    /// For the receipt of its lab.
    pub of_lab: Option<LabRecord>,
}

impl PlainResult {
    /// What a record says, if it is a plain result.
    pub fn read(record: &Record<'_>, context: &Context, rules: &Rules) -> Option<Self> {
        if record.position.topic != Topic::LabResults {
            return None;
        }
        let mut wire = ResultView::default();
        decode::read_in_place(record, context.max_record_bytes, &mut wire)?;
        let names_others = !wire.previous_person_id.is_empty() || !wire.replaces_result_id.is_empty();
        if wire.finding == Finding::Positive as i32 || names_others {
            return None;
        }
        let (result, registered) = validate::result(&wire, record.received_at, rules).ok()?;
        if result.training || context.layout.person_task(result.person_id) != context.task {
            return None;
        }
        Some(Self {
            person: context.secret.hash_64(Domain::Person, &[result.person_id]),
            held: None,
            row: versions::row(&result, rules.target_id(registered.target), &context.secret),
            registered,
            reported_early: validate::is_reported_early(&wire),
            of_lab: LabRecord::of(registered.lab, result.result_id, record.received_at),
        })
    }
}
