//! State in pages: what a changelog writes, and what it makes again from what it wrote.

pub use super::corrupt::Corrupt;
use crate::state::codec::{Few, Reader, put_short};

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

/// State changes as bytes, in order: page and length as short numbers, then the operation.
#[derive(Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    /// Where the last operation begins.
    last: usize,
    /// What the last operation is known by; 0 where it was given nothing.
    mark: u32,
}

/// Bytes of an operation that nearly all results cause, with its page and length, at most.
pub const SMALL: usize = 64;

impl Changes {
    /// Appends one operation on a page; `write` puts its bytes.
    pub fn push(&mut self, page: u32, write: impl FnOnce(&mut Vec<u8>)) {
        (self.last, self.mark) = (self.bytes.len(), 0);
        put_short(&mut self.bytes, page.into());
        let length_at = self.bytes.len();
        self.bytes.push(0);
        write(&mut self.bytes);
        let length = self.bytes.len() - length_at - 1;
        if length < 0x80 {
            self.bytes[length_at] = length as u8;
        } else {
            let mut long = Few::<16>::default();
            long.put_short(length as u64);
            self.bytes.splice(length_at..=length_at, long.bytes().iter().copied());
        }
    }

    /// As [`Changes::push`], for the operations that nearly all results cause: a few bytes are appended without a look at
    /// the room for each. A mark other than 0 is for [`Changes::take_back`].
    #[inline(always)]
    pub fn push_small(&mut self, page: u32, mark: u32, write: impl FnOnce(&mut Few<SMALL>)) {
        (self.last, self.mark) = (self.bytes.len(), mark);
        let mut whole = Few::default();
        whole.put_short(page.into());
        let length_at = whole.len();
        whole.put(0);
        write(&mut whole);
        // Of one byte, as there are fewer than 128.
        whole.bytes()[length_at] = (whole.len() - length_at - 1) as u8;
        whole.append_to(&mut self.bytes);
    }

    /// Takes the last operation back if it has this mark: another one says it too.
    #[inline]
    pub fn take_back(&mut self, mark: u32) -> bool {
        let is_last = self.mark == mark;
        if is_last {
            self.bytes.truncate(self.last);
            self.mark = 0;
        }
        is_last
    }

    /// All operations.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.mark = 0;
    }
}

/// Page and bytes of each operation of a delta, as [`Changes`] of some format wrote them.
pub fn operations(delta: &[u8], format: u32) -> impl Iterator<Item = Result<(u32, &[u8]), Corrupt>> {
    let mut rest = Reader::new(delta);
    std::iter::from_fn(move || {
        let next = (!rest.is_empty()).then(|| operation(&mut rest, format))?;
        if next.is_err() {
            rest = Reader::new(&[]);
        }
        Some(next)
    })
}

fn operation<'a>(rest: &mut Reader<'a>, format: u32) -> Result<(u32, &'a [u8]), Corrupt> {
    let (page, length) = if format < 5 { (rest.u32()?, rest.u32()?) } else { (rest.short()?, rest.short()?) };
    Ok((page, rest.take(length as usize)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::changelog::FORMAT;

    #[test]
    fn operations_of_any_length_are_read_as_they_were_pushed_and_cut_ones_are_refused() {
        let mut changes = Changes::default();
        let mut expected = Vec::new();
        for (page, length) in [(0, 0), (1, 1), (127, 127), (128, 128), (300, 20_000), (u32::MAX, 5)] {
            changes.push(page, |into| into.resize(into.len() + length, 7));
            expected.push((page, vec![7; length]));
            changes.push_small(page, 0, |into| into.put_all(&[8, 9]));
            expected.push((page, vec![8, 9]));
        }
        let read: Result<Vec<_>, _> = operations(changes.as_bytes(), FORMAT).collect();
        let read: Vec<_> = read.expect("ours").into_iter().map(|(page, bytes)| (page, bytes.to_vec())).collect();
        assert_eq!(read, expected);
        let cut = &changes.as_bytes()[..changes.as_bytes().len() - 1];
        assert!(operations(cut, FORMAT).last().is_some_and(|last| last.is_err()));
        assert_eq!(operations(cut, FORMAT).count(), expected.len(), "and nothing is read behind it");
    }

    #[test]
    fn operations_of_an_earlier_format_are_read() {
        let delta = [1, 1, 0, 0, 2, 0, 0, 0, 5, 6];
        let read: Vec<_> = operations(&delta, 3).collect();
        assert_eq!(read, [Ok((257, &[5, 6][..]))]);
    }

    #[test]
    fn only_the_last_operation_is_taken_back_and_only_by_its_mark() {
        let mut changes = Changes::default();
        changes.push(3, |into| into.push(1));
        let before = changes.as_bytes().to_vec();
        assert!(!changes.take_back(7), "it has no mark");
        changes.push_small(3, 7, |into| into.put(2));
        assert!(!changes.take_back(8), "it has another one");
        assert!(changes.take_back(7));
        assert_eq!(changes.as_bytes(), before);
        assert!(!changes.take_back(7), "it is gone");
        changes.push_small(3, 7, |into| into.put(2));
        changes.push(3, |into| into.push(1));
        assert!(!changes.take_back(7), "another one followed");
        changes.push_small(3, 7, |into| into.put(2));
        changes.clear();
        assert!(!changes.take_back(7), "all is forgotten");
    }
}
