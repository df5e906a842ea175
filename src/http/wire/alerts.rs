//! Alerts as shown: ids shortened, people masked.

use crate::model::ids::masked;
use crate::proto::v1::Alert;
use crate::view::alerts as book;
use crate::view::picture::Picture;
use crate::view::texts;
use serde::Serialize;

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
    family: String,
    state: String,
    severity: String,
    historic: bool,
    preliminary: bool,
    /// Masked; empty for alerts about areas and labs.
    person: String,
    channel: String,
    area: String,
    area_name: String,
    purpose: String,
    first_day: String,
    last_day: String,
    specimens: u32,
    exposed_to: usize,
    to_trace: usize,
    tier_before: String,
    tier_after: String,
    policy: String,
    causes: usize,
    /// Why it was withdrawn; empty while it holds.
    withdrawn_by: String,
}

/// How many alerts are in a state.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    family: String,
    state: String,
    target: String,
    alerts: u64,
}

/// States of alerts newer than a version of the picture, newest first. Without `people` only those about areas and
/// labs.
pub(super) fn newer(picture: &Picture, version: u64, people: bool) -> Vec<AlertLine> {
    let about_people = picture.alerts.newest().filter(|_| people);
    let mut newer: Vec<&book::AlertLine> =
        about_people.chain(picture.area_alerts.newest()).filter(|line| line.changed > version).collect();
    newer.sort_by_key(|line| std::cmp::Reverse(line.at));
    newer.into_iter().take(SHOWN).map(|line| shown(picture, line)).collect()
}

pub(super) fn counts(picture: &Picture) -> Vec<Counts> {
    let all = picture.alerts.counts().chain(picture.area_alerts.counts()).filter(|(.., alerts)| *alerts > 0);
    let target = |name: &str| picture.registry().target(name).unwrap_or(name).to_owned();
    let one = |(family, state, of, alerts): (_, _, &str, _)| Counts {
        family: texts::family(family),
        state: texts::state(state),
        target: target(of),
        alerts,
    };
    all.map(one).collect()
}

fn shown(picture: &Picture, line: &book::AlertLine) -> AlertLine {
    let alert: &Alert = &line.alert;
    AlertLine {
        id: alert.alert_id.chars().take(12).collect(),
        at: line.at.0,
        version: alert.version,
        target: picture.registry().target(&alert.target).unwrap_or(&alert.target).to_owned(),
        family: texts::family(alert.family()),
        state: texts::state(alert.state()),
        severity: texts::severity(alert.severity()),
        historic: alert.historic,
        preliminary: alert.preliminary,
        person: if alert.person_id.is_empty() { String::new() } else { masked(&alert.person_id) },
        channel: texts::channel(alert.channel()),
        area: alert.area.clone(),
        area_name: picture.registry().name(&alert.area).to_owned(),
        purpose: alert.purpose.clone(),
        first_day: alert.first_day.clone(),
        last_day: alert.last_day.clone(),
        specimens: alert.positive_specimens,
        exposed_to: alert.exposed_to.len(),
        to_trace: alert.to_trace.len(),
        tier_before: alert.tier_before.clone(),
        tier_after: alert.tier_after.clone(),
        policy: alert.policy.clone(),
        causes: line.causes,
        withdrawn_by: line.withdrawn_by.clone(),
    }
}
