//! The recall nobody made: members of a pool that left them open who were not tested alone in time.

use super::deadlines::{restart, with_policy};
use super::sent::{at, pool, revised, swab};
use super::world::World;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, CauseKind, Finding, LabResult, ResultStatus, Severity};

use Finding::{Inconclusive, Negative, Positive};
use ResultStatus::{Corrected, Preliminary};

const THREE: [&str; 3] = ["P1", "P2", "P3"];

/// A positive tube of day 3, received at 13:00: its members are to be tested by 13:00 of day 4.
fn tube() -> LabResult {
    pool("T1", "R1", at(3, 8), Positive, &THREE)
}

fn pass(world: &mut World, day: i64, hour: i64) {
    world.pass(at(day, hour));
    world.settle();
    world.check_alerts();
}

fn overdue(world: &World) -> Option<Alert> {
    world.live().into_values().find(|alert| alert.family() == AlertFamily::PoolOverdue)
}

/// Who is named as overdue.
fn missed(world: &World) -> Vec<String> {
    let members = overdue(world).map(|alert| alert.members).unwrap_or_default();
    members.into_iter().map(|member| member.person_id).collect()
}

/// All states published of alerts about missed recalls, in order.
fn told(world: &World) -> Vec<(AlertState, CauseKind)> {
    let all = world.alerts.iter().filter(|alert| alert.family() == AlertFamily::PoolOverdue);
    all.map(|alert| (alert.state(), alert.causes.last().expect("a cause").kind())).collect()
}

#[test]
fn a_recall_that_nobody_made_is_told_of_once_in_time_and_until_the_last_member_is_settled() {
    let mut world = World::new();
    world.lab(&tube());
    world.lab(&swab("P2", "R2", at(4, 9), Negative));
    pass(&mut world, 4, 12);
    assert!(overdue(&world).is_none(), "there is time");
    pass(&mut world, 4, 13);
    let alert = overdue(&world).expect("the time is over");
    assert_eq!((missed(&world), alert.awaited), (vec!["P1".to_owned(), "P3".to_owned()], 2));
    assert_eq!((alert.pool_id.as_str(), alert.finding(), alert.severity()), ("T1", Positive, Severity::High));
    assert_eq!((alert.area.as_str(), alert.first_day.as_str(), alert.historic), ("D1S1", "2022-11-04", false));
    assert_eq!(alert.recall_by, Some(at(4, 13).to_wire()));
    pass(&mut world, 9, 0);
    assert_eq!(told(&world), [(AlertState::Raised, CauseKind::Deadline)], "once");

    // Whatever their own results are, also those of another lab: they came.
    world.lab(&LabResult { lab_id: "LAB-2".into(), ..swab("P1", "R3", at(5, 9), Positive) });
    world.check_alerts();
    assert_eq!(missed(&world), ["P3"]);
    world.lab(&swab("P3", "R4", at(5, 9), Negative));
    world.check_alerts();
    assert!(overdue(&world).is_none(), "nobody is awaited any more");
    let steps = [
        (AlertState::Raised, CauseKind::Deadline),
        (AlertState::Updated, CauseKind::Member),
        (AlertState::Withdrawn, CauseKind::Member),
    ];
    assert_eq!(told(&world), steps);
    world.lab(&revised(&swab("P3", "R4", at(5, 9), Negative), 1, ResultStatus::Cancelled, Negative));
    world.check_alerts();
    assert_eq!(missed(&world), ["P3"], "what settled them is taken back");
}

#[test]
fn whatever_ends_or_moves_a_recall_ends_or_moves_what_is_overdue_of_it() {
    let mut world = World::new();
    world.lab(&tube());
    pass(&mut world, 4, 13);
    assert_eq!(missed(&world), THREE);
    world.lab(&revised(&tube(), 1, Corrected, Negative));
    world.check_alerts();
    assert!(overdue(&world).is_none(), "the lab took it back");
    // It says something new, and says when.
    let reported_at = Some(at(5, 10).to_wire());
    let inconclusive = LabResult { reported_at, ..revised(&tube(), 2, Corrected, Inconclusive) };
    world.lab_at(&inconclusive, at(5, 11));
    pass(&mut world, 6, 9);
    assert!(overdue(&world).is_none(), "the time is another");
    pass(&mut world, 6, 10);
    assert_eq!(overdue(&world).map(|alert| alert.finding()), Some(Inconclusive));
    let mut without = LabResult { reported_at: None, ..revised(&inconclusive, 3, Corrected, Inconclusive) };
    let members = without.pool.as_mut().expect("a pool");
    members.members.retain(|member| member.person_id == "P2");
    members.size = 1;
    world.lab_at(&without, at(6, 11));
    world.check_alerts();
    assert!(overdue(&world).is_none(), "what it says now was reported only now");
    pass(&mut world, 8, 0);
    assert_eq!(missed(&world), ["P2"], "whoever was struck off is not awaited");
}

#[test]
fn a_pool_that_comes_after_its_recall_was_over_is_told_of_at_once_and_old_news_wakes_nobody() {
    let mut world = World::new();
    pass(&mut world, 20, 0);
    let reported_at = Some(at(19, 1).to_wire());
    world.lab_at(&LabResult { reported_at, ..pool("T1", "R1", at(18, 22), Positive, &THREE) }, at(20, 2));
    pass(&mut world, 20, 3);
    let late = overdue(&world).expect("it is over");
    assert_eq!((late.historic, late.severity()), (false, Severity::High));
    assert_eq!(told(&world), [(AlertState::Raised, CauseKind::Deadline)]);

    let mut world = World::new();
    pass(&mut world, 20, 0);
    world.lab_at(
        &LabResult { reported_at: Some(at(14, 1).to_wire()), ..pool("T1", "R1", at(13, 22), Positive, &THREE) },
        at(20, 2),
    );
    world.check_alerts();
    let old = overdue(&world).expect("it is over");
    assert_eq!((old.historic, old.severity()), (true, Severity::Info));
    assert_eq!(told(&world), [(AlertState::Raised, CauseKind::Result)]);
}

#[test]
fn how_long_results_may_take_and_how_grave_it_is_says_the_policy() {
    let rules = with_policy(|policy| {
        (policy.pool_recall_hours, policy.pool_grace_hours) = (Some(6), Some(8));
        policy.severity.get_or_insert_default().pool_overdue = Severity::Moderate as i32;
    });
    let mut world = World::with(rules);
    world.lab(&tube());
    world.lab(&pool("T2", "R2", at(3, 9), Positive, &["P4"]));
    world.lab(&revised(&pool("T3", "R3", at(3, 8), Positive, &["P5"]), 0, Preliminary, Positive));
    pass(&mut world, 4, 2);
    assert!(overdue(&world).is_none());
    pass(&mut world, 4, 3);
    let live = world.live();
    let all = live.values().filter(|alert| alert.family() == AlertFamily::PoolOverdue);
    let all: Vec<_> = all.map(|alert| (alert.pool_id.as_str(), alert.severity(), alert.preliminary)).collect();
    assert_eq!(all.len(), 2, "of T2 not yet");
    assert!(all.contains(&("T1", Severity::Moderate, false)) && all.contains(&("T3", Severity::Info, true)));
    // By another policy there is more time, and then less.
    world.adopt(with_policy(|policy| policy.pool_recall_hours = Some(48)));
    world.check_alerts();
    assert!(overdue(&world).is_none());
    world.adopt(with_policy(|policy| policy.pool_recall_hours = Some(2)));
    world.check_alerts();
    assert_eq!(world.live().values().filter(|alert| alert.family() == AlertFamily::PoolOverdue).count(), 3);
}

#[test]
fn after_a_restart_a_recall_is_still_waited_for_and_one_that_was_told_of_is_not_again() {
    let mut world = World::new();
    world.lab(&tube());
    world.lab(&pool("T2", "R2", at(5, 8), Positive, &["P4"]));
    pass(&mut world, 4, 13);
    assert_eq!(told(&world).len(), 1);
    restart(&mut world);
    pass(&mut world, 6, 12);
    assert_eq!(told(&world).len(), 1, "told of before");
    restart(&mut world);
    pass(&mut world, 6, 13);
    assert_eq!(told(&world).len(), 2);
}
