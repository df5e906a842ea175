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
use crate::model::record::{Origin, Position};
use crate::terminal::ask::ask;
use crate::terminal::output::Duty;
use crate::terminal::progress::Progress;
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
What contradicts another version of its revision (`conflict`) is refused again for as long as that is there: raise its revision \
with `edit`. If the laboratory has sent a corrected version meanwhile, the record is a repeat, an earlier version or a conflict like any.

Nothing is sent twice: that a letter was sent again is remembered in the topic `retried`, in the transaction that sends it. A \
command that was killed or interrupted at whatever moment is simply run again. Of two at once, whichever begins a transaction later \
ends the other, which says so and exits with 2: run that once more. One that is killed within a transaction holds back readers of the \
inputs, for 10 s at most. A record that is refused once more is another dead letter, and can be sent again itself.

What is sent again counts as received when it is sent again, not when it came first: a specimen that is older than the \
horizon by then is refused (before_horizon), and a positive that is old news by then is listed as historic. Nothing is lost or counted \
twice by that. Deployments of past data (`history = true`) are refused.

Exit codes:
  0    all that was asked for is sent, or was before; with --dry-run: would be
  1    some would be refused, cannot be sent, do not fit the options or are gone: not sent
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

    fn names(&self, letter: &Letter<'_>) -> bool {
        self.places.is_empty() || self.places.iter().any(|place| letter.is_at(*place))
    }
}

pub(super) fn run(args: &RetryArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    ensure!(
        args.all || !args.places.is_empty() || args.wanted.is_some(),
        "say which: name places, choose by --code, --lab, --since, --until or --topic, or take --all"
    );
    args.wanted.check()?;
    let config = Config::read(&args.config)?;
    require_live(&config)?;
    let judge = Judge::read(&config)?;
    let retried = signals::before_the_work(|| Retried::read(&config.kafka))?;
    let mut looked = Looked::default();
    scan::each(&config.kafka, false, &mut |letter| {
        looked.see(letter, args, &retried, &judge);
        Ok(ControlFlow::Continue(()))
    })?;
    looked.require_all(&args.places)?;
    let all_taken = looked.refused.not_sent() == 0;
    let code = if all_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let said = looked.say(out);
    if args.dry_run {
        let taken = looked.taken();
        let said = said.and_then(|()| writeln!(out, "{taken} would be sent again, nothing was sent (--dry-run)"));
        // What would be refused is so, whether or not it could be listed; the output knows.
        return if all_taken { said.map(|()| code).map_err(Into::into) } else { Ok(code) };
    }
    said?;
    if looked.taken() == 0 {
        return Ok(code);
    }
    out.flush()?;
    confirm(looked.taken(), args.yes)?;
    // Whoever was asked may have thought about it for long: by the rules of now.
    let judge = Judge::read(&config)?;
    let mut pass = Pass::new(&config.kafka, &looked, &retried);
    let done = pass.run(&judge);
    done.with_context(|| format!("{} were sent again; run it once more for the rest, none is sent twice", pass.sent))?;
    let is_done = pass.say(out)?;
    Ok(if is_done { code } else { ExitCode::FAILURE })
}

/// What was found of the letters that are asked for.
#[derive(Default)]
struct Looked {
    /// Those that would be taken, by partition, in the order they lie in: these are confirmed, and no others are sent.
    confirmed: BTreeMap<i32, Vec<i64>>,
    /// Were sent before.
    before: u64,
    /// Those that are not sent.
    refused: Refused,
    /// The places that were named, and that a letter was found of.
    found: BTreeSet<Position>,
    /// Records that were sent again, and that letters are there of, asked for or not.
    held: BTreeSet<Origin>,
}

/// Letters that are not sent.
#[derive(Default)]
struct Refused {
    /// How many, by why.
    causes: BTreeMap<String, u64>,
    /// The first of them.
    shown: Vec<String>,
}

impl Refused {
    fn add(&mut self, letter: &Letter<'_>, again: &Again) {
        let why = match again {
            Again::Taken => return,
            Again::Refused(fault) => cause(&code_text(fault.reject.code), &fault.reject.field, ""),
            Again::Impossible(why) => (*why).to_owned(),
        };
        self.line(letter, why, &outlook(again));
    }

    fn line(&mut self, letter: &Letter<'_>, why: String, outlook: &str) {
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{}: not sent: {outlook}", place::shown(letter.place())));
        }
        *self.causes.entry(why).or_default() += 1;
    }

    fn not_sent(&self) -> u64 {
        self.causes.values().sum()
    }

    fn list(&self, out: &mut dyn Write) -> std::io::Result<()> {
        self.shown.iter().try_for_each(|line| writeln!(out, "{line}"))
    }

    fn count(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let mut causes: Vec<_> = self.causes.iter().collect();
        causes.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
        causes.into_iter().try_for_each(|(why, letters)| writeln!(out, "{letters:>9}  {why}"))
    }
}

impl Looked {
    fn see(&mut self, letter: &Letter<'_>, args: &RetryArgs, retried: &Retried, judge: &Judge) {
        let is_retried = retried.has(letter);
        self.held.extend(letter.as_origin().filter(|_| is_retried));
        if !args.names(letter) {
            return;
        }
        self.found.extend(args.places.iter().filter(|place| letter.is_at(**place)));
        if args.wanted.wants(letter) {
            self.take(letter, is_retried, judge);
        } else if !args.places.is_empty() {
            let why = "it does not fit the options that choose letters";
            self.refused.line(letter, why.to_owned(), why);
        }
    }

    fn take(&mut self, letter: &Letter<'_>, is_retried: bool, judge: &Judge) {
        if is_retried {
            self.before += 1;
            return;
        }
        match judge.again(letter) {
            Again::Taken => {
                let Position { partition, offset, .. } = letter.record.position;
                self.confirmed.entry(partition).or_default().push(offset);
            }
            again => self.refused.add(letter, &again),
        }
    }

    fn taken(&self) -> u64 {
        self.confirmed.values().map(|offsets| offsets.len() as u64).sum()
    }

    fn is_confirmed(&self, letter: &Letter<'_>) -> bool {
        let Position { partition, offset, .. } = letter.record.position;
        self.confirmed.get(&partition).is_some_and(|offsets| offsets.binary_search(&offset).is_ok())
    }

    /// Whoever names a letter that is not there has mistyped it.
    fn require_all(&self, places: &[Position]) -> anyhow::Result<()> {
        let missing = places.iter().find(|place| !self.found.contains(place));
        let Some(missing) = missing else { return Ok(()) };
        anyhow::bail!("there is no dead letter of {}; nothing was sent", place::shown(*missing))
    }

    fn say(&self, out: &mut dyn Write) -> std::io::Result<()> {
        self.refused.list(out)?;
        let (taken, before, refused) = (self.taken(), self.before, self.refused.not_sent());
        let all = taken + before + refused;
        let word = if all == 1 { "dead letter" } else { "dead letters" };
        writeln!(out, "{all} {word}: {taken} would be taken, {refused} not, {before} were sent again before")?;
        self.refused.count(out)
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
    let answer = ask(&format!("send {letters} dead letters again? [y/N]"))?;
    ensure!(answer.is_some_and(|answer| matches!(answer.trim(), "y" | "Y" | "yes")), "nothing was sent");
    Ok(())
}

/// The second look at letters: those that were confirmed are judged again, and sent some at a time.
struct Pass<'a> {
    kafka: &'a KafkaConfig,
    looked: &'a Looked,
    forgotten: Vec<Position>,
    /// Wait for their transaction, with their bytes.
    waiting: Vec<Sending>,
    bytes: usize,
    /// Sent for good.
    sent: u64,
    /// Sent by somebody else meanwhile, or another letter of the same record was.
    others: u64,
    /// Seen once more.
    seen: u64,
    /// Would be taken at the first look, and not by now.
    refused: Refused,
}

impl<'a> Pass<'a> {
    fn new(kafka: &'a KafkaConfig, looked: &'a Looked, retried: &Retried) -> Self {
        let forgotten = retried.forgotten(&looked.held);
        let (waiting, refused) = (Vec::new(), Refused::default());
        Self { kafka, looked, forgotten, waiting, bytes: 0, sent: 0, others: 0, seen: 0, refused }
    }

    fn run(&mut self, judge: &Judge) -> anyhow::Result<()> {
        let all = self.looked.taken();
        let mut progress = Progress::new("letters looked at again", Some(all));
        scan::each(self.kafka, false, &mut |letter| {
            if self.looked.is_confirmed(letter) {
                self.seen += 1;
                self.take(letter, judge)?;
                progress.at(self.seen, self.seen);
            }
            // What comes later is not asked for.
            Ok(if self.seen < all { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        self.send()
    }

    fn take(&mut self, letter: &Letter<'_>, judge: &Judge) -> anyhow::Result<()> {
        let again = judge.again(letter);
        let sending = Sending::new(letter, None, clock::now()).filter(|_| again == Again::Taken);
        let Some(sending) = sending else {
            self.refused.add(letter, &again);
            return Ok(());
        };
        self.bytes += sending.bytes();
        self.waiting.push(sending);
        if self.waiting.len() >= LETTERS || self.bytes >= BYTES { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let sent = retried::send(self.kafka, &self.waiting, &self.forgotten)?;
        self.sent += sent;
        self.others += self.waiting.len() as u64 - sent;
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }

    /// Says what became of all; whether that is what was confirmed.
    fn say(&self, out: &mut dyn Write) -> std::io::Result<bool> {
        let (refused, gone) = (self.refused.not_sent(), self.looked.taken() - self.seen);
        self.refused.list(out)?;
        self.refused.count(out)?;
        let mut text = format!("{} sent again", self.sent);
        for (letters, what) in [
            (self.others, "of records that were sent again meanwhile"),
            (refused, "not sent: they would be refused by now"),
            (gone, "not sent: their letters are gone by now"),
        ] {
            if letters > 0 {
                text.push_str(&format!(", {letters} {what}"));
            }
        }
        writeln!(out, "{text}")?;
        Ok(refused + gone == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::Topic;

    fn args(rest: &[&str]) -> RetryArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: RetryArgs,
        }
        let all = ["retry", "--config", "x"].iter().chain(rest);
        <Line as clap::Parser>::try_parse_from(all).expect("arguments").args
    }

    #[test]
    fn what_was_confirmed_and_is_refused_or_gone_by_now_is_said_and_not_done() {
        let output = set_aside(Topic::LabResults, "{", &Reject::new(RejectCode::UnknownArea, "area"));
        let (letter, judge, kafka) = (read(&output), Judge::of_the_sample(), KafkaConfig::new("none", ""));
        let retried = Retried::default();
        // Two were confirmed, in the partition where it lies; one is there still, and is no JSON by now.
        let looked = Looked { confirmed: [(1, vec![7, 8])].into(), ..Looked::default() };
        assert!(looked.is_confirmed(&letter));
        let mut pass = Pass::new(&kafka, &looked, &retried);
        pass.seen += 1;
        pass.take(&letter, &judge).expect("nothing is sent");
        let mut said = Vec::new();
        assert!(!pass.say(&mut said).expect("written"));
        let said = String::from_utf8(said).expect("text");
        assert!(said.starts_with("lab-results/3/41: not sent: it would be refused, malformed"), "{said}");
        let end = "0 sent again, 1 not sent: they would be refused by now, 1 not sent: their letters are gone by now\n";
        assert!(said.ends_with(end), "{said}");
    }

    #[test]
    fn a_letter_that_was_named_and_does_not_fit_the_options_is_there_and_not_sent() {
        let output = set_aside(Topic::LabResults, "{", &Reject::new(RejectCode::UnknownArea, "area"));
        let (letter, judge) = (read(&output), Judge::of_the_sample());
        let args = args(&["lab-results/3/41", "--code", "malformed"]);
        let mut looked = Looked::default();
        looked.see(&letter, &args, &Retried::default(), &judge);
        looked.require_all(&args.places).expect("it is there");
        assert_eq!(
            looked.refused.shown,
            ["lab-results/3/41: not sent: it does not fit the options that choose letters"]
        );
        assert_eq!((looked.taken(), looked.refused.not_sent()), (0, 1));
    }

    #[test]
    fn only_places_that_were_named_are_remembered_and_records_that_were_sent() {
        let output = set_aside(Topic::LabResults, "{", &Reject::new(RejectCode::UnknownArea, "area"));
        let (letter, judge) = (read(&output), Judge::of_the_sample());
        let mut looked = Looked::default();
        looked.see(&letter, &args(&["--all"]), &Retried::default(), &judge);
        assert!(looked.found.is_empty() && looked.held.is_empty());
        looked.see(&letter, &args(&["--code", "malformed"]), &Retried::of(&letter), &judge);
        assert_eq!((looked.before, looked.held.len()), (0, 1), "also of a letter that is not asked for");
    }
}
