//! The two ledgers: every record consumed ended in one outcome, and every message sent is received or in flight.
//!
//! In: the last head of every task, and how many records lie in its inputs below its committed offsets.

use super::arrived::Arrived;
use super::cut::Cut;
use super::report::Check;
use super::rules::RulesFound;
use crate::model::record::{Position, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1::{LabResult, Outcome, ProcessingMode, TaskHead};
use std::collections::BTreeMap;

/// Inputs of a person task.
pub const PERSON_INPUTS: [Topic; 4] =
    [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonEvents];

/// Last heads of all tasks, by changelog and number.
pub type Heads = BTreeMap<(Topic, i32), LastHead>;

/// What a task was after its last commit.
#[derive(Clone, Debug)]
pub struct LastHead {
    /// Number of the commit.
    pub seq: u64,
    /// What the task was.
    pub task: TaskHead,
}

/// Numbers of commits by changelog and task.
pub type Commits = BTreeMap<(Topic, i32), u64>;

/// The newest commits that records name.
#[derive(Debug, Default)]
pub struct NewestCommits {
    /// Of each changelog; they may lie after the cut.
    pub in_changelogs: Commits,
    /// Of each task, those after the cut that its outputs name.
    pub in_outputs: Commits,
}

/// Records that lie below the committed offset, by topic and partition.
pub type RecordCounts = BTreeMap<(Topic, i32), u64>;

/// Inputs of the task of a changelog.
fn inputs_of(changelog: Topic) -> &'static [Topic] {
    if changelog == Topic::PersonState { &PERSON_INPUTS } else { &[Topic::AreaChanges] }
}

fn name(changelog: Topic, task: i32) -> String {
    format!("{} task {task}", if changelog == Topic::PersonState { "person" } else { "area" })
}

/// Whether an input record was judged before its task judged as strictly as it does.
pub fn was_judged_earlier(heads: &Heads, record: &Position) -> bool {
    let Some(LastHead { task: head, .. }) = heads.get(&(Topic::PersonState, record.partition)) else { return false };
    let from = head.judged_from.iter().find(|from| from.topic == record.topic.name());
    head.judgement == 0 || from.is_some_and(|from| record.offset < from.offset)
}

/// Each task's changelog has the commit that the group knew at the cut, with the same offsets; and none that the group
/// does not know by now, long after it was read. Nor do outputs name such a commit.
pub fn commits(cut: &Cut, heads: &Heads, newest: &NewestCommits, known: &Commits) -> Check {
    let mut check = Check::new("commits");
    for (&(changelog, task), &seq) in &cut.commits {
        let Some(LastHead { seq: found, task: head }) = heads.get(&(changelog, task)) else {
            check.differs(|| match newest.in_changelogs.get(&(changelog, task)) {
                None => format!(
                    "{}: its group is at commit {seq}, and {} [{task}] holds nothing that can be read: the topic was \
                     deleted or made anew, or is damaged; the processor's next start says how to go on",
                    name(changelog, task),
                    changelog.name()
                ),
                Some(_) => {
                    format!("{}: its group is at commit {seq}, which is not in its changelog", name(changelog, task))
                }
            });
            continue;
        };
        check.require(*found == seq, || {
            format!("{}: its group is at commit {seq}, its changelog at {found}", name(changelog, task))
        });
        for topic in inputs_of(changelog) {
            let committed = cut.committed.get(&(*topic, task));
            let stored = head.inputs.iter().find(|input| input.topic == topic.name()).map(|input| input.offset);
            check.require(committed.copied() == stored, || {
                format!(
                    "{}: its group and its changelog name different offsets of {}",
                    name(changelog, task),
                    topic.name()
                )
            });
        }
    }
    let in_changelogs = newest.in_changelogs.iter().map(|newest| ("its changelog", newest));
    let in_outputs = newest.in_outputs.iter().map(|newest| ("an output", newest));
    for (what, (&(changelog, task), newest)) in in_changelogs.chain(in_outputs) {
        let task_name = || name(changelog, task);
        match known.get(&(changelog, task)) {
            None => {
                check.differs(|| format!("{}: {what} has commit {newest}, its group no offsets", task_name()));
            }
            Some(seq) => check.require(newest <= seq, || {
                format!("{}: {what} has commit {newest}, its group is at {seq}", task_name())
            }),
        }
    }
    check.compared(format!("{} tasks: group and changelog", cut.commits.len()))
}

/// Offsets of an input that its task should have read next, and that are no longer there.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    input: (Topic, i32),
    from: i64,
    to: i64,
}

/// What was deleted before it was read, at a cut.
pub fn unread(cut: &Cut) -> Vec<Unread> {
    let of = |(&input, &from): (&(Topic, i32), &i64)| Some(Unread { input, from, to: *cut.first.get(&input)? });
    cut.committed.iter().filter_map(of).filter(|unread| unread.to > unread.from).collect()
}

/// Nothing was deleted before it was read, but what an operator has given up; and that is booked as lost.
pub fn lost(unread: &[Unread], heads: &Heads) -> Check {
    let mut check = Check::new("unread");
    for Unread { input: (topic, partition), from, to } in unread {
        check.differs(|| {
            format!(
                "{} [{partition}]: offsets {from} to {to} were deleted before they were read, at most {} records; how to \
                 go on says: swabstream skip-lost",
                topic.name(),
                to - from
            )
        });
    }
    let mut given_up = Vec::new();
    for (&(changelog, task), LastHead { task: head, .. }) in heads {
        let booked = head.outcomes.iter().filter(|outcome| outcome.outcome() == Outcome::Lost);
        let booked: u64 = booked.map(|outcome| outcome.records).sum();
        let offsets: i64 = head.losses.iter().map(|loss| loss.to - loss.from).sum();
        check.require(i64::try_from(booked) == Ok(offsets), || {
            format!("{}: {offsets} offsets were given up, {booked} are booked as lost", name(changelog, task))
        });
        given_up.extend(head.losses.iter().map(|loss| {
            let at = loss.given_up_at.as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
            format!("{} [{task}] {} to {} at {at}", loss.topic, loss.from, loss.to)
        }));
    }
    let gaps = given_up.len();
    check.limited = (gaps > 0).then(|| format!("given up as lost: {}", given_up.join(", ")));
    check.compared(format!("{} gaps before what is to be read next, {gaps} given up earlier", unread.len()))
}

/// Messages between tasks that were given up: at most so many.
fn lost_messages(head: &TaskHead) -> u64 {
    let losses = head.losses.iter().filter(|loss| loss.topic == Topic::PersonEvents.name());
    losses.map(|loss| (loss.to - loss.from).unsigned_abs()).sum()
}

/// Results of labs that the registry does not know, all of which were applied by rules that let them.
#[derive(Clone, Copy, Debug)]
pub struct UnknownLabs {
    /// All that were read, duplicates too.
    pub results: u64,
    /// The first of them to be read was applied, whichever it was: it was moved from nobody.
    pub some_applied: bool,
}

impl UnknownLabs {
    /// `None` where the rules were others for a while: then a lab may have been known, or refused.
    pub fn of(found: &RulesFound, arrived: &[Arrived]) -> Option<Self> {
        if found.changed {
            return None;
        }
        let results = || arrived.iter().filter_map(|arrived| arrived.record.as_result());
        let is_unknown = |result: &&LabResult| {
            result.mode() != ProcessingMode::Training && found.rules.lab(&result.lab_id).is_none()
        };
        let was_moved = |of: &LabResult| {
            let same = |other: &&LabResult| (&other.lab_id, &other.result_id) == (&of.lab_id, &of.result_id);
            results().filter(same).any(|result| !result.previous_person_id.is_empty())
        };
        let some_applied = results().find(is_unknown).is_some_and(|result| !was_moved(result));
        Some(Self { results: results().filter(is_unknown).count() as u64, some_applied })
    }
}

/// Ledger 1: consumed = sum of outcomes = records in the inputs below the committed offsets. `unknown` are the results
/// of unknown labs, where all inputs and rules there ever were are known.
pub fn consumed(cut: &Cut, heads: &Heads, counts: &RecordCounts, unknown: Option<UnknownLabs>) -> Check {
    let mut check = Check::new("consumed");
    let (mut consumed, mut outcomes, mut there) = (0, 0, 0);
    let mut deleted = 0;
    for (&(changelog, task), LastHead { task: head, .. }) in heads {
        let ended: u64 = head.outcomes.iter().map(|outcome| outcome.records).sum();
        let inputs = || inputs_of(changelog).iter().map(|topic| (*topic, task));
        let lie: u64 = inputs().filter_map(|input| counts.get(&input)).sum();
        let gone: u64 = inputs().filter_map(|input| cut.first.get(&input)).map(|first| *first as u64).sum();
        check.require(head.consumed == ended, || {
            format!("{}: {} records consumed, {ended} outcomes", name(changelog, task), head.consumed)
        });
        // What was deleted is not known but for how many offsets it had.
        check.require((lie..=lie + gone).contains(&head.consumed), || {
            format!("{}: {} records consumed, {lie} lie in its inputs", name(changelog, task), head.consumed)
        });
        (consumed, outcomes, there) = (consumed + head.consumed, outcomes + ended, there + lie);
        deleted += gone;
    }
    if let Some(unknown) = unknown.filter(|_| deleted == 0) {
        let all = heads.values().flat_map(|head| &head.task.outcomes);
        let apart = all.filter(|outcome| outcome.outcome() == Outcome::AcceptedUnknownLab);
        let booked: u64 = apart.map(|outcome| outcome.records).sum();
        check.require((u64::from(unknown.some_applied)..=unknown.results).contains(&booked), || {
            format!("{booked} are booked as of unknown labs (accepted_unknown_lab), {} came from such", unknown.results)
        });
    }
    check.limited = (deleted > 0).then(|| format!("up to {deleted} more were deleted by retention"));
    check.compared(format!("{consumed} records consumed = {outcomes} outcomes = {there} in the inputs"))
}

/// Ledger 2: sent = received + in flight.
pub fn sent(cut: &Cut, heads: &Heads, counts: &RecordCounts, in_flight: u64) -> Check {
    let mut check = Check::new("sent on");
    let people = || heads.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
    let sent: u64 = people().map(|(_, head)| head.task.sent).sum();
    let received: u64 = people().map(|(_, head)| head.task.received).sum();
    let lost: u64 = people().map(|(_, head)| lost_messages(&head.task)).sum();
    let arrived = received + in_flight;
    check.require((arrived..=arrived + lost).contains(&sent), || {
        format!("{sent} were sent, {received} received, {in_flight} are in flight")
    });
    let mut deleted = 0;
    for (&(_, task), LastHead { task: head, .. }) in people() {
        let lie = counts.get(&(Topic::PersonEvents, task)).copied().unwrap_or(0);
        let gone = cut.first.get(&(Topic::PersonEvents, task)).map_or(0, |first| *first as u64);
        check.require((lie..=lie + gone).contains(&head.received), || {
            format!("person task {task}: {} messages received, {lie} lie in its partition", head.received)
        });
        deleted += gone;
    }
    check.limited = (deleted > 0).then(|| format!("up to {deleted} of person-events were deleted by retention"));
    check.compared(format!("{sent} messages sent = {received} received + {in_flight} in flight"))
}
