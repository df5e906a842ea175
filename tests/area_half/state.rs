//! Images of any age and the operations after them give the same state again.

use crate::bench::{Bench, context, heard, operations};
use crate::city::{batch, caused, random, tests_of_somebody};
use crate::images::images_of;
use crate::numbers::day;
use prost::Message as _;
use rand::RngExt as _;
use std::sync::Arc;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::AreaPositivity;
use swabstream::runtime::log::Committed;
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::changelog::{FORMAT, Restorer};
use swabstream::state::paged::Paged as _;

/// A task with images of each commit, page by page.
fn live(rules: &Arc<Rules>, seed: u64) -> (Bench, Vec<Vec<Vec<u8>>>) {
    let mut random = random(seed);
    let mut bench = Bench::new(rules);
    let mut after_commit = vec![bench.images()];
    let mut today = day("2022-11-20");
    let mut said = Vec::new();
    for seq in 1..120 {
        let tests = tests_of_somebody(&mut random, today.plus(-7), 8);
        bench.read(&caused(batch(rules, 0, seq, &[], &tests), seq as i64));
        said.push(tests);
        if random.random_bool(0.2) {
            let taken_back = said.swap_remove(random.random_range(0..said.len()));
            bench.read(&batch(rules, 1, seq, &taken_back, &[]));
        }
        bench.commit(random.random_bool(0.9).then_some(today));
        after_commit.push(bench.images());
        today = today.plus(random.random_range(0..4));
    }
    (bench, after_commit)
}

/// Restores from one image per page, each of its own commit, and the operations since.
fn restored(rules: &Arc<Rules>, bench: &Bench, after_commit: &[Vec<Vec<u8>>], lsn: &[usize]) -> AreaHalf {
    let mut half = AreaHalf::new(context(), Arc::clone(rules));
    for (page, commit) in lsn.iter().enumerate() {
        if let Some(image) = after_commit[*commit].get(page).filter(|_| *commit > 0) {
            half.load(page as u32, image, FORMAT).expect("an image of ours");
        }
    }
    for (seq, bytes) in (1..).zip(&bench.operations) {
        for (page, operation) in operations(bytes) {
            if seq > lsn[page as usize] {
                half.replay(page, operation, FORMAT).expect("an operation of ours");
            }
        }
    }
    half.restored().expect("a state of ours");
    half
}

#[test]
fn images_of_any_age_and_later_operations_give_the_live_state() {
    let rules = Arc::new(sample_rules());
    for seed in 0..3 {
        let (bench, after_commit) = live(&rules, seed);
        assert!(bench.alerts().len() > 10, "alerts are part of what is restored");
        let mut random = random(seed);
        for _ in 0..40 {
            let pages = bench.half.pages() as usize;
            let lsn: Vec<usize> = (0..pages).map(|_| random.random_range(0..after_commit.len())).collect();
            let restored = restored(&rules, &bench, &after_commit, &lsn);
            assert!(images_of(&restored) == bench.images(), "seed {seed}, images of commits {lsn:?}");
            assert_eq!(restored.rules_digest(), rules.digest);
        }
    }
}

#[test]
fn a_restored_task_goes_on_as_if_nothing_had_happened() {
    let rules = Arc::new(sample_rules());
    let (mut bench, after_commit) = live(&rules, 9);
    let lsn = vec![after_commit.len() / 2; bench.half.pages() as usize];
    let mut again = Bench::new(&rules);
    again.half = restored(&rules, &bench, &after_commit, &lsn);
    again.offset = bench.offset;
    let tests = tests_of_somebody(&mut random(77), day("2023-03-01"), 8);
    let batch = batch(&rules, 0, 1000, &[], &tests);
    assert_eq!(bench.read(&batch), again.read(&batch));
    // Even before it is given the time: the state remembers what was published.
    assert!(
        again.commit(None).iter().map(|output| &output.key).eq(bench.commit(None).iter().map(|output| &output.key))
    );
    let later = Some(day("2023-07-01"));
    assert_eq!(bench.commit(later).len(), again.commit(later).len());
    assert!(images_of(&again.half) == bench.images());
}

/// Numbers of areas that a task publishes, each with the time it names, and its changelog.
fn commit(task: &mut Task<AreaHalf>, changelog: &mut Restorer) -> (Vec<Timestamp>, Committed) {
    let (outputs, commit) = task.commit(None);
    for record in &commit.changes {
        changelog.take(&record.key, record.payload.as_deref()).expect("it was just written");
    }
    let numbers = outputs.iter().filter(|output| output.topic == Topic::AreaPositivity);
    let now = |output: &Output| {
        let numbers = AreaPositivity::decode(output.payload.as_deref()?).ok()?;
        numbers.now.as_ref().and_then(Timestamp::from_wire)
    };
    (numbers.filter_map(now).collect(), Committed { next: commit.next, begin: Vec::new(), mark: Some(commit.mark) })
}

#[test]
fn a_new_owner_that_has_not_heard_the_time_publishes_by_that_of_its_predecessor() {
    let rules = RulesInForce { rules: Arc::new(sample_rules()), offset: 1 };
    let (morning, noon) = (Timestamp(1_668_902_400_000), Timestamp(1_668_916_800_000));
    let mut changelog = Restorer::new(Topic::AreaState, 0, 8);
    let mut task: Task<AreaHalf> = Task::fresh(context(), &rules, vec![(Topic::AreaChanges, 0)], 8);
    task.pass_time(&heard(morning));
    commit(&mut task, &mut changelog);
    task.pass_time(&heard(noon));
    let (_, committed) = commit(&mut task, &mut changelog);

    let mut again = Task::restored(context(), &rules, committed, changelog, 8).expect("its own changelog");
    let tests = tests_of_somebody(&mut random(5), day("2022-11-13"), 8);
    let payload = batch(&rules.rules, 0, 1, &[], &tests).encode_to_vec();
    let position = Position { topic: Topic::AreaChanges, partition: 0, offset: 0 };
    let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
    again.apply(&Record { position, received_at, key: None, payload, content_type: None }).expect("of this version");
    let (published, _) = commit(&mut again, &mut Restorer::new(Topic::AreaState, 0, 8));
    assert!(!published.is_empty() && published.iter().all(|now| *now == noon), "{published:?}");
}

#[test]
fn bytes_that_are_not_ours_are_refused() {
    let rules = Arc::new(sample_rules());
    let (bench, after_commit) = live(&rules, 4);
    let image = &after_commit[after_commit.len() - 1][1];
    let mut half = AreaHalf::new(context(), Arc::clone(&rules));
    assert!(half.load(1, &image[..image.len() - 1], FORMAT).is_err());
    assert!(half.load(1, &[image.as_slice(), &[0]].concat(), FORMAT).is_err());
    let all = operations(&bench.operations[0]);
    for (page, operation) in all {
        let mut half = AreaHalf::new(context(), Arc::clone(&rules));
        assert!(half.replay(page, &operation[..operation.len() - 1], FORMAT).is_err());
    }
    let mut half = AreaHalf::new(context(), rules);
    for (page, operation) in [(0, &[99][..]), (1, &[0, 99]), (1, &[5, 3, 1])] {
        assert!(half.replay(page, operation, FORMAT).is_err());
    }
}
