//! Follows whole topics as a `read_committed` reader: for views, rules, progress, `watch`, tests.
//!
//! In: topics. Out: their records in partition order. It joins no group and commits nothing, so it disturbs nobody.

use super::acl::missing_acl;
use super::client::{Role, properties};
use super::error::Error;
use super::names::Names;
use super::native::{Answer, Batch, Consumer, End, ErrorCode, Message, PartitionList, Query};
use super::remedy::{missing, no_broker};
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Position, Record, Topic};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the broker may take to answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The earliest record there is.
    Beginning,
    /// Records written from now on.
    End,
}

/// A reader of all partitions of some topics.
#[derive(Debug)]
pub struct TopicReader {
    batch: Batch,
    consumer: Consumer,
    names: Names,
    notify: Arc<Notify>,
    /// Next offset of each partition, and the offset up to which it has to read to be caught up.
    partitions: BTreeMap<(Topic, i32), Progress>,
    behind: usize,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    next: i64,
    goal: i64,
}

impl TopicReader {
    /// A reader of topics. Blocks until the broker has reported their partitions and ends.
    pub fn open(config: &KafkaConfig, topics: &[Topic], from: From) -> Result<Self, Error> {
        let notify = Arc::new(Notify::new());
        let role = Role::Reader { group: config.group.clone() };
        let consumer = Consumer::new(&properties(config, &role)?, notify.clone())?;
        let limit = ANSWER_LIMIT.min(Duration::from_secs(u64::from(config.connect_timeout_s.get())));
        let reached = consumer.handle().reach(limit);
        reached.map_err(|why| no_broker(config, limit.as_secs(), &why))?;
        let names = Names::new(&config.prefix);
        let mut all = Vec::new();
        for topic in topics {
            let count = consumer.handle().partitions(names.of(*topic), ANSWER_LIMIT)?;
            if count == 0 {
                return Err(missing(config, *topic));
            }
            all.extend((0..count).map(|partition| (*topic, partition)));
        }
        let mut reader =
            Self { batch: Batch::default(), consumer, names, notify, partitions: BTreeMap::new(), behind: 0 };
        let ends = reader.ask(&all, End::Stable)?;
        let starts = match from {
            From::Beginning => reader.ask(&all, End::First)?,
            From::End => ends.clone(),
        };
        reader.begin(&starts, &ends)?;
        Ok(reader)
    }

    /// A reader of stretches of partitions, each from an offset up to another; [`caught_up`](Self::caught_up) is when
    /// all are read. Records after an end may be handed over too.
    pub fn between(config: &KafkaConfig, stretches: &BTreeMap<(Topic, i32), Range<i64>>) -> Result<Self, Error> {
        let notify = Arc::new(Notify::new());
        let role = Role::Reader { group: config.group.clone() };
        let consumer = Consumer::new(&properties(config, &role)?, notify.clone())?;
        let (batch, names) = (Batch::default(), Names::new(&config.prefix));
        let mut reader = Self { batch, consumer, names, notify, partitions: BTreeMap::new(), behind: 0 };
        let some = || stretches.iter().filter(|(_, stretch)| !stretch.is_empty());
        let starts = some().map(|(partition, stretch)| (*partition, stretch.start)).collect();
        let ends = some().map(|(partition, stretch)| (*partition, stretch.end)).collect();
        reader.begin(&starts, &ends)?;
        Ok(reader)
    }

    /// Offsets not yet read, of those that were aimed at.
    pub fn remaining(&self) -> u64 {
        self.partitions.values().map(|progress| (progress.goal - progress.next).max(0).unsigned_abs()).sum()
    }

    fn begin(&mut self, starts: &BTreeMap<(Topic, i32), i64>, ends: &BTreeMap<(Topic, i32), i64>) -> Result<(), Error> {
        let mut list = PartitionList::new();
        for ((topic, partition), start) in starts {
            list.add(self.names.of(*topic), *partition, *start);
            let goal = ends.get(&(*topic, *partition)).copied().unwrap_or(*start);
            self.partitions.insert((*topic, *partition), Progress { next: *start, goal });
        }
        self.behind = self.partitions.values().filter(|progress| progress.next < progress.goal).count();
        self.consumer.assign(&list)
    }

    /// Completes when [`poll`](Self::poll) may have something. May complete for nothing; bound the wait.
    pub async fn ready(&self) {
        self.notify.notified().await;
    }

    /// Hands over what is there, at most `limit` records, and returns how many.
    pub fn poll(&mut self, limit: usize, take: &mut dyn FnMut(&[Record<'_>])) -> Result<usize, Error> {
        self.poll_within(limit, Duration::ZERO, take)
    }

    /// As [`poll`](Self::poll), waiting for something to come.
    pub fn poll_within(
        &mut self,
        limit: usize,
        wait: Duration,
        take: &mut dyn FnMut(&[Record<'_>]),
    ) -> Result<usize, Error> {
        self.poll_messages(limit, wait, &mut |messages| {
            let records: Vec<Record<'_>> = messages.iter().map(|(topic, message)| record_of(message, *topic)).collect();
            take(&records);
        })
    }

    /// As [`poll_within`](Self::poll_within), one record at a time with a look at its headers.
    pub fn poll_headers(
        &mut self,
        limit: usize,
        wait: Duration,
        take: &mut dyn FnMut(&Record<'_>, Headers<'_>),
    ) -> Result<usize, Error> {
        self.poll_messages(limit, wait, &mut |messages| {
            for (topic, message) in messages {
                take(&record_of(message, *topic), Headers(message));
            }
        })
    }

    fn poll_messages(&mut self, limit: usize, wait: Duration, take: TakeMessages<'_>) -> Result<usize, Error> {
        if let Some(why) = self.consumer.handle().fatal() {
            return Err(Error::new(why));
        }
        let mut batch = std::mem::take(&mut self.batch);
        // The batch call waits until it has all it may take; so wait for the first, then take the rest.
        self.consumer.fill(&mut batch, 1, i32::try_from(wait.as_millis()).unwrap_or(i32::MAX));
        let mut count = 0;
        while !batch.as_slice().is_empty() {
            count += self.hand_over(batch.as_slice(), take)?;
            if count >= limit {
                break;
            }
            self.consumer.fill(&mut batch, limit - count, 0);
        }
        batch.clear();
        self.batch = batch;
        Ok(count)
    }

    fn hand_over(&mut self, messages: &[Message], take: TakeMessages<'_>) -> Result<usize, Error> {
        let mut records = Vec::with_capacity(messages.len());
        for message in messages {
            let Some(topic) = message.topic().and_then(|name| self.names.topic(name)) else {
                // The library looks for the coordinator of the group whose name the client bears. A reader has no use
                // for it, and whoever only reads need not be allowed to.
                if message.error() != ErrorCode::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED {
                    event(message)?;
                }
                continue;
            };
            let next = match message.error() {
                ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => {
                    records.push((topic, message));
                    message.offset() + 1
                }
                ErrorCode::RD_KAFKA_RESP_ERR__PARTITION_EOF => message.offset(),
                _ => {
                    event(message)?;
                    continue;
                }
            };
            self.reached(topic, message.partition(), next);
        }
        if !records.is_empty() {
            take(&records);
        }
        Ok(records.len())
    }

    fn reached(&mut self, topic: Topic, partition: i32, next: i64) {
        if let Some(progress) = self.partitions.get_mut(&(topic, partition)) {
            let was_behind = progress.next < progress.goal;
            progress.next = progress.next.max(next);
            if was_behind && progress.next >= progress.goal {
                self.behind -= 1;
            }
        }
    }

    /// Whether everything has been handed over that was there when the reader was opened, or when
    /// [`aim_at_end`](Self::aim_at_end) was last called.
    pub fn caught_up(&self) -> bool {
        self.behind == 0
    }

    /// Asks the broker for the ends as of now: [`caught_up`](Self::caught_up) then means these. Blocks for the answer.
    pub fn aim_at_end(&mut self) -> Result<(), Error> {
        let all: Vec<(Topic, i32)> = self.partitions.keys().copied().collect();
        for (key, end) in self.ask(&all, End::Stable)? {
            if let Some(progress) = self.partitions.get_mut(&key) {
                progress.goal = end;
            }
        }
        self.behind = self.partitions.values().filter(|progress| progress.next < progress.goal).count();
        Ok(())
    }

    /// Hands over everything up to the ends as of now. Blocks, at most for `limit`.
    pub fn read_to_end(&mut self, limit: Duration, take: &mut dyn FnMut(&[Record<'_>])) -> Result<(), Error> {
        let began = clock::monotonic();
        self.aim_at_end()?;
        while !self.caught_up() {
            if began.elapsed() > limit {
                return Err(Error::new(format!("{} partitions were not read to their end in time", self.behind)));
            }
            self.poll_within(10_000, Duration::from_millis(50), take)?;
        }
        Ok(())
    }

    /// Asks for offsets. A partition just created or just moved answers "not leader" for a moment: that is waited out.
    fn ask(&self, partitions: &[(Topic, i32)], end: End) -> Result<BTreeMap<(Topic, i32), i64>, Error> {
        let named = |(topic, partition): &(Topic, i32)| (CString::from(self.names.of(*topic)), *partition);
        let partitions: Vec<(CString, i32)> = partitions.iter().map(named).collect();
        let answers = Query::ends_within(self.consumer.handle(), &partitions, end, ANSWER_LIMIT)?;
        let known = |answer: Answer| Some(((self.names.topic(&answer.topic)?, answer.partition), answer.offset));
        Ok(answers.into_iter().filter_map(known).collect())
    }
}

/// Takes messages with the topics they lie in.
type TakeMessages<'t> = &'t mut dyn FnMut(&[(Topic, &Message)]);

/// Headers of a record that was read.
#[derive(Clone, Copy)]
pub struct Headers<'a>(&'a Message);

impl<'a> Headers<'a> {
    /// The last header of that name.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.0.header(&CString::new(name).ok()?)
    }
}

/// A message as the record it holds.
pub(super) fn record_of(message: &Message, topic: Topic) -> Record<'_> {
    Record {
        position: Position { topic, partition: message.partition(), offset: message.offset() },
        received_at: Timestamp(message.timestamp()),
        key: message.key(),
        payload: message.payload(),
        content_type: message.content_type(),
    }
}

/// What to do about an event that is no record: the library mends what it can, the rest is an error.
pub(super) fn event(message: &Message) -> Result<(), Error> {
    use ErrorCode::*;
    let place = match message.topic() {
        Some(topic) => format!("{} [{}]: ", topic.to_string_lossy(), message.partition()),
        None => String::new(),
    };
    match message.error() {
        RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET => Err(Error::new(format!(
            "{place}records were deleted before they were read ({}); lengthen the topic's retention.ms; the next start \
             says how to go on",
            message.error_text()
        ))),
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART | RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC if message.topic().is_some() => {
            Err(Error::new(format!(
                "{place}there is no such topic any more ({}); swabstream topics check says what is missing",
                message.error_text()
            )))
        }
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED if message.topic().is_some() => {
            let name = message.topic().map_or_else(String::new, |topic| topic.to_string_lossy().into_owned());
            Err(Error::new(missing_acl("Read", &format!("--topic {name}"))))
        }
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => {
            Err(Error::new(missing_acl("Read", "--group with the name of [kafka] group, and with -areas behind it")))
        }
        _ if message.topic().is_some() => Err(Error::new(format!("{place}{}", message.error_text()))),
        RD_KAFKA_RESP_ERR__FATAL | RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
            Err(Error::new(message.error_text()))
        }
        _ => {
            tracing::warn!("kafka: {}", message.error_text());
            Ok(())
        }
    }
}
