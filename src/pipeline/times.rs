//! What time it is for a task. Nothing else tells the core the time: no record, no wall clock.
//!
//! Which of the three a rule goes by decides whether it is right. Something that is due (a day that closes, a deadline)
//! is due by a time after which nothing can still come that would have changed it; what is dropped, by one that is later
//! still. The arithmetic behind them is the shell's clock ([`runtime::task::clock`](crate::runtime::task::clock)).

use crate::model::time::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

/// The times of a task. None runs backwards, but for [`Times::closing`] where marks of days are taken back; a task that was
/// restored goes on at those it had, or at none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The task's own: the newest receipt it has read, or the wall clock where it has read all there is. Other tasks may
    /// be far behind it. A half whose time is [`OwnTime::SlowestPersonTask`] has it from those.
    pub own: Timestamp,
    /// All person tasks have come to it, and what they sent here by then was read: nothing is missing that was received
    /// before. `None` while that is not known. What is due is due by this one.
    pub everywhere: Option<Timestamp>,
    /// As far as days may be closed: [`Times::everywhere`], or beyond it over the days that an operator lets close without
    /// the tasks that are behind, by the rules in force. An area task's: nobody else closes days.
    pub closing: Option<Timestamp>,
    /// No record that may still come needs what lies further back than the rules allow from here: up to seven days
    /// behind [`Times::everywhere`], so that messages over several tasks have arrived. Rows are dropped by it, and nothing
    /// else goes by it: whatever did would be days late. A half that drops nothing has none.
    pub drop_before: Option<Timestamp>,
}

/// Where the own time of a half's tasks comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnTime {
    /// Receipts of the inputs that come from the world.
    Receipts,
    /// It reads nothing from the world: it goes by the slowest person task.
    SlowestPersonTask,
}

/// How far time has come for the state of a task: part of what is stored of it, and the same for whoever restores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// What was due by then was seen to: follows [`Times::everywhere`], an instant at a time. `None` before that is known.
    pub due: Option<Timestamp>,
    /// Whose turn has not come yet at that instant, where it takes several commits.
    pub unseen: Option<Unseen>,
    /// Rows of specimens collected before were dropped. `None` before any were.
    pub held_from: Option<Timestamp>,
}

/// Of an instant that takes several commits: whose turn has not come yet. At midnight something is due of everybody in a key
/// group, who may be so many that no other commit could be made meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The first turn that has not come.
    pub from: u64,
    /// How far time has come for them.
    pub due: Option<Timestamp>,
}

impl Passed {
    /// How far time has come for one person, or pool.
    pub fn of(self, subject: &str) -> Self {
        let waits = self.unseen.filter(|unseen| turn(subject) >= unseen.from);
        Self { due: waits.map_or(self.due, |unseen| unseen.due), unseen: None, ..self }
    }

    /// How far time has come for everybody; how far for those who were seen to first, where it was not known before.
    pub fn of_all(self) -> Option<Timestamp> {
        self.unseen.and_then(|unseen| unseen.due).or(self.due)
    }

    /// At an instant it is the turn of whoever has this one. Turns of an instant come in their order.
    pub fn come_to(&mut self, at: Timestamp, turn: u64) {
        let due = match self.unseen.filter(|_| self.due == Some(at)) {
            Some(unseen) => unseen.due,
            None => self.due,
        };
        *self = Self { due: Some(at), unseen: Some(Unseen { from: turn + 1, due }), ..*self };
    }
}

/// The turn of a person, or a pool, at an instant at which something is due of many: it goes by the id, which whoever counts
/// again knows, too.
pub fn turn(subject: &str) -> u64 {
    xxh3_64(subject.as_bytes()) >> 1
}
