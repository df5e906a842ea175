//! Causes: every record that an alert names in its chain is there, had been read, and is the record the alert says.
//!
//! In: the newest state of every alert, which carries its whole chain, and what was read of the inputs. What retention
//! has deleted can be neither confirmed nor denied: it is counted.

use super::arrived::{Arrived, Usable};
use super::cut::{Cut, place};
use super::dead_letters::{Inputs, were_deleted};
use super::recount::other_replaced;
use super::report::Check;
use crate::model::record::{Position, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1::{Alert, Cause, CauseKind};
use std::collections::{BTreeMap, BTreeSet};

const NOT_THERE: &str = "names a record that is not there";
const ANOTHER: &str = "is not the record that lies where it says";

/// Looks up every cause of these alerts.
pub fn check<'a>(alerts: impl Iterator<Item = &'a Alert>, inputs: &Inputs<'_>, cut: &Cut) -> Check {
    let mut check = Check::new("causes");
    let alerts: Vec<&Alert> = alerts.collect();
    let sources = Sources::of(&alerts, inputs, cut);
    let (mut found, mut gone) = (0_u64, 0_u64);
    for alert in &alerts {
        for cause in &alert.causes {
            match sources.fault_of(cause) {
                Ok(true) => found += 1,
                Ok(false) => gone += 1,
                Err(what) => check.differs(|| format!("alert {}: a cause {what}", alert.alert_id)),
            }
        }
    }
    check.limited = (gone > 0).then(|| format!("{gone} name records that were deleted by retention"));
    check.compared(format!("{found} causes of {} alerts", alerts.len()))
}

/// Where causes are looked up.
struct Sources<'a> {
    inputs: &'a Inputs<'a>,
    cut: &'a Cut,
    /// Usable records that some cause names.
    named: BTreeMap<Position, &'a Arrived>,
    /// Ids of all contact records.
    contacts: BTreeSet<&'a str>,
    /// Ids of all results of pools.
    pools: BTreeSet<ResultId<'a>>,
}

impl<'a> Sources<'a> {
    fn of(alerts: &[&Alert], inputs: &'a Inputs<'a>, cut: &'a Cut) -> Self {
        let origins = alerts.iter().flat_map(|alert| &alert.causes).filter_map(|cause| cause.origin.as_ref());
        let wanted: BTreeSet<Position> = origins.filter_map(place).collect();
        let all = || inputs.places.iter().copied().zip(inputs.arrived);
        let contact = |(_, arrived): (Position, &'a Arrived)| match &arrived.record {
            Usable::Contact(contact) => Some(contact.record_id.as_str()),
            Usable::Result(_) | Usable::Group(_) => None,
        };
        let pool = |arrived: &'a Arrived| {
            let result = arrived.record.as_result().filter(|result| result.pool.is_some())?;
            Some((result.lab_id.as_str(), result.result_id.as_str()))
        };
        Self {
            inputs,
            cut,
            named: all().filter(|(place, _)| wanted.contains(place)).collect(),
            contacts: all().filter_map(contact).collect(),
            pools: inputs.arrived.iter().filter_map(pool).collect(),
        }
    }

    /// What is wrong with a cause; else whether its record is still there.
    fn fault_of(&self, cause: &Cause) -> Result<bool, &'static str> {
        let kind = cause.kind();
        let Some(origin) = &cause.origin else {
            // A day that began, a deadline or other rules have none.
            return matches!(kind, CauseKind::Rules | CauseKind::Area | CauseKind::Deadline)
                .then_some(true)
                .ok_or("names no record");
        };
        // New rules can change whether an index is found positive, or what a member of a pool was found since, and a new version
        // which pool tells of a tube: such a change names no record.
        if origin.topic == Topic::Rules.name() {
            match kind {
                CauseKind::Index => return self.is_contact(cause).then_some(true).ok_or(ANOTHER),
                CauseKind::Member | CauseKind::Tube => return self.is_of_a_pool(cause).then_some(true).ok_or(ANOTHER),
                _ => {}
            }
        }
        let place = place(origin).filter(|place| is_source(kind, place.topic)).ok_or(NOT_THERE)?;
        if self.cut.is_gone(&place) {
            return Ok(false);
        }
        let is_there = self.inputs.fingerprints.contains_key(&place) && self.cut.is_read(&place);
        let received_at = origin.received_at.as_ref().and_then(Timestamp::from_wire);
        let is_it = || match (kind, self.named.get(&place)) {
            (CauseKind::Area | CauseKind::Rules | CauseKind::Deadline, _) => true,
            // Which of the refused were refused at the time, only dead letters say.
            (_, None) => self.inputs.refused.contains_key(&place) && were_deleted(self.cut),
            (_, Some(arrived)) if received_at != Some(arrived.at) => false,
            (CauseKind::Index, Some(_)) => self.is_contact(cause),
            (CauseKind::Member | CauseKind::Tube, Some(_)) => self.is_of_a_pool(cause),
            (_, Some(arrived)) => says(cause, &arrived.record),
        };
        match is_there {
            false => Err(NOT_THERE),
            true => is_it().then_some(true).ok_or(ANOTHER),
        }
    }

    /// Whether a pool has a result of these ids, as far as all are there.
    fn is_of_a_pool(&self, cause: &Cause) -> bool {
        let mut firsts = self.cut.first.iter().filter(|((topic, _), _)| *topic == Topic::LabResults);
        firsts.any(|(_, first)| *first > 0) || self.pools.contains(&(&*cause.lab_id, &*cause.record_id))
    }

    /// Whether a contact record of this id exists, as far as all are there.
    fn is_contact(&self, cause: &Cause) -> bool {
        let mut firsts = self.cut.first.iter().filter(|((topic, _), _)| *topic == Topic::ContactRecords);
        firsts.any(|(_, first)| *first > 0) || self.contacts.contains(cause.record_id.as_str())
    }
}

/// Id of the lab and of its result.
type ResultId<'a> = (&'a str, &'a str);

/// Whether causes of a kind lie in a topic.
fn is_source(kind: CauseKind, topic: Topic) -> bool {
    match kind {
        CauseKind::Unspecified | CauseKind::Deadline => false,
        CauseKind::Result | CauseKind::Moved | CauseKind::Member | CauseKind::Tube => topic == Topic::LabResults,
        CauseKind::Contact => topic == Topic::ContactRecords,
        CauseKind::Group => topic == Topic::PersonGroups,
        CauseKind::Index => matches!(topic, Topic::LabResults | Topic::ContactRecords),
        CauseKind::Rules | CauseKind::Area => {
            matches!(topic, Topic::LabResults | Topic::ContactRecords | Topic::AreaChanges)
        }
    }
}

/// Whether a cause is about this record.
fn says(cause: &Cause, record: &Usable) -> bool {
    match record {
        Usable::Result(result) => {
            (&cause.record_id, &cause.lab_id, cause.revision) == (&result.result_id, &result.lab_id, result.revision)
                && (cause.status, cause.finding) == (result.status, result.finding)
                && cause.replaces_result_id == other_replaced(result)
        }
        Usable::Contact(contact) => (&cause.record_id, cause.revision) == (&contact.record_id, contact.revision),
        Usable::Group(group) => (&cause.record_id, cause.revision) == (&group.record_id, group.revision),
    }
}
