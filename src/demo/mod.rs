//! The demonstration: a simulated city, and the command that shows swabstream working on it.
//!
//! In: what is asked for on the command line. Out: a live view in the terminal and on the page, and a summary that says
//! whether the books balance.

pub mod city;
pub mod figures;
mod options;
mod pace;
mod run;
pub mod screen;
mod stage;
pub mod stream;
pub mod summary;

pub use options::Options;
pub use run::{city_config, run};
