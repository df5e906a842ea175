//! What was sent and not yet received at the cut: a processor at work always has some.
//!
//! In: messages between tasks, below the committed offsets and after them. Out: what their receivers did not know at
//! the cut. Whether a message was sent by then, its header says: it names the commit that sent it.

mod tellings;

use super::cells::Cells;
use super::changes;
use super::cut::place;
use super::duties::sums::DutySums;
use super::inputs;
use super::recount::{Held, Truth, Until};
use crate::model::record::{Layout, Position, Record, Topic};
use crate::model::time::{Day, Timestamp};
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::proto::v1::person_event::Event;
use crate::proto::v1::{AreaChanges, ForwardedRecord, LabTally, PersonEvent};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use tellings::Tellings;

/// What receivers did not know at the cut.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    /// Messages to people's tasks.
    pub messages: u64,
    /// Batches to area tasks.
    pub batches: u64,
    /// Records sent on from where they lay, which their person's task had not read.
    pub records: BTreeSet<Position>,
    /// Results that were moved to somebody else, of which the task of whoever they were moved from did not know.
    pub moved: BTreeSet<Position>,
    /// People about whom a message on a contact record had not been received, or about whose index.
    pub about_contacts: BTreeSet<String>,
    /// Of these, the contacts: how close they are is about to be known otherwise.
    pub contacts: BTreeSet<String>,
    /// What pools' results had said to their members, and to the tasks of their tubes' barcodes.
    pub tellings: Tellings,
    /// Pools that had not received what a member was found, or whose member does not know yet that there is something
    /// to be found.
    pub about_pools: BTreeSet<String>,
    /// Barcodes of tubes of which something was not received: which pool tells of them is about to be known.
    pub about_tubes: BTreeSet<String>,
    /// What batches say of areas.
    pub cells: Cells,
    /// What they say has to be done there.
    pub duties: DutySums,
    /// What they say became of results of labs.
    pub labs: Vec<LabTally>,
    /// Lab and id of the results sent on that their person's task had not read.
    pub results: Vec<(String, String)>,
}

impl InFlight {
    /// Takes a message that was not read; says of which format it is.
    pub fn take(&mut self, message: &Record<'_>, layout: Layout) -> u32 {
        let payload = message.payload.unwrap_or_default();
        match message.position.topic {
            Topic::PersonEvents => {
                self.messages += 1;
                let Ok(event) = PersonEvent::decode(payload) else { return 0 };
                self.take_event(message, &event);
                event.format
            }
            _ => {
                self.batches += 1;
                // What a repair sends is no part of what people add up to: it is missing until it is read.
                let Ok(batch) = AreaChanges::decode(payload) else { return 0 };
                if batch.person_task < layout.person_tasks {
                    changes::add(&mut self.cells, &batch);
                    changes::add_duties(&mut self.duties, &batch);
                }
                self.labs.extend(batch.labs);
                batch.format
            }
        }
    }

    fn take_event(&mut self, message: &Record<'_>, event: &PersonEvent) {
        let key = message.key.unwrap_or_default();
        let place = event.origin.as_ref().and_then(place);
        event.event.iter().for_each(|event| self.tellings.await_telling(message, event));
        match &event.event {
            Some(Event::Record(sent)) => {
                self.records.extend(place);
                let result = place.and_then(|place| inputs::lab_result(&sent_on(sent, place)));
                self.results.extend(result.map(|result| (result.lab_id, result.result_id)));
            }
            Some(Event::Result(result)) => {
                self.records.extend(place);
                self.results.push((result.lab_id.clone(), result.result_id.clone()));
            }
            Some(Event::Contact(_)) => self.records.extend(place),
            Some(Event::Moved(_)) => self.moved.extend(place),
            Some(Event::IndexContact(contact)) => {
                self.about_contacts.extend([contact.person_id.clone(), contact.index_person_id.clone()]);
                self.contacts.insert(contact.person_id.clone());
            }
            // Its receiver is the key.
            Some(Event::IndexFinding(_)) => {
                let contact = String::from_utf8_lossy(key).into_owned();
                self.about_contacts.insert(contact.clone());
                self.contacts.insert(contact);
            }
            Some(Event::PoolFinding(finding)) => drop(self.about_pools.insert(finding.pool_id.clone())),
            Some(Event::MemberFinding(finding)) => drop(self.about_pools.insert(finding.pool_id.clone())),
            // Its receiver is the key.
            Some(Event::TubeFinding(_)) => drop(self.about_tubes.insert(String::from_utf8_lossy(key).into_owned())),
            Some(Event::TubeTold(told)) => drop(self.about_tubes.insert(told.specimen_id.clone())),
            None => {}
        }
    }

    /// Takes from what people add up to what areas had not received of it. `until` is up to which day each area has published.
    pub fn take_from(&self, truth: &mut Truth, rules: &Rules, until: impl Fn(&str) -> Option<Until>) {
        let first_day = truth.cells.keys().map(|key| key.day).min();
        let mut days: BTreeMap<&str, BTreeSet<Day>> = BTreeMap::new();
        for (key, count) in &self.cells {
            changes::bump(&mut truth.cells, key.clone(), -count);
            days.entry(&key.area).or_default().insert(key.day);
        }
        for (area, days) in days {
            let held = Held::of(rules, area, &truth.cells, first_day);
            let ends: BTreeSet<Day> =
                days.iter().flat_map(|day| (0..LONGEST_WINDOW).map(|later| day.plus(later))).collect();
            for end in ends {
                truth.positivity.remove(&(area.to_owned(), end));
                truth.positivity.extend(held.numbers(end).map(|numbers| ((area.to_owned(), end), numbers)));
            }
            let Some(until) = until(area) else { continue };
            let (tiers, changes) = held.tiers(&truth.positivity, until);
            truth.tiers.remove(area);
            truth.tiers.extend(tiers);
            truth.tier_changes.retain(|(changed, _), _| changed != area);
            truth.tier_changes.extend(changes);
        }
    }
}

/// A record that was sent on, as it lay in its partition.
fn sent_on(sent: &ForwardedRecord, position: Position) -> Record<'_> {
    Record {
        position,
        received_at: Timestamp::default(),
        key: Some(&sent.key),
        payload: Some(&sent.payload),
        content_type: sent.content_type.as_deref(),
    }
}
