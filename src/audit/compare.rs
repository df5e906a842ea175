//! What was published against what must be true.
//!
//! In: the newest record of each key of the outputs, and the recount. Out: pairs that differ.

use super::recount::{LiveAlert, Tier, TierChange, Truth, is_estimated};
use super::targets;
use crate::model::record::Topic;
use crate::model::time::Day;
use crate::proto::v1::{
    Alert, AlertFamily, AlertState, AreaDuties, AreaPositivity, AreaPublished, AreaTier, DayClose, PersonDuties,
    PooledPrevalence, Proportion, PurposeNumbers, WindowNumbers,
};
use prost::Message;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What a day was closed with, as far as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// The close.
    pub close: Option<DayClose>,
    /// Specimens of the day, by the numbers.
    pub tests: i64,
    /// The day of the tier, if there is one.
    pub tier_day: Option<Day>,
}

/// What a reader of the compacted outputs ends up with.
#[derive(Debug, Default)]
pub struct Published {
    /// Id of the deployment's first target.
    pub first_target: String,
    /// `alerts`, by id.
    pub alerts: BTreeMap<String, Alert>,
    /// `area-alerts`, by id.
    pub area_alerts: BTreeMap<String, Alert>,
    /// `area-duties`, by area (with its target) and day.
    pub duties: BTreeMap<(String, Day), AreaDuties>,
    /// `person-duties`, by person.
    pub person_duties: BTreeMap<String, PersonDuties>,
    /// `area-positivity`, by area (with its target) and last day.
    pub positivity: BTreeMap<(String, Day), AreaPositivity>,
    /// `area-tiers`, by area (with its target).
    pub tiers: BTreeMap<String, AreaTier>,
    /// `area-published`, by area (with its target) and day: what each day was closed with, as it was published first.
    pub frozen: BTreeMap<(String, Day), Frozen>,
    /// Areas and days of which it was published more than once.
    pub frozen_again: BTreeSet<(String, Day)>,
    /// Closes of days, by area (with its target) and day, as each was published first.
    closes: BTreeMap<(String, Day), DayClose>,
    /// Areas and days of which another close was published later.
    pub closed_again: BTreeSet<(String, Day)>,
    /// Records that are not what their topic holds, or not under the key they should have: topic and how many.
    pub unreadable: BTreeMap<Topic, u64>,
}

impl Published {
    /// Nothing yet, of a deployment with this first target.
    pub fn of(first_target: &str) -> Self {
        Self { first_target: first_target.to_owned(), ..Self::default() }
    }

    /// Takes the next record of one of these topics.
    pub fn take(&mut self, topic: Topic, key: &[u8], payload: Option<&[u8]>) {
        let (text, first) = (String::from_utf8_lossy(key).into_owned(), self.first_target.as_str());
        let key = text.clone();
        let understood = match (topic, payload) {
            (Topic::Alerts, payload) => {
                put(&mut self.alerts, Some(key), payload, first, |alert| alert.alert_id.clone())
            }
            (Topic::AreaAlerts, payload) => {
                put(&mut self.area_alerts, Some(key), payload, first, |alert| alert.alert_id.clone())
            }
            (Topic::AreaDuties, payload) => put(&mut self.duties, area_and_day(&key), payload, first, |duties| {
                let area = targets::key(&duties.area, &duties.target, first);
                (area, Day::parse(&duties.day).unwrap_or_default())
            }),
            (Topic::PersonDuties, payload) => self.person_duties(key, payload),
            (Topic::AreaPositivity, payload) => {
                put(&mut self.positivity, area_and_day(&key), payload, first, |numbers| {
                    let area = targets::key(&numbers.area, &numbers.target, first);
                    (area, Day::parse(&numbers.day).unwrap_or_default())
                })
            }
            (Topic::AreaPublished, Some(payload)) => self.frozen(area_and_day(&key), payload),
            (Topic::AreaTiers, payload) => {
                put(&mut self.tiers, Some(key), payload, first, |tier| targets::key(&tier.area, &tier.target, first))
            }
            _ => None,
        };
        if let (Topic::AreaPositivity, Some(key)) = (topic, area_and_day(&text)) {
            self.note_close(key);
        }
        if understood.is_none() {
            *self.unreadable.entry(topic).or_default() += 1;
        }
    }

    fn note_close(&mut self, key: (String, Day)) {
        let Some(close) = self.positivity.get(&key).and_then(|numbers| numbers.close.clone()) else { return };
        if *self.closes.entry(key.clone()).or_insert_with(|| close.clone()) != close {
            self.closed_again.insert(key);
        }
    }

    fn frozen(&mut self, key: Option<(String, Day)>, payload: &[u8]) -> Option<()> {
        let (key, said) = (key?, AreaPublished::decode(payload).ok()?);
        let numbers = said.numbers?;
        let area = targets::key(&numbers.area, &numbers.target, &self.first_target);
        let right = key == (area, Day::parse(&numbers.day).unwrap_or_default());
        let tier_day = said.tier.as_ref().map(|tier| Day::parse(&tier.day).unwrap_or_default());
        let right = right && said.tier.is_none_or(|tier| tier.area == numbers.area && tier.target == numbers.target);
        let total = numbers.purposes.iter().find(|purpose| purpose.purpose.is_empty());
        let of_day = total.and_then(|total| total.windows.iter().find(|window| window.days == 1));
        let tests = of_day.map_or(0, |window| window.conclusive_tests + window.other_tests);
        match self.frozen.entry(key) {
            Entry::Occupied(one) => drop(self.frozen_again.insert(one.key().clone())),
            Entry::Vacant(none) => drop(none.insert(Frozen { close: numbers.close, tests, tier_day })),
        }
        right.then_some(())
    }

    fn person_duties(&mut self, key: String, payload: Option<&[u8]>) -> Option<()> {
        let Some(payload) = payload else {
            self.person_duties.remove(&key);
            return Some(());
        };
        let duties = PersonDuties::decode(payload).ok()?;
        let right = duties.person_id == key;
        self.person_duties.insert(key, duties);
        right.then_some(())
    }

    /// Live alerts about people.
    pub fn live(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|alert| is_live(alert))
    }

    /// Live alerts about changes of tier, by area and day; of several about one change the last.
    pub fn tier_changes(&self) -> BTreeMap<(String, Day), TierChange> {
        let place = |alert| area_and_first_day(alert, &self.first_target);
        self.live_tier_changes().map(|alert| (place(alert), TierChange::of(alert))).collect()
    }

    /// Ids of live alerts about changes of tier, by area and day.
    pub fn tier_change_ids(&self) -> BTreeMap<(String, Day), Vec<&str>> {
        let mut ids: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for alert in self.live_tier_changes() {
            ids.entry(area_and_first_day(alert, &self.first_target)).or_default().push(&alert.alert_id);
        }
        ids
    }

    fn live_tier_changes(&self) -> impl Iterator<Item = &Alert> {
        let live = self.area_alerts.values().filter(|alert| is_live(alert));
        live.filter(|alert| alert.family() == AlertFamily::TierChanged)
    }
}

/// What is of a target.
trait Targeted {
    fn target(&mut self) -> &mut String;
}

impl Targeted for Alert {
    fn target(&mut self) -> &mut String {
        &mut self.target
    }
}

impl Targeted for AreaDuties {
    fn target(&mut self) -> &mut String {
        &mut self.target
    }
}

impl Targeted for AreaPositivity {
    fn target(&mut self) -> &mut String {
        &mut self.target
    }
}

impl Targeted for AreaTier {
    fn target(&mut self) -> &mut String {
        &mut self.target
    }
}

/// The newest record of a key stands; none at all deletes what stood. What names no target was written by an earlier
/// version, and is of the first.
fn put<K: Ord, M: Message + Default + Targeted>(
    into: &mut BTreeMap<K, M>,
    key: Option<K>,
    payload: Option<&[u8]>,
    first_target: &str,
    key_of: impl Fn(&M) -> K,
) -> Option<()> {
    let key = key?;
    let Some(payload) = payload else {
        into.remove(&key);
        return Some(());
    };
    let mut message = M::decode(payload).ok()?;
    if message.target().is_empty() {
        first_target.clone_into(message.target());
    }
    let right = key == key_of(&message);
    into.insert(key, message);
    right.then_some(())
}

/// Area (with its target) and day of `AREA/DAY`, or `AREA/DAY/TARGET`.
pub fn area_and_day(key: &str) -> Option<(String, Day)> {
    let (area, rest) = key.split_once('/')?;
    let (day, target) = targets::split(rest);
    let area = target.map_or(area.to_owned(), |target| format!("{area}/{target}"));
    Some((area, Day::parse(day)?))
}

fn area_and_first_day(alert: &Alert, first_target: &str) -> (String, Day) {
    let area = targets::key(&alert.area, &alert.target, first_target);
    (area, Day::parse(&alert.first_day).unwrap_or_default())
}

fn is_live(alert: &Alert) -> bool {
    alert.state() != AlertState::Withdrawn
}

/// Entries of two maps that do not agree.
#[derive(Clone, Copy, Debug)]
pub enum Pair<'a, K, V> {
    /// It must be there and is not.
    Missing(&'a K, &'a V),
    /// It is there and must not be.
    Unexpected(&'a K, &'a V),
    /// It is there and says something else: expected, found.
    Differs(&'a K, &'a V, &'a V),
}

/// Compares two maps entry by entry.
pub fn pairs<'a, K: Ord, V>(
    expected: &'a BTreeMap<K, V>,
    found: &'a BTreeMap<K, V>,
    agree: impl Fn(&V, &V) -> bool,
) -> Vec<Pair<'a, K, V>> {
    let mut pairs = Vec::new();
    for (key, value) in expected {
        match found.get(key) {
            None => pairs.push(Pair::Missing(key, value)),
            Some(other) if !agree(value, other) => pairs.push(Pair::Differs(key, value, other)),
            Some(_) => {}
        }
    }
    let unexpected = found.iter().filter(|(key, _)| !expected.contains_key(key));
    pairs.extend(unexpected.map(|(key, value)| Pair::Unexpected(key, value)));
    pairs
}

/// Alerts by id.
pub fn by_id(alerts: impl IntoIterator<Item = LiveAlert>) -> BTreeMap<String, LiveAlert> {
    alerts.into_iter().map(|alert| (alert.id.clone(), alert)).collect()
}

/// Published tiers.
pub fn tiers(published: &Published) -> BTreeMap<String, Tier> {
    published.tiers.iter().map(|(area, tier)| (area.clone(), Tier::of(tier))).collect()
}

/// The live alerts that must be there, by id.
pub fn wanted_alerts(truth: &Truth) -> BTreeMap<String, LiveAlert> {
    by_id(truth.alerts.iter().cloned())
}

/// Equal counts, and ratios that differ by rounding at most. When it was computed, and by rules of which digest, may
/// differ: other rules state a number again only where they change it. When its day was closed is history.
pub fn same_numbers(expected: &AreaPositivity, found: &AreaPositivity) -> bool {
    let without = |numbers: &AreaPositivity| AreaPositivity {
        now: None,
        purposes: Vec::new(),
        rules_digest: String::new(),
        close: None,
        ..numbers.clone()
    };
    without(expected) == without(found)
        && expected.purposes.len() == found.purposes.len()
        && expected.purposes.iter().zip(&found.purposes).all(|(a, b)| same_purpose(a, b))
}

fn same_purpose(expected: &PurposeNumbers, found: &PurposeNumbers) -> bool {
    expected.purpose == found.purpose
        && expected.windows.len() == found.windows.len()
        && expected.windows.iter().zip(&found.windows).all(|(a, b)| same_window(a, b))
}

fn same_window(expected: &WindowNumbers, found: &WindowNumbers) -> bool {
    let counts = |window: &WindowNumbers| WindowNumbers {
        tests_over_tests: None,
        people_over_people: None,
        people_over_tests: None,
        cases_per_100k: None,
        tests_per_100k: None,
        tubes_over_tubes: None,
        pooled: None,
        ..window.clone()
    };
    counts(expected) == counts(found)
        && same_pools(expected.pooled.as_ref(), found.pooled.as_ref())
        && ratios(expected).iter().zip(ratios(found)).all(|(a, b)| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1e-3),
            (a, b) => a.is_none() && b.is_none(),
        })
}

/// Equal pools, and estimates that are those of the pools: the recount states none.
fn same_pools(expected: Option<&PooledPrevalence>, found: Option<&PooledPrevalence>) -> bool {
    match (expected, found) {
        (Some(expected), Some(found)) => {
            let numbers = |of: &PooledPrevalence| (of.sizes.clone(), of.pools, of.positive_pools, of.members);
            numbers(expected) == numbers(found) && is_estimated(found)
        }
        (expected, found) => expected.is_none() && found.is_none(),
    }
}

fn ratios(window: &WindowNumbers) -> [Option<f64>; 12] {
    let parts = |proportion: &Option<Proportion>| {
        let part = |of: fn(&Proportion) -> f64| proportion.as_ref().map(of);
        [part(|p| p.value), part(|p| p.low), part(|p| p.high)]
    };
    let [a, b, c] = parts(&window.tests_over_tests);
    let [d, e, f] = parts(&window.people_over_people);
    let [g, h, i] = parts(&window.tubes_over_tubes);
    [a, b, c, d, e, f, g, h, i, window.people_over_tests, window.cases_per_100k, window.tests_per_100k]
}
