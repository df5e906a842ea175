//! Changes of an area task's state as values: the same operation is applied, logged and replayed.

use super::cell::{Cell, CellKey};
use super::codec::{Reader, corrupt, put, put_option, put_signed, put_text};
use super::series::TierAlert;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::half::Corrupt;

/// Change of page 0, which belongs to no area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaOperation {
    /// A purpose has the next number.
    Purpose(String),
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
    Born {
        /// Its code.
        code: String,
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
    /// Days that no number needs any more.
    DropBefore {
        /// First day whose cells stay.
        cells: Day,
        /// First day whose alerts stay.
        alerts: Day,
    },
}

impl MetaOperation {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Purpose(name) => {
                into.push(1);
                put_text(into, name);
            }
            Self::Seen { task, seq } => {
                into.push(2);
                put_signed(into, i64::from(*task));
                put(into, *seq);
            }
            Self::Published { now, day, kept_from, cells_from } => {
                into.push(3);
                put_signed(into, now.0);
                for day in [day, kept_from, cells_from] {
                    put_signed(into, i64::from(day.0));
                }
            }
            Self::Rules { digest, periods } => {
                into.push(4);
                put_text(into, digest);
                write_days(into, periods);
            }
        }
    }

    pub(super) fn read(operation: &[u8]) -> Result<Self, Corrupt> {
        let mut from = Reader::new(operation);
        let read = match from.byte()? {
            1 => Self::Purpose(from.text()?),
            2 => Self::Seen { task: from.small_signed()?, seq: from.number()? },
            3 => Self::Published {
                now: Timestamp(from.signed()?),
                day: Day(from.small_signed()?),
                kept_from: Day(from.small_signed()?),
                cells_from: Day(from.small_signed()?),
            },
            4 => Self::Rules { digest: from.text()?, periods: read_days(&mut from)? },
            _ => return Err(corrupt("an operation is unknown")),
        };
        from.done(read)
    }
}

impl SeriesOperation {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        match self {
            Self::Born { code, basis } => {
                into.push(1);
                put_text(into, code);
                put(into, *basis);
            }
            Self::Add(key, cell) => {
                into.push(2);
                key.write(into);
                cell.write(into);
            }
            Self::Basis(basis) => {
                into.push(3);
                put(into, *basis);
            }
            Self::Tier(hash) => {
                into.push(4);
                put(into, *hash);
            }
            Self::Alert(day, alert) => {
                into.push(5);
                put_signed(into, i64::from(day.0));
                alert.write(into);
            }
            Self::DropBefore { cells, alerts } => {
                into.push(6);
                put_signed(into, i64::from(cells.0));
                put_signed(into, i64::from(alerts.0));
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(match from.byte()? {
            1 => Self::Born { code: from.text()?, basis: from.number()? },
            2 => Self::Add(CellKey::read(from)?, Cell::read(from)?),
            3 => Self::Basis(from.number()?),
            4 => Self::Tier(from.number()?),
            5 => Self::Alert(Day(from.small_signed()?), TierAlert::read(from)?),
            6 => Self::DropBefore { cells: Day(from.small_signed()?), alerts: Day(from.small_signed()?) },
            _ => return Err(corrupt("an operation is unknown")),
        })
    }
}

/// Appends a list of days.
pub(super) fn write_days(into: &mut Vec<u8>, days: &[Day]) {
    put(into, days.len() as u64);
    for day in days {
        put_signed(into, i64::from(day.0));
    }
}

/// Reads what [`write_days`] wrote.
pub(super) fn read_days(from: &mut Reader<'_>) -> Result<Vec<Day>, Corrupt> {
    (0..from.number()?).map(|_| from.small_signed().map(Day)).collect()
}

/// Appends an optional day.
pub(super) fn put_day(into: &mut Vec<u8>, day: Option<Day>) {
    put_option(into, day.map(|day| i64::from(day.0)));
}

/// Reads what [`put_day`] wrote.
pub(super) fn read_day(from: &mut Reader<'_>) -> Result<Option<Day>, Corrupt> {
    let day = from.option()?.map(i32::try_from).transpose();
    Ok(day.map_err(|_| corrupt("a day is out of range"))?.map(Day))
}
