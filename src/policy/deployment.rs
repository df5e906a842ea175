//! What is declared once: zone, levels, purposes, targets.

use crate::model::time::Zone;

/// Index of a target among those of a deployment, by one set of rules; 0 is the first.
pub type TargetIndex = u8;

/// The id of the only target of a deployment that declares none.
pub const UNDECLARED_TARGET: &str = "sars-cov-2";

/// What is declared once for a deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The zone's name.
    pub zone_name: String,
    /// Where civil days begin.
    pub zone: Zone,
    /// Whether areas are residences or places of sampling.
    pub area_meaning: AreaMeaning,
    /// Names of the levels, coarse to fine; an area's level is an index here.
    pub levels: Vec<String>,
    /// Whether each level keeps distinct people.
    pub keeps_people: Vec<bool>,
    /// Purposes a result may have.
    pub purposes: Vec<String>,
    /// What may be looked for, the first target first; at least one. Together with purposes at most 250 pairs.
    pub targets: Vec<Target>,
    /// Whether they were declared: else there is [one](UNDECLARED_TARGET), which is only supposed.
    pub targets_declared: bool,
}

/// One thing that may be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As outputs name it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Other texts that name it.
    pub aliases: Vec<String>,
}

/// What the area of a result means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaMeaning {
    /// Where the person lives.
    Residence,
    /// Where the swab was taken.
    Sampling,
}
