//! Which days of an area must be stated again, and stating them: numbers, alerts, the tier of today.
//!
//! In: one area of the state, what touched it since the last commit, the span of days in question. Out: records and
//! the operations that remember what was published. Nothing here reads a batch or moves time.

use super::duties;
use super::positivity;
use super::tier::alert::{self, Occasion, Tiers};
use super::tier::{Decision, Subject, reach};
use crate::model::record::{Output, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::effects::Effects;
use crate::pipeline::half::Context;
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::proto::v1::{AreaPositivity, AreaPublished, AreaTier, CauseKind, DayClose};
use crate::state::area::operation::SeriesOperation;
use crate::state::area::series::{Series, TierAlert, TierOrigin};
use crate::state::area::{AreaNumber, AreaState};
use prost::Message as _;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use xxhash_rust::xxh3::xxh3_64;

/// What touched an area since the last commit.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Specimen days whose cells changed.
    pub days: BTreeSet<Day>,
    /// Last days of windows to be stated again for other reasons.
    pub ends: BTreeSet<Day>,
    /// Days that are closed by this commit.
    pub closed: BTreeSet<Day>,
    /// Days on which something else has to be done.
    pub duties: BTreeSet<Day>,
    /// Offset of the last batch.
    pub offset: Option<i64>,
}

/// Days that lie near the first of them, as those of an area in a batch do: so many times named that a set of any days
/// would cost more than adding their cells.
#[derive(Clone, Copy, Debug)]
pub struct NearDays {
    from: i32,
    /// One bit for each day.
    named: u64,
}

impl NearDays {
    /// None yet.
    pub fn new(first: Day) -> Self {
        Self { from: first.0 - 32, named: 0 }
    }

    /// Takes a day; not one that lies too far away.
    pub fn insert(&mut self, day: Day) -> bool {
        let at = day.0.wrapping_sub(self.from) as u32;
        let is_near = at < u64::BITS;
        self.named |= u64::from(is_near) << (at % u64::BITS);
        is_near
    }

    /// All days taken.
    pub fn all(self) -> impl Iterator<Item = Day> {
        let mut left = self.named;
        std::iter::from_fn(move || {
            let at = (left != 0).then(|| left.trailing_zeros() as i32)?;
            left &= left - 1;
            Some(Day(self.from + at))
        })
    }
}

/// What may have changed the tier of a day since it was last looked at: a record about that day or one before it, else
/// a batch.
fn behind(series: &Series, touched: &Touched, day: Day) -> TierOrigin {
    let newest = series.causes.range(..=day).map(|(_, origin)| *origin).max();
    newest.map_or(touched.offset.map_or(TierOrigin::None, TierOrigin::Batch), TierOrigin::Input)
}

/// When a commit is.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The moment that numbers are stated for: the end of a day while later ones are owed.
    pub now: Timestamp,
    /// The latest time that is known.
    pub latest: Timestamp,
}

/// The days a commit is about.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The moment that numbers are stated for.
    pub now: Timestamp,
    /// Its day: no window ends later.
    pub today: Day,
    /// The latest time that is known, which is later while days that have gone by are owed: by it a change of tier is old
    /// news.
    pub latest: Timestamp,
    /// No window ends earlier.
    pub kept_from: Day,
    /// No number needs an earlier cell.
    pub cells_from: Day,
    /// The day up to which numbers were published before; `None` when none were.
    pub before: Option<Day>,
    /// Other rules are in force since the last commit.
    pub new_rules: bool,
    /// The last day of which nothing is missing: later ones are stated without the tasks that an operator lets days close
    /// without.
    pub whole: Day,
    /// The first day whose tier is held up by that, or was by the last commit.
    held_from: Option<Day>,
    /// That first day is another than it was by the last commit.
    held_moved: bool,
}

impl Span {
    /// The span of a commit. Days run forwards only: no end of it ever moves back.
    pub fn new(rules: &Rules, Moment { now, latest }: Moment, state: &AreaState, new_rules: bool) -> Self {
        let (before, kept) = state.published().unzip();
        let today = rules.day(now).max(before.unwrap_or(Day(i32::MIN)));
        let kept_from = today.plus(-Self::kept_days(rules)).max(kept.unwrap_or(Day(i32::MIN)));
        // The longest look back from the first day kept.
        let back = rules.tiers.iter().map(reach).fold(LONGEST_WINDOW, i32::max) + 1;
        let cells_from = kept_from.plus(-back).max(state.cells_from().unwrap_or(Day(i32::MIN)));
        let (whole, held_from, held_moved) = (today, None, false);
        Self { now, today, latest, kept_from, cells_from, before, new_rules, whole, held_from, held_moved }
    }

    /// Where nothing is missing up to a day, and something was from another day on by the last commit.
    #[must_use]
    pub fn whole_until(self, day: Option<Day>, missed: Option<Day>) -> Self {
        let span = Self { whole: day.map_or(self.today, |day| day.min(self.today)), ..self };
        let held_from = [missed, span.misses_from()].into_iter().flatten().min();
        Self { held_from, held_moved: missed != span.misses_from(), ..span }
    }

    /// The first day of which something is missing.
    pub fn misses_from(&self) -> Option<Day> {
        (self.whole < self.today).then(|| self.whole.plus(1))
    }

    /// Whether every area is to be stated, also one that nothing touched.
    pub fn is_of_everything(&self) -> bool {
        self.day_moved() || self.new_rules || self.held_moved
    }

    /// Days before today that have numbers. A late earlier positive may move an episode by its gap; older windows can
    /// no longer change.
    pub fn kept_days(rules: &Rules) -> i32 {
        let longest = rules.cases.iter().map(|policy| policy.horizon_days + policy.episode_gap_days).max();
        longest.unwrap_or(0) + LONGEST_WINDOW
    }

    /// Whether a day has begun since the last commit.
    pub fn day_moved(&self) -> bool {
        self.before != Some(self.today)
    }

    /// Days from `first` on that the published span covers.
    fn from(&self, first: Day) -> RangeInclusive<Day> {
        first.max(self.kept_from)..=self.today
    }

    /// Days that were not published yet.
    fn fresh(&self) -> RangeInclusive<Day> {
        self.from(self.before.map_or(self.kept_from, |before| before.plus(1)))
    }
}

/// The days within `days` that lie at most `reach` days after one of these.
pub fn spread(from: impl Iterator<Item = Day>, reach: i32, days: RangeInclusive<Day>) -> BTreeSet<Day> {
    let (first, last) = (days.start().0, days.end().0);
    from.flat_map(|day| day.0.max(first)..=day.plus(reach).0.min(last)).map(Day).collect()
}

/// Specimen days of an area, each at least once.
pub fn specimen_days(series: &Series) -> impl Iterator<Item = Day> {
    series.cells.keys().map(|key| key.day).chain(series.pools.iter().map(|(key, _)| key.day))
}

/// States one area again: all that its task must know for it.
pub struct Restater<'a> {
    /// The task.
    pub context: &'a Context,
    /// The rules in force.
    pub rules: &'a Rules,
    /// The days in question.
    pub span: Span,
}

impl Restater<'_> {
    /// Publishes what changed of an area and remembers it.
    pub fn restate(&self, area: AreaNumber, touched: &Touched, state: &mut AreaState, effects: &mut Effects) {
        for day in self.ends(state.series(area), touched) {
            effects.outputs.push(self.numbers(state, area, day));
        }
        effects.outputs.extend(touched.closed.iter().filter_map(|day| self.published(state, area, *day)));
        for day in self.duty_days(state.series(area), touched) {
            effects.outputs.push(self.duties(state.series(area), day));
        }
        self.alerts(area, touched, state, effects);
        let today = self.span.today;
        if state.series(area).causes.first_key_value().is_some_and(|(day, _)| *day <= today) {
            state.change(area, SeriesOperation::CausesNamed(today), &mut effects.changes);
        }
        self.tier(area, state, effects);
    }

    /// Takes back numbers of days that are kept no more. A day that has lost its last specimen since the last commit has no
    /// cell any more, and its numbers are still there: it is among those `touched`.
    pub fn forget(&self, series: &Series, touched: &Touched, kept: Day, effects: &mut Effects) {
        let gone = kept..=self.span.kept_from.plus(-1);
        let days = specimen_days(series).chain(touched.days.iter().copied());
        for day in spread(days, LONGEST_WINDOW - 1, gone) {
            effects.outputs.push(self.output(Topic::AreaPositivity, key(series, day), None));
        }
        let duties: BTreeSet<Day> = series.duties.days().chain(touched.duties.iter().copied()).collect();
        for day in duties.into_iter().filter(|day| *day < self.span.kept_from) {
            effects.outputs.push(self.output(Topic::AreaDuties, key(series, day), None));
        }
    }

    /// Last days of the windows to be stated again.
    fn ends(&self, series: &Series, touched: &Touched) -> BTreeSet<Day> {
        let kept = self.span.from(self.span.kept_from);
        let mut ends = spread(touched.days.iter().copied(), LONGEST_WINDOW - 1, kept.clone());
        ends.extend(touched.ends.iter().chain(&touched.closed).filter(|day| kept.contains(day)));
        if self.span.day_moved() {
            ends.extend(spread(specimen_days(series), LONGEST_WINDOW - 1, self.span.fresh()));
        }
        ends
    }

    /// Days whose duties are to be stated: those that were touched, and all of them the first time.
    fn duty_days(&self, series: &Series, touched: &Touched) -> BTreeSet<Day> {
        let all = series.duties.days().filter(|_| self.span.before.is_none());
        all.chain(touched.duties.iter().copied()).filter(|day| *day >= self.span.kept_from).collect()
    }

    fn duties(&self, series: &Series, day: Day) -> Output {
        let duties = duties::stated(self.rules, series, day, self.span.now);
        self.output(Topic::AreaDuties, key(series, day), duties.map(|duties| duties.encode_to_vec()))
    }

    fn numbers(&self, state: &AreaState, area: AreaNumber, day: Day) -> Output {
        let numbers = self.stated(state, area, day).map(|numbers| numbers.encode_to_vec());
        self.output(Topic::AreaPositivity, key(state.series(area), day), numbers)
    }

    /// What a day is closed with, once and for ever.
    fn published(&self, state: &AreaState, area: AreaNumber, day: Day) -> Option<Output> {
        let series = state.series(area);
        let tier = self.tier_of(series, day).map(|tier| self.dated(tier, series));
        let published = AreaPublished { numbers: Some(self.stated(state, area, day)?), tier };
        Some(self.output(Topic::AreaPublished, key(series, day), Some(published.encode_to_vec())))
    }

    fn stated(&self, state: &AreaState, area: AreaNumber, day: Day) -> Option<AreaPositivity> {
        let series = state.series(area);
        let numbers = positivity::positivity(self.rules, state.purposes(), series, day)?;
        Some(AreaPositivity { now: Some(self.span.now.to_wire()), close: close(state, series, day), ..numbers })
    }

    /// Raises, updates and withdraws alerts of the days on which the tier may have come to differ.
    fn alerts(&self, area: AreaNumber, touched: &Touched, state: &mut AreaState, effects: &mut Effects) {
        let Some(farthest) = self.rules.tiers.iter().map(reach).max() else { return };
        // The day after is compared with the last day a result reaches.
        let reach = farthest + 1;
        let kept = self.span.from(self.span.kept_from);
        let mut days = spread(touched.days.iter().copied(), reach, kept);
        if self.span.day_moved() {
            days.extend(spread(specimen_days(state.series(area)), reach, self.span.fresh()));
        }
        if self.span.new_rules {
            // As far back as a look from the day published last goes: days may have gone by since.
            let first = self.span.before.unwrap_or(self.span.today).plus(-reach);
            days.extend(spread([first].into_iter(), self.span.today.0 - first.0, self.span.from(self.span.kept_from)));
        }
        if let Some(first) = self.span.held_from
            && (self.span.held_moved || !days.is_empty())
        {
            days.extend((first.max(self.span.kept_from).0..=self.span.today.0).map(Day));
        }
        for (day, alert) in self.changed_alerts(state.series(area), touched, days) {
            let series = state.series(area);
            let (secret, target) = (&self.context.secret, self.rules.id_of_stored(&series.target));
            let message = alert::message(secret, series, target, day, &alert, self.context.task);
            let key = message.alert_id.clone().into_bytes();
            effects.outputs.push(self.output(Topic::AreaAlerts, key, Some(message.encode_to_vec())));
            state.change(area, SeriesOperation::Alert(day, alert), &mut effects.changes);
        }
    }

    fn changed_alerts(&self, series: &Series, touched: &Touched, days: BTreeSet<Day>) -> Vec<(Day, TierAlert)> {
        let subject = Subject::new(self.rules, series);
        let standing = |day| subject.as_ref()?.standing(day, self.span.whole);
        let decide = |day| standing(day).map(|(_, decision)| decision);
        let by_rules = self.span.new_rules && touched.offset.is_none();
        let kind = if by_rules { CauseKind::Rules } else { CauseKind::Area };
        let mut last: Option<(Day, Option<Decision<'_>>)> = None;
        let mut changed = Vec::new();
        for day in days {
            let eve = day.plus(-1);
            let before = last.take().filter(|(known, _)| *known == eve).map_or_else(|| decide(eve), |(_, tier)| tier);
            let after = decide(day);
            let (known, origin) = (series.alerts.get(&day), behind(series, touched, day));
            let historic = subject.as_ref().is_some_and(|subject| subject.is_old_news(day, self.span.latest));
            let occasion = Occasion { kind, now: self.span.now, historic };
            let tiers = Tiers { before: before.as_ref(), after: after.as_ref() };
            let alert = alert::next(known, tiers, origin, occasion);
            changed.extend(alert.map(|alert| (day, alert)));
            last = Some((day, after));
        }
        changed
    }

    /// Publishes the tier of today unless it is what was published last, its time and the target that it always has
    /// apart.
    fn tier(&self, area: AreaNumber, state: &mut AreaState, effects: &mut Effects) {
        let series = state.series(area);
        let tier = self.tier_of(series, self.span.today);
        let hash = tier.as_ref().map_or(0, |tier| xxh3_64(&tier.encode_to_vec()).max(1));
        if hash == series.tier {
            return;
        }
        let payload = tier.map(|tier| self.dated(tier, series).encode_to_vec());
        let key = target::keyed(&series.code, &series.target).into_owned().into_bytes();
        effects.outputs.push(self.output(Topic::AreaTiers, key, payload));
        state.change(area, SeriesOperation::Tier(hash), &mut effects.changes);
    }

    /// A tier with what every one has in the outputs.
    fn dated(&self, tier: AreaTier, series: &Series) -> AreaTier {
        let target = self.rules.id_of_stored(&series.target).to_owned();
        AreaTier { now: Some(self.span.now.to_wire()), target, ..tier }
    }

    /// The tier as it stands on a day, which is today or closed, without its time and the target that it always has.
    fn tier_of(&self, series: &Series, on: Day) -> Option<AreaTier> {
        let whole = self.span.whole.min(on);
        let subject = Subject::new(self.rules, series)?;
        let (day, decision) = subject.standing(on, whole)?;
        // While something is missing nobody knows when it steps down.
        let knows = whole == on;
        let earliest = subject.earliest_step_down(&decision, on).filter(|_| knows);
        let eve = subject.standing(day.plus(-1), whole).map(|(_, decision)| decision);
        Some(AreaTier {
            area: series.code.clone(),
            day: day.to_string(),
            tier: decision.tier().to_owned(),
            rank: decision.rank,
            policy_id: decision.policy.id.clone(),
            policy_version: decision.policy.version.clone(),
            earliest_step_down: earliest.map(|day| day.to_string()).unwrap_or_default(),
            previous_tier: eve.map(|eve| eve.tier().to_owned()).unwrap_or_default(),
            reasons: decision.reasons,
            hysteresis: decision.hysteresis,
            now: None,
            target: String::new(),
        })
    }

    fn output(&self, topic: Topic, key: Vec<u8>, payload: Option<Vec<u8>>) -> Output {
        Output { topic, partition: self.context.task, key, payload, headers: Vec::new() }
    }
}

/// What is said of a day that is closed.
fn close(state: &AreaState, series: &Series, day: Day) -> Option<DayClose> {
    let close = state.closes().of(day)?;
    let tests = series.at_close.get(&day).copied().unwrap_or(0);
    Some(DayClose { closed_at: Some(close.at.to_wire()), tests, without: close.without.clone() })
}

/// Key of the numbers of a day.
fn key(series: &Series, day: Day) -> Vec<u8> {
    target::keyed(&format!("{}/{day}", series.code), &series.target).into_owned().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_near_each_other_are_taken_once_each_and_no_others() {
        let mut days = NearDays::new(Day(100));
        let near = [131, 100, 68, 99, 100, 131].map(Day);
        assert!(near.into_iter().all(|day| days.insert(day)));
        assert!([67, 132, i32::MAX, i32::MIN].map(Day).into_iter().all(|day| !days.insert(day)));
        assert_eq!(days.all().collect::<Vec<_>>(), [68, 99, 100, 131].map(Day));
    }
}
