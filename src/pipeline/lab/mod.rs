//! When each lab of the registry was last heard of, since the last time somebody asked, and what became of what it sent.
//!
//! In: receipts of results. Out: the newest of each lab, once; sums.

pub mod tallies;

use crate::model::time::Timestamp;
use crate::policy::{LabIndex, Rules};

/// Newest receipts by lab of the registry.
#[derive(Debug, Default)]
pub struct LabsHeard(Vec<Option<Timestamp>>);

impl LabsHeard {
    /// A result was received. Labs that are not in the registry are not followed.
    pub fn hear(&mut self, lab: Option<LabIndex>, received_at: Timestamp, rules: &Rules) {
        let Some(lab) = lab else { return };
        self.0.resize(rules.labs.len(), None);
        let newest = &mut self.0[lab as usize];
        *newest = Some(received_at).max(*newest);
    }

    /// Who was heard of since the last call, by these rules: those that labs were heard by.
    pub fn take<'a>(&'a mut self, rules: &'a Rules) -> impl Iterator<Item = (String, Timestamp)> + 'a {
        let heard = rules.labs.iter().zip(&mut self.0);
        heard.filter_map(|((id, _), at)| at.take().map(|at| (id.clone(), at)))
    }
}
