//! A record of a key group, after validation.

use super::time::Day;
pub use crate::proto::v1::GroupStatus;

/// One valid version of: a person is in a group from one day to another. It borrows the decoded message.
#[derive(Clone, Copy, Debug)]
pub struct PersonGroup<'a> {
    /// The list keeper's id of the record.
    pub record_id: &'a str,
    /// Version.
    pub revision: u32,
    /// Whether it holds; never unspecified.
    pub status: GroupStatus,
    /// The person.
    pub person_id: &'a str,
    /// The group.
    pub group: &'a str,
    /// Where the person counts while no swab says where; empty for nowhere.
    pub area: &'a str,
    /// First day.
    pub first: Day,
    /// Last day, not before the first; none until further notice.
    pub last: Option<Day>,
}
