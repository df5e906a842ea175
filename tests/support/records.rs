//! The usual records of labs and tracers; a test changes what it is about.

use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{
    ContactKind, ContactRecord, ContactStatus, Finding, GroupStatus, LabResult, PersonGroup, ResultStatus,
};

/// A final result of the first lab, of a swab taken for screening in a street of the first district.
pub fn final_result(result_id: &str, person: &str, finding: Finding, collected_at: Timestamp) -> LabResult {
    LabResult {
        lab_id: "LAB-1".into(),
        result_id: result_id.into(),
        status: ResultStatus::Final as i32,
        person_id: person.into(),
        specimen_id: format!("S-{result_id}"),
        target: "sars-cov-2".into(),
        collected_at: Some(collected_at.to_wire()),
        area: "D1S1".into(),
        purpose: "screening".into(),
        finding: finding as i32,
        ..LabResult::default()
    }
}

/// A close contact of `index` from one moment to another, without an order.
pub fn close_contact(record_id: &str, person: &str, index: &str, from: Timestamp, to: Timestamp) -> ContactRecord {
    ContactRecord {
        record_id: record_id.into(),
        status: ContactStatus::Active as i32,
        person_id: person.into(),
        index_person_id: index.into(),
        kind: ContactKind::Close as i32,
        exposure_start: Some(from.to_wire()),
        exposure_end: Some(to.to_wire()),
        ..ContactRecord::default()
    }
}

/// Somebody is in a key group from a day on, until further notice.
pub fn group_record(record_id: &str, person: &str, group: &str, first_day: &str) -> PersonGroup {
    PersonGroup {
        record_id: record_id.into(),
        status: GroupStatus::Active as i32,
        person_id: person.into(),
        group: group.into(),
        first_day: first_day.into(),
        ..PersonGroup::default()
    }
}
