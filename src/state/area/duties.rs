//! What has to be done in one area, by day: sums of signed changes.

use crate::model::duty::{DUTIES, GroupNumber, GroupNumbers};
use crate::model::time::Day;
use crate::state::codec::{Reader, corrupt, put_bytes, put_short, put_short_signed};
use crate::state::corrupt::Corrupt;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers of a day, in the order of the kinds there are.
pub type DutyNumbers = [i32; DUTIES.len()];

/// Numbers by day, and of key groups by day and group; those of which all are 0 are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    days: BTreeMap<Day, DutyNumbers>,
    groups: BTreeMap<(Day, String), GroupNumbers>,
}

impl Duties {
    /// Those of a day.
    pub fn on(&self, day: Day) -> Option<&DutyNumbers> {
        self.days.get(&day)
    }

    /// Those of each group on a day, by name.
    pub fn groups_on(&self, day: Day) -> impl Iterator<Item = (&str, &GroupNumbers)> {
        let from = self.groups.range((day, String::new())..).take_while(move |((of, _), _)| *of == day);
        from.map(|((_, group), numbers)| (group.as_str(), numbers))
    }

    /// Days with any, in order.
    pub fn days(&self) -> impl Iterator<Item = Day> {
        let all: BTreeSet<Day> = self.days.keys().copied().chain(self.groups.keys().map(|(day, _)| *day)).collect();
        all.into_iter()
    }

    /// Adds a signed change. Sums wrap: only so do they not depend on the order of the changes.
    pub(super) fn add(&mut self, day: Day, change: DutyNumbers) {
        let numbers = self.days.entry(day).or_default();
        numbers.iter_mut().zip(change).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        if *numbers == DutyNumbers::default() {
            self.days.remove(&day);
        }
    }

    /// The same of a key group.
    pub(super) fn add_group(&mut self, day: Day, group: String, change: GroupNumbers) {
        let key = (day, group);
        let mut numbers = self.groups.remove(&key).unwrap_or_default();
        numbers.iter_mut().zip(change).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        self.groups.extend((numbers != GroupNumbers::default()).then_some((key, numbers)));
    }

    /// Forgets days before one.
    pub(super) fn drop_before(&mut self, first: Day) {
        self.days.retain(|day, _| *day >= first);
        self.groups.retain(|(day, _), _| *day >= first);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short(into, self.days.len() as u64);
        for (day, numbers) in &self.days {
            write_duties(*day, *numbers, into);
        }
        put_short(into, self.groups.len() as u64);
        for ((day, group), numbers) in &self.groups {
            write_group(*day, group, *numbers, into);
        }
    }

    /// Groups are there since format 6.
    pub(super) fn read(from: &mut Reader<'_>, format: u32) -> Result<Self, Corrupt> {
        let days = (0..from.short::<u64>()?).map(|_| read_duties(from)).collect::<Result<_, _>>()?;
        let groups = if format < 6 { 0 } else { from.short::<u64>()? };
        let group = |from: &mut Reader<'_>| read_group(from).map(|(day, group, numbers)| ((day, group), numbers));
        Ok(Self { days, groups: (0..groups).map(|_| group(from)).collect::<Result<_, _>>()? })
    }
}

/// Appends a day: only numbers that are not 0 are written, behind a mask that tells which.
pub(super) fn write_duties(day: Day, numbers: DutyNumbers, into: &mut Vec<u8>) {
    put_short_signed(into, i64::from(day.0));
    write_numbers(&numbers, into);
}

/// Appends numbers of a key group on a day likewise.
pub(super) fn write_group(day: Day, group: &str, numbers: GroupNumbers, into: &mut Vec<u8>) {
    put_short_signed(into, i64::from(day.0));
    put_bytes(into, group.as_bytes());
    write_numbers(&numbers, into);
}

fn write_numbers(numbers: &[i32], into: &mut Vec<u8>) {
    let there = || numbers.iter().enumerate().filter(|(_, number)| **number != 0);
    put_short(into, there().fold(0, |mask, (at, _)| mask | 1_u64 << at));
    there().for_each(|(_, number)| put_short_signed(into, i64::from(*number)));
}

/// Reads what [`write_duties`] wrote.
pub(super) fn read_duties(from: &mut Reader<'_>) -> Result<(Day, DutyNumbers), Corrupt> {
    Ok((Day(from.short_signed()?), read_numbers(from)?))
}

/// Reads what [`write_group`] wrote.
pub(super) fn read_group(from: &mut Reader<'_>) -> Result<(Day, String, GroupNumbers), Corrupt> {
    Ok((Day(from.short_signed()?), from.text()?.to_owned(), read_numbers(from)?))
}

fn read_numbers<const N: usize>(from: &mut Reader<'_>) -> Result<[i32; N], Corrupt> {
    let (mask, mut numbers) = (from.short::<u64>()?, [0; N]);
    if mask >> N != 0 {
        return Err(corrupt("a day has a duty of unknown meaning"));
    }
    for at in (0..N).filter(|at| mask >> at & 1 == 1) {
        numbers[at] = from.short_signed()?;
    }
    Ok(numbers)
}

const _: () = assert!(DUTIES.len() < 64 && GroupNumber::ALL.len() < 64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::changelog::FORMAT;

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
        for (day, group, members) in [(9, "drivers", 2), (11, "drivers", 5), (11, "arrivals", -1), (12, "drivers", 1)] {
            duties.add_group(Day(day), group.into(), [members, 0, 0, 1]);
        }
        duties.add_group(Day(12), "drivers".into(), [-1, 0, 0, -1]);
        duties.add_group(Day(-1), "drivers".into(), [1; 4]);
        duties.drop_before(Day(0));
        assert_eq!(duties.days().collect::<Vec<_>>(), [7, 9, 11].map(Day));
        let groups: Vec<_> = duties.groups_on(Day(11)).collect();
        assert_eq!(groups, [("arrivals", &[-1, 0, 0, 1]), ("drivers", &[5, 0, 0, 1])]);
        assert_eq!(duties.on(Day(7)), Some(&[3, 1, 0, 0, 0, 0, 0, 0]));
        let mut bytes = Vec::new();
        duties.write(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!((Duties::read(&mut reader, FORMAT), reader.finish()), (Ok(duties), Ok(())));
        for length in 0..bytes.len() {
            assert!(Duties::read(&mut Reader::new(&bytes[..length]), FORMAT).is_err(), "cut to {length}");
        }
        assert!(read_duties(&mut Reader::new(&[14, 0x80, 2, 0])).is_err(), "a ninth kind");
    }
}
