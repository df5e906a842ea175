//! A list as the difference to an earlier one: what is kept is named by its place, what is new is written out.
//!
//! In: two lists. Out: bytes that with the first list give the second. Nothing is assumed about the lists; it is
//! short when most entries are kept in their order.

use super::codec::{Reader, corrupt, put_short};
use crate::state::paged::Corrupt;

/// Appends the difference: how many stretches, each of them entries skipped, entries kept, entries that are new.
pub fn put_difference<T: PartialEq>(into: &mut Vec<u8>, old: &[T], new: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    let stretches = stretches(old, new);
    put_short(into, stretches.len() as u64);
    let mut written = 0;
    for stretch in stretches {
        [stretch.skipped, stretch.kept, stretch.added].iter().for_each(|count| put_short(into, *count as u64));
        written += stretch.kept;
        new[written..written + stretch.added].iter().for_each(|entry| put(into, entry));
        written += stretch.added;
    }
}

/// Reads what [`put_difference`] wrote, given the same earlier list.
pub fn read_difference<T: Clone>(
    reader: &mut Reader<'_>,
    mut old: &[T],
    read: impl Fn(&mut Reader<'_>) -> Result<T, Corrupt>,
) -> Result<Vec<T>, Corrupt> {
    let mut new = Vec::new();
    for _ in 0..reader.short::<u64>()? {
        let (skipped, kept) = (reader.short::<usize>()?, reader.short::<usize>()?);
        let beyond = || corrupt("a list keeps more than there was");
        let (_, rest) = old.split_at_checked(skipped).ok_or_else(beyond)?;
        let (stays, rest) = rest.split_at_checked(kept).ok_or_else(beyond)?;
        new.extend_from_slice(stays);
        old = rest;
        for _ in 0..reader.short::<u64>()? {
            new.push(read(reader)?);
        }
    }
    Ok(new)
}

/// Entries of the old list skipped, then kept, then entries that are new.
#[derive(Default)]
struct Stretch {
    skipped: usize,
    kept: usize,
    added: usize,
}

fn stretches<T: PartialEq>(mut old: &[T], new: &[T]) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for entry in new {
        let found = old.iter().position(|held| held == entry);
        let last = all.last_mut();
        match (found, last) {
            (Some(0), Some(last)) if last.added == 0 => last.kept += 1,
            (Some(skipped), _) => all.push(Stretch { skipped, kept: 1, added: 0 }),
            (None, Some(last)) => last.added += 1,
            (None, None) => all.push(Stretch { added: 1, ..Stretch::default() }),
        }
        old = &old[found.map_or(0, |at| at + 1)..];
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(into: &mut Vec<u8>, entry: &u8) {
        into.push(*entry);
    }

    fn difference(old: &[u8], new: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_difference(&mut bytes, old, new, put);
        let mut reader = Reader::new(&bytes);
        assert_eq!(read_difference(&mut reader, old, |reader| reader.u8()).as_deref(), Ok(new), "{old:?}");
        assert_eq!(reader.finish(), Ok(()));
        bytes
    }

    #[test]
    fn any_list_comes_back_from_any_other() {
        let mut dice = 7_u32;
        let mut roll = |sides: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 16) % sides
        };
        for _ in 0..500 {
            let [old, new] = [0; 2].map(|_| (0..roll(9)).map(|_| roll(5) as u8).collect::<Vec<_>>());
            difference(&old, &new);
        }
    }

    #[test]
    fn few_changes_of_a_long_list_are_few_bytes() {
        let old: Vec<u8> = (0..200).collect();
        let without = |at: usize| [&old[..at], &old[at + 1..]].concat();
        let with = |at: usize| [&old[..at], &[250], &old[at..]].concat();
        assert!(difference(&old, &old).len() <= 5);
        for at in [0, 1, 77, 199] {
            assert!(difference(&old, &without(at)).len() <= 9, "without {at}");
            assert!(difference(&old, &with(at)).len() <= 11, "with {at}");
        }
        // As a list does that is cut at its end.
        assert!(difference(&old, &with(3)[..200]).len() <= 11);
        assert_eq!(difference(&old, &[]).len(), 1);
    }

    #[test]
    fn a_difference_to_another_list_is_refused() {
        let bytes = difference(&[1, 2, 3], &[1, 2, 3, 4]);
        assert!(read_difference(&mut Reader::new(&bytes), &[1, 2], |reader| reader.u8()).is_err());
    }
}
