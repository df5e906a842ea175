//! Ids of one file that look the same and are not: they differ only in upper and lower case, in the width of their
//! letters, or in how an accent is composed. Whoever is written in two ways is two people.
//!
//! In: ids as they are read. Out: how many are written in more than one way, and on which lines first. Only hashes are
//! kept, in a [`Sorter`]: all ids are compared, in constant memory.

use super::scratch::sorted::{Bounds, Sorter};
use crate::model::spelling::look;
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Lines named.
const LINES: usize = 3;

/// Looks for such ids.
#[derive(Debug)]
pub struct Lookalikes {
    /// What an id looks like, the line, and what it is.
    seen: Sorter<3>,
}

/// Ids that are written in more than one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many, each with all its spellings.
    pub ids: u64,
    /// Of the first of them: the line it was first read on, and that of its other spelling.
    pub lines: Vec<(u64, u64)>,
}

impl Found {
    fn add(&mut self, first: u64, other: u64) {
        self.ids += 1;
        self.lines.push((first, other));
        self.lines.sort_unstable_by_key(|(first, other)| (*other, *first));
        self.lines.truncate(LINES);
    }
}

impl Lookalikes {
    /// No id yet.
    pub fn new(bounds: Bounds) -> Self {
        // The same id again on a later line tells nothing new.
        Self {
            seen: Sorter::dropping(bounds, |[looks, _, id], [looks_too, _, id_too]| (looks, id) == (looks_too, id_too)),
        }
    }

    /// Takes an id note of.
    pub fn see(&mut self, id: &str, line: u64) -> io::Result<()> {
        if id.is_empty() {
            return Ok(());
        }
        self.seen.push([xxh3_64(look(id).as_bytes()), line, xxh3_64(id.as_bytes())])
    }

    /// What was found.
    pub fn found(self) -> io::Result<Found> {
        let (mut found, mut seen) = (Found::default(), self.seen.sorted()?);
        // Of what looks the same: the first, and whether it was found in another spelling.
        let mut first: Option<([u64; 3], bool)> = None;
        while let Some(one) = seen.next_fact()? {
            match &mut first {
                Some(([looks, line, id], named)) if *looks == one[0] => {
                    if *id != one[2] && !*named {
                        *named = true;
                        found.add(*line, one[1]);
                    }
                }
                _ => first = Some((one, false)),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[&str]) -> Found {
        let all = Bounds::until(|| false);
        let [found, too] = [all, Bounds { held: 48, runs: 2, ..all }].map(|bounds| found_within(bounds, ids));
        assert_eq!(found, too, "in memory and on disk");
        found
    }

    fn found_within(bounds: Bounds, ids: &[&str]) -> Found {
        let mut lookalikes = Lookalikes::new(bounds);
        for (id, line) in ids.iter().zip(2..) {
            lookalikes.see(id, line).expect("room");
        }
        lookalikes.found().expect("room")
    }

    #[test]
    fn ids_that_differ_in_case_width_or_composition_are_told_by_their_lines() {
        assert_eq!(found(&["P001", "p001"]), Found { ids: 1, lines: vec![(2, 3)] });
        assert_eq!(found(&["P001", "x", "Ｐ００１"]), Found { ids: 1, lines: vec![(2, 4)] });
        assert_eq!(found(&["Zoe\u{308}", "Zo\u{eb}"]), Found { ids: 1, lines: vec![(2, 3)] });
        assert_eq!(found(&["ZOË", "zoe\u{308}", "Ｚoë"]), Found { ids: 1, lines: vec![(2, 3)] });
        let many: Vec<String> = (0..10).flat_map(|number| [format!("a{number}"), format!("A{number}")]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(found(&many), Found { ids: 10, lines: vec![(2, 3), (4, 5), (6, 7)] });
    }

    #[test]
    fn the_same_id_again_and_others_are_not_told() {
        assert_eq!(found(&["P001", "P001", "P002", "P0O1", "", "", "P 001", "某人", "某入"]), Found::default());
    }

    #[test]
    fn all_ids_are_compared_however_few_are_held_and_each_is_told_once() {
        assert_eq!(found(&["a", "b", "c", "C", "A", "a", "A", "C"]), Found { ids: 2, lines: vec![(4, 5), (2, 6)] });
    }
}
