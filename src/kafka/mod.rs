//! Kafka. The only part of the program that names `rdkafka`.
//!
//! | file | what it does |
//! |---|---|
//! | [`client`] | configuration of clients, with the reason of each default |
//! | `native` | the C library behind safe handles |
//! | [`log`] | [`log::KafkaLog`], the worker's access to the log |
//! | `group` | placement: the member of the group, the twins of its partitions, the fence of commits |
//! | `commit` | transactions and the life of their producer |
//! | `restore` | reads changelogs back |
//! | `idle` | how far tasks are behind the wall clock |
//! | [`reader`] | follows whole topics, for views, rules and progress |
//! | [`lost`] | what was deleted from inputs before it was read |
//! | [`cut`] | a moment at which no commit is under way, for an audit |
//! | [`publisher`] | writes records outside of a worker: files, the demo, rules |
//! | [`watch`] | looks after the topics while the processor runs |
//! | `refusal` | why no broker lets us in, where waiting does not heal it |
//! | `mend` | commands for operators, in errors |
//! | [`topics`] | creates topics, and says what is wrong with those there are |
//! | [`embedded`] | a broker inside the process, for the demo |
//!
//! Why the C library and not `rdkafka`'s consumers and producers: their batch call consumes nothing with a
//! subscription, their commit waits 100 ms, and their rebalance hook assigns on its own.

pub mod client;
mod commit;
pub mod cut;
pub mod embedded;
mod group;
mod idle;
pub mod log;
pub mod lost;
mod mend;

mod native;

pub mod publisher;
pub mod reader;
mod refusal;
mod restore;
pub mod rules;
pub mod topics;
pub mod watch;

use crate::config::KafkaConfig;
use crate::model::record::{HalfKind, Topic};
use crate::pipeline::half::Half;
use crate::runtime::log::Fatal;

/// Kafka refused, or cannot be reached. The text names topic, partition and setting, never a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl Error {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        Self::log(error)
    }
}

/// The consumer group of a half.
pub fn group_of<H: Half>(config: &KafkaConfig) -> String {
    match H::KIND {
        HalfKind::Person => config.group.clone(),
        HalfKind::Area => format!("{}-areas", config.group),
    }
}

/// A topic's name in a deployment.
pub fn topic_name(prefix: &str, topic: Topic) -> String {
    format!("{prefix}{}", topic.name())
}
