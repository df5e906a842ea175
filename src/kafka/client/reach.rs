//! Whether a broker can be reached, before a client of the library's wrapper is used.

use super::{Role, properties};
use crate::config::KafkaConfig;
use crate::kafka::error::Error;
use crate::kafka::native::{Handle, Kind};
use crate::kafka::remedy::no_broker;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Waits until a broker answers a client of nobody's: those of the library's wrapper do not hear why none does.
pub(in crate::kafka) fn reach(config: &KafkaConfig, limit: Duration) -> Result<(), Error> {
    let client = Handle::new(Kind::Producer, &properties(config, &Role::Admin)?, Arc::new(Notify::new()))?;
    client.reach(limit).map_err(|why| no_broker(config, limit.as_secs(), &why))
}
