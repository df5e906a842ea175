//! Changes of an area task's state as values: the same operation is applied, logged and replayed.

use super::cell::{Cell, CellKey};
use super::closes::Close;
use super::duties::{DutyNumbers, read_duties, read_group, write_duties, write_group};
use super::labs::LabSum;
use super::pools::{self, PoolKey};
use super::series::{TierAlert, put_origin, read_origin};
use crate::model::cell::{Number, PoolCounts};
use crate::model::duty::GroupNumbers;
use crate::model::record::Origin;
use crate::model::target::{keyed, parts};
use crate::model::time::{Day, Timestamp};
use crate::state::codec::{Few, Reader, corrupt, put_bytes, put_option, put_short, put_short_signed};
use crate::state::paged::Corrupt;

/// Change of page 0, which belongs to no area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaOperation {
    /// A purpose has the next number.
    Purpose(String),
    /// A purpose has the number of one that nothing names any more.
    Renamed {
        /// The number, from 1.
        number: u8,
        /// The new purpose.
        name: String,
    },
    /// A batch of a person task was read.
    Seen {
        /// Person task.
        task: i32,
        /// Commit number of the batch.
        seq: u64,
    },
    /// What was published.
    Published {
        /// The task's `now` then.
        now: Timestamp,
        /// The last day with numbers.
        day: Day,
        /// The first day with numbers.
        kept_from: Day,
        /// The first day whose cells are still there.
        cells_from: Day,
    },
    /// The rules all is derived by.
    Rules {
        /// Their digest.
        digest: String,
        /// First days of the registry's periods.
        periods: Vec<Day>,
    },
    /// The first day that will be closed.
    ClosesFrom(Day),
    /// A day was closed.
    Closed(Day, Close),
    /// The first day that is published without the results of some people; `None`: nothing is missing any more.
    MissesFrom(Option<Day>),
    /// A lab's results that were received in an interval ended.
    LabAdded {
        /// Its id.
        lab: String,
        /// The interval.
        interval: i64,
        /// What became of them.
        sum: Box<LabSum>,
    },
    /// A receipt of all of them was published.
    LabTold {
        /// The lab's id.
        lab: String,
        /// The interval.
        interval: i64,
    },
}

/// Change of one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeriesOperation {
    /// The area is new; its slot is the next of the page.
    Begun {
        /// Its code.
        code: String,
        /// Its target, empty for the first.
        target: String,
        /// See [`Basis`](Self::Basis).
        basis: u64,
    },
    /// Pools were added.
    AddPools(PoolKey, PoolCounts),
    /// Hash of what the registry says of it.
    Basis(u64),
    /// Hash of the tier published, 0 for none.
    Tier(u64),
    /// An alert about a change of tier on a day was published.
    Alert(Day, TierAlert),
    /// An input record is behind a change of cases or positives of a specimen day.
    Cause(Day, Origin),
    /// Tiers up to this day were decided on with what is behind them.
    CausesNamed(Day),
    /// So many specimens of a day were known at its close.
    AtClose(Day, i64),
    /// Days that no number needs any more.
    DropBefore {
        /// First day whose cells stay.
        cells: Day,
        /// First day whose alerts and duties stay.
        alerts: Day,
    },
    /// Something else has to be done on a day: by so much.
    Duties(Day, DutyNumbers),
    /// Numbers of a key group are others on a day: by so much.
    Group(Day, String, GroupNumbers),
}

/// Up to format 3: counts were added to one cell.
const ADD: u8 = 2;
/// Since format 5: to some cells of one period.
const ADD_ALL: u8 = 9;
/// Since format 5.
const DUTIES: u8 = 12;
/// Since format 6.
const GROUP: u8 = 13;

impl MetaOperation {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Purpose(name) => {
                into.push(1);
                put_bytes(into, name.as_bytes());
            }
            Self::Seen { task, seq } => {
                into.push(2);
                put_short_signed(into, i64::from(*task));
                put_short(into, *seq);
            }
            Self::Published { now, day, kept_from, cells_from } => {
                into.push(3);
                put_short_signed(into, now.0);
                for day in [day, kept_from, cells_from] {
                    put_short_signed(into, i64::from(day.0));
                }
            }
            Self::Rules { digest, periods } => {
                into.push(4);
                put_bytes(into, digest.as_bytes());
                write_days(into, periods);
            }
            Self::Renamed { number, name } => {
                into.extend([5, *number]);
                put_bytes(into, name.as_bytes());
            }
            Self::ClosesFrom(first) => {
                into.push(6);
                put_short_signed(into, i64::from(first.0));
            }
            Self::Closed(day, close) => {
                into.push(7);
                put_short_signed(into, i64::from(day.0));
                close.write(into);
            }
            Self::MissesFrom(day) => {
                into.push(8);
                put_day(into, *day);
            }
            Self::LabAdded { lab, interval, sum } => {
                into.push(9);
                put_bytes(into, lab.as_bytes());
                put_short_signed(into, *interval);
                sum.write(into);
            }
            Self::LabTold { lab, interval } => {
                into.push(10);
                put_bytes(into, lab.as_bytes());
                put_short_signed(into, *interval);
            }
        }
    }

    pub(super) fn read(operation: &[u8]) -> Result<Self, Corrupt> {
        let mut from = Reader::new(operation);
        let read = match from.u8()? {
            1 => Self::Purpose(from.text()?.to_owned()),
            2 => Self::Seen { task: from.short_signed()?, seq: from.short()? },
            3 => Self::Published {
                now: Timestamp(from.short_signed()?),
                day: Day(from.short_signed()?),
                kept_from: Day(from.short_signed()?),
                cells_from: Day(from.short_signed()?),
            },
            4 => Self::Rules { digest: from.text()?.to_owned(), periods: read_days(&mut from)? },
            // Since format 3.
            5 => Self::Renamed { number: from.u8()?, name: from.text()?.to_owned() },
            // Since format 5.
            6 => Self::ClosesFrom(Day(from.short_signed()?)),
            7 => Self::Closed(Day(from.short_signed()?), Close::read(&mut from)?),
            8 => Self::MissesFrom(read_day(&mut from)?),
            // Since format 7.
            9 => {
                let (lab, interval) = (from.text()?.to_owned(), from.short_signed()?);
                Self::LabAdded { lab, interval, sum: Box::new(LabSum::read(&mut from)?) }
            }
            10 => Self::LabTold { lab: from.text()?.to_owned(), interval: from.short_signed()? },
            _ => return Err(corrupt("an operation is unknown")),
        };
        from.finish()?;
        Ok(read)
    }
}

impl SeriesOperation {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Begun { code, target, basis } => {
                into.push(1);
                put_bytes(into, keyed(code, target).as_bytes());
                put_short(into, *basis);
            }
            Self::Basis(basis) => {
                into.push(3);
                put_short(into, *basis);
            }
            Self::Tier(hash) => {
                into.push(4);
                put_short(into, *hash);
            }
            Self::Alert(day, alert) => {
                into.push(5);
                put_short_signed(into, i64::from(day.0));
                alert.write(into);
            }
            Self::Cause(day, origin) => {
                into.push(7);
                put_short_signed(into, i64::from(day.0));
                put_origin(into, *origin);
            }
            Self::CausesNamed(day) => {
                into.push(8);
                put_short_signed(into, i64::from(day.0));
            }
            Self::AddPools(key, counts) => {
                into.push(10);
                pools::write_change(*key, *counts, into);
            }
            Self::AtClose(day, tests) => {
                into.push(11);
                put_short_signed(into, i64::from(day.0));
                put_short_signed(into, *tests);
            }
            Self::DropBefore { cells, alerts } => {
                into.push(6);
                put_short_signed(into, i64::from(cells.0));
                put_short_signed(into, i64::from(alerts.0));
            }
            Self::Duties(day, change) => {
                into.push(DUTIES);
                write_duties(*day, *change, into);
            }
            Self::Group(day, group, change) => {
                into.push(GROUP);
                write_group(*day, group, *change, into);
            }
        }
    }

    pub(super) fn read(kind: u8, from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(match kind {
            1 => {
                let (code, target) = parts(from.text()?);
                Self::Begun { code: code.to_owned(), target: target.to_owned(), basis: from.short()? }
            }
            3 => Self::Basis(from.short()?),
            4 => Self::Tier(from.short()?),
            5 => Self::Alert(Day(from.short_signed()?), TierAlert::read(from)?),
            6 => Self::DropBefore { cells: Day(from.short_signed()?), alerts: Day(from.short_signed()?) },
            7 => Self::Cause(Day(from.short_signed()?), read_origin(from)?),
            8 => Self::CausesNamed(Day(from.short_signed()?)),
            // Since format 5.
            10 => {
                let (key, counts) = pools::read_change(from)?;
                Self::AddPools(key, counts)
            }
            11 => Self::AtClose(Day(from.short_signed()?), from.short_signed()?),
            DUTIES => {
                let (day, change) = read_duties(from)?;
                Self::Duties(day, change)
            }
            GROUP => {
                let (day, group, change) = read_group(from)?;
                Self::Group(day, group, change)
            }
            _ => return Err(corrupt("an operation is unknown")),
        })
    }
}

/// Counts added to cells of one area and period, one after the other: logged as one operation, in which a cell takes few
/// bytes beside the one before.
#[derive(Debug, Default)]
pub struct Run {
    /// Whose cells they are, once there are any.
    of: Option<(u32, Day)>,
    day: i32,
    bytes: Vec<u8>,
}

/// Days up to so many apart lie in the byte of the purpose; this instead of them: they follow.
const FAR: u64 = 7;
const FAR_BITS: u32 = FAR.count_ones();

impl Run {
    /// Whether a cell of this area and period can be added to it.
    pub(super) fn is_of(&self, area: u32, period: Day) -> bool {
        self.of == Some((area, period))
    }

    /// Begins with an area, the slot of which is this, and a period.
    pub(super) fn begin(&mut self, area: u32, slot: u8, period: Day) {
        (self.of, self.day) = (Some((area, period)), 0);
        self.bytes.clear();
        self.bytes.extend([slot, ADD_ALL]);
        put_short_signed(&mut self.bytes, i64::from(period.0));
    }

    /// Adds what is added to a cell.
    #[inline]
    pub(super) fn add(&mut self, day: Day, purpose: u8, numbers: &[Number]) {
        let apart = i64::from(day.0.wrapping_sub(self.day));
        self.day = day.0;
        let (apart, mut head) = ((apart << 1 ^ apart >> 63) as u64, Few::default());
        head.put_short(u64::from(purpose) << FAR_BITS | apart.min(FAR));
        if apart >= FAR {
            head.put_short(apart);
        }
        Cell::write_numbers(head, numbers, &mut self.bytes);
    }

    /// The area and the bytes of all since it began, if it did. It has ended then.
    pub(super) fn end(&mut self) -> Option<(u32, &[u8])> {
        self.of.take().map(|(area, _)| (area, &*self.bytes))
    }
}

/// What was added to which cells, if the operation is of that kind.
pub(super) fn read_added(kind: u8, from: &mut Reader<'_>) -> Result<Option<Vec<(CellKey, Cell)>>, Corrupt> {
    match kind {
        ADD => Ok(Some(vec![(CellKey::read(from)?, Cell::read(from)?)])),
        ADD_ALL => {
            let (period, mut day, mut added) = (Day(from.short_signed()?), 0_i32, Vec::new());
            while !from.is_empty() {
                let head = from.short::<u64>()?;
                let apart = if head & FAR == FAR { from.short()? } else { head & FAR };
                let apart = i32::try_from((apart >> 1) as i64 ^ -((apart & 1) as i64));
                day = day.wrapping_add(apart.map_err(|_| corrupt("a day is out of range"))?);
                let purpose = u8::try_from(head >> FAR_BITS).map_err(|_| corrupt("a purpose is out of range"))?;
                added.push((CellKey { period, day: Day(day), purpose }, Cell::read_numbers(from)?));
            }
            if added.is_empty() { Err(corrupt("nothing is added")) } else { Ok(Some(added)) }
        }
        _ => Ok(None),
    }
}

/// Appends a list of days.
pub(super) fn write_days(into: &mut Vec<u8>, days: &[Day]) {
    put_short(into, days.len() as u64);
    for day in days {
        put_short_signed(into, i64::from(day.0));
    }
}

/// Reads what [`write_days`] wrote.
pub(super) fn read_days(from: &mut Reader<'_>) -> Result<Vec<Day>, Corrupt> {
    (0..from.short::<u64>()?).map(|_| from.short_signed().map(Day)).collect()
}

/// Appends an optional day.
pub(super) fn put_day(into: &mut Vec<u8>, day: Option<Day>) {
    put_option(into, day.map(|day| i64::from(day.0)));
}

/// Reads what [`put_day`] wrote.
pub(super) fn read_day(from: &mut Reader<'_>) -> Result<Option<Day>, Corrupt> {
    Ok(from.option()?.map(Day))
}
