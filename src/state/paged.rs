//! State in pages: what a changelog writes, and what it makes again from what it wrote.

/// State that can be written and made again page by page. Page 0 holds what belongs to no other page (dictionary, rules
/// of the last derivation, ...).
pub trait Paged {
    /// Number of pages; they are numbered from 0 and never become fewer.
    fn pages(&self) -> u32;

    /// Writes the whole page.
    fn image(&self, page: u32, into: &mut Vec<u8>);

    /// Takes a page from its image, which is of this [`FORMAT`](super::changelog::FORMAT) or an earlier one.
    /// Images come first, in page order, then operations in order of commits.
    fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt>;

    /// Repeats one operation on a page, likewise.
    fn replay(&mut self, page: u32, operation: &[u8], format: u32) -> Result<(), Corrupt>;

    /// After the last replay: rebuilds what is not stored (indexes).
    fn restored(&mut self) -> Result<(), Corrupt>;
}

/// Stored state that cannot be read: a fault to stop on, never to coerce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored state cannot be read: {0}")]
pub struct Corrupt(pub String);

/// Why a task does not go on with the state that was stored for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not what was written.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// There is some, but the group knows of no commit that wrote it.
    #[error("state is stored, but the group has no committed offsets")]
    WithoutOffsets,
    /// The group knows of commits, but there is none.
    #[error("the group has committed offsets, but no state is stored")]
    WithoutState,
    /// It is what was written, for other numbers of tasks.
    #[error("stored state cannot be used: {0}")]
    OtherTasks(String),
    /// It is what was written, and is good where this program is run in another way: the text says how.
    #[error("stored state cannot be used: {0}")]
    Foreign(String),
}

impl Unusable {
    /// Whether whole state looks so to a reader while somebody else goes on with it: what the group knew and what was
    /// read are of different commits then, or the broker has compacted away what a later commit replaced.
    pub fn may_be_overtaken(&self) -> bool {
        matches!(self, Unusable::Corrupt(_) | Unusable::WithoutOffsets | Unusable::WithoutState)
    }
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
