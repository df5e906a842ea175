//! Lines of the tables: columns of fixed width, so that each line can be written as it comes.

use super::args::What;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::proto::v1::{
    Alert, AlertFamily, AreaPositivity, AreaTier, MeasuredDays, PooledPrevalence, TierHysteresis, TierReason,
    WindowNumbers,
};
use crate::view::areas::window;
use crate::view::texts;
use jiff::tz::TimeZone;

/// The line above the lines.
pub(super) fn header(what: What) -> String {
    match what {
        What::Alerts => {
            columns([("published", 27), ("state", 10), ("severity", 9), ("family", 16), ("target", 12)])
                + &columns([("area", 26), ("person", 12)])
                + "what"
        }
        What::Positivity => {
            columns([
                ("day", 11),
                ("area", 26),
                ("target", 12),
                ("purpose", 14),
                ("positive/tests", 19),
                ("positivity", 11),
            ]) + &columns([("95 % interval", 19), ("people", 19), ("cases", 6), ("day closed", 0)])
        }
        What::Tiers => {
            columns([("day", 11), ("area", 26), ("target", 12), ("tier", 13), ("before", 13), ("down from", 11)])
                + "why"
        }
    }
}

/// An instant, to the second, by the clock that days go by, with what that is ahead of UTC.
pub(in crate::cli) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let at = jiff::Timestamp::from_second(at.0.div_euclid(1000));
    at.map_or("–".to_owned(), |at| at.display_with_offset(zone.to_offset(at)).to_string())
}

/// One state of one alert.
pub(super) fn alert(alert: &Alert, published: Timestamp, zone: &TimeZone, area: &str, target: &str) -> String {
    let published = moment(published, zone);
    let [state, severity, family] =
        [texts::state(alert.state()), texts::severity(alert.severity()), families::name(alert.family()).to_owned()];
    let person = if alert.person_id.is_empty() { "–" } else { &alert.person_id };
    let times = [(published.as_str(), 27), (&state, 10), (&severity, 9)];
    columns(times) + &columns([(&family, 16), (target, 12), (area, 26), (person, 12)]) + &what(alert, zone)
}

fn what(alert: &Alert, zone: &TimeZone) -> String {
    let mut parts = match alert.family() {
        AlertFamily::TierChanged => {
            let before = if alert.tier_before.is_empty() { "none" } else { &alert.tier_before };
            vec![format!("{before} → {}", alert.tier_after), alert.first_day.clone()]
        }
        AlertFamily::ContactOverdue => {
            vec![format!("due on {}", alert.first_day), format!("released on {}", alert.release_day)]
        }
        AlertFamily::GroupOverdue => {
            vec![format!("a test of {} is overdue", alert.group), format!("in it since {}", alert.first_day)]
        }
        AlertFamily::PoolPositive => pool(alert, zone),
        AlertFamily::PoolOverdue => missed(alert, zone),
        _ => vec![texts::channel(alert.channel()), alert.purpose.clone(), alert.first_day.clone()],
    };
    parts.extend(alert.historic.then(|| "historic".to_owned()));
    parts.extend(alert.preliminary.then(|| "preliminary".to_owned()));
    let counted = [(alert.exposed_to.len(), "exposed to"), (alert.to_trace.len(), "to trace")];
    parts.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, text)| format!("{text} {count}")));
    parts.extend(texts::measured(alert));
    let why = texts::withdrawn_by(alert);
    parts.extend((!why.is_empty()).then(|| format!("withdrawn by {why}")));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// By when members of a pool are to be tested alone.
fn recall(alert: &Alert, zone: &TimeZone) -> Option<String> {
    let at = alert.recall_by.as_ref().and_then(Timestamp::from_wire)?;
    Some(format!("to be tested by {}", moment(at, zone)))
}

/// How many members of a pool were not tested in time.
fn missed(alert: &Alert, zone: &TimeZone) -> Vec<String> {
    let awaited = format!("{} members still awaited", alert.awaited);
    let recall = recall(alert, zone).unwrap_or_default();
    vec![texts::finding(alert.finding()), awaited, recall, alert.purpose.clone(), alert.first_day.clone()]
}

/// What a pool was found, and who of it is still to be tested.
fn pool(alert: &Alert, zone: &TimeZone) -> Vec<String> {
    let members = alert.members.len() + alert.members_omitted as usize;
    let awaited = match (alert.awaited, alert.all_negative) {
        (_, true) => format!("all {members} members negative since: a false pool"),
        (0, _) => format!("none of {members} members awaited"),
        (awaited, _) => format!("{awaited} of {members} members awaited"),
    };
    let recall = recall(alert, zone).filter(|_| alert.awaited > 0).unwrap_or_default();
    vec![texts::finding(alert.finding()), awaited, recall, alert.purpose.clone(), alert.first_day.clone()]
}

/// All purposes of one area and day, in the window of so many days; with the total when the day was closed, and how many of
/// its tests have arrived since.
pub(super) fn positivity(numbers: &AreaPositivity, days: u32, zone: &TimeZone, area: &str, target: &str) -> String {
    let mut lines = Vec::new();
    for purpose in &numbers.purposes {
        let Some(of) = window(&purpose.windows, days) else { continue };
        let name = if purpose.purpose.is_empty() { "total" } else { &purpose.purpose };
        let share = of.tests_over_tests.as_ref();
        let percent = |value: f64| format!("{:.2} %", value * 100.0);
        let ratio = share.map_or("–".to_owned(), |share| percent(share.value));
        let interval = share.map_or(String::new(), |of| format!("{} to {}", percent(of.low), percent(of.high)));
        let tests = format!("{}/{}", of.positive_tests, of.conclusive_tests);
        let people = match (of.people_positive, of.people_tested) {
            (Some(positive), Some(tested)) => format!("{positive}/{tested}"),
            _ => "–".to_owned(),
        };
        let place = columns([(&numbers.day, 11), (area, 26), (target, 12), (name, 14)]);
        let rest = columns([(&tests, 19), (&ratio, 11), (&interval, 19), (&people, 19)]);
        let close = if purpose.purpose.is_empty() { closed(numbers, &purpose.windows, zone) } else { String::new() };
        lines
            .push(format!("{place}{rest}{}", columns([(&of.cases.to_string(), 6), (&close, 0)])).trim_end().to_owned());
        lines.extend(of.pooled.as_ref().map(|of| format!("{place}{}", from_pools(of))));
    }
    lines.join("\n")
}

/// What is estimated from pools, a number of its own.
fn from_pools(of: &PooledPrevalence) -> String {
    let percent = |value: f64| format!("{:.3} %", value * 100.0);
    format!(
        "from {} pools of {} people, {} positive: prevalence {} ({} to {}), by Firth {}",
        of.pools,
        of.members,
        of.positive_pools,
        percent(of.most_likely),
        percent(of.low),
        percent(of.high),
        percent(of.firth),
    )
}

/// When a day was closed, without whom, and what has come of it since.
fn closed(numbers: &AreaPositivity, windows: &[WindowNumbers], zone: &TimeZone) -> String {
    let Some(close) = &numbers.close else { return String::new() };
    let at = close.closed_at.as_ref().and_then(Timestamp::from_wire).map_or("–".to_owned(), |at| moment(at, zone));
    let tests = window(windows, 1).map_or(0, |of| of.conclusive_tests + of.other_tests);
    let without: Vec<String> = close.without.iter().map(ToString::to_string).collect();
    let without = if without.is_empty() { String::new() } else { format!(", without task {}", without.join(", ")) };
    format!("{at}, {:+} since{without}", tests - close.tests)
}

/// One tier.
pub(super) fn tier(tier: &AreaTier, area: &str, target: &str) -> String {
    let before = if tier.previous_tier.is_empty() { "–" } else { &tier.previous_tier };
    let down = if tier.earliest_step_down.is_empty() { "–" } else { &tier.earliest_step_down };
    let counting = tier.reasons.iter().filter(|reason| reason.decided || reason.below_least);
    let days = tier.hysteresis.as_ref().and_then(|of| other_days(of, &tier.tier));
    let reasons: Vec<String> = counting.map(reason).chain(days).collect();
    let policy = format!("{} of {}", tier.policy_id, tier.policy_version);
    let why = if reasons.is_empty() { policy } else { format!("{} ({policy})", reasons.join(", ")) };
    columns([(&tier.day, 11), (area, 26), (target, 12), (&tier.tier, 13), (before, 13), (down, 11)]) + &why
}

/// What the last days measured, where it is not the tier that stands: how long for, and how long it takes.
fn other_days(of: &TierHysteresis, stands: &str) -> Option<String> {
    let MeasuredDays { first_day, tier, .. } = of.days.last().filter(|last| last.tier != stands)?;
    let tier = if tier.is_empty() { "nothing" } else { tier };
    Some(format!("measures {tier} since {first_day}; up after {}, down after {} days", of.rise_days, of.fall_days))
}

fn reason(of: &TierReason) -> String {
    if of.below_least {
        return format!("{} left out: {} tested, at least {} wanted", of.measure, of.denominator, of.least_denominator);
    }
    let last = if of.last_case_day.is_empty() { String::new() } else { format!(", last on {}", of.last_case_day) };
    let value = of.value.map_or(format!("{}", of.numerator), |value| format!("{value:.4}"));
    format!("{} {value}{last}", of.measure)
}

/// Texts, each in a column of its width, at least two spaces apart.
fn columns<const N: usize>(texts: [(&str, usize); N]) -> String {
    let mut line = String::new();
    for (text, width) in texts {
        line.push_str(text);
        // Han characters are two columns wide.
        let room = width.saturating_sub(console::measure_text_width(text));
        line.extend(std::iter::repeat_n(' ', room.max(usize::from(width > 0))));
        if width > 0 {
            line.push(' ');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{DayClose, PurposeNumbers};

    #[test]
    fn of_a_tier_that_other_days_hold_it_is_said_what_is_measured_and_how_long_it_takes() {
        let measured = |tier: &str| MeasuredDays {
            first_day: "2022-11-09".to_owned(),
            last_day: "2022-11-11".to_owned(),
            tier: tier.to_owned(),
        };
        let shown = |tier: &str| {
            let hysteresis = Some(TierHysteresis { rise_days: 3, fall_days: 5, days: vec![measured(tier)] });
            let of = AreaTier { tier: "high".to_owned(), hysteresis, ..AreaTier::default() };
            super::tier(&of, "D1", "sars-cov-2")
        };
        assert!(
            shown("low").contains("measures low since 2022-11-09; up after 3, down after 5 days"),
            "{}",
            shown("low")
        );
        assert!(shown("").contains("measures nothing since"), "{}", shown(""));
        assert!(!shown("high").contains("measures"), "{}", shown("high"));
    }

    #[test]
    fn of_a_closed_day_it_is_said_when_that_was_without_whom_and_what_has_come_since() {
        let day = WindowNumbers { days: 1, conclusive_tests: 9, other_tests: 1, ..WindowNumbers::default() };
        let purposes = vec![PurposeNumbers { windows: vec![day], ..PurposeNumbers::default() }];
        let numbers = AreaPositivity { day: "2022-11-11".to_owned(), purposes, ..AreaPositivity::default() };
        let shown = |numbers: &AreaPositivity| positivity(numbers, 1, &TimeZone::UTC, "D1", "sars-cov-2");
        assert!(shown(&numbers).ends_with(" 0"), "{}", shown(&numbers));
        let closed_at = Some(Timestamp(1_668_268_800_000).to_wire());
        let close = Some(DayClose { closed_at, tests: 8, without: vec![3] });
        let closed = shown(&AreaPositivity { close, ..numbers });
        assert!(closed.ends_with("0      2022-11-12T16:00:00+00:00, +2 since, without task 3"), "{closed}");
    }
}
