//! What the view needs of the rules in force: areas with their places, labs, names of tiers.
//!
//! In: records of `rules`. A set counts only when it is closed and whole, as for the workers. Never here: parsing of
//! policies, which is the workers' business; a rule the view cannot use is left out of the picture.

use crate::model::time::Day;
use crate::proto::v1::{self, rule::Rule as Kind};
use prost::Message as _;
use std::collections::{BTreeMap, HashMap};

/// More areas than this are not drawn one by one.
const MOST_TILES: usize = 400;

/// The registry in force.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// Areas by code.
    pub areas: HashMap<String, Area>,
    /// Names of the levels, coarse to fine.
    pub levels: Vec<String>,
    /// Levels that keep distinct people: they have charts and metrics.
    pub people_levels: Vec<String>,
    /// Labs: id and name, by id.
    pub labs: BTreeMap<String, String>,
    /// Tiers by policy and version, mildest first.
    pub tiers: HashMap<(String, String), Vec<String>>,
    /// Codes of the areas that are drawn, in reading order.
    pub tiles: Vec<String>,
    /// Digest of the set.
    pub digest: String,
}

/// One area.
#[derive(Clone, Debug)]
pub struct Area {
    /// Code.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Name of its level.
    pub level: String,
    /// The area it lies in by the newest dated fact; empty for a root.
    pub parent: String,
    /// People by the newest dated fact, 0 when unknown.
    pub population: u64,
    /// (column, row) on a schematic map.
    pub tile: Option<(u32, u32)>,
}

impl Registry {
    /// Whether the area has a chart and metrics of its own.
    pub fn keeps_people(&self, code: &str) -> bool {
        self.areas.get(code).is_some_and(|area| self.people_levels.contains(&area.level))
    }

    /// What an area and its tile are called; the code when the registry does not know it.
    pub fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.areas.get(code).map_or(code, |area| &area.name)
    }

    fn from_set(rules: &BTreeMap<Vec<u8>, v1::Rule>, digest: String) -> Self {
        let mut registry = Self { digest, ..Self::default() };
        for rule in rules.values() {
            match &rule.rule {
                Some(Kind::Area(area)) => registry.add_area(area),
                Some(Kind::Lab(lab)) => {
                    registry.labs.insert(lab.id.clone(), lab.name.clone());
                }
                Some(Kind::Deployment(deployment)) => {
                    registry.levels.clone_from(&deployment.levels);
                    registry.people_levels.clone_from(&deployment.people_levels);
                }
                Some(Kind::TierPolicy(policy)) => {
                    registry.tiers.insert((policy.id.clone(), policy.version.clone()), policy.tiers.clone());
                }
                Some(Kind::CasePolicy(_) | Kind::Set(_)) | None => {}
            }
        }
        registry.tiles = registry.drawn();
        registry
    }

    fn add_area(&mut self, area: &v1::Area) {
        let newest = area.periods.iter().max_by_key(|period| Day::parse(&period.effective_from));
        let Some(newest) = newest.filter(|period| !period.abolished) else { return };
        let tile = area.tile.as_ref().map(|tile| (tile.column, tile.row));
        let (code, name, level) = (area.code.clone(), area.name.clone(), area.level.clone());
        let (parent, population) = (newest.parent.clone(), newest.population);
        self.areas.insert(code.clone(), Area { code, name, level, parent, population, tile });
    }

    /// The areas with a place on the map; without a map the finest level that keeps people and still can be drawn.
    fn drawn(&self) -> Vec<String> {
        let mut drawn: Vec<&Area> = self.areas.values().filter(|area| area.tile.is_some()).collect();
        if drawn.is_empty() {
            let of_level = |level: &String| -> Vec<&Area> {
                self.areas.values().filter(|area| area.level == *level).take(MOST_TILES + 1).collect()
            };
            let kept = self.levels.iter().filter(|level| self.people_levels.contains(level));
            let sets = kept.chain(&self.levels).map(of_level).filter(|areas| areas.len() <= MOST_TILES);
            drawn = sets.max_by_key(Vec::len).unwrap_or_default();
        }
        drawn.sort_by_key(|area| (area.tile.map(|(column, row)| (row, column)), &area.code));
        drawn.into_iter().take(MOST_TILES).map(|area| area.code.clone()).collect()
    }
}

/// Gathers the records of `rules` until a set is whole.
#[derive(Clone, Debug, Default)]
pub struct RulesReader {
    rules: BTreeMap<Vec<u8>, v1::Rule>,
    closing: Option<v1::RuleSet>,
}

impl RulesReader {
    /// Takes one record; returns the registry when a set is whole with it.
    pub fn absorb(&mut self, key: &[u8], payload: Option<&[u8]>) -> Option<Registry> {
        let rule = payload.and_then(|payload| v1::Rule::decode(payload).ok());
        match rule {
            Some(v1::Rule { rule: Some(Kind::Set(set)) }) => self.closing = Some(set),
            Some(rule) => {
                self.rules.insert(key.to_vec(), rule);
            }
            None => {
                self.rules.remove(key);
            }
        }
        let set = self.closing.as_ref()?;
        (set.records as usize == self.rules.len()).then(|| Registry::from_set(&self.rules, set.digest.clone()))
    }
}
