//! Codes that a record may be refused with.

use crate::model::outcome::RejectCode as Code;
use std::collections::BTreeSet;

/// Codes a record could rightly be refused with.
pub type Faults = BTreeSet<Code>;

/// One code.
pub fn only(code: Code) -> Faults {
    Faults::from([code])
}
