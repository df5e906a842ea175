//! `swabstream deadletters`: records that could not be used, looked at and sent again.
//!
//! In: `dead-letters` and `retried`, `read_committed`, and the rules in force. Out: lines, or JSON objects; records of inputs, each
//! in one transaction with the word that it was sent again. Never here: a key or a payload,
//! unless it was asked for; an editor shows its record whole.

use crate::terminal::output::Duty;
use std::io::Write;
use std::process::ExitCode;

mod content;
mod edit;
pub(super) mod explain;
mod judge;
pub(super) mod letter;
mod list;
pub(super) mod place;
mod retried;
mod retry;
pub(super) mod scan;
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
    /// Mend one record in an editor, check it until it is right, and send it again
    Edit(edit::EditArgs),
    /// Send records again that were set aside, once each
    Retry(retry::RetryArgs),
}

impl DeadLettersCommand {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        match self {
            Self::Retry(args) => args.duty(),
            Self::Edit(_) => Duty::Changes,
            Self::List(_) | Self::Show(_) | Self::Explain(_) => Duty::Looks,
        }
    }
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(command: &DeadLettersCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        DeadLettersCommand::List(args) => list::run(args, out),
        DeadLettersCommand::Show(args) => show::run(args, out),
        DeadLettersCommand::Explain(args) => explain::run(args, out),
        DeadLettersCommand::Edit(args) => edit::run(args, out),
        DeadLettersCommand::Retry(args) => retry::run(args, out),
    }
}
