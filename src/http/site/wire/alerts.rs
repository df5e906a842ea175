//! Alerts as shown: ids shortened, people masked.

use crate::model::ids::masked;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::proto::v1::Alert;
use crate::view::alerts as book;
use crate::view::overview::Overview;
use crate::view::texts::{self, Withdrawal};
use serde::{Deserialize, Serialize};

/// Alerts a page is given at once.
pub(super) const SHOWN: usize = 100;

#[derive(Debug, Serialize)]
pub(super) struct AlertLine {
    /// The first digits of the id: enough to find it again, not enough to join data by.
    id: String,
    at: i64,
    version: u32,
    /// Id of the target.
    target: String,
    family: &'static str,
    state: String,
    severity: String,
    historic: bool,
    preliminary: bool,
    /// Masked; empty for alerts about areas and labs.
    person: String,
    channel: String,
    area: String,
    area_name: String,
    area_name_zh: String,
    /// The area and those it lies in, finest first.
    within: Vec<String>,
    purpose: String,
    first_day: String,
    last_day: String,
    /// When a contact is released; empty in other families than `contact_overdue`.
    release_day: String,
    /// The key group whose tests were missed; empty in other families than `group_overdue`.
    group: String,
    specimens: u32,
    exposed_to: usize,
    to_trace: usize,
    /// People in the tube of a pool (of `pool_overdue` those of them who are awaited), how many of them are awaited, and by
    /// when they are to be tested.
    members: usize,
    awaited: u32,
    recall_by: Option<i64>,
    /// What the pool was found; empty of other alerts.
    finding: String,
    /// Every member has been found negative since.
    all_negative: bool,
    /// What was measured of its first positives, and of how many more.
    measured: Vec<String>,
    measured_omitted: usize,
    tier_before: String,
    tier_after: String,
    policy: String,
    causes: usize,
    /// What withdrew it; absent while it holds.
    withdrawal: Option<Withdrawal>,
}

/// Which alerts are asked for; what is empty or left out asks for all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertFilter {
    /// An area's code: alerts of it and of all that lies below it.
    area: String,
    /// E.g. `tier_changed`.
    family: String,
}

/// The newest alerts that were asked for.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Newest first.
    alerts: Vec<AlertLine>,
    /// How many there are among the newest that are kept.
    all: usize,
}

/// How many alerts are in a state.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    family: &'static str,
    state: String,
    target: String,
    alerts: u64,
}

/// States of alerts newer than a version of the overview, newest first.
pub(super) fn newer(overview: &Overview, version: u64, people: bool) -> Vec<AlertLine> {
    let newer = newest(overview, people, |line| line.changed > version);
    newer.into_iter().take(SHOWN).map(|line| shown(overview, line)).collect()
}

impl Found {
    /// The newest alerts that pass the filter.
    pub fn of(overview: &Overview, filter: &AlertFilter, people: bool) -> Self {
        let registry = overview.registry();
        let of_area = |code: &str| filter.area.is_empty() || registry.within(code).contains(&filter.area.as_str());
        let of_family = |alert: &Alert| filter.family.is_empty() || families::name(alert.family()) == filter.family;
        let found = newest(overview, people, |line| of_family(&line.alert) && of_area(&line.alert.area));
        Self { alerts: found.iter().take(SHOWN).map(|line| shown(overview, line)).collect(), all: found.len() }
    }
}

/// Those of the alerts kept that pass, newest first. Without `people` only those about areas and labs.
fn newest(overview: &Overview, people: bool, passes: impl Fn(&book::AlertLine) -> bool) -> Vec<&book::AlertLine> {
    let about_people = overview.alerts.newest().filter(|_| people);
    let all = about_people.chain(overview.area_alerts.newest());
    let mut newest: Vec<&book::AlertLine> = all.filter(|line| passes(line)).collect();
    newest.sort_by_key(|line| std::cmp::Reverse(line.at));
    newest
}

pub(super) fn counts(overview: &Overview) -> Vec<Counts> {
    let all = overview.alerts.counts().chain(overview.area_alerts.counts()).filter(|(.., alerts)| *alerts > 0);
    let target = |name: &str| overview.registry().target(name).unwrap_or(name).to_owned();
    let one = |(family, state, of, alerts): (_, _, &str, _)| Counts {
        family: families::name(family),
        state: texts::state(state),
        target: target(of),
        alerts,
    };
    all.map(one).collect()
}

fn shown(overview: &Overview, line: &book::AlertLine) -> AlertLine {
    let alert: &Alert = &line.alert;
    AlertLine {
        id: alert.alert_id.chars().take(12).collect(),
        at: line.at.0,
        version: alert.version,
        target: overview.registry().target(&alert.target).unwrap_or(&alert.target).to_owned(),
        family: families::name(alert.family()),
        state: texts::state(alert.state()),
        severity: texts::severity(alert.severity()),
        historic: alert.historic,
        preliminary: alert.preliminary,
        person: if alert.person_id.is_empty() { String::new() } else { masked(&alert.person_id) },
        channel: texts::channel(alert.channel()),
        area: alert.area.clone(),
        area_name: overview.registry().name(&alert.area).to_owned(),
        area_name_zh: overview.registry().name_zh(&alert.area).to_owned(),
        within: overview.registry().within(&alert.area).into_iter().map(str::to_owned).collect(),
        purpose: alert.purpose.clone(),
        first_day: alert.first_day.clone(),
        last_day: alert.last_day.clone(),
        release_day: alert.release_day.clone(),
        group: alert.group.clone(),
        specimens: alert.positive_specimens,
        exposed_to: line.exposed_to,
        to_trace: line.to_trace,
        members: line.members,
        awaited: alert.awaited,
        recall_by: alert.recall_by.as_ref().and_then(Timestamp::from_wire).map(|at| at.0),
        finding: texts::finding(alert.finding()),
        all_negative: alert.all_negative,
        measured: line.measured.0.clone(),
        measured_omitted: line.measured.1,
        tier_before: alert.tier_before.clone(),
        tier_after: alert.tier_after.clone(),
        policy: alert.policy.clone(),
        causes: line.causes,
        withdrawal: line.withdrawal.clone(),
    }
}
