//! `swabstream deadletters list`: which records could not be used, and how many of what.

use super::letter::{LABS, Letter, lab_shown};
use super::retried::Retried;
use super::wanted::Wanted;
use super::{place, scan};
use crate::cli::asked;
use crate::cli::watch::moment;
use crate::config::Config;
use crate::policy::Rules;
use crate::terminal::output;
use crate::terminal::signals::{self, Hangup};
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

/// List dead letters, and count them by code and laboratory
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream deadletters list --config swabstream.toml
  swabstream deadletters list --code unknown_area --since 12h --config swabstream.toml
  swabstream deadletters list --lab LAB-1 --summary --config swabstream.toml
  swabstream deadletters list --topic contact-records --json --config swabstream.toml

A line has when the record was set aside, its code, the field, the laboratory, and where the record lies: that is what \
`show`, `explain`, `edit` and `retry` take. Those of one partition come in order of time. At the end they are counted by code and \
laboratory, with --summary nothing else. With --json there is one object per letter, or with --summary per count. What was sent \
again says so; --left leaves it out.

Nothing of a record is shown but its laboratory, and that only where the rules in force know it, or --lab named it. Memory does not \
grow with the letters, but with those that were sent again, by 100 bytes each.

Exit codes:
  0    listed, also where there are none
  2    it could not be read, or not be written
  141  its output was closed before the end (as by | head)")]
pub struct ListArgs {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    wanted: Wanted,
    /// Only those that were not sent again
    #[arg(long)]
    left: bool,
    /// Only how many of each code and laboratory
    #[arg(long)]
    summary: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    args.wanted.check()?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules_if_any(&config.kafka, LABS)?;
    let retried = signals::before_the_work(|| Retried::read(&config.kafka))?;
    let mut listed = Listed::new(args, rules.as_deref(), retried);
    listed.begin(out)?;
    let take = &mut |letter: &Letter<'_>| {
        listed.take(letter, out)?;
        Ok(ControlFlow::Continue(()))
    };
    if !scan::each(&config.kafka, true, take)? {
        return Ok(ExitCode::from(output::CLOSED));
    }
    listed.end(out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What was listed so far.
struct Listed<'a> {
    args: &'a ListArgs,
    rules: Option<&'a Rules>,
    retried: Retried,
    zone: TimeZone,
    /// How many of a code and a laboratory as it is shown: no more than there are codes and laboratories of the registry.
    counts: BTreeMap<(String, String), u64>,
}

impl<'a> Listed<'a> {
    fn new(args: &'a ListArgs, rules: Option<&'a Rules>, retried: Retried) -> Self {
        let zone = asked::zone(rules);
        Self { args, rules, retried, zone, counts: BTreeMap::new() }
    }

    /// The line above the lines.
    fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        match self.args.summary || self.args.json {
            true => Ok(()),
            false => writeln!(out, "{}", line("set aside", ["code", "field", "lab", "where"])),
        }
    }

    fn take(&mut self, letter: &Letter<'_>, out: &mut dyn Write) -> io::Result<()> {
        let is_retried = self.retried.has(letter);
        if !self.args.wanted.wants(letter) || (self.args.left && is_retried) {
            return Ok(());
        }
        let lab = lab_shown(letter.lab().as_deref(), self.rules, self.args.wanted.lab.as_deref());
        if !self.args.summary {
            let text =
                if self.args.json { self.json(letter, &lab, is_retried) } else { self.text(letter, &lab, is_retried) };
            writeln!(out, "{text}")?;
        }
        *self.counts.entry((letter.code_text(), lab)).or_default() += 1;
        Ok(())
    }

    fn json(&self, letter: &Letter<'_>, lab: &str, is_retried: bool) -> String {
        let mut value = letter.json(lab);
        value["retried"] = json!(is_retried);
        value.to_string()
    }

    fn text(&self, letter: &Letter<'_>, lab: &str, is_retried: bool) -> String {
        let field = if letter.field.is_empty() { "(record)" } else { letter.field };
        let at = moment(letter.record.received_at, &self.zone);
        let sent = if is_retried { ", sent again" } else { "" };
        let place = place::shown(letter.place()) + sent;
        line(&at, [&letter.code_text(), field, lab, &place])
    }

    fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.args.json {
            let counts = self.counts.iter().filter(|_| self.args.summary);
            return counts.into_iter().try_for_each(|((code, lab), letters)| {
                writeln!(out, "{}", json!({ "code": code, "lab": lab, "letters": letters }))
            });
        }
        let all: u64 = self.counts.values().sum();
        writeln!(out, "{all} dead letter{}", if all == 1 { "" } else { "s" })?;
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
        counts.into_iter().try_for_each(|((code, lab), letters)| writeln!(out, "{letters:>9}  {code:<24} {lab}"))
    }
}

/// Columns of fixed width, so that each line can be written as it comes.
fn line(at: &str, [code, field, lab, place]: [&str; 4]) -> String {
    format!("{at:<27} {code:<24} {field:<24} {lab:<16} {place}")
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::Topic;
    use crate::policy::sample::sample_rules;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: ListArgs,
    }

    fn listed(options: &[&str]) -> String {
        let args = ["list", "--config", "x.toml"].into_iter().chain(options.iter().copied());
        let (command, rules) = (Command::parse_from(args), sample_rules());
        let retried =
            Retried::of(&read(&set_aside(Topic::ContactRecords, "{", &Reject::new(RejectCode::Malformed, ""))));
        let retried = if command.args.left { retried } else { Retried::default() };
        let (mut listed, mut out) = (Listed::new(&command.args, Some(&rules), retried), Vec::new());
        listed.begin(&mut out).expect("written");
        let area = Reject::new(RejectCode::UnknownArea, "area");
        let payload = r#"{"lab_id":"LAB-1","person_id":"PERSON-ONE","result_id":"RESULT-ONE"}"#;
        let stranger = r#"{"lab_id":"Zhang Wei","person_id":"PERSON-ONE"}"#;
        for (topic, payload, reject) in [
            (Topic::LabResults, payload, &area),
            (Topic::LabResults, payload, &area),
            (Topic::LabResults, stranger, &area),
            (Topic::ContactRecords, "{", &Reject::new(RejectCode::Malformed, "")),
        ] {
            listed.take(&read(&set_aside(topic, payload, reject)), &mut out).expect("written");
        }
        listed.end(&mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_list_has_a_line_for_each_letter_and_counts_them_by_code_and_laboratory() {
        let said = listed(&[]);
        let expected = "\
set aside                   code                     field                    lab              where
2022-11-11T09:26:41+08:00   unknown_area             area                     LAB-1            lab-results/3/41
2022-11-11T09:26:41+08:00   unknown_area             area                     LAB-1            lab-results/3/41
2022-11-11T09:26:41+08:00   unknown_area             area                     (unregistered)   lab-results/3/41
2022-11-11T09:26:41+08:00   malformed                (record)                 –                contact-records/3/41
4 dead letters
        2  unknown_area             LAB-1
        1  malformed                –
        1  unknown_area             (unregistered)
";
        assert_eq!(said, expected);
        assert!(listed(&["--left"]).contains("\n3 dead letters\n"), "one was sent again");
        assert!(listed(&["--summary", "--code", "malformed"]).starts_with("1 dead letter\n        1  malformed"));
    }

    #[test]
    fn a_list_in_json_has_an_object_for_each_letter_or_for_each_count() {
        let said = listed(&["--json", "--code", "malformed"]);
        let value: serde_json::Value = serde_json::from_str(&said).expect("one object");
        assert_eq!((&value["origin"], &value["letter"]), (&json!("contact-records/3/41"), &json!("dead-letters/1/7")));
        assert_eq!((&value["code"], &value["bytes"]), (&json!("malformed"), &json!(1)));
        assert_eq!(value["retried"], json!(false));
        let counts = listed(&["--json", "--summary"]);
        assert_eq!(counts.lines().count(), 3);
        assert!(counts.contains(r#"{"code":"unknown_area","lab":"LAB-1","letters":2}"#), "{counts}");
    }

    #[test]
    fn a_list_names_nobody_of_a_record() {
        for options in [&[][..], &["--json"], &["--summary"]] {
            let said = listed(options);
            assert!(["PERSON-ONE", "RESULT-ONE", "Zhang"].iter().all(|word| !said.contains(word)), "{said}");
        }
        assert!(listed(&["--lab", "Zhang Wei"]).contains("Zhang Wei"), "who asked for it has written it");
    }
}
