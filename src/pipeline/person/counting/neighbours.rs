//! A person's days next to one another: what one day more, or less, makes of the people counted by gap.
//!
//! In: the days near it, and the day. Out: changes of people by gap, of this day and the one before. Where they count is
//! not known here.

use super::place::NO_GAP;

/// The person's days next to one day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neighbours {
    same: bool,
    before: Option<i32>,
    after: Option<i32>,
}

impl Neighbours {
    /// Of all days of a person.
    pub fn of(day: i32, others: impl Iterator<Item = i32>) -> Self {
        let mut all = Self::default();
        others.for_each(|other| all.see(day, other));
        all
    }

    /// One more of the person's days.
    pub fn see(&mut self, day: i32, other: i32) {
        match other.cmp(&day) {
            std::cmp::Ordering::Less => self.before = self.before.max(Some(other)),
            std::cmp::Ordering::Equal => self.same = true,
            std::cmp::Ordering::Greater => self.after = Some(self.after.map_or(other, |after| after.min(other))),
        }
    }

    /// Puts the day between its neighbours: it has its own next day, and the one before now has its next day here.
    pub fn insert(self, day: i32, sign: i32, mut count: impl FnMut(i32, i32, i32)) {
        if let Some(gap) = self.own_gap(day) {
            count(day, gap, sign);
            self.insert_before(day, sign, count);
        }
    }

    /// The gap from the day to the next one, unless it is there already.
    pub fn own_gap(&self, day: i32) -> Option<i32> {
        (!self.same).then(|| gap(day, self.after))
    }

    /// What becomes of the day before.
    pub fn insert_before(self, day: i32, sign: i32, mut count: impl FnMut(i32, i32, i32)) {
        if let Some(before) = self.before.filter(|_| !self.same) {
            count(before, gap(before, self.after), -sign);
            count(before, gap(before, Some(day)), sign);
        }
    }
}

fn gap(day: i32, next: Option<i32>) -> i32 {
    next.map_or(NO_GAP, |next| (next - day).min(NO_GAP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LONGEST_WINDOW;
    use std::collections::{BTreeMap, BTreeSet};

    /// The people counted by gap, for days put in and taken out in any order.
    fn counted(steps: &[(i32, i32)]) -> BTreeMap<(i32, i32), i32> {
        let mut counted = BTreeMap::new();
        let mut held: Vec<i32> = Vec::new();
        for &(day, sign) in steps {
            if sign < 0 {
                held.retain(|other| *other != day);
            }
            let near = held.iter().copied().filter(|other| (other - day).abs() <= LONGEST_WINDOW);
            Neighbours::of(day, near)
                .insert(day, sign, |day, gap, sign| *counted.entry((day, gap)).or_insert(0) += sign);
            if sign > 0 {
                held.push(day);
            }
        }
        counted.retain(|_, people| *people != 0);
        counted
    }

    /// As `ARCHITECTURE.md` has it.
    #[test]
    fn the_worked_example_is_what_is_counted() {
        let cells = |of: &[((i32, i32), i32)]| of.iter().copied().collect::<BTreeMap<_, _>>();
        let ana = [(1, 1), (3, 1), (9, 1)];
        assert_eq!(counted(&ana), cells(&[((1, 2), 1), ((3, 6), 1), ((9, NO_GAP), 1)]));
        let once_more = [&ana[..], &[(5, 1)]].concat();
        assert_eq!(counted(&once_more), cells(&[((1, 2), 1), ((3, 2), 1), ((5, 4), 1), ((9, NO_GAP), 1)]));
        let withdrawn = [&ana[..], &[(3, -1)]].concat();
        assert_eq!(counted(&withdrawn), cells(&[((1, 8), 1), ((9, NO_GAP), 1)]));
    }

    #[test]
    fn any_window_counts_the_person_once_if_tested_in_it() {
        let all = [3, 9, 10, 24, 38, 60];
        for rotation in 0..all.len() {
            let mut days = all;
            days.rotate_left(rotation);
            let mut steps: Vec<(i32, i32)> = days.iter().map(|day| (*day, 1)).collect();
            steps.extend([(days[1], -1), (days[1], 1), (17, 1), (17, -1)]);
            let counted = counted(&steps);
            for window in crate::policy::WINDOWS {
                for end in 0..80 {
                    let inside = |day: i32| day > end - window && day <= end;
                    let sum: i32 = counted
                        .iter()
                        .filter(|((day, gap), _)| inside(*day) && *gap > end - day)
                        .map(|(_, people)| people)
                        .sum();
                    let tested = all.iter().copied().collect::<BTreeSet<i32>>().into_iter().any(inside);
                    assert_eq!(sum, i32::from(tested), "{window} days to {end}, rotation {rotation}");
                }
            }
        }
    }
}
