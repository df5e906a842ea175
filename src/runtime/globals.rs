//! What every worker reads whole: the rules, and how far all tasks have come.
//!
//! In: records of `rules` and `progress`. Out: the rules in force and the smallest progress. No I/O here.

use super::task::RulesInForce;
use super::task::clock::Watermarks;
use crate::model::record::{HalfKind, Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::formats::{Formats, Newer};
use crate::policy::error::RuleError;
use crate::policy::set::RuleSetReader;
use crate::proto::v1::Progress;
use prost::Message as _;
use std::collections::BTreeMap;

/// The state of the two topics.
#[derive(Debug, Default)]
pub struct Globals {
    reader: RuleSetReader,
    rules: Option<RulesInForce>,
    /// What each person task has published.
    progress: BTreeMap<i32, Watermarks>,
    formats: Formats,
    /// What a newer version published last, by key.
    newer: BTreeMap<Vec<u8>, Newer>,
}

impl Globals {
    /// None yet, of messages in these formats.
    pub fn new(formats: Formats) -> Self {
        Self { formats, ..Self::default() }
    }

    /// Takes one record. An error is about a set of rules that cannot be used; those in force stay so.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), Vec<RuleError>> {
        match record.position.topic {
            Topic::Rules => {
                let closed = self.reader.read(record.key.unwrap_or_default(), record.payload)?;
                if let Some(rules) = closed {
                    self.rules = Some(RulesInForce { rules, offset: record.position.offset + 1 });
                }
            }
            Topic::Progress => self.note(record.key.unwrap_or_default(), record.payload.unwrap_or_default()),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, key: &[u8], payload: &[u8]) {
        // What a task published last is what counts of it: a newer version may have been at work here, and have left.
        match self.formats.require(payload) {
            Err(newer) => {
                self.newer.insert(key.to_owned(), newer);
                return;
            }
            Ok(()) => _ = self.newer.remove(key),
        }
        // Written by ourselves only; what cannot be read says nothing about time.
        let Ok(progress) = Progress::decode(payload) else { return };
        let of_person = HalfKind::named(&progress.half) == Some(HalfKind::Person);
        if let (true, Some(now)) = (of_person, progress.now.as_ref().and_then(Timestamp::from_wire)) {
            let drop_now = progress.drop_now.as_ref().and_then(Timestamp::from_wire).unwrap_or(now);
            let known = self.progress.entry(progress.task).or_default();
            *known = known.max(Watermarks { watermark: now, drop_before: drop_now });
        }
    }

    /// What a newer version publishes of a task's time: it must not be missed.
    pub fn newer(&self) -> Option<Newer> {
        self.newer.values().next().copied()
    }

    /// The rules in force, once a whole set was read.
    pub fn rules(&self) -> Option<&RulesInForce> {
        self.rules.as_ref()
    }

    /// The smallest progress of all person tasks, once all have published theirs: a task never heard of holds time back,
    /// for nothing is known of its people.
    pub fn slowest(&self, person_tasks: i32) -> Option<Watermarks> {
        let all: Option<Vec<Watermarks>> = (0..person_tasks).map(|task| self.progress.get(&task).copied()).collect();
        all?.into_iter().reduce(Watermarks::min)
    }

    /// How far each person task has come, once all have published it: by the rules it follows how far days may be closed.
    pub fn come_to(&self, person_tasks: i32) -> Option<Vec<Timestamp>> {
        (0..person_tasks).map(|task| self.progress.get(&task).map(|watermarks| watermarks.watermark)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;

    fn publish(globals: &mut Globals, half: HalfKind, task: i32, now: i64, drop_now: Option<i64>) {
        publish_in(globals, 1, half, task, now, drop_now);
    }

    fn publish_in(globals: &mut Globals, format: u32, half: HalfKind, task: i32, now: i64, drop_now: Option<i64>) {
        let now = Some(Timestamp(now).to_wire());
        let drop_now = drop_now.map(|at| Timestamp(at).to_wire());
        let progress = Progress { half: half.name().into(), task, now, drop_now, format, ..Progress::default() };
        let (key, payload) = (format!("{half}/{task}"), progress.encode_to_vec());
        let position = Position { topic: Topic::Progress, partition: 0, offset: 0 };
        let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
        let record = Record { position, received_at, key: Some(key.as_bytes()), payload, content_type: None };
        globals.take(&record).expect("progress is no rule");
    }

    #[test]
    fn time_passes_for_all_only_when_the_slowest_person_task_has_published_it() {
        let mut globals = Globals::default();
        let watermarks = |watermark, drop_before| {
            Some(Watermarks { watermark: Timestamp(watermark), drop_before: Timestamp(drop_before) })
        };
        publish(&mut globals, HalfKind::Person, 0, 5_000, Some(2_000));
        publish(&mut globals, HalfKind::Area, 1, 1, None);
        assert_eq!(globals.slowest(2), None, "task 1 was never heard of");
        publish(&mut globals, HalfKind::Person, 1, 3_000, None);
        assert_eq!(globals.slowest(2), watermarks(3_000, 2_000), "an earlier version publishes one time for both");
        publish(&mut globals, HalfKind::Person, 1, 2_000, Some(1_000));
        assert_eq!(globals.slowest(2), watermarks(3_000, 2_000), "never backwards");
    }

    #[test]
    fn a_newer_version_is_reported_until_its_task_is_back_with_this_one() {
        let mut globals = Globals::new(Formats::default());
        let newest = Formats::default().newest;
        publish_in(&mut globals, newest + 1, HalfKind::Person, 0, 5_000, None);
        publish(&mut globals, HalfKind::Person, 1, 5_000, None);
        assert_eq!(globals.newer(), Some(Newer { format: newest + 1, newest }));
        assert_eq!(globals.slowest(2), None, "of task 0 nothing is known");
        publish_in(&mut globals, 0, HalfKind::Person, 0, 6_000, None);
        assert_eq!((globals.newer(), globals.slowest(2).is_some()), (None, true));
    }
}
