//! Cells have room for 255 purposes: names that nothing counts any more give their numbers to new ones.

use crate::bench::{Bench, context, operations};
use crate::images::images_of;
use crate::numbers::day;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::Topic;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaChanges, CellChange};
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged::Paged as _;

const ROOM: usize = 255;

/// Negative specimens, more or less, of each purpose.
fn batch(rules: &Rules, seq: u64, changes: &[(String, i32)]) -> AreaChanges {
    let on = day("2022-11-10");
    let registry_from = rules.areas.periods[rules.areas.period(on)].0;
    let cell = |(purpose, (_, negative)): (u32, &(String, i32))| CellChange {
        registry_from,
        purpose,
        day: on.0,
        negative: *negative,
        ..CellChange::default()
    };
    AreaChanges {
        seq,
        areas: vec!["D1S1".into()],
        purposes: changes.iter().map(|(name, _)| name.clone()).collect(),
        cells: (1..).zip(changes).map(cell).collect(),
        ..AreaChanges::default()
    }
}

fn old() -> Vec<(String, i32)> {
    (0..ROOM).map(|number| (format!("old-{number}"), 1)).collect()
}

/// Specimens of a purpose in the numbers of the day; `None` where it counts nothing.
fn tests(bench: &Bench, purpose: &str) -> Option<i64> {
    let numbers = bench.numbers().remove("D1S1/2022-11-10").expect("something counts");
    let of_purpose = numbers.purposes.into_iter().find(|numbers| numbers.purpose == purpose)?;
    Some(of_purpose.windows[0].conclusive_tests)
}

fn restored(rules: &Arc<Rules>, bench: &Bench) -> Vec<Vec<u8>> {
    let mut half = AreaHalf::new(context(), Arc::clone(rules));
    for (page, operation) in bench.operations.iter().flat_map(|bytes| operations(bytes)) {
        half.replay(page, operation, FORMAT).expect("an operation of ours");
    }
    half.restored().expect("a state of ours");
    images_of(&half)
}

#[test]
fn a_new_purpose_takes_the_number_of_one_that_nothing_counts_for_any_more() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 1, &old()));
    bench.commit(Some(day("2022-11-10")));
    // As other rules do: what is new comes before what is taken back for it, in one batch.
    let change = [("new".to_owned(), 3), ("newer".to_owned(), 4), ("old-77".to_owned(), -1), ("old-5".to_owned(), -1)];
    assert_eq!(bench.read(&batch(&rules, 2, &change)), Outcome::Used(End::ChangesApplied));
    bench.commit(Some(day("2022-11-10")));
    assert_eq!([tests(&bench, "new"), tests(&bench, "newer"), tests(&bench, "old-6")], [Some(3), Some(4), Some(1)]);
    assert_eq!([tests(&bench, "old-5"), tests(&bench, "old-77")], [None, None]);
    let names = bench.half.state().purposes();
    assert_eq!((names.len(), &*names[5], &*names[77]), (ROOM, "new", "newer"));
    assert!(restored(&rules, &bench) == bench.images(), "restored");
    let mut half = AreaHalf::new(context(), rules);
    let beyond = half.replay(0, &[5, 1, 1, b'a'], FORMAT);
    assert!(beyond.is_err(), "a number that nobody has");
}

#[test]
fn without_a_number_left_only_what_counts_for_that_purpose_is_missing() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 1, &old()));
    let change = [("old-1".to_owned(), 5), ("new".to_owned(), 3), ("old-2".to_owned(), 6)];
    assert_eq!(bench.read(&batch(&rules, 2, &change)), Outcome::Rejected(RejectCode::Internal));
    let letters = bench.commit(Some(day("2022-11-10")));
    let letter = letters.iter().find(|output| output.topic == Topic::DeadLetters).expect("it is set aside");
    let field = letter.headers.iter().find(|(name, _)| *name == "swabstream-field").map(|(_, value)| &value[..]);
    assert_eq!(field, Some(&b"purposes[1]"[..]));
    assert_eq!([tests(&bench, "old-1"), tests(&bench, "new"), tests(&bench, "old-2")], [Some(6), None, Some(7)]);
    // A repair sends what is missing, once there is room.
    bench.read(&batch(&rules, 3, &[("old-1".to_owned(), -6)]));
    assert_eq!(bench.read(&batch(&rules, 4, &[("new".to_owned(), 3)])), Outcome::Used(End::ChangesApplied));
    bench.commit(Some(day("2022-11-10")));
    assert_eq!([tests(&bench, "old-1"), tests(&bench, "new")], [None, Some(3)]);
    assert!(restored(&rules, &bench) == bench.images(), "restored");
}
