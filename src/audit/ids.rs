//! Whether each alert has the id of what it is about, formed by the rule of the contract.
//!
//! In: the newest state of every alert, and results that say for which targets a specimen was tested: a contradiction
//! that an earlier version published does not.
//! Out: a check. It needs no recount, so it is made of withdrawn alerts too, and where inputs were deleted.

use super::arrived::{Arrived, Usable};
use super::compare::Published;
use super::cut::Cut;
use super::dead_letters::were_deleted;
use super::recount::alert_id::{
    contact_overdue, contradiction, group_overdue, pool_overdue, pool_positive, positive, tier_changed,
};
use super::report::Check;
use crate::model::ids::Secret;
use crate::model::record::Topic;
use crate::proto::v1::{Alert, AlertFamily};
use std::collections::{BTreeMap, BTreeSet};

/// Targets by person and specimen.
type Targets<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;

/// Forms the id of every published alert anew.
pub fn check(published: &Published, arrived: &[Arrived], secret: &Secret, cut: &Cut) -> Check {
    let mut check = Check::new("alert ids");
    let targets = targets(published, arrived);
    let (mut right, mut unknown) = (0_u64, 0_u64);
    let gone = has_lost_results(cut);
    let further = |alert| further(alert, &published.first_target);
    let people = published.alerts.values();
    let people = people.map(|alert| (alert, fault_about_person(secret, alert, further(alert), &targets)));
    let areas = published.area_alerts.values();
    let areas = areas.map(|alert| (alert, fault_about_area(secret, alert, further(alert))));
    for (alert, fault) in people.chain(areas) {
        match fault {
            None => right += 1,
            // The result with the target that it was about may be gone.
            Some(NOT_ITS_SPECIMEN) if gone => unknown += 1,
            Some(what) => check.differs(|| format!("alert {}: {what}", alert.alert_id)),
        }
    }
    check.limited = (unknown > 0).then(|| format!("{unknown} rest on results that were deleted by retention"));
    check.compared(format!("{right} alerts have the id of what they are about"))
}

/// The target of an alert, if it is not the first.
fn further<'a>(alert: &'a Alert, first: &str) -> Option<&'a str> {
    Some(alert.target.as_str()).filter(|target| *target != first)
}

const NOT_ITS_CASE: &str = "its id is not that of its person, first day and target";
const NOT_ITS_CONTACT: &str = "its id is not that of its person, due day and target";
const NOT_ITS_GROUP: &str = "its id is not that of its person, key group, first day and target";
const NOT_ITS_SPECIMEN: &str = "its id is not that of its person, specimen, day and any target it was tested for";
const NOT_ITS_POOL: &str = "its id is not that of its pool, specimen, day and target";
const NOT_ITS_AREA: &str = "its id is not that of its area, day and target";
const NOT_HERE: &str = "nothing publishes alerts of its family in this topic";

fn fault_about_person(
    secret: &Secret,
    alert: &Alert,
    further: Option<&str>,
    targets: &Targets<'_>,
) -> Option<&'static str> {
    let Alert { alert_id, person_id, specimen_id, first_day, .. } = alert;
    match alert.family() {
        AlertFamily::Positive => (*alert_id != positive(secret, person_id, first_day, further)).then_some(NOT_ITS_CASE),
        AlertFamily::ContactOverdue => {
            (*alert_id != contact_overdue(secret, person_id, first_day, further)).then_some(NOT_ITS_CONTACT)
        }
        AlertFamily::GroupOverdue => {
            let id = group_overdue(secret, person_id, &alert.group, first_day, further);
            (*alert_id != id).then_some(NOT_ITS_GROUP)
        }
        AlertFamily::Contradiction => {
            let mut tested_for = targets.get(&(person_id.as_str(), specimen_id.as_str())).into_iter().flatten();
            let is_its = |target: &&str| *alert_id == contradiction(secret, person_id, specimen_id, target, first_day);
            (!tested_for.any(is_its)).then_some(NOT_ITS_SPECIMEN)
        }
        AlertFamily::PoolPositive => {
            let id = pool_positive(secret, &alert.pool_id, specimen_id, &alert.target, first_day);
            (*alert_id != id).then_some(NOT_ITS_POOL)
        }
        AlertFamily::PoolOverdue => {
            let id = pool_overdue(secret, &alert.pool_id, specimen_id, &alert.target, first_day);
            (*alert_id != id).then_some(NOT_ITS_POOL)
        }
        _ => Some(NOT_HERE),
    }
}

fn fault_about_area(secret: &Secret, alert: &Alert, further: Option<&str>) -> Option<&'static str> {
    match alert.family() {
        AlertFamily::TierChanged => {
            let id = tier_changed(secret, &alert.area, &alert.first_day, further);
            (alert.alert_id != id).then_some(NOT_ITS_AREA)
        }
        _ => Some(NOT_HERE),
    }
}

/// What the specimens were tested for that some alert names, as far as the results of that are there.
fn targets<'a>(published: &'a Published, arrived: &'a [Arrived]) -> Targets<'a> {
    let contradictions = published.alerts.values().filter(|alert| alert.family() == AlertFamily::Contradiction);
    let mut targets: Targets<'_> =
        contradictions.map(|alert| ((&*alert.person_id, &*alert.specimen_id), BTreeSet::new())).collect();
    if targets.is_empty() {
        return targets;
    }
    for Arrived { record, .. } in arrived {
        let Usable::Result(result) = record else { continue };
        if let Some(known) = targets.get_mut(&(&*result.person_id, &*result.specimen_id)) {
            known.insert(&result.target);
        }
    }
    targets
}

/// Whether a result that some alert rests on may not be among the usable ones.
fn has_lost_results(cut: &Cut) -> bool {
    let mut firsts = cut.first.iter().filter(|((topic, _), _)| *topic == Topic::LabResults);
    firsts.any(|(_, first)| *first > 0) || were_deleted(cut)
}
