//! Sends what was checked: at a bounded rate, with progress, until the broker has confirmed every record.

use super::parcels::Parcels;
use crate::clock;
use crate::config::KafkaConfig;
use crate::intake::history::{self, Step};
use crate::kafka::publisher::{Delivered, Publication, Publisher};
use crate::kafka::{self, topic_name};
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use crate::pipeline::decode::TIME_MARK;
use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How marks of time are placed (history).
pub(super) struct Marks {
    /// Past time between them.
    pub every_ms: i64,
    /// Time of the last one.
    pub until: Option<Timestamp>,
}

/// What was sent.
pub(super) struct Sent {
    pub topic: String,
    pub records: u64,
    /// Marks, one for all partitions counted once.
    pub marks: u64,
    pub last_mark: Timestamp,
}

/// The broker confirms nothing for this long: it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what was confirmed.
const LOOK: Duration = Duration::from_millis(200);

/// Sends all; an error means that some were not delivered.
pub(super) fn all(
    config: &KafkaConfig,
    parcels: &Parcels,
    rate: Option<NonZeroU32>,
    marks: Option<Marks>,
) -> anyhow::Result<Sent> {
    let mut publisher = Publisher::connect(config)?;
    let partitions = publisher.partitions(parcels.topic)?;
    let steps = match &marks {
        Some(marks) => history::plan(&parcels.arrivals(), marks.every_ms, marks.until),
        None => (0..parcels.len()).map(Step::Record).collect(),
    };
    let bar = progress_bar(parcels.len() as u64);
    let mut pace = Pace { began: clock::monotonic(), rate, sent: 0 };
    let mut sent = Sent {
        topic: topic_name(&config.prefix, parcels.topic),
        records: 0,
        marks: 0,
        last_mark: Timestamp::default(),
    };
    for step in steps {
        match step {
            Step::Record(number) => {
                pace.wait();
                send_record(&mut publisher, parcels, number, marks.is_some())?;
                sent.records += 1;
            }
            Step::Mark(at) => {
                send_mark(&mut publisher, parcels.topic, at)?;
                sent.marks += 1;
                sent.last_mark = at;
            }
        }
        if sent.records.is_multiple_of(1024) {
            bar.set_position(publisher.delivered().confirmed.min(sent.records));
        }
    }
    await_delivery(&publisher, sent.records + sent.marks * partitions as u64, &bar)?;
    bar.finish_and_clear();
    Ok(sent)
}

fn send_record(publisher: &mut Publisher, parcels: &Parcels, number: usize, history: bool) -> Result<(), kafka::Error> {
    let parcel = parcels.get(number);
    publisher.send(Publication {
        topic: parcels.topic,
        partition: None,
        key: parcel.key,
        payload: Some(parcel.payload),
        headers: &[("content-type", parcel.content_type.header().as_bytes())],
        timestamp: history.then_some(parcel.received_at),
    })
}

fn send_mark(publisher: &mut Publisher, topic: Topic, at: Timestamp) -> Result<(), kafka::Error> {
    for partition in 0..publisher.partitions(topic)? {
        publisher.send(Publication {
            topic,
            partition: Some(partition),
            key: &[],
            payload: Some(&[]),
            headers: &[("content-type", TIME_MARK)],
            timestamp: Some(at),
        })?;
    }
    Ok(())
}

/// Waits for the broker, for as long as it goes on confirming.
fn await_delivery(publisher: &Publisher, sent: u64, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut last = (publisher.delivered().confirmed, clock::monotonic());
    loop {
        let flushed = publisher.flush(LOOK);
        let Delivered { confirmed, failed, first_error } = publisher.delivered();
        bar.set_position(confirmed.min(bar.length().unwrap_or(confirmed)));
        if failed > 0 {
            bail!("{failed} of {sent} records were not delivered: {}", first_error.unwrap_or_default());
        }
        if confirmed == sent {
            return Ok(());
        }
        if confirmed > last.0 {
            last = (confirmed, clock::monotonic());
        } else if last.1.elapsed() > PATIENCE {
            let why = flushed.err().map(|error| format!(": {error}")).unwrap_or_default();
            bail!("{} of {sent} records were not confirmed{why}", sent - confirmed);
        }
    }
}

fn progress_bar(records: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(records).with_style(style)
}

/// Keeps to a rate: record n is not sent before n / rate seconds.
struct Pace {
    began: Instant,
    rate: Option<NonZeroU32>,
    sent: u64,
}

impl Pace {
    fn wait(&mut self) {
        let Some(rate) = self.rate else { return };
        let due = Duration::from_secs_f64(self.sent as f64 / f64::from(rate.get()));
        self.sent += 1;
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
    }
}
