//! `swabstream skip-lost`: says what was deleted before it was read, and goes on behind it when told to.

use super::reading;
use crate::audit::RulesFound;
use crate::clock;
use crate::config::{Config, KafkaConfig};
use crate::kafka::lost::{self, Lost};
use crate::kafka::{topic_name, topics};
use crate::model::record::{Layout, Topic};
use crate::pipeline::area::AreaHalf;
use crate::pipeline::half::Half;
use crate::pipeline::person::PersonHalf;
use crate::processor::group_of;
use crate::runtime::task::RulesInForce;
use crate::skip_lost::{Site, skip};
use crate::terminal::output::Duty;
use anyhow::{bail, ensure};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Go on behind records that were deleted before they were read
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream skip-lost --config swabstream.toml                        what is lost; writes nothing
  swabstream skip-lost --config swabstream.toml --task 3 --to 120450   gives it up

Where retention, or somebody, deletes records of an input before the processor has read them, the processor does not \
start: results that nobody read must not pass for none. Without --to this lists what is lost of every task, with the \
command that gives it up. Ask the labs and tracers first to have it sent again: what they send again is read as new.

With --to it writes one commit of that task: everybody's state stays, the task's next offset lies behind the gap, and its \
books hold the offsets as an outcome of their own, lost, with the time. Offsets are counted, and some may have been \
markers of transactions: at most so many records are lost. The audit names them ever after.

--to is the first offset there still is, as listed: any other is refused, so that nothing is given up that can still be \
read. All instances must be stopped; one that was killed counts until its session ends (6 s by default). What is lost of \
area-changes is rebuilt from people by swabstream repair, once the processor has started again.

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
    /// The input, where several of a task have lost something, e.g. contact-records
    #[arg(long, value_name = "TOPIC", value_parser = input)]
    topic: Option<Topic>,
    /// Give up what is lost before this offset
    #[arg(long, value_name = "OFFSET", requires = "task")]
    to: Option<i64>,
}

impl SkipLostArgs {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        if self.to.is_some() { Duty::Changes } else { Duty::Looks }
    }
}

/// An input by its name without prefix.
fn input(name: &str) -> Result<Topic, String> {
    let inputs = || PersonHalf::INPUTS.iter().chain(AreaHalf::INPUTS);
    inputs().find(|topic| topic.name() == name).copied().ok_or_else(|| {
        let names: Vec<&str> = inputs().map(|topic| topic.name()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(args: &SkipLostArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let layout = topics::layout(&config.kafka)?;
    let wanted = |lost: &Lost| {
        args.task.is_none_or(|task| lost.task == task) && args.topic.is_none_or(|topic| lost.topic == topic)
    };
    let all: Vec<Lost> = lost::find(&config.kafka, layout)?.into_iter().filter(wanted).collect();
    match args.to {
        None => list(&all, &config.kafka, out),
        Some(to) => {
            let lost = chosen(&all, to)?;
            let said = match lost.topic {
                Topic::AreaChanges => give_up::<AreaHalf>(&config, layout, lost)?,
                _ => give_up::<PersonHalf>(&config, layout, lost)?,
            };
            writeln!(out, "{said}")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(all: &[Lost], kafka: &KafkaConfig, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut said = String::new();
    for lost in all {
        let Lost { topic, task, from, to } = lost;
        let name = topic_name(&kafka.prefix, *topic);
        writeln!(
            said,
            "{name} [{task}]: offsets {from} to {to} were deleted unread, at most {} records; give them up: {}",
            lost.offsets(),
            lost.command(kafka)
        )?;
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

/// The one loss that is meant, if its end is where it is said to be.
fn chosen(all: &[Lost], to: i64) -> anyhow::Result<Lost> {
    let lost = match all {
        [] => bail!("nothing is lost there, so nothing is given up"),
        [lost] => *lost,
        several => {
            let names: Vec<&str> = several.iter().map(|lost| lost.topic.name()).collect();
            bail!("several inputs of this task have lost something: say --topic with one of {}", names.join(", "))
        }
    };
    let (from, start) = (lost.from, lost.to);
    ensure!(
        to <= start,
        "offset {start} and what follows is still there and will be read: give up no more than --to {start}"
    );
    ensure!(to == start, "what is lost goes from {from} to {start}, and goes on behind {to}: say --to {start}");
    Ok(lost)
}

/// Writes the commit, and says what was done.
fn give_up<H: Half>(config: &Config, layout: Layout, lost: Lost) -> anyhow::Result<String> {
    let kafka = &config.kafka;
    let group = group_of::<H>(kafka);
    let members = lost::members(kafka, &group)?;
    ensure!(
        members == 0,
        "group {group} has {members} members: a processor runs, or was killed a moment ago; stop all instances first"
    );
    let RulesFound { rules, .. } = reading::rules_in_force(kafka)?;
    let site = Site {
        kafka: kafka.clone(),
        layout,
        secret: config.secret()?,
        history: config.processing.history,
        // The state holds by which rules it was derived; a worker takes up those in force.
        rules: RulesInForce { rules, offset: 0 },
        ring: u64::from(config.processing.changelog_ring.get()),
    };
    let at = clock::now();
    let commit = skip::<H>(&site, lost, at)?;
    let Lost { topic, task, from, to } = lost;
    let name = topic_name(&kafka.prefix, topic);
    let then = match topic {
        Topic::AreaChanges => "start the processor, then rebuild the counts: swabstream repair",
        _ => "start the processor",
    };
    Ok(format!(
        "{name} [{task}]: offsets {from} to {to} are given up as lost, at most {} records, at {at} (commit {commit}); {then}",
        lost.offsets()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(topic: Topic) -> Lost {
        Lost { topic, task: 3, from: 4, to: 10 }
    }

    #[test]
    fn only_what_is_lost_can_be_given_up_and_only_all_of_it() {
        let one = [lost(Topic::LabResults)];
        assert_eq!(chosen(&one, 10).expect("that is what is lost"), one[0]);
        let refused = |all: &[Lost], to| chosen(all, to).expect_err("refused").to_string();
        assert!(refused(&one, 11).contains("still there"), "{}", refused(&one, 11));
        assert!(refused(&one, 9).contains("--to 10"), "{}", refused(&one, 9));
        assert!(refused(&[], 10).contains("nothing is lost"));
        let two = [lost(Topic::LabResults), lost(Topic::ContactRecords)];
        assert!(refused(&two, 10).contains("--topic"), "{}", refused(&two, 10));
    }

    #[test]
    fn what_is_lost_is_listed_with_the_command_that_gives_it_up_and_no_exit_code_of_success() {
        let mut kafka = KafkaConfig::new("kafka:9092", "cq.");
        kafka.file = Some("cq.toml".into());
        let mut out = Vec::new();
        assert_eq!(list(&[lost(Topic::LabResults)], &kafka, &mut out).expect("listed"), ExitCode::FAILURE);
        let said = String::from_utf8(out).expect("text");
        let command = "swabstream skip-lost --config cq.toml --topic lab-results --task 3 --to 10";
        assert!(said.contains("cq.lab-results [3]: offsets 4 to 10") && said.contains(command), "{said}");
        let mut full: &mut [u8] = &mut [];
        assert_eq!(list(&[lost(Topic::LabResults)], &kafka, &mut full).expect("said"), ExitCode::FAILURE);
        assert_eq!(list(&[], &kafka, &mut Vec::new()).expect("listed"), ExitCode::SUCCESS);
    }
}
