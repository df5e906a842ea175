//! Versions of the results of pools: which of them stands, and when what it says was first received and reported.

use crate::audit::arrived::{Arrived, Usable};
use crate::audit::recount::people::{members_of, taken};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{Finding, LabResult, ProcessingMode, ResultStatus, TimePrecision};
use std::collections::BTreeMap;

/// A version of a result of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The record.
    pub arrived: &'a Arrived,
    /// What it says.
    pub result: &'a LabResult,
}

impl Version<'_> {
    /// The greatest stands.
    pub fn rank(&self) -> (u32, i32, i32, u64) {
        (self.result.revision, self.result.status, self.result.finding, self.arrived.content)
    }

    /// Whether it is no early report, and not taken back.
    pub fn counts(&self) -> bool {
        matches!(self.result.status(), ResultStatus::Final | ResultStatus::Corrected)
    }

    /// Whether it says of its members that they were swabbed: whatever was found that could be read.
    pub fn shows_a_swab(&self) -> bool {
        let is_read = !matches!(self.result.finding(), Finding::Invalid | Finding::Unspecified);
        self.counts() && is_read || self.is_preliminary_positive()
    }

    /// Whether it is an early report that the tube is positive.
    pub fn is_preliminary_positive(&self) -> bool {
        self.result.status() == ResultStatus::Preliminary && self.result.finding() == Finding::Positive
    }

    /// Whether another one says the same. What members and times it says is part of that, who sent it when is not.
    fn means(&self, other: &Self, rules: &Rules) -> bool {
        let said = |version: &Self| {
            let result = version.result;
            let names =
                (result.specimen_id.clone(), result.target.clone(), result.area.clone(), result.purpose.clone());
            let members: Vec<_> =
                members_of(result).into_iter().map(|(person, area)| (person.to_owned(), area.to_owned())).collect();
            let cycles: Vec<_> = result.ct_values.iter().map(|ct| (ct.gene.clone(), ct.cycles.to_bits())).collect();
            let precise = result.collected_precision() == TimePrecision::Day;
            (names, members, taken(rules, result), precise, result.finding, result.status, cycles)
        };
        said(self) == said(other)
    }
}

/// All versions, by pool and then by lab and its id of the result.
pub type Pools<'a> = BTreeMap<&'a str, BTreeMap<(&'a str, &'a str), Vec<Version<'a>>>>;

/// A tube of a pool: its barcode and what was looked for.
pub type Tube<'a> = (&'a str, &'a str);

/// All that were sent, but drills.
pub fn versions(records: &[Arrived]) -> Pools<'_> {
    let mut pools = Pools::new();
    for arrived in records {
        let Usable::Result(result) = &arrived.record else { continue };
        let Some(pool) = result.pool.as_ref().filter(|_| result.mode() != ProcessingMode::Training) else { continue };
        let results = pools.entry(&pool.pool_id).or_default();
        results.entry((&result.lab_id, &result.result_id)).or_default().push(Version { arrived, result });
    }
    pools
}

/// What a member holds for one swab, and what counts as one tube: a tube of a day, whichever pool ids it was sent under.
pub type Swab<'a> = (Tube<'a>, Day);

/// The version of a result that stands, and when what it says was first received and reported.
pub struct Standing<'a> {
    /// The version.
    pub version: Version<'a>,
    /// When what it says was first received.
    pub received: Timestamp,
    /// When the lab first reported it.
    pub reported: Timestamp,
    /// The kit of the first receipt.
    pub kit: &'a str,
}

impl<'a> Standing<'a> {
    /// Of all versions of a result.
    pub fn of(rules: &Rules, versions: &[Version<'a>]) -> Self {
        let version = *versions.iter().max_by_key(|version| version.rank()).expect("there is a version");
        let same = || versions.iter().filter(|other| other.means(&version, rules));
        let first = same().map(|same| (same.arrived.at, same.result.kit.as_str())).min();
        let (received, kit) = first.expect("it is one of them");
        let reported = |same: &Version<'_>| {
            let said = same.result.reported_at.as_ref().and_then(Timestamp::from_wire);
            said.map_or(same.arrived.at, |said| said.min(same.arrived.at))
        };
        Self { version, received, reported: same().map(reported).min().unwrap_or(received), kit }
    }
}
