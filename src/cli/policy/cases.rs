//! Cases of a tier policy, as they are written beside it: what is counted, and the tiers that must come of it.
//!
//! In: a file. Out: cases whose lists fit, or all that is wrong with them, each with its line and what to do.

use super::counts::Counts;
use crate::model::time::Day;
use crate::policy::source::{SourceError, SourceFile, error_in, read_document};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A file of cases.
#[derive(Debug)]
pub(super) struct CaseFile {
    /// Its name.
    pub name: String,
    /// The id of the policy.
    pub policy: String,
    /// The cases, in their order.
    pub cases: Vec<Case>,
}

/// What is counted in one area, and its tiers.
#[derive(Debug)]
pub(super) struct Case {
    /// Where it begins in its file.
    pub line: usize,
    /// What it shows.
    pub name: String,
    /// The day of the first numbers; the first on which the newest version holds where none is named.
    pub first_day: Option<Day>,
    /// People in the area.
    pub population: u64,
    /// What is counted, day by day.
    pub counts: Vec<Counts>,
    /// What must come of it, day by day.
    pub tiers: Vec<Wanted>,
}

/// What must come of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This tier.
    Tier(String),
    /// No tier.
    Nothing,
    /// Whatever comes.
    Anything,
}

/// People in an area of which that is not said: then a case is one per 100,000.
const POPULATION: u64 = 100_000;

/// More than there are people.
pub(super) const MOST: i64 = 1_000_000_000_000;

/// As many days as a case has at most: no rule looks back a year.
const LONGEST: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    policy: String,
    cases: Vec<CaseToml>,
}

/// Whatever else is there is taken for a list, and refused if there is none of that name.
#[derive(Deserialize)]
struct CaseToml {
    name: String,
    first_day: Option<String>,
    population: Option<u64>,
    #[serde(flatten)]
    lists: BTreeMap<String, toml::Value>,
}

/// The lists of numbers that a case may have.
const LISTS: [&str; 6] =
    ["cases", "community_cases", "positive_tests", "conclusive_tests", "people_positive", "people_tested"];

/// The cases of a file.
pub(super) fn read(file: &SourceFile) -> Result<CaseFile, Vec<SourceError>> {
    let toml: FileToml = read_document(file)?;
    let mut wrong = Wrong { file, errors: Vec::new() };
    if toml.cases.is_empty() {
        wrong.add("cases", "there are none".to_owned(), "write one as [[cases]], with a name and tiers");
    }
    let cases = (0..).zip(toml.cases).map(|(at, case)| wrong.case(at, case)).collect();
    match wrong.errors.is_empty() {
        true => Ok(CaseFile { name: file.name.clone(), policy: toml.policy, cases }),
        false => Err(wrong.errors),
    }
}

/// What is wrong with a file so far.
struct Wrong<'f> {
    file: &'f SourceFile,
    errors: Vec<SourceError>,
}

impl Wrong<'_> {
    fn add(&mut self, field: &str, problem: String, hint: &str) {
        let files = std::slice::from_ref(self.file);
        self.errors.push(error_in(files, &self.file.name, field, problem, hint.to_owned()));
    }

    fn case(&mut self, at: usize, mut toml: CaseToml) -> Case {
        let place = format!("cases[{at}]");
        let first_day = toml.first_day.as_deref().and_then(|text| {
            let day = Day::parse(text);
            if day.is_none() {
                let field = format!("{place}.first_day");
                self.add(&field, format!("{text} is no day"), "write it as in 2022-11-12");
            }
            day
        });
        let tiers = toml.lists.remove("tiers");
        let tiers = self.list(&format!("{place}.tiers"), tiers.as_ref(), |text| {
            Some(match text {
                "none" => Wanted::Nothing,
                "any" => Wanted::Anything,
                tier => Wanted::Tier(tier.to_owned()),
            })
        });
        let mut lists: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (name, value) in &toml.lists {
            let field = format!("{place}.{name}");
            let Some(known) = LISTS.into_iter().find(|known| known == name) else {
                self.add(
                    &field,
                    "nothing is read by this name".to_owned(),
                    "use tiers, cases, community_cases, \
                    positive_tests, conclusive_tests, people_positive or people_tested",
                );
                continue;
            };
            let numbers =
                self.list(&field, Some(value), |text| text.parse().ok().filter(|number| (0..=MOST).contains(number)));
            if !tiers.is_empty() && !numbers.is_empty() && numbers.len() != tiers.len() {
                let problem = format!("it has {} days, and tiers has {}", numbers.len(), tiers.len());
                self.add(
                    &field,
                    problem,
                    "give each day a number and a tier; \"3 x 0\" are three days, \"any\" is any tier",
                );
            }
            lists.insert(known, numbers);
        }
        if toml.population.is_some_and(|people| people > MOST.unsigned_abs()) {
            self.add(
                &format!("{place}.population"),
                "so many people there are not".to_owned(),
                "write how many live there",
            );
        }
        if tiers.is_empty() && self.errors.is_empty() {
            self.add(&place, "it has no tiers".to_owned(), "say which must come: tiers = [\"low\"]");
        }
        Case {
            line: self.line(&place),
            name: toml.name,
            first_day,
            population: toml.population.unwrap_or(POPULATION),
            counts: counts(&lists, tiers.len()),
            tiers,
        }
    }

    fn line(&self, field: &str) -> usize {
        let files = std::slice::from_ref(self.file);
        error_in(files, &self.file.name, field, String::new(), String::new()).line.unwrap_or(1)
    }

    /// A list of which an entry may stand for several days, as in `3 x 0`.
    fn list<T: Clone>(&mut self, field: &str, value: Option<&toml::Value>, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let Some(value) = value else { return Vec::new() };
        let entries = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let mut list = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let text = match entry {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let (days, one) = match text.split_once(" x ") {
                Some((days, one)) => (days.trim().parse().ok(), one.trim()),
                None => (Some(1), text.trim()),
            };
            match (days.filter(|days| (1..=LONGEST).contains(days)), read(one)) {
                (Some(days), Some(one)) if list.len() + days <= LONGEST => list.extend(vec![one; days]),
                _ => {
                    let hint =
                        "write what each day has, e.g. 3, or \"14 x 0\" for as many days that are alike, 1,000 at most";
                    self.add(&format!("{field}[{at}]"), format!("{text} cannot be read"), hint);
                }
            }
        }
        list
    }
}

/// Of a list that is not there all is 0; community cases are all cases then.
fn counts(lists: &BTreeMap<&str, Vec<i64>>, days: usize) -> Vec<Counts> {
    let number = |name: &str, day: usize| lists.get(name).and_then(|list| list.get(day).copied());
    let of_day = |day: usize| {
        let count = |name: &str| number(name, day).unwrap_or(0);
        Counts {
            cases: count("cases"),
            community_cases: number("community_cases", day).unwrap_or(count("cases")),
            positive_tests: count("positive_tests"),
            conclusive_tests: count("conclusive_tests"),
            people_positive: count("people_positive"),
            people_tested: count("people_tested"),
        }
    };
    (0..days).map(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { name: "c.toml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_case_has_a_number_and_a_tier_for_each_day() {
        let text = "policy = \"p\"\n\n[[cases]]\nname = \"up\"\ncases = [\"3 x 0\", 5]\ntiers = [\"any\", \"2 x none\", \"on\"]\n\
                    first_day = \"2022-11-12\"\n";
        let read = read(&file(text)).expect("it is right");
        let case = &read.cases[0];
        assert_eq!((read.policy.as_str(), case.line, case.population), ("p", 3, 100_000));
        assert_eq!(case.tiers, [Wanted::Anything, Wanted::Nothing, Wanted::Nothing, Wanted::Tier("on".to_owned())]);
        let cases: Vec<_> = case.counts.iter().map(|counts| (counts.cases, counts.community_cases)).collect();
        assert_eq!(cases, [(0, 0), (0, 0), (0, 0), (5, 5)]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_to_do() {
        for (text, says) in [
            ("policy = \"p\"\ncases = []\n", "c.toml:2: cases: there are none"),
            ("policy = \"p\"\n[[cases]]\nname = \"a\"\n", "c.toml:2: cases[0]: it has no tiers"),
            ("[[cases]]\nname = \"a\"\ntiers = [\"on\"]\n", "policy"),
            (
                "policy = \"p\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\ncases = [1, 2]\n",
                "it has 2 days, and tiers has 1",
            ),
            (
                "policy = \"p\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\ncases = [-1]\n",
                "c.toml:5: cases[0].cases[0]: -1 cannot",
            ),
            (
                "policy = \"p\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\ncases = [\"9999 x 1\"]\n",
                "9999 x 1 cannot be read",
            ),
            (
                "policy = \"p\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\ndeaths = [1]\n",
                "nothing is read by this name",
            ),
            ("policy = \"p\"\n[[cases]]\nname = \"a\"\ntiers = [\"on\"]\nfirst_day = \"12.11.\"\n", "12.11. is no day"),
        ] {
            let errors = read(&file(text)).expect_err(text);
            assert!(errors.iter().any(|error| error.to_string().contains(says)), "{errors:?}");
        }
    }
}
