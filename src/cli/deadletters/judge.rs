//! What would become of a record if it were sent again now, as it is.

use super::letter::Letter;
use crate::cli::asked;
use crate::clock;
use crate::config::Config;
use crate::intake::check::{Checker, Received, Verdict};
use crate::intake::{Fault, Kind, again};
use crate::kafka::topics;
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Record, Topic};
use crate::pipeline::decode;
use crate::policy::Rules;
use crate::terminal::signals;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rules in force, and the largest record that is taken.
pub(super) struct Judge {
    /// The rules.
    pub rules: Arc<Rules>,
    limit: usize,
    /// How many partitions inputs have now.
    partitions: BTreeMap<Topic, i32>,
}

/// What would become of a letter that is sent again as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would be taken, as far as that can be known here.
    Taken,
    /// It would be refused.
    Refused(Fault),
    /// It cannot be sent at all.
    Impossible(&'static str),
}

impl Judge {
    /// By the rules in force.
    pub(super) fn read(config: &Config) -> anyhow::Result<Self> {
        let rules = asked::rules(&config.kafka, "by which records are checked again")?;
        let partitions = signals::before_the_work(|| topics::partition_counts(&config.kafka))?;
        Ok(Self { rules, limit: config.processing.max_record_bytes.get(), partitions })
    }

    /// What the processor would say of a record that it receives now.
    pub(super) fn verdict(&self, kind: Kind, record: &Record<'_>) -> Verdict {
        let (rules, limit) = (Some(&*self.rules), self.limit);
        let checker = Checker { kind, rules, limit, received: Received::At(clock::now()), stop: signals::asked };
        again::verdict(&checker, record)
    }

    /// What the record of a letter is, where it can be sent at all, as it is or mended; else why it cannot.
    pub(super) fn kind(&self, letter: &Letter<'_>) -> Result<Kind, &'static str> {
        let origin = letter.as_origin().ok_or("its headers do not say of which record it is")?;
        let kind = letter.kind().ok_or("it is no record of an input, but a message between tasks")?;
        // A topic that is not shown to us may be there: the broker says so when it is sent.
        let partitions = self.partitions.get(&origin.position.topic);
        match partitions.is_none_or(|count| origin.position.partition < *count) {
            true => Ok(kind),
            false => Err(
                "its input was made anew with fewer partitions, and the one where it lay is not there: publish the record \
                 anew, `swabstream deadletters show --show-payload` has it",
            ),
        }
    }

    /// Of a letter, as it is.
    pub(super) fn again(&self, letter: &Letter<'_>) -> Again {
        let kind = match self.kind(letter) {
            Ok(kind) => kind,
            Err(why) => return Again::Impossible(why),
        };
        if letter.cut_from.is_some() {
            return Again::Impossible("only its beginning was kept; whoever sent it has all of it");
        }
        if letter.code == Some(RejectCode::Conflict) {
            let fault = Fault::from(Reject::new(RejectCode::Conflict, letter.field));
            let detail =
                "another version of the same revision and status is there; one with a higher revision would be taken";
            return Again::Refused(Fault { detail: detail.to_owned(), ..fault });
        }
        match self.verdict(kind, &letter.original()) {
            Verdict::Refused(fault) => Again::Refused(fault),
            Verdict::Valid | Verdict::Skipped(_) => Again::Taken,
        }
    }
}

/// The revision that a record says, if it can be read.
pub(super) fn revision(kind: Kind, record: &Record<'_>) -> Option<u32> {
    match kind {
        Kind::Results => decode::result(record, usize::MAX).ok().map(|result| result.revision),
        Kind::Contacts => decode::contact(record, usize::MAX).ok().map(|contact| contact.revision),
        Kind::Groups => decode::group(record, usize::MAX).ok().map(|group| group.revision),
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::policy::sample::sample_rules;

    impl Judge {
        /// By the rules of the sample city.
        pub(in crate::cli::deadletters) fn of_the_sample() -> Self {
            Self { rules: Arc::new(sample_rules()), limit: 10_000, partitions: BTreeMap::new() }
        }
    }

    fn again(topic: Topic, payload: &str, code: RejectCode, cut: bool) -> Again {
        let judge = Judge::of_the_sample();
        let mut output = set_aside(topic, payload, &Reject::new(code, ""));
        output.headers.extend(cut.then(|| ("swabstream-cut-from", b"99".to_vec())));
        judge.again(&read(&output))
    }

    #[test]
    fn a_letter_would_be_taken_refused_once_more_or_cannot_be_sent() {
        let collected = jiff::Timestamp::from_millisecond(clock::now().0 - 3_600_000).expect("a time");
        let good = format!(
            r#"{{"lab_id":"LAB-1","result_id":"r1","status":"RESULT_STATUS_FINAL","person_id":"p1","specimen_id":"s1",
            "target":"sars-cov-2","collected_at":"{collected}","area":"D1S1","purpose":"screening",
            "finding":"FINDING_NEGATIVE"}}"#
        );
        let bad = good.replace("D1S1", "NOWHERE");
        let of = |payload: &str, code, cut| again(Topic::LabResults, payload, code, cut);
        assert_eq!(of(&good, RejectCode::UnknownArea, false), Again::Taken, "the registry has it now");
        let Again::Refused(fault) = of(&bad, RejectCode::UnknownArea, false) else { panic!("refused") };
        assert_eq!((fault.reject.code, &*fault.reject.field), (RejectCode::UnknownArea, "area"));
        let Again::Refused(fault) = of(&good, RejectCode::Conflict, false) else { panic!("refused") };
        assert!(fault.reject.code == RejectCode::Conflict && fault.detail.contains("higher revision"));
        assert!(matches!(of(&good, RejectCode::TooLarge, true), Again::Impossible(_)));
        assert!(matches!(again(Topic::AreaChanges, &good, RejectCode::Internal, false), Again::Impossible(_)));
    }

    #[test]
    fn a_letter_that_has_no_way_back_is_told_by_what_it_lacks() {
        let output = set_aside(Topic::LabResults, "{}", &Reject::new(RejectCode::UnknownArea, "area"));
        let letter = read(&output);
        let of = |count| Judge { partitions: [(Topic::LabResults, count)].into(), ..Judge::of_the_sample() };
        assert_eq!(of(4).kind(&letter), Ok(Kind::Results));
        let why = of(3).kind(&letter).expect_err("it lay in the fourth");
        assert!(why.contains("fewer partitions") && why.contains("publish the record anew"), "{why}");
        assert_eq!(of(3).again(&letter), Again::Impossible(why));
        let bare = Letter::read(letter.record, |_| None);
        let why = of(4).kind(&bare).expect_err("it has no headers");
        assert_eq!(why, "its headers do not say of which record it is");
    }
}
