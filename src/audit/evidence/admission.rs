//! What of the inputs counts, which the inputs alone do not say: what other rules, limits or versions refused or took,
//! and what was not read yet.

use super::inputs_read::{ArrivedEarlier, InputsRead};
use crate::audit::cut::Cut;
use crate::audit::dead_letters::DeadLetter;
use crate::audit::in_flight::InFlight;
use crate::audit::inputs::{self, Faults};
use crate::audit::ledger::{self, Heads};
use crate::model::outcome::RejectCode as Code;
use crate::model::record::Position;
use std::collections::{BTreeMap, BTreeSet};

impl InputsRead {
    /// A record is judged once, by the rules and the limit of size that hold when it is read, and by the version that
    /// reads it. Where these may have been others, the dead letters say what was refused, and so what was not.
    pub fn apply_earlier_limits(&mut self, letters: &[DeadLetter], rules_changed: bool, letters_deleted: bool) {
        let read_otherwise_earlier = std::mem::take(&mut self.read_otherwise_earlier);
        let newer = std::mem::take(&mut self.newer);
        let refused_then = |letter: &DeadLetter| {
            let (place, code) = (letter.about?, letter.code?);
            let then = read_otherwise_earlier.get(&place).map(|then| then.refused_as(code, letter.with_content_type));
            let as_newer = code == Code::Unsupported && newer.contains(&place);
            (then == Some(true) || as_newer || inputs::depends_on_then(code, rules_changed)).then_some((place, code))
        };
        let refused: BTreeMap<Position, Code> = letters.iter().filter_map(refused_then).collect();
        for (place, code) in &refused {
            // Size and form are looked at before all else, but there is none of what is no record.
            // So was a pool or a record of a group, whatever else was wrong with it.
            let also =
                self.usable_then.contains_key(place) || inputs::is_of_the_form(*code) || *code == Code::Unsupported;
            let also = also.then(|| self.refused.get_mut(place)).flatten();
            let also = also.filter(|faults| !faults.contains(&Code::Tombstone));
            self.judged_otherwise += u64::from(also.is_some_and(|faults| faults.insert(*code)));
        }
        let all = std::mem::take(&mut self.arrived).into_iter().zip(std::mem::take(&mut self.places));
        let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|(_, place)| refused.contains_key(place));
        (self.arrived, self.places) = kept.into_iter().unzip();
        self.judged_otherwise += gone.len() as u64;
        self.refused.extend(gone.into_iter().map(|(_, place)| (place, Faults::from([refused[&place]]))));
        if letters_deleted {
            return;
        }
        for (place, arrived) in std::mem::take(&mut self.usable_then) {
            if !refused.contains_key(&place) {
                self.judged_otherwise += 1;
                self.refused.remove(&place);
                self.arrived.push(arrived);
                self.places.push(place);
            }
        }
    }

    /// What lay in the inputs when a task began to judge more strictly was judged before, by the task of whoever it is
    /// about: it was taken unless a dead letter says that it was refused.
    pub fn admit_what_was_taken_earlier(&mut self, letters: &[DeadLetter], heads: &Heads, letters_deleted: bool) {
        let by_itself = |letter: &&DeadLetter| letter.code != Some(Code::Conflict);
        let refused: BTreeSet<Position> = letters.iter().filter(by_itself).filter_map(|letter| letter.about).collect();
        for (place, ArrivedEarlier { arrived, certain }) in std::mem::take(&mut self.usable_earlier) {
            let is_taken = !refused.contains(&place) && (certain || !letters_deleted);
            if is_taken && ledger::was_judged_earlier(heads, &place) {
                self.taken_earlier.insert(place);
                self.refused.remove(&place);
                self.arrived.push(arrived);
                self.places.push(place);
            }
        }
    }

    /// What its task had not read has no effect yet.
    /// Whether a pool counts its tubes itself, its task says.
    pub fn leave_out_what_is_in_flight(&mut self, in_flight: &InFlight, cut: &Cut, by_pool: impl Fn(&str) -> bool) {
        let InFlight { records, moved, tellings, .. } = in_flight;
        for (arrived, place) in self.arrived.iter_mut().zip(&self.places) {
            arrived.move_in_flight = moved.contains(place);
            let Some(result) = arrived.record.as_result() else { continue };
            let Some(pool) = &result.pool else { continue };
            let (unheard_by, by_pool) = (tellings.unheard_by(result, arrived, place, cut), by_pool(&pool.pool_id));
            (arrived.unheard_by, arrived.by_pool) = (unheard_by, by_pool);
        }
        self.keep(|place| !records.contains(place));
    }
}
