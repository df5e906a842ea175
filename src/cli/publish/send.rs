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
use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Once interrupted, what is on its way may arrive for so long.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Sends all; an error means that some were not delivered, or that it was interrupted, and says how many were.
pub(super) fn all(
    config: &KafkaConfig,
    parcels: &Parcels,
    rate: Option<NonZeroU32>,
    marks: Option<Marks>,
    interrupted: &AtomicBool,
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
        if interrupted.load(Ordering::Relaxed) {
            bar.finish_and_clear();
            return Err(stopped(&publisher, &sent, parcels.len()));
        }
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
    let all = sent.records + sent.marks * partitions as u64;
    if !await_delivery(&publisher, all, &bar, interrupted)? {
        bar.finish_and_clear();
        return Err(stopped(&publisher, &sent, parcels.len()));
    }
    bar.finish_and_clear();
    Ok(sent)
}

/// What was sent when it was interrupted.
fn stopped(publisher: &Publisher, sent: &Sent, all: usize) -> anyhow::Error {
    let arrived = publisher.flush(LAST_WAIT);
    let Delivered { confirmed, .. } = publisher.delivered();
    let (records, topic) = (sent.records, &sent.topic);
    if sent.marks > 0 {
        return anyhow!(
            "interrupted: {records} of {all} records and {} marks of time were sent to {topic}",
            sent.marks
        );
    }
    let rest = match arrived {
        Ok(_) => String::new(),
        Err(_) => format!(", {} more were on their way and may arrive", records.saturating_sub(confirmed)),
    };
    anyhow!(
        "interrupted: {confirmed} of {all} records were delivered to {topic}{rest}; to send what is left, send the whole \
         file again: what is there already counts once"
    )
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

/// Waits for the broker, for as long as it goes on confirming; whether it has confirmed all before an interruption.
fn await_delivery(
    publisher: &Publisher,
    sent: u64,
    bar: &ProgressBar,
    interrupted: &AtomicBool,
) -> anyhow::Result<bool> {
    let mut last = (publisher.delivered().confirmed, clock::monotonic());
    loop {
        let flushed = publisher.flush(LOOK);
        let Delivered { confirmed, failed, first_error } = publisher.delivered();
        bar.set_position(confirmed.min(bar.length().unwrap_or(confirmed)));
        if failed > 0 {
            bail!("{failed} of {sent} records were not delivered: {}", first_error.unwrap_or_default());
        }
        if confirmed == sent {
            return Ok(true);
        }
        if interrupted.load(Ordering::Relaxed) {
            return Ok(false);
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
