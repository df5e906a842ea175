//! What became of the results of each lab of the registry, since the last commit.
//!
//! In: each record of results, where it ends, with the outcome. Out: sums by lab and by the hour in which it was received. What
//! is sent on is counted where it ends. A lab that is not in the registry is told nothing.

use crate::model::digest;
use crate::model::outcome::{Ledger, Outcome};
use crate::model::time::Timestamp;
use crate::policy::{LabIndex, Rules};
use crate::proto::v1::LabTally;
use std::collections::BTreeMap;

/// Milliseconds of an interval that receipts are of.
pub const INTERVAL: i64 = 3_600_000;

/// The interval that a time lies in, counted from 1970.
pub fn interval_of(at: Timestamp) -> i64 {
    at.0.div_euclid(INTERVAL)
}

/// When an interval begins.
pub fn start_of(interval: i64) -> Timestamp {
    Timestamp(interval * INTERVAL)
}

/// A record of a lab that is to have an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabRecord {
    /// The lab.
    pub lab: LabIndex,
    /// The interval in which it was received.
    pub interval: i64,
    /// What its result id adds to the digest.
    pub id: u128,
}

impl LabRecord {
    /// A result that names a lab of the registry.
    #[inline]
    pub fn of(lab: Option<LabIndex>, result_id: &str, received_at: Timestamp) -> Option<Self> {
        Some(Self { lab: lab?, interval: interval_of(received_at), id: digest::of(result_id) })
    }
}

/// Records with their outcomes, and the digest of their ids.
#[derive(Clone, Debug, Default)]
struct Tally {
    outcomes: Ledger,
    digest: u128,
}

/// Sums of all labs.
#[derive(Debug, Default)]
pub struct LabTallies {
    /// By interval, of which there are one or two, then by lab of the registry.
    intervals: Vec<(i64, Vec<Option<Box<Tally>>>)>,
    /// Under rules no longer in force, by name.
    earlier: BTreeMap<(String, i64), Tally>,
}

impl LabTallies {
    /// Books a record of one of so many labs.
    #[inline]
    pub fn book(&mut self, record: LabRecord, outcome: Outcome, labs: usize) {
        let LabRecord { lab, interval, id } = record;
        let at = match self.intervals.iter().position(|(known, _)| *known == interval) {
            Some(at) => at,
            None => {
                self.intervals.push((interval, vec![None; labs]));
                self.intervals.len() - 1
            }
        };
        let tally = self.intervals[at].1[lab as usize].get_or_insert_default();
        tally.outcomes.book(outcome);
        tally.digest = tally.digest.wrapping_add(id);
    }

    /// The rules are about to change: what was booked is put into names of the old ones.
    pub fn carry_over(&mut self, rules: &Rules) {
        for (interval, labs) in self.intervals.drain(..) {
            for ((id, _), tally) in rules.labs.iter().zip(labs) {
                let Some(tally) = tally else { continue };
                let sum = self.earlier.entry((id.clone(), interval)).or_default();
                sum.outcomes.add(&tally.outcomes);
                sum.digest = sum.digest.wrapping_add(tally.digest);
            }
        }
    }

    /// All that was booked, in order; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules) -> Vec<LabTally> {
        self.carry_over(rules);
        let all = std::mem::take(&mut self.earlier).into_iter();
        all.map(|((lab_id, interval), tally)| LabTally {
            lab_id,
            outcomes: tally.outcomes.counts(),
            id_digest: digest::to_wire(tally.digest),
            from: Some(start_of(interval).to_wire()),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::{End, RejectCode};
    use crate::policy::sample::sample_rules;

    #[test]
    fn records_are_summed_by_lab_and_hour_also_across_other_rules() {
        let rules = sample_rules();
        let mut tallies = LabTallies::default();
        let hour = |hours: i64| Timestamp(hours * INTERVAL + 5);
        let book = |tallies: &mut LabTallies, id: &str, at, outcome| {
            let record = LabRecord::of(rules.lab("LAB-2"), id, at).expect("it is registered");
            tallies.book(record, outcome, rules.labs.len());
        };
        book(&mut tallies, "R1", hour(7), Outcome::Used(End::Accepted));
        book(&mut tallies, "R2", hour(8), Outcome::Used(End::Accepted));
        tallies.carry_over(&rules);
        book(&mut tallies, "R3", hour(7), Outcome::Rejected(RejectCode::UnknownArea));
        assert_eq!(LabRecord::of(rules.lab("LAB-9"), "R4", hour(7)), None, "nobody is told");
        let [first, second] = &tallies.drain(&rules)[..] else { panic!("two hours") };
        assert_eq!((first.lab_id.as_str(), first.from), ("LAB-2", Some(start_of(7).to_wire())));
        let counts: Vec<_> = first.outcomes.iter().map(|count| (count.code, count.records)).collect();
        assert_eq!(counts, [(0, 1), (RejectCode::UnknownArea as i32, 1)]);
        assert_eq!(digest::from_wire(&first.id_digest), Some(digest::of("R1").wrapping_add(digest::of("R3"))));
        assert_eq!(second.outcomes[0].records, 1);
        assert!(tallies.drain(&rules).is_empty());
    }
}
