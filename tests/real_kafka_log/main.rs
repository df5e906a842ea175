//! `KafkaLog` on a real Kafka: placement, fencing, restore, under kills, zombies and outages.

#[path = "../support/kafka.rs"]
mod kafka;
#[path = "../support/own_kafka.rs"]
mod own_kafka;

mod idle;
mod node;
mod outage;
mod placement;
mod restore;
