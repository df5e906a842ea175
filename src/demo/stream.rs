//! The city's publisher: a thread that sends its messages at a steady rate.
//!
//! In: the city. Out: records in the inputs, each delivery confirmed. It waits while the
//! processor is far behind: an embedded broker drops what is not read in time.

use super::city::{City, Message};
use super::pace::Pace;
use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::Error;
use crate::kafka::publisher::{Delivered, Publication, Publisher};
use crate::model::record::Layout;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Between two looks at the pace.
const TICK: Duration = Duration::from_millis(10);
/// How long the broker may take to confirm the last messages.
const FLUSH_LIMIT: Duration = Duration::from_secs(30);

/// A running publisher.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<Delivered, Error>>,
}

#[derive(Debug, Default)]
struct Shared {
    confirmed: AtomicU64,
    held: AtomicBool,
    stop: AtomicBool,
}

impl Stream {
    /// Starts publishing.
    pub fn start(config: KafkaConfig, layout: Layout, city: City, rate: u32) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let publish = move || publish(&config, layout, city, rate, &theirs);
        Ok(Self { shared, thread: Builder::new().name("city".to_owned()).spawn(publish)? })
    }

    /// Messages the broker has confirmed.
    pub fn confirmed(&self) -> u64 {
        self.shared.confirmed.load(Ordering::Relaxed)
    }

    /// Whether to wait for those who read.
    pub fn hold(&self, hold: bool) {
        self.shared.held.store(hold, Ordering::Relaxed);
    }

    /// Whether it ended by itself, which only a failure makes it do.
    pub fn failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops and waits until the last message is confirmed.
    pub fn stop(self) -> Result<Delivered, Error> {
        self.shared.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn publish(
    config: &KafkaConfig,
    layout: Layout,
    mut city: City,
    rate: u32,
    shared: &Shared,
) -> Result<Delivered, Error> {
    let mut publisher = Publisher::connect(config)?;
    let mut pace = Pace::new(rate, clock::monotonic());
    while !shared.stop.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        if shared.held.load(Ordering::Relaxed) {
            pace.hold(clock::monotonic());
            continue;
        }
        city.set_now(clock::now());
        for message in city.by_ref().take(pace.due(clock::monotonic())) {
            send(&mut publisher, layout, &message)?;
        }
        shared.confirmed.store(publisher.delivered().confirmed, Ordering::Relaxed);
    }
    let delivered = publisher.flush(FLUSH_LIMIT)?;
    shared.confirmed.store(delivered.confirmed, Ordering::Relaxed);
    Ok(delivered)
}

fn send(publisher: &mut Publisher, layout: Layout, message: &Message) -> Result<(), Error> {
    let content_type = message.content_type.map(|value| ("content-type", value.as_bytes()));
    publisher.send(Publication {
        topic: message.topic,
        partition: Some(message.partition(layout)),
        key: &message.key,
        payload: message.payload.as_deref(),
        headers: content_type.as_slice(),
        timestamp: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::city::CityConfig;
    use crate::kafka::embedded::Embedded;
    use crate::kafka::reader::{From, TopicReader};
    use crate::model::record::Topic;
    use crate::policy::sample::sample_rules;

    #[test]
    fn everything_confirmed_can_be_read() {
        let layout = Layout { person_tasks: 4, area_tasks: 1 };
        let broker = Embedded::start(layout).expect("a broker");
        let city = City::new(CityConfig::live(1, 1_000, clock::now(), 6), Arc::new(sample_rules()));
        let stream = Stream::start(broker.config(), layout, city, 2_000).expect("a thread");
        while stream.confirmed() < 500 {
            assert!(!stream.failed());
            std::thread::sleep(TICK);
        }
        stream.hold(true);
        let delivered = stream.stop().expect("delivered");
        assert_eq!(delivered.failed, 0);
        let topics: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| topic.moves_time()).collect();
        let mut reader = TopicReader::open(&broker.config(), &topics, From::Beginning).expect("a reader");
        let mut read = 0;
        while read < delivered.confirmed {
            read += reader.poll_within(10_000, Duration::from_secs(1), &mut |_| ()).expect("records") as u64;
        }
        assert_eq!(read, delivered.confirmed);
    }
}
