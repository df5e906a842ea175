//! What would become of a record if it were sent again now, as it is.

use super::letter::Letter;
use crate::clock;
use crate::config::Config;
use crate::intake::check::{Checker, Received, Verdict};
use crate::intake::{Fault, Kind, again};
use crate::kafka::rules;
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::Record;
use crate::policy::Rules;
use crate::terminal::signals;
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;

/// How long to look for rules.
const RULES_LIMIT: Duration = Duration::from_secs(10);

/// The rules in force, and the largest record that is taken.
pub(super) struct Judge {
    /// The rules.
    pub rules: Arc<Rules>,
    limit: usize,
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
        let held = signals::before_the_work(|| rules::read(&config.kafka, RULES_LIMIT))
            .context("the rules, by which records are checked again, could not be read")?;
        let found = held.in_force.context("no rules are in force: publish some with `swabstream rules apply DIR`")?;
        Ok(Self { rules: found.rules, limit: config.processing.max_record_bytes.get() })
    }

    /// What the processor would say of a record that it receives now.
    pub(super) fn verdict(&self, kind: Kind, record: &Record<'_>) -> Verdict {
        let (rules, limit) = (Some(&*self.rules), self.limit);
        let checker = Checker { kind, rules, limit, received: Received::At(clock::now()), stop: signals::asked };
        again::verdict(&checker, record)
    }

    /// Of a letter, as it is.
    pub(super) fn again(&self, letter: &Letter<'_>) -> Again {
        let Some(kind) = letter.kind() else {
            return Again::Impossible("it is no record of an input, but a message between tasks");
        };
        if letter.as_origin().is_none() {
            return Again::Impossible("its headers do not say of which record it is");
        }
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

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::record::Topic;
    use crate::policy::sample::sample_rules;

    impl Judge {
        /// By the rules of the sample city.
        pub(in crate::cli::deadletters) fn of_the_sample() -> Self {
            Self { rules: Arc::new(sample_rules()), limit: 10_000 }
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
}
