//! Topics on the real Kafka, loaded once, and processed again and again from nothing.

use super::figures::rest;
use super::kafka;
use super::workload::{self, Sent, Shape, Truth, Workload};
use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::KafkaConfig;
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::topic_name;
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Topic, partition_of};
use swabstream::policy::plan::Plan;
use swabstream::policy::set::RuleSetReader;

/// No run takes longer; a stall ends the bench with an error instead of a figure.
pub const LIMIT: Duration = Duration::from_secs(600);

/// A deployment.
pub struct Site {
    pub config: KafkaConfig,
    pub layout: Layout,
    pub shape: Shape,
    /// What lies in the inputs.
    pub loaded: Loaded,
    runs: u32,
}

/// What was published.
#[derive(Default)]
pub struct Loaded {
    pub records: u64,
    /// What is sent on to another task: what lies in another partition than its person's, and what somebody else is told.
    pub away: u64,
    pub truth: Truth,
}

impl Site {
    /// Topics and rules, no results.
    pub fn new(name: &str, layout: Layout, shape: Shape) -> anyhow::Result<Self> {
        let config = KafkaConfig::new(kafka::brokers(), kafka::unique(name));
        let site = Self { config, layout, shape, loaded: Loaded::default(), runs: 0 };
        create(&site.config, layout)?;
        let plan = Plan::new(&RuleSetReader::default(), &workload::rules(shape));
        let rules = swabstream::cli::rules::outputs(&plan);
        // A broker that makes folders for a thousand new partitions answers late.
        patiently(|| publish_all(&site.config, &site.config.prefix, &rules))?;
        Ok(site)
    }

    /// With so many results of the workload.
    pub fn loaded(name: &str, layout: Layout, shape: Shape, records: u64) -> anyhow::Result<Self> {
        let mut site = Self::new(name, layout, shape)?;
        let mut workload = Workload::new(shape, clock::now(), 1);
        site.publish(workload.by_ref().take(records as usize))?;
        site.loaded.truth = workload.truth().clone();
        Ok(site)
    }

    /// Publishes records; all are stored when this returns.
    pub fn publish(&mut self, records: impl Iterator<Item = Sent>) -> anyhow::Result<()> {
        let (mut publisher, mut count) = (Publisher::connect(&self.config)?, 0);
        for sent in records {
            publisher.send(publication(&sent))?;
            count += 1;
            let tasks = self.layout.person_tasks;
            let home = partition_of(sent.person_id.as_bytes(), tasks);
            self.loaded.away += u64::from(partition_of(&sent.key, tasks) != home);
            let told = sent.told.as_ref().map(|person| partition_of(person.as_bytes(), tasks));
            self.loaded.away += u64::from(told.is_some_and(|task| task != home));
        }
        let delivered = publisher.flush(LIMIT)?;
        anyhow::ensure!(delivered.confirmed == count, "only {} of {count} were stored", delivered.confirmed);
        self.loaded.records += count;
        Ok(())
    }

    /// Forgets everything that was computed: the inputs stay, the next run begins as the first did, on a broker at rest.
    pub fn renew(&mut self) -> anyhow::Result<()> {
        self.runs += 1;
        self.config.group = format!("{}{}", self.config.prefix, self.runs);
        let computed = Topic::ALL.into_iter().filter(|topic| !topic.moves_time() && *topic != Topic::Rules);
        let names: Vec<String> = computed.map(|topic| topic_name(&self.config.prefix, topic)).collect();
        delete(&self.config, &names)?;
        create(&self.config, self.layout)?;
        rest();
        Ok(())
    }

    /// All its topics are deleted, so that the disk need not hold every site of a run.
    pub fn remove(self) -> anyhow::Result<()> {
        remove(&self.config)
    }
}

/// Deletes all topics of a deployment.
pub fn remove(config: &KafkaConfig) -> anyhow::Result<()> {
    let names: Vec<String> = Topic::ALL.iter().map(|topic| topic_name(&config.prefix, *topic)).collect();
    delete(config, &names)
}

/// A record as it is published.
pub fn publication(sent: &Sent) -> Publication<'_> {
    Publication {
        topic: sent.topic,
        partition: None,
        key: &sent.key,
        payload: Some(&sent.payload),
        headers: &[],
        timestamp: None,
    }
}

/// Creates all topics that a deployment lacks.
pub fn create(config: &KafkaConfig, layout: Layout) -> anyhow::Result<()> {
    let wanted = Wanted { layout, replication: 1, history: false };
    // A topic deleted a moment ago may still be on its way out.
    patiently(|| waited_for(topics::create(config, wanted)).map(|_| ()))
}

/// Tries again for a while.
fn patiently(mut work: impl FnMut() -> Result<(), swabstream::kafka::Error>) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match work() {
            Ok(()) => return Ok(()),
            Err(error) if began.elapsed() > Duration::from_secs(60) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn delete(config: &KafkaConfig, names: &[String]) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &config.brokers).create()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let limit = Some(Duration::from_secs(30));
    let options = AdminOptions::new().operation_timeout(limit).request_timeout(limit);
    for result in waited_for(admin.delete_topics(&names, &options))? {
        result.map_err(|(name, code)| anyhow::anyhow!("{name}: {code}")).context("deleting topics")?;
    }
    Ok(())
}

fn waited_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
