//! Configuration of clients: our defaults with their reasons, under what the operator sets, under what exactly-once
//! rests on. Nothing is connected here.

use super::kinds;
use super::role::Role;
use crate::config::KafkaConfig;
use crate::kafka::error::Error;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// A setting of ours that an operator may change.
type Default = (&'static str, &'static str);

/// Every client.
const COMMON: &[Default] = &[
    // The broker may ask clients for their internals; nobody here reads them.
    ("enable.metrics.push", "false"),
    // A broker that restarts is back in seconds: do not wait ten between attempts.
    ("reconnect.backoff.max.ms", "1000"),
    // Without it small requests wait for the acknowledgement of the one before.
    ("socket.nagle.disable", "true"),
];

/// Every consumer.
const CONSUMER: &[Default] = &[
    // A connection whose other end is gone without a word (a pulled cable, a firewall that forgot it) is noticed when a
    // request is not answered in time: at the default of 60 s a task stands still for as long. Producers of workers
    // have the library's own bound, their transaction's timeout.
    ("socket.timeout.ms", "10000"),
    // The default of 1,000 stops the fetches of a queue once it was full for up to a second: a reader that drains it
    // faster idles half the time.
    ("fetch.queue.backoff.ms", "5"),
    // An idle partition costs 20 requests a second at most; a new record is sent at once in any case.
    ("fetch.wait.max.ms", "50"),
    // Large fetches pay for their request; one batch is at most about a megabyte.
    ("fetch.message.max.bytes", "2097152"),
    // Prefetch bounds are per consumer and per partition: with hundreds of partitions the defaults take gigabytes.
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "16384"),
    // Cheap, and a damaged batch must not become a result.
    ("check.crcs", "true"),
];

/// The member of the group.
const MEMBER: &[Default] = &[
    // How long a dead instance holds its tasks: the next alert of any task waits for it, also after its own restart.
    // Static ids would spare that wait, but a member killed between the two halves of a cooperative rebalance is given
    // its old part back, and the other half then never happens: tasks without an owner, for ever.
    ("session.timeout.ms", "6000"),
    // How soon a rebalance is heard of.
    ("heartbeat.interval.ms", "1000"),
    // A worker polls all the time, also while it restores; one that does not for so long is stuck.
    ("max.poll.interval.ms", "60000"),
];

/// Every producer.
const PRODUCER: &[Default] = &[
    // Above the largest transaction, or it waits in the middle.
    ("queue.buffering.max.messages", "1000000"),
    ("batch.num.messages", "10000"),
    // A dead letter is larger than its record, and compressed records can be larger than any topic's limit says.
    ("message.max.bytes", "16777216"),
];

/// The producer of a worker.
const TRANSACTIONAL: &[Default] = &[
    // A commit hands over all it has at once, and until the broker has added the partitions to the transaction nothing
    // is sent: the batches are filled by then.
    ("linger.ms", "0"),
    // Most of what a worker writes is state, and most of that is hashes: packing it costs us and unpacking it the
    // broker, which looks into every batch, more than the bytes it saves.
    ("compression.type", "none"),
    // How long the open transaction of a killed instance holds up readers and restores.
    ("transaction.timeout.ms", "10000"),
    // Offsets of the next transaction meet the markers of the last one still being written, and are sent again after
    // this: at the default of 100 every second commit takes 100 ms.
    ("retry.backoff.ms", "3"),
    // Success needs no report: the commit says whether all was written.
    ("delivery.report.only.error", "true"),
];

const PUBLISHER: &[Default] = &[
    // What waits to be sent is a copy: a file is read as fast as it is sent, and no faster. The library's own bound is
    // a gigabyte.
    ("queue.buffering.max.kbytes", "32768"),
    // Small records cost the library several times their bytes; with 100,000 `publish` took 156 MB in all, with so many 116.
    ("queue.buffering.max.messages", "50000"),
    ("linger.ms", "20"),
    // Results of a batch are alike: fewer bytes through the socket cost less than the compression.
    ("compression.type", "lz4"),
];

/// Settings that exactly-once or the placement rests on.
const OURS: &[&str] = &[
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "partition.assignment.strategy",
    "transactional.id",
    "enable.idempotence",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "auto.offset.reset",
    "isolation.level",
    "delivery.report.only.error",
    "allow.auto.create.topics",
    "acks",
    "request.required.acks",
    "log.queue",
];

/// All settings of a client, ready for librdkafka.
pub fn properties(config: &KafkaConfig, role: &Role) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    for defaults in defaults_of(role) {
        all.extend(defaults.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }
    for (name, value) in &config.properties {
        if OURS.contains(&name.as_str()) {
            return Err(Error::new(format!(
                "kafka.properties: {name} cannot be set: exactly-once or the placement of tasks rests on it"
            )));
        }
        if !kinds::is_for(role, name) {
            continue;
        }
        let value = value.value().map_err(|error| Error::new(format!("kafka.properties: {name}: {error}")))?;
        if name.ends_with(".location") {
            require_file(name, &value)?;
        }
        all.insert(name.clone(), value);
    }
    all.insert("bootstrap.servers".to_owned(), config.brokers.clone());
    all.extend(fixed_of(role).into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(all)
}

/// What TLS reads must be there: the library would only say that something of the system failed.
fn require_file(name: &str, path: &str) -> Result<(), Error> {
    // A word that the library takes in the place of a file: it looks for the system's certificates.
    if path == "probe" || Path::new(path).is_dir() {
        return Ok(());
    }
    let unreadable = |error| Error::new(format!("kafka.properties: {name}: the file {path} cannot be read: {error}"));
    File::open(path).map(drop).map_err(unreadable)
}

fn defaults_of(role: &Role) -> Vec<&'static [Default]> {
    match role {
        Role::Member { .. } => vec![COMMON, CONSUMER, MEMBER],
        Role::CoPartitioned { .. } | Role::Reader { .. } => vec![COMMON, CONSUMER],
        Role::Transactional { .. } => vec![COMMON, PRODUCER, TRANSACTIONAL],
        Role::Publisher => vec![COMMON, PRODUCER, PUBLISHER],
        Role::Admin => vec![COMMON],
    }
}

fn fixed_of(role: &Role) -> Vec<(&'static str, String)> {
    let consumer = |group: &String, lost: &str, at_end: &str| {
        vec![
            ("group.id", group.clone()),
            // Offsets go into the transaction and nowhere else.
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("auto.offset.reset", lost.to_owned()),
            ("enable.partition.eof", at_end.to_owned()),
        ]
    };
    let mut all = match role {
        // The batch call counts an end-of-partition event as one record; the pause of a rebalance then goes on from
        // one too far, and a record is lost: no such events on inputs. And an offset that the broker no longer has
        // means that records were deleted unread: an error, never a reason to go on from elsewhere.
        Role::CoPartitioned { group } => consumer(group, "error", "false"),
        Role::Member { group } => {
            let mut all = consumer(group, "error", "false");
            // A task that stays is not interrupted.
            all.push(("partition.assignment.strategy", "cooperative-sticky".to_owned()));
            all
        }
        // Never paused, so the events are safe; offsets have gaps, so only they tell that the end is reached.
        Role::Reader { group } => consumer(group, "earliest", "true"),
        Role::Transactional { id } => vec![("transactional.id", id.clone())],
        Role::Publisher => vec![("enable.idempotence", "true".to_owned())],
        Role::Admin => Vec::new(),
    };
    // A producer's client creates what it asks for, by default and where the broker lets it: a topic that was deleted
    // would come back empty, with the broker's number of partitions.
    all.push(("allow.auto.create.topics", "false".to_owned()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Property;

    fn config(properties: &[(&str, &str)]) -> KafkaConfig {
        let mut config = KafkaConfig::new("localhost:9092", "");
        config.properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), Property::Text((*value).to_owned()))).collect();
        config
    }

    fn member() -> Role {
        Role::Member { group: "g".to_owned() }
    }

    #[test]
    fn tls_and_sasl_settings_reach_every_client() {
        let config = config(&[("security.protocol", "sasl_ssl"), ("sasl.mechanism", "PLAIN")]);
        let reader = Role::Reader { group: "g".to_owned() };
        let transactional = Role::Transactional { id: "t".to_owned() };
        for role in [
            member(),
            Role::CoPartitioned { group: "g".to_owned() },
            reader,
            transactional,
            Role::Publisher,
            Role::Admin,
        ] {
            let all = properties(&config, &role).expect("allowed");
            assert_eq!(all["security.protocol"], "sasl_ssl", "{role:?}");
            assert_eq!(all["sasl.mechanism"], "PLAIN", "{role:?}");
        }
    }

    #[test]
    fn a_file_of_tls_that_is_not_there_is_named() {
        for name in ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location"] {
            let error = properties(&config(&[(name, "/nowhere/some.pem")]), &member()).expect_err("refused").0;
            assert!(
                error.contains(name) && error.contains("/nowhere/some.pem") && error.contains("No such"),
                "{error}"
            );
        }
        for there in ["probe", env!("CARGO_MANIFEST_DIR")] {
            properties(&config(&[("ssl.ca.location", there)]), &member()).expect("allowed");
        }
    }

    #[test]
    fn an_operator_wins_over_defaults_but_not_over_exactly_once() {
        let all = properties(&config(&[("session.timeout.ms", "20000")]), &member()).expect("allowed");
        assert_eq!(all["session.timeout.ms"], "20000");
        let error = properties(&config(&[("isolation.level", "read_uncommitted")]), &member()).expect_err("refused");
        assert!(error.0.contains("isolation.level"), "{error}");
    }

    #[test]
    fn each_client_is_given_the_settings_of_its_kind() {
        let config = config(&[("session.timeout.ms", "20000"), ("linger.ms", "7"), ("client.id", "x")]);
        let given = |role: &Role| {
            let all = properties(&config, role).expect("allowed");
            [("session.timeout.ms", "20000"), ("linger.ms", "7"), ("client.id", "x")]
                .map(|(name, value)| all.get(name).map(String::as_str) == Some(value))
        };
        for role in [member(), Role::Reader { group: "g".to_owned() }] {
            assert_eq!(given(&role), [true, false, true], "{role:?}");
        }
        for role in [Role::Transactional { id: "t".to_owned() }, Role::Publisher] {
            assert_eq!(given(&role), [false, true, true], "{role:?}");
        }
        assert_eq!(given(&Role::Admin), [false, false, true]);
    }

    #[test]
    fn no_client_brings_a_deleted_topic_back_empty() {
        let reader = Role::Reader { group: "g".to_owned() };
        for role in [member(), reader, Role::Transactional { id: "t".to_owned() }, Role::Publisher, Role::Admin] {
            let all = properties(&config(&[]), &role).expect("allowed");
            assert_eq!(all["allow.auto.create.topics"], "false", "{role:?}");
        }
    }
}
