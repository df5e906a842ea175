//! Every promise of the system as a whole, one module each. One program, so that it is linked once and shares its
//! support without dead code.

#[path = "../support/ended.rs"]
mod ended;
#[path = "../support/outputs.rs"]
mod outputs;
#[path = "../support/waiting.rs"]
mod waiting;

mod a_worker_is_exactly_once;
mod audit;
mod day_closes;
mod due_tests;
mod house;
mod long_history;
mod order_does_not_matter;
mod panels;
mod pools;
mod real_city;
mod real_estonia;
mod real_forms;
mod real_israel;
mod real_load;
mod real_lost;
mod real_panels;
mod real_repair;
mod real_skip_lost;
mod real_upgrade;
mod scenarios;
mod simulation;
mod support;
mod traced_outbreaks;
mod two_readings;
mod uploads;
