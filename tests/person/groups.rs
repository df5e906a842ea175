//! Who is in which key group: told of each person with what has to be done with it.

use super::deadlines::{restart, restored, with_policy};
use super::sent::{at, member, met, pool, revised, swab};
use super::world::{Dice, Input, LAYOUT, World, context};
use prost::Message as _;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{CURRENT, Formats, GROUPS};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, CauseKind, Duty, DutyKind, Finding, GroupStatus, LabResult, PersonGroup,
    ResultStatus, Severity,
};

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

/// A list of last year that is sent again must not put people back who left since.
#[test]
fn what_an_old_list_says_that_is_sent_again_years_later_stands_against_no_later_version() {
    let listed = ["P1", "P2", "P3"].map(|person| member("G1", person, "drivers", 3));
    let left = PersonGroup { revision: 1, last_day: "2022-11-10".into(), ..listed[0].clone() };
    let gone = PersonGroup { status: GroupStatus::Withdrawn as i32, ..listed[1].clone() };
    let mut world = World::new();
    for record in listed.iter().chain([&left, &gone]) {
        world.group(record);
    }
    for days in [20, 60, 61, 400, 401, 800] {
        world.advance(at(days, 0));
    }
    for record in &listed {
        world.send(&Input::Group(record.clone(), at(800, 1)), None);
        world.settle();
    }
    assert_eq!(world.to_do.keys().collect::<Vec<_>>(), ["P3"]);
    let outcomes: Vec<Outcome> = world.outcomes[world.outcomes.len() - 3..].to_vec();
    assert_eq!(outcomes, [End::Superseded, End::Superseded, End::Duplicate].map(Outcome::Used));
}

/// Swabs are held as long as a test that is still told of goes by them, however short the horizon is.
#[test]
fn tests_every_two_weeks_are_told_for_two_weeks() {
    let mut world = World::with(with_policy(|policy| {
        policy.horizon_days = 1;
        policy.groups.iter_mut().find(|tests| tests.group == "drivers").expect("it is there").every_days = 14;
    }));
    world.group(&member("G1", "P1", "drivers", 1));
    for days in 1..60 {
        world.advance(at(days, 1));
        if days == 20 {
            world.lab_at(&swab("P1", "R1", at(20, 0), Finding::Negative), at(20, 1));
        }
        // On the fourteenth day from entry on, as day 0 is the 1st, until the swab, and again fourteen days after it.
        let due = (13..=20).chain(34..60).filter(|due| (days - 13..=days).contains(due)).count();
        assert_eq!(tests(&world, "P1").len(), due, "on day {days}");
    }
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
        assert_eq!(at_once.live(), in_steps.live(), "seed {seed}");
        at_once.check_alerts();
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

/// Who is told of, as far as alerts are live: person, group, first day in it.
fn missing(world: &World) -> Vec<String> {
    world.check_alerts();
    let live = world.live();
    let of_groups = live.values().filter(|alert| alert.family() == AlertFamily::GroupOverdue);
    let mut all: Vec<String> =
        of_groups.map(|alert| format!("{} {} {}", alert.person_id, alert.group, &alert.first_day[8..])).collect();
    all.sort();
    all
}

/// Every state that was published, with what led to it.
fn states(world: &World) -> Vec<(AlertState, CauseKind)> {
    world.alerts.iter().map(|alert| (alert.state(), alert.causes.last().expect("a cause").kind())).collect()
}

#[test]
fn whoever_misses_tests_of_a_group_is_told_of_once_until_the_next_swab() {
    let mut world = World::new();
    world.group(&PersonGroup { area: "D2S1".into(), ..member("G1", "P1", "drivers", 3) });
    world.group(&member("G2", "P2", "cold-chain", 3));
    world.pass(at(4, 23));
    assert!(missing(&world).is_empty(), "the result of the 4th may still come");
    for day in 5..20 {
        world.pass(at(day, 0));
        assert_eq!(missing(&world), ["P1 drivers 03"], "on day {day}; of the other group the policy wants no alert");
    }
    let said = &world.alerts[0];
    assert_eq!((&*said.area, &*said.target, said.severity()), ("D2S1", "sars-cov-2", Severity::Moderate));
    assert_eq!((&*said.policy, said.historic, &*said.last_day), ("sample-case@2020-01-01", false, "2022-11-03"));
    // A swab that was due again before today ends nothing.
    let there = LabResult { area: "D2S1".into(), ..swab("P1", "R1", at(14, 8), Finding::Negative) };
    world.lab_at(&there, at(19, 1));
    assert_eq!((missing(&world).len(), world.alerts.len()), (1, 1), "one for all days, without a word more");
    let last = swab("P1", "R2", at(18, 8), Finding::Inconclusive);
    world.lab_at(&last, at(19, 2));
    assert!(missing(&world).is_empty());
    world.lab_at(&revised(&last, 1, ResultStatus::EnteredInError, Finding::Inconclusive), at(19, 3));
    assert_eq!(missing(&world), ["P1 drivers 03"]);
    world.lab_at(&swab("P1", "R3", at(18, 9), Finding::Negative), at(19, 4));
    world.pass(at(21, 23));
    assert!(missing(&world).is_empty(), "due on the 21st, known by the end of the 22nd");
    world.pass(at(22, 0));
    assert_eq!(missing(&world), ["P1 drivers 03"]);
    use AlertState::{Raised, Withdrawn};
    let (deadline, result) = (CauseKind::Deadline, CauseKind::Result);
    let expected = [(Raised, deadline), (Withdrawn, result), (Raised, result), (Withdrawn, result), (Raised, deadline)];
    assert_eq!(states(&world), expected);
    assert!(world.alerts.iter().all(|alert| alert.alert_id == world.alerts[0].alert_id));
}

#[test]
fn what_becomes_of_a_record_of_a_group_becomes_of_the_alert() {
    let mut world = World::new();
    let of = |revision, first| PersonGroup { revision, ..member("G1", "P1", "drivers", first) };
    world.group(&of(0, 3));
    world.pass(at(6, 0));
    assert_eq!(missing(&world), ["P1 drivers 03"]);
    world.group(&of(1, 6));
    assert!(missing(&world).is_empty(), "it entered later");
    world.pass(at(8, 0));
    assert_eq!(missing(&world), ["P1 drivers 06"]);
    world.group(&of(2, 4));
    assert_eq!(missing(&world), ["P1 drivers 04"]);
    let [.., before, after] = &world.alerts[..] else { panic!("it moved") };
    assert_eq!((&before.replaced_by, &after.replaces), (&after.alert_id, &vec![before.alert_id.clone()]));
    world.group(&PersonGroup { last_day: "2022-11-09".into(), ..of(3, 4) });
    assert_eq!(missing(&world), ["P1 drivers 04"], "the 9th is its last day");
    world.pass(at(9, 0));
    assert!(missing(&world).is_empty(), "it left");
    world.group(&of(4, 4));
    assert_eq!(missing(&world), ["P1 drivers 04"]);
    world.group(&PersonGroup { status: GroupStatus::Withdrawn as i32, ..of(5, 4) });
    assert!(missing(&world).is_empty());
    let last = world.alerts.last().expect("it was told of");
    assert_eq!((last.causes.last().map(|cause| (cause.kind(), cause.revision))), Some((CauseKind::Group, 5)));
}

#[test]
fn a_test_missed_after_entry_is_told_of_for_two_weeks_also_of_whoever_has_left() {
    let mut world = World::new();
    world.group(&PersonGroup { last_day: "2022-11-10".into(), ..member("G1", "P1", "arrivals", 3) });
    world.lab(&swab("P1", "R1", at(6, 8), Finding::Negative));
    world.pass(at(10, 23));
    assert!(missing(&world).is_empty(), "the 4th was missed before a swab");
    for (day, count) in [(11, 1), (22, 1), (23, 0), (40, 0)] {
        world.pass(at(day, 0));
        assert_eq!(missing(&world).len(), count, "on day {day}");
    }
    let expected = [(AlertState::Raised, CauseKind::Deadline), (AlertState::Withdrawn, CauseKind::Deadline)];
    assert_eq!(states(&world), expected);
}

#[test]
fn a_swab_in_a_pool_ends_what_is_told_of_a_group() {
    let mut world = World::new();
    world.group(&member("G1", "P1", "drivers", 3));
    world.pass(at(8, 1));
    assert_eq!(missing(&world).len(), 1);
    let tube = pool("T1", "Q1", at(7, 9), Finding::Negative, &["P1", "P2"]);
    world.lab_at(&tube, at(8, 2));
    world.settle();
    assert!(missing(&world).is_empty());
    let cause = world.alerts[1].causes.last().cloned().expect("a cause");
    assert_eq!((cause.kind(), &*cause.record_id, &*cause.lab_id), (CauseKind::Result, "Q1", "LAB-1"));
    world.lab_at(&LabResult { revision: 1, finding: Finding::Invalid as i32, ..tube }, at(8, 3));
    world.settle();
    assert_eq!(missing(&world).len(), 1, "it could not be read");
}

#[test]
fn what_a_group_had_missed_long_before_its_record_came_is_old_news() {
    let hours = sample_rules().cases[0].historic_after_hours;
    // The last test after entry was due on the 8th, and is overdue with the 10th.
    for (received, historic) in [(at(9, hours), false), (at(9, hours + 1), true)] {
        let mut world = World::new();
        world.pass(received);
        world.send(&Input::Group(member("G1", "P1", "arrivals", 1), received), None);
        assert_eq!(missing(&world), ["P1 arrivals 01"]);
        let severity = if historic { Severity::Info } else { Severity::Moderate };
        let said: &Alert = &world.alerts[0];
        assert_eq!((said.historic, said.severity()), (historic, severity), "received at {received}");
    }
    // Of whoever is due again each day the last one is news.
    let mut world = World::new();
    world.pass(at(40, 0));
    world.send(&Input::Group(member("G1", "P1", "drivers", 1), at(40, 0)), None);
    assert_eq!((missing(&world).len(), world.alerts[0].historic), (1, false));
}

#[test]
fn alerts_of_groups_go_by_the_policy_and_outlast_a_restart_and_what_is_forgotten() {
    let mut world = World::new();
    world.group(&member("G1", "P1", "drivers", 3));
    world.group(&member("G2", "P2", "hospitals", 3));
    world.lab(&swab("P1", "R1", at(4, 8), Finding::Negative));
    for day in 0..90 {
        world.advance(at(day, 0));
        if day % 7 == 0 {
            restart(&mut world);
        }
    }
    assert_eq!((missing(&world), world.alerts.len()), (vec!["P1 drivers 03".to_owned()], 1));
    let groups = |drivers, hospitals| {
        with_policy(|policy| (policy.groups[1].alert, policy.groups[2].alert) = (drivers, hospitals))
    };
    world.adopt(groups(false, true));
    assert_eq!(missing(&world), ["P2 hospitals 03"]);
    world.adopt(groups(true, true));
    assert_eq!(missing(&world), ["P1 drivers 03", "P2 hospitals 03"]);
    for day in 90..95 {
        world.advance(at(day, 0));
    }
    world.lab(&swab("P1", "R2", at(94, 8), Finding::Negative));
    for day in 95..200 {
        world.advance(at(day, 0));
    }
    let of_p1: Vec<&Alert> = world.alerts.iter().filter(|alert| alert.person_id == "P1").collect();
    assert_eq!((of_p1.len(), of_p1.last().map(|alert| alert.version)), (5, Some(5)), "one life from the first on");
}

/// Numbers of a group in the person's street on a day of November: members, tests due, taken, overdue.
fn numbers(world: &World, day: i32, group: &str) -> [i64; 4] {
    world.check_duties();
    let first = world.rules.day(at(0, 0));
    let counts = world.duties.get(&("D1S1".to_owned(), first.plus(day - 1)));
    counts.and_then(|counts| counts.groups.get(group)).copied().unwrap_or_default()
}

#[test]
fn groups_are_numbers_of_areas_by_day_as_long_as_their_tests_are_told() {
    let mut world = World::new();
    for (record, person) in [("G1", "P1"), ("G2", "P2"), ("G3", "P1")] {
        world.group(&PersonGroup { area: "D1S1".into(), ..member(record, person, "drivers", 3) });
    }
    world.group(&PersonGroup { area: "D1S1".into(), ..member("G4", "P1", "unheard-of", 3) });
    world.pass(at(5, 1));
    assert_eq!(numbers(&world, 2, "drivers"), [0; 4], "they entered on the 3rd");
    assert_eq!(numbers(&world, 3, "drivers"), [2, 0, 0, 0], "by two records or one");
    assert_eq!(numbers(&world, 4, "drivers"), [2, 2, 0, 2]);
    assert_eq!(numbers(&world, 6, "drivers"), [2, 2, 0, 0]);
    assert_eq!(numbers(&world, 7, "drivers"), [0; 4], "nobody knows who is in it tomorrow");
    assert_eq!(numbers(&world, 5, "unheard-of"), [0; 4], "no policy names it");
    let result = swab("P1", "R1", at(3, 8), Finding::Negative);
    world.lab_at(&result, at(5, 2));
    assert_eq!([4, 5, 6].map(|day| numbers(&world, day, "drivers")), [[2, 2, 1, 1], [2, 1, 0, 0], [2, 2, 0, 0]]);
    world.lab_at(&revised(&result, 1, ResultStatus::EnteredInError, Finding::Negative), at(5, 3));
    assert_eq!(numbers(&world, 5, "drivers"), [2, 2, 0, 0]);
    world.group(&PersonGroup { revision: 1, last_day: "2022-11-04".into(), ..member("G2", "P2", "drivers", 3) });
    assert_eq!([4, 5].map(|day| numbers(&world, day, "drivers")), [[1, 1, 0, 1], [1, 1, 0, 0]], "it counts nowhere");
    world.adopt(with_policy(|policy| policy.groups.retain(|tests| tests.group != "drivers")));
    assert_eq!(numbers(&world, 4, "drivers"), [0; 4]);
    world.adopt(sample_rules());
    for day in 6..40 {
        world.advance(at(day, 1));
        world.check_duties();
    }
    let day = |back: i32| numbers(&world, 40 - back, "drivers");
    assert_eq!([day(0), day(2), day(13), day(14)], [[1, 1, 0, 0], [1, 1, 0, 1], [1, 1, 0, 1], [0; 4]]);
}
