//! What every worker reads whole: the rules, and how far all tasks have come.
//!
//! In: records of `rules` and `progress`. Out: the rules in force and the smallest progress. No I/O here.

use super::task::RulesInForce;
use crate::model::record::{Record, Topic};
use crate::model::time::Timestamp;
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
    /// `now` of each person task.
    progress: BTreeMap<i32, Timestamp>,
}

impl Globals {
    /// Takes one record. An error is about a set of rules that cannot be used; those in force stay so.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), Vec<RuleError>> {
        match record.position.topic {
            Topic::Rules => {
                let closed = self.reader.read(record.key.unwrap_or_default(), record.payload)?;
                if let Some(rules) = closed {
                    self.rules = Some(RulesInForce { rules, offset: record.position.offset + 1 });
                }
            }
            Topic::Progress => self.note(record.payload.unwrap_or_default()),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, payload: &[u8]) {
        // Written by ourselves only; what cannot be read says nothing about time.
        let Ok(progress) = Progress::decode(payload) else { return };
        if let (true, Some(now)) = (progress.half == "person", progress.now.as_ref().and_then(Timestamp::from_wire)) {
            let known = self.progress.entry(progress.task).or_insert(now);
            *known = now.max(*known);
        }
    }

    /// The rules in force, once a whole set was read.
    pub fn rules(&self) -> Option<&RulesInForce> {
        self.rules.as_ref()
    }

    /// The smallest progress of all person tasks, once all have told theirs: a task never heard of holds time back,
    /// for nothing is known of its people.
    pub fn floor(&self, person_tasks: i32) -> Option<Timestamp> {
        let all: Option<Vec<Timestamp>> = (0..person_tasks).map(|task| self.progress.get(&task).copied()).collect();
        all?.into_iter().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;

    fn tell(globals: &mut Globals, half: &str, task: i32, now: i64) {
        let now = Some(Timestamp(now).to_wire());
        let payload = Progress { half: half.into(), task, now, ..Progress::default() }.encode_to_vec();
        let position = Position { topic: Topic::Progress, partition: 0, offset: 0 };
        let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
        let record = Record { position, received_at, key: None, payload, content_type: None };
        globals.take(&record).expect("progress is no rule");
    }

    #[test]
    fn time_passes_for_all_only_when_the_slowest_person_task_has_told_it() {
        let mut globals = Globals::default();
        tell(&mut globals, "person", 0, 5_000);
        tell(&mut globals, "area", 1, 1);
        assert_eq!(globals.floor(2), None, "task 1 was never heard of");
        tell(&mut globals, "person", 1, 3_000);
        assert_eq!(globals.floor(2), Some(Timestamp(3_000)));
        tell(&mut globals, "person", 1, 2_000);
        assert_eq!(globals.floor(2), Some(Timestamp(3_000)), "never backwards");
    }
}
