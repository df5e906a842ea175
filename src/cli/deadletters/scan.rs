//! Reading dead letters from the first there is to the last there is now.

use super::letter::Letter;
use super::place;
use crate::config::KafkaConfig;
use crate::kafka::reader::{From, TopicReader};
use crate::model::record::{Position, Topic};
use crate::terminal::output;
use crate::terminal::signals;
use anyhow::{bail, ensure};
use std::ops::ControlFlow;
use std::time::Duration;

/// How long a signal, or that nobody reads any more, may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Letters of one poll. They may be large.
const LETTERS: usize = 1_000;

/// Hands over every letter until it is told to stop: those of one partition in the order they were set aside in. Whether
/// anybody still reads what comes of it: else it ends early, where `looks` says that it only looks.
pub(super) fn each(
    kafka: &KafkaConfig,
    looks: bool,
    take: &mut dyn FnMut(&Letter<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<bool> {
    let mut reader = signals::before_the_work(|| TopicReader::open(kafka, &[Topic::DeadLetters], From::Beginning))?;
    let mut taken = Ok(ControlFlow::Continue(()));
    while !reader.caught_up() {
        ensure!(!signals::asked(), "interrupted before everything was read");
        if looks && output::is_closed() {
            return Ok(false);
        }
        reader.poll_headers(LETTERS, LONGEST_WAIT, &mut |record, headers| {
            if matches!(taken, Ok(ControlFlow::Continue(()))) {
                taken = take(&Letter::read(*record, |name| headers.get(name)));
            }
        })?;
        match taken {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Hands over the one letter at a place.
pub(super) fn one<T>(
    kafka: &KafkaConfig,
    wanted: Position,
    take: &mut dyn FnMut(&Letter<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut found = None;
    each(kafka, false, &mut |letter| {
        if !letter.is_at(wanted) {
            return Ok(ControlFlow::Continue(()));
        }
        found = Some(take(letter)?);
        Ok(ControlFlow::Break(()))
    })?;
    match found {
        Some(found) => Ok(found),
        None => bail!(
            "there is no dead letter of {}: that record was not set aside, or its letter was deleted by retention; \
             swabstream deadletters list has those there are",
            place::shown(wanted)
        ),
    }
}
