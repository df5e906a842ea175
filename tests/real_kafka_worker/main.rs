//! A whole worker on a real Kafka, with the smallest half there is: what a processor goes through in a long life.

#[path = "../support/counting.rs"]
mod counting;
#[path = "../support/kafka.rs"]
mod kafka;

mod deployment;
mod retention;
