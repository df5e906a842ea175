//! Changes of an area task's state as values: the same operation is applied, logged and replayed.

use super::cell::{Cell, CellKey};
use super::series::{TierAlert, put_origin, read_origin};
use crate::model::cell::Number;
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
    /// Counts were added.
    Add(CellKey, Cell),
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
    /// Days that no number needs any more.
    DropBefore {
        /// First day whose cells stay.
        cells: Day,
        /// First day whose alerts stay.
        alerts: Day,
    },
}

const ADD: u8 = 2;

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
            Self::Add(key, cell) => {
                into.push(ADD);
                key.write(into);
                cell.write(into);
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
            Self::DropBefore { cells, alerts } => {
                into.push(6);
                put_short_signed(into, i64::from(cells.0));
                put_short_signed(into, i64::from(alerts.0));
            }
        }
    }

    /// Writes an [`Add`](Self::Add) to an area without making a cell of its numbers.
    pub(super) fn write_add(slot: u8, key: CellKey, numbers: &[Number], into: &mut Vec<u8>) {
        let mut head = Few::<16>::default();
        head.put(slot);
        head.put(ADD);
        head.put_short_signed(i64::from(key.period.0));
        head.put_short_signed(i64::from(key.day.0));
        head.put(key.purpose);
        head.append_to(into);
        Cell::write_numbers(numbers, into);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(match from.u8()? {
            1 => {
                let (code, target) = parts(from.text()?);
                Self::Begun { code: code.to_owned(), target: target.to_owned(), basis: from.short()? }
            }
            ADD => Self::Add(CellKey::read(from)?, Cell::read(from)?),
            3 => Self::Basis(from.short()?),
            4 => Self::Tier(from.short()?),
            5 => Self::Alert(Day(from.short_signed()?), TierAlert::read(from)?),
            6 => Self::DropBefore { cells: Day(from.short_signed()?), alerts: Day(from.short_signed()?) },
            7 => Self::Cause(Day(from.short_signed()?), read_origin(from)?),
            8 => Self::CausesNamed(Day(from.short_signed()?)),
            _ => return Err(corrupt("an operation is unknown")),
        })
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
