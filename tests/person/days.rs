//! Results of which only the day of collection is known: the time of day means nothing.

use super::sent::{at, met, ordered, revised, swab};
use super::world::World;
use swabstream::model::outcome::{End, Outcome};
use swabstream::proto::v1::{AlertFamily, Channel, Finding, LabResult, ResultStatus, TimePrecision};

use Finding::{Negative, Positive};

/// As [`swab`], of which only the day is known, given as some hour of it.
fn day_of(person: &str, result_id: &str, (day, hour): (i64, i64), finding: Finding) -> LabResult {
    LabResult { collected_precision: TimePrecision::Day as i32, ..swab(person, result_id, at(day, hour), finding) }
}

#[test]
fn two_times_of_one_day_say_the_same() {
    for (first, second) in [(1, 2), (23, 0)] {
        let mut world = World::new();
        let received = at(6, 0);
        assert_eq!(world.lab_at(&day_of("P1", "R1", (5, first), Negative), received), Outcome::Used(End::Accepted));
        assert_eq!(world.lab_at(&day_of("P1", "R1", (5, second), Negative), received), Outcome::Used(End::Duplicate));
        assert!(world.dead_letters.is_empty());
        // Another day, or the same one to the minute, is something else.
        let exact = revised(&swab("P1", "R1", at(5, 0), Negative), 1, ResultStatus::Corrected, Negative);
        assert_eq!(world.lab_at(&exact, received), Outcome::Used(End::Corrected));
        let other_day = day_of("P1", "R1", (4, 12), Negative);
        let other_day = revised(&other_day, 2, ResultStatus::Corrected, Negative);
        assert_eq!(world.lab_at(&other_day, received), Outcome::Used(End::Corrected));
        world.check();
    }
}

#[test]
fn an_exposure_at_any_time_of_the_day_explains_the_positive() {
    for (day, explained) in [(4, true), (5, true), (6, false)] {
        for record_first in [true, false] {
            let mut world = World::new();
            if record_first {
                world.contact(&met("C1", "P1", "I1", day));
            }
            world.lab_at(&day_of("P1", "R1", (5, 0), Positive), at(6, 12));
            world.contact(&met("C1", "P1", "I1", day));
            let alert = world.only(AlertFamily::Positive);
            assert_eq!(!alert.exposed_to.is_empty(), explained, "exposed on day {day}");
            world.check();
        }
    }
}

#[test]
fn who_was_met_on_the_last_day_is_traced() {
    let mut world = World::new();
    world.contact(&met("C1", "P2", "P1", 5));
    world.lab_at(&day_of("P1", "R1", (5, 0), Positive), at(6, 12));
    assert_eq!(world.only(AlertFamily::Positive).to_trace.len(), 1);
    world.check();
}

#[test]
fn an_order_that_held_at_some_time_of_the_day_makes_the_case_managed() {
    for (from, to, channel) in
        [(5, 9, Channel::Managed), (1, 5, Channel::Managed), (6, 9, Channel::Community), (1, 3, Channel::Community)]
    {
        let mut world = World::new();
        // The order of day 5 was given at 20:00.
        world.contact(&ordered(met("C1", "P1", "I1", 1), at(from, 20), from, to));
        world.lab_at(&day_of("P1", "R1", (5, 0), Positive), at(6, 12));
        assert_eq!(world.only(AlertFamily::Positive).channel(), channel, "from day {from} to {to}");
        world.check();
    }
}

#[test]
fn news_is_old_only_when_it_is_old_at_every_time_of_the_day() {
    let hours = World::new().rules.cases[0].historic_after_hours;
    for (received, historic) in [(at(6, hours - 1), false), (at(6, hours + 1), true)] {
        let mut world = World::new();
        world.lab_at(&day_of("P1", "R1", (5, 0), Positive), received);
        assert_eq!(world.only(AlertFamily::Positive).historic, historic);
        world.check();
    }
}

#[test]
fn a_result_is_taken_back_without_saying_what_it_was() {
    for status in [ResultStatus::Cancelled, ResultStatus::EnteredInError] {
        let mut world = World::new();
        let positive = swab("P1", "R1", at(5, 8), Positive);
        world.lab(&positive);
        assert_eq!(world.live().len(), 1);
        assert_eq!(world.lab(&revised(&positive, 1, status, Finding::Unspecified)), Outcome::Used(End::Withdrawn));
        assert!(world.live().is_empty());
        world.check();
    }
}

#[test]
fn an_alert_that_replaces_another_says_so() {
    let mut world = World::new();
    world.lab_at(&swab("P1", "R2", at(5, 8), Positive), at(5, 12));
    // An earlier positive of the same episode comes late: the episode begins on another day.
    world.lab_at(&swab("P1", "R1", at(4, 8), Positive), at(5, 20));
    assert_eq!(world.live().len(), 1);
    let alert = world.alerts.last().expect("the one that replaces");
    assert_eq!((&*alert.first_day, alert.positive_specimens), ("2022-11-05", 2));
    let withdrawn =
        world.alerts.iter().find(|earlier| earlier.replaced_by == alert.alert_id).expect("it was published");
    assert_eq!(alert.replaces, std::slice::from_ref(&withdrawn.alert_id), "whose chain of cause is now its own");
    let again = alert.clone();
    world.lab_at(&swab("P1", "R3", at(5, 9), Positive), at(5, 21));
    assert_eq!(world.alerts.last().map(|alert| &alert.replaces), Some(&again.replaces));
    world.check();
}
