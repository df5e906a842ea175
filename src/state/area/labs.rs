//! What became of the results of labs, by the interval in which they were received, until a receipt says so.

use crate::model::outcome::Ledger;
use crate::proto::v1::OutcomeCount;
use crate::state::codec::{Reader, corrupt, put_bytes, put_short, put_short_signed};
use crate::state::paged::Corrupt;
use std::collections::BTreeMap;

/// Numbers of records by outcome and code, and the digest of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabSum {
    /// Numbers of records.
    pub outcomes: Ledger,
    /// Sum of what their ids add to a digest, modulo 2^128.
    pub digest: u128,
}

impl LabSum {
    /// Of some records.
    pub fn of(outcomes: &[OutcomeCount], digest: u128) -> Self {
        Self { outcomes: Ledger::of_counts(outcomes), digest }
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        let counts = self.outcomes.counts();
        put_short(into, counts.len() as u64);
        for OutcomeCount { outcome, code, records } in counts {
            put_short_signed(into, i64::from(outcome));
            put_short_signed(into, i64::from(code));
            put_short(into, records);
        }
        put_bytes(into, &self.digest.to_be_bytes());
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut counts = Vec::new();
        for _ in 0..from.short::<u64>()? {
            counts.push(OutcomeCount {
                outcome: from.short_signed()?,
                code: from.short_signed()?,
                records: from.short()?,
            });
        }
        let digest = from.bytes()?.try_into().map_err(|_| corrupt("a digest has not 16 bytes"))?;
        Ok(Self::of(&counts, u128::from_be_bytes(digest)))
    }
}

/// Sums by lab and interval, of which no receipt was published yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labs(BTreeMap<(String, i64), LabSum>);

impl Labs {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64, &LabSum)> {
        self.0.iter().map(|((lab, interval), sum)| (lab.as_str(), *interval, sum))
    }

    pub(super) fn add(&mut self, lab: String, interval: i64, more: &LabSum) {
        let sum = self.0.entry((lab, interval)).or_default();
        sum.outcomes.add(&more.outcomes);
        sum.digest = sum.digest.wrapping_add(more.digest);
    }

    pub(super) fn told(&mut self, lab: String, interval: i64) {
        self.0.remove(&(lab, interval));
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short(into, self.0.len() as u64);
        for ((lab, interval), sum) in &self.0 {
            put_bytes(into, lab.as_bytes());
            put_short_signed(into, *interval);
            sum.write(into);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut labs = Self::default();
        for _ in 0..from.short::<u64>()? {
            labs.0.insert((from.text()?.to_owned(), from.short_signed()?), LabSum::read(from)?);
        }
        Ok(labs)
    }
}
