//! What an area task holds: images and operations of its pages, added up.

use super::bytes::Bytes;
use super::labs::{self, LabSum, LabSums};
use crate::audit::cells::{Cells, CountKey, CountName, POOLED, names, pools};
use crate::audit::duties::sums::{self as duty_sums, DutyCounts, DutySums};
use crate::model::time::{Day, Timestamp};
use std::collections::BTreeMap;

/// Counts of one area task and what it has published.
#[derive(Clone, Debug, Default)]
pub struct AreaTask {
    /// What it has counted; nothing that is 0.
    pub cells: Cells,
    /// Its `now` when it last published; `None` before it ever did.
    pub published_at: Option<Timestamp>,
    /// First day that it keeps numbers of.
    pub kept_from: Option<Day>,
    /// First day that it keeps counts of.
    pub cells_from: Option<Day>,
    /// Days that it has closed, of those that it keeps numbers of.
    pub closes: BTreeMap<Day, Closed>,
    /// The last day that it has closed, or the one before the first that it will.
    pub closed: Option<Day>,
    /// What has to be done, by area (with its target) and day.
    pub duties: DutySums,
    /// Per sender, the number of the last batch it has added.
    pub seen: BTreeMap<i32, u64>,
    /// Records of labs of which no receipt was published yet.
    pub labs: LabSums,
    /// The same by interval.
    open: BTreeMap<(String, i64), LabSum>,
}

/// The close of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The time that people's tasks had come to.
    pub at: Timestamp,
    /// Those that had not.
    pub without: Vec<i32>,
}

/// What became of results of a lab: here only how many there are, and the digest of their ids.
fn lab_sum(bytes: &mut Bytes<'_>) -> Result<LabSum, String> {
    let mut sum = LabSum::default();
    for _ in 0..bytes.short()? {
        bytes.signed()?;
        bytes.signed()?;
        sum.records += bytes.short()?;
    }
    let length = bytes.u32()? as usize;
    let digest = bytes.take(length)?.try_into().map_err(|_| "a digest has not 16 bytes")?;
    Ok(LabSum { digest: u128::from_be_bytes(digest), ..sum })
}

/// One area of a page.
#[derive(Clone, Debug, Default)]
struct Area {
    /// As it is stored: with its target, if that is not the first.
    code: String,
    /// The tallies and people in stored order.
    cells: BTreeMap<StoredCell, [i32; 36]>,
    /// Positive and negative pools, by how many people are in each; of 0, members of negative ones.
    pools: BTreeMap<(StoredCell, u8), [i32; 2]>,
    duties: BTreeMap<Day, DutyCounts>,
}

/// A cell of an area, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StoredCell {
    period: Day,
    day: Day,
    /// Number of the purpose, from 1; 0 is the total.
    purpose: u8,
}

/// An area task while its changelog is replayed.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    purposes: Vec<String>,
    pages: BTreeMap<u32, Vec<Area>>,
    task: AreaTask,
}

impl Replay {
    /// Takes the newest image of a page.
    pub fn image(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), String> {
        let mut bytes = Bytes::new(image);
        if page == 0 {
            return self.common(&mut bytes, format);
        }
        let areas = (0..bytes.short()?).map(|_| Area::read(&mut bytes, format)).collect::<Result<_, _>>()?;
        self.pages.insert(page, areas);
        Ok(())
    }

    fn common(&mut self, bytes: &mut Bytes<'_>, format: u32) -> Result<(), String> {
        self.purposes = (0..bytes.short()?).map(|_| bytes.text()).collect::<Result<_, _>>()?;
        for _ in 0..bytes.short()? {
            let (sender, seq) = (bytes.signed()? as i32, bytes.short()?);
            self.task.seen.insert(sender, seq);
        }
        self.task.published_at = bytes.option()?.map(Timestamp);
        bytes.option()?;
        self.task.kept_from = bytes.option()?.map(day);
        self.task.cells_from = bytes.option()?.map(day);
        bytes.text()?;
        for _ in 0..bytes.short()? {
            bytes.signed()?;
        }
        if format >= 5 {
            self.task.closed = bytes.option()?.map(day);
            let close = |bytes: &mut Bytes<'_>| Ok::<_, String>((day(bytes.signed()?), closed(bytes)?));
            self.task.closes = (0..bytes.short()?).map(|_| close(bytes)).collect::<Result<_, _>>()?;
            bytes.option()?;
        }
        // Since format 7: what became of results of labs.
        let labs = if format < 7 { 0 } else { bytes.short()? };
        for _ in 0..labs {
            let of = (bytes.text()?, bytes.signed()?);
            self.task.open.insert(of, lab_sum(bytes)?);
        }
        Ok(())
    }

    /// Takes an operation on a page that is newer than its image.
    pub fn operation(&mut self, page: u32, operation: &[u8]) -> Result<(), String> {
        let mut bytes = Bytes::new(operation);
        if page == 0 {
            match bytes.u8()? {
                1 => self.purposes.push(bytes.text()?),
                2 => drop(self.task.seen.insert(bytes.signed()? as i32, bytes.short()?)),
                3 => {
                    self.task.published_at = Some(Timestamp(bytes.signed()?));
                    bytes.signed()?;
                    self.task.kept_from = Some(day(bytes.signed()?));
                    self.task.cells_from = Some(day(bytes.signed()?));
                    let kept_from = self.task.kept_from;
                    self.task.closes.retain(|day, _| Some(*day) >= kept_from);
                }
                6 => self.task.closed = Some(day(bytes.signed()?).plus(-1)),
                7 => {
                    let day = day(bytes.signed()?);
                    self.task.closed = Some(day);
                    self.task.closes.insert(day, closed(&mut bytes)?);
                }
                9 => {
                    let of = (bytes.text()?, bytes.signed()?);
                    let more = lab_sum(&mut bytes)?;
                    let sum = self.task.open.entry(of).or_default();
                    (sum.records, sum.digest) = (sum.records + more.records, sum.digest.wrapping_add(more.digest));
                }
                10 => drop(self.task.open.remove(&(bytes.text()?, bytes.signed()?))),
                5 => {
                    let at = usize::from(bytes.u8()?).checked_sub(1);
                    let purpose = at.and_then(|at| self.purposes.get_mut(at));
                    *purpose.ok_or("a purpose was never there")? = bytes.text()?;
                }
                _ => {}
            }
            return Ok(());
        }
        let areas = self.pages.entry(page).or_default();
        let slot = usize::from(bytes.u8()?);
        match bytes.u8()? {
            1 => areas.push(Area { code: bytes.text()?, ..Area::default() }),
            kind => areas.get_mut(slot).ok_or("an area was never born")?.operation(kind, &mut bytes)?,
        }
        Ok(())
    }

    /// The task after all that was taken.
    pub fn finish(mut self) -> AreaTask {
        for area in std::mem::take(&mut self.pages).into_values().flatten() {
            for (cell, counts) in &area.cells {
                names().zip(*counts).for_each(|(name, count)| self.count(&area.code, *cell, Some(name), count));
            }
            for ((cell, size), [positive, negative]) in &area.pools {
                let size = u32::from(*size);
                self.count(&area.code, *cell, pools(size, true), *positive);
                let name = if size == 0 { Some(POOLED) } else { pools(size, false) };
                self.count(&area.code, *cell, name, *negative);
            }
            for (day, counts) in area.duties {
                duty_sums::bump(&mut self.task.duties, (&area.code, day), &counts);
            }
        }
        let open = std::mem::take(&mut self.task.open);
        open.iter().for_each(|((lab, _), sum)| labs::add(&mut self.task.labs, lab, *sum));
        self.task
    }

    fn count(&mut self, area: &str, cell: StoredCell, name: Option<CountName>, count: i32) {
        let StoredCell { period, day, purpose } = cell;
        let purpose = match usize::from(purpose) {
            0 => "",
            number => self.purposes.get(number - 1).map_or("?", String::as_str),
        };
        let (area, purpose) = (area.to_owned(), purpose.to_owned());
        if count != 0 {
            let key = CountKey { area, period, purpose, day, name: name.unwrap_or("pools of a size there is none of") };
            self.task.cells.insert(key, i64::from(count));
        }
    }
}

impl Area {
    fn read(bytes: &mut Bytes<'_>, format: u32) -> Result<Self, String> {
        let mut area = Self { code: bytes.text()?, ..Self::default() };
        bytes.short()?;
        bytes.short()?;
        for _ in 0..bytes.short()? {
            bytes.signed()?;
            skip_alert(bytes)?;
        }
        for _ in 0..bytes.short()? {
            area.add(bytes)?;
        }
        // Since format 2: the record behind a change of a day.
        let causes = if format == 1 { 0 } else { bytes.short()? };
        for _ in 0..causes {
            bytes.signed()?;
            skip_record(bytes)?;
        }
        // Since format 5: pools.
        let pools = if format < 5 { 0 } else { bytes.short()? };
        for _ in 0..pools {
            area.add_pools(bytes)?;
        }
        // Since format 5: specimens known when a day was closed.
        let closed = if format < 5 { 0 } else { bytes.short()? };
        for _ in 0..closed {
            bytes.signed()?;
            bytes.signed()?;
        }
        // Since format 5: what has to be done.
        let days = if format < 5 { 0 } else { bytes.short()? };
        for _ in 0..days {
            area.add_duties(bytes)?;
        }
        // Since format 6: numbers of key groups.
        let groups = if format < 6 { 0 } else { bytes.short()? };
        for _ in 0..groups {
            area.add_group(bytes)?;
        }
        Ok(area)
    }

    fn operation(&mut self, kind: u8, bytes: &mut Bytes<'_>) -> Result<(), String> {
        match kind {
            2 => self.add(bytes)?,
            9 => self.add_run(bytes)?,
            10 => self.add_pools(bytes)?,
            6 => {
                let first = bytes.signed()?;
                self.cells.retain(|cell, _| i64::from(cell.day.0) >= first);
                self.pools.retain(|(cell, _), _| i64::from(cell.day.0) >= first);
                let first = bytes.signed()?;
                self.duties.retain(|day, _| i64::from(day.0) >= first);
            }
            12 => self.add_duties(bytes)?,
            13 => self.add_group(bytes)?,
            _ => {}
        }
        Ok(())
    }

    /// Adds cells of one period, since format 5: each behind how far its day is from the one before and its purpose, and
    /// one mask in which people without a later day come before those with one.
    fn add_run(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let period = day(bytes.signed()?);
        let mut days = 0_i64;
        while !bytes.is_empty() {
            let head = bytes.short()?;
            let apart = if head % 8 == 7 { bytes.short()? } else { head % 8 } as i64;
            days = days.wrapping_add(if apart % 2 == 1 { -(apart / 2) - 1 } else { apart / 2 });
            let cell = StoredCell { period, day: day(days), purpose: (head / 8) as u8 };
            let counts = self.cells.entry(cell).or_insert([0; 36]);
            let mask = bytes.short()?;
            for (at, count) in counts.iter_mut().enumerate() {
                let bit = match at {
                    20 => 6,
                    6..20 => at + 1,
                    _ => at,
                };
                if mask >> bit & 1 == 1 {
                    *count = count.wrapping_add(bytes.signed()? as i32);
                }
            }
        }
        Ok(())
    }

    /// Adds what has to be done on a day: numbers behind a mask that says which are there.
    fn add_duties(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let counts = self.duties.entry(day(bytes.signed()?)).or_default();
        counts.add(&DutyCounts { numbers: behind_mask(bytes)?, ..DutyCounts::default() });
        Ok(())
    }

    /// Adds numbers of a key group on a day likewise, behind its name.
    fn add_group(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let counts = self.duties.entry(day(bytes.signed()?)).or_default();
        counts.add(&DutyCounts::of_group(&bytes.text()?, behind_mask(bytes)?));
        Ok(())
    }

    /// Adds a cell: where it is, then tallies and people, each behind a mask that says which are there.
    fn add(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let (period, day) = (day(bytes.signed()?), day(bytes.signed()?));
        let cell = StoredCell { period, day, purpose: bytes.u8()? };
        let counts = self.cells.entry(cell).or_insert([0; 36]);
        for group in [0..6, 6..36] {
            let mask = bytes.short()?;
            for (bit, at) in group.enumerate() {
                if mask >> bit & 1 == 1 {
                    counts[at] = counts[at].wrapping_add(bytes.signed()? as i32);
                }
            }
        }
        Ok(())
    }

    /// Adds pools: where they are, how many people are in each, positive and negative ones.
    fn add_pools(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let (period, day) = (day(bytes.signed()?), day(bytes.signed()?));
        let cell = StoredCell { period, day, purpose: bytes.u8()? };
        let counts = self.pools.entry((cell, bytes.u8()?)).or_insert([0; 2]);
        for count in counts {
            *count = count.wrapping_add(bytes.signed()? as i32);
        }
        Ok(())
    }
}

fn closed(bytes: &mut Bytes<'_>) -> Result<Closed, String> {
    let at = Timestamp(bytes.signed()?);
    let without = (0..bytes.short()?).map(|_| Ok::<_, String>(bytes.signed()? as i32)).collect::<Result<_, _>>()?;
    Ok(Closed { at, without })
}

fn skip_alert(bytes: &mut Bytes<'_>) -> Result<(), String> {
    bytes.short()?;
    bytes.take(2)?;
    for _ in 0..3 {
        bytes.text()?;
    }
    bytes.short()?;
    for _ in 0..bytes.short()? {
        bytes.take(2)?;
        match bytes.u8()? {
            0 => {}
            1 => {
                bytes.signed()?;
            }
            _ => skip_record(bytes)?,
        }
        bytes.signed()?;
    }
    Ok(())
}

/// When an input record was received, and where it lies.
fn skip_record(bytes: &mut Bytes<'_>) -> Result<(), String> {
    bytes.signed()?;
    bytes.text()?;
    bytes.signed()?;
    bytes.signed()?;
    Ok(())
}

fn day(days: i64) -> Day {
    Day(days as i32)
}

/// Numbers behind a mask that says which are there.
fn behind_mask<const N: usize>(bytes: &mut Bytes<'_>) -> Result<[i64; N], String> {
    let (mask, mut numbers) = (bytes.short()?, [0; N]);
    for (_, number) in numbers.iter_mut().enumerate().filter(|(at, _)| mask >> at & 1 == 1) {
        *number = bytes.signed()?;
    }
    Ok(numbers)
}
