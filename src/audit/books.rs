//! The two ledgers: every record consumed ended in one outcome, and every message sent is received or in flight.
//!
//! In: the last head of every task, and how many records lie in its inputs below its committed offsets.

use super::Cut;
use super::report::Check;
use crate::model::record::Topic;
use crate::proto::v1::TaskHead;
use std::collections::BTreeMap;

/// Inputs of a person task.
pub const PERSON_INPUTS: [Topic; 3] = [Topic::LabResults, Topic::ContactRecords, Topic::PersonEvents];

/// Heads of all tasks by changelog and number, each with the number of its commit.
pub type Heads = BTreeMap<(Topic, i32), (u64, TaskHead)>;

/// Numbers of commits by changelog and task.
pub type Commits = BTreeMap<(Topic, i32), u64>;

/// Records that lie below the committed offset, by topic and partition.
pub type Counts = BTreeMap<(Topic, i32), u64>;

/// Inputs of the task of a changelog.
fn inputs_of(changelog: Topic) -> &'static [Topic] {
    if changelog == Topic::PersonState { &PERSON_INPUTS } else { &[Topic::AreaChanges] }
}

fn name(changelog: Topic, task: i32) -> String {
    format!("{} task {task}", if changelog == Topic::PersonState { "person" } else { "area" })
}

/// Each task's changelog has the commit that the group knew at the cut, with the same offsets; and none that the group
/// does not `know` by now, long after it was read. Nor do outputs name such a commit: `written` has their newest ones.
pub fn commits(cut: &Cut, heads: &Heads, [newest, written]: [&Commits; 2], known: &Commits) -> Check {
    let mut check = Check::new("commits");
    for (&(changelog, task), &seq) in &cut.commits {
        let Some((found, head)) = heads.get(&(changelog, task)) else {
            check.differs(|| match newest.get(&(changelog, task)) {
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
    let found = newest.iter().map(|newest| ("its changelog", newest));
    for (what, (&(changelog, task), newest)) in found.chain(written.iter().map(|newest| ("an output", newest))) {
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

/// Ledger 1: consumed = sum of outcomes = records in the inputs below the committed offsets.
pub fn consumed(cut: &Cut, heads: &Heads, counts: &Counts) -> Check {
    let mut check = Check::new("consumed");
    let (mut consumed, mut outcomes, mut there) = (0, 0, 0);
    let mut deleted = 0;
    for (&(changelog, task), (_, head)) in heads {
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
    check.limited = (deleted > 0).then(|| format!("up to {deleted} more were deleted by retention"));
    check.compared(format!("{consumed} records consumed = {outcomes} outcomes = {there} in the inputs"))
}

/// Ledger 2: sent = received + in flight.
pub fn sent(cut: &Cut, heads: &Heads, counts: &Counts, on_the_way: u64) -> Check {
    let mut check = Check::new("sent on");
    let people = || heads.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
    let sent: u64 = people().map(|(_, (_, head))| head.sent).sum();
    let received: u64 = people().map(|(_, (_, head))| head.received).sum();
    check.require(sent == received + on_the_way, || {
        format!("{sent} were sent, {received} received, {on_the_way} are in flight")
    });
    let mut deleted = 0;
    for (&(_, task), (_, head)) in people() {
        let lie = counts.get(&(Topic::PersonEvents, task)).copied().unwrap_or(0);
        let gone = cut.first.get(&(Topic::PersonEvents, task)).map_or(0, |first| *first as u64);
        check.require((lie..=lie + gone).contains(&head.received), || {
            format!("person task {task}: {} messages received, {lie} lie in its partition", head.received)
        });
        deleted += gone;
    }
    check.limited = (deleted > 0).then(|| format!("up to {deleted} of person-events were deleted by retention"));
    check.compared(format!("{sent} messages sent = {received} received + {on_the_way} in flight"))
}
