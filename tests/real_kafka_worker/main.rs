//! What a processor goes through in a long life, on a real Kafka; most of it shown by one worker with the smallest half
//! there is.

#[path = "../support/counting.rs"]
mod counting;
#[path = "../support/kafka.rs"]
mod kafka;
#[path = "../support/rules.rs"]
mod rules;
#[path = "../support/waiting.rs"]
mod waiting;

mod deployment;
mod placement;
mod retention;
mod topics;
