//! Looks after the topics while the processor runs.
//!
//! In: how many partitions each topic had when the work began. Out: whether a broker answers, and an error once a topic
//! is gone or has another number of partitions. Whoever went on then would keep people where nobody looks for them:
//! their task is the hash of their pseudonym modulo that number.

use super::client::{Names, Role, properties};
use super::mend::start_anew;
use super::native::{Handle, Kind};
use super::topics::partitions_of;
use super::{Error, topic_name};
use crate::config::KafkaConfig;
use crate::model::record::{Layout, Topic};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a broker may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How many looks in a row must find the same: a broker that was just started may not know everything yet.
const SURE: u32 = 2;

/// A look at all topics, now and then.
#[derive(Debug)]
pub struct TopicWatch {
    handle: Handle,
    names: Names,
    config: KafkaConfig,
    layout: Layout,
    /// What the last looks found that is not as it was, and how many of them in a row.
    found: BTreeMap<Topic, (i32, u32)>,
}

impl TopicWatch {
    /// Watches all topics of a deployment. Errors are about settings.
    pub fn new(config: &KafkaConfig, layout: Layout) -> Result<Self, Error> {
        // A consumer's client: a producer's could create what it asks for, and so hide that it is gone.
        let role = Role::Reader { group: config.group.clone() };
        let handle = Handle::new(Kind::Consumer, &properties(config, &role)?, Arc::new(Notify::new()))?;
        Ok(Self { handle, names: Names::new(&config.prefix), config: config.clone(), layout, found: BTreeMap::new() })
    }

    /// Where the brokers are.
    pub fn brokers(&self) -> &str {
        &self.config.brokers
    }

    /// Looks. Says whether a broker answered.
    pub fn look(&mut self) -> Result<bool, Error> {
        let names: Vec<&CStr> = Topic::ALL.iter().map(|topic| self.names.of(*topic)).collect();
        let Ok(counts) = self.handle.partition_counts(&names, ANSWER_LIMIT) else { return Ok(false) };
        let counts: Vec<(Topic, i32)> =
            counts.iter().filter_map(|(name, count)| Some((self.names.topic(name)?, *count))).collect();
        for (topic, count) in counts {
            self.compare(topic, count)?;
        }
        Ok(true)
    }

    fn compare(&mut self, topic: Topic, count: i32) -> Result<(), Error> {
        let expected = partitions_of(topic, self.layout);
        if count == expected {
            self.found.remove(&topic);
            return Ok(());
        }
        let (before, times) = self.found.get(&topic).copied().unwrap_or((count, 0));
        let times = if before == count { times + 1 } else { 1 };
        self.found.insert(topic, (count, times));
        if times < SURE {
            return Ok(());
        }
        let name = topic_name(&self.config.prefix, topic);
        Err(Error::new(match count {
            0 => format!("topic {name} was deleted while the processor ran; {}", start_anew(&self.config)),
            _ => format!(
                "topic {name} has {count} partitions now, and had {expected} when the processor started: publishers \
                 place people in other partitions since, and nothing more is read; to go on with the new number, {}",
                start_anew(&self.config)
            ),
        }))
    }
}
