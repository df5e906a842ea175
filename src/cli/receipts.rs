//! `swabstream receipts`: what a laboratory was told of what it sent.
//!
//! In: `lab-receipts`, `read_committed`, and the rules in force. Out: sums by the hour in which records were received, as text, a
//! table or JSON; and whether a log of ids has the same ones. Never here: anything of a person.

use super::asked;
use super::reading;
use super::watch::moment;
use crate::clock;
use crate::config::Config;
use crate::model::digest;
use crate::model::outcome::{RejectCode, code_text};
use crate::model::record::{Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::decode::json;
use crate::policy::Rules;
use crate::proto::v1::{LabReceipt, Outcome, OutcomeCount};
use crate::terminal::output;
use crate::terminal::progress::grouped;
use crate::terminal::signals::{self, Hangup};
use crate::view::texts;
use anyhow::{Context as _, ensure};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what a laboratory was told of what it sent
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream receipts LAB-1 --config swabstream.toml
  swabstream receipts LAB-1 --since 2022-11-11T08:00:00+08:00 --json --config swabstream.toml
  swabstream receipts LAB-1 --since 2d --compare sent-ids.txt --config swabstream.toml

For each hour in which the broker received something of the laboratory: how many records, and what became of them, by outcome, and \
by code where they were set aside. An hour is told of once all that was received in it has been read; of very many at once, so the \
last hour can still grow. Records that name no laboratory of the registry are in no receipt.

--compare reads a log of result ids, one per line, an id as often as it was sent, and says whether they are the ones that are told \
of: their number and their digest, the sum of the 128-bit XXH3 of each id modulo 2^128. The log must be of the same hours: from the \
first that is shown to the end of the last. What was set aside and sent again (deadletters retry) is told of again.

With --csv there is a line for each hour, outcome and code; with --json there is one object per hour, by the contract's JSON \
mapping: LabReceipt.

Exit codes:
  0    shown, also where there are none; with --compare: the same ids
  1    with --compare: other ids
  2    it could not be read, or not be written, or there is no such laboratory
  141  its output was closed before the end (as by | head)")]
pub struct ReceiptsArgs {
    /// The laboratory, as it calls itself in `lab_id`
    #[arg(value_name = "LAB")]
    lab: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Of hours that began at or after this time: RFC 3339, or how long ago, as 90m, 12h or 3d
    #[arg(long, value_name = "TIME", value_parser = asked::since)]
    since: Option<Timestamp>,
    /// Compare with a log of result ids, one per line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "json"])]
    compare: Option<PathBuf>,
    /// A table for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    json: bool,
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(args: &ReceiptsArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules(&config.kafka, "which say what laboratories there are")?;
    let log = args.compare.as_deref().map(log).transpose()?;
    let mut told = Told { lab: &args.lab, since: args.since, hours: BTreeMap::new() };
    if !reading::to_the_end(&config.kafka, &[Topic::LabReceipts], &mut |record| told.take(record))? {
        return output::write_lines(None, out);
    }
    ensure!(
        rules.lab(&args.lab).is_some() || !told.hours.is_empty(),
        "there is no laboratory {} in the rules in force; swabstream rules show --json lists them",
        args.lab
    );
    let lines = match (args.json, args.csv) {
        (true, _) => told.receipts().iter().map(|one| json::encode(one, "swabstream.v1.LabReceipt")).collect(),
        (_, true) => told.csv()?,
        _ => told.text(&rules),
    };
    let Some(log) = log else { return output::write_lines(Some(lines), out) };
    let (same, says) = told.compared(log);
    let written = output::write_lines(Some([lines, vec![says]].concat()), out);
    if same { written } else { Ok(written.map_or(ExitCode::FAILURE, |_| ExitCode::FAILURE)) }
}

/// How many ids a log has, and their digest.
fn log(path: &Path) -> anyhow::Result<(u64, u128)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let ids = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|id| !id.is_empty());
    Ok(ids.fold((0, 0), |(count, sum), id| (count + 1, sum.wrapping_add(digest::of(id)))))
}

/// What was told of one hour.
#[derive(Debug, Default)]
struct Hour {
    to: Timestamp,
    outcomes: BTreeMap<(i32, i32), u64>,
    digest: u128,
}

impl Hour {
    fn records(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// What a laboratory was told.
struct Told<'a> {
    lab: &'a str,
    since: Option<Timestamp>,
    hours: BTreeMap<Timestamp, Hour>,
}

impl Told<'_> {
    /// Receipts of one hour add up.
    fn take(&mut self, record: &Record<'_>) {
        if record.key != Some(self.lab.as_bytes()) {
            return;
        }
        let Some(receipt) = record.message::<LabReceipt>() else { return };
        let time = |wire: &Option<prost_types::Timestamp>| wire.as_ref().and_then(Timestamp::from_wire);
        let (Some(from), Some(to)) = (time(&receipt.from), time(&receipt.to)) else { return };
        if self.since.is_some_and(|since| from < since) {
            return;
        }
        let hour = self.hours.entry(from).or_default();
        hour.to = to;
        hour.digest = hour.digest.wrapping_add(digest::from_wire(&receipt.id_digest).unwrap_or_default());
        for OutcomeCount { outcome, code, records } in receipt.outcomes {
            *hour.outcomes.entry((outcome, code)).or_default() += records;
        }
    }

    fn receipts(&self) -> Vec<LabReceipt> {
        let receipt = |(from, hour): (&Timestamp, &Hour)| LabReceipt {
            lab_id: self.lab.to_owned(),
            from: Some(from.to_wire()),
            to: Some(hour.to.to_wire()),
            outcomes: hour
                .outcomes
                .iter()
                .map(|(&(outcome, code), &records)| OutcomeCount { outcome, code, records })
                .collect(),
            id_digest: digest::to_wire(hour.digest),
        };
        self.hours.iter().map(receipt).collect()
    }

    fn all(&self) -> (u64, u128) {
        let hours = self.hours.values();
        hours.fold((0, 0), |(count, sum), hour| (count + hour.records(), sum.wrapping_add(hour.digest)))
    }

    fn text(&self, rules: &Rules) -> Vec<String> {
        let zone = asked::zone(Some(rules));
        let name = rules.lab(self.lab).map(|lab| rules.labs[lab as usize].1.as_str());
        let mut lines = vec![format!("{} {}", self.lab, name.unwrap_or("(no longer in the registry)"))];
        if self.hours.is_empty() {
            lines.push(
                "  nothing is told yet: the first hour is told of once all that was received in it has been read"
                    .to_owned(),
            );
            return lines;
        }
        let mut sums = BTreeMap::new();
        for (from, hour) in &self.hours {
            hour.outcomes.iter().for_each(|(key, records)| *sums.entry(*key).or_default() += records);
            let so_far = if hour.to > clock::now() { ", so far: the hour is not over" } else { "" };
            let (at, records) = (moment(*from, &zone), grouped(hour.records()));
            lines.push(format!("  {at}  {records:>9}  {}{so_far}", said(&hour.outcomes)));
        }
        let (records, digest) = self.all();
        lines.push(format!("  {:<16}  {:>9}  {}", "all", grouped(records), said(&sums)));
        lines.push(format!("  digest of the ids  {digest:032x}"));
        lines
    }

    fn csv(&self) -> anyhow::Result<Vec<String>> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(["lab", "from", "to", "outcome", "code", "records"])?;
        for (from, hour) in &self.hours {
            for ((outcome, code), records) in &hour.outcomes {
                let (from, to, records) = (from.to_string(), hour.to.to_string(), records.to_string());
                table.write_record([self.lab, &from, &to, &name(*outcome), &code_of(*code), &records])?;
            }
        }
        let text = String::from_utf8(table.into_inner().context("memory can be written to")?)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Whether a log has the ids that are told of.
    fn compared(&self, (count, digest): (u64, u128)) -> (bool, String) {
        let (told, of) = self.all();
        let until = self.hours.values().map(|hour| hour.to).max();
        let until = until.map_or_else(String::new, |until| format!(", of what was received before {until}"));
        let says = match (count == told, digest == of) {
            (true, true) => format!("the log has the same {} ids", grouped(count)),
            (true, false) => format!("the log has as many ids, {}, and others among them", grouped(count)),
            _ => format!("the log has {} ids, and {} are told of", grouped(count), grouped(told)),
        };
        (digest == of && count == told, format!("{says}{until}"))
    }
}

fn name(outcome: i32) -> String {
    Outcome::try_from(outcome).map_or_else(|_| outcome.to_string(), texts::outcome)
}

fn code_of(code: i32) -> String {
    let code = RejectCode::try_from(code).ok().filter(|code| *code != RejectCode::Unspecified);
    code.map(code_text).unwrap_or_default()
}

/// Outcomes with their numbers; what was set aside by its code.
fn said(outcomes: &BTreeMap<(i32, i32), u64>) -> String {
    let one = |(&(outcome, code), records): (&(i32, i32), &u64)| {
        let code = code_of(code);
        let what = if code.is_empty() { name(outcome) } else { format!("{} ({code})", name(outcome)) };
        format!("{what} {}", grouped(*records))
    };
    outcomes.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use crate::policy::sample::sample_rules;
    use prost::Message as _;

    const HOUR: i64 = 3_600_000;

    fn receipt(hour: i64, code: RejectCode, records: u64, ids: &[&str]) -> Vec<u8> {
        let outcome = if code == RejectCode::Unspecified { Outcome::Accepted } else { Outcome::Rejected };
        let id_digest = digest::to_wire(ids.iter().map(|id| digest::of(id)).fold(0, u128::wrapping_add));
        let outcomes = vec![OutcomeCount { outcome: outcome as i32, code: code as i32, records }];
        let [from, to] = [hour, hour + 1].map(|hour| Some(Timestamp(hour * HOUR).to_wire()));
        LabReceipt { lab_id: "LAB-1".into(), from, to, outcomes, id_digest }.encode_to_vec()
    }

    fn told(since: Option<Timestamp>) -> Told<'static> {
        let mut told = Told { lab: "LAB-1", since, hours: BTreeMap::new() };
        let ok = RejectCode::Unspecified;
        for (key, payload) in [
            (&b"LAB-1"[..], receipt(7, ok, 2, &["R1", "R2"])),
            (b"LAB-2", receipt(7, ok, 9, &[])),
            (b"LAB-1", receipt(7, RejectCode::UnknownArea, 1, &["R3"])),
            (b"LAB-1", receipt(9, ok, 1, &["R4"])),
        ] {
            let position = Position { topic: Topic::LabReceipts, partition: 0, offset: 0 };
            let (received_at, key) = (Timestamp(0), Some(key));
            told.take(&Record { position, received_at, key, payload: Some(&payload), content_type: None });
        }
        told
    }

    #[test]
    fn receipts_of_one_hour_add_up_and_other_labs_have_their_own() {
        let lines = told(None).text(&sample_rules());
        assert_eq!(lines[0], "LAB-1 First Example Laboratory");
        assert!(lines[1].contains("3  accepted 2, rejected (unknown_area) 1"), "{lines:?}");
        assert!(lines[3].contains("all") && lines[3].contains("accepted 3, rejected (unknown_area) 1"), "{lines:?}");
        let table = told(Some(Timestamp(8 * HOUR))).csv().expect("a table");
        assert_eq!(table[1..], ["LAB-1,1970-01-01T09:00:00Z,1970-01-01T10:00:00Z,accepted,,1"]);
    }

    #[test]
    fn a_log_has_the_same_ids_or_others() {
        let sum = |ids: &[&str]| (ids.len() as u64, ids.iter().map(|id| digest::of(id)).fold(0, u128::wrapping_add));
        for (ids, same, says) in [
            (&["R4", "R1", "R3", "R2"][..], true, "the same 4 ids"),
            (&["R4", "R1", "R3", "R5"], false, "as many ids, 4, and others"),
            (&["R1"], false, "the log has 1 ids, and 4 are told of"),
        ] {
            let (is_same, text) = told(None).compared(sum(ids));
            assert!(is_same == same && text.contains(says), "{text}");
        }
    }
}
