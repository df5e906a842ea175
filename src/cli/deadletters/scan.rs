//! Reading dead letters from the first there is to the last there is now.

use super::letter::{Kept, Letter};
use super::place;
use crate::cli::reading::{LONGEST_WAIT, PATIENCE, Wait};
use crate::config::KafkaConfig;
use crate::kafka::reader::{From, TopicReader};
use crate::model::record::{Position, Topic};
use crate::model::time::Timestamp;
use crate::terminal::output;
use crate::terminal::signals;
use anyhow::{Context as _, bail, ensure};
use std::ops::ControlFlow;

/// Letters of one poll. They may be large.
const LETTERS: usize = 1_000;

/// Hands over every letter until it is told to stop: those of one partition in the order they were set aside in. Whether
/// anybody still reads what comes of it: else it ends early, where `looks` says that it only looks.
pub(in crate::cli) fn each(
    kafka: &KafkaConfig,
    looks: bool,
    take: &mut dyn FnMut(&Letter<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<bool> {
    let mut reader = signals::before_the_work(|| TopicReader::open(kafka, &[Topic::DeadLetters], From::Beginning))?;
    let mut taken = Ok(ControlFlow::Continue(()));
    let mut wait = Wait::new(reader.remaining(), PATIENCE);
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
        wait.left(reader.remaining())?;
    }
    Ok(true)
}

/// The one letter at a place. A record that was set aside twice has two, which say the same of it: the later one. A topic that is
/// made anew has another record at the same place: then it must be said which is meant.
pub(super) fn one(kafka: &KafkaConfig, wanted: Position) -> anyhow::Result<Kept> {
    let mut found = Found { wanted, letter: None, all: Vec::new() };
    each(kafka, false, &mut |letter| {
        found.take(letter);
        Ok(ControlFlow::Continue(()))
    })?;
    found.one()
}

/// Letters at a place.
struct Found {
    wanted: Position,
    letter: Option<Kept>,
    /// Of different records: where the letter lies, and when the record was received.
    all: Vec<(Position, Option<Timestamp>)>,
}

impl Found {
    fn take(&mut self, letter: &Letter<'_>) {
        if !letter.is_at(self.wanted) {
            return;
        }
        let is_known = letter.as_origin().is_some()
            && self.letter.as_ref().is_some_and(|kept| kept.letter().as_origin() == letter.as_origin());
        if !is_known {
            self.all.push((letter.record.position, letter.received_at));
        }
        let is_later = |kept: &Kept| {
            (kept.letter().record.received_at, kept.position()) < (letter.record.received_at, letter.record.position)
        };
        if self.letter.as_ref().is_none_or(is_later) {
            self.letter = Some(Kept::of(letter));
        }
    }

    fn one(self) -> anyhow::Result<Kept> {
        let wanted = place::shown(self.wanted);
        if self.all.len() > 1 {
            let line = |(letter, received_at): &(Position, Option<Timestamp>)| {
                let received_at = received_at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
                format!("\n  {}, of the record received at {received_at}", place::shown(*letter))
            };
            let lines: String = self.all.iter().map(line).collect();
            bail!("several records lay at {wanted}, as its topic was made anew; name the letter that is meant:{lines}");
        }
        self.letter.with_context(|| {
            format!(
                "there is no dead letter of {wanted}: that record was not set aside, or its letter was deleted by retention; \
                 swabstream deadletters list has those there are"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::{Reject, RejectCode};
    use crate::model::record::Record;

    #[test]
    fn a_place_that_means_two_records_is_told_and_one_that_was_set_aside_twice_is_one() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let letter = read(&output);
        let wanted = letter.origin.expect("it says where it lay");
        let of = |letters: &[Letter<'_>]| {
            let mut found = Found { wanted, letter: None, all: Vec::new() };
            letters.iter().for_each(|letter| found.take(letter));
            found.one()
        };
        let at = |offset| Record { position: Position { offset, ..letter.record.position }, ..letter.record };
        let later = Letter { record: at(9), ..letter };
        assert_eq!(of(&[letter, later]).expect("one record").position().offset, 9);
        let other = Letter { record: at(8), received_at: Some(Timestamp(1)), ..letter };
        let why = of(&[letter, other, later]).err().expect("two records").to_string();
        for words in [
            "dead-letters/1/7, of the record received at 2022-11-11",
            "dead-letters/1/8, of the record received at 1970",
        ] {
            assert!(why.contains(words), "{why}");
        }
        assert!(of(&[]).err().expect("none").to_string().contains("there is no dead letter of lab-results/3/41"));
    }
}
