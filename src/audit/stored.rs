//! Stored state, read naively: the last head of each task, and the counts of an area task.
//!
//! In: the records of a changelog up to some end. Out: heads, cells. It knows the stored form as it is written down (a
//! head as a message, then operations or a page), not the code that writes it. What a person task holds is not read:
//! what it must hold is counted from the inputs.

use super::bytes::Bytes;
use crate::model::cell::{GAPS, Tally};
use crate::model::time::{Day, Timestamp};
use crate::proto::v1::{StateHead, TaskHead};
use prost::Message as _;
use std::collections::BTreeMap;

/// Stored form that is understood: it and those before it.
const FORMAT: u32 = 3;

/// What is counted in a cell, by name: `positive`, `cases`, `tested, next in 3 days`, …
pub type What = &'static str;

/// Counts of areas: area (with its target, see [`targets`](super::targets)), first day of the registry's period,
/// purpose (empty is the total), specimen day, what.
pub type Cells = BTreeMap<(String, Day, String, Day, What), i64>;

/// Names of people tested by the days to their next test, then of people found positive.
const PEOPLE: [What; GAPS * 2] = [
    "people tested, again in 1 day",
    "people tested, again in 2 days",
    "people tested, again in 3 days",
    "people tested, again in 4 days",
    "people tested, again in 5 days",
    "people tested, again in 6 days",
    "people tested, again in 7 days",
    "people tested, again in 8 days",
    "people tested, again in 9 days",
    "people tested, again in 10 days",
    "people tested, again in 11 days",
    "people tested, again in 12 days",
    "people tested, again in 13 days",
    "people tested, again in 14 days",
    "people tested, not again in 14 days",
    "people positive, again in 1 day",
    "people positive, again in 2 days",
    "people positive, again in 3 days",
    "people positive, again in 4 days",
    "people positive, again in 5 days",
    "people positive, again in 6 days",
    "people positive, again in 7 days",
    "people positive, again in 8 days",
    "people positive, again in 9 days",
    "people positive, again in 10 days",
    "people positive, again in 11 days",
    "people positive, again in 12 days",
    "people positive, again in 13 days",
    "people positive, again in 14 days",
    "people positive, not again in 14 days",
];

/// Names of all counts of a cell, in the order they are stored in: tallies, people tested, people found positive.
pub fn names() -> impl Iterator<Item = What> {
    Tally::ALL.map(Tally::name).into_iter().chain(PEOPLE)
}

/// The name of people tested (or found positive) by the days to their next such day, from 1; 15 is more or none.
pub fn people(positive: bool, gap: i32) -> What {
    PEOPLE[gap as usize - 1 + if positive { GAPS } else { 0 }]
}

/// The records of one task's changelog.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    deltas: BTreeMap<u64, Parts>,
    /// By page, then by the commit the image includes.
    images: BTreeMap<u32, BTreeMap<u64, Parts>>,
    newest: Option<(u64, TaskHead)>,
}

/// The commit a record of a changelog is of, and what the task was after it, if it is the first part of a delta.
pub fn head_of(payload: Option<&[u8]>) -> Result<Option<(u64, Option<TaskHead>)>, String> {
    let Some(mut value) = payload else { return Ok(None) };
    let head = read_head(&mut value)?;
    Ok(Some((head.seq, head.task)))
}

fn read_head(value: &mut &[u8]) -> Result<StateHead, String> {
    let head = StateHead::decode_length_delimited(value).map_err(|_| "a record has no head".to_owned())?;
    match head.format {
        ..=FORMAT => Ok(head),
        newer => Err(format!("stored in format {newer}, this audit reads up to {FORMAT}: upgrade")),
    }
}

/// Parts of one delta or image that were read, and how many there are.
#[derive(Clone, Debug, Default)]
struct Parts {
    format: u32,
    all: u32,
    read: BTreeMap<u32, Vec<u8>>,
}

impl Parts {
    fn whole(&self) -> Option<Vec<u8>> {
        let complete = self.read.len() == self.all as usize;
        complete.then(|| self.read.values().flatten().copied().collect())
    }
}

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
    /// Per sender, the number of the last batch it has added.
    pub seen: BTreeMap<i32, u64>,
}

/// One area of a page.
#[derive(Clone, Debug, Default)]
struct Area {
    /// As it is stored: with its target, if that is not the first.
    code: String,
    /// By period, day and number of the purpose: the tallies and people in stored order.
    cells: BTreeMap<(i32, i32, u8), [i32; 36]>,
}

/// An area task while its changelog is replayed.
#[derive(Clone, Debug, Default)]
struct Replay {
    purposes: Vec<String>,
    pages: BTreeMap<u32, Vec<Area>>,
    task: AreaTask,
}

impl Stored {
    /// Takes the next record.
    pub fn take(&mut self, key: &[u8], payload: Option<&[u8]>) -> Result<(), String> {
        let Some(mut value) = payload else { return Ok(()) };
        let head = read_head(&mut value)?;
        let key = String::from_utf8_lossy(key).into_owned();
        let parts = match key.split('/').collect::<Vec<_>>()[..] {
            ["d", _, _] => self.deltas.entry(head.seq).or_default(),
            ["p", page, _] => {
                let page = page.parse().map_err(|_| format!("key {key} is unknown"))?;
                self.images.entry(page).or_default().entry(head.seq).or_default()
            }
            _ => return Err(format!("key {key} is unknown")),
        };
        (parts.format, parts.all) = (head.format, head.parts);
        parts.read.insert(head.part, value.to_vec());
        if let Some(task) = head.task
            && self.newest.as_ref().is_none_or(|(seq, _)| *seq < head.seq)
        {
            self.newest = Some((head.seq, task));
        }
        Ok(())
    }

    /// Number of the last commit and what the task was after it.
    pub fn newest(&self) -> Option<&(u64, TaskHead)> {
        self.newest.as_ref()
    }

    /// What an area task has counted: of each page the newest image, then every later operation.
    pub fn area_task(&self) -> Result<AreaTask, String> {
        let Some((_, head)) = &self.newest else { return Ok(AreaTask::default()) };
        let mut replay = Replay::default();
        let mut included = BTreeMap::new();
        for (page, images) in &self.images {
            let newest = images.iter().rev().find_map(|(seq, parts)| Some((*seq, parts.whole()?, parts.format)));
            if let Some((seq, image, format)) = newest.filter(|_| *page < head.pages) {
                replay.image(*page, &image, format)?;
                included.insert(*page, seq);
            }
        }
        for (seq, delta) in &self.deltas {
            let Some(operations) = delta.whole() else { continue };
            let mut bytes = Bytes::new(&operations);
            while !bytes.is_empty() {
                let page = bytes.u32()?;
                let length = bytes.u32()? as usize;
                let operation = bytes.take(length)?;
                let newer = included.get(&page).is_none_or(|included| included < seq);
                if newer {
                    replay.operation(page, operation)?;
                }
            }
        }
        Ok(replay.finish())
    }
}

impl Replay {
    fn image(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), String> {
        let mut bytes = Bytes::new(image);
        if page == 0 {
            return self.common(&mut bytes);
        }
        let areas = (0..bytes.short()?).map(|_| Area::read(&mut bytes, format)).collect::<Result<_, _>>()?;
        self.pages.insert(page, areas);
        Ok(())
    }

    fn common(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        self.purposes = (0..bytes.short()?).map(|_| bytes.text()).collect::<Result<_, _>>()?;
        for _ in 0..bytes.short()? {
            let (sender, seq) = (bytes.signed()? as i32, bytes.short()?);
            self.task.seen.insert(sender, seq);
        }
        self.task.published_at = bytes.option()?.map(Timestamp);
        bytes.option()?;
        self.task.kept_from = bytes.option()?.map(day);
        self.task.cells_from = bytes.option()?.map(day);
        Ok(())
    }

    fn operation(&mut self, page: u32, operation: &[u8]) -> Result<(), String> {
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
                }
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

    fn finish(mut self) -> AreaTask {
        for area in self.pages.into_values().flatten() {
            for ((period, day, purpose), counts) in area.cells {
                let purpose = match usize::from(purpose) {
                    0 => "",
                    number => self.purposes.get(number - 1).map_or("?", String::as_str),
                };
                for (what, count) in names().zip(counts).filter(|(_, count)| *count != 0) {
                    let key = (area.code.clone(), Day(period), purpose.to_owned(), Day(day), what);
                    self.task.cells.insert(key, i64::from(count));
                }
            }
        }
        self.task
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
        Ok(area)
    }

    fn operation(&mut self, kind: u8, bytes: &mut Bytes<'_>) -> Result<(), String> {
        match kind {
            2 => self.add(bytes)?,
            6 => {
                let first = bytes.signed()?;
                self.cells.retain(|(_, day, _), _| i64::from(*day) >= first);
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds a cell: where it is, then tallies and people, each behind a mask that says which are there.
    fn add(&mut self, bytes: &mut Bytes<'_>) -> Result<(), String> {
        let key = (day(bytes.signed()?).0, day(bytes.signed()?).0, bytes.u8()?);
        let counts = self.cells.entry(key).or_insert([0; 36]);
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
