//! Stories of labs, people and tracers, and what must come of them. Each is told in order, in order with faults, and
//! backwards: its end is always the same, and what a recount says.

use crate::support::story::{Story, contact, order, result, sample_rules_with, time};
use swabstream::model::outcome::RejectCode;
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::AlertFamily::{Contradiction, Positive};
use swabstream::proto::v1::AlertState::{Raised, Updated, Withdrawn};
use swabstream::proto::v1::Finding::{self, Inconclusive, Negative};
use swabstream::proto::v1::{
    Alert, CasePolicy, Channel, ContactKind, ContactRecord, ContactStatus, LabResult, ManagementOrder, ProcessingMode,
    ResultStatus, Severity, TimePrecision, rule::Rule,
};

const P: Finding = Finding::Positive;

fn corrected(revision: u32, result: LabResult) -> LabResult {
    LabResult { revision, status: ResultStatus::Corrected as i32, ..result }
}

#[test]
fn a_positive_raises_one_alert_with_what_an_officer_needs() {
    let end =
        Story::begin().result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00")).end("2022-11-10 20:00");
    let alert = end.live(Positive, "P1").expect("it is live");
    assert_eq!((alert.area.as_str(), alert.purpose.as_str()), ("D1S1", "screening"));
    assert_eq!((alert.channel(), alert.severity()), (Channel::Community, Severity::High));
    assert_eq!((alert.first_day.as_str(), alert.policy.as_str()), ("2022-11-10", "sample-case@2020-01-01"));
    assert_eq!(alert.causes[0].record_id, "R1");
    assert_eq!(end.states("P1"), [Raised]);
}

#[test]
fn a_correction_undoes_alert_counts_and_tier() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-11 12:00", corrected(1, result("R1", "P1", Negative, "2022-11-10 08:00")))
        .end("2022-11-11 20:00");
    assert_eq!(end.states("P1"), [Raised, Withdrawn]);
    let numbers = end.numbers("D1", "2022-11-11", 7);
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests, numbers.cases), (0, 1, 0));
    assert_eq!((numbers.people_positive, numbers.people_tested), (Some(0), Some(1)));
    assert_eq!(end.tier("D1S1"), "low");
}

#[test]
fn a_correction_names_the_whole_chain_of_cause() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-11 12:00", corrected(1, result("R1", "P1", Negative, "2022-11-10 08:00")))
        .result("2022-11-12 12:00", corrected(2, result("R1", "P1", P, "2022-11-10 08:00")))
        .end("2022-11-12 20:00");
    let last = end.live(Positive, "P1").expect("it holds again");
    let chain: Vec<_> = last.causes.iter().map(|cause| (cause.state(), cause.revision, cause.finding())).collect();
    assert_eq!(chain, [(Raised, 0, P), (Withdrawn, 1, Negative), (Raised, 2, P)]);
}

#[test]
fn an_alert_about_a_tier_leads_back_to_the_result_behind_it() {
    let end = Story::begin()
        .result("2022-11-09 12:00", result("R0", "P2", Negative, "2022-11-09 08:00"))
        .mis_keyed("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 13:00", result("R2", "P3", Negative, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    let about_person = end.live(Positive, "P1").expect("it is live");
    let about_tier = end.tier_alert("D1S1", "2022-11-10").expect("it is live");
    assert_eq!((about_tier.state(), about_tier.tier_after.as_str()), (Raised, "high"));
    let origin = |alert: &Alert| alert.causes[0].origin.clone().expect("a record");
    assert_eq!(origin(about_tier), origin(about_person));
    assert_eq!(origin(about_tier).topic, "lab-results");
}

#[test]
fn a_withdrawal_that_arrives_first_is_kept() {
    let withdrawn = ResultStatus::EnteredInError as i32;
    let end = Story::begin()
        .result(
            "2022-11-10 12:00",
            LabResult { revision: 1, status: withdrawn, ..result("R1", "P1", P, "2022-11-10 08:00") },
        )
        .result("2022-11-10 13:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    assert_eq!(end.states("P1"), []);
    assert_eq!(end.numbers("C", "2022-11-10", 1).conclusive_tests, 0);
}

#[test]
fn a_result_moved_to_another_person_takes_its_alert_along() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result(
            "2022-11-10 15:00",
            LabResult { previous_person_id: "P1".into(), ..corrected(1, result("R1", "P2", P, "2022-11-10 08:00")) },
        )
        .end("2022-11-10 20:00");
    assert_eq!(end.states("P1"), [Raised, Withdrawn]);
    assert_eq!(end.states("P2"), [Raised]);
    let numbers = end.numbers("C", "2022-11-10", 1);
    assert_eq!((numbers.conclusive_tests, numbers.cases, numbers.people_tested), (1, 1, Some(1)));
}

#[test]
fn a_result_moved_to_another_area_takes_its_numbers_along() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result(
            "2022-11-10 15:00",
            LabResult { area: "D2S1".into(), ..corrected(1, result("R1", "P1", P, "2022-11-10 08:00")) },
        )
        .end("2022-11-10 20:00");
    assert_eq!(end.numbers("D1S1", "2022-11-10", 1).conclusive_tests, 0);
    assert_eq!(end.numbers("D2", "2022-11-10", 1).cases, 1);
    assert_eq!(end.states("P1"), [Raised, Updated], "the alert goes on: same person, same day");
}

#[test]
fn a_preliminary_positive_alerts_but_never_counts() {
    let preliminary =
        LabResult { status: ResultStatus::Preliminary as i32, ..result("R1", "P1", P, "2022-11-10 08:00") };
    let end = Story::begin().result("2022-11-10 10:00", preliminary).end("2022-11-10 20:00");
    let alert = end.live(Positive, "P1").expect("the policy says so");
    assert!(alert.preliminary);
    assert_eq!(alert.severity(), Severity::Info);
    assert_eq!(end.numbers("C", "2022-11-10", 1).positive_tests, 0);
}

#[test]
fn a_final_negative_ends_what_a_preliminary_positive_began() {
    let end = Story::begin()
        .result(
            "2022-11-10 10:00",
            LabResult { status: ResultStatus::Preliminary as i32, ..result("R1", "P1", P, "2022-11-10 08:00") },
        )
        .result("2022-11-10 14:00", result("R1", "P1", Negative, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    assert_eq!(end.states("P1"), [Raised, Withdrawn]);
    assert_eq!(end.numbers("C", "2022-11-10", 1).conclusive_tests, 1);
}

#[test]
fn a_negative_against_a_positive_is_held_as_positive_until_the_lab_corrects_it() {
    let other = LabResult { specimen_id: "S-R1".into(), ..result("R2", "P1", Negative, "2022-11-10 08:00") };
    let contradicted = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 13:00", other);
    let end = contradicted.clone().end("2022-11-10 20:00");
    assert!(end.live(Positive, "P1").is_some(), "held as positive");
    let alarm = end.live(Contradiction, "P1").expect("alarmed");
    assert_eq!((alarm.specimen_id.as_str(), alarm.severity()), ("S-R1", Severity::High));
    let numbers = end.numbers("C", "2022-11-10", 1);
    assert_eq!((numbers.positive_tests, numbers.conclusive_tests), (1, 1), "one specimen, counted once");

    let resolved = contradicted
        .result("2022-11-11 09:00", corrected(1, result("R1", "P1", Negative, "2022-11-10 08:00")))
        .end("2022-11-11 20:00");
    assert_eq!(resolved.live_count(), 0);
}

#[test]
fn the_same_specimen_by_two_entry_points_counts_once() {
    let again =
        LabResult { specimen_id: "S-R1".into(), lab_id: "LAB-2".into(), ..result("R2", "P1", P, "2022-11-10 08:00") };
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 13:00", again)
        .end("2022-11-10 20:00");
    assert_eq!(end.numbers("C", "2022-11-10", 1).positive_tests, 1);
    assert_eq!(end.states("P1"), [Raised], "nothing new was said");
}

#[test]
fn an_inconclusive_result_is_in_neither_numerator_nor_denominator() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", Inconclusive, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    let numbers = end.numbers("C", "2022-11-10", 1);
    assert_eq!((numbers.conclusive_tests, numbers.other_tests, numbers.people_tested), (0, 1, Some(0)));
    assert_eq!(numbers.tests_over_tests, None, "an empty denominator has no ratio");
}

#[test]
fn a_drill_has_no_effect() {
    let drill = LabResult { mode: ProcessingMode::Training as i32, ..result("R1", "P1", P, "2022-11-10 08:00") };
    let end = Story::begin().result("2022-11-10 12:00", drill).end("2022-11-10 20:00");
    assert_eq!(end.live_count(), 0);
    assert_eq!(end.numbers("C", "2022-11-10", 1).conclusive_tests, 0);
}

#[test]
fn a_record_under_a_wrong_key_counts_for_its_person() {
    let end = Story::begin()
        .mis_keyed("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 12:30", result("R2", "P1", Negative, "2022-11-08 08:00"))
        .end("2022-11-10 20:00");
    assert!(end.live(Positive, "P1").is_some());
    assert_eq!(end.numbers("C", "2022-11-10", 3).people_tested, Some(1), "one person, whatever the keys");
}

#[test]
fn what_cannot_be_used_is_set_aside_and_the_stream_goes_on() {
    let end = Story::begin()
        .broken("2022-11-10 11:00", Some(b"\xff\xff\xff"), RejectCode::Malformed)
        .broken("2022-11-10 11:01", Some(b""), RejectCode::Empty)
        .broken("2022-11-10 11:02", None, RejectCode::Tombstone)
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    assert_eq!(end.dead_letters(), ["malformed", "empty", "tombstone"]);
    assert!(end.live(Positive, "P1").is_some());
}

#[test]
fn an_old_positive_is_listed_but_wakes_nobody() {
    let end =
        Story::begin().result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-06 08:00")).end("2022-11-10 20:00");
    let alert = end.live(Positive, "P1").expect("listed");
    assert!(alert.historic);
    assert_eq!(alert.severity(), Severity::Info);
}

#[test]
fn the_age_of_a_positive_is_judged_by_the_rule_of_its_own_day() {
    // From the 11th on, news is old after a day instead of three.
    let stricter = sample_rules_with(|rule| match rule {
        Rule::CasePolicy(policy) => {
            let (version, effective_from) = ("2022-11-11".to_owned(), "2022-11-11".to_owned());
            let later = CasePolicy { version, effective_from, historic_after_hours: 24, ..policy.clone() };
            vec![Rule::CasePolicy(policy), Rule::CasePolicy(later)]
        }
        rule => vec![rule],
    });
    let end = Story::by(stricter)
        .result("2022-11-12 14:00", result("R2", "P1", P, "2022-11-11 08:00"))
        .result("2022-11-13 16:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .end("2022-11-13 20:00");
    let alert = end.live(Positive, "P1").expect("listed");
    assert_eq!((alert.first_day.as_str(), alert.last_day.as_str()), ("2022-11-10", "2022-11-11"));
    assert_eq!((alert.historic, alert.severity()), (true, Severity::Info));
}

#[test]
fn the_age_of_a_positive_is_known_to_the_minute_and_no_better() {
    // The last second of a minute is how a spreadsheet ends a day: the swab is kept as of 23:59.
    let swab = || LabResult {
        collected_at: Some(time("2022-11-07 23:59:59").to_wire()),
        ..result("R1", "P1", P, "2022-11-07 23:59")
    };
    for (received, historic) in [("2022-11-10 23:59:59", false), ("2022-11-11 00:00:00", true)] {
        let end = Story::begin().result(received, swab()).end("2022-11-11 20:00");
        assert_eq!(end.live(Positive, "P1").expect("listed").historic, historic, "received at {received}");
    }
    let of_day =
        || LabResult { collected_precision: TimePrecision::Day as i32, ..result("R1", "P1", P, "2022-11-07 00:00") };
    for (received, historic) in [("2022-11-10 23:59:59", false), ("2022-11-11 00:00:00", true)] {
        let end = Story::begin().result(received, of_day()).end("2022-11-11 20:00");
        assert_eq!(end.live(Positive, "P1").expect("listed").historic, historic, "of a day, received at {received}");
    }
}

#[test]
fn an_order_given_after_its_own_end_never_held() {
    let ordered = |to: &str, ordered_at: &str| {
        let order = ManagementOrder {
            from: Some(time("2022-11-10 08:00").to_wire()),
            to: Some(time(to).to_wire()),
            ordered_at: Some(time(ordered_at).to_wire()),
        };
        ContactRecord { order: Some(order), ..contact("C1", "P1", "P9", "2022-11-07") }
    };
    // Known to the day only: whatever held at some time of it held at the swab.
    let swab =
        || LabResult { collected_precision: TimePrecision::Day as i32, ..result("R1", "P1", P, "2022-11-10 00:00") };
    for (to, ordered_at, channel) in [
        ("2022-11-10 10:00", "2022-11-10 20:00", Channel::Community),
        // Within one minute it is still after its end.
        ("2022-11-10 10:00:20", "2022-11-10 10:00:40", Channel::Community),
        ("2022-11-10 10:00:20", "2022-11-10 10:00:20", Channel::Managed),
        ("2022-11-10 21:00", "2022-11-10 20:00", Channel::Managed),
    ] {
        let end = Story::begin()
            .contact("2022-11-10 22:00", ordered(to, ordered_at))
            .result("2022-11-11 09:00", swab())
            .end("2022-11-11 20:00");
        let alert = end.live(Positive, "P1").expect("live");
        assert_eq!(alert.channel(), channel, "until {to}, given at {ordered_at}");
        let numbers = end.numbers("D1S1", "2022-11-10", 1);
        assert_eq!((numbers.cases, numbers.community_cases), (1, i64::from(channel == Channel::Community)));
        assert_eq!(end.tier("D1S1"), if channel == Channel::Community { "high" } else { "low" });
    }
}

#[test]
fn a_contact_record_explains_a_positive_whichever_came_first() {
    let swab = result("R1", "P1", P, "2022-11-10 08:00");
    let record = contact("C1", "P1", "P9", "2022-11-07");
    let before = Story::begin().contact("2022-11-08 09:00", record.clone()).result("2022-11-10 12:00", swab.clone());
    let after = Story::begin().result("2022-11-10 12:00", swab).contact("2022-11-10 15:00", record);
    for story in [before, after] {
        let end = story.end("2022-11-10 20:00");
        let alert = end.live(Positive, "P1").expect("live");
        assert_eq!((alert.exposed_to[0].record_id.as_str(), alert.exposed_to[0].person_id.as_str()), ("C1", "P9"));
        assert_eq!(alert.channel(), Channel::Community, "matching never decides the channel");
    }
}

#[test]
fn swabs_and_exposures_are_compared_by_the_minute() {
    let seconds_after = |at: &str, seconds: i64| Some(Timestamp(time(at).0 + seconds * 1_000).to_wire());
    let record = ContactRecord {
        exposure_start: seconds_after("2022-11-10 08:00", 20),
        ..contact("C1", "P1", "P9", "2022-11-10")
    };
    let swab =
        LabResult { collected_at: seconds_after("2022-11-10 08:00", 40), ..result("R1", "P1", P, "2022-11-10 08:00") };
    let end =
        Story::begin().contact("2022-11-10 11:00", record).result("2022-11-10 12:00", swab).end("2022-11-10 20:00");
    assert_eq!(end.live(Positive, "P1").expect("live").exposed_to.len(), 1, "nobody is missed for some seconds");
}

#[test]
fn a_withdrawn_contact_record_undoes_what_it_did() {
    let record = contact("C1", "P1", "P9", "2022-11-07");
    let gone = ContactRecord { revision: 1, status: ContactStatus::Withdrawn as i32, ..record.clone() };
    let end = Story::begin()
        .contact("2022-11-08 09:00", record)
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .contact("2022-11-10 15:00", gone)
        .end("2022-11-10 20:00");
    assert_eq!(end.live(Positive, "P1").expect("live").exposed_to, []);
}

#[test]
fn a_positive_lists_whom_to_trace() {
    let end = Story::begin()
        .contact("2022-11-09 09:00", contact("C1", "P2", "P1", "2022-11-08"))
        .contact("2022-11-09 09:00", contact("C2", "P3", "P1", "2022-10-20"))
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    let alert = end.live(Positive, "P1").expect("live");
    let people: Vec<&str> = alert.to_trace.iter().map(|listed| listed.person_id.as_str()).collect();
    assert_eq!(people, ["P2"], "who was met weeks before is not to be traced");
}

#[test]
fn a_secondary_contact_becomes_close_when_its_index_is_found_positive() {
    let record = ContactRecord { kind: ContactKind::Secondary as i32, ..contact("C1", "P2", "P1", "2022-11-01") };
    // Ten days after the exposure: within the days of a close contact, past those of a secondary one.
    let swab = result("R2", "P2", P, "2022-11-11 08:00");
    let alone = Story::begin().contact("2022-11-08 09:00", record).result("2022-11-11 12:00", swab);
    assert_eq!(alone.clone().end("2022-11-12 20:00").live(Positive, "P2").expect("live").exposed_to, []);

    let found = alone.result("2022-11-11 15:00", result("R1", "P1", P, "2022-11-05 08:00")).end("2022-11-12 20:00");
    let listed = &found.live(Positive, "P2").expect("live").exposed_to;
    assert_eq!(listed.iter().map(|listed| listed.kind()).collect::<Vec<_>>(), [ContactKind::Close]);
}

#[test]
fn a_swab_under_an_order_is_managed_and_an_order_does_not_reach_back() {
    let swab = || result("R1", "P1", P, "2022-11-10 08:00");
    let with = |ordered| ContactRecord {
        order: order("2022-11-08 00:00", ordered),
        ..contact("C1", "P1", "P9", "2022-11-07")
    };
    let managed = Story::begin().contact("2022-11-08 09:00", with("2022-11-08 09:00"));
    let alert = managed.result("2022-11-10 12:00", swab()).end("2022-11-10 20:00");
    let alert = alert.live(Positive, "P1").expect("live");
    assert_eq!((alert.channel(), alert.severity()), (Channel::Managed, Severity::Moderate));

    let later = Story::begin().result("2022-11-10 12:00", swab()).contact("2022-11-10 13:00", with("2022-11-10 13:00"));
    let end = later.end("2022-11-10 20:00");
    assert_eq!(end.live(Positive, "P1").expect("live").channel(), Channel::Community);
}

#[test]
fn a_late_earlier_positive_moves_the_case_and_links_its_alerts() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R2", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-11 12:00", result("R1", "P1", P, "2022-11-08 08:00"))
        .end("2022-11-11 20:00");
    let alerts = end.alerts("P1");
    let (withdrawn, raised): (Vec<&Alert>, Vec<&Alert>) = (
        alerts.iter().copied().filter(|alert| alert.state() == Withdrawn).collect(),
        alerts.iter().copied().filter(|alert| alert.first_day == "2022-11-08").collect(),
    );
    assert_eq!(withdrawn[0].replaced_by, raised[0].alert_id);
    assert_eq!(end.numbers("C", "2022-11-10", 1).cases, 0, "the case is of the 8th");
    assert_eq!(end.numbers("C", "2022-11-10", 7).cases, 1);
}

#[test]
fn further_positives_belong_to_the_same_case() {
    let end = Story::begin()
        .result("2022-11-08 12:00", result("R1", "P1", P, "2022-11-08 08:00"))
        .result("2022-11-12 12:00", result("R2", "P1", P, "2022-11-12 08:00"))
        .end("2022-11-12 20:00");
    let alert = end.live(Positive, "P1").expect("live");
    assert_eq!((alert.positive_specimens, alert.last_day.as_str()), (2, "2022-11-12"));
    assert_eq!(end.live_count(), 1);
    let numbers = end.numbers("C", "2022-11-12", 7);
    assert_eq!((numbers.positive_tests, numbers.cases, numbers.people_positive), (2, 1, Some(1)));
}

#[test]
fn people_are_counted_once_at_every_level_and_purpose() {
    let clinic = |swab: LabResult| LabResult { purpose: "clinic".into(), ..swab };
    let elsewhere = |swab: LabResult| LabResult { area: "D2S1".into(), ..swab };
    let end = Story::begin()
        .result("2022-11-08 12:00", result("R1", "P1", Negative, "2022-11-08 08:00"))
        .result("2022-11-09 12:00", clinic(result("R2", "P1", Negative, "2022-11-09 08:00")))
        .result("2022-11-10 12:00", elsewhere(result("R3", "P1", Negative, "2022-11-10 08:00")))
        .result("2022-11-10 12:00", result("R4", "P2", Negative, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    let tested = |area: &str, purpose: &str| end.purpose(area, "2022-11-10", 3, purpose).people_tested;
    assert_eq!((tested("C", ""), tested("D1", ""), tested("D2", "")), (Some(2), Some(2), Some(1)));
    assert_eq!((tested("C", "screening"), tested("C", "clinic")), (Some(2), Some(1)));
    assert_eq!(end.numbers("C", "2022-11-10", 3).conclusive_tests, 4);
}

#[test]
fn a_window_uses_the_registry_of_its_last_day() {
    // The harbour quarter moves from the second district to the first on the 15th.
    let harbour = LabResult { area: "D2S2".into(), ..result("R1", "P1", P, "2022-11-13 08:00") };
    let end = Story::begin().result("2022-11-13 12:00", harbour).end("2022-11-16 20:00");
    assert_eq!(end.numbers("D2", "2022-11-14", 7).positive_tests, 1);
    assert_eq!(end.numbers("D1", "2022-11-14", 7).positive_tests, 0);
    assert_eq!(end.numbers("D2", "2022-11-15", 7).positive_tests, 0);
    assert_eq!(end.numbers("D1", "2022-11-15", 7).people_positive, Some(1));
}

#[test]
fn what_was_counted_in_an_abolished_area_counts_where_it_went() {
    // The third district is merged into the second on 1 December. A lab names the district alone.
    let hills =
        |id: &str, person: &str, finding, at: &str| LabResult { area: "D3".into(), ..result(id, person, finding, at) };
    let university = LabResult { area: "D2S1".into(), ..result("R3", "P1", Negative, "2022-12-01 08:00") };
    let end = Story::begin()
        .result("2022-11-29 12:00", hills("R1", "P1", Negative, "2022-11-29 08:00"))
        .result("2022-11-30 12:00", hills("R2", "P2", P, "2022-11-30 08:00"))
        .result("2022-12-01 12:00", university)
        .end("2022-12-02 20:00");
    let before = |area: &str| end.numbers(area, "2022-11-30", 7);
    let after = |area: &str| end.numbers(area, "2022-12-01", 7);
    assert_eq!((before("C").conclusive_tests, before("D3").conclusive_tests, before("D2").conclusive_tests), (2, 2, 0));
    assert_eq!((after("C").conclusive_tests, after("D2").conclusive_tests), (3, 3), "nothing leaves the city");
    assert_eq!((after("D2").cases, after("D2").positive_tests, after("D3").conclusive_tests), (1, 1, 0));
    // Tested in one before and in the other after: one person of the merged district.
    assert_eq!(
        (after("D2").people_tested, after("C").people_tested, after("D2").people_positive),
        (Some(2), Some(2), Some(1))
    );
}

#[test]
fn a_community_case_makes_its_street_high_and_clean_days_bring_it_down() {
    let case = Story::begin().result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"));
    let at_once = case.clone().end("2022-11-10 20:00");
    assert_eq!((at_once.tier("D1S1"), at_once.steps_down("D1S1")), ("high", "2022-11-18"));
    assert_eq!(at_once.tier("D1S2"), "low");
    for (day, tier) in
        [("2022-11-17", "high"), ("2022-11-18", "medium"), ("2022-11-20", "medium"), ("2022-11-21", "low")]
    {
        assert_eq!(case.clone().end(&format!("{day} 20:00")).tier("D1S1"), tier, "on {day}");
    }
}

#[test]
fn a_case_under_an_order_leaves_its_street_as_it_is() {
    let ordered = ContactRecord {
        order: order("2022-11-08 00:00", "2022-11-08 00:00"),
        ..contact("C1", "P1", "P9", "2022-11-07")
    };
    let end = Story::begin()
        .contact("2022-11-08 09:00", ordered)
        .result("2022-11-10 12:00", result("R1", "P1", P, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    assert_eq!(end.tier("D1S1"), "low");
    let numbers = end.numbers("D1S1", "2022-11-10", 1);
    assert_eq!((numbers.cases, numbers.community_cases), (1, 0));
}

#[test]
fn a_specimen_belongs_to_the_civil_day_it_was_taken_on() {
    let end = Story::begin()
        .result("2022-11-10 12:00", result("R1", "P1", Negative, "2022-11-10 00:30"))
        .end("2022-11-10 20:00");
    assert!(time("2022-11-10 00:30") < time("2022-11-10 08:00"), "still the 9th in Greenwich");
    assert_eq!(end.numbers("C", "2022-11-10", 1).conclusive_tests, 1);
    assert_eq!(end.numbers("C", "2022-11-09", 1).conclusive_tests, 0);
}
