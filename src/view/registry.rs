//! What the view needs of the rules in force: which areas are drawn, which have charts, what things are called.
//!
//! In: rules, as the workers read them. Never here: a decision by them.

use crate::model::time::Day;
use crate::policy::areas::Area;
use crate::policy::{Rules, Target};
use std::sync::Arc;

/// More areas than this are not drawn one by one.
const MOST_TILES: usize = 400;

/// Levels with more areas than this have no metrics for each.
const MOST_IN_METRICS: usize = 100;

/// The registry in force.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    rules: Option<Arc<Rules>>,
    tiles: Vec<u32>,
}

impl Registry {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self { tiles: drawn(&rules), rules: Some(rules) }
    }

    /// The rules in force; `None` until a whole set was read.
    pub fn rules(&self) -> Option<&Rules> {
        self.rules.as_deref()
    }

    /// One area.
    pub fn area(&self, code: &str) -> Option<&Area> {
        let areas = &self.rules()?.areas;
        areas.index(code).map(|index| &areas.list[index as usize])
    }

    /// What may be looked for, the first target first.
    pub fn targets(&self) -> &[Target] {
        self.rules().map_or(&[], |rules| &rules.deployment.targets)
    }

    /// The id of a target by how an output or its key names it: the first has no name in keys, nor in what earlier
    /// versions wrote. `None` when it is not declared.
    pub fn target(&self, name: &str) -> Option<&str> {
        let named = |target: &&Target| name.is_empty() || target.id == name;
        self.targets().iter().find(named).map(|target| target.id.as_str())
    }

    /// The areas that are drawn, in reading order.
    pub fn tiles(&self) -> impl Iterator<Item = &Area> {
        let list = self.rules().map_or(&[][..], |rules| &rules.areas.list);
        self.tiles.iter().map(|index| &list[*index as usize])
    }

    /// Areas with metrics of their own: those of levels that keep people and have few areas. A street each would be a
    /// hundred thousand series; whoever wants them reads the topics.
    pub fn in_metrics(&self) -> impl Fn(&str) -> bool {
        let mut areas = [0_usize; 256];
        for area in self.rules().iter().flat_map(|rules| &rules.areas.list) {
            areas[usize::from(area.level)] += 1;
        }
        let few = move |area: &Area| areas[usize::from(area.level)] <= MOST_IN_METRICS;
        move |code| self.keeps_people(code) && self.area(code).is_some_and(few)
    }

    /// Whether the area has a chart of its own.
    pub fn keeps_people(&self, code: &str) -> bool {
        let kept = |area: &Area| self.rules().map(|rules| rules.deployment.keeps_people[usize::from(area.level)]);
        self.area(code).and_then(kept).unwrap_or(false)
    }

    /// What an area is called; its code when the registry does not know it.
    pub fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.area(code).map_or(code, |area| &area.name)
    }

    /// What an area is called in Chinese; empty when the registry does not say.
    pub fn name_zh(&self, code: &str) -> &str {
        self.area(code).map_or("", |area| &area.name_zh)
    }

    /// The area and those it lies in, finest first, by the newest facts in which it exists: whoever asks for an area
    /// means what lies below it, too. Only itself when the registry does not know it.
    pub fn within<'a>(&'a self, code: &'a str) -> Vec<&'a str> {
        let Some(areas) = self.rules().map(|rules| &rules.areas) else { return vec![code] };
        let Some(index) = areas.index(code) else { return vec![code] };
        let lineages = (0..areas.periods.len()).rev().map(|period| areas.lineage(period, index));
        let newest = lineages.into_iter().find(|lineage| !lineage.is_empty()).unwrap_or(&[]);
        // An area that is no more lies in what it went into.
        let others = newest.iter().filter(|area| **area != index).map(|area| areas.list[*area as usize].code.as_str());
        std::iter::once(code).chain(others).collect()
    }

    /// Names of the tiers of a policy's version, mildest first.
    pub fn tiers(&self, id: &str, version: &str) -> &[String] {
        let of_policy =
            |rules: &'_ Rules| rules.tiers.iter().position(|policy| policy.id == id && policy.version == version);
        let found = self.rules().and_then(|rules| Some(&rules.tiers[of_policy(rules)?].tiers));
        found.map_or(&[], Vec::as_slice)
    }

    /// Labs: id and name, by id.
    pub fn labs(&self) -> &[(String, String)] {
        self.rules().map_or(&[], |rules| &rules.labs)
    }
}

/// The coarsest level with places on a map; without a map the level with the most areas that still can be drawn,
/// rather one that keeps people.
fn drawn(rules: &Rules) -> Vec<u32> {
    let list = &rules.areas.list;
    let today = Day(i32::MAX);
    let of_level = |level: u8| -> Vec<u32> {
        let here = |area: &Area| area.level == level && area.facts(today).is_some_and(|facts| !facts.abolished);
        (0..).zip(list).filter(|(_, area)| here(area)).map(|(index, _)| index).collect()
    };
    let placed = |index: &u32| list[*index as usize].tile;
    let levels = (0..).zip(&rules.deployment.keeps_people).map(|(level, keeps)| (of_level(level), *keeps));
    let sets: Vec<(Vec<u32>, bool)> = levels.filter(|(areas, _)| areas.len() <= MOST_TILES).collect();
    let mapped = sets.iter().map(|(areas, _)| areas).find(|areas| areas.iter().any(|area| placed(area).is_some()));
    let largest = || sets.iter().max_by_key(|(areas, keeps)| (*keeps, areas.len())).map(|(areas, _)| areas);
    let mut drawn = mapped.or_else(largest).cloned().unwrap_or_default();
    drawn.sort_by_key(|area| placed(area).map(|(column, row)| (row, column)));
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    #[test]
    fn the_level_with_a_map_is_drawn_in_reading_order() {
        let registry = Registry::new(Arc::new(sample_rules()));
        let drawn: Vec<&str> = registry.tiles().map(|area| area.code.as_str()).collect();
        assert_eq!(drawn, ["D1", "D2"], "the third district was merged away");
        assert!(registry.keeps_people("D1"));
        assert_eq!(registry.name("nowhere"), "nowhere");
    }

    #[test]
    fn an_area_lies_in_what_held_it_last() {
        let registry = Registry::new(Arc::new(sample_rules()));
        assert_eq!(registry.within("D2S2"), ["D2S2", "D1", "C"], "the harbour moved to the first district");
        assert_eq!(registry.within("D3"), ["D3", "D2", "C"], "it is no more, and went into the second district");
        assert_eq!(registry.within("nowhere"), ["nowhere"]);
    }

    #[test]
    fn only_levels_with_few_areas_are_in_the_metrics() {
        use crate::policy::source::{self, SourceFile};
        let of = |districts: usize| {
            let mut areas = String::from("code,name,level,effective_from,parent,population,column,row,abolished\n");
            areas.push_str("500000,City,city,2017-01-01,,32,,,\n");
            (0..districts)
                .for_each(|at| areas.push_str(&format!("5001{at:03},D {at},district,2017-01-01,500000,1,,,\n")));
            let files = [
                ("deployment.toml", include_str!("../../deploy/rules/chongqing/deployment.toml").to_owned()),
                ("case-2022.toml", include_str!("../../deploy/rules/chongqing/case-2022-11-11.toml").to_owned()),
                ("tier-20.toml", include_str!("../../deploy/rules/chongqing/tier-20-measures.toml").to_owned()),
                ("areas.csv", areas),
                ("labs.csv", "id,name\nL1,One\n".to_owned()),
            ];
            let files = files.map(|(name, text)| SourceFile { name: name.to_owned(), text });
            Registry::new(Arc::new(source::rules(&files).expect("right rules")))
        };
        let (few, many) = (of(100), of(101));
        assert!(few.in_metrics()("500000") && few.in_metrics()("5001007"));
        assert!(many.in_metrics()("500000") && !many.in_metrics()("5001007"));
        assert!(many.keeps_people("5001007"), "it has a chart all the same");
    }
}
