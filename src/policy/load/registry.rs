//! Checks of the registries of areas and labs.

use crate::model::time::Day;
use crate::policy::areas::{Area, AreaFacts, periods};
use crate::policy::error::{Check, RuleError};
use crate::policy::{CasePolicy, Deployment};
use crate::proto::v1;
use hashbrown::HashMap;

/// Longest code of an area, in bytes.
const LONGEST_AREA_CODE: usize = 32;
/// Longest id of a lab, in bytes.
const LONGEST_LAB_ID: usize = 64;

pub(super) fn areas(
    wire: &[(String, v1::Area)],
    deployment: Option<&Deployment>,
    errors: &mut Vec<RuleError>,
) -> Vec<Area> {
    if wire.is_empty() {
        Check::new("area", errors).wrong("", "there is no area", "list them in areas.csv");
    }
    // Without levels nothing can be said about who may lie in whom.
    let Some(deployment) = deployment else { return Vec::new() };
    let checked = wire.iter().filter_map(|(key, wire)| area(wire, deployment, &mut Check::new(key, errors)));
    let list: Vec<Area> = checked.collect();
    if list.len() == wire.len() {
        parents(&list, errors);
        successors(&list, errors);
        tiles(&list, errors);
    }
    list
}

fn area(wire: &v1::Area, deployment: &Deployment, check: &mut Check<'_>) -> Option<Area> {
    check.code("code", &wire.code, LONGEST_AREA_CODE);
    check.text("name", &wire.name);
    if !wire.name_zh.is_empty() {
        check.text("name_zh", &wire.name_zh);
    }
    let level = check.place("level", &wire.level, &deployment.levels);
    if wire.periods.is_empty() {
        check.wrong("periods", "it is empty", "say from which day on the area exists");
    }
    let mut facts: Vec<AreaFacts> = Vec::new();
    for (at, period) in wire.periods.iter().enumerate() {
        let field = format!("periods[{at}].effective_from");
        let from = check.day(&field, &period.effective_from)?;
        if facts.last().is_some_and(|before| before.from >= from) {
            check.wrong(field, "it is not after the one before", "give an area's facts in order of their days");
        }
        facts.push(AreaFacts {
            from,
            parent: Some(period.parent.clone()).filter(|parent| !parent.is_empty()),
            population: period.population,
            abolished: period.abolished,
            merged_into: Some(period.merged_into.clone()).filter(|into| !into.is_empty()),
            into_nothing: period.into_nothing,
        });
        merger(period, at, check);
    }
    let tile = wire.tile.map(|tile| (tile.column, tile.row));
    let (code, name, name_zh) = (wire.code.clone(), wire.name.clone(), wire.name_zh.clone());
    Some(Area { code, name, name_zh, level: u8::try_from(level?).ok()?, facts, tile })
}

/// What an area went into is said of abolished ones only, and once.
fn merger(period: &v1::AreaPeriod, at: usize, check: &mut Check<'_>) {
    let says = period.into_nothing || !period.merged_into.is_empty();
    let field = format!("periods[{at}].merged_into");
    if says && !period.abolished {
        check.wrong(field, "the area goes on, so it went into none", "say that it is abolished, or leave this out");
    } else if period.into_nothing && !period.merged_into.is_empty() {
        check.wrong(field, "it went into an area and into nothing", "keep one of them");
    }
}

/// What an area went into is in the registry, of no finer level, and exists on every day it stands for the other, or
/// went into another area in turn; never in a circle.
fn successors(list: &[Area], errors: &mut Vec<RuleError>) {
    let by_code: HashMap<&str, &Area> = list.iter().map(|area| (area.code.as_str(), area)).collect();
    let periods = periods(list);
    for area in list {
        let key = format!("area/{}", area.code);
        let mut check = Check::new(&key, errors);
        for (at, facts) in area.facts.iter().enumerate() {
            let Some(code) = facts.merged_into.as_deref() else { continue };
            let field = format!("periods[{at}].merged_into");
            let hint = "name an area of the registry of the same or a coarser level";
            match by_code.get(code) {
                None => check.wrong(field, format!("there is no area `{code}`"), hint),
                Some(into) if into.level > area.level => {
                    check.wrong(field, format!("`{code}` is of a finer level"), hint);
                }
                Some(_) => {
                    let until = area.facts.get(at + 1).map(|next| next.from);
                    let stands = |day: &&Day| **day > facts.from && until.is_none_or(|until| **day < until);
                    let days = std::iter::once(facts.from).chain(periods.iter().filter(stands).copied());
                    if let Some(problem) = days.into_iter().find_map(|day| lost(area, day, &by_code)) {
                        check.wrong(field, problem, "name an area that exists from then on, or says where it went");
                    }
                }
            }
        }
    }
}

/// Why nothing can be said to stand for an abolished area on a day, if so. One that went on into nothing does: it was
/// meant.
fn lost(area: &Area, day: Day, by_code: &HashMap<&str, &Area>) -> Option<String> {
    let mut at = area;
    // Each area is passed once, unless they go round.
    for _ in 0..=by_code.len() {
        let Some(facts) = at.facts(day) else { return Some(format!("`{}` does not exist on {day}", at.code)) };
        if !facts.abolished {
            return None;
        }
        at = by_code.get(facts.merged_into.as_deref()?)?;
    }
    Some(format!("it leads back to itself on {day}"))
}

/// Every parent is of a coarser level (so there are no circles) and exists on every day its child does.
fn parents(list: &[Area], errors: &mut Vec<RuleError>) {
    let by_code: HashMap<&str, &Area> = list.iter().map(|area| (area.code.as_str(), area)).collect();
    let periods = periods(list);
    for area in list {
        let key = format!("area/{}", area.code);
        let mut check = Check::new(&key, errors);
        for (at, facts) in area.facts.iter().enumerate() {
            let Some(code) = facts.parent.as_deref().filter(|_| !facts.abolished) else { continue };
            let until = area.facts.get(at + 1).map(|next| next.from);
            let days = periods.iter().filter(|day| until.is_none_or(|until| **day < until));
            let field = format!("periods[{at}].parent");
            match by_code.get(code) {
                None => check.wrong(field, format!("there is no area `{code}`"), "name an area of the registry"),
                Some(parent) if parent.level >= area.level => {
                    check.wrong(
                        field,
                        format!("`{code}` is not of a coarser level"),
                        "name an area of a coarser level",
                    );
                }
                Some(parent) => gap(parent, facts.from, days, field, &mut check),
            }
        }
    }
}

/// Notes the first day from `from` on, among `days` and `from` itself, on which the parent does not exist.
fn gap<'a>(parent: &Area, from: Day, days: impl Iterator<Item = &'a Day>, field: String, check: &mut Check<'_>) {
    let missing = |day: &Day| parent.facts(*day).is_none_or(|facts| facts.abolished);
    let days = std::iter::once(from).chain(days.copied().filter(|day| *day > from));
    if let Some(day) = days.into_iter().find(missing) {
        let problem = format!("`{}` does not exist on {day}", parent.code);
        check.wrong(field, problem, "let the parent exist as long as its child, or move the child");
    }
}

/// Two areas that exist on the same day must not lie on one tile of the same level: one would hide the other.
fn tiles(list: &[Area], errors: &mut Vec<RuleError>) {
    let mut taken: HashMap<(u8, (u32, u32)), Vec<&Area>> = HashMap::new();
    for area in list {
        let Some(tile) = area.tile else { continue };
        let others = taken.entry((area.level, tile)).or_default();
        if let Some(other) = others.iter().find(|other| coexist(other, area)) {
            let key = format!("area/{}", area.code);
            let problem = format!("`{}` has the same tile", other.code);
            Check::new(&key, errors).wrong("tile", problem, "give each area a tile of its own");
        }
        others.push(area);
    }
}

fn coexist(a: &Area, b: &Area) -> bool {
    let exists = |area: &Area, day: Day| area.facts(day).is_some_and(|facts| !facts.abolished);
    a.facts.iter().chain(&b.facts).any(|facts| exists(a, facts.from) && exists(b, facts.from))
}

pub(super) fn labs(
    wire: &[(String, v1::Lab)],
    cases: &[CasePolicy],
    errors: &mut Vec<RuleError>,
) -> Vec<(String, String)> {
    for (key, lab) in wire {
        let mut check = Check::new(key, errors);
        check.code("id", &lab.id, LONGEST_LAB_ID);
        check.text("name", &lab.name);
    }
    if wire.is_empty() && cases.iter().any(|policy| !policy.accept_unknown_labs) {
        let problem = "there is no lab, and results of unknown labs are rejected";
        Check::new("lab", errors).wrong("", problem, "list the labs in labs.csv, or set unknown_lab = \"accept\"");
    }
    let mut labs: Vec<_> = wire.iter().map(|(_, lab)| (lab.id.clone(), lab.name.clone())).collect();
    labs.sort();
    labs
}
