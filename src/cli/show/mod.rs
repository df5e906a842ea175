//! `swabstream show`: what is published of something, put together for whoever has to act on it.
//!
//! In: the outputs, `read_committed`, as far as there are any now. Out: text or JSON lines. Never here: a person's id, unless
//! it was asked for.

use std::io::Write;
use std::process::ExitCode;

mod day;
mod duties;
mod positivity;
mod series;
mod tier;

pub use duties::DutiesArgs;
pub use positivity::PositivityArgs;
pub use tier::TierArgs;

/// What is shown.
#[derive(Debug, clap::Subcommand)]
pub enum ShowCommand {
    /// Show what has to be done in an area on a day, and with whom
    Duties(DutiesArgs),
    /// Show the positivity of an area, day by day, as it is known now and as it was published
    Positivity(PositivityArgs),
    /// Show the tier of an area, day by day, as it was published, and as it is now
    Tier(TierArgs),
}

/// Runs the command; lines go to `out`.
pub fn run(command: &ShowCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        ShowCommand::Duties(args) => duties::run(args, out),
        ShowCommand::Positivity(args) => positivity::run(args, out),
        ShowCommand::Tier(args) => tier::run(args, out),
    }
}
