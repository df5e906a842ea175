//! Message to noun: everything the contract's comments demand, checked once.
//!
//! In: a decoded message, the time it was received, the rules. Out: a noun that needs no further check, or a code and
//! the field. Nothing is repaired or guessed, no value gets into a rejection, and the order of the checks is fixed:
//! the same record is always refused for the same reason.

use super::protobuf::is_printable_ascii;
use super::result_view::ResultView;
use crate::model::contact::{ContactKind, ContactRecord, ContactStatus};
use crate::model::nobody;
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::result::{Finding, LabResult, ResultStatus, TimePrecision};
use crate::model::time::{DAY_MS, Timestamp};
use crate::model::unseen::is_unseen;
use crate::policy::areas::AreaIndex;
use crate::policy::years::Years;
use crate::policy::{CasePolicy, LabIndex, Rules, TargetIndex};
use crate::proto::v1::{self, ProcessingMode};
use prost_types::Timestamp as WireTimestamp;

/// How strictly inputs are judged. Raised when something is refused that was taken before: what lies in the inputs by then
/// counts as it was judged.
pub const JUDGEMENT: u32 = 2;

/// Longest id, in bytes.
pub const ID_BYTES: usize = 64;
/// Longest short name (target, purpose, area, gene), in bytes.
pub const NAME_BYTES: usize = 32;
/// Most cycles a thermocycler runs.
const CYCLES_MAX: f64 = 60.0;
/// How far a lab's clock may be ahead of the broker's.
const SKEW_MS: i64 = 5 * 60_000;

/// Where a result belongs in the registries of the rules it was checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its area.
    pub area: AreaIndex,
    /// Its target: an id and its aliases are one.
    pub target: TargetIndex,
    /// Its purpose, from 1.
    pub purpose: u8,
    /// Its lab, unless that is unknown and accepted all the same.
    pub lab: Option<LabIndex>,
}

impl Registered {
    /// Where the record of an applied result ends: as what it did, or counted apart where nobody knows its lab. What
    /// changes nothing keeps its own end.
    pub fn end(&self, applied: End) -> End {
        let changes = !matches!(applied, End::Duplicate | End::Superseded);
        if self.lab.is_none() && changes { End::AcceptedUnknownLab } else { applied }
    }
}

/// A result of one person.
#[inline(always)] // Into the one path there is: a noun of 200 bytes would be copied from hand to hand.
pub fn result<'a>(
    wire: &ResultView<'a>,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<(LabResult<'a>, Registered), Reject> {
    let result = well_formed(wire)?;
    of_somebody(wire)?;
    let target = target(result.target, rules)?;
    let policy = rules.intake_policy(target, rules.day(received_at));
    result_in_years(wire, received_at, &policy.years)?;
    let result = as_known(result, rules);
    collected_in_time(&result, received_at, policy.horizon_days, rules)?;
    let registered = registered(&result, target, policy, rules)?;
    Ok((result, registered))
}

/// A result that another task has judged: of a message, in its `field`.
pub fn of_message<'a>(wire: &ResultView<'a>, rules: &Rules, field: &str) -> Result<LabResult<'a>, Reject> {
    let within = |reject: Reject| Reject { field: format!("{field}.{}", reject.field), ..reject };
    well_formed(wire).map(|result| as_known(result, rules)).map_err(within)
}

/// Where only the day is known, the time of day means nothing, so it must not tell two versions apart.
#[inline(always)]
fn as_known<'a>(mut result: LabResult<'a>, rules: &Rules) -> LabResult<'a> {
    if result.precision == TimePrecision::Day {
        result.collected_at = rules.span(rules.day(result.collected_at)).0;
    }
    result
}

/// The part of [`result`] that needs neither rules nor the time of receipt; no result is to be used after this alone.
#[inline(always)]
pub fn well_formed<'a>(wire: &ResultView<'a>) -> Result<LabResult<'a>, Reject> {
    if wire.pooled {
        // Whoever reads it as a result of a person would count it as such.
        return refuse(RejectCode::Unsupported, "pool");
    }
    let checked = |value: &'a str, limit: usize, field: &str| checked_text(wire.printable, value, limit, field);
    let lab_id = checked(wire.lab_id, ID_BYTES, "lab_id")?;
    let result_id = checked(wire.result_id, ID_BYTES, "result_id")?;
    let person_id = checked(wire.person_id, ID_BYTES, "person_id")?;
    let previous = optional_text(wire.previous_person_id, ID_BYTES, "previous_person_id")?;
    let replaces = optional_text(wire.replaces_result_id, ID_BYTES, "replaces_result_id")?;
    let result = LabResult {
        lab_id,
        result_id,
        revision: wire.revision,
        status: known(ResultStatus::try_from(wire.status), "status")?,
        person_id,
        // A lab that goes on repeating where the result once came from moves nothing.
        previous_person_id: previous.filter(|previous| *previous != person_id),
        // A lab that names every result's own id replaces nothing.
        replaces_result_id: replaces.filter(|replaced| *replaced != result_id),
        specimen_id: checked(wire.specimen_id, ID_BYTES, "specimen_id")?,
        target: checked(wire.target, NAME_BYTES, "target")?,
        collected_at: time(wire.collected_at.as_ref(), "collected_at")?,
        precision: precision(wire)?,
        area: checked(wire.area, NAME_BYTES, "area")?,
        purpose: checked(wire.purpose, NAME_BYTES, "purpose")?,
        finding: finding(wire)?,
        ct_values: ct_values(wire.ct_values)?,
        kit: optional_text(wire.kit, ID_BYTES, "kit")?.unwrap_or_default(),
        training: training(wire)?,
    };
    if let Some(at) = &wire.reported_at {
        time(Some(at), "reported_at")?;
    }
    Ok(result)
}

/// A required text, of which the decoder may have found already that it is printable ASCII.
#[inline(always)]
fn checked_text<'a>(printable: bool, value: &'a str, limit: usize, field: &str) -> Result<&'a str, Reject> {
    if printable && (1..=limit).contains(&value.len()) { Ok(value) } else { text(value, limit, field) }
}

/// Whether the ids of a result are somebody's ([`nobody`]): an input is refused for that, and no message of a result
/// that was taken before they were looked at. Of labs the registry tells.
#[inline(always)]
pub fn of_somebody(wire: &ResultView<'_>) -> Result<(), Reject> {
    for (id, field) in [(wire.result_id, "result_id"), (wire.person_id, "person_id"), (wire.specimen_id, "specimen_id")]
    {
        if !(wire.printable && nobody::is_plain(id.as_bytes())) {
            somebodys(id, field)?;
        }
    }
    if !wire.previous_person_id.is_empty() {
        somebodys(wire.previous_person_id, "previous_person_id")?;
    }
    if wire.replaces_result_id.is_empty() { Ok(()) } else { somebodys(wire.replaces_result_id, "replaces_result_id") }
}

/// As [`of_somebody`].
pub fn contact_of_somebody(wire: &v1::ContactRecord) -> Result<(), Reject> {
    somebodys(&wire.record_id, "record_id")?;
    somebodys(&wire.person_id, "person_id")?;
    somebodys(&wire.index_person_id, "index_person_id")
}

#[inline]
pub(super) fn somebodys(id: &str, field: &str) -> Result<(), Reject> {
    if nobody::look(id).is_none() { Ok(()) } else { refuse(RejectCode::InvalidId, field) }
}

/// Whether what a result says can have been: outside of plausible years, a year was mistyped. Judged before anything else
/// is made of a time, so that no horizon is named as the reason.
#[inline(always)]
pub fn result_in_years(wire: &ResultView<'_>, received_at: Timestamp, years: &Years) -> Result<(), Reject> {
    in_years(&wire.collected_at, received_at, years, "collected_at")?;
    in_years(&wire.reported_at, received_at, years, "reported_at")
}

/// Whether a result says that it was reported before it was collected, by more than clocks differ: the lab's clock or
/// one of the two is wrong. It counts all the same, as nothing depends on when it was reported.
#[inline]
pub fn is_reported_early(wire: &ResultView<'_>) -> bool {
    let (Some(collected), Some(reported)) = (wire.collected_at, wire.reported_at) else { return false };
    // Where only the day is known, it was collected at any time of a day that begins somewhere near.
    let allowed_ms = if wire.collected_precision == TimePrecision::Day as i32 { DAY_MS } else { SKEW_MS };
    collected.seconds.saturating_sub(reported.seconds) > allowed_ms / 1000
}

/// As [`result_in_years`].
pub fn contact_in_years(wire: &v1::ContactRecord, received_at: Timestamp, years: &Years) -> Result<(), Reject> {
    in_years(&wire.exposure_start, received_at, years, "exposure_start")?;
    in_years(&wire.exposure_end, received_at, years, "exposure_end")?;
    in_years(&wire.reported_at, received_at, years, "reported_at")?;
    let Some(order) = &wire.order else { return Ok(()) };
    in_years(&order.from, received_at, years, "order.from")?;
    in_years(&order.to, received_at, years, "order.to")?;
    in_years(&order.ordered_at, received_at, years, "order.ordered_at")
}

#[inline(always)]
pub(super) fn in_years(
    at: &Option<WireTimestamp>,
    received_at: Timestamp,
    years: &Years,
    field: &str,
) -> Result<(), Reject> {
    match at.as_ref().and_then(Timestamp::from_wire) {
        Some(at) if !years.hold(at, received_at) => refuse(RejectCode::InvalidTime, field),
        _ => Ok(()),
    }
}

/// A contact record.
pub fn contact<'a>(
    wire: &'a v1::ContactRecord,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<ContactRecord<'a>, Reject> {
    let contact = well_formed_contact(wire)?;
    contact_of_somebody(wire)?;
    let target = contact.target.and_then(|text| rules.target(text)).unwrap_or_default();
    contact_in_years(wire, received_at, &rules.intake_policy(target, rules.day(received_at)).years)?;
    Ok(contact)
}

/// The part of [`contact`] that needs neither rules nor the time of receipt.
pub fn well_formed_contact(wire: &v1::ContactRecord) -> Result<ContactRecord<'_>, Reject> {
    let contact = ContactRecord {
        record_id: text(&wire.record_id, ID_BYTES, "record_id")?,
        revision: wire.revision,
        status: known(ContactStatus::try_from(wire.status), "status")?,
        person_id: text(&wire.person_id, ID_BYTES, "person_id")?,
        index_person_id: text(&wire.index_person_id, ID_BYTES, "index_person_id")?,
        kind: known(ContactKind::try_from(wire.kind), "kind")?,
        exposure_start: time(wire.exposure_start.as_ref(), "exposure_start")?,
        exposure_end: time(wire.exposure_end.as_ref(), "exposure_end")?,
        order: order(wire.order.as_ref())?,
        target: optional_text(&wire.target, NAME_BYTES, "target")?,
    };
    wire.reported_at.as_ref().map(|at| time(Some(at), "reported_at")).transpose()?;
    if contact.index_person_id == contact.person_id {
        return refuse(RejectCode::SamePerson, "index_person_id");
    }
    if contact.exposure_end < contact.exposure_start {
        return refuse(RejectCode::InvalidInterval, "exposure_end");
    }
    Ok(contact)
}

/// The target a contact record names, if it names one.
pub fn contact_target(record: &ContactRecord<'_>, rules: &Rules) -> Result<Option<TargetIndex>, Reject> {
    record.target.map(|text| target(text, rules)).transpose()
}

#[inline]
fn target(text: &str, rules: &Rules) -> Result<TargetIndex, Reject> {
    rules.target(text).ok_or_else(|| Reject::new(RejectCode::UnknownTarget, "target"))
}

/// An order holds from when it was given, at the earliest; one given after its own end never held.
fn order(wire: Option<&v1::ManagementOrder>) -> Result<Option<(Timestamp, Timestamp)>, Reject> {
    let Some(wire) = wire else { return Ok(None) };
    let from = time(wire.from.as_ref(), "order.from")?;
    let to = time(wire.to.as_ref(), "order.to")?;
    let ordered_at = time(wire.ordered_at.as_ref(), "order.ordered_at")?;
    if to < from {
        return refuse(RejectCode::InvalidInterval, "order.to");
    }
    let held = from.max(ordered_at);
    Ok((held <= to).then_some((held, to)))
}

/// Not after it was received, not before the horizon. Where only the day is known, days are compared.
#[inline(always)]
fn collected_in_time(
    result: &LabResult<'_>,
    received_at: Timestamp,
    horizon_days: i32,
    rules: &Rules,
) -> Result<(), Reject> {
    let latest = Timestamp(received_at.0.saturating_add(SKEW_MS));
    let (future, past) = if result.precision == TimePrecision::Day {
        let collected_on = rules.day(result.collected_at);
        (collected_on > rules.day(latest), collected_on < rules.day(received_at).plus(-horizon_days))
    } else {
        let earliest = received_at.0.saturating_sub(i64::from(horizon_days) * DAY_MS);
        (result.collected_at > latest, result.collected_at.0 < earliest)
    };
    match (future, past) {
        (true, _) => refuse(RejectCode::CollectedInFuture, "collected_at"),
        (_, true) => refuse(RejectCode::BeforeHorizon, "collected_at"),
        _ => Ok(()),
    }
}

/// Area on the day of the specimen, lab by the policy of the day of receipt, purpose of the deployment.
#[inline(always)]
fn registered(
    result: &LabResult<'_>,
    target: TargetIndex,
    policy: &CasePolicy,
    rules: &Rules,
) -> Result<Registered, Reject> {
    let collected_on = rules.day(result.collected_at);
    let area = rules.areas.index(result.area).filter(|area| rules.areas.exists(*area, collected_on));
    let Some(area) = area else { return refuse(RejectCode::UnknownArea, "area") };
    let lab = rules.lab(result.lab_id);
    if lab.is_none() && !policy.accept_unknown_labs {
        return refuse(RejectCode::UnknownLab, "lab_id");
    }
    let Some(purpose) = rules.purpose(result.purpose) else { return refuse(RejectCode::UnknownPurpose, "purpose") };
    Ok(Registered { area, target, purpose, lab })
}

#[cold]
pub(super) fn refuse<T>(code: RejectCode, field: &str) -> Result<T, Reject> {
    Err(Reject::new(code, field))
}

pub(super) fn text<'a>(value: &'a str, limit: usize, field: &str) -> Result<&'a str, Reject> {
    optional_text(value, limit, field)?.ok_or_else(|| Reject::new(RejectCode::MissingField, field))
}

/// In proto3 an empty text is an absent one.
#[inline(always)]
pub(super) fn optional_text<'a>(value: &'a str, limit: usize, field: &str) -> Result<Option<&'a str>, Reject> {
    if value.is_empty() { Ok(None) } else { some_text(value, limit, field).map(Some) }
}

fn some_text<'a>(value: &'a str, limit: usize, field: &str) -> Result<&'a str, Reject> {
    if value.len() > limit || (!is_printable_ascii(value.as_bytes()) && value.chars().any(is_unseen)) {
        return refuse(RejectCode::InvalidId, field);
    }
    Ok(value)
}

/// A required enumeration: its number must be known, and not the one for "unspecified".
#[inline(always)]
pub(super) fn known<E: Copy + Into<i32>>(value: Result<E, prost::UnknownEnumValue>, field: &str) -> Result<E, Reject> {
    match value {
        Ok(value) if value.into() == 0 => refuse(RejectCode::MissingField, field),
        Ok(value) => Ok(value),
        Err(_) => refuse(RejectCode::UnknownEnum, field),
    }
}

/// Whoever takes a result back need not say what it was.
#[inline(always)]
fn finding(wire: &ResultView<'_>) -> Result<Finding, Reject> {
    let withdrawn = [ResultStatus::Cancelled, ResultStatus::EnteredInError].map(|status| status as i32);
    let silent = wire.finding == Finding::Unspecified as i32 && withdrawn.contains(&wire.status);
    if silent { Ok(Finding::Unspecified) } else { known(Finding::try_from(wire.finding), "finding") }
}

#[inline(always)]
fn precision(wire: &ResultView<'_>) -> Result<TimePrecision, Reject> {
    match TimePrecision::try_from(wire.collected_precision) {
        Ok(TimePrecision::Unspecified) => Ok(TimePrecision::Minute),
        Ok(precision) => Ok(precision),
        Err(_) => refuse(RejectCode::UnknownEnum, "collected_precision"),
    }
}

#[inline(always)]
fn training(wire: &ResultView<'_>) -> Result<bool, Reject> {
    let mode = ProcessingMode::try_from(wire.mode);
    mode.map(|mode| mode == ProcessingMode::Training).or_else(|_| refuse(RejectCode::UnknownEnum, "mode"))
}

#[inline(always)]
pub(super) fn time(wire: Option<&WireTimestamp>, field: &str) -> Result<Timestamp, Reject> {
    let wire = wire.ok_or_else(|| Reject::new(RejectCode::MissingField, field))?;
    Timestamp::from_wire(wire).ok_or_else(|| Reject::new(RejectCode::InvalidTime, field))
}

#[inline(always)]
fn ct_values(values: &[v1::CtValue]) -> Result<&[v1::CtValue], Reject> {
    if values.is_empty() { Ok(values) } else { some_ct_values(values) }
}

fn some_ct_values(values: &[v1::CtValue]) -> Result<&[v1::CtValue], Reject> {
    for (at, value) in values.iter().enumerate() {
        let within = |reject: Reject| Reject { field: format!("ct_values[{at}].{}", reject.field), ..reject };
        text(&value.gene, NAME_BYTES, "gene").map_err(within)?;
        if !(0.0..=CYCLES_MAX).contains(&value.cycles) {
            return Err(within(Reject::new(RejectCode::OutOfRange, "cycles")));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
