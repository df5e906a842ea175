//! `swabstream days`: which days are closed, which wait for whom, and letting one close without a task that is lost.
//!
//! In: `progress` and `rules`, or the mark of a day. Out: a table, or the set of rules with or without the mark, in one
//! transaction. Nothing is published that has an error.

use super::reading::LONGEST_WAIT;
use super::rules::{for_change, outputs, read_topic};
use super::watch::moment;
use crate::clock;
use crate::config::Config;
use crate::kafka::reader::{From, TopicReader};
use crate::kafka::topics;
use crate::model::record::Topic;
use crate::model::time::{Day, Timestamp};
use crate::policy::plan::Plan;
use crate::policy::{DayIncomplete, Rules, records};
use crate::proto::v1::{self, rule::Rule as Kind};
use crate::terminal::output::Duty;
use crate::terminal::signals;
use crate::view::days::{DayStatus, Published, State, WaitsFor};
use crate::view::overview::Overview;
use anyhow::{Context as _, ensure};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with days.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DaysCommand {
    /// Show the last days: closed, waiting and for whom, marked incomplete by whom
    #[command(after_help = "Example:
  swabstream days list --config swabstream.toml

A day is closed for every area, once and in order, at the hour that the case policy of the first target says \
(day_close_hours after the midnight that ends it, 24 if left out), and not before every person task has come so far: what \
is received later counts in the live numbers, and is told apart. A day that waits names the tasks that are behind, and how \
far each has come. Of a day before the first that was closed here, and of one whose close was dropped long ago, there is \
none.

Exit codes: 0 shown, 1 a day waits, or no rules are in force, 2 it could not be read, or not be written, 141 its output was \
closed before the end (as by | head).")]
    List {
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
        /// How many days
        #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=400))]
        last: u16,
    },
    /// Let a day close without tasks that are behind
    #[command(after_long_help = "Example:
  swabstream days mark-incomplete 2026-11-29 --without 3 --by 'Zhang Wei' --reason 'disk lost'

This is for a person task that will not come on in time: its people's results are missing from what is published at the \
day's close, which says so, with the number of the task. Days close in order: where the day waits for one before it, or for \
another task, that is said, and the mark holds from then on. First see why it stalls (RUNBOOK, SwabstreamDayWaits): a task that \
is moved to another instance comes on by itself within seconds, and nothing is missing then.

The mark is a rule, with a name and a reason: it is in force at once and for all instances, `swabstream rules show --json` \
has it, and `swabstream rules apply` keeps it. It is about one day; whatever closes later waits for the task again. Live \
numbers go on to that day's close without the task's people; a tier rises for what is known of those days, and does not fall \
before the task has come on. When the task comes on, its results count in the live numbers, and the close stays as it was published. Until the day \
is closed the mark can be taken back, `swabstream days unmark`, or replaced by one without other tasks: then it is said whose \
it was. One that would say no more than the mark there is, is refused, as is one without a task that was never heard of: no \
day closes before every task has been at work once.

Exit codes: 0 it is marked, 1 it cannot be and nothing was published, 2 it could not be done.")]
    MarkIncomplete {
        /// The day, e.g. 2026-11-29
        #[arg(value_name = "DAY", value_parser = day)]
        day: Day,
        /// Person tasks that are not waited for, e.g. 3 or 3,7
        #[arg(long, value_name = "TASK", required = true, value_delimiter = ',')]
        without: Vec<i32>,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
    },
    /// Take back that a day may close without some tasks
    #[command(after_help = "Example:
  swabstream days unmark 2026-11-29 --config swabstream.toml

This is for a day that is not closed yet. What was closed stays as it was published, and so does who let it.

Exit codes: 0 it is marked no more, 1 it was not marked or is closed, and nothing was published, 2 it could not be done.")]
    Unmark {
        /// The day, e.g. 2026-11-29
        #[arg(value_name = "DAY", value_parser = day)]
        day: Day,
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
    },
}

impl DaysCommand {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        match self {
            Self::MarkIncomplete { .. } | Self::Unmark { .. } => Duty::Changes,
            Self::List { .. } => Duty::Looks,
        }
    }
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "it is a civil day, YYYY-MM-DD, e.g. 2026-11-29".to_owned())
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(command: &DaysCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        DaysCommand::List { config, last } => list(&Config::read(config)?, i32::from(*last), out),
        DaysCommand::MarkIncomplete { day, without, by, reason, config } => {
            let without: BTreeSet<i32> = without.iter().copied().collect();
            let (by, reason, at) = (by.clone(), reason.clone(), clock::now().to_string());
            mark(&Config::read(config)?, &DayIncomplete { day: *day, without, by, reason, at }, out)
        }
        DaysCommand::Unmark { day, config } => unmark(&Config::read(config)?, *day, out),
    }
}

fn list(config: &Config, days: i32, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Some(found) = read_topic(config)?.in_force else { return no_rules(out) };
    let (rules, (published, tasks)) = (found.rules, progress(config)?);
    let zone = TimeZone::get(&rules.deployment.zone_name)?;
    let all = published.last(&rules, tasks, days);
    if all.is_empty() {
        writeln!(out, "no task has published how far it has come; is the processor running?")?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = write_all(&all, &zone, out);
    if all.iter().any(|status| matches!(status.state, State::Waits(_))) {
        // It waits, whether or not it could be written; the output knows.
        return Ok(ExitCode::FAILURE);
    }
    written.map(|()| ExitCode::SUCCESS)
}

fn write_all(days: &[DayStatus<'_>], zone: &TimeZone, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{:11} {:9} of which", "day", "state")?;
    for status in days {
        writeln!(out, "{}", line(status, zone))?;
    }
    Ok(())
}

/// One day.
fn line(status: &DayStatus<'_>, zone: &TimeZone) -> String {
    let closes_at = moment(status.closes_at, zone);
    let (state, what) = match &status.state {
        State::Before => ("before", "the first day that was closed, or whose close is still held".to_owned()),
        State::Open => ("open", format!("closes at {closes_at}")),
        State::Closing => ("closing", format!("its time was {closes_at}")),
        State::Closed => ("closed", String::new()),
        State::Waits(tasks) => ("waits", tasks.iter().map(|task| waits_for(task, zone)).collect::<Vec<_>>().join(", ")),
    };
    let marked = status.incomplete.map(|mark| {
        let Told { tasks, .. } = told(mark);
        format!("incomplete without task {tasks}: {} ({}, {})", mark.reason, mark.by, mark.at)
    });
    let what: Vec<String> = [what].into_iter().filter(|what| !what.is_empty()).chain(marked).collect();
    format!("{:11} {state:9} {}", status.day.to_string(), what.join("; ")).trim_end().to_owned()
}

fn waits_for(task: &WaitsFor, zone: &TimeZone) -> String {
    let heard = task
        .heard
        .map_or("never heard of".to_owned(), |at| format!("which has come to {}", moment(Timestamp(at), zone)));
    format!("for person task {}, {heard}", task.task)
}

fn mark(config: &Config, mark: &DayIncomplete, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let (writer, held) = for_change(config).context(NOT_PUBLISHED)?;
    let Some(rules) = held.in_force.as_ref().map(|set| &*set.rules) else { return no_rules(out) };
    let zone = TimeZone::get(&rules.deployment.zone_name)?;
    let (published, tasks) = progress(config)?;
    if let Some(objection) = objection(rules, &published, tasks, mark) {
        writeln!(out, "{objection}; nothing was published")?;
        return Ok(ExitCode::FAILURE);
    }
    let record = records::record(Kind::DayIncomplete(wire(mark))).context("a mark is a rule")?;
    let mut all = rules.to_records();
    all.retain(|(key, _)| *key != record.0);
    all.push(record);
    let marked = match Rules::from_records(&all) {
        Ok(marked) => marked,
        Err(errors) => {
            for error in &errors {
                writeln!(out, "--{}: {}; {}", error.field, error.problem, error.hint)?;
            }
            writeln!(out, "nothing was published")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    writer.write(&outputs(&Plan::new(&held.records, &marked))).context(UNSURE)?;
    let held_up = published.unclosed(&marked, tasks, mark.day);
    for line in said_of(mark, rules.incomplete(mark.day), &held_up, &zone) {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wire(mark: &DayIncomplete) -> v1::DayIncomplete {
    v1::DayIncomplete {
        day: mark.day.to_string(),
        without: mark.without.iter().copied().collect(),
        by: mark.by.clone(),
        reason: mark.reason.clone(),
        at: mark.at.clone(),
    }
}

/// What a mark does, whose mark it replaces, and what its day waits for all the same: the days to it that are not closed.
fn said_of(
    mark: &DayIncomplete,
    replaced: Option<&DayIncomplete>,
    unclosed: &[DayStatus<'_>],
    zone: &TimeZone,
) -> Vec<String> {
    let waits = |status: &DayStatus<'_>| match &status.state {
        State::Waits(tasks) => Some(tasks.iter().map(|task| waits_for(task, zone)).collect::<Vec<_>>().join(", ")),
        State::Open => Some(format!("for its time, {}", moment(status.closes_at, zone))),
        State::Before | State::Closing | State::Closed => None,
    };
    let waiting: Vec<(Day, String)> = unclosed.iter().filter_map(|status| Some((status.day, waits(status)?))).collect();
    let does = if waiting.is_empty() { "closes" } else { "is marked to close, once nothing else holds it up," };
    let Told { tasks, why } = told(mark);
    let mut lines = vec![format!("{} {does} without person task {tasks}: {why}", mark.day)];
    if let Some(before) = replaced {
        let Told { tasks, why } = told(before);
        lines.push(format!("this replaces the mark without person task {tasks}: {why}, {}", before.at));
    }
    for (day, what) in waiting.iter().take(DAYS_SAID) {
        let what_for = if *day == mark.day { "" } else { ", which closes before it," };
        lines.push(format!("{day}{what_for} waits {what}"));
    }
    if let Some(more) = waiting.len().checked_sub(DAYS_SAID).filter(|more| *more > 0) {
        lines.push(format!("and so do {more} more days: swabstream days list"));
    }
    lines
}

/// Days that a mark's day waits for and that are said, at most.
const DAYS_SAID: usize = 5;

/// What a mark says.
struct Told {
    tasks: String,
    why: String,
}

fn told(mark: &DayIncomplete) -> Told {
    let tasks: Vec<String> = mark.without.iter().map(ToString::to_string).collect();
    Told { tasks: tasks.join(", "), why: format!("{} ({})", mark.reason, mark.by) }
}

fn unmark(config: &Config, day: Day, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let (writer, held) = for_change(config).context(NOT_PUBLISHED)?;
    let Some(rules) = held.in_force.as_ref().map(|set| &*set.rules) else { return no_rules(out) };
    if rules.incomplete(day).is_none() {
        let marked: Vec<String> = rules.all_incomplete().map(|mark| mark.day.to_string()).collect();
        let known =
            if marked.is_empty() { "no day is".to_owned() } else { format!("these are: {}", marked.join(", ")) };
        writeln!(out, "{day} is not marked incomplete, {known}; nothing was published")?;
        return Ok(ExitCode::FAILURE);
    }
    if progress(config)?.0.closed().is_some_and(|closed| day <= closed) {
        writeln!(out, "{day} is closed, and who let it close without whom is kept; nothing was published")?;
        return Ok(ExitCode::FAILURE);
    }
    let unmarked = rules.without_mark(day);
    writer.write(&outputs(&Plan::new(&held.records, &unmarked))).context(UNSURE)?;
    writeln!(out, "{day} is marked no more: where it is not closed yet, it waits for all tasks")?;
    Ok(ExitCode::SUCCESS)
}

/// Why a day cannot be marked, and what to do instead.
fn objection(rules: &Rules, published: &Published, tasks: i32, mark: &DayIncomplete) -> Option<String> {
    let day = mark.day;
    let Some(newest) = published.newest() else {
        return Some("no task has published how far it has come: start the processor first".to_owned());
    };
    let today = rules.day(newest);
    if let Some(task) = mark.without.iter().find(|task| !(0..tasks).contains(*task)) {
        return Some(format!("there is no person task {task}: they are 0 to {}", tasks - 1));
    }
    if let Some(task) = mark.without.iter().find(|task| !published.come_to.contains_key(*task)) {
        return Some(format!(
            "person task {task} was never heard of: no day closes, marked or not, before it has been at work once; see who \
             should run it (RUNBOOK, SwabstreamTaskWithoutOwner)"
        ));
    }
    if mark.without.len() as i32 == tasks {
        return Some("no task would be left: a day of which nothing is known is not closed".to_owned());
    }
    if day > today {
        return Some(format!("{day} lies in the future: the newest that a task has come to is {today}"));
    }
    if published.closed().is_some_and(|closed| day <= closed) {
        return Some(format!(
            "{day} is closed already, and what was published stays: results that come count from now on"
        ));
    }
    if published.closed_from().is_some_and(|from| day < from) {
        return Some(format!("{day} was over before the first day that is closed here"));
    }
    let standing = rules.incomplete(day).filter(|standing| mark.without.is_subset(&standing.without))?;
    let Told { tasks, why } = told(standing);
    Some(format!(
        "{day} is marked already, without person task {tasks}: {why}, {}; `swabstream days unmark` takes it back",
        standing.at
    ))
}

fn no_rules(out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    writeln!(out, "no rules are in force; publish some with `swabstream rules apply DIR`")?;
    Ok(ExitCode::FAILURE)
}

/// How far all tasks have come, and how many person tasks there are: one may never have been heard of.
fn progress(config: &Config) -> anyhow::Result<(Published, i32)> {
    let tasks = topics::person_tasks(&config.kafka)?;
    let mut reader = TopicReader::open(&config.kafka, &[Topic::Progress], From::Beginning)?;
    let mut overview = Overview::default();
    while !reader.caught_up() {
        ensure!(!signals::asked(), "interrupted before everything was read");
        reader.poll_within(10_000, LONGEST_WAIT, &mut |records| {
            for record in records {
                overview.absorb(record, |_| None);
            }
        })?;
    }
    Ok((overview.days().clone(), tasks.max(overview.days().tasks())))
}

/// What a failure leads to.
const NOT_PUBLISHED: &str = "nothing was published";

/// The end of a transaction that nobody confirmed may have come.
const UNSURE: &str = "it may not have been published; see what is in force: swabstream days list";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    fn published() -> Published {
        let at = |text: &str| sample_rules().span(day(text).expect("a day")).0.plus_hours(12);
        let mut published =
            Published { come_to: [(0, at("2022-11-14")), (1, at("2022-11-12"))].into(), ..Published::default() };
        published.area_task(0, "2022-11-10", "2022-11-10");
        published
    }

    fn mark(day_text: &str, without: &[i32]) -> DayIncomplete {
        DayIncomplete {
            day: day(day_text).expect("a day"),
            without: without.iter().copied().collect(),
            by: "Zhang Wei".into(),
            reason: "its disk is lost".into(),
            at: "2022-11-14T04:00:00Z".into(),
        }
    }

    fn marked(mark: &DayIncomplete) -> Rules {
        let mut records = sample_rules().to_records();
        records.push(records::record(Kind::DayIncomplete(wire(mark))).expect("a rule"));
        Rules::from_records(&records).expect("valid rules")
    }

    #[test]
    fn a_mark_says_what_its_day_waits_for_all_the_same_and_whose_mark_it_replaces() {
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let said = |day, without: &[i32], tasks, replaced: Option<&DayIncomplete>| {
            let mark = mark(day, without);
            said_of(&mark, replaced, &published().unclosed(&marked(&mark), tasks, mark.day), &zone)
        };
        assert_eq!(
            said("2022-11-11", &[1], 2, None),
            ["2022-11-11 closes without person task 1: its disk is lost (Zhang Wei)"]
        );
        let before =
            "2022-11-11, which closes before it, waits for person task 1, which has come to 2022-11-12T12:00:00+08:00";
        let not_yet =
            "is marked to close, once nothing else holds it up, without person task 1: its disk is lost (Zhang Wei)";
        assert_eq!(said("2022-11-12", &[1], 2, None), [format!("2022-11-12 {not_yet}"), before.to_owned()]);
        assert_eq!(said("2022-11-13", &[1], 2, None)[3], "2022-11-13 waits for its time, 2022-11-15T00:00:00+08:00");
        let standing = mark("2022-11-11", &[0]);
        assert_eq!(
            said("2022-11-11", &[1], 3, Some(&standing)),
            [
                format!("2022-11-11 {not_yet}"),
                "this replaces the mark without person task 0: its disk is lost (Zhang Wei), 2022-11-14T04:00:00Z"
                    .to_owned(),
                "2022-11-11 waits for person task 2, never heard of".to_owned(),
            ]
        );
    }

    #[test]
    fn a_mark_that_could_do_nothing_is_refused_with_what_to_do() {
        let rules = sample_rules();
        let said = |day, without: &[i32]| objection(&rules, &published(), 2, &mark(day, without));
        assert_eq!(said("2022-11-12", &[1]), None);
        for (day, without, says) in [
            ("2022-11-12", &[2][..], "there is no person task 2: they are 0 to 1"),
            ("2022-11-12", &[0, 1], "no task would be left"),
            ("2022-11-15", &[1], "2022-11-15 lies in the future: the newest that a task has come to is 2022-11-14"),
            ("2022-11-10", &[1], "2022-11-10 is closed already"),
        ] {
            let said = said(day, without).unwrap_or_default();
            assert!(said.starts_with(says), "{said}");
        }
        let standing = marked(&mark("2022-11-12", &[0, 1]));
        let said = |without: &[i32]| objection(&standing, &published(), 3, &mark("2022-11-12", without));
        let twice = said(&[1]).unwrap_or_default();
        assert!(
            twice.starts_with("2022-11-12 is marked already, without person task 0, 1: its disk is lost (Zhang Wei)"),
            "{twice}"
        );
        let never = said(&[2]).unwrap_or_default();
        assert!(never.starts_with("person task 2 was never heard of: no day closes"), "{never}");
        let nobody = objection(&rules, &Published::default(), 2, &mark("2022-11-12", &[1]));
        assert!(nobody.is_some_and(|said| said.contains("start the processor")));
    }

    #[test]
    fn the_list_says_of_every_day_whom_it_waits_for_and_who_let_it_close() {
        let rules = marked(&mark("2022-11-11", &[1]));
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let lines: Vec<String> = published().last(&rules, 3, 6).iter().map(|status| line(status, &zone)).collect();
        assert_eq!(
            lines,
            [
                "2022-11-14  open      closes at 2022-11-16T00:00:00+08:00",
                "2022-11-13  open      closes at 2022-11-15T00:00:00+08:00",
                "2022-11-12  waits     for person task 1, which has come to 2022-11-12T12:00:00+08:00, \
                 for person task 2, never heard of",
                "2022-11-11  waits     for person task 2, never heard of; incomplete without task 1: its disk is lost \
                 (Zhang Wei, 2022-11-14T04:00:00Z)",
                "2022-11-10  closed",
                "2022-11-09  before    the first day that was closed, or whose close is still held",
            ]
        );
    }
}
