//! What is counted of one area, target, purpose and specimen day: declared here, once. The writer and the reader of
//! `area-changes`, the stored cell, and the audit's names of what it recounts all go by it, so that another number is
//! one more entry here and in the contract.

use super::result::Finding;
use crate::proto::v1::{CellChange, GapChange};
use std::ops::{Index, IndexMut};

/// A number that adds up over areas, purposes and days. The order is that of the stored form, which has one bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Specimens that stand as positive.
    Positive,
    /// Specimens that stand as negative.
    Negative,
    /// Specimens without a conclusive finding.
    Inconclusive,
    /// Specimens that could not be tested.
    Invalid,
    /// Episodes that start here.
    Cases,
    /// Those of the cases that no management order held.
    CommunityCases,
}

impl Tally {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Positive, Self::Negative, Self::Inconclusive, Self::Invalid, Self::Cases, Self::CommunityCases];

    /// What a specimen with this finding counts as.
    pub fn of(finding: Finding) -> Self {
        match finding {
            Finding::Positive => Self::Positive,
            Finding::Negative => Self::Negative,
            Finding::Inconclusive => Self::Inconclusive,
            Finding::Invalid | Finding::Unspecified => Self::Invalid,
        }
    }

    /// Number of its field in the contract's [`CellChange`].
    pub const fn field(self) -> u64 {
        5 + self as u64
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Inconclusive => "inconclusive",
            Self::Invalid => "invalid",
            Self::Cases => "cases",
            Self::CommunityCases => "community cases",
        }
    }
}

/// The tallies of a cell, or signed changes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies(pub [i32; Tally::ALL.len()]);

impl Tallies {
    /// Those of a message.
    pub fn read(change: &CellChange) -> Self {
        let CellChange { positive, negative, inconclusive, invalid, cases, community_cases, .. } = *change;
        Self([positive, negative, inconclusive, invalid, cases, community_cases])
    }

    /// Puts them into a message.
    pub fn write(self, into: &mut CellChange) {
        let CellChange { positive, negative, inconclusive, invalid, cases, community_cases, .. } = into;
        let fields = [positive, negative, inconclusive, invalid, cases, community_cases];
        fields.into_iter().zip(self.0).for_each(|(field, number)| *field = number);
    }
}

impl Index<Tally> for Tallies {
    type Output = i32;

    fn index(&self, tally: Tally) -> &i32 {
        &self.0[tally as usize]
    }
}

impl IndexMut<Tally> for Tallies {
    fn index_mut(&mut self, tally: Tally) -> &mut i32 {
        &mut self.0[tally as usize]
    }
}

/// Distinct people, which do not add up: counted by the gap from this day to the person's next such day here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// By days with a conclusive result.
    Tested,
    /// By days with a positive.
    Positive,
}

// Readers of batches find a tally by how far its field lies behind the first: one that does not follow the others has to be
// read in another way.
const _: () = {
    let mut at = 0;
    while at < Tally::ALL.len() {
        assert!(Tally::ALL[at].field() == Tally::ALL[0].field() + at as u64);
        at += 1;
    }
};

impl People {
    /// Both, in the order of the stored form.
    pub const ALL: [Self; 2] = [Self::Tested, Self::Positive];

    /// Number of its field in the contract's [`CellChange`].
    pub const fn field(self) -> u64 {
        Tally::CommunityCases.field() + 1 + self as u64
    }

    /// Those of a message.
    pub fn read(self, change: &CellChange) -> &[GapChange] {
        match self {
            Self::Tested => &change.tested,
            Self::Positive => &change.found_positive,
        }
    }
}

/// A signed change of one of a cell's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Which: the tallies, then people tested by gap, then people found positive by gap. The stored form has one bit
    /// for each, in this order; in messages they stand in it too.
    pub what: u8,
    /// By how much.
    pub change: i32,
}

impl Number {
    /// Of a tally.
    pub fn tally(tally: Tally, change: i32) -> Self {
        Self { what: tally as u8, change }
    }

    /// Of people, by gap from 1.
    pub fn people(people: People, gap: u8, change: i32) -> Self {
        Self { what: (TALLIES + people as usize * GAPS) as u8 + gap - 1, change }
    }
}

/// Tubes with a conclusive finding, or signed changes of them. Sums wrap, as those of cells do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Positive.
    pub positive: i32,
    /// Negative; or members of negative ones.
    pub negative: i32,
}

/// Tallies of a cell.
pub const TALLIES: usize = Tally::ALL.len();

/// The purpose that stands for the total over all purposes of a target. Of a cell it holds people only: all else adds up.
pub const TOTAL: u8 = 0;

/// Gaps that are distinguished: 1 to 14 days, and 15 for more or none.
pub const GAPS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::DESCRIPTORS;
    use prost_reflect::DescriptorPool;

    #[test]
    fn every_number_has_the_field_of_its_name_and_comes_back_from_it() {
        let mut change = CellChange::default();
        let numbers = Tallies(std::array::from_fn(|at| at as i32 + 1));
        numbers.write(&mut change);
        assert_eq!(Tallies::read(&change), numbers);
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("made by our build");
        let message = pool.get_message_by_name("swabstream.v1.CellChange").expect("in the contract");
        let field = |number: u64| message.get_field(number as u32).map(|field| field.name().replace('_', " "));
        for tally in Tally::ALL {
            assert_eq!(field(tally.field()).as_deref(), Some(tally.name()));
        }
        assert_eq!(
            People::ALL.map(|people| field(people.field())),
            ["tested", "found positive"].map(|name| Some(name.into()))
        );
        assert_eq!(field(People::Positive.field() + 1), None, "a number of the contract that nobody counts");
    }
}
