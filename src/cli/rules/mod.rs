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
use crate::terminal::output::{self, Duty};
use crate::terminal::signals::{self, Hangup};
use anyhow::Context as _;
use history::History;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use targets::Consent;

mod describe;
mod dry_run;
mod export;
mod history;
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
    #[command(after_help = "Examples:
  swabstream rules apply deploy/rules/chongqing --dry-run --config swabstream.toml
  swabstream rules apply deploy/rules/chongqing --config swabstream.toml

With --dry-run nothing is published. It says which records would be others, and, of what has been processed so far, which alerts, \
tiers and numbers would be: all of it is counted anew from the inputs, by the rules in force and by these. That reads and holds \
what `swabstream audit` does, and needs the same rights and the secret. Records that were set aside stay so; `swabstream \
deadletters retry --dry-run` says of them what would become of them once the rules are in force.

Exit codes: 0 they are in force, or it was said what would change, 1 they have errors and nothing was published, 2 it could not be \
done, or what was found not be written, 141 the output of a dry run was closed before the end (as by | head).")]
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
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the rules in force
    #[command(after_help = "Examples:
  swabstream rules show --config swabstream.toml
  swabstream rules show --config swabstream.toml --json > rules.json
  swabstream rules show --number 3 --config swabstream.toml    a set that was in force before

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
        /// An earlier set instead of those in force, by its number in `rules history`
        #[arg(long, value_name = "NUMBER")]
        number: Option<u32>,
    },
    /// List the sets of rules that were put in force, and when
    #[command(after_help = "Examples:
  swabstream rules history --config swabstream.toml
  swabstream rules history --json --config swabstream.toml

Each set that `swabstream rules apply` or `restore` has put in force, with its number, when, and how many records it added, changed \
and removed. `swabstream rules show --number N` shows it, `swabstream rules restore N` puts it in force again. It is kept in the \
topic rules-history from the first set on that was applied while there was one.

Exit codes: 0 listed, 2 it could not be read or written, 141 its output was closed before the end (as by | head).")]
    History {
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Put an earlier set of rules in force again, all at once or not at all
    #[command(after_help = "Example:
  swabstream rules restore 3 --config swabstream.toml

NUMBER is that of `swabstream rules history`. What was counted by the rules in force is counted anew, as with `rules apply`. Days \
that were let close without a task stay so.

Exit codes: 0 it is in force, 1 it must not be and nothing was published, 2 it could not be done.")]
    Restore {
        /// Number of the set
        #[arg(value_name = "NUMBER")]
        number: u32,
        /// Settings of the deployment
        #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
        config: PathBuf,
        /// What of targets is agreed to
        #[command(flatten)]
        consent: Consent,
    },
}

impl RulesCommand {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        match self {
            Self::Apply { dry_run: false, .. } | Self::Restore { .. } => Duty::Changes,
            Self::Apply { dry_run: true, .. } | Self::Check { .. } => Duty::Looks,
            Self::Show { .. } | Self::History { .. } => Duty::Looks,
        }
    }
}

/// Runs the command; what it has to say goes to `out`. Wrong rules end with exit code 1.
pub fn run(command: &RulesCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Check { folder } => check(folder, out),
        RulesCommand::Apply { folder, config, consent, dry_run: false } => {
            let (files, config) = (read_files(folder)?, Config::read(config)?);
            match source::rules(&files) {
                Ok(rules) => put_in_force(rules, &folder.display().to_string(), &files, &config, consent, out),
                Err(errors) => refuse(&folder.display().to_string(), &errors, NOTHING, out),
            }
        }
        RulesCommand::Apply { folder, config, consent, dry_run: true } => {
            try_out(folder, &Config::read(config)?, consent, out)
        }
        RulesCommand::Show { config, json, number } => show(&Config::read(config)?, *json, *number, out),
        RulesCommand::History { config, json } => {
            let config = Config::read(config)?;
            let (history, held) = (History::read(&config, None)?, read_topic(&config)?);
            let in_force = held.in_force.as_ref().map(|found| found.rules.digest.as_str());
            let lines =
                if *json { vec![history::json(&history, in_force)] } else { history::lines(&history, in_force) };
            output::write_lines(Some(lines), out)
        }
        RulesCommand::Restore { number, config, consent } => {
            let config = Config::read(config)?;
            let rules = History::read(&config, Some(*number))?.rules()?;
            put_in_force(rules, &format!("set {number}"), &[], &config, consent, out)
        }
    }
}

fn check(folder: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let rules = match read_folder(folder)? {
        Ok(rules) => rules,
        Err(errors) => return Ok(found_wrong(folder, &errors, "", out)),
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

/// Publishes rules, and writes down that it did. `whence` is where they come from.
fn put_in_force(
    rules: Rules,
    whence: &str,
    files: &[SourceFile],
    config: &Config,
    consent: &Consent,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let (writer, held) = for_change(config).context(NOT_PUBLISHED)?;
    let change = match Change::new(rules, &held, consent, files) {
        Ok(change) => change,
        Err(errors) => return refuse(whence, &errors, NOTHING, out),
    };
    if change.is_none {
        writeln!(out, "nothing to do: in force already; {}", summary(&change.rules))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Behind the writer's beginning: nobody else writes meanwhile. Rules matter more than what is remembered of them.
    let history = History::read(config, None);
    let before = held.in_force.as_ref().map(|found| &*found.rules);
    let remembered = history.as_ref().map_or_else(|_| Vec::new(), |history| history.outputs(before, &change.rules));
    writer.write(&[outputs(&change.plan), remembered].concat()).context(NOT_PUBLISHED)?;
    change.write(out)?;
    if let Err(error) = history {
        writeln!(out, "that they were put in force is not written down: {error:#}")?;
    }
    writeln!(out, "in force: {}", change.summary())?;
    Ok(ExitCode::SUCCESS)
}

/// Says what [`put_in_force`] would do, and what would come of it.
fn try_out(folder: &Path, config: &Config, consent: &Consent, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let files = read_files(folder)?;
    let rules = match source::rules(&files) {
        Ok(rules) => rules,
        Err(errors) => return Ok(found_wrong(folder, &errors, NOTHING, out)),
    };
    let held = read_topic(config)?;
    let change = match Change::new(rules, &held, consent, &files) {
        Ok(change) => change,
        Err(errors) => return Ok(found_wrong(folder, &errors, NOTHING, out)),
    };
    change.write(out)?;
    if held.in_force.is_some() {
        for line in dry_run::run(config, &change.rules)? {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "nothing was published; it would be: {}", change.summary())?;
    Ok(ExitCode::SUCCESS)
}

/// From the rules in force to those of a folder.
struct Change {
    rules: Rules,
    plan: Plan,
    notes: Vec<String>,
    /// They are in force already.
    is_none: bool,
}

impl Change {
    /// `Err` is what is wrong with putting them in force after those of now.
    fn new(rules: Rules, held: &Held, consent: &Consent, files: &[SourceFile]) -> Result<Self, Vec<SourceError>> {
        let before = held.in_force.as_ref().map(|set| &*set.rules);
        // Days that were let close without a task are none of a folder's.
        let rules = before.map_or(rules.clone(), |before| rules.with_marks_of(before));
        let errors = targets::objections(before, held.records.named(), &rules, consent, files);
        if !errors.is_empty() {
            return Err(errors);
        }
        let (plan, notes) = (Plan::new(&held.records, &rules), targets::notes(before, &rules));
        let is_none = plan.changes_nothing() && before.is_some_and(|old| old.digest == rules.digest);
        Ok(Self { rules, plan, notes, is_none })
    }

    fn write(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        for (sign, keys) in [("+", &self.plan.added), ("~", &self.plan.changed), ("-", &self.plan.removed)] {
            for key in keys {
                writeln!(out, "{sign} {key}")?;
            }
        }
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let Plan { added, changed, removed, .. } = &self.plan;
        let [added, changed, removed] = [added, changed, removed].map(Vec::len);
        format!("{added} added, {changed} changed, {removed} removed; {}", summary(&self.rules))
    }
}

fn show(config: &Config, json: bool, number: Option<u32>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if let Some(number) = number {
        return show_set(&History::read(config, Some(number))?.rules()?, json, &format!("set {number}"), out);
    }
    let held = read_topic(config)?;
    let Some(RulesFound { rules, .. }) = held.in_force else {
        for error in &held.errors {
            writeln!(out, "{error}")?;
        }
        writeln!(out, "no rules are in force; publish some with `swabstream rules apply DIR`")?;
        return Ok(ExitCode::FAILURE);
    };
    show_set(&rules, json, "in force", out)
}

fn show_set(rules: &Rules, json: bool, which: &str, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if json {
        serde_json::to_writer_pretty(&mut *out, &export::json(rules)?)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", describe::text(rules))?;
        writeln!(out, "\n{which}: {}", summary(rules))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(rules: &Rules) -> String {
    format!("{} records, digest {}", rules.to_records().len(), rules.digest)
}

/// [`refuse`] of what only looks: they are wrong, whether or not it could be written; the output knows.
fn found_wrong(folder: &Path, errors: &[SourceError], so: &str, out: &mut dyn Write) -> ExitCode {
    refuse(&folder.display().to_string(), errors, so, out).unwrap_or(ExitCode::FAILURE)
}

fn refuse(whence: &str, errors: &[SourceError], so: &str, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    for error in errors {
        let separator = if whence.ends_with('/') { "" } else { "/" };
        writeln!(out, "{whence}{separator}{error}")?;
    }
    let errors = errors.len();
    writeln!(out, "{errors} error{}{so}", if errors == 1 { "" } else { "s" })?;
    Ok(ExitCode::FAILURE)
}

/// The rules of a folder, or what is wrong with them; an error when it cannot be read.
pub fn read_folder(folder: &Path) -> anyhow::Result<Result<Rules, Vec<SourceError>>> {
    Ok(source::rules(&read_files(folder)?))
}

pub(super) fn read_files(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
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

/// What is said after errors.
const NOTHING: &str = "; nothing was published";

/// What a failure leads to.
const NOT_PUBLISHED: &str = "the rules were not published";

/// Longest time to read the topic, which a compaction keeps small.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the topic to its end.
pub(super) fn read_topic(config: &Config) -> anyhow::Result<Held> {
    Ok(crate::kafka::rules::read(&config.kafka, PATIENCE)?)
}
