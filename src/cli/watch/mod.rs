//! `swabstream watch`: follows the outputs, or shows what they are now, as a table or as JSON lines.
//!
//! In: the topics of alerts, positivity or tiers, `read_committed`. Out: a line per record, to whoever reads it; when
//! nobody does any more, it ends. Never here: a person's id, unless it was asked for.

use super::asked;
use super::reading::LONGEST_WAIT;
use crate::config::Config;
use crate::kafka::reader::{From, TopicReader};
use crate::kafka::rules;
use crate::policy::Rules;
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, ensure};
use shown::Shown;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

mod args;
mod current;
mod lines;
mod shown;

pub use args::{Start, WatchArgs, What};
pub(super) use lines::moment;
pub(super) use shown::mask;

/// How long to look for the names of areas before going on with their codes.
const NAMES_LIMIT: Duration = Duration::from_secs(10);

/// Runs the command; lines go to `out`. Ends well when it is asked to.
pub fn run(args: &WatchArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    ensure!(
        !(args.once && args.from == Some(Start::Now)),
        "--once with --from now would show nothing: leave one of them out"
    );
    let config = Config::read(&args.config)?;
    // Rules that cannot be used are reported by the workers: here they only lend names.
    let held = signals::before_the_work(|| rules::read(&config.kafka, NAMES_LIMIT))
        .context("the names of areas could not be read")?;
    let rules = held.in_force.map(|set| set.rules);
    require_known(args.area.as_deref(), rules.as_deref())?;
    let shown = Shown::new(args, rules.as_deref());
    let from = match args.from {
        None if args.what != What::Alerts => return current::show(&config, &shown, out),
        Some(Start::Beginning) => From::Beginning,
        None if args.once => From::Beginning,
        None | Some(Start::Now) => From::End,
    };
    let mut reader = TopicReader::open(&config.kafka, args.what.topics(), from)?;
    follow(&mut reader, &shown, out)
}

fn follow(reader: &mut TopicReader, shown: &Shown<'_>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    shown.begin(out)?;
    while !signals::asked() {
        let mut written = Ok(());
        reader.poll_within(1000, LONGEST_WAIT, &mut |records| {
            for line in records.iter().filter_map(|record| shown.line(record)) {
                if written.is_ok() {
                    written = writeln!(out, "{line}");
                }
            }
        })?;
        written?;
        out.flush()?;
        if shown.args.once && reader.caught_up() {
            break;
        }
        // Else it would be known with the next line, which may be long in coming.
        if output::is_closed() {
            return Ok(ExitCode::from(output::CLOSED));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An area that the rules do not know would be waited for in vain.
fn require_known(area: Option<&str>, rules: Option<&Rules>) -> anyhow::Result<()> {
    match (area, rules) {
        (Some(area), Some(rules)) => asked::area(rules, area).map(drop),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_that_the_rules_do_not_know_is_not_waited_for() {
        let rules = crate::policy::sample::sample_rules();
        assert!(require_known(Some("D1"), Some(&rules)).is_ok() && require_known(None, Some(&rules)).is_ok());
        let error = require_known(Some("NOPE"), Some(&rules)).expect_err("no such area").to_string();
        assert!(error.contains("no area NOPE"), "{error}");
    }
}
