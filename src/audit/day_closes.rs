//! Closes of days: each once, in order, at its time, and as the task says that closed it.
//!
//! In: what was published of each day, what area tasks hold, the rules. Out: one check. What a day was closed with is
//! history: how much of its results had come by then no recount can tell.

use super::compare::Published;
use super::report::Check;
use super::stored::AreaTask;
use super::targets;
use crate::audit::RulesFound;
use crate::model::record::Layout;
use crate::model::time::{Day, Timestamp};
use crate::proto::v1::DayClose;
use std::collections::{BTreeMap, BTreeSet};

/// Compares what was published of closes with what area tasks hold, and that with the rules. `deleted` has the area tasks some
/// of whose records of `area-published` are gone.
pub fn check(
    published: &Published,
    (areas, deleted): (&BTreeMap<i32, AreaTask>, &[i32]),
    layout: Layout,
    RulesFound { rules, changed }: &RulesFound,
) -> Check {
    let mut check = Check::new("day closes");
    for task in deleted {
        check.differs(|| {
            format!("area task {task}: of area-published, which is to be kept for ever, records were deleted")
        });
    }
    for (area, day) in &published.closed_again {
        check.differs(|| format!("{area} {day}: its close was published once more, and otherwise"));
    }
    let mut stated = 0;
    for ((area, day), numbers) in &published.positivity {
        let Some(task) = areas.get(&layout.area_task(targets::area(area))) else { continue };
        if task.kept_from.is_none_or(|first| *day < first) {
            continue;
        }
        stated += u64::from(numbers.close.is_some());
        let held = task.closes.get(day).map(|close| (Some(close.at), close.without.clone()));
        let said = numbers.close.as_ref().map(|close| (at(close), close.without.clone()));
        check.require(held == said, || match held {
            Some(_) => format!("{area} {day}: it is not said that the day is closed, or otherwise"),
            None => format!("{area} {day}: is said to be closed, and is not"),
        });
    }
    for (number, task) in areas {
        let mut before: Option<(Day, Timestamp)> = None;
        for (day, close) in &task.closes {
            let follows = before.is_none_or(|(eve, at)| eve.plus(1) == *day && at <= close.at);
            check.require(follows, || format!("area task {number}: {day} was closed out of order"));
            before = Some((*day, close.at));
            // What other rules said of the day is not known.
            let early = !changed && close.at < rules.closes_at(*day);
            check.require(!early, || format!("area task {number}: {day} was closed before its time"));
            let unsaid = !changed && !close.without.is_empty() && rules.incomplete(*day).is_none();
            check.require(!unsaid, || format!("area task {number}: {day} was closed without tasks, which nobody said"));
        }
        let last = before.map(|(day, _)| day);
        let newest = last.is_none() || last == task.closed;
        check.require(newest, || format!("area task {number}: the last day it has closed is not known"));
    }
    let (frozen, before) = frozen(published, areas, layout, &mut check);
    if before > 0 {
        check.limited =
            Some(format!("{before} were closed by a version that did not publish what it closed them with"));
    }
    let days: usize = areas.values().map(|task| task.closes.len()).sum();
    check.compared(format!("{days} closes of area tasks, {stated} of areas and days, {frozen} as published"))
}

/// What days were closed with: once each, by the task's close, with as many specimens, and the tier of the day. Returns how
/// many there are, and how many area days no task published anything of: an earlier version closed them.
fn frozen(published: &Published, areas: &BTreeMap<i32, AreaTask>, layout: Layout, check: &mut Check) -> (usize, usize) {
    for (area, day) in &published.frozen_again {
        check.differs(|| format!("{area} {day}: what it was closed with was published once more"));
    }
    let task_of = |area: &str| layout.area_task(targets::area(area));
    let kept = |area: &str, day: &Day| {
        let task = areas.get(&task_of(area))?;
        Some(task).filter(|task| task.kept_from.is_some_and(|first| *day >= first))
    };
    for ((area, day), frozen) in &published.frozen {
        let close = frozen.close.as_ref();
        check.require(close.is_some_and(|close| close.tests == frozen.tests), || {
            format!("{area} {day}: was closed with other numbers than are published of it")
        });
        let whole = close.is_some_and(|close| close.without.is_empty());
        let right = frozen.tier_day.is_none_or(|tier| tier == *day || !whole && tier < *day);
        check.require(right, || format!("{area} {day}: was closed with the tier of another day"));
        let Some(task) = kept(area, day) else { continue };
        let held = task.closes.get(day).map(|close| (Some(close.at), close.without.clone()));
        let said = close.map(|close| (at(close), close.without.clone()));
        check.require(held == said, || format!("{area} {day}: its close is not the one that it was published with"));
    }
    let told: BTreeSet<(i32, Day)> = published.frozen.keys().map(|(area, day)| (task_of(area), *day)).collect();
    let mut before = 0;
    for ((area, day), numbers) in &published.positivity {
        let Some(close) = numbers.close.as_ref().filter(|_| kept(area, day).is_some()) else { continue };
        match published.frozen.get(&(area.clone(), *day)) {
            Some(frozen) => check.require(frozen.close.as_ref().is_none_or(|said| said.tests == close.tests), || {
                format!("{area} {day}: so many specimens were not known when it was closed")
            }),
            // Whatever was counted of it later: on the day nothing was.
            None if close.tests == 0 => {}
            // Whoever closed the day published nothing of any area: an earlier version.
            None if !told.contains(&(task_of(area), *day)) => before += 1,
            None => check.differs(|| format!("{area} {day}: what it was closed with is not published")),
        }
    }
    (published.frozen.len(), before)
}

fn at(close: &DayClose) -> Option<Timestamp> {
    close.closed_at.as_ref().and_then(Timestamp::from_wire)
}
