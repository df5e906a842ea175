//! Ids of one file that look the same and are not: they differ only in upper and lower case, in the width of their
//! letters, or in how an accent is composed. Whoever is written in two ways is two people.
//!
//! In: ids as they are read. Out: how many are written in more than one way, and on which lines first. Only hashes are
//! held, of so many ids at most.

use hashbrown::HashMap;
use unicode_normalization::UnicodeNormalization as _;
use xxhash_rust::xxh3::xxh3_64;

/// Ids held at most: some 50 MB. Later ones are compared with these only.
const MOST: usize = 1 << 20;

/// Lines told.
const LINES: usize = 3;

/// Looks for such ids.
#[derive(Debug, Default)]
pub struct Lookalikes {
    /// By what an id looks like: what it is where it was first read.
    seen: HashMap<u64, Spelling>,
    found: Found,
    most: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Spelling {
    id: u64,
    line: u64,
    /// Whether it was found in another spelling.
    told: bool,
}

/// Ids that are written in more than one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many, each with all its spellings.
    pub ids: u64,
    /// Of the first of them: the line it was first read on, and that of its other spelling.
    pub lines: Vec<(u64, u64)>,
}

impl Lookalikes {
    /// Takes an id note of.
    pub fn see(&mut self, id: &str, line: u64) {
        if id.is_empty() {
            return;
        }
        let spelling = Spelling { id: xxh3_64(id.as_bytes()), line, told: false };
        let looks = xxh3_64(look(id).as_bytes());
        let has_room = self.seen.len() < self.most.unwrap_or(MOST);
        match self.seen.get_mut(&looks) {
            Some(first) if first.id == spelling.id || first.told => {}
            Some(first) => {
                first.told = true;
                self.found.ids += 1;
                if self.found.lines.len() < LINES {
                    self.found.lines.push((first.line, line));
                }
            }
            None if has_room => {
                self.seen.insert(looks, spelling);
            }
            None => {}
        }
    }

    /// What was found.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// What an id looks like: one width, composed one way, in lower case.
fn look(id: &str) -> String {
    if id.is_ascii() {
        return id.to_ascii_lowercase();
    }
    // Lower case of a character can be of other widths and compositions.
    id.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[&str]) -> Found {
        let mut lookalikes = Lookalikes::default();
        for (id, line) in ids.iter().zip(2..) {
            lookalikes.see(id, line);
        }
        lookalikes.found().clone()
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
    fn what_is_held_is_bounded_and_what_is_held_is_still_compared() {
        let mut lookalikes = Lookalikes { most: Some(2), ..Lookalikes::default() };
        for (id, line) in [("a", 2), ("b", 3), ("c", 4), ("C", 5), ("A", 6)] {
            lookalikes.see(id, line);
        }
        assert_eq!((lookalikes.seen.len(), lookalikes.found()), (2, &Found { ids: 1, lines: vec![(2, 6)] }));
    }
}
