//! Checks of the deployment and of case policies.

use super::{groups, targets};
use crate::model::time::Zone;
use crate::policy::case::{DAY_CLOSE_HOURS, POOL_RECALL_HOURS};
use crate::policy::error::Check;
use crate::policy::years::{self, Years};
use crate::policy::{AreaMeaning, CasePolicy, CaseSeverity, Deployment, EpisodeForm, ObservationDays, TestDays};
use crate::proto::v1;

/// Hours after the end of its day from which on a due test is overdue, where a policy does not say.
const GRACE_HOURS: u32 = 24;

/// Hours after its end by which a day is closed at the latest.
const LONGEST_CLOSE_HOURS: u32 = 168;

pub(super) fn deployment(wire: &v1::Deployment, check: &mut Check<'_>) -> Option<Deployment> {
    let zone = Zone::named(&wire.zone);
    if zone.is_none() {
        check.wrong("zone", format!("there is no time zone `{}`", wire.zone), "use an IANA name, e.g. Asia/Shanghai");
    }
    let area_meaning = match wire.area_meaning() {
        v1::AreaMeaning::Unspecified => None,
        v1::AreaMeaning::Residence => Some(AreaMeaning::Residence),
        v1::AreaMeaning::Sampling => Some(AreaMeaning::Sampling),
    };
    if area_meaning.is_none() {
        check.wrong("area_meaning", "it is not said what an area means", "use residence or sampling");
    }
    for (field, names) in [("levels", &wire.levels), ("purposes", &wire.purposes)] {
        if names.is_empty() {
            check.wrong(field, "it is empty", "name at least one");
        }
        check.codes(field, names);
    }
    check.codes("people_levels", &wire.people_levels);
    for (at, level) in wire.people_levels.iter().enumerate() {
        check.place(&format!("people_levels[{at}]"), level, &wire.levels);
    }
    let targets = targets::declared(wire, check);
    Some(Deployment {
        zone_name: wire.zone.clone(),
        zone: zone?,
        area_meaning: area_meaning?,
        keeps_people: wire.levels.iter().map(|level| wire.people_levels.contains(level)).collect(),
        levels: wire.levels.clone(),
        purposes: wire.purposes.clone(),
        targets: targets?,
        targets_declared: !wire.targets.is_empty(),
    })
}

pub(super) fn case(
    wire: &v1::CasePolicy,
    deployment: Option<&Deployment>,
    check: &mut Check<'_>,
) -> Option<CasePolicy> {
    check.code("id", &wire.id, 64);
    check.code("version", &wire.version, 64);
    check.text("source", &wire.source);
    let effective_from = check.day("effective_from", &wire.effective_from);
    let episode_form = match wire.episode_form() {
        v1::EpisodeForm::Unspecified => None,
        v1::EpisodeForm::FromLastPositive => Some(EpisodeForm::FromLastPositive),
        v1::EpisodeForm::FromFirstPositive => Some(EpisodeForm::FromFirstPositive),
    };
    if episode_form.is_none() {
        let hint = "use from_last_positive or from_first_positive";
        check.wrong("episode_form", "it is not said which positive anchors the gap", hint);
    }
    if wire.unknown_lab() == v1::UnknownLab::Unspecified {
        check.wrong("unknown_lab", "it is not said what becomes of an unknown lab's results", "use reject or accept");
    }
    let targets = targets::of_case(wire, deployment, check);
    let observation_days = ObservationDays {
        close: check.number("observation_days_close", wire.observation_days_close, 1..=60),
        secondary: check.number("observation_days_secondary", wire.observation_days_secondary, 0..=60),
        co_exposed: check.number("observation_days_co_exposed", wire.observation_days_co_exposed, 0..=60),
    };
    let ObservationDays { close, secondary, co_exposed } = observation_days;
    Some(CasePolicy {
        name: format!("{}@{}", wire.id, wire.version),
        unnamed_contacts: targets::of_unnamed_contacts(wire, &targets),
        targets,
        horizon_days: check.number("horizon_days", wire.horizon_days, 1..=60),
        episode_gap_days: check.number("episode_gap_days", wire.episode_gap_days, 1..=3650),
        historic_after_hours: check.number("historic_after_hours", wire.historic_after_hours, 1..=8784).into(),
        preliminary_alerts: wire.preliminary_alerts,
        observation_days,
        test_days: TestDays {
            close: test_days("test_days_close", &wire.test_days_close, close, check),
            secondary: test_days("test_days_secondary", &wire.test_days_secondary, secondary, check),
            co_exposed: test_days("test_days_co_exposed", &wire.test_days_co_exposed, co_exposed, check),
        },
        test_grace_hours: check
            .number("test_grace_hours", wire.test_grace_hours.unwrap_or(GRACE_HOURS), 0..=168)
            .into(),
        trace_days_before: check.number("trace_days_before", wire.trace_days_before, 0..=60),
        trace_days_after: check.number("trace_days_after", wire.trace_days_after, 0..=60),
        accept_unknown_labs: wire.unknown_lab() == v1::UnknownLab::Accept,
        years: Years::new(
            check.number("earliest_year", wire.earliest_year.unwrap_or(years::FIRST as u32), 1..=9998),
            check.number("years_ahead", wire.years_ahead.unwrap_or(years::AHEAD as u32), 0..=100),
        ),
        pool_recall_hours: check
            .number("pool_recall_hours", wire.pool_recall_hours.unwrap_or(POOL_RECALL_HOURS), 1..=720)
            .into(),
        pool_grace_hours: check.number("pool_grace_hours", wire.pool_grace_hours.unwrap_or(0), 0..=168).into(),
        day_close_hours: check
            .number("day_close_hours", wire.day_close_hours.unwrap_or(DAY_CLOSE_HOURS), 0..=LONGEST_CLOSE_HOURS)
            .into(),
        groups: groups::read(&wire.groups, check),
        severity: severity(&wire.severity.unwrap_or_default(), check),
        effective_from: effective_from?,
        episode_form: episode_form?,
    })
}

/// Days on which a contact is tested: within the observation, in order, none twice.
fn test_days(field: &str, days: &[u32], observed: i32, check: &mut Check<'_>) -> Vec<i32> {
    let observed = observed.unsigned_abs();
    for (at, day) in days.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if !(1..=observed).contains(day) {
            let hint = format!("use days of the observation, 1 to {observed}, or observe for longer");
            check.wrong(field, format!("day {day} is not one of the observation"), hint);
        } else if at > 0 && days[at - 1] >= *day {
            check.wrong(field, format!("day {day} is not after the one before"), "list each day once, in order");
        }
    }
    days.iter().map(|day| i32::try_from(*day).unwrap_or(i32::MAX)).collect()
}

fn severity(wire: &v1::CaseSeverity, check: &mut Check<'_>) -> CaseSeverity {
    let default = CaseSeverity::default();
    CaseSeverity {
        community: check.severity("severity.community", wire.community, default.community),
        managed: check.severity("severity.managed", wire.managed, default.managed),
        historic: check.severity("severity.historic", wire.historic, default.historic),
        preliminary: check.severity("severity.preliminary", wire.preliminary, default.preliminary),
        contradiction: check.severity("severity.contradiction", wire.contradiction, default.contradiction),
        overdue: check.severity("severity.overdue", wire.overdue, default.overdue),
        pool: check.severity("severity.pool", wire.pool, default.pool),
        pool_overdue: check.severity("severity.pool_overdue", wire.pool_overdue, default.pool_overdue),
        group_overdue: check.severity("severity.group_overdue", wire.group_overdue, default.group_overdue),
    }
}
