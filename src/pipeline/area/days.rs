//! How far an area task goes in one commit: over so many days that each is published while what it is counted from is
//! there, and that a transaction stays within bounds.
//!
//! In: the time everywhere, how far everything sent before it was read, the state. Out: the moment that the next commit
//! states all numbers for. Time may have jumped by months, in a history that is read at full speed or after a long
//! rest: then the rest is owed, and commits follow each other until it is paid. What was not read may still change days
//! that time has passed, so no day is closed far ahead of the reading.

use super::restate::{Span, specimen_days};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::state::area::AreaState;

/// Numbers of days gone by that one commit states, at about a kilobyte each; at least one day of every area.
const NUMBERS_AT_MOST: i32 = 20_000;

/// Days that a task may be ahead of what it has read, as it is under load at every midnight: numbers are kept for
/// longer than that beyond whatever a result still to be read can change.
const DAYS_AHEAD: i32 = 7;

/// The farthest day that may be published; `None` before the first may be.
pub fn farthest(rules: &Rules, state: &AreaState, now: Option<Timestamp>, read: Option<Timestamp>) -> Option<Day> {
    let everywhere = rules.day(now.max(read)?);
    let read = read.map(|read| rules.day(read).plus(DAYS_AHEAD).min(everywhere));
    match state.published() {
        None => read,
        Some((last, _)) => Some(last.max(read.unwrap_or(last))),
    }
}

/// The time everywhere, however far a commit may go.
pub fn everywhere(state: &AreaState, now: Option<Timestamp>, read: Option<Timestamp>) -> Option<Timestamp> {
    now.max(read).max(state.now())
}

/// The moment of the next commit; `None` before anything may be published.
pub fn moment(rules: &Rules, state: &AreaState, now: Option<Timestamp>, read: Option<Timestamp>) -> Option<Timestamp> {
    let (now, reached) = (everywhere(state, now, read)?, state.now().unwrap_or_default());
    let farthest = farthest(rules, state, Some(now), read)?;
    let day = match state.published() {
        Some((last, _)) if farthest <= last.plus(1) => farthest,
        published => farthest.min(stop(rules, state, published.map(|(last, _)| last))),
    };
    // Of a day that is passed it is the end.
    Some(if day < rules.day(now) { rules.span(day).1.max(reached) } else { now })
}

/// The farthest day that one commit may go to. Where nothing lies it goes on at once.
fn stop(rules: &Rules, state: &AreaState, published: Option<Day>) -> Day {
    let days = || state.all().flat_map(|(_, series)| specimen_days(series));
    // The first publication begins with the first day there is.
    let Some(last) = published.or_else(|| days().min().map(|first| first.plus(-1))) else { return Day(i32::MAX) };
    let areas = i32::try_from(state.areas()).unwrap_or(i32::MAX).max(1);
    let stop = last.plus((NUMBERS_AT_MOST / areas).clamp(1, Span::kept_days(rules)));
    // As long as something of before is held, its numbers are taken back day by day as well.
    match days().min() {
        Some(first) if first <= stop => stop,
        Some(first) => first.plus(-1),
        None => Day(i32::MAX),
    }
}
