//! Settings that only one kind of client has. One map of properties serves all clients: each is given what is of its
//! kind, or the library would warn of the others.

use super::role::Role;

/// Of consumers only. The rest of the library's are of both kinds, or are ours (`OURS`).
const CONSUMER_ONLY: &[&str] = &[
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.protocol.type",
    "group.remote.assignor",
    "coordinator.query.interval.ms",
    "max.poll.interval.ms",
    "auto.commit.interval.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.wait.max.ms",
    "fetch.queue.backoff.ms",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "fetch.error.backoff.ms",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "check.crcs",
    "consume.callback.max.messages",
];

/// Of producers only.
const PRODUCER_ONLY: &[&str] = &[
    "transaction.timeout.ms",
    "enable.gapless.guarantee",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.ms",
    "queue.buffering.backpressure.threshold",
    "linger.ms",
    "message.send.max.retries",
    "retries",
    "compression.codec",
    "compression.type",
    "compression.level",
    "batch.num.messages",
    "batch.size",
    "sticky.partitioning.linger.ms",
    "request.timeout.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "queuing.strategy",
    "produce.offset.report",
    "partitioner",
];

/// Whether a client of this role has a use for a setting. An unknown one is for all: the library refuses it.
pub(super) fn is_for(role: &Role, name: &str) -> bool {
    match role {
        Role::Member { .. } | Role::CoPartitioned { .. } | Role::Reader { .. } => !PRODUCER_ONLY.contains(&name),
        Role::Transactional { .. } | Role::Publisher => !CONSUMER_ONLY.contains(&name),
        Role::Admin => !CONSUMER_ONLY.contains(&name) && !PRODUCER_ONLY.contains(&name),
    }
}
