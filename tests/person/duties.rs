//! What has to be done with whom on which day, and what that comes to in areas: told by what changes it.

use super::deadlines::restored;
use super::sent::{at, met, ordered, pool, revised, swab};
use super::world::{Input, LAYOUT, World, context, rules_with};
use swabstream::model::time::Day;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{CURRENT, DUTIES, Formats};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Times;
use swabstream::proto::v1::{
    AreaPeriod, ContactKind, ContactRecord, ContactStatus, Duty, DutyKind, Finding, LabResult, ResultStatus,
};

use DutyKind::{Isolate, Managed, MemberRecall, PoolRecall, Release, TestDue, TestOverdue, TestTaken};
use Finding::{Negative, Positive};

/// A number of an area on a day.
fn number_on(world: &World, area: &str, day: &str, kind: DutyKind) -> i64 {
    let day = Day::parse(day).expect("a day");
    world.duties.get(&(area.to_owned(), day)).map_or(0, |counts| counts.numbers[kind as usize - 1])
}

/// The same of a day of November.
fn number(world: &World, area: &str, day: i32, kind: DutyKind) -> i64 {
    number_on(world, area, &format!("2022-11-{day:02}"), kind)
}

/// Days of November on which an area has a number of a kind.
fn days(world: &World, area: &str, kind: DutyKind) -> Vec<i32> {
    (1..=30).filter(|day| number(world, area, *day, kind) != 0).collect()
}

fn duties(world: &World, person: &str, kind: DutyKind) -> Vec<Duty> {
    let said = world.to_do.get(person).map(|said| said.duties.clone()).unwrap_or_default();
    said.into_iter().filter(|duty| duty.kind() == kind).collect()
}

/// Exposed on the 3rd: observed to the 17th, tested on the 4th, 5th, 6th, 8th and 10th.
fn exposed() -> World {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    world.check_duties();
    world
}

#[test]
fn a_contact_has_a_calendar_from_the_first_day_to_the_last() {
    let world = exposed();
    assert_eq!(days(&world, "", Isolate), [3]);
    assert_eq!(days(&world, "", Managed), (3..=17).collect::<Vec<_>>());
    assert_eq!(days(&world, "", Release), [17]);
    assert_eq!(days(&world, "", TestDue), [4, 5, 6, 8, 10]);
    let managed = &duties(&world, "P1", Managed)[0];
    assert_eq!((&*managed.day, &*managed.release_day), ("2022-11-03", "2022-11-17"));
    assert_eq!((&*managed.record_ids[0], &*managed.policy), ("C1", "sample-case@2020-01-01"));
    assert_eq!((duties(&world, "P1", TestDue).len(), world.to_do["P1"].area.as_str(), world.told), (5, "", 1));
}

#[test]
fn a_person_counts_where_the_last_swab_was_taken_and_in_all_that_lies_above() {
    let mut world = exposed();
    world.lab(&LabResult { area: "D2S1".into(), ..swab("P1", "R1", at(1, 8), Negative) });
    world.check_duties();
    for area in ["D2S1", "D2", "C"] {
        assert_eq!(number(&world, area, 9, Managed), 1, "{area}");
    }
    assert!(days(&world, "", Managed).is_empty() && days(&world, "D1", Managed).is_empty());
    let later = swab("P1", "R2", at(2, 8), Negative);
    world.lab(&later);
    assert_eq!([9, 17].map(|day| number(&world, "D1S1", day, Managed)), [1, 1], "swabbed in another street since");
    // Received last, but of an earlier swab.
    world.lab_at(&LabResult { area: "D2S1".into(), ..swab("P1", "R3", at(0, 8), Negative) }, at(3, 0));
    assert_eq!(number(&world, "D1S1", 9, Managed), 1);
    world.lab(&revised(&later, 1, ResultStatus::EnteredInError, Negative));
    assert_eq!(["D1S1", "D2S1"].map(|area| number(&world, area, 9, Managed)), [0, 1], "it was never taken");
    world.check_duties();
}

#[test]
fn a_test_is_due_then_taken_or_overdue_as_alerts_have_it() {
    let mut world = exposed();
    world.lab(&swab("P1", "R1", at(3, 8), Negative));
    assert_eq!((days(&world, "D1", TestDue), days(&world, "D1", TestTaken)), (vec![4, 5, 6, 8, 10], vec![4]));
    world.pass(at(7, 0));
    assert_eq!(days(&world, "D1", TestOverdue), [5, 6]);
    world.check_duties();
    let late = &duties(&world, "P1", TestDue)[1];
    assert_eq!((&*late.day, late.taken, late.overdue_since), ("2022-11-05", false, Some(at(6, 0).to_wire())));
    world.lab_at(&swab("P1", "R2", at(4, 8), Negative), at(8, 0));
    assert_eq!((days(&world, "D1", TestOverdue), days(&world, "D1", TestTaken)), (vec![6], vec![4, 5]));
    world.check_duties();
}

#[test]
fn an_order_and_a_new_exposure_put_the_release_off() {
    let mut world = exposed();
    world.contact(&ordered(met("C2", "P1", "I2", 4), at(5, 9), 5, 22));
    // To the end of day 22, the first minute of the 24th.
    assert_eq!(days(&world, "", Release), [24]);
    world.check_duties();
    world.contact(&met("C3", "P1", "I3", 12));
    assert_eq!(days(&world, "", Release), [27], "two weeks from the 13th");
    assert_eq!((days(&world, "", Isolate), duties(&world, "P1", Managed)[0].record_ids.len()), (vec![3], 3));
    world.check_duties();
}

#[test]
fn a_positive_ends_the_contact_and_its_correction_gives_everything_back() {
    let mut world = exposed();
    let before = (world.duties.clone(), world.to_do.clone());
    let positive = LabResult { area: "D1S1".into(), ..swab("P1", "R1", at(4, 8), Positive) };
    world.lab(&positive);
    assert_eq!(days(&world, "D1", Managed), [3, 4, 5], "a case from the day after");
    assert_eq!((days(&world, "D1", Release), days(&world, "D1", TestDue)), (vec![5], vec![4]));
    world.check_duties();
    world.lab(&revised(&positive, 1, ResultStatus::EnteredInError, Positive));
    assert_eq!((&world.duties, &world.to_do), (&before.0, &before.1), "no trace is left");
}

#[test]
fn a_withdrawn_record_leaves_nothing_and_says_so() {
    let mut world = exposed();
    let withdrawn = ContactStatus::Withdrawn as i32;
    world.contact(&ContactRecord { revision: 1, status: withdrawn, ..met("C1", "P1", "I1", 2) });
    assert!(world.duties.is_empty() && world.to_do.is_empty());
    assert_eq!(world.told, 2, "what was told was taken back");
}

#[test]
fn who_is_known_of_late_is_isolated_then_and_who_is_known_of_too_late_never() {
    for (received, isolated) in [(at(9, 20), vec![10]), (at(20, 0), vec![])] {
        let mut world = World::new();
        world.send(&Input::Contact(met("C1", "P1", "I1", 2), received), None);
        world.settle();
        assert_eq!(days(&world, "", Isolate), isolated);
        assert_eq!(days(&world, "", Managed), (3..=17).collect::<Vec<_>>());
        world.check_duties();
    }
}

#[test]
fn a_secondary_contact_of_somebody_found_positive_is_managed_and_tested_as_a_close_one() {
    let mut world = World::new();
    let secondary = ContactRecord { kind: ContactKind::Secondary as i32, ..met("C1", "P1", "I1", 2) };
    world.contact(&secondary);
    let before = (world.duties.clone(), world.to_do.clone());
    let positive = swab("I1", "R1", at(3, 8), Positive);
    world.lab(&positive);
    assert_eq!((days(&world, "", Release), days(&world, "", TestDue)), (vec![17], vec![4, 5, 6, 8, 10]));
    world.check_duties();
    world.lab(&revised(&positive, 1, ResultStatus::Corrected, Negative));
    assert_eq!((&world.duties, &world.to_do), (&before.0, &before.1));
}

#[test]
fn a_pool_has_to_be_recalled_as_long_as_somebody_in_it_is_awaited() {
    let mut world = World::new();
    let mut tube = pool("T1", "R1", at(3, 8), Positive, &["P1", "P2", "P3"]);
    tube.pool.as_mut().expect("a pool").members[0].area = "D2S1".into();
    world.lab(&tube);
    // Reported on the 4th, so all are to be tested by the 5th.
    assert_eq!((days(&world, "D1", PoolRecall), days(&world, "D2", PoolRecall)), (vec![5], vec![]));
    assert_eq!(["D1", "D2", "C"].map(|area| number(&world, area, 5, MemberRecall)), [2, 1, 3]);
    world.lab(&swab("P1", "R2", at(4, 8), Negative));
    assert_eq!(["D1", "D2"].map(|area| number(&world, area, 5, MemberRecall)), [2, 0]);
    world.lab(&swab("P2", "R3", at(4, 8), Positive));
    let last = swab("P3", "R4", at(4, 8), Negative);
    world.lab(&last);
    assert!(days(&world, "C", PoolRecall).is_empty() && days(&world, "C", MemberRecall).is_empty());
    world.lab(&revised(&last, 1, ResultStatus::EnteredInError, Negative));
    assert_eq!((number(&world, "C", 5, PoolRecall), number(&world, "C", 5, MemberRecall)), (1, 1));
    assert!(world.to_do.is_empty(), "a pool is nobody");
    world.check_duties();
}

#[test]
fn under_other_rules_each_day_counts_where_the_registry_puts_it_then() {
    let mut world = exposed();
    world.lab(&LabResult { area: "D1S2".into(), ..swab("P1", "R1", at(1, 8), Negative) });
    let gone = AreaPeriod {
        effective_from: "2022-11-10".into(),
        abolished: true,
        merged_into: "D2S1".into(),
        ..AreaPeriod::default()
    };
    let before = world.duties.clone();
    world.adopt(rules_with(|area| {
        if area.code == "D1S2" {
            area.periods.push(gone.clone());
        }
    }));
    assert_eq!(days(&world, "D1", Managed), (3..=9).collect::<Vec<_>>());
    assert_eq!(days(&world, "D2", Managed), (10..=17).collect::<Vec<_>>());
    world.check_duties();
    world.adopt(swabstream::policy::sample::sample_rules());
    assert_eq!(world.duties, before);
}

#[test]
fn what_is_forgotten_stays_as_it_was_counted_and_is_told_of_no_more() {
    let mut world = exposed();
    world.lab(&swab("P1", "R1", at(1, 8), Negative));
    world.pass(at(30, 0));
    let counted = world.duties.clone();
    // Dropped in steps, as time goes on.
    (30..120).for_each(|day| world.advance(at(day, 0)));
    assert_eq!(world.duties, counted, "dropping changes no number");
    assert!(world.to_do.is_empty(), "nothing has to be done any more");
    // Nobody can tell any more what became of such days: a withdrawal changes nothing of them.
    let withdrawn = ContactStatus::Withdrawn as i32;
    world.contact(&ContactRecord { revision: 1, status: withdrawn, ..met("C1", "P1", "I1", 2) });
    assert_eq!(world.duties, counted);
}

/// An order holds for longer than swabs are known.
#[test]
fn who_was_swabbed_long_ago_counts_where_that_was_until_there_is_a_newer_swab() {
    let mut world = World::new();
    world.contact(&ordered(met("C1", "P1", "I1", 2), at(3, 9), 3, 100));
    world.lab(&LabResult { area: "D2S1".into(), ..swab("P1", "R1", at(1, 8), Negative) });
    (5..40).for_each(|day| world.advance(at(day, 0)));
    let managed = |world: &World| ["D2S1", "D1S1", ""].map(|area| number_on(world, area, "2022-12-20", Managed));
    for contact in ["C2", "C3"] {
        world.send(&Input::Contact(met(contact, "P1", "I1", 2), at(0, 0)), None);
        world.settle();
        assert_eq!((managed(&world), world.to_do["P1"].area.as_str()), ([1, 0, 0], "D2S1"));
    }
    world.send(&Input::Result(swab("P1", "R2", at(38, 8), Negative), at(39, 0)), None);
    world.settle();
    assert_eq!((managed(&world), world.to_do["P1"].area.as_str()), ([0, 1, 0], "D1S1"));
    assert_eq!(number(&world, "D2S1", 9, Managed), 1, "days that are forgotten stay where they were counted");
}

/// Messages in which nothing is said of what has to be done.
const BEFORE: Formats = Formats { written: DUTIES - 1, newest: CURRENT };

/// Every task goes on from what it has stored when it wrote in some formats, in others. Says how much that of a person
/// publishes at once; the others have nothing to say.
fn go_on(world: &mut World, from: Formats, to: Formats, person: &str) -> usize {
    let mut said = 0;
    for task in 0..LAYOUT.person_tasks {
        let mut half = restored(world, task, from.written, to);
        let mut effects = Effects::default();
        half.advance(&Times::default(), &mut effects);
        world.halves[task as usize] = half;
        match task == LAYOUT.person_task(person) {
            true => said += effects.outputs.len(),
            false => assert!(effects.outputs.is_empty()),
        }
        world.take(task, effects);
        world.commit(task);
    }
    said
}

#[test]
fn a_restart_says_nothing_again_and_finds_what_another_version_left_out() {
    for (formats, told) in [(BEFORE, 1), (Formats::default(), 0)] {
        let mut world = World::new();
        let begun = |task| PersonHalf::new(Context { formats, ..context(task) }, world.rules.clone());
        world.halves = (0..LAYOUT.person_tasks).map(begun).collect();
        world.contact(&met("C1", "P1", "I1", 2));
        assert_eq!(world.told, 1 - told, "an area task of an earlier version would stop");
        assert_eq!(go_on(&mut world, formats, Formats::default(), "P1"), told);
        world.check_duties();
    }
}

#[test]
fn what_grew_old_while_an_upgrade_was_taken_back_is_said_anew_after_the_next() {
    let mut world = World::new();
    let met = met("C1", "P1", "I1", 2);
    world.contact(&met);
    world.check_duties();
    assert_eq!(go_on(&mut world, Formats::default(), BEFORE, "P1"), 0);
    world.contact(&ContactRecord { revision: 1, status: ContactStatus::Withdrawn as i32, ..met });
    assert_eq!(world.told, 1, "an area task of an earlier version would stop");
    assert_eq!(go_on(&mut world, BEFORE, Formats::default(), "P1"), 1);
    assert!(world.to_do.is_empty(), "nothing has to be done any more");
    world.check_duties();
}

/// Made-up records must not fill all calendars, nor make a message that no broker takes.
#[test]
fn what_is_very_long_or_very_much_is_bounded() {
    let mut world = World::new();
    let long = met("C0", "P1", "I1", 2);
    let start = Some(at(-20_000, 0).to_wire());
    world.contact(&ContactRecord { exposure_start: start, ..ordered(long, at(-9_000, 0), -9_000, 300) });
    assert!(world.duties.len() <= 2 * 366, "{}", world.duties.len());
    world.check_duties();
    for number in 1..80 {
        world.contact(&met(&format!("C{number}"), "P1", "I1", 2));
    }
    let managed = duties(&world, "P1", Managed).pop().expect("one");
    assert_eq!((managed.record_ids.len(), managed.record_ids_omitted), (10, 70));
    world.check_duties();
}

/// Tests of years, which nobody orders and a program may: all count, and as many are told as a message has room for.
#[test]
fn of_very_many_duties_all_count_and_the_first_thousand_are_told() {
    let mut world = World::new();
    for number in 0..260 {
        world.send(&Input::Contact(met(&format!("C{number}"), "P1", "I1", 5 * number - 900), at(0, 0)), None);
    }
    world.settle();
    let said = &world.to_do["P1"];
    assert_eq!((said.duties.len(), said.duties_omitted > 0), (1_000, true));
    world.check_duties();
}
