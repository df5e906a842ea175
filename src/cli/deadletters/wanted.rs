//! Which dead letters are asked for.

use super::letter::Letter;
use crate::cli::asked;
use crate::model::outcome::{RejectCode, code_text, codes};
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use anyhow::ensure;

/// Which dead letters: all that fit every option given.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Wanted {
    /// Of this code, e.g. unknown_area; may be given several times
    #[arg(long, value_name = "CODE", value_parser = code)]
    pub code: Vec<RejectCode>,
    /// Results of this laboratory, by the id that they carry
    #[arg(long, value_name = "ID")]
    pub lab: Option<String>,
    /// Set aside at or after this time: RFC 3339, or how long ago, as 90m, 12h or 3d
    #[arg(long, value_name = "TIME", value_parser = asked::since)]
    pub since: Option<Timestamp>,
    /// Set aside before this time
    #[arg(long, value_name = "TIME", value_parser = asked::since)]
    pub until: Option<Timestamp>,
    /// From this input, e.g. lab-results (without prefix)
    #[arg(long, value_name = "TOPIC", value_parser = topic)]
    pub topic: Option<Topic>,
}

impl Wanted {
    /// Whether anything is asked at all.
    pub(super) fn is_some(&self) -> bool {
        let Self { code, lab, since, until, topic } = self;
        !code.is_empty() || lab.is_some() || since.is_some() || until.is_some() || topic.is_some()
    }

    /// Refuses what can fit no letter.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let (Some(since), Some(until)) = (self.since, self.until) {
            ensure!(since < until, "--since {since} is not before --until {until}: no time lies between");
        }
        Ok(())
    }

    /// Whether a letter is one of them. Its payload is looked into only where that is asked.
    pub(super) fn wants(&self, letter: &Letter<'_>) -> bool {
        let at = letter.record.received_at;
        (self.code.is_empty() || letter.code.is_some_and(|code| self.code.contains(&code)))
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.topic.is_none_or(|topic| letter.origin.is_some_and(|origin| origin.topic == topic))
            && self.lab.as_deref().is_none_or(|lab| letter.lab().as_deref() == Some(lab))
    }
}

/// The code of a name.
pub(super) fn code(text: &str) -> Result<RejectCode, String> {
    let all = || codes().map(code_text).collect::<Vec<_>>().join(", ");
    codes().find(|code| code_text(*code) == text).ok_or_else(|| format!("it is one of {}", all()))
}

fn topic(text: &str) -> Result<Topic, String> {
    Topic::named(text).filter(|topic| topic.moves_time()).ok_or_else(|| {
        let inputs: Vec<&str> =
            Topic::ALL.iter().filter(|topic| topic.moves_time()).map(|topic| topic.name()).collect();
        format!("it is an input without prefix: {}", inputs.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::{read, set_aside};
    use super::*;
    use crate::model::outcome::Reject;

    #[test]
    fn letters_are_chosen_by_code_laboratory_time_and_input() {
        let reject = Reject::new(RejectCode::UnknownArea, "area");
        let output = set_aside(Topic::LabResults, r#"{"lab_id":"LAB-1"}"#, &reject);
        let letter = read(&output);
        let at = letter.record.received_at;
        let some = |change: fn(&mut Wanted)| {
            let mut wanted = Wanted::default();
            change(&mut wanted);
            wanted.wants(&letter)
        };
        assert!(some(|_| {}));
        assert!(some(|wanted| wanted.code = vec![RejectCode::Malformed, RejectCode::UnknownArea]));
        assert!(!some(|wanted| wanted.code = vec![RejectCode::Malformed]));
        assert!(some(|wanted| wanted.lab = Some("LAB-1".into())) && !some(|wanted| wanted.lab = Some("LAB-2".into())));
        assert!(some(|wanted| wanted.topic = Some(Topic::LabResults)));
        assert!(!some(|wanted| wanted.topic = Some(Topic::ContactRecords)));
        let between = |since, until| Wanted { since, until, ..Wanted::default() }.wants(&letter);
        assert!(between(Some(at), None) && !between(None, Some(at)));
        assert!(between(None, Some(Timestamp(at.0 + 1))) && !between(Some(Timestamp(at.0 + 1)), None));
    }

    #[test]
    fn what_can_fit_no_letter_is_refused() {
        let between =
            |since, until| Wanted { since: Some(Timestamp(since)), until: Some(Timestamp(until)), ..Wanted::default() };
        assert!(between(1, 2).check().is_ok() && between(2, 2).check().is_err() && between(3, 2).check().is_err());
        assert_eq!(topic("lab-results"), Ok(Topic::LabResults));
        for text in ["dead-letters", "alerts", "results"] {
            assert!(topic(text).is_err_and(|says| says.contains("contact-records")), "{text}");
        }
    }
}
