//! Clients: what they are for, and how they are configured.

mod kinds;
pub mod members;
mod properties;
pub(super) mod quiet;
pub(super) mod reach;
mod role;

pub use properties::properties;
pub use role::Role;
