//! Which key groups a person is in, as records say.
//!
//! In: the version of each record that stands. Out: the same after a restore.

use crate::model::group::{GroupStatus, PersonGroup};
use crate::model::time::{Day, Timestamp};
use crate::state::codec::{Reader, corrupt, put_bytes, put_i64, put_short_signed, put_u32, put_u64};
use crate::state::corrupt::Corrupt;

/// The standing version of a record of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The list keeper's id.
    pub record_id: String,
    /// Version.
    pub revision: u32,
    /// Whether it holds.
    pub status: GroupStatus,
    /// Hash of the meaning.
    pub content: u64,
    /// The group.
    pub group: String,
    /// Where the person counts while no swab says where; empty for nowhere.
    pub area: String,
    /// First day.
    pub first: Day,
    /// Last day; none until further notice.
    pub last: Option<Day>,
    /// When any version was first received.
    pub received_at: Timestamp,
    /// When any was received last.
    pub last_received_at: Timestamp,
}

impl Membership {
    /// A valid record.
    pub fn new(record: &PersonGroup<'_>, content: u64, received_at: Timestamp) -> Self {
        Self {
            record_id: record.record_id.to_owned(),
            revision: record.revision,
            status: record.status,
            content,
            group: record.group.to_owned(),
            area: record.area.to_owned(),
            first: record.first,
            last: record.last,
            received_at,
            last_received_at: received_at,
        }
    }

    /// The place among versions of one record: the greatest stands.
    pub fn rank(&self) -> (u32, i32, u64) {
        (self.revision, self.status as i32, self.content)
    }

    /// Whether it holds.
    pub fn is_active(&self) -> bool {
        self.status == GroupStatus::Active
    }

    pub(super) fn put(&self, into: &mut Vec<u8>) {
        for text in [&self.record_id, &self.group, &self.area] {
            put_bytes(into, text.as_bytes());
        }
        put_u32(into, self.revision);
        let is_repeated = self.last_received_at != self.received_at;
        into.extend_from_slice(&[self.status as u8, u8::from(self.last.is_some()) | u8::from(is_repeated) << 1]);
        put_u64(into, self.content);
        put_short_signed(into, i64::from(self.first.0));
        if let Some(last) = self.last {
            put_short_signed(into, i64::from(last.0));
        }
        put_i64(into, self.received_at.0);
        if is_repeated {
            put_i64(into, self.last_received_at.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let [record_id, group, area] =
            [reader.text()?.to_owned(), reader.text()?.to_owned(), reader.text()?.to_owned()];
        let revision = reader.u32()?;
        let status = GroupStatus::try_from(i32::from(reader.u8()?));
        let status = status.map_err(|_| corrupt("unknown status of a record of a group"))?;
        let flags = reader.u8()?;
        if flags > 3 {
            return Err(corrupt("a record of a group has a flag of unknown meaning"));
        }
        let content = reader.u64()?;
        let first = Day(reader.short_signed()?);
        let last = if flags & 1 != 0 { Some(Day(reader.short_signed()?)) } else { None };
        let received_at = Timestamp(reader.i64()?);
        let last_received_at = if flags & 2 != 0 { Timestamp(reader.i64()?) } else { received_at };
        Ok(Self { record_id, revision, status, content, group, area, first, last, received_at, last_received_at })
    }
}
