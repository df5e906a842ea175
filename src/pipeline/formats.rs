//! Formats of the messages that tasks send each other. While an upgrade rolls over a deployment, instances of two versions
//! read what either has written: a task that finds a newer format stops before the message, as half of its meaning would
//! count for all of it. It goes on there after the upgrade.
//!
//! In: bytes of a message. Out: that it can be read, or [`Newer`]. The number stands in the same field of each of them.

use super::decode::protobuf::{Bytes, number};
use crate::model::record::{FIRST_WITH_DUTIES, FIRST_WITH_TUBES, MESSAGE_FORMAT};
use std::fmt;

/// What this version writes, and the newest that it reads.
pub const CURRENT: u32 = MESSAGE_FORMAT;

/// What it can still write, for instances of the version before that run beside it.
pub const OLDEST: u32 = 0;

/// The first format that has messages between pools and members: until it is written, pools are set aside.
pub const POOLS: u32 = 3;

/// The first format in which areas are told all that has to be done: until it is written, nothing is counted of it.
pub const DUTIES: u32 = FIRST_WITH_DUTIES;

/// The first format that has messages to the task of a tube's barcode: until it is written, each pool counts its tubes itself.
pub const TUBES: u32 = FIRST_WITH_TUBES;

/// The first format in which area tasks are told what became of results of labs: until it is written, labs are told nothing.
pub const LABS: u32 = 5;

/// The first format in which records of key groups are sent on: until it is written, they are set aside.
pub const GROUPS: u32 = 3;

/// The field of every message between tasks that says its format.
pub(super) const FIELD: u64 = number(15);

/// Formats as a task has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    /// In which it writes.
    pub written: u32,
    /// The newest that it reads.
    pub newest: u32,
}

impl Default for Formats {
    fn default() -> Self {
        Self { written: CURRENT, newest: CURRENT }
    }
}

/// A message of a newer format than this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newer {
    /// Its format.
    pub format: u32,
    /// The newest that is read.
    pub newest: u32,
}

impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, newest } = self;
        write!(
            f,
            "it is of format {format}, and this version reads up to {newest}: a newer version of swabstream wrote it. \
             Upgrade this instance too; nothing is lost, it goes on there"
        )
    }
}

impl Formats {
    /// Whether a message can be read. Looks for its number only: what else is in it may have any form.
    pub fn require(self, message: &[u8]) -> Result<(), Newer> {
        match of(message).unwrap_or(0) {
            format if format > self.newest => Err(Newer { format, newest: self.newest }),
            _ => Ok(()),
        }
    }
}

/// The number a message carries. `None` when it carries none, or is no message.
fn of(message: &[u8]) -> Option<u32> {
    let mut rest = Bytes(message);
    let mut format = None;
    while !rest.is_empty() {
        match rest.varint()? {
            FIELD => format = Some(u32::try_from(rest.varint()?).unwrap_or(u32::MAX)),
            field => rest.skip(field)?,
        }
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{AreaChanges, PersonEvent, Progress};
    use prost::Message as _;

    #[test]
    fn every_message_between_tasks_says_its_format_in_the_same_field() {
        let format = 7;
        let batch = AreaChanges { format, seq: 3, areas: vec!["A".into()], ..Default::default() }.encode_to_vec();
        let event = PersonEvent { format, hop: 1, ..Default::default() }.encode_to_vec();
        let progress = Progress { format, task: 4, ..Default::default() }.encode_to_vec();
        for message in [batch, event, progress] {
            let read = |newest| Formats { newest, ..Formats::default() }.require(&message);
            assert_eq!((read(7), read(6)), (Ok(()), Err(Newer { format: 7, newest: 6 })));
        }
    }

    #[test]
    fn a_newer_message_is_noticed_whatever_else_is_in_it() {
        let unknown: [&[u8]; 4] =
            [&[0xa0, 0x06, 5], &[0xa2, 0x06, 2, 9, 9], &[0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8], &[]];
        for other in unknown {
            let format = CURRENT + 1;
            let message = [other, &[15 << 3, format as u8], other].concat();
            assert_eq!(Formats::default().require(&message), Err(Newer { format, newest: CURRENT }));
        }
    }

    #[test]
    fn what_is_no_message_is_not_newer() {
        for bytes in [&b""[..], b"\xff\xff\xff", b"{\"a\":1}", &[15 << 3], &[0x0a, 200, 15 << 3, 9]] {
            assert_eq!(Formats::default().require(bytes), Ok(()), "{bytes:?}");
        }
    }
}
