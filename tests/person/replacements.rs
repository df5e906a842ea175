//! Corrections under a new id: what they name is withdrawn, in any order of arrival.

use super::sent::{at, revised, swab};
use super::world::{Input, LAYOUT, World};
use swabstream::audit::recount::LiveAlert;
use swabstream::model::outcome::{End, Outcome};
use swabstream::pipeline::half::Half as _;
use swabstream::proto::v1::{AlertFamily, AlertState, Finding, LabResult, ResultStatus};

use Finding::{Negative, Positive};
use ResultStatus::{Cancelled, Corrected, EnteredInError, Preliminary};

/// A result of P1 on one specimen.
fn result(id: &str, finding: Finding) -> LabResult {
    LabResult { specimen_id: "S".into(), ..swab("P1", id, at(3, 8), finding) }
}

/// A correction under a new id.
fn replaces(id: &str, replaced: &str, finding: Finding) -> LabResult {
    LabResult { status: Corrected as i32, replaces_result_id: replaced.into(), ..result(id, finding) }
}

/// All orders in which records can arrive.
fn orders(all: &[LabResult]) -> Vec<Vec<LabResult>> {
    let Some((first, rest)) = all.split_first() else { return vec![Vec::new()] };
    let of_rest = orders(rest);
    let with_first = of_rest.iter().flat_map(|order| {
        (0..=order.len()).map(|at| {
            let mut order = order.clone();
            order.insert(at, first.clone());
            order
        })
    });
    with_first.collect()
}

/// What is live after these records in any order: it is the same, and what a recount says. Numbers are held against one
/// after each record.
fn end(all: &[LabResult]) -> World {
    let mut ends = orders(all).into_iter().map(|order| {
        let mut world = World::new();
        for result in &order {
            world.lab(result);
        }
        let live: std::collections::BTreeSet<LiveAlert> = world.live().values().map(LiveAlert::of).collect();
        assert_eq!(live, world.due(), "{order:?}");
        world
    });
    let first = ends.next().expect("an order");
    for other in ends {
        assert_eq!((other.live(), &other.numbers), (first.live(), &first.numbers));
    }
    first
}

/// What is counted of tests in the city.
fn tests(world: &World) -> Vec<(&'static str, i64)> {
    let period = world.numbers.keys().map(|key| key.period).min();
    let of_city = world.numbers.iter().filter(|(key, _)| {
        let counted = ["positive", "negative", "cases"].contains(&key.name);
        key.area == "C" && Some(key.period) == period && !key.purpose.is_empty() && counted
    });
    of_city.map(|(key, count)| (key.name, *count)).collect()
}

#[test]
fn a_correction_under_a_new_id_withdraws_the_result_it_names() {
    let all = [result("F", Positive), replaces("C", "F", Negative)];
    let world = end(&all);
    assert!(world.live().is_empty());
    assert_eq!(tests(&world), [("negative", 1)]);

    let mut world = World::new();
    assert_eq!(all.each_ref().map(|one| world.lab(one)), [Outcome::Used(End::Accepted), Outcome::Used(End::Corrected)]);
    let withdrawn = world.alerts.last().expect("a withdrawal");
    let cause = withdrawn.causes.last().expect("a cause");
    assert_eq!((withdrawn.state(), withdrawn.replaced_by.as_str()), (AlertState::Withdrawn, ""));
    assert_eq!((cause.record_id.as_str(), cause.replaces_result_id.as_str()), ("C", "F"));
    assert_eq!((cause.status(), cause.finding()), (Corrected, Negative));
}

#[test]
fn what_a_correction_replaced_before_it_came_has_no_effect_when_it_comes() {
    let mut world = World::new();
    assert_eq!(
        world.lab(&replaces("C", "F", Negative)),
        Outcome::Used(End::Accepted),
        "nothing is missing if F never comes"
    );
    assert_eq!(world.lab(&result("F", Positive)), Outcome::Used(End::Superseded));
    assert_eq!(world.lab(&revised(&result("F", Positive), 7, Corrected, Positive)), Outcome::Used(End::Superseded));
    assert!(world.alerts.is_empty());
    assert_eq!(tests(&world), [("negative", 1)]);
}

#[test]
fn of_a_chain_of_corrections_the_last_holds() {
    let chain = [result("F", Positive), replaces("C1", "F", Negative), replaces("C2", "C1", Positive)];
    let world = end(&chain);
    assert_eq!(world.only(AlertFamily::Positive).positives[0].result_id, "C2");
    assert_eq!(tests(&world), [("cases", 1), ("positive", 1)]);
    assert!(end(&[chain[0].clone(), chain[1].clone(), replaces("C2", "C1", Negative)]).live().is_empty());
}

#[test]
fn two_corrections_of_one_result_both_hold_and_may_contradict_each_other() {
    let world = end(&[result("F", Positive), replaces("C1", "F", Negative), replaces("C2", "F", Positive)]);
    assert_eq!(world.only(AlertFamily::Contradiction).specimen_id, "S");
    assert_eq!(tests(&world), [("cases", 1), ("positive", 1)]);
    let world = end(&[result("F", Positive), replaces("C1", "F", Negative), replaces("C2", "F", Negative)]);
    assert_eq!(tests(&world), [("negative", 1)], "counted once");
}

#[test]
fn results_that_replace_each_other_in_a_circle_replace_nothing() {
    let world = end(&[replaces("A", "B", Positive), replaces("B", "A", Negative)]);
    assert!(world.only(AlertFamily::Positive).positive_specimens == 1, "a positive is not lost by it");
    assert_eq!(world.only(AlertFamily::Contradiction).specimen_id, "S");
    let circle = [replaces("A", "B", Positive), replaces("B", "C", Negative), replaces("C", "A", Negative)];
    let world = end(&circle);
    assert_eq!(world.only(AlertFamily::Contradiction).specimen_id, "S");
    let [a, b, c] = circle;
    let world = end(&[a, b, c, replaces("D", "A", Negative)]);
    assert!(world.live().is_empty(), "one that is no part of it replaces one of it");
}

#[test]
fn a_result_is_booked_as_what_it_is_once_it_has_closed_a_circle_or_left_one() {
    let mut world = World::new();
    assert_eq!(world.lab(&replaces("B", "A", Negative)), Outcome::Used(End::Accepted));
    assert_eq!(world.lab(&replaces("A", "B", Positive)), Outcome::Used(End::Contradiction), "it stands, and so does B");
    let left = LabResult { replaces_result_id: String::new(), revision: 1, ..replaces("A", "B", Positive) };
    assert_eq!(world.lab(&left), Outcome::Used(End::Superseded), "B replaces it again");
    assert!(world.live().is_empty());
    assert_eq!(tests(&world), [("negative", 1)]);
    let again = revised(&replaces("A", "B", Negative), 2, Corrected, Negative);
    assert_eq!(world.lab(&again), Outcome::Used(End::Corrected), "of what stood before");
}

#[test]
fn a_circle_stays_one_while_any_result_of_it_is_held() {
    let mut world = World::new();
    let on = |day: i64, result: LabResult| {
        let (collected_at, specimen_id) = (Some(at(day, 8).to_wire()), format!("S{}", result.result_id));
        LabResult { collected_at, specimen_id, ..result }
    };
    let last = on(56, replaces("C", "A", Positive));
    for result in [on(0, replaces("A", "B", Negative)), on(0, replaces("B", "C", Negative)), last.clone()] {
        world.send(&Input::Result(result, at(57, 0)), None);
    }
    for _ in 0..3 {
        world.advance(at(60, 0));
    }
    let rows = world.halves.iter().flat_map(|half| half.sizes()).filter(|(name, _)| *name == "rows");
    assert_eq!(rows.map(|(_, size)| size).sum::<u64>(), 1, "the old ones are gone");
    let error = on(56, replaces("D", "C", Negative));
    world.send(&Input::Result(error.clone(), at(57, 1)), None);
    assert!(world.live().is_empty());
    world.send(&Input::Result(revised(&error, 1, EnteredInError, Negative), at(57, 2)), None);
    assert_eq!(world.only(AlertFamily::Positive).positives[0].result_id, "C", "it holds again");
}

#[test]
fn what_an_error_replaced_holds_again_and_what_a_cancelled_result_replaced_does_not() {
    let correction = replaces("C", "F", Negative);
    let all = |status| [result("F", Positive), correction.clone(), revised(&correction, 1, status, Negative)];
    let world = end(&all(EnteredInError));
    assert_eq!(world.only(AlertFamily::Positive).positives[0].result_id, "F");
    assert_eq!(tests(&world), [("cases", 1), ("positive", 1)]);
    let world = end(&all(Cancelled));
    assert!(world.live().is_empty() && world.numbers.is_empty(), "there is no result");
    assert!(end(&[result("F", Positive), revised(&correction, 0, Preliminary, Negative)]).live().is_empty());
}

#[test]
fn a_correction_that_names_another_result_gives_the_first_one_back() {
    let (first, second) = (result("F", Positive), LabResult { specimen_id: "S2".into(), ..result("G", Positive) });
    let named = |replaced, revision| LabResult { revision, ..replaces("C", replaced, Negative) };
    let world = end(&[first.clone(), second.clone(), named("F", 0), named("G", 1)]);
    let live = world.live();
    let contradiction = live.values().find(|alert| alert.family() == AlertFamily::Contradiction).expect("of S");
    assert_eq!(contradiction.specimen_id, "S");
    let none = LabResult { replaces_result_id: String::new(), ..named("F", 1) };
    let world = end(&[first, second, named("F", 0), none]);
    let alert = world.live().into_values().find(|alert| alert.family() == AlertFamily::Positive).expect("an alert");
    assert_eq!(alert.positive_specimens, 2);
}

#[test]
fn another_version_of_one_revision_that_replaces_another_result_is_a_conflict() {
    let all = [result("F", Positive), replaces("C", "F", Negative), replaces("C", "G", Negative)];
    let world = end(&all);
    assert_eq!(world.dead_letters.len(), 1);
    let mut world = World::new();
    world.lab(&result("F", Positive));
    assert_eq!(
        world.lab(&LabResult { replaces_result_id: "F".into(), ..result("F", Positive) }),
        Outcome::Used(End::Duplicate)
    );
}

#[test]
fn a_correction_for_another_person_takes_the_result_it_replaces_from_the_first() {
    assert_ne!(LAYOUT.person_task("P1"), LAYOUT.person_task("P2"));
    let moved = LabResult { person_id: "P2".into(), previous_person_id: "P1".into(), ..replaces("C", "F", Positive) };
    let world = end(&[result("F", Positive), moved.clone()]);
    assert_eq!(world.only(AlertFamily::Positive).person_id, "P2");
    let world = end(&[result("F", Positive), moved.clone(), revised(&moved, 1, EnteredInError, Positive)]);
    assert_eq!(world.only(AlertFamily::Positive).person_id, "P1");
    // Of one revision the one that stands with P2 holds here as well, whatever their hashes: several ids try them out.
    for id in ["C", "D", "E", "G", "H", "I"] {
        let moved = LabResult { result_id: id.into(), ..moved.clone() };
        let world = end(&[result("F", Positive), moved.clone(), revised(&moved, 0, EnteredInError, Positive)]);
        assert_eq!(world.only(AlertFamily::Positive).person_id, "P1", "{id}");
    }
    let unnamed = LabResult { previous_person_id: String::new(), ..moved };
    assert_eq!(end(&[result("F", Positive), unnamed]).live().len(), 2, "nothing was sent to P1's task");
}

#[test]
fn a_person_of_very_many_corrections_costs_no_more_than_their_number() {
    let mut world = World::new();
    let mut last = result("F", Positive);
    world.send(&Input::Result(last.clone(), at(3, 13)), None);
    for number in 0..1_000 {
        let finding = if number % 100 == 99 { Positive } else { Negative };
        last = replaces(&format!("C{number}"), &last.result_id, finding);
        world.send(&Input::Result(last.clone(), at(3, 13)), None);
    }
    world.settle();
    world.check();
    assert_eq!(world.only(AlertFamily::Positive).positives[0].result_id, last.result_id);
    assert_eq!(tests(&world), [("cases", 1), ("positive", 1)]);
}

#[test]
fn what_replaces_and_what_is_replaced_are_dropped_when_both_are_old() {
    let held = |world: &World, what: &str| -> u64 {
        let sizes = world.halves.iter().flat_map(|half| half.state().sizes());
        sizes.filter(|(name, _)| *name == what).map(|(_, size)| size).sum()
    };
    let mut world = World::new();
    world.lab(&result("F", Positive));
    // The correction says that the swab was taken later, so it is held longer.
    world.lab(&LabResult { collected_at: Some(at(6, 8).to_wire()), ..replaces("C", "F", Negative) });
    let numbers = world.numbers.clone();
    world.advance(at(26, 0));
    assert_eq!(held(&world, "rows"), 2, "of one specimen neither is old alone");
    world.advance(at(29, 0));
    assert_eq!(held(&world, "rows"), 0);
    world.advance(at(150, 0));
    assert_eq!((held(&world, "side_records"), held(&world, "people")), (0, 0));
    assert_eq!((world.live().len(), &world.numbers), (0, &numbers), "dropping takes nothing back");
}
