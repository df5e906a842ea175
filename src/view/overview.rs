//! The overview: everything the page, the API and the gauges show of the outputs.
//!
//! In: records of `rules` and of the outputs, in the order of their partitions. Out: read access, and a version that
//! grows with every change, so that a reader can ask for what is new. Never here: I/O, a clock.

use super::alerts::Alerts;
use super::areas::Areas;
use super::days::Published;
use super::dead_letters::DeadLetters;
use super::registry::Registry;
use super::status::ProcessStatus;
use crate::model::record::{HalfKind, Record, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::policy::set::RuleSetReader;
use crate::proto::v1::{Alert, AreaDuties, AreaPositivity, AreaPublished, AreaTier, Progress};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The topics an overview is made of; `rules` are to be read first.
pub const TOPICS: [Topic; 9] = [
    Topic::Rules,
    Topic::Progress,
    Topic::AreaPositivity,
    Topic::AreaPublished,
    Topic::AreaTiers,
    Topic::AreaDuties,
    Topic::AreaAlerts,
    Topic::Alerts,
    Topic::DeadLetters,
];

/// A task number is the number of a partition: more than this is not one.
const MOST_TASKS: i32 = 100_000;

/// What was last published, in bounded memory.
#[derive(Debug, Default)]
pub struct Overview {
    version: u64,
    rules: RuleSetReader,
    registry: Registry,
    registry_changed: u64,
    /// Areas.
    pub areas: Areas,
    /// Alerts about people.
    pub alerts: Alerts,
    /// Alerts about areas and labs.
    pub area_alerts: Alerts,
    /// Dead letters.
    pub dead_letters: DeadLetters,
    progress: BTreeMap<(HalfKind, i32), Timestamp>,
    days: Published,
    read: BTreeMap<Topic, u64>,
    caught_up: bool,
}

impl Overview {
    /// Grows with every record taken.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The registry in force.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Version of the overview that brought the registry.
    pub fn registry_changed(&self) -> u64 {
        self.registry_changed
    }

    /// Records read, by topic.
    pub fn read(&self) -> &BTreeMap<Topic, u64> {
        &self.read
    }

    /// Whether everything was read that there was at the start.
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Forgets everything, as the topics are read again from their beginning; only the version goes on growing.
    pub fn start_over(&mut self) {
        let version = self.version + 1;
        *self = Self { version, registry_changed: version, ..Self::default() };
    }

    /// Everything was read that there was at the start.
    pub fn set_caught_up(&mut self) {
        self.caught_up = true;
        self.version += 1;
    }

    /// How far each task has come, by half and number, whoever holds it.
    pub fn progress(&self) -> &BTreeMap<(HalfKind, i32), Timestamp> {
        &self.progress
    }

    /// Person tasks there are: as the processes here know it, or as far as they were heard of.
    pub fn person_tasks(&self, status: &ProcessStatus) -> i32 {
        status.layout().map_or(self.days.tasks(), |layout| layout.person_tasks.max(self.days.tasks()))
    }

    /// What of it says which days are closed.
    pub fn days(&self) -> &Published {
        &self.days
    }

    /// The smallest time any task of a half has reached.
    pub fn min_progress(&self, half: HalfKind) -> Option<Timestamp> {
        self.progress.iter().filter(|((of, _), _)| *of == half).map(|(_, now)| *now).min()
    }

    /// The time up to which area tasks have come.
    pub fn now(&self) -> Option<Timestamp> {
        self.min_progress(HalfKind::Area)
    }

    /// The civil day of that, by the rules in force.
    pub fn today(&self) -> Option<Day> {
        Some(self.registry.rules()?.day(self.now()?))
    }

    /// Takes one record; `header` gives the value of a header. What cannot be read is left out of the overview: the
    /// outputs are our own, and whoever writes something else into them must not stop this page.
    pub fn absorb<'a>(&mut self, record: &Record<'_>, header: impl Fn(&str) -> Option<&'a [u8]>) {
        self.version += 1;
        let version = self.version;
        *self.read.entry(record.position.topic).or_default() += 1;
        match record.position.topic {
            Topic::AreaPositivity | Topic::AreaTiers | Topic::AreaDuties if record.payload.is_none() => {
                self.taken_back(record);
            }
            Topic::Rules => self.rule(record),
            Topic::Progress => {
                if let Some(progress) = record.message::<Progress>() {
                    self.come_on(progress);
                }
            }
            Topic::AreaPositivity => {
                if let (Some(numbers), Some((area, _))) = (record.message::<AreaPositivity>(), area_and_day(record)) {
                    let charted = self.registry.keeps_people(&numbers.area);
                    self.areas.positivity(&area, numbers, charted, version);
                }
            }
            Topic::AreaPublished => {
                let numbers = record.message::<AreaPublished>().and_then(|published| published.numbers);
                let charted = numbers.filter(|numbers| self.registry.keeps_people(&numbers.area));
                if let (Some(numbers), Some((area, _))) = (charted, area_and_day(record)) {
                    self.areas.published(&area, &numbers, version);
                }
            }
            Topic::AreaTiers => {
                if let Some(tier) = record.message::<AreaTier>() {
                    self.areas.tier(&key(record), tier, version);
                }
            }
            Topic::AreaDuties => {
                if let (Some(duties), Some((area, day))) = (record.message::<AreaDuties>(), area_and_day(record)) {
                    self.areas.duties(&area, day, Some(&duties), version);
                }
            }
            Topic::Alerts => {
                if let Some(alert) = record.message::<Alert>() {
                    self.alerts.absorb(alert, record.received_at, version);
                }
            }
            Topic::AreaAlerts => {
                if let Some(alert) = record.message::<Alert>() {
                    self.area_alerts.absorb(alert, record.received_at, version);
                }
            }
            Topic::DeadLetters => self.dead_letters.absorb(record.received_at, header),
            _ => {}
        }
    }

    /// A tombstone of an area of a target: of its numbers or duties of a day, or of its tier.
    fn taken_back(&mut self, record: &Record<'_>) {
        match area_and_day(record) {
            _ if record.position.topic == Topic::AreaTiers => self.areas.no_tier(&key(record), self.version),
            Some((area, day)) if record.position.topic == Topic::AreaDuties => {
                self.areas.duties(&area, day, None, self.version);
            }
            Some((area, day)) => self.areas.no_positivity(&area, day, self.version),
            None => {}
        }
    }

    fn rule(&mut self, record: &Record<'_>) {
        // What is wrong with a set is the workers' to tell; the overview keeps the rules it has.
        let Ok(Some(rules)) = self.rules.read(record.key.unwrap_or_default(), record.payload) else { return };
        self.registry = Registry::new(rules);
        self.registry_changed = self.version;
        self.areas.keep_days_of(|code| self.registry.keeps_people(code), self.version);
    }

    fn come_on(&mut self, progress: Progress) {
        let now = progress.now.as_ref().and_then(Timestamp::from_wire);
        let half = HalfKind::named(&progress.half).filter(|_| (0..MOST_TASKS).contains(&progress.task));
        if let (Some(now), Some(half)) = (now, half) {
            self.progress.insert((half, progress.task), now);
            match half {
                HalfKind::Person => drop(self.days.come_to.insert(progress.task, now)),
                HalfKind::Area => self.days.area_task(progress.task, &progress.closed_day, &progress.closed_from),
            }
        }
    }
}

fn key<'a>(record: &Record<'a>) -> Cow<'a, str> {
    String::from_utf8_lossy(record.key.unwrap_or_default())
}

/// Area, with its target if it is not the first, and day of `AREA/DAY` or `AREA/DAY/TARGET`.
fn area_and_day(record: &Record<'_>) -> Option<(String, Day)> {
    let key = key(record);
    let (area, day, of) = target::parts_of_day(&key)?;
    Some((target::keyed(area, of).into_owned(), day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use prost::Message as _;

    fn read(overview: &mut Overview, topic: Topic, key: &str, payload: Option<Vec<u8>>) {
        let record = Record {
            position: Position { topic, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: Some(key.as_bytes()),
            payload: payload.as_deref(),
            content_type: None,
        };
        overview.absorb(&record, |_| None);
    }

    #[test]
    fn every_task_says_how_far_it_has_come() {
        let mut overview = Overview::default();
        for (half, task, at) in [("person", 0, 2_000), ("person", 7, 1_000), ("area", 0, 3_000), ("person", 0, 4_000)] {
            let now = Some(Timestamp(at).to_wire());
            let progress = Progress { half: half.into(), task, now, ..Progress::default() };
            read(&mut overview, Topic::Progress, &format!("{half}/{task}"), Some(progress.encode_to_vec()));
        }
        let known: Vec<_> = overview.progress().iter().map(|((half, task), now)| (half.name(), *task, now.0)).collect();
        assert_eq!(known, [("person", 0, 4_000), ("person", 7, 1_000), ("area", 0, 3_000)]);
        assert_eq!(overview.min_progress(HalfKind::Person), Some(Timestamp(1_000)));
    }

    #[test]
    fn numbers_and_tiers_that_are_taken_back_are_no_longer_shown() {
        let mut overview = Overview::default();
        for day in ["2022-11-01", "2022-11-02"] {
            let numbers = AreaPositivity { area: "D1".into(), day: day.into(), ..AreaPositivity::default() };
            read(&mut overview, Topic::AreaPositivity, &format!("D1/{day}"), Some(numbers.encode_to_vec()));
        }
        let tier = AreaTier { area: "D1".into(), tier: "low".into(), ..AreaTier::default() };
        read(&mut overview, Topic::AreaTiers, "D1", Some(tier.encode_to_vec()));
        // Another target's lie beside them.
        let influenza = AreaTier { target: "influenza-a".into(), tier: "high".into(), ..tier };
        read(&mut overview, Topic::AreaTiers, "D1/influenza-a", Some(influenza.encode_to_vec()));
        let numbers = AreaPositivity { area: "D1".into(), day: "2022-11-02".into(), ..AreaPositivity::default() };
        read(&mut overview, Topic::AreaPositivity, "D1/2022-11-02/influenza-a", Some(numbers.encode_to_vec()));
        read(&mut overview, Topic::AreaPositivity, "D1/2022-11-01/influenza-a", None);
        assert_eq!(overview.areas.get("D1").and_then(|area| area.tier.as_ref()).map(|tier| &*tier.tier), Some("low"));
        assert!(overview.areas.get("D1/influenza-a").is_some_and(|area| area.newest.is_some() && area.tier.is_some()));
        read(&mut overview, Topic::AreaPositivity, "D1/2022-11-01", None);
        assert!(overview.areas.get("D1").is_some_and(|area| area.newest.is_some() && area.tier.is_some()));
        read(&mut overview, Topic::AreaPositivity, "D1/2022-11-02", None);
        assert!(overview.areas.get("D1").is_some_and(|area| area.newest.is_none() && area.tier.is_some()));
        for area in ["D1", ""] {
            let duties = AreaDuties { area: area.into(), managed: 3, ..AreaDuties::default() };
            read(&mut overview, Topic::AreaDuties, &format!("{area}/2022-11-02"), Some(duties.encode_to_vec()));
            let managed = |overview: &Overview| {
                overview.areas.get(area).and_then(|area| area.duties.values().next()).map(|duties| duties.managed)
            };
            assert_eq!(managed(&overview), Some(3), "also of nobody's area");
            read(&mut overview, Topic::AreaDuties, &format!("{area}/2022-11-02"), None);
            assert_eq!(managed(&overview), None);
        }
        read(&mut overview, Topic::AreaTiers, "D1", None);
        assert!(overview.areas.get("D1").is_some_and(|area| area.tier.is_none()));
    }
}
