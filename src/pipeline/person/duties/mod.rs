//! What has to be done with people and pools, compared with what was counted and published of it last.
//!
//! In: whoever something happened to. Out: signed changes of areas, messages of people. Looked at once for each record,
//! after all that follows from it: so it has no path of its own to forget.

pub(super) mod contact;
pub(super) mod group;
pub(super) mod group_overdue;
pub(super) mod group_run;
mod pool;
mod said;

use super::PersonHalf;
use super::alerts::Grounds;
use super::messages::{self, Trigger};
use super::overdue;
use super::pools::tubes;
use crate::pipeline::effects::Effects;
use crate::pipeline::formats::DUTIES;
use crate::state::person::Slot;
use crate::state::person::case_file::CaseFile;
use crate::state::person::duties::{Counted, CountedDuty, HeldDuties, Where};
use crate::state::person::edit::{Edit, List};
use crate::state::person::held_alert::HeldAlert;
use said::{Duties, clipped};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

impl PersonHalf {
    /// Counts and publishes what has to be done now, where that is something else than before. Of days whose rows may be
    /// gone all stays as it was counted.
    pub(super) fn review_duties(&mut self, slot: Slot, effects: &mut Effects) {
        // Area tasks of a version that knows no duties would stop.
        let speaks = self.context.formats.written >= DUTIES;
        let Some(file) = self.state.case_file(slot).filter(|file| speaks && may_have_some(file)) else { return };
        let held = file.duties.as_deref();
        let before = held.map(HeldDuties::counted).unwrap_or_default();
        let was_where = held.map(|held| held.place.clone()).unwrap_or_default();
        let wanted = self.duties(slot, file, &was_where);
        let first_kept = overdue::first_kept(self.passed, &self.rules);
        let payload = wanted.message.as_ref().map(prost::Message::encode_to_vec);
        let said = payload.as_ref().map_or(0, |payload| xxh3_64(payload).max(1));
        let person_id = file.person_id.clone();
        let was_said = held.map_or(0, |held| held.said);
        let kept: Vec<CountedDuty> = before.into_iter().filter_map(|one| clipped(one, first_kept)).collect();
        if said == was_said && kept == wanted.counted && was_where == wanted.place {
            return;
        }
        let (gone, come) = changed(&kept, &wanted.counted);
        self.cells.duties(&self.rules, without(gone, come).iter(), -1);
        self.cells.duties(&self.rules, without(come, gone).iter(), 1);
        if said != was_said {
            effects.outputs.push(messages::person_duties(&person_id, payload, self.context.task));
        }
        let edit = match said == 0 && wanted.counted.is_empty() {
            true => Edit::Drop(List::Duties, 0),
            false => Edit::Duties(HeldDuties::of(said, &wanted.place, &wanted.counted)),
        };
        self.state.edit(slot, &person_id, edit, &mut effects.changes);
    }

    fn duties(&self, slot: Slot, file: &CaseFile, before: &Where) -> Duties {
        let (rules, secret, names) = (&*self.rules, &self.context.secret, self.names());
        if tubes::is_pool(file) {
            return pool::of(file, overdue::first_kept(self.passed, rules), rules);
        }
        let grounds = Grounds { rows: self.state.rows(slot), file, rules, names, secret };
        let about_positives = self.state.about_positives(slot);
        contact::of(&grounds, &about_positives, self.passed_of(slot), before)
    }

    /// Adds (or takes back) what was counted of a person's duties, but for days that stay as they were counted.
    pub(super) fn count_duties(&mut self, slot: Slot, sign: i32) {
        let Some(held) = self.state.case_file(slot).and_then(|file| file.duties.as_ref()) else { return };
        let first_kept = overdue::first_kept(self.passed, &self.rules);
        let kept: Vec<CountedDuty> = held.counted().into_iter().filter_map(|one| clipped(one, first_kept)).collect();
        self.cells.duties(&self.rules, kept.iter(), sign);
    }

    /// Takes away what is held of duties all of whose days are forgotten: it was counted, and stays so.
    pub(super) fn forget_duties(&mut self, slot: Slot, effects: &mut Effects) {
        let Some(file) = self.state.case_file(slot) else { return };
        let Some(held) = &file.duties else { return };
        let first_kept = overdue::first_kept(self.passed, &self.rules);
        let is_said = group_run::standing(file).iter().any(|membership| group::is_kept(membership, first_kept));
        if !is_said && held.counted().iter().all(|one| one.last < first_kept) {
            let (person_id, said) = (file.person_id.clone(), held.said);
            if said != 0 {
                effects.outputs.push(messages::person_duties(&person_id, None, self.context.task));
            }
            self.state.edit(slot, &person_id, Edit::Drop(List::Duties, 0), &mut effects.changes);
        }
    }

    /// Looks at everybody: whoever wrote a format that says nothing of duties held none, and left those that were held as they
    /// were; alerts about missed tests named no area.
    pub(super) fn find_duties(&mut self, effects: &mut Effects) {
        let mut slots: Vec<Slot> = self.state.with_case_files().collect();
        slots.sort_unstable();
        for slot in slots {
            if self.state.case_file(slot).is_some_and(tells_of_missed_tests) {
                self.review(slot, &Trigger::rules(), effects);
            }
            self.review_duties(slot, effects);
        }
        self.deliver(effects);
    }
}

/// What lies between the ends that two lists have in common: most days of most duties stay as they were.
fn changed<'a>(before: &'a [CountedDuty], after: &'a [CountedDuty]) -> (&'a [CountedDuty], &'a [CountedDuty]) {
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let (before, after) = (&before[same..], &after[same..]);
    let same = before.iter().rev().zip(after.iter().rev()).take_while(|(before, after)| before == after).count();
    (&before[..before.len() - same], &after[..after.len() - same])
}

/// The days of the first list that are not in the second. Both are in order, and have each day of a kind once.
fn without(these: &[CountedDuty], those: &[CountedDuty]) -> Vec<CountedDuty> {
    type Alike<'a> = (&'a Counted, &'a str, &'a str, u32);
    fn key(one: &CountedDuty) -> Alike<'_> {
        (&one.what, &one.area, &one.target, one.number)
    }
    let mut alike: BTreeMap<Alike<'_>, Vec<&CountedDuty>> = BTreeMap::new();
    those.iter().for_each(|other| alike.entry(key(other)).or_default().push(other));
    let mut left = Vec::new();
    for one in these {
        let others = alike.get(&key(one)).map_or(&[][..], Vec::as_slice);
        let others = &others[others.partition_point(|other| other.last < one.first)..];
        let mut first = one.first;
        for other in others.iter().take_while(|other| other.first <= one.last) {
            let last = other.first.plus(-1);
            left.extend((first <= last).then(|| CountedDuty { first, last, ..one.clone() }));
            first = first.max(other.last.plus(1));
        }
        left.extend((first <= one.last).then(|| CountedDuty { first, ..one.clone() }));
    }
    left
}

/// Whether there are alerts about missed tests.
fn tells_of_missed_tests(file: &CaseFile) -> bool {
    let mut alerts = file.alerts.iter().map(HeldAlert::message);
    alerts.any(|alert| overdue::is_overdue(&alert) || group_overdue::is_group_overdue(&alert))
}

/// Whether anything may have to be done, or was: there are very many pools of which nothing is.
fn may_have_some(file: &CaseFile) -> bool {
    let has_records = !file.contacts.is_empty() || !file.groups.is_empty();
    file.duties.is_some() || has_records || tubes::is_pool(file) && !file.alerts.is_empty()
}
