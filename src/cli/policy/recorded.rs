//! Numbers that two policies are compared by: as a deployment has published them, or as a table counts them.
//!
//! In: `area-positivity` and the rules in force, or a CSV file. Out: the numbers of each area, by day.

use super::cases::MOST;
use super::counts::{self, Counts};
use super::trial::People;
use crate::cli::asked;
use crate::cli::reading;
use crate::config::Config;
use crate::model::record::{Record, Topic};
use crate::model::target;
use crate::model::time::Day;
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::AreaPositivity;
use anyhow::{Context as _, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// The numbers of one area.
#[derive(Clone, Debug, Default)]
pub(super) struct OfArea {
    /// Name, or its code.
    pub name: String,
    /// Who lives there.
    pub people: People,
    /// By day.
    pub numbers: BTreeMap<Day, AreaPositivity>,
    /// The days on which it is there; all where that is not said.
    pub there: Option<(Day, Day)>,
}

/// Areas by code.
pub(super) type Recorded = BTreeMap<String, OfArea>;

/// Which areas of a deployment, and for what.
pub(super) struct Wanted<'a> {
    /// Name of their level.
    pub level: &'a str,
    /// Id of a target; the first where none is named.
    pub target: Option<&'a str>,
}

/// What a deployment has published; `None` where nobody reads any more what comes of it.
pub(super) fn of_deployment(config: &Path, wanted: &Wanted<'_>) -> anyhow::Result<Option<Recorded>> {
    let config = Config::read(config)?;
    let rules = asked::rules(&config.kafka, "which say what areas there are")?;
    let target = asked::target(&rules, wanted.target)?;
    let mut recorded = registered(&rules, wanted.level)?;
    let read = reading::to_the_end(&config.kafka, &[Topic::AreaPositivity], &mut |record| {
        take(record, &rules, target, &mut recorded);
    })?;
    Ok(read.then_some(recorded))
}

/// Areas of a level, without numbers yet.
fn registered(rules: &Rules, level: &str) -> anyhow::Result<Recorded> {
    let known = &rules.deployment.levels;
    let place = known.iter().position(|known| known == level).and_then(|place| u8::try_from(place).ok());
    let place = place.with_context(|| {
        format!("the deployment has no level {level}: say with --level which of {} is meant", known.join(", "))
    })?;
    let here = (0..).zip(&rules.areas.list).filter(|(_, area)| area.level == place);
    let of_area = |(index, area): (u32, &crate::policy::areas::Area)| {
        let newest = area.facts.last()?;
        let people = area.facts.iter().map(|facts| (facts.from, rules.areas.population(index, facts.from))).collect();
        let last = if newest.abolished { newest.from.plus(-1) } else { Day(i32::MAX) };
        let there = Some((area.facts.first()?.from, last));
        Some((area.code.clone(), OfArea { name: area.name.clone(), people, there, ..OfArea::default() }))
    };
    Ok(here.filter_map(of_area).collect())
}

fn take(record: &Record<'_>, rules: &Rules, target: TargetIndex, into: &mut Recorded) {
    let key = record.key.and_then(|key| std::str::from_utf8(key).ok());
    let Some((code, day, of)) = key.and_then(target::parts_of_day) else { return };
    let Some(area) = into.get_mut(code).filter(|_| of == rules.stored_target(target)) else { return };
    area.numbers.remove(&day);
    area.numbers.extend(record.message().map(|numbers| (day, numbers)));
}

/// Columns of a table; the first three are needed.
const COLUMNS: [&str; 10] = [
    "area",
    "day",
    "cases",
    "community_cases",
    "positive_tests",
    "conclusive_tests",
    "people_positive",
    "people_tested",
    "population",
    "name",
];

/// What a table counts, a row for each area and day.
pub(super) fn of_table(path: &Path) -> anyhow::Result<Recorded> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    table(&text).with_context(|| format!("{} cannot be read as a table of counts", path.display()))
}

fn table(text: &[u8]) -> anyhow::Result<Recorded> {
    // A spreadsheet begins its text with this mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text);
    let header = table.headers().context("line 1")?.clone();
    let place = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    ensure!(
        header.len() > 1 || !header.iter().any(|cell| cell.contains(';') || cell.contains('\t')),
        "line 1: columns are separated by commas here: export the table so"
    );
    let named = || header.iter().filter(|column| !column.is_empty());
    for column in named() {
        let again = named().filter(|other| other.eq_ignore_ascii_case(column)).count() > 1;
        ensure!(!again, "line 1: there are two columns {column}");
    }
    for column in named() {
        let is_known = COLUMNS.iter().any(|known| known.eq_ignore_ascii_case(column));
        ensure!(is_known, "line 1: nothing is read from a column {column:?}: use {}", COLUMNS.join(", "));
    }
    for needed in &COLUMNS[..3] {
        ensure!(place(needed).is_some(), "line 1: there is no column {needed}; there must be area, day and cases");
    }
    let mut recorded: BTreeMap<String, (OfArea, BTreeMap<Day, Counts>)> = BTreeMap::new();
    let mut people_on: BTreeMap<String, BTreeMap<Day, u64>> = BTreeMap::new();
    for row in table.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        // As spreadsheets leave them behind a table.
        if row.iter().all(str::is_empty) {
            continue;
        }
        let cell = |name: &str| place(name).and_then(|at| row.get(at)).filter(|text| !text.is_empty());
        let number = |name: &str| -> anyhow::Result<Option<i64>> {
            let Some(text) = cell(name) else { return Ok(None) };
            let number = text.parse().ok().filter(|number| (0..=MOST).contains(number));
            Ok(Some(number.with_context(|| format!("line {line}: {name} is {text:?}: write a whole number"))?))
        };
        let code = cell("area").with_context(|| format!("line {line}: it names no area"))?;
        let day = cell("day").and_then(Day::parse);
        let day = day.with_context(|| format!("line {line}: its day cannot be read: write it as in 2022-11-12"))?;
        let cases = number("cases")?;
        let cases =
            cases.with_context(|| format!("line {line}: it says nothing of cases: write 0 where there were none"))?;
        let counts = Counts {
            cases,
            community_cases: number("community_cases")?.unwrap_or(cases),
            positive_tests: number("positive_tests")?.unwrap_or(0),
            conclusive_tests: number("conclusive_tests")?.unwrap_or(0),
            people_positive: number("people_positive")?.unwrap_or(0),
            people_tested: number("people_tested")?.unwrap_or(0),
        };
        let (area, days) = recorded.entry(code.to_owned()).or_default();
        area.name = cell("name").unwrap_or(if area.name.is_empty() { code } else { &area.name }).to_owned();
        if let Some(people) = number("population")? {
            people_on.entry(code.to_owned()).or_default().insert(day, people.unsigned_abs());
        }
        if days.insert(day, counts).is_some() {
            bail!("line {line}: {code} has {day} a second time: one row is for one area and day");
        }
    }
    ensure!(!recorded.is_empty(), "it has no rows");
    for (code, (_, days)) in &recorded {
        let gap = days.keys().zip(days.keys().skip(1)).find(|(day, next)| day.plus(1) != **next);
        if let Some((day, _)) = gap {
            bail!("{code} has no row for {}: what is not known is not 0; write 0 where there was none", day.plus(1));
        }
    }
    let mut with_numbers = |(code, (area, days)): (String, (OfArea, BTreeMap<Day, Counts>))| {
        let there = days.first_key_value().zip(days.last_key_value()).map(|(first, last)| (*first.0, *last.0));
        let people = people_on.remove(&code).unwrap_or_default().into_iter().collect();
        (code, OfArea { numbers: counts::numbers(&days), there, people, ..area })
    };
    Ok(recorded.into_iter().map(&mut with_numbers).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    #[test]
    fn a_table_counts_days_of_areas() {
        let text = "\u{feff}Area,day,cases,population,name,\nA, 2022-11-12 ,3,1000,First\nA,2022-11-13,1,,\n\
                    B,2022-11-12,0,,\n,,,,\n";
        let recorded = table(text.as_bytes()).expect("it is right");
        let day = |text: &str| Day::parse(text).expect("a day");
        let first = &recorded["A"];
        assert_eq!(
            (first.name.as_str(), first.people.on(day("2022-11-13")), first.there),
            ("First", Some(1000), Some((day("2022-11-12"), day("2022-11-13"))))
        );
        let cases: Vec<i64> =
            first.numbers[&day("2022-11-13")].purposes[0].windows.iter().map(|one| one.cases).collect();
        assert_eq!((cases, recorded["B"].people.on(day("2022-11-13"))), (vec![1, 4, 4, 4], None));
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        for (text, says) in [
            ("area,day,cases\n", "no rows"),
            ("area,day\nA,2022-11-12\n", "there is no column cases"),
            ("area,day,cases,deaths\n", "nothing is read from a column \"deaths\""),
            ("area,day,cases\nA,12.11.2022,1\n", "line 2: its day"),
            ("area,day,cases\nA,2022-11-12,1.5\n", "line 2: cases is \"1.5\""),
            ("area,day,cases\nA,2022-11-12,1\nA,2022-11-12,1\n", "line 3: A has 2022-11-12 a second time"),
            ("area,day,cases\n,2022-11-12,1\n", "line 2: it names no area"),
            ("area,day,cases\nA,2022-11-12,\n", "line 2: it says nothing of cases"),
            ("area,day,cases\nA,2022-11-12,1\nA,2022-11-14,1\n", "A has no row for 2022-11-13"),
            ("area,day,cases,cases\nA,2022-11-12,1,2\n", "there are two columns cases"),
            ("area;day;cases\nA;2022-11-12;1\n", "separated by commas"),
            ("area,day,cases\nA,2022-11-12,9223372036854775807\n", "write a whole number"),
        ] {
            let error = table(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn areas_of_a_deployment_are_those_of_the_levels_while_they_are_there() {
        let rules = sample_rules();
        let recorded = registered(&rules, "district").expect("there are some");
        assert_eq!(recorded.keys().map(String::as_str).collect::<Vec<_>>(), ["D1", "D2", "D3"]);
        let merged = Day::parse("2022-12-01").expect("a day");
        assert_eq!(recorded["D3"].there.map(|(_, last)| last), Some(merged.plus(-1)));
        let error = registered(&rules, "county").expect_err("there is none").to_string();
        assert!(error.contains("--level") && error.contains("city, district, street"), "{error}");
    }
}
