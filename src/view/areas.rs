//! Numbers, tiers and duties of areas as last published. Bounded: areas that keep people have [`CHART_DAYS`] days of
//! totals, all others only their newest day; of duties every area has `DUTY_DAYS` at most.

use super::duties::Duties;
use crate::model::target;
use crate::model::time::Day;
use crate::proto::v1::{AreaDuties, AreaPositivity, AreaTier, PurposeNumbers, WindowNumbers};
use std::collections::{BTreeMap, HashMap};

/// Days of totals kept for a chart.
pub const CHART_DAYS: usize = 120;

/// Days of duties kept: more than are gone by before they are taken back, and the next weeks.
const DUTY_DAYS: usize = 200;

/// Areas that are remembered at most: the registry's size, with room for areas that left it.
const MOST_AREAS: usize = 200_000;

/// All areas heard of, each once for every target: `AREA` for the first, `AREA/TARGET` for any other, as in the keys of
/// outputs.
#[derive(Debug, Default)]
pub struct Areas {
    areas: HashMap<String, AreaOverview>,
}

/// What was last published about one area.
#[derive(Clone, Debug, Default)]
pub struct AreaOverview {
    /// Version of the overview that changed it last.
    pub changed: u64,
    /// The numbers of the newest day, all purposes.
    pub newest: Option<AreaPositivity>,
    /// Totals by day: the four windows that end on it.
    pub days: BTreeMap<Day, Vec<WindowNumbers>>,
    /// The same as they were when each day was closed.
    pub published: BTreeMap<Day, Vec<WindowNumbers>>,
    /// The newest tier.
    pub tier: Option<AreaTier>,
    /// What has to be done, by day.
    pub duties: BTreeMap<Day, Duties>,
}

impl Areas {
    /// One area of a target.
    pub fn get(&self, key: &str) -> Option<&AreaOverview> {
        self.areas.get(key)
    }

    /// All areas of targets, by key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AreaOverview)> {
        self.areas.iter().map(|(code, area)| (code.as_str(), area))
    }

    /// Takes new numbers. `charted` areas keep their days.
    pub(super) fn positivity(&mut self, key: &str, numbers: AreaPositivity, charted: bool, version: u64) {
        let Some(day) = Day::parse(&numbers.day) else { return };
        let Some(area) = self.entry(key, version) else { return };
        if charted {
            keep_totals(&mut area.days, day, &numbers);
        }
        if area.newest.as_ref().and_then(|newest| Day::parse(&newest.day)) <= Some(day) {
            area.newest = Some(numbers);
        }
    }

    /// Takes what a day was closed with, of an area that keeps its days.
    pub(super) fn published(&mut self, key: &str, numbers: &AreaPositivity, version: u64) {
        let Some(day) = Day::parse(&numbers.day) else { return };
        if let Some(area) = self.entry(key, version) {
            keep_totals(&mut area.published, day, numbers);
        }
    }

    /// What has to be done on a day is this now, or nothing any more. Old days are taken back; of very many the farthest to
    /// come are left out.
    pub(super) fn duties(&mut self, key: &str, day: Day, duties: Option<&AreaDuties>, version: u64) {
        let Some(area) = self.entry(key, version) else { return };
        match duties {
            Some(duties) => drop(area.duties.insert(day, Duties::of(duties))),
            None => drop(area.duties.remove(&day)),
        }
        while area.duties.len() > DUTY_DAYS {
            area.duties.pop_last();
        }
    }

    /// Takes a new tier.
    pub(super) fn tier(&mut self, key: &str, tier: AreaTier, version: u64) {
        if let Some(area) = self.entry(key, version) {
            area.tier = Some(tier);
        }
    }

    /// Numbers of a day were taken back, as nothing is left that they counted.
    pub(super) fn no_positivity(&mut self, code: &str, day: Day, version: u64) {
        let Some(area) = self.areas.get_mut(code) else { return };
        area.changed = version;
        area.days.remove(&day);
        area.newest = area.newest.take().filter(|newest| Day::parse(&newest.day) != Some(day));
    }

    /// No policy decides on the area any more.
    pub(super) fn no_tier(&mut self, code: &str, version: u64) {
        if let Some(area) = self.areas.get_mut(code) {
            area.changed = version;
            area.tier = None;
        }
    }

    /// Other areas may keep days now, or be gone.
    pub(super) fn keep_days_of(&mut self, charted: impl Fn(&str) -> bool, version: u64) {
        for (key, area) in &mut self.areas {
            area.changed = version;
            if !charted(target::parts(key).0) {
                area.days.clear();
                area.published.clear();
            }
        }
    }

    fn entry(&mut self, code: &str, version: u64) -> Option<&mut AreaOverview> {
        if self.areas.len() >= MOST_AREAS && !self.areas.contains_key(code) {
            return None;
        }
        let area = self.areas.entry(code.to_owned()).or_default();
        area.changed = version;
        Some(area)
    }
}

/// Keeps the totals of a day, and of the newest days alone.
fn keep_totals(days: &mut BTreeMap<Day, Vec<WindowNumbers>>, day: Day, numbers: &AreaPositivity) {
    let Some(total) = total(numbers) else { return };
    days.insert(day, total.windows.clone());
    while days.len() > CHART_DAYS {
        days.pop_first();
    }
}

/// What is published of all purposes together.
pub fn total(numbers: &AreaPositivity) -> Option<&PurposeNumbers> {
    numbers.purposes.iter().find(|purpose| purpose.purpose.is_empty())
}

/// The window of so many days among those published.
pub fn window(windows: &[WindowNumbers], days: u32) -> Option<&WindowNumbers> {
    windows.iter().find(|window| window.days == days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(day: i32) -> AreaPositivity {
        let purposes = vec![PurposeNumbers { windows: vec![WindowNumbers::default()], ..PurposeNumbers::default() }];
        AreaPositivity { area: "A".to_owned(), day: Day(day).to_string(), purposes, ..AreaPositivity::default() }
    }

    #[test]
    fn a_chart_keeps_its_newest_days_and_the_rest_only_one() {
        let mut areas = Areas::default();
        for day in 0..CHART_DAYS as i32 + 10 {
            areas.positivity("A", numbers(19_000 + day), true, 1);
            areas.published("A", &numbers(19_000 + day), 1);
        }
        areas.positivity("A", numbers(19_000), true, 2);
        let area = areas.get("A").expect("known");
        assert_eq!([area.days.len(), area.published.len()], [CHART_DAYS; 2]);
        let newest = Day(19_000 + CHART_DAYS as i32 + 9);
        assert_eq!(area.newest.as_ref().map(|of| of.day.clone()), Some(newest.to_string()), "an old day restated");

        (0..DUTY_DAYS as i32 + 10).for_each(|day| areas.duties("A", Day(day), Some(&AreaDuties::default()), 3));
        let kept = areas.get("A").map(|area| (area.duties.len(), area.duties.contains_key(&Day(0))));
        assert_eq!(kept, Some((DUTY_DAYS, true)));

        areas.keep_days_of(|_| false, 3);
        areas.positivity("A", numbers(19_500), false, 4);
        let area = areas.get("A").expect("known");
        assert!(area.days.is_empty() && area.published.is_empty());
    }
}
