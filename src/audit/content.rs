//! The last word on which of two versions stands: where revision, status and finding are the same, the greater keyed
//! hash of what they say.
//!
//! Two such versions are a conflict, so this decides about what a lab must clear up in any case. But until then one of
//! them counts, and a recount must know which.

use super::arrived::Usable;
use super::recount::{members_of, other_replaced, taken};
use crate::model::ids::{Domain, Secret};
use crate::model::time::Timestamp;
use crate::policy::Rules;
use crate::proto::v1::{ContactRecord, LabResult, ManagementOrder, PersonGroup, TimePrecision};

/// Hash of what a usable record says.
pub fn of(record: &Usable, secret: &Secret, rules: &Rules) -> u64 {
    match record {
        Usable::Result(result) => of_result(result, secret, rules),
        Usable::Contact(contact) => of_contact(contact, secret),
        Usable::Group(group) => of_group(group, secret),
    }
}

/// Specimen, target, area, purpose; finding, status (16 more where only the day is known) and first minute of
/// collection as eight characters of five bits from `0` on; Ct values; the result it replaces, if it names another one; of
/// a pool each member and their area, in order of the members.
fn of_result(result: &LabResult, secret: &Secret, rules: &Rules) -> u64 {
    let minute = taken(rules, result).first.clamp(0, (1 << 26) - 1);
    let day_only = if result.collected_precision() == TimePrecision::Day { 16 } else { 0 };
    let character = |number: i64| char::from(b'0' + number as u8);
    let mut numbers =
        String::from_iter([i64::from(result.finding), i64::from(result.status) + day_only].map(character));
    numbers.extend((0..6).map(|at| character(minute >> (5 * at) & 31)));
    let one = |ct: &crate::proto::v1::CtValue| format!("{} {}={} ", ct.gene.len(), ct.gene, ct.cycles);
    let cycles: String = result.ct_values.iter().map(one).collect();
    let LabResult { specimen_id, target, area, purpose, .. } = result;
    let mut parts: Vec<&str> = vec![specimen_id, target, area, purpose, &numbers, &cycles];
    parts.extend(Some(other_replaced(result)).filter(|replaced| !replaced.is_empty()));
    let members = members_of(result);
    parts.extend(members.iter().flat_map(|(person, area)| [person, area]));
    u64::from(secret.hash_64(Domain::Content, &parts) as u32)
}

/// Both people; status, kind, exposure and the order that held; the target, if the record names one.
fn of_contact(contact: &ContactRecord, secret: &Secret) -> u64 {
    let times = [contact.exposure_start, contact.exposure_end].map(|at| time(at.as_ref()).0);
    let rest = format!("{} {} {times:?} {:?}", contact.status, contact.kind, contact.order.as_ref().and_then(held));
    let mut parts = vec![contact.person_id.as_str(), &contact.index_person_id, &rest];
    parts.extend(Some(contact.target.as_str()).filter(|target| !target.is_empty()));
    secret.hash_64(Domain::Contact, &parts)
}

/// The person, the group, the area; status, first and last day.
fn of_group(group: &PersonGroup, secret: &Secret) -> u64 {
    let PersonGroup { person_id, group: name, area, status, first_day, last_day, .. } = group;
    secret.hash_64(Domain::Group, &[person_id, name, area, &format!("{status} {first_day} {last_day}")])
}

/// From when to when an order held: not before it was given, and not at all when it was given after its end.
fn held(order: &ManagementOrder) -> Option<(Timestamp, Timestamp)> {
    let from = time(order.from.as_ref()).max(time(order.ordered_at.as_ref()));
    let to = time(order.to.as_ref());
    (from <= to).then_some((from, to))
}

fn time(at: Option<&prost_types::Timestamp>) -> Timestamp {
    at.and_then(Timestamp::from_wire).expect("usable records have their times")
}
