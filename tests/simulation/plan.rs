//! What a seed is like, drawn before it begins.

use super::rules;
use super::support::broker::FaultRates;
use super::support::random::Random;
use std::sync::Arc;
use swabstream::policy::Rules;

/// Seeds in a hundred in which new purposes take the numbers of abandoned ones.
const FULL: u32 = 40;

/// Seeds of past data in a hundred in which a task stalls.
const STALLED: u32 = 60;

/// What a seed is like.
pub struct Plan {
    pub instances: usize,
    pub ring: u64,
    pub commit_records: usize,
    /// Few: commits take some of the tasks. Many: all.
    pub commit_floor: usize,
    /// People looked at in one commit of a task because something of them is due.
    pub due_at_most: usize,
    /// Time comes from the records alone.
    pub history: bool,
    /// Everything is there from the beginning.
    pub backlog: bool,
    /// Days that pass after the last record.
    pub days_after: i64,
    /// Sets of rules that come into force on the way.
    pub rules: Vec<Arc<Rules>>,
    /// A person task that stalls at the end while the others go on, in history mode.
    pub stalled: Option<i32>,
    /// Days at the end that are marked as closing without it.
    pub marked: i32,
    /// Transactions of others that hang in a changelog.
    pub hangs: usize,
    /// Purposes that there is room for beside abandoned ones.
    pub room: Option<u32>,
}

impl Plan {
    pub fn of(random: &mut Random) -> Self {
        let history = random.chance(50);
        let backlog = history && random.chance(40);
        let rules = rules::later(random);
        let stalled = (history && random.chance(STALLED)).then(|| random.below(4) as i32);
        // Of days that were closed before other rules came, nothing is derived again: what they add stays as it was.
        let closes = backlog && !rules.is_empty();
        Self {
            instances: 2 + random.below(2),
            ring: 3 + random.below(4) as u64,
            commit_records: 5 + random.below(40),
            commit_floor: 1 + random.below(5),
            due_at_most: *random.pick(&[12, 30, 1_000]),
            history,
            backlog,
            days_after: if closes { 1 } else { *random.pick(&[1, 1, 2, 5, 30, 30, 200]) },
            rules,
            stalled,
            marked: 1 + random.below(4) as i32,
            hangs: 1 + random.below(3),
            room: random.chance(FULL).then(|| random.below(4) as u32),
        }
    }

    /// Everything often enough to meet everything else, in a mixture of its own.
    pub fn faults(random: &mut Random) -> FaultRates {
        let mut up_to = |most: i64| random.between(0, most) as u32;
        FaultRates {
            aborted: up_to(5),
            unknown: 1 + up_to(5),
            crash: up_to(3),
            kicked: up_to(3),
            partial: 10 + up_to(50),
            late: up_to(80),
            repeated: up_to(10),
            frozen: up_to(4),
            slow: up_to(3),
            slow_markers: up_to(50),
            failed_restore: up_to(3),
            slow_restore: up_to(10),
            slow_answer: up_to(10),
        }
    }
}
