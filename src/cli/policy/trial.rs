//! Tier policies without a deployment: rules made of some policies and some areas, and of nothing else.
//!
//! In: files of tier policies, and areas with their populations. Out: rules by which tiers are decided as in a deployment, by
//! the same code. All areas are of the first level that the policies name.

use crate::cli::rules::read_files;
use crate::model::time::Day;
use crate::policy::Rules;
use crate::policy::source::{self, SourceError, SourceFile};
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// An area that tiers are decided of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Code.
    pub code: String,
    /// Who lives there.
    pub people: People,
}

/// How many people live in an area, from which day on; nothing where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct People(BTreeMap<Day, u64>);

impl People {
    /// Always as many.
    pub(super) fn of(people: u64) -> Self {
        Self::from_iter([(Day(0), people)])
    }

    /// How many on a day.
    pub(super) fn on(&self, day: Day) -> Option<u64> {
        let known = self.0.range(..=day).next_back().or_else(|| self.0.first_key_value());
        known.map(|(_, people)| *people).filter(|people| *people > 0)
    }
}

impl FromIterator<(Day, u64)> for People {
    fn from_iter<T: IntoIterator<Item = (Day, u64)>>(all: T) -> Self {
        Self(all.into_iter().collect())
    }
}

/// The tier policies of a folder, or of one file.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let is_policy = |name: &str| name.starts_with("tier-") && name.ends_with(".toml");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = match path.is_dir() {
        true => read_files(path)?.into_iter().filter(|file| is_policy(&file.name)).collect(),
        false => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            vec![SourceFile { name: if is_policy(&name) { name } else { format!("tier-{name}") }, text }]
        }
    };
    if files.is_empty() {
        bail!("{} has no tier policies: they are in files named tier-NAME.toml", path.display());
    }
    Ok(files)
}

/// Some of what the files say of themselves; a file that cannot be read so is told of once it is read in earnest.
fn said(file: &SourceFile) -> toml::Table {
    file.text.parse().unwrap_or_default()
}

/// Versions of each policy, by its id.
pub(super) fn by_id(files: Vec<SourceFile>) -> BTreeMap<String, Vec<SourceFile>> {
    let mut by_id: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
    for file in files {
        let id = said(&file).get("id").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        by_id.entry(id).or_default().push(file);
    }
    by_id
}

/// Rules of some policies for some areas, or all that is wrong with the policies.
pub(super) fn rules(policies: &[SourceFile], places: &[Place]) -> Result<Rules, Vec<SourceError>> {
    let levels = levels(policies);
    let made = |name: &str, text: String| SourceFile { name: name.to_owned(), text };
    let mut files = policies.to_vec();
    files.push(made("deployment.toml", deployment(&levels, policies)));
    files.push(made("case-any.toml", CASES.to_owned()));
    files.push(made("areas.csv", areas(&levels[0], places)));
    files.push(made("labs.csv", "id,name\nany,any\n".to_owned()));
    source::rules(&files)
}

/// Levels that the policies decide on, in the order in which they name them; one where they name none.
fn levels(policies: &[SourceFile]) -> Vec<String> {
    let mut levels: Vec<String> = Vec::new();
    for file in policies {
        let said = said(file);
        let named = said.get("levels").and_then(toml::Value::as_array).into_iter().flatten();
        for level in named.filter_map(toml::Value::as_str) {
            if !levels.iter().any(|known| known == level) {
                levels.push(level.to_owned());
            }
        }
    }
    if levels.is_empty() {
        levels.push("area".to_owned());
    }
    levels
}

fn deployment(levels: &[String], policies: &[SourceFile]) -> String {
    let levels = toml::Value::from(levels.to_vec());
    let targets: BTreeSet<String> =
        policies.iter().filter_map(|file| Some(said(file).get("target")?.as_str()?.to_owned())).collect();
    let mut text = format!(
        "zone = \"UTC\"\narea_meaning = \"residence\"\nlevels = {levels}\npeople_levels = {levels}\npurposes = [\"any\"]\n"
    );
    for target in targets {
        let id = toml::Value::from(target);
        // Writing to a text cannot fail.
        let _ = write!(text, "\n[[targets]]\nid = {id}\nname = {id}\n");
    }
    text
}

/// No tier looks at what a case is.
const CASES: &str = r#"id = "any"
version = "1"
effective_from = "1970-01-01"
source = "none"
horizon_days = 7
episode_gap_days = 90
episode_form = "from_last_positive"
historic_after_hours = 72
preliminary_alerts = false
observation_days_close = 1
observation_days_secondary = 0
observation_days_co_exposed = 0
trace_days_before = 0
trace_days_after = 0
unknown_lab = "accept"
"#;

fn areas(level: &str, places: &[Place]) -> String {
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [&str; 6]| table.write_record(cells).expect("memory can be written to");
    row(["code", "name", "level", "effective_from", "parent", "population"]);
    for Place { code, people } in places {
        let dated = people.0.iter().map(|(from, people)| (*from, people.to_string()));
        // Before the first day of which it is known there are as many as on it.
        let from_the_beginning =
            dated.enumerate().map(|(at, (from, people))| (if at == 0 { Day(0) } else { from }, people));
        let mut rows: Vec<(Day, String)> = from_the_beginning.collect();
        if rows.is_empty() {
            rows.push((Day(0), String::new()));
        }
        for (from, people) in rows {
            row([code, code, level, &from.to_string(), "", if people == "0" { "" } else { &people }]);
        }
    }
    String::from_utf8(table.into_inner().expect("memory can be written to")).expect("texts make a text")
}

/// Lines about what is wrong with policies.
pub(super) fn refused(path: &Path, errors: &[SourceError]) -> anyhow::Error {
    let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
    anyhow::anyhow!("the policies of {} have errors:\n{}", path.display(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str, levels: &str, more: &str) -> SourceFile {
        let text = format!(
            "id = \"{id}\"\nversion = \"1\"\neffective_from = \"2020-01-01\"\nsource = \"a test\"\n{more}levels = {levels}\n\
             tiers = [\"off\", \"on\"]\ncases = \"all\"\n[[threshold.measures]]\nkind = \"cases_per_100k\"\nwindow_days = 7\n\
             lower_bounds = [10.0]\n"
        );
        SourceFile { name: format!("tier-{id}.toml"), text }
    }

    #[test]
    fn a_policy_of_any_level_and_target_decides_on_the_areas_it_is_given() {
        let changed = People::from_iter([(Day(18_000), 100_000), (Day(18_400), 200_000)]);
        let places =
            [("A,1", changed), ("B", People::default())].map(|(code, people)| Place { code: code.to_owned(), people });
        let policy = policy("p", "[\"county\", \"ward\"]", "target = \"influenza-a\"\n");
        let rules = super::rules(&[policy], &places).expect("they are right");
        assert_eq!((rules.areas.list.len(), rules.target_id(0)), (2, "influenza-a"));
        let area = rules.areas.index("A,1").expect("it is there");
        let people = |day: i32| rules.areas.population(area, Day(day));
        assert_eq!([people(17_000), people(18_300), people(18_400)], [100_000, 100_000, 200_000]);
        assert_eq!([17_000, 18_400].map(|day| places[0].people.on(Day(day))), [Some(100_000), Some(200_000)]);
        assert!(rules.tier_policy_of(area, 0, Day(18_300)).is_some());
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_said_with_its_file_and_line() {
        let mut policy = policy("p", "[\"county\"]", "");
        policy.text = policy.text.replace("[10.0]", "[10.0, 5.0]");
        let places = [Place { code: "A".to_owned(), people: People::default() }];
        let errors = rules(&[policy], &places).expect_err("it is wrong");
        assert!(errors.iter().all(|error| error.file == "tier-p.toml" && error.line.is_some()), "{errors:?}");
    }
}
