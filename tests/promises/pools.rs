//! Stories of pools: the tube, the recall, and what comes of it; and pools that were published.

use crate::support::open_data;
use crate::support::records::group_record;
use crate::support::story::{Ending, Story, result, time};
use std::collections::BTreeMap;
use swabstream::proto::v1::AlertFamily::{GroupOverdue, PoolOverdue, PoolPositive, Positive};
use swabstream::proto::v1::{CauseKind, Finding, LabResult, Pool, PoolMember, PooledInterval, ResultStatus};

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

/// A lab keeps a positive tube to itself, as one did in Shijiazhuang in 2022: of what was never sent nothing can be known. But
/// its people were due to be tested, and whoever has no result is told of, by name, until it comes.
#[test]
fn of_the_positive_pool_that_was_never_reported_everybody_is_told_of_who_was_due_a_test() {
    let drivers = ["P1", "P2", "P3", "P4", "P5"];
    let listed = |story: Story, person: &&str| {
        story.group("2022-11-09 09:00", group_record(&format!("G-{person}"), person, "drivers", "2022-11-09"))
    };
    // Only the fifth driver's tube is reported.
    let story = drivers
        .iter()
        .fold(Story::begin(), listed)
        .result("2022-11-10 12:00", result("R9", "P5", Finding::Negative, "2022-11-10 08:00"));
    let told = |end: &Ending| -> Vec<&str> {
        drivers.into_iter().filter(|person| end.live(GroupOverdue, person).is_some()).collect()
    };
    assert!(told(&story.clone().end("2022-11-11 23:00")).is_empty(), "results may still come");
    let missed = story.clone().end("2022-11-12 12:00");
    assert_eq!((told(&missed), missed.live_count()), (drivers[..4].to_vec(), 4));
    let late = story.result("2022-11-12 18:00", tube(Finding::Positive)).end("2022-11-12 20:00");
    assert!(told(&late).is_empty(), "they were swabbed");
    let alert = late.pool(PoolPositive, "T1").expect("it is positive");
    let by = time("2022-11-13 18:00").to_wire();
    assert_eq!((alert.awaited, alert.recall_by, alert.historic), (4, Some(by), false), "there is a day for the recall");
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

#[test]
fn what_pools_estimate_is_a_number_of_its_own_and_goes_with_the_pool() {
    let numbered = |number: u32, finding| {
        let mut tube = tube(finding);
        let pool = tube.pool.as_mut().expect("a pool");
        pool.pool_id = format!("T{number}");
        pool.members.iter_mut().for_each(|member| member.person_id = format!("{}-{number}", member.person_id));
        LabResult { specimen_id: format!("T{number}"), result_id: format!("Q{number}"), ..tube }
    };
    let story = (2..12)
        .fold(Story::begin(), |story, number| story.result("2022-11-10 12:00", numbered(number, Finding::Negative)));
    let story = story
        .result("2022-11-10 12:00", tube(Finding::Positive))
        .result("2022-11-10 12:00", result("R9", "P9", Finding::Negative, "2022-11-10 09:00"));
    let end = story.clone().end("2022-11-10 20:00");
    let numbers = end.numbers("D1S1", "2022-11-10", 1);
    let pooled = numbers.pooled.expect("there are pools");
    assert_eq!((pooled.pools, pooled.positive_pools, pooled.members), (11, 1, 44));
    assert!((pooled.most_likely - (1.0 - (10.0_f64 / 11.0).powf(0.25))).abs() < 1e-12);
    assert_eq!(pooled.method(), PooledInterval::Exact);
    // Of each negative tube three members are here and one in another street; the tube is here, and so is the single swab.
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests), (0, 31));
    assert_eq!((numbers.positive_tubes, numbers.conclusive_tubes), (Some(1), Some(12)));
    let elsewhere = end.numbers("D2S1", "2022-11-10", 1);
    assert_eq!(
        (elsewhere.conclusive_tests, elsewhere.conclusive_tubes, elsewhere.tubes_over_tubes),
        (10, Some(0), None)
    );
    assert_eq!(elsewhere.pooled, None);
    let of_purpose = end.purpose("D1S1", "2022-11-10", 14, "screening");
    assert_eq!(of_purpose.pooled.map(|of| of.pools), Some(11));
    assert_eq!(end.purpose("D1S1", "2022-11-10", 14, "clinic").pooled, None);

    let cancelled = LabResult { status: ResultStatus::Cancelled as i32, revision: 1, ..tube(Finding::Positive) };
    let end = story.result("2022-11-10 15:00", cancelled).end("2022-11-10 20:00");
    let pooled = end.numbers("D1S1", "2022-11-10", 1).pooled.expect("there are pools");
    assert_eq!((pooled.pools, pooled.positive_pools, pooled.most_likely, pooled.low), (10, 0, 0.0, 0.0));
}

#[test]
fn where_nobody_but_a_positive_pool_was_tested_there_is_a_number_all_the_same() {
    let end = Story::begin().result("2022-11-10 12:00", tube(Finding::Positive)).end("2022-11-10 20:00");
    let numbers = end.numbers("D1S1", "2022-11-10", 7);
    assert_eq!((numbers.conclusive_tests, numbers.tests_over_tests), (0, None));
    let pooled = numbers.pooled.expect("a pool");
    assert_eq!((pooled.pools, pooled.positive_pools, pooled.most_likely, pooled.high), (1, 1, 1.0, 1.0));
    assert_eq!((numbers.positive_tubes, numbers.conclusive_tubes), (Some(1), Some(1)));
}

/// Agoti and others 2020: 250 pools of 6 of KEMRI in Kilifi, of which 75 were positive; their members were tested alone, and
/// 112 of them were positive at 37 cycles or fewer; of ten pools nobody was. 700 tests instead of 1,500.
#[test]
fn the_published_pools_of_kemri_come_to_the_published_figures() {
    let Some(file) = open_data::find_in("pooled", "kenya_kemri_pools_of_6.csv") else { return };
    let mut pools: BTreeMap<u32, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for row in open_data::rows(&file) {
        pools.entry(row["pool_no"].parse().expect("a number")).or_default().push(row);
    }
    let mut story = Story::begin();
    for (number, rows) in &pools {
        let person = |row: &BTreeMap<String, String>| format!("K{}", row["sample_no"]);
        let finding = if rows[0]["pool_result"] == "positive" { Finding::Positive } else { Finding::Negative };
        let member = |row| PoolMember { person_id: person(row), area: String::new() };
        let id = format!("T{number}");
        let tube = LabResult {
            specimen_id: id.clone(),
            pool: Some(Pool { pool_id: id.clone(), size: 6, members: rows.iter().map(member).collect() }),
            ..result(&format!("Q{number}"), "", finding, "2022-11-08 08:00")
        };
        story = story.result("2022-11-08 12:00", tube);
        for row in rows.iter().filter(|row| row["individual_result_raw"] != "not_tested") {
            let is_positive = row["individual_ct"].parse().is_ok_and(|cycles: f64| cycles <= 37.0);
            let finding = if is_positive { Finding::Positive } else { Finding::Negative };
            let own = result(&format!("R{}", row["sample_no"]), &person(row), finding, "2022-11-08 08:00");
            story = story.result("2022-11-08 18:00", own);
        }
    }
    let end = story.end("2022-11-08 20:00");
    let numbers = end.numbers("C", "2022-11-08", 1);
    let pooled = numbers.pooled.clone().expect("there are pools");
    assert_eq!((pooled.pools, pooled.positive_pools, pooled.members), (250, 75, 1_500));
    assert!((pooled.most_likely - (1.0 - 0.7_f64.powf(1.0 / 6.0))).abs() < 1e-12);
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests), (112, 1_500), "by person");
    assert_eq!((numbers.positive_tubes, numbers.conclusive_tubes), (Some(75 + 112), Some(700)), "by tube");
    assert_eq!((numbers.people_positive, numbers.people_tested, numbers.cases), (Some(112), Some(1_500), 112));
    let alerts: Vec<_> = pools.keys().filter_map(|number| end.pool(PoolPositive, &format!("T{number}"))).collect();
    assert_eq!((alerts.len(), alerts.iter().map(|alert| alert.awaited).sum::<u32>()), (75, 0));
    assert_eq!(alerts.iter().filter(|alert| alert.all_negative).count(), 10, "of these nobody was positive");
}
