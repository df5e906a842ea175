//! A worker's place in Kafka.

use super::lost::Lost;
use crate::config::KafkaConfig;
use crate::model::record::Topic;
use std::time::Duration;

/// One worker's place in Kafka.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to reach Kafka.
    pub config: KafkaConfig,
    /// Consumer group of the half.
    pub group: String,
    /// Unique per half, instance and worker, and the same after a restart: it is the transactional id, whose new
    /// owner ends what the old one left open.
    pub id: String,
    /// Inputs of the half; the group subscribes to the first.
    pub inputs: &'static [Topic],
    /// Changelog of the half.
    pub changelog: Topic,
    /// How long a restore waits for somebody else's open transaction before it looks into it and names it.
    pub restore_wait: Duration,
    /// What an operator gives up: a task that lacks nothing else is restored all the same.
    pub given_up: Vec<Lost>,
}

impl Settings {
    /// The half whose inputs and changelog these are, everything else by default.
    pub fn new(
        config: &KafkaConfig,
        group: impl Into<String>,
        id: impl Into<String>,
        inputs: &'static [Topic],
        changelog: Topic,
    ) -> Self {
        Self {
            config: config.clone(),
            group: group.into(),
            id: id.into(),
            inputs,
            changelog,
            restore_wait: Duration::from_secs(60),
            given_up: Vec::new(),
        }
    }
}
