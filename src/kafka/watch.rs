//! Looks after the topics while the processor runs.
//!
//! In: how many partitions each topic had when the work began, and the ids they had at the first look. Out: whether a
//! broker answers, and an error once a topic is gone, has another number of partitions, or is another topic of the same
//! name. Whoever went on then would keep people where nobody looks for them (their task is the hash of their pseudonym
//! modulo that number), or go on beside state, alerts and results that are lost, as if they were there.

use super::client::{Role, properties};
use super::error::Error;
use super::names::{Names, topic_name};
use super::native::{Handle, Kind, TopicId};
use super::remedy::{made_anew, start_anew};
use super::topics::partitions_of;
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
    /// Ids of the topics as far as a broker has reported them, each as it was reported first.
    ids: BTreeMap<Topic, TopicId>,
    other_counts: Odd<i32>,
    other_ids: Odd<TopicId>,
}

impl TopicWatch {
    /// Watches all topics of a deployment. Errors are about settings.
    pub fn new(config: &KafkaConfig, layout: Layout) -> Result<Self, Error> {
        // A consumer's client: a producer's could create what it asks for, and so hide that it is gone.
        let role = Role::Reader { group: config.group.clone() };
        let handle = Handle::new(Kind::Consumer, &properties(config, &role)?, Arc::new(Notify::new()))?;
        let (names, config, ids) = (Names::new(&config.prefix), config.clone(), BTreeMap::new());
        let (other_counts, other_ids) = (Odd::default(), Odd::default());
        Ok(Self { handle, names, config, layout, ids, other_counts, other_ids })
    }

    /// Where the brokers are.
    pub fn brokers(&self) -> &str {
        &self.config.brokers
    }

    /// What a broker refuses us for, or we refuse it for, if that is why none answers.
    pub fn why_silent(&self) -> Option<String> {
        self.handle.refusal().map(|refusal| refusal.explain(&self.config))
    }

    /// Looks. Says whether a broker answered.
    pub fn look(&mut self) -> Result<bool, Error> {
        let all = Topic::ALL.iter().filter(|topic| !topic.is_of_a_command());
        let names: Vec<&CStr> = all.map(|topic| self.names.of(*topic)).collect();
        let Ok(counts) = self.handle.partition_counts(&names, ANSWER_LIMIT) else { return Ok(false) };
        self.handle.welcome();
        // Without an answer, or from a broker too old for ids, nothing is known against a topic.
        let ids = self.handle.topic_ids(&names, ANSWER_LIMIT).unwrap_or_default();
        for (name, count) in counts {
            self.names.topic(&name).map_or(Ok(()), |topic| self.compare_count(topic, count))?;
        }
        for (name, id) in ids {
            self.names.topic(&name).map_or(Ok(()), |topic| self.compare_id(topic, id))?;
        }
        Ok(true)
    }

    fn compare_count(&mut self, topic: Topic, count: i32) -> Result<(), Error> {
        let expected = partitions_of(topic, self.layout);
        if !self.other_counts.is_sure(topic, count, expected) {
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

    fn compare_id(&mut self, topic: Topic, id: TopicId) -> Result<(), Error> {
        let first = *self.ids.entry(topic).or_insert(id);
        match self.other_ids.is_sure(topic, id, first) {
            true => Err(made_anew(&self.config, topic)),
            false => Ok(()),
        }
    }
}

/// What the last looks found that is not as it was, and how many of them in a row.
#[derive(Debug)]
struct Odd<T>(BTreeMap<Topic, (T, u32)>);

impl<T> Default for Odd<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy + PartialEq> Odd<T> {
    /// Whether enough looks in a row, this one included, found the same other thing than expected.
    fn is_sure(&mut self, topic: Topic, found: T, expected: T) -> bool {
        if found == expected {
            self.0.remove(&topic);
            return false;
        }
        let times = match self.0.get(&topic) {
            Some((before, times)) if *before == found => times + 1,
            _ => 1,
        };
        self.0.insert(topic, (found, times));
        times >= SURE
    }
}
