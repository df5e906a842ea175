//! What has to be done in one area, by day: sums of signed changes.

use crate::model::duty::DUTIES;
use crate::model::time::Day;
use crate::state::codec::{Reader, corrupt, put_short, put_short_signed};
use crate::state::corrupt::Corrupt;
use std::collections::BTreeMap;

/// Numbers of a day, in the order of the kinds there are.
pub type DutyNumbers = [i32; DUTIES.len()];

/// Numbers by day; days of which all are 0 are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties(BTreeMap<Day, DutyNumbers>);

impl Duties {
    /// Those of a day.
    pub fn on(&self, day: Day) -> Option<&DutyNumbers> {
        self.0.get(&day)
    }

    /// Days with any, in order.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        self.0.keys().copied()
    }

    /// Adds a signed change. Sums wrap: only so do they not depend on the order of the changes.
    pub(super) fn add(&mut self, day: Day, change: DutyNumbers) {
        let numbers = self.0.entry(day).or_default();
        numbers.iter_mut().zip(change).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        if *numbers == DutyNumbers::default() {
            self.0.remove(&day);
        }
    }

    /// Forgets days before one.
    pub(super) fn drop_before(&mut self, first: Day) {
        self.0.retain(|day, _| *day >= first);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short(into, self.0.len() as u64);
        for (day, numbers) in &self.0 {
            write_duties(*day, *numbers, into);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        (0..from.short::<u64>()?).map(|_| read_duties(from)).collect::<Result<_, _>>().map(Self)
    }
}

/// Appends a day: only numbers that are not 0 are written, behind a mask that tells which.
pub(super) fn write_duties(day: Day, numbers: DutyNumbers, into: &mut Vec<u8>) {
    put_short_signed(into, i64::from(day.0));
    let there = || numbers.iter().enumerate().filter(|(_, number)| **number != 0);
    put_short(into, there().fold(0, |mask, (at, _)| mask | 1_u64 << at));
    there().for_each(|(_, number)| put_short_signed(into, i64::from(*number)));
}

/// Reads what [`write_duties`] wrote.
pub(super) fn read_duties(from: &mut Reader<'_>) -> Result<(Day, DutyNumbers), Corrupt> {
    let (day, mask, mut numbers) = (Day(from.short_signed()?), from.short::<u64>()?, DutyNumbers::default());
    if mask >> DUTIES.len() != 0 {
        return Err(corrupt("a day has a duty of unknown meaning"));
    }
    for at in (0..DUTIES.len()).filter(|at| mask >> at & 1 == 1) {
        numbers[at] = from.short_signed()?;
    }
    Ok((day, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_leaves_nothing_and_the_rest_is_read_back() {
        let mut duties = Duties::default();
        let change = |at: usize, number| {
            let mut change = DutyNumbers::default();
            change[at] = number;
            change
        };
        for (day, at, number) in [(7, 0, 3), (9, 7, -40_000), (7, 1, 1), (8, 2, 5), (8, 2, -5), (-1, 3, 1)] {
            duties.add(Day(day), change(at, number));
        }
        duties.drop_before(Day(0));
        assert_eq!(duties.days().collect::<Vec<_>>(), [7, 9].map(Day));
        assert_eq!(duties.on(Day(7)), Some(&[3, 1, 0, 0, 0, 0, 0, 0]));
        let mut bytes = Vec::new();
        duties.write(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!((Duties::read(&mut reader), reader.finish()), (Ok(duties), Ok(())));
        for length in 0..bytes.len() {
            assert!(Duties::read(&mut Reader::new(&bytes[..length])).is_err(), "cut to {length}");
        }
        assert!(read_duties(&mut Reader::new(&[14, 0x80, 2, 0])).is_err(), "a ninth kind");
    }
}
