//! What was looked for: which target a text names, and keys by which areas of several targets differ.
//!
//! In what is compared here, an area stands for its numbers of one target: `AREA` for the first target of the
//! deployment, `AREA/TARGET` for any other, as in the keys of outputs.

use super::arrived::Usable;
use crate::model::time::Day;
use crate::policy::{CasePolicy, Rules};

/// The id of the target that a text names by its id or an alias.
fn id<'r>(rules: &'r Rules, text: &str) -> Option<&'r str> {
    let named = |target: &&crate::policy::Target| target.id == text || target.aliases.iter().any(|alias| alias == text);
    rules.deployment.targets.iter().find(named).map(|target| target.id.as_str())
}

/// The id of the target that a text names; that of the first target where it names none.
pub fn id_or_first<'r>(rules: &'r Rules, text: &str) -> &'r str {
    id(rules, text).unwrap_or(first(rules))
}

/// Whether a text names a target.
pub fn is_known(rules: &Rules, text: &str) -> bool {
    id(rules, text).is_some()
}

/// The record with the id of its target instead of an alias: both are one meaning.
pub fn by_id(rules: &Rules, mut record: Usable) -> Usable {
    let target = match &mut record {
        Usable::Result(result) => &mut result.target,
        Usable::Contact(contact) => &mut contact.target,
        // Who is in a group is so for all that is looked for.
        Usable::Group(_) => return record,
    };
    if let Some(id) = id(rules, target) {
        id.clone_into(target);
    }
    record
}

/// The id of the deployment's first target.
pub fn first(rules: &Rules) -> &str {
    &rules.deployment.targets[0].id
}

/// An area's key for a target by its id, given that of the first target.
pub fn key(area: &str, target: &str, first: &str) -> String {
    if target == first { area.to_owned() } else { format!("{area}/{target}") }
}

/// Area and target of a key; no target is the first.
pub fn split(key: &str) -> (&str, Option<&str>) {
    key.split_once('/').map_or((key, None), |(area, target)| (area, Some(target)))
}

/// An area and a target, by their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AreaTarget<'a> {
    /// Code of the area.
    pub area: &'a str,
    /// Id of the target.
    pub target: &'a str,
}

/// The area of a key.
pub fn area(key: &str) -> &str {
    split(key).0
}

/// The case policy for a target, by its id, on a day; `None` when none is for it.
pub fn case_policy<'r>(rules: &'r Rules, target: &str, day: Day) -> Option<&'r CasePolicy> {
    let at = rules.deployment.targets.iter().position(|declared| declared.id == target)?;
    let own = || rules.cases.iter().filter(|policy| policy.targets.iter().any(|of| usize::from(*of) == at));
    own().rev().find(|policy| policy.effective_from <= day).or_else(|| own().next())
}

/// The policy that admits results of a target on a day: that of the first target where it has none.
pub fn intake_policy<'r>(rules: &'r Rules, target: &str, day: Day) -> &'r CasePolicy {
    let own = case_policy(rules, target, day).or_else(|| case_policy(rules, first(rules), day));
    own.expect("the first target has a case policy")
}
