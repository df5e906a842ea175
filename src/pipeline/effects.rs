//! What a half wants done: values, carried out by the shell in one commit.

use crate::model::record::Output;
use crate::model::time::Timestamp;

/// Effects of records since the last commit.
#[derive(Debug, Default)]
pub struct Effects {
    /// Records to be written.
    pub outputs: Vec<Output>,
    /// State changes: (page, operation), in order. A restore replays them.
    pub changes: Changes,
    /// Somebody is waiting: commit at once.
    pub urgent: bool,
    /// Messages for other tasks among the outputs.
    pub sent: u64,
    /// Newest receipt per lab of the registry, for the metric of its age.
    pub labs_heard: Vec<(String, Timestamp)>,
}

/// State changes as bytes, in order: `page u32, length u32, operation`, little-endian.
#[derive(Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
}

impl Changes {
    /// Appends one operation on a page; `write` puts its bytes.
    pub fn push(&mut self, page: u32, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend_from_slice(&page.to_le_bytes());
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let length = (self.bytes.len() - length_at - 4) as u32;
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// As [`Changes::push`], for the operations that nearly all results cause: bytes of a known number are appended
    /// without a look at the room for each.
    #[inline]
    pub fn push_fixed<const N: usize>(&mut self, page: u32, operation: &[u8; N]) {
        self.bytes.reserve(8 + N);
        self.bytes.extend_from_slice(&(u64::from(page) | (N as u64) << 32).to_le_bytes());
        self.bytes.extend_from_slice(operation);
    }

    /// All operations.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}
