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
use crate::terminal::signals;
use anyhow::{Context as _, bail, ensure};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Nothing comes for this long: it is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// From which offset to which, by partition.
pub(super) type Stretches = BTreeMap<(Topic, i32), Range<i64>>;

/// The rules in force, and whether others were before.
pub(super) fn rules_in_force(kafka: &KafkaConfig) -> anyhow::Result<RulesFound> {
    let found = rules::read(kafka, PATIENCE)?.in_force;
    found.context("no rules are in force: publish some with `swabstream rules apply DIR`")
}

/// How long a signal, or that nobody reads any more, may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Hands over everything that some topics hold now. Whether anybody still reads what comes of it: else it stops early.
pub(super) fn to_the_end(
    kafka: &KafkaConfig,
    topics: &[Topic],
    take: &mut dyn FnMut(&Record<'_>),
) -> anyhow::Result<bool> {
    let mut reader = TopicReader::open(kafka, topics, From::Beginning)?;
    while !reader.caught_up() {
        ensure!(!signals::asked(), "interrupted before everything was read");
        if output::is_closed() {
            return Ok(false);
        }
        reader.poll_within(10_000, LONGEST_WAIT, &mut |records| records.iter().for_each(&mut *take))?;
    }
    Ok(true)
}

/// Hands over every record of some stretches.
pub(super) fn all(
    kafka: &KafkaConfig,
    stretches: &Stretches,
    patience: Duration,
    take: &mut dyn FnMut(&Record<'_>, Headers<'_>),
) -> anyhow::Result<()> {
    let mut reader = TopicReader::between(kafka, stretches)?;
    let (whole, mut moved) = (reader.remaining(), (reader.remaining(), clock::monotonic()));
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
        if left < moved.0 {
            moved = (left, clock::monotonic());
            progress.at(whole - left, whole - left);
        } else if moved.1.elapsed() > patience {
            bail!("nothing came for {} s, {left} offsets were left to read", patience.as_secs());
        }
    }
    Ok(())
}
