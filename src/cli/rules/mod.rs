//! `swabstream rules`: checks a folder of rules, publishes it, shows what is in force.
//!
//! In: a folder, or the topic `rules`. Out: a page of text, or the topic's next set in one transaction. Nothing is
//! published that has an error.

use crate::audit::RulesFound;
use crate::config::Config;
use crate::kafka::publisher::Exclusive;
use crate::kafka::rules::Held;
use crate::model::record::{Output, Topic};
use crate::policy::Rules;
use crate::policy::plan::Plan;
use crate::policy::source::{self, SourceError, SourceFile};
use crate::terminal::output::Duty;
use anyhow::Context as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use targets::Consent;

mod describe;
mod export;
mod table;
pub mod targets;

/// What to do with rules.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum RulesCommand {
    /// Check a folder of rules and show what it would put in force; nothing is published
    #[command(after_help = "Example:\n  swabstream rules check deploy/rules/chongqing

Exit codes: 0 no errors, 1 the rules have errors, 2 the folder cannot be read, or what was found not be written, 141 its \
output was closed before the end (as by | head).")]
    Check {
        /// Folder with deployment.toml, case-*.toml, tier-*.toml, areas.csv, labs.csv
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Check a folder of rules and put it in force, all at once or not at all
    #[command(after_help = "Example:\n  swabstream rules apply deploy/rules/chongqing --config swabstream.toml

Exit codes: 0 they are in force, 1 they have errors and nothing was published, 2 it could not be done.")]
    Apply {
        /// Folder with deployment.toml, case-*.toml, tier-*.toml, areas.csv, labs.csv
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
        /// What of targets is agreed to
        #[command(flatten)]
        consent: Consent,
    },
    /// Show the rules in force
    #[command(after_help = "Examples:
  swabstream rules show --config swabstream.toml
  swabstream rules show --config swabstream.toml --json > rules.json

What --json writes, `check --rules` and `publish --rules` take where there is no Kafka.

Exit codes: 0 shown, 1 no rules are in force, 2 they could not be read, or not be written, 141 its output was closed before \
the end (as by | head).")]
    Show {
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
        /// Every record as JSON
        #[arg(long)]
        json: bool,
    },
}

impl RulesCommand {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        match self {
            Self::Apply { .. } => Duty::Changes,
            Self::Check { .. } | Self::Show { .. } => Duty::Looks,
        }
    }
}

/// Runs the command; what it has to say goes to `out`. Wrong rules end with exit code 1.
pub fn run(command: &RulesCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Check { folder } => check(folder, out),
        RulesCommand::Apply { folder, config, consent } => apply(folder, &Config::read(config)?, consent, out),
        RulesCommand::Show { config, json } => show(&Config::read(config)?, *json, out),
    }
}

fn check(folder: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let rules = match read_folder(folder)? {
        Ok(rules) => rules,
        // They are wrong, whether or not it could be written; the output knows.
        Err(errors) => return Ok(refuse(folder, &errors, "", out).unwrap_or(ExitCode::FAILURE)),
    };
    write!(out, "{}", describe::text(&rules))?;
    writeln!(out)?;
    for note in describe::notes(&rules) {
        writeln!(out, "{note}")?;
    }
    writeln!(out, "{}: no errors; {}", folder.display(), summary(&rules))?;
    Ok(ExitCode::SUCCESS)
}

/// The writer of rules, and the rules. It is taken before anything is read: from then on nobody else can publish what this
/// one has not seen. Whoever changes rules takes the same one.
pub(super) fn for_change(config: &Config) -> anyhow::Result<(Exclusive, Held)> {
    let writer = Exclusive::open(&config.kafka, &format!("{}rules-apply", config.kafka.prefix))?;
    Ok((writer, read_topic(config)?))
}

fn apply(folder: &Path, config: &Config, consent: &Consent, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let files = read_files(folder)?;
    let rules = match source::rules(&files) {
        Ok(rules) => rules,
        Err(errors) => return refuse(folder, &errors, "; nothing was published", out),
    };
    let (writer, held) = for_change(config).context(NOT_PUBLISHED)?;
    let before = held.in_force.as_ref().map(|set| &*set.rules);
    // Days that were let close without a task are none of a folder's.
    let rules = before.map_or(rules.clone(), |before| rules.with_marks_of(before));
    let errors = targets::objections(before, held.records.named(), &rules, consent, &files);
    if !errors.is_empty() {
        return refuse(folder, &errors, "; nothing was published", out);
    }
    let notes = targets::notes(before, &rules);
    let plan = Plan::new(&held.records, &rules);
    if plan.changes_nothing() && before.is_some_and(|old| old.digest == rules.digest) {
        writeln!(out, "nothing to do: in force already; {}", summary(&rules))?;
        return Ok(ExitCode::SUCCESS);
    }
    writer.write(&outputs(&plan)).context(NOT_PUBLISHED)?;
    for (sign, keys) in [("+", &plan.added), ("~", &plan.changed), ("-", &plan.removed)] {
        for key in keys {
            writeln!(out, "{sign} {key}")?;
        }
    }
    for note in &notes {
        writeln!(out, "{note}")?;
    }
    let (added, changed, removed) = (plan.added.len(), plan.changed.len(), plan.removed.len());
    writeln!(out, "in force: {added} added, {changed} changed, {removed} removed; {}", summary(&rules))?;
    Ok(ExitCode::SUCCESS)
}

fn show(config: &Config, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let held = read_topic(config)?;
    let Some(RulesFound { rules, .. }) = held.in_force else {
        for error in &held.errors {
            writeln!(out, "{error}")?;
        }
        writeln!(out, "no rules are in force; publish some with `swabstream rules apply DIR`")?;
        return Ok(ExitCode::FAILURE);
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &export::json(&rules)?)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", describe::text(&rules))?;
        writeln!(out, "\nin force: {}", summary(&rules))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(rules: &Rules) -> String {
    format!("{} records, digest {}", rules.to_records().len(), rules.digest)
}

fn refuse(folder: &Path, errors: &[SourceError], so: &str, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    for error in errors {
        let separator = if folder.as_os_str().to_string_lossy().ends_with('/') { "" } else { "/" };
        writeln!(out, "{}{separator}{error}", folder.display())?;
    }
    let errors = errors.len();
    writeln!(out, "{errors} error{}{so}", if errors == 1 { "" } else { "s" })?;
    Ok(ExitCode::FAILURE)
}

/// The rules of a folder, or what is wrong with them; an error when it cannot be read.
pub fn read_folder(folder: &Path) -> anyhow::Result<Result<Rules, Vec<SourceError>>> {
    Ok(source::rules(&read_files(folder)?))
}

fn read_files(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let unreadable = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if source::is_rule_file(&name) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.push(SourceFile { name, text });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The rules that `rules show --json` has written.
pub(super) fn read_export(file: &Path) -> anyhow::Result<Rules> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    export::rules(&text).with_context(|| {
        format!(
            "{} is neither a folder of rules nor such a file as is made where the deployment is by: swabstream rules show \
             --json --config swabstream.toml > rules.json",
            file.display()
        )
    })
}

/// A set as records of the topic, in the order they are to be written.
pub fn outputs(plan: &Plan) -> Vec<Output> {
    let output = |(key, payload): &(String, Option<Vec<u8>>)| Output {
        topic: Topic::Rules,
        partition: 0,
        key: key.clone().into_bytes(),
        payload: payload.clone(),
        headers: Vec::new(),
    };
    plan.writes.iter().map(output).collect()
}

/// What a failure leads to.
const NOT_PUBLISHED: &str = "the rules were not published";

/// Longest time to read the topic, which a compaction keeps small.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the topic to its end.
pub(super) fn read_topic(config: &Config) -> anyhow::Result<Held> {
    Ok(crate::kafka::rules::read(&config.kafka, PATIENCE)?)
}
