//! `swabstream deadletters edit`: one record, mended by hand, checked until it is right, and sent again.

use super::content::Content;
use super::explain::cause;
use super::judge::Judge;
use super::letter::Letter;
use super::retried::{self, Retried, Sending, require_live};
use super::{place, scan};
use crate::clock;
use crate::config::Config;
use crate::intake::check::Verdict;
use crate::intake::{Fault, Kind, advice};
use crate::model::outcome::code_text;
use crate::model::record::{Position, Record};
use crate::terminal::say;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, bail, ensure};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{IsTerminal as _, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What an edited record is.
const JSON: &str = "application/json";

/// Mend one record in an editor, check it until it is right, and send it again
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream deadletters edit lab-results/3/41 --config swabstream.toml
  swabstream deadletters edit lab-results/3/41 --with mended.json --config swabstream.toml

The record is opened in $VISUAL, $EDITOR or vi, as the JSON it was or, where it was protobuf that can be read, as JSON by the \
contract's mapping. What is saved is checked as `swabstream check` does, by the rules in force: if it would be refused, it is said why \
and what to do, and it can be edited again. When it is right it is sent as `retry` does, as JSON, into the partition where the record \
lay and under its key, and that it was edited is remembered with it. With --with the record in FILE is taken (- is standard input).

An editor shows the record whole: this is for those who may see it. Its file lies in a folder of its own below TMPDIR that nobody else \
may read, and is gone with this command unless that is killed.

Giving up is to save it unchanged or empty, or to say no to another try: nothing is sent then. A record of the laboratory's that is \
wrong is better corrected there; whatever it sends later with a higher revision stands.

Exit codes:
  0    it is sent
  1    it would be refused, was given up, or was sent again before, and nothing was sent
  2    it could not be done; the last line says what was")]
pub struct EditArgs {
    /// Topic, partition and offset, as in lab-results/3/41 or dead-letters/0/7
    #[arg(value_name = "WHERE", value_parser = place::parse)]
    place: Position,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Instead of an editor: the record, as JSON
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
}

pub(super) fn run(args: &EditArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    require_live(&config)?;
    let judge = Judge::read(&config)?;
    let retried = signals::before_the_work(|| Retried::read(&config.kafka))?;
    let said = scan::one(&config.kafka, args.place, &mut |letter| {
        if retried.has(letter) {
            return Ok(Err("was sent again before; nothing was sent".to_owned()));
        }
        let edited = match &args.with {
            Some(file) => of_file(letter, &judge, file)?,
            None => of_editor(letter, &judge)?,
        };
        edited.map_or_else(|why| Ok(Err(why)), |text| send(letter, &text, &config))
    })?;
    let place = place::shown(args.place);
    match &said {
        Ok(()) => writeln!(out, "{place}: sent again, edited")?,
        Err(why) => writeln!(out, "{place}: {why}")?,
    }
    out.flush()?;
    Ok(if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Sends it, unless somebody else has meanwhile.
fn send(letter: &Letter<'_>, text: &str, config: &Config) -> anyhow::Result<Result<(), String>> {
    let sending = Sending::new(letter, Some((text.as_bytes(), JSON)), clock::now());
    let sending = sending.context("it does not say where its record lay")?;
    Ok(match retried::send(&config.kafka, &[sending], &BTreeMap::new())? {
        0 => Err("was sent again by somebody else meanwhile; nothing was sent".to_owned()),
        _ => Ok(()),
    })
}

fn kind(letter: &Letter<'_>) -> anyhow::Result<Kind> {
    letter.kind().context("it is no record of an input, but a message between tasks: it cannot be sent again")
}

/// The record of a file, if it is right.
fn of_file(letter: &Letter<'_>, judge: &Judge, file: &Path) -> anyhow::Result<Result<String, String>> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => fs::read_to_string(file).map(|read| text = read),
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    Ok(match fault(letter, judge, &text)? {
        None => Ok(text),
        Some(fault) => Err(format!("nothing was sent: it would be refused, {}", in_words(&fault))),
    })
}

/// The record as it comes out of an editor, if it becomes right.
fn of_editor(letter: &Letter<'_>, judge: &Judge) -> anyhow::Result<Result<String, String>> {
    ensure!(
        letter.cut_from.is_none(),
        "only its beginning was kept: write the message as JSON into a file, and name it by --with"
    );
    let original = match Content::of(letter) {
        Content::Text(text) | Content::Decoded(text) => text,
        Content::Absent | Content::Bytes(_) => {
            bail!(
                "it holds nothing that can be edited as text: write the message as JSON into a file, and name it by --with"
            )
        }
    };
    let mut text = original.clone();
    loop {
        text = edited(&text)?;
        ensure!(!signals::asked(), "interrupted; nothing was sent");
        if text.trim().is_empty() || text.trim() == original.trim() {
            return Ok(Err("given up as it is unchanged or empty; nothing was sent".to_owned()));
        }
        let Some(fault) = fault(letter, judge, &text)? else { return Ok(Ok(text)) };
        say(&format!("it would be refused, {}", in_words(&fault)));
        if !again()? {
            return Ok(Err("given up; nothing was sent".to_owned()));
        }
    }
}

/// What is wrong with a record in the place of a letter's.
fn fault(letter: &Letter<'_>, judge: &Judge, text: &str) -> anyhow::Result<Option<Fault>> {
    let (payload, content_type) = (Some(text.as_bytes()), Some(JSON.as_bytes()));
    let record = Record { payload, content_type, ..letter.original() };
    Ok(match judge.verdict(kind(letter)?, &record) {
        Verdict::Refused(fault) => Some(fault),
        Verdict::Valid | Verdict::Skipped(_) => None,
    })
}

fn in_words(fault: &Fault) -> String {
    let code = fault.reject.code;
    let action = fault.action.unwrap_or(advice::in_messages(code).action);
    format!("{}\n  → {action}", cause(&code_text(code), &fault.reject.field, &fault.detail))
}

fn again() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    say("edit it again? [Y/n]");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer)?;
    Ok(read > 0 && !signals::asked() && matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

/// A text after somebody has edited it. It lies where nobody else may read.
fn edited(text: &str) -> anyhow::Result<String> {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("swabstream-").permissions(Permissions::from_mode(0o700)).tempdir();
    let folder = folder.context("there is no folder for the editor's file")?;
    let file = folder.path().join("record.json");
    fs::write(&file, text)?;
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(std::env::var_os).find(|name| !name.is_empty());
    let mut editor = named.unwrap_or_else(|| "vi".into());
    editor.push(" \"$1\"");
    let ended = Command::new("sh").arg("-c").arg(editor).arg("sh").arg(&file).status();
    let ended = ended.context("the editor could not be started; VISUAL or EDITOR names one")?;
    ensure!(ended.success(), "the editor ended with {ended}; nothing was sent");
    fs::read_to_string(&file).context("what the editor left cannot be read")
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::Topic;

    #[test]
    fn an_edited_record_is_judged_as_json_of_the_kind_of_its_input() {
        let judge = Judge::of_the_sample();
        let reject = Reject::new(RejectCode::Malformed, "");
        let output = set_aside(Topic::PersonGroups, "\u{1}", &reject);
        let letter = read(&output);
        let group = r#"{"record_id":"r1","status":"GROUP_STATUS_ACTIVE","person_id":"p1","group":"cold-chain",
            "reported_at":"2022-11-11T08:00:00+08:00","first_day":"2022-11-01"}"#;
        let of = |text: &str| fault(&letter, &judge, text).expect("it is of an input").map(|fault| fault.reject.code);
        assert_eq!(of(&group.replace("2022-11-01", "soon")), Some(RejectCode::InvalidTime));
        assert_eq!(of(group), None);
        let output = set_aside(Topic::AreaChanges, "{}", &reject);
        assert!(fault(&read(&output), &judge, group).is_err());
        let said = in_words(&Fault::new(RejectCode::UnknownEnum, "finding", "?"));
        assert!(said.starts_with("finding: unknown_enum (?)\n  → use a name of the contract"), "{said}");
    }
}
