//! `swabstream topics`: creates the topics with the right settings, and says what is wrong with those there are.

use crate::config::{Config, KafkaConfig};
use crate::kafka::topics::{self, Wanted};
use crate::model::record::Layout;
use crate::terminal::output::Duty;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with topics.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum TopicsCommand {
    /// Create the topics that are missing; those there are stay as they are
    #[command(after_help = "Examples:
  swabstream topics create --config swabstream.toml
  swabstream topics create --config swabstream.toml --person-tasks 64 --area-tasks 8 --replication 3

The numbers of tasks are fixed for ever: a person's task is the hash of its pseudonym modulo their number. Take more \
person tasks than you will ever have cores. Whether the topics are for past data says the configuration \
([processing] history = true).

Exit codes: 0 all topics are there and right, 1 one is not as it must be, 2 it could not be done.")]
    Create {
        /// Which topics
        #[command(flatten)]
        place: Place,
        /// Person tasks: partitions of lab-results and of the topics partitioned like it; unless said as many as those there are, else 16
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
        person_tasks: Option<i32>,
        /// Area tasks: partitions of area-changes and of the topics partitioned like it; unless said as many as those there are, else 4
        #[arg(long, value_name = "M", value_parser = clap::value_parser!(i32).range(1..=256))]
        area_tasks: Option<i32>,
        /// Replicas of each partition; -1 leaves it to the broker
        #[arg(long, value_name = "COUNT", default_value_t = -1, allow_negative_numbers = true)]
        replication: i32,
    },
    /// Say what is wrong with the topics there are, and the command that mends it
    #[command(after_help = "Example:\n  swabstream topics check --config swabstream.toml

Exit codes: 0 all is right, 1 something is wrong, 2 the broker could not be asked, or what was found not be written, 141 its \
output was closed before the end (as by | head).")]
    Check {
        /// Which topics
        #[command(flatten)]
        place: Place,
    },
}

/// Which topics: those of a configuration, or of a broker and a prefix.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: Option<PathBuf>,
    /// Instead of a configuration: the broker
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// With --brokers: put before every topic name
    #[arg(long, value_name = "TEXT", requires = "brokers", default_value = "")]
    prefix: String,
    /// With --brokers: the topics are for past data
    #[arg(long, requires = "brokers")]
    history: bool,
}

impl Place {
    /// Where Kafka is, and whether the topics are for past data.
    fn read(&self) -> anyhow::Result<(KafkaConfig, bool)> {
        match (&self.brokers, &self.config) {
            // Also where the environment names a configuration: the command that mends a broker is printed like this.
            (Some(brokers), _) => Ok((KafkaConfig::new(brokers, &self.prefix), self.history)),
            (None, Some(file)) => {
                let config = Config::read(file)?;
                Ok((config.kafka, config.processing.history))
            }
            (None, None) => anyhow::bail!("say which topics: --config FILE, or --brokers HOST:PORT"),
        }
    }
}

impl TopicsCommand {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        match self {
            Self::Create { .. } => Duty::Changes,
            Self::Check { .. } => Duty::Looks,
        }
    }
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(command: &TopicsCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        TopicsCommand::Create { place, person_tasks, area_tasks, replication } => {
            let (kafka, history) = place.read()?;
            let [persons, areas] = runtime.block_on(topics::existing(&kafka))?;
            let layout = Layout {
                person_tasks: person_tasks.or(persons).unwrap_or(16),
                area_tasks: area_tasks.or(areas).unwrap_or(4),
            };
            let wanted = Wanted { layout, replication: *replication, history };
            let done = runtime.block_on(topics::create(&kafka, wanted))?;
            for name in &done.created {
                writeln!(out, "created {name}")?;
            }
            for name in &done.existed {
                writeln!(out, "existed {name}")?;
            }
            runtime.block_on(check(&kafka, history, [*person_tasks, *area_tasks], out))
        }
        TopicsCommand::Check { place } => {
            let (kafka, history) = place.read()?;
            runtime.block_on(check(&kafka, history, [None, None], out))
        }
    }
}

/// Says what the topics are. What was asked for and is not so is wrong too: the numbers of tasks are fixed for ever.
async fn check(
    kafka: &KafkaConfig,
    history: bool,
    [person_tasks, area_tasks]: [Option<i32>; 2],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let checked = topics::check(kafka, history).await?;
    for finding in &checked.findings {
        writeln!(out, "{finding}")?;
    }
    let Some(layout) = checked.layout.filter(|_| checked.findings.is_empty()) else { return Ok(ExitCode::FAILURE) };
    let mode = if history { "past data" } else { "live work" };
    let Layout { person_tasks: persons, area_tasks: areas } = layout;
    writeln!(out, "all topics are right for {mode}: {persons} person tasks, {areas} area tasks")?;
    if person_tasks.is_some_and(|wanted| wanted != persons) || area_tasks.is_some_and(|wanted| wanted != areas) {
        writeln!(out, "that is not what was asked for: they existed before, and their numbers are fixed for ever")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
