//! Reading stretches of topics, with progress on the terminal: for an audit and a repair.

use crate::audit::RulesFound;
use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::reader::{From, Headers, TopicReader};
use crate::model::record::{Record, Topic};
use crate::policy::set::RuleSetReader;
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

/// The rules in force, and whether others were before: then the topic holds more than one set.
pub(super) fn rules_in_force(kafka: &KafkaConfig) -> anyhow::Result<RulesFound> {
    let mut reader = RuleSetReader::default();
    let (mut found, mut sets): (Option<RulesFound>, _) = (None, 0);
    let mut topic = TopicReader::open(kafka, &[Topic::Rules], From::Beginning)?;
    topic.read_to_end(PATIENCE, &mut |records| {
        for record in records {
            if let Ok(Some(rules)) = reader.read(record.key.unwrap_or_default(), record.payload) {
                sets += 1;
                // The first set lies at the very beginning, without anything between.
                let first = record.position.offset == rules.to_records().len() as i64;
                found = Some(RulesFound { rules, changed: sets > 1 || !first });
            }
        }
    })?;
    found.context("no rules are in force: publish some with `swabstream rules apply DIR`")
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
