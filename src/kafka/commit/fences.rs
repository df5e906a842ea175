//! Whether somebody else uses our transactional id again and again, and how long to leave it to them.
//!
//! One fence is usual: a process that was thought dead wakes up. Two processes of one name fence each other for ever,
//! each restoring all its tasks in between: they take turns that grow longer, and the log says what is wrong.

use std::time::{Duration, Instant};

/// Fences closer together than this are of one quarrel.
const QUARREL: Duration = Duration::from_secs(120);

/// The first pause; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause: if the other has gone meanwhile, tasks wait as long for nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Fences of a transactional id.
#[derive(Debug, Default)]
pub(super) struct Fences {
    count: u32,
    last: Option<Instant>,
    pause_until: Option<Instant>,
}

impl Fences {
    /// Notes that somebody took the id over. Returns the pause to make, from the second time on.
    pub(super) fn note(&mut self, now: Instant) -> Option<Duration> {
        let again = self.last.is_some_and(|last| now.duration_since(last) < QUARREL);
        self.count = if again { self.count.saturating_add(1) } else { 1 };
        self.last = Some(now);
        let doublings = self.count.checked_sub(2)?;
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings.min(10)).min(LONGEST_PAUSE);
        self.pause_until = Some(now + pause);
        Some(pause)
    }

    /// Whether the id is still to be left to the other.
    pub(super) fn pausing(&self, now: Instant) -> bool {
        self.pause_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_one_name_take_turns_that_grow_up_to_a_bound() {
        let (mut fences, mut now) = (Fences::default(), Instant::now());
        assert_eq!(fences.note(now), None, "a process that woke up");
        assert!(!fences.pausing(now));
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = fences.note(now).expect("a quarrel");
            assert!(fences.pausing(now) && !fences.pausing(now + pause));
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(fences.note(now + QUARREL), None, "long ago");
    }
}
