//! Which days a commit closes: each once, in order, when person tasks have come to the policy's hour after it.
//!
//! In: the rules, the state, the days the commit is about, the times. Out: the days, and the operations that remember
//! them. An operator may let a day close without tasks that are behind; nothing else closes one before all have come.

use super::days;
use super::positivity;
use super::restate::{Span, Touched, specimen_days, spread};
use crate::model::time::{Day, Timestamp};
use crate::pipeline::effects::Effects;
use crate::pipeline::times::Times;
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::state::area::closes::Close;
use crate::state::area::operation::{MetaOperation, SeriesOperation};
use crate::state::area::series::Series;
use crate::state::area::{AreaNumber, AreaState};
use std::collections::BTreeMap;

/// Whether the next day could be closed at these times, in a commit that goes no further than the days published.
pub fn owes(rules: &Rules, state: &AreaState, times: &Times) -> bool {
    let next = state.closes().last().map(|last| last.plus(1));
    let published = state.published().map(|(last, _)| last);
    next.is_some_and(|next| Some(next) <= published && close_of(rules, next, times).is_some())
}

/// Closes the days that are due, as many as one commit can state the numbers of; all areas with numbers of them are touched.
pub fn close(
    rules: &Rules,
    span: &Span,
    times: &Times,
    state: &mut AreaState,
    touched: &mut BTreeMap<AreaNumber, Touched>,
    effects: &mut Effects,
) {
    let last = state.closes().last();
    if last.is_none() {
        let first = first(state, span);
        state.change_meta(MetaOperation::ClosesFrom(first), &mut effects.changes);
    }
    let next = state.closes().last().map_or(span.today, |last| last.plus(1)).max(span.kept_from);
    let days = (next.0..=span.today.0).map(Day).take(days::at_most(rules, state));
    let due: Vec<(Day, Close)> = days.map_while(|day| Some((day, close_of(rules, day, times)?))).collect();
    // Whoever has taken the task over may know of an earlier time than its last owner did.
    let before = last.and_then(|last| state.closes().of(last)).map(|close| close.at);
    for (day, close) in due {
        let close = Close { at: before.map_or(close.at, |before| before.max(close.at)), ..close };
        state.change_meta(MetaOperation::Closed(day, close), &mut effects.changes);
        for area in 0..state.areas() {
            let series = state.series(area);
            if spread(specimen_days(series), LONGEST_WINDOW - 1, day..=day).is_empty() {
                continue; // it has no numbers of the day
            }
            let tests = tests_of(rules, series, day);
            if tests != 0 {
                state.change(area, SeriesOperation::AtClose(day, tests), &mut effects.changes);
            }
            touched.entry(area).or_default().closed.insert(day);
        }
    }
}

/// The close of a day, if its time has come.
fn close_of(rules: &Rules, day: Day, times: &Times) -> Option<Close> {
    let due = rules.closes_at(day);
    let has_come = |time: Option<Timestamp>| time.is_some_and(|time| due <= time);
    let at = times.closing.filter(|_| has_come(times.closing))?;
    if has_come(times.everywhere) {
        return Some(Close { at, without: Vec::new() });
    }
    // A mark that was taken back meanwhile lets nothing close.
    let mark = rules.incomplete(day)?;
    Some(Close { at, without: mark.without.iter().copied().collect() })
}

/// The first day that is closed: that of the first specimen there is. A state of an earlier version, which closed none, goes
/// on with the last day that it has published.
fn first(state: &AreaState, span: &Span) -> Day {
    let specimens = || state.all().flat_map(|(_, series)| specimen_days(series)).min();
    span.before.or_else(specimens).map_or(span.today, |first| first.clamp(span.kept_from, span.today))
}

/// Specimens of a day, of the whole area.
fn tests_of(rules: &Rules, series: &Series, day: Day) -> i64 {
    let sums = positivity::total(rules, series, 1, day, day);
    sums.conclusive_tests + sums.other_tests
}
