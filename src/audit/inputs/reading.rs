//! Reads a record of an input, and says what it is.

use super::encoding::{Encoded, encoded, faults_of};
use super::faults::{Faults, only};
use super::json;
use super::validity::{Judgement, faults_of_contact, faults_of_group, faults_of_result, times};
use crate::audit::arrived::Usable;
use crate::audit::targets;
use crate::model::outcome::RejectCode as Code;
use crate::model::record::{Record, Topic};
use crate::policy::Rules;
use crate::proto::v1::LabResult;
use prost::Message;

/// What a record is.
#[derive(Clone, Debug)]
pub enum Input {
    /// A mark of time; in live work there is none, and it had to be refused.
    Mark,
    /// It has an effect, or is known already.
    Usable(Box<Usable>),
    /// It cannot be used.
    Refused(Faults),
}

/// Codes that depend on the rules in force when the record was read.
const BY_RULES: [Code; 6] = [
    Code::InvalidTime,
    Code::BeforeHorizon,
    Code::UnknownArea,
    Code::UnknownLab,
    Code::UnknownPurpose,
    Code::UnknownTarget,
];

/// Whether a code depends on what held when the record was read: whether the limit of size was another then is recorded
/// nowhere, whether the rules `changed` is known.
pub fn depends_on_then(code: Code, changed: bool) -> bool {
    code == Code::TooLarge || changed && BY_RULES.contains(&code)
}

/// Whether a code is about size and form, which are looked at before what a record says.
pub fn is_of_the_form(code: Code) -> bool {
    [Code::TooLarge, Code::Malformed, Code::UnknownContentType].contains(&code)
}

/// Reads a record of `lab-results`, `contact-records` or `person-groups`.
pub fn read(record: &Record<'_>, rules: &Rules, max_record_bytes: usize) -> Input {
    judge(record, rules, max_record_bytes, Judgement::Now)
}

fn judge(record: &Record<'_>, rules: &Rules, max_record_bytes: usize, by: Judgement) -> Input {
    let says_mark = record.content_type == Some(b"application/vnd.swabstream.time-mark");
    if says_mark && record.payload.unwrap_or_default().is_empty() {
        return Input::Mark;
    }
    let (usable, mut faults) = match decode(record) {
        Ok(usable) => {
            let faults = match &usable {
                Usable::Result(result) => faults_of_result(result, record.received_at, rules, by),
                Usable::Contact(contact) => faults_of_contact(contact, record.received_at, rules, by),
                Usable::Group(group) => faults_of_group(group, record.received_at, rules),
            };
            (Some(targets::by_id(rules, usable)), faults)
        }
        Err(faults) => (None, faults),
    };
    let bytes = record.payload.map(|payload| record.key.map_or(0, <[u8]>::len) + payload.len());
    if bytes.is_some_and(|bytes| bytes > max_record_bytes) {
        faults.insert(Code::TooLarge);
    }
    match usable.filter(|_| faults.is_empty()) {
        Some(usable) => Input::Usable(Box::new(usable)),
        None => Input::Refused(faults),
    }
}

/// The result that a record is, whatever is wrong with it, if it can be read at all.
pub fn lab_result(record: &Record<'_>) -> Option<LabResult> {
    match decode(record) {
        Ok(Usable::Result(result)) if record.position.topic == Topic::LabResults => Some(result),
        _ => None,
    }
}

/// What a record says that is refused for nothing but what holds now: at another time it may have been in order.
pub fn usable_then(record: &Record<'_>, faults: &Faults, rules: &Rules, changed: bool) -> Option<Usable> {
    let by_now = faults.iter().all(|fault| depends_on_then(*fault, changed));
    let timely = |usable: &Usable| times(usable).iter().all(|at| at.is_some());
    by_now.then(|| decode(record).ok()).flatten().filter(timely).map(|usable| targets::by_id(rules, usable))
}

/// What a record says that earlier versions took and this one refuses.
#[derive(Clone, Debug)]
pub struct UsableEarlier {
    /// What it says.
    pub usable: Usable,
    /// Their rules and their limit of size cannot have refused it.
    pub certain: bool,
}

/// What a record says that earlier versions took and this one refuses, unless their rules or limit of size refused it.
pub fn usable_earlier(
    record: &Record<'_>,
    rules: &Rules,
    max_record_bytes: usize,
    changed: bool,
) -> Option<UsableEarlier> {
    match judge(record, rules, max_record_bytes, Judgement::Earlier) {
        Input::Usable(usable) => Some(UsableEarlier { usable: *usable, certain: true }),
        Input::Refused(faults) => {
            usable_then(record, &faults, rules, changed).map(|usable| UsableEarlier { usable, certain: false })
        }
        Input::Mark => None,
    }
}

/// Whether a record is one that versions before this one refuse, and this one does while such run beside it: a result of a
/// pool, or a record of a key group.
pub fn is_newer(usable: &Usable) -> bool {
    match usable {
        Usable::Result(result) => result.pool.is_some(),
        Usable::Group(_) => true,
        Usable::Contact(_) => false,
    }
}

/// The same of a record, whatever is wrong with it.
pub fn says_newer(record: &Record<'_>) -> bool {
    decode(record).is_ok_and(|usable| is_newer(&usable))
}

fn decode(record: &Record<'_>) -> Result<Usable, Faults> {
    let encoded = encoded(record)?;
    match record.position.topic {
        Topic::LabResults => message(encoded, "swabstream.v1.LabResult").map(Usable::Result),
        Topic::PersonGroups => message(encoded, "swabstream.v1.PersonGroup").map(Usable::Group),
        _ => message(encoded, "swabstream.v1.ContactRecord").map(Usable::Contact),
    }
}

fn message<M: Message + Default>(encoded: Encoded<'_>, name: &str) -> Result<M, Faults> {
    let Encoded { bytes, is_json } = encoded;
    let read = match is_json {
        true => json::read(bytes, name),
        false => M::decode(bytes).map_err(|_| only(Code::Malformed)),
    };
    read.map_err(|faults| match faults.contains(&Code::Malformed) {
        true => faults.into_iter().chain(faults_of(bytes, is_json)).collect(),
        false => faults,
    })
}
