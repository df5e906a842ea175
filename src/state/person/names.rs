//! Short numbers for what rows name: areas, and purposes of targets.
//!
//! In: a text. Out: its number, and the operation that gave it one. A number never means two texts at a time, and none that
//! a row has is taken from its text.

use super::PersonState;
use super::dictionary::Dictionary;
use super::operations::{self, Named};
use super::row::{AREA_NUMBERS, PURPOSE_NUMBERS};
use crate::state::paged::Changes;

impl PersonState {
    /// The number of an area; `None` where rows name as many others as they have room for.
    pub fn area(&mut self, code: &str, changes: &mut Changes) -> Option<u32> {
        self.number(Named::Area, code, AREA_NUMBERS, changes)
    }

    /// The number of a purpose of a target, likewise.
    pub fn purpose(&mut self, name: &str, changes: &mut Changes) -> Option<u8> {
        u8::try_from(self.number(Named::Purpose, name, PURPOSE_NUMBERS, changes)?).ok()
    }

    /// Names that were abandoned stay in a dictionary, as rows may name them. Once it is full, a new name takes the number
    /// of one that no row names any more.
    fn number(&mut self, named: Named, text: &str, most: u32, changes: &mut Changes) -> Option<u32> {
        let dictionary = self.dictionary(named);
        if let Some(number) = dictionary.number(text) {
            return Some(number);
        }
        if (dictionary.texts().len() as u32) < most {
            operations::log_name(changes, named, text);
            return Some(dictionary.add(text));
        }
        let number = self.unnamed(named, most)?;
        operations::log_rename(changes, named, number, text);
        self.dictionary(named).rename(number, text).ok()?;
        Some(number)
    }

    pub(super) fn dictionary(&mut self, named: Named) -> &mut Dictionary {
        match named {
            Named::Area => &mut self.areas,
            Named::Purpose => &mut self.purposes,
        }
    }

    /// The smallest number that no row names.
    fn unnamed(&self, named: Named, most: u32) -> Option<u32> {
        let mut taken = vec![false; most as usize];
        for row in (0..self.slots()).filter_map(|slot| self.taken(slot)).flat_map(|slot| self.rows(slot)) {
            let number = match named {
                Named::Area => row.area() as usize,
                Named::Purpose => usize::from(row.purpose()),
            };
            taken[number] = true;
        }
        taken.iter().position(|taken| !taken).map(|number| number as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::changelog::FORMAT;
    use crate::state::paged::operations;
    use crate::state::person::row::{Row, Version};

    #[test]
    fn a_new_purpose_takes_the_number_of_one_that_no_row_names_any_more() {
        let (mut state, mut changes) = (PersonState::new(), Changes::default());
        let slot = state.find_or_add(1, &mut changes);
        let named = |purpose: u8| Row::new(Version { id: u64::from(purpose), purpose, ..Version::default() });
        for number in 0..=u8::MAX {
            assert_eq!(state.purpose(&format!("old-{number}"), &mut changes), Some(number));
            state.push(slot, named(number), &mut changes);
        }
        assert_eq!(state.purpose("new", &mut changes), None, "every number is named by a row");
        let at = state.position(slot, 77).expect("it is held");
        state.remove(slot, at, &mut changes);
        assert_eq!(state.purpose("new", &mut changes), Some(77));
        assert_eq!(state.purpose("new", &mut changes), Some(77));
        state.push(slot, named(77), &mut changes);
        assert_eq!(state.purpose("old-77", &mut changes), None, "it has lost its number");
        assert_eq!((state.purpose("old-76", &mut changes), &*state.purposes()[77]), (Some(76), "new"));

        let mut again = PersonState::new();
        for operation in operations(changes.as_bytes(), FORMAT) {
            let (page, operation) = operation.expect("what was logged can be read");
            again.replay(page, operation, FORMAT).expect("what was logged can be repeated");
        }
        let image = |state: &PersonState| {
            let mut image = Vec::new();
            state.image(0, &mut image);
            image
        };
        assert_eq!(image(&again), image(&state));
        assert!(again.replay(0, &[3, 2, 0, 1, 0, 0], 4).is_err(), "a number beyond the end");
    }
}
