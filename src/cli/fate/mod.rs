//! `swabstream fate`: what became of one result that a laboratory sent.
//!
//! In: `lab-results`, `dead-letters` and `alerts`, `read_committed`, the rules in force, and how far the processor has read.
//! Out: each record of the result with what became of it, what holds of the result now, and the alerts that name it. Never
//! here: an id of a person or a pool, unless it was asked for.

mod found;
mod judged;
mod records;
mod told;

use crate::config::Config;
use crate::kafka::{cut, topics};
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use found::{Found, Wanted};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use told::Told;

/// Show what became of a result that a laboratory sent
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream fate LAB-1 R-2022-0017 --config swabstream.toml
  swabstream fate LAB-1 R-2022-0017 --json --config swabstream.toml

LAB and RESULT_ID as the laboratory writes them in `lab_id` and `result_id`. Of each record of the result, in the order in which \
they were received, it says where it lies and what became of it: it stands, it was replaced by a later version or by a result \
under another id, it is a copy, it was set aside (with code, field and what to do), it is a drill, or it has not been read yet. \
Then what holds of the result now, and the alerts that name it, live or withdrawn.

All of `lab-results`, `dead-letters` and `alerts` is read for it. What retention has deleted of the results cannot be looked at any \
more, and is said; dead letters and alerts may still tell of it.

People and pools are shown masked; --show-ids shows them whole. With --json there is one object.

Exit codes:
  0    shown
  1    nothing of it has arrived, or all that has was set aside
  2    it could not be read, or not be written
  141  its output was closed before the end (as by | head)")]
pub struct FateArgs {
    /// The laboratory, as it calls itself in `lab_id`
    #[arg(value_name = "LAB")]
    lab: String,
    /// The laboratory's id of the result
    #[arg(value_name = "RESULT_ID")]
    result: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Show ids of people and pools whole: for those who may see them
    #[arg(long)]
    show_ids: bool,
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(args: &FateArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let layout = topics::layout(&config.kafka)?;
    let rules = super::reading::rules_in_force(&config.kafka)?.rules;
    let wanted = Wanted { lab: args.lab.clone(), result: args.result.clone() };
    let mut found = Found::new(wanted, rules.clone(), config.secret()?);
    // Before the records: what is read later than this may have been taken meanwhile, and is said not to be.
    found.read_until = cut::read_until(&config.kafka, layout)?;
    if !found.read(&config.kafka)? {
        return output::write_lines(None, out);
    }
    found.first = cut::firsts(&config.kafka, layout)?;
    let told = Told { found: &found, rules: &rules, whole: args.show_ids };
    let lines = if args.json { vec![told.json()] } else { told.text() };
    let written = output::write_lines(Some(lines), out);
    // That nothing of it holds is so, whether or not it could be written; the output knows.
    if found.is_lost() { Ok(written.map_or(ExitCode::FAILURE, |_| ExitCode::FAILURE)) } else { written }
}
