//! Which contact records explain a positive, and whom it leads to.
//!
//! In: contact records as held. Out: those that match. Matching never decides how a case was found: only a
//! management order that held at the swab does. Swabs are known to the minute, so all is compared by the minute.

use crate::model::contact::ContactKind;
use crate::model::time::Timestamp;
use crate::policy::{CasePolicy, Rules, TargetIndex};
use crate::proto::v1::MatchedContact;
use crate::state::person::case_file::{CaseFile, Contact};
use crate::state::person::row::minute_start;

/// When a swab was taken: the minute, or from the first to the last minute of the day where only that is known. Then
/// whatever holds at some time of the day holds at the swab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// At the earliest.
    pub first: Timestamp,
    /// At the latest.
    pub last: Timestamp,
}

impl Taken {
    /// Whether what lasts from one moment to another holds at the swab.
    fn is_within(self, from: Timestamp, to: Timestamp) -> bool {
        from.minute() <= self.last.minute() && self.first.minute() <= to.minute()
    }
}

/// When a swab of a held minute was taken.
pub fn taken(minute: u32, day_only: bool, rules: &Rules) -> Taken {
    let start = minute_start(minute);
    let (first, last) = if day_only { rules.span(rules.day(start)) } else { (start, start) };
    Taken { first, last }
}

/// A positive swab: when it was taken, and what it is of.
#[derive(Clone, Copy, Debug)]
pub struct Swab<'a> {
    /// When.
    pub taken: Taken,
    /// Of what, by which policy.
    pub sought: Sought<'a>,
}

/// A target, and the case policy of the day in question: what tells which contact records are about a positive.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// Rules in force.
    pub rules: &'a Rules,
    /// The target.
    pub target: TargetIndex,
    /// Its policy.
    pub policy: &'a CasePolicy,
}

impl Sought<'_> {
    /// Whether a record, and its order, is about positives of the target: one that names none is, if the policy says
    /// so.
    pub fn is_subject_of(&self, contact: &Contact) -> bool {
        match contact.target.as_str() {
            "" => self.policy.unnamed_contacts.contains(&self.target),
            named => self.rules.target(named) == Some(self.target),
        }
    }
}

/// Whether some order held when a swab was taken. The order of a record holds from when it was given, at the earliest.
pub fn is_managed(contacts: &[Contact], taken: Taken, sought: Sought<'_>) -> bool {
    let about = contacts.iter().filter(|contact| contact.is_active() && sought.is_subject_of(contact));
    about.filter_map(|contact| contact.order).any(|(from, to)| taken.is_within(from, to))
}

/// How close a contact is now: a secondary contact of somebody found positive is close.
pub fn kind_now(contact: &Contact, file: &CaseFile) -> ContactKind {
    let found = |contact: &Contact| {
        let mut said = file.index_findings.iter();
        said.any(|found| found.positive && found.record_id == contact.record_id && found.index == contact.other)
    };
    match contact.kind {
        ContactKind::Secondary if found(contact) => ContactKind::Close,
        kind => kind,
    }
}

/// The records by which the person may have been infected, given its positive swabs.
pub fn exposed_to(file: &CaseFile, swabs: &[Swab<'_>]) -> Vec<MatchedContact> {
    let matched = file.contacts.iter().filter(|contact| contact.is_active()).filter_map(|contact| {
        let kind = kind_now(contact, file);
        let explains = |Swab { taken, sought }: &Swab<'_>| {
            let observed = contact.end.plus_days(observation_days(kind, sought.policy));
            sought.is_subject_of(contact) && taken.is_within(contact.start, observed)
        };
        swabs.iter().any(explains).then(|| matched_contact(contact, kind))
    });
    matched.collect()
}

/// The records of those who may have been infected between the first and the last positive.
pub fn to_trace(file: &CaseFile, first: Timestamp, last: Timestamp, sought: Sought<'_>) -> Vec<MatchedContact> {
    let policy = sought.policy;
    let from = first.plus_days(-i64::from(policy.trace_days_before));
    let to = last.plus_days(i64::from(policy.trace_days_after));
    let held = file.traced.iter().filter(|traced| traced.holds()).map(|traced| &traced.contact);
    let traced = held.filter(|contact| sought.is_subject_of(contact));
    let met = traced.filter(|contact| contact.end.minute() >= from.minute() && contact.start.minute() <= to.minute());
    met.map(|contact| match contact.kind {
        ContactKind::Secondary => matched_contact(contact, ContactKind::Close),
        kind => matched_contact(contact, kind),
    })
    .collect()
}

/// Days after exposure for which contacts of a kind are observed.
pub fn observation_days(kind: ContactKind, policy: &CasePolicy) -> i64 {
    let days = policy.observation_days;
    i64::from(match kind {
        ContactKind::Close | ContactKind::Unspecified => days.close,
        ContactKind::Secondary => days.secondary,
        ContactKind::CoExposed => days.co_exposed,
    })
}

fn matched_contact(contact: &Contact, kind: ContactKind) -> MatchedContact {
    MatchedContact {
        record_id: contact.record_id.clone(),
        person_id: contact.other.clone(),
        kind: kind as i32,
        exposure_start: Some(contact.start.to_wire()),
        exposure_end: Some(contact.end.to_wire()),
    }
}
