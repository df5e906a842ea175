//! Counts of one area, purpose and specimen day: the numbers every window adds up.

use crate::model::cell::{GAPS, Number, People, TALLIES, Tallies};
use crate::model::time::Day;
use crate::state::codec::{Few, Reader, corrupt, put_short, put_short_signed};
use crate::state::paged::Corrupt;
use std::cmp::Ordering;

/// Where a cell belongs. The order makes a window of one registry period one stretch of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// First day of the registry period whose hierarchy placed the counts here.
    pub period: Day,
    /// Specimen day.
    pub day: Day,
    /// Number of the purpose, from 1; 0 is the total, which holds people only.
    pub purpose: u8,
}

impl CellKey {
    /// Period and day as one number: a cell is looked for among many, and both are compared at once. With its sign turned
    /// a day is in order as a number without one.
    fn days(&self) -> i64 {
        i64::from(self.period.0) << 32 | i64::from(self.day.0.cast_unsigned() ^ 1 << 31)
    }
}

impl Ord for CellKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.days().cmp(&other.days()).then(self.purpose.cmp(&other.purpose))
    }
}

impl PartialOrd for CellKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Counts, or signed changes of them. Sums wrap: only so do they not depend on the order of the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What adds up over areas, purposes and days.
    pub tallies: Tallies,
    /// Distinct people, which do not add up; absent where none are kept, to save the room.
    pub people: Option<Box<Histograms>>,
}

/// People with such a day here, by the gap to their next one; index 0 is a gap of 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histograms(pub [[i32; GAPS]; People::ALL.len()]);

impl Histograms {
    /// Of these, who have no later such day in a window that ends `age` days later: each person of the window is
    /// counted by their last day in it, once.
    ///
    /// ```
    /// use swabstream::model::cell::People;
    /// use swabstream::state::area::cell::Histograms;
    ///
    /// // On day 3 two people were tested: one again on day 9, one not again.
    /// let mut day_3 = Histograms::default();
    /// day_3.0[People::Tested as usize][6 - 1] += 1;
    /// day_3.0[People::Tested as usize][15 - 1] += 1;
    ///
    /// assert_eq!(day_3.last_of_window(People::Tested, 0), 2, "3 days to day 3");
    /// assert_eq!(day_3.last_of_window(People::Tested, 6), 1, "7 days to day 9: the first counts by day 9");
    /// ```
    pub fn last_of_window(&self, people: People, age: i32) -> i64 {
        self.0[people as usize].iter().skip(age as usize).map(|people| i64::from(*people)).sum()
    }
}

impl Cell {
    /// Adds signed changes. A histogram that returns to nothing is given back, so that a withdrawal leaves the cell
    /// as if the result had never been.
    pub fn add(&mut self, change: Cell) {
        for (sum, part) in self.tallies.0.iter_mut().zip(change.tallies.0) {
            *sum = sum.wrapping_add(part);
        }
        let Some(people) = change.people else { return };
        let own = self.people.get_or_insert_default();
        for (sum, part) in own.0.as_flattened_mut().iter_mut().zip(people.0.as_flattened()) {
            *sum = sum.wrapping_add(*part);
        }
        if **own == Histograms::default() {
            self.people = None;
        }
    }

    /// Adds signed changes one by one, as [`add`](Self::add) does.
    pub fn add_numbers(&mut self, numbers: &[Number]) {
        let mut people_vanished = false;
        for number in numbers {
            let at = usize::from(number.what);
            match at.checked_sub(TALLIES) {
                None => self.tallies.0[at] = self.tallies.0[at].wrapping_add(number.change),
                Some(at) => {
                    let sum = &mut self.people.get_or_insert_default().0.as_flattened_mut()[at];
                    *sum = sum.wrapping_add(number.change);
                    people_vanished |= *sum == 0;
                }
            }
        }
        if people_vanished && self.people.as_deref() == Some(&Histograms::default()) {
            self.people = None;
        }
    }

    /// Writes changes, which come in order, behind a head of at most 8 bytes: only numbers that are not 0, after a mask that
    /// tells which, with the most common numbers in its lowest bits.
    #[inline]
    pub(super) fn write_numbers(mut head: Few<32>, numbers: &[Number], into: &mut Vec<u8>) {
        let is_there = |number: &&Number| number.change != 0;
        head.put_short(numbers.iter().filter(is_there).fold(0, |mask, number| mask | 1_u64 << bit_of(number.what)));
        // As many as there is room for.
        let (first, rest) = numbers.split_at(numbers.len().min(3));
        for number in first.iter().filter(is_there) {
            head.put_short_signed(i64::from(number.change));
        }
        head.append_to(into);
        for number in rest.iter().filter(is_there) {
            put_short_signed(into, i64::from(number.change));
        }
    }

    /// Reads what [`write_numbers`](Self::write_numbers) wrote behind its head.
    pub(super) fn read_numbers(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (mask, mut cell) = (from.short::<u64>()?, Self::default());
        if mask >> NUMBERS != 0 {
            return Err(unknown_number());
        }
        for what in (0..NUMBERS).filter(|what| mask >> bit_of(*what) & 1 == 1) {
            cell.add_numbers(&[Number { what, change: from.short_signed()? }]);
        }
        Ok(cell)
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.people.is_none() && self.tallies == Tallies::default()
    }

    /// Only numbers that are not 0 are written, behind a mask that tells which.
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        write_nonzero(into, self.tallies.0.into_iter());
        match &self.people {
            Some(people) => write_nonzero(into, people.0.as_flattened().iter().copied()),
            None => put_short(into, 0),
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (mut tallies, mut people) = (Tallies::default(), Histograms::default());
        read_nonzero(from, tallies.0.iter_mut())?;
        read_nonzero(from, people.0.as_flattened_mut().iter_mut())?;
        let people = (people != Histograms::default()).then(|| Box::new(people));
        Ok(Self { tallies, people })
    }
}

impl CellKey {
    pub(super) fn write(self, into: &mut Vec<u8>) {
        put_short_signed(into, i64::from(self.period.0));
        put_short_signed(into, i64::from(self.day.0));
        into.push(self.purpose);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (period, day) = (Day(from.short_signed()?), Day(from.short_signed()?));
        Ok(Self { period, day, purpose: from.u8()? })
    }
}

fn write_nonzero(into: &mut Vec<u8>, numbers: impl Iterator<Item = i32> + Clone) {
    let mask = numbers.clone().enumerate().fold(0, |mask, (at, number)| mask | u64::from(number != 0) << at);
    put_short(into, mask);
    for number in numbers.filter(|number| *number != 0) {
        put_short_signed(into, i64::from(number));
    }
}

fn read_nonzero<'a>(from: &mut Reader<'_>, numbers: impl Iterator<Item = &'a mut i32>) -> Result<(), Corrupt> {
    let mut mask: u64 = from.short()?;
    for number in numbers {
        if mask & 1 == 1 {
            *number = from.short_signed()?;
        }
        mask >>= 1;
    }
    if mask == 0 { Ok(()) } else { Err(unknown_number()) }
}

fn unknown_number() -> Corrupt {
    corrupt("a cell has a number of unknown meaning")
}

/// Numbers of a cell.
const NUMBERS: u8 = (TALLIES + People::ALL.len() * GAPS) as u8;

/// The bit of a number in an operation. People without a later day are the most common ones: they come before the others.
fn bit_of(what: u8) -> u8 {
    const FIRST: u8 = TALLIES as u8;
    const NONE_LATER: u8 = FIRST + GAPS as u8 - 1;
    match what {
        NONE_LATER => FIRST,
        FIRST..NONE_LATER => what + 1,
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cell::Tally;

    #[test]
    fn keys_are_in_order_of_period_day_and_purpose() {
        let days = [i32::MIN, -1, 0, 1, i32::MAX].map(Day);
        let of_period = |period| days.map(|day| [0, 1, u8::MAX].map(|purpose| CellKey { period, day, purpose }));
        let keys: Vec<CellKey> = days.into_iter().flat_map(of_period).flatten().collect();
        assert!(keys.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn numbers_added_and_written_one_by_one_are_the_cell_they_make() {
        let numbers = [
            Number::tally(Tally::Positive, 3),
            Number::tally(Tally::Negative, 0),
            Number::tally(Tally::CommunityCases, -1),
            Number::people(People::Tested, 1, 7),
            Number::people(People::Tested, 15, -7),
            Number::people(People::Positive, 15, 1),
        ];
        let (mut one_by_one, mut bytes) = (Cell::default(), Vec::new());
        one_by_one.add_numbers(&numbers);
        Cell::write_numbers(Few::default(), &numbers, &mut bytes);
        assert_eq!(Cell::read_numbers(&mut Reader::new(&bytes)), Ok(one_by_one.clone()));
        let mut written = Vec::new();
        one_by_one.write(&mut written);
        assert_eq!(Cell::read(&mut Reader::new(&written)), Ok(one_by_one.clone()));
        let back = numbers.map(|number| Number { change: -number.change, ..number });
        one_by_one.add_numbers(&back);
        assert!(one_by_one.is_empty(), "a withdrawal leaves nothing");
    }
}
