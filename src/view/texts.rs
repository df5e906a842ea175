//! Stable texts of the contract's enumerations: the name without prefix, in lower case, as in metrics and in JSON.

use crate::proto::v1::{
    Alert, AlertFamily, AlertState, Cause, CauseKind, Channel, Finding, Outcome, PositiveResult, ResultStatus, Severity,
};

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

/// Why an alert was withdrawn, e.g. `result of LAB-1, revision 2, corrected, negative`; empty while it holds. Never an
/// id of a person, of a specimen or of a record.
pub fn withdrawn_by(alert: &Alert) -> String {
    let last = alert.causes.last().filter(|_| alert.state() == AlertState::Withdrawn);
    // A chain that ends with another state says nothing about the withdrawal.
    let mut text = last.filter(|last| last.state() == AlertState::Withdrawn).map(cause).unwrap_or_default();
    if alert.state() == AlertState::Withdrawn && !alert.replaced_by.is_empty() {
        let replaced = format!("replaced by {}", alert.replaced_by.chars().take(12).collect::<String>());
        text = if text.is_empty() { replaced } else { format!("{text}, {replaced}") };
    }
    text
}

/// What was measured of the positives behind an alert, e.g. `Ct ORF1ab 21.5 N 22 (kit-1)`; empty when it does not say.
pub fn measured(alert: &Alert) -> Vec<String> {
    const SHOWN: usize = 3;
    let measured = alert.positives.iter().filter(|one| !one.ct_values.is_empty() || !one.kit.is_empty());
    let mut texts: Vec<String> = measured.map(measured_of).collect();
    let more = texts.len().saturating_sub(SHOWN) + alert.positives_omitted as usize;
    texts.truncate(SHOWN);
    texts.extend((more > 0).then(|| format!("{more} more measured")));
    texts
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

fn cause(cause: &Cause) -> String {
    let mut parts = vec![match cause.kind() {
        CauseKind::Unspecified => String::new(),
        CauseKind::Result if cause.replaces_result_id.is_empty() => format!("result of {}", cause.lab_id),
        CauseKind::Result => format!("result of {} that replaces another one", cause.lab_id),
        CauseKind::Contact => "contact record".to_owned(),
        CauseKind::Moved => format!("result of {} moved to another person", cause.lab_id),
        CauseKind::Rules => "other rules".to_owned(),
        CauseKind::Area => "other numbers of the area".to_owned(),
        CauseKind::Index => "other finding of an index person".to_owned(),
    }];
    if matches!(cause.kind(), CauseKind::Result | CauseKind::Contact | CauseKind::Moved) {
        parts.push(format!("revision {}", cause.revision));
    }
    if cause.status() != ResultStatus::Unspecified {
        parts.push(lower(cause.status().as_str_name(), "RESULT_STATUS_").replace('_', " "));
    }
    if cause.finding() != Finding::Unspecified {
        parts.push(lower(cause.finding().as_str_name(), "FINDING_"));
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
    use crate::proto::v1::CtValue;

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
            (of(CauseKind::Index), "other finding of an index person"),
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
        assert_eq!(outcome(Outcome::DuplicateSpecimen), model::outcome::Outcome::DuplicateSpecimen.name());
        assert_eq!(outcome(Outcome::ContactApplied), model::outcome::Outcome::ContactApplied.name());
        assert_eq!(outcome(Outcome::ChangesApplied), model::outcome::Outcome::ChangesApplied.name());
        assert_eq!(outcome(Outcome::AcceptedUnknownLab), model::outcome::Outcome::AcceptedUnknownLab.name());
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
