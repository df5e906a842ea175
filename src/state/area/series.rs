//! One area over time: its cells, and what of it was published last.

use super::cell::{Cell, CellKey, Number};
use crate::model::time::{Day, Timestamp};
use crate::pipeline::half::Corrupt;
use crate::state::codec::{Reader, corrupt, put_bytes, put_option, put_short, put_short_signed};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a task knows of one area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Code of the area.
    pub code: String,
    /// Hash of what the registry said of it when its numbers were last derived.
    pub basis: u64,
    /// Hash of the tier last published, 0 when it has none.
    pub tier: u64,
    /// Tier alerts by the day of change; days without one are not kept.
    pub alerts: BTreeMap<Day, TierAlert>,
    /// Counts; cells that count nothing are not kept.
    pub cells: BTreeMap<CellKey, Cell>,
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
    /// Offset of the batch that changed the numbers; `None` when the day or the rules did.
    pub offset: Option<i64>,
    /// The task's `now`.
    pub now: Timestamp,
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

    /// Forgets cells and alerts of days before these.
    pub(super) fn drop_before(&mut self, cells: Day, alerts: Day) {
        self.cells.retain(|key, _| key.day >= cells);
        self.alerts.retain(|day, _| *day >= alerts);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_bytes(into, self.code.as_bytes());
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
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let (code, basis, tier) = (from.text()?.to_owned(), from.short()?, from.short()?);
        let mut series = Self { code, basis, tier, ..Self::default() };
        for _ in 0..from.short::<u64>()? {
            series.alerts.insert(Day(from.short_signed()?), TierAlert::read(from)?);
        }
        for _ in 0..from.short::<u64>()? {
            series.cells.insert(CellKey::read(from)?, Cell::read(from)?);
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
            put_option(into, cause.offset);
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
            causes.push(TierCause { state, kind, offset: from.option()?, now: Timestamp(from.short_signed()?) });
        }
        let (live, historic) = (flags & 1 == 1, flags & 2 == 2);
        Ok(Self { version, live, historic, severity, policy, before, after, causes, omitted })
    }
}
