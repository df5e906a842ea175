//! Deployment and policies as TOML. The keys are the names of the contract's fields; none may be left out that
//! decides something, none may be there that nobody reads.

use super::{Origin, SourceError, SourceFile};
use crate::proto::v1::{self, rule::Rule as Kind, tier_policy::Engine};
use serde::{Deserialize, de::DeserializeOwned};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Parsed = Result<Vec<(Kind, Origin)>, Vec<SourceError>>;

pub(super) fn deployment(file: &SourceFile) -> Parsed {
    let DeploymentToml { zone, area_meaning, levels, people_levels, purposes, targets } = read(file)?;
    let target = |TargetToml { id, name, aliases }| v1::Target { id, name, aliases };
    let targets = targets.into_iter().map(target).collect();
    let mut wire = v1::Deployment { zone, levels, people_levels, purposes, targets, ..Default::default() };
    wire.set_area_meaning(match area_meaning {
        AreaMeaningToml::Residence => v1::AreaMeaning::Residence,
        AreaMeaningToml::Sampling => v1::AreaMeaning::Sampling,
    });
    Ok(vec![(Kind::Deployment(wire), Origin::Document(file.clone()))])
}

pub(super) fn case(file: &SourceFile) -> Parsed {
    let toml: CaseToml = read(file)?;
    let mut wire = v1::CasePolicy {
        id: toml.id,
        version: toml.version,
        effective_from: toml.effective_from,
        source: toml.source,
        horizon_days: toml.horizon_days,
        episode_gap_days: toml.episode_gap_days,
        historic_after_hours: toml.historic_after_hours,
        preliminary_alerts: toml.preliminary_alerts,
        observation_days_close: toml.observation_days_close,
        observation_days_secondary: toml.observation_days_secondary,
        observation_days_co_exposed: toml.observation_days_co_exposed,
        trace_days_before: toml.trace_days_before,
        trace_days_after: toml.trace_days_after,
        earliest_year: toml.earliest_year,
        years_ahead: toml.years_ahead,
        severity: toml.severity.map(CaseSeverityToml::wire),
        targets: toml.targets,
        unnamed_contacts: toml.unnamed_contacts,
        ..Default::default()
    };
    wire.set_episode_form(match toml.episode_form {
        EpisodeFormToml::FromLastPositive => v1::EpisodeForm::FromLastPositive,
        EpisodeFormToml::FromFirstPositive => v1::EpisodeForm::FromFirstPositive,
    });
    wire.set_unknown_lab(match toml.unknown_lab {
        UnknownLabToml::Reject => v1::UnknownLab::Reject,
        UnknownLabToml::Accept => v1::UnknownLab::Accept,
    });
    Ok(vec![(Kind::CasePolicy(wire), Origin::Document(file.clone()))])
}

pub(super) fn tier(file: &SourceFile) -> Parsed {
    let toml: TierToml = read(file)?;
    let engine = match (toml.clean_day, toml.threshold) {
        (Some(engine), None) => Some(Engine::CleanDay(engine.wire())),
        (None, Some(engine)) => Some(Engine::Threshold(engine.wire())),
        (None, None) => None, // said by the checks of the contract
        (Some(_), Some(_)) => {
            return Err(vec![SourceError {
                file: file.name.clone(),
                line: Some(line_of(&file.text, "threshold")),
                key: "threshold".to_owned(),
                problem: "a policy has one engine, this one has [clean_day] as well".to_owned(),
                hint: "make two policies of it, or take one engine away".to_owned(),
            }]);
        }
    };
    let mut wire = v1::TierPolicy {
        id: toml.id,
        version: toml.version,
        effective_from: toml.effective_from,
        effective_until: toml.effective_until.unwrap_or_default(),
        source: toml.source,
        levels: toml.levels,
        tiers: toml.tiers,
        engine,
        severity: toml.severity.map(TierSeverityToml::wire),
        target: toml.target.unwrap_or_default(),
        ..Default::default()
    };
    wire.set_cases(match toml.cases {
        CaseScopeToml::All => v1::CaseScope::All,
        CaseScopeToml::Community => v1::CaseScope::Community,
    });
    Ok(vec![(Kind::TierPolicy(wire), Origin::Document(file.clone()))])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentToml {
    zone: String,
    area_meaning: AreaMeaningToml,
    levels: Vec<String>,
    people_levels: Vec<String>,
    purposes: Vec<String>,
    #[serde(default)]
    targets: Vec<TargetToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetToml {
    id: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AreaMeaningToml {
    Residence,
    Sampling,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseToml {
    id: String,
    version: String,
    effective_from: String,
    source: String,
    horizon_days: u32,
    episode_gap_days: u32,
    episode_form: EpisodeFormToml,
    historic_after_hours: u32,
    preliminary_alerts: bool,
    observation_days_close: u32,
    observation_days_secondary: u32,
    observation_days_co_exposed: u32,
    trace_days_before: u32,
    trace_days_after: u32,
    unknown_lab: UnknownLabToml,
    earliest_year: Option<u32>,
    years_ahead: Option<u32>,
    severity: Option<CaseSeverityToml>,
    #[serde(default)]
    targets: Vec<String>,
    unnamed_contacts: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseSeverityToml {
    community: Option<SeverityToml>,
    managed: Option<SeverityToml>,
    historic: Option<SeverityToml>,
    preliminary: Option<SeverityToml>,
    contradiction: Option<SeverityToml>,
}

impl CaseSeverityToml {
    fn wire(self) -> v1::CaseSeverity {
        v1::CaseSeverity {
            community: number(self.community),
            managed: number(self.managed),
            historic: number(self.historic),
            preliminary: number(self.preliminary),
            contradiction: number(self.contradiction),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeverityToml {
    Info,
    Moderate,
    High,
}

/// A severity in the contract; what is not said is left to the checks of the contract.
fn number(toml: Option<SeverityToml>) -> i32 {
    let severity = match toml {
        None => v1::Severity::Unspecified,
        Some(SeverityToml::Info) => v1::Severity::Info,
        Some(SeverityToml::Moderate) => v1::Severity::Moderate,
        Some(SeverityToml::High) => v1::Severity::High,
    };
    severity.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum EpisodeFormToml {
    FromLastPositive,
    FromFirstPositive,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum UnknownLabToml {
    Reject,
    Accept,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierToml {
    id: String,
    version: String,
    effective_from: String,
    effective_until: Option<String>,
    source: String,
    target: Option<String>,
    levels: Vec<String>,
    tiers: Vec<String>,
    cases: CaseScopeToml,
    clean_day: Option<CleanDayToml>,
    threshold: Option<ThresholdToml>,
    severity: Option<TierSeverityToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierSeverityToml {
    raised: Option<SeverityToml>,
    lowered: Option<SeverityToml>,
    historic: Option<SeverityToml>,
}

impl TierSeverityToml {
    fn wire(self) -> v1::TierSeverity {
        v1::TierSeverity { raised: number(self.raised), lowered: number(self.lowered), historic: number(self.historic) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseScopeToml {
    All,
    Community,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CleanDayToml {
    steps: Vec<StepToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepToml {
    tier: String,
    clean_days: u32,
    next: String,
}

impl CleanDayToml {
    fn wire(self) -> v1::CleanDayEngine {
        let step = |StepToml { tier, clean_days, next }| v1::CleanDayStep { tier, clean_days, next };
        v1::CleanDayEngine { steps: self.steps.into_iter().map(step).collect() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdToml {
    measures: Vec<MeasureToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureToml {
    kind: MeasureKindToml,
    window_days: u32,
    lower_bounds: Vec<f64>,
    least_tests: Option<u32>,
}

#[derive(Deserialize)]
enum MeasureKindToml {
    #[serde(rename = "cases_per_100k")]
    CasesPer100k,
    #[serde(rename = "tests_over_tests")]
    TestsOverTests,
    #[serde(rename = "people_over_people")]
    PeopleOverPeople,
}

impl ThresholdToml {
    fn wire(self) -> v1::ThresholdEngine {
        let measure = |toml: MeasureToml| {
            let kind = match toml.kind {
                MeasureKindToml::CasesPer100k => v1::MeasureKind::CasesPer100k,
                MeasureKindToml::TestsOverTests => v1::MeasureKind::TestsOverTests,
                MeasureKindToml::PeopleOverPeople => v1::MeasureKind::PeopleOverPeople,
            };
            v1::Measure {
                kind: kind.into(),
                window_days: toml.window_days,
                lower_bounds: toml.lower_bounds,
                least_tests: toml.least_tests.unwrap_or(0),
            }
        };
        v1::ThresholdEngine { measures: self.measures.into_iter().map(measure).collect() }
    }
}

fn read<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Vec<SourceError>> {
    toml::from_str(&file.text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let problem = error.message().trim().replace('\n', ", ");
        let path = path_at(&file.text, start);
        let (key, hint) = match named(&problem) {
            _ if path.is_none() => (String::new(), "correct the TOML there"),
            Some(("missing field", name)) => (joined(path, name), "add it"),
            Some(("unknown field", name)) => (joined(path, name), "take it away, or correct its name"),
            _ => (path.unwrap_or_default(), "give it a value of the kind that is expected"),
        };
        vec![SourceError {
            file: file.name.clone(),
            line: Some(line_at(&file.text, start)),
            key,
            problem,
            hint: hint.to_owned(),
        }]
    })
}

/// The kind of a complaint about a field, and the field's name.
fn named(problem: &str) -> Option<(&str, &str)> {
    let mut parts = problem.split('`');
    Some((parts.next()?.trim(), parts.next()?))
}

/// `path.name`, where `path` may already end in the name.
fn joined(path: Option<String>, name: &str) -> String {
    match path.filter(|path| !path.is_empty()) {
        Some(path) if path == name || path.ends_with(&format!(".{name}")) => path,
        Some(path) => format!("{path}.{name}"),
        None => name.to_owned(),
    }
}

/// The line of a field, e.g. `threshold.measures[0].kind`, or of the nearest thing around it that is there.
pub(super) fn line_of(text: &str, field: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 1 };
    let mut at = 0;
    let mut inside = Inside::Table(document.get_ref());
    for step in field.split(['.', '[']).filter(|step| !step.is_empty()) {
        let found = match inside {
            Inside::Table(table) => entry(table, step),
            Inside::Value(value) => item(value, step),
        };
        let Some((span, value)) = found else { break };
        at = span.start;
        inside = match value {
            DeValue::Table(table) => Inside::Table(table),
            value => Inside::Value(value),
        };
    }
    line_at(text, at)
}

enum Inside<'a, 'i> {
    Table(&'a DeTable<'i>),
    Value(&'a DeValue<'i>),
}

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
    Some((key.span(), value.get_ref()))
}

fn item<'a, 'i>(value: &'a DeValue<'i>, step: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let index: usize = step.trim_end_matches(']').parse().ok()?;
    let item: &Spanned<DeValue<'i>> = value.as_array()?.get(index)?;
    Some((item.span(), item.get_ref()))
}

/// The innermost field around a byte, empty when it is the whole document; `None` when the text is no TOML at all.
fn path_at(text: &str, byte: usize) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    Some(path_in_table(document.get_ref(), byte).unwrap_or_default())
}

/// A table's span ends with its header, so what lies inside is looked at first, wherever it is.
fn path_in_table(table: &DeTable<'_>, byte: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| match path_in(value.get_ref(), byte) {
        Some(inner) if inner.starts_with('[') => Some(format!("{}{inner}", key.get_ref())),
        Some(inner) => Some(format!("{}.{inner}", key.get_ref())),
        None => {
            let here = key.span().contains(&byte) || value.span().contains(&byte);
            here.then(|| key.get_ref().to_string())
        }
    })
}

fn path_in(value: &DeValue<'_>, byte: usize) -> Option<String> {
    match value {
        DeValue::Table(table) => path_in_table(table, byte),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let inner = path_in(item.get_ref(), byte);
            match inner {
                Some(inner) if inner.starts_with('[') => Some(format!("[{index}]{inner}")),
                Some(inner) => Some(format!("[{index}].{inner}")),
                None => item.span().contains(&byte).then(|| format!("[{index}]")),
            }
        }),
        _ => None,
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}
