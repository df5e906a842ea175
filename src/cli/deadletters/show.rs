//! `swabstream deadletters show`: one dead letter.

use super::content::Content;
use super::letter::{LABS, Letter, NOTHING, lab_shown};
use super::{place, scan};
use crate::cli::asked;
use crate::config::Config;
use crate::model::ids::masked;
use crate::model::record::Position;
use crate::pipeline::decode::format;
use crate::policy::Rules;
use crate::terminal::signals::{self, Hangup};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Content types that may be shown to anybody: any other may hold what it likes.
const KNOWN_TYPES: [&str; 3] = ["application/json", "application/x-protobuf", "application/protobuf"];

/// Show one dead letter with all that its headers say
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream deadletters show lab-results/3/41 --config swabstream.toml
  swabstream deadletters show dead-letters/0/7 --show-payload --config swabstream.toml

WHERE is where the record lay, or where its dead letter lies. Without --show-payload nothing of the record is shown but how large \
it is and how it is written, its key masked, and its laboratory where the rules in force know it. With it the payload is \
shown as text, as JSON where it is protobuf that can be read, else in hex.

Exit codes:
  0    shown
  2    it could not be read or written, there is no such letter, or WHERE means several
  141  its output was closed before the end (as by | head)")]
pub struct ShowArgs {
    /// Topic, partition and offset, as in lab-results/3/41 or dead-letters/0/7
    #[arg(value_name = "WHERE", value_parser = place::parse)]
    place: Position,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Show key and payload whole: for those who may see them
    #[arg(long)]
    show_payload: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules_if_any(&config.kafka, LABS)?;
    let kept = scan::one(&config.kafka, args.place)?;
    let shown = Shown { letter: &kept.letter(), rules: rules.as_deref(), whole: args.show_payload };
    let text = if args.json { format!("{}\n", shown.json()) } else { shown.text() };
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A letter for eyes.
struct Shown<'a> {
    letter: &'a Letter<'a>,
    rules: Option<&'a Rules>,
    /// With key and payload.
    whole: bool,
}

impl Shown<'_> {
    fn lab(&self) -> String {
        lab_shown(self.letter.lab().as_deref(), self.rules, None)
    }

    fn key(&self) -> String {
        let key = self.letter.record.key.filter(|key| !key.is_empty()).map(String::from_utf8_lossy);
        match key {
            None => NOTHING.to_owned(),
            // As it may do something to a terminal.
            Some(key) if self.whole => key.escape_debug().to_string(),
            Some(key) => masked(&key),
        }
    }

    fn content_type(&self) -> String {
        let Some(header) = self.letter.record.content_type else { return NOTHING.to_owned() };
        let known = KNOWN_TYPES.iter().find(|known| format::media_type(header).eq_ignore_ascii_case(known.as_bytes()));
        match known {
            _ if self.whole => String::from_utf8_lossy(header).escape_debug().to_string(),
            Some(known) => (*known).to_owned(),
            None => format!("(another one, {} bytes)", header.len()),
        }
    }

    fn text(&self) -> String {
        let Letter { record, origin, received_at, cut_from, commit, .. } = self.letter;
        let content = Content::of(self.letter);
        let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
        let bytes = record.payload.map_or(0, <[u8]>::len);
        let rows = [
            ("code", self.letter.code_text()),
            ("field", if self.letter.field.is_empty() { "(record)".into() } else { self.letter.field.into() }),
            ("record", or_nothing(origin.map(place::shown))),
            ("received", or_nothing(received_at.map(|at| at.to_string()))),
            ("set aside", record.received_at.to_string()),
            ("commit", (*commit).to_owned()),
            ("lab", self.lab()),
            ("key", self.key()),
            ("content-type", self.content_type()),
            ("payload", format!("{bytes} bytes, {}", content.form())),
        ];
        let mut text = format!("{}\n", place::shown(record.position));
        for (name, value) in rows {
            text.push_str(&format!("  {name:<13} {value}\n"));
        }
        if let Some(all) = cut_from {
            text.push_str(&format!("  cut from      {all} bytes\n"));
        }
        if self.whole && content != Content::Absent {
            text.push_str(&format!("\n{}\n", content.shown()));
        }
        text
    }

    fn json(&self) -> Value {
        let content = Content::of(self.letter);
        let mut value = self.letter.json(&self.lab());
        value["key"] = json!(self.key());
        value["content_type"] = json!(self.content_type());
        value["form"] = json!(content.form());
        if self.whole {
            value["payload"] = json!(content.shown());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::Topic;
    use crate::policy::sample::sample_rules;

    const PAYLOAD: &str = r#"{"lab_id":"LAB-1","person_id":"PERSON-ONE","result_id":"RESULT-ONE"}"#;

    fn shown(whole: bool, content_type: &str) -> [String; 2] {
        let mut output = set_aside(Topic::LabResults, PAYLOAD, &Reject::new(RejectCode::UnknownArea, "area"));
        for (name, value) in &mut output.headers {
            if *name == "content-type" {
                *value = content_type.as_bytes().to_vec();
            }
        }
        let (letter, rules) = (read(&output), sample_rules());
        let shown = Shown { letter: &letter, rules: Some(&rules), whole };
        [shown.text(), shown.json().to_string()]
    }

    #[test]
    fn a_letter_is_shown_with_all_its_headers_and_nobody_of_it_unless_asked_for() {
        for said in shown(false, "application/json; charset=utf-8") {
            for words in
                ["lab-results/3/41", "unknown_area", "2022-11-11T01:26:40", "LAB-1", "application/json", "PE…(10)"]
            {
                assert!(said.contains(words), "{words}: {said}");
            }
            assert!(["PERSON-ONE", "RESULT-ONE", "charset"].iter().all(|word| !said.contains(word)), "{said}");
        }
        for said in shown(false, "PERSON-ONE") {
            assert!(!said.contains("PERSON-ONE") && said.contains("(another one, 10 bytes)"), "{said}");
        }
        let [text, json] = shown(true, "application/json");
        assert!(text.contains("key           PERSON-ONE\n") && text.ends_with(&format!("\n\n{PAYLOAD}\n")), "{text}");
        let value: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&value["payload"], &value["form"]), (&json!(PAYLOAD), &json!("text")));
    }
}
