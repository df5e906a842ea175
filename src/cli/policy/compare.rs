//! `swabstream policy compare`: what two policies make of the same numbers.

use super::chart;
use super::compared::{self, Compared, Comparison, Stretch};
use super::recorded::{self, Recorded, Wanted};
use super::trial::{self, People, Place};
use crate::cli::asked;
use crate::model::time::Day;
use crate::policy::Rules;
use crate::terminal::output;
use crate::terminal::progress::grouped;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, ensure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Compare what two policies make of the same numbers, and what that costs
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("numbers").args(["config", "counts"]).required(true).multiple(true)))]
#[command(after_help = "Examples:
  swabstream policy compare tier-now.toml tier-new.toml --config swabstream.toml
  swabstream policy compare a.toml b.toml --counts counts.csv --from 2022-11-01 --to 2022-11-30
  swabstream policy compare a.toml b.toml --counts counts.csv --svg compared.svg

A and B are files of a tier policy each, or folders with its versions (tier-NAME.toml). Both decide on the same areas, day by \
day, by the numbers as they are known now: those that a deployment has published (--config), of the level that A and B name, or \
those of a table (--counts), with the columns area, day and cases, and if you like community_cases, positive_tests, \
conclusive_tests, people_positive, people_tested, population and name: a row for each area and day, without a gap. Nothing is put in force. What the first days follow \
from lies before them, and is taken for 0: name a --from that is later than the first numbers.

It says on which days of which areas they differ, and the cost of the decision: days times people under each tier, so what \
stepping down a day earlier would have meant. Tiers of policies that name them otherwise differ where one is the mildest and the \
other is not. Areas whose population is not known are in no sum.

With --csv there is a line for each area and day, with both tiers; with --json an object for both policies, then one for each \
area. --svg makes a chart: areas as rows, days as columns, A above B.

Exit codes:
  0    compared, whether or not they differ
  2    it could not be read, or not be written, or a policy or a table is wrong
  141  its output was closed before the end (as by | head)")]
pub struct CompareArgs {
    /// A file of a tier policy, or a folder with its versions
    pub a: PathBuf,
    /// Another one
    pub b: PathBuf,
    /// Settings of the deployment whose numbers are taken
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: Option<PathBuf>,
    /// A table of counts instead
    #[arg(long, value_name = "FILE")]
    pub counts: Option<PathBuf>,
    /// The first day; that of the first numbers where none is named
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// The last day; that of the last numbers where none is named
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// Of the deployment: the level of the areas, where the policies name another one
    #[arg(long, value_name = "NAME", conflicts_with = "counts")]
    pub level: Option<String>,
    /// Of the deployment: the id of the target whose numbers are taken; that of the policies where none is named
    #[arg(long, value_name = "ID", conflicts_with = "counts")]
    pub target: Option<String>,
    /// A table for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
    /// Also draw a chart into this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Stretches of days that people are shown; a table has all of them.
const SHOWN: usize = 40;

pub(super) fn run(args: &CompareArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let days = [&args.from, &args.to].map(|day| day.as_deref().map(asked::day).transpose());
    let [from, to] = days;
    let (from, to) = (from?, to?);
    // Whatever is wrong with a policy is said before a deployment is read.
    let anywhere = [Place { code: "any".to_owned(), people: People::default() }];
    let (a, b) = (rules(&args.a, &anywhere)?, rules(&args.b, &anywhere)?);
    let level = level(args, &a, &b)?;
    ensure!(
        a.target_id(0) == b.target_id(0),
        "A is for {}, and B for {}: only policies for one target can be compared",
        a.target_id(0),
        b.target_id(0)
    );
    // A policy that names none is for whatever the deployment has first.
    let own = a.deployment.targets_declared.then(|| a.target_id(0).to_owned());
    let target = args.target.clone().or(own);
    let recorded = match &args.counts {
        Some(table) => Some(recorded::of_table(table)?),
        None => {
            let config = args.config.as_deref().context("--config or --counts says where the numbers are")?;
            recorded::of_deployment(config, &Wanted { level: &level, target: target.as_deref() })?
        }
    };
    let Some(recorded) = recorded else { return output::write_lines(None, out) };
    let (first, last) = span(&recorded, from, to)?;
    let places: Vec<Place> =
        recorded.iter().map(|(code, area)| Place { code: code.clone(), people: area.people.clone() }).collect();
    let (a, b) = (rules(&args.a, &places)?, rules(&args.b, &places)?);
    let compared = compared::compare(&recorded, [&a, &b], first..=last);
    if let Some(path) = &args.svg {
        write_new(path, &chart::svg(&compared))?;
    }
    let lines = match (args.json, args.csv) {
        (true, _) => json(&compared),
        (_, true) => csv(&compared)?,
        _ => text(&compared),
    };
    output::write_lines(Some(lines), out)
}

fn rules(path: &Path, places: &[Place]) -> anyhow::Result<Rules> {
    trial::rules(&trial::files(path)?, places).map_err(|errors| trial::refused(path, &errors))
}

/// The level whose areas both decide on.
fn level(args: &CompareArgs, a: &Rules, b: &Rules) -> anyhow::Result<String> {
    let [a, b] = [a, b].map(|rules| &rules.deployment.levels);
    let common: Vec<&String> = a.iter().filter(|level| b.contains(level)).collect();
    match (&args.level, &common[..]) {
        (Some(level), _) => Ok(level.clone()),
        (None, [one]) => Ok((*one).clone()),
        // The areas of a table have no level.
        _ if args.counts.is_some() => Ok(String::new()),
        _ => anyhow::bail!(
            "A decides on {}, and B on {}: say with --level whose areas are compared, as one person lives in an area of each",
            a.join(", "),
            b.join(", ")
        ),
    }
}

/// A chart that somebody has made is not written over.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| {
        format!("the chart could not be written to {}: name a file that is not there yet", path.display())
    })
}

/// The days that are compared.
fn span(recorded: &Recorded, from: Option<Day>, to: Option<Day>) -> anyhow::Result<(Day, Day)> {
    let ends = |area: &recorded::OfArea| {
        let (first, last) = (area.numbers.keys().next().copied()?, area.numbers.keys().next_back().copied()?);
        Some((first, area.there.map_or(last, |(_, there)| there.min(last))))
    };
    let known: Vec<(Day, Day)> = recorded.values().filter_map(ends).collect();
    let (first, last) = (known.iter().map(|(first, _)| *first).min(), known.iter().map(|(_, last)| *last).max());
    let none = || "there are no numbers of any area that is compared";
    let (known_from, known_to) = (first.with_context(none)?, last.with_context(none)?);
    let (first, last) = (from.unwrap_or(known_from), to.unwrap_or(known_to));
    ensure!(first <= last, "no day lies between {first} and {last}: --from is the first day, --to the last");
    ensure!(
        known_from <= first && last <= known_to,
        "numbers are known from {known_from} to {known_to}: of other days nothing can be said"
    );
    ensure!(last.0 - first.0 < 10_000, "{first} to {last} are too many days: name a --from that is later");
    Ok((first, last))
}

fn text(compared: &Comparison) -> Vec<String> {
    let (first, last) = compared.days;
    let [a, b] = &compared.sides;
    let sums = compared.areas.iter().map(|area| compared.days_of(area));
    let (days, differing) = sums.fold((0, 0), |(days, differ), (more, others)| (days + more, differ + others));
    let mut lines = vec![
        format!("A  {}: {}", a.name, a.tiers.join(", ")),
        format!("B  {}: {}", b.name, b.tiers.join(", ")),
        format!(
            "{} areas, {first} to {last}: of {} days of areas they differ on {}",
            compared.areas.len(),
            grouped(days as u64),
            grouped(differing as u64)
        ),
    ];
    let unknown: usize = compared
        .areas
        .iter()
        .flat_map(|area| area.tiers.iter().flatten())
        .filter(|tiers| tiers.contains(&None))
        .count();
    if unknown > 0 {
        lines.push(format!(
            "on {} of these days one of them has no tier: no version holds, or no measure has a value",
            grouped(unknown as u64)
        ));
    }
    lines.push(format!("tiers that follow from days before {first} take it that nothing was counted then",));
    lines.extend(cost(compared));
    lines.extend(where_they_differ(compared));
    lines
}

/// Days times people under each tier.
fn cost(compared: &Comparison) -> Vec<String> {
    let unknown = compared.areas.iter().filter(|area| area.people.on(compared.days.1).is_none()).count();
    let mut lines = vec![String::new(), "days times people under each tier".to_owned()];
    let of_side = |side| compared.person_days(compared.areas.iter(), side);
    let sides = [of_side(0), of_side(1)];
    if compared.has_same_tiers() {
        lines.push(format!("  {:<20}{:>18}{:>18}{:>18}", "", "A", "B", "B - A"));
        let names = compared.sides[0].tiers.iter().map(String::as_str).chain(["none"]);
        for name in names {
            let of = |side: usize| -> u64 {
                let all = sides[side].iter();
                all.filter(|(tier, _)| compared.sides[side].named(**tier) == name).map(|(_, days)| days).sum()
            };
            let (a, b) = (of(0), of(1));
            if name != "none" || a + b > 0 {
                let more = if b < a { "-" } else { "" };
                let difference = format!("{more}{}", grouped(a.abs_diff(b)));
                lines.push(format!("  {name:<20}{:>18}{:>18}{difference:>18}", grouped(a), grouped(b)));
            }
        }
    } else {
        for (side, sums) in ["A", "B"].into_iter().zip(&sides) {
            let named = &compared.sides[usize::from(side == "B")];
            lines.extend(
                sums.iter().map(|(tier, days)| format!("  {side}  {:<20}{:>18}", named.named(*tier), grouped(*days))),
            );
        }
    }
    if unknown > 0 {
        lines.push(format!("  {unknown} areas are left out: how many people live there is not known"));
    }
    lines
}

fn where_they_differ(compared: &Comparison) -> Vec<String> {
    let all = compared.areas.iter().flat_map(|area| compared.stretches(area).into_iter().map(move |one| (area, one)));
    let mut lines: Vec<String> = all.map(|(area, stretch)| told(compared, area, &stretch)).collect();
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    lines.extend(
        (more > 0).then(|| format!("  {more} more stretches of days: --csv has all of them, --svg draws them")),
    );
    match lines.is_empty() {
        true => vec![String::new(), "they differ nowhere".to_owned()],
        false => [vec![String::new(), "where they differ".to_owned()], lines].concat(),
    }
}

fn told(compared: &Comparison, area: &Compared, stretch: &Stretch) -> String {
    let [a, b] = &compared.sides;
    let (a, b) = (a.named(stretch.tiers[0]), b.named(stretch.tiers[1]));
    let who = format!("{} {}", area.code, if area.name == area.code { "" } else { &area.name });
    format!("  {who:<28}{} to {}  A {a}, B {b}", stretch.first, stretch.last)
}

fn csv(compared: &Comparison) -> anyhow::Result<Vec<String>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["area", "name", "population", "day", "a", "b", "differ"])?;
    for area in &compared.areas {
        for (day, tiers) in (compared.days.0.0..).map(Day).zip(&area.tiers) {
            let Some(tiers) = tiers else { continue };
            let population = area.people.on(day).map(|people| people.to_string()).unwrap_or_default();
            let [a, b] = [0, 1].map(|side| tiers[side].map_or("", |_| compared.sides[side].named(tiers[side])));
            let differ = if compared.differ(*tiers) { "yes" } else { "no" };
            table.write_record([&area.code, &area.name, &population, &day.to_string(), a, b, differ])?;
        }
    }
    let text = String::from_utf8(table.into_inner().context("memory can be written to")?)?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn json(compared: &Comparison) -> Vec<String> {
    let sums = |areas: &[&Compared], side: usize| -> serde_json::Value {
        let days = compared.person_days(areas.iter().copied(), side).into_iter();
        days.map(|(tier, days)| (compared.sides[side].named(tier).to_owned(), days.into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let all: Vec<&Compared> = compared.areas.iter().collect();
    let side = |at: usize| {
        let side = &compared.sides[at];
        serde_json::json!({"policy": side.name, "tiers": side.tiers, "person_days": sums(&all, at)})
    };
    let (first, last) = compared.days;
    let both = serde_json::json!({"from": first.to_string(), "to": last.to_string(), "a": side(0), "b": side(1)});
    let of_area = |area: &Compared| {
        let stretch = |one: &Stretch| {
            serde_json::json!({
                "from": one.first.to_string(),
                "to": one.last.to_string(),
                "a": compared.sides[0].named(one.tiers[0]),
                "b": compared.sides[1].named(one.tiers[1]),
            })
        };
        let differ: Vec<_> = compared.stretches(area).iter().map(stretch).collect();
        let days = [0, 1].map(|side| sums(&[area], side));
        serde_json::json!({
            "area": area.code, "name": area.name, "population": area.people.on(last), "differ": differ,
            "person_days": {"a": days[0], "b": days[1]},
        })
        .to_string()
    };
    std::iter::once(both.to_string()).chain(compared.areas.iter().map(of_area)).collect()
}
