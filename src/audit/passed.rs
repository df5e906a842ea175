//! How far time has come, as tasks say.

use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::TaskHead;
use xxhash_rust::xxh3::xxh3_64;

/// How far a task says that time has come for its people.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimePassed {
    /// What was due by then has been seen to; `None` before any time was known.
    pub due: Option<Timestamp>,
    /// From which turn on that is not so yet, and what was seen to for those.
    pub waiting: Option<(u64, Option<Timestamp>)>,
    /// Of specimens collected before nothing is known any more.
    pub held_from: Option<Timestamp>,
}

impl TimePassed {
    /// What a task stored of it.
    pub fn stored(head: &TaskHead) -> Self {
        let time = |at: &Option<prost_types::Timestamp>| at.as_ref().and_then(Timestamp::from_wire);
        Self {
            due: time(&head.due),
            waiting: head.due_turn.map(|from| (from, time(&head.due_before))),
            held_from: time(&head.held_from),
        }
    }

    /// The same for one person, or pool.
    pub fn of(self, subject: &str) -> Self {
        match self.waiting {
            Some((from, before)) if xxh3_64(subject.as_bytes()) / 2 >= from => Self { due: before, ..self },
            _ => self,
        }
    }

    /// Whether all swabs of a day are still known of.
    pub fn knows(&self, rules: &Rules, day: Day) -> bool {
        self.held_from.is_none_or(|from| rules.span(day).0 >= from)
    }
}
