//! History mode: past records in the order they arrived in, with marks of time between them.
//!
//! A task's time is that of its own partition. Marks in every partition let all of them come to the same time, however
//! few records a partition has.

use crate::model::time::Timestamp;

/// Says where marks of time belong among records that come by time of arrival.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    interval_ms: i64,
    until: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Marks {
    /// A mark on every whole interval that is passed (of several passed at once the last), and one at the end: at
    /// `until`, or the last arrival if that is later.
    pub fn new(interval_ms: i64, until: Option<Timestamp>) -> Self {
        Self { interval_ms, until, last: None }
    }

    /// The mark that belongs before a record; nothing earlier follows it.
    pub fn before(&mut self, arrival: Timestamp) -> Option<Timestamp> {
        let interval = |at: Timestamp| at.0.div_euclid(self.interval_ms);
        let passed = interval(arrival);
        let mark = self.last.is_some_and(|last| interval(last) < passed);
        self.last = self.last.max(Some(arrival));
        mark.then_some(Timestamp(passed * self.interval_ms))
    }

    /// The mark that belongs after the last record.
    pub fn at_the_end(self) -> Option<Timestamp> {
        self.last.max(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks before each arrival, and at the end.
    fn marked(arrivals: &[i64], until: Option<i64>) -> (Vec<Option<i64>>, Option<i64>) {
        let mut marks = Marks::new(10, until.map(Timestamp));
        let before = arrivals.iter().map(|at| marks.before(Timestamp(*at)).map(|mark| mark.0)).collect();
        (before, marks.at_the_end().map(|mark| mark.0))
    }

    #[test]
    fn no_mark_is_passed_by_an_earlier_record() {
        let (before, end) = marked(&[3, 7, 25, 25, 61], Some(99));
        assert_eq!(before, [None, None, Some(20), None, Some(60)]);
        assert_eq!(end, Some(99));
    }

    #[test]
    fn the_end_is_marked_by_the_last_arrival_or_later() {
        assert_eq!(marked(&[5], None), (vec![None], Some(5)));
        assert_eq!(marked(&[5], Some(2)), (vec![None], Some(5)));
        assert_eq!(marked(&[], Some(2)), (vec![], Some(2)));
        assert_eq!(marked(&[], None), (vec![], None));
    }

    #[test]
    fn times_before_1970_are_marked_downwards() {
        assert_eq!(marked(&[-15, -5], None).0, [None, Some(-10)]);
    }
}
