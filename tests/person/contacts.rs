//! Matching in both directions, and orders that decide how a case was found.

use super::sent::{at, met, ordered, revised, swab};
use super::world::World;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::policy::{CasePolicy, LONGEST_WINDOW};
use swabstream::proto::v1::{
    Alert, AlertFamily, CauseKind, Channel, ContactKind, ContactRecord, ContactStatus, Finding, ResultStatus, Severity,
};

use Finding::{Negative, Positive};

fn exposed(world: &World) -> Vec<(String, String)> {
    let alert = world.only(AlertFamily::Positive);
    alert.exposed_to.iter().map(|to| (to.record_id.clone(), to.person_id.clone())).collect()
}

#[test]
fn a_contact_record_explains_a_positive_whichever_comes_first() {
    let (positive, record) = (swab("P1", "R1", at(5, 8), Positive), met("C1", "P1", "I1", 2));
    let mut before = World::new();
    assert_eq!(before.contact(&record), Outcome::Used(End::ContactApplied));
    before.lab(&positive);
    let mut after = World::new();
    after.lab(&positive);
    after.contact(&record);
    assert_eq!(exposed(&before), [("C1".to_owned(), "I1".to_owned())]);
    assert_eq!(before.live(), after.live());
    assert_eq!(after.alerts[1].causes[1].kind(), CauseKind::Contact);
}

#[test]
fn a_match_ends_with_the_observation() {
    // Close: 14 days after the end of exposure, which is day 2, 10:00.
    for (day, hour, matches) in [(2, 8, true), (2, 7, false), (16, 10, true), (16, 11, false)] {
        let mut world = World::new();
        world.contact(&met("C1", "P1", "I1", 2));
        world.lab(&swab("P1", "R1", at(day, hour), Positive));
        assert_eq!(!exposed(&world).is_empty(), matches, "day {day}, {hour}:00");
    }
}

#[test]
fn only_an_order_that_held_at_the_swab_makes_a_case_managed() {
    for (day, channel, severity) in [
        (3, Channel::Managed, Severity::Moderate),
        (6, Channel::Managed, Severity::Moderate),
        (2, Channel::Community, Severity::High),
        (7, Channel::Community, Severity::High),
    ] {
        let mut world = World::new();
        world.lab(&swab("P1", "R1", at(day, 8), Positive));
        world.contact(&ordered(met("C1", "P1", "I1", 1), at(2, 20), 3, 6));
        let alert = world.only(AlertFamily::Positive);
        assert_eq!((alert.channel(), alert.severity()), (channel, severity), "day {day}");
    }
}

#[test]
fn an_order_made_later_does_not_reach_back() {
    let mut world = World::new();
    world.contact(&ordered(met("C1", "P1", "I1", 1), at(5, 12), 3, 9));
    world.lab(&swab("P1", "R1", at(5, 11), Positive));
    assert_eq!(world.only(AlertFamily::Positive).channel(), Channel::Community);
    world.lab(&swab("P2", "R2", at(5, 12), Negative));
    world.contact(&ordered(met("C2", "P2", "I1", 1), at(5, 12), 3, 9));
    world.lab(&revised(&swab("P2", "R2", at(5, 12), Negative), 1, ResultStatus::Corrected, Positive));
    let managed = world.live().into_values().find(|alert| alert.person_id == "P2").expect("an alert");
    assert_eq!(managed.channel(), Channel::Managed);
}

#[test]
fn a_withdrawn_contact_record_undoes_what_it_did() {
    let positive = swab("P1", "R1", at(5, 8), Positive);
    let record = ordered(met("C1", "P1", "I1", 2), at(3, 0), 3, 9);
    let mut without = World::new();
    without.lab(&positive);
    let mut world = World::new();
    world.contact(&record);
    world.lab(&positive);
    assert_eq!(world.only(AlertFamily::Positive).channel(), Channel::Managed);
    world.contact(&ContactRecord { status: ContactStatus::Withdrawn as i32, ..record.clone() });
    assert_eq!((world.live(), &world.numbers), (without.live(), &without.numbers));
    assert_eq!(world.contact(&record), Outcome::Used(End::Superseded));
    assert_eq!(world.live(), without.live());
}

#[test]
fn two_meanings_of_a_contact_record_at_one_revision_are_a_conflict() {
    let mut world = World::new();
    let record = met("C1", "P1", "I1", 2);
    world.contact(&record);
    assert_eq!(world.contact(&record), Outcome::Used(End::Duplicate));
    let other = ContactRecord { kind: ContactKind::Secondary as i32, ..record };
    assert_eq!(world.contact(&other), Outcome::Rejected(RejectCode::Conflict));
    assert_eq!(world.dead_letters.len(), 1);
}

#[test]
fn a_positive_lists_whom_to_trace_in_both_directions_of_time() {
    for record_first in [true, false] {
        let mut world = World::new();
        for person in ["P1", "P2", "P3", "P4"] {
            // Four days before the first positive, at the earliest.
            let day = if person == "P4" { 0 } else { 4 };
            if record_first {
                world.contact(&met("C1", person, "I1", day));
            }
            world.lab(&swab("I1", "R1", at(5, 8), Positive));
            world.contact(&met("C1", person, "I1", day));
        }
        let alert = world.only(AlertFamily::Positive);
        let listed: Vec<&str> = alert.to_trace.iter().map(|to| to.person_id.as_str()).collect();
        assert_eq!(listed, ["P1", "P2", "P3"]);
    }
}

#[test]
fn a_secondary_contact_of_somebody_found_positive_is_close() {
    let secondary = ContactRecord { kind: ContactKind::Secondary as i32, ..met("C1", "P1", "I1", 2) };
    let index = swab("I1", "R1", at(3, 8), Positive);
    // Day 11 is within the observation of close contacts (14 days), not of secondary ones (7).
    let contact = swab("P1", "R2", at(11, 8), Positive);
    let of = |world: &World, person: &str| {
        let alert = world.live().into_values().find(|alert| alert.person_id == person).expect("an alert");
        alert.exposed_to.iter().map(|to| to.kind()).collect::<Vec<_>>()
    };
    let mut world = World::new();
    world.lab(&contact);
    world.contact(&secondary);
    assert_eq!(of(&world, "P1"), []);
    world.lab(&index);
    assert_eq!(of(&world, "P1"), [ContactKind::Close]);
    let listed = world.live().into_values().find(|alert| alert.person_id == "I1").expect("an alert").to_trace;
    assert_eq!(listed[0].kind(), ContactKind::Close);
    world.lab(&revised(&index, 1, ResultStatus::Corrected, Negative));
    assert_eq!(of(&world, "P1"), [], "and no longer, when the index is not");

    let mut turned = World::new();
    turned.lab(&index);
    turned.contact(&secondary);
    turned.lab(&contact);
    assert_eq!(of(&turned, "P1"), [ContactKind::Close]);
    turned.contact(&ContactRecord { revision: 1, index_person_id: "I2".into(), ..secondary });
    assert_eq!(of(&turned, "P1"), [], "the new index is not positive");
    let alert = turned.live().into_values().find(|alert| alert.person_id == "I1").expect("an alert");
    assert!(alert.to_trace.is_empty(), "the old index has nobody to trace");
}

#[test]
fn what_was_reported_to_a_secondary_contact_stays_when_its_index_is_forgotten() {
    let mut world = World::new();
    world.contact(&ContactRecord { kind: ContactKind::Secondary as i32, ..met("C1", "P1", "I1", 2) });
    world.lab(&swab("I1", "R1", at(3, 8), Positive));
    world.lab(&swab("P1", "R2", at(11, 8), Positive));
    let is_it = |alert: &Alert| alert.person_id == "P1" && alert.family() == AlertFamily::Positive;
    let of = |world: &World| world.live().into_values().find(is_it).expect("an alert");
    let before = of(&world);
    assert_eq!(before.exposed_to[0].kind(), ContactKind::Close);

    // Late enough for the positive of the index to be forgotten, and not that of the contact.
    let longest = |days: fn(&CasePolicy) -> i32| i64::from(world.rules.cases.iter().map(days).max().expect("a policy"));
    let kept = longest(|policy| policy.horizon_days) + longest(|policy| policy.episode_gap_days);
    let late = 7 + kept + i64::from(LONGEST_WINDOW);
    (0..40).for_each(|_| world.advance(at(late, 0)));
    world.lab(&swab("I1", "R3", at(late, 8), Positive));
    assert_eq!(of(&world), before);
    let mut positives = world.alerts.iter().rev().filter(|alert| alert.family() == AlertFamily::Positive);
    let again = positives.next().expect("an alert");
    assert_eq!((&*again.person_id, again.to_trace.len()), ("I1", 0), "a new illness, long after the exposure");
}

#[test]
fn secondary_contacts_beyond_those_an_alert_lists_hear_of_it_too() {
    let mut world = World::new();
    for number in 0..1_010 {
        let record = met(&format!("C{number:04}"), &format!("P{number:04}"), "I1", 2);
        world.contact(&ContactRecord { kind: ContactKind::Secondary as i32, ..record });
    }
    world.lab(&swab("I1", "R1", at(3, 8), Positive));
    let (first, last) = (swab("P0000", "R2", at(11, 8), Positive), swab("P1009", "R3", at(11, 8), Positive));
    world.lab(&first);
    world.lab(&last);
    for person in ["P0000", "P1009"] {
        let alert = world.live().into_values().find(|alert| alert.person_id == person).expect("an alert");
        assert_eq!(alert.exposed_to.iter().map(|to| to.kind()).collect::<Vec<_>>(), [ContactKind::Close], "{person}");
    }
}
