//! What the two halves have in common: `apply(state, record) -> effects`, with [`Paged`] state.

use super::effects::Effects;
use super::ending::{self, Ending, Stop};
use super::formats::{Formats, Newer};
use super::times::{OwnTime, Passed, Times};
use crate::model::ids::Secret;
use crate::model::outcome::{Outcome, Reject};
use crate::model::record::{HalfKind, Layout, Output, Record, Topic};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::state::paged::Paged;
use std::sync::Arc;

/// People of a task who are looked at in one commit because something of them is due: some milliseconds' work.
pub const DUE_AT_MOST: usize = 1_000;

/// What a task is given when it begins.
#[derive(Clone, Debug)]
pub struct Context {
    /// Number of the task, its partition.
    pub task: i32,
    /// How many tasks there are.
    pub layout: Layout,
    /// Key of all hashes.
    pub secret: Secret,
    /// Records larger than this are refused.
    pub max_record_bytes: usize,
    /// Past data: marks of time are read as such, which in live work nothing is.
    pub history: bool,
    /// Of messages between tasks.
    pub formats: Formats,
    /// People looked at in one commit because something of them is due; others are in the next.
    pub due_at_most: usize,
}

/// The pure core of one task: state and logic without clock, randomness, locks or I/O.
///
/// Changes of state go into [`Effects::changes`] as they happen; replaying them over page images gives the same
/// state again.
pub trait Half: Paged + Sized {
    /// Which of the two it is.
    const KIND: HalfKind;
    /// The topic whose group places the tasks, then those co-partitioned with it.
    const INPUTS: &'static [Topic];
    /// The changelog.
    const CHANGELOG: Topic;

    /// Where the tasks' own time comes from.
    const OWN_TIME: OwnTime;

    /// A task without history. `rules` are those in force.
    fn new(context: Context, rules: Arc<Rules>) -> Self;

    /// Applies one record of an input. Its one outcome is returned, all else goes into the effects. A record of a newer
    /// version of this program has none here: nothing of it is used.
    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Outcome, Newer>;

    /// Applies records of one input in their order, as [`Half::apply`] does one after the other, and tells each one's outcome
    /// before the next has any effect. Ends before a record of a newer version.
    fn apply_all(
        &mut self,
        records: &[Record<'_>],
        effects: &mut Effects,
        ended: &mut dyn FnMut(&Record<'_>, Outcome),
    ) -> Result<(), Newer> {
        for record in records {
            let outcome = self.apply(record, effects)?;
            ended(record, outcome);
        }
        Ok(())
    }

    /// What becomes of a record that cannot be used: it is set aside.
    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output;

    /// The outcome of a record. Nothing else rejects one, so none is rejected without being set aside.
    fn ended(
        &self,
        record: &Record<'_>,
        ending: Result<Ending, Stop>,
        effects: &mut Effects,
    ) -> Result<Outcome, Newer> {
        match ending::of(ending)? {
            Ending::Used(end) => Ok(Outcome::Used(end)),
            Ending::SetAside(reject) => {
                effects.outputs.push(self.set_aside(record, &reject));
                Ok(Outcome::Rejected(reject.code))
            }
        }
    }

    /// Time goes on, by a commit. Which of the three times something goes by is said where they are ([`Times`]).
    fn advance(&mut self, _times: &Times, _effects: &mut Effects) {}

    /// Whether another commit would go further at these times: one goes over a bounded number of days.
    fn owes(&self, _times: &Times) -> bool {
        false
    }

    /// How far time has come for the state: stored with each commit.
    fn passed(&self) -> Passed {
        Passed::default()
    }

    /// The last day that was closed, of a half that closes days.
    fn closed(&self) -> Option<Day> {
        None
    }

    /// How far days may be closed by the rules in force, given how far each person task has come, by its number; `None` of a
    /// half that closes none, and while that is not known.
    fn closing(&self, _come_to: &[Timestamp]) -> Option<Timestamp> {
        None
    }

    /// The first day whose close is held, or that will be closed if none is.
    fn closed_from(&self) -> Option<Day> {
        None
    }

    /// After a restore: time had come so far with the commit that was restored, and messages were written in a format then.
    fn resume(&mut self, _passed: Passed, _written: u32) {}

    /// Other rules are in force: derives again what is held, as the difference to what the old rules made of it.
    fn adopt(&mut self, rules: Arc<Rules>, effects: &mut Effects);

    /// The rules in force are those the state is derived by, and nothing is derived again. Whoever restored it may not
    /// have read them yet; a half that keeps the rules with its state has them from there.
    fn share(&mut self, _rules: Arc<Rules>) {}

    /// Before a commit: turns what was gathered since the last one into outputs. `seq` is the commit's number.
    fn flush(&mut self, seq: u64, times: &Times, effects: &mut Effects);

    /// Digest of the rules the state is derived by.
    fn rules_digest(&self) -> &str;

    /// Numbers about the state, for metrics: (name, value).
    fn sizes(&self) -> Vec<(&'static str, u64)>;
}
