//! One fixture per code and field, on the rules of the sample city (zone Asia/Shanghai, horizon 7 days).

use super::*;
use crate::policy::sample::sample_rules;
use crate::proto::v1::{CtValue, ManagementOrder, Pool};

fn wire(text: &str) -> WireTimestamp {
    at(text).to_wire()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

/// Received at 12:00 in Shanghai on 2022-11-11.
const RECEIVED: &str = "2022-11-11T12:00:00+08:00";

fn good_result() -> v1::LabResult {
    v1::LabResult {
        lab_id: "LAB-1".into(),
        result_id: "r1".into(),
        status: ResultStatus::Final.into(),
        person_id: "p1".into(),
        specimen_id: "s1".into(),
        target: "sars-cov-2".into(),
        collected_at: Some(wire("2022-11-11T08:00:00+08:00")),
        reported_at: Some(wire("2022-11-11T11:00:00+08:00")),
        area: "D1S1".into(),
        purpose: "screening".into(),
        finding: Finding::Positive.into(),
        ct_values: vec![CtValue { gene: "N".into(), cycles: 0.0 }, CtValue { gene: "ORF1ab".into(), cycles: 60.0 }],
        kit: "k".into(),
        ..Default::default()
    }
}

fn good_contact() -> v1::ContactRecord {
    v1::ContactRecord {
        record_id: "c1".into(),
        revision: u32::MAX,
        status: ContactStatus::Active.into(),
        person_id: "p1".into(),
        index_person_id: "p2".into(),
        kind: ContactKind::Close.into(),
        exposure_start: Some(wire("2022-11-10T08:00:00Z")),
        exposure_end: Some(wire("2022-11-10T08:00:00Z")),
        reported_at: None,
        order: Some(ManagementOrder {
            from: Some(wire("2022-11-10T00:00:00Z")),
            to: Some(wire("2022-11-17T00:00:00Z")),
            ordered_at: Some(wire("2022-11-11T00:00:00Z")),
        }),
        target: String::new(),
    }
}

#[test]
fn a_good_result_passes_as_it_is() {
    let wire = v1::LabResult { previous_person_id: "p0".into(), mode: 2, ..good_result() };
    let result = result(&ResultView::of(&wire), at(RECEIVED), &sample_rules()).expect("valid").0;
    assert_eq!((result.lab_id, result.result_id, result.person_id), ("LAB-1", "r1", "p1"));
    assert_eq!((result.previous_person_id, result.training), (Some("p0"), true));
    assert_eq!((result.precision, result.ct_values.len()), (TimePrecision::Minute, 2));
    assert_eq!(result.collected_at, at("2022-11-11T00:00:00Z"));
}

#[test]
fn a_result_moved_from_its_own_person_is_not_moved() {
    let wire = v1::LabResult { previous_person_id: "p1".into(), ..good_result() };
    let result = result(&ResultView::of(&wire), at(RECEIVED), &sample_rules()).expect("valid").0;
    assert_eq!(result.previous_person_id, None);
    let wire = v1::LabResult { replaces_result_id: wire.result_id.clone(), ..wire };
    let view = ResultView::of(&wire);
    assert_eq!(well_formed(&view).expect("valid").replaces_result_id, None, "nor does its own id replace anything");
}

/// What breaks a good message, and the code and field it must end in.
type Fixture<M> = (fn(&mut M), RejectCode, &'static str);

#[test]
fn every_fault_of_a_result_has_its_code_and_field() {
    use RejectCode::*;
    let fixtures: &[Fixture<v1::LabResult>] = &[
        (|result| result.pool = Some(Pool::default()), Unsupported, "pool"),
        (|result| result.lab_id.clear(), MissingField, "lab_id"),
        (|result| result.result_id.clear(), MissingField, "result_id"),
        (|result| result.person_id.clear(), MissingField, "person_id"),
        (|result| result.specimen_id.clear(), MissingField, "specimen_id"),
        (|result| result.target.clear(), MissingField, "target"),
        (|result| result.area.clear(), MissingField, "area"),
        (|result| result.purpose.clear(), MissingField, "purpose"),
        (|result| result.collected_at = None, MissingField, "collected_at"),
        (|result| result.status = 0, MissingField, "status"),
        (|result| result.finding = 0, MissingField, "finding"),
        (|result| result.ct_values[1].gene.clear(), MissingField, "ct_values[1].gene"),
        (|result| result.status = 6, UnknownEnum, "status"),
        (|result| result.finding = -1, UnknownEnum, "finding"),
        (|result| result.collected_precision = 3, UnknownEnum, "collected_precision"),
        (|result| result.mode = 3, UnknownEnum, "mode"),
        (|result| result.lab_id = "x".repeat(65), InvalidId, "lab_id"),
        (|result| result.result_id = "r\t1".into(), InvalidId, "result_id"),
        (|result| result.person_id = "p\u{0}".into(), InvalidId, "person_id"),
        (|result| result.previous_person_id = "x".repeat(65), InvalidId, "previous_person_id"),
        (|result| result.replaces_result_id = "r\n".into(), InvalidId, "replaces_result_id"),
        (|result| result.specimen_id = "s\u{85}".into(), InvalidId, "specimen_id"),
        (|result| result.person_id = "P001\u{200b}".into(), InvalidId, "person_id"),
        (|result| result.result_id = "r\u{ad}1".into(), InvalidId, "result_id"),
        (|result| result.lab_id = "\u{202a}LAB-1\u{202c}".into(), InvalidId, "lab_id"),
        (|result| result.result_id = "#N/A".into(), InvalidId, "result_id"),
        (|result| result.person_id = "5.00103E+17".into(), InvalidId, "person_id"),
        (|result| result.person_id = "unknown".into(), InvalidId, "person_id"),
        (|result| result.person_id = "P\u{fffd}1".into(), InvalidId, "person_id"),
        (|result| result.specimen_id = "锟斤拷".into(), InvalidId, "specimen_id"),
        (|result| result.result_id = "＃N/A".into(), InvalidId, "result_id"),
        (|result| result.specimen_id = "-".into(), InvalidId, "specimen_id"),
        (|result| result.previous_person_id = "NULL".into(), InvalidId, "previous_person_id"),
        (|result| result.replaces_result_id = "TRUE".into(), InvalidId, "replaces_result_id"),
        (|result| result.kit = "\u{feff}kit".into(), InvalidId, "kit"),
        (|result| result.target = "x".repeat(33), InvalidId, "target"),
        (|result| result.area = "渝".repeat(11), InvalidId, "area"),
        (|result| result.purpose = "x".repeat(33), InvalidId, "purpose"),
        (|result| result.kit = "x".repeat(65), InvalidId, "kit"),
        (|result| result.ct_values[0].gene = "x".repeat(33), InvalidId, "ct_values[0].gene"),
        (|result| result.ct_values[0].cycles = 60.01, OutOfRange, "ct_values[0].cycles"),
        (|result| result.ct_values[0].cycles = -0.01, OutOfRange, "ct_values[0].cycles"),
        (|result| result.ct_values[1].cycles = f64::NAN, OutOfRange, "ct_values[1].cycles"),
        (|result| result.collected_at = Some(unreadable()), InvalidTime, "collected_at"),
        (|result| result.reported_at = Some(unreadable()), InvalidTime, "reported_at"),
        (|result| result.collected_at = Some(wire("0026-11-11T00:00:00Z")), InvalidTime, "collected_at"),
        (|result| result.collected_at = Some(wire("2202-11-11T00:00:00Z")), InvalidTime, "collected_at"),
        (|result| result.reported_at = Some(wire("1899-12-01T00:00:00Z")), InvalidTime, "reported_at"),
        (|result| result.reported_at = Some(wire("2202-11-11T00:00:00Z")), InvalidTime, "reported_at"),
        (|result| result.collected_at = Some(wire("1900-01-01T00:00:00Z")), BeforeHorizon, "collected_at"),
        (|result| result.collected_at = Some(wire("2023-12-31T00:00:00Z")), CollectedInFuture, "collected_at"),
        (|result| result.area = "D9".into(), UnknownArea, "area"),
        (|result| result.lab_id = "LAB-9".into(), UnknownLab, "lab_id"),
        (|result| result.purpose = "curiosity".into(), UnknownPurpose, "purpose"),
        (|result| result.target = "adenovirus".into(), UnknownTarget, "target"),
        (|result| result.target = "Sars-Cov-2".into(), UnknownTarget, "target"),
    ];
    let rules = sample_rules();
    for (at_fixture, (spoil, code, field)) in fixtures.iter().enumerate() {
        let mut wire = good_result();
        spoil(&mut wire);
        let refused = result(&ResultView::of(&wire), at(RECEIVED), &rules).expect_err(field);
        assert_eq!(refused, Reject::new(*code, *field), "fixture {at_fixture}");
    }
}

fn unreadable() -> WireTimestamp {
    WireTimestamp { seconds: 0, nanos: -1 }
}

#[test]
fn times_of_collection_have_exact_bounds() {
    let rules = sample_rules();
    let judged = |collected_at: &str, precision: TimePrecision| {
        let collected_precision = precision.into();
        let wire = v1::LabResult { collected_at: Some(wire(collected_at)), collected_precision, ..good_result() };
        result(&ResultView::of(&wire), at(RECEIVED), &rules).map(drop).map_err(|reject| reject.code)
    };
    use TimePrecision::{Day, Minute};
    for (collected_at, precision, expected) in [
        ("2022-11-11T12:05:00+08:00", Minute, Ok(())),
        ("2022-11-11T12:05:00.001+08:00", Minute, Err(RejectCode::CollectedInFuture)),
        ("2022-11-04T12:00:00+08:00", Minute, Ok(())),
        ("2022-11-04T11:59:59.999+08:00", Minute, Err(RejectCode::BeforeHorizon)),
        // By days: the time of day means nothing.
        ("2022-11-11T23:59:59+08:00", Day, Ok(())),
        ("2022-11-12T00:00:00+08:00", Day, Err(RejectCode::CollectedInFuture)),
        ("2022-11-04T00:00:00+08:00", Day, Ok(())),
        ("2022-11-03T23:59:59+08:00", Day, Err(RejectCode::BeforeHorizon)),
        ("0001-01-01T00:00:00Z", Minute, Err(RejectCode::InvalidTime)),
        ("9999-12-30T00:00:00Z", Minute, Err(RejectCode::InvalidTime)),
    ] {
        assert_eq!(judged(collected_at, precision), expected, "{collected_at} {precision:?}");
    }
}

#[test]
fn an_area_must_exist_on_the_day_of_collection() {
    // District D3 was merged away on 2022-12-01.
    let rules = sample_rules();
    let judged = |collected_at: &str| {
        let wire = v1::LabResult { area: "D3".into(), collected_at: Some(wire(collected_at)), ..good_result() };
        result(&ResultView::of(&wire), at("2022-12-02T12:00:00+08:00"), &rules).map(drop)
    };
    assert_eq!(judged("2022-11-30T23:59:00+08:00"), Ok(()));
    assert_eq!(judged("2022-12-01T00:00:00+08:00"), Err(Reject::new(RejectCode::UnknownArea, "area")));
}

#[test]
fn a_policy_may_accept_labs_that_are_not_registered() {
    let mut rules = sample_rules();
    rules.cases[0].accept_unknown_labs = true;
    let wire = v1::LabResult { lab_id: "LAB-9".into(), ..good_result() };
    assert!(result(&ResultView::of(&wire), at(RECEIVED), &rules).is_ok());
}

#[test]
fn what_is_refused_with_rules_for_its_form_is_refused_without() {
    let wire = v1::LabResult { area: "nowhere".into(), ..good_result() };
    assert!(well_formed(&ResultView::of(&wire)).is_ok());
    let refused = well_formed(&ResultView::of(&v1::LabResult { area: String::new(), ..wire })).map(drop);
    assert_eq!(refused, Err(Reject::new(RejectCode::MissingField, "area")));
}

#[test]
fn every_fault_of_a_contact_record_has_its_code_and_field() {
    use RejectCode::*;
    fn order(contact: &mut v1::ContactRecord) -> &mut ManagementOrder {
        contact.order.as_mut().expect("a good record has one")
    }
    let fixtures: &[Fixture<v1::ContactRecord>] = &[
        (|contact| contact.record_id.clear(), MissingField, "record_id"),
        (|contact| contact.person_id.clear(), MissingField, "person_id"),
        (|contact| contact.index_person_id.clear(), MissingField, "index_person_id"),
        (|contact| contact.status = 0, MissingField, "status"),
        (|contact| contact.kind = 0, MissingField, "kind"),
        (|contact| contact.exposure_start = None, MissingField, "exposure_start"),
        (|contact| contact.exposure_end = None, MissingField, "exposure_end"),
        (|contact| order(contact).from = None, MissingField, "order.from"),
        (|contact| order(contact).to = None, MissingField, "order.to"),
        (|contact| order(contact).ordered_at = None, MissingField, "order.ordered_at"),
        (|contact| contact.status = 3, UnknownEnum, "status"),
        (|contact| contact.kind = 4, UnknownEnum, "kind"),
        (|contact| contact.record_id = "x".repeat(65), InvalidId, "record_id"),
        (|contact| contact.person_id = "p\n".into(), InvalidId, "person_id"),
        (|contact| contact.record_id = "未知".into(), InvalidId, "record_id"),
        (|contact| contact.person_id = "########".into(), InvalidId, "person_id"),
        (|contact| contact.index_person_id = "N/A".into(), InvalidId, "index_person_id"),
        (|contact| contact.person_id = "P0001\u{fffd}".into(), InvalidId, "person_id"),
        (|contact| contact.index_person_id = "x".repeat(65), InvalidId, "index_person_id"),
        (|contact| contact.exposure_start = Some(unreadable()), InvalidTime, "exposure_start"),
        (|contact| contact.exposure_end = Some(unreadable()), InvalidTime, "exposure_end"),
        (|contact| contact.reported_at = Some(unreadable()), InvalidTime, "reported_at"),
        (|contact| order(contact).from = Some(unreadable()), InvalidTime, "order.from"),
        (|contact| contact.person_id = "p\u{2060}1".into(), InvalidId, "person_id"),
        (|contact| contact.exposure_start = Some(wire("0022-11-10T00:00:00Z")), InvalidTime, "exposure_start"),
        (|contact| contact.exposure_end = Some(wire("2202-11-10T00:00:00Z")), InvalidTime, "exposure_end"),
        (|contact| contact.reported_at = Some(wire("2202-11-10T00:00:00Z")), InvalidTime, "reported_at"),
        (|contact| order(contact).to = Some(wire("2202-11-10T00:00:00Z")), InvalidTime, "order.to"),
        (|contact| order(contact).ordered_at = Some(wire("0022-11-10T00:00:00Z")), InvalidTime, "order.ordered_at"),
        (|contact| contact.index_person_id = "p1".into(), SamePerson, "index_person_id"),
        (|contact| contact.exposure_end = Some(wire("2022-11-10T07:59:59Z")), InvalidInterval, "exposure_end"),
        (|contact| order(contact).to = Some(wire("2022-11-09T23:59:59Z")), InvalidInterval, "order.to"),
    ];
    for (at_fixture, (spoil, code, field)) in fixtures.iter().enumerate() {
        let mut wire = good_contact();
        spoil(&mut wire);
        let refused = contact(&wire, at(RECEIVED), &sample_rules()).expect_err(field);
        assert_eq!(refused, Reject::new(*code, *field), "fixture {at_fixture}");
    }
}

#[test]
fn an_order_holds_from_when_it_was_given_and_not_before_it_begins() {
    let held = |ordered_at: &str| {
        let mut wire = good_contact();
        wire.order.as_mut().expect("a good record has one").ordered_at = Some(self::wire(ordered_at));
        well_formed_contact(&wire).expect("valid").order.map(|(from, _)| from)
    };
    assert_eq!(held("2022-11-09T00:00:00Z"), Some(at("2022-11-10T00:00:00Z")));
    assert_eq!(held("2022-11-11T00:00:00Z"), Some(at("2022-11-11T00:00:00Z")));
    assert_eq!(held("2022-11-17T00:00:00Z"), Some(at("2022-11-17T00:00:00Z")));
    assert_eq!(held("2022-11-17T00:00:01Z"), None, "given after its own end");
}

#[test]
fn years_that_are_plausible_are_a_rule_of_the_day_of_receipt() {
    let mut rules = sample_rules();
    let judged = |rules: &Rules, year: &str| {
        let exposure = Some(wire(&format!("{year}-06-01T00:00:00Z")));
        let wire =
            v1::ContactRecord { exposure_start: exposure, exposure_end: exposure, order: None, ..good_contact() };
        contact(&wire, at(RECEIVED), rules).map(drop).map_err(|reject| reject.code)
    };
    for (year, expected) in [("1900", Ok(())), ("2023", Ok(())), ("2024", Err(RejectCode::InvalidTime))] {
        assert_eq!(judged(&rules, year), expected, "{year}");
    }
    rules.cases[0].years = Years::new(2020, 0);
    for (year, is_plausible) in [("2019", false), ("2020", true), ("2022", true), ("2023", false)] {
        assert_eq!(judged(&rules, year).is_ok(), is_plausible, "{year}");
    }
}

#[test]
fn a_result_is_reported_early_when_clocks_cannot_explain_it() {
    let early = |collected: &str, precision: TimePrecision, reported: &str| {
        let (collected_at, reported_at) = (Some(wire(collected)), Some(wire(reported)));
        let collected_precision = precision.into();
        let result = v1::LabResult { collected_at, reported_at, collected_precision, ..good_result() };
        is_reported_early(&ResultView::of(&result))
    };
    use TimePrecision::{Day, Minute};
    assert!(early("2022-11-11T08:00:00Z", Minute, "2021-03-01T00:00:00Z"));
    assert!(early("2022-11-11T08:05:01Z", Minute, "2022-11-11T08:00:00Z"));
    assert!(!early("2022-11-11T08:05:00Z", Minute, "2022-11-11T08:00:00Z"));
    assert!(!early("2022-11-11T08:00:00Z", Minute, "2022-11-11T12:00:00Z"));
    assert!(!early("2022-11-11T16:00:00Z", Day, "2022-11-11T01:00:00Z"));
    assert!(early("2022-11-11T16:00:00Z", Day, "2022-11-10T15:00:00Z"));
    let unsaid = v1::LabResult { reported_at: None, ..good_result() };
    assert!(!is_reported_early(&ResultView::of(&unsaid)));
}
