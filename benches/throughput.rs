//! How fast results are processed, exactly once and with everything on, as a ratio to a bare batch consumer that reads
//! the same topic in the same run: the broker shares the cores with both, so only the ratio travels.
//!
//!     cargo bench --bench throughput                    # starts a Kafka of its own
//!     SWABSTREAM_BENCH_RECORDS=5000000 cargo bench --bench throughput
//!
//! Prints a line per round and one JSON line per figure.

use prost::Message as _;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::{KafkaConfig, ProcessingConfig};
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Topic};
use swabstream::policy::RuleSetReader;
use swabstream::policy::plan::Plan;
use swabstream::processor::{Job, Processor};
use swabstream::proto::v1::LabResult;
use swabstream::telemetry::Telemetry;
use swabstream::view::vitals::Vitals;
use workload::{Shape, Workload};

mod workload;

#[path = "../tests/support/kafka.rs"]
mod kafka;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
const ROUNDS: u64 = 3;
/// No run takes longer; a stall ends the bench with an error instead of a figure.
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> anyhow::Result<()> {
    let records = std::env::var("SWABSTREAM_BENCH_RECORDS").ok().map_or(Ok(2_000_000), |text| text.parse())?;
    println!("{records} results, {:?}, {LAYOUT:?}, lz4", Shape::default());
    let mut figures: [(&str, &str, Vec<f64>); 6] = [
        ("bare_results_per_second", "1/s", Vec::new()),
        ("results_per_second", "1/s", Vec::new()),
        ("throughput_ratio_to_bare", "1", Vec::new()),
        ("bare_decode_cpu_ns_per_result", "ns", Vec::new()),
        ("cpu_ns_per_result", "ns", Vec::new()),
        ("cpu_ratio_to_bare_decode", "1", Vec::new()),
    ];
    for round in 0..ROUNDS {
        // Topics of its own for each round: all begin alike.
        let config = KafkaConfig::new(kafka::brokers(), kafka::unique("bench"));
        prepare(&config)?;
        load(&config, records, round)?;
        let bare = read_bare(&config, records, |_| {})?;
        let decoded = read_bare(&config, records, |payload| {
            std::hint::black_box(LabResult::decode(payload)).ok();
        })?;
        let ours = process(&config, records)?;
        let (per_second, cpu) = (|run: Run| run.records as f64 / run.wall.as_secs_f64(), Run::cpu_ns_per_record);
        let ratio = per_second(ours) / per_second(bare);
        let cpu_ratio = cpu(ours) / cpu(decoded);
        let found = [per_second(bare), per_second(ours), ratio, cpu(decoded), cpu(ours), cpu_ratio];
        println!(
            "round {round}: bare {:.0}/s, swabstream {:.0}/s, ratio {ratio:.3}; processor time per result: bare with \
             decoding {:.0} ns, swabstream {:.0} ns, ratio {cpu_ratio:.2}",
            found[0], found[1], found[3], found[4]
        );
        figures.iter_mut().zip(found).for_each(|((_, _, runs), value)| runs.push(value));
    }
    figures.into_iter().for_each(|(name, unit, runs)| report(name, unit, runs));
    Ok(())
}

/// One pass over the topic.
#[derive(Clone, Copy)]
struct Run {
    records: u64,
    wall: Duration,
    /// Of this process, all threads: the client's own among them, the broker's not.
    cpu: Duration,
}

impl Run {
    fn cpu_ns_per_record(self) -> f64 {
        self.cpu.as_nanos() as f64 / self.records as f64
    }
}

/// Processor time of this process so far, in the kernel's ticks of 10 ms.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process' time");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number of ticks");
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn prepare(config: &KafkaConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(topics::create(config, Wanted { layout: LAYOUT, replication: 1, history: false }))?;
    let plan = Plan::new(&RuleSetReader::default(), &workload::rules(Shape::default()));
    publish_all(config, &config.prefix, &swabstream::cli::rules::outputs(&plan))?;
    Ok(())
}

fn load(config: &KafkaConfig, records: u64, seed: u64) -> anyhow::Result<()> {
    let mut publisher = Publisher::connect(config)?;
    for sent in Workload::new(Shape::default(), clock::now(), seed).take(records as usize) {
        publisher.send(Publication {
            topic: Topic::LabResults,
            partition: None,
            key: &sent.key,
            payload: Some(&sent.payload),
            headers: &[],
            timestamp: None,
        })?;
    }
    let delivered = publisher.flush(LIMIT)?;
    anyhow::ensure!(delivered.confirmed == records, "only {} of {records} were stored", delivered.confirmed);
    Ok(())
}

/// The least anybody can do with the topic: read it `read_committed` in batches, and look at each payload or not.
fn read_bare(config: &KafkaConfig, records: u64, look: impl Fn(&[u8])) -> anyhow::Result<Run> {
    let mut reader = TopicReader::open(config, &[Topic::LabResults], From::Beginning)?;
    let (mut seen, began, cpu) = (0, Instant::now(), processor_time());
    while seen < records {
        seen += reader.poll_within(10_000, Duration::from_millis(100), &mut |found| {
            found.iter().for_each(|record| look(record.payload.unwrap_or_default()));
        })? as u64;
        anyhow::ensure!(began.elapsed() < LIMIT, "the bare consumer stalled at {seen}");
    }
    Ok(Run { records, wall: began.elapsed(), cpu: processor_time() - cpu })
}

/// A whole processor, from its first commit to its last.
fn process(config: &KafkaConfig, records: u64) -> anyhow::Result<Run> {
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
    let run = loop {
        std::thread::sleep(Duration::from_millis(2));
        let so_far = consumed();
        match first {
            None if so_far > 0 => first = Some((Instant::now(), processor_time(), so_far)),
            Some((began, cpu, already)) if so_far >= records => {
                break Run { records: so_far - already, wall: began.elapsed(), cpu: processor_time() - cpu };
            }
            _ => anyhow::ensure!(started.elapsed() < LIMIT, "swabstream stalled at {so_far}"),
        }
    };
    processor.shut_down()?;
    Ok(run)
}

fn report(name: &str, unit: &str, runs: Vec<f64>) {
    let mut sorted = runs.clone();
    sorted.sort_by(f64::total_cmp);
    let value = sorted[sorted.len() / 2];
    println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit, "runs": runs }));
}
