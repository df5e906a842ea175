//! Reading topics to their end: all that they hold, or stretches of them with progress on the terminal, for an audit and a
//! repair.

use crate::audit::RulesFound;
use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::reader::{From, Headers, TopicReader};
use crate::kafka::rules;
use crate::model::record::{Record, Topic};
use crate::terminal::output;
use crate::terminal::progress::Progress;
use crate::terminal::say;
use crate::terminal::signals;
use anyhow::{Context as _, bail, ensure};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Nothing comes for this long: it is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing comes for this long: that is said.
const A_WORD_AFTER: Duration = Duration::from_secs(10);

/// From which offset to which, by partition.
pub(super) type Stretches = BTreeMap<(Topic, i32), Range<i64>>;

/// The rules in force, and whether others were before.
pub(super) fn rules_in_force(kafka: &KafkaConfig) -> anyhow::Result<RulesFound> {
    let found = rules::read(kafka, PATIENCE)?.in_force;
    found.context(NO_RULES)
}

/// Nothing can be said without them.
pub(super) const NO_RULES: &str = "no rules are in force: publish some with `swabstream rules apply DIR`";

/// How long a signal, or that nobody reads any more, may go unnoticed.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Hands over everything that some topics hold now. Whether anybody still reads what comes of it: else it stops early.
pub(super) fn to_the_end(
    kafka: &KafkaConfig,
    topics: &[Topic],
    take: &mut dyn FnMut(&Record<'_>),
) -> anyhow::Result<bool> {
    let mut reader = TopicReader::open(kafka, topics, From::Beginning)?;
    let whole = reader.remaining();
    let (mut wait, mut progress) = (Wait::new(whole, PATIENCE), Progress::new("offsets read", Some(whole)));
    while !reader.caught_up() {
        ensure!(!signals::asked(), "interrupted before everything was read");
        if output::is_closed() {
            return Ok(false);
        }
        reader.poll_within(10_000, LONGEST_WAIT, &mut |records| records.iter().for_each(&mut *take))?;
        let left = reader.remaining();
        if wait.left(left)? {
            progress.at(whole - left, whole - left);
        }
    }
    Ok(true)
}

/// Waiting for a broker that may have gone away: with a word, and not for ever.
pub(super) struct Wait {
    left: u64,
    moved: Instant,
    patience: Duration,
    has_said: bool,
}

impl Wait {
    /// So many offsets are left to read, and something must come within `patience`.
    pub(super) fn new(left: u64, patience: Duration) -> Self {
        Self { left, moved: clock::monotonic(), patience, has_said: false }
    }

    /// So many are left now; whether there are fewer than before. An error once nothing has come for too long.
    pub(super) fn left(&mut self, left: u64) -> anyhow::Result<bool> {
        let waited = self.moved.elapsed();
        if left < self.left {
            *self = Self::new(left, self.patience);
            return Ok(true);
        }
        if waited > self.patience {
            bail!("nothing came for {} s, {left} offsets were left to read", self.patience.as_secs());
        }
        if waited > A_WORD_AFTER && !self.has_said {
            self.has_said = true;
            say(&format!("nothing has come for {} s; waiting for the Kafka broker", A_WORD_AFTER.as_secs()));
        }
        Ok(false)
    }
}

/// Hands over every record of some stretches.
pub(super) fn all(
    kafka: &KafkaConfig,
    stretches: &Stretches,
    patience: Duration,
    take: &mut dyn FnMut(&Record<'_>, Headers<'_>),
) -> anyhow::Result<()> {
    let mut reader = TopicReader::between(kafka, stretches)?;
    let whole = reader.remaining();
    let mut wait = Wait::new(whole, patience);
    let mut progress = Progress::new("offsets read", Some(whole));
    let counts = |record: &Record<'_>| {
        let place = record.position;
        stretches.get(&(place.topic, place.partition)).is_some_and(|stretch| stretch.contains(&place.offset))
    };
    while !reader.caught_up() {
        ensure!(!signals::asked(), "interrupted while reading; nothing was written");
        reader.poll_headers(10_000, Duration::from_millis(100), &mut |record, headers| {
            // A stretch that is read may go on while others are not.
            if counts(record) {
                take(record, headers);
            }
        })?;
        let left = reader.remaining();
        if wait.left(left)? {
            progress.at(whole - left, whole - left);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_went_away_is_not_waited_for_for_ever() {
        let mut wait = Wait::new(10, Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(wait.left(9).expect("something came"));
        std::thread::sleep(Duration::from_millis(1));
        let why = wait.left(9).expect_err("nothing came").to_string();
        assert!(why.contains("nothing came for 0 s, 9 offsets were left"), "{why}");
        assert!(!Wait::new(9, PATIENCE).left(9).expect("it may still come"));
    }
}
