//! Dead letters: how many by code, and where the last few came from. Never their bytes.

use crate::model::outcome::{code_text, codes};
use crate::model::record::{Position, Topic};
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Positions kept.
pub const NEWEST: usize = 20;

/// The book of dead letters.
#[derive(Debug, Default)]
pub struct DeadLetters {
    counts: BTreeMap<String, u64>,
    newest: VecDeque<DeadLetter>,
}

/// One dead letter.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Stable code.
    pub code: String,
    /// Path of the field, in the contract's names; empty when it is the whole record.
    pub field: String,
    /// Where the record lay.
    pub origin: Option<Position>,
    /// When it was set aside.
    pub at: Timestamp,
}

impl DeadLetters {
    /// Counts by code.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &DeadLetter> {
        self.newest.iter()
    }

    /// Takes the headers of one dead letter. A code that is not of the contract is counted as `other`.
    pub(super) fn absorb<'a>(&mut self, at: Timestamp, header: impl Fn(&str) -> Option<&'a [u8]>) {
        let text = |name| header(name).and_then(|value| std::str::from_utf8(value).ok());
        let known = text("swabstream-code").filter(|code| codes().any(|known| code_text(known) == *code));
        let code = known.unwrap_or("other").to_owned();
        *self.counts.entry(code.clone()).or_default() += 1;
        let origin = (|| {
            let topic = Topic::named(text("swabstream-topic")?)?;
            let partition = text("swabstream-partition")?.parse().ok()?;
            Some(Position { topic, partition, offset: text("swabstream-offset")?.parse().ok()? })
        })();
        let field = text("swabstream-field").unwrap_or_default().to_owned();
        let place = self.newest.partition_point(|letter| letter.at > at);
        self.newest.insert(place, DeadLetter { code, field, origin, at });
        self.newest.truncate(NEWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_nobody_knows_makes_no_new_series() {
        let mut letters = DeadLetters::default();
        for code in ["malformed", "malformed", "made_up_1", "made_up_2"] {
            letters.absorb(Timestamp(1), |name| (name == "swabstream-code").then_some(code.as_bytes()));
        }
        let counts: Vec<(&str, u64)> = letters.counts().iter().map(|(code, count)| (code.as_str(), *count)).collect();
        assert_eq!(counts, [("malformed", 2), ("other", 2)]);
    }

    #[test]
    fn the_last_letters_tell_where_the_records_lay() {
        let mut letters = DeadLetters::default();
        letters.absorb(Timestamp(1), |name| match name {
            "swabstream-code" => Some(b"unknown_area"),
            "swabstream-field" => Some(b"area"),
            "swabstream-topic" => Some(b"lab-results"),
            "swabstream-partition" => Some(b"7"),
            "swabstream-offset" => Some(b"41"),
            _ => None,
        });
        let letter = letters.newest().next().expect("one");
        assert_eq!(letter.origin, Some(Position { topic: Topic::LabResults, partition: 7, offset: 41 }));
        assert_eq!((letter.code.as_str(), letter.field.as_str()), ("unknown_area", "area"));
    }
}
