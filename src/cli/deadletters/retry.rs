//! `swabstream deadletters retry`: sends records again that were set aside, once each.

use super::explain::{cause, outlook};
use super::judge::{Again, Judge};
use super::letter::Letter;
use super::retried::{self, Retried, Sending, require_live};
use super::wanted::Wanted;
use super::{place, scan};
use crate::clock;
use crate::config::{Config, KafkaConfig};
use crate::model::outcome::code_text;
use crate::model::record::Position;
use crate::terminal::output::Duty;
use crate::terminal::say;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

/// More than these are sent only when that is confirmed.
const MANY: u64 = 10;

/// Of those that are not sent, the first are listed.
const SHOWN: usize = 10;

/// A transaction holds so many letters, and bytes, at most.
const LETTERS: usize = 500;
const BYTES: usize = 8 * 1024 * 1024;

/// Send records again that were set aside, once each
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream deadletters retry lab-results/3/41 --config swabstream.toml
  swabstream deadletters retry --code unknown_area --since 3d --dry-run --config swabstream.toml
  swabstream deadletters retry --code unknown_area --since 3d --yes --config swabstream.toml

A record is sent as it is: into the partition where it lay, under its key, with a header `swabstream-retry-of` that names the dead \
letter. Each is checked first by the rules in force, as `swabstream check` does: what would be refused again is said and not sent. \
What contradicts another version of its revision (`conflict`) is refused again for as long as that is there; `edit` gives it a higher \
revision. If the laboratory has sent a corrected version meanwhile, the record is a repeat, an earlier version or a conflict like any.

Nothing is sent twice: that a letter was sent again is remembered in the topic `retried`, in the transaction that sends it. A \
command that was killed or interrupted at whatever moment is simply run again. Of two at once, the one that was started last \
goes on. A record that is refused once more is another dead letter, and can be sent again itself.

What is sent again counts as received when it is sent again, not when it came first: a specimen that is older than the \
horizon by then is refused (before_horizon), and a positive that is old news by then is listed as historic. Nothing is lost or counted \
twice by that. Deployments of past data (`history = true`) are refused.

Exit codes:
  0    all that was asked for is sent, or was before; with --dry-run: would be
  1    some would be refused again, or cannot be sent, and were not
  2    it could not be done, not all of it, or not be listed (--dry-run); the last line says why
  141  with --dry-run: its output was closed before the end (as by | head), and all would be sent")]
pub struct RetryArgs {
    /// Topic, partition and offset, as in lab-results/3/41 or dead-letters/0/7; several may be named
    #[arg(value_name = "WHERE", value_parser = place::parse)]
    places: Vec<Position>,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    wanted: Wanted,
    /// All there are
    #[arg(long)]
    all: bool,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, however many there are
    #[arg(long)]
    yes: bool,
}

impl RetryArgs {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        if self.dry_run { Duty::Looks } else { Duty::Changes }
    }

    fn wants(&self, letter: &Letter<'_>) -> bool {
        let is_named = self.places.is_empty() || self.places.iter().any(|place| letter.is_at(*place));
        is_named && self.wanted.wants(letter)
    }
}

pub(super) fn run(args: &RetryArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    ensure!(
        args.all || !args.places.is_empty() || args.wanted.is_some(),
        "say which: name places, choose by --code, --lab, --since, --until or --topic, or take --all"
    );
    let config = Config::read(&args.config)?;
    require_live(&config)?;
    let judge = Judge::read(&config)?;
    let retried = signals::before_the_work(|| Retried::read(&config.kafka))?;
    let mut looked = Looked::default();
    scan::each(&config.kafka, false, &mut |letter| {
        if args.wants(letter) {
            looked.take(letter, &retried, &judge);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    looked.require_all(&args.places)?;
    let all_taken = looked.not_sent() == 0;
    let code = if all_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let said = looked.say(out);
    if args.dry_run {
        let taken = looked.taken;
        let said = said.and_then(|()| writeln!(out, "{taken} would be sent again, nothing was sent (--dry-run)"));
        // What would be refused is so, whether or not it could be listed; the output knows.
        return if all_taken { said.map(|()| code).map_err(Into::into) } else { Ok(code) };
    }
    said?;
    if looked.taken > 0 {
        out.flush()?;
        confirm(looked.taken, args.yes)?;
        let sent = send(args, &config, &judge, &looked)?;
        writeln!(out, "{sent} sent again")?;
    }
    Ok(code)
}

/// What was found of the letters that are asked for.
#[derive(Default)]
struct Looked {
    /// Would be taken.
    taken: u64,
    /// Were sent before.
    before: u64,
    /// Would be refused, or cannot be sent, by why.
    refused: BTreeMap<String, u64>,
    /// The first of those.
    shown: Vec<String>,
    /// Where letters and their records lie that are asked for.
    found: BTreeSet<Position>,
    /// The last letter of each partition that was looked at: what comes later is not asked for.
    last: BTreeMap<i32, i64>,
}

impl Looked {
    fn take(&mut self, letter: &Letter<'_>, retried: &Retried, judge: &Judge) {
        let place = letter.record.position;
        self.found.extend([place, letter.place()]);
        self.last.insert(place.partition, place.offset);
        if retried.has(letter) {
            self.before += 1;
            return;
        }
        let again = judge.again(letter);
        let why = match &again {
            Again::Taken => {
                self.taken += 1;
                return;
            }
            Again::Refused(fault) => cause(&code_text(fault.reject.code), &fault.reject.field, ""),
            Again::Impossible(why) => (*why).to_owned(),
        };
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{}: not sent: {}", place::shown(letter.place()), outlook(&again)));
        }
        *self.refused.entry(why).or_default() += 1;
    }

    fn not_sent(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Whoever names a letter that is not there has mistyped it.
    fn require_all(&self, places: &[Position]) -> anyhow::Result<()> {
        let missing = places.iter().find(|place| !self.found.contains(place));
        let Some(missing) = missing else { return Ok(()) };
        anyhow::bail!("there is no dead letter of {}; nothing was sent", place::shown(*missing))
    }

    fn say(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for line in &self.shown {
            writeln!(out, "{line}")?;
        }
        let (taken, before, refused) = (self.taken, self.before, self.not_sent());
        let all = taken + before + refused;
        let word = if all == 1 { "dead letter" } else { "dead letters" };
        writeln!(out, "{all} {word}: {taken} would be taken, {refused} not, {before} were sent again before")?;
        let mut causes: Vec<_> = self.refused.iter().collect();
        causes.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
        causes.into_iter().try_for_each(|(why, letters)| writeln!(out, "{letters:>9}  {why}"))
    }
}

/// Many letters are sent only by somebody who knows that they are many.
fn confirm(letters: u64, yes: bool) -> anyhow::Result<()> {
    if yes || letters <= MANY {
        return Ok(());
    }
    ensure!(
        std::io::stdin().is_terminal(),
        "{letters} dead letters would be sent again: --yes sends them; nothing was sent"
    );
    say(&format!("send {letters} dead letters again? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was sent");
    Ok(())
}

/// Sends those that would be taken, some at a time; how many.
fn send(args: &RetryArgs, config: &Config, judge: &Judge, looked: &Looked) -> anyhow::Result<u64> {
    let mut batch = Batch { kafka: &config.kafka, all: Vec::new(), bytes: 0, sent: 0, first: BTreeMap::new() };
    let done = scan::each(&config.kafka, false, &mut |letter| {
        let Position { partition, offset, .. } = letter.record.position;
        batch.first.entry(partition).or_insert(offset);
        let is_asked_for = looked.last.get(&partition).is_some_and(|last| offset <= *last) && args.wants(letter);
        if is_asked_for && judge.again(letter) == Again::Taken {
            batch.add(letter)?;
        }
        Ok(ControlFlow::Continue(()))
    });
    let done = done.and_then(|_| batch.send());
    done.with_context(|| format!("{} were sent again; run it once more for the rest, none is sent twice", batch.sent))?;
    Ok(batch.sent)
}

/// Letters that wait for their transaction.
struct Batch<'a> {
    kafka: &'a KafkaConfig,
    all: Vec<Sending>,
    bytes: usize,
    /// Sent for good.
    sent: u64,
    /// The first letter there is of each partition.
    first: BTreeMap<i32, i64>,
}

impl Batch<'_> {
    fn add(&mut self, letter: &Letter<'_>) -> anyhow::Result<()> {
        let Some(sending) = Sending::new(letter, None, clock::now()) else { return Ok(()) };
        self.bytes += sending.bytes();
        self.all.push(sending);
        if self.all.len() >= LETTERS || self.bytes >= BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        self.sent += retried::send(self.kafka, &self.all, &self.first)?;
        self.all.clear();
        self.bytes = 0;
        Ok(())
    }
}
