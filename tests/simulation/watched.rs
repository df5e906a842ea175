//! A half that is looked over its shoulder: it does what the half does, and notes every call that changes something, so
//! that the same steps can be gone again without faults.

use super::shadow::{Calls, Shadowed};
use super::witness;
use std::sync::Arc;
use swabstream::model::outcome::{Outcome, Reject};
use swabstream::model::record::{HalfKind, Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::Newer;
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::times::{OwnTime, Passed, Times};
use swabstream::policy::Rules;
use swabstream::state::paged::{Corrupt, Paged};

pub struct Watched<H> {
    half: H,
    task: i32,
    calls: Calls,
}

/// A call of a half.
pub enum Call {
    /// It begins without history, by these rules.
    Begun(Arc<Rules>),
    /// It was restored: what no page holds begins anew.
    Restored,
    /// Time had come so far for what was restored.
    Resume(Passed),
    Apply(OwnedRecord),
    Advance(Times),
    Adopt(Arc<Rules>),
    Flush(u64, Times),
}

/// A record that outlives its poll.
pub struct OwnedRecord {
    pub position: Position,
    pub received_at: Timestamp,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    content_type: Option<Vec<u8>>,
}

impl OwnedRecord {
    fn of(record: &Record<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            position: record.position,
            received_at: record.received_at,
            key: owned(record.key),
            payload: owned(record.payload),
            content_type: owned(record.content_type),
        }
    }

    pub fn as_record(&self) -> Record<'_> {
        Record {
            position: self.position,
            received_at: self.received_at,
            key: self.key.as_deref(),
            payload: self.payload.as_deref(),
            content_type: self.content_type.as_deref(),
        }
    }
}

impl<H: Shadowed> Half for Watched<H> {
    const KIND: HalfKind = H::KIND;
    const INPUTS: &'static [Topic] = H::INPUTS;
    const CHANGELOG: Topic = H::CHANGELOG;
    const OWN_TIME: OwnTime = H::OWN_TIME;

    fn new(context: Context, rules: Arc<Rules>) -> Self {
        let calls = vec![Call::Begun(Arc::clone(&rules))];
        Self { task: context.task, half: H::new(context, rules), calls }
    }

    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Outcome, Newer> {
        self.calls.push(Call::Apply(OwnedRecord::of(record)));
        self.half.apply(record, effects)
    }

    /// Its shadow applies the same records one by one: what is read ahead must make no difference.
    fn apply_all(
        &mut self,
        records: &[Record<'_>],
        effects: &mut Effects,
        ended: &mut dyn FnMut(&Record<'_>, Outcome),
    ) -> Result<(), Newer> {
        let calls = &mut self.calls;
        self.half.apply_all(records, effects, &mut |record, outcome| {
            calls.push(Call::Apply(OwnedRecord::of(record)));
            ended(record, outcome);
        })
    }

    fn set_aside(&self, _: &Record<'_>, _: &Reject) -> Output {
        unreachable!("the core never panics here");
    }

    fn advance(&mut self, times: &Times, effects: &mut Effects) {
        self.calls.push(Call::Advance(*times));
        self.half.advance(times, effects);
    }

    fn owes(&self, times: &Times) -> bool {
        self.half.owes(times)
    }

    fn closed(&self) -> Option<Day> {
        self.half.closed()
    }

    fn closed_from(&self) -> Option<Day> {
        self.half.closed_from()
    }

    fn closing(&self, come_to: &[Timestamp]) -> Option<Timestamp> {
        self.half.closing(come_to)
    }

    fn passed(&self) -> Passed {
        self.half.passed()
    }

    fn resume(&mut self, passed: Passed, written: u32) {
        self.calls.push(Call::Resume(passed));
        self.half.resume(passed, written);
    }

    fn adopt(&mut self, rules: Arc<Rules>, effects: &mut Effects) {
        self.calls.push(Call::Adopt(Arc::clone(&rules)));
        self.half.adopt(rules, effects);
    }

    fn share(&mut self, rules: Arc<Rules>) {
        self.half.share(rules);
    }

    fn flush(&mut self, seq: u64, times: &Times, effects: &mut Effects) {
        self.calls.push(Call::Flush(seq, *times));
        self.half.flush(seq, times, effects);
        witness::get().borrow_mut().attempted(H::KIND, self.task, std::mem::take(&mut self.calls));
    }

    fn rules_digest(&self) -> &str {
        self.half.rules_digest()
    }

    fn sizes(&self) -> Vec<(&'static str, u64)> {
        self.half.sizes()
    }
}

impl<H: Shadowed> Paged for Watched<H> {
    fn pages(&self) -> u32 {
        self.half.pages()
    }

    fn image(&self, page: u32, into: &mut Vec<u8>) {
        self.half.image(page, into);
    }

    fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt> {
        self.half.load(page, image, format)
    }

    fn replay(&mut self, page: u32, operation: &[u8], format: u32) -> Result<(), Corrupt> {
        self.half.replay(page, operation, format)
    }

    fn restored(&mut self) -> Result<(), Corrupt> {
        self.half.restored()?;
        self.calls = vec![Call::Restored];
        witness::get().borrow_mut().compare_restored(self.task, &self.half);
        Ok(())
    }
}
