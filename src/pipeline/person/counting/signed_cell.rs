//! What changes in one area, target, purpose and specimen day between two commits.

use crate::model::cell::{GAPS, People, Tallies};

/// Signed numbers of one area, purpose and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignedCell {
    /// Specimens and episodes.
    pub tallies: Tallies,
    /// People by gap, from 1.
    pub people: [[i32; GAPS]; People::ALL.len()],
}

impl SignedCell {
    /// Adds another; people only where its area keeps them.
    pub fn add(&mut self, other: &SignedCell, people: bool) {
        for (sum, one) in self.tallies.0.iter_mut().zip(other.tallies.0) {
            *sum += one;
        }
        if people {
            for (sum, one) in self.people.as_flattened_mut().iter_mut().zip(other.people.as_flattened()) {
                *sum += one;
            }
        }
    }

    /// Whether it changes nothing.
    pub fn is_zero(&self) -> bool {
        *self == SignedCell::default()
    }
}
