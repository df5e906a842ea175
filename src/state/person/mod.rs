//! The people of one task: for each a slot, rows in a slab, and for the few who need it a case file.
//!
//! In: changes asked for by the steps of the pipeline. Out: the same changes as operations on pages, from which a
//! restore repeats them. Nothing here knows what a row means.
//!
//! Page 0 holds the dictionaries and the rules the numbers were derived by, page `1 + slot / 1024` the people. What
//! a page's image holds is a function of the operations alone, never of where rows happen to lie in memory.

mod basis;
pub mod case_file;
pub mod dictionary;
pub mod duties;
pub mod edit;
mod entries;
pub mod groups;
pub mod held_alert;
mod names;
mod operations;
mod pages;
mod people;
pub mod pools;
pub mod row;
mod row_index;
pub mod slab;

use crate::policy::Rules;
use crate::state::codec::corrupt;
use crate::state::paged::{Changes, Corrupt};
pub use basis::Basis;
use case_file::CaseFile;
use dictionary::Dictionary;
use edit::Edit;
use hashbrown::{HashMap, HashSet};
pub use operations::SLOTS_PER_PAGE;
use people::{People, Person};
use row::Row;
pub use row_index::MANY;
use row_index::RowIndex;
use slab::{Rows, Slab};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Where a person is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

/// All people of one task.
#[derive(Debug)]
pub struct PersonState {
    people: People,
    /// Slots without a person, the lowest first: so that slots stay dense, and the same after a restore.
    free: BinaryHeap<Reverse<u32>>,
    slab: Slab,
    /// Of people with very many rows, once somebody has asked.
    indexes: HashMap<u32, Box<RowIndex>>,
    case_files: HashMap<u32, Box<CaseFile>>,
    /// Slots whose case file has results that replace others: few, so that nobody else's is looked for.
    replacing: HashSet<u32>,
    areas: Dictionary,
    /// What rows are of: a purpose of a target, as [`keyed`](crate::model::target::keyed) by it.
    purposes: Dictionary,
    basis: Option<Basis>,
    held_rows: u64,
}

impl PersonState {
    /// Nobody.
    pub fn new() -> Self {
        Self {
            people: People::new(),
            free: BinaryHeap::new(),
            slab: Slab::default(),
            indexes: HashMap::new(),
            case_files: HashMap::new(),
            replacing: HashSet::new(),
            areas: Dictionary::default(),
            purposes: Dictionary::default(),
            basis: None,
            held_rows: 0,
        }
    }

    /// Where a person is held, if at all.
    pub fn find(&self, hash: u64) -> Option<Slot> {
        self.people.find(hash.max(1)).map(Slot)
    }

    /// Whether a person is held there, if anywhere.
    pub fn holds(&self, slot: Slot, hash: u64) -> bool {
        slot.0 < self.people.slots() && self.people[slot.0].hash == hash.max(1)
    }

    /// Looks at where a person is held and at the last of the rows there, so that they are in the cache when they are
    /// needed.
    pub fn look_at(&self, slot: Slot) -> u64 {
        self.rows(slot).last().map_or(0, Row::id)
    }

    /// Where a person is held from now on.
    pub fn find_or_add(&mut self, hash: u64, changes: &mut Changes) -> Slot {
        self.find(hash).unwrap_or_else(|| self.add(hash, changes))
    }

    /// Where a person is held from now on who was nowhere until now.
    pub fn add(&mut self, hash: u64, changes: &mut Changes) -> Slot {
        let hash = hash.max(1);
        let slot = match self.free.pop() {
            Some(Reverse(slot)) => slot,
            None => self.people.add(),
        };
        operations::log_birth(changes, slot, hash);
        self.people[slot] = Person { hash, rows: Rows::default() };
        self.people.enter(slot);
        Slot(slot)
    }

    /// Frees the slot of a person of whom nothing is held.
    pub fn release_if_empty(&mut self, slot: Slot, changes: &mut Changes) {
        let person = self.people[slot.0];
        if !person.rows.is_empty() || !person.is_there() || self.case_files.contains_key(&slot.0) {
            return;
        }
        operations::log_release(changes, slot.0);
        self.people.leave(slot.0);
        self.free.push(Reverse(slot.0));
    }

    /// A person's rows, in no order that means anything.
    pub fn rows(&self, slot: Slot) -> &[Row] {
        self.slab.get(self.people[slot.0].rows)
    }

    /// Where the row of a result lies among a person's.
    pub fn position(&mut self, slot: Slot, id: u64) -> Option<usize> {
        let rows = self.slab.get(self.people[slot.0].rows);
        if rows.len() < MANY {
            return rows.iter().position(|row| row.id() == id);
        }
        self.indexes.entry(slot.0).or_insert_with(|| Box::new(RowIndex::of(rows))).result(id)
    }

    /// Appends a person's rows of some specimens, or at least those of them that were not withdrawn. No specimen is to
    /// be named twice.
    pub fn of_specimens(&self, slot: Slot, specimens: &[u64], into: &mut Vec<Row>) {
        let rows = self.rows(slot);
        match self.indexes.get(&slot.0) {
            Some(index) => {
                let places = specimens.iter().flat_map(|specimen| index.specimen(*specimen));
                into.extend(places.map(|at| rows[*at as usize]));
            }
            None => into.extend(rows.iter().filter(|row| specimens.contains(&row.specimen()))),
        }
    }

    /// All a person's rows of specimens with a positive row, perhaps with others: what positives are found from.
    pub fn about_positives(&self, slot: Slot) -> Cow<'_, [Row]> {
        let Some(index) = self.indexes.get(&slot.0) else { return Cow::Borrowed(self.rows(slot)) };
        let mut rows = Vec::new();
        self.of_specimens(slot, index.positive(), &mut rows);
        Cow::Owned(rows)
    }

    /// Adds a row.
    pub fn push(&mut self, slot: Slot, row: Row, changes: &mut Changes) {
        operations::log_push(changes, slot.0, self.people[slot.0].hash, &row);
        self.apply_push(slot.0, row);
    }

    /// Replaces a row.
    pub fn set(&mut self, slot: Slot, at: usize, row: Row, changes: &mut Changes) {
        operations::log_set(changes, slot.0, at, &row);
        self.apply_set(slot.0, at, row);
    }

    /// Drops a row; the last one takes its place.
    pub fn remove(&mut self, slot: Slot, at: usize, changes: &mut Changes) {
        operations::log_remove(changes, slot.0, at);
        self.apply_remove(slot.0, at);
    }

    /// A person's case file, if there is one.
    pub fn case_file(&self, slot: Slot) -> Option<&CaseFile> {
        self.case_files.get(&slot.0).map(Box::as_ref)
    }

    /// Where the people are held who have one, in no order that means anything.
    pub fn with_case_files(&self) -> impl Iterator<Item = Slot> {
        self.case_files.keys().copied().map(Slot)
    }

    /// Changes a person's case file, which begins with the first change; an empty one is none.
    pub fn edit(&mut self, slot: Slot, person_id: &str, mut edit: Edit, changes: &mut Changes) {
        let file = self.case_files.entry(slot.0).or_insert_with(|| Box::new(CaseFile::of(person_id)));
        if edit.alters(file) {
            operations::log_edit(changes, slot.0, file, &mut edit);
            file.apply(edit);
        }
        self.look_at_case_file(slot.0);
    }

    /// Whether some result of a person replaces another one.
    pub fn names_replaced(&self, slot: Slot) -> bool {
        self.replacing.contains(&slot.0)
    }

    /// After a change of a case file: an empty one is none.
    fn look_at_case_file(&mut self, slot: u32) {
        let file = self.case_files.get(&slot);
        if file.is_some_and(|file| !file.replacements.is_empty()) {
            self.replacing.insert(slot);
        } else if !self.replacing.is_empty() {
            self.replacing.remove(&slot);
        }
        if file.is_some_and(|file| file.is_empty()) {
            self.case_files.remove(&slot);
        }
    }

    /// Texts of areas, by number.
    pub fn areas(&self) -> &[String] {
        self.areas.texts()
    }

    /// Texts of purposes of targets, by number.
    pub fn purposes(&self) -> &[String] {
        self.purposes.texts()
    }

    /// The rules the numbers were derived by, once they are known.
    pub fn basis(&self) -> Option<&Basis> {
        self.basis.as_ref()
    }

    /// From now on the numbers are derived by these rules.
    pub fn set_basis(&mut self, rules: Arc<Rules>, changes: &mut Changes) {
        let basis = Basis::InForce(rules);
        operations::log_basis(changes, &basis);
        self.basis = Some(basis);
    }

    /// The stored rules are these: they need not be held twice.
    pub fn share_basis(&mut self, rules: Arc<Rules>) {
        self.basis = Some(Basis::InForce(rules));
    }

    /// The slots there are, whether taken or not.
    pub fn slots(&self) -> u32 {
        self.people.slots()
    }

    /// The person in a slot, by number, if there is one.
    pub fn taken(&self, slot: u32) -> Option<Slot> {
        (slot < self.people.slots() && self.people[slot].is_there()).then_some(Slot(slot))
    }

    /// Numbers for metrics.
    pub fn sizes(&self) -> Vec<(&'static str, u64)> {
        let bytes = self.people.bytes() + self.slab.bytes();
        vec![
            ("people", self.people.count() as u64),
            ("rows", self.held_rows),
            // The word that metrics have had for them.
            ("side_records", self.case_files.len() as u64),
            ("bytes", bytes as u64),
        ]
    }

    fn apply_push(&mut self, slot: u32, row: Row) {
        let person = &mut self.people[slot];
        person.rows = self.slab.push(slot, person.rows, row);
        self.settle_moved();
        self.held_rows += 1;
        let person = self.people[slot];
        if person.rows.len() > MANY
            && let Some(index) = self.indexes.get_mut(&slot)
        {
            index.add(person.rows.len() as u32 - 1, &row);
        }
    }

    fn apply_set(&mut self, slot: u32, at: usize, row: Row) {
        let rows = self.people[slot].rows;
        if rows.len() >= MANY
            && let Some(index) = self.indexes.get_mut(&slot)
        {
            index.take(at as u32, &self.slab.get(rows)[at]);
            index.add(at as u32, &row);
        }
        self.slab.set(rows, at, row);
    }

    fn apply_remove(&mut self, slot: u32, at: usize) {
        let person = &mut self.people[slot];
        if person.rows.len() == MANY {
            self.indexes.remove(&slot);
        } else if person.rows.len() > MANY
            && let Some(index) = self.indexes.get_mut(&slot)
        {
            let rows = self.slab.get(person.rows);
            let last = rows.len() - 1;
            index.take(last as u32, &rows[last]);
            if at < last {
                index.take(at as u32, &rows[at]);
                index.add(at as u32, &rows[last]);
            }
        }
        person.rows = self.slab.remove(slot, person.rows, at);
        self.settle_moved();
        self.held_rows -= 1;
    }

    /// The slab closes gaps: others' rows lie somewhere else then.
    fn settle_moved(&mut self) {
        while let Some(moved) = self.slab.moved() {
            moved.apply(&mut self.people[moved.owner].rows);
        }
    }

    /// After a restore: which slots are free, and who is where.
    pub fn restored(&mut self) -> Result<(), Corrupt> {
        self.people.forget_all();
        self.free.clear();
        for slot in 0..self.people.slots() {
            let person = self.people[slot];
            if !person.is_there() {
                self.free.push(Reverse(slot));
            } else if self.find(person.hash).is_some() {
                return Err(corrupt("a person is held twice"));
            } else {
                self.people.enter(slot);
            }
        }
        Ok(())
    }
}

impl Default for PersonState {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::row::{Standing, Version};
    use super::*;
    use crate::model::result::Finding;

    fn row(dice: &mut impl FnMut(u64) -> u64) -> Row {
        let standings = [Standing::Final, Standing::Final, Standing::Preliminary, Standing::Cancelled, Standing::Moved];
        Row::new(Version {
            id: dice(4 * MANY as u64),
            specimen: dice(MANY as u64),
            content: dice(1 << 32) as u32,
            minute: 0,
            day_only: false,
            area: 0,
            purpose: 0,
            finding: if dice(9) == 0 { Finding::Positive } else { Finding::Negative },
            standing: standings[dice(5) as usize],
            revision: 0,
        })
    }

    /// What is found by places of rows is what a look at all rows finds.
    fn require_same(state: &mut PersonState, slot: Slot, id: u64, specimen: u64) {
        let rows = state.rows(slot).to_vec();
        assert_eq!(state.position(slot, id), rows.iter().position(|row| row.id() == id));
        let sorted = |mut rows: Vec<Row>| {
            rows.retain(|row| !row.is_withdrawn());
            rows.sort_by_key(Row::id);
            rows
        };
        let mut found = Vec::new();
        state.of_specimens(slot, &[specimen, specimen + 1], &mut found);
        let of_both = |row: &&Row| [specimen, specimen + 1].contains(&row.specimen());
        assert_eq!(sorted(found), sorted(rows.iter().filter(of_both).copied().collect()));
        let is_positive = |row: &Row| rows.iter().any(|peer| peer.specimen() == row.specimen() && peer.is_positive());
        let mut found = state.about_positives(slot).into_owned();
        found.retain(is_positive);
        assert_eq!(sorted(found), sorted(rows.iter().filter(|row| is_positive(row)).copied().collect()));
    }

    #[test]
    fn rows_of_a_person_with_very_many_are_found_as_if_all_were_looked_at() {
        let mut seed = 5_u64;
        let mut dice = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 32) % sides
        };
        let (mut state, changes) = (PersonState::new(), &mut Changes::default());
        let slot = state.find_or_add(1, changes);
        let mut crowded = 0;
        for step in 0..6_000 {
            let row = row(&mut dice);
            let held = state.rows(slot).len() as u64;
            // Mostly more up to a point, then mostly fewer: past the bound several times, in both directions.
            let grows = (step / 700) % 2 == 0;
            match (state.position(slot, row.id()), dice(9)) {
                (Some(at), 0..8) if grows => state.set(slot, at, row, changes),
                (None, 0..8) if grows => state.push(slot, row, changes),
                _ if held > 0 => state.remove(slot, dice(held) as usize, changes),
                _ => {}
            }
            crowded += usize::from(!state.indexes.is_empty());
            assert!(state.indexes.is_empty() || state.rows(slot).len() >= MANY);
            require_same(&mut state, slot, dice(4 * MANY as u64), dice(MANY as u64));
        }
        assert!((500..5_500).contains(&crowded), "{crowded}");
    }
}
