//! When something of somebody comes due next: an index by time, in memory only.
//!
//! In: of each person the next moment at which something is due. Out: who is due by a time, in order of time. It may name
//! a moment at which nothing turns out to be due any more: looking then changes nothing. It is built anew from the case
//! files after a restore, so nothing of it is stored.

use crate::model::time::Timestamp;
use crate::state::person::Slot;
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// The next deadline of everybody who has one.
#[derive(Debug, Default)]
pub struct Deadlines {
    by_time: BTreeSet<(Timestamp, Slot)>,
    by_person: HashMap<Slot, Timestamp>,
}

impl Deadlines {
    /// A person's next deadline is now this one.
    pub fn set(&mut self, slot: Slot, next: Option<Timestamp>) {
        let before = match next {
            Some(next) => self.by_person.insert(slot, next),
            None => self.by_person.remove(&slot),
        };
        if let Some(before) = before {
            self.by_time.remove(&(before, slot));
        }
        self.by_time.extend(next.map(|next| (next, slot)));
    }

    /// A person has this deadline as well. Any that went stays until it has come: nothing is due then, and to ask of each
    /// change which are left would make people with very many records dear.
    pub fn add(&mut self, slot: Slot, deadline: Option<Timestamp>) {
        let known = self.by_person.get(&slot).copied();
        if let Some(deadline) = deadline.filter(|deadline| known.is_none_or(|known| *deadline < known)) {
            self.set(slot, Some(deadline));
        }
    }

    /// When the next is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one of those that are due at a moment or before, the earliest first.
    pub fn take(&mut self, until: Timestamp) -> Option<Slot> {
        let (_, slot) = self.by_time.first().copied().filter(|(at, _)| *at <= until)?;
        self.set(slot, None);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::paged::Changes;
    use crate::state::person::PersonState;

    #[test]
    fn whoever_is_due_comes_once_in_order_of_time() {
        let (mut state, changes) = (PersonState::new(), &mut Changes::default());
        let [one, two, three] = [1, 2, 3].map(|hash| state.find_or_add(hash, changes));
        let mut deadlines = Deadlines::default();
        deadlines.set(one, Some(Timestamp(50)));
        deadlines.set(two, Some(Timestamp(40)));
        deadlines.set(three, Some(Timestamp(10)));
        deadlines.set(three, None);
        deadlines.add(one, Some(Timestamp(60)));
        deadlines.add(two, None);
        assert_eq!((deadlines.next(), deadlines.take(Timestamp(39))), (Some(Timestamp(40)), None));
        deadlines.add(one, Some(Timestamp(30)));
        let taken: Vec<Slot> = std::iter::from_fn(|| deadlines.take(Timestamp(50))).collect();
        assert_eq!((taken, deadlines.next()), (vec![one, two], None));
    }
}
