//! Tests that contacts are due: missed ones are told of when their time is over, also where nothing is read any more.

use crate::support::deployment::Deployment;
use crate::support::records::{close_contact, group_record};
use crate::support::story::{Ending, Story, contact, message, result, time};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::demo::city::Kind;
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::AlertFamily::{ContactOverdue, GroupOverdue, Positive};
use swabstream::proto::v1::{
    Alert, AlertState, CauseKind, ContactRecord, ContactStatus, Finding, GroupStatus, PersonGroup,
};

use Finding::{Negative as N, Positive as P};

#[test]
fn a_contact_who_misses_a_test_is_told_of_until_its_late_result_comes() {
    // Exposed on the 8th: tests are due on the 9th, 10th, 11th, 13th and 15th.
    let story = Story::begin()
        .contact("2022-11-08 12:00", contact("C1", "P1", "I1", "2022-11-08"))
        .result("2022-11-09 15:00", result("R1", "P1", N, "2022-11-09 09:00"));
    let missed = story.clone().end("2022-11-12 00:00");
    let alert = missed.live(ContactOverdue, "P1").expect("the test of the 10th is missed");
    assert_eq!((&*alert.first_day, &*alert.release_day), ("2022-11-10", "2022-11-22"));
    assert_eq!((alert.exposed_to.len(), &*alert.exposed_to[0].record_id), (1, "C1"));
    assert_eq!(missed.live(ContactOverdue, "P1").map(|alert| alert.causes[0].kind()), Some(CauseKind::Deadline));
    let in_time = story.clone().end("2022-11-11 23:00");
    assert!(in_time.live(ContactOverdue, "P1").is_none(), "its result may still come");
    // A result of another person only lets time go on.
    let late = story
        .result("2022-11-12 01:00", result("R2", "P2", N, "2022-11-11 09:00"))
        .result("2022-11-12 10:00", result("R3", "P1", N, "2022-11-10 22:00"))
        .end("2022-11-12 12:00");
    assert!(late.live(ContactOverdue, "P1").is_none(), "it was taken");
}

#[test]
fn what_ends_being_a_contact_ends_its_tests() {
    let record = contact("C1", "P1", "I1", "2022-11-08");
    let story = Story::begin().contact("2022-11-08 12:00", record.clone());
    let withdrawn = ContactRecord { revision: 1, status: ContactStatus::Withdrawn as i32, ..record };
    let undone = story.clone().contact("2022-11-12 12:00", withdrawn).end("2022-11-20 00:00");
    assert!(undone.live(ContactOverdue, "P1").is_none());
    let found = story.result("2022-11-09 15:00", result("R1", "P1", P, "2022-11-09 09:00")).end("2022-11-20 00:00");
    assert!(found.live(ContactOverdue, "P1").is_none(), "it is a case now");
    assert!(found.live(Positive, "P1").is_some());
}

#[test]
fn whoever_keeps_a_list_says_who_is_in_a_key_group_and_until_when() {
    let record = PersonGroup { area: "D2S1".into(), ..group_record("G1", "P1", "cold-chain", "2022-10-01") };
    let story = Story::begin()
        .group("2022-11-08 09:00", record.clone())
        .result("2022-11-09 15:00", result("R1", "P2", N, "2022-11-09 09:00"));
    let end = story.clone().end("2022-11-12 00:00");
    assert_eq!((end.groups("P1"), end.groups("P2")), (vec!["cold-chain".to_owned()], Vec::new()));
    // Every day by the sample's policy: of two weeks up to today.
    let tests = end.to_do("P1");
    assert_eq!((tests.len(), &*tests[0].day, &*tests[13].day), (14, "2022-10-30", "2022-11-12"));
    let overdue = tests.iter().filter(|test| test.overdue_since.is_some()).count();
    assert_eq!((overdue, &*tests[0].group), (12, "cold-chain"), "those of yesterday and today may still come");
    let of_group = |end: &Ending, area: &str, day: &str| {
        let groups = end.duties(area, day).groups;
        groups.iter().map(|of| [of.members, of.tests_due, of.tests_taken, of.tests_overdue]).collect::<Vec<_>>()
    };
    for area in ["D2S1", "D2", "C"] {
        assert_eq!(of_group(&end, area, "2022-11-10"), [[1, 1, 0, 1]], "{area}");
        assert_eq!(of_group(&end, area, "2022-11-12"), [[1, 1, 0, 0]], "{area}");
        assert!(of_group(&end, area, "2022-10-29").is_empty() && of_group(&end, area, "2022-11-13").is_empty());
    }
    let swabbed =
        story.clone().result("2022-11-11 15:00", result("R2", "P1", N, "2022-11-10 09:00")).end("2022-11-12 00:00");
    assert_eq!(of_group(&swabbed, "C", "2022-11-10"), [[1, 1, 1, 0]]);
    assert_eq!(
        swabbed.to_do("P1").iter().filter(|test| test.taken).map(|test| &*test.day).collect::<Vec<_>>(),
        ["2022-11-10"]
    );
    let left = PersonGroup { revision: 1, last_day: "2022-11-09".into(), ..record.clone() };
    let story = story.group("2022-11-10 09:00", left.clone());
    assert_eq!(story.clone().end("2022-11-12 00:00").groups("P1"), ["cold-chain"], "of days that are not forgotten");
    let never = PersonGroup { status: GroupStatus::Withdrawn as i32, ..left };
    let end = story.group("2022-11-10 10:00", never).end("2022-11-12 00:00");
    assert!(end.groups("P1").is_empty());
    assert_eq!(end.live_count(), 0, "nobody is told of it by an alert");
}

#[test]
fn a_driver_who_is_not_swabbed_is_told_of_until_it_is() {
    let record = group_record("G1", "P1", "drivers", "2022-11-08");
    // Every other day, and known a day later: the 9th, as none is known of the 7th.
    let story = Story::begin()
        .group("2022-11-08 09:00", record.clone())
        .result("2022-11-09 15:00", result("R1", "P2", N, "2022-11-09 09:00"));
    assert!(story.clone().end("2022-11-10 23:00").live(GroupOverdue, "P1").is_none(), "its result may still come");
    let missed = story.clone().end("2022-11-15 00:00");
    let alert = missed.live(GroupOverdue, "P1").expect("no swab is known");
    assert_eq!((&*alert.group, &*alert.first_day, alert.version), ("drivers", "2022-11-08", 1));
    assert_eq!(missed.live_count(), 1, "one for all days");
    let swabbed = story.clone().result("2022-11-14 15:00", result("R2", "P1", N, "2022-11-14 09:00"));
    assert_eq!(swabbed.end("2022-11-15 00:00").live_count(), 0);
    let left = PersonGroup { revision: 1, last_day: "2022-11-12".into(), ..record };
    assert_eq!(story.group("2022-11-14 15:00", left).end("2022-11-15 00:00").live_count(), 0);
}

/// The district of whoever was swabbed there last; what is undone leaves nothing.
#[test]
fn a_district_knows_its_day_and_who_is_behind_its_numbers() {
    let record = contact("C1", "P1", "I1", "2022-11-08");
    let story = Story::begin()
        .result("2022-11-07 15:00", result("R1", "P1", N, "2022-11-07 09:00"))
        .contact("2022-11-08 20:00", record.clone())
        .contact("2022-11-08 20:00", contact("C2", "P2", "I1", "2022-11-08"))
        .result("2022-11-09 15:00", result("R2", "P1", N, "2022-11-09 09:00"));
    let end = story.clone().end("2022-11-12 00:00");
    let counts = |end: &Ending, area: &str, day: &str| {
        let of = end.duties(area, day);
        [of.to_isolate, of.managed, of.to_release, of.tests_due, of.tests_taken, of.tests_overdue]
    };
    for area in ["D1S1", "D1", "C"] {
        assert_eq!(counts(&end, area, "2022-11-08"), [1, 1, 0, 0, 0, 0], "{area}");
        assert_eq!(counts(&end, area, "2022-11-09"), [0, 1, 0, 1, 1, 0], "{area}");
        assert_eq!(counts(&end, area, "2022-11-10"), [0, 1, 0, 1, 0, 1], "{area}");
        assert_eq!(counts(&end, area, "2022-11-22"), [0, 1, 1, 0, 0, 0], "{area}: to come");
    }
    assert_eq!(counts(&end, "", "2022-11-09"), [0, 1, 0, 1, 0, 1], "of the other one no swab is known");
    assert_eq!(end.to_do("P1").len(), 7);
    let withdrawn = ContactRecord { revision: 1, status: ContactStatus::Withdrawn as i32, ..record };
    let undone = story.contact("2022-11-12 12:00", withdrawn).end("2022-11-13 00:00");
    assert_eq!((counts(&undone, "C", "2022-11-09"), undone.to_do("P1")), ([0; 6], Vec::new()));
    assert_eq!(undone.to_do("P2").len(), 7);
}

/// Each day's test stands against the district until it is known to have been taken, or its person to have been a case.
#[test]
fn the_contact_never_tested_is_overdue_in_its_district_day_by_day_and_on_the_list_by_name() {
    const DUE: [&str; 5] = ["2022-11-09", "2022-11-10", "2022-11-11", "2022-11-13", "2022-11-15"];
    let story = Story::begin()
        .result("2022-11-07 15:00", result("R1", "P1", N, "2022-11-07 09:00"))
        .contact("2022-11-08 20:00", contact("C1", "P1", "I1", "2022-11-08"));
    // Which of these days are overdue: in the district, on the person's list, and by alerts.
    let overdue = |end: &Ending| {
        let of_area = DUE.map(|day| end.duties("D1", day).tests_overdue);
        let said = end.to_do("P1");
        let is_said = |day: &str| said.iter().any(|duty| duty.day == day && duty.overdue_since.is_some());
        assert_eq!(DUE.map(|day| i64::from(is_said(day))), of_area);
        let alerts = end.alerts("P1").into_iter().filter(|alert| alert.family() == ContactOverdue);
        // The newest state of each.
        let is_live = |alert: &Alert| (alert.first_day.clone(), alert.state() != AlertState::Withdrawn);
        let live: BTreeMap<String, bool> = alerts.map(is_live).collect();
        assert_eq!(DUE.map(|day| i64::from(live.get(day) == Some(&true))), of_area);
        of_area
    };
    assert_eq!(overdue(&story.clone().end("2022-11-10 12:00")), [0; 5], "the result of the 9th may still come");
    assert_eq!(overdue(&story.clone().end("2022-11-11 00:00")), [1, 0, 0, 0, 0]);
    let never = story.clone().end("2022-11-24 00:00");
    assert_eq!(overdue(&never), [1; 5]);
    let release = never.duties("D1", "2022-11-22");
    assert_eq!((release.managed, release.to_release, never.duties("D1", "2022-11-23").managed), (1, 1, 0));
    // One was taken after all, and of another day it comes out that the person had been a case.
    let told = story
        .result("2022-11-14 20:00", result("R2", "P1", N, "2022-11-10 09:00"))
        .result("2022-11-16 20:00", result("R3", "P1", P, "2022-11-12 09:00"))
        .end("2022-11-24 00:00");
    assert_eq!(overdue(&told), [1, 0, 1, 0, 0]);
    let found = told.duties("D1", "2022-11-12");
    assert_eq!((found.managed, found.to_release, told.duties("D1", "2022-11-13").managed), (1, 1, 0));
}

/// Nothing but one contact record is ever received: time goes on all the same, and so does what is due.
#[test]
fn with_no_input_at_all_a_deadline_fires_within_two_seconds_of_its_time() {
    let mut deployment = Deployment::start_live(7, Arc::new(sample_rules()), time("2022-11-08 12:00"));
    let record = close_contact("C1", "P1", "I1", time("2022-11-08 10:00"), time("2022-11-08 11:00"));
    let (payload, received) = (Some(record.encode_to_vec()), time("2022-11-08 12:00"));
    deployment.publish(&message(Topic::ContactRecords, "P1", payload, received, Kind::Contact));
    let told = |deployment: &Deployment| {
        let live = deployment.published();
        let all = live.live().filter(|alert| alert.family() == ContactOverdue).map(|alert| alert.first_day.clone());
        all.collect::<Vec<_>>()
    };
    deployment.run_until(time("2022-11-08 12:01"));
    for (deadline, days) in [("2022-11-11 00:00", 1), ("2022-11-12 00:00", 2), ("2022-11-13 00:00", 3)] {
        let deadline = time(deadline);
        // The clock is all that goes on.
        deployment.rest_until(Timestamp(deadline.0 - 20_000));
        deployment.run_until(Timestamp(deadline.0 - 1));
        assert_eq!(told(&deployment).len(), days - 1);
        deployment.run_until(Timestamp(deadline.0 + 2_000));
        assert_eq!(told(&deployment).len(), days);
    }
    let states = deployment.history(Topic::Alerts);
    assert_eq!(states.len(), 3, "each is told of once");
    let first = swabstream::proto::v1::Alert::decode(states[0].payload.as_deref().expect("a state")).expect("an alert");
    assert_eq!((first.state(), first.severity()), (AlertState::Raised, swabstream::proto::v1::Severity::Moderate));
}
