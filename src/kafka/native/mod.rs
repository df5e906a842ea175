//! The C library behind safe handles: outside of this folder nobody needs unsafe code to talk to Kafka.
//!
//! What holds everywhere: a client is destroyed after its queues and messages (else closing hangs); callbacks reach
//! only `Shared`, which lives as long as the client; strings of the library are copied before it can free them.

#![allow(unsafe_code, reason = "the calls of a C library; each block says why it holds")]

mod callbacks;
mod consumer;
mod error;
mod handle;
pub(super) mod logs;
mod messages;
mod metadata;
mod mock;
mod partitions;
mod producer;
mod query;
mod rebalance;
mod request;
mod shared;
mod values;

pub(super) use consumer::Consumer;
pub(super) use error::TransactionError;
pub(super) use handle::{Handle, Kind};
pub(super) use messages::{Batch, Message};
pub(super) use metadata::{TopicId, Unreached};
pub(super) use mock::Mock;
pub(super) use partitions::PartitionList;
pub(super) use producer::{Ending, Outgoing, TransactionEnd, TransactionalProducer, Unended};
pub(super) use query::{Answer, End, Query};
pub(super) use rebalance::Membership;
pub(super) use request::NoAnswer;
pub(super) use values::ErrorCode;
