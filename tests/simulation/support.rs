//! What the simulation shares with the other tests.

#[path = "../support/broker/mod.rs"]
pub mod broker;
#[path = "../support/images.rs"]
pub mod images;
#[path = "../support/oracle.rs"]
pub mod oracle;
#[path = "../support/random.rs"]
pub mod random;
#[path = "../support/town.rs"]
pub mod town;
