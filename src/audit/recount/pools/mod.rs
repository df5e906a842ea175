//! Pools: what the results of a tube say of its members, what counts as a tube, and the alerts about those that leave their
//! members open.

pub mod alerts;
pub mod members;
pub mod tubes;
mod versions;
