//! Records of labs, added up.

use std::collections::BTreeMap;

/// Records of a lab, and the digest of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabSum {
    /// How many.
    pub records: u64,
    /// Sum of the hashes of their ids.
    pub digest: u128,
}

impl LabSum {
    /// With others.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { records: self.records + other.records, digest: self.digest.wrapping_add(other.digest) }
    }

    /// Without some of them.
    #[must_use]
    pub fn without(self, some: Self) -> Self {
        Self { records: self.records.saturating_sub(some.records), digest: self.digest.wrapping_sub(some.digest) }
    }
}

/// By lab.
pub type LabSums = BTreeMap<String, LabSum>;

/// Adds to one lab.
pub fn add(sums: &mut LabSums, lab: &str, more: LabSum) {
    let sum = sums.entry(lab.to_owned()).or_default();
    *sum = sum.and(more);
}
