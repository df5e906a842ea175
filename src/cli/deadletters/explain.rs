//! `swabstream deadletters explain`: what a code means and what to do, and of one record also what would become of it now.

use super::judge::{Again, Judge};
use super::letter::Letter;
use super::{place, scan, wanted};
use crate::config::Config;
use crate::intake::advice;
use crate::model::outcome::{RejectCode, code_text};
use crate::model::record::Position;
use crate::terminal::signals::{self, Hangup};
use anyhow::Context as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Explain a code, or why one record was set aside: what is wrong, and what to do
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream deadletters explain lab-results/3/41 --config swabstream.toml
  swabstream deadletters explain --code unknown_area

Of one record it says the code, the field, what is wrong and what to do, and what would become of it if it were sent again now, as \
it is, by the rules in force: `swabstream check` would say the same. Whether another version contradicts it, only the processor \
knows. Nothing of the record is shown. With --code no broker is asked.

Exit codes:
  0    explained
  2    it could not be read or written, there is no such letter or code, or WHERE means several
  141  its output was closed before the end (as by | head)")]
pub struct ExplainArgs {
    /// Topic, partition and offset, as in lab-results/3/41 or dead-letters/0/7
    #[arg(value_name = "WHERE", value_parser = place::parse, required_unless_present = "code")]
    place: Option<Position>,
    /// A code instead of a record, e.g. unknown_area
    #[arg(long, value_name = "CODE", value_parser = wanted::code, conflicts_with = "place")]
    code: Option<RejectCode>,
    /// Settings of the deployment; not needed with --code
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let text = match (args.code, args.place) {
        (Some(code), _) => of_code(code),
        (None, place) => {
            signals::listen(Hangup::Ends)?;
            let file = args.config.as_ref().context("--config is needed to look for a record")?;
            let config = Config::read(file)?;
            let judge = Judge::read(&config)?;
            let place = place.context("a place or a code is needed")?;
            let kept = scan::one(&config.kafka, place)?;
            let letter = kept.letter();
            of_letter(&letter, &judge.again(&letter))
        }
    };
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What a code means, and what to do.
fn of_code(code: RejectCode) -> String {
    let advice = advice::of(code);
    format!("{}: {}\n  → {}\n", code_text(code), advice.meaning, advice.action)
}

fn of_letter(letter: &Letter<'_>, again: &Again) -> String {
    let mut text = format!("{}: {}\n", place::shown(letter.place()), cause(&letter.code_text(), letter.field, ""));
    if let Some(code) = letter.code {
        text.push_str(&of_code(code));
    }
    let outlook = match again {
        // What to do stands above.
        Again::Refused(fault) if Some(fault.reject.code) == letter.code => {
            let code = code_text(fault.reject.code);
            format!("it would be refused, {}", cause(&code, &fault.reject.field, &fault.detail))
        }
        again => outlook(again),
    };
    text + &format!("sent again now, as it is: {outlook}\n")
}

/// What would become of a letter, in words.
pub(super) fn outlook(again: &Again) -> String {
    match again {
        Again::Taken => "it would be taken".to_owned(),
        Again::Impossible(why) => format!("it cannot be: {why}"),
        Again::Refused(fault) => {
            let code = code_text(fault.reject.code);
            let action = fault.action.unwrap_or(advice::of(fault.reject.code).action);
            format!("it would be refused, {}\n  → {action}", cause(&code, &fault.reject.field, &fault.detail))
        }
    }
}

/// Field, code, and what is known beyond.
pub(in crate::cli) fn cause(code: &str, field: &str, detail: &str) -> String {
    let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    format!("{field}{code}{detail}")
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::intake::Fault;
    use crate::model::outcome::Reject;
    use crate::model::record::Topic;

    #[test]
    fn a_letter_is_explained_by_its_code_its_field_and_what_would_become_of_it_now() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let fault = Fault::new(RejectCode::MissingField, "lab_id", "");
        let said = of_letter(&read(&output), &Again::Refused(fault));
        let first: Vec<&str> = said.lines().collect();
        assert_eq!(first[0], "lab-results/3/41: area: unknown_area");
        let advice = advice::of(RejectCode::UnknownArea);
        assert_eq!(first[1], format!("unknown_area: {}", advice.meaning));
        assert_eq!(first[2], format!("  → {}", advice.action));
        assert_eq!(first[3], "sent again now, as it is: it would be refused, lab_id: missing_field");
        assert!(said.lines().count() == 5, "with what to do about that: {said}");
        let same = Fault::new(RejectCode::UnknownArea, "area", "");
        assert_eq!(of_letter(&read(&output), &Again::Refused(same)).lines().count(), 4, "that is said once");
        assert!(of_letter(&read(&output), &Again::Taken).ends_with("as it is: it would be taken\n"));
    }
}
