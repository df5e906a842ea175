//! What is known of a deployment before anything is read.

use crate::audit::rules::RulesFound;
use crate::model::ids::Secret;
use crate::model::record::Layout;

/// What is known of the deployment before anything is read.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How many tasks there are.
    pub layout: Layout,
    /// The rules in force.
    pub rules: RulesFound,
    /// Key of all hashes.
    pub secret: Secret,
    /// Larger records are refused.
    pub max_record_bytes: usize,
}
