//! Finds a moment at which no commit is under way, and says where everything stands then.
//!
//! Offsets of a group change all at once with a commit, its outputs a moment before or after. So the committed offsets
//! are asked for twice with the ends of all outputs between: when they are the same, no offset waits for a transaction
//! and no output lies in an open one, then what was consumed below the offsets is what the outputs below the ends came
//! of. A working processor pauses for milliseconds many times a second. Nothing is written, nobody is disturbed.

use super::client::{Names, Role, properties};
use super::native::{Answer, Consumer, End, Query};
use super::reader::TopicReader;
use super::{Error, topic_name};
use crate::audit::Cut;
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Layout, Topic};
use crate::pipeline::area::AreaHalf;
use crate::pipeline::half::Half;
use crate::pipeline::person::PersonHalf;
use crate::runtime::log::CommitMark;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long the broker may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Written in commits, and read by an audit, apart from inputs.
const WRITTEN: [Topic; 7] = [
    Topic::PersonState,
    Topic::AreaState,
    Topic::Alerts,
    Topic::AreaAlerts,
    Topic::AreaPositivity,
    Topic::AreaTiers,
    Topic::DeadLetters,
];

/// Messages between tasks.
const BETWEEN: [Topic; 2] = [Topic::PersonEvents, Topic::AreaChanges];

/// Offset and metadata by partition, as a group has committed them.
type Committed = BTreeMap<(Topic, i32), (i64, String)>;

type Offsets = BTreeMap<(Topic, i32), i64>;

/// Looks for such a moment, preferably one at which no message between tasks is in flight either: for that it waits at
/// most `wait`, and then takes one with messages in flight.
pub fn find(config: &KafkaConfig, layout: Layout, wait: Duration) -> Result<Cut, Error> {
    let looker = Looker::new(config, layout)?;
    let began = clock::monotonic();
    let mut last = None;
    loop {
        if let Some(cut) = looker.look()? {
            if cut.in_flight.values().all(|messages| *messages == 0) {
                return Ok(cut);
            }
            last = Some(cut);
        }
        if began.elapsed() > wait {
            return last.ok_or_else(|| {
                Error::new(format!(
                    "commits never paused within {} s; try again when less is going on, or with the processor stopped",
                    wait.as_secs()
                ))
            });
        }
        std::thread::sleep(PAUSE);
    }
}

/// The first offset there still is of each partition of some topics.
pub fn firsts(config: &KafkaConfig, layout: Layout) -> Result<Offsets, Error> {
    let looker = Looker::new(config, layout)?;
    looker.ends(&looker.partitions(Topic::ALL), End::First)
}

struct Looker<'a> {
    config: &'a KafkaConfig,
    layout: Layout,
    /// One of each group, to ask for what it has committed; none of them joins.
    groups: [Consumer; 2],
    names: Names,
}

impl<'a> Looker<'a> {
    fn new(config: &'a KafkaConfig, layout: Layout) -> Result<Self, Error> {
        let client = |group: String| {
            let role = Role::Reader { group };
            Consumer::new(&properties(config, &role)?, Arc::new(Notify::new()))
        };
        let groups = [client(config.group.clone())?, client(format!("{}-{}s", config.group, AreaHalf::NAME))?];
        Ok(Self { config, layout, groups, names: Names::new(&config.prefix) })
    }

    /// A cut, if now is such a moment.
    fn look(&self) -> Result<Option<Cut>, Error> {
        let Some(before) = self.committed()? else { return Ok(None) };
        let written = self.partitions(WRITTEN.into_iter().chain(BETWEEN));
        let stable = self.ends(&written, End::Stable)?;
        let last = self.ends(&written, End::Last)?;
        if stable != last || self.committed()?.as_ref() != Some(&before) {
            return Ok(None);
        }
        let first = self.ends(&self.partitions(Topic::ALL), End::First)?;
        let mut cut = Cut { first, ..Cut::default() };
        for ((topic, task), (offset, mark)) in before {
            cut.committed.insert((topic, task), offset);
            let changelog = if topic == AreaHalf::INPUTS[0] { AreaHalf::CHANGELOG } else { PersonHalf::CHANGELOG };
            let mark = CommitMark::parse(&mark).ok_or_else(|| {
                Error::new(format!("the offsets of {} were not committed by this program", topic.name()))
            })?;
            cut.commits.insert((changelog, task), mark.seq);
            cut.restore_from.insert((changelog, task), mark.restore_from);
        }
        for topic in BETWEEN {
            cut.in_flight.insert(topic, self.in_flight(topic, &cut, &stable)?);
        }
        (cut.end, cut.sent) = stable.into_iter().partition(|((topic, _), _)| WRITTEN.contains(topic));
        Ok(Some(cut))
    }

    /// What both groups have committed; `None` while a commit is under way.
    fn committed(&self) -> Result<Option<Committed>, Error> {
        let mut all = Committed::new();
        for (client, inputs) in self.groups.iter().zip([PersonHalf::INPUTS, AreaHalf::INPUTS]) {
            let partitions = self.named(&self.partitions(inputs.iter().copied()));
            // A refusal mostly means that a transaction is about to change them.
            match Query::committed(client.handle(), partitions, ANSWER_LIMIT).poll(ANSWER_LIMIT) {
                Some(Ok(answers)) => all.extend(answers.into_iter().filter_map(|answer| self.of(answer))),
                Some(Err(refused)) => {
                    tracing::debug!("committed offsets: {refused}");
                    return Ok(None);
                }
                None => return Ok(None),
            }
        }
        all.retain(|_, (offset, _)| *offset >= 0);
        Ok(Some(all))
    }

    fn of(&self, answer: Answer) -> Option<((Topic, i32), (i64, String))> {
        Some(((self.names.topic(&answer.topic)?, answer.partition), (answer.offset, answer.text)))
    }

    fn partitions(&self, topics: impl IntoIterator<Item = Topic>) -> Vec<(Topic, i32)> {
        let of = |topic| (0..super::topics::partitions_of(topic, self.layout)).map(move |partition| (topic, partition));
        topics.into_iter().flat_map(of).collect()
    }

    fn named(&self, partitions: &[(Topic, i32)]) -> Vec<(CString, i32)> {
        partitions.iter().map(|(topic, partition)| (CString::from(self.names.of(*topic)), *partition)).collect()
    }

    fn ends(&self, partitions: &[(Topic, i32)], end: End) -> Result<Offsets, Error> {
        let answers = Query::ends_within(self.groups[0].handle(), &self.named(partitions), end, ANSWER_LIMIT)?;
        Ok(answers.into_iter().filter_map(|answer| self.of(answer)).map(|(key, (offset, _))| (key, offset)).collect())
    }

    /// Records between what was received and what was sent. Markers of transactions have offsets too, so the stretch is
    /// read.
    fn in_flight(&self, topic: Topic, cut: &Cut, ends: &Offsets) -> Result<u64, Error> {
        let of = |(key, end): (&(Topic, i32), &i64)| {
            let from = cut.committed.get(key).or_else(|| cut.first.get(key)).copied().unwrap_or(0);
            (*key, from..*end)
        };
        let stretches = ends.iter().filter(|((of, _), _)| *of == topic).map(of).collect();
        let mut reader = TopicReader::between(self.config, &stretches)?;
        let (mut messages, began) = (0, clock::monotonic());
        while !reader.caught_up() {
            if began.elapsed() > ANSWER_LIMIT {
                return Err(Error::new(format!("{} was not read in time", topic_name(&self.config.prefix, topic))));
            }
            reader.poll_within(1_000, PAUSE, &mut |records| {
                let inside = |position: &crate::model::record::Position| {
                    stretches.get(&(position.topic, position.partition)).is_some_and(|of| of.contains(&position.offset))
                };
                messages += records.iter().filter(|record| inside(&record.position)).count() as u64;
            })?;
        }
        Ok(messages)
    }
}
