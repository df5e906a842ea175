//! The area half: from signed changes to positivity, tiers and their alerts.
//!
//! What enters are batches of [`AreaChanges`](crate::proto::v1::AreaChanges), one per commit of a person task. What
//! leaves, once per commit: numbers of every window a change touched, today's tiers, alerts where a tier differs from
//! that of the day before. Time is the smallest watermark of all person tasks, never that of a batch: before it is known
//! nothing is published for the first time, and all of it once it is. How far one commit goes is `days`. Nothing here
//! knows a person.

pub mod batch;
pub mod closes;
pub mod days;
mod duties;
mod labs;
mod pooled;
pub mod positivity;
pub mod restate;
pub mod tier;

use batch::Batch;

use super::decode::dead_letter;
use super::effects::Effects;
use super::ending::{Ending, Stop};
use super::formats::Newer;
use super::half::{Context, Half};
use super::times::{OwnTime, Times};
use crate::model::cell::{PoolCounts, TOTAL};
use crate::model::outcome::{End, Outcome, Reject, RejectCode};
use crate::model::record::{HalfKind, Output, Record, Topic};
use crate::model::time::{Day, Timestamp};
use crate::policy::areas::Area;
use crate::policy::{LONGEST_WINDOW, Rules, TargetIndex};
use crate::state::area::cell::CellKey;
use crate::state::area::duties::DutyNumbers;
use crate::state::area::operation::{MetaOperation, Run, SeriesOperation};
use crate::state::area::pools::PoolKey;
use crate::state::area::{AreaNumber, AreaState};
use crate::state::paged::{Corrupt, Paged};
use positivity::{keeps_people, period};
use restate::{NearDays, Restater, Span, Touched, specimen_days, spread};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// The pure core of one area task.
pub struct AreaHalf {
    context: Context,
    rules: Arc<Rules>,
    state: AreaState,
    /// Areas of targets touched since the last commit; empty between commits.
    touched: BTreeMap<AreaNumber, Touched>,
    /// Other rules since the last commit.
    new_rules: bool,
    /// The rules the state is derived by are in the log.
    rules_logged: bool,
}

impl Half for AreaHalf {
    const KIND: HalfKind = HalfKind::Area;
    const INPUTS: &'static [Topic] = &[Topic::AreaChanges];
    const CHANGELOG: Topic = Topic::AreaState;
    const OWN_TIME: OwnTime = OwnTime::SlowestPersonTask;

    fn new(context: Context, rules: Arc<Rules>) -> Self {
        let (state, touched) = (AreaState::default(), BTreeMap::new());
        Self { context, rules, state, touched, new_rules: false, rules_logged: false }
    }

    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Outcome, Newer> {
        let ending = self.batch(record, effects);
        self.ended(record, ending, effects)
    }

    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output {
        dead_letter::output(record, reject, self.context.task % self.context.layout.person_tasks)
    }

    fn owes(&self, times: &Times) -> bool {
        let farthest = days::farthest(&self.rules, &self.state, known(times.own), come_to(times));
        let publishes = farthest.is_some_and(|day| self.state.published().is_none_or(|(last, _)| last < day));
        publishes || closes::owes(&self.rules, &self.state, times) || labs::owes(&self.state, times.everywhere)
    }

    fn closed(&self) -> Option<Day> {
        self.state.closes().last_closed()
    }

    fn closing(&self, come_to: &[Timestamp]) -> Option<Timestamp> {
        self.rules.closing(come_to)
    }

    fn closed_from(&self) -> Option<Day> {
        self.state.closes().from()
    }

    fn adopt(&mut self, rules: Arc<Rules>, effects: &mut Effects) {
        self.rules = rules;
        self.touch_derived_otherwise(effects);
        self.log_rules(effects);
        self.new_rules = true;
    }

    fn share(&mut self, rules: Arc<Rules>) {
        self.rules = rules;
    }

    fn flush(&mut self, _seq: u64, times: &Times, effects: &mut Effects) {
        if !self.rules_logged {
            self.log_rules(effects);
        }
        labs::publish(&mut self.state, self.context.task, times.everywhere, effects);
        let mut touched = std::mem::take(&mut self.touched);
        // Nothing is lost: the first publication states everything there is.
        let (own, everywhere) = (known(times.own), come_to(times));
        let Some(moment) = days::moment(&self.rules, &self.state, own, everywhere) else { return };
        let new_rules = std::mem::take(&mut self.new_rules);
        // As far as person tasks have come by themselves, nothing is missing.
        let whole = own.max(times.everywhere).map(|at| self.rules.day(at));
        let span = Span::new(&self.rules, moment, &self.state, new_rules).whole_until(whole, self.state.misses_from());
        let everything = span.is_of_everything();
        closes::close(&self.rules, &span, times, &mut self.state, &mut touched, effects);
        if !everything && touched.is_empty() {
            return;
        }
        if everything {
            self.forget(span, &touched, effects);
            self.add_decided(effects);
        }
        self.publish(span, everything, &touched, effects);
        if span.misses_from() != self.state.misses_from() {
            self.state.change_meta(MetaOperation::MissesFrom(span.misses_from()), &mut effects.changes);
        }
        let Span { now, today: day, kept_from, cells_from, .. } = span;
        self.state.change_meta(MetaOperation::Published { now, day, kept_from, cells_from }, &mut effects.changes);
    }

    fn rules_digest(&self) -> &str {
        if self.rules_logged { self.state.digest() } else { &self.rules.digest }
    }

    fn sizes(&self) -> Vec<(&'static str, u64)> {
        self.state.sizes()
    }
}

impl Paged for AreaHalf {
    fn pages(&self) -> u32 {
        self.state.pages()
    }

    fn image(&self, page: u32, into: &mut Vec<u8>) {
        self.state.image(page, into);
    }

    fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt> {
        self.state.load(page, image, format)
    }

    fn replay(&mut self, page: u32, operation: &[u8], _format: u32) -> Result<(), Corrupt> {
        self.state.replay(page, operation)
    }

    fn restored(&mut self) -> Result<(), Corrupt> {
        self.rules_logged = !self.state.digest().is_empty();
        self.state.restored()
    }
}

impl AreaHalf {
    /// What outlives a restart: all else begins anew with each owner.
    pub fn state(&self) -> &AreaState {
        &self.state
    }

    /// THE path of a batch.
    fn batch(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Ending, Stop> {
        let batch = batch::read(record, &self.context)?;
        self.count_batch(&batch, effects);
        Ok(self.add(&batch, record.position.offset, effects))
    }

    /// # Panics
    /// When a batch comes twice: its counts would be added twice, so the numbers could no longer be trusted.
    fn count_batch(&mut self, batch: &Batch<'_>, effects: &mut Effects) {
        let (task, seq) = (batch.person_task, batch.seq);
        let last = self.state.seen(task);
        let next = last < seq || (last == seq && batch.part > 0);
        assert!(next, "batch {seq} of person task {task} came after batch {last}");
        self.state.change_meta(MetaOperation::Seen { task, seq }, &mut effects.changes);
    }

    /// Adds what a batch says. A new purpose gets its number when all that may give one back is added: other rules take
    /// back a purpose and bring another in one batch. Where no number is left, what counts for that purpose alone is
    /// missing, and the batch is set aside as well: a repair brings what is missing once there is room.
    fn add(&mut self, batch: &Batch<'_>, offset: i64, effects: &mut Effects) -> Ending {
        let known: Vec<_> = batch.purposes.iter().map(|name| self.state.known_purpose(name)).collect();
        let known_number = |at: u32| at.checked_sub(1).map_or(Some(TOTAL), |at| known[at as usize]);
        self.add_cells(batch, known_number, offset, effects);
        self.add_pools(batch, known_number, offset, effects);
        let mut full = None;
        for (at, name) in (0..).zip(&batch.purposes).filter(|(at, _)| known[*at as usize].is_none()) {
            match self.state.purpose(name, &mut effects.changes) {
                None => full = full.or(Some(at)),
                // Before the next one asks for a number that nothing names.
                number => {
                    let of_it = |of| number.filter(|_| of == at + 1);
                    self.add_cells(batch, of_it, offset, effects);
                    self.add_pools(batch, of_it, offset, effects);
                }
            }
        }
        self.note_causes(batch, effects);
        self.add_duties(batch, effects);
        labs::add(&mut self.state, &batch.labs, effects);
        match full {
            None => Ending::Used(End::ChangesApplied),
            Some(at) => Ending::SetAside(Reject::new(RejectCode::Internal, format!("purposes[{at}]"))),
        }
    }

    /// Adds the cells of purposes that are given a number.
    fn add_cells(&mut self, batch: &Batch<'_>, number: impl Fn(u32) -> Option<u8>, offset: i64, effects: &mut Effects) {
        let first = self.state.cells_from();
        // Cells come in order of area.
        let mut last: Option<(u32, AreaNumber, NearDays)> = None;
        let mut run = Run::default();
        for (at, change) in batch.cells.iter().enumerate() {
            let Some(purpose) = number(change.purpose) else { continue };
            let (day, period) = (Day(change.day), Day(change.registry_from));
            if first.is_some_and(|first| day < first) {
                effects.closed += 1;
                continue; // its cell is dropped, and with it what this would take back
            }
            let (_, area, days) = match &mut last {
                Some(same) if same.0 == change.area => same,
                other => {
                    self.touch(other.take(), offset);
                    let area = self.number(batch.subject(change.area), effects);
                    other.insert((change.area, area, NearDays::new(day)))
                }
            };
            if !days.insert(day) {
                self.touched.entry(*area).or_default().days.insert(day);
            }
            let key = CellKey { period, day, purpose };
            self.state.add(*area, key, batch.numbers_of(at), &mut run, &mut effects.changes);
        }
        AreaState::log(&mut run, &mut effects.changes);
        self.touch(last, offset);
    }

    /// Adds the pools of purposes that are given a number.
    fn add_pools(&mut self, batch: &Batch<'_>, number: impl Fn(u32) -> Option<u8>, offset: i64, effects: &mut Effects) {
        let first = self.state.cells_from();
        for change in &batch.pools {
            let Some(purpose) = number(change.purpose) else { continue };
            let (day, period) = (Day(change.day), Day(change.registry_from));
            if first.is_some_and(|first| day < first) {
                effects.closed += 1;
                continue;
            }
            let area = self.number(batch.subject(change.area), effects);
            let key = PoolKey { period, day, purpose, size: change.size as u8 };
            let counts = PoolCounts { positive: change.positive, negative: change.negative };
            self.state.change(area, SeriesOperation::AddPools(key, counts), &mut effects.changes);
            let touched = self.touched.entry(area).or_default();
            touched.days.insert(day);
            touched.offset = Some(offset);
        }
    }

    fn touch(&mut self, last: Option<(u32, AreaNumber, NearDays)>, offset: i64) {
        if let Some((_, area, days)) = last {
            let touched = self.touched.entry(area).or_default();
            touched.days.extend(days.all());
            touched.offset = Some(offset);
        }
    }

    fn note_causes(&mut self, batch: &Batch<'_>, effects: &mut Effects) {
        let first = self.state.cells_from();
        for (area, day, origin) in &batch.causes {
            let (area, day) = (self.state.number(batch.subject(*area)), Day(*day));
            if let Some(area) = area.filter(|_| first.is_none_or(|first| day >= first)) {
                self.state.change(area, SeriesOperation::Cause(day, *origin), &mut effects.changes);
            }
        }
    }

    fn add_duties(&mut self, batch: &Batch<'_>, effects: &mut Effects) {
        let first = self.state.published().map(|(_, kept_from)| kept_from);
        for one in &batch.duties {
            let day = Day(one.day);
            if first.is_some_and(|first| day < first) {
                effects.closed += 1;
                continue; // its numbers are taken back
            }
            let area = self.number(batch.subject(one.area), effects);
            let mut change = DutyNumbers::default();
            change[one.kind] = one.change;
            self.touched.entry(area).or_default().duties.insert(day);
            self.state.change(area, SeriesOperation::Duties(day, change), &mut effects.changes);
        }
        for one in &batch.groups {
            let day = Day(one.day);
            if first.is_some_and(|first| day < first) {
                effects.closed += 1;
                continue;
            }
            let area = self.number(batch.subject(one.area), effects);
            let change = [one.members, one.tests_due, one.tests_taken, one.tests_overdue];
            self.touched.entry(area).or_default().duties.insert(day);
            let operation = SeriesOperation::Group(day, one.group.clone(), change);
            self.state.change(area, operation, &mut effects.changes);
        }
    }

    fn number(&mut self, (code, target): (&str, &str), effects: &mut Effects) -> AreaNumber {
        match self.state.number((code, target)) {
            Some(area) => area,
            None => self.state.add_area((code, target), basis(&self.rules, code), &mut effects.changes),
        }
    }

    /// Gives every area of the registry that a policy decides on a tier, for the policy's target, also one that nobody
    /// was tested in.
    fn add_decided(&mut self, effects: &mut Effects) {
        let rules = Arc::clone(&self.rules);
        let targets: BTreeSet<TargetIndex> = rules.tiers.iter().map(|policy| policy.target).collect();
        for target in targets {
            let policies = || rules.tiers.iter().filter(|policy| policy.target == target);
            let decided = |area: &&Area| policies().any(|policy| policy.levels.contains(&area.level));
            let ours = |area: &&Area| self.context.layout.area_task(&area.code) == self.context.task;
            let areas: Vec<_> = rules.areas.list.iter().filter(decided).filter(ours).collect();
            for area in areas {
                self.number((&area.code, rules.stored_target(target)), effects);
            }
        }
    }

    fn publish(
        &mut self,
        span: Span,
        everything: bool,
        touched: &BTreeMap<AreaNumber, Touched>,
        effects: &mut Effects,
    ) {
        let restater = Restater { context: &self.context, rules: &self.rules, span };
        let state = &mut self.state;
        if !everything {
            touched.iter().for_each(|(area, touched)| restater.restate(*area, touched, state, effects));
            return;
        }
        let untouched = Touched::default();
        for area in 0..state.areas() {
            restater.restate(area, touched.get(&area).unwrap_or(&untouched), state, effects);
        }
    }

    /// Drops days that no number needs any more, and takes their numbers back.
    fn forget(&mut self, span: Span, touched: &BTreeMap<AreaNumber, Touched>, effects: &mut Effects) {
        let Some((_, kept)) = self.state.published().filter(|(_, kept)| *kept < span.kept_from) else { return };
        let restater = Restater { context: &self.context, rules: &self.rules, span };
        let (cells, alerts, untouched) = (span.cells_from, span.kept_from, Touched::default());
        for area in 0..self.state.areas() {
            let series = self.state.series(area);
            restater.forget(series, touched.get(&area).unwrap_or(&untouched), kept, effects);
            let old_alert = series.alerts.first_key_value().is_some_and(|(day, _)| *day < alerts);
            let old_close = series.at_close.first_key_value().is_some_and(|(day, _)| *day < alerts);
            let old_duty = series.duties.days().next().is_some_and(|day| day < alerts);
            if old_alert || old_close || old_duty || specimen_days(series).any(|day| day < cells) {
                self.state.change(area, SeriesOperation::DropBefore { cells, alerts }, &mut effects.changes);
            }
        }
    }

    fn log_rules(&mut self, effects: &mut Effects) {
        let (digest, periods) = (self.rules.digest.clone(), self.rules.areas.periods.clone());
        self.state.change_meta(MetaOperation::Rules { digest, periods }, &mut effects.changes);
        self.rules_logged = true;
    }

    /// Marks what the rules in force make other numbers of than those before: another population, other levels that
    /// keep people, or another hierarchy on the window's last day. What the person half derives otherwise comes as
    /// changes.
    fn touch_derived_otherwise(&mut self, effects: &mut Effects) {
        // Before the first publication there is nothing to be stated again, but it will be by these rules.
        let published = self.state.published().map(|(today, kept_from)| kept_from..=today);
        let periods = self.state.periods().to_vec();
        let old_period = |day: Day| periods[..periods.partition_point(|from| *from <= day)].last().copied();
        for area in 0..self.state.areas() {
            let series = self.state.series(area);
            let basis = basis(&self.rules, &series.code);
            let changed = basis != series.basis;
            let spread = |days| spread(specimen_days(series), LONGEST_WINDOW - 1, days);
            let mut ends = published.clone().map(spread).unwrap_or_default();
            ends.retain(|day| changed || old_period(*day) != Some(period(&self.rules, *day)));
            if !ends.is_empty() {
                self.touched.entry(area).or_default().ends.extend(ends);
            }
            if changed {
                self.state.change(area, SeriesOperation::Basis(basis), &mut effects.changes);
            }
        }
    }
}

/// The time that a task goes by: everywhere, or further on where days are closed without those that are behind.
fn come_to(times: &Times) -> Option<Timestamp> {
    times.everywhere.max(times.closing)
}

/// A time, unless nothing is known of it.
fn known(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| *at > Timestamp::default())
}

/// Hash of what numbers of an area need from the registry; 0 when it is not there.
fn basis(rules: &Rules, code: &str) -> u64 {
    let Some(index) = rules.areas.index(code) else { return 0 };
    let area = &rules.areas.list[index as usize];
    let mut bytes = vec![u8::from(keeps_people(rules, area.level))];
    for facts in &area.facts {
        bytes.extend(facts.from.0.to_le_bytes());
        bytes.extend(facts.population.to_le_bytes());
    }
    xxh3_64(&bytes)
}
