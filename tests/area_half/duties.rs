//! What has to be done in areas: signed changes of days to what is published of them.

use super::bench::{Bench, LAYOUT, context, operations};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::audit::duties::sums::{self as duty_sums, DutySums};
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::Topic;
use swabstream::model::time::Day;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaChanges, AreaDuties, DutyChange, DutyKind, GroupChange, GroupDuties};
use swabstream::repair::{self, Corrections};
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged::Paged as _;

use DutyKind::{Managed, PoolRecall, TestDue};

const TODAY: &str = "2022-11-12";

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// Changes of areas, each of a kind on a day.
fn batch(seq: u64, changes: &[(&str, &str, DutyKind, i32)]) -> AreaChanges {
    let areas = changes.iter().map(|(area, ..)| (*area).to_owned()).collect();
    let one = |(area, (_, on, kind, change)): (u32, &(&str, &str, DutyKind, i32))| DutyChange {
        area,
        day: day(on).0,
        kind: *kind as i32,
        change: *change,
    };
    AreaChanges { seq, areas, duties: (0..).zip(changes).map(one).collect(), format: 2, ..AreaChanges::default() }
}

/// The same with changes of groups in one of its areas today: members, tests due, taken and overdue.
fn with_groups(mut batch: AreaChanges, changes: &[(u32, &str, [i32; 4])]) -> AreaChanges {
    for (area, group, [members, tests_due, tests_taken, tests_overdue]) in changes.iter().copied() {
        let (day, group) = (day(TODAY).0, group.to_owned());
        batch.groups.push(GroupChange { area, day, group, members, tests_due, tests_taken, tests_overdue });
    }
    batch
}

fn published(bench: &Bench) -> BTreeMap<String, AreaDuties> {
    let read = |(key, payload): (String, Vec<u8>)| (key, AreaDuties::decode(&payload[..]).expect("ours"));
    bench.latest(Topic::AreaDuties).into_iter().map(read).collect()
}

#[test]
fn a_day_of_duties_is_what_batches_add_up_to_also_in_days_to_come() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(1, &[("D1", TODAY, Managed, 3), ("D1", "2022-11-20", TestDue, 2), ("", TODAY, Managed, 1)]));
    assert!(bench.commit(None).is_empty(), "no time is known yet");
    bench.commit(Some(day(TODAY)));
    let all = published(&bench);
    assert_eq!(all.keys().map(String::as_str).collect::<Vec<_>>(), ["/2022-11-12", "D1/2022-11-12", "D1/2022-11-20"]);
    let today = &all["D1/2022-11-12"];
    assert_eq!((&*today.area, &*today.day, &*today.target), ("D1", TODAY, "sars-cov-2"));
    assert_eq!((today.managed, today.tests_due, all["D1/2022-11-20"].tests_due), (3, 0, 2));
    assert_eq!((today.rules_digest.as_str(), today.now.is_some()), (rules.digest.as_str(), true));

    bench.read(&batch(
        2,
        &[("D1", TODAY, Managed, -1), ("D1", "2022-11-20", TestDue, -2), ("D1", TODAY, PoolRecall, 1)],
    ));
    let outputs = bench.commit(Some(day(TODAY)));
    assert_eq!(outputs.iter().filter(|output| output.topic == Topic::AreaDuties).count(), 2, "only what was touched");
    let all = published(&bench);
    assert_eq!((all["D1/2022-11-12"].managed, all["D1/2022-11-12"].pools_to_recall), (2, 1));
    assert!(!all.contains_key("D1/2022-11-20"), "nothing is left to be done");
}

#[test]
fn groups_of_a_day_are_what_batches_add_up_to_each_with_its_name() {
    let mut bench = Bench::new(&Arc::new(sample_rules()));
    let changes = [(0, "drivers", [5, 4, 1, 2]), (0, "arrivals", [1, 0, 0, 0]), (0, "drivers", [-1, 0, 1, -1])];
    bench.read(&with_groups(batch(1, &[("D1", TODAY, Managed, 0)]), &changes));
    bench.commit(Some(day(TODAY)));
    let of = |group: &str, [members, tests_due, tests_taken, tests_overdue]: [i64; 4]| GroupDuties {
        group: group.to_owned(),
        members,
        tests_due,
        tests_taken,
        tests_overdue,
    };
    let today = &published(&bench)["D1/2022-11-12"];
    assert_eq!(today.groups, [of("arrivals", [1, 0, 0, 0]), of("drivers", [4, 4, 2, 1])]);
    assert_eq!((today.managed, today.tests_due), (0, 0), "they are in no other number");
    let back = [(0, "drivers", [-4, -4, -2, -1]), (0, "arrivals", [-1, 0, 0, 0])];
    bench.read(&with_groups(batch(2, &[("D1", TODAY, Managed, 0)]), &back));
    bench.commit(Some(day(TODAY)));
    assert!(published(&bench).is_empty(), "nobody is in any");
    let unknown = with_groups(batch(3, &[("D1", TODAY, Managed, 1)]), &[(7, "drivers", [1, 0, 0, 0])]);
    assert_eq!(bench.read(&unknown), Outcome::Rejected(RejectCode::Malformed), "of an area that is not named");
}

#[test]
fn days_that_are_kept_no_more_are_taken_back_and_count_nothing_any_more() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(1, &[("D1", TODAY, Managed, 3)]));
    bench.commit(Some(day(TODAY)));
    let kept = bench.half.state().published().map(|(today, kept)| today.0 - kept.0).expect("published");
    for later in 1..=kept + 1 {
        bench.commit(Some(day(TODAY).plus(later)));
    }
    assert!(published(&bench).is_empty());
    bench.read(&batch(2, &[("D1", TODAY, Managed, -3)]));
    bench.commit(Some(day(TODAY).plus(kept + 1)));
    assert!(published(&bench).is_empty());
    assert!(bench.half.state().all().all(|(_, series)| series.duties.days().next().is_none()));
}

#[test]
fn what_has_to_be_done_is_restored_from_images_and_from_operations() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&with_groups(
        batch(1, &[("D1", TODAY, Managed, 3), ("D2", TODAY, TestDue, 300)]),
        &[(0, "drivers", [3, 2, 1, 0])],
    ));
    bench.commit(Some(day(TODAY)));
    let images = bench.images();
    bench.read(&with_groups(
        batch(2, &[("D1", TODAY, Managed, -3), ("D2", "2022-11-13", PoolRecall, -1)]),
        &[(0, "drivers", [-3, -1, 0, 1]), (1, "arrivals", [400, 0, 0, -1])],
    ));
    bench.commit(Some(day(TODAY)));
    let mut restored = AreaHalf::new(context(), Arc::clone(&rules));
    for (page, image) in (0..).zip(&images) {
        restored.load(page, image, FORMAT).expect("an image of ours");
    }
    for (page, operation) in operations(bench.operations.last().expect("a commit")) {
        restored.replay(page, operation, FORMAT).expect("an operation of ours");
    }
    restored.restored().expect("whole");
    assert_eq!(restored.state(), bench.half.state());
}

/// What is held may be wrong, and so may what was published of it, also where nothing is held.
#[test]
fn a_repair_brings_what_people_add_up_to_and_states_again_what_was_published_otherwise() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(1, &[("D1", TODAY, Managed, 3), ("D1S1", TODAY, TestDue, 1), ("", TODAY, PoolRecall, 9)]));
    bench.commit(Some(day(TODAY)));
    let sums = |all: &[(&str, &str, DutyKind, i64)]| -> DutySums {
        let mut sums = DutySums::new();
        for (area, on, kind, number) in all {
            let counts = duty_sums::DutyCounts::of(*kind, *number).expect("a kind");
            duty_sums::bump(&mut sums, (area, day(on)), &counts);
        }
        sums
    };
    let long_ago = "2022-10-01";
    let wanted = sums(&[
        ("D1", TODAY, Managed, 5),
        ("D1S1", TODAY, TestDue, 1),
        ("D2/influenza-a", TODAY, Managed, 2),
        ("D1", long_ago, Managed, 7),
    ]);
    let held = sums(&[("D1", TODAY, Managed, 3), ("D1S1", TODAY, TestDue, 1), ("", TODAY, PoolRecall, 9)]);
    let mut wanted = wanted;
    duty_sums::bump(&mut wanted, ("D1", day(TODAY)), &duty_sums::DutyCounts::of_group("drivers", [3, 0, 1, 2]));
    let duties = repair::duty_difference(&wanted, &held, day(TODAY));
    assert_eq!(duties.len(), 3, "nobody can tell any more what was before: {duties:?}");

    let said = sums(&[("D1S1", TODAY, TestDue, 2), ("D2S1", TODAY, TestDue, 4)]);
    let first = |_: &str| Some(day(TODAY));
    let restated = repair::duties_misstated(&sums(&[("D1S1", TODAY, TestDue, 1)]), &said, first);
    assert_eq!(restated.len(), 2, "{restated:?}");
    assert!(repair::duties_misstated(&held, &DutySums::new(), |_| None).is_empty(), "nothing was published yet");

    let corrections = Corrections { duties, duties_restated: restated, ..Corrections::default() };
    for output in repair::batches(&corrections, &rules, LAYOUT, 1, 2) {
        assert_eq!(bench.read_bytes(output.payload.as_deref()), Outcome::Used(End::ChangesApplied));
    }
    let outputs = bench.commit(Some(day(TODAY)));
    let mut stated: Vec<(String, bool)> = outputs
        .iter()
        .filter(|output| output.topic == Topic::AreaDuties)
        .map(|output| (String::from_utf8_lossy(&output.key).into_owned(), output.payload.is_some()))
        .collect();
    stated.sort();
    let expected = [
        ("/2022-11-12", false),
        ("D1/2022-11-12", true),
        ("D1S1/2022-11-12", true),
        ("D2/2022-11-12/influenza-a", true),
        ("D2S1/2022-11-12", false),
    ];
    assert_eq!(stated, expected.map(|(key, there)| (key.to_owned(), there)));
    let all = published(&bench);
    assert_eq!((all["D1/2022-11-12"].managed, all["D1S1/2022-11-12"].tests_due), (5, 1));
    let groups = &all["D1/2022-11-12"].groups;
    assert_eq!((groups.len(), groups[0].members, groups[0].tests_overdue), (1, 3, 2));
    assert_eq!(all["D2/2022-11-12/influenza-a"].managed, 2);
}

#[test]
fn a_duty_of_no_kind_or_area_is_set_aside_whole() {
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    let mut wrong = batch(1, &[("D1", TODAY, Managed, 3)]);
    wrong.duties[0].kind = 99;
    assert_eq!(bench.read(&wrong), Outcome::Rejected(RejectCode::Malformed));
    let mut wrong = batch(2, &[("D1", TODAY, Managed, 3)]);
    wrong.duties[0].area = 1;
    assert_eq!(bench.read(&wrong), Outcome::Rejected(RejectCode::Malformed));
    bench.commit(Some(day(TODAY)));
    assert!(published(&bench).is_empty());
}
