//! Whether a contender did the job: a fast one that counts wrong is worth nothing.

use super::site::Loaded;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use swabstream::config::KafkaConfig;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Record, Topic};
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, AreaPositivity};

/// How long the last numbers may take to come out.
const LIMIT: Duration = Duration::from_secs(180);

/// A district's code is as long as this, a street's longer, the city's marked by its end.
const DISTRICT_LENGTH: usize = 6;
const LONGEST_WINDOW: u32 = 14;

/// What a contender says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// Results with a call, of all districts.
    results: i64,
    /// Those positive.
    positive: i64,
    /// Live alerts about people.
    alerts: u64,
    /// Pools that are positive.
    positive_pools: usize,
    /// Records set aside.
    dead_letters: u64,
}

/// Reads its outputs `read_committed` until they say what the workload contains.
pub fn check(config: &KafkaConfig, loaded: &Loaded) -> anyhow::Result<()> {
    let truth = &loaded.truth;
    let due = Said {
        results: truth.results as i64,
        positive: truth.positive as i64,
        alerts: truth.positive_people.len() as u64,
        positive_pools: truth.positive_pools as usize,
        dead_letters: 0,
    };
    let topics = [Topic::Alerts, Topic::AreaPositivity, Topic::DeadLetters];
    let mut reader = TopicReader::open(config, &topics, From::Beginning)?;
    let (mut outputs, began) = (Outputs::default(), Instant::now());
    loop {
        reader.poll_within(10_000, Duration::from_millis(100), &mut |records| {
            records.iter().for_each(|record| outputs.take(record));
        })?;
        let said = outputs.said();
        if said == due {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < LIMIT, "{} say {said:?}, the workload contains {due:?}", config.prefix);
    }
}

#[derive(Default)]
struct Outputs {
    alerts: BTreeMap<String, bool>,
    /// Newest day of each district, its results and positives.
    districts: BTreeMap<String, (String, i64, i64)>,
    people: BTreeSet<String>,
    pools: BTreeSet<String>,
    dead_letters: u64,
}

impl Outputs {
    fn take(&mut self, record: &Record<'_>) {
        let payload = record.payload.unwrap_or_default();
        match record.position.topic {
            Topic::Alerts => self.take_alert(&Alert::decode(payload).expect("an alert")),
            Topic::AreaPositivity => self.take_numbers(&AreaPositivity::decode(payload).expect("numbers")),
            _ => self.dead_letters += 1,
        }
    }

    fn take_alert(&mut self, alert: &Alert) {
        if alert.family() == AlertFamily::Positive {
            self.alerts.insert(alert.alert_id.clone(), alert.state() != AlertState::Withdrawn);
            self.people.insert(alert.person_id.clone());
        }
        if alert.family() == AlertFamily::PoolPositive {
            self.pools.insert(alert.alert_id.clone());
        }
    }

    fn take_numbers(&mut self, numbers: &AreaPositivity) {
        let is_district = numbers.area.len() == DISTRICT_LENGTH && !numbers.area.ends_with("0000");
        let total = numbers.purposes.iter().find(|purpose| purpose.purpose.is_empty());
        let longest = total.and_then(|total| total.windows.iter().find(|window| window.days == LONGEST_WINDOW));
        let (true, Some(window)) = (is_district, longest) else { return };
        let held = self.districts.entry(numbers.area.clone()).or_default();
        if numbers.day >= held.0 {
            *held = (numbers.day.clone(), window.conclusive_tests, window.positive_tests);
        }
    }

    fn said(&self) -> Said {
        let live = self.alerts.values().filter(|live| **live).count() as u64;
        Said {
            results: self.districts.values().map(|(_, results, _)| results).sum(),
            positive: self.districts.values().map(|(_, _, positive)| positive).sum(),
            // Two live alerts of one person are one too many.
            alerts: if live as usize == self.people.len() { live } else { u64::MAX },
            positive_pools: self.pools.len(),
            dead_letters: self.dead_letters,
        }
    }
}
