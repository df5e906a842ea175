//! A correction undoes all that the result did.

use super::sent::{at, met, ordered, revised, swab};
use super::world::{Input, LAYOUT, World};
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    AlertFamily, AlertState, CauseKind, CtValue, Finding, LabResult, ProcessingMode, ResultStatus, Severity,
    TimePrecision,
};

use Finding::{Inconclusive, Invalid, Negative, Positive};
use ResultStatus::{Cancelled, Corrected, EnteredInError, Final, Preliminary};

#[test]
fn a_correction_to_negative_withdraws_the_alert_and_takes_back_every_count() {
    let mut world = World::new();
    let positive = swab("P1", "R1", at(3, 8), Positive);
    assert_eq!(world.lab(&positive), Outcome::Used(End::Accepted));
    let alert = world.only(AlertFamily::Positive);
    assert_eq!((alert.area.as_str(), alert.first_day.as_str()), ("D1S1", "2022-11-04"));
    assert_eq!((alert.severity(), alert.positive_specimens), (Severity::High, 1));
    assert_eq!(alert.policy, "sample-case@2020-01-01");

    assert_eq!(world.lab(&revised(&positive, 1, Corrected, Negative)), Outcome::Used(End::Corrected));
    assert!(world.live().is_empty());
    assert!(world.numbers.keys().all(|key| key.name == "negative" || key.name.starts_with("people tested")));
    let withdrawn = world.alerts.last().expect("a withdrawal");
    assert_eq!((withdrawn.state(), withdrawn.version), (AlertState::Withdrawn, 2));
    let cause = &withdrawn.causes[1];
    assert_eq!((cause.kind(), cause.record_id.as_str(), cause.revision), (CauseKind::Result, "R1", 1));
    assert_eq!((cause.status(), cause.finding()), (Corrected, Negative));
    assert_eq!(cause.origin.as_ref().map(|origin| origin.topic.as_str()), Some("lab-results"));
}

#[test]
fn a_withdrawn_result_leaves_nothing_and_may_come_back() {
    let mut world = World::new();
    let positive = swab("P1", "R1", at(3, 8), Positive);
    world.lab(&positive);
    assert_eq!(world.lab(&revised(&positive, 0, Cancelled, Positive)), Outcome::Used(End::Withdrawn));
    assert!(world.live().is_empty() && world.numbers.is_empty());
    assert_eq!(world.lab(&revised(&positive, 1, Final, Positive)), Outcome::Used(End::Corrected));
    assert_eq!(world.only(AlertFamily::Positive).positive_specimens, 1);
    let states: Vec<_> = world.alerts.iter().map(|alert| (alert.version, alert.state())).collect();
    assert_eq!(states, [(1, AlertState::Raised), (2, AlertState::Withdrawn), (3, AlertState::Raised)]);
}

#[test]
fn a_withdrawal_that_arrives_first_is_kept() {
    let mut world = World::new();
    let positive = swab("P1", "R1", at(3, 8), Positive);
    assert_eq!(world.lab(&revised(&positive, 1, EnteredInError, Positive)), Outcome::Used(End::Withdrawn));
    assert_eq!(world.lab(&positive), Outcome::Used(End::Superseded));
    assert!(world.live().is_empty() && world.numbers.is_empty());
}

#[test]
fn a_result_moved_to_another_person_leaves_the_first_in_any_order() {
    let first = swab("P1", "R1", at(3, 8), Positive);
    let moved = LabResult {
        person_id: "P2".into(),
        previous_person_id: "P1".into(),
        ..revised(&first, 1, Corrected, Positive)
    };
    let back = LabResult {
        person_id: "P1".into(),
        previous_person_id: "P2".into(),
        ..revised(&first, 2, Corrected, Positive)
    };
    for order in [[&first, &moved], [&moved, &first]] {
        let mut world = World::new();
        for result in order {
            world.lab(result);
        }
        assert_eq!(world.only(AlertFamily::Positive).person_id, "P2");
    }
    for order in [
        [&first, &moved, &back],
        [&first, &back, &moved],
        [&moved, &first, &back],
        [&moved, &back, &first],
        [&back, &first, &moved],
        [&back, &moved, &first],
    ] {
        let mut world = World::new();
        for result in order {
            world.lab(result);
        }
        assert_eq!(world.only(AlertFamily::Positive).person_id, "P1");
    }
    let mut world = World::new();
    world.lab(&first);
    world.lab(&moved);
    let withdrawn = world.alerts.iter().find(|alert| alert.state() == AlertState::Withdrawn).expect("one");
    assert_eq!(withdrawn.causes[1].kind(), CauseKind::Moved);
}

#[test]
fn a_result_moved_to_another_area_counts_there_alone() {
    let mut world = World::new();
    let positive = swab("P1", "R1", at(3, 8), Positive);
    world.lab(&positive);
    world.lab(&LabResult { area: "D2S1".into(), ..revised(&positive, 1, Corrected, Positive) });
    assert!(world.numbers.keys().all(|key| ["D2S1", "D2", "C"].contains(&key.area.as_str())));
    assert_eq!(world.only(AlertFamily::Positive).area, "D2S1");
    assert_eq!(world.alerts.last().map(|alert| alert.state()), Some(AlertState::Updated));
}

#[test]
fn the_same_meaning_again_is_a_duplicate_and_raises_the_revision_it_stands_at() {
    let mut world = World::new();
    let negative = swab("P1", "R1", at(3, 8), Negative);
    world.lab(&negative);
    assert_eq!(world.lab(&negative), Outcome::Used(End::Duplicate));
    let resent = LabResult { reported_at: Some(at(4, 1).to_wire()), kit: "K".into(), ..negative.clone() };
    assert_eq!(world.lab(&resent), Outcome::Used(End::Duplicate));
    assert_eq!(world.lab(&LabResult { revision: 5, ..negative.clone() }), Outcome::Used(End::Duplicate));
    assert_eq!(world.lab(&revised(&negative, 4, Final, Positive)), Outcome::Used(End::Superseded));
    let ct = vec![CtValue { gene: "N".into(), cycles: 21.5 }];
    let other_meaning = LabResult { ct_values: ct, revision: 6, ..negative };
    assert_eq!(world.lab(&other_meaning), Outcome::Used(End::Corrected));
}

#[test]
fn two_meanings_at_one_revision_are_a_conflict_and_the_graver_stands() {
    for findings in [[Negative, Positive], [Positive, Negative]] {
        let mut world = World::new();
        let [first, second] = findings.map(|finding| swab("P1", "R1", at(3, 8), finding));
        assert_eq!(world.lab(&first), Outcome::Used(End::Accepted));
        assert_eq!(world.lab(&second), Outcome::Rejected(RejectCode::Conflict));
        assert_eq!(world.only(AlertFamily::Positive).person_id, "P1");
        let [letter] = &world.dead_letters[..] else { panic!("one dead letter") };
        assert!(letter.headers.contains(&("swabstream-code", b"conflict".to_vec())));
    }
}

#[test]
fn a_negative_against_a_positive_is_held_as_positive_until_the_lab_corrects() {
    let positive = swab("P1", "R1", at(3, 8), Positive);
    let negative =
        LabResult { lab_id: "LAB-2".into(), result_id: "R9".into(), ..revised(&positive, 0, Final, Negative) };
    for order in [[&positive, &negative], [&negative, &positive]] {
        let mut world = World::new();
        assert_eq!(
            order.map(|result| world.lab(result)),
            [Outcome::Used(End::Accepted), Outcome::Used(End::Contradiction)]
        );
        let alert = world.only(AlertFamily::Contradiction);
        assert_eq!((alert.specimen_id.as_str(), alert.severity()), ("S-R1", Severity::High));
        assert_eq!(world.only(AlertFamily::Positive).positive_specimens, 1);

        let mut resolved = World::new();
        for result in order {
            resolved.lab(result);
        }
        resolved.lab(&revised(&negative, 1, Corrected, Positive));
        assert_eq!(resolved.live().len(), 1, "both say positive");
        assert_eq!(resolved.only(AlertFamily::Positive).positive_specimens, 1);

        world.lab(&revised(&positive, 1, EnteredInError, Positive));
        assert!(world.live().is_empty(), "only the negative is left");
    }
}

#[test]
fn a_contradiction_that_is_resolved_is_not_replaced_by_that_of_another_target() {
    let mut world = World::new();
    let of = |id, target: &str, finding| {
        let result = swab("P1", id, at(3, 8), finding);
        LabResult { specimen_id: "S1".into(), target: target.into(), ..result }
    };
    let negative = of("R2", "sars-cov-2", Negative);
    for result in
        [of("R1", "sars-cov-2", Positive), of("R3", "influenza-a", Positive), of("R4", "influenza-a", Negative)]
    {
        world.lab(&result);
    }
    assert_eq!(world.lab(&negative), Outcome::Used(End::Contradiction));
    world.lab(&revised(&negative, 1, Corrected, Positive));
    let resolved = world.alerts.iter().find(|alert| alert.state() == AlertState::Withdrawn).expect("it is withdrawn");
    assert_eq!((resolved.family(), resolved.replaced_by.as_str()), (AlertFamily::Contradiction, ""));
    assert!(world.only(AlertFamily::Contradiction).replaces.is_empty(), "the other one stands for itself");
}

#[test]
fn two_entry_points_count_one_specimen_once() {
    let mut world = World::new();
    let first = swab("P1", "R1", at(3, 8), Negative);
    world.lab(&first);
    let before = world.numbers.clone();
    let again = LabResult { result_id: "R2".into(), specimen_id: first.specimen_id.clone(), ..first.clone() };
    assert_eq!(world.lab(&again), Outcome::Used(End::DuplicateSpecimen));
    assert_eq!(world.numbers, before);
    world.lab(&revised(&first, 1, Cancelled, Negative));
    assert_eq!(world.numbers, before, "the other one still stands");
}

#[test]
fn a_conclusive_finding_supersedes_the_others_of_its_specimen() {
    let mut world = World::new();
    for (id, finding) in [("R1", Invalid), ("R3", Negative), ("R2", Inconclusive)] {
        let result = swab("P1", id, at(3, 8), finding);
        assert_eq!(world.lab(&LabResult { specimen_id: "S".into(), ..result }), Outcome::Used(End::Accepted));
    }
    assert!(world.numbers.keys().all(|key| key.name == "negative" || key.name.starts_with("people tested")));
}

#[test]
fn a_preliminary_positive_alerts_but_counts_only_when_final() {
    let mut world = World::new();
    let early = revised(&swab("P1", "R1", at(3, 8), Positive), 0, Preliminary, Positive);
    assert_eq!(world.lab(&early), Outcome::Used(End::Preliminary));
    let alert = world.only(AlertFamily::Positive);
    assert!(alert.preliminary && alert.severity() == Severity::Info && world.numbers.is_empty());
    assert_eq!(world.lab(&revised(&early, 0, Final, Positive)), Outcome::Used(End::Corrected));
    let alert = world.only(AlertFamily::Positive);
    assert!(!alert.preliminary && alert.severity() == Severity::High && !world.numbers.is_empty());

    let mut world = World::new();
    world.lab(&early);
    let negative = LabResult { result_id: "R2".into(), ..revised(&early, 0, Final, Negative) };
    world.lab(&negative);
    assert!(world.live().is_empty(), "a conclusive result of the specimen outweighs it");
}

#[test]
fn drills_change_nothing() {
    let mut world = World::new();
    let drill = LabResult { mode: ProcessingMode::Training as i32, ..swab("P1", "R1", at(3, 8), Positive) };
    assert_eq!(world.send(&Input::Result(drill, at(3, 9)), None), Outcome::Used(End::Training));
    assert!(world.numbers.is_empty() && world.alerts.is_empty());
}

#[test]
fn changes_of_cases_and_positives_name_the_record_behind_them_and_no_others_do() {
    let mut world = World::new();
    world.lab(&swab("P2", "N", at(3, 7), Negative));
    world.lab(&swab("P1", "N1", at(2, 7), Negative));
    assert!(world.causes.is_empty(), "what is plain costs nothing");
    let day = world.rules.day(at(3, 8)).0;
    let named = |area: &str, topic: &str, offset| (area.to_owned(), day, topic.to_owned(), offset);
    let street = |topic, offset| ["C", "D1", "D1S1"].map(|area| named(area, topic, offset));
    let positive = swab("P1", "R1", at(3, 8), Positive);
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    let causes = |world: &mut World| std::mem::take(&mut world.causes).into_iter().collect::<Vec<_>>();

    world.send(&Input::Result(positive.clone(), at(3, 13)), Some(elsewhere));
    world.settle();
    assert_eq!(causes(&mut world), street("lab-results", 3), "where the lab put it, not the message");
    world.lab(&positive);
    assert!(causes(&mut world).is_empty(), "nothing changed");
    world.contact(&ordered(met("C1", "P1", "I1", 2), at(2, 20), 3, 6));
    assert_eq!(causes(&mut world), street("contact-records", 6), "the case is none of the community's");
    let moved = LabResult { area: "D2S1".into(), ..revised(&positive, 1, Corrected, Positive) };
    world.lab(&moved);
    let both = ["D1", "D1S1", "D2", "D2S1"].map(|area| named(area, "lab-results", 8));
    assert_eq!(causes(&mut world), both, "and none for the city, where all is as before");
    world.lab(&revised(&moved, 2, Corrected, Negative));
    assert_eq!(causes(&mut world), ["C", "D2", "D2S1"].map(|area| named(area, "lab-results", 9)));
}

/// Applied, counted apart: whatever else its record would have been is in the numbers, not in the outcome.
#[test]
fn what_an_unknown_lab_sends_is_applied_and_counted_apart_where_the_policy_accepts_it() {
    let mut rules = sample_rules();
    rules.cases.iter_mut().for_each(|policy| policy.accept_unknown_labs = true);
    let mut world = World::with(rules);
    let of_stranger = |result: LabResult| LabResult { lab_id: "LAB-X".into(), ..result };
    let first = of_stranger(swab("P1", "R1", at(3, 8), Positive));
    let corrected = revised(&first, 1, Corrected, Negative);
    let withdrawn = revised(&first, 2, EnteredInError, Negative);
    assert_eq!(world.lab(&first), Outcome::Used(End::AcceptedUnknownLab));
    assert_eq!(world.live().len(), 1, "it raises an alert like any other");
    assert_eq!(world.lab(&first), Outcome::Used(End::Duplicate), "what changes nothing is what it was");
    assert_eq!(world.lab(&corrected), Outcome::Used(End::AcceptedUnknownLab));
    assert_eq!(world.lab(&first), Outcome::Used(End::Superseded));
    assert_eq!(world.lab(&withdrawn), Outcome::Used(End::AcceptedUnknownLab));
    assert_eq!(
        world.lab(&swab("P1", "R2", at(3, 8), Negative)),
        Outcome::Used(End::Accepted),
        "of a lab of the registry"
    );
    assert_eq!((world.live().len(), world.dead_letters.len()), (0, 0));
    assert!(!world.labs_heard.contains_key("LAB-X"), "only labs of the registry become labels");
}

/// A's task and B's are two: what A is to know comes as a message.
#[test]
fn a_day_only_result_that_is_moved_twice_at_other_hours_is_one_move() {
    assert_ne!(LAYOUT.person_task("P1"), LAYOUT.person_task("P2"));
    let day_only = |result: LabResult| LabResult { collected_precision: TimePrecision::Day as i32, ..result };
    let first = swab("P1", "R1", at(3, 8), Positive);
    let moved = |hour| {
        let again = LabResult { collected_at: Some(at(3, hour).to_wire()), ..revised(&first, 1, Corrected, Positive) };
        day_only(LabResult { person_id: "P2".into(), previous_person_id: "P1".into(), ..again })
    };
    let mut world = World::new();
    world.lab(&first);
    world.lab(&moved(8));
    assert_eq!(world.lab_at(&moved(17), at(3, 20)), Outcome::Used(End::Duplicate));
    assert_eq!(world.outcomes.last(), Some(&Outcome::Used(End::Duplicate)), "nor is it news to whom it was taken from");
    assert!(world.dead_letters.is_empty());
    assert_eq!(world.only(AlertFamily::Positive).person_id, "P2");
}

#[test]
fn two_moves_at_one_revision_that_say_different_things_are_one_conflict_with_one_letter() {
    let first = swab("P1", "R1", at(3, 8), Positive);
    let moved = |hour| {
        let again = LabResult { collected_at: Some(at(3, hour).to_wire()), ..revised(&first, 1, Corrected, Positive) };
        LabResult { person_id: "P2".into(), previous_person_id: "P1".into(), ..again }
    };
    let mut ends = Vec::new();
    for hours in [[8, 9], [9, 8]] {
        let mut world = World::new();
        world.lab(&first);
        for hour in hours {
            world.lab_at(&moved(hour), at(3, 20));
        }
        let rejected = world.outcomes.iter().filter(|outcome| outcome.code().is_some()).count();
        assert_eq!((rejected, world.dead_letters.len()), (1, 1), "booked once, by whom it was moved to");
        ends.push((world.live(), world.numbers));
    }
    assert_eq!(ends[0], ends[1]);
}
