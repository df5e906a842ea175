//! `swabstream deadletters edit`: one record, mended by hand, checked until it is right, and sent again.

use super::content::Content;
use super::explain::cause;
use super::judge::{Judge, revision};
use super::letter::Letter;
use super::retried::{self, Retried, Sending, require_live};
use super::{place, scan};
use crate::clock;
use crate::config::Config;
use crate::intake::check::Verdict;
use crate::intake::{Fault, Kind, advice};
use crate::model::outcome::{RejectCode, code_text};
use crate::model::record::{Position, Record};
use crate::terminal::ask::ask;
use crate::terminal::say;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, anyhow, bail, ensure};
use std::fs::{self, Permissions};
use std::io::{IsTerminal as _, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use tempfile::TempDir;

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
may read, and is gone once the record is sent or given up. If anything fails before, what was edited is kept, and the last lines say \
where: take it up by --with, and delete it. A command that is killed leaves it too.

A record that contradicts another version of its revision (`conflict`) must have a higher revision: raise it.

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
    let kept = scan::one(&config.kafka, args.place)?;
    let letter = kept.letter();
    let kind =
        judge.kind(&letter).map_err(|why| anyhow!("{}: it cannot be sent again: {why}", place::shown(args.place)))?;
    let mend = Mend { letter: &letter, kind, judge: &judge };
    let said = match &args.with {
        _ if retried.has(&letter) => Err("was sent again before; nothing was sent".to_owned()),
        Some(file) => mend.of_file(file)?.map_or_else(|why| Ok(Err(why)), |text| send(&letter, &text, &config))?,
        None => in_editor(&mend, |text| send(&letter, text, &config))?,
    };
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
    Ok(match retried::send(&config.kafka, &[sending], &[])? {
        0 => Err("was sent again by somebody else meanwhile; nothing was sent".to_owned()),
        _ => Ok(()),
    })
}

/// A letter that is mended.
struct Mend<'a> {
    letter: &'a Letter<'a>,
    kind: Kind,
    judge: &'a Judge,
}

impl Mend<'_> {
    /// The record of a file, if it is right.
    fn of_file(&self, file: &Path) -> anyhow::Result<Result<String, String>> {
        let mut text = String::new();
        let read = match file.as_os_str() == "-" {
            true => std::io::stdin().read_to_string(&mut text).map(drop),
            false => fs::read_to_string(file).map(|read| text = read),
        };
        read.with_context(|| format!("cannot read {}", file.display()))?;
        Ok(match self.fault(&text) {
            None => Ok(text),
            Some(fault) => Err(format!("nothing was sent: it would be refused, {}", in_words(&fault))),
        })
    }

    /// What an editor opens.
    fn original(&self) -> anyhow::Result<String> {
        ensure!(
            self.letter.cut_from.is_none(),
            "only its beginning was kept: write the message as JSON into a file, and name it by --with"
        );
        match Content::of(self.letter) {
            Content::Text(text) | Content::Decoded(text) => Ok(text),
            Content::Absent | Content::Bytes(_) => bail!(
                "it holds nothing that can be edited as text: write the message as JSON into a file, and name it by --with"
            ),
        }
    }

    /// The record as it comes out of an editor, if it becomes right.
    fn of_editor(&self, desk: &Desk, original: &str) -> anyhow::Result<Result<String, String>> {
        loop {
            let text = desk.edited()?;
            ensure!(!signals::asked(), "interrupted; nothing was sent");
            if text.trim().is_empty() || text.trim() == original.trim() {
                return Ok(Err("given up as it is unchanged or empty; nothing was sent".to_owned()));
            }
            let Some(fault) = self.fault(&text) else { return Ok(Ok(text)) };
            say(&format!("it would be refused, {}", in_words(&fault)));
            if !again()? {
                return Ok(Err("given up; nothing was sent".to_owned()));
            }
        }
    }

    /// What is wrong with a record in the place of the letter's.
    fn fault(&self, text: &str) -> Option<Fault> {
        let (payload, content_type) = (Some(text.as_bytes()), Some(JSON.as_bytes()));
        let record = Record { payload, content_type, ..self.letter.original() };
        match self.judge.verdict(self.kind, &record) {
            Verdict::Refused(fault) => Some(fault),
            Verdict::Valid | Verdict::Skipped(_) => self.not_raised(&record),
        }
    }

    /// Another version of the letter's revision is there: only a higher one is no conflict once more.
    fn not_raised(&self, record: &Record<'_>) -> Option<Fault> {
        let (before, now) = (revision(self.kind, &self.letter.original()), revision(self.kind, record));
        let is_raised = self.letter.code != Some(RejectCode::Conflict) || now > before;
        let before = before.unwrap_or(0);
        (!is_raised).then(|| Fault {
            action: Some("raise its revision"),
            ..Fault::new(RejectCode::Conflict, "revision", format!("another version of revision {before} is there"))
        })
    }
}

/// Has the record edited, and sends it. What was edited stays where it is until it is sent or given up.
fn in_editor(
    mend: &Mend<'_>,
    send: impl Fn(&str) -> anyhow::Result<Result<(), String>>,
) -> anyhow::Result<Result<(), String>> {
    let original = mend.original()?;
    let desk = Desk::new(&original)?;
    let edited = match mend.of_editor(&desk, &original) {
        Ok(Ok(text)) => text,
        Ok(Err(why)) => return Ok(Err(why)),
        Err(why) => return Err(desk.keep(&original, why)),
    };
    send(&edited).map_err(|why| desk.keep(&original, why))
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
    let answer = ask("edit it again? [Y/n]")?;
    ensure!(!signals::asked(), "interrupted; nothing was sent");
    Ok(answer.is_some_and(|answer| matches!(answer.trim(), "" | "y" | "Y" | "yes")))
}

/// The file of an editor, where nobody else may read. It is gone with this.
struct Desk {
    folder: TempDir,
    file: PathBuf,
}

impl Desk {
    fn new(text: &str) -> anyhow::Result<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("swabstream-").permissions(Permissions::from_mode(0o700)).tempdir();
        let folder = folder.context("there is no folder for the editor's file")?;
        let file = folder.path().join("record.json");
        fs::write(&file, text)?;
        if let Ok(signals) = signals::listen(Hangup::Ends) {
            let left = file.clone();
            signals.tell_what_is_left(move || format!("what was edited is in {}, if it was not sent", left.display()));
        }
        Ok(Self { folder, file })
    }

    /// The text after somebody has edited it.
    fn edited(&self) -> anyhow::Result<String> {
        let named = ["VISUAL", "EDITOR"].into_iter().filter_map(std::env::var_os).find(|name| !name.is_empty());
        let mut editor = named.unwrap_or_else(|| "vi".into());
        editor.push(" \"$1\"");
        let ended = Command::new("sh").arg("-c").arg(editor).arg("sh").arg(&self.file).status();
        let ended = ended.context("the editor could not be started; VISUAL or EDITOR names one")?;
        ensure!(ended.success(), "the editor ended with {ended}; nothing was sent");
        fs::read_to_string(&self.file).context("what the editor left cannot be read")
    }

    /// Something failed: what was edited is somebody's work, and stays.
    fn keep(self, original: &str, why: anyhow::Error) -> anyhow::Error {
        if fs::read(&self.file).is_ok_and(|text| text == original.as_bytes()) {
            return why;
        }
        let _ = self.folder.keep();
        why.context(format!(
            "what was edited is kept: take it up by --with {}, and delete it after that",
            self.file.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::Reject;
    use crate::model::record::Topic;

    #[test]
    fn an_edited_record_is_judged_as_json_of_the_kind_of_its_input() {
        let judge = Judge::of_the_sample();
        let reject = Reject::new(RejectCode::Malformed, "");
        let output = set_aside(Topic::PersonGroups, "\u{1}", &reject);
        let letter = read(&output);
        let group = r#"{"record_id":"r1","status":"GROUP_STATUS_ACTIVE","person_id":"p1","group":"cold-chain",
            "reported_at":"2022-11-11T08:00:00+08:00","first_day":"2022-11-01"}"#;
        let mend = Mend { letter: &letter, kind: Kind::Groups, judge: &judge };
        let of = |text: &str| mend.fault(text).map(|fault| fault.reject.code);
        assert_eq!(of(&group.replace("2022-11-01", "soon")), Some(RejectCode::InvalidTime));
        assert_eq!(of(group), None);
        let said = in_words(&Fault::new(RejectCode::UnknownEnum, "finding", "?"));
        assert!(said.starts_with("finding: unknown_enum (?)\n  → use a name of the contract"), "{said}");
    }
    #[test]
    fn what_contradicted_another_version_is_sent_only_with_a_higher_revision() {
        let judge = Judge::of_the_sample();
        let group = |revision: u32| {
            format!(
                r#"{{"record_id":"r1","status":"GROUP_STATUS_ACTIVE","person_id":"p1","group":"cold-chain","revision":{revision},
                "reported_at":"2022-11-11T08:00:00+08:00","first_day":"2022-11-01"}}"#
            )
        };
        let of = |code, revision| {
            let output = set_aside(Topic::PersonGroups, &group(2), &Reject::new(code, ""));
            let mend = Mend { letter: &read(&output), kind: Kind::Groups, judge: &judge };
            mend.fault(&group(revision)).map(|fault| (fault.reject.code, in_words(&fault)))
        };
        for revision in [1, 2] {
            let (code, said) = of(RejectCode::Conflict, revision).expect("refused");
            assert!(
                code == RejectCode::Conflict && said.contains("revision 2 is there)\n  → raise its revision"),
                "{said}"
            );
        }
        assert_eq!(of(RejectCode::Conflict, 3), None);
        assert_eq!(of(RejectCode::UnknownArea, 2), None);
    }

    #[test]
    fn what_was_edited_is_kept_when_anything_fails_and_what_was_not_is_gone() {
        let text = |desk: Desk, edited: &[u8]| {
            fs::write(&desk.file, edited).expect("written");
            let file = desk.file.clone();
            let said = format!("{:#}", desk.keep("{}", anyhow!("the broker is gone")));
            (file, said)
        };
        let (file, said) = text(Desk::new("{}").expect("a folder"), b"\xff\xfe{");
        assert!(said.contains(&format!("--with {}", file.display())) && said.ends_with("the broker is gone"), "{said}");
        assert_eq!(fs::read(&file).expect("kept"), b"\xff\xfe{");
        fs::remove_dir_all(file.parent().expect("a folder")).expect("ours");
        let (file, said) = text(Desk::new("{}").expect("a folder"), b"{}");
        assert!(said == "the broker is gone" && !file.exists(), "{said}");
    }
}
