//! The rules as their topic holds them now: read once, from the beginning to the end. Who follows them while they change
//! is the processor ([`Globals`](crate::runtime::globals::Globals)) and the page.

use super::error::Error;
use super::reader::{From, TopicReader};
use crate::audit::RulesFound;
use crate::config::KafkaConfig;
use crate::model::record::Topic;
use crate::policy::error::RuleError;
use crate::policy::set::RuleSetReader;
use std::time::Duration;

/// What the topic holds.
#[derive(Debug, Default)]
pub struct Held {
    /// All its records.
    pub records: RuleSetReader,
    /// The set in force, if there is one.
    pub in_force: Option<RulesFound>,
    /// Why the last set did not come into force.
    pub errors: Vec<RuleError>,
}

/// Reads the topic to its end, which a compaction keeps near.
pub fn read(kafka: &KafkaConfig, limit: Duration) -> Result<Held, Error> {
    let mut held = Held::default();
    let mut topic = TopicReader::open(kafka, &[Topic::Rules], From::Beginning)?;
    topic.read_to_end(limit, &mut |records| {
        for record in records {
            match held.records.read(record.key.unwrap_or_default(), record.payload) {
                Ok(Some(rules)) => {
                    // The first set lies at the very beginning, without anything between.
                    let first = record.position.offset == rules.to_records().len() as i64;
                    let changed = held.in_force.is_some() || !first;
                    (held.in_force, held.errors) = (Some(RulesFound { rules, changed }), Vec::new());
                }
                Ok(None) => {}
                Err(errors) => held.errors = errors,
            }
        }
    })?;
    Ok(held)
}
