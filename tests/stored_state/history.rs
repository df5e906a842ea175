//! A small history with something of everything that is stored: corrections, moves, contacts, alerts, tiers, old rows.
//!
//! What is written here must never change: the fixtures in `tests/fixtures` are what earlier versions made of it.

use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{
    ContactKind, ContactRecord, ContactStatus, CtValue, Finding, LabResult, ManagementOrder, PersonGroup, ResultStatus,
};

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A result, and when it is received.
    Lab(LabResult, Timestamp),
    /// A contact record, and when it is received.
    Contact(ContactRecord, Timestamp),
    Group(PersonGroup, Timestamp),
    /// Every task has come to this time.
    Time(Timestamp),
}

/// 2022-11-01 00:00 in Shanghai, plus days and hours.
fn at(day: i64, hour: i64) -> Timestamp {
    Timestamp(1_667_232_000_000).plus_days(day).plus_hours(hour)
}

fn person(number: usize) -> String {
    format!("P{number}")
}

fn swab(who: usize, id: &str, collected_at: Timestamp, finding: Finding) -> LabResult {
    LabResult {
        lab_id: ["LAB-1", "LAB-2"][who % 2].into(),
        result_id: id.into(),
        status: ResultStatus::Final as i32,
        person_id: person(who),
        specimen_id: format!("S-{id}"),
        target: "sars-cov-2".into(),
        collected_at: Some(collected_at.to_wire()),
        area: ["D1S1", "D1S2", "D2S1", "D3S1"][who % 4].into(),
        purpose: ["screening", "clinic"][who % 2].into(),
        finding: finding as i32,
        ..Default::default()
    }
}

fn met(number: usize, who: usize, index: usize, day: i64, kind: ContactKind) -> ContactRecord {
    ContactRecord {
        record_id: format!("C{number}"),
        status: ContactStatus::Active as i32,
        person_id: person(who),
        index_person_id: person(index),
        kind: kind as i32,
        exposure_start: Some(at(day, 8).to_wire()),
        exposure_end: Some(at(day, 10).to_wire()),
        ..Default::default()
    }
}

fn ordered(record: ContactRecord, from: i64, to: i64) -> ContactRecord {
    let order = ManagementOrder {
        from: Some(at(from, 0).to_wire()),
        to: Some(at(to, 0).to_wire()),
        ordered_at: Some(at(from, 1).to_wire()),
    };
    ContactRecord { order: Some(order), ..record }
}

fn withdrawn(record: ContactRecord) -> ContactRecord {
    ContactRecord { status: ContactStatus::Withdrawn as i32, revision: record.revision + 1, ..record }
}

fn again(result: LabResult, revision: u32, status: ResultStatus, finding: Finding) -> LabResult {
    LabResult { revision, status: status as i32, finding: finding as i32, ..result }
}

fn contacts() -> Vec<ContactRecord> {
    use ContactKind::{Close, CoExposed, Secondary};
    vec![
        met(1, 4, 3, 2, Close),
        ordered(met(2, 5, 3, 2, Close), 3, 12),
        met(3, 6, 3, 3, Secondary),
        met(4, 7, 3, 3, CoExposed),
        met(5, 8, 3, 4, Close),
        met(6, 3, 9, 1, Close),
        ordered(met(7, 10, 9, 4, Secondary), 5, 6),
    ]
}

/// Screening of everybody on some days, cases with their contacts, errors of labs.
pub fn first_part() -> Vec<Step> {
    use Finding::{Inconclusive, Invalid, Negative, Positive};
    use ResultStatus::{Cancelled, Corrected, EnteredInError, Final, Preliminary};
    let lab = |result: LabResult, day: i64| Step::Lab(result, at(day, 20));
    let contact = |record: ContactRecord, day: i64| Step::Contact(record, at(day, 21));
    let positive = |who: usize, day: i64| swab(who, &format!("R{who}-{day}"), at(day, 9), Positive);
    let mut steps = Vec::new();
    for day in [0, 5] {
        steps.extend(
            (1..=8).map(|who| lab(swab(who, &format!("N{who}-{day}"), at(day, 7 + who as i64), Negative), day)),
        );
    }
    steps.extend(contacts().into_iter().take(4).map(|record| contact(record, 6)));
    steps.extend([
        lab(LabResult { ct_values: vec![CtValue { gene: "N".into(), cycles: 21.5 }], ..positive(3, 6) }, 6),
        lab(positive(6, 6), 6),
        lab(positive(5, 7), 7),
    ]);
    steps.extend(contacts().into_iter().skip(4).map(|record| contact(record, 7)));
    // The fifth record names somebody else after all, the sixth is withdrawn, the first becomes secondary.
    let [first, _, _, _, fifth, sixth, _] = &contacts()[..] else { panic!("seven records") };
    steps.extend([
        contact(ContactRecord { index_person_id: person(1), revision: 1, ..fifth.clone() }, 7),
        contact(withdrawn(sixth.clone()), 7),
        contact(ContactRecord { kind: ContactKind::Secondary as i32, revision: 2, ..first.clone() }, 7),
        lab(again(positive(9, 7), 0, Preliminary, Positive), 7),
        lab(positive(9, 7), 7),
        lab(positive(11, 7), 7),
        lab(again(positive(11, 7), 1, Corrected, Negative), 8),
        lab(again(positive(11, 7), 0, Final, Negative), 8),
        lab(positive(12, 8), 8),
        lab(
            LabResult {
                result_id: "R12-b".into(),
                lab_id: "LAB-3".into(),
                ..again(positive(12, 8), 0, Final, Negative)
            },
            8,
        ),
        lab(swab(2, "I", at(8, 3), Inconclusive), 8),
        lab(swab(2, "V", at(8, 4), Invalid), 8),
        lab(again(swab(2, "V", at(8, 4), Invalid), 1, Cancelled, Invalid), 8),
        lab(again(swab(1, "E", at(8, 4), Positive), 3, EnteredInError, Positive), 8),
        lab(positive(2, 8), 8),
        lab(
            LabResult {
                person_id: person(13),
                previous_person_id: person(2),
                ..again(positive(2, 8), 1, Corrected, Positive)
            },
            9,
        ),
    ]);
    // Time enough for most rows to be dropped and for positives to be settled; some people are tested again.
    steps.push(Step::Time(at(33, 0)));
    steps.extend((3..=7).map(|who| lab(swab(who, &format!("N{who}-33"), at(33, who as i64), Negative), 33)));
    steps.push(Step::Time(at(34, 0)));
    steps.extend([lab(positive(7, 34), 34), contact(met(8, 14, 7, 33, ContactKind::Close), 34)]);
    steps
}

/// What happens after the state was stored: every contact record has a later version, cases are taken back.
pub fn second_part() -> Vec<Step> {
    use Finding::{Negative, Positive};
    use ResultStatus::Corrected;
    let lab = |result: LabResult, day: i64| Step::Lab(result, at(day, 20));
    let contact = |record: ContactRecord, day: i64| Step::Contact(record, at(day, 21));
    let mut steps: Vec<Step> = Vec::new();
    for (turn, record) in contacts().into_iter().enumerate() {
        let later = ContactRecord { revision: 7, ..record };
        steps.push(contact(
            match turn {
                1 => withdrawn(later),
                2 => ContactRecord { index_person_id: person(7), ..later },
                _ => later,
            },
            35,
        ));
    }
    steps.extend([
        lab(swab(4, "R4-35", at(35, 9), Positive), 35),
        lab(again(swab(7, "R7-34", at(34, 9), Positive), 1, Corrected, Negative), 35),
        lab(again(swab(3, "R3-6", at(29, 9), Positive), 1, Corrected, Positive), 35),
        contact(ContactRecord { revision: 1, ..met(8, 14, 7, 33, ContactKind::Close) }, 35),
        lab(swab(14, "N14", at(35, 9), Negative), 35),
        Step::Time(at(36, 0)),
    ]);
    steps
}

/// Time, until all that is old has been dropped: a restored task looks through more empty slots for it, some of them each
/// time it commits, so each has something to read each time.
pub fn last_part() -> Vec<Step> {
    let tested = |hour: i64, who: usize| {
        let result = swab(who, &format!("L{who}-{hour}"), at(190, hour - 1), Finding::Negative);
        Step::Lab(result, at(190, hour))
    };
    let hour = |hour: i64| (20..26).map(move |who| tested(hour, who)).chain([Step::Time(at(190, hour))]);
    (0..40).flat_map(hour).collect()
}
