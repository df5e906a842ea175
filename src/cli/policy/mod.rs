//! `swabstream policy`: why a tier policy decides as it does, whether it does so in the cases written beside it, and where two
//! differ.
//!
//! In: the rules in force and the outputs, `read_committed`, as far as there are any now; or files. Out: text, JSON lines, a
//! table, a chart. Nothing is written to a broker, nor is anybody's name in what is shown.

use std::io::Write;
use std::process::ExitCode;

mod arithmetic;
mod cases;
mod chart;
mod compare;
mod compared;
mod counts;
mod explain;
mod recorded;
mod test;
mod told;
mod trial;

pub use compare::CompareArgs;
pub use explain::ExplainArgs;
pub use test::TestArgs;

/// What is asked of tier policies.
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// Explain the tier of an area, down to what was counted
    Explain(ExplainArgs),
    /// Run the cases that are written beside tier policies
    Test(TestArgs),
    /// Compare what two policies make of the same numbers, and what that costs
    Compare(CompareArgs),
}

/// Runs the command; lines go to `out`.
pub fn run(command: &PolicyCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        PolicyCommand::Explain(args) => explain::run(args, out),
        PolicyCommand::Test(args) => test::run(args, out),
        PolicyCommand::Compare(args) => compare::run(args, out),
    }
}
