//! Says where everything stands at one moment: for an audit, and for a repair. Nothing is written, nobody is disturbed.
//!
//! Offsets of a group change all at once with a commit, its outputs a moment before or after. A repair wants a moment
//! at which no commit is under way: the committed offsets are asked for twice with the ends of all outputs between;
//! when they are the same, no offset waits for a transaction and no output lies in an open one. An audit takes any
//! moment, as there may be no other: it asks for the offsets that are committed, whatever is under way, and tells the
//! outputs of later commits by the commit they name.

use super::acl::missing_acl;
use super::client::{Role, properties};
use super::error::Error;
use super::names::{Names, group_of};
use super::native::{Answer, Batch, Consumer, End, ErrorCode, Query};
use super::remedy::start_anew;
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

/// So often it is looked whether an answer will never come, and for so many of the client's events.
const LOOK: Duration = Duration::from_millis(200);
const EVENTS: usize = 16;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Between asking for the offsets of receivers and those of their senders: so long the end of a transaction may take to
/// reach all partitions. If it takes longer, the messages tell, and another moment is taken.
const SETTLE: Duration = Duration::from_millis(100);

/// Written in commits, and read by an audit, apart from inputs.
const WRITTEN: [Topic; 11] = [
    Topic::PersonState,
    Topic::AreaState,
    Topic::Alerts,
    Topic::AreaAlerts,
    Topic::PersonDuties,
    Topic::AreaDuties,
    Topic::AreaPositivity,
    Topic::AreaPublished,
    Topic::AreaTiers,
    Topic::LabReceipts,
    Topic::DeadLetters,
];

/// Messages between tasks.
const BETWEEN: [Topic; 2] = [Topic::PersonEvents, Topic::AreaChanges];

/// Inputs of the two halves, person half first.
const INPUTS: [&[Topic]; 2] = [PersonHalf::INPUTS, AreaHalf::INPUTS];

/// Offset and metadata by partition, as a group has committed them.
type Committed = BTreeMap<(Topic, i32), (i64, String)>;

type Offsets = BTreeMap<(Topic, i32), i64>;

/// Numbers of the last commits, by changelog and task.
type Commits = BTreeMap<(Topic, i32), u64>;

/// The moment that is now, whatever is under way.
pub fn now(config: &KafkaConfig, layout: Layout) -> Result<Cut, Error> {
    let looker = Looker::new(config, layout, "read_uncommitted")?;
    // Before the offsets: what lies before these was gone when they were asked for.
    let first = looker.firsts()?;
    // Receivers before their senders.
    let mut all = looker.asked_until_answered(1)?;
    std::thread::sleep(SETTLE);
    all.extend(looker.asked_until_answered(0)?);
    looker.require_inputs(&all)?;
    let written = looker.ends(&looker.partitions(WRITTEN.into_iter().chain(BETWEEN)), End::Last)?;
    looker.cut(all, written, first)
}

/// Looks for a moment at which no commit is under way, at most for `wait`.
pub fn find(config: &KafkaConfig, layout: Layout, wait: Duration) -> Result<Cut, Error> {
    let looker = Looker::new(config, layout, "read_committed")?;
    let began = clock::monotonic();
    loop {
        if let Some(cut) = looker.look()? {
            return Ok(cut);
        }
        if began.elapsed() > wait {
            return Err(Error::new(format!(
                "commits never paused within {} s; try again when less is going on, or with the processor stopped",
                wait.as_secs()
            )));
        }
        std::thread::sleep(PAUSE);
    }
}

/// The first offset there still is of each partition of some topics.
pub fn firsts(config: &KafkaConfig, layout: Layout) -> Result<Offsets, Error> {
    let looker = Looker::new(config, layout, "read_committed")?;
    looker.firsts()
}

/// How far person tasks have read their inputs, whatever is under way.
pub fn read_until(config: &KafkaConfig, layout: Layout) -> Result<Offsets, Error> {
    let committed = Looker::new(config, layout, "read_uncommitted")?.asked_until_answered(0)?;
    Ok(committed.into_iter().map(|(place, (offset, _))| (place, offset)).collect())
}

/// The commits that the groups know by now.
pub fn commits(config: &KafkaConfig, layout: Layout) -> Result<Commits, Error> {
    let looker = Looker::new(config, layout, "read_uncommitted")?;
    let mut all = looker.asked_until_answered(0)?;
    all.extend(looker.asked_until_answered(1)?);
    Ok(looker.cut(all, Offsets::new(), Offsets::new())?.commits)
}

struct Looker {
    config: KafkaConfig,
    layout: Layout,
    /// One of each group, to ask for what it has committed; none of them joins.
    groups: [Consumer; 2],
    names: Names,
}

impl Looker {
    /// With `read_uncommitted` the groups answer also while a transaction is about to change their offsets.
    fn new(config: &KafkaConfig, layout: Layout, isolation: &str) -> Result<Self, Error> {
        let client = |group: String| {
            let mut properties = properties(config, &Role::Reader { group })?;
            properties.insert("isolation.level".to_owned(), isolation.to_owned());
            Consumer::new(&properties, Arc::new(Notify::new()))
        };
        let groups = [client(group_of::<PersonHalf>(config))?, client(group_of::<AreaHalf>(config))?];
        Ok(Self { config: config.clone(), layout, groups, names: Names::new(&config.prefix) })
    }

    /// A cut, if no commit is under way now.
    fn look(&self) -> Result<Option<Cut>, Error> {
        let first = self.firsts()?;
        let Some(before) = self.all_committed()? else { return Ok(None) };
        let written = self.partitions(WRITTEN.into_iter().chain(BETWEEN));
        let stable = self.ends(&written, End::Stable)?;
        let last = self.ends(&written, End::Last)?;
        if stable != last || self.all_committed()?.as_ref() != Some(&before) {
            return Ok(None);
        }
        self.require_inputs(&before)?;
        self.cut(before, stable, first).map(Some)
    }

    fn firsts(&self) -> Result<Offsets, Error> {
        self.ends(&self.partitions(Topic::ALL.into_iter().filter(|topic| !topic.is_of_a_command())), End::First)
    }

    fn cut(&self, committed: Committed, written: Offsets, first: Offsets) -> Result<Cut, Error> {
        let mut cut = Cut { first, ..Cut::default() };
        for ((topic, task), (offset, mark)) in committed {
            cut.committed.insert((topic, task), offset);
            let changelog = if topic == AreaHalf::INPUTS[0] { AreaHalf::CHANGELOG } else { PersonHalf::CHANGELOG };
            let mark = CommitMark::parse(&mark).ok_or_else(|| {
                Error::new(format!("the offsets of {} were not committed by this program", topic.name()))
            })?;
            cut.commits.insert((changelog, task), mark.seq);
            cut.restore_from.insert((changelog, task), mark.restore_from);
        }
        (cut.sent, cut.end) = written.into_iter().partition(|((topic, _), _)| BETWEEN.contains(topic));
        Ok(cut)
    }

    /// Nobody can have read beyond the end of a topic, unless it is another one than the one that was read.
    fn require_inputs(&self, committed: &Committed) -> Result<(), Error> {
        let partitions: Vec<(Topic, i32)> = committed.keys().copied().collect();
        let ends = self.ends(&partitions, End::Last)?;
        for ((topic, partition), (offset, _)) in committed {
            let Some(end) = ends.get(&(*topic, *partition)).filter(|end| *end < offset) else { continue };
            return Err(Error::new(format!(
                "{} [{partition}] was read up to offset {offset} and has only {end}: the topic was deleted and made anew, \
                 or lost records, and what it held cannot be counted again; {}",
                self.names.of(*topic).to_string_lossy(),
                start_anew(&self.config),
            )));
        }
        Ok(())
    }

    /// What both groups have committed; `None` while a commit is under way.
    fn all_committed(&self) -> Result<Option<Committed>, Error> {
        let (Some(mut all), Some(areas)) = (self.committed(0)?, self.committed(1)?) else { return Ok(None) };
        all.extend(areas);
        Ok(Some(all))
    }

    /// What one group has committed, all of it at one moment.
    fn asked_until_answered(&self, half: usize) -> Result<Committed, Error> {
        let began = clock::monotonic();
        loop {
            if let Some(committed) = self.committed(half)? {
                return Ok(committed);
            }
            if began.elapsed() > ANSWER_LIMIT {
                return Err(Error::new("the groups did not say in time what they have committed"));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// What one group has committed, if it says so.
    fn committed(&self, half: usize) -> Result<Option<Committed>, Error> {
        let partitions = self.named(&self.partitions(INPUTS[half].iter().copied()));
        let mut query = Query::committed(self.groups[half].handle(), partitions, ANSWER_LIMIT);
        let began = clock::monotonic();
        loop {
            match query.poll(LOOK) {
                Some(Ok(answers)) => {
                    let known = answers.into_iter().filter_map(|answer| self.of(answer));
                    return Ok(Some(known.filter(|(_, (offset, _))| *offset >= 0).collect()));
                }
                // A refusal mostly means that a transaction is about to change them.
                Some(Err(refused)) if !refused.is_denied() => {
                    tracing::debug!("committed offsets: {refused}");
                    return Ok(None);
                }
                None if began.elapsed() > ANSWER_LIMIT => return Ok(None),
                None if !self.is_denied(half) => {}
                Some(Err(_)) | None => {
                    let config = &self.config;
                    let group = if half == 0 { group_of::<PersonHalf>(config) } else { group_of::<AreaHalf>(config) };
                    return Err(Error::new(missing_acl("Describe", &format!("--group {group}"))));
                }
            }
        }
    }

    /// Whether a group may not be asked: the answer does not come then, and only the client is told why.
    fn is_denied(&self, half: usize) -> bool {
        let mut batch = Batch::default();
        self.groups[half].fill(&mut batch, EVENTS, 0);
        let denied = ErrorCode::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        batch.as_slice().iter().any(|message| message.error() == denied)
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
}
