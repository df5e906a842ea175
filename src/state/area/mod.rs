//! State of one area task: counts per area, target, registry period, purpose and specimen day, in pages.
//!
//! Each area of each target is a [`Series`] of its own: nothing that is reckoned from one sees the counts of another.
//!
//! What enters are signed changes; what leaves are series to compute numbers from. Every change is an operation that
//! is applied and logged at once, so that images and later operations give the same state again. Nothing here knows
//! a policy, decides or publishes.

use crate::model::cell::Number;
use crate::model::target::keyed;
use crate::model::time::{Day, Timestamp};
use crate::state::paged::{Changes, Corrupt};
use hashbrown::HashMap;
use std::collections::BTreeMap;

pub mod cell;
pub mod closes;
pub mod duties;
pub mod labs;
pub mod operation;
pub mod pools;
pub mod series;

use crate::state::codec::{Reader, corrupt, put_bytes, put_option, put_short, put_short_signed};
use cell::CellKey;
use closes::Closes;
use labs::Labs;
use operation::{MetaOperation, Run, SeriesOperation, put_day, read_added, read_day, read_days, write_days};
use series::Series;

/// Number of an area of a target within its task, in order of first mention; never reused.
pub type AreaNumber = u32;

/// Areas of one page: about 100,000 areas over 16 tasks make a hundred pages each.
const AREAS_PER_PAGE: usize = 64;

/// Purposes that cells have room for, beside the total.
const PURPOSES: usize = u8::MAX as usize;

/// All that one area task holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AreaState {
    meta: Meta,
    /// Areas by page. Each page stands alone: an image of one may be older than that of the next.
    pages: Vec<Vec<Series>>,
    /// By code and target. Not stored: rebuilt from `pages`.
    by_code: HashMap<String, AreaNumber>,
}

/// What belongs to no area.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Meta {
    /// Names of purposes; number 1 is the first.
    purposes: Vec<String>,
    /// Per person task, the last batch read.
    seen: BTreeMap<i32, u64>,
    now: Option<Timestamp>,
    published: Option<Day>,
    kept_from: Option<Day>,
    cells_from: Option<Day>,
    digest: String,
    periods: Vec<Day>,
    closes: Closes,
    misses_from: Option<Day>,
    labs: Labs,
}

impl AreaState {
    /// The task's `now` when it last published: it never runs backwards, not even over a restart.
    pub fn now(&self) -> Option<Timestamp> {
        self.meta.now
    }

    /// Last and first day with numbers, once there are any.
    pub fn published(&self) -> Option<(Day, Day)> {
        self.meta.published.zip(self.meta.kept_from)
    }

    /// Days that were closed.
    pub fn closes(&self) -> &Closes {
        &self.meta.closes
    }

    /// What became of results of labs, of which no receipt was published yet.
    pub fn labs(&self) -> &Labs {
        &self.meta.labs
    }

    /// The first day that was published without the results of some people, as it was let close without them.
    pub fn misses_from(&self) -> Option<Day> {
        self.meta.misses_from
    }

    /// First day whose cells are still there, once any were dropped.
    pub fn cells_from(&self) -> Option<Day> {
        self.meta.cells_from
    }

    /// Digest of the rules all is derived by; empty before the first.
    pub fn digest(&self) -> &str {
        &self.meta.digest
    }

    /// First days of the registry periods of those rules.
    pub fn periods(&self) -> &[Day] {
        &self.meta.periods
    }

    /// Names of purposes; number 1 is the first.
    pub fn purposes(&self) -> &[String] {
        &self.meta.purposes
    }

    /// All areas, by number.
    pub fn all(&self) -> impl Iterator<Item = (AreaNumber, &Series)> {
        (0..).zip(self.pages.iter().flatten())
    }

    /// How many there are: numbers run from 0.
    pub fn areas(&self) -> AreaNumber {
        self.by_code.len() as AreaNumber
    }

    /// One area.
    pub fn series(&self, area: AreaNumber) -> &Series {
        let (page, slot) = place(area);
        &self.pages[page][slot]
    }

    /// The number of an area of a target that has one.
    pub fn number(&self, (code, target): (&str, &str)) -> Option<AreaNumber> {
        self.by_code.get(keyed(code, target).as_ref()).copied()
    }

    /// The number of a new area of a target.
    pub fn add_area(&mut self, (code, target): (&str, &str), basis: u64, changes: &mut Changes) -> AreaNumber {
        let area = self.by_code.len() as AreaNumber;
        self.by_code.insert(keyed(code, target).into_owned(), area);
        let (code, target) = (code.to_owned(), target.to_owned());
        self.change(area, SeriesOperation::Begun { code, target, basis }, changes);
        area
    }

    /// The number of a purpose that has one.
    pub fn known_purpose(&self, name: &str) -> Option<u8> {
        let at = self.meta.purposes.iter().position(|purpose| purpose == name)?;
        u8::try_from(at + 1).ok()
    }

    /// The number of a purpose, a new one if need be. Names that were abandoned stay, as cells may name them; once there is
    /// no room for more, a new name takes the number of one that no cell names any more. `None` where each is named.
    pub fn purpose(&mut self, name: &str, changes: &mut Changes) -> Option<u8> {
        if let Some(number) = self.known_purpose(name) {
            return Some(number);
        }
        if self.meta.purposes.len() < PURPOSES {
            self.change_meta(MetaOperation::Purpose(name.to_owned()), changes);
            return u8::try_from(self.meta.purposes.len()).ok();
        }
        let number = self.unnamed()?;
        self.change_meta(MetaOperation::Renamed { number, name: name.to_owned() }, changes);
        Some(number)
    }

    /// The smallest number of a purpose that no cell names.
    fn unnamed(&self) -> Option<u8> {
        let mut named = [false; PURPOSES + 1];
        for (_, series) in self.all() {
            let of_pools = series.pools.iter().map(|(key, _)| key.purpose);
            for purpose in series.cells.keys().map(|key| key.purpose).chain(of_pools) {
                named[usize::from(purpose)] = true;
            }
        }
        (1..=u8::MAX).find(|number| !named[usize::from(*number)])
    }

    /// The last batch read of a person task; 0 before the first.
    pub fn seen(&self, task: i32) -> u64 {
        self.meta.seen.get(&task).copied().unwrap_or(0)
    }

    /// Changes an area and logs it.
    pub fn change(&mut self, area: AreaNumber, operation: SeriesOperation, changes: &mut Changes) {
        let (page, slot) = place(area);
        changes.push(page as u32 + 1, |into| {
            into.push(slot as u8);
            operation.write(into);
        });
        self.pages.resize_with(self.pages.len().max(page + 1), Vec::new);
        apply(&mut self.pages[page], slot, operation).expect("an operation of our own fits");
    }

    /// Adds to a cell. It is logged with others of its area and period: the last of them with [`log`](Self::log), before
    /// anything else happens to an area.
    pub fn add(&mut self, area: AreaNumber, key: CellKey, numbers: &[Number], run: &mut Run, changes: &mut Changes) {
        let (page, slot) = place(area);
        if !run.is_of(area, key.period) {
            Self::log(run, changes);
            run.begin(area, slot as u8, key.period);
        }
        run.add(key.day, key.purpose, numbers);
        self.pages[page][slot].add_numbers(key, numbers);
    }

    /// Logs what was added.
    pub fn log(run: &mut Run, changes: &mut Changes) {
        if let Some((area, bytes)) = run.end() {
            changes.push(place(area).0 as u32 + 1, |into| into.extend_from_slice(bytes));
        }
    }

    /// Changes what belongs to no area and logs it.
    pub fn change_meta(&mut self, operation: MetaOperation, changes: &mut Changes) {
        changes.push(0, |into| operation.write(into));
        self.meta.apply(operation).expect("an operation of our own fits");
    }

    /// Pages there are: 0, and one for every 64 areas.
    pub fn pages(&self) -> u32 {
        1 + self.pages.len() as u32
    }

    /// Writes a page.
    pub fn image(&self, page: u32, into: &mut Vec<u8>) {
        let Some(page) = page.checked_sub(1) else { return self.meta.write(into) };
        let page = &self.pages[page as usize];
        put_short(into, page.len() as u64);
        page.iter().for_each(|series| series.write(into));
    }

    /// Takes a page from its image.
    pub fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt> {
        let mut from = Reader::new(image);
        match self.stored_page(page) {
            Some(page) => {
                *page = (0..from.short::<u64>()?).map(|_| Series::read(&mut from, format)).collect::<Result<_, _>>()?
            }
            None => self.meta = Meta::read(&mut from, format)?,
        }
        from.finish()
    }

    /// Repeats an operation.
    pub fn replay(&mut self, page: u32, operation: &[u8]) -> Result<(), Corrupt> {
        let Some(page) = self.stored_page(page) else {
            return self.meta.apply(MetaOperation::read(operation)?);
        };
        let mut from = Reader::new(operation);
        let (slot, kind) = (usize::from(from.u8()?), from.u8()?);
        if let Some(added) = read_added(kind, &mut from)? {
            from.finish()?;
            let series = page.get_mut(slot).ok_or_else(never_born)?;
            added.into_iter().for_each(|(key, cell)| series.add(key, cell));
            return Ok(());
        }
        let operation = SeriesOperation::read(kind, &mut from)?;
        from.finish()?;
        apply(page, slot, operation)
    }

    fn stored_page(&mut self, page: u32) -> Option<&mut Vec<Series>> {
        let page = page.checked_sub(1)? as usize;
        self.pages.resize_with(self.pages.len().max(page + 1), Vec::new);
        Some(&mut self.pages[page])
    }

    /// Rebuilds what is not stored.
    pub fn restored(&mut self) -> Result<(), Corrupt> {
        let full = |page: &Vec<Series>| page.len() == AREAS_PER_PAGE;
        if self.pages.split_last().is_some_and(|(_, before)| !before.iter().all(full)) {
            return Err(corrupt("a page lacks an area"));
        }
        let by_code = self.all().map(|(area, series)| (keyed(&series.code, &series.target).into_owned(), area));
        self.by_code = by_code.collect();
        let areas: usize = self.pages.iter().map(Vec::len).sum();
        if self.by_code.len() == areas { Ok(()) } else { Err(corrupt("an area is there twice")) }
    }

    /// Numbers for metrics.
    pub fn sizes(&self) -> Vec<(&'static str, u64)> {
        let cells = self.all().map(|(_, series)| (series.cells.len() + series.pools.count()) as u64).sum();
        vec![("areas", self.by_code.len() as u64), ("area_cells", cells)]
    }
}

/// Applies an operation to an area of a page.
fn apply(page: &mut Vec<Series>, slot: usize, operation: SeriesOperation) -> Result<(), Corrupt> {
    match operation {
        SeriesOperation::Begun { code, target, basis } if slot == page.len() && slot < AREAS_PER_PAGE => {
            page.push(Series { code, target, basis, ..Series::default() });
            Ok(())
        }
        SeriesOperation::Begun { .. } => Err(corrupt("an area is born in the wrong place")),
        operation => {
            page.get_mut(slot).ok_or_else(never_born)?.apply(operation);
            Ok(())
        }
    }
}

fn never_born() -> Corrupt {
    corrupt("an area was never born")
}

impl Series {
    fn apply(&mut self, operation: SeriesOperation) {
        match operation {
            SeriesOperation::Begun { .. } => {}
            SeriesOperation::AddPools(key, change) => self.pools.add(key, change),
            SeriesOperation::Basis(basis) => self.basis = basis,
            SeriesOperation::Tier(hash) => self.tier = hash,
            SeriesOperation::Alert(day, alert) => {
                self.alerts.insert(day, alert);
            }
            SeriesOperation::Cause(day, origin) => self.note_cause(day, origin),
            SeriesOperation::CausesNamed(until) => self.causes.retain(|day, _| *day > until),
            SeriesOperation::AtClose(day, tests) => {
                self.at_close.insert(day, tests);
            }
            SeriesOperation::DropBefore { cells, alerts } => self.drop_before(cells, alerts),
            SeriesOperation::Duties(day, change) => self.duties.add(day, change),
            SeriesOperation::Group(day, group, change) => self.duties.add_group(day, group, change),
        }
    }
}

impl Meta {
    fn apply(&mut self, operation: MetaOperation) -> Result<(), Corrupt> {
        match operation {
            MetaOperation::Purpose(name) => self.purposes.push(name),
            MetaOperation::Renamed { number, name } => {
                let known = self.purposes.contains(&name);
                let held = usize::from(number).checked_sub(1).and_then(|at| self.purposes.get_mut(at));
                let lacks = || corrupt("a purpose gives its number to one that has one, or is not there");
                *held.filter(|_| !known).ok_or_else(lacks)? = name;
            }
            MetaOperation::Seen { task, seq } => {
                self.seen.insert(task, seq);
            }
            MetaOperation::Published { now, day, kept_from, cells_from } => {
                self.now = Some(now);
                (self.published, self.kept_from, self.cells_from) = (Some(day), Some(kept_from), Some(cells_from));
                self.closes.drop_before(kept_from);
            }
            MetaOperation::ClosesFrom(first) => self.closes.begin(first),
            MetaOperation::Closed(day, close) => self.closes.close(day, close),
            MetaOperation::MissesFrom(day) => self.misses_from = day,
            MetaOperation::Rules { digest, periods } => (self.digest, self.periods) = (digest, periods),
            MetaOperation::LabAdded { lab, interval, sum } => self.labs.add(lab, interval, &sum),
            MetaOperation::LabTold { lab, interval } => self.labs.told(lab, interval),
        }
        Ok(())
    }

    fn write(&self, into: &mut Vec<u8>) {
        put_short(into, self.purposes.len() as u64);
        self.purposes.iter().for_each(|name| put_bytes(into, name.as_bytes()));
        put_short(into, self.seen.len() as u64);
        for (task, seq) in &self.seen {
            put_short_signed(into, i64::from(*task));
            put_short(into, *seq);
        }
        put_option(into, self.now.map(|now| now.0));
        [self.published, self.kept_from, self.cells_from].into_iter().for_each(|day| put_day(into, day));
        put_bytes(into, self.digest.as_bytes());
        write_days(into, &self.periods);
        self.closes.write(into);
        put_day(into, self.misses_from);
        self.labs.write(into);
    }

    fn read(from: &mut Reader<'_>, format: u32) -> Result<Self, Corrupt> {
        let mut meta = Self::default();
        for _ in 0..from.short::<u64>()? {
            meta.purposes.push(from.text()?.to_owned());
        }
        for _ in 0..from.short::<u64>()? {
            meta.seen.insert(from.short_signed()?, from.short()?);
        }
        meta.now = from.option()?.map(Timestamp);
        (meta.published, meta.kept_from, meta.cells_from) = (read_day(from)?, read_day(from)?, read_day(from)?);
        (meta.digest, meta.periods) = (from.text()?.to_owned(), read_days(from)?);
        // Before format 5 no day was closed.
        if format >= 5 {
            (meta.closes, meta.misses_from) = (Closes::read(from)?, read_day(from)?);
        }
        // Before format 7 nothing was held of labs.
        if format >= 7 {
            meta.labs = Labs::read(from)?;
        }
        Ok(meta)
    }
}

/// Page, from 0, and slot of an area.
fn place(area: AreaNumber) -> (usize, usize) {
    (area as usize / AREAS_PER_PAGE, area as usize % AREAS_PER_PAGE)
}
