//! How soon an alert is there: at a city's everyday load and at ten times that, beside a bare relay in the same run, and
//! at half of full load.
//!
//! Open loop: every record has a time at which it is due, whatever became of those before it, and the clock of a
//! positive one runs from then until a `read_committed` reader has its alert. Nothing that is late is left out.

use super::Scale;
use super::figures::{Figures, load};
use super::ours::Ours;
use super::relay::Relay;
use super::site::{Site, publication};
use super::throughput::LAYOUT;
use super::workload::{Sent, Shape, Workload};
use prost::Message as _;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::{KafkaConfig, Property};
use swabstream::kafka::publisher::Publisher;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Layout, Topic};
use swabstream::proto::v1::{Alert, LabResult};

/// How often records that are due are handed over.
const PACE: Duration = Duration::from_millis(1);
/// How long the last alerts may take.
const LAST_LIMIT: Duration = Duration::from_secs(60);
/// At the beginning, not measured: queues and caches settle, and a broker that has just started compiles its code.
const WARM_UP: Duration = Duration::from_secs(10);

/// Alerts of a run beside a relay, and how many results there are for each.
const ALERTS: f64 = 120.0;
const ONE_POSITIVE_OF: f64 = 1_000.0;

/// A positive result: its person and its id.
type Positive = (String, String);

/// Positive results, and when each was due.
type Waiting = HashMap<Positive, Instant>;

/// The positive results that a record of `alerts` tells of.
type Said = fn(&[u8]) -> Vec<Positive>;

/// At a city's everyday load and at ten times that, beside a bare relay.
pub fn latency(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    for (name, rate) in [("2000", 2_000.0), ("20000", 20_000.0)] {
        beside_a_relay(scale, figures, name, rate)?;
    }
    Ok(())
}

/// A city of 16 tasks with so many results per second, and a relay of the same.
fn beside_a_relay(scale: &Scale, figures: &mut Figures, name: &str, rate: f64) -> anyhow::Result<()> {
    let layout = Layout { person_tasks: 16, ..LAYOUT };
    let shape = Shape::default();
    for round in 0..scale.rounds {
        println!("round {}, {}", round + 1, load());
        let (site, bare) = (Site::new("latency", layout, shape)?, Site::new("relay", layout, shape)?);
        // Long enough for a 99th percentile that is not the longest.
        let alerts = if scale.quick { 4.0 } else { ALERTS };
        let results = ((alerts * ONE_POSITIVE_OF + WARM_UP.as_secs_f64() * rate).max(rate * 12.0)) as usize;
        let take = |seed| Workload::new(shape, clock::now(), seed).take(results).collect::<Vec<Sent>>();
        let relay = Relay::start(&bare)?;
        let theirs = one_run(&bare, &take(100 + round), rate, said_by_relay);
        // Where it has failed, that is why nothing came.
        relay.shut_down()?;
        let theirs = theirs?;
        let ours = Ours::start(&site, None)?;
        let seen = one_run(&site, &take(200 + round), rate, said_by_alert)?;
        ours.shut_down()?;
        let theirs = tell(figures, &format!("relay_latency_{name}"), rate, theirs);
        let ours = tell(figures, &format!("alert_latency_{name}"), rate, seen);
        for (part, ours, theirs) in [("p50", ours.0, theirs.0), ("p99", ours.1, theirs.1)] {
            let beside = format!("relay_latency_{name}_{part}_ms");
            figures.add_ratio(format!("alert_latency_{name}_{part}_to_relay"), ours / theirs, beside);
        }
        site.remove()?;
        bare.remove()?;
    }
    Ok(())
}

/// At half of full load.
pub fn pressure(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let (shape, seconds) = (Shape::default(), if scale.quick { 12 } else { 25 });
    let site = Site::loaded("latency", LAYOUT, shape, scale.records)?;
    let ours = Ours::start(&site, None)?;
    let full = ours.process(site.loaded.records, site.loaded.away)?.per_second();
    println!("full load: {full:.0} results/s");
    for round in 0..scale.rounds {
        let rate = full * scale.load;
        let mut workload = Workload::new(shape, clock::now(), 100 + round);
        let results: Vec<Sent> = workload.by_ref().take((rate * f64::from(seconds)) as usize).collect();
        tell(figures, "alert_latency", rate, one_run(&site, &results, rate, said_by_alert)?);
    }
    ours.shut_down()?;
    site.remove()
}

/// Adds median and 99th percentile of what a run took, in milliseconds, and returns them.
pub fn tell(figures: &mut Figures, name: &str, rate: f64, mut seen: Vec<Duration>) -> (f64, f64) {
    seen.sort_unstable();
    let at = |share: f64| seen[((seen.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{name}: {} alerts at {rate:.0} records/s: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        seen.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    figures.add(format!("{name}_p50_ms"), "ms", at(0.5));
    figures.add(format!("{name}_p99_ms"), "ms", at(0.99));
    (at(0.5), at(0.99))
}

/// Publishes at a rate and reads the alerts meanwhile; how long each took. An alert that does not come is an error.
pub fn one_run(site: &Site, results: &[Sent], rate: f64, said: Said) -> anyhow::Result<Vec<Duration>> {
    let start = Instant::now() + Duration::from_millis(500);
    let due = |at: usize| start + Duration::from_secs_f64(at as f64 / rate);
    let positive = |(at, sent): (usize, &Sent)| Some(((sent.person_id.clone(), sent.newly_positive.clone()?), due(at)));
    let waiting: Waiting = results.iter().enumerate().filter_map(positive).collect();
    let published = Arc::new(AtomicBool::new(false));
    let reader = TopicReader::open(&site.config, &[Topic::Alerts], From::End)?;
    let all_sent = published.clone();
    let read = std::thread::spawn(move || read_alerts(reader, waiting, start + WARM_UP, said, &all_sent));
    let mut publisher = Publisher::connect(&without_linger(&site.config))?;
    let mut next = 0;
    while next < results.len() {
        let elapsed = Instant::now().saturating_duration_since(start).as_secs_f64();
        let until = ((elapsed * rate) as usize).min(results.len());
        for sent in &results[next..until] {
            publisher.send(publication(sent))?;
        }
        next = until;
        std::thread::sleep(PACE);
    }
    publisher.flush(LAST_LIMIT)?;
    published.store(true, Ordering::Relaxed);
    read.join().expect("the reader does not panic")
}

/// A lab that publishes at once, instead of gathering batches.
fn without_linger(config: &KafkaConfig) -> KafkaConfig {
    let mut config = config.clone();
    config.properties.insert("linger.ms".to_owned(), Property::Number(1));
    config
}

/// An alert of ours.
pub fn said_by_alert(payload: &[u8]) -> Vec<Positive> {
    let alert = Alert::decode(payload).expect("an alert");
    alert.causes.into_iter().map(|cause| (alert.person_id.clone(), cause.record_id)).collect()
}

fn said_by_relay(payload: &[u8]) -> Vec<Positive> {
    let result = LabResult::decode(payload).expect("what was relayed");
    vec![(result.person_id, result.result_id)]
}

fn read_alerts(
    mut reader: TopicReader,
    mut waiting: Waiting,
    from: Instant,
    said: Said,
    published: &AtomicBool,
) -> anyhow::Result<Vec<Duration>> {
    let (mut took, mut ended) = (Vec::new(), None);
    while !waiting.is_empty() {
        reader.poll_within(1_000, Duration::from_millis(5), &mut |records| {
            let now = Instant::now();
            for record in records {
                for result in said(record.payload.unwrap_or_default()) {
                    if let Some(due) = waiting.remove(&result).filter(|due| *due >= from) {
                        took.push(now.saturating_duration_since(due));
                    }
                }
            }
        })?;
        if published.load(Ordering::Relaxed) {
            let ended = *ended.get_or_insert_with(Instant::now);
            anyhow::ensure!(ended.elapsed() < LAST_LIMIT, "{} positive results have no alert", waiting.len());
        }
    }
    anyhow::ensure!(!took.is_empty(), "nobody was positive");
    Ok(took)
}
