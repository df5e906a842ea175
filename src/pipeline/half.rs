//! What the two halves have in common: `apply(state, record) -> effects`, state in pages.

use super::effects::Effects;
use crate::model::ids::Secret;
use crate::model::outcome::{Outcome, Reject};
use crate::model::record::{Layout, Output, Record, Topic};
use crate::model::time::Timestamp;
use crate::policy::Rules;
use std::sync::Arc;

/// What a task is told when it begins.
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
}

/// The pure core of one task: state and logic without clock, randomness, locks or I/O.
///
/// Changes of state go into [`Effects::changes`] as they happen; replaying them over page images gives the same
/// state again. Page 0 holds what belongs to no other page (dictionary, rules of the last derivation, ...).
pub trait Half: Sized {
    /// `person` or `area`.
    const NAME: &'static str;
    /// The topic whose group places the tasks, then the twins read beside it.
    const INPUTS: &'static [Topic];
    /// The changelog.
    const CHANGELOG: Topic;

    /// A task without history. `rules` are those in force.
    fn new(context: Context, rules: Arc<Rules>) -> Self;

    /// Applies one record of an input. Its one outcome is returned, all else goes into the effects.
    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Outcome;

    /// What becomes of a record that cannot be used: it is set aside.
    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output;

    /// Time has come to `now` (this task's own) and to `floor` everywhere (the smallest progress of all person
    /// tasks, `None` while unknown). Neither runs backwards.
    fn advance(&mut self, now: Timestamp, floor: Option<Timestamp>, effects: &mut Effects);

    /// Other rules are in force: derives again what is held, as the difference to what the old rules made of it.
    fn adopt(&mut self, rules: Arc<Rules>, effects: &mut Effects);

    /// Before a commit: turns what was gathered since the last one into outputs. `seq` is the commit's number.
    fn flush(&mut self, seq: u64, now: Timestamp, effects: &mut Effects);

    /// Number of pages; they are numbered from 0 and never become fewer.
    fn pages(&self) -> u32;

    /// Writes the whole page.
    fn image(&self, page: u32, into: &mut Vec<u8>);

    /// Takes a page from its image, which is of this [`FORMAT`](crate::state::changelog::FORMAT) or an earlier one.
    /// Images come first, in page order, then operations in order of commits.
    fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt>;

    /// Repeats one operation on a page, likewise.
    fn replay(&mut self, page: u32, operation: &[u8], format: u32) -> Result<(), Corrupt>;

    /// After the last replay: rebuilds what is not stored (indexes).
    fn restored(&mut self) -> Result<(), Corrupt>;

    /// Digest of the rules the state is derived by.
    fn rules_digest(&self) -> &str;

    /// Numbers about the state, for metrics: (name, value).
    fn sizes(&self) -> Vec<(&'static str, u64)>;
}

/// Stored state that cannot be read: a fault to stop on, never to coerce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored state cannot be read: {0}")]
pub struct Corrupt(pub String);
