//! How many messages are due: a steady rate, without a burst after a pause.

use std::time::{Duration, Instant};

/// What is due is never more than this long's worth, however long the publisher was held up.
const MOST: Duration = Duration::from_millis(250);

/// A steady rate.
#[derive(Debug)]
pub struct Pace {
    per_second: f64,
    last: Instant,
    credit: f64,
}

impl Pace {
    /// A rate that begins now.
    pub fn new(per_second: u32, now: Instant) -> Self {
        Self { per_second: f64::from(per_second), last: now, credit: 0.0 }
    }

    /// Messages due since the last call.
    pub fn due(&mut self, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.last).min(MOST);
        self.last = now;
        self.credit += passed.as_secs_f64() * self.per_second;
        let due = self.credit.floor();
        self.credit -= due;
        due as usize
    }

    /// Lets time pass without anything becoming due.
    pub fn hold(&mut self, now: Instant) {
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_whatever_the_steps() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000, start);
        let mut sum = 0;
        let mut at = start;
        for step in [1, 7, 10, 33, 100, 3, 46].into_iter().cycle().take(700) {
            at += Duration::from_millis(step);
            sum += pace.due(at);
        }
        assert_eq!(sum, 20_000);
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(1_000, start);
        assert_eq!(pace.due(start + Duration::from_secs(60)), 250);
        pace.hold(start + Duration::from_secs(120));
        assert_eq!(pace.due(start + Duration::from_millis(120_010)), 10);
    }
}
