//! `swabstream show tier`: the tier of an area, day by day, as it was published when the day was closed, and now.

use super::positivity::nothing;
use super::series::{self, OfDay, Series, TOPICS, Wanted, aligned, close, last};
use crate::cli::asked;
use crate::cli::reading;
use crate::config::Config;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::decode::json;
use crate::proto::v1::{AreaTier, DayClose};
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
  swabstream show tier 500103 --as-of 2022-11-15T09:00:00+08:00 --config swabstream.toml

Of each day that was closed the tier as it was published then, which is kept for ever: what could be acted on; none is of an area \
in which nothing was counted in the two weeks before. Late results may have made it another one since; `swabstream policy explain AREA DAY` decides it anew from what is known now, with the \
arithmetic. The last line is the tier of now, of a day that goes on.

With --as-of there is only what was on record at that time: tiers of days that were closed by then. A civil day means its end.

With --csv there is a line for each day there is, with --json one object per line, by the contract's JSON mapping: AreaTier. \
`decided_on` is another day than `day` where days were closed without a task: then the gravest since it stood still holds.

Exit codes:
  0    shown, also where nothing is published of it
  2    it could not be read, or not be written, or there is no such area, day or target
  141  its output was closed before the end (as by | head)")]
pub struct TierArgs {
    /// Code of the area
    pub area: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// The civil day, YYYY-MM-DD; where none is named the last 14, or all in a table
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
    let history = config.processing.history;
    let mut series = Series::new(Wanted::new(&rules, &args.area, args.target.as_deref(), times, history)?, &rules);
    if !reading::to_the_end(&config.kafka, &TOPICS, &mut |record| series.take(record))? {
        return Ok(ExitCode::from(output::CLOSED));
    }
    series.require_known()?;
    let tiers = tiers(&series);
    let lines = match (args.json, args.csv) {
        (true, _) => tiers.iter().map(|shown| json::encode(shown.tier, "swabstream.v1.AreaTier")).collect(),
        (_, true) => csv(&tiers)?,
        _ => text(&series, tiers),
    };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A tier of a day.
struct Shown<'s> {
    day: String,
    tier: &'s AreaTier,
    /// The close it was published with; none of the tier of now.
    close: Option<&'s DayClose>,
}

/// Tiers in order of days.
fn tiers<'s>(series: &'s Series<'_>) -> Vec<Shown<'s>> {
    let of_day = |(day, OfDay { published, .. }): (Day, OfDay<'s>)| {
        let published = published?;
        Some(Shown { day: day.to_string(), tier: published.tier.as_ref()?, close: close(published) })
    };
    let mut tiers: Vec<Shown<'s>> = series.days().into_iter().filter_map(of_day).collect();
    let is_asked = |tier: &&AreaTier| series.wanted.day.is_none_or(|day| tier.day == day.to_string());
    let now = series.tier.as_ref().filter(|_| series.wanted.as_of.is_none()).filter(is_asked);
    tiers.extend(now.map(|tier| Shown { day: tier.day.clone(), tier, close: None }));
    tiers
}

fn text(series: &Series<'_>, tiers: Vec<Shown<'_>>) -> Vec<String> {
    let mut lines = vec![series.title(), String::new()];
    if tiers.is_empty() {
        lines.push(nothing(series));
        return lines;
    }
    let zone = series.zone();
    let mut rows = vec![["day", "tier", "down from", ""].map(str::to_owned)];
    for Shown { day, tier, close } in last(tiers) {
        let policy = format!("{}@{}", tier.policy_id, tier.policy_version);
        let said = match close {
            Some(close) => format!("closed at {}, by {policy}", series::told(close, &zone)),
            None => format!("as it is now, by {policy}"),
        };
        let said = if tier.day == day { said } else { format!("{said}, that of {}", tier.day) };
        rows.push([day, tier.tier.clone(), tier.earliest_step_down.clone(), said]);
    }
    lines.extend(aligned(&rows));
    lines
}

const HEAD: [&str; 11] = [
    "area",
    "day",
    "target",
    "series",
    "closed_at",
    "closed_without",
    "tier",
    "rank",
    "decided_on",
    "policy",
    "earliest_step_down",
];

fn csv(tiers: &[Shown<'_>]) -> anyhow::Result<Vec<String>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(HEAD)?;
    for Shown { day, tier, close } in tiers {
        let closed_at = close.and_then(|close| close.closed_at.as_ref()).and_then(Timestamp::from_wire);
        let without: Vec<String> = close.iter().flat_map(|close| &close.without).map(ToString::to_string).collect();
        let series = if close.is_some() { "published" } else { "live" };
        table.write_record([
            tier.area.as_str(),
            day,
            &tier.target,
            series,
            &closed_at.map_or(String::new(), |at| at.to_string()),
            &without.join(" "),
            &tier.tier,
            &tier.rank.to_string(),
            &tier.day,
            &format!("{}@{}", tier.policy_id, tier.policy_version),
            &tier.earliest_step_down,
        ])?;
    }
    let text = String::from_utf8(table.into_inner().map_err(|error| error.into_error())?)?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::super::series::{Series, Wanted};
    use super::*;
    use crate::model::record::{Position, Record, Topic};
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{AreaPositivity, AreaPublished};
    use prost::Message as _;

    #[test]
    fn tiers_stand_by_the_day_that_was_closed_with_them_and_the_last_is_that_of_now() {
        let rules = sample_rules();
        let mut series =
            Series::new(Wanted::new(&rules, "D1", None, (None, None), false).expect("it is there"), &rules);
        let tier = |day: &str, tier: &str| {
            let [area, target] = ["D1", "sars-cov-2"].map(str::to_owned);
            let [policy_id, policy_version] = ["sample-districts", "2020-01-01"].map(str::to_owned);
            AreaTier {
                area,
                target,
                day: day.into(),
                tier: tier.into(),
                policy_id,
                policy_version,
                ..AreaTier::default()
            }
        };
        let mut read = |topic, key: &str, payload: Vec<u8>| {
            series.take(&Record {
                position: Position { topic, partition: 0, offset: 0 },
                received_at: Timestamp(0),
                key: Some(key.as_bytes()),
                payload: Some(&payload),
                content_type: None,
            });
        };
        for (day, of, name, without) in [
            ("2022-11-09", "2022-11-09", "a tier with a very long name", vec![]),
            ("2022-11-10", "2022-11-09", "high", vec![2]),
        ] {
            let closed_at = Some(Timestamp(1_668_182_400_000).to_wire());
            let close = Some(DayClose { closed_at, without, tests: 0 });
            let numbers = Some(AreaPositivity { close, ..AreaPositivity::default() });
            let published = AreaPublished { numbers, tier: Some(tier(of, name)) };
            read(Topic::AreaPublished, &format!("D1/{day}"), published.encode_to_vec());
        }
        read(Topic::AreaTiers, "D1", tier("2022-11-11", "low").encode_to_vec());
        let all = text(&series, tiers(&series)).join("\n");
        for says in [
            "2022-11-09  a tier with a very long name             closed at 2022-11-12T00:00:00+08:00, by sample-districts@",
            "2022-11-10  high  ",
            "closed at 2022-11-12T00:00:00+08:00 without task 2, by sample-districts@2020-01-01, that of 2022-11-09",
            "as it is now, by",
        ] {
            assert!(all.contains(says), "{says} in {all}");
        }
        let table = csv(&tiers(&series)).expect("a table");
        assert_eq!(table.len(), 4);
        let second = "D1,2022-11-10,sars-cov-2,published,2022-11-11T16:00:00Z,2,high,0,2022-11-09,";
        assert!(table[2].starts_with(second) && table[3].contains(",live,,,low,"), "{table:?}");
    }
}
