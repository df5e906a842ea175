//! How far tasks are behind the wall clock: ends of the inputs, asked of the broker without waiting.

use super::group::Group;
use super::names::Names;
use super::native::{Answer, End, Query};
use crate::clock;
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::time::{Duration, Instant};

/// Ends are asked for at most so often.
const PACE: Duration = Duration::from_millis(250);

/// Goals are looked at at most so often: a look costs some calls per task, and workers ask in every round.
const LOOK: Duration = Duration::from_millis(20);

/// How long the broker may take to answer; then it is asked again.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// What tasks must have read to be idle since a time.
#[derive(Debug, Default)]
pub(super) struct Idle {
    question: Option<(Timestamp, Query)>,
    asked: Option<Instant>,
    looked: Option<Instant>,
    goals: BTreeMap<i32, Goal>,
}

#[derive(Clone, Debug)]
struct Goal {
    at: Timestamp,
    /// In order of the inputs.
    ends: Vec<i64>,
    reached: bool,
}

impl Idle {
    /// See [`Log::idle_since`](crate::runtime::log::Log::idle_since).
    pub(super) fn since(
        &mut self,
        task: i32,
        group: &Group,
        names: &Names,
        inputs: &'static [Topic],
    ) -> Option<Timestamp> {
        self.hear(group, names, inputs);
        self.ask(group, names, inputs);
        self.look(group);
        self.goals.get(&task).filter(|goal| goal.reached).map(|goal| goal.at)
    }

    /// Forgets tasks that do not run, so that what they reached before counts no more.
    pub(super) fn forget(&mut self, tasks: &[i32]) {
        self.question = None;
        self.goals.retain(|task, _| !tasks.contains(task));
    }

    /// Forgets all.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    fn look(&mut self, group: &Group) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        self.looked = Some(clock::monotonic());
        for (task, goal) in self.goals.iter_mut().filter(|(_, goal)| !goal.reached) {
            let reached = |positions: Vec<i64>| positions.iter().zip(&goal.ends).all(|(position, end)| position >= end);
            goal.reached = group.positions(*task).is_some_and(reached);
        }
    }

    fn ask(&mut self, group: &Group, names: &Names, inputs: &'static [Topic]) {
        if self.question.is_some() || self.asked.is_some_and(|asked| asked.elapsed() < PACE) {
            return;
        }
        let all = group.running().flat_map(|task| inputs.iter().map(move |topic| (task, *topic)));
        let partitions: Vec<(CString, i32)> = all.map(|(task, topic)| (CString::from(names.of(topic)), task)).collect();
        if partitions.is_empty() {
            return;
        }
        self.asked = Some(clock::monotonic());
        // Read uncommitted: a record of a transaction still open was written before that time, too. The time is taken
        // first, so that the ends are at least as late.
        let at = clock::now();
        self.question = Some((at, Query::ends(group.handle(), partitions, End::Last, QUESTION_LIMIT)));
    }

    fn hear(&mut self, group: &Group, names: &Names, inputs: &'static [Topic]) {
        let Some((at, query)) = &mut self.question else { return };
        let at = *at;
        let Some(answer) = query.poll(Duration::ZERO) else { return };
        self.question = None;
        let Ok(answers) = answer else {
            // Nobody is idle later than before; it is asked again.
            inputs.iter().for_each(|topic| group.handle().refresh(names.of(*topic)));
            return;
        };
        let mut ends: BTreeMap<i32, BTreeMap<Topic, i64>> = BTreeMap::new();
        for Answer { topic, partition, offset, .. } in answers {
            if let Some(topic) = names.topic(&topic) {
                ends.entry(partition).or_default().insert(topic, offset);
            }
        }
        for (task, ends) in ends {
            // A goal stands until it is reached: under a steady stream the newest one never would be.
            if self.goals.get(&task).is_some_and(|goal| !goal.reached) {
                continue;
            }
            let ends: Option<Vec<i64>> = inputs.iter().map(|topic| ends.get(topic).copied()).collect();
            if let Some(ends) = ends {
                self.goals.insert(task, Goal { at, ends, reached: false });
            }
        }
        self.looked = None;
    }
}
