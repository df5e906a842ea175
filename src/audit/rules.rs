//! The rules that an audit judges by.

use crate::policy::Rules;
use std::sync::Arc;

/// The rules in force.
#[derive(Clone, Debug)]
pub struct RulesFound {
    /// What they say.
    pub rules: Arc<Rules>,
    /// Whether others were in force before.
    pub changed: bool,
}
