//! What was published against what must be true.

use super::alerts::LiveAlert;
use super::tiers::{Tier, TierChange};
use super::{Truth, wire_day};
use prost::Message;
use std::collections::BTreeMap;
use std::fmt::Debug;
use swabstream::model::record::Topic;
use swabstream::model::time::Day;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, AreaPositivity, AreaTier, Proportion, PurposeNumbers, WindowNumbers,
};

/// Differences shown before a test fails: the first few tell the rest.
const SHOWN: usize = 6;

/// What a reader of the compacted outputs ends up with.
#[derive(Debug)]
pub struct Published {
    pub alerts: Vec<Alert>,
    pub area_alerts: Vec<Alert>,
    pub positivity: BTreeMap<(String, Day), AreaPositivity>,
    pub tiers: BTreeMap<String, AreaTier>,
}

impl Published {
    /// From the newest payload of each key of a topic.
    pub fn read(latest: impl Fn(Topic) -> BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let positivity = all::<AreaPositivity>(latest(Topic::AreaPositivity));
        Self {
            alerts: all(latest(Topic::Alerts)),
            area_alerts: all(latest(Topic::AreaAlerts)),
            positivity: positivity
                .into_iter()
                .map(|numbers| ((numbers.area.clone(), wire_day(&numbers.day)), numbers))
                .collect(),
            tiers: all::<AreaTier>(latest(Topic::AreaTiers))
                .into_iter()
                .map(|tier| (tier.area.clone(), tier))
                .collect(),
        }
    }

    fn live(alerts: &[Alert]) -> impl Iterator<Item = &Alert> {
        alerts.iter().filter(|alert| alert.state() != AlertState::Withdrawn)
    }
}

fn all<M: Message + Default>(latest: BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<M> {
    latest.into_values().map(|payload| M::decode(&payload[..]).expect("outputs are of the contract")).collect()
}

/// Fails with the first differences where anything differs.
pub fn assert_same(truth: &Truth, published: &Published) {
    same("live alerts", &by_subject(truth.alerts.iter().cloned()), &by_subject(live(&published.alerts)), same_value);
    let live = Published::live(&published.alerts).count();
    assert_eq!(live, truth.alerts.len(), "each live alert has one id");
    same("numbers", &truth.positivity, &published.positivity, same_numbers);
    let tiers = published.tiers.iter().map(|(area, tier)| (area.clone(), Tier::of(tier))).collect();
    same("tiers", &truth.tiers, &tiers, same_value);
    let changes = Published::live(&published.area_alerts)
        .filter(|alert| alert.family() == AlertFamily::TierChanged)
        .map(|alert| ((alert.area.clone(), wire_day(&alert.first_day)), TierChange::of(alert)))
        .collect();
    same("changes of tier", &truth.tier_changes, &changes, same_value);
}

fn live(alerts: &[Alert]) -> impl Iterator<Item = LiveAlert> {
    Published::live(alerts).map(LiveAlert::of)
}

/// Alerts by what they are about.
fn by_subject(alerts: impl Iterator<Item = LiveAlert>) -> BTreeMap<(AlertFamily, String, String, String), LiveAlert> {
    let subject =
        |alert: &LiveAlert| (alert.family, alert.person.clone(), alert.first_day.clone(), alert.specimen.clone());
    alerts.map(|alert| (subject(&alert), alert)).collect()
}

fn same_value<V: PartialEq>(expected: &V, found: &V) -> bool {
    expected == found
}

/// The lines in which two values differ when written out.
fn difference<V: Debug>(expected: &V, found: &V) -> String {
    let (expected, found) = (format!("{expected:#?}"), format!("{found:#?}"));
    let only = |lines: &str, other: &str, sign: &str| -> Vec<String> {
        let others: Vec<&str> = other.lines().collect();
        lines.lines().filter(|line| !others.contains(line)).map(|line| format!("  {sign} {}", line.trim())).collect()
    };
    let lines = [only(&expected, &found, "expected"), only(&found, &expected, "found   ")].concat();
    lines[..lines.len().min(4 * SHOWN)].join("\n")
}

/// Compares two maps entry by entry.
fn same<K: Ord + Debug, V: Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    agree: impl Fn(&V, &V) -> bool,
) {
    let mut differences = Vec::new();
    for (key, value) in expected {
        match found.get(key) {
            None => differences.push(format!("missing {key:?}: {value:?}")),
            Some(other) if !agree(value, other) => {
                differences.push(format!("{key:?}\n{}", difference(value, other)));
            }
            Some(_) => {}
        }
    }
    let unexpected = found.iter().filter(|(key, _)| !expected.contains_key(key));
    differences.extend(unexpected.map(|(key, value)| format!("unexpected {key:?}: {value:?}")));
    assert!(
        differences.is_empty(),
        "{what}: {} of {} differ, the first:\n{}",
        differences.len(),
        expected.len().max(found.len()),
        differences[..differences.len().min(SHOWN)].join("\n")
    );
}

/// Equal counts, and ratios that differ by rounding at most. When it was computed, and by rules of which digest, may
/// differ: other rules state a number again only where they change it.
fn same_numbers(expected: &AreaPositivity, found: &AreaPositivity) -> bool {
    let without = |numbers: &AreaPositivity| AreaPositivity {
        now: None,
        purposes: Vec::new(),
        rules_digest: String::new(),
        ..numbers.clone()
    };
    let purposes = |numbers: &AreaPositivity| -> Vec<PurposeNumbers> { numbers.purposes.clone() };
    let (a, b) = (purposes(expected), purposes(found));
    let same_purposes = a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| {
            a.purpose == b.purpose
                && a.windows.len() == b.windows.len()
                && a.windows.iter().zip(&b.windows).all(|(a, b)| same_window(a, b))
        });
    without(expected) == without(found) && same_purposes
}

fn same_window(expected: &WindowNumbers, found: &WindowNumbers) -> bool {
    let counts = |window: &WindowNumbers| WindowNumbers {
        tests_over_tests: None,
        people_over_people: None,
        people_over_tests: None,
        cases_per_100k: None,
        tests_per_100k: None,
        ..*window
    };
    counts(expected) == counts(found)
        && ratios(expected).iter().zip(ratios(found)).all(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1e-3),
            (a, b) => a.is_none() && b.is_none(),
        })
}

fn ratios(window: &WindowNumbers) -> [Option<f64>; 9] {
    let parts = |proportion: &Option<Proportion>| {
        let part = |of: fn(&Proportion) -> f64| proportion.as_ref().map(of);
        [part(|p| p.value), part(|p| p.low), part(|p| p.high)]
    };
    let [a, b, c] = parts(&window.tests_over_tests);
    let [d, e, f] = parts(&window.people_over_people);
    [a, b, c, d, e, f, window.people_over_tests, window.cases_per_100k, window.tests_per_100k]
}
