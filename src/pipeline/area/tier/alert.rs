//! Alerts about changes of tier: one per area, target and day on which the tier differs from that of the day before.
//!
//! In: both tiers as known now, the alert as published before. Out: the alert's next state, if it has one. As both
//! tiers follow from the area's numbers alone, so does whether an alert is live: a correction that undoes a case
//! withdraws the alert of its day instead of raising another. Two mildest tiers in a row never alert, whatever their
//! names, nor does an area whose first tier is the mildest, nor one that ceases to have any.

use super::subject::Decision;
use crate::model::ids::Secret;
use crate::model::record::{Origin, Position, Topic};
use crate::model::time::{Day, Timestamp};
use crate::pipeline::alerting::families;
use crate::pipeline::alerting::lifecycle::{self, Held, Wanted};
use crate::proto::v1::{Alert, AlertFamily, AlertState, Cause, CauseKind};
use crate::state::area::series::{Series, TierAlert, TierCause, TierOrigin};

/// Why tiers are decided again.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// Kind of cause.
    pub kind: CauseKind,
    /// The task's `now`.
    pub now: Timestamp,
    /// The day is over for as long that nobody is to be woken any more.
    pub historic: bool,
}

/// The tiers that an alert compares.
#[derive(Clone, Copy, Debug)]
pub struct Tiers<'a> {
    /// That of the day before.
    pub before: Option<&'a Decision<'a>>,
    /// That of the day.
    pub after: Option<&'a Decision<'a>>,
}

/// The next state of a day's alert; `None` when it stays as it is.
pub fn next(known: Option<&TierAlert>, tiers: Tiers<'_>, origin: TierOrigin, occasion: Occasion) -> Option<TierAlert> {
    let held = Held::of(known.map(|alert| alert.live));
    let mut alert = known.cloned().unwrap_or_default();
    let Tiers { before, after } = tiers;
    let wanted = match after.filter(|after| differs(before, after)) {
        None => Wanted::Nothing,
        Some(after) => {
            if held != Held::Live {
                alert.historic = occasion.historic;
            }
            describe(&mut alert, before, after);
            match known.is_some_and(|known| same(known, &alert)) {
                true => Wanted::TheSame,
                false => Wanted::Other,
            }
        }
    };
    let state = lifecycle::next(held, wanted)?;
    alert.version += 1;
    alert.live = state != AlertState::Withdrawn;
    let (kind, now) = (occasion.kind as u8, occasion.now);
    lifecycle::link(&mut alert.causes, &mut alert.omitted, TierCause { state: state as u8, kind, origin, now });
    Some(alert)
}

/// The alert as published, about a series and its target, which is given by its id.
pub fn message(secret: &Secret, series: &Series, target: &str, day: Day, alert: &TierAlert, partition: i32) -> Alert {
    let day = day.to_string();
    let origin = |cause: &TierCause| match cause.origin {
        TierOrigin::None => None,
        TierOrigin::Batch(offset) => {
            let position = Position { topic: Topic::AreaChanges, partition, offset };
            Some(Origin { position, received_at: cause.now }.to_wire())
        }
        TierOrigin::Input(origin) => Some(origin.to_wire()),
    };
    let cause = |cause: &TierCause| Cause {
        origin: origin(cause),
        kind: i32::from(cause.kind),
        state: i32::from(cause.state),
        ..Cause::default()
    };
    Alert {
        alert_id: families::id(secret, AlertFamily::TierChanged, &[&series.code], &day, &series.target),
        version: alert.version,
        family: AlertFamily::TierChanged as i32,
        state: alert.causes.last().map_or(0, |cause| i32::from(cause.state)),
        severity: i32::from(alert.severity),
        historic: alert.historic,
        area: series.code.clone(),
        target: target.to_owned(),
        first_day: day.clone(),
        last_day: day,
        policy: alert.policy.clone(),
        causes: alert.causes.iter().map(cause).collect(),
        causes_omitted: alert.omitted,
        tier_before: alert.before.clone(),
        tier_after: alert.after.clone(),
        ..Alert::default()
    }
}

fn differs(before: Option<&Decision<'_>>, after: &Decision<'_>) -> bool {
    match before {
        Some(before) => before.tier() != after.tier() && (before.rank > 0 || after.rank > 0),
        None => after.rank > 0,
    }
}

fn describe(alert: &mut TierAlert, before: Option<&Decision<'_>>, after: &Decision<'_>) {
    let graver = before.is_none_or(|before| after.rank > before.rank);
    let severity = &after.policy.severity;
    alert.severity = match (alert.historic, graver) {
        (true, _) => severity.historic,
        (_, true) => severity.raised,
        _ => severity.lowered,
    } as u8;
    alert.policy = format!("{}@{}", after.policy.id, after.policy.version);
    alert.before = before.map(|before| before.tier().to_owned()).unwrap_or_default();
    alert.after = after.tier().to_owned();
}

fn same(known: &TierAlert, alert: &TierAlert) -> bool {
    let said = |alert: &TierAlert| (alert.before.clone(), alert.after.clone(), alert.policy.clone(), alert.severity);
    said(known) == said(alert)
}
