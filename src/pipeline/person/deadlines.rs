//! When something of somebody comes due next: an index by time, in memory only.
//!
//! In: of each person the next moment at which something is due. Out: who is due, in order of time and at one instant in
//! that of their turns. It may name a moment at which nothing turns out to be due any more: looking then changes nothing.
//! It is built anew from the case files after a restore, so nothing of it is stored.

use crate::model::time::Timestamp;
use crate::state::person::Slot;
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// When somebody is due, and whose turn it is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// The turn.
    pub turn: u64,
}

/// The next deadline of everybody who has one.
#[derive(Debug, Default)]
pub struct Deadlines {
    in_order: BTreeSet<(Due, Slot)>,
    by_person: HashMap<Slot, Due>,
}

impl Deadlines {
    /// A person's next deadline is now this one.
    pub fn set(&mut self, slot: Slot, next: Option<Due>) {
        let before = match next {
            Some(next) => self.by_person.insert(slot, next),
            None => self.by_person.remove(&slot),
        };
        if let Some(before) = before {
            self.in_order.remove(&(before, slot));
        }
        self.in_order.extend(next.map(|next| (next, slot)));
    }

    /// A person has this deadline as well. Any that went stays until it has come: nothing is due then, and to ask of each
    /// change which are left would make people with very many records dear.
    pub fn add(&mut self, slot: Slot, deadline: Option<Due>) {
        let known = self.by_person.get(&slot).copied();
        if let Some(deadline) = deadline.filter(|deadline| known.is_none_or(|known| *deadline < known)) {
            self.set(slot, Some(deadline));
        }
    }

    /// The next that is due.
    pub fn next(&self) -> Option<Due> {
        self.in_order.first().map(|(due, _)| *due)
    }

    /// Takes out whoever is due next.
    pub fn take(&mut self) -> Option<Slot> {
        let (_, slot) = self.in_order.first().copied()?;
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
    fn whoever_is_due_comes_once_in_order_of_time_and_turn() {
        let (mut state, changes) = (PersonState::new(), &mut Changes::default());
        let [one, two, three] = [1, 2, 3].map(|hash| state.find_or_add(hash, changes));
        let due = |at, turn| Some(Due { at: Timestamp(at), turn });
        let mut deadlines = Deadlines::default();
        deadlines.set(one, due(50, 1));
        deadlines.set(two, due(40, 9));
        deadlines.set(three, due(10, 1));
        deadlines.set(three, None);
        deadlines.add(one, due(60, 1));
        deadlines.add(two, None);
        assert_eq!(deadlines.next(), due(40, 9));
        deadlines.add(one, due(40, 1));
        deadlines.add(three, due(40, 10));
        let taken: Vec<Slot> = std::iter::from_fn(|| deadlines.take()).collect();
        assert_eq!((taken, deadlines.next()), (vec![one, two, three], None));
    }
}
