//! How fast results are processed, exactly once and with everything on, as a ratio to a bare batch consumer that reads
//! the same topic in the same run: the broker shares the cores with both, so only the ratio travels.
//!
//!     cargo bench --bench throughput                    # starts a Kafka of its own
//!     SWABSTREAM_BENCH_RECORDS=5000000 cargo bench --bench throughput
//!
//! Prints a line per round and one JSON line per figure.

use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::{KafkaConfig, ProcessingConfig};
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Topic};
use swabstream::policy::plan::Plan;
use swabstream::policy::sample::chongqing_rules;
use swabstream::policy::{RuleSetReader, Rules};
use swabstream::processor::{Job, Processor};
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};
use swabstream::telemetry::Telemetry;
use swabstream::view::vitals::Vitals;

#[path = "../tests/support/kafka.rs"]
mod kafka;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
const PEOPLE: u32 = 2_000_000;
const ROUNDS: u64 = 3;
/// No run takes longer; a stall ends the bench with an error instead of a figure.
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> anyhow::Result<()> {
    let records = std::env::var("SWABSTREAM_BENCH_RECORDS").ok().map_or(Ok(2_000_000), |text| text.parse())?;
    println!("{records} results of {PEOPLE} people, {LAYOUT:?}, lz4");
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Topics of its own for each round: all begin alike.
        let config = KafkaConfig::new(kafka::brokers(), kafka::unique("bench"));
        let rules = prepare(&config)?;
        load(&config, &rules, records, round)?;
        bare.push(records as f64 / read_bare(&config, records)?.as_secs_f64());
        ours.push(process(&config, records)?);
        let (bare, ours) = (bare[bare.len() - 1], ours[ours.len() - 1]);
        println!("round {round}: bare {bare:.0}/s, swabstream {ours:.0}/s, ratio {:.3}", ours / bare);
    }
    let ratios: Vec<f64> = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    report("bare_results_per_second", "1/s", bare);
    report("results_per_second", "1/s", ours);
    report("throughput_ratio_to_bare", "1", ratios);
    Ok(())
}

fn prepare(config: &KafkaConfig) -> anyhow::Result<Rules> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(topics::create(config, Wanted { layout: LAYOUT, replication: 1, history: false }))?;
    let rules = chongqing_rules();
    let plan = Plan::new(&RuleSetReader::default(), &rules);
    publish_all(config, &config.prefix, &swabstream::cli::rules::outputs(&plan))?;
    Ok(rules)
}

/// Negatives with one positive in a thousand, spread over people, wards and purposes, collected in the last two days.
fn load(config: &KafkaConfig, rules: &Rules, records: u64, seed: u64) -> anyhow::Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let wards: Vec<&str> =
        rules.areas.list.iter().filter(|area| area.level == 2).map(|area| area.code.as_str()).collect();
    let mut publisher = Publisher::connect(config)?;
    let (now, mut bytes) = (clock::now(), Vec::new());
    for number in 0..records {
        let person = random.random_range(0..PEOPLE);
        let collected_at = now.plus_hours(-random.random_range(1..48));
        let positive = random.random_range(0..1000) == 0;
        let result = LabResult {
            lab_id: rules.labs[number as usize % rules.labs.len()].0.clone(),
            result_id: format!("r{number:010}"),
            status: ResultStatus::Final as i32,
            person_id: format!("p{person:012}"),
            specimen_id: format!("s{number:010}"),
            target: "sars-cov-2".into(),
            collected_at: Some(collected_at.to_wire()),
            area: wards[person as usize % wards.len()].into(),
            purpose: rules.deployment.purposes[number as usize % rules.deployment.purposes.len()].clone(),
            finding: if positive { Finding::Positive } else { Finding::Negative } as i32,
            ..LabResult::default()
        };
        bytes.clear();
        result.encode(&mut bytes)?;
        publisher.send(Publication {
            topic: Topic::LabResults,
            partition: None,
            key: result.person_id.as_bytes(),
            payload: Some(&bytes),
            headers: &[],
            timestamp: None,
        })?;
    }
    let delivered = publisher.flush(LIMIT)?;
    anyhow::ensure!(delivered.confirmed == records, "only {} of {records} were stored", delivered.confirmed);
    Ok(())
}

/// The least anybody can do with the topic: read it `read_committed` in batches and drop it.
fn read_bare(config: &KafkaConfig, records: u64) -> anyhow::Result<Duration> {
    let mut reader = TopicReader::open(config, &[Topic::LabResults], From::Beginning)?;
    let (mut seen, began) = (0, Instant::now());
    while seen < records {
        seen += reader.poll_within(10_000, Duration::from_millis(100), &mut |_| {})? as u64;
        anyhow::ensure!(began.elapsed() < LIMIT, "the bare consumer stalled at {seen}");
    }
    Ok(began.elapsed())
}

/// Results per second of a whole processor, from its first commit to its last.
fn process(config: &KafkaConfig, records: u64) -> anyhow::Result<f64> {
    let vitals = std::sync::Arc::new(Vitals::default());
    let telemetry = Telemetry::new(vitals.clone());
    let (kafka, processing) = (config.clone(), ProcessingConfig::default());
    let job = Job { kafka, processing, secret: Secret::new([7; 16]), layout: LAYOUT };
    let processor = Processor::start(&job, &telemetry)?;
    let consumed = || -> u64 {
        let persons = vitals.snapshot().into_iter().filter(|worker| worker.half == "person");
        persons.map(|worker| worker.records).sum()
    };
    let (started, mut first) = (Instant::now(), None);
    let rate = loop {
        std::thread::sleep(Duration::from_millis(2));
        let so_far = consumed();
        match first {
            None if so_far > 0 => first = Some((Instant::now(), so_far)),
            Some((began, already)) if so_far >= records => {
                break (so_far - already) as f64 / Instant::elapsed(&began).as_secs_f64();
            }
            _ => anyhow::ensure!(started.elapsed() < LIMIT, "swabstream stalled at {so_far}"),
        }
    };
    processor.shut_down()?;
    Ok(rate)
}

fn report(name: &str, unit: &str, runs: Vec<f64>) {
    let mut sorted = runs.clone();
    sorted.sort_by(f64::total_cmp);
    let value = sorted[sorted.len() / 2];
    println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit, "runs": runs }));
}
