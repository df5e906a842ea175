//! The short path of plain results, as nearly all are: read ahead, then applied in order.
//!
//! In: records of one input. Out: what [`PersonHalf::apply`](crate::pipeline::half::Half::apply) makes of them one by one;
//! the simulation and a test of its own hold the two equal. Many are read in one go: each step's code stays in the
//! cache for all of them, and what they need of state comes into it meanwhile. Whatever turns out to need more is left to
//! the path of all results.

use super::messages::Origin;
use super::plain::PlainResult;
use super::{PersonHalf, versions};
use crate::model::record::Record;
use crate::pipeline::effects::Effects;
use crate::pipeline::ending::{Ending, Stop};

/// Records that are read before the first of them is applied: enough for each step to be worth its way into the cache, few
/// enough for all of them, and what they need of state, to stay there.
pub(super) const READ_AHEAD: usize = 128;

impl PersonHalf {
    /// Reads records, each alone; then looks all their people up, and then all these people's rows, so that one waits for
    /// memory while the others do.
    pub(super) fn read_ahead(&self, records: &[Record<'_>], into: &mut Vec<Option<PlainResult>>) {
        into.clear();
        into.extend(records.iter().map(|record| PlainResult::read(record, &self.context, &self.rules)));
        for plain in into.iter_mut().flatten() {
            plain.held = self.state.find(plain.person);
        }
        let held = into.iter().flatten().filter_map(|plain| plain.held);
        std::hint::black_box(held.fold(0, |all, slot| all ^ self.state.look_at(slot)));
    }

    /// A plain result that was read ahead. `None` where it needs more than this path has: nothing was done then.
    pub(super) fn plain(
        &mut self,
        read: &PlainResult,
        record: &Record<'_>,
        effects: &mut Effects,
    ) -> Option<Result<Ending, Stop>> {
        let numbers = self.places.known(&self.rules, &read.registered)?;
        // Those before it may have changed who is held where.
        let held = read.held.filter(|slot| self.state.holds(*slot, read.person));
        let held = held.or_else(|| self.state.find(read.person));
        if held.is_some_and(|slot| self.state.case_file(slot).is_some()) {
            return None;
        }
        let origin = Origin::of(record);
        self.labs_heard.hear(read.registered.lab, origin.received_at, &self.rules);
        effects.reported_early += u64::from(read.reported_early);
        let slot = held.unwrap_or_else(|| self.state.add(read.person, &mut effects.changes));
        self.tidy(slot, effects);
        let row = read.row.placed(numbers);
        let change = match versions::admit(&mut self.state, slot, row, false, &mut effects.changes) {
            Ok(change) => change,
            Err(stop) => return Some(Err(stop)),
        };
        self.count(slot, &change, origin);
        Some(Ok(self.ending(&change, &read.registered)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Secret;
    use crate::model::record::{Layout, Position, Topic};
    use crate::model::result::Finding;
    use crate::model::time::Timestamp;
    use crate::pipeline::formats::Formats;
    use crate::pipeline::half::{Context, Half as _};
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{LabResult, ResultStatus};
    use prost::Message as _;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp(1_668_000_000_000);

    fn result(person: &str, id: &str) -> Vec<u8> {
        let result = LabResult {
            lab_id: "LAB-1".into(),
            result_id: id.into(),
            status: ResultStatus::Final as i32,
            person_id: person.into(),
            specimen_id: id.into(),
            target: "sars-cov-2".into(),
            collected_at: Some(NOW.to_wire()),
            area: "D1S1".into(),
            purpose: "screening".into(),
            finding: Finding::Negative as i32,
            ..LabResult::default()
        };
        result.encode_to_vec()
    }

    fn record(payload: &[u8]) -> Record<'_> {
        let position = Position { topic: Topic::LabResults, partition: 0, offset: 0 };
        Record { position, received_at: NOW, key: None, payload: Some(payload), content_type: None }
    }

    /// Between reading and applying a person may be gone, and somebody else be held where they were.
    #[test]
    fn a_person_who_is_no_longer_where_they_were_is_found_again() {
        let context = Context {
            task: 0,
            layout: Layout { person_tasks: 1, area_tasks: 1 },
            secret: Secret::new([7; 16]),
            max_record_bytes: 1_000,
            history: false,
            formats: Formats::default(),
            due_at_most: 1,
        };
        let mut half = PersonHalf::new(context, Arc::new(sample_rules()));
        let mut effects = Effects::default();
        let (first, second, third) = (result("P1", "R1"), result("P2", "R2"), result("P1", "R3"));
        for payload in [&first, &second] {
            half.apply(&record(payload), &mut effects).expect("of this version");
        }
        let mut read = Vec::new();
        half.read_ahead(&[record(&second), record(&third)], &mut read);
        let [Some(second), Some(mut plain)] = read[..] else { panic!("both are plain") };
        let own = plain.held.expect("it is held");
        plain.held = second.held;
        assert_ne!(plain.held, Some(own));
        let ending = half.plain(&plain, &record(&third), &mut effects);
        assert!(matches!(ending, Some(Ok(Ending::Used(_)))));
        assert_eq!(half.state.rows(own).len(), 2);
    }
}
