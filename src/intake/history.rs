//! History mode: past records in the order they arrived in, with marks of time between them.
//!
//! A task's time is that of its own partition. Marks in every partition let all of them come to the same time, however
//! few records a partition has.

use crate::model::time::Timestamp;

/// One thing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The record of this number.
    Record(usize),
    /// A mark into every partition: nothing earlier follows.
    Mark(Timestamp),
}

/// The order to send in: records by arrival (equal ones as they stood), a mark on every whole interval that is passed
/// (of several passed at once the last), and one at the end.
pub fn plan(arrivals: &[Timestamp], interval_ms: i64, until: Option<Timestamp>) -> Vec<Step> {
    let mut order: Vec<usize> = (0..arrivals.len()).collect();
    order.sort_by_key(|at| arrivals[*at]);
    let mut steps = Vec::with_capacity(arrivals.len() + 16);
    let mut marked: Option<i64> = None;
    for at in order {
        let passed = arrivals[at].0.div_euclid(interval_ms);
        if marked.is_some_and(|marked| marked < passed) {
            steps.push(Step::Mark(Timestamp(passed * interval_ms)));
        }
        marked = Some(passed);
        steps.push(Step::Record(at));
    }
    let last = arrivals.iter().max().copied();
    steps.extend(last.max(until).map(Step::Mark));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(arrivals: &[i64], until: Option<i64>) -> Vec<Step> {
        let arrivals: Vec<Timestamp> = arrivals.iter().copied().map(Timestamp).collect();
        plan(&arrivals, 10, until.map(Timestamp))
    }

    #[test]
    fn records_go_in_order_of_arrival_and_no_mark_is_passed_by_an_earlier_one() {
        use Step::{Mark, Record};
        let steps = planned(&[25, 3, 7, 61, 25], Some(99));
        let at = Timestamp;
        let expected =
            [Record(1), Record(2), Mark(at(20)), Record(0), Record(4), Mark(at(60)), Record(3), Mark(at(99))];
        assert_eq!(steps, expected);
    }

    #[test]
    fn the_end_is_marked_by_the_last_arrival_or_later() {
        assert_eq!(planned(&[5], None), [Step::Record(0), Step::Mark(Timestamp(5))]);
        assert_eq!(planned(&[5], Some(2)), [Step::Record(0), Step::Mark(Timestamp(5))]);
        assert_eq!(planned(&[], Some(2)), [Step::Mark(Timestamp(2))]);
        assert_eq!(planned(&[], None), []);
    }

    #[test]
    fn times_before_1970_are_marked_downwards() {
        assert_eq!(planned(&[-15, -5], None)[1], Step::Mark(Timestamp(-10)));
    }
}
