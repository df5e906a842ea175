//! Tier policies: how numbers become a tier. Here is what all have in common; the file of an engine has its type, its
//! checks, and how it is written.

use super::deployment::{Deployment, TargetIndex};
use super::error::Check;
use super::load::targets;
use super::source::document::{self, SeverityToml, SourceError, SourceFile, line_of};
use crate::model::time::Day;
use crate::proto::v1::{self, Severity, tier_policy::Engine};
use clean_day::{CleanDayStep, CleanDayToml};
use serde::Deserialize;
use threshold::{Threshold, ThresholdToml};

pub mod clean_day;
pub mod threshold;

/// How numbers become a tier, from a day on.
#[derive(Clone, Debug, PartialEq)]
pub struct TierPolicy {
    /// Name, the same over all versions.
    pub id: String,
    /// Version.
    pub version: String,
    /// First day it holds.
    pub effective_from: Day,
    /// First day it holds no more.
    pub effective_until: Option<Day>,
    /// The target whose numbers it looks at.
    pub target: TargetIndex,
    /// Levels it decides on.
    pub levels: Vec<u8>,
    /// Tiers, mildest first; a rank is an index here.
    pub tiers: Vec<String>,
    /// Whether only community cases count.
    pub community_only: bool,
    /// How it decides.
    pub engine: TierEngine,
    /// How grave the alerts about its tiers are.
    pub severity: TierSeverity,
}

/// How grave alerts about changes of tier are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierSeverity {
    /// To a graver tier, or to the first.
    pub raised: Severity,
    /// To any other.
    pub lowered: Severity,
    /// On a day that had been over for longer than the case policy's hours when it was first published.
    pub historic: Severity,
}

impl Default for TierSeverity {
    fn default() -> Self {
        Self { raised: Severity::High, lowered: Severity::Moderate, historic: Severity::Info }
    }
}

/// The engines.
#[derive(Clone, Debug, PartialEq)]
pub enum TierEngine {
    /// Steps down after clean days, from the gravest tier.
    CleanDay(Vec<CleanDayStep>),
    /// The gravest band over all measures with a value, on days in a row.
    Threshold(Threshold),
}

/// A policy of the contract, checked.
pub(super) fn policy(wire: &v1::TierPolicy, deployment: &Deployment, check: &mut Check<'_>) -> Option<TierPolicy> {
    check.code("id", &wire.id, 64);
    check.code("version", &wire.version, 64);
    check.text("source", &wire.source);
    let effective_from = check.day("effective_from", &wire.effective_from);
    let effective_until = match wire.effective_until.as_str() {
        "" => None,
        until => check.day("effective_until", until),
    };
    if effective_until.is_some() && effective_until <= effective_from {
        check.wrong("effective_until", "it is not after `effective_from`", "name the first day it holds no more");
    }
    if wire.cases() == v1::CaseScope::Unspecified {
        check.wrong("cases", "it is not said which cases count", "use all or community");
    }
    let levels = levels(wire, deployment, check);
    let target = targets::of_tier(wire, deployment, check);
    check.codes("tiers", &wire.tiers);
    if wire.tiers.len() < 2 {
        check.wrong("tiers", "a policy with fewer than two tiers decides nothing", "name them, mildest first");
    }
    let severity = severity(&wire.severity.unwrap_or_default(), check);
    let engine = match &wire.engine {
        Some(Engine::CleanDay(engine)) => TierEngine::CleanDay(clean_day::engine(engine, &wire.tiers, check)),
        Some(Engine::Threshold(engine)) => TierEngine::Threshold(threshold::engine(engine, wire, deployment, check)),
        None => {
            check.wrong("", "it has no engine", "add [clean_day] or [threshold]");
            return None;
        }
    };
    Some(TierPolicy {
        id: wire.id.clone(),
        version: wire.version.clone(),
        effective_from: effective_from?,
        effective_until,
        target: target?,
        levels,
        tiers: wire.tiers.clone(),
        community_only: wire.cases() == v1::CaseScope::Community,
        engine,
        severity,
    })
}

fn severity(wire: &v1::TierSeverity, check: &mut Check<'_>) -> TierSeverity {
    let default = TierSeverity::default();
    TierSeverity {
        raised: check.severity("severity.raised", wire.raised, default.raised),
        lowered: check.severity("severity.lowered", wire.lowered, default.lowered),
        historic: check.severity("severity.historic", wire.historic, default.historic),
    }
}

/// Whether two policies share a level and target on some day.
pub(super) fn overlap(a: &TierPolicy, b: &TierPolicy) -> bool {
    let begins_before_end =
        |a: &TierPolicy, b: &TierPolicy| b.effective_until.is_none_or(|until| a.effective_from < until);
    let same_subject = a.target == b.target && a.levels.iter().any(|level| b.levels.contains(level));
    same_subject && begins_before_end(a, b) && begins_before_end(b, a)
}

fn levels(wire: &v1::TierPolicy, deployment: &Deployment, check: &mut Check<'_>) -> Vec<u8> {
    if wire.levels.is_empty() {
        check.wrong("levels", "it is empty", "name the levels it decides on");
    }
    check.codes("levels", &wire.levels);
    let place = |(at, level): (usize, &String)| check.place(&format!("levels[{at}]"), level, &deployment.levels);
    let places = wire.levels.iter().enumerate().filter_map(place);
    places.filter_map(|place| u8::try_from(place).ok()).collect()
}

/// A policy as written in a file.
pub(super) fn written(file: &SourceFile) -> Result<v1::TierPolicy, Vec<SourceError>> {
    let toml: TierToml = document::read(file)?;
    let engines = [
        toml.clean_day.map(|engine| Engine::CleanDay(engine.wire())),
        toml.threshold.map(|engine| Engine::Threshold(engine.wire())),
    ];
    let mut engines = engines.into_iter().flatten();
    let engine = engines.next(); // none: said by the checks of the contract
    if let (Some(one), Some(other)) = (&engine, engines.next()) {
        let (one, other) = (table(one), table(&other));
        return Err(vec![SourceError {
            file: file.name.clone(),
            line: Some(line_of(&file.text, other)),
            key: other.to_owned(),
            problem: format!("a policy has one engine, this one has [{one}] as well"),
            hint: "make two policies of it, or take one engine away".to_owned(),
        }]);
    }
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
    Ok(wire)
}

/// The table that an engine is written in. The compiler asks for a new one here; it also needs its field of `TierToml`,
/// and its place in [`written`].
fn table(engine: &Engine) -> &'static str {
    match engine {
        Engine::CleanDay(_) => "clean_day",
        Engine::Threshold(_) => "threshold",
    }
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
        v1::TierSeverity {
            raised: document::severity(self.raised),
            lowered: document::severity(self.lowered),
            historic: document::severity(self.historic),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseScopeToml {
    All,
    Community,
}
