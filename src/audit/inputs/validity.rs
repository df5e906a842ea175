//! What is wrong with what a message says: every code that the contract has for it.

use super::faults::Faults;
use crate::audit::arrived::Usable;
use crate::audit::targets;
use crate::model::nobody;
use crate::model::outcome::RejectCode as Code;
use crate::model::time::{Day, Timestamp};
use crate::model::unseen::is_unseen;
use crate::policy::Rules;
use crate::proto::v1::{
    ContactKind, ContactRecord, ContactStatus, Finding, GroupStatus, LabResult, PersonGroup, Pool, ProcessingMode,
    ResultStatus, TimePrecision,
};
use std::collections::BTreeSet;

/// By whose judgement a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// By this version's.
    Now,
    /// By that of the least strict of earlier versions: what one of them took its ledger says, and
    /// [`judgement`](crate::proto::v1::TaskHead::judgement) from where on a task judged as this one.
    Earlier,
}

/// All times that a record says, as far as they are times.
pub fn times(usable: &Usable) -> Vec<Option<Timestamp>> {
    let said: Vec<&Option<prost_types::Timestamp>> = match usable {
        Usable::Result(result) => vec![&result.collected_at, &result.reported_at],
        Usable::Contact(contact) => {
            let order = contact.order.iter().flat_map(|order| [&order.from, &order.to, &order.ordered_at]);
            order.chain([&contact.exposure_start, &contact.exposure_end, &contact.reported_at]).collect()
        }
        Usable::Group(group) => {
            let days = [&group.first_day, &group.last_day].into_iter().filter(|day| !day.is_empty());
            let starts = days.map(|day| Day::parse(day).map(|day| Timestamp(i64::from(day.0) * 86_400_000)));
            return starts.chain(group.reported_at.iter().map(Timestamp::from_wire)).collect();
        }
    };
    said.into_iter().flatten().map(Timestamp::from_wire).collect()
}

/// Whether a year was mistyped: on no clock of the earth does the time lie in a year that the rules hold plausible.
fn is_implausible(at: Timestamp, received_at: Timestamp, target: &str, rules: &Rules) -> bool {
    let year = |at: Timestamp, hours: i64| Day(at.plus_hours(hours).0.div_euclid(86_400_000) as i32).year();
    let target = targets::id_or_first(rules, target);
    let years = &targets::intake_policy(rules, target, rules.day(received_at)).years;
    year(at, 14) < years.first || year(at, -12) > year(received_at, 14) + years.ahead
}

/// Faults as they are found.
struct FaultList {
    codes: Faults,
    by: Judgement,
}

impl FaultList {
    fn nothing(by: Judgement) -> Self {
        Self { codes: Faults::new(), by }
    }

    fn note(&mut self, is_fault: bool, code: Code) {
        if is_fault {
            self.codes.insert(code);
        }
    }

    /// What earlier versions did not ask for.
    fn note_now(&mut self, is_fault: bool, code: Code) {
        self.note(is_fault && self.by == Judgement::Now, code);
    }

    fn text(&mut self, text: &str, longest: usize, required: bool) {
        self.note(required && text.is_empty(), Code::MissingField);
        self.note(text.len() > longest || text.chars().any(char::is_control), Code::InvalidId);
        self.note_now(text.chars().any(is_unseen), Code::InvalidId);
    }

    /// An id, of which a word for nothing is none.
    fn id(&mut self, text: &str, required: bool) {
        self.text(text, 64, required);
        self.note_now(!text.is_empty() && nobody::look(text).is_some(), Code::InvalidId);
    }

    /// A required enumeration, of which `known` says whether it has a name.
    fn choice(&mut self, number: i32, known: bool) {
        self.note(number == 0, Code::MissingField);
        self.note(!known, Code::UnknownEnum);
    }

    /// The instant, if there is one.
    fn time(&mut self, time: Option<&prost_types::Timestamp>, required: bool) -> Option<Timestamp> {
        self.note(required && time.is_none(), Code::MissingField);
        let instant = time.and_then(Timestamp::from_wire);
        self.note(time.is_some() && instant.is_none(), Code::InvalidTime);
        instant
    }
}

/// What is wrong with a result.
pub fn faults_of_result(result: &LabResult, received_at: Timestamp, rules: &Rules, judgement: Judgement) -> Faults {
    let mut faults = FaultList::nothing(judgement);
    match &result.pool {
        Some(pool) => of_a_pool(&mut faults, result, pool),
        None => faults.id(&result.person_id, true),
    }
    faults.text(&result.lab_id, 64, true);
    for id in [&result.result_id, &result.specimen_id] {
        faults.id(id, true);
    }
    for id in [&result.previous_person_id, &result.replaces_result_id] {
        faults.id(id, false);
    }
    faults.text(&result.kit, 64, false);
    for name in [&result.target, &result.area, &result.purpose] {
        faults.text(name, 32, true);
    }
    faults.choice(result.status, ResultStatus::try_from(result.status).is_ok());
    // A result that is taken back need not say what it was.
    let withdrawn = matches!(result.status(), ResultStatus::Cancelled | ResultStatus::EnteredInError);
    let silent = withdrawn && result.finding == 0;
    faults.choice(result.finding.max(i32::from(silent)), Finding::try_from(result.finding).is_ok());
    faults.note(TimePrecision::try_from(result.collected_precision).is_err(), Code::UnknownEnum);
    faults.note(ProcessingMode::try_from(result.mode).is_err(), Code::UnknownEnum);
    for ct in &result.ct_values {
        faults.text(&ct.gene, 32, true);
        faults.note(!(ct.cycles >= 0.0 && ct.cycles <= 60.0), Code::OutOfRange);
    }
    faults.time(result.reported_at.as_ref(), false);
    let collected_at = faults.time(result.collected_at.as_ref(), true);
    for at in [&result.collected_at, &result.reported_at].into_iter().flatten().filter_map(Timestamp::from_wire) {
        faults.note_now(is_implausible(at, received_at, &result.target, rules), Code::InvalidTime);
    }
    if let Some(collected_at) = collected_at.filter(|_| faults.codes.is_empty()) {
        by_rules(&mut faults, result, collected_at, received_at, rules);
    }
    faults.codes
}

/// What is asked of a pool alone: who is in it, and that nobody is named beside it.
fn of_a_pool(faults: &mut FaultList, result: &LabResult, pool: &Pool) {
    let beside = [&result.person_id, &result.previous_person_id];
    faults.note(beside.iter().any(|id| !id.is_empty()), Code::PersonBesidePool);
    let replaces = !result.replaces_result_id.is_empty() && result.replaces_result_id != result.result_id;
    faults.note(replaces, Code::Unsupported);
    faults.id(&pool.pool_id, true);
    faults.note(pool.members.is_empty() || pool.size == 0, Code::MissingField);
    faults.note(pool.members.len() > 100, Code::OutOfRange);
    for member in &pool.members {
        faults.id(&member.person_id, true);
        faults.text(&member.area, 32, false);
    }
    let people: BTreeSet<&str> = pool.members.iter().map(|member| member.person_id.as_str()).collect();
    faults.note(people.len() < pool.members.len(), Code::SamePerson);
    faults.note(pool.members.len() != pool.size as usize, Code::PoolSizeMismatch);
}

/// Whether it was collected in time, in an area, by a lab and for a purpose that the rules know.
fn by_rules(faults: &mut FaultList, result: &LabResult, collected: Timestamp, received: Timestamp, rules: &Rules) {
    const SKEW_MS: i64 = 5 * 60_000;
    let (collected_on, received_on) = (rules.day(collected), rules.day(received));
    let known_target = targets::is_known(rules, &result.target);
    faults.note(!known_target, Code::UnknownTarget);
    let target = targets::id_or_first(rules, &result.target);
    let policy = targets::intake_policy(rules, target, received_on);
    let (future, past) = match result.collected_precision() {
        TimePrecision::Day => (
            collected_on > rules.day(Timestamp(received.0 + SKEW_MS)),
            received_on.0 - collected_on.0 > policy.horizon_days,
        ),
        _ => (
            collected.0 - received.0 > SKEW_MS,
            received.0 - collected.0 > i64::from(policy.horizon_days) * 24 * 3_600_000,
        ),
    };
    faults.note(future, Code::CollectedInFuture);
    faults.note(past, Code::BeforeHorizon);
    let members = result.pool.iter().flat_map(|pool| &pool.members).map(|member| &member.area);
    for code in members.filter(|code| !code.is_empty()).chain([&result.area]) {
        let area = rules.areas.list.iter().find(|area| area.code == *code);
        let facts = area.and_then(|area| area.facts.iter().rev().find(|facts| facts.from <= collected_on));
        faults.note(facts.is_none_or(|facts| facts.abolished), Code::UnknownArea);
    }
    let known_lab = rules.labs.iter().any(|(id, _)| *id == result.lab_id);
    faults.note(!known_lab && !policy.accept_unknown_labs, Code::UnknownLab);
    faults.note(!rules.deployment.purposes.contains(&result.purpose), Code::UnknownPurpose);
}

/// What is wrong with a contact record.
pub fn faults_of_contact(
    contact: &ContactRecord,
    received_at: Timestamp,
    rules: &Rules,
    judgement: Judgement,
) -> Faults {
    let mut faults = FaultList::nothing(judgement);
    for id in [&contact.record_id, &contact.person_id, &contact.index_person_id] {
        faults.id(id, true);
    }
    faults.choice(contact.status, ContactStatus::try_from(contact.status).is_ok());
    faults.choice(contact.kind, ContactKind::try_from(contact.kind).is_ok());
    faults.time(contact.reported_at.as_ref(), false);
    let start = faults.time(contact.exposure_start.as_ref(), true);
    let end = faults.time(contact.exposure_end.as_ref(), true);
    faults.note(start.zip(end).is_some_and(|(start, end)| end < start), Code::InvalidInterval);
    if let Some(order) = &contact.order {
        let (from, to) = (faults.time(order.from.as_ref(), true), faults.time(order.to.as_ref(), true));
        faults.time(order.ordered_at.as_ref(), true);
        faults.note(from.zip(to).is_some_and(|(from, to)| to < from), Code::InvalidInterval);
    }
    faults.note(contact.person_id == contact.index_person_id, Code::SamePerson);
    for at in times(&Usable::Contact(contact.clone())).into_iter().flatten() {
        faults.note_now(is_implausible(at, received_at, &contact.target, rules), Code::InvalidTime);
    }
    faults.text(&contact.target, 32, false);
    let unknown = !contact.target.is_empty() && !targets::is_known(rules, &contact.target);
    faults.note(unknown && faults.codes.is_empty(), Code::UnknownTarget);
    faults.codes
}

/// What is wrong with a record of a key group. No version has judged one less strictly.
pub fn faults_of_group(group: &PersonGroup, received_at: Timestamp, rules: &Rules) -> Faults {
    let mut faults = FaultList::nothing(Judgement::Now);
    for id in [&group.record_id, &group.person_id] {
        faults.id(id, true);
    }
    faults.text(&group.group, 32, true);
    faults.text(&group.area, 32, false);
    faults.choice(group.status, GroupStatus::try_from(group.status).is_ok());
    faults.note(group.first_day.is_empty(), Code::MissingField);
    let said = || [&group.first_day, &group.last_day].into_iter().filter(|day| !day.is_empty());
    let days: Vec<Day> = said().filter_map(|day| Day::parse(day)).collect();
    faults.note(days.len() < said().count(), Code::InvalidTime);
    faults.note(!group.first_day.is_empty() && !days.is_sorted(), Code::InvalidInterval);
    // It was the last of these years already somewhere on the earth.
    let years = &targets::intake_policy(rules, targets::first(rules), rules.day(received_at)).years;
    let latest = Day((received_at.0 + 14 * 3_600_000).div_euclid(86_400_000) as i32).year() + years.ahead;
    faults.note(days.iter().any(|day| day.year() < years.first || day.year() > latest), Code::InvalidTime);
    let reported = faults.time(group.reported_at.as_ref(), false);
    faults.note(reported.is_some_and(|at| is_implausible(at, received_at, "", rules)), Code::InvalidTime);
    faults.codes
}
