//! What a person adds to the numbers of areas, as the difference a change of one specimen makes.
//!
//! In: the person's other specimens and the one that changed. Out: signed changes in [`Cells`]. Tests and cases count
//! at a place once each; people count by the gap to their next test day there, so that any window of days can be read as
//! a sum in which each person appears once. All of it is of one target: another one has days of its own. Only
//! neighbouring days are touched, never the whole history.

use super::cells::Cells;
use super::neighbours::Neighbours;
use super::place::{Place, periods};
use crate::model::cell::{People, TOTAL};
use crate::model::outcome::{Reject, RejectCode};
use crate::model::result::{Finding, LabResult};
use crate::model::target;
use crate::pipeline::decode::validate::Registered;
use crate::pipeline::person::specimen::{self, Names, Verdict};
use crate::pipeline::person::versions::Change;
use crate::policy::areas::AreaIndex;
use crate::policy::{LONGEST_WINDOW, Rules, TargetIndex};
use crate::state::paged::Changes;
use crate::state::person::dictionary::Numbers;
use crate::state::person::row::{Row, minute_start};
use crate::state::person::{MANY, PersonState, Slot};
use hashbrown::HashMap;

/// Areas and purposes of targets of the dictionary in the registry of the rules in force, and the other way round.
#[derive(Debug, Default)]
pub struct Places {
    areas: Vec<Option<AreaIndex>>,
    purposes: Vec<Option<(TargetIndex, u8)>>,
    /// By area of the registry.
    area_numbers: Vec<Option<u32>>,
    /// By target and purpose of the deployment.
    purpose_numbers: Vec<Option<u8>>,
}

impl Places {
    /// Learns what was added to the dictionary since.
    pub fn learn(&mut self, state: &PersonState, rules: &Rules) {
        for (number, code) in (self.areas.len()..).zip(&state.areas()[self.areas.len()..]) {
            let area = rules.areas.index(code);
            self.areas.push(area);
            if let Some(area) = area {
                self.area_numbers.resize(rules.areas.list.len(), None);
                self.area_numbers[area as usize] = Some(number as u32);
            }
        }
        for (number, name) in (self.purposes.len()..).zip(&state.purposes()[self.purposes.len()..]) {
            let pair = Self::pair_of(name, rules);
            self.purposes.push(pair);
            if let Some((target, purpose)) = pair {
                let pairs = rules.deployment.targets.len() * rules.deployment.purposes.len();
                self.purpose_numbers.resize(pairs, None);
                self.purpose_numbers[Self::pair(rules, target, purpose)] = u8::try_from(number).ok();
            }
        }
    }

    /// The target and the purpose behind a text of the dictionary, if the rules know both.
    fn pair_of(name: &str, rules: &Rules) -> Option<(TargetIndex, u8)> {
        let (purpose, target) = target::parts(name);
        rules.target_stored_as(target).zip(rules.purpose(purpose))
    }

    /// The place of a target and a purpose, which is numbered from 1, among all of the deployment.
    fn pair(rules: &Rules, target: TargetIndex, purpose: u8) -> usize {
        usize::from(target) * rules.deployment.purposes.len() + usize::from(purpose) - 1
    }

    /// The numbers of a result, if the dictionary has them.
    pub fn known(&self, rules: &Rules, registered: &Registered) -> Option<Numbers> {
        let area = self.area_numbers.get(registered.area as usize).copied().flatten()?;
        let pair = Self::pair(rules, registered.target, registered.purpose);
        let purpose = self.purpose_numbers.get(pair).copied().flatten()?;
        Some(Numbers { area, purpose })
    }

    /// The numbers of a result; new ones where the dictionary has none. A result is set aside whose area or purpose rows
    /// have no room for beside all others that they name.
    pub fn numbers(
        &mut self,
        result: &LabResult<'_>,
        registered: &Registered,
        rules: &Rules,
        state: &mut PersonState,
        changes: &mut Changes,
    ) -> Result<Numbers, Reject> {
        if let Some(numbers) = self.known(rules, registered) {
            return Ok(numbers);
        }
        let purpose = target::keyed(result.purpose, rules.stored_target(registered.target));
        self.numbers_of(result.area, &purpose, rules, state, changes)
    }

    /// The numbers of an area and of a purpose, [keyed](target::keyed) by its target, likewise: the rules may know neither.
    pub fn numbers_of(
        &mut self,
        area: &str,
        purpose: &str,
        rules: &Rules,
        state: &mut PersonState,
        changes: &mut Changes,
    ) -> Result<Numbers, Reject> {
        let full = |field| move || Reject::new(RejectCode::Internal, field);
        let area_of_rules = rules.areas.index(area);
        let area = state.area(area, changes).ok_or_else(full("area"))?;
        let pair = Self::pair_of(purpose, rules);
        let purpose = state.purpose(purpose, changes);
        let is_another = |purpose: u8| self.purposes.get(usize::from(purpose)).is_some_and(|known| *known != pair);
        if self.areas.get(area as usize).is_some_and(|known| *known != area_of_rules) || purpose.is_some_and(is_another)
        {
            // A number was another name's before.
            *self = Self::default();
        }
        // Also where there is no room for the purpose: the area has its number.
        self.learn(state, rules);
        Ok(Numbers { area, purpose: purpose.ok_or_else(full("purpose"))? })
    }

    /// Where an area and a purpose of the dictionary count, if the rules know both.
    pub fn place(&self, rules: &Rules, area: u32, purpose: u8, minute: u32) -> Option<Place> {
        let (area, (target, purpose)) = (self.areas[area as usize]?, self.purposes[usize::from(purpose)]?);
        Some(Place { area, target, purpose, day: day_of(rules, minute) })
    }
}

/// A specimen in the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    place: Place,
    finding: Finding,
    pooled: bool,
}

impl Counted {
    /// Of a verdict, unless its numbers are closed or the rules do not know its place.
    pub fn of(verdict: &Verdict, rules: &Rules, places: &Places) -> Option<Self> {
        if verdict.settled {
            return None;
        }
        let place = places.place(rules, verdict.area, verdict.purpose, verdict.minute)?;
        Some(Self { place, finding: verdict.finding, pooled: verdict.pooled })
    }

    fn is_day_of(&self, days: People) -> bool {
        match days {
            People::Tested => self.finding >= Finding::Negative,
            People::Positive => self.finding == Finding::Positive,
        }
    }
}

/// What one specimen counts, before a change and after it.
#[derive(Clone, Copy, Debug, Default)]
struct Revision {
    before: Option<Counted>,
    after: Option<Counted>,
}

impl Revision {
    fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// Working space, kept so that a result costs no allocation, and the day cells of people with very many results.
#[derive(Debug, Default)]
pub struct Scratch {
    related: Vec<Row>,
    verdicts: Vec<Verdict>,
    counted: Vec<Counted>,
    multisets: HashMap<Slot, Multiset>,
}

/// What a person with many results has counted, each with its number of specimens: far fewer entries than rows.
type Multiset = HashMap<Counted, u32>;

impl Scratch {
    /// Rows of the specimens that were last counted anew.
    pub fn related(&self) -> &[Row] {
        &self.related
    }

    /// Looks again at the rows of the specimens that a change is about.
    pub fn look_at(&mut self, change: &Change, state: &PersonState, slot: Slot) {
        change.related(state, slot, &mut self.related);
    }

    /// What a person's rows have counted, in place of what was gathered before.
    fn gather<'r>(&mut self, rows: impl Iterator<Item = &'r Row>, names: Names<'_>, rules: &Rules, places: &Places) {
        specimen::verdicts(rows, names, &mut self.verdicts);
        self.counted.clear();
        self.counted.extend(self.verdicts.iter().filter_map(|verdict| Counted::of(verdict, rules, places)));
    }

    /// Rows of a person were dropped or settled.
    pub fn forget(&mut self, slot: Slot) {
        self.multisets.remove(&slot);
    }

    /// Everything is derived anew.
    pub fn forget_all(&mut self) {
        self.multisets.clear();
    }
}

/// Minutes that the days of a window span at most, the changes of clocks included.
const NEAR: u32 = (LONGEST_WINDOW as u32 + 2) * 24 * 60;

/// A result's row changed: adds what that makes of its person's numbers.
pub fn of_change(
    cells: &mut Cells,
    rules: &Rules,
    places: &Places,
    state: &PersonState,
    slot: Slot,
    change: &Change,
    scratch: &mut Scratch,
) {
    let rows = state.rows(slot);
    let names = Names { areas: state.areas(), purposes: state.purposes() };
    if change.before.is_none() && rows.len() < MANY {
        let specimen = change.after.specimen();
        scratch.related.clear();
        scratch.related.extend(rows.iter().filter(|row| row.specimen() == specimen));
        if scratch.related.len() == 1 {
            // The usual result is the first of its specimen: nothing was said of that before, and nobody else says
            // anything.
            let counts = change.after.counts().then(|| Verdict::of(&change.after));
            let Some(one) = counts.and_then(|verdict| Counted::of(&verdict, rules, places)) else { return };
            let others = || rows.iter().filter(|row| row.specimen() != specimen);
            scratch.counted.clear();
            // A specimen has its minute from one of its rows: where none is near, no specimen is.
            if others().any(|row| row.minute().abs_diff(change.after.minute()) < NEAR) {
                scratch.gather(others(), names, rules, places);
            }
            return add(cells, rules, &scratch.counted, &one, 1);
        }
    }
    let touched = change.specimens();
    let is_touched = |row: &Row| touched.contains(&row.specimen());
    let both = if touched[0] == touched[1] { &touched[..1] } else { &touched[..] };
    change.related(state, slot, &mut scratch.related);
    let mut revisions = [Revision::default(); 2];
    for (specimen, revision) in both.iter().zip(&mut revisions) {
        let count = |verdict: Option<Verdict>| verdict.and_then(|verdict| Counted::of(&verdict, rules, places));
        revision.before = count(specimen::verdict(change.rows_before(&scratch.related), *specimen, names));
        revision.after = count(specimen::verdict(scratch.related.iter(), *specimen, names));
    }
    if revisions.iter().all(|revision| !revision.changes()) {
        return;
    }
    let before = || revisions.iter().filter_map(|revision| revision.before);
    let others = rows.iter().filter(|row| !is_touched(row));
    if rows.len() < MANY {
        scratch.gather(others, names, rules, places);
    } else {
        let counts = scratch.multisets.entry(slot).or_insert_with(|| {
            specimen::verdicts(others, names, &mut scratch.verdicts);
            let mut counts = Multiset::new();
            let counted = scratch.verdicts.iter().filter_map(|verdict| Counted::of(verdict, rules, places));
            counted.chain(before()).for_each(|one| add_to(&mut counts, one));
            counts
        });
        before().for_each(|one| take_from(counts, one));
        scratch.counted.clear();
        scratch.counted.extend(counts.keys());
        revisions.iter().filter_map(|revision| revision.after).for_each(|one| add_to(counts, one));
    }
    replace(cells, rules, &mut scratch.counted, &revisions);
}

fn add_to(counts: &mut Multiset, one: Counted) {
    *counts.entry(one).or_insert(0) += 1;
}

fn take_from(counts: &mut Multiset, one: Counted) {
    match counts.get_mut(&one) {
        Some(1) | None => drop(counts.remove(&one)),
        Some(specimens) => *specimens -= 1,
    }
}

/// Some specimens of a person are revised; `others` are the person's counted specimens apart from these. It serves as
/// working space and comes back with what holds now added.
fn replace(cells: &mut Cells, rules: &Rules, others: &mut Vec<Counted>, revisions: &[Revision]) {
    others.extend(revisions.iter().filter(|revision| !revision.changes()).filter_map(|revision| revision.before));
    let changed = || revisions.iter().filter(|revision| revision.changes());
    others.extend(changed().filter_map(|revision| revision.before));
    for one in changed().rev().filter_map(|revision| revision.before) {
        others.pop();
        add(cells, rules, others, &one, -1);
    }
    for one in changed().filter_map(|revision| revision.after) {
        add(cells, rules, others, &one, 1);
        others.push(one);
    }
}

/// All that a person with these rows adds, apart from cases, by `sign`.
pub fn of_person(cells: &mut Cells, rules: &Rules, places: &Places, state: &PersonState, rows: &[Row], sign: i32) {
    let names = Names { areas: state.areas(), purposes: state.purposes() };
    let mut verdicts = Vec::new();
    specimen::verdicts(rows.iter(), names, &mut verdicts);
    let all: Vec<Counted> = verdicts.iter().filter_map(|verdict| Counted::of(verdict, rules, places)).collect();
    // What counts for the same is there once: a person with very many results has far fewer days.
    let mut others: Vec<Counted> = Vec::new();
    for one in all {
        add(cells, rules, &others, &one, sign);
        if !others.contains(&one) {
            others.push(one);
        }
    }
}

/// The difference one more specimen makes to a person with `others`.
fn add(cells: &mut Cells, rules: &Rules, others: &[Counted], one: &Counted, sign: i32) {
    if one.pooled {
        // Of a pool's rows only negative ones count.
        cells.pools.member(one.place, sign);
    }
    let Some([tested, positive]) = near(others, one) else {
        cells.test(one.place, one.finding, None, sign);
        return add_of_many_areas(cells, rules, others, one, sign);
    };
    let (place, day) = (one.place, one.place.day);
    let [of_all, of_purpose] = tested;
    if !one.is_day_of(People::Tested) {
        return cells.test(place, one.finding, None, sign);
    }
    // The specimen and the day of its person are counted in the same place, mostly both.
    cells.test(place, one.finding, of_purpose.own_gap(day), sign);
    of_purpose
        .insert_before(day, sign, |day, gap, sign| cells.person(Place { day, ..place }, People::Tested, gap, sign));
    let total = |day| Place { purpose: TOTAL, day, ..place };
    of_all.insert(day, sign, |day, gap, sign| cells.person(total(day), People::Tested, gap, sign));
    if one.is_day_of(People::Positive) {
        let days = People::Positive;
        let [of_all, of_purpose] = positive;
        of_purpose.insert(day, sign, |day, gap, sign| cells.person(Place { day, ..place }, days, gap, sign));
        of_all.insert(day, sign, |day, gap, sign| cells.person(total(day), days, gap, sign));
    }
}

/// The days near one specimen among `others`: those of each kind, of all purposes and of its own. `None` where some of
/// them are in another area.
fn near(others: &[Counted], one: &Counted) -> Option<[[Neighbours; 2]; People::ALL.len()]> {
    let Place { area, target, purpose, day } = one.place;
    let mut neighbours = [[Neighbours::default(); 2]; People::ALL.len()];
    for other in others {
        let place = other.place;
        if place.target != target || (place.day - day).abs() > LONGEST_WINDOW || !other.is_day_of(People::Tested) {
            continue;
        }
        if place.area != area {
            return None;
        }
        for [of_all, of_purpose] in &mut neighbours[..1 + usize::from(other.is_day_of(People::Positive))] {
            of_all.see(day, place.day);
            if place.purpose == purpose {
                of_purpose.see(day, place.day);
            }
        }
    }
    Some(neighbours)
}

/// As the second half of [`add`], for a person tested in several areas within a window: each level of each hierarchy
/// that a window can be read with has days of its own.
fn add_of_many_areas(cells: &mut Cells, rules: &Rules, others: &[Counted], one: &Counted, sign: i32) {
    for days in People::ALL {
        if one.is_day_of(days) {
            add_day(cells, rules, others, one, days, sign);
        }
    }
}

fn add_day(cells: &mut Cells, rules: &Rules, others: &[Counted], one: &Counted, days: People, sign: i32) {
    let Place { area, target, purpose, day } = one.place;
    let is_near = |other: &&Counted| {
        other.place.target == target && other.is_day_of(days) && (other.place.day - day).abs() <= LONGEST_WINDOW
    };
    let (first, _) = periods(rules, day - LONGEST_WINDOW).into_inner();
    let (_, last) = periods(rules, day).into_inner();
    for period in first..=last {
        for &node in rules.areas.lineage(period, area) {
            if !rules.deployment.keeps_people[usize::from(rules.areas.list[node as usize].level)] {
                continue;
            }
            let lies_here = |other: &&Counted| rules.areas.lineage(period, other.place.area).contains(&node);
            for purpose in [TOTAL, purpose] {
                let here = others.iter().filter(is_near).filter(lies_here);
                let of_purpose = here.filter(|other| purpose == TOTAL || other.place.purpose == purpose);
                let neighbours = Neighbours::of(day, of_purpose.map(|other| other.place.day));
                neighbours.insert(day, sign, |day, gap, sign| {
                    if periods(rules, day).contains(&period) {
                        cells.person_at(period, Place { area: node, target, purpose, day }, days, gap, sign);
                    }
                });
            }
        }
    }
}

/// An episode in the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedCase {
    /// Of the first positive.
    pub place: Place,
    /// Not swabbed under a management order.
    pub community: bool,
}

/// Cases that are in one of both only.
pub fn differing<'a>(before: &'a [CountedCase], after: &'a [CountedCase]) -> impl Iterator<Item = &'a CountedCase> {
    let gone = before.iter().filter(|case| !after.contains(case));
    gone.chain(after.iter().filter(|case| !before.contains(case)))
}

/// A person's episodes change from `before` to `after`; what is the same in both adds up to nothing.
pub fn replace_cases(cells: &mut Cells, before: &[CountedCase], after: &[CountedCase]) {
    for (cases, sign) in [(before, -1), (after, 1)] {
        for case in cases {
            cells.case(case.place, case.community, sign);
        }
    }
}

/// The civil day of a held minute.
pub fn day_of(rules: &Rules, minute: u32) -> i32 {
    rules.day(minute_start(minute)).0
}
