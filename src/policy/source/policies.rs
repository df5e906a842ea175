//! Deployment and policies as TOML. The keys are the names of the contract's fields; none may be left out that
//! decides something, none may be there that nobody reads.

use super::document::{SeverityToml, SourceError, SourceFile, read, severity};
use super::origin::Origin;
use crate::policy::tier;
use crate::proto::v1::{self, rule::Rule as Kind};
use serde::Deserialize;

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
        test_days_close: toml.test_days_close,
        test_days_secondary: toml.test_days_secondary,
        test_days_co_exposed: toml.test_days_co_exposed,
        test_grace_hours: toml.test_grace_hours,
        trace_days_before: toml.trace_days_before,
        trace_days_after: toml.trace_days_after,
        earliest_year: toml.earliest_year,
        years_ahead: toml.years_ahead,
        pool_recall_hours: toml.pool_recall_hours,
        pool_grace_hours: toml.pool_grace_hours,
        day_close_hours: toml.day_close_hours,
        groups: toml.groups.into_iter().map(GroupToml::wire).collect(),
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
    Ok(vec![(Kind::TierPolicy(tier::written(file)?), Origin::Document(file.clone()))])
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
    #[serde(default)]
    test_days_close: Vec<u32>,
    #[serde(default)]
    test_days_secondary: Vec<u32>,
    #[serde(default)]
    test_days_co_exposed: Vec<u32>,
    test_grace_hours: Option<u32>,
    trace_days_before: u32,
    trace_days_after: u32,
    unknown_lab: UnknownLabToml,
    earliest_year: Option<u32>,
    years_ahead: Option<u32>,
    pool_recall_hours: Option<u32>,
    pool_grace_hours: Option<u32>,
    day_close_hours: Option<u32>,
    #[serde(default)]
    groups: Vec<GroupToml>,
    severity: Option<CaseSeverityToml>,
    #[serde(default)]
    targets: Vec<String>,
    unnamed_contacts: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupToml {
    group: String,
    every_days: Option<u32>,
    #[serde(default)]
    after_entry: Vec<u32>,
    #[serde(default)]
    alert: bool,
}

impl GroupToml {
    fn wire(self) -> v1::GroupTests {
        let Self { group, every_days, after_entry, alert } = self;
        v1::GroupTests { group, every_days: every_days.unwrap_or_default(), after_entry, alert }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseSeverityToml {
    community: Option<SeverityToml>,
    managed: Option<SeverityToml>,
    historic: Option<SeverityToml>,
    preliminary: Option<SeverityToml>,
    contradiction: Option<SeverityToml>,
    overdue: Option<SeverityToml>,
    pool: Option<SeverityToml>,
    pool_overdue: Option<SeverityToml>,
    group_overdue: Option<SeverityToml>,
}

impl CaseSeverityToml {
    fn wire(self) -> v1::CaseSeverity {
        v1::CaseSeverity {
            community: severity(self.community),
            managed: severity(self.managed),
            historic: severity(self.historic),
            preliminary: severity(self.preliminary),
            contradiction: severity(self.contradiction),
            overdue: severity(self.overdue),
            pool: severity(self.pool),
            pool_overdue: severity(self.pool_overdue),
            group_overdue: severity(self.group_overdue),
        }
    }
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
