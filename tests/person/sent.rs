//! What labs, tracers and keepers of lists send: all days are of November 2022.

use crate::records::{close_contact, final_result, group_record};
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{
    ContactRecord, Finding, LabResult, ManagementOrder, PersonGroup, Pool, PoolMember, ResultStatus,
};

/// 2022-11-01 00:00 in Shanghai, plus days and hours.
pub fn at(day: i64, hour: i64) -> Timestamp {
    Timestamp(1_667_232_000_000).plus_days(day).plus_hours(hour)
}

/// A final result of the first lab for a street of the first district.
pub fn swab(person: &str, result_id: &str, collected_at: Timestamp, finding: Finding) -> LabResult {
    final_result(result_id, person, finding, collected_at)
}

/// A final result of a tube with swabs of these people, of the first lab.
pub fn pool(pool_id: &str, result_id: &str, collected_at: Timestamp, finding: Finding, people: &[&str]) -> LabResult {
    let member = |person: &&str| PoolMember { person_id: (*person).to_owned(), ..PoolMember::default() };
    let pool =
        Pool { pool_id: pool_id.to_owned(), size: people.len() as u32, members: people.iter().map(member).collect() };
    LabResult {
        specimen_id: format!("S-{pool_id}"),
        pool: Some(pool),
        ..final_result(result_id, "", finding, collected_at)
    }
}

/// A later version of a result.
pub fn revised(result: &LabResult, revision: u32, status: ResultStatus, finding: Finding) -> LabResult {
    LabResult { revision, status: status as i32, finding: finding as i32, ..result.clone() }
}

/// Somebody was close to somebody on a day.
pub fn met(record_id: &str, person: &str, index: &str, day: i64) -> ContactRecord {
    close_contact(record_id, person, index, at(day, 8), at(day, 10))
}

/// Somebody is in a group from a day of November on, until further notice.
pub fn member(record_id: &str, person: &str, group: &str, first: i64) -> PersonGroup {
    group_record(record_id, person, group, &format!("2022-11-{first:02}"))
}

/// With an order from the start of a day to the end of another.
pub fn ordered(record: ContactRecord, ordered_at: Timestamp, from: i64, to: i64) -> ContactRecord {
    let order = ManagementOrder {
        from: Some(at(from, 0).to_wire()),
        to: Some(at(to, 24).to_wire()),
        ordered_at: Some(ordered_at.to_wire()),
    };
    ContactRecord { order: Some(order), ..record }
}
