//! The demonstration: a simulated city, and the command that shows swabstream working on it.
//!
//! In: what is asked for on the command line. Out: a live view in the terminal and on the page, and a summary that says
//! whether the books balance.

pub mod city;

pub mod figures;

mod pace;

pub mod screen;

pub mod stream;

pub mod summary;

mod run;

mod stage;

pub use run::{Options, city_config, run};
