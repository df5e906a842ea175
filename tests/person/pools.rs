//! Pools: what a tube with swabs of several people says of each of them, told by what goes wrong with such tubes.

use super::sent::{at, pool, revised, swab};
use super::world::{Input, World, context};
use prost::Message as _;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{Formats, POOLS};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, CauseKind, Finding, LabResult, PoolMember, ProcessingMode, ResultStatus, Severity,
};

use Finding::{Inconclusive, Invalid, Negative, Positive, Unspecified};
use ResultStatus::{Cancelled, Corrected, EnteredInError, Final, Preliminary};

const FIVE: [&str; 5] = ["P1", "P2", "P3", "P4", "P5"];

/// Sends it, and holds alerts and numbers against a recount.
fn send(world: &mut World, result: &LabResult) -> Outcome {
    let outcome = world.lab(result);
    world.check_alerts();
    outcome
}

/// Tests of the city that are counted as such.
fn tests(world: &World, name: &str) -> i64 {
    tests_in(world, "C", name)
}

/// As a window of the days themselves counts them.
fn tests_in(world: &World, area: &str, name: &str) -> i64 {
    let first = world.numbers.keys().map(|key| key.period).min();
    let here = world.numbers.iter().filter(|(key, _)| key.area == area && key.name == name);
    here.filter(|(key, _)| Some(key.period) == first).map(|(_, count)| count).sum()
}

/// Whether nothing is counted but pools themselves.
fn counts_nobody(world: &World) -> bool {
    world.numbers.keys().all(|key| key.name.starts_with("pools of "))
}

fn found(alert: &Alert) -> Vec<(&str, Finding)> {
    alert.members.iter().map(|member| (member.person_id.as_str(), member.finding())).collect()
}

fn pool_alert(world: &World) -> Alert {
    world.only(AlertFamily::PoolPositive)
}

fn has_no_pool_alert(world: &World) -> bool {
    world.live().values().all(|alert| alert.family() != AlertFamily::PoolPositive)
}

/// Without one of the members, and with another one.
fn with(result: &LabResult, out: &str, into: &str) -> LabResult {
    let mut result = result.clone();
    let pool = result.pool.as_mut().expect("a pool");
    pool.members.retain(|member| member.person_id != out);
    if !into.is_empty() {
        pool.members.push(PoolMember { person_id: into.to_owned(), ..PoolMember::default() });
    }
    pool.size = pool.members.len() as u32;
    result
}

#[test]
fn a_negative_pool_is_a_negative_test_of_each_member_in_their_own_area() {
    let mut world = World::new();
    let mut tube = pool("T1", "R1", at(3, 8), Negative, &FIVE);
    tube.pool.as_mut().expect("a pool").members[1].area = "D2S1".into();
    assert_eq!(send(&mut world, &tube), Outcome::Used(End::Accepted));
    assert_eq!((tests(&world, "negative"), world.alerts.len()), (5, 0));
    assert_eq!(["D1S1", "D2S1"].map(|area| tests_in(&world, area, "negative")), [4, 1]);
    assert_eq!(send(&mut world, &tube), Outcome::Used(End::Duplicate));
    assert_eq!(tests(&world, "negative"), 5);
}

#[test]
fn a_positive_pool_that_nobody_follows_up_names_all_who_are_awaited_and_by_when() {
    let mut world = World::new();
    let reported_at = Some(at(3, 11).to_wire());
    send(&mut world, &LabResult { reported_at, ..pool("T1", "R1", at(3, 8), Positive, &FIVE) });
    assert!(counts_nobody(&world), "of nobody in it anything is known");
    let alert = pool_alert(&world);
    assert_eq!((alert.pool_id.as_str(), alert.specimen_id.as_str(), alert.finding()), ("T1", "S-T1", Positive));
    assert_eq!(found(&alert), FIVE.map(|person| (person, Unspecified)));
    assert_eq!((alert.awaited, alert.all_negative, alert.severity()), (5, false, Severity::High));
    assert_eq!(alert.recall_by, Some(at(4, 11).to_wire()), "a day after it was reported");
    assert_eq!(alert.positives[0].result_id, "R1");
    assert!(alert.person_id.is_empty() && alert.policy.starts_with("sample-case@"));
}

#[test]
fn the_deadline_goes_by_the_first_report_of_what_was_found_and_never_by_one_after_its_receipt() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Positive, &FIVE);
    send(&mut world, &tube);
    assert_eq!(pool_alert(&world).recall_by, Some(at(4, 13).to_wire()), "it does not say: by its receipt");
    let ahead = LabResult { reported_at: Some(at(9, 0).to_wire()), revision: 1, ..tube.clone() };
    assert_eq!(send(&mut world, &ahead), Outcome::Used(End::Duplicate));
    assert_eq!(pool_alert(&world).recall_by, Some(at(4, 13).to_wire()));
    let earlier = LabResult { reported_at: Some(at(3, 9).to_wire()), revision: 2, ..tube };
    assert_eq!(send(&mut world, &earlier), Outcome::Used(End::Duplicate));
    assert_eq!(pool_alert(&world).recall_by, Some(at(4, 9).to_wire()));
}

#[test]
fn an_inconclusive_pool_leaves_its_members_open_and_an_invalid_one_says_nothing() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Inconclusive, &FIVE));
    assert_eq!((pool_alert(&world).finding(), pool_alert(&world).awaited), (Inconclusive, 5));
    send(&mut world, &pool("T2", "R2", at(3, 8), Invalid, &["P6", "P7"]));
    pool_alert(&world);
    assert!(counts_nobody(&world));
}

#[test]
fn the_batch_of_negatives_with_a_positive_pool_in_it_is_taken_back() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Negative, &FIVE);
    send(&mut world, &tube);
    assert_eq!(tests(&world, "negative"), 5);
    assert_eq!(send(&mut world, &revised(&tube, 1, Corrected, Positive)), Outcome::Used(End::Corrected));
    assert!(counts_nobody(&world));
    assert_eq!(pool_alert(&world).awaited, 5);
    send(&mut world, &revised(&tube, 2, Corrected, Negative));
    assert_eq!(tests(&world, "negative"), 5);
    assert!(world.live().is_empty());
    send(&mut world, &revised(&tube, 3, Corrected, Positive));
    let states: Vec<_> = world.alerts.iter().map(Alert::state).collect();
    assert_eq!(states, [AlertState::Raised, AlertState::Withdrawn, AlertState::Raised]);
    assert_eq!(send(&mut world, &revised(&tube, 1, Corrected, Negative)), Outcome::Used(End::Superseded));
    assert_eq!(pool_alert(&world).awaited, 5);
}

#[test]
fn the_wrong_patient_in_the_pool_loses_its_result_and_the_right_one_gets_it() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Negative, &FIVE);
    send(&mut world, &tube);
    let corrected = revised(&with(&tube, "P5", "P6"), 1, Corrected, Negative);
    assert_eq!(send(&mut world, &corrected), Outcome::Used(End::Corrected));
    assert_eq!(tests(&world, "negative"), 5);
    let positive = revised(&corrected, 2, Corrected, Positive);
    send(&mut world, &positive);
    assert_eq!(found(&pool_alert(&world)), ["P1", "P2", "P3", "P4", "P6"].map(|person| (person, Unspecified)));
    send(&mut world, &revised(&with(&positive, "P6", ""), 3, Corrected, Positive));
    send(&mut world, &revised(&with(&positive, "P6", "P5"), 4, Corrected, Negative));
    assert_eq!(tests(&world, "negative"), 5);
    assert!(world.live().is_empty());
}

#[test]
fn a_member_is_settled_by_a_result_of_their_own_of_any_lab_also_one_that_came_first() {
    let mut world = World::new();
    send(&mut world, &swab("P1", "N1", at(3, 6), Negative));
    send(&mut world, &swab("P2", "N2", at(2, 23), Negative));
    let tube = pool("T1", "R1", at(3, 8), Positive, &FIVE);
    send(&mut world, &tube);
    let alert = pool_alert(&world);
    assert_eq!(found(&alert)[..2], [("P1", Negative), ("P2", Unspecified)], "a swab of the day before says nothing");
    assert_eq!(alert.awaited, 4);
    send(&mut world, &LabResult { lab_id: "LAB-2".into(), ..swab("P3", "N3", at(4, 9), Positive) });
    assert_eq!(found(&pool_alert(&world))[2], ("P3", Positive));
    assert_eq!(world.only(AlertFamily::Positive).person_id, "P3", "and is a case as anybody");
    let last = pool_alert(&world);
    let cause =
        world.alerts.iter().rev().find(|alert| alert.alert_id == last.alert_id).and_then(|one| one.causes.last());
    let cause = cause.expect("it has causes");
    assert_eq!((cause.kind(), cause.lab_id.as_str(), cause.record_id.as_str()), (CauseKind::Member, "LAB-1", "R1"));
    for finding in [Inconclusive, Invalid] {
        send(&mut world, &swab("P4", &format!("N4-{finding:?}"), at(4, 9), finding));
        assert_eq!(found(&pool_alert(&world))[3], ("P4", Unspecified), "unknown is never negative");
    }
    send(&mut world, &LabResult { target: "influenza-a".into(), ..swab("P4", "N5", at(4, 9), Negative) });
    assert_eq!(found(&pool_alert(&world))[3], ("P4", Unspecified), "of something else");
    send(&mut world, &revised(&swab("P4", "N6", at(4, 9), Negative), 0, Preliminary, Negative));
    assert_eq!(pool_alert(&world).awaited, 3);
}

#[test]
fn what_settled_a_member_may_be_corrected_withdrawn_or_moved_afterwards() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &["P1", "P2"]));
    let own = swab("P1", "N1", at(4, 9), Negative);
    send(&mut world, &own);
    assert_eq!(found(&pool_alert(&world))[0], ("P1", Negative));
    send(&mut world, &revised(&own, 1, Corrected, Positive));
    assert_eq!(found(&pool_alert(&world))[0], ("P1", Positive));
    send(&mut world, &revised(&own, 2, EnteredInError, Positive));
    assert_eq!(found(&pool_alert(&world))[0], ("P1", Unspecified));
    send(&mut world, &revised(&own, 3, Corrected, Negative));
    let moved =
        LabResult { previous_person_id: "P1".into(), person_id: "P2".into(), ..revised(&own, 4, Corrected, Negative) };
    send(&mut world, &moved);
    assert_eq!(found(&pool_alert(&world)), [("P1", Unspecified), ("P2", Negative)]);
    let replacing = LabResult { replaces_result_id: "N1".into(), ..swab("P2", "N2", at(4, 9), Inconclusive) };
    send(&mut world, &replacing);
    assert_eq!(found(&pool_alert(&world)), [("P1", Unspecified), ("P2", Unspecified)]);
}

#[test]
fn a_swab_that_was_too_early_to_show_anything_does_not_hide_a_later_positive() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &["P1"]));
    send(&mut world, &swab("P1", "N1", at(3, 20), Negative));
    assert!(pool_alert(&world).all_negative);
    send(&mut world, &swab("P1", "N2", at(5, 9), Positive));
    send(&mut world, &swab("P1", "N3", at(9, 9), Negative));
    assert_eq!(found(&pool_alert(&world)), [("P1", Positive)]);
}

#[test]
fn a_positive_pool_of_which_every_member_is_negative_is_called_false_until_one_is_not() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Positive, &["P1", "P2", "P3"]);
    send(&mut world, &tube);
    for person in ["P1", "P2", "P3"] {
        assert!(!pool_alert(&world).all_negative);
        send(&mut world, &swab(person, &format!("N-{person}"), at(4, 9), Negative));
    }
    assert_eq!((pool_alert(&world).all_negative, pool_alert(&world).awaited), (true, 0));
    send(&mut world, &revised(&with(&tube, "P3", "P4"), 1, Corrected, Positive));
    assert_eq!((pool_alert(&world).all_negative, pool_alert(&world).awaited), (false, 1), "somebody else was in it");
}

#[test]
fn a_pool_that_turns_negative_and_positive_again_knows_what_its_members_are_by_then() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Positive, &["P1", "P2"]);
    send(&mut world, &tube);
    let own = swab("P1", "N1", at(4, 9), Negative);
    send(&mut world, &own);
    send(&mut world, &revised(&tube, 1, Corrected, Negative));
    send(&mut world, &revised(&own, 1, EnteredInError, Negative));
    send(&mut world, &swab("P2", "N2", at(5, 9), Positive));
    send(&mut world, &revised(&tube, 2, Corrected, Positive));
    assert_eq!(found(&pool_alert(&world)), [("P1", Unspecified), ("P2", Positive)]);
    // Of a pool's later day, what was found before says nothing.
    let later = LabResult { collected_at: Some(at(6, 8).to_wire()), ..revised(&tube, 3, Corrected, Positive) };
    send(&mut world, &later);
    assert_eq!(found(&pool_alert(&world)), [("P1", Unspecified), ("P2", Unspecified)]);
    let alerts: Vec<_> = world.live().into_values().filter(|alert| !alert.pool_id.is_empty()).collect();
    assert_eq!(alerts.len(), 1, "there is one alert of a tube");
    let replaced =
        world.alerts.iter().rev().find(|alert| alert.state() == AlertState::Withdrawn).expect("the day before");
    assert_eq!(replaced.replaced_by, alerts[0].alert_id);
}

#[test]
fn a_pool_that_is_cancelled_leaves_nothing_whatever_it_said() {
    for finding in [Negative, Positive, Inconclusive] {
        for status in [Cancelled, EnteredInError] {
            let mut world = World::new();
            let tube = pool("T1", "R1", at(3, 8), finding, &FIVE);
            send(&mut world, &tube);
            let withdrawn = LabResult { finding: 0, ..revised(&tube, 1, status, finding) };
            assert_eq!(send(&mut world, &withdrawn), Outcome::Used(End::Withdrawn));
            assert!(counts_nobody(&world) && world.live().is_empty());
            assert_eq!(send(&mut world, &tube), Outcome::Used(End::Superseded));
            assert!(counts_nobody(&world) && world.live().is_empty());
        }
    }
}

#[test]
fn a_withdrawal_that_overtakes_its_pool_is_kept() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Positive, &FIVE);
    assert_eq!(send(&mut world, &revised(&tube, 1, EnteredInError, Positive)), Outcome::Used(End::Withdrawn));
    assert_eq!(send(&mut world, &tube), Outcome::Used(End::Superseded));
    assert!(counts_nobody(&world) && world.alerts.is_empty());
}

#[test]
fn one_person_in_two_pools_is_open_while_either_is_and_a_negative_one_settles_nothing() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &["P1", "P2"]));
    send(&mut world, &pool("T2", "R2", at(3, 9), Negative, &["P1", "P3"]));
    assert_eq!(found(&pool_alert(&world))[0], ("P1", Unspecified));
    assert_eq!(tests(&world, "negative"), 2, "it is a test of its own all the same");
    send(&mut world, &pool("T3", "R3", at(4, 9), Positive, &["P1", "P4"]));
    send(&mut world, &swab("P1", "N1", at(3, 20), Negative));
    let live = world.live();
    let of = |pool: &str| found(live.values().find(|alert| alert.pool_id == pool).expect("an alert"))[0];
    assert_eq!((of("T1"), of("T3")), (("P1", Negative), ("P1", Unspecified)));
}

#[test]
fn a_pool_that_is_sent_twice_under_two_ids_counts_once_and_a_positive_outweighs_a_negative() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Negative, &FIVE);
    send(&mut world, &tube);
    let again = LabResult { result_id: "R2".into(), ..tube.clone() };
    assert_eq!(send(&mut world, &again), Outcome::Used(End::DuplicateSpecimen));
    assert_eq!(tests(&world, "negative"), 5);
    let third = LabResult { result_id: "R3".into(), finding: Positive as i32, ..tube.clone() };
    assert_eq!(send(&mut world, &third), Outcome::Used(End::Contradiction));
    assert!(counts_nobody(&world), "held as positive until the lab says which is wrong");
    assert_eq!(pool_alert(&world).awaited, 5);
    send(&mut world, &revised(&third, 1, EnteredInError, Positive));
    assert_eq!(tests(&world, "negative"), 5);
    assert!(world.live().is_empty());
    let inconclusive = LabResult { result_id: "R4".into(), finding: Inconclusive as i32, ..tube.clone() };
    send(&mut world, &inconclusive);
    assert_eq!((tests(&world, "negative"), world.live().len()), (5, 0), "a call outweighs none");
    send(&mut world, &revised(&tube, 1, Cancelled, Negative));
    send(&mut world, &revised(&again, 1, Cancelled, Negative));
    assert_eq!((tests(&world, "negative"), pool_alert(&world).finding()), (0, Inconclusive));
}

#[test]
fn two_versions_of_a_pool_that_contradict_each_other_are_a_conflict_and_the_positive_stands() {
    for finding in [[Negative, Positive], [Positive, Negative]] {
        let mut world = World::new();
        let [first, second] = finding.map(|finding| pool("T1", "R1", at(3, 8), finding, &FIVE));
        send(&mut world, &first);
        assert_eq!(send(&mut world, &second), Outcome::Rejected(RejectCode::Conflict));
        assert_eq!(pool_alert(&world).awaited, 5);
        assert!(counts_nobody(&world));
    }
}

#[test]
fn a_pool_of_one_is_a_pool_and_no_case() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &["P1"]));
    assert_eq!((pool_alert(&world).awaited, world.live().len()), (1, 1));
    send(&mut world, &pool("T2", "R2", at(4, 8), Negative, &["P1"]));
    assert_eq!(tests(&world, "negative"), 1);
    assert_eq!(pool_alert(&world).awaited, 1);
}

#[test]
fn a_preliminary_pool_alerts_where_the_policy_says_so_and_never_counts() {
    let mut world = World::new();
    let early = revised(&pool("T1", "R1", at(3, 8), Positive, &FIVE), 0, Preliminary, Positive);
    assert_eq!(send(&mut world, &early), Outcome::Used(End::Preliminary));
    assert!(pool_alert(&world).preliminary && pool_alert(&world).severity() == Severity::Info);
    send(&mut world, &revised(&early, 1, Final, Negative));
    assert!(world.live().is_empty());
    let negative = pool("T2", "R2", at(3, 8), Negative, &["P6"]);
    send(&mut world, &revised(&negative, 0, Preliminary, Negative));
    assert_eq!(tests(&world, "negative"), 5);
}

#[test]
fn a_pool_and_a_person_of_one_id_have_nothing_to_do_with_each_other() {
    let mut world = World::new();
    send(&mut world, &swab("T1", "R1", at(3, 8), Positive));
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &["T1", "P2"]));
    assert_eq!(found(&pool_alert(&world)), [("P2", Unspecified), ("T1", Positive)]);
    assert_eq!(world.only(AlertFamily::Positive).person_id, "T1");
}

#[test]
fn a_pool_in_the_wrong_partition_and_a_drill_are_what_such_results_are() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Negative, &FIVE);
    let drill = LabResult { mode: ProcessingMode::Training as i32, ..tube.clone() };
    assert_eq!(world.send(&Input::Result(drill, at(3, 9)), None), Outcome::Used(End::Training));
    for partition in 0..3 {
        world.send(&Input::Result(tube.clone(), at(3, 9)), Some(partition));
    }
    world.settle();
    world.check();
    assert_eq!(tests(&world, "negative"), 5);
    assert_eq!(world.outcomes.iter().filter(|outcome| **outcome == Outcome::Used(End::Forwarded)).count(), 2);
}

#[test]
fn a_positive_that_is_read_late_wakes_nobody() {
    let mut world = World::new();
    world.lab_at(&pool("T1", "R1", at(3, 8), Positive, &FIVE), at(8, 8));
    world.check_alerts();
    assert!(pool_alert(&world).historic && pool_alert(&world).severity() == Severity::Info);
}

/// A pool that does not say who is in it, or says it wrongly, gives nobody a result, and nothing of it is lost.
#[test]
fn a_pool_that_does_not_add_up_is_set_aside_with_a_code_of_its_own() {
    let people: Vec<String> = (0..500).map(|number| format!("P{number}")).collect();
    let many: Vec<&str> = people.iter().map(String::as_str).collect();
    let five = || pool("T1", "R1", at(3, 8), Negative, &FIVE);
    let changed = |change: fn(&mut LabResult)| {
        let mut result = five();
        change(&mut result);
        result
    };
    fn of(result: &mut LabResult) -> &mut swabstream::proto::v1::Pool {
        result.pool.as_mut().expect("a pool")
    }
    for (result, code) in [
        (pool("T1", "R1", at(3, 8), Negative, &[]), RejectCode::MissingField),
        (pool("T1", "R1", at(3, 8), Negative, &many), RejectCode::OutOfRange),
        (changed(|result| of(result).size = 0), RejectCode::MissingField),
        (changed(|result| of(result).size = 4), RejectCode::PoolSizeMismatch),
        (changed(|result| of(result).size = 6), RejectCode::PoolSizeMismatch),
        (changed(|result| of(result).pool_id.clear()), RejectCode::MissingField),
        (changed(|result| of(result).pool_id = "5.00103E+17".into()), RejectCode::InvalidId),
        (changed(|result| of(result).members[3].person_id = "P1".into()), RejectCode::SamePerson),
        (changed(|result| of(result).members[3].person_id = "#N/A".into()), RejectCode::InvalidId),
        (changed(|result| of(result).members[3].person_id.clear()), RejectCode::MissingField),
        (changed(|result| of(result).members[3].person_id = "P".repeat(65)), RejectCode::InvalidId),
        (changed(|result| of(result).members[3].area = "nowhere".into()), RejectCode::UnknownArea),
        (changed(|result| result.person_id = "P9".into()), RejectCode::PersonBesidePool),
        (changed(|result| result.previous_person_id = "P9".into()), RejectCode::PersonBesidePool),
        (changed(|result| result.replaces_result_id = "R0".into()), RejectCode::Unsupported),
        (changed(|result| result.area = "nowhere".into()), RejectCode::UnknownArea),
    ] {
        let mut world = World::new();
        let outcome = world.send(&Input::Result(result, at(3, 9)), None);
        assert_eq!(outcome, Outcome::Rejected(code));
        assert!(world.numbers.is_empty() && world.alerts.is_empty() && world.dead_letters.len() == 1);
    }
}

#[test]
fn members_of_unusual_ids_are_members_as_any() {
    let mut world = World::new();
    let long = "x".repeat(64);
    let people = ["某人", "a b", "P1", "p1", &long];
    send(&mut world, &pool("池-1", "R1", at(3, 8), Positive, &people));
    send(&mut world, &swab("某人", "N1", at(4, 9), Negative));
    let alert = pool_alert(&world);
    assert_eq!((alert.awaited, found(&alert)[4]), (4, ("某人", Negative)));
}

#[test]
fn a_pool_and_its_members_are_forgotten_together_and_its_alert_stays_as_it_was_published() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &FIVE));
    send(&mut world, &swab("P1", "N1", at(3, 6), Negative));
    send(&mut world, &pool("T2", "R2", at(3, 8), Negative, &["P6", "P7"]));
    // Also that about the recall, which nobody made.
    world.pass(at(5, 0));
    let before = world.live();
    let numbers = world.numbers.clone();
    for days in [20, 25, 26, 27, 40, 400] {
        world.advance(at(days, 7));
        (0..20).for_each(|_| world.advance(at(days, 7)));
        assert_eq!((world.live(), &world.numbers), (before.clone(), &numbers), "after {days} days");
    }
    for half in &world.halves {
        assert!(
            half.state().sizes().iter().all(|(name, size)| *name == "bytes" || *size == 0),
            "{:?}",
            half.state().sizes()
        );
    }
}

#[test]
fn while_versions_that_know_no_pools_run_beside_this_one_pools_are_set_aside() {
    let formats = Formats { written: POOLS - 1, ..Formats::default() };
    let mut half = PersonHalf::new(Context { formats, ..context(0) }, Arc::new(sample_rules()));
    let payload = pool("T1", "R1", at(3, 8), Negative, &FIVE).encode_to_vec();
    let position = Position { topic: Topic::LabResults, partition: 0, offset: 0 };
    let record = Record { position, received_at: at(3, 9), key: None, payload: Some(&payload), content_type: None };
    let mut effects = Effects::default();
    let outcome = half.apply(&record, &mut effects).expect("of this version");
    let expected = [Outcome::Rejected(RejectCode::Unsupported), Outcome::Used(End::Forwarded)];
    assert!(expected.contains(&outcome), "{outcome:?}");
    assert!(effects.outputs.iter().all(|output| output.topic != Topic::AreaChanges));
}

#[test]
fn another_deadline_of_other_rules_is_said_of_pools_that_are_there() {
    let mut world = World::new();
    send(&mut world, &pool("T1", "R1", at(3, 8), Positive, &FIVE));
    let mut rules = sample_rules();
    rules.cases.iter_mut().for_each(|policy| policy.pool_recall_hours = 48);
    world.adopt(rules);
    assert_eq!(pool_alert(&world).recall_by, Some(at(5, 13).to_wire()));
    world.check_alerts();
    let of_no_tube: Vec<_> = world.live().into_values().filter(|alert| alert.pool_id.is_empty()).collect();
    assert!(of_no_tube.is_empty() && !has_no_pool_alert(&world));
    assert!(Timestamp::from_wire(&pool_alert(&world).recall_by.expect("a time")).is_some());
}
