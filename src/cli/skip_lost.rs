//! `swabstream skip-lost`: says what was deleted before it was read, and goes on behind it when told to.

use super::reading;
use crate::audit::RulesFound;
use crate::clock;
use crate::config::{Config, KafkaConfig};
use crate::kafka::client::members;
use crate::kafka::lost::{self, Lost};
use crate::kafka::{group_of, topic_name, topics};
use crate::model::record::{Layout, Topic};
use crate::pipeline::area::AreaHalf;
use crate::pipeline::half::Half;
use crate::pipeline::person::PersonHalf;
use crate::runtime::task::RulesInForce;
use crate::skip_lost::{self, Operator, Site, SkipError};
use crate::terminal;
use crate::terminal::output::Duty;
use crate::terminal::signals::{self, Hangup};
use anyhow::{bail, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A group is waited for so long beyond the session of its members: the broker looks for those that ended now and then.
const BEYOND_SESSION: Duration = Duration::from_secs(4);

/// Between two looks at a group.
const PAUSE: Duration = Duration::from_millis(500);

/// Go on behind records that were deleted before they were read
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream skip-lost --config swabstream.toml                        what is lost; writes nothing
  swabstream skip-lost --config swabstream.toml --task 3 --to 120450   gives it up
  swabstream skip-lost --config lab.toml --task 3 --to lab-results=120450 --to contact-records=311

The last is for a task of which two inputs have lost something.

Where retention, or somebody, deletes records of an input before the processor has read them, the processor does not \
start: results that nobody read must not pass for none. Without --to this lists what is lost of every task, with the \
command that gives it up. Ask the labs and tracers first to have it sent again: what they send again is read as new.

With --to it writes one commit of that task: everybody's state stays, the task's next offset lies behind the gap, and its \
books hold the offsets as an outcome of their own, lost, with the time. Offsets are counted, and some may have been \
markers of transactions: at most so many records are lost. The audit names them ever after.

--to is the first offset there still is, as listed: any other is refused, so that nothing is given up that can still be \
read. A task commits all its inputs together: where several have lost something, the listed command names each, and one that \
names fewer is refused. All instances must be stopped; one that was killed, or ended a moment ago, is a member of its group \
until its session ends (6 s by default), and is waited for. Whoever ends it (Ctrl-C, SIGTERM) before its commit is written \
finds nothing changed, and is told so. What is lost of area-changes is rebuilt from people by swabstream \
repair, once the processor has started again.

Exit codes:
  0    nothing is lost, or it was given up
  1    something is lost and nothing was written
  2    it could not be done, or without --to what is lost could not be listed
  141  without --to: its output was closed before the end (as by | head), and nothing was lost")]
pub struct SkipLostArgs {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// The task: the partition of the input
    #[arg(long, value_name = "N")]
    task: Option<i32>,
    /// Give up what is lost before this offset of an input, e.g. contact-records=311; without a name of the only one
    /// that has lost something. Once for each that has
    #[arg(long, value_name = "[TOPIC=]OFFSET", requires = "task", value_parser = end)]
    to: Vec<End>,
}

/// Up to where something is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    /// Of which input; `None` of the only one.
    topic: Option<Topic>,
    offset: i64,
}

fn end(text: &str) -> Result<End, String> {
    let (topic, offset) = match text.split_once('=') {
        Some((name, offset)) => (Some(input(name)?), offset),
        None => (None, text),
    };
    let offset = offset.trim().parse().map_err(|_| "it is an offset, a whole number, or TOPIC=OFFSET".to_owned())?;
    Ok(End { topic, offset })
}

impl SkipLostArgs {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        if self.to.is_empty() { Duty::Looks } else { Duty::Changes }
    }
}

/// An input by its name without prefix.
fn input(name: &str) -> Result<Topic, String> {
    let inputs = || PersonHalf::INPUTS.iter().chain(AreaHalf::INPUTS);
    inputs().find(|topic| topic.name() == name.trim()).copied().ok_or_else(|| {
        let names: Vec<&str> = inputs().map(|topic| topic.name()).collect();
        format!("the topic before `=` is one of {}, without prefix", names.join(", "))
    })
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(args: &SkipLostArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let wanted = |lost: &Lost| args.task.is_none_or(|task| lost.task == task);
    let (layout, all) = signals::before_the_work(|| {
        let layout = topics::layout(&config.kafka)?;
        lost::find(&config.kafka, layout).map(|all| (layout, all))
    })?;
    let all: Vec<Lost> = all.into_iter().filter(wanted).collect();
    if args.to.is_empty() {
        return list(&all, &config.kafka, out);
    }
    let lost = chosen(&all, &args.to, &config.kafka)?;
    let said = match lost[0].is_of_areas() {
        true => give_up::<AreaHalf>(&config, layout, &lost)?,
        false => give_up::<PersonHalf>(&config, layout, &lost)?,
    };
    out.write_all(said.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What is lost of one half and task is given up together: so it is listed.
fn together(all: &[Lost]) -> Vec<Vec<Lost>> {
    let mut by_commit: BTreeMap<(bool, i32), Vec<Lost>> = BTreeMap::new();
    for lost in all {
        by_commit.entry((lost.is_of_areas(), lost.task)).or_default().push(*lost);
    }
    by_commit.into_values().collect()
}

fn list(all: &[Lost], kafka: &KafkaConfig, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut said = String::new();
    for group in together(all) {
        for lost in &group {
            let Lost { topic, task, from, to } = lost;
            let name = topic_name(&kafka.prefix, *topic);
            let offsets = lost.offsets();
            writeln!(said, "{name} [{task}]: offsets {from} to {to} were deleted unread, at most {offsets} records")?;
        }
        let them = if group.len() == 1 { "them" } else { "all of these, which go together" };
        writeln!(said, "  give {them} up: {}", lost::command(&group, kafka))?;
    }
    if all.is_empty() {
        said.push_str("nothing is lost\n");
    }
    let listed = out.write_all(said.as_bytes());
    if all.is_empty() {
        listed?;
        return Ok(ExitCode::SUCCESS);
    }
    // What is lost is so, whether or not it could be listed; the output knows.
    Ok(ExitCode::FAILURE)
}

/// What is lost of the half that is meant, if all of it is named with its ends where they are said to be.
fn chosen(all: &[Lost], ends: &[End], kafka: &KafkaConfig) -> anyhow::Result<Vec<Lost>> {
    let is_named = |lost: &&Lost| ends.iter().any(|end| end.topic.is_none_or(|topic| topic == lost.topic));
    let mut meant = together(all).into_iter().filter(|group| group.iter().any(|lost| is_named(&lost)));
    let Some(group) = meant.next() else { bail!("nothing is lost there, so nothing is given up") };
    if let Some(other) = meant.next() {
        let commands = [group, other].map(|group| lost::command(&group, kafka)).join("; ");
        bail!(
            "people and areas have each lost something in this task, and are given up one after the other: {commands}"
        );
    }
    let command = lost::command(&group, kafka);
    let names = |end: &&End, lost: &Lost| match end.topic {
        Some(topic) => topic == lost.topic,
        None => group.len() == 1,
    };
    for lost in &group {
        let Some(end) = ends.iter().find(|end| names(end, lost)) else {
            bail!(
                "a task commits all its inputs together, so all that was lost of them is given up at once, {} too: {command}",
                lost.topic.name()
            );
        };
        let (from, to, given) = (lost.from, lost.to, end.offset);
        ensure!(
            given <= to,
            "offset {to} and what follows is still there and will be read: give up no more than that: {command}"
        );
        ensure!(given == to, "what is lost goes from {from} to {to}, and goes on behind {given}: {command}");
    }
    let one_each = ends.len() == group.len();
    ensure!(one_each, "--to names an input twice, or one that has lost nothing; give up what is lost with: {command}");
    Ok(group)
}

/// Waits until nobody is a member of the group. A processor that ended, or was killed, a moment ago still is one to the
/// broker; one that runs stays.
fn await_stopped(kafka: &KafkaConfig, group: &str) -> anyhow::Result<()> {
    let limit = members::session(kafka)? + BEYOND_SESSION;
    let (began, mut said) = (clock::monotonic(), false);
    loop {
        let members = signals::before_the_work(|| members::count(kafka, group))?;
        if members == 0 {
            return Ok(());
        }
        ensure!(
            began.elapsed() <= limit,
            "group {group} has {members} members: a processor runs; stop all instances first"
        );
        if !said {
            terminal::say(&format!(
                "waiting up to {} s: group {group} still has {members} members; a processor that has ended or was killed \
                 counts until the broker gives it up",
                limit.as_secs()
            ));
            said = true;
        }
        std::thread::sleep(PAUSE);
        ensure!(!signals::asked(), SkipError::Interrupted);
    }
}

/// Writes the commit, and says what was done.
fn give_up<H: Half>(config: &Config, layout: Layout, lost: &[Lost]) -> anyhow::Result<String> {
    let kafka = &config.kafka;
    await_stopped(kafka, &group_of::<H>(kafka))?;
    let RulesFound { rules, .. } = signals::before_the_work(|| reading::rules_in_force(kafka))?;
    let site = Site {
        kafka: kafka.clone(),
        layout,
        secret: config.secret()?,
        history: config.processing.history,
        formats: config.processing.formats(),
        // The state holds by which rules it was derived; a worker takes up those in force.
        rules: RulesInForce { rules, offset: 0 },
        ring: u64::from(config.processing.changelog_ring.get()),
    };
    let (at, task) = (clock::now(), lost[0].task);
    let mut log = signals::before_the_work(|| skip_lost::join::<H>(&site, lost))?;
    let operator = Operator { asks_to_end: &signals::asked, hears: &terminal::say };
    let commit = skip_lost::give_up::<H, _>(&mut log, &site, (task, lost), at, operator)?;
    let mut said = String::new();
    for Lost { topic, from, to, .. } in lost {
        let (name, offsets) = (topic_name(&kafka.prefix, *topic), to - from);
        writeln!(
            said,
            "{name} [{task}]: offsets {from} to {to} are given up as lost, at most {offsets} records, at {at} (commit {commit})"
        )?;
    }
    said.push_str(match lost[0].is_of_areas() {
        true => "start the processor, then rebuild the counts: swabstream repair\n",
        false => "start the processor\n",
    });
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(topic: Topic, to: i64) -> Lost {
        Lost { topic, task: 3, from: 4, to }
    }

    fn ends(texts: &[&str]) -> Vec<End> {
        texts.iter().map(|text| end(text).expect("an end")).collect()
    }

    #[test]
    fn only_what_is_lost_can_be_given_up_and_only_all_of_it() {
        let kafka = KafkaConfig::new("kafka:9092", "cq.");
        let chosen = |all: &[Lost], texts: &[&str]| chosen(all, &ends(texts), &kafka);
        let refused = |all: &[Lost], texts: &[&str]| chosen(all, texts).expect_err("refused").to_string();
        let one = [lost(Topic::LabResults, 10)];
        assert_eq!(chosen(&one, &["10"]).expect("that is what is lost"), one);
        assert_eq!(chosen(&one, &["lab-results=10"]).expect("that is what is lost"), one);
        assert!(refused(&one, &["11"]).contains("still there"), "{}", refused(&one, &["11"]));
        assert!(refused(&one, &["9"]).contains("--to lab-results=10"), "{}", refused(&one, &["9"]));
        assert!(refused(&one, &["contact-records=10"]).contains("nothing is lost there"));
        assert!(refused(&one, &["10", "10"]).contains("names an input twice"));
        assert!(refused(&[], &["10"]).contains("nothing is lost there"));
    }

    #[test]
    fn what_several_inputs_of_a_task_have_lost_is_given_up_together_or_not_at_all() {
        let kafka = KafkaConfig::new("kafka:9092", "cq.");
        let chosen = |all: &[Lost], texts: &[&str]| chosen(all, &ends(texts), &kafka);
        let refused = |all: &[Lost], texts: &[&str]| chosen(all, texts).expect_err("refused").to_string();
        let two = [lost(Topic::LabResults, 10), lost(Topic::ContactRecords, 7)];
        let both = ["contact-records=7", "lab-results=10"];
        assert_eq!(chosen(&two, &both).expect("both are named"), two);
        let command = "--task 3 --to lab-results=10 --to contact-records=7";
        let all_refused = [&["10"][..], &["10", "7"], &["lab-results=10"], &["lab-results=10", "contact-records=8"]];
        for few in all_refused {
            assert!(refused(&two, few).contains(command), "{few:?}: {}", refused(&two, few));
        }
        assert!(refused(&two, &["lab-results=10", "lab-results=10", "contact-records=7"]).contains("twice"));
        // The area half commits apart.
        let three = [two[0], two[1], lost(Topic::AreaChanges, 6)];
        assert_eq!(chosen(&three, &both).expect("those of one half"), two);
        assert_eq!(chosen(&three, &["area-changes=6"]).expect("that of the other"), three[2..]);
        assert!(refused(&three, &["6"]).contains("--to area-changes=6"), "{}", refused(&three, &["6"]));
    }

    #[test]
    fn what_is_lost_is_listed_with_the_command_that_gives_it_up_and_no_exit_code_of_success() {
        let mut kafka = KafkaConfig::new("kafka:9092", "cq.");
        kafka.file = Some("cq.toml".into());
        let mut out = Vec::new();
        let all = [lost(Topic::LabResults, 10), lost(Topic::ContactRecords, 7), lost(Topic::AreaChanges, 6)];
        assert_eq!(list(&all, &kafka, &mut out).expect("listed"), ExitCode::FAILURE);
        let said = String::from_utf8(out).expect("text");
        let both = "swabstream skip-lost --config cq.toml --task 3 --to lab-results=10 --to contact-records=7\n";
        let other = "swabstream skip-lost --config cq.toml --task 3 --to area-changes=6\n";
        assert!(said.contains("cq.lab-results [3]: offsets 4 to 10"), "{said}");
        assert!(said.contains("cq.contact-records [3]: offsets 4 to 7"), "{said}");
        assert!(said.contains(both) && said.contains(other), "{said}");
        assert_eq!(said.matches("swabstream skip-lost").count(), 2, "{said}");
        let mut full: &mut [u8] = &mut [];
        assert_eq!(list(&all[..1], &kafka, &mut full).expect("said"), ExitCode::FAILURE);
        assert_eq!(list(&[], &kafka, &mut Vec::new()).expect("listed"), ExitCode::SUCCESS);
    }
}
