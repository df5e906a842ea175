//! When a worker commits, and which of its tasks.
//!
//! In: what its tasks have waiting, and how long the last commit took. Out: the tasks that the next commit takes.
//!
//! A transaction costs the broker a request and a marker for each partition that it touches, and has a floor besides. So
//! a commit of all tasks holds up an alert for as long as all of them take, and one of each task alone pays the floor
//! again and again. Tasks with an alert go at once and alone. The others take turns: so many together that what they do
//! not share is worth the rest, and so rarely that commits take a small part of the time, but none waits for long.

use crate::model::record::Topic;
use crate::model::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A task whose turn is put off, as commits take long or the worker is behind, waits for so many intervals at most.
const LONGEST_WAIT: i64 = 10;

/// Turns may take one part in so many of the time.
const PART_FOR_TURNS: i64 = 10;

/// An alert waits at least this long after the last commit, or as long as that took: else a stream of alerts would keep
/// a worker from reading.
const ALERT_GAP_MS: i64 = 5;

/// One commit that met a broken connection must not hold up the alert after it for as long again.
const LONGEST_ALERT_GAP_MS: i64 = 500;

/// A task whose newest record is older than this is catching up: its alerts have waited for longer than until its turn,
/// and a commit for each would put off those behind it.
const CATCHING_UP_MS: i64 = 1_000;

/// What waits for a commit in one task.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) task: i32,
    /// Since when.
    pub(super) since: Timestamp,
    /// Records applied.
    pub(super) records: u64,
    /// Somebody waits for it.
    pub(super) alert: bool,
    /// Its next commit goes further although nothing is read: it is not to wait for a turn.
    pub(super) owes: bool,
    /// Receipt of the newest record it has read, or the time until which it has read everything.
    pub(super) now: Timestamp,
}

/// Partitions that a task's commit writes to, but for what is its own.
type Shared<'a> = &'a dyn Fn(i32) -> BTreeSet<(Topic, i32)>;

/// When a worker has committed, and how often it is to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval_ms: i64,
    /// Most records that wait.
    records: u64,
    /// A transaction costs as much as so many partitions before it touches any.
    floor: usize,
    /// End of the last commit.
    ended: Timestamp,
    took_ms: i64,
}

impl Pace {
    pub(super) fn new(interval_ms: i64, records: usize, floor: usize) -> Self {
        Self { interval_ms, records: records as u64, floor, ended: Timestamp::default(), took_ms: 0 }
    }

    /// A commit has ended, which took so long.
    pub(super) fn committed(&mut self, ended: Timestamp, took_ms: i64) {
        (self.ended, self.took_ms) = (ended, took_ms);
    }

    /// The tasks that are to be committed now. `drained`: everything there was has been read since the last commit.
    pub(super) fn due(&self, at: Timestamp, drained: bool, waiting: &[Waiting], shared: Shared<'_>) -> Vec<i32> {
        // It may owe for long, and what it waits for may be another's commit: they go along.
        if waiting.iter().any(|task| task.owes) {
            return waiting.iter().map(|task| task.task).collect();
        }
        let records: u64 = waiting.iter().map(|task| task.records).sum();
        if records >= self.records {
            return self.fullest(waiting, records, shared);
        }
        let gap = elapsed(self.ended, at);
        let live = |task: &Waiting| drained || at.0 - task.now.0 < CATCHING_UP_MS;
        let overdue = |task: &Waiting| elapsed(task.since, at) >= LONGEST_WAIT * self.interval_ms;
        if gap >= self.took_ms.clamp(ALERT_GAP_MS, LONGEST_ALERT_GAP_MS)
            && waiting.iter().any(|task| task.alert && live(task))
        {
            let chosen = waiting.iter().filter(|task| task.alert || overdue(task));
            return chosen.map(|task| task.task).collect();
        }
        // After a rest whatever comes goes at once.
        let in_turn = |task: &Waiting| live(task) && elapsed(task.since, at).max(gap) >= self.interval_ms;
        let rests = gap < (PART_FOR_TURNS - 1) * self.took_ms;
        if waiting.iter().any(|task| overdue(task) || !rests && in_turn(task)) {
            let mut order: Vec<&Waiting> = waiting.iter().collect();
            order.sort_by_key(|task| task.since);
            return self.gather(&order, shared, overdue);
        }
        Vec::new()
    }

    /// Those with most records, until half of what may wait is left.
    fn fullest(&self, waiting: &[Waiting], mut left: u64, shared: Shared<'_>) -> Vec<i32> {
        let mut order: Vec<&Waiting> = waiting.iter().collect();
        order.sort_by_key(|task| Reverse(task.records));
        self.gather(&order, shared, |task| {
            let more = left > self.records / 2;
            left -= task.records;
            more
        })
    }

    /// The first of these tasks, at least those that must go, until what is their own is worth what they share and the
    /// transaction itself.
    fn gather(&self, order: &[&Waiting], shared: Shared<'_>, mut must: impl FnMut(&Waiting) -> bool) -> Vec<i32> {
        let (mut chosen, mut touched) = (Vec::new(), BTreeSet::new());
        for task in order {
            let worth = chosen.len() >= self.floor + touched.len();
            if !must(task) && worth {
                break;
            }
            touched.extend(shared(task.task));
            chosen.push(task.task);
        }
        chosen
    }
}

/// Milliseconds between two times; a clock that was set back must not stop the commits.
fn elapsed(from: Timestamp, to: Timestamp) -> i64 {
    if to < from { i64::MAX } else { to.0 - from.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);
    const INTERVAL: i64 = 100;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(START.0 + milliseconds)
    }

    /// A pace whose last commit took so long and ended at the start.
    fn pace(took_ms: i64) -> Pace {
        let mut pace = Pace { interval_ms: INTERVAL, records: 1_000, floor: 2, ended: Timestamp(0), took_ms: 0 };
        pace.committed(START, took_ms);
        pace
    }

    /// A task that has waited since the start, live.
    fn waiting(task: i32) -> Waiting {
        Waiting { task, since: START, records: 1, alert: false, owes: false, now: Timestamp(i64::MAX / 2) }
    }

    fn nothing(_: i32) -> BTreeSet<(Topic, i32)> {
        BTreeSet::new()
    }

    #[test]
    fn an_alert_takes_its_task_alone_and_waits_as_long_as_the_last_commit_took() {
        let tasks = [waiting(0), Waiting { alert: true, ..waiting(1) }, waiting(2)];
        for (took, due) in [(0, 5), (20, 20), (5_000, 500)] {
            assert!(pace(took).due(at(due - 1), true, &tasks, &nothing).is_empty(), "took {took}");
            assert_eq!(pace(took).due(at(due), true, &tasks[..2], &nothing), [1], "took {took}");
        }
    }

    #[test]
    fn an_alert_of_a_task_that_catches_up_waits_for_its_turn() {
        let late = Waiting { alert: true, now: at(-2_000), ..waiting(0) };
        let tasks = [late, Waiting { since: at(400), ..waiting(1) }];
        assert!(pace(10).due(at(499), false, &tasks[..1], &nothing).is_empty());
        assert_eq!(pace(10).due(at(499), true, &tasks, &nothing), [0], "all that there was has been read");
        assert_eq!(pace(10).due(at(1_000), false, &tasks[..1], &nothing), [0], "its turn");
    }

    #[test]
    fn turns_take_a_tenth_of_the_time_and_those_that_have_waited_longest() {
        let since = |task, waited: i64| Waiting { since: at(-waited), ..waiting(task) };
        let tasks = [since(0, 10), since(1, 300), since(2, 200), since(3, 250)];
        assert!(pace(20).due(at(179), true, &tasks, &nothing).is_empty());
        assert_eq!(pace(20).due(at(180), true, &tasks, &nothing), [1, 3], "as many as are worth the transaction");
    }

    #[test]
    fn after_a_rest_whatever_comes_goes_at_once() {
        let tasks = [Waiting { since: at(100), ..waiting(0) }];
        assert_eq!(pace(5).due(at(100), true, &tasks, &nothing), [0]);
        assert!(pace(5).due(at(100), false, &[Waiting { now: at(-9_000), ..tasks[0].clone() }], &nothing).is_empty());
    }

    #[test]
    fn what_tasks_share_is_paid_by_more_of_them() {
        let tasks: Vec<Waiting> = (0..6).map(waiting).collect();
        let everywhere = |_| (0..3).map(|partition| (Topic::PersonEvents, partition)).collect();
        assert_eq!(pace(0).due(at(100), true, &tasks, &everywhere), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn nobody_waits_for_longer_than_ten_intervals_whatever_the_others_do() {
        let tasks = [
            Waiting { alert: true, ..waiting(0) },
            waiting(1),
            Waiting { since: at(500), ..waiting(2) },
            Waiting { now: START, ..waiting(3) },
        ];
        assert_eq!(pace(50).due(at(999), false, &tasks, &nothing), [0], "an alert alone");
        assert_eq!(pace(50).due(at(1_000), false, &tasks, &nothing), [0, 1, 3], "with those whose time is over");
        assert_eq!(pace(50).due(at(1_000), false, &tasks[1..], &nothing), [1, 3], "without one too");
        let many: Vec<Waiting> = (0..9).map(waiting).collect();
        assert_eq!(pace(900).due(at(1_000), false, &many, &nothing).len(), 9, "all of them");
    }

    #[test]
    fn no_more_records_wait_than_may() {
        let of = |task, records| Waiting { records, ..waiting(task) };
        let tasks = [of(0, 10), of(1, 400), of(2, 30), of(3, 560)];
        assert_eq!(pace(0).due(at(1), false, &tasks, &nothing), [3, 1], "the fullest, down to a half at least");
        let even: Vec<Waiting> = (0..10).map(|task| of(task, 100)).collect();
        assert_eq!(pace(0).due(at(1), false, &even, &nothing).len(), 5);
        assert!(pace(0).due(at(1), false, &even[..9], &nothing).is_empty());
    }

    #[test]
    fn what_is_owed_is_paid_at_once_and_holds_nobody_up() {
        let tasks = [waiting(0), Waiting { owes: true, ..waiting(1) }];
        assert_eq!(pace(50).due(at(0), false, &tasks, &nothing), [0, 1]);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let tasks = [waiting(0)];
        assert_eq!(pace(50).due(at(-1), true, &tasks, &nothing), [0]);
    }
}
