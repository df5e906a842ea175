//! Stories of pools: the tube, the recall, and what comes of it.

use crate::support::story::{Ending, Story, result, time};
use swabstream::proto::v1::AlertFamily::{PoolOverdue, PoolPositive, Positive};
use swabstream::proto::v1::{CauseKind, Finding, LabResult, Pool, PoolMember, ResultStatus};

/// A tube of four people of two tasks and two streets.
fn tube(finding: Finding) -> LabResult {
    let member = |person: &str, area: &str| PoolMember { person_id: person.into(), area: area.into() };
    let members = vec![member("P1", ""), member("P2", ""), member("P3", "D2S1"), member("P4", "")];
    LabResult {
        specimen_id: "T1".into(),
        pool: Some(Pool { pool_id: "T1".into(), size: 4, members }),
        ..result("R1", "", finding, "2022-11-10 08:00")
    }
}

fn corrected(revision: u32, result: LabResult) -> LabResult {
    LabResult { revision, status: ResultStatus::Corrected as i32, ..result }
}

#[test]
fn a_pool_that_turns_out_positive_takes_its_negatives_back_and_knows_who_came_to_the_recall() {
    let story = || {
        Story::begin()
            .result("2022-11-10 12:00", tube(Finding::Negative))
            .result("2022-11-10 20:00", corrected(1, tube(Finding::Positive)))
            .result("2022-11-11 12:00", result("R2", "P1", Finding::Negative, "2022-11-11 08:00"))
            .mis_keyed("2022-11-11 12:05", result("R3", "P3", Finding::Positive, "2022-11-11 08:00"))
    };
    let end = story().end("2022-11-11 20:00");
    let alert = end.pool(PoolPositive, "T1").expect("it is live");
    let found: Vec<_> = alert.members.iter().map(|member| (member.person_id.as_str(), member.finding())).collect();
    let awaited = Finding::Unspecified;
    assert_eq!(found, [("P1", Finding::Negative), ("P2", awaited), ("P3", Finding::Positive), ("P4", awaited)]);
    assert_eq!((alert.awaited, alert.recall_by), (2, Some(time("2022-11-11 20:00").to_wire())));
    assert!(end.live(Positive, "P3").is_some() && end.live(Positive, "P1").is_none());
    let numbers = end.numbers("C", "2022-11-11", 7);
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests), (1, 2), "of the tube nothing counts");

    let end = story().result("2022-11-12 09:00", corrected(2, tube(Finding::Negative))).end("2022-11-12 20:00");
    assert!(end.pool(PoolPositive, "T1").is_none(), "the lab takes it back");
    let numbers = end.numbers("C", "2022-11-12", 7);
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests), (1, 6));
    assert_eq!((numbers.people_positive, numbers.people_tested), (Some(1), Some(4)));
    assert!(end.live(Positive, "P3").is_some(), "and who was found alone stays a case");
}

#[test]
fn the_recall_that_nobody_made_is_told_of_until_the_last_member_is_tested() {
    let alone = |number: u32, day: &str| {
        result(&format!("S{number}"), &format!("P{number}"), Finding::Negative, &format!("{day} 08:00"))
    };
    // Received at noon of the 10th: by noon of the 11th everybody is to be tested. Other people's results let time go on.
    let story = Story::begin()
        .result("2022-11-10 12:00", tube(Finding::Positive))
        .result("2022-11-11 10:00", alone(1, "2022-11-11"))
        .mis_keyed("2022-11-11 10:00", alone(2, "2022-11-11"));
    let about = |end: &Ending| end.pool(PoolOverdue, "T1").cloned();
    assert!(about(&story.clone().end("2022-11-11 11:59")).is_none(), "there is time");
    let missed = about(&story.clone().end("2022-11-11 12:01")).expect("the time is over");
    let awaited: Vec<&str> = missed.members.iter().map(|member| member.person_id.as_str()).collect();
    assert_eq!((awaited, missed.pool_id.as_str(), missed.awaited), (vec!["P3", "P4"], "T1", 2));
    assert_eq!(missed.causes.iter().map(|cause| cause.kind()).collect::<Vec<_>>(), [CauseKind::Deadline]);
    let story = story.result("2022-11-12 10:00", alone(3, "2022-11-12"));
    assert_eq!(about(&story.clone().end("2022-11-13 00:00")).map(|alert| alert.awaited), Some(1));
    let end = story.result("2022-11-14 10:00", alone(4, "2022-11-14")).end("2022-11-14 12:00");
    assert!(about(&end).is_none(), "the last of them came");
    assert!(end.pool(PoolPositive, "T1").is_some_and(|alert| alert.all_negative));
}

#[test]
fn a_false_pool_is_an_alarm_for_its_lab() {
    let end = (1..=4)
        .map(|number| result(&format!("S{number}"), &format!("P{number}"), Finding::Negative, "2022-11-11 08:00"))
        .fold(Story::begin().result("2022-11-10 12:00", tube(Finding::Positive)), |story, own| {
            story.result("2022-11-11 12:00", own)
        })
        .end("2022-11-11 20:00");
    let alert = end.pool(PoolPositive, "T1").expect("it stays");
    assert!(alert.all_negative && alert.awaited == 0);
}
