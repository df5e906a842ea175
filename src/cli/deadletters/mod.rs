//! `swabstream deadletters`: records that could not be used, looked at.
//!
//! In: `dead-letters`, `read_committed`, and the rules in force. Out: lines, or JSON objects. Never here: a key or a payload,
//! unless it was asked for.

use std::io::Write;
use std::process::ExitCode;

mod content;
mod explain;
mod judge;
mod letter;
mod list;
mod place;
mod scan;
mod show;
mod wanted;

/// What to do with dead letters.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, and count them by code and laboratory
    List(list::ListArgs),
    /// Show one dead letter with all that its headers say
    Show(show::ShowArgs),
    /// Explain a code, or why one record was set aside: what is wrong, and what to do
    Explain(explain::ExplainArgs),
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(command: &DeadLettersCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        DeadLettersCommand::List(args) => list::run(args, out),
        DeadLettersCommand::Show(args) => show::run(args, out),
        DeadLettersCommand::Explain(args) => explain::run(args, out),
    }
}
