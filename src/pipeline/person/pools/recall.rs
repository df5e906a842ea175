//! The recall of a pool's members: until when each is to be tested alone, and what is said of those who were not.
//!
//! In: the alert about a tube that leaves its members open, as it must be or as it was published, and the time up to which
//! deadlines have been passed. Out: its deadline; the alert about whoever is still awaited then. It is old news where the
//! tube is: a recall of which nobody was told in time was not missed by anybody.

use crate::model::ids::Secret;
use crate::model::result::Finding;
use crate::model::target::FIRST;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::alerting::families;
use crate::pipeline::person::alerts::is_live;
use crate::pipeline::times::Passed;
use crate::policy::{CasePolicy, Rules};
use crate::proto::v1::{self, AlertFamily};
use crate::state::person::case_file::CaseFile;
use crate::state::person::held_alert::HeldAlert;

/// The policy of a tube's day, by the alert about it.
fn policy<'a>(alert: &v1::Alert, rules: &'a Rules) -> Option<&'a CasePolicy> {
    Some(rules.intake_policy(rules.target_stored_as(&alert.target)?, Day::parse(&alert.first_day)?))
}

/// From when on those whom an alert about a tube awaits are overdue; `None` where it awaits nobody.
fn deadline(alert: &v1::Alert, rules: &Rules) -> Option<Timestamp> {
    let awaits = alert.family() == AlertFamily::PoolPositive && is_live(alert) && alert.awaited > 0;
    let recall_by = alert.recall_by.as_ref().filter(|_| awaits).and_then(Timestamp::from_wire)?;
    Some(recall_by.plus_hours(policy(alert, rules)?.pool_grace_hours))
}

/// The next deadline of a pool, by its alerts as they were published.
pub fn next(file: &CaseFile, rules: &Rules, passed: Passed) -> Option<Timestamp> {
    let deadlines = file.alerts.iter().map(HeldAlert::message).filter_map(|alert| deadline(&alert, rules));
    deadlines.filter(|at| passed.due.is_none_or(|due| *at > due)).min()
}

/// The alert that must be live about those whom the one about their tube still awaits, given what must be live of that.
pub fn overdue(of_tube: &v1::Alert, rules: &Rules, secret: &Secret, passed: Passed) -> Option<v1::Alert> {
    deadline(of_tube, rules).filter(|at| passed.due.is_some_and(|due| *at <= due))?;
    let (policy, family) = (policy(of_tube, rules)?, AlertFamily::PoolOverdue);
    let v1::Alert { pool_id, specimen_id, target, first_day, .. } = of_tube;
    let severity = match (of_tube.historic, of_tube.preliminary) {
        (true, _) => policy.severity.historic,
        (_, true) => policy.severity.preliminary,
        _ => policy.severity.pool_overdue,
    };
    let awaited = of_tube.members.iter().filter(|member| member.finding() == Finding::Unspecified);
    let members: Vec<v1::MemberOfPool> = awaited.cloned().collect();
    let subject = [pool_id.as_str(), specimen_id.as_str(), rules.id_of_stored(target)];
    Some(v1::Alert {
        alert_id: families::id(secret, family, &subject, first_day, FIRST),
        family: family as i32,
        severity: severity as i32,
        positive_specimens: 0,
        positives: Vec::new(),
        positives_omitted: 0,
        members_omitted: of_tube.awaited.saturating_sub(members.len() as u32),
        members,
        ..of_tube.clone()
    })
}
