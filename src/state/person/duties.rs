//! What is held of the duties of a person, or of a pool: what was counted of them in areas, and what was last published.
//!
//! In: what is counted now. Out: the same after a restore. What changes is the difference to it, so that nothing of a
//! person need be reckoned as it was before. Held as bytes: a contact has a dozen entries of a few bytes each.

use crate::model::duty::{DutyKind, GroupNumber};
use crate::model::time::Day;
use crate::state::codec::{Reader, corrupt, put_bytes, put_short, put_short_signed, put_u32, put_u64};
use crate::state::corrupt::Corrupt;

/// What a number is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A kind of duty.
    Duty(DutyKind),
    /// A key group.
    Group(String, GroupNumber),
}

/// Duties of one kind on days that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedDuty {
    /// Code of the area; empty for none.
    pub area: String,
    /// Target, as stored texts name it.
    pub target: String,
    /// What.
    pub what: Counted,
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
    /// How many people, or pools.
    pub number: u32,
}

/// The area in which a person counts, and the minute of the swab that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Where {
    /// Code of the area; empty for none.
    pub area: String,
    /// The minute; 0 where no swab says it.
    pub minute: u32,
}

/// All that is held of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDuties {
    /// Hash of the message that was last published; 0 where none holds.
    pub said: u64,
    /// Where a person counts.
    pub place: Where,
    /// What was counted, in order.
    counted: Box<[u8]>,
}

/// Beside the kind: area and target are those of the entry before.
const SAME_PLACE: u8 = 0x80;
/// Since format 6, instead of a kind: a number of a key group, whose name follows.
const OF_GROUP: u8 = 0x40;
/// Beside that: it is the group of the entry before.
const SAME_GROUP: u8 = 0x20;

impl HeldDuties {
    /// From what is counted, in order.
    pub fn of(said: u64, at: &Where, counted: &[CountedDuty]) -> Self {
        let mut bytes = Vec::new();
        let mut place: Option<(&str, &str)> = None;
        let mut named: Option<&str> = None;
        for CountedDuty { area, target, what, first, last, number } in counted {
            let same = place == Some((area, target));
            let (kind, group) = match what {
                Counted::Duty(kind) => (*kind as u8, None),
                Counted::Group(group, number) if named == Some(group) => (OF_GROUP | SAME_GROUP | *number as u8, None),
                Counted::Group(group, number) => (OF_GROUP | *number as u8, Some(group)),
            };
            bytes.push(kind | if same { SAME_PLACE } else { 0 });
            if !same {
                put_bytes(&mut bytes, area.as_bytes());
                put_bytes(&mut bytes, target.as_bytes());
            }
            group.into_iter().for_each(|group| put_bytes(&mut bytes, group.as_bytes()));
            place = Some((area, target));
            named = group.map(String::as_str).or(named);
            put_short_signed(&mut bytes, i64::from(first.0));
            put_short(&mut bytes, i64::from(last.0 - first.0).unsigned_abs());
            put_short(&mut bytes, u64::from(*number));
        }
        Self { said, place: at.clone(), counted: bytes.into() }
    }

    /// What was counted.
    ///
    /// # Panics
    /// When it is not what was put in: the fault is ours.
    pub fn counted(&self) -> Vec<CountedDuty> {
        read_counted(&self.counted).expect("duties that were put together here")
    }

    pub(super) fn put(&self, into: &mut Vec<u8>) {
        put_u64(into, self.said);
        put_bytes(into, self.place.area.as_bytes());
        put_u32(into, self.place.minute);
        put_bytes(into, &self.counted);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let said = reader.u64()?;
        let place = Where { area: reader.text()?.to_owned(), minute: reader.u32()? };
        let counted = reader.bytes()?;
        read_counted(counted)?;
        Ok(Self { said, place, counted: counted.into() })
    }
}

fn read_counted(bytes: &[u8]) -> Result<Vec<CountedDuty>, Corrupt> {
    let (mut from, mut all) = (Reader::new(bytes), Vec::<CountedDuty>::new());
    let mut named: Option<String> = None;
    while !from.is_empty() {
        let kind = from.u8()?;
        let (area, target) = match all.last() {
            Some(before) if kind & SAME_PLACE != 0 => (before.area.clone(), before.target.clone()),
            None if kind & SAME_PLACE != 0 => return Err(corrupt("a duty has no place")),
            _ => (from.text()?.to_owned(), from.text()?.to_owned()),
        };
        let what = match kind & !SAME_PLACE {
            kind if kind & OF_GROUP == 0 => {
                Counted::Duty(DutyKind::try_from(i32::from(kind)).map_err(|_| corrupt("a duty is of no known kind"))?)
            }
            kind => {
                let number = GroupNumber::ALL.get(usize::from(kind & !(OF_GROUP | SAME_GROUP)));
                let number = *number.ok_or_else(|| corrupt("a number of a group is of no known kind"))?;
                if kind & SAME_GROUP == 0 {
                    named = Some(from.text()?.to_owned());
                }
                Counted::Group(named.clone().ok_or_else(|| corrupt("a number is of no group"))?, number)
            }
        };
        let (first, days, number) = (from.short_signed::<i32>()?, from.short::<u32>()?, from.short()?);
        let last = first.checked_add_unsigned(days).ok_or_else(|| corrupt("a duty has no end"))?;
        all.push(CountedDuty { area, target, what, first: Day(first), last: Day(last), number });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Vec<CountedDuty> {
        let one = |area: &str, target: &str, kind, first, last| CountedDuty {
            area: area.into(),
            target: target.into(),
            what: Counted::Duty(kind),
            first: Day(first),
            last: Day(last),
            number: 1,
        };
        let mut all = vec![
            one("", "", DutyKind::TestDue, -3, -3),
            one("D1", "", DutyKind::Managed, 19_300, 19_307),
            one("D1", "", DutyKind::Release, 19_307, 19_307),
            one("D1", "influenza-a", DutyKind::MemberRecall, 19_307, 19_307),
        ];
        all[3].number = 300;
        let of = |group: &str, number, first| CountedDuty {
            what: Counted::Group(group.into(), number),
            ..one("D1", "influenza-a", DutyKind::TestDue, first, 19_310)
        };
        all.push(of("drivers", GroupNumber::Members, 19_297));
        all.push(of("drivers", GroupNumber::TestsOverdue, 19_300));
        all.push(of("hospitals", GroupNumber::Members, 19_297));
        all
    }

    #[test]
    fn what_is_held_is_read_back_and_cut_or_foreign_bytes_are_refused() {
        let held = HeldDuties::of(7, &Where { area: "D1".into(), minute: 8 }, &counted());
        assert_eq!(held.counted(), counted());
        let mut bytes = Vec::new();
        held.put(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!((HeldDuties::read(&mut reader), reader.finish()), (Ok(held), Ok(())));
        for length in 0..bytes.len() {
            assert!(HeldDuties::read(&mut Reader::new(&bytes[..length])).is_err(), "cut to {length}");
        }
        let place = [0; 8];
        let no_group = [&[OF_GROUP | SAME_GROUP][..], &place, &[2, 0, 1]].concat();
        for foreign in [&[SAME_PLACE | 1][..], &[0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1], &no_group] {
            assert!(read_counted(foreign).is_err(), "{foreign:?}");
        }
    }

    /// A contact of ten days with five tests, three of them taken.
    #[test]
    fn an_entry_takes_few_bytes() {
        let day = |kind, day: i32| CountedDuty {
            area: "500103".into(),
            target: String::new(),
            what: Counted::Duty(kind),
            first: Day(day),
            last: Day(day),
            number: 1,
        };
        use DutyKind::{Isolate, Managed, Release, TestDue, TestTaken};
        let mut all = vec![day(Isolate, 19_300), day(Managed, 19_300), day(Release, 19_310)];
        all.extend((1..=5).map(|after| day(TestDue, 19_300 + after)));
        all.extend((1..=3).map(|after| day(TestTaken, 19_300 + after)));
        assert!(HeldDuties::of(0, &Where::default(), &all).counted.len() <= 90);
    }
}
