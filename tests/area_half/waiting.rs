//! A task that was restored by whoever had not yet read the rules its state is derived by.

use crate::bench::{context, heard};
use prost::Message as _;
use std::sync::Arc;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaChanges, AreaPositivity, CellChange};
use swabstream::runtime::log::{CommitMark, Committed};
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::changelog::Restorer;

const RING: u64 = 8;
const INPUT: Topic = Topic::AreaChanges;

#[test]
fn a_task_that_waited_for_its_rules_works_by_them() {
    let [old, new] = [in_force("old", 1), in_force("new", 2)];
    let mut task = Task::<AreaHalf>::fresh(context(), &new, vec![(INPUT, 0)], RING);
    let changes = committed(&mut task, 0).1;

    let mut waiting = restored(&old, &task, &changes);
    assert!(!waiting.may_use(&old), "its rules are newer");
    waiting.adopt(&new);
    let (outputs, _) = committed(&mut waiting, 1);
    let numbers = outputs.iter().find(|output| output.topic == Topic::AreaPositivity).expect("numbers are published");
    let numbers = AreaPositivity::decode(numbers.payload.as_deref().unwrap_or_default()).expect("numbers");
    assert_eq!(numbers.rules_digest, "new", "it works by the rules it waited for");
}

#[test]
fn rules_that_came_back_are_not_older_than_what_came_between() {
    let [first, between, again] = [in_force("first", 1), in_force("between", 2), in_force("first", 3)];
    let mut task = Task::<AreaHalf>::fresh(context(), &again, vec![(INPUT, 0)], RING);
    let changes = committed(&mut task, 0).1;

    let mut held = restored(&first, &task, &changes);
    assert!(held.may_use(&first), "they are the same rules");
    held.adopt(&first);
    assert!(!held.may_use(&between), "they were replaced by those it is derived by");
    held.adopt(&between);
    assert_eq!(held.half().rules_digest(), "first", "its worker still reads what came between");
}

fn in_force(digest: &str, offset: i64) -> RulesInForce {
    let mut rules = sample_rules();
    rules.digest = digest.to_owned();
    RulesInForce { rules: Arc::new(rules), offset }
}

/// Reads one batch and commits; returns what is published, and what is written to the changelog.
fn committed(task: &mut Task<AreaHalf>, offset: i64) -> (Vec<Output>, Vec<Output>) {
    let period = Day::parse("2020-01-01").expect("a day");
    let cell = CellChange { day: day().0, registry_from: period.0, negative: 1, ..CellChange::default() };
    let batch =
        AreaChanges { person_task: 0, seq: offset as u64 + 1, areas: vec!["D1".into()], ..AreaChanges::default() };
    let payload = AreaChanges {
        purposes: vec!["screening".into()],
        cells: vec![cell.clone(), CellChange { purpose: 1, ..cell }],
        ..batch
    }
    .encode_to_vec();
    let position = Position { topic: INPUT, partition: 0, offset };
    let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
    task.apply(&Record { position, received_at, key: None, payload, content_type: None }).expect("of this version");
    let noon = Timestamp(i64::from(day().0) * 86_400_000 + 4 * 3_600_000);
    task.pass_time(&heard(noon));
    let (outputs, commit) = task.commit(None);
    (outputs, commit.changes)
}

fn restored(rules: &RulesInForce, task: &Task<AreaHalf>, changes: &[Output]) -> Task<AreaHalf> {
    let mut restorer = Restorer::new(Topic::AreaState, 0, RING);
    for change in changes {
        restorer.take(&change.key, change.payload.as_deref()).expect("it was written just now");
    }
    let mark = CommitMark { seq: task.seq(), restore_from: 0 };
    let committed = Committed { next: task.next().to_vec(), begin: Vec::new(), mark: Some(mark) };
    Task::restored(context(), rules, committed, restorer, RING).expect("it is whole")
}

fn day() -> Day {
    Day::parse("2022-11-10").expect("a day")
}
