//! Tests that contacts have to take: which are missed from when on, and what undoes that.

use super::sent::{at, member, met, pool, revised, swab};
use super::world::{Dice, Input, LAYOUT, World, context};
use crate::images::images_of;
use prost::Message as _;
use std::collections::BTreeSet;
use swabstream::audit::recount::LiveAlert;
use swabstream::pipeline::formats::{CURRENT, Formats};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Times;
use swabstream::policy::Rules;
use swabstream::policy::records::record;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, CasePolicy, CauseKind, ContactKind, ContactRecord, ContactStatus, Finding,
    LabResult, PersonGroup, ResultStatus, Rule, Severity, rule,
};
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged::Paged as _;

use Finding::{Invalid, Negative, Positive};

/// The sample's close contacts are tested on days 1, 2, 3, 5 and 7 after exposure and observed for 14; of an exposure on
/// day 2, counted from 0, these are November the 4th, 5th, 6th, 8th and 10th. Each is overdue 24 hours after its end.
const DUE: [&str; 5] = ["2022-11-04", "2022-11-05", "2022-11-06", "2022-11-08", "2022-11-10"];

fn is_overdue(alert: &&Alert) -> bool {
    alert.family() == AlertFamily::ContactOverdue
}

/// Days of tests that are missed, as far as alerts are live.
fn missed(world: &World) -> Vec<String> {
    let live = world.live();
    let mut days: Vec<String> =
        live.values().filter(is_overdue).map(|alert| format!("{} {}", alert.person_id, alert.first_day)).collect();
    days.sort();
    days
}

fn of_p1(days: &[&str]) -> Vec<String> {
    days.iter().map(|day| format!("P1 {day}")).collect()
}

/// What is live is what a recount says.
fn require_recounted(world: &World) {
    let said: BTreeSet<LiveAlert> = world.live().values().map(LiveAlert::of).collect();
    assert_eq!(said, world.due());
}

/// All states published of alerts about missed tests, in order.
fn told(world: &World) -> Vec<(String, AlertState, CauseKind)> {
    let of = |alert: &Alert| (alert.first_day.clone(), alert.state(), alert.causes.last().expect("a cause").kind());
    world.alerts.iter().filter(is_overdue).map(of).collect()
}

/// Every task is restored from what it stored.
pub fn restart(world: &mut World) {
    for task in 0..LAYOUT.person_tasks {
        world.halves[task as usize] = restored(world, task, CURRENT, Formats::default());
    }
}

/// A task restored from what it stored when it wrote messages in a format, which goes on in formats of its own.
pub fn restored(world: &World, task: i32, written: u32, formats: Formats) -> PersonHalf {
    let before = &world.halves[task as usize];
    let mut half = PersonHalf::new(Context { formats, ..context(task) }, world.rules.clone());
    for (page, image) in (0..).zip(&images_of(before)) {
        half.load(page, image, FORMAT).expect("it was written just now");
    }
    half.restored().expect("it was whole");
    half.resume(before.passed(), written);
    half
}

/// The sample's rules with another case policy.
pub fn with_policy(change: impl Fn(&mut CasePolicy)) -> Rules {
    let changed = sample_rules().to_records().into_iter().map(|(key, value)| {
        let mut record = Rule::decode(&value[..]).expect("a rule");
        if let Some(rule::Rule::CasePolicy(policy)) = &mut record.rule
            && policy.id == "sample-case"
        {
            change(policy);
        }
        (key, record.encode_to_vec())
    });
    Rules::from_records(&changed.collect::<Vec<_>>()).expect("valid rules")
}

#[test]
fn a_contact_who_is_never_tested_is_overdue_once_for_each_day_in_order() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    // The fourth is over with day 4, 0:00; a day later its result must be there.
    for (day, hour, count) in
        [(4, 23, 0), (5, 0, 1), (5, 23, 1), (6, 0, 2), (7, 0, 3), (8, 23, 3), (9, 0, 4), (40, 0, 5)]
    {
        world.pass(at(day, hour));
        assert_eq!(missed(&world), of_p1(&DUE[..count]), "on day {day} at {hour}");
        require_recounted(&world);
    }
    let first = world.alerts[0].clone();
    assert_eq!((&*first.release_day, &*first.last_day, first.severity()), ("2022-11-17", DUE[0], Severity::Moderate));
    assert_eq!((&*first.policy, &*first.exposed_to[0].record_id), ("sample-case@2020-01-01", "C1"));
    assert!(!first.historic && first.causes[0].origin.is_none());
    let expected = DUE.map(|day| (day.to_owned(), AlertState::Raised, CauseKind::Deadline));
    assert_eq!(told(&world), expected);
}

#[test]
fn a_swab_of_the_day_is_the_test_whenever_its_result_comes() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    let (in_time, late) = (swab("P1", "R1", at(3, 1), Negative), swab("P1", "R2", at(4, 23), Negative));
    world.lab(&in_time);
    world.pass(at(7, 0));
    assert_eq!(missed(&world), of_p1(&DUE[1..3]));
    world.lab_at(&late, at(8, 12));
    assert_eq!(missed(&world), of_p1(&DUE[2..3]), "withdrawn by a result that is late");
    require_recounted(&world);
    world.lab(&revised(&late, 1, ResultStatus::EnteredInError, Negative));
    assert_eq!(missed(&world), of_p1(&DUE[1..3]), "it was never taken");
    world.lab(&revised(&in_time, 1, ResultStatus::Final, Invalid));
    assert_eq!(missed(&world), of_p1(&DUE[..3]), "it could not be read");
    world.lab(&revised(&in_time, 2, ResultStatus::Corrected, Negative));
    assert_eq!(missed(&world), of_p1(&DUE[1..3]));
    require_recounted(&world);
    let other = of_target(&swab("P1", "R3", at(5, 8), Negative), "influenza-a");
    world.lab(&other);
    assert_eq!(missed(&world), of_p1(&DUE[1..3]), "of another target");
    require_recounted(&world);
    let kinds: Vec<CauseKind> = told(&world).into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(kinds[..2], [CauseKind::Deadline; 2]);
    assert!(kinds[2..].iter().all(|kind| *kind == CauseKind::Result), "{kinds:?}");
}

fn of_target(result: &swabstream::proto::v1::LabResult, target: &str) -> swabstream::proto::v1::LabResult {
    swabstream::proto::v1::LabResult { target: target.into(), ..result.clone() }
}

#[test]
fn what_becomes_of_its_record_becomes_of_the_alert() {
    let mut world = World::new();
    let first = met("C1", "P1", "I1", 2);
    world.contact(&first);
    world.pass(at(5, 0));
    assert_eq!(missed(&world), of_p1(&DUE[..1]));
    // The exposure was a day later: other days are due.
    world.contact(&ContactRecord { revision: 1, ..met("C1", "P1", "I1", 3) });
    assert_eq!(missed(&world), of_p1(&[]));
    world.pass(at(6, 0));
    assert_eq!(missed(&world), of_p1(&["2022-11-05"]));
    require_recounted(&world);
    world.contact(&ContactRecord { revision: 2, status: ContactStatus::Withdrawn as i32, ..first });
    assert_eq!(missed(&world), of_p1(&[]));
    world.pass(at(40, 0));
    assert_eq!(missed(&world), of_p1(&[]));
    require_recounted(&world);
}

#[test]
fn a_new_exposure_moves_the_day_of_release_and_so_does_a_positive() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    world.pass(at(5, 0));
    let release = |world: &World| -> BTreeSet<String> {
        world.live().values().filter(is_overdue).map(|alert| alert.release_day.clone()).collect()
    };
    assert_eq!(release(&world), BTreeSet::from(["2022-11-17".to_owned()]));
    world.contact(&met("C2", "P1", "I2", 10));
    assert_eq!(release(&world), BTreeSet::from(["2022-11-25".to_owned()]));
    assert_eq!(world.alerts.last().map(Alert::state), Some(AlertState::Updated));
    // Long after: another observation.
    world.contact(&met("C3", "P1", "I3", 27));
    assert_eq!(release(&world), BTreeSet::from(["2022-11-25".to_owned()]));
    let positive = swab("P1", "R1", at(8, 8), Positive);
    world.lab(&positive);
    assert_eq!(release(&world), BTreeSet::from(["2022-11-09".to_owned()]), "it is a case from then on");
    world.pass(at(45, 0));
    assert_eq!(missed(&world), of_p1(&DUE[..4]), "and due no tests of a contact, whatever else it is exposed to");
    require_recounted(&world);
    world.lab(&revised(&positive, 1, ResultStatus::Corrected, Negative));
    assert!(missed(&world).len() > 10, "it was none: {:?}", missed(&world));
    require_recounted(&world);
}

#[test]
fn a_secondary_contact_whose_index_is_found_positive_is_tested_as_a_close_one() {
    let mut world = World::new();
    world.contact(&ContactRecord { kind: ContactKind::Secondary as i32, ..met("C1", "P1", "I1", 2) });
    world.pass(at(6, 0));
    assert_eq!(missed(&world), of_p1(&[DUE[0]]), "days 1, 4 and 7");
    world.lab(&swab("I1", "R1", at(3, 8), Positive));
    assert_eq!(missed(&world), of_p1(&DUE[..2]));
    world.pass(at(9, 0));
    assert_eq!(missed(&world), of_p1(&DUE[..4]));
    require_recounted(&world);
}

#[test]
fn a_restart_in_between_fires_nothing_twice_and_misses_nothing() {
    let mut straight = World::new();
    let mut world = World::new();
    for world in [&mut straight, &mut world] {
        world.contact(&met("C1", "P1", "I1", 2));
        world.contact(&met("C2", "P2", "I1", 4));
    }
    for hours in 0..24 * 14 {
        for (world, restarts) in [(&mut straight, false), (&mut world, hours % 11 == 0)] {
            if restarts {
                restart(world);
                // Somebody looks at them before any time is known.
                world.lab(&swab("P2", &format!("R{hours}"), at(20, 8), Negative));
            } else if hours % 11 == 0 {
                world.lab(&swab("P2", &format!("R{hours}"), at(20, 8), Negative));
            }
            world.pass(at(2, hours));
        }
    }
    assert_eq!(world.alerts, straight.alerts);
    assert_eq!(missed(&world).len(), 10);
    require_recounted(&world);
}

#[test]
fn after_an_outage_of_weeks_all_that_came_due_is_told_in_order_of_time() {
    let mut world = World::new();
    for person in 0..30_i64 {
        world.contact(&met(&format!("C{person}"), &format!("P{person}"), "I1", 2 + person % 7));
    }
    world.lab(&swab("P3", "R1", at(6, 8), Negative));
    world.pass(at(1, 0));
    restart(&mut world);
    world.pass(at(30, 0));
    assert_eq!(missed(&world).len(), 30 * 5 - 1);
    for task in 0..LAYOUT.person_tasks {
        let of_task = world.alerts.iter().filter(|alert| LAYOUT.person_task(&alert.person_id) == task);
        let days: Vec<&str> = of_task.map(|alert| &*alert.first_day).collect();
        assert!(days.is_sorted() && days.len() > 10, "{days:?}");
    }
    assert!(world.alerts.iter().all(|alert| !alert.historic), "nobody could know before");
    require_recounted(&world);
}

/// Thirty contacts of one exposure, and as many members of a group: something is due of all at one midnight.
fn crowd() -> World {
    let mut world = World::new();
    for person in 0..30 {
        world.contact(&met(&format!("C{person}"), &format!("P{person}"), "I1", 2));
        world.group(&member(&format!("G{person}"), &format!("P{person}"), "drivers", 1));
    }
    world.pass(at(3, 12));
    world
}

#[test]
fn an_instant_that_takes_several_commits_leaves_nobody_out_whatever_comes_between_them() {
    let mut straight = crowd();
    straight.pass(at(7, 1));
    let mut world = crowd();
    let times = Times { own: at(7, 1), everywhere: Some(at(7, 1)), ..Times::default() };
    let (mut halfway, mut swabbed) = (0, 0);
    while let Some(task) = (0..LAYOUT.person_tasks).find(|task| world.halves[*task as usize].owes(&times)) {
        world.advance_one(task, &times);
        halfway += usize::from(world.halves[task as usize].passed().unseen.is_some());
        if swabbed < 30 {
            // Some were seen to by now, and some were not.
            let result = swab(&format!("P{swabbed}"), &format!("R{swabbed}"), at(4, 8), Negative);
            world.lab_at(&result, at(5, 7));
            straight.lab_at(&result, at(5, 7));
            swabbed += 1;
        }
        restart(&mut world);
        require_recounted(&world);
        world.check_duties();
    }
    assert!(halfway > 30, "{halfway}");
    assert_eq!((world.live(), &world.to_do), (straight.live(), &straight.to_do));
    assert_eq!(missed(&world), missed(&straight));
    assert!(!missed(&world).is_empty());
}

#[test]
fn whoever_is_in_a_group_before_it_is_known_which_day_it_is_is_seen_to_in_several_commits_too() {
    let mut world = World::new();
    for person in 0..30 {
        world.group(&member(&format!("G{person}"), &format!("P{person}"), "cold-chain", 1));
    }
    let times = Times { own: at(5, 1), everywhere: Some(at(5, 1)), ..Times::default() };
    for task in 0..LAYOUT.person_tasks {
        world.advance_one(task, &times);
        world.group(&member("G30", "P30", "cold-chain", 1));
        restart(&mut world);
        assert!(world.halves[task as usize].owes(&times));
        world.check_duties();
    }
    world.pass(at(5, 1));
    // It is November the 6th.
    assert!(world.to_do.len() == 31 && world.to_do.values().all(|said| said.duties.len() == 6));
    world.check_duties();
}

/// Whoever plans a district's day finds its people's alerts: where they were swabbed last, as in its numbers.
#[test]
fn a_missed_test_is_told_of_where_the_person_was_swabbed_last() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    world.group(&PersonGroup { area: "D3".into(), ..member("G1", "P1", "drivers", 1) });
    let areas = |world: &World| {
        let told = world.live().values().map(|alert| alert.area.clone()).collect::<BTreeSet<String>>();
        told.into_iter().collect::<Vec<_>>().join(" ")
    };
    world.pass(at(6, 0));
    assert_eq!((world.live().len(), areas(&world)), (3, "D3".into()), "no swab says it, a list does");
    let there = LabResult { area: "D2S1".into(), ..swab("P1", "R1", at(1, 8), Negative) };
    world.lab_at(&there, at(6, 1));
    assert_eq!(areas(&world), "D2S1");
    world.lab_at(&pool("T1", "R2", at(2, 8), Negative, &["P1", "P2"]), at(6, 2));
    world.settle();
    assert_eq!(areas(&world), "D1S1");
    require_recounted(&world);
    world.lab_at(
        &revised(&pool("T1", "R2", at(2, 8), Negative, &["P1", "P2"]), 1, ResultStatus::Cancelled, Negative),
        at(6, 3),
    );
    world.settle();
    world.lab_at(&LabResult { revision: 1, area: "D1S2".into(), ..there }, at(6, 4));
    assert_eq!(areas(&world), "D1S2");
    require_recounted(&world);
}

#[test]
fn a_test_that_was_due_long_before_its_record_came_is_old_news() {
    let hours = sample_rules().cases[0].historic_after_hours;
    for (received, historic) in [(at(5, hours), false), (at(5, hours + 1), true)] {
        let mut world = World::new();
        world.pass(received);
        world.send(&Input::Contact(met("C1", "P1", "I1", 2), received), None);
        world.settle();
        let live = world.live();
        let first = live.values().find(|alert| alert.first_day == DUE[0]).expect("it is listed");
        let severity = if historic { Severity::Info } else { Severity::Moderate };
        assert_eq!((first.historic, first.severity()), (historic, severity), "received at {received}");
        require_recounted(&world);
    }
}

#[test]
fn other_rules_have_other_days_tested_as_if_they_had_always_held() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    world.pass(at(7, 0));
    assert_eq!(missed(&world), of_p1(&DUE[..3]));
    world.adopt(with_policy(|policy| (policy.test_days_close, policy.test_grace_hours) = (vec![3, 4], Some(30))));
    assert_eq!(missed(&world), of_p1(&[]));
    world.pass(at(7, 6));
    assert_eq!(missed(&world), of_p1(&["2022-11-06"]));
    world.pass(at(9, 0));
    assert_eq!(missed(&world), of_p1(&["2022-11-06", "2022-11-07"]));
    require_recounted(&world);
    world.adopt(with_policy(|policy| policy.test_days_close.clear()));
    assert_eq!(missed(&world), of_p1(&[]));
    require_recounted(&world);
    world.adopt(sample_rules());
    assert_eq!(missed(&world), of_p1(&DUE[..4]));
    require_recounted(&world);
}

/// Each day goes by the policy that holds on it, and a day's policy is named.
#[test]
fn a_policy_that_takes_over_in_the_middle_has_its_own_days_tested() {
    let mut rules = sample_rules().to_records();
    let decoded = rules.iter().map(|(_, value)| Rule::decode(&value[..]).expect("a rule").rule);
    let later = decoded.filter_map(|rule| match rule {
        Some(rule::Rule::CasePolicy(policy)) if policy.id == "sample-case" => Some(CasePolicy {
            version: "later".into(),
            effective_from: "2022-11-07".into(),
            test_days_close: vec![1, 6],
            observation_days_close: 6,
            ..policy
        }),
        _ => None,
    });
    let later: Vec<_> = later.map(|policy| record(rule::Rule::CasePolicy(policy)).expect("no manifest")).collect();
    rules.extend(later);
    let mut world = World::with(Rules::from_records(&rules).expect("valid rules"));
    world.contact(&met("C1", "P1", "I1", 2));
    world.pass(at(30, 0));
    let live = world.live();
    let by_day: BTreeSet<(&str, &str, &str)> =
        live.values().map(|alert| (&*alert.first_day, &*alert.policy, &*alert.release_day)).collect();
    let (before, later) = ("sample-case@2020-01-01", "sample-case@later");
    let expected = [(DUE[0], before), (DUE[1], before), (DUE[2], before), ("2022-11-09", later)];
    assert_eq!(by_day, expected.map(|(day, policy)| (day, policy, "2022-11-09")).into());
    require_recounted(&world);
}

#[test]
fn of_days_whose_swabs_are_forgotten_all_stays_as_it_was_published() {
    let mut world = World::new();
    let first = met("C1", "P1", "I1", 2);
    world.contact(&first);
    world.contact(&met("C2", "P2", "I1", 2));
    world.lab(&swab("P2", "R1", at(3, 8), Negative));
    for day in 0..60 {
        world.advance(at(day, 0));
    }
    let before = missed(&world);
    assert_eq!(before.len(), 9);
    // The swab is forgotten, and when somebody looks again nothing is made of that.
    assert!(world.halves.iter().all(|half| {
        (0..half.state().slots())
            .all(|slot| half.state().taken(slot).is_none_or(|slot| half.state().rows(slot).is_empty()))
    }));
    world.contact(&met("C3", "P2", "I2", 58));
    world.contact(&ContactRecord { revision: 1, status: ContactStatus::Withdrawn as i32, ..first });
    world.adopt(with_policy(|policy| policy.horizon_days = 60));
    assert_eq!(missed(&world), before);
    restart(&mut world);
    world.adopt(sample_rules());
    assert_eq!(missed(&world), before);
}

/// However time goes by, in steps or at once, with restarts or without: the same is live, each task in order of time.
#[test]
fn in_whatever_steps_time_goes_by_the_same_is_missed_in_the_same_order() {
    for seed in 1..=20 {
        let dice = &mut Dice(seed * 7_919 + 1);
        let mut contacts = Vec::new();
        for number in 0..12 {
            let (person, day) = (format!("P{}", dice.roll(6)), dice.roll(20) as i64);
            let record = met(&format!("C{number}"), &person, "I1", day);
            let kind = dice.pick(&[ContactKind::Close, ContactKind::Secondary, ContactKind::CoExposed]);
            contacts.push(ContactRecord { kind: kind as i32, ..record });
        }
        let swabs: Vec<_> = (0..10)
            .map(|number| {
                let (person, day) = (format!("P{}", dice.roll(6)), dice.roll(25) as i64);
                swab(&person, &format!("R{number}"), at(day, 8), dice.pick(&[Negative, Negative, Positive]))
            })
            .collect();
        let run = |steps: bool, dice: &mut Dice| {
            let mut world = World::new();
            contacts.iter().for_each(|record| _ = world.contact(record));
            swabs.iter().for_each(|swab| _ = world.lab(swab));
            let mut hours = 0;
            while steps && hours < 24 * 40 {
                hours += dice.roll(60) as i64;
                world.pass(at(0, hours));
                if dice.roll(4) == 0 {
                    restart(&mut world);
                }
            }
            world.pass(at(45, 0));
            require_recounted(&world);
            world
        };
        let (at_once, in_steps) = (run(false, dice), run(true, dice));
        for task in 0..LAYOUT.person_tasks {
            let of = |world: &World| -> Vec<Alert> {
                world.alerts.iter().filter(|alert| LAYOUT.person_task(&alert.person_id) == task).cloned().collect()
            };
            assert_eq!(of(&at_once), of(&in_steps), "seed {seed}, task {task}");
            let days: Vec<String> =
                of(&at_once).iter().filter(is_overdue).map(|alert| alert.first_day.clone()).collect();
            assert!(days.is_sorted(), "seed {seed}, task {task}: {days:?}");
        }
        assert!(missed(&at_once).len() > 5, "seed {seed}");
    }
}

#[test]
fn a_swab_in_a_pool_is_no_test_that_is_due() {
    let mut world = World::new();
    world.contact(&met("C1", "P1", "I1", 2));
    world.lab_at(&pool("K1", "R1", at(3, 10), Negative, &["P1", "P2"]), at(3, 20));
    world.settle();
    world.pass(at(5, 0));
    assert_eq!(missed(&world), of_p1(&DUE[..1]), "contacts are to be sampled alone");
    require_recounted(&world);
    world.lab_at(&swab("P1", "R2", at(3, 12), Negative), at(5, 1));
    world.settle();
    assert_eq!(missed(&world), of_p1(&[]));
    require_recounted(&world);
}
