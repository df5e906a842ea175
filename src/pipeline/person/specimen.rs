//! What the standing results of one specimen say together.
//!
//! In: rows. Out: one verdict per specimen, or none. Only final and corrected rows have a say. Unknown is never
//! negative: a positive outweighs a negative of the same specimen, and both standing is a contradiction.

use crate::model::outcome::End;
use crate::model::result::Finding;
use crate::model::target;
use crate::state::person::row::Row;
use hashbrown::HashMap;

/// What is known of one specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Hash of (specimen id, target).
    pub specimen: u64,
    /// The gravest finding that stands.
    pub finding: Finding,
    /// Minute of collection, by the row that lends it.
    pub minute: u32,
    /// Only the day of collection is known, by the same row.
    pub day_only: bool,
    /// Area in the dictionary, by the same row.
    pub area: u32,
    /// Purpose and target in the dictionary, by the same row.
    pub purpose: u8,
    /// Whether it is of a pool, as every other row of the specimen is then.
    pub pooled: bool,
    /// Whether the numbers of that row are closed.
    pub settled: bool,
    /// Whether a negative stands against a positive.
    pub contradiction: bool,
}

impl Verdict {
    /// What one row says alone.
    pub fn of(row: &Row) -> Self {
        Self {
            specimen: row.specimen(),
            finding: row.finding(),
            minute: row.minute(),
            day_only: row.is_day_only(),
            area: row.area(),
            purpose: row.purpose(),
            pooled: row.is_pooled(),
            settled: row.settled(),
            contradiction: false,
        }
    }

    /// Whether it is a call either way.
    pub fn is_conclusive(&self) -> bool {
        self.finding >= Finding::Negative
    }

    /// Whether the person is held as positive by it.
    pub fn is_positive(&self) -> bool {
        self.finding == Finding::Positive
    }

    /// With another verdict on the same specimen. Of rows with the same finding the smallest by minute, area and
    /// purpose lends its own: that does not depend on the order in which they came.
    pub fn and(self, other: Self, names: Names<'_>) -> Self {
        let key = |verdict: &Self| {
            let texts = (&names.areas[verdict.area as usize], names.purpose(verdict.purpose));
            (std::cmp::Reverse(verdict.finding as i32), verdict.minute, verdict.day_only, texts)
        };
        let lender = if key(&other) < key(&self) { other } else { self };
        let against = |a: &Self, b: &Self| a.finding == Finding::Positive && b.finding == Finding::Negative;
        let contradiction =
            self.contradiction || other.contradiction || against(&self, &other) || against(&other, &self);
        Self { contradiction, ..lender }
    }
}

/// The texts behind the numbers in rows.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Area codes.
    pub areas: &'a [String],
    /// Purposes of targets.
    pub purposes: &'a [String],
}

impl<'a> Names<'a> {
    /// The purpose behind a number.
    pub fn purpose(&self, number: u8) -> &'a str {
        target::parts(&self.purposes[usize::from(number)]).0
    }

    /// The target behind a number, as it is named in stored texts.
    pub fn target(&self, number: u8) -> &'a str {
        target::parts(&self.purposes[usize::from(number)]).1
    }
}

/// The verdict on one specimen.
pub fn verdict<'r>(rows: impl Iterator<Item = &'r Row>, specimen: u64, names: Names<'_>) -> Option<Verdict> {
    let of_specimen = rows.filter(|row| row.counts() && row.specimen() == specimen);
    of_specimen.map(Verdict::of).reduce(|all, one| all.and(one, names))
}

/// The verdicts on all specimens, in no order that means anything. `into` is cleared first.
pub fn verdicts<'r>(rows: impl Iterator<Item = &'r Row>, names: Names<'_>, into: &mut Vec<Verdict>) {
    into.clear();
    let mut places: HashMap<u64, usize> = HashMap::new();
    for row in rows.filter(|row| row.counts()) {
        let known = if into.len() <= FEW {
            into.iter().position(|verdict| verdict.specimen == row.specimen())
        } else {
            places.get(&row.specimen()).copied()
        };
        match known {
            Some(at) => into[at] = into[at].and(Verdict::of(row), names),
            None => into.push(Verdict::of(row)),
        }
        if known.is_none() && into.len() == FEW + 1 {
            places.extend(into.iter().enumerate().map(|(at, verdict)| (verdict.specimen, at)));
        } else if known.is_none() && into.len() > FEW {
            places.insert(row.specimen(), into.len() - 1);
        }
    }
}

/// How a result ends, now that its specimen's other results are looked at too, which are among `rows`.
pub fn end(rows: &[Row], row: &Row, end: End) -> End {
    if rows.len() == 1 || !matches!(end, End::Accepted | End::Corrected) {
        return end; // nobody else says anything of it
    }
    let others = || {
        let of_specimen = rows.iter().filter(|other| other.counts() && other.specimen() == row.specimen());
        of_specimen.filter(|other| other.id() != row.id()).map(Row::finding)
    };
    let against = match row.finding() {
        Finding::Positive => Finding::Negative,
        Finding::Negative => Finding::Positive,
        _ => Finding::Unspecified,
    };
    if others().any(|other| other == against) {
        End::Contradiction
    } else if end == End::Accepted && others().any(|other| other == row.finding()) {
        End::DuplicateSpecimen
    } else {
        end
    }
}

/// Up to here a look through all is quicker than a table.
const FEW: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::person::row::{Standing, Version};

    fn row(id: u64, specimen: u64, finding: Finding, minute: u32) -> Row {
        let standing = Standing::Final;
        let (area, purpose, day_only) = (0, 0, false);
        Row::new(Version { id, specimen, content: 0, minute, day_only, area, purpose, finding, standing, revision: 0 })
    }

    fn all(rows: &[Row]) -> Vec<Verdict> {
        let (areas, purposes) = (["a".to_owned()], ["p".to_owned()]);
        let names = Names { areas: &areas, purposes: &purposes };
        let mut verdicts_now = Vec::new();
        verdicts(rows.iter(), names, &mut verdicts_now);
        for verdict_now in &verdicts_now {
            assert_eq!(verdict(rows.iter(), verdict_now.specimen, names), Some(*verdict_now));
        }
        verdicts_now
    }

    #[test]
    fn a_positive_outweighs_a_negative_and_says_so() {
        use Finding::{Inconclusive, Invalid, Negative, Positive};
        for (findings, expected, contradiction) in [
            (vec![Invalid], Invalid, false),
            (vec![Invalid, Inconclusive], Inconclusive, false),
            (vec![Inconclusive, Negative, Invalid], Negative, false),
            (vec![Negative, Positive], Positive, true),
            (vec![Positive, Inconclusive], Positive, false),
            (vec![Inconclusive, Positive, Positive, Negative], Positive, true),
        ] {
            let rows: Vec<Row> =
                findings.iter().enumerate().map(|(id, finding)| row(id as u64, 7, *finding, 9)).collect();
            for rotation in 0..rows.len() {
                let mut rows = rows.clone();
                rows.rotate_left(rotation);
                let verdicts = all(&rows);
                assert_eq!(verdicts.len(), 1);
                assert_eq!((verdicts[0].finding, verdicts[0].contradiction), (expected, contradiction), "{findings:?}");
            }
        }
    }

    #[test]
    fn many_specimens_are_kept_apart() {
        let rows: Vec<Row> = (0..200).map(|id| row(id, id % 90, Finding::Negative, id as u32)).collect();
        let verdicts = all(&rows);
        assert_eq!(verdicts.len(), 90);
        assert!(verdicts.iter().all(|verdict| u64::from(verdict.minute) == verdict.specimen));
    }

    #[test]
    fn the_smallest_row_lends_minute_area_and_purpose_in_any_order() {
        // The dictionary's numbers say in which order the texts came, which must not matter.
        let (areas, purposes) = (["b", "a"].map(str::to_owned), ["q", "p"].map(str::to_owned));
        let names = Names { areas: &areas, purposes: &purposes };
        let row =
            |minute, area, purpose| Verdict { minute, area, purpose, ..Verdict::of(&row(1, 7, Finding::Negative, 0)) };
        for (smaller, greater) in [
            (row(8, 0, 0), row(9, 1, 1)),
            (row(8, 1, 0), row(8, 0, 1)),
            (row(8, 0, 1), row(8, 0, 0)),
            (Verdict { finding: Finding::Positive, ..row(9, 0, 0) }, row(8, 1, 1)),
        ] {
            let lent = |verdict: Verdict| (verdict.finding, verdict.minute, verdict.area, verdict.purpose);
            assert_eq!(lent(smaller.and(greater, names)), lent(smaller));
            assert_eq!(lent(greater.and(smaller, names)), lent(smaller));
        }
    }
}
