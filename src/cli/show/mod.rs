//! `swabstream show`: what is published of something, put together for whoever has to act on it.
//!
//! In: the outputs, `read_committed`, as far as there are any now. Out: text or JSON lines. Never here: a person's id, unless
//! it was asked for.

use std::io::Write;
use std::process::ExitCode;

mod day;
mod duties;

pub use duties::DutiesArgs;

/// What is shown.
#[derive(Debug, clap::Subcommand)]
pub enum ShowCommand {
    /// Show what has to be done in an area on a day, and with whom
    Duties(DutiesArgs),
}

/// Runs the command; lines go to `out`.
pub fn run(command: &ShowCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        ShowCommand::Duties(args) => duties::run(args, out),
    }
}
