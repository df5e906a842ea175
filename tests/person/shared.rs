//! Tubes that are sent under several pool ids: each counts once, and one pool tells of it.

use super::deadlines::restored;
use super::sent::{at, pool, revised, swab};
use super::world::{Input, LAYOUT, World};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{CURRENT, Formats, TUBES};
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::times::Times;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, CauseKind, Finding, LabResult, ResultStatus};

use Finding::{Inconclusive, Negative, Positive};
use ResultStatus::{Cancelled, Corrected, Preliminary};

const THREE: [&str; 3] = ["P1", "P2", "P3"];

/// A result of the one tube, under the id of a pool.
fn tube(pool_id: &str, result_id: &str, finding: Finding) -> LabResult {
    LabResult { specimen_id: "S-1".into(), ..pool(pool_id, result_id, at(3, 8), finding, &THREE) }
}

/// Sends it, received at an hour of its day, and holds alerts and numbers against a recount.
fn send(world: &mut World, result: &LabResult, hour: i64) {
    world.lab_at(result, at(3, hour));
    world.check_alerts();
}

/// Pools whose alerts are live.
fn tells(world: &World) -> Vec<String> {
    let live = world.live().into_values().filter(|alert| alert.family() == AlertFamily::PoolPositive);
    let mut pools: Vec<String> = live.map(|alert| alert.pool_id).collect();
    pools.sort();
    pools
}

/// Tubes of three that are counted in the city.
fn tubes(world: &World, name: &str) -> i64 {
    let first = world.numbers.keys().map(|key| key.period).min();
    let here = world.numbers.iter().filter(|(key, _)| key.area == "C" && key.name == name && Some(key.period) == first);
    here.map(|(_, count)| count).sum()
}

fn states(world: &World, pool_id: &str) -> Vec<(AlertState, Option<CauseKind>)> {
    let of_pool = world.alerts.iter().filter(|alert: &&Alert| alert.pool_id == pool_id);
    of_pool.map(|alert| (alert.state(), alert.causes.last().map(|cause| cause.kind()))).collect()
}

#[test]
fn of_a_positive_tube_the_pool_tells_whose_result_was_received_first_in_any_order() {
    let [early, late] = [(tube("T2", "R2", Positive), 10), (tube("T1", "R1", Positive), 12)];
    for [first, then] in [[&early, &late], [&late, &early]] {
        let mut world = World::new();
        send(&mut world, &first.0, first.1);
        send(&mut world, &then.0, then.1);
        assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T2".to_owned()], 1));
    }
}

#[test]
fn the_other_pools_alert_is_withdrawn_with_its_cause_and_told_again_when_nobody_else_tells() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &tube("T2", "R2", Positive), 11);
    let raised = (AlertState::Raised, Some(CauseKind::Result));
    let withdrawn = (AlertState::Withdrawn, Some(CauseKind::Tube));
    assert_eq!((states(&world, "T1"), states(&world, "T2")), (vec![raised], vec![raised, withdrawn]));
    send(&mut world, &revised(&tube("T1", "R1", Positive), 1, Cancelled, Positive), 12);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T2".to_owned()], 1));
    assert_eq!(states(&world, "T2").last(), Some(&(AlertState::Raised, Some(CauseKind::Tube))));
    send(&mut world, &revised(&tube("T2", "R2", Positive), 1, Corrected, Negative), 13);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, negative")), (vec![], 1));
    send(&mut world, &revised(&tube("T1", "R1", Positive), 2, Corrected, Positive), 14);
    assert_eq!(tells(&world), ["T1"], "what is negative tells of nothing");
}

#[test]
fn what_members_are_found_settles_the_pool_that_tells() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &tube("T2", "R2", Positive), 11);
    for person in THREE {
        world.lab(&swab(person, &format!("N{person}"), at(3, 20), Negative));
    }
    world.check_alerts();
    assert!(world.only(AlertFamily::PoolPositive).all_negative && tells(&world) == ["T1"]);
    world.pass(at(9, 0));
    assert!(world.live().values().all(|alert| alert.family() != AlertFamily::PoolOverdue));
}

#[test]
fn the_gravest_finding_tells_and_whoever_only_one_of_two_pools_lists_is_told_of_by_it() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Inconclusive), 10);
    send(&mut world, &tube("T2", "R2", Positive), 11);
    assert_eq!(tells(&world), ["T2"]);
    let others = LabResult { specimen_id: "S-1".into(), ..pool("T3", "R3", at(3, 8), Positive, &["P1", "P2", "P4"]) };
    send(&mut world, &others, 12);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T2".into(), "T3".into()], 1));
}

#[test]
fn a_pool_that_may_not_tell_itself_takes_no_alert_from_another() {
    let mut world = World::new();
    // Negative and inconclusive, it is negative; inconclusive alone, it is not.
    send(&mut world, &tube("T1", "R1", Inconclusive), 10);
    send(&mut world, &tube("T1", "R2", Negative), 10);
    send(&mut world, &tube("T2", "R3", Inconclusive), 11);
    assert_eq!(tells(&world), ["T2"]);
    // What is only reported early tells where nothing else is known.
    let mut world = World::new();
    send(&mut world, &revised(&tube("T1", "R1", Positive), 0, Preliminary, Positive), 10);
    send(&mut world, &revised(&tube("T2", "R2", Positive), 0, Preliminary, Positive), 11);
    assert_eq!(tells(&world), ["T1"]);
    send(&mut world, &tube("T1", "R3", Negative), 12);
    assert_eq!(tells(&world), ["T2"]);
}

#[test]
fn an_earlier_copy_that_comes_later_decides_as_if_it_had_come_first() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &tube("T2", "R2", Positive), 11);
    assert_eq!(tells(&world), ["T1"]);
    send(&mut world, &tube("T2", "R2", Positive), 9);
    assert_eq!(tells(&world), ["T2"]);
}

#[test]
fn a_corrected_barcode_names_another_tube() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    let wrong = tube("T2", "R2", Positive);
    send(&mut world, &wrong, 11);
    let right = LabResult { specimen_id: "S-2".into(), ..revised(&wrong, 1, Corrected, Positive) };
    send(&mut world, &right, 12);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".into(), "T2".into()], 2));
    send(&mut world, &revised(&wrong, 2, Corrected, Positive), 13);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".to_owned()], 1));
}

#[test]
fn one_barcode_looked_at_for_two_targets_is_two_tubes() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &LabResult { target: "influenza-a".into(), ..tube("T2", "R2", Positive) }, 11);
    assert_eq!(tells(&world), ["T1", "T2"]);
}

#[test]
fn tubes_that_an_earlier_version_counted_with_each_pool_count_once_from_then_on() {
    let mut world = World::new();
    let before = Formats { written: TUBES - 1, ..Formats::default() };
    let restart = |world: &mut World, written, formats| {
        for task in 0..LAYOUT.person_tasks {
            let mut effects = Effects::default();
            let mut half = restored(world, task, written, formats);
            half.advance(&Times::default(), &mut effects);
            world.halves[task as usize] = half;
            world.take(task, effects);
            world.commit(task);
        }
        world.settle();
    };
    restart(&mut world, TUBES - 1, before);
    let received = |hour| -> Timestamp { at(3, hour) };
    for (result, hour) in [(tube("T1", "R1", Positive), 10), (tube("T2", "R2", Positive), 11)] {
        world.send(&Input::Result(result, received(hour)), None);
        world.settle();
    }
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".into(), "T2".into()], 2));
    // An instance of this version that still writes what the one before reads changes nothing.
    restart(&mut world, TUBES - 1, before);
    assert_eq!(tubes(&world, "pools of 3, positive"), 2);
    restart(&mut world, TUBES - 1, Formats::default());
    world.check();
    world.check_alerts();
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".to_owned()], 1));
    // Found once, they are not looked for again.
    let numbers = world.numbers.clone();
    restart(&mut world, CURRENT, Formats::default());
    assert_eq!(world.numbers, numbers);
    world.adopt(sample_rules());
    assert_eq!((tells(&world), world.numbers == numbers), (vec!["T1".to_owned()], true));
    // And the other way round, while an instance of the version before may be started again.
    restart(&mut world, CURRENT, before);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".into(), "T2".into()], 2));
    restart(&mut world, TUBES - 1, Formats::default());
    assert_eq!((tells(&world), world.numbers == numbers), (vec!["T1".to_owned()], true));
    send(&mut world, &revised(&tube("T1", "R1", Positive), 1, Cancelled, Positive), 14);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T2".to_owned()], 1));
}

#[test]
fn what_was_said_of_a_barcode_is_nothing_of_the_one_that_a_correction_names() {
    let other =
        |pool_id: &str, result_id: &str| LabResult { specimen_id: "S-2".into(), ..tube(pool_id, result_id, Positive) };
    let wrong = tube("T2", "R2", Positive);
    let right = LabResult { specimen_id: "S-2".into(), ..revised(&wrong, 1, Corrected, Positive) };
    for versions in [[&wrong, &right], [&right, &wrong]] {
        let mut world = World::new();
        send(&mut world, &tube("T1", "R1", Positive), 10);
        send(&mut world, &other("T5", "R5"), 10);
        versions.into_iter().for_each(|version| send(&mut world, version, 12));
        assert_eq!(tells(&world), ["T1", "T5"], "in any order");
    }
    // Of a tube of its own it tells at once.
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &wrong, 11);
    send(&mut world, &right, 12);
    assert_eq!(tells(&world), ["T1", "T2"]);
}

#[test]
fn nobody_is_in_no_alert_because_a_pool_has_something_graver_to_tell_of_others() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Inconclusive), 10);
    let without_one = LabResult { specimen_id: "S-1".into(), ..pool("T1", "R2", at(3, 8), Positive, &["P1", "P2"]) };
    send(&mut world, &without_one, 10);
    send(&mut world, &tube("T2", "R3", Inconclusive), 11);
    assert_eq!(tells(&world), ["T1", "T2"], "P3 is in the second alone");
}

#[test]
fn of_two_areas_each_is_told() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Positive), 10);
    send(&mut world, &LabResult { area: "D2S1".into(), ..tube("T2", "R2", Positive) }, 11);
    assert_eq!((tells(&world), tubes(&world, "pools of 3, positive")), (vec!["T1".into(), "T2".into()], 1));
}

#[test]
fn what_another_target_was_found_says_nothing_of_this_one() {
    let mut world = World::new();
    send(&mut world, &LabResult { target: "influenza-a".into(), ..tube("T3", "R3", Negative) }, 9);
    send(&mut world, &tube("T1", "R1", Inconclusive), 10);
    send(&mut world, &tube("T2", "R2", Inconclusive), 11);
    assert_eq!(tells(&world), ["T1"]);
}

#[test]
fn tubes_that_two_laboratories_number_alike_are_two() {
    let mut world = World::new();
    send(&mut world, &tube("T1", "R1", Negative), 10);
    let other = LabResult { specimen_id: "S-1".into(), ..pool("T2", "R2", at(3, 8), Positive, &["P7", "P8", "P9"]) };
    send(&mut world, &LabResult { lab_id: "LAB-2".into(), ..other }, 11);
    let counts = ["pools of 3, negative", "pools of 3, positive"].map(|name| tubes(&world, name));
    assert_eq!((tells(&world), counts), (vec!["T2".to_owned()], [1, 1]));
}
