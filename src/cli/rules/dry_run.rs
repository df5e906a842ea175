//! `swabstream rules apply --dry-run`: what other rules would change, without putting them in force.
//!
//! In: the rules and all that an audit reads. Out: lines about alerts, tiers and numbers that would be others. All of it is
//! counted anew by the rules in force and by the others, from the inputs alone, so nothing of the deployment is touched.

use crate::audit::evidence::WhatIf;
use crate::audit::recount::{LiveAlert, Tier};
use crate::cli::audit;
use crate::config::Config;
use crate::model::time::Day;
use crate::pipeline::alerting::families;
use crate::policy::Rules;
use crate::proto::v1::{AreaPositivity, WindowNumbers};
use crate::view::areas;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// For transactions that a killed instance left open.
const WAIT: Duration = Duration::from_secs(60);

/// Areas that are listed of each kind; of more it is said how many there are.
const LISTED: usize = 20;

/// The window that is shown: a week.
const WINDOW: u32 = 7;

/// What would change.
pub(super) fn run(config: &Config, rules: &Rules) -> anyhow::Result<Vec<String>> {
    let what_if = audit::read_all(config, WAIT)?.what_if(Arc::new(rules.clone())).map_err(anyhow::Error::msg)?;
    Ok(lines(&what_if))
}

fn lines(what_if: &WhatIf) -> Vec<String> {
    let mut lines = alerts(what_if);
    lines.extend(tiers(what_if));
    lines.extend(numbers(what_if));
    lines.push(format!("what was published of days before {} stays as it is", what_if.first_day));
    lines
}

fn alerts(what_if: &WhatIf) -> Vec<String> {
    let first = what_if.first_day.to_string();
    let by_id = |alerts: &BTreeSet<LiveAlert>| -> BTreeMap<String, LiveAlert> {
        let kept = alerts.iter().filter(|alert| alert.last_day >= first);
        kept.map(|alert| (alert.id.clone(), alert.clone())).collect()
    };
    let (now, then) = (by_id(&what_if.now.alerts), by_id(&what_if.then.alerts));
    let mut changed: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (id, alert) in now.iter().chain(then.iter().filter(|(id, _)| !now.contains_key(*id))) {
        let what = match (now.get(id), then.get(id)) {
            (None, _) => 0,
            (_, None) => 1,
            (now, then) if now != then => 2,
            _ => continue,
        };
        changed.entry(families::name(alert.family)).or_default()[what] += 1;
    }
    if changed.is_empty() {
        return vec![format!("alerts: none of {} would be another", now.len())];
    }
    let line = |(family, [raised, withdrawn, updated]): (&str, [usize; 3])| {
        format!("  {family:<18} {raised} raised, {withdrawn} withdrawn, {updated} updated")
    };
    std::iter::once(format!("alerts: {} are live", now.len())).chain(changed.into_iter().map(line)).collect()
}

fn tiers(what_if: &WhatIf) -> Vec<String> {
    let (now, then) = (&what_if.now.tiers, &what_if.then.tiers);
    let areas: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    let name = |tier: Option<&Tier>| tier.map_or("none", |tier| tier.tier.as_str()).to_owned();
    let changed: Vec<String> = areas
        .iter()
        .filter(|area| name(now.get(**area)) != name(then.get(**area)))
        .map(|area| {
            let by = then.get(*area).map_or_else(String::new, |tier| format!(", by {} on {}", tier.policy, tier.day));
            format!("  {area:<18} {} → {}{by}", name(now.get(*area)), name(then.get(*area)))
        })
        .collect();
    listed(changed, &format!("tiers: none of {} would be another", areas.len()), "tiers")
}

fn numbers(what_if: &WhatIf) -> Vec<String> {
    let first = what_if.first_day;
    // Whose rules they were made by is no number.
    let plain = |numbers: &AreaPositivity| AreaPositivity { rules_digest: String::new(), ..numbers.clone() };
    let of = |numbers: &BTreeMap<(String, Day), AreaPositivity>| -> BTreeMap<(String, Day), AreaPositivity> {
        let kept = numbers.iter().filter(|((_, day), _)| *day >= first);
        kept.map(|(key, numbers)| (key.clone(), plain(numbers))).collect()
    };
    let (now, then) = (of(&what_if.now.positivity), of(&what_if.then.positivity));
    let days: BTreeSet<&(String, Day)> = now.keys().chain(then.keys()).collect();
    let differ: Vec<&(String, Day)> = days.iter().copied().filter(|key| now.get(key) != then.get(key)).collect();
    // Of each area the newest day that changes.
    let newest: BTreeMap<&str, &(String, Day)> = differ.iter().map(|key| (key.0.as_str(), *key)).collect();
    let line = |(area, key): (&str, &(String, Day))| {
        format!("  {area:<18} {}  {} → {}", key.1, week(now.get(key)), week(then.get(key)))
    };
    let changed: Vec<String> = newest.into_iter().map(line).collect();
    listed(
        changed,
        &format!("numbers: none of {} areas and days would be others", days.len()),
        "numbers of areas, positives of tests in a week",
    )
}

/// Positives and tests of a week, all purposes together.
fn week(numbers: Option<&AreaPositivity>) -> String {
    let week = numbers.and_then(areas::total).and_then(|total| areas::window(&total.windows, WINDOW));
    week.map_or_else(
        || "none".to_owned(),
        |WindowNumbers { positive_tests, conclusive_tests, .. }| format!("{positive_tests}/{conclusive_tests}"),
    )
}

/// Lines under a head, of many the first.
fn listed(mut lines: Vec<String>, none: &str, what: &str) -> Vec<String> {
    let all = lines.len();
    if all == 0 {
        return vec![none.to_owned()];
    }
    lines.truncate(LISTED);
    if all > LISTED {
        lines.push(format!("  and {} more", all - LISTED));
    }
    lines.insert(0, format!("{what}: {all} would be others"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::cells::Cells;
    use crate::audit::recount::Truth;
    use crate::proto::v1::PurposeNumbers;

    fn truth(tier: &str, positive_tests: i64) -> Truth {
        let day = Day::parse("2022-11-12").expect("a day");
        let tier = Tier {
            day: day.to_string(),
            tier: tier.to_owned(),
            rank: 0,
            policy: "p@1".to_owned(),
            previous: String::new(),
            earliest_step_down: String::new(),
            reasons: Vec::new(),
            hysteresis: None,
        };
        let windows = vec![WindowNumbers { days: 7, positive_tests, conclusive_tests: 40, ..WindowNumbers::default() }];
        let purposes = vec![PurposeNumbers { purpose: String::new(), windows }];
        let numbers = AreaPositivity { purposes, rules_digest: tier.tier.clone(), ..AreaPositivity::default() };
        Truth {
            alerts: BTreeSet::new(),
            positivity: BTreeMap::from([(("D1".to_owned(), day), numbers)]),
            tiers: BTreeMap::from([("D1".to_owned(), tier)]),
            tier_changes: BTreeMap::new(),
            cells: Cells::new(),
            duties: BTreeMap::new(),
        }
    }

    fn said(now: Truth, then: Truth) -> String {
        let first_day = Day::parse("2022-11-01").expect("a day");
        lines(&WhatIf { now, then, first_day }).join("\n")
    }

    #[test]
    fn what_changes_is_listed_by_area_with_before_and_after() {
        let said = said(truth("low", 3), truth("high", 4));
        for words in [
            "alerts: none of 0 would be another",
            "tiers: 1 would be others\n  D1                 low → high, by p@1 on 2022-11-12",
            "in a week: 1 would be others\n  D1                 2022-11-12  3/40 → 4/40",
            "days before 2022-11-01 stays as it is",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    #[test]
    fn what_stays_says_so_and_whose_rules_it_was_is_no_change() {
        let said = said(truth("low", 3), Truth { positivity: truth("other", 3).positivity, ..truth("low", 3) });
        assert!(said.contains("tiers: none of 1 would") && said.contains("numbers: none of 1 areas"), "{said}");
    }

    #[test]
    fn of_many_areas_some_are_listed_and_the_rest_counted() {
        let many = (0..25).map(|area| format!("  {area}")).collect();
        let said = listed(many, "none", "tiers");
        assert_eq!(
            (said.len(), said[0].as_str(), said[21].as_str()),
            (22, "tiers: 25 would be others", "  and 5 more")
        );
    }
}
