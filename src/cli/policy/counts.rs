//! What was counted on each day, as the numbers of windows that tiers look at.

use crate::model::time::Day;
use crate::policy::WINDOWS;
use crate::proto::v1::{AreaPositivity, PurposeNumbers, WindowNumbers};
use std::collections::BTreeMap;

/// What was counted on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// New cases.
    pub cases: i64,
    /// Those not under a management order.
    pub community_cases: i64,
    /// Positive tests.
    pub positive_tests: i64,
    /// Positive and negative ones.
    pub conclusive_tests: i64,
    /// Distinct people with a positive in the window that ends on the day: they do not add up from days.
    pub people_positive: i64,
    /// Distinct people tested in that window.
    pub people_tested: i64,
}

/// The numbers of every window that ends on a day of which something is counted, or soon after it.
pub(super) fn numbers(counts: &BTreeMap<Day, Counts>) -> BTreeMap<Day, AreaPositivity> {
    let (Some(first), Some(last)) = (counts.first_key_value(), counts.last_key_value()) else { return BTreeMap::new() };
    let longest = WINDOWS.into_iter().max().unwrap_or(1);
    let days = (first.0.0..last.0.0 + longest).map(Day);
    let of_day = |end: Day| {
        let windows = WINDOWS.into_iter().map(|days| window(counts, end, days)).collect();
        let purposes = vec![PurposeNumbers { purpose: String::new(), windows }];
        (end, AreaPositivity { day: end.to_string(), purposes, ..AreaPositivity::default() })
    };
    days.map(of_day).collect()
}

fn window(counts: &BTreeMap<Day, Counts>, end: Day, days: i32) -> WindowNumbers {
    let inside = || counts.range(end.plus(1 - days)..=end).map(|(_, counts)| counts);
    let sum = |of: fn(&Counts) -> i64| inside().map(of).sum();
    let of_end = counts.get(&end).copied().unwrap_or_default();
    WindowNumbers {
        days: days.unsigned_abs(),
        cases: sum(|counts| counts.cases),
        community_cases: sum(|counts| counts.community_cases),
        positive_tests: sum(|counts| counts.positive_tests),
        conclusive_tests: sum(|counts| counts.conclusive_tests),
        people_positive: Some(of_end.people_positive),
        people_tested: Some(of_end.people_tested),
        ..WindowNumbers::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_sums_of_their_days_but_for_distinct_people() {
        let day = |cases, people_tested| Counts { cases, people_tested, ..Counts::default() };
        let counts = BTreeMap::from([(Day(10), day(1, 5)), (Day(12), day(2, 7))]);
        let numbers = numbers(&counts);
        let cases = |day: i32| -> Vec<i64> {
            numbers.get(&Day(day)).map_or_else(Vec::new, |numbers| {
                numbers.purposes[0].windows.iter().map(|window| window.cases).collect()
            })
        };
        assert_eq!((cases(10), cases(12), cases(19)), (vec![1, 1, 1, 1], vec![2, 3, 3, 3], vec![0, 0, 0, 3]));
        assert_eq!((cases(9), cases(25), cases(26)), (vec![], vec![0, 0, 0, 2], vec![]));
        let tested = |day: i32| numbers[&Day(day)].purposes[0].windows[3].people_tested;
        assert_eq!((tested(12), tested(13)), (Some(7), Some(0)));
        assert!(super::numbers(&BTreeMap::new()).is_empty());
    }
}
