//! Sends what was checked: at a bounded rate, with progress, until the broker has confirmed every record.

use super::spool::{Parcel, Parcels};
use crate::clock;
use crate::intake::history;
use crate::kafka;
use crate::kafka::publisher::{Delivered, Publication, Publisher};
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use crate::pipeline::decode::TIME_MARK;
use crate::terminal::progress::Progress;
use crate::terminal::say;
use crate::terminal::signals::Signals;
use anyhow::{Context as _, anyhow, bail};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
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

/// And after so long it is said what is waited for: a broker that answers needs less.
const WORTH_A_WORD: Duration = Duration::from_millis(500);

/// Records go, the broker confirms.
pub(super) struct Sending<'a> {
    pub publisher: Publisher,
    pub topic: Topic,
    /// As it is called in Kafka.
    pub name: String,
    pub signals: &'a Signals,
}

/// Confirmed of how many, for whoever ends the process at once.
#[derive(Default)]
struct Counts {
    confirmed: AtomicU64,
    all: AtomicU64,
}

impl Sending<'_> {
    /// Sends all; an error means that some were not delivered, or that it was interrupted, and says how many were.
    pub fn all(
        mut self,
        mut parcels: Parcels,
        rate: Option<NonZeroU32>,
        mut marks: Option<history::Marks>,
    ) -> anyhow::Result<Sent> {
        let counts = self.tell_counts(parcels.len());
        let mut progress = Progress::new("records sent", Some(parcels.len()));
        let mut pace = Pace { began: clock::monotonic(), rate, sent: 0 };
        let mut sent = Sent::default();
        let unreadable = "records that were kept cannot be read again";
        while let Some(parcel) = parcels.next().context(unreadable)? {
            if let Some(at) = marks.as_mut().and_then(|marks| marks.before(parcel.received_at)) {
                self.mark(at, &mut sent)?;
            }
            if !pace.wait(self.signals) || self.signals.asked() || !self.record(&parcel, marks.is_some())? {
                return Err(self.stopped(&sent, parcels.len()));
            }
            sent.records += 1;
            if sent.records.is_multiple_of(256) {
                counts.confirmed.store(self.publisher.delivered().confirmed, Ordering::Relaxed);
            }
            progress.at(sent.records, sent.records);
        }
        if let Some(at) = marks.and_then(history::Marks::at_the_end) {
            self.mark(at, &mut sent)?;
        }
        if self.await_delivery(&sent, &counts)? { Ok(sent) } else { Err(self.stopped(&sent, parcels.len())) }
    }

    fn tell_counts(&self, all: u64) -> Arc<Counts> {
        let counts = Arc::new(Counts { all: all.into(), ..Counts::default() });
        let (sent, name) = (Arc::clone(&counts), self.name.clone());
        self.signals.tell_what_is_left(move || {
            let (confirmed, all) = (sent.confirmed.load(Ordering::Relaxed), sent.all.load(Ordering::Relaxed));
            format!(
                "at least {confirmed} of {all} records were delivered to {name}, others may be; send the whole file \
                 again: what is there already counts once"
            )
        });
        counts
    }

    /// What was sent when it was interrupted.
    fn stopped(&self, sent: &Sent, all: u64) -> anyhow::Error {
        let arrived = self.publisher.flush(WORTH_A_WORD).or_else(|_| {
            let seconds = LAST_WAIT.as_secs();
            say(&format!(
                "interrupted: up to {seconds} s for what is on its way; the same signal again ends it at once"
            ));
            self.publisher.flush(LAST_WAIT)
        });
        let Delivered { confirmed, .. } = self.publisher.delivered();
        let (records, topic) = (sent.records, &self.name);
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
            "interrupted: {confirmed} of {all} records were delivered to {topic}{rest}; to send what is left, send the \
             whole file again: what is there already counts once"
        )
    }

    /// Whether it was handed over before it was interrupted: a broker that is away leaves no room.
    fn record(&mut self, parcel: &Parcel, history: bool) -> Result<bool, kafka::Error> {
        let record = Publication {
            topic: self.topic,
            partition: None,
            key: &parcel.key,
            payload: Some(&parcel.payload),
            headers: &[("content-type", parcel.content_type().header().as_bytes())],
            timestamp: history.then_some(parcel.received_at),
        };
        self.publisher.send_unless(&|| self.signals.asked(), record)
    }

    /// A mark of time into every partition. One that is interrupted is not counted: what is sent next says that it was.
    fn mark(&mut self, at: Timestamp, sent: &mut Sent) -> Result<(), kafka::Error> {
        for partition in 0..self.publisher.partitions(self.topic)? {
            let mark = Publication {
                topic: self.topic,
                partition: Some(partition),
                key: &[],
                payload: Some(&[]),
                headers: &[("content-type", TIME_MARK)],
                timestamp: Some(at),
            };
            if !self.publisher.send_unless(&|| self.signals.asked(), mark)? {
                return Ok(());
            }
        }
        sent.marks += 1;
        sent.last_mark = at;
        Ok(())
    }

    /// Waits for the broker, for as long as it goes on confirming; whether it has confirmed all before an interruption.
    fn await_delivery(&mut self, sent: &Sent, counts: &Counts) -> anyhow::Result<bool> {
        let all = sent.records + sent.marks * self.publisher.partitions(self.topic)? as u64;
        let mut last = (self.publisher.delivered().confirmed, clock::monotonic());
        loop {
            let flushed = self.publisher.flush(LOOK);
            let Delivered { confirmed, failed, first_error } = self.publisher.delivered();
            counts.confirmed.store(confirmed.min(sent.records), Ordering::Relaxed);
            if failed > 0 {
                bail!("{failed} of {all} records were not delivered: {}", first_error.unwrap_or_default());
            }
            if confirmed == all {
                return Ok(true);
            }
            if self.signals.asked() {
                return Ok(false);
            }
            if confirmed > last.0 {
                last = (confirmed, clock::monotonic());
            } else if last.1.elapsed() > PATIENCE {
                let why = flushed.err().map(|error| format!(": {error}")).unwrap_or_default();
                bail!("{} of {all} records were not confirmed{why}", all - confirmed);
            }
        }
    }
}

/// Keeps to a rate: record n is not sent before n / rate seconds.
struct Pace {
    began: Instant,
    rate: Option<NonZeroU32>,
    sent: u64,
}

impl Pace {
    /// Waits for the next record's time; false when the process is asked to end meanwhile.
    fn wait(&mut self, signals: &Signals) -> bool {
        let Some(rate) = self.rate else { return true };
        let due = Duration::from_secs_f64(self.sent as f64 / f64::from(rate.get()));
        self.sent += 1;
        loop {
            let left = due.saturating_sub(self.began.elapsed());
            if left.is_zero() {
                return true;
            }
            if signals.asked() {
                return false;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}
