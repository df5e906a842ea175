//! Stable texts of the contract's enumerations: the name without prefix, in lower case, as in metrics and in JSON.

use crate::proto::v1::{AlertFamily, AlertState, Channel, Outcome, Severity};

/// E.g. `tier_changed`.
pub fn family(family: AlertFamily) -> String {
    lower(family.as_str_name(), "ALERT_FAMILY_")
}

/// E.g. `raised`.
pub fn state(state: AlertState) -> String {
    lower(state.as_str_name(), "ALERT_STATE_")
}

/// E.g. `high`.
pub fn severity(severity: Severity) -> String {
    lower(severity.as_str_name(), "SEVERITY_")
}

/// E.g. `community`; empty when it is not a case.
pub fn channel(channel: Channel) -> String {
    match channel {
        Channel::Unspecified => String::new(),
        _ => lower(channel.as_str_name(), "CHANNEL_"),
    }
}

/// E.g. `duplicate_specimen`.
pub fn outcome(outcome: Outcome) -> String {
    lower(outcome.as_str_name(), "OUTCOME_")
}

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn outcomes_are_called_the_same_everywhere() {
        assert_eq!(outcome(Outcome::DuplicateSpecimen), model::outcome::Outcome::DuplicateSpecimen.name());
        assert_eq!(outcome(Outcome::ContactApplied), model::outcome::Outcome::ContactApplied.name());
        assert_eq!(outcome(Outcome::ChangesApplied), model::outcome::Outcome::ChangesApplied.name());
    }
}
