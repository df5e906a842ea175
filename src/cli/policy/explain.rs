//! `swabstream policy explain`: the arithmetic behind the tier of an area on a day, from the outputs alone.

use super::told::{Asked, Explained};
use crate::cli::asked;
use crate::cli::reading;
use crate::config::Config;
use crate::model::record::Topic;
use crate::policy::Rules;
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Explain the tier of an area, down to what was counted
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream policy explain 500103 --config swabstream.toml                 the tier of now
  swabstream policy explain 500103 2022-11-12 --config swabstream.toml
  swabstream policy explain 500103 --json --config swabstream.toml

The tier, each measure with numerator, denominator, value and band, which of them decided, and which had too few tests for \
a value. Where the policy asks for days in a row: what each day that was looked at measured, and how many days it takes up \
and down. Then the earliest day on which it can step down.

Without DAY the tier is as `area-tiers` has it. That topic holds the newest alone: of another day the tier is decided anew \
from the numbers that `area-positivity` has of it now, by the rules in force now, and late results are in it. That it was \
published so on the day is not said.

With --json there is one object per line, by the contract's JSON mapping: AreaTier, then AreaPositivity of each day that \
was looked at and has numbers.

Exit codes:
  0    explained
  2    it could not be read, or not be written, or there is no such area, day, target or tier
  141  its output was closed before the end (as by | head)")]
pub struct ExplainArgs {
    /// Code of the area
    pub area: String,
    /// The civil day, YYYY-MM-DD; that of the tier as it is now, where none is named
    #[arg(value_name = "DAY")]
    pub day: Option<String>,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// For what: the id of a target; the first of the deployment where none is named
    #[arg(long, value_name = "ID")]
    pub target: Option<String>,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules(&config.kafka, "by which tiers are decided")?;
    let mut explained = Explained::new(tier(args, &rules)?, &rules);
    let topics = [Topic::AreaTiers, Topic::AreaPositivity];
    if !reading::to_the_end(&config.kafka, &topics, &mut |record| explained.take(record))? {
        return output::write_lines(None, out);
    }
    output::write_lines(Some(if args.json { explained.json()? } else { explained.text()? }), out)
}

/// What is asked for, in the words of the rules.
fn tier(args: &ExplainArgs, rules: &Rules) -> anyhow::Result<Asked> {
    Ok(Asked {
        area: asked::area(rules, &args.area)?,
        day: args.day.as_deref().map(asked::day).transpose()?,
        target: asked::target(rules, args.target.as_deref())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    #[test]
    fn what_is_not_there_is_not_looked_for_and_said_with_what_to_do() {
        let ask = |area: &str, day: Option<&str>, target: Option<&str>| {
            let [day, target] = [day, target].map(|text| text.map(str::to_owned));
            let args = ExplainArgs { area: area.to_owned(), day, config: PathBuf::new(), target, json: false };
            tier(&args, &sample_rules())
        };
        assert!(ask("D1", Some("2022-11-12"), Some("sars-cov-2")).is_ok() && ask("D1", None, None).is_ok());
        for (area, day, target, says) in [
            ("D9", None, None, "rules show"),
            ("none", None, None, "rules show"),
            ("D1", Some("12.11.2022"), None, "2022-11-12"),
            ("D1", None, Some("measles"), "use one of sars-cov-2"),
        ] {
            let error = ask(area, day, target).expect_err("it is not there").to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
