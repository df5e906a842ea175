//! Commits that fail one after the other: how long to leave it be, and what to tell of it.
//!
//! One failure is usual: a broker goes, a group changes. Where the cause stays, as a missing ACL does until somebody gives
//! it, each attempt restores all tasks and fails again, several times a second: attempts get rarer, and a cause is logged
//! once a minute.

use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// A trouble is over when commits succeed and none has failed for so long: what is not refused may succeed in between.
const OVER_AFTER_MS: i64 = 15_000;

/// The pause after the second failure; after each next one it is twice as long.
const FIRST_PAUSE_MS: i64 = 500;

/// The longest pause: when the cause is gone, tasks wait as long for nothing.
const LONGEST_PAUSE_MS: i64 = 8_000;

/// A cause is logged once in this time.
const LOG_EVERY_MS: i64 = 60_000;

/// Failed commits of a worker.
#[derive(Debug, Default)]
pub(super) struct Failures {
    trouble: Option<Trouble>,
    /// Causes, when each was logged, and how many failures for it were not since.
    causes: BTreeMap<String, (Timestamp, u64)>,
    /// Failures that were not logged, for causes that are not remembered any more.
    forgotten: u64,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    count: u32,
    last: Timestamp,
    is_logged: bool,
    /// Something was committed since.
    is_healing: bool,
}

impl Trouble {
    fn pause_ms(self) -> i64 {
        let doublings = self.count.saturating_sub(2).min(8);
        if self.count < 2 { 0 } else { (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS) }
    }

    /// Time since the last failure. A clock that was set back must not prolong a pause: then much has gone by.
    fn since(self, now: Timestamp) -> i64 {
        let since = now.0 - self.last.0;
        if since < 0 { i64::MAX } else { since }
    }
}

impl Failures {
    /// Notes a failure: how many of this cause were not logged since the last that was; `None` when this one is not to
    /// be logged either.
    pub(super) fn note(&mut self, cause: &str, now: Timestamp) -> Option<u64> {
        let count = self.trouble.map_or(0, |trouble| trouble.count);
        let is_due = |logged: Timestamp| (now.0 - logged.0).abs() >= LOG_EVERY_MS;
        let left_out = match self.causes.get_mut(cause) {
            Some((logged, left_out)) if !is_due(*logged) => {
                *left_out += 1;
                None
            }
            Some((logged, left_out)) => {
                *logged = now;
                Some(std::mem::take(left_out))
            }
            None => {
                // What is over; causes that name numbers would add up.
                let over = self.causes.extract_if(.., |_, (logged, _)| is_due(*logged));
                self.forgotten += over.map(|(_, (_, left_out))| left_out).sum::<u64>();
                self.causes.insert(cause.to_owned(), (now, 0));
                Some(0)
            }
        };
        let is_logged = left_out.is_some();
        self.trouble = Some(Trouble { count: count + 1, last: now, is_logged, is_healing: false });
        left_out
    }

    /// Notes that something was committed.
    pub(super) fn heal(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.is_healing = true;
        }
    }

    /// Whether it is too early for the next attempt.
    pub(super) fn pauses(&self, now: Timestamp) -> bool {
        self.trouble.is_some_and(|trouble| trouble.since(now) < trouble.pause_ms())
    }

    /// Whether what follows the last failure is news to nobody.
    pub(super) fn is_silent(&self) -> bool {
        self.trouble.is_some_and(|trouble| !trouble.is_logged)
    }

    /// Whether a trouble of several failures is over: how many there were, and how many of them were not logged. Said once.
    pub(super) fn over(&mut self, now: Timestamp) -> Option<(u32, u64)> {
        let is_over = |trouble: &mut Trouble| trouble.is_healing && trouble.since(now) >= OVER_AFTER_MS;
        let trouble = self.trouble.take_if(is_over)?;
        let unlogged = self.causes.values_mut().map(|(_, left_out)| std::mem::take(left_out));
        let left_out = unlogged.sum::<u64>() + std::mem::take(&mut self.forgotten);
        (trouble.count > 1).then_some((trouble.count, left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(1_000_000 + ms)
    }

    #[test]
    fn attempts_get_rarer_up_to_a_bound_and_a_single_failure_costs_no_pause() {
        let (mut failures, mut now) = (Failures::default(), 0);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            failures.note("denied", at(now));
            let pause = (0..20_000).step_by(100).find(|ms| !failures.pauses(at(now + ms))).expect("it ends");
            pauses.push(pause);
            now += pause + 100;
        }
        assert_eq!(pauses, [0, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert!(failures.pauses(at(now - 8_000)) && !failures.pauses(at(0)), "a clock that was set back ends it");
        // What was committed in between makes it no other trouble, unless nothing fails for long.
        failures.heal();
        failures.note("denied", at(now));
        assert!(failures.pauses(at(now + 7_999)));
        failures.heal();
        assert_eq!(failures.over(at(now + 15_000)), Some((9, 8)));
        failures.note("denied", at(now + 16_000));
        assert!(!failures.pauses(at(now + 16_000)));
    }

    #[test]
    fn a_cause_is_logged_once_a_minute_with_the_number_of_those_that_were_not() {
        let mut failures = Failures::default();
        // When it fails and for what; how many were left out, where it is logged.
        let table = [
            (0, "a", Some(0)),
            (1_000, "a", None),
            (2_000, "b", Some(0)),
            (3_000, "a", None),
            (59_999, "a", None),
            (60_000, "a", Some(3)),
            (61_000, "b", None),
            (62_000, "b", Some(1)),
        ];
        for (now, cause, logged) in table {
            assert_eq!(failures.note(cause, at(now)), logged, "{now} {cause}");
            assert_eq!(failures.is_silent(), logged.is_none(), "{now} {cause}");
        }
    }

    #[test]
    fn the_end_of_a_trouble_is_logged_once_with_what_was_not_logged_of_it() {
        let mut failures = Failures::default();
        failures.note("a", at(0));
        assert_eq!(failures.over(at(40_000)), None);
        failures.heal();
        assert_eq!(failures.over(at(40_000)), None, "one failure is no trouble");
        for (now, cause) in [(100_000, "a"), (101_000, "a"), (102_000, "b"), (103_000, "a")] {
            failures.note(cause, at(now));
        }
        assert_eq!(failures.over(at(150_000)), None, "nothing was committed yet");
        failures.heal();
        assert_eq!(failures.over(at(117_999)), None);
        assert_eq!(failures.over(at(118_000)), Some((4, 2)));
        assert_eq!(failures.over(at(200_000)), None);
        assert!(!failures.is_silent());
        // Causes that differ by a number do not add up.
        for number in 0..10_000 {
            failures.note(&format!("after {number} ms"), at(200_000 + number * 1_000));
        }
        assert!(failures.causes.len() < 100, "{}", failures.causes.len());
    }
}
