//! `swabstream show tier`: the tier of an area, day by day, as it was published when the day was closed, and now.

use super::positivity::nothing;
use super::series::{OfDay, Series, TOPICS, Wanted, closed_at};
use crate::cli::asked;
use crate::cli::reading;
use crate::cli::watch::moment;
use crate::config::Config;
use crate::model::time::Timestamp;
use crate::pipeline::decode::json;
use crate::proto::v1::AreaTier;
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the tier of an area, day by day, as it was published, and as it is now
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream show tier 500103 --config swabstream.toml
  swabstream show tier 500103 --day 2022-11-12 --config swabstream.toml
  swabstream show tier 500103 --as-of 2022-11-15T09:00:00+08:00 --config swabstream.toml    what was on record then

Of each day that was closed the tier as it was published then, which is kept for ever: what could be acted on. Late results may \
have made it another one since; `swabstream policy explain AREA DAY` decides it anew from what is known now, with the \
arithmetic. The last line is the tier of now, of a day that goes on.

With --as-of there is only what was on record at that time: tiers of days that were closed by then. A civil day means its end.

With --csv there is a line for each day. With --json there is one object per line, by the contract's JSON mapping: AreaTier.

Exit codes:
  0    shown
  1    nothing is published of it (by that time)
  2    it could not be read, or not be written, or there is no such area, day, target or time
  141  its output was closed before the end (as by | head)")]
pub struct TierArgs {
    /// Code of the area
    pub area: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// The civil day, YYYY-MM-DD; the last 14, where none is named
    #[arg(long, value_name = "DAY")]
    pub day: Option<String>,
    /// Only what was on record then: 2022-11-15T09:00:00+08:00, or a civil day, of which it is the end
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// For what: the id of a target; the first of the deployment where none is named
    #[arg(long, value_name = "ID")]
    pub target: Option<String>,
    /// A table for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(args: &TierArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules(&config.kafka, "which say what areas there are")?;
    let times = (args.day.as_deref(), args.as_of.as_deref());
    let mut series = Series::new(Wanted::new(&rules, &args.area, args.target.as_deref(), times)?, &rules);
    if !reading::to_the_end(&config.kafka, &TOPICS, &mut |record| series.take(record))? {
        return Ok(ExitCode::from(output::CLOSED));
    }
    let tiers = tiers(&series);
    let lines = match (args.json, args.csv) {
        (true, _) => tiers.iter().map(|(tier, _)| json::encode(*tier, "swabstream.v1.AreaTier")).collect(),
        (_, true) => csv(&tiers)?,
        _ => text(&series, &tiers),
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(if tiers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tiers in order of days, each with when its day was closed.
fn tiers<'s>(series: &'s Series<'_>) -> Vec<(&'s AreaTier, Option<Timestamp>)> {
    let of_day = |OfDay { published, .. }: OfDay<'s>| Some((published?.tier.as_ref()?, published.and_then(closed_at)));
    let mut tiers: Vec<_> = series.days().into_iter().filter_map(|(_, of)| of_day(of)).collect();
    let is_asked = |tier: &&AreaTier| series.wanted.day.is_none_or(|day| tier.day == day.to_string());
    let now = series.tier.as_ref().filter(|_| series.wanted.as_of.is_none()).filter(is_asked);
    tiers.extend(now.map(|tier| (tier, None)));
    tiers
}

fn text(series: &Series<'_>, tiers: &[(&AreaTier, Option<Timestamp>)]) -> Vec<String> {
    let mut lines = vec![series.title(), String::new()];
    if tiers.is_empty() {
        lines.push(nothing(series));
        return lines;
    }
    let columns = |cells: [&str; 4]| {
        let [day, tier, down, said] = cells;
        format!("{day:<12}{tier:<16}{down:<14}{said}").trim_end().to_owned()
    };
    let zone = series.zone();
    lines.push(columns(["day", "tier", "down from", ""]));
    for (tier, at) in tiers {
        let policy = format!("{}@{}", tier.policy_id, tier.policy_version);
        let said = match at {
            Some(at) => format!("closed at {}, by {policy}", moment(*at, &zone)),
            None => format!("as it is now, by {policy}"),
        };
        lines.push(columns([&tier.day, &tier.tier, &tier.earliest_step_down, &said]));
    }
    lines
}

fn csv(tiers: &[(&AreaTier, Option<Timestamp>)]) -> anyhow::Result<Vec<String>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let head = ["area", "day", "target", "series", "closed_at", "tier", "rank", "policy", "earliest_step_down"];
    table.write_record(head)?;
    for (tier, at) in tiers {
        let series = if at.is_some() { "published" } else { "live" };
        table.write_record([
            &tier.area,
            &tier.day,
            &tier.target,
            series,
            &at.map_or(String::new(), |at| at.to_string()),
            &tier.tier,
            &tier.rank.to_string(),
            &format!("{}@{}", tier.policy_id, tier.policy_version),
            &tier.earliest_step_down,
        ])?;
    }
    let text = String::from_utf8(table.into_inner().map_err(|error| error.into_error())?)?;
    Ok(text.lines().map(str::to_owned).collect())
}
