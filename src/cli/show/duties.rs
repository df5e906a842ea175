//! `swabstream show duties`: what has to be done in an area on a day, and with whom.

use super::day::{DayOf, Subject};
use crate::cli::asked;
use crate::cli::reading;
use crate::clock;
use crate::config::Config;
use crate::model::record::Topic;
use crate::policy::Rules;
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// How AREA is written for people of whom no area is known.
const NOWHERE: &str = "none";

/// Show what has to be done in an area on a day, and with whom
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream show duties 500103 --config swabstream.toml            today
  swabstream show duties 500103 --day 2022-11-12 --show-ids --config swabstream.toml
  swabstream show duties none --json --config swabstream.toml       whose area is not known

First the numbers, by `area-duties`: contacts to isolate newly, under management, to release; tests due and taken that day; \
tests due by then that are overdue; all pools that are to be recalled as it stands now, and how many of them were to be before \
the day; of each key group who is in it, its tests, and how many were missed on the last day for whose tests the time is over \
(of tests some days after entry: in the last two weeks). Then the people behind them, as `person-duties` has them, with the key \
groups they are in that day, and the pools, from `alerts`. A person counts in the area of the result that was swabbed last (or else in that of a record of a key group), and in all areas \
that one lies in. Contacts whose tests were due before and are overdue are among the people too.

Days to come can be asked for as well, as far as contact records and orders go. With --json there is one object per line, by \
the contract's JSON mapping: AreaDuties, then PersonDuties and Alert.

People are shown masked, and so are pools; --show-ids shows them whole.

Exit codes:
  0    shown, also where nothing has to be done
  2    it could not be read, or not be written, or there is no such area, day or target
  141  its output was closed before the end (as by | head)")]
pub struct DutiesArgs {
    /// Code of the area; `none` for people of whom no area is known
    pub area: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// The civil day, YYYY-MM-DD; today, by the zone of the rules, where none is named
    #[arg(long, value_name = "DAY")]
    pub day: Option<String>,
    /// For what: the id of a target; the first of the deployment where none is named
    #[arg(long, value_name = "ID")]
    pub target: Option<String>,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
    /// Show ids of people and pools whole: for those who may see them
    #[arg(long)]
    pub show_ids: bool,
}

pub(super) fn run(args: &DutiesArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules(&config.kafka, "which say where days begin and what lies in an area")?;
    let mut shown = DayOf::new(subject(args, &rules)?, &rules);
    let topics = [Topic::AreaDuties, Topic::PersonDuties, Topic::Alerts];
    if !reading::to_the_end(&config.kafka, &topics, &mut |record| shown.take(record))? {
        return output::write_lines(None, out);
    }
    let lines = if args.json { shown.json(args.show_ids) } else { shown.text(args.show_ids) };
    output::write_lines(Some(lines), out)
}

/// What is asked for, in the words of the rules.
fn subject(args: &DutiesArgs, rules: &Rules) -> anyhow::Result<Subject> {
    let area = if args.area == NOWHERE { String::new() } else { args.area.clone() };
    if !area.is_empty() {
        asked::area(rules, &area)?;
    }
    let today = || Ok(rules.day(clock::now()));
    let day = args.day.as_deref().map_or_else(today, asked::day)?;
    Ok(Subject { area, day, target: asked::target(rules, args.target.as_deref())? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    fn of(area: &str, day: Option<&str>, target: Option<&str>) -> anyhow::Result<Subject> {
        let args = DutiesArgs {
            area: area.to_owned(),
            config: PathBuf::new(),
            day: day.map(str::to_owned),
            target: target.map(str::to_owned),
            json: false,
            show_ids: false,
        };
        subject(&args, &sample_rules())
    }

    #[test]
    fn what_is_not_there_is_not_looked_for_and_said_with_what_to_do() {
        assert!(of("D1", Some("2022-11-12"), None).is_ok() && of("none", None, Some("sars-cov-2")).is_ok());
        for (area, day, target, says) in [
            ("D9", None, None, "rules show"),
            ("D1", Some("12.11.2022"), None, "2022-11-12"),
            ("D1", None, Some("measles"), "use one of sars-cov-2"),
        ] {
            let error = of(area, day, target).expect_err("it is not there").to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
