//! `swabstream publish`: a file into its topic.
//!
//! In: a file, the settings of the deployment, the rules in force. Out: every valid row as a record whose delivery the
//! broker confirmed. The whole file is checked before the first record is sent; what is to be sent waits in a `spool`.
//! Memory is constant, below 150 MB: 32 MiB for that and 40 MiB for what is held of rows against each other
//! ([`notes`](crate::intake::notes)), and when both are done what the Kafka client has on its way.

use super::check::rules_of;
use super::file::{FileArgs, Opened};
use super::report::Report;
use super::rules;
use super::unfinished;
use crate::clock;
use crate::config::Config;
use crate::intake::arrivals::Outliers;
use crate::intake::check::{Checker, Judged, Received, Summary, Verdict};
use crate::intake::history::Marks;
use crate::kafka::publisher::Publisher;
use crate::kafka::topic_name;
use crate::memory;
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use crate::policy::Rules;
use crate::terminal::progress::Progress;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, anyhow, bail};
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

mod send;
mod spool;

use send::{Sending, Sent};
use spool::{Parcels, Spool};

/// Send a file into its topic, after checking all of it
///
/// Refused rows are listed by line, field and code and are not sent; the others are, and each delivery is confirmed.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  A lab's own CSV export, by a map:
    swabstream publish results.csv --map lab.toml --config swabstream.toml
  Contact records as JSON, one per line, at most 500 a second:
    swabstream publish contacts.ndjson --kind contacts --config swabstream.toml --rate 500
  Past data as they arrived then (topics with CreateTime, `history = true` in the settings):
    swabstream publish 2020.csv.gz --map ee.toml --config past.toml --history \\
        --until 2020-06-01T00:00:00Z

With --history a record's time is when its row arrived: what the map's `[history]` says or, of messages (JSON, protobuf), \
their `reported_at`. It is checked first whether the topic is there, then the whole file; only then the first record is \
sent. Beyond 32 MiB the records, and beyond 4 MiB what is known of the rows, wait in nameless files in the folder TMPDIR \
(/var/tmp), which are gone when the command is: memory is the same for any size. \
`[secret]` is not needed.

Ctrl-C, SIGTERM and SIGHUP (a terminal that closes) end it after the records that are on their way, and it says how many \
were delivered; once more ends it at once. To send what is left, send the whole file again. Closing its output ends \
nothing: what could not be written there is said on standard error.

Exit codes:
  0  every row was sent
  1  some rows were refused and not sent
  2  it could not be done, or not all of it; the last line says what was")]
pub struct PublishCommand {
    #[command(flatten)]
    file: FileArgs,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Rules to check against: a folder, or a file that `swabstream rules show --json` has written; without it those in
    /// force
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "no_rules")]
    rules: Option<PathBuf>,
    /// Check only what the contract itself demands
    #[arg(long)]
    no_rules: bool,
    /// Records per second at most
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Send refused rows too, as far as they are records: the processor will set them aside with the same codes
    #[arg(long)]
    force: bool,
    /// Past data: in order of arrival, with that time as the record's, and marks of time into every partition
    #[arg(long)]
    history: bool,
    /// Time of the last mark (RFC 3339), and the latest arrival: rows that arrived later are refused, earlier ones are
    /// believed, also in the future or years from the others. Without it the last mark is the last arrival
    #[arg(long, value_name = "TIME", requires = "history", value_parser = time)]
    until: Option<Timestamp>,
    /// Minutes of past time between marks
    #[arg(long, value_name = "N", requires = "history", default_value = "60")]
    mark_every: NonZeroU32,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| "not a time such as 2020-06-01T00:00:00Z".to_owned())?;
    Ok(Timestamp(at.as_millisecond()))
}

/// Runs the command; what it has to say goes to `out`, the progress to the terminal.
pub fn run(command: &PublishCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = Config::read(&command.config)?;
    match (command.history, config.processing.history) {
        (true, false) => bail!("--history is for deployments with `history = true` in [processing]; this one is live"),
        (false, true) => {
            bail!("this deployment has `history = true` in [processing]: it takes records by --history only")
        }
        _ => {}
    }
    let signals = signals::listen(Hangup::Ends)?;
    let rules = signals::before_the_work(|| rules_for(command, &config))?;
    let (checked, mut publisher) = (Checked::begin(command, &config)?, Publisher::connect(&config.kafka)?);
    let (topic, name) = (checked.kind_topic(), topic_name(&config.kafka.prefix, checked.kind_topic()));
    // A topic that is not there is known before a large file is read.
    signals::before_the_work(|| publisher.partitions(topic))?;
    let (parcels, summary) = checked.run(command, &config, rules.as_deref(), out)?;
    out.flush()?;
    memory::give_back();
    let every_ms = i64::from(command.mark_every.get()) * 60_000;
    let marks = command.history.then(|| Marks::new(every_ms, command.until));
    let unsent = summary.valid + summary.refused_total() - parcels.len();
    let sending = Sending { publisher, topic, name: name.clone(), signals };
    let sent = sending.all(parcels, command.rate, marks)?;
    say(&sent, &name, unsent, out)?;
    Ok(if unsent == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What was done comes last: it is what is shown where standard output is gone.
fn say(sent: &Sent, topic: &str, unsent: u64, out: &mut dyn Write) -> io::Result<()> {
    if sent.marks > 0 {
        writeln!(out, "{} marks of time, the last at {}", sent.marks, sent.last_mark)?;
    }
    if sent.records > 0 {
        writeln!(
            out,
            "how many of the records were there already cannot be told from here; each counts once, and the processor \
             counts repetitions as `duplicate` (swabstream_outcomes_total)"
        )?;
    }
    writeln!(out, "{} records delivered to {topic}; rows not sent: {unsent}", sent.records)
}

fn rules_for(command: &PublishCommand, config: &Config) -> anyhow::Result<Option<Arc<Rules>>> {
    if command.no_rules {
        return Ok(None);
    }
    if let Some(folder) = &command.rules {
        return rules_of(folder).map(Arc::new).map(Some);
    }
    let held = rules::read_topic(config).context("the rules in force cannot be read")?;
    let none =
        || anyhow!("no rules are in force: `swabstream rules apply DIR` first, or check by --rules or --no-rules");
    held.in_force.ok_or_else(none).map(|set| Some(set.rules))
}

/// A file about to be read and judged as a whole, before anything of it is sent.
struct Checked {
    opened: Opened,
}

impl Checked {
    fn begin(command: &PublishCommand, config: &Config) -> anyhow::Result<Self> {
        let opened = command.file.open(config.processing.max_record_bytes.get())?;
        if command.history && !opened.tells_arrival {
            bail!("the map does not say when rows arrived; add `[history]` with `arrived_at`");
        }
        Ok(Self { opened })
    }

    fn kind_topic(&self) -> Topic {
        self.opened.kind.topic()
    }

    /// Judges every row, and keeps what is to be sent.
    fn run(
        self,
        command: &PublishCommand,
        config: &Config,
        rules: Option<&Rules>,
        out: &mut dyn Write,
    ) -> anyhow::Result<(Parcels, Summary)> {
        let Opened { kind, mut reader, skip_reasons, way, .. } = self.opened;
        let (now, until) = (clock::now(), command.until);
        let received = if command.history { Received::OnArrival { now, until } } else { Received::At(now) };
        let checker =
            Checker { kind, rules, limit: config.processing.max_record_bytes.get(), received, stop: signals::asked };
        let (mut spool, mut kept) = (Spool::new(), Ok(()));
        let mut report = Report::new(&command.file, false, out);
        let mut progress = Progress::new("rows checked", way.whole());
        let mut rows = 0;
        let judged = checker.run(&mut reader, &mut |judged| {
            rows += 1;
            progress.at(rows, way.read());
            report.row(judged.line, &judged.verdict, &progress);
            if kept.is_ok() {
                kept = keep(&mut spool, &judged, command.force);
                // Without room for the rest there is no use in reading it.
                way.stop_if(kept.is_err());
            }
        });
        drop(progress);
        kept.with_context(|| no_room(&command.file))?;
        let summary = judged
            .map_err(|error| unfinished::why(error, rows, &reader.tally(), &command.file, "; nothing was sent"))?;
        report.close(&summary, &skip_reasons)?;
        let parcels = spool.finish().with_context(|| no_room(&command.file))?;
        let Outliers { rows, sendable, .. } = summary.outliers;
        let parcels = parcels.without(&summary.outliers, if command.force { sendable } else { rows });
        Ok((parcels, summary))
    }
}

fn no_room(file: &FileArgs) -> String {
    unfinished::no_room(file, "the records", "they are sent", "; nothing was sent")
}

fn keep(spool: &mut Spool, judged: &Judged<'_>, force: bool) -> io::Result<()> {
    let wanted = judged.verdict == Verdict::Valid || force;
    match judged.parcel.as_ref().filter(|_| wanted).and_then(|parcel| Some((parcel, parcel.received_at?))) {
        Some((parcel, received_at)) => spool.push(&parcel.key, parcel.message, received_at),
        None => Ok(()),
    }
}
