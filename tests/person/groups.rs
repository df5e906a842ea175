//! Who is in which key group: told of each person with what has to be done with it.

use super::deadlines::restored;
use super::world::{Dice, Input, LAYOUT, World, at, context, member, met, pool, swab};
use prost::Message as _;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{CURRENT, Formats, GROUPS};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Duty, DutyKind, Finding, GroupStatus, LabResult, PersonGroup};

const APPLIED: Outcome = Outcome::Used(End::GroupApplied);

/// What is told of a person's groups: name, first and last day.
fn told(world: &World, person: &str) -> Vec<String> {
    let groups = world.to_do.get(person).map(|said| said.groups.clone()).unwrap_or_default();
    groups.into_iter().map(|one| format!("{} {} {}", one.group, one.first_day, one.last_day)).collect()
}

fn area(world: &World, person: &str) -> String {
    world.to_do[person].area.clone()
}

#[test]
fn of_each_record_of_a_group_the_greatest_version_holds_whichever_comes_first() {
    let first = member("G1", "P1", "drivers", 3);
    let left = PersonGroup { revision: 1, last_day: "2022-11-20".into(), ..first.clone() };
    let gone = PersonGroup { status: GroupStatus::Withdrawn as i32, ..left.clone() };
    let other = member("G2", "P1", "arrivals", 1);
    let mut world = World::new();
    assert_eq!(
        [&first, &other, &first].map(|record| world.group(record)),
        [APPLIED, APPLIED, Outcome::Used(End::Duplicate)]
    );
    assert_eq!(
        (told(&world, "P1"), world.told),
        (vec!["arrivals 2022-11-01 ".into(), "drivers 2022-11-03 ".into()], 2)
    );
    assert_eq!(world.group(&left), APPLIED);
    assert_eq!(told(&world, "P1")[1], "drivers 2022-11-03 2022-11-20");
    assert_eq!([&first, &gone].map(|record| world.group(record)), [Outcome::Used(End::Superseded), APPLIED]);
    assert_eq!(told(&world, "P1"), ["arrivals 2022-11-01 "]);
    let mut backwards = World::new();
    for record in [&gone, &left, &first, &other] {
        backwards.group(record);
    }
    assert_eq!(backwards.to_do, world.to_do);
    world.group(&PersonGroup { revision: 7, status: GroupStatus::Withdrawn as i32, ..other });
    assert!(world.to_do.is_empty(), "in no group any more, and nothing is to be done");
}

#[test]
fn two_meanings_of_a_record_of_a_group_at_one_revision_are_a_conflict() {
    let one = member("G1", "P1", "drivers", 3);
    let other = PersonGroup { group: "arrivals".into(), ..one.clone() };
    let ends = [[&one, &other], [&other, &one]].map(|records| {
        let mut world = World::new();
        let outcomes = records.map(|record| world.group(record));
        assert_eq!(outcomes, [APPLIED, Outcome::Rejected(RejectCode::Conflict)]);
        world.to_do
    });
    assert_eq!(ends[0], ends[1]);
}

#[test]
fn a_record_of_a_group_in_another_partition_reaches_its_person() {
    let mut world = World::new();
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    let outcome = world.send(&Input::Group(member("G1", "P1", "drivers", 3), at(3, 9)), Some(elsewhere));
    assert_eq!(outcome, Outcome::Used(End::Forwarded));
    world.settle();
    assert_eq!(told(&world, "P1"), ["drivers 2022-11-03 "]);
    world.check_duties();
}

#[test]
fn somebody_without_a_swab_counts_where_the_last_record_of_a_group_says() {
    let mut world = World::new();
    world.group(&PersonGroup { area: "D2S1".into(), ..member("G1", "P1", "drivers", 3) });
    world.group(&member("G2", "P1", "hospitals", 8));
    assert_eq!(area(&world, "P1"), "D2S1");
    let later = PersonGroup { area: "D1S2".into(), ..member("G3", "P1", "arrivals", 5) };
    world.group(&later);
    world.contact(&met("C1", "P1", "I1", 2));
    world.check_duties();
    assert_eq!(area(&world, "P1"), "D1S2");
    world.group(&PersonGroup { revision: 1, status: GroupStatus::Withdrawn as i32, ..later });
    assert_eq!(area(&world, "P1"), "D2S1", "not where a record that was withdrawn had it");
    world.lab(&LabResult { area: "D1S1".into(), ..swab("P1", "R1", at(5, 8), Finding::Negative) });
    world.check_duties();
    assert_eq!(area(&world, "P1"), "D1S1", "where it was swabbed");
}

#[test]
fn a_group_that_ended_is_told_until_swabs_of_its_days_are_forgotten_and_one_without_end_stays() {
    let mut world = World::new();
    world.group(&PersonGroup { last_day: "2022-11-10".into(), ..member("G1", "P1", "arrivals", 3) });
    world.group(&member("G1", "P2", "drivers", 3));
    world.advance(at(20, 0));
    assert_eq!([told(&world, "P1").len(), told(&world, "P2").len()], [1, 1]);
    for days in [60, 61, 62, 400, 401] {
        world.advance(at(days, 0));
    }
    assert_eq!([world.to_do.contains_key("P1"), world.to_do.contains_key("P2")], [false, true]);
    let people = |task: i32| world.halves[task as usize].state().with_case_files().count();
    assert_eq!((0..LAYOUT.person_tasks).map(people).sum::<usize>(), 1, "of the other nothing is left");
}

/// Days of November on which a person is to be tested for a group, with whether the test was taken or is overdue.
fn tests(world: &World, person: &str) -> Vec<String> {
    let said = world.to_do.get(person).map(|said| said.duties.clone()).unwrap_or_default();
    let of_groups = said.into_iter().filter(|duty| duty.kind() == DutyKind::GroupTest);
    let told = |duty: Duty| {
        let what = if duty.taken {
            "taken"
        } else if duty.overdue_since.is_some() {
            "overdue"
        } else {
            "due"
        };
        format!("{} {} {what}", duty.group, &duty.day[8..])
    };
    of_groups.map(told).collect()
}

#[test]
fn whoever_is_tested_every_other_day_is_due_two_days_after_the_last_swab_or_the_day_before_entry() {
    let mut world = World::new();
    world.group(&member("G1", "P1", "drivers", 3));
    assert!(tests(&world, "P1").is_empty(), "nobody knows yet which day it is");
    world.pass(at(2, 9));
    world.check_duties();
    assert!(tests(&world, "P1").is_empty(), "it entered on the 3rd, which it is");
    world.pass(at(3, 0));
    assert_eq!(tests(&world, "P1"), ["drivers 04 due"]);
    world.check_duties();
    world.lab(&LabResult { purpose: "clinic".into(), ..swab("P1", "R1", at(3, 8), Finding::Inconclusive) });
    assert_eq!(tests(&world, "P1"), ["drivers 04 taken"], "whatever the swab was taken for");
    world.pass(at(7, 0));
    world.check_duties();
    assert_eq!(tests(&world, "P1"), ["drivers 04 taken", "drivers 06 overdue", "drivers 07 due", "drivers 08 due"]);
    // A result that comes late.
    world.lab_at(&swab("P1", "R2", at(5, 8), Finding::Negative), at(7, 2));
    assert_eq!(tests(&world, "P1"), ["drivers 04 taken", "drivers 06 taken", "drivers 08 due"]);
    world.lab_at(&swab("P1", "R3", at(4, 8), Finding::Invalid), at(7, 3));
    world.check_duties();
    world.group(&PersonGroup { revision: 1, last_day: "2022-11-06".into(), ..member("G1", "P1", "drivers", 3) });
    assert_eq!(tests(&world, "P1"), ["drivers 04 taken", "drivers 06 taken"], "it left");
    world.group(&PersonGroup {
        revision: 2,
        status: GroupStatus::Withdrawn as i32,
        ..member("G1", "P1", "drivers", 3)
    });
    assert!(world.to_do.is_empty());
}

#[test]
fn a_swab_in_a_pool_is_the_test_of_a_group() {
    let mut world = World::new();
    world.pass(at(4, 1));
    world.group(&member("G1", "P1", "cold-chain", 3));
    assert_eq!(tests(&world, "P1"), ["cold-chain 03 overdue", "cold-chain 04 due", "cold-chain 05 due"]);
    for (number, finding) in [Finding::Negative, Finding::Positive, Finding::Invalid].into_iter().enumerate() {
        let day = 2 + number as i64;
        world.lab_at(&pool(&format!("T{day}"), &format!("Q{day}"), at(day, 0), finding, &["P1", "P2"]), at(4, 2));
        world.settle();
        world.check_duties();
    }
    assert_eq!(tests(&world, "P1"), ["cold-chain 03 taken", "cold-chain 04 taken", "cold-chain 05 due"]);
}

#[test]
fn arrivals_are_tested_on_days_after_entry_and_a_case_is_no_more() {
    let mut world = World::new();
    world.group(&member("G1", "P1", "arrivals", 3));
    world.group(&PersonGroup { last_day: "2022-11-08".into(), ..member("G2", "P2", "arrivals", 3) });
    world.group(&member("G3", "P3", "unheard-of", 3));
    assert_eq!(tests(&world, "P1"), ["arrivals 04 due", "arrivals 07 due", "arrivals 10 due"]);
    assert_eq!((tests(&world, "P2").len(), tests(&world, "P3").len()), (2, 0), "who left, and whom no policy names");
    world.lab(&swab("P1", "R1", at(6, 8), Finding::Positive));
    world.check_duties();
    assert_eq!(tests(&world, "P1"), ["arrivals 04 due"]);
    world.pass(at(12, 0));
    world.check_duties();
    assert_eq!(tests(&world, "P2"), ["arrivals 04 overdue", "arrivals 07 overdue"]);
}

#[test]
fn in_whatever_steps_time_goes_by_the_same_tests_are_told() {
    for seed in 1..=8 {
        let dice = &mut Dice(seed * 6_151 + 1);
        let (mut at_once, mut in_steps) = (World::new(), World::new());
        for number in 0..12 {
            let group = dice.pick(&["cold-chain", "drivers", "hospitals", "arrivals"]);
            let record = member(&format!("G{number}"), &format!("P{}", dice.roll(6)), group, 1 + dice.roll(20) as i64);
            for world in [&mut at_once, &mut in_steps] {
                world.group(&record);
            }
        }
        let mut hours = 0;
        while hours < 24 * 30 {
            hours += dice.roll(40) as i64;
            in_steps.pass(at(0, hours));
            let (person, number) = (format!("P{}", dice.roll(6)), hours);
            let result = swab(&person, &format!("R{number}"), at(0, hours - 1), Finding::Negative);
            for world in [&mut at_once, &mut in_steps] {
                world.lab(&result);
            }
            in_steps.check_duties();
        }
        for world in [&mut at_once, &mut in_steps] {
            world.pass(at(31, 0));
        }
        assert_eq!(at_once.to_do, in_steps.to_do, "seed {seed}");
        at_once.check_duties();
    }
}

#[test]
fn of_very_many_groups_the_first_hundred_are_told() {
    let mut world = World::new();
    for number in 0..103 {
        world.send(&Input::Group(member(&format!("G{number}"), "P1", "drivers", 3), at(3, 0)), None);
    }
    assert_eq!((told(&world, "P1").len(), world.to_do["P1"].groups_omitted), (100, 3));
    world.check_duties();
}

#[test]
fn groups_are_there_after_a_restart_and_are_not_told_again() {
    let mut world = World::new();
    world.group(&member("G1", "P1", "drivers", 3));
    let task = LAYOUT.person_task("P1");
    world.halves[task as usize] = restored(&world, task, CURRENT, Formats::default());
    assert_eq!(world.group(&member("G1", "P1", "drivers", 3)), Outcome::Used(End::Duplicate));
    assert_eq!((told(&world, "P1").len(), world.told), (1, 1));
}

#[test]
fn while_versions_that_know_no_groups_run_beside_this_one_their_records_are_set_aside() {
    let formats = Formats { written: GROUPS - 1, ..Formats::default() };
    for person in ["P1", "P2", "P3", "P4"] {
        let mut half = PersonHalf::new(Context { formats, ..context(0) }, Arc::new(sample_rules()));
        let payload = member("G1", person, "drivers", 3).encode_to_vec();
        let position = Position { topic: Topic::PersonGroups, partition: 0, offset: 0 };
        let record = Record { position, received_at: at(3, 9), key: None, payload: Some(&payload), content_type: None };
        let mut effects = Effects::default();
        let outcome = half.apply(&record, &mut effects).expect("of this version");
        assert_eq!(outcome, Outcome::Rejected(RejectCode::Unsupported), "{person}");
        assert!(effects.outputs.iter().all(|output| output.topic == Topic::DeadLetters), "none is sent on");
    }
}
