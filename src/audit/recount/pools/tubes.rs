//! Tubes: each counts once, and one pool tells of it, whichever pool ids it was sent under.
//!
//! In: every version of the results of pools. Out: what counts as a tube, and whether another pool's alert is about the same
//! finding. A tube is a barcode, a target, a day and the first of its members.

use super::versions::{Pools, Standing, Swab, Version, versions};
use crate::audit::arrived::Arrived;
use crate::audit::recount::people::{day, members_of, taken};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{Finding, LabResult};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A tube with a conclusive finding, where it counts.
#[derive(Clone, Debug)]
pub struct CountedTube {
    /// Its barcode.
    pub barcode: String,
    /// Area of the pool's result.
    pub area: String,
    /// Target of the result.
    pub target: String,
    /// Its purpose.
    pub purpose: String,
    /// Specimen day.
    pub day: Day,
    /// People in it.
    pub size: u32,
    /// What it was found.
    pub positive: bool,
}

/// Every tube that was found positive or negative, as the task of its barcode knows of it.
pub fn counted(rules: &Rules, records: &[Arrived]) -> Vec<CountedTube> {
    let pools = versions(records);
    // Of a pool that counts its tubes itself a tube is its own.
    let mut tubes: BTreeMap<(Option<&str>, Tube<'_>), Vec<&LabResult>> = BTreeMap::new();
    for (pool, versions) in pools.iter().flat_map(|(pool, all)| all.values().map(|versions| (*pool, versions))) {
        let own = versions.iter().any(|version| version.arrived.by_pool).then_some(pool);
        let barcodes: BTreeSet<&str> = versions.iter().map(|version| version.result.specimen_id.as_str()).collect();
        for barcode in barcodes {
            let knows = |version: &&Version<'_>| own.is_some() || !version.arrived.is_unheard_by_tube(barcode);
            let heard = versions.iter().filter(knows);
            let greatest = heard.max_by_key(|version| version.rank()).filter(|one| one.result.specimen_id == barcode);
            if let Some(Version { result, .. }) = greatest.filter(|one| one.counts()) {
                tubes.entry((own, tube(rules, result))).or_default().push(result);
            }
        }
    }
    let counts = tubes.iter().filter_map(|((_, ((_, day), _)), results)| of_tube(rules, results, *day));
    counts.collect()
}

/// The earliest of the results that say what the tube was found lends its place.
fn of_tube(rules: &Rules, results: &[&LabResult], day: Day) -> Option<CountedTube> {
    let finding = results.iter().map(|result| result.finding()).max().filter(|found| *found >= Finding::Negative)?;
    let place = |result: &&&LabResult| {
        (taken(rules, result), result.area.clone(), result.purpose.clone(), members_of(result).len() as u32)
    };
    let saying = results.iter().filter(|result| result.finding() == finding);
    let (_, area, purpose, size) = saying.map(|result| place(&result)).min()?;
    let (barcode, target) = (results[0].specimen_id.clone(), results[0].target.clone());
    let positive = finding == Finding::Positive;
    Some(CountedTube { barcode, area, target, purpose, day, size, positive })
}

/// What counts as one tube: the first member tells apart those that laboratories number alike.
type Tube<'a> = (Swab<'a>, &'a str);

fn tube<'a>(rules: &Rules, result: &'a LabResult) -> Tube<'a> {
    let swab = ((result.specimen_id.as_str(), result.target.as_str()), day(rules, taken(rules, result).first));
    (swab, members_of(result).into_keys().next().unwrap_or_default())
}

/// A tube, who is in it and from where, its own area, and why it was tested.
type Group<'a> = (Tube<'a>, Vec<(&'a str, &'a str)>, &'a str, &'a str);

/// Which pool tells of a tube, where one surely does.
pub struct Shared<'a> {
    rules: &'a Rules,
    told_by: BTreeMap<Group<'a>, &'a str>,
}

/// How grave a result that may be told of is, when it was received first, and of which pool it is: the greatest tells.
type Rank<'a> = (bool, Finding, Reverse<(Timestamp, &'a str)>);

impl<'a> Shared<'a> {
    /// By all versions.
    pub fn of(rules: &'a Rules, pools: &Pools<'a>) -> Self {
        let is_told = |versions: &&Vec<Version<'_>>| versions.iter().all(|version| !version.arrived.by_pool);
        let all = || {
            pools.iter().flat_map(|(pool, results)| results.values().filter(is_told).map(|versions| (*pool, versions)))
        };
        let standing: Vec<(&str, Standing<'a>)> =
            all().map(|(pool, versions)| (pool, Standing::of(rules, versions))).collect();
        // Of each barcode and target, what its results that count were found.
        let mut found: BTreeMap<(&str, &str), BTreeSet<Finding>> = BTreeMap::new();
        for (_, one) in standing.iter().filter(|(_, one)| one.version.counts()) {
            let LabResult { specimen_id, target, .. } = one.version.result;
            found.entry((specimen_id, target)).or_default().insert(one.version.result.finding());
        }
        let mut greatest: BTreeMap<Group<'a>, Rank<'a>> = BTreeMap::new();
        for (pool, one) in &standing {
            let result = one.version.result;
            let found = found.get(&(result.specimen_id.as_str(), result.target.as_str()));
            if is_surely_told(&one.version, found) {
                let rank = (one.version.counts(), result.finding(), Reverse((one.received, *pool)));
                let known = greatest.entry(group(rules, result)).or_insert(rank);
                *known = rank.max(*known);
            }
        }
        let told_by = greatest.into_iter().map(|(group, (.., Reverse((_, pool))))| (group, pool));
        Self { rules, told_by: told_by.collect() }
    }

    /// Whether another pool tells of the tube of a result of this one.
    pub fn is_told_elsewhere(&self, pool: &str, result: &LabResult) -> bool {
        self.told_by.get(&group(self.rules, result)).is_some_and(|told_by| *told_by != pool)
    }
}

fn group<'a>(rules: &Rules, result: &'a LabResult) -> Group<'a> {
    (tube(rules, result), members_of(result).into_iter().collect(), &result.area, &result.purpose)
}

/// Whether the pool of a standing version surely tells of it, given what the results of its barcode that count were found.
fn is_surely_told(version: &Version<'_>, found: Option<&BTreeSet<Finding>>) -> bool {
    let is_found = |finding: Finding| found.is_some_and(|all| all.contains(&finding));
    match version.result.finding() {
        Finding::Positive if version.counts() => true,
        Finding::Inconclusive if version.counts() => !is_found(Finding::Negative) && !is_found(Finding::Positive),
        _ => {
            let conclusive = [Finding::Inconclusive, Finding::Negative, Finding::Positive];
            version.is_preliminary_positive() && !conclusive.into_iter().any(is_found)
        }
    }
}
