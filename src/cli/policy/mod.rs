//! `swabstream policy`: why a tier policy decides as it does.
//!
//! In: the rules in force, the outputs, `read_committed`, as far as there are any now. Out: text or JSON lines. Nothing is
//! written anywhere, nor is anybody's name in what is shown.

use std::io::Write;
use std::process::ExitCode;

mod explain;
mod told;

pub use explain::ExplainArgs;

/// What is asked of tier policies.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Explain the tier of an area, down to what was counted
    Explain(ExplainArgs),
}

/// Runs the command; lines go to `out`.
pub fn run(command: &PolicyCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Explain(args) => explain::run(args, out),
    }
}
