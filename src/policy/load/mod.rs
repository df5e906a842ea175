//! From the records of a set to [`Rules`], or to everything that is wrong with them.
//!
//! In: key and value of every record but the manifest. Out: rules that need no further check. Whatever is not meant
//! is refused here, at once and completely: a half-understood policy must never decide about people.

use super::areas::Areas;
use super::error::{Check, RuleError};
use super::records::{digest, key_of};
use super::{CasePolicy, Deployment, Rules, TierPolicy, tier};
use crate::proto::v1::{self, rule::Rule as Kind};
use prost::Message as _;

mod groups;
mod marks;
mod policies;
mod registry;
pub(super) mod targets;
mod texts;

/// Records by kind, with their keys.
#[derive(Default)]
struct ByKind {
    deployment: Option<v1::Deployment>,
    cases: Vec<(String, v1::CasePolicy)>,
    tiers: Vec<(String, v1::TierPolicy)>,
    areas: Vec<(String, v1::Area)>,
    labs: Vec<(String, v1::Lab)>,
    marks: Vec<(String, v1::DayIncomplete)>,
}

impl Rules {
    /// Rules from the records of one set (without its manifest), in any order; or all that is wrong with them.
    pub fn from_records(records: &[(String, Vec<u8>)]) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut records = records.to_vec();
        records.sort();
        let by_kind = decode(&records, &mut errors);
        let deployment = deployment(&by_kind, &mut errors);
        let levels = deployment.as_ref();
        let cases = cases(&by_kind, levels, &mut errors);
        let tiers = tiers(&by_kind, levels, &mut errors);
        let areas = registry::areas(&by_kind.areas, levels, &mut errors);
        let labs = registry::labs(&by_kind.labs, &cases, &mut errors);
        let incomplete = marks::incomplete(&by_kind.marks, &mut errors);
        match deployment {
            Some(deployment) if errors.is_empty() => Ok(Self {
                digest: digest(&records),
                cases_of: targets::cases_of(&deployment, &cases),
                target_by_text: targets::by_text(&deployment),
                purpose_by_name: deployment.purposes.iter().map(String::as_str).zip(1..).collect(),
                deployment,
                cases,
                tiers,
                areas: Areas::new(areas),
                lab_by_id: labs.iter().map(|(id, _)| id.as_str()).zip(0..).collect(),
                labs,
                incomplete,
                records,
            }),
            _ => Err(errors),
        }
    }
}

fn decode(records: &[(String, Vec<u8>)], errors: &mut Vec<RuleError>) -> ByKind {
    let mut by_kind = ByKind::default();
    let mut before = None;
    for (key, value) in records {
        let mut check = Check::new(key, errors);
        if before.replace(key) == Some(key) {
            check.wrong("", "two records have this key", "keep one of them");
            continue;
        }
        let Ok(v1::Rule { rule: Some(rule) }) = v1::Rule::decode(value.as_slice()) else {
            check.wrong("", "the value is not a `swabstream.v1.Rule`", "publish it with `swabstream rules apply`");
            continue;
        };
        match key_of(&rule) {
            Some(expected) if expected == *key => by_kind.put(key.clone(), rule),
            Some(expected) => check.wrong("", format!("the value belongs under the key `{expected}`"), REPUBLISH),
            None => check.wrong("", "a manifest is no rule of its set", REPUBLISH),
        }
    }
    by_kind
}

const REPUBLISH: &str = "write the set again with `swabstream rules apply`";

impl ByKind {
    fn put(&mut self, key: String, rule: Kind) {
        match rule {
            Kind::Set(_) => {}
            Kind::Deployment(deployment) => self.deployment = Some(deployment),
            Kind::CasePolicy(policy) => self.cases.push((key, policy)),
            Kind::TierPolicy(policy) => self.tiers.push((key, policy)),
            Kind::Area(area) => self.areas.push((key, area)),
            Kind::Lab(lab) => self.labs.push((key, lab)),
            Kind::DayIncomplete(mark) => self.marks.push((key, mark)),
        }
    }
}

fn deployment(by_kind: &ByKind, errors: &mut Vec<RuleError>) -> Option<Deployment> {
    let mut check = Check::new("deployment/current", errors);
    match &by_kind.deployment {
        Some(deployment) => policies::deployment(deployment, &mut check),
        None => {
            check.wrong("", "there is no deployment", "say zone, levels and purposes in deployment.toml");
            None
        }
    }
}

fn cases(by_kind: &ByKind, deployment: Option<&Deployment>, errors: &mut Vec<RuleError>) -> Vec<CasePolicy> {
    let mut cases: Vec<CasePolicy> = Vec::new();
    for (key, policy) in &by_kind.cases {
        let mut check = Check::new(key, errors);
        let Some(policy) = policies::case(policy, deployment, &mut check) else { continue };
        let same_target = |other: &&CasePolicy| other.targets.iter().any(|target| policy.targets.contains(target));
        let same_day = |other: &&CasePolicy| other.effective_from == policy.effective_from;
        if let Some(other) = cases.iter().filter(same_target).find(same_day) {
            let problem = format!("`{}` holds from the same day", other.name);
            check.wrong("effective_from", problem, "give each version a day of its own");
        }
        cases.push(policy);
    }
    if by_kind.cases.is_empty() {
        let mut check = Check::new("case", errors);
        check.wrong("", "there is no case policy", "add one as case-NAME.toml");
    } else if let Some(deployment) = deployment
        && cases.len() == by_kind.cases.len()
        && !cases.iter().any(|policy| policy.targets.contains(&0))
    {
        let problem = format!("there is no case policy for `{}`, the first target", deployment.targets[0].id);
        Check::new("case", errors).wrong("", problem, "add one: what no policy is for goes by the first target's");
    }
    cases.sort_by_key(|policy| policy.effective_from);
    cases
}

fn tiers(by_kind: &ByKind, deployment: Option<&Deployment>, errors: &mut Vec<RuleError>) -> Vec<TierPolicy> {
    // Without levels nothing can be said about a tier policy.
    let Some(deployment) = deployment else { return Vec::new() };
    let mut tiers: Vec<TierPolicy> = Vec::new();
    for (key, policy) in &by_kind.tiers {
        let mut check = Check::new(key, errors);
        let Some(policy) = tier::policy(policy, deployment, &mut check) else { continue };
        for other in tiers.iter().filter(|other| tier::overlap(other, &policy)) {
            let problem = format!("`{}@{}` decides on the same level on the same days", other.id, other.version);
            check.wrong("effective_from", problem, "end the earlier one with `effective_until`");
        }
        tiers.push(policy);
    }
    tiers
}
