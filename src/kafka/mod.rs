//! Kafka. The only part of the program that names `rdkafka`.
//!
//! | file | what it does |
//! |---|---|
//! | [`client`] | configuration of clients, with the reason of each default; the library's wrapper |
//! | `native` | the C library behind safe handles |
//! | [`log`] | [`log::KafkaLog`], the worker's access to the log |
//! | `group` | placement: the member of the group, the co-partitioned inputs, the fence of commits |
//! | `commit` | transactions and the life of their producer |
//! | `restore` | reads changelogs back |
//! | `idle` | how far tasks are behind the wall clock |
//! | [`reader`] | follows whole topics, for views, rules and progress |
//! | [`lost`] | what was deleted from inputs before it was read |
//! | [`cut`] | a moment at which no commit is under way, for an audit |
//! | [`publisher`] | writes records outside of a worker: files, the demo, rules |
//! | [`watch`] | looks after the topics while the processor runs |
//! | `refusal` | why no broker lets us in, where waiting does not heal it |
//! | `acl` | what the broker's access control does not let us do |
//! | `remedy` | commands for operators, in errors |
//! | [`topics`] | creates topics, and says what is wrong with those there are |
//! | [`embedded`] | a broker inside the process, for the demo |
//! | `names`, `settings`, `error` | what several of these use |
//!
//! Why the C library and not `rdkafka`'s consumers and producers: their batch call consumes nothing with a
//! subscription, their commit waits 100 ms, and their rebalance hook assigns on its own.

mod acl;
pub mod client;
mod commit;
pub mod cut;
pub mod embedded;
mod error;
mod group;
mod idle;
pub mod log;
pub mod lost;
mod names;
mod native;
pub mod publisher;
pub mod reader;
mod refusal;
mod remedy;
mod restore;
pub mod rules;
mod settings;
pub mod topics;
pub mod watch;

pub use error::Error;
pub use names::{group_of, topic_name};
