//! `swabstream watch`: follows the outputs, as a table or as JSON lines.
//!
//! In: the topics of alerts, positivity or tiers, `read_committed`. Out: a line per record, to whoever reads it; when
//! nobody does any more, it ends. Never here: a person's id, unless it was asked for.

use crate::config::Config;
use crate::kafka::reader::{From, TopicReader};
use crate::model::ids::masked;
use crate::model::record::{Record, Topic};
use crate::pipeline::json;
use crate::policy::{RuleSetReader, Rules};
use crate::proto::v1::{Alert, AreaPositivity, AreaTier};
use anyhow::Context as _;
use prost::Message;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

mod lines;

/// Follow what comes out, as it is committed.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream watch alerts --config swabstream.toml
  swabstream watch positivity --config swabstream.toml --area 500103 --window 7 --from beginning
  swabstream watch tiers --config swabstream.toml --json --once | jq .tier

People are shown masked, and so are barcodes of specimens; --show-ids shows them whole.")]
pub struct WatchArgs {
    /// What to follow
    pub what: What,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
    /// Where to begin
    #[arg(long, default_value = "now")]
    pub from: Start,
    /// End when everything was shown that there is now
    #[arg(long)]
    pub once: bool,
    /// Only this area
    #[arg(long, value_name = "CODE")]
    pub area: Option<String>,
    /// Days of the window in the table of positivity: 1, 3, 7 or 14
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = ["1", "3", "7", "14"])]
    pub window: String,
    /// Show ids of people and specimens whole: for those who may see them
    #[arg(long)]
    pub show_ids: bool,
}

/// What to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Alerts about people, areas and labs
    Alerts,
    /// Numbers of areas, restated as results come
    Positivity,
    /// Tiers of areas
    Tiers,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Start {
    /// What is kept of the past, then what comes
    Beginning,
    /// Only what comes
    Now,
}

impl What {
    fn topics(self) -> &'static [Topic] {
        match self {
            What::Alerts => &[Topic::Alerts, Topic::AreaAlerts],
            What::Positivity => &[Topic::AreaPositivity],
            What::Tiers => &[Topic::AreaTiers],
        }
    }
}

/// How long a Ctrl-C may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// How long to look for the names of areas before going on with their codes.
const NAMES_LIMIT: Duration = Duration::from_secs(10);

/// Runs the command; lines go to `out`. Ends well on Ctrl-C.
pub fn run(args: &WatchArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let rules = names(&config).context("the names of areas could not be read")?;
    require_known(args.area.as_deref(), rules.as_deref())?;
    let from = if args.from == Start::Beginning || args.once { From::Beginning } else { From::End };
    let mut reader = TopicReader::open(&config.kafka, args.what.topics(), from)?;
    let interrupted = super::interrupt::flag()?;
    let shown = Shown { args, rules: rules.as_deref() };
    follow(&mut reader, &shown, &interrupted, out)?;
    Ok(ExitCode::SUCCESS)
}

fn follow(
    reader: &mut TopicReader,
    shown: &Shown<'_>,
    interrupted: &AtomicBool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if !shown.args.json {
        writeln!(out, "{}", lines::header(shown.args.what))?;
    }
    while !interrupted.load(Ordering::Relaxed) {
        let mut written = Ok(());
        reader.poll_within(1000, LONGEST_WAIT, &mut |records| {
            for line in records.iter().filter_map(|record| shown.line(record)) {
                if written.is_ok() {
                    written = writeln!(out, "{line}");
                }
            }
        })?;
        written?;
        out.flush()?;
        if shown.args.once && reader.caught_up() {
            break;
        }
    }
    Ok(())
}

/// An area that the rules do not know would be waited for in vain.
fn require_known(area: Option<&str>, rules: Option<&Rules>) -> anyhow::Result<()> {
    match (area, rules) {
        (Some(area), Some(rules)) if rules.areas.index(area).is_none() => {
            anyhow::bail!("there is no area {area} in the rules in force; swabstream rules show --json lists the codes")
        }
        _ => Ok(()),
    }
}

/// What is shown of a record, and how.
struct Shown<'a> {
    args: &'a WatchArgs,
    rules: Option<&'a Rules>,
}

impl Shown<'_> {
    /// The line of a record; none for another area's, for tombstones, and for what is none of the contract.
    fn line(&self, record: &Record<'_>) -> Option<String> {
        let payload = record.payload?;
        match self.args.what {
            What::Alerts => {
                let mut alert = Alert::decode(payload).ok().filter(|alert| self.wants(&alert.area))?;
                if !self.args.show_ids {
                    mask(&mut alert);
                }
                let text =
                    || lines::alert(&alert, record.received_at, self.name(&alert.area), self.target(&alert.target));
                Some(self.form(&alert, "swabstream.v1.Alert", text))
            }
            What::Positivity => {
                let numbers = AreaPositivity::decode(payload).ok().filter(|numbers| self.wants(&numbers.area))?;
                let days = self.args.window.parse().unwrap_or(7);
                let text = || lines::positivity(&numbers, days, self.name(&numbers.area), self.target(&numbers.target));
                Some(self.form(&numbers, "swabstream.v1.AreaPositivity", text))
            }
            What::Tiers => {
                let tier = AreaTier::decode(payload).ok().filter(|tier| self.wants(&tier.area))?;
                let text = || lines::tier(&tier, self.name(&tier.area), self.target(&tier.target));
                Some(self.form(&tier, "swabstream.v1.AreaTier", text))
            }
        }
    }

    fn wants(&self, area: &str) -> bool {
        self.args.area.as_deref().is_none_or(|wanted| wanted == area)
    }

    fn form<M: Message>(&self, message: &M, name: &str, text: impl Fn() -> String) -> String {
        if self.args.json { json::encode(message, name) } else { text() }
    }

    /// What earlier versions wrote names no target, and is of the first.
    fn target<'a>(&'a self, id: &'a str) -> &'a str {
        self.rules.map_or(id, |rules| rules.id_of_stored(id))
    }

    fn name<'a>(&'a self, code: &'a str) -> &'a str {
        let areas = self.rules.map(|rules| &rules.areas);
        areas.and_then(|areas| Some(areas.list[areas.index(code)? as usize].name.as_str())).unwrap_or(code)
    }
}

/// Nothing is left by which the person or the specimen could be told.
fn mask(alert: &mut Alert) {
    let contacts = alert.exposed_to.iter_mut().chain(&mut alert.to_trace).map(|contact| &mut contact.person_id);
    for id in contacts.chain([&mut alert.person_id, &mut alert.specimen_id]) {
        if !id.is_empty() {
            *id = masked(id);
        }
    }
}

fn names(config: &Config) -> anyhow::Result<Option<Arc<Rules>>> {
    let mut reader = TopicReader::open(&config.kafka, &[Topic::Rules], From::Beginning)?;
    let mut set = RuleSetReader::default();
    let mut rules = None;
    reader.read_to_end(NAMES_LIMIT, &mut |records| {
        for record in records {
            // Rules that cannot be used are the workers' to tell: here they only lend names.
            if let Ok(Some(closed)) = set.read(record.key.unwrap_or_default(), record.payload) {
                rules = Some(closed);
            }
        }
    })?;
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use crate::model::time::Timestamp;
    use crate::proto::v1::{AlertState, Cause, CauseKind, Finding, MatchedContact, ResultStatus};
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: WatchArgs,
    }

    fn line(options: &[&str], alert: &Alert) -> Option<String> {
        let args = ["watch", "alerts", "--config", "x.toml"].into_iter().chain(options.iter().copied());
        let command = Command::parse_from(args);
        let payload = alert.encode_to_vec();
        let position = Position { topic: Topic::Alerts, partition: 0, offset: 0 };
        let received_at = Timestamp(1_668_130_000_000);
        let record = Record { position, received_at, key: None, payload: Some(&payload), content_type: None };
        Shown { args: &command.args, rules: None }.line(&record)
    }

    fn alert() -> Alert {
        let contact = MatchedContact { person_id: "SOMEBODY-ELSE".to_owned(), ..MatchedContact::default() };
        Alert {
            alert_id: "0123456789abcdef0123456789abcdef".to_owned(),
            person_id: "PERSON-ONE".to_owned(),
            specimen_id: "BARCODE-ONE".to_owned(),
            area: "D1".to_owned(),
            exposed_to: vec![contact.clone()],
            to_trace: vec![contact],
            ..Alert::default()
        }
    }

    #[test]
    fn nobody_is_shown_whole_unless_asked_for() {
        for options in [&[][..], &["--json"]] {
            let shown = line(options, &alert()).expect("a line");
            for id in ["PERSON-ONE", "SOMEBODY-ELSE", "BARCODE-ONE"] {
                assert!(!shown.contains(id), "{shown}");
            }
            assert!(shown.contains("PE…(10)"), "{shown}");
        }
        let whole = line(&["--json", "--show-ids"], &alert()).expect("a line");
        assert!(whole.contains("PERSON-ONE") && whole.contains("SOMEBODY-ELSE"), "{whole}");
    }

    #[test]
    fn a_withdrawal_says_why_without_any_id_but_the_labs() {
        let cause = Cause {
            kind: CauseKind::Result as i32,
            state: AlertState::Withdrawn as i32,
            record_id: "RECORD-ONE".to_owned(),
            lab_id: "LAB-1".to_owned(),
            revision: 2,
            status: ResultStatus::Corrected as i32,
            finding: Finding::Negative as i32,
            ..Cause::default()
        };
        let withdrawn = Alert { state: AlertState::Withdrawn as i32, causes: vec![cause], ..alert() };
        let shown = line(&[], &withdrawn).expect("a line");
        assert!(shown.ends_with("withdrawn by result of LAB-1, revision 2, corrected, negative"), "{shown}");
        assert!(!shown.contains("RECORD-ONE"), "{shown}");
        assert!(!line(&[], &alert()).expect("a line").contains("withdrawn"));
    }

    #[test]
    fn an_area_is_followed_alone() {
        assert!(line(&["--area", "D1"], &alert()).is_some());
        assert!(line(&["--area", "D2"], &alert()).is_none());
        let rules = crate::policy::sample::sample_rules();
        assert!(require_known(Some("D1"), Some(&rules)).is_ok() && require_known(None, Some(&rules)).is_ok());
        let error = require_known(Some("NOPE"), Some(&rules)).expect_err("no such area").to_string();
        assert!(error.contains("no area NOPE"), "{error}");
    }
}
