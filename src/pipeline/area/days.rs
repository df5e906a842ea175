//! How far an area task goes in one commit: over so many days that each is published while what it is counted from is
//! there, and that a transaction stays within bounds.
//!
//! In: the task's own time and that everywhere, the state. Out: the moment that the next commit states all numbers for. Time may have jumped by months, in a history that is read at full speed or after a long
//! rest: then the rest is owed, and commits follow each other until it is paid. What was not read may still change days
//! that time has passed, so none is published far ahead of the reading.

use super::restate::{Moment, Span, specimen_days};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::state::area::AreaState;

/// Numbers of days gone by that one commit states, at about a kilobyte each; at least one day of every area.
const NUMBERS_AT_MOST: i32 = 20_000;

/// Days that a task may be ahead of what it has read, as it is under load at every midnight: numbers are kept for
/// longer than that beyond whatever a result still to be read can change.
const DAYS_AHEAD: i32 = 7;

/// The farthest day that may be published; `None` before the first may be.
pub fn farthest(
    rules: &Rules,
    state: &AreaState,
    own: Option<Timestamp>,
    everywhere: Option<Timestamp>,
) -> Option<Day> {
    let latest = rules.day(own.max(everywhere)?);
    let farthest = everywhere.map(|everywhere| rules.day(everywhere).plus(DAYS_AHEAD).min(latest));
    match state.published() {
        None => farthest,
        Some((last, _)) => Some(last.max(farthest.unwrap_or(last))),
    }
}

/// The moment of the next commit; `None` before anything may be published.
pub fn moment(
    rules: &Rules,
    state: &AreaState,
    own: Option<Timestamp>,
    everywhere: Option<Timestamp>,
) -> Option<Moment> {
    let (latest, reached) = (own.max(everywhere).max(state.now())?, state.now().unwrap_or_default());
    let farthest = farthest(rules, state, Some(latest), everywhere)?;
    let day = match state.published() {
        Some((last, _)) if farthest <= last.plus(1) => farthest,
        published => farthest.min(stop(rules, state, published.map(|(last, _)| last))),
    };
    // Of a day that is passed it is the end.
    let now = if day < rules.day(latest) { rules.span(day).1.max(reached) } else { latest };
    Some(Moment { now, latest })
}

/// The farthest day that one commit may go to. Where nothing lies it goes on at once.
fn stop(rules: &Rules, state: &AreaState, published: Option<Day>) -> Day {
    let days = || state.all().flat_map(|(_, series)| specimen_days(series));
    // The first publication begins with the first day there is.
    let Some(last) = published.or_else(|| days().min().map(|first| first.plus(-1))) else { return Day(i32::MAX) };
    let stop = last.plus(at_most(rules, state) as i32);
    // While numbers of earlier days are held, these are taken back day by day as well.
    match days().min() {
        Some(first) if first <= stop => stop,
        Some(first) => first.plus(-1),
        None => Day(i32::MAX),
    }
}

/// Days of every area that one commit states, at least one.
pub fn at_most(rules: &Rules, state: &AreaState) -> usize {
    let areas = i32::try_from(state.areas()).unwrap_or(i32::MAX).max(1);
    (NUMBERS_AT_MOST / areas).clamp(1, Span::kept_days(rules)).unsigned_abs() as usize
}
