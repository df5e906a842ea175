//! One area over time, for one target: its cells, and what of it was published last.

use super::cell::{Cell, CellKey};
use super::duties::Duties;
use super::pools::Pools;
use crate::model::cell::Number;
use crate::model::record::{Origin, Position, Topic};
use crate::model::target::{keyed, parts};
use crate::model::time::{Day, Timestamp};
use crate::state::codec::{Reader, corrupt, put_bytes, put_short, put_short_signed};
use crate::state::paged::Corrupt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a task knows of one area and target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Code of the area.
    pub code: String,
    /// Target, empty for the first.
    pub target: String,
    /// Hash of what the registry said of it when its numbers were last derived.
    pub basis: u64,
    /// Hash of the tier last published, 0 when it has none.
    pub tier: u64,
    /// Tier alerts by the day of change; days without one are not kept.
    pub alerts: BTreeMap<Day, TierAlert>,
    /// Counts; cells that count nothing are not kept.
    pub cells: BTreeMap<CellKey, Cell>,
    /// Pools, by how many people are in each.
    pub pools: Pools,
    /// By specimen day, the newest input record behind a change of cases or positives that no tier was decided on yet.
    pub causes: BTreeMap<Day, Origin>,
    /// Specimens known of closed days when they were closed; days without any are not kept.
    pub at_close: BTreeMap<Day, i64>,
    /// What has to be done, by day.
    pub duties: Duties,
}

/// A `tier_changed` alert as last published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierAlert {
    /// Its version.
    pub version: u32,
    /// Not withdrawn.
    pub live: bool,
    /// Raised when its day was already over.
    pub historic: bool,
    /// How grave, by its number in the contract.
    pub severity: u8,
    /// Policy that decided on the day.
    pub policy: String,
    /// Tier of the day before, empty when it had none.
    pub before: String,
    /// Tier of the day.
    pub after: String,
    /// Why, oldest first, without the middle of a long chain.
    pub causes: Vec<TierCause>,
    /// Causes left out of the middle.
    pub omitted: u32,
}

/// One step of an alert's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierCause {
    /// State of the alert after it, by its number in the contract.
    pub state: u8,
    /// Kind of cause, by its number in the contract.
    pub kind: u8,
    /// What was behind it.
    pub origin: TierOrigin,
    /// The task's `now`.
    pub now: Timestamp,
}

/// What was behind a step of an alert's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierOrigin {
    /// The day or the rules.
    None,
    /// The batch at this offset.
    Batch(i64),
    /// An input record.
    Input(Origin),
}

impl Series {
    /// Adds to a cell.
    pub(super) fn add(&mut self, key: CellKey, change: Cell) {
        match self.cells.entry(key) {
            Entry::Vacant(entry) if !change.is_empty() => {
                entry.insert(change);
            }
            Entry::Vacant(_) => {}
            Entry::Occupied(mut entry) => {
                entry.get_mut().add(change);
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
        }
    }

    /// Adds to a cell, number by number.
    pub(super) fn add_numbers(&mut self, key: CellKey, numbers: &[Number]) {
        let cell = self.cells.entry(key).or_default();
        cell.add_numbers(numbers);
        if cell.is_empty() {
            self.cells.remove(&key);
        }
    }

    /// Cells of a period on the days from `first` to `last`, all purposes.
    pub fn cells_between(&self, period: Day, first: Day, last: Day) -> impl Iterator<Item = (&CellKey, &Cell)> {
        let from = CellKey { period, day: first, purpose: 0 };
        let until = CellKey { period, day: last.max(first), purpose: u8::MAX };
        self.cells.range(from..=until).filter(move |(key, _)| key.day <= last)
    }

    /// Notes what is behind a change of a day.
    pub(super) fn note_cause(&mut self, day: Day, origin: Origin) {
        let newest = self.causes.entry(day).or_insert(origin);
        *newest = origin.max(*newest);
    }

    /// Forgets cells of days before the first of these, alerts and duties of days before the second.
    pub(super) fn drop_before(&mut self, cells: Day, alerts: Day) {
        self.cells.retain(|key, _| key.day >= cells);
        self.pools.drop_before(cells);
        self.alerts.retain(|day, _| *day >= alerts);
        self.causes.retain(|day, _| *day >= cells);
        self.at_close.retain(|day, _| *day >= alerts);
        self.duties.drop_before(alerts);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_bytes(into, keyed(&self.code, &self.target).as_bytes());
        put_short(into, self.basis);
        put_short(into, self.tier);
        put_short(into, self.alerts.len() as u64);
        for (day, alert) in &self.alerts {
            put_short_signed(into, i64::from(day.0));
            alert.write(into);
        }
        put_short(into, self.cells.len() as u64);
        for (key, cell) in &self.cells {
            key.write(into);
            cell.write(into);
        }
        put_short(into, self.causes.len() as u64);
        for (day, origin) in &self.causes {
            put_short_signed(into, i64::from(day.0));
            put_origin(into, *origin);
        }
        self.pools.write(into);
        put_short(into, self.at_close.len() as u64);
        for (day, tests) in &self.at_close {
            put_short_signed(into, i64::from(day.0));
            put_short_signed(into, *tests);
        }
        self.duties.write(into);
    }

    pub(super) fn read(from: &mut Reader<'_>, format: u32) -> Result<Self, Corrupt> {
        let (code, target) = parts(from.text()?);
        let (code, target) = (code.to_owned(), target.to_owned());
        let mut series = Self { code, target, basis: from.short()?, tier: from.short()?, ..Self::default() };
        for _ in 0..from.short::<u64>()? {
            series.alerts.insert(Day(from.short_signed()?), TierAlert::read(from)?);
        }
        for _ in 0..from.short::<u64>()? {
            series.cells.insert(CellKey::read(from)?, Cell::read(from)?);
        }
        // Format 1 knew of no input records.
        let causes = if format == 1 { 0 } else { from.short::<u64>()? };
        for _ in 0..causes {
            series.causes.insert(Day(from.short_signed()?), read_origin(from)?);
        }
        if format >= 5 {
            series.pools = Pools::read(from)?;
        }
        let closed = if format < 5 { 0 } else { from.short::<u64>()? };
        for _ in 0..closed {
            series.at_close.insert(Day(from.short_signed()?), from.short_signed()?);
        }
        if format >= 5 {
            series.duties = Duties::read(from, format)?;
        }
        Ok(series)
    }
}

impl TierAlert {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short(into, u64::from(self.version));
        into.push(u8::from(self.live) | u8::from(self.historic) << 1);
        into.push(self.severity);
        put_bytes(into, self.policy.as_bytes());
        put_bytes(into, self.before.as_bytes());
        put_bytes(into, self.after.as_bytes());
        put_short(into, u64::from(self.omitted));
        put_short(into, self.causes.len() as u64);
        for cause in &self.causes {
            into.extend([cause.state, cause.kind]);
            cause.origin.write(into);
            put_short_signed(into, cause.now.0);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (version, flags) = (from.short()?, from.u8()?);
        if flags > 3 {
            return Err(corrupt("an alert has a flag of unknown meaning"));
        }
        let (severity, policy) = (from.u8()?, from.text()?.to_owned());
        let (before, after, omitted) = (from.text()?.to_owned(), from.text()?.to_owned(), from.short()?);
        let mut causes = Vec::new();
        for _ in 0..from.short::<u64>()? {
            let (state, kind) = (from.u8()?, from.u8()?);
            let origin = TierOrigin::read(from)?;
            causes.push(TierCause { state, kind, origin, now: Timestamp(from.short_signed()?) });
        }
        let (live, historic) = (flags & 1 == 1, flags & 2 == 2);
        Ok(Self { version, live, historic, severity, policy, before, after, causes, omitted })
    }
}

impl TierOrigin {
    fn write(self, into: &mut Vec<u8>) {
        match self {
            Self::None => into.push(0),
            Self::Batch(offset) => {
                into.push(1);
                put_short_signed(into, offset);
            }
            Self::Input(origin) => {
                into.push(2);
                put_origin(into, origin);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(match from.u8()? {
            0 => Self::None,
            1 => Self::Batch(from.short_signed()?),
            2 => Self::Input(read_origin(from)?),
            _ => return Err(corrupt("a cause is of no known kind")),
        })
    }
}

pub(super) fn put_origin(into: &mut Vec<u8>, origin: Origin) {
    let Position { topic, partition, offset } = origin.position;
    put_short_signed(into, origin.received_at.0);
    put_bytes(into, topic.name().as_bytes());
    put_short_signed(into, i64::from(partition));
    put_short_signed(into, offset);
}

pub(super) fn read_origin(from: &mut Reader<'_>) -> Result<Origin, Corrupt> {
    let received_at = Timestamp(from.short_signed()?);
    let topic = Topic::named(from.text()?).ok_or_else(|| corrupt("a cause lies in an unknown topic"))?;
    let (partition, offset) = (from.short_signed()?, from.short_signed()?);
    Ok(Origin { received_at, position: Position { topic, partition, offset } })
}
