//! The picture: everything the page, the API and the gauges show of the outputs.
//!
//! In: records of `rules` and of the outputs, in the order of their partitions. Out: read access, and a version that
//! grows with every change, so that a reader can ask for what is new. Never here: I/O, a clock.

use super::alerts::Alerts;
use super::areas::Areas;
use super::dead_letters::DeadLetters;
use super::registry::Registry;
use crate::model::record::{Record, Topic};
use crate::model::time::Timestamp;
use crate::policy::RuleSetReader;
use crate::proto::v1::{Alert, AreaPositivity, AreaTier, Progress};
use prost::Message;
use std::collections::BTreeMap;

/// The topics a picture is made of; `rules` are to be read first.
pub const TOPICS: [Topic; 7] = [
    Topic::Rules,
    Topic::Progress,
    Topic::AreaPositivity,
    Topic::AreaTiers,
    Topic::AreaAlerts,
    Topic::Alerts,
    Topic::DeadLetters,
];

/// A task number is the number of a partition: more than this is not one.
const MOST_TASKS: i32 = 100_000;

/// What was last published, in bounded memory.
#[derive(Debug, Default)]
pub struct Picture {
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
    progress: BTreeMap<(String, i32), Timestamp>,
    read: BTreeMap<Topic, u64>,
    caught_up: bool,
}

impl Picture {
    /// Grows with every record taken.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The registry in force.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Version of the picture that brought the registry.
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

    /// Everything was read that there was at the start.
    pub fn set_caught_up(&mut self) {
        self.caught_up = true;
        self.version += 1;
    }

    /// The smallest time any task of a half has reached.
    pub fn min_progress(&self, half: &str) -> Option<Timestamp> {
        self.progress.iter().filter(|((name, _), _)| name == half).map(|(_, now)| *now).min()
    }

    /// Takes one record; `header` gives the value of a header. What cannot be read is left out of the picture: the
    /// outputs are our own, and whoever writes something else into them must not stop this page.
    pub fn absorb<'a>(&mut self, record: &Record<'_>, header: impl Fn(&str) -> Option<&'a [u8]>) {
        self.version += 1;
        let version = self.version;
        *self.read.entry(record.position.topic).or_default() += 1;
        match record.position.topic {
            Topic::Rules => self.rule(record),
            Topic::Progress => {
                if let Some(progress) = decoded::<Progress>(record) {
                    self.progress(progress);
                }
            }
            Topic::AreaPositivity => {
                if let Some(numbers) = decoded::<AreaPositivity>(record) {
                    let charted = self.registry.keeps_people(&numbers.area);
                    self.areas.positivity(numbers, charted, version);
                }
            }
            Topic::AreaTiers => {
                if let Some(tier) = decoded::<AreaTier>(record) {
                    self.areas.tier(tier, version);
                }
            }
            Topic::Alerts => {
                if let Some(alert) = decoded::<Alert>(record) {
                    self.alerts.absorb(alert, record.received_at, version);
                }
            }
            Topic::AreaAlerts => {
                if let Some(alert) = decoded::<Alert>(record) {
                    self.area_alerts.absorb(alert, record.received_at, version);
                }
            }
            Topic::DeadLetters => self.dead_letters.absorb(record.received_at, header),
            _ => {}
        }
    }

    fn rule(&mut self, record: &Record<'_>) {
        // What is wrong with a set is the workers' to tell; the picture keeps the rules it has.
        let Ok(Some(rules)) = self.rules.read(record.key.unwrap_or_default(), record.payload) else { return };
        self.registry = Registry::new(rules);
        self.registry_changed = self.version;
        self.areas.keep_days_of(|code| self.registry.keeps_people(code), self.version);
    }

    fn progress(&mut self, progress: Progress) {
        let now = progress.now.as_ref().and_then(Timestamp::from_wire);
        let known = ["person", "area"].contains(&progress.half.as_str()) && (0..MOST_TASKS).contains(&progress.task);
        if let (Some(now), true) = (now, known) {
            self.progress.insert((progress.half, progress.task), now);
        }
    }
}

fn decoded<M: Message + Default>(record: &Record<'_>) -> Option<M> {
    M::decode(record.payload?).ok()
}
