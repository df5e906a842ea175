//! Where the rows of a person with very many lie: by result and by specimen. Never stored: made from the rows when it
//! is first asked for, and kept in step with them from then on.

use super::row::Row;
use hashbrown::HashMap;

/// From so many rows on a person has one; below, a look at all rows is as quick.
pub const MANY: usize = 256;

/// Places of a person's rows.
#[derive(Debug, Default)]
pub struct RowIndex {
    results: HashMap<u64, u32>,
    /// Rows that were not withdrawn, by specimen.
    specimens: HashMap<u64, Specimen>,
    /// Specimens with a positive row.
    positive: Vec<u64>,
}

/// The rows of one specimen.
#[derive(Debug, Default)]
struct Specimen {
    rows: Vec<u32>,
    positive: u32,
    /// Where it lies among those with a positive row.
    listed: u32,
}

impl RowIndex {
    /// Of a person's rows.
    pub fn of(rows: &[Row]) -> Self {
        let mut index = Self::default();
        (0..).zip(rows).for_each(|(at, row)| index.add(at, row));
        index
    }

    /// Where the row of a result lies.
    pub fn result(&self, id: u64) -> Option<usize> {
        self.results.get(&id).map(|at| *at as usize)
    }

    /// Where the rows of a specimen lie that were not withdrawn.
    pub fn specimen(&self, specimen: u64) -> &[u32] {
        self.specimens.get(&specimen).map_or(&[], |specimen| &specimen.rows)
    }

    /// Specimens with a positive row, in no order that means anything.
    pub fn positive(&self) -> &[u64] {
        &self.positive
    }

    /// A row was put here.
    pub fn add(&mut self, at: u32, row: &Row) {
        self.results.insert(row.id(), at);
        if row.is_withdrawn() {
            return;
        }
        let specimen = self.specimens.entry(row.specimen()).or_default();
        specimen.rows.push(at);
        if row.is_positive() {
            specimen.positive += 1;
            if specimen.positive == 1 {
                specimen.listed = self.positive.len() as u32;
                self.positive.push(row.specimen());
            }
        }
    }

    /// A row was taken from here.
    pub fn take(&mut self, at: u32, row: &Row) {
        self.results.remove(&row.id());
        let Some(specimen) = self.specimens.get_mut(&row.specimen()).filter(|_| !row.is_withdrawn()) else {
            return;
        };
        specimen.rows.retain(|held| *held != at);
        let mut gap = None;
        if row.is_positive() {
            specimen.positive -= 1;
            gap = (specimen.positive == 0).then_some(specimen.listed);
        }
        if specimen.rows.is_empty() {
            self.specimens.remove(&row.specimen());
        }
        if let Some(gap) = gap {
            self.positive.swap_remove(gap as usize);
            if let Some(moved) = self.positive.get(gap as usize)
                && let Some(specimen) = self.specimens.get_mut(moved)
            {
                specimen.listed = gap;
            }
        }
    }
}
