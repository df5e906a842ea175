//! What the demonstration plays on: broker, topics, rules, processor, page.
//!
//! In: a real Kafka or none, a seed, an address. Out: everything running, and one place to ask for figures.

use super::figures::Figures;
use super::options::Options;
use crate::clock;
use crate::config::{KafkaConfig, ProcessingConfig};
use crate::http::{self, follow};
use crate::kafka::embedded::Embedded;
use crate::kafka::publisher::publish_all;
use crate::kafka::topics::{self, Wanted};
use crate::model::ids::Secret;
use crate::model::record::{Layout, Output, Topic};
use crate::policy::plan::Plan;
use crate::policy::sample::chongqing_rules;
use crate::policy::set::RuleSetReader;
use crate::policy::{RuleError, Rules};
use crate::processor::{Job, Processor};
use crate::proto::v1::Rule;
use crate::proto::v1::rule::Rule as Kind;
use crate::telemetry::Telemetry;
use crate::view::View;
use crate::view::status::ProcessStatus;
use anyhow::{Context as _, bail};
use futures_util::FutureExt as _;
use prost::Message as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Partitions: enough that an embedded broker, which keeps 5 MiB of each, drops nothing unread.
const LAYOUT: Layout = Layout { person_tasks: 8, area_tasks: 2 };
/// Workers of the person half on an embedded broker: tasks cannot change hands there, as it keeps no offsets.
const ALONE: NonZeroUsize = NonZeroUsize::new(1).expect("not zero");
/// Where the page is served unless something else is there.
const PORT: u16 = 8080;

/// Everything that runs during the demonstration.
#[derive(Debug)]
pub struct Stage {
    kafka: KafkaConfig,
    rules: Arc<Rules>,
    view: Arc<View>,
    telemetry: Arc<Telemetry>,
    page: SocketAddr,
    processor: Processor,
    readers: watch::Sender<bool>,
    follower: thread::JoinHandle<()>,
    server: JoinHandle<std::io::Result<()>>,
    /// Dropped last: its clients must be gone by then.
    broker: Option<Embedded>,
}

impl Stage {
    /// Sets everything up: when this returns, workers are joining and the page is served.
    pub async fn set_up(options: &Options) -> anyhow::Result<Self> {
        let listener = listen(options.http).await?;
        let page = listener.local_addr()?;
        let (broker, kafka) = match &options.brokers {
            None => {
                let broker = Embedded::start(LAYOUT)?;
                let config = broker.config();
                (Some(broker), config)
            }
            Some(brokers) => (None, on_a_real_kafka(brokers, options.prefix.as_deref()).await?),
        };
        let rules = Arc::new(rules_of(options.people)?);
        publish_rules(&kafka, &rules)?;
        let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
        let view = View::new();
        let person_workers = broker.is_some().then_some(ALONE);
        let processing = ProcessingConfig { person_workers, ..ProcessingConfig::default() };
        let (secret, formats) = (secret(options.seed), processing.formats());
        let job = Job { kafka: kafka.clone(), processing, secret, layout: LAYOUT, formats };
        let processor = Processor::start(&job, &telemetry)?;
        let (readers, shutdown) = watch::channel(false);
        let follower = follow::spawn(Arc::clone(&view), kafka.clone(), shutdown.clone())?;
        let stopping = stopped(shutdown);
        let server = tokio::spawn(http::serve(listener, Arc::clone(&view), Arc::clone(&telemetry), stopping));
        Ok(Self { kafka, rules, view, telemetry, page, processor, readers, follower, server, broker })
    }

    /// Address of the page.
    pub fn page(&self) -> String {
        format!("http://{}/", self.page)
    }

    /// How Kafka is reached.
    pub fn kafka(&self) -> &KafkaConfig {
        &self.kafka
    }

    /// Partitions of the topics.
    pub fn layout(&self) -> Layout {
        LAYOUT
    }

    /// Rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    /// Whether every task has a worker and runs.
    pub fn running(&self) -> bool {
        let workers = self.telemetry.status().snapshot();
        let tasks = workers.iter().flat_map(|worker| worker.tasks.values());
        let running = tasks.filter(|task| task.restoring.is_none()).count();
        running == (LAYOUT.person_tasks + LAYOUT.area_tasks) as usize
    }

    /// An error when a part of the processor has ended by itself.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.processor.failed().now_or_never() {
            None => Ok(()),
            Some(Some(fault)) => Err(fault.into()),
            Some(None) => bail!("all workers ended by themselves"),
        }
    }

    /// Everything in numbers.
    pub fn figures(&self, elapsed: Duration, published: u64) -> Figures {
        Figures::gather(elapsed, published, &self.telemetry.status().snapshot(), &self.view.look())
    }

    /// Records the view has read of the outputs; those that only tell the time are left out, as time never rests.
    pub fn outputs_read(&self) -> u64 {
        let overview = self.view.look();
        overview.read().iter().filter(|(topic, _)| **topic != Topic::Progress).map(|(_, count)| count).sum()
    }

    /// Ends everything in order: workers commit for the last time, readers go, then the broker.
    pub async fn close(self) -> anyhow::Result<()> {
        let Self { processor, readers, follower, server, broker, .. } = self;
        readers.send_replace(true);
        let workers = tokio::task::spawn_blocking(move || processor.shut_down()).await?;
        let follower = tokio::task::spawn_blocking(move || follower.join()).await?;
        server.await??;
        drop(broker);
        if follower.is_err() {
            bail!("the view's thread panicked");
        }
        Ok(workers?)
    }
}

/// The rules of Chongqing, with all areas scaled to so many people in the city: rates per 100,000 are then those of the
/// people who are there.
fn rules_of(people: u32) -> anyhow::Result<Rules> {
    let mut areas = Vec::new();
    let mut records = Vec::new();
    for (key, value) in chongqing_rules().to_records() {
        match Rule::decode(value.as_slice())?.rule {
            Some(Kind::Area(area)) => areas.push((key, area)),
            _ => records.push((key, value)),
        }
    }
    let whole = areas.iter().flat_map(|(_, area)| &area.periods).map(|period| period.population).max().unwrap_or(1);
    for (key, mut area) in areas {
        for period in &mut area.periods {
            period.population = (period.population * u64::from(people)).div_ceil(whole);
        }
        records.push((key, Rule { rule: Some(Kind::Area(area)) }.encode_to_vec()));
    }
    let wrong =
        |errors: Vec<RuleError>| anyhow::anyhow!("{}", errors.first().map(ToString::to_string).unwrap_or_default());
    Rules::from_records(&records).map_err(wrong)
}

/// A key of hashes for a city that does not exist: nobody's pseudonyms are to be protected.
fn secret(seed: u64) -> Secret {
    Secret::new(u128::from(seed).to_be_bytes())
}

async fn stopped(mut shutdown: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// The address asked for, or the usual one, or any that is free.
async fn listen(http: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    if let Some(address) = http {
        return TcpListener::bind(address).await.with_context(|| format!("the page cannot be served at {address}"));
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free for the page"),
    }
}

/// Topics of this demonstration only: what an earlier one published must not be read again.
async fn on_a_real_kafka(brokers: &str, prefix: Option<&str>) -> anyhow::Result<KafkaConfig> {
    let own = || format!("swabstream-demo-{}-", clock::now().0 / 1000);
    let prefix = prefix.map_or_else(own, str::to_owned);
    let mut config = KafkaConfig::new(brokers, &prefix);
    config.group = format!("{prefix}workers");
    let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
    let made = topics::create(&config, wanted).await?;
    match made.existed.first() {
        None => Ok(config),
        Some(topic) => bail!("topic {topic} is there already; choose another --prefix, or none"),
    }
}

fn publish_rules(kafka: &KafkaConfig, rules: &Rules) -> anyhow::Result<()> {
    let plan = Plan::new(&RuleSetReader::default(), rules);
    let output = |(key, payload): (String, Option<Vec<u8>>)| Output {
        topic: Topic::Rules,
        partition: 0,
        key: key.into_bytes(),
        payload,
        headers: Vec::new(),
    };
    let outputs: Vec<Output> = plan.writes.into_iter().map(output).collect();
    publish_all(kafka, &format!("{}demo-rules", kafka.prefix), &outputs).context("the rules were not published")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Day;

    #[test]
    fn areas_have_the_people_of_the_demos_city() {
        let rules = rules_of(500_000).expect("right rules");
        let today = Day(i32::MAX);
        let of_level = |level: u8| -> Vec<u64> {
            let here = (0..).zip(&rules.areas.list).filter(|(_, area)| area.level == level);
            here.map(|(index, _)| rules.areas.population(index, today)).collect()
        };
        assert_eq!(of_level(0), [500_000]);
        for level in [1, 2] {
            let (areas, all) = (of_level(level).len() as u64, of_level(level).iter().sum::<u64>());
            assert!((500_000..=500_000 + areas).contains(&all), "level {level}: {all}, each rounded up");
        }
        let yuzhong = rules.areas.index("500103").expect("a district");
        assert_eq!(rules.areas.population(yuzhong, today), 9_184, "588,717 of 32,054,159");
    }
}
