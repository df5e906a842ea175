//! Stories of panels: several targets of one specimen, each with numbers, cases, alerts and tiers of its own. Told as
//! all stories are: in order, with faults, and backwards; the recount agrees each time.

use crate::support::story::{Story, contact, order, result};
use swabstream::model::outcome::RejectCode;
use swabstream::proto::v1::AlertFamily::Positive;
use swabstream::proto::v1::AlertState::{Raised, Withdrawn};
use swabstream::proto::v1::Finding::{self, Negative};
use swabstream::proto::v1::{Channel, ContactRecord, LabResult, ResultStatus};

const P: Finding = Finding::Positive;

/// One specimen of a person, for one target.
fn of(target: &str, id: &str, person: &str, finding: Finding, swabbed: &str) -> LabResult {
    LabResult { target: target.into(), specimen_id: format!("S-{person}"), ..result(id, person, finding, swabbed) }
}

fn panel(story: Story, person: &str, at: &str) -> Story {
    let one = |target: &str, finding| of(target, &format!("{person}-{target}"), person, finding, at);
    story
        .result("2022-11-10 12:00", one("sars-cov-2", Negative))
        .result("2022-11-10 12:00", one("FLU-A", P))
        .result("2022-11-10 12:00", one("rsv", Negative))
}

#[test]
fn influenza_in_a_panel_raises_neither_case_nor_tier_of_the_first_target() {
    let mut story = Story::begin();
    for person in ["P1", "P2", "P3"] {
        story = panel(story, person, "2022-11-10 08:00");
    }
    let end = story.end("2022-11-10 20:00");
    let first = end.numbers("D1", "2022-11-10", 7);
    assert_eq!((first.positive_tests, first.conclusive_tests, first.cases), (0, 3, 0));
    assert_eq!((first.people_positive, first.people_tested), (Some(0), Some(3)));
    let influenza = end.numbers("D1/influenza-a", "2022-11-10", 7);
    assert_eq!((influenza.positive_tests, influenza.conclusive_tests, influenza.cases), (3, 3, 3));
    let rsv = end.numbers("D1/rsv", "2022-11-10", 7);
    assert_eq!((rsv.positive_tests, rsv.conclusive_tests, rsv.cases), (0, 3, 0));
    assert_eq!((end.tier("D1S1"), end.tier("D1S1/influenza-a"), end.tier("D1S1/rsv")), ("low", "high", ""));
    assert!(end.tier_alert("D1S1", "2022-11-10").is_some_and(|alert| alert.target == "influenza-a"));
    assert_eq!(end.live(Positive, "P1").map(|alert| alert.target.as_str()), Some("influenza-a"));
    assert_eq!(end.live_count(), 3, "influenza alone");
}

#[test]
fn a_target_that_is_not_declared_is_set_aside_and_the_rest_of_the_panel_counts() {
    let end = Story::begin()
        .result("2022-11-10 12:00", of("sars-cov-2", "R1", "P1", Negative, "2022-11-10 08:00"))
        .broken(
            "2022-11-10 12:00",
            Some(&prost::Message::encode_to_vec(&of("adenovirus", "R2", "P", P, "2022-11-10 08:00"))),
            RejectCode::UnknownTarget,
        )
        .end("2022-11-10 20:00");
    assert_eq!(end.dead_letters(), ["unknown_target"]);
    assert_eq!(end.numbers("D1", "2022-11-10", 7).conclusive_tests, 1);
    assert_eq!(end.live_count(), 0);
}

#[test]
fn a_result_that_was_for_another_target_moves_its_case_its_numbers_and_its_tier() {
    let right = LabResult {
        revision: 1,
        status: ResultStatus::Corrected as i32,
        ..of("influenza-a", "R1", "P1", P, "2022-11-10 08:00")
    };
    // Of three tests a share of influenza means something.
    let others = ["P2", "P3"].map(|person| of("influenza-a", person, person, Negative, "2022-11-10 08:00"));
    let [second, third] = others;
    let end = Story::begin()
        .result("2022-11-10 11:00", second)
        .result("2022-11-10 11:00", third)
        .result("2022-11-10 12:00", of("SARS-CoV-2", "R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 14:00", right)
        .end("2022-11-10 20:00");
    assert_eq!(end.states("P1"), [Raised, Withdrawn, Raised]);
    assert_eq!(end.live(Positive, "P1").map(|alert| alert.target.as_str()), Some("influenza-a"));
    assert_eq!(end.numbers("D1", "2022-11-10", 7).cases, 0);
    assert_eq!((end.tier("D1S1"), end.tier("D1S1/influenza-a")), ("low", "high"));
}

#[test]
fn a_contact_record_that_names_a_target_is_about_that_one_alone() {
    let record = ContactRecord {
        target: "FLU-A".into(),
        order: order("2022-11-09 00:00", "2022-11-09 00:00"),
        ..contact("C1", "P1", "P2", "2022-11-09")
    };
    let end = Story::begin()
        .contact("2022-11-09 12:00", record)
        .result("2022-11-10 12:00", of("influenza-a", "R1", "P1", P, "2022-11-10 08:00"))
        .result("2022-11-10 12:00", of("sars-cov-2", "R2", "P3", P, "2022-11-10 08:00"))
        .result("2022-11-10 12:00", of("influenza-a", "R3", "P2", P, "2022-11-10 08:00"))
        .end("2022-11-10 20:00");
    let contact = end.live(Positive, "P1").expect("a case");
    assert_eq!((contact.channel(), contact.exposed_to.len()), (Channel::Managed, 1));
    assert_eq!(end.live(Positive, "P2").map(|index| index.to_trace.len()), Some(1));
}
