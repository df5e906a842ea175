//! The person half: what happens to a result, a contact record, a message, from top to bottom.
//!
//! In: records of four topics. Out: one outcome each, and effects: alerts, messages, signed changes for areas,
//! dead letters, state changes. Duplicates, rejections and what is sent on leave through `?`.

use super::decode::result_view::ResultView;
use super::decode::validate::Registered;
use super::decode::{self, validate};
use super::effects::Effects;
use super::ending::{self, Ending, Stop};
use super::half::Context;
use super::lab::{LabsHeard, tallies::LabRecord, tallies::LabTallies};
use super::times::Passed;
use crate::model::ids::Domain;
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::record::{Record, Topic};
use crate::model::result::{Finding, LabResult};
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::{self, CauseKind, person_event::Event};
use crate::state::person::case_file::{CaseFile, Contact, IndexFound, PositiveVersion};
use crate::state::person::edit::Edit;
use crate::state::person::held_alert::HeldAlert;
use crate::state::person::row::Row;
use crate::state::person::{PersonState, Slot};
use cases::episodes;
use counting::cells::Cells;
use counting::contribution::{self, CountedCase, Places, Scratch};
use deadlines::Deadlines;
use duties::group_overdue;
use messages::{NO_RECORD, Origin, Trigger};
use plain::PlainResult;
use pools::tubes;
use retention::Cutoffs;
use route::PersonMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use versions::Change;

mod ahead;
pub mod alerts;
pub mod cases;
pub mod contacts;
pub mod counting;
mod deadlines;
mod duties;
pub mod groups;
mod half;
pub mod messages;
pub mod overdue;
mod paged;
mod plain;
mod pooled;
pub mod pools;
pub mod replacements;
pub mod retention;
pub mod revisions;
pub mod route;
pub mod specimen;
pub mod versions;

/// State and logic of one person task.
#[derive(Debug)]
pub struct PersonHalf {
    context: Context,
    rules: Arc<Rules>,
    state: PersonState,
    places: Places,
    cells: Cells,
    /// Messages to people that follow from the record at hand.
    messages: VecDeque<PersonMessage>,
    /// People looked at because of the record at hand.
    touched: Vec<Slot>,
    labs_heard: LabsHeard,
    /// The result at hand, if its lab is told what becomes of it.
    of_lab: Option<LabRecord>,
    lab_tallies: LabTallies,
    cutoffs: Option<Cutoffs>,
    passed: Passed,
    /// What was restored was written by somebody who says nothing of duties.
    finds_duties: bool,
    /// What was restored was written by somebody who counts tubes elsewhere: with each pool, or by their barcodes.
    finds_tubes: bool,
    /// What is due next of whom.
    deadlines: Deadlines,
    /// Next slot to be looked at for rows to be dropped.
    sweep: u32,
    scratch: Scratch,
    /// Working space of records that are read ahead.
    read: Vec<Option<PlainResult>>,
}

/// The path of each kind of record.
impl PersonHalf {
    /// A record of an input, also one that was sent on from the partition it lay in.
    fn input(&mut self, record: &Record<'_>, hops: u32, effects: &mut Effects) -> Result<Ending, Stop> {
        let limit = self.context.max_record_bytes;
        match record.position.topic {
            Topic::LabResults => {
                let read = decode::result_in_place(record, limit)?;
                let view = read.view();
                self.of_lab = LabRecord::of(self.rules.lab(view.lab_id), view.result_id, record.received_at);
                match read.pool() {
                    Some((wire, pool)) => self.pool(wire, pool, record, hops, effects),
                    None => self.result(&view, record, hops, effects),
                }
            }
            Topic::ContactRecords => self.contact(&decode::contact(record, limit)?, record, hops, effects),
            Topic::PersonGroups => self.group(&decode::group(record, limit)?, record, hops, effects),
            _ => Err(Reject::new(RejectCode::OutOfRange, "origin.topic").into()),
        }
    }

    fn person_event(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Ending, Stop> {
        let wire = decode::event(record, self.context.max_record_bytes, self.context.formats)?;
        let origin = Origin::of_event(&wire)?;
        let event = wire.event.ok_or(Reject::new(RejectCode::MissingField, "event"))?;
        let not_text = |_| Reject::new(RejectCode::Malformed, "key");
        let to = std::str::from_utf8(record.key.unwrap_or_default()).map_err(not_text)?;
        self.event(&event, to, origin, wire.hop, effects)
    }

    fn event(
        &mut self,
        event: &Event,
        to: &str,
        origin: Origin,
        hops: u32,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        if let Event::Record(sent) = event {
            return self.input(&messages::original(origin, sent), hops, effects);
        }
        // Which pool tells of a tube: until it is heard, several do, or none.
        let awaited = matches!(event, Event::TubeTold(_));
        route::home(&self.context, to, origin, hops, awaited, effects, || event.clone())?;
        match event {
            Event::Moved(moved) => self.moved(messages::result_moved(moved)?, to, origin, effects),
            Event::IndexContact(contact) => self.index_contact(contact, origin, effects),
            Event::IndexFinding(finding) => self.index_finding(finding, to, origin, effects),
            Event::PoolFinding(finding) => self.pool_finding(finding, to, origin, effects),
            Event::MemberFinding(finding) => self.member_finding(finding, to, origin, effects),
            Event::TubeFinding(finding) => self.tube_finding(finding, to, origin, effects),
            Event::TubeTold(told) => self.tube_told(told, to, origin, effects),
            Event::Record(_) | Event::Result(_) | Event::Contact(_) => unreachable!("records are applied as such"),
        }
    }

    /// THE path of a result.
    fn result(
        &mut self,
        wire: &ResultView<'_>,
        record: &Record<'_>,
        hops: u32,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let origin = Origin::of(record);
        let (result, registered) = validate::result(wire, origin.received_at, &self.rules)?;
        self.labs_heard.hear(registered.lab, origin.received_at, &self.rules);
        versions::in_production(&result)?;
        let alerts = result.finding == Finding::Positive;
        route::home(&self.context, result.person_id, origin, hops, alerts, effects, || messages::forwarded(record))?;
        effects.reported_early += u64::from(validate::is_reported_early(wire));
        let slot = self.person(result.person_id, effects);
        self.messages.extend(versions::moved_away(wire, &result, origin));
        let Self { places, rules, state, .. } = self;
        let numbers = places.numbers(&result, &registered, rules, state, &mut effects.changes)?;
        let target = self.rules.target_id(registered.target);
        let row = versions::row(&result, target, &self.context.secret).placed(numbers);
        let noted = self.unnoted_positive(slot, &result, registered.target, &row, origin);
        let news = noted.is_some();
        if let Some(version) = noted {
            self.state.edit(slot, result.person_id, Edit::Positive(version), &mut effects.changes);
        }
        let mut change = versions::admit(&mut self.state, slot, row, news, &mut effects.changes)?;

        self.count(slot, &change, origin);
        let concerned = self.concerns_alerts(slot, &change);
        if self.replace(slot, &result, &mut change, origin, effects) || concerned {
            self.review(slot, &Trigger::result(origin, &result), effects);
        }
        self.report_to_pools(slot, origin, effects);
        Ok(self.ending(&change, &registered))
    }

    /// A result was moved from this person to another.
    fn moved(
        &mut self,
        wire: &v1::LabResult,
        person_id: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let view = ResultView::of(wire);
        let result = validate::of_message(&view, &self.rules, "moved.result")?;

        let rules = self.rules.clone();
        let target = rules.target(result.target).map_or(result.target, |target| rules.target_id(target));

        let slot = self.person(person_id, effects);
        let row = versions::moved_row(&self.context.secret, &result, target);
        let mut change = versions::admit(&mut self.state, slot, row, false, &mut effects.changes)?;

        self.count(slot, &change, origin);
        let concerned = self.concerns_alerts(slot, &change);
        let result = LabResult { person_id, ..result };
        if self.replace(slot, &result, &mut change, origin, effects) || concerned {
            self.review(slot, &Trigger::moved(origin, wire), effects);
        }
        self.report_to_pools(slot, origin, effects);
        Ok(Ending::Used(change.end))
    }

    /// THE path of a contact record.
    fn contact(
        &mut self,
        wire: &v1::ContactRecord,
        input: &Record<'_>,
        hops: u32,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let (origin, record) = (Origin::of(input), validate::contact(wire, input.received_at, &self.rules)?);
        let target = validate::contact_target(&record, &self.rules)?;
        route::home(&self.context, record.person_id, origin, hops, false, effects, || messages::forwarded(input))?;

        let slot = self.person(record.person_id, effects);
        let contact = contacts::of_contact(&record, target, origin.received_at, &self.rules, &self.context.secret);
        let cases_before = self.cases(slot, None);
        let before = self.state.case_file(slot).and_then(|file| file.contact(record.record_id)).cloned();
        let trigger = Trigger::contact(origin, CauseKind::Contact, record.record_id, record.revision);
        let known = revisions::held(before.as_ref(), &contact);
        let is_known_earlier = revisions::is_known_earlier(before.as_ref(), &known);
        self.state.edit(slot, record.person_id, Edit::Contact(known), &mut effects.changes);
        if let Err(stop) = revisions::admit(before.as_ref(), &contact) {
            if is_known_earlier {
                self.review(slot, &trigger, effects);
            }
            return Err(stop);
        }
        self.messages.extend(contacts::to_indexes(record.person_id, before.as_ref(), &contact, origin));

        self.count_cases(&cases_before, slot, origin);
        self.expect(slot, record.record_id);
        self.review(slot, &trigger, effects);
        Ok(revisions::ending(before.as_ref(), &contact, End::ContactApplied))
    }

    /// Somebody was (or was not) exposed to this person.
    fn index_contact(
        &mut self,
        wire: &v1::IndexContact,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let record = contacts::record_of(wire);
        let record = validate::well_formed_contact(&record)?;
        let slot = self.person(record.index_person_id, effects);
        let held = self.state.case_file(slot).and_then(|file| file.traced(record.record_id, record.person_id));
        let traced = contacts::of_index(&record, wire, held);
        contacts::admit_traced(held, &traced)?;
        self.state.edit(slot, record.index_person_id, Edit::Traced(traced), &mut effects.changes);
        let trigger = Trigger::contact(origin, CauseKind::Contact, record.record_id, record.revision);
        self.review(slot, &trigger, effects);
        Ok(Ending::Used(End::ContactApplied))
    }

    /// The index of one of this person's records was (or was not) found positive.
    fn index_finding(
        &mut self,
        wire: &v1::IndexFinding,
        person_id: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let slot = self.person(person_id, effects);
        let found = IndexFound {
            record_id: wire.record_id.clone(),
            index: wire.index_person_id.clone(),
            positive: wire.positive,
            version: wire.version,
        };
        contacts::admit_finding(self.state.case_file(slot), &found)?;
        self.state.edit(slot, person_id, Edit::Found(found), &mut effects.changes);
        self.expect(slot, &wire.record_id);
        self.review(slot, &Trigger::contact(origin, CauseKind::Index, &wire.record_id, 0), effects);
        Ok(Ending::Used(End::ContactApplied))
    }
}

/// The steps, on the state of this task.
impl PersonHalf {
    /// Where a person is held, without what is too old.
    fn person(&mut self, person_id: &str, effects: &mut Effects) -> Slot {
        let hash = self.context.secret.hash_64(Domain::Person, &[person_id]);
        let slot = self.state.find_or_add(hash, &mut effects.changes);
        self.tidy(slot, effects);
        self.touched.push(slot);
        slot
    }

    /// Drops what is too old of a person with few rows; the others are left to the sweep.
    fn tidy(&mut self, slot: Slot, effects: &mut Effects) {
        if let Some(cutoffs) = self.cutoffs.filter(|cutoffs| cutoffs.reach_few(self.state.rows(slot))) {
            retention::tidy(&mut self.state, slot, &cutoffs, &mut effects.changes);
            self.scratch.forget(slot);
        }
    }

    /// What is to be kept of a positive that its row does not hold; `None` where nothing of it is news.
    fn unnoted_positive(
        &self,
        slot: Slot,
        result: &LabResult<'_>,
        target: TargetIndex,
        row: &Row,
        origin: Origin,
    ) -> Option<PositiveVersion> {
        if !row.is_positive() {
            return None;
        }
        let read = versions::positive(result, self.rules.target_id(target), row, origin.received_at);
        let known = self.state.case_file(slot).and_then(|file| file.positive(read.id, read.content));
        match known {
            None => Some(read),
            Some(known) => Some(known.and(read)).filter(|version| version != known),
        }
    }

    /// Adds to the numbers of areas what a change of a row makes of them.
    fn count(&mut self, slot: Slot, change: &Change, origin: Origin) {
        let (cells, scratch) = (&mut self.cells, &mut self.scratch);
        contribution::of_change(cells, &self.rules, &self.places, &self.state, slot, change, scratch);
        if !self.concerns_positives(change) {
            return;
        }
        for row in change.positives() {
            let place = self.places.place(&self.rules, row.area(), row.purpose(), row.minute());
            place.into_iter().for_each(|place| self.cells.cause(&self.rules, place, origin));
        }
        self.count_cases(&self.cases(slot, Some(change)), slot, origin);
    }

    /// Whether a positive is or was involved in the change that was counted last.
    fn concerns_positives(&self, change: &Change) -> bool {
        change.concerns_positives(self.scratch.related())
    }

    /// Whether alerts may be others for a change that was counted last: if a positive is or was involved, or a day on which
    /// the person may have had to be tested, or if whoever is tested again and again is told of.
    fn concerns_alerts(&self, slot: Slot, change: &Change) -> bool {
        let is_due =
            |file: &CaseFile| change.before.iter().chain([&change.after]).any(|row| overdue::is_about(row, file));
        let file = self.state.case_file(slot);
        self.concerns_positives(change) || file.is_some_and(|file| is_due(file) || self.is_told_of(file))
    }

    /// Whether somebody is or may be told of for tests that were missed: each swab may change what is said.
    fn is_told_of(&self, file: &CaseFile) -> bool {
        overdue::may_be_told_of(file) || group_overdue::is_watched(file, &self.rules, self.passed)
    }

    /// Takes back what a result did that this one replaces, or gives it back if it replaces that no more; tells whether
    /// alerts may be others for it.
    fn replace(
        &mut self,
        slot: Slot,
        result: &LabResult<'_>,
        change: &mut Change,
        origin: Origin,
        effects: &mut Effects,
    ) -> bool {
        let replaces = versions::replaced(&self.context.secret, result);
        let (state, changes) = (&mut self.state, &mut effects.changes);
        let others = replacements::name(state, slot, result.person_id, change.after.id(), replaces, changes);
        if others.is_empty() {
            return false;
        }
        let mut concerned = false;
        for id in others {
            let before = replacements::renew(&mut self.state, slot, id, &mut effects.changes);
            let Some(other) = before.map(Change::of_replaced) else { continue };
            self.count(slot, &other, origin);
            concerned |= self.concerns_alerts(slot, &other);
            change.heed(&other);
        }
        self.scratch.look_at(change, &self.state, slot);
        concerned
    }

    /// Adds to the numbers of areas what became of a person's cases.
    fn count_cases(&mut self, before: &[CountedCase], slot: Slot, origin: Origin) {
        let after = self.cases(slot, None);
        for case in contribution::differing(before, &after) {
            self.cells.cause(&self.rules, case.place, origin);
        }
        contribution::replace_cases(&mut self.cells, before, &after);
    }

    /// The person's cases as they are, or as they were before a change.
    fn cases(&self, slot: Slot, before: Option<&Change>) -> Vec<CountedCase> {
        let Some(file) = self.state.case_file(slot).filter(|file| !file.positives.is_empty()) else {
            return Vec::new();
        };
        let rows = self.state.about_positives(slot);
        let (contacts, rules, places): (&[Contact], _, _) = (&file.contacts, &*self.rules, &self.places);
        match before {
            Some(change) => episodes::cases(change.rows_before(&rows), contacts, rules, places, self.names()),
            None => episodes::cases(rows.iter(), contacts, rules, places, self.names()),
        }
    }

    /// What a contact record makes due will have to be seen to.
    fn expect(&mut self, slot: Slot, record_id: &str) {
        let Some(file) = self.state.case_file(slot) else { return };
        let contact = file.contact(record_id);
        let next = contact.and_then(|contact| overdue::next_of(contact, file, &self.rules, self.passed_of(slot)));
        self.deadlines.add(slot, self.due(slot, next));
    }

    /// Says what must be said now, if there is or was a positive or a contact record, or somebody is tested again and again.
    fn review(&mut self, slot: Slot, trigger: &Trigger<'_>, effects: &mut Effects) {
        let Some(file) = self.state.case_file(slot).filter(|file| !tubes::is_pool(file)) else { return };
        let (rules, names, secret) = (&*self.rules, self.names(), &self.context.secret);
        let is_known = !(file.positives.is_empty() && file.alerts.is_empty() && file.contacts.is_empty());
        if !is_known && !group_overdue::is_watched(file, rules, self.passed_of(slot)) {
            return;
        }
        let rows = &self.state.about_positives(slot);
        let grounds = alerts::Grounds { rows, file, rules, names, secret };
        let mut wanted = alerts::wanted(&grounds);
        let of_all = alerts::Grounds { rows: self.state.rows(slot), ..grounds };
        let passed = self.passed_of(slot);
        let area = || duties::contact::area(&of_all, passed);
        wanted.extend(overdue::wanted(&of_all, passed, area));
        wanted.extend(group_overdue::wanted(&of_all, passed, area));
        let (findings, person_id) = (contacts::findings(file, &wanted), file.person_id.clone());
        let wanted = wanted.into_iter().map(alerts::shortened).collect();
        let held: Vec<v1::Alert> = file.alerts.iter().map(HeldAlert::message).collect();
        let changed = alerts::review(&held, wanted, trigger);
        self.publish(slot, &person_id, changed, trigger, effects);
        for traced in findings {
            let origin = trigger.origin.unwrap_or(NO_RECORD);
            self.messages.push_back(contacts::finding(&person_id, &traced, origin));
            self.state.edit(slot, &person_id, Edit::Traced(traced), &mut effects.changes);
        }
    }

    /// Publishes states of alerts about a person or a pool, and holds them.
    fn publish(
        &mut self,
        slot: Slot,
        subject: &str,
        changed: Vec<v1::Alert>,
        trigger: &Trigger<'_>,
        effects: &mut Effects,
    ) {
        for mut alert in changed {
            effects.outputs.push(messages::alert(&mut alert, &self.rules, self.context.task));
            effects.urgent = true;
            let result = trigger.origin.filter(|origin| origin.position.topic == Topic::LabResults);
            effects.alerted.extend(result.filter(|_| !self.context.history).map(|origin| origin.received_at));
            self.state.edit(slot, subject, Edit::Alert(Box::new(alert)), &mut effects.changes);
        }
    }

    fn ending(&self, change: &Change, registered: &Registered) -> Ending {
        match change.in_conflict {
            true => Ending::SetAside(versions::conflict()),
            false => Ending::Used(registered.end(specimen::end(self.scratch.related(), &change.after, change.end))),
        }
    }

    fn names(&self) -> specimen::Names<'_> {
        specimen::Names { areas: self.state.areas(), purposes: self.state.purposes() }
    }

    /// Delivers what follows for other people, in place if they live here; a message may cause further ones.
    ///
    /// # Panics
    /// When something that follows from a record is refused: the fault is ours.
    fn deliver(&mut self, effects: &mut Effects) {
        while let Some(message) = self.messages.pop_front() {
            match ending::of(self.event(&message.event, &message.to, message.origin, 0, effects)) {
                // No record's outcome: it was sent on, or what it did is done.
                Ok(Ending::Used(_)) => {}
                // What was valid as a record is so as what follows from it. The record is set aside as a fault of ours.
                refused => panic!("what follows from a record was refused here: {refused:?}"),
            }
        }
        let mut touched = std::mem::take(&mut self.touched);
        for slot in touched.drain(..) {
            self.review_duties(slot, effects);
            self.state.release_if_empty(slot, &mut effects.changes);
        }
        self.touched = touched;
    }

    /// What outlives a restart: all else begins anew with each owner.
    pub fn state(&self) -> &PersonState {
        &self.state
    }
}
