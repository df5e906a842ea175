//! Everything an audit looks at, record by record as it is read.

use super::inputs_read::InputsRead;
use super::setting::Setting;
use crate::audit::compare::Published;
use crate::audit::cut::{Commit, Cut};
use crate::audit::dead_letters::DeadLetter;
use crate::audit::histories::Histories;
use crate::audit::in_flight::InFlight;
use crate::audit::ledger::{self, Commits, Heads, LastHead, NewestCommits, RecordCounts, Unread};
use crate::audit::receipts::Receipts;
use crate::audit::stored::{self, Stored};
use crate::audit::targets;
use crate::model::record::{Layout, MESSAGE_FORMAT, Position, Record, Topic};
use crate::proto::v1::{Alert, StateHead};
use prost::Message as _;
use std::collections::BTreeMap;

/// All that was read.
#[derive(Debug)]
pub struct Evidence {
    pub(super) setting: Setting,
    pub(super) cut: Cut,
    pub(super) unread: Vec<Unread>,
    pub(super) published: Published,
    pub(super) histories: Histories,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) heads: Heads,
    pub(super) areas: BTreeMap<i32, Stored>,
    pub(super) counts: RecordCounts,
    pub(super) in_flight: InFlight,
    pub(super) receipts: Receipts,
    /// A message that its receiver had read and its sender not sent: the cut is no moment.
    too_early: Option<String>,
    /// A message that waits for its task and is for a newer version to read.
    newer: Option<String>,
    pub(super) newest: NewestCommits,
    pub(super) inputs: InputsRead,
    /// What cannot be read as the contract says.
    pub(super) faults: Vec<String>,
}

impl Evidence {
    /// Nothing read yet.
    pub fn new(setting: Setting, cut: Cut) -> Self {
        Self {
            published: Published::of(targets::first(&setting.rules.rules)),
            setting,
            // Before retention goes on: what is deleted after the cut may have been read by then.
            unread: ledger::unread(&cut),
            cut,
            histories: Histories::default(),
            dead_letters: Vec::new(),
            heads: Heads::new(),
            areas: BTreeMap::new(),
            counts: RecordCounts::new(),
            in_flight: InFlight::default(),
            receipts: Receipts::default(),
            too_early: None,
            newer: None,
            newest: NewestCommits::default(),
            inputs: InputsRead::default(),
            faults: Vec::new(),
        }
    }

    /// Takes the next record of a topic; `header` finds its headers. What lies beyond the cut, or was written by a
    /// commit after it, is passed over.
    pub fn take<'a>(&mut self, record: &Record<'a>, header: impl Fn(&str) -> Option<&'a [u8]>) {
        let Position { topic, partition, offset } = record.position;
        if self.cut.end_of(topic, partition).is_none_or(|end| offset >= end) {
            return;
        }
        let key = record.key.unwrap_or_default();
        let later = Commit::of(&header).filter(|commit| self.cut.is_before(commit));
        if let Some(commit) = later {
            note(&mut self.newest.in_outputs, commit);
        }
        match topic {
            Topic::LabResults | Topic::ContactRecords | Topic::PersonGroups => self.take_input(record),
            Topic::PersonEvents | Topic::AreaChanges => self.take_message(record, later),
            _ if later.is_some() => {}
            Topic::LabReceipts => self.receipts.told(key, record.message()),
            Topic::DeadLetters => self.dead_letters.push(DeadLetter::read(record, header)),
            Topic::PersonState | Topic::AreaState => self.take_state(record),
            Topic::Alerts | Topic::AreaAlerts => {
                if let Some(Ok(alert)) = record.payload.map(Alert::decode) {
                    self.histories.take(topic, partition, self.setting.layout, alert);
                }
                self.published.take(topic, key, record.payload);
            }
            Topic::AreaPositivity
            | Topic::AreaPublished
            | Topic::AreaTiers
            | Topic::AreaDuties
            | Topic::PersonDuties => {
                self.published.take(topic, key, record.payload);
            }
            _ => {}
        }
    }

    fn take_message(&mut self, record: &Record<'_>, later: Option<Commit>) {
        let Position { topic, partition, offset } = record.position;
        if topic == Topic::PersonEvents {
            self.in_flight.tellings.note(record);
        }
        match (self.cut.is_read(&record.position), later) {
            (true, None) => {
                *self.counts.entry((topic, partition)).or_default() += 1;
                match topic {
                    Topic::AreaChanges => self.inputs.fingerprint(record),
                    _ => self.in_flight.tellings.told(record),
                }
            }
            (true, Some(_)) => self.too_early = Some(format!("{} [{partition}] {offset}", topic.name())),
            (false, None) => {
                let format = self.in_flight.take(record, self.setting.layout);
                if format > MESSAGE_FORMAT {
                    self.newer = Some(format!("{} [{partition}] {offset} is of format {format}", topic.name()));
                }
            }
            (false, Some(_)) => {}
        }
    }

    fn take_state(&mut self, record: &Record<'_>) {
        let Position { topic, partition, .. } = record.position;
        let key = record.key.unwrap_or_default();
        let head = stored::head_of(record.payload);
        if let Ok(Some(StateHead { seq, .. })) = &head {
            let commit = Commit { changelog: topic, task: partition, seq: *seq };
            note(&mut self.newest.in_changelogs, commit);
            if self.cut.is_before(&commit) {
                return;
            }
        }
        match head {
            Ok(Some(StateHead { seq, task: Some(task), .. })) => {
                let newest = self.heads.get(&(topic, partition)).is_none_or(|known| known.seq < seq);
                if newest {
                    self.heads.insert((topic, partition), LastHead { seq, task });
                }
            }
            Ok(_) => {}
            Err(fault) => return self.faults.push(format!("{} [{partition}]: {fault}", topic.name())),
        }
        if topic == Topic::AreaState
            && let Err(fault) = self.areas.entry(partition).or_default().take(key, record.payload)
        {
            self.faults.push(format!("{} [{partition}]: {fault}", topic.name()));
        }
    }

    fn take_input(&mut self, record: &Record<'_>) {
        let Position { topic, partition, .. } = record.position;
        *self.counts.entry((topic, partition)).or_default() += 1;
        if let Some(result) = self.inputs.take(record, &self.setting) {
            self.receipts.sent(&result.lab_id, &result.result_id);
        }
    }

    /// Retention has deleted by now what lies before these offsets. What was read of it counts no more, as part of it
    /// may have been gone before it was read.
    pub fn forget_before(&mut self, first: BTreeMap<(Topic, i32), i64>) {
        self.inputs.forget_before(&first, &self.cut);
        self.cut.first = first;
    }

    /// How many tasks there are.
    pub fn layout(&self) -> Layout {
        self.setting.layout
    }

    /// Usable inputs read so far.
    pub fn records(&self) -> usize {
        self.inputs.arrived.len()
    }

    /// The processor must have worked with this secret: with another one no hash means anything.
    pub fn require_secret(&self) -> Result<(), String> {
        let ours = self.setting.secret.fingerprint();
        let others = self.heads.values().filter(|head| head.task.secret_fingerprint != ours).count();
        match others {
            0 => Ok(()),
            _ => Err(format!("{others} tasks work with another secret than [secret] of the configuration")),
        }
    }

    /// Whether every task's last head was read.
    pub fn has_all_heads(&self) -> bool {
        self.cut.commits.iter().all(|(task, seq)| self.heads.get(task).is_some_and(|found| found.seq >= *seq))
    }

    /// What this version cannot judge, because a newer one wrote it.
    pub fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    /// What shows that the cut is no moment, if anything does; whoever has read all messages between tasks knows.
    pub fn why_no_moment(&self) -> Option<&str> {
        self.too_early.as_deref()
    }
}

/// Keeps the newest commit of each task.
fn note(commits: &mut Commits, commit: Commit) {
    let newest = commits.entry((commit.changelog, commit.task)).or_default();
    *newest = commit.seq.max(*newest);
}
