//! How soon alerts come again after `kill -9` of an instance, with the state that a loaded topic makes: the time until
//! *every* partition has had an alert for a result published after the kill.

use super::Scale;
use super::figures::Figures;
use super::instance::Instance;
use super::site::{Site, publication};
use super::throughput::LAYOUT;
use super::workload::{Sent, Shape};
use prost::Message as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::kafka::publisher::Publisher;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Topic, partition_of};
use swabstream::proto::v1::{Alert, Finding, LabResult, ResultStatus};

/// Between two positives of a partition.
const PACE: Duration = Duration::from_millis(50);
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);
/// So soon does every partition answer when nothing is wrong.
const CALM: Duration = Duration::from_secs(2);
/// Longer than a session: a member that comes back gets its part within it.
const PLACED: Duration = Duration::from_secs(12);

/// Both figures.
pub fn recovery(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let site = Site::loaded("recovery", LAYOUT, Shape::default(), scale.records / 2)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/instances");
    std::fs::create_dir_all(&folder)?;
    let mut probe = Probe::new(&site)?;
    let mut instances = [Instance::start(&site, &folder, "one")?, Instance::start(&site, &folder, "two")?];
    probe.calm()?;
    for round in 0..scale.rounds {
        let killed = &mut instances[round as usize % 2];
        let began = Instant::now();
        killed.kill();
        let took = probe.all_after(began)?;
        println!("killed, the other goes on: {:.1} s", took.as_secs_f64());
        figures.add("kill_to_alert_s", "s", took.as_secs_f64());
        killed.run()?;
        probe.wait(PLACED)?;
        probe.calm()?;
    }
    let [mut only, other] = instances;
    drop(other);
    probe.wait(PLACED)?;
    probe.calm()?;
    for _ in 0..scale.rounds {
        let began = Instant::now();
        only.kill();
        only.run()?;
        let took = probe.all_after(began)?;
        println!("killed, started again at once: {:.1} s", took.as_secs_f64());
        figures.add("restart_to_alert_s", "s", took.as_secs_f64());
        probe.calm()?;
    }
    drop(only);
    site.remove()
}

/// Publishes positives of new people into every partition, and listens for their alerts.
struct Probe {
    publisher: Publisher,
    reader: TopicReader,
    /// When each positive was published, by its number; the partition is its number modulo their count.
    published: Vec<Instant>,
    last: Instant,
    /// Numbers for people, so that each partition gets one after the other.
    people: u64,
}

impl Probe {
    fn new(site: &Site) -> anyhow::Result<Self> {
        let reader = TopicReader::open(&site.config, &[Topic::Alerts], From::End)?;
        let publisher = Publisher::connect(&site.config)?;
        Ok(Self { publisher, reader, published: Vec::new(), last: Instant::now(), people: 0 })
    }

    /// Time from a moment until every partition has had an alert for something published since.
    fn all_after(&mut self, began: Instant) -> anyhow::Result<Duration> {
        let mut missing: BTreeSet<i32> = (0..LAYOUT.person_tasks).collect();
        while !missing.is_empty() {
            for (partition, published) in self.turn()? {
                if published >= began {
                    missing.remove(&partition);
                }
            }
            anyhow::ensure!(began.elapsed() < LIMIT, "no alert of partitions {missing:?} for {LIMIT:?}");
        }
        Ok(began.elapsed())
    }

    /// Waits until every partition answers soon: all tasks are caught up.
    fn calm(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.all_after(Instant::now())? > CALM {
            anyhow::ensure!(began.elapsed() < LIMIT, "it does not become calm");
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < time {
            self.turn()?;
        }
        Ok(())
    }

    /// Publishes what is due and takes what has come: partitions, and when the result behind the alert was published.
    fn turn(&mut self) -> anyhow::Result<Vec<(i32, Instant)>> {
        if self.last.elapsed() >= PACE {
            self.last = Instant::now();
            for partition in 0..LAYOUT.person_tasks {
                let sent = self.positive_of(partition);
                self.publisher.send(publication(&sent))?;
                self.published.push(self.last);
            }
        }
        let (mut found, published) = (Vec::new(), &self.published);
        self.reader.poll_within(1_000, Duration::from_millis(5), &mut |records| {
            for record in records {
                let alert = Alert::decode(record.payload.unwrap_or_default()).expect("an alert");
                let numbers =
                    alert.causes.iter().filter_map(|cause| cause.record_id.strip_prefix("probe-")?.parse().ok());
                found.extend(numbers.map(|number: usize| (record.position.partition, published[number])));
            }
        })?;
        Ok(found)
    }

    fn positive_of(&mut self, partition: i32) -> Sent {
        let person_id = loop {
            self.people += 1;
            let person_id = format!("probe-{}", self.people);
            if partition_of(person_id.as_bytes(), LAYOUT.person_tasks) == partition {
                break person_id;
            }
        };
        let now = clock::now();
        let result_id = format!("probe-{}", self.published.len());
        let result = LabResult {
            lab_id: super::workload::lab(0),
            result_id: result_id.clone(),
            status: ResultStatus::Final as i32,
            person_id: person_id.clone(),
            specimen_id: result_id,
            target: "sars-cov-2".into(),
            collected_at: Some(now.plus_hours(-3).to_wire()),
            area: super::workload::street(0),
            purpose: "clinic".into(),
            finding: Finding::Positive as i32,
            ..LabResult::default()
        };
        Sent::result(&result)
    }
}
