//! A broker inside the process, for the demo: librdkafka's mock cluster.
//!
//! It proves nothing about exactly-once: it keeps no offsets sent in transactions, shows aborted records, and drops
//! the oldest of a partition beyond 5 MiB or 100,000 batches without a word. So a worker on it cannot restore: the
//! process and its broker start and end together.

use super::error::Error;
use super::names::Names;
use super::native::Mock;
use crate::config::{KafkaConfig, Property};
use crate::model::record::Layout;
use std::time::Duration;

/// Members join within this; the default of three seconds is a third of a short demo.
const REBALANCE_DELAY: Duration = Duration::from_millis(100);

/// A running broker; it ends when dropped, so drop its clients first.
#[derive(Debug)]
pub struct Embedded {
    mock: Mock,
}

impl Embedded {
    /// Starts the broker, with all topics of the contract.
    pub fn start(layout: Layout) -> Result<Self, Error> {
        let mock = Mock::start(REBALANCE_DELAY)?;
        let names = Names::new("");
        for topic in crate::model::record::Topic::ALL {
            mock.create_topic(names.of(topic), super::topics::partitions_of(topic, layout))?;
        }
        Ok(Self { mock })
    }

    /// `host:port` of the broker.
    pub fn brokers(&self) -> String {
        self.mock.bootstraps()
    }

    /// How clients reach it, with what it needs of them.
    pub fn config(&self) -> KafkaConfig {
        let mut config = KafkaConfig::new(self.brokers(), "");
        // It answers a fetch that finds nothing only when this is over, also when a record comes meanwhile.
        config.properties.insert("fetch.wait.max.ms".to_owned(), Property::Number(5));
        // A member that stalls must not lose its tasks: they could not be restored.
        for (name, limit) in [("session.timeout.ms", 300_000), ("max.poll.interval.ms", 600_000)] {
            config.properties.insert(name.to_owned(), Property::Number(limit));
        }
        config
    }
}
