//! What the demonstration is asked for.

use std::net::SocketAddr;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// End after this time; without it, at Ctrl-C.
    pub run_for: Option<Duration>,
    /// Seed of the city.
    pub seed: u64,
    /// Messages per second.
    pub rate: u32,
    /// People in the city.
    pub people: u32,
    /// People infected at the start.
    pub infected: u32,
    /// Where the page is served.
    pub http: Option<SocketAddr>,
    /// A real Kafka.
    pub brokers: Option<String>,
    /// What its topics begin with.
    pub prefix: Option<String>,
}
