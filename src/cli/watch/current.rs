//! What numbers and tiers are now: the newest of each area, once.

use super::args::What;
use super::shown::Shown;
use crate::cli::reading;
use crate::config::Config;
use crate::model::record::{Record, Topic};
use crate::terminal::{output, say};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

/// The newest lines, by what they are about. Day and text, so that a later one takes the place of an earlier one.
type Newest = BTreeMap<String, (String, String)>;

/// Shows the table once.
pub(super) fn show(config: &Config, shown: &Shown<'_>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut newest = Newest::new();
    if !reading::to_the_end(&config.kafka, shown.args.what.topics(), &mut |record| take(&mut newest, record, shown))? {
        return Ok(ExitCode::from(output::CLOSED));
    }
    shown.begin(out)?;
    for (_, line) in newest.values() {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    if newest.is_empty() {
        let what = if shown.args.what == What::Tiers { "tier" } else { "number" };
        say(&format!("no {what} was published yet{}", if shown.areas.is_some() { " for this area" } else { "" }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps a record if it is the newest of what it is about; a tombstone takes away what it was.
fn take(newest: &mut Newest, record: &Record<'_>, shown: &Shown<'_>) {
    let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
    // Numbers have a day of their own: AREA/DAY, and behind it a target that is not the first.
    let mut parts = key.splitn(3, '/');
    let (area, day, target) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let (about, day) = match record.position.topic {
        Topic::AreaPositivity => ([area, target.unwrap_or_default()].join("/"), day.unwrap_or_default()),
        _ => (key.to_owned(), ""),
    };
    let held = newest.get(&about).map(|(day, _)| day.as_str());
    if record.payload.is_none() {
        if held == Some(day) {
            newest.remove(&about);
        }
    } else if held.is_none_or(|held| held <= day)
        && let Some(line) = shown.line(record)
    {
        newest.insert(about, (day.to_owned(), line));
    }
}
