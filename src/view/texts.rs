//! Stable texts of the contract's enumerations: the name without prefix, in lower case, as in metrics and in JSON.

use crate::proto::v1::{
    Alert, AlertState, Cause, CauseKind, Channel, Finding, Outcome, PooledInterval, PositiveResult, Severity,
};
use serde::Serialize;

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

/// E.g. `negative`; empty when there is none.
pub fn finding(finding: Finding) -> String {
    match finding {
        Finding::Unspecified => String::new(),
        _ => lower(finding.as_str_name(), "FINDING_"),
    }
}

/// E.g. `exact`.
pub fn pooled_interval(method: PooledInterval) -> String {
    lower(method.as_str_name(), "POOLED_INTERVAL_")
}

/// E.g. `duplicate_specimen`.
pub fn outcome(outcome: Outcome) -> String {
    lower(outcome.as_str_name(), "OUTCOME_")
}

/// What withdrew an alert. Never an id of a person, of a specimen or of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Withdrawal {
    /// Kind of cause, e.g. `result`, or `result_replacing` where it names another result that it replaces; empty when
    /// the chain of cause does not say.
    pub cause: String,
    /// The lab, where a result was the cause.
    pub lab: String,
    /// Its version of the record, where a record was the cause.
    pub revision: Option<u32>,
    /// E.g. `corrected`; empty when there is none.
    pub status: String,
    /// E.g. `negative`; empty when there is none.
    pub finding: String,
    /// First digits of the id of the alert that took its place; empty when none did.
    pub replaced_by: String,
}

/// What was measured of the positives behind an alert, e.g. `Ct ORF1ab 21.5 N 22 (kit-1)`; empty when it does not say.
pub fn measured(alert: &Alert) -> Vec<String> {
    let (mut texts, more) = first_measured(alert);
    texts.extend((more > 0).then(|| format!("{more} more measured")));
    texts
}

/// The first that was measured, and how much more there is.
pub fn first_measured(alert: &Alert) -> (Vec<String>, usize) {
    const SHOWN: usize = 3;
    let measured = alert.positives.iter().filter(|one| !one.ct_values.is_empty() || !one.kit.is_empty());
    let mut texts: Vec<String> = measured.map(measured_of).collect();
    let more = texts.len().saturating_sub(SHOWN) + alert.positives_omitted as usize;
    texts.truncate(SHOWN);
    (texts, more)
}

fn measured_of(result: &PositiveResult) -> String {
    let mut parts: Vec<String> = result.ct_values.iter().map(|ct| format!("{} {}", ct.gene, ct.cycles)).collect();
    if !parts.is_empty() {
        parts.insert(0, "Ct".to_owned());
    }
    match (parts.is_empty(), result.kit.as_str()) {
        (_, "") => {}
        (true, kit) => parts.push(format!("kit {kit}")),
        (false, kit) => parts.push(format!("({kit})")),
    }
    parts.join(" ")
}

/// What withdrew an alert; `None` while it holds.
pub fn withdrawal(alert: &Alert) -> Option<Withdrawal> {
    if alert.state() != AlertState::Withdrawn {
        return None;
    }
    let replaced_by = alert.replaced_by.chars().take(12).collect();
    // A chain that ends with another state says nothing about the withdrawal.
    let last = alert.causes.last().filter(|last| last.state() == AlertState::Withdrawn);
    Some(Withdrawal { replaced_by, ..last.map(of_cause).unwrap_or_default() })
}

fn of_cause(cause: &Cause) -> Withdrawal {
    let of_a_record =
        matches!(cause.kind(), CauseKind::Result | CauseKind::Contact | CauseKind::Moved | CauseKind::Group);
    let unless_unspecified = |text: String| if text == "unspecified" { String::new() } else { text };
    let kind = unless_unspecified(lower(cause.kind().as_str_name(), "CAUSE_KIND_"));
    Withdrawal {
        cause: if cause.replaces_result_id.is_empty() { kind } else { format!("{kind}_replacing") },
        lab: cause.lab_id.clone(),
        revision: of_a_record.then_some(cause.revision),
        status: unless_unspecified(lower(cause.status().as_str_name(), "RESULT_STATUS_")),
        finding: finding(cause.finding()),
        replaced_by: String::new(),
    }
}

/// Why an alert was withdrawn, e.g. `result of LAB-1, revision 2, corrected, negative`; empty while it holds.
pub fn withdrawn_by(alert: &Alert) -> String {
    let Some(by) = withdrawal(alert) else { return String::new() };
    let mut parts = vec![match by.cause.as_str() {
        "result" => format!("result of {}", by.lab),
        "result_replacing" => format!("result of {} that replaces another one", by.lab),
        "contact" => "contact record".to_owned(),
        "group" => "record of a key group".to_owned(),
        "moved" => format!("result of {} moved to another person", by.lab),
        "rules" => "other rules".to_owned(),
        "area" => "other numbers of the area".to_owned(),
        "index" => "other finding of an index person".to_owned(),
        "member" => "other finding of a member".to_owned(),
        "tube" => "another pool, which tells of the tube".to_owned(),
        other => other.replace('_', " "),
    }];
    parts.extend(by.revision.map(|revision| format!("revision {revision}")));
    parts.push(by.status.replace('_', " "));
    parts.push(by.finding);
    if !by.replaced_by.is_empty() {
        parts.push(format!("replaced by {}", by.replaced_by));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;
    use crate::proto::v1::{CtValue, ResultStatus};

    fn withdrawn(cause: Cause) -> Alert {
        let withdrawn = AlertState::Withdrawn as i32;
        let raised = Cause { state: AlertState::Raised as i32, lab_id: "LAB-9".to_owned(), ..Cause::default() };
        Alert { state: withdrawn, causes: vec![raised, Cause { state: withdrawn, ..cause }], ..Alert::default() }
    }

    #[test]
    fn a_withdrawal_says_what_took_the_alert_back() {
        let of = |kind: CauseKind| Cause { kind: kind as i32, revision: 2, ..Cause::default() };
        let result = |kind, status: ResultStatus, finding: Finding| Cause {
            lab_id: "LAB-1".to_owned(),
            record_id: "R-77".to_owned(),
            status: status as i32,
            finding: finding as i32,
            ..of(kind)
        };
        for (cause, says) in [
            (
                result(CauseKind::Result, ResultStatus::Corrected, Finding::Negative),
                "result of LAB-1, revision 2, corrected, negative",
            ),
            (
                result(CauseKind::Result, ResultStatus::EnteredInError, Finding::Unspecified),
                "result of LAB-1, revision 2, entered in error",
            ),
            (
                result(CauseKind::Moved, ResultStatus::Corrected, Finding::Positive),
                "result of LAB-1 moved to another person, revision 2, corrected, positive",
            ),
            (
                Cause {
                    replaces_result_id: "R-76".to_owned(),
                    ..result(CauseKind::Result, ResultStatus::Final, Finding::Negative)
                },
                "result of LAB-1 that replaces another one, revision 2, final, negative",
            ),
            (of(CauseKind::Contact), "contact record, revision 2"),
            (of(CauseKind::Group), "record of a key group, revision 2"),
            (of(CauseKind::Index), "other finding of an index person"),
            (of(CauseKind::Member), "other finding of a member"),
            (of(CauseKind::Tube), "another pool, which tells of the tube"),
            (of(CauseKind::Rules), "other rules"),
            (of(CauseKind::Area), "other numbers of the area"),
        ] {
            assert_eq!(withdrawn_by(&withdrawn(cause)), says);
        }
    }

    #[test]
    fn a_withdrawal_names_the_alert_that_took_its_place() {
        let rules = Cause { kind: CauseKind::Rules as i32, ..Cause::default() };
        let alert = Alert { replaced_by: "0123456789abcdef".to_owned(), ..withdrawn(rules) };
        assert_eq!(withdrawn_by(&alert), "other rules, replaced by 0123456789ab");
        let without_chain = Alert { causes: Vec::new(), ..alert };
        assert_eq!(withdrawn_by(&without_chain), "replaced by 0123456789ab");
    }

    #[test]
    fn an_alert_that_holds_has_no_reason_of_a_withdrawal() {
        let mut alert = withdrawn(Cause { kind: CauseKind::Rules as i32, ..Cause::default() });
        alert.set_state(AlertState::Raised);
        assert_eq!(withdrawn_by(&alert), "");
    }

    #[test]
    fn outcomes_are_called_the_same_everywhere() {
        assert_eq!(
            outcome(Outcome::DuplicateSpecimen),
            model::outcome::Outcome::Used(model::outcome::End::DuplicateSpecimen).name()
        );
        assert_eq!(
            outcome(Outcome::ContactApplied),
            model::outcome::Outcome::Used(model::outcome::End::ContactApplied).name()
        );
        assert_eq!(
            outcome(Outcome::PoolApplied),
            model::outcome::Outcome::Used(model::outcome::End::PoolApplied).name()
        );
        assert_eq!(
            outcome(Outcome::GroupApplied),
            model::outcome::Outcome::Used(model::outcome::End::GroupApplied).name()
        );
        assert_eq!(
            outcome(Outcome::ChangesApplied),
            model::outcome::Outcome::Used(model::outcome::End::ChangesApplied).name()
        );
        assert_eq!(
            outcome(Outcome::AcceptedUnknownLab),
            model::outcome::Outcome::Used(model::outcome::End::AcceptedUnknownLab).name()
        );
    }

    #[test]
    fn what_was_measured_of_positives_is_shown_and_of_very_many_the_first() {
        let ct = |gene: &str, cycles| CtValue { gene: gene.to_owned(), cycles };
        let result = |ct_values, kit: &str| PositiveResult { ct_values, kit: kit.to_owned(), ..Default::default() };
        let of = |positives| measured(&Alert { positives, ..Alert::default() });
        let both = result(vec![ct("ORF1ab", 21.5), ct("N", 22.0)], "kit-1");
        let (kit, nothing) = (result(Vec::new(), "kit-2"), result(Vec::new(), ""));
        assert_eq!(of(vec![both.clone(), nothing, kit]), ["Ct ORF1ab 21.5 N 22 (kit-1)", "kit kit-2"]);
        assert_eq!(of(vec![both; 5])[3], "2 more measured");
    }
}
