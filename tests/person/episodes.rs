//! First positives, episodes, what is historic, and what is dropped.

use super::sent::{at, met, ordered, revised, swab};
use super::world::{Input, LAYOUT, World};
use std::collections::BTreeSet;
use swabstream::audit::recount::LiveAlert;
use swabstream::model::outcome::{End, Outcome};
use swabstream::pipeline::half::Half;
use swabstream::policy::EpisodeForm::{self, FromFirstPositive, FromLastPositive};
use swabstream::policy::sample::sample_rules;
use swabstream::policy::{CaseSeverity, Rules};
use swabstream::proto::v1::{
    AlertFamily, AlertState, CauseKind, Channel, Finding, LabResult, ResultStatus, ResultStatus::Corrected, Severity,
};

use Finding::{Negative, Positive};

fn with_form(form: EpisodeForm) -> Rules {
    let mut rules = sample_rules();
    rules.cases[0].episode_form = form;
    rules
}

fn first_days(world: &World) -> Vec<String> {
    let mut days: Vec<String> = world.live().into_values().map(|alert| alert.first_day).collect();
    days.sort();
    days
}

#[test]
fn a_late_earlier_positive_moves_the_episode_and_says_where_to() {
    let mut world = World::new();
    world.lab(&swab("P1", "R2", at(6, 8), Positive));
    let old = world.only(AlertFamily::Positive);
    world.lab_at(&swab("P1", "R1", at(4, 8), Positive), at(7, 8));
    let new = world.only(AlertFamily::Positive);
    assert_eq!((new.first_day.as_str(), new.last_day.as_str()), ("2022-11-05", "2022-11-07"));
    assert_eq!(new.positive_specimens, 2);
    let withdrawn = world.alerts.iter().find(|alert| alert.state() == AlertState::Withdrawn).expect("one");
    assert_eq!((&withdrawn.alert_id, &withdrawn.replaced_by), (&old.alert_id, &new.alert_id));
}

#[test]
fn the_gap_includes_its_last_day_in_both_forms() {
    for form in [FromLastPositive, FromFirstPositive] {
        for (day, episodes) in [(90, 1), (91, 2)] {
            let mut world = World::with(with_form(form));
            world.lab(&swab("P1", "R1", at(0, 23), Positive));
            world.lab(&swab("P1", "R2", at(day, 1), Positive));
            assert_eq!(world.live().len(), episodes, "{form:?}, day {day}");
        }
    }
}

#[test]
fn the_forms_differ_in_the_anchor() {
    for (form, expected) in
        [(FromLastPositive, vec!["2022-11-01"]), (FromFirstPositive, vec!["2022-11-01", "2023-03-01"])]
    {
        let mut world = World::with(with_form(form));
        for (id, day) in [("R1", 0), ("R2", 60), ("R3", 120)] {
            world.lab(&swab("P1", id, at(day, 8), Positive));
        }
        assert_eq!(first_days(&world), expected, "{form:?}");
    }
}

#[test]
fn what_was_old_when_first_read_wakes_nobody_until_something_new_comes() {
    let mut world = World::new();
    let old = swab("P1", "R1", at(1, 8), Positive);
    world.lab_at(&old, at(4, 9));
    let alert = world.only(AlertFamily::Positive);
    assert!(alert.historic && alert.severity() == Severity::Info);
    world.lab(&swab("P1", "R2", at(4, 8), Positive));
    let alert = world.only(AlertFamily::Positive);
    assert!(!alert.historic && alert.severity() == Severity::High);

    let mut twice = World::new();
    twice.lab_at(&old, at(4, 9));
    assert_eq!(twice.lab_at(&old, at(4, 8)), Outcome::Used(End::Duplicate));
    assert!(!twice.only(AlertFamily::Positive).historic, "a copy was received within the 72 hours");
}

/// How grave an alert is, is the policy's to say, for each kind apart.
#[test]
fn severity_is_by_policy() {
    let plain = CaseSeverity::default();
    let published = |severity: CaseSeverity, family: AlertFamily, play: &dyn Fn(&mut World)| {
        let mut rules = sample_rules();
        rules.cases[0].severity = severity;
        let mut world = World::with(rules);
        play(&mut world);
        let live: BTreeSet<LiveAlert> = world.live().values().map(LiveAlert::of).collect();
        assert_eq!(live, world.due(), "the recount says the same");
        world.only(family).severity()
    };
    let found =
        |world: &mut World| assert_eq!(world.lab(&swab("P1", "R1", at(3, 8), Positive)), Outcome::Used(End::Accepted));
    let managed = |world: &mut World| {
        world.contact(&ordered(met("C1", "P1", "P0", 1), at(2, 9), 2, 6));
        world.lab(&swab("P1", "R1", at(3, 8), Positive));
    };
    let old = |world: &mut World| {
        world.lab_at(&swab("P1", "R1", at(0, 8), Positive), at(4, 8));
    };
    let early = |world: &mut World| {
        let positive = swab("P1", "R1", at(3, 8), Positive);
        world.lab(&revised(&positive, 0, ResultStatus::Preliminary, Positive));
    };
    let contradicted = |world: &mut World| {
        let positive = swab("P1", "R1", at(3, 8), Positive);
        world.lab(&positive);
        world.lab(&LabResult { result_id: "R2".into(), finding: Finding::Negative as i32, ..positive });
    };
    use Severity::{High, Info, Moderate};
    let of = AlertFamily::Positive;
    for (severity, expected) in [(plain, High), (CaseSeverity { community: Moderate, ..plain }, Moderate)] {
        assert_eq!(published(severity, of, &found), expected);
    }
    for (severity, expected) in [(plain, Moderate), (CaseSeverity { managed: Info, ..plain }, Info)] {
        assert_eq!(published(severity, of, &managed), expected);
    }
    for (severity, expected) in [(plain, Info), (CaseSeverity { historic: Moderate, ..plain }, Moderate)] {
        assert_eq!(published(severity, of, &old), expected);
    }
    for (severity, expected) in [(plain, Info), (CaseSeverity { preliminary: High, ..plain }, High)] {
        assert_eq!(published(severity, of, &early), expected);
    }
    for (severity, expected) in [(plain, High), (CaseSeverity { contradiction: Moderate, ..plain }, Moderate)] {
        assert_eq!(published(severity, AlertFamily::Contradiction, &contradicted), expected);
    }
}

#[test]
fn a_plain_row_is_dropped_when_no_admissible_record_can_need_it() {
    let mut world = World::new();
    world.lab(&swab("P1", "R1", at(0, 8), Negative));
    let numbers = world.numbers.clone();
    let rows = |world: &World| held(world, "rows");
    world.advance(at(21, 8));
    assert_eq!(rows(&world), 1, "7 days of horizon and 14 of window");
    world.advance(at(22, 9));
    assert_eq!((rows(&world), held(&world, "people")), (0, 0));
    assert_eq!(world.numbers, numbers, "dropping takes nothing back");
}

#[test]
fn a_positive_is_kept_for_the_gap_and_its_numbers_stay() {
    let mut world = World::new();
    world.lab(&swab("P1", "R1", at(0, 8), Positive));
    world.lab(&swab("P1", "R2", at(3, 8), Negative));
    world.advance(at(60, 0));
    assert_eq!(held(&world, "rows"), 1);
    world.lab(&swab("P1", "R3", at(80, 8), Positive));
    assert_eq!(world.only(AlertFamily::Positive).positive_specimens, 2);
    world.lab(&revised(&swab("P1", "R3", at(80, 8), Positive), 1, Corrected, Negative));
    let alert = world.only(AlertFamily::Positive);
    assert_eq!((alert.positive_specimens, alert.first_day.as_str()), (1, "2022-11-01"));
    world.advance(at(140, 0));
    assert_eq!((held(&world, "rows"), held(&world, "side_records")), (0, 0));
    assert_eq!(world.live().len(), 1, "what expired stays as it was published");
    world.check();
}

#[test]
fn what_is_settled_is_neither_taken_back_nor_changed() {
    let mut world = World::new();
    let positive = swab("P1", "R1", at(0, 8), Positive);
    world.lab(&positive);
    world.lab(&swab("P1", "R2", at(3, 8), Negative));
    world.advance(at(60, 0));
    let settled = world.numbers.clone();
    // An order that would have made the case managed, and a version with another time: both long too late.
    world.send(&Input::Contact(ordered(met("C1", "P1", "I1", 0), at(0, 0), 0, 9), at(60, 0)), None);
    assert_eq!(world.numbers, settled);
    assert_eq!(world.only(AlertFamily::Positive).channel(), Channel::Managed);
    let moved = LabResult { collected_at: Some(at(58, 8).to_wire()), ..revised(&positive, 1, Corrected, Positive) };
    world.send(&Input::Result(moved, at(60, 0)), None);
    let day = world.rules.day(at(58, 8)).0;
    let mut later = world.numbers.clone();
    later.retain(|key, _| key.day.0 != day);
    assert_eq!(later, settled);
    assert!(world.numbers.len() > settled.len(), "the new day counts");
}

#[test]
fn other_rules_are_the_difference_to_what_the_old_ones_made() {
    let mut world = World::with(with_form(FromLastPositive));
    for (id, day) in [("R1", 0), ("R2", 60), ("R3", 120)] {
        world.lab(&swab("P1", id, at(day, 8), Positive));
    }
    world.lab(&swab("P2", "R4", at(2, 8), Negative));
    let mut rules = with_form(FromFirstPositive);
    rules.digest = "another".into();
    world.adopt(rules);
    world.check();
    assert_eq!(first_days(&world), ["2022-11-01", "2023-03-01"]);
    let raised = world.alerts.last().expect("an alert");
    assert_eq!(raised.causes.last().map(|cause| cause.kind()), Some(CauseKind::Rules));
    assert!(world.halves.iter().all(|half| half.rules_digest() == "another"));
}

fn held(world: &World, what: &str) -> u64 {
    let sizes = world.halves.iter().flat_map(Half::sizes);
    sizes.filter(|(name, _)| *name == what).map(|(_, size)| size).sum()
}

#[test]
fn a_lab_is_heard_when_its_result_is_received() {
    let mut world = World::new();
    world.lab_at(&swab("P1", "R1", at(1, 8), Negative), at(1, 9));
    world.lab_at(&swab("P2", "R2", at(1, 8), Negative), at(1, 10));
    let unknown = LabResult { lab_id: "LAB-9".into(), ..swab("P3", "R3", at(1, 8), Negative) };
    world.send(&Input::Result(unknown, at(1, 12)), None);
    assert_eq!(world.labs_heard.get("LAB-1"), Some(&at(1, 10)));
    assert_eq!(world.labs_heard.len(), 1, "only labs of the registry");
}

#[test]
fn a_result_reported_before_it_was_collected_counts_and_is_counted_once_wherever_it_lay() {
    let mut world = World::new();
    let early = LabResult { reported_at: Some(at(0, 8).to_wire()), ..swab("P1", "R1", at(1, 8), Negative) };
    let right = LabResult { reported_at: Some(at(1, 9).to_wire()), ..swab("P2", "R2", at(1, 8), Negative) };
    let home = LAYOUT.person_task("P1");
    let sent_on = world.send(&Input::Result(early, at(1, 10)), Some((home + 1) % LAYOUT.person_tasks));
    assert_eq!(sent_on, Outcome::Used(End::Forwarded));
    world.settle();
    world.lab_at(&right, at(1, 10));
    assert_eq!(world.reported_early, 1);
    assert_eq!(world.outcomes.iter().filter(|outcome| **outcome == Outcome::Used(End::Accepted)).count(), 2);
}
