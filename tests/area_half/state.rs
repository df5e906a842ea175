//! Images of any age and the operations after them give the same state again.

use crate::bench::{Bench, context, images, operations};
use crate::city::{batch, caused, random, tests_of_somebody};
use crate::numbers::day;
use rand::RngExt as _;
use std::sync::Arc;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::state::changelog::FORMAT;

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
            assert!(images(&restored) == bench.images(), "seed {seed}, images of commits {lsn:?}");
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
    // Even before it is told the time: the state remembers what was published.
    assert!(
        again.commit(None).iter().map(|output| &output.key).eq(bench.commit(None).iter().map(|output| &output.key))
    );
    let later = Some(day("2023-07-01"));
    assert_eq!(bench.commit(later).len(), again.commit(later).len());
    assert!(images(&again.half) == bench.images());
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
