//! What the results of a tube say of its members.
//!
//! In: every usable record, and everybody with their single results. Out: the negative tubes of each member among their
//! specimens.

use super::versions::{Swab, Version, versions};
use crate::audit::arrived::Arrived;
use crate::audit::recount::people::{Person, Specimen, day, entry, members_of, taken};
use crate::policy::Rules;
use crate::proto::v1::{Finding, LabResult};
use std::collections::{BTreeMap, BTreeSet};

/// Adds the negative tubes that each member's task knows of to their specimens.
pub fn add(people: &mut BTreeMap<String, Person>, rules: &Rules, records: &[Arrived]) {
    let pools = versions(records);
    let mut said: BTreeMap<&str, BTreeMap<Swab<'_>, Vec<Version<'_>>>> = BTreeMap::new();
    for versions in pools.values().flat_map(BTreeMap::values) {
        let everybody: BTreeSet<&str> =
            versions.iter().flat_map(|version| members_of(version.result).into_keys()).collect();
        for person in everybody {
            let heard = versions.iter().filter(|version| !version.arrived.is_unheard_by_member(person));
            let greatest = heard.max_by_key(|version| version.rank());
            let Some(version) = greatest.filter(|version| members_of(version.result).contains_key(person)) else {
                continue;
            };
            let LabResult { specimen_id, target, .. } = version.result;
            let day = day(rules, taken(rules, version.result).first);
            if version.shows_a_swab() {
                entry(people, person).pooled_swabs.insert((day, target.clone()));
            }
            if version.counts() {
                let swabs = said.entry(person).or_default();
                swabs.entry(((specimen_id, target), day)).or_default().push(*version);
            }
        }
    }
    for (person, swabs) in said {
        for versions in swabs.values() {
            let found = |finding: Finding| versions.iter().any(|version| version.result.finding() == finding);
            if found(Finding::Negative) && !found(Finding::Positive) {
                entry(people, person).specimens.push(negative(rules, person, versions));
            }
        }
    }
}

/// The earliest of the negative results of a tube lends time and place.
fn negative(rules: &Rules, person: &str, versions: &[Version<'_>]) -> Specimen {
    let place = |version: &Version<'_>| {
        let area = members_of(version.result)[person].to_owned();
        (taken(rules, version.result), area, version.result.purpose.clone())
    };
    let negative = versions.iter().filter(|version| version.result.finding() == Finding::Negative);
    let (times, area, purpose) = negative.map(place).min().expect("one is negative");
    let any = versions[0].result;
    Specimen {
        id: any.specimen_id.clone(),
        target: any.target.clone(),
        finding: Finding::Negative,
        contradicted: false,
        preliminary: false,
        pooled: true,
        minute: times.first,
        until: times.last,
        day: day(rules, times.first),
        area,
        purpose,
        old_news: false,
        first_positive: None,
    }
}
