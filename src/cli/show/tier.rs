//! `swabstream show tier`: the tier of an area, day by day, as it was published when the day was closed, and now.

use super::series::{self, OfDay, Series, SeriesArgs, aligned, close, last};
use crate::model::time::Day;
use crate::pipeline::decode::json;
use crate::proto::v1::{AreaTier, DayClose};
use crate::terminal::output;
use std::io::Write;
use std::process::ExitCode;

/// Show the tier of an area, day by day, as it was published, and as it is now
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream show tier 500103 --config swabstream.toml
  swabstream show tier 500103 --day 2022-11-12 --config swabstream.toml
  swabstream show tier 500103 --as-of 2022-11-15T09:00:00+08:00 --config swabstream.toml

Of each day that was closed the tier as it was published then, which is kept for ever: what could be acted on; none is of an area \
in which nothing was counted in the two weeks before. Late results may have made it another one since; `swabstream policy \
explain AREA DAY` decides it anew from what is known now, with the arithmetic. The last line is the tier of now, of a day that goes on.

With --as-of there is only what was on record at that time: tiers of days that were closed by then. A civil day means its end.

With --csv there is a line for each day there is, with --json one object per line, by the contract's JSON mapping: AreaTier. \
`decided_on` is another day than `day` where days were closed without a task: then the gravest since it stood still holds.

Exit codes:
  0    shown, also where nothing is published of it
  2    it could not be read, or not be written, or there is no such area, day or target
  141  its output was closed before the end (as by | head)")]
pub struct TierArgs {
    /// The days
    #[command(flatten)]
    pub series: SeriesArgs,
}

pub(super) fn run(args: &TierArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let lines = series::read(&args.series)?.map(|series| match (args.series.json, args.series.csv) {
        (true, _) => Ok(json(&tiers(&series))),
        (_, true) => csv(&tiers(&series)),
        _ => Ok(text(&series, tiers(&series))),
    });
    output::write_lines(lines.transpose()?, out)
}

fn json(tiers: &[Shown<'_>]) -> Vec<String> {
    tiers.iter().map(|shown| json::encode(shown.tier, "swabstream.v1.AreaTier")).collect()
}

/// A tier of a day.
struct Shown<'s> {
    day: String,
    tier: &'s AreaTier,
    /// The close it was published with; none of the tier of now.
    close: Option<&'s DayClose>,
}

/// Tiers in order of days.
fn tiers<'s>(series: &'s Series) -> Vec<Shown<'s>> {
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

fn text(series: &Series, tiers: Vec<Shown<'_>>) -> Vec<String> {
    let mut lines = vec![series.title(), String::new()];
    if tiers.is_empty() {
        lines.push(series.nothing());
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
    let row = |Shown { day, tier, close }: &Shown<'_>| {
        let [closed_at, closed_without] = series::cells(*close);
        [
            tier.area.clone(),
            day.clone(),
            tier.target.clone(),
            if close.is_some() { "published" } else { "live" }.to_owned(),
            closed_at,
            closed_without,
            tier.tier.clone(),
            tier.rank.to_string(),
            tier.day.clone(),
            format!("{}@{}", tier.policy_id, tier.policy_version),
            tier.earliest_step_down.clone(),
        ]
    };
    series::table(HEAD, tiers.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::super::series::{Series, Wanted};
    use super::*;
    use crate::model::record::{Position, Record, Topic};
    use crate::model::time::Timestamp;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{AreaPositivity, AreaPublished};
    use prost::Message as _;
    use std::sync::Arc;

    #[test]
    fn tiers_stand_by_the_day_that_was_closed_with_them_and_the_last_is_that_of_now() {
        let rules = Arc::new(sample_rules());
        let mut series =
            Series::new(Wanted::new(&rules, "D1", None, (None, None), false).expect("it is there"), rules.clone());
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
