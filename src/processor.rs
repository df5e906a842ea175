//! A process at work: the workers of both halves on threads of their own, and the reader that hands them the rules and
//! the time. The page, the metrics and the signals are around it, not in it.

use crate::clock;
use crate::config::{KafkaConfig, ProcessingConfig};
use crate::kafka::group_of;
use crate::kafka::log::{self, KafkaLog};
use crate::kafka::reader::{From, TopicReader};
use crate::kafka::watch::TopicWatch;
use crate::model::ids::Secret;
use crate::model::record::{HalfKind, Layout, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::area::AreaHalf;
use crate::pipeline::formats::Formats;
use crate::pipeline::half::{DUE_AT_MOST, Half};
use crate::pipeline::person::PersonHalf;
use crate::policy::Rules;
use crate::runtime::drive::{News, drive};
use crate::runtime::globals::Globals;
use crate::runtime::log::Fatal;
use crate::runtime::task::RulesInForce;
use crate::runtime::task::clock::Watermarks;
use crate::runtime::worker::{Settings, Worker};
use crate::telemetry::Telemetry;
use crate::view::status::ProcessStatus;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Kafka refused or could not be reached.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::Error),
    /// There are no rules to work by.
    #[error("topic {topic} holds no whole set of rules; publish one with: swabstream rules apply DIR --config FILE")]
    NoRules {
        /// The topic.
        topic: String,
    },
    /// What must be known before work begins is not for this version to read.
    #[error(transparent)]
    Newer(#[from] Fatal),
    /// The rules cannot be used.
    #[error("the rules in topic {topic} cannot be used:\n{errors}\ncheck them with: swabstream rules check DIR")]
    BadRules {
        /// The topic.
        topic: String,
        /// What is wrong.
        errors: String,
    },
}

/// How often the topics are looked at.
const TOPICS_EVERY: Duration = Duration::from_secs(2);

/// A transaction of one partition takes 7 ms on an idle broker, and each further partition 0.5 to 0.7 ms.
const COMMIT_FLOOR: usize = 10;

/// How long the workers together may take to end. A last commit that meets a broker which answers each request at the
/// last moment is within it, and so are clients that are left behind.
const ENDING_LIMIT: Duration = Duration::from_secs(120);

/// Between two looks whether they have ended.
const ENDING_PAUSE: Duration = Duration::from_millis(5);

/// What a process works on.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where the topics are.
    pub kafka: KafkaConfig,
    /// How the work is done.
    pub processing: ProcessingConfig,
    /// Key of all hashes.
    pub secret: Secret,
    /// How many tasks there are.
    pub layout: Layout,
    /// Of messages between tasks.
    pub formats: Formats,
}

/// The running workers.
#[derive(Debug)]
pub struct Processor {
    shutdown: watch::Sender<bool>,
    ended: mpsc::UnboundedReceiver<Result<(), Fatal>>,
    threads: Vec<JoinHandle<()>>,
}

impl Processor {
    /// Reads the rules, then starts all workers. Comes back when they run, not when their tasks are restored.
    pub fn start(job: &Job, telemetry: &Telemetry) -> Result<Self, StartError> {
        // The first look, before anything is read: a topic that is made anew from here on is not taken for the old one.
        let mut watch = TopicWatch::new(&job.kafka, job.layout)?;
        watch.look()?;
        let (globals, reader) = read_globals(job)?;
        let topic = || crate::kafka::topic_name(&job.kafka.prefix, Topic::Rules);
        let rules = globals.rules().cloned().ok_or_else(|| StartError::NoRules { topic: topic() })?;
        tracing::info!(digest = %rules.rules.digest, areas = rules.rules.areas.list.len(), "rules in force");
        warn_of_lost_areas(&rules.rules);
        say_targets(&rules.rules);

        let come_to: Arc<[_]> = globals.come_to(job.layout.person_tasks).unwrap_or_default().into();
        let (come_to_sender, come_to_seen) = watch::channel(come_to);
        let (rules_sender, rules_seen) = watch::channel(rules);
        let (slowest_sender, slowest_seen) = watch::channel(globals.slowest(job.layout.person_tasks));
        let (shutdown, shutdown_seen) = watch::channel(false);
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let (slowest, come_to) = (slowest_seen, come_to_seen);
        let news = News { rules: rules_seen, slowest, come_to, shutdown: shutdown_seen.clone() };
        let mut processor = Self { shutdown, ended, threads: Vec::new() };

        let (rules, slowest, come_to) = (rules_sender, slowest_sender, come_to_sender);
        let listener = Listener { globals, reader, rules, slowest, come_to };
        let (tasks, ended) = (job.layout.person_tasks, ended_sender.clone());
        processor.spawn("globals", ended, move || listener.listen(tasks, &shutdown_seen));

        telemetry.status().hear_of_broker();
        let (status, shutdown_seen, ended) =
            (Arc::clone(telemetry.status()), news.shutdown.clone(), ended_sender.clone());
        processor.spawn("topics", ended, move || watch_topics(watch, &status, &shutdown_seen));

        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let persons = job.processing.person_workers.map_or(cores, usize::from);
        let areas = job.processing.area_workers.get();
        telemetry.status().expect(persons + areas, job.layout, job.processing.history);
        for number in 0..persons {
            processor.spawn_worker::<PersonHalf>(job, number, &news, telemetry, &ended_sender);
        }
        for number in 0..areas {
            processor.spawn_worker::<AreaHalf>(job, number, &news, telemetry, &ended_sender);
        }
        Ok(processor)
    }

    /// Waits until a thread has ended: by a fault, or because the process is shutting down.
    pub async fn failed(&mut self) -> Option<Fatal> {
        while let Some(result) = self.ended.recv().await {
            if let Err(fault) = result {
                return Some(fault);
            }
        }
        None
    }

    /// Ends all workers, each after its last commit, and waits for them, but not for ever: one that waits in the client
    /// for an answer that was lost would keep a process that is to be replaced.
    pub fn shut_down(mut self) -> Result<(), Fatal> {
        self.shutdown.send_replace(true);
        let began = clock::monotonic();
        let at_work = || self.threads.iter().filter(|thread| !thread.is_finished());
        while at_work().next().is_some() {
            if began.elapsed() > ENDING_LIMIT {
                let names: Vec<&str> = at_work().filter_map(|thread| thread.thread().name()).collect();
                return Err(Fatal::NotEnded { threads: names.join(", "), seconds: ENDING_LIMIT.as_secs() });
            }
            std::thread::sleep(ENDING_PAUSE);
        }
        while let Ok(result) = self.ended.try_recv() {
            result?;
        }
        Ok(())
    }

    fn spawn_worker<H: Half + 'static>(
        &mut self,
        job: &Job,
        number: usize,
        news: &News,
        telemetry: &Telemetry,
        ended: &mpsc::UnboundedSender<Result<(), Fatal>>,
    ) {
        let (job, news, meter) = (job.clone(), news.clone(), telemetry.worker(H::KIND, H::INPUTS));
        self.spawn(&format!("{}-{number}", H::KIND), ended.clone(), move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let runtime = runtime.map_err(|error| Fatal::Runtime(Arc::new(error)))?;
            let log = KafkaLog::join(member::<H>(&job, number))?;
            let rules = news.rules.borrow().clone();
            runtime.block_on(drive(Worker::<H, _>::new(log, settings::<H>(&job), rules, meter), news))
        });
    }

    /// A thread whose end, good or bad, is always heard of.
    fn spawn(
        &mut self,
        name: &str,
        ended: mpsc::UnboundedSender<Result<(), Fatal>>,
        work: impl FnOnce() -> Result<(), Fatal> + Send + 'static,
    ) {
        let thread_name = name.to_owned();
        let body = move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let result = result.unwrap_or_else(|_| Err(Fatal::Panicked(thread_name.clone())));
            if let Err(fault) = &result {
                tracing::error!(thread = thread_name, %fault, "ended");
            }
            // Nobody listens any more when the process is ending anyway.
            let _ = ended.send(result);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.expect("the system has room for a thread"));
    }
}

fn member<H: Half>(job: &Job, worker: usize) -> log::Settings {
    let group = group_of::<H>(&job.kafka);
    let instance = job.processing.instance.clone().unwrap_or_else(host_name);
    let id = format!("{group}-{instance}-{worker}");
    log::Settings::new(&job.kafka, group, id, H::INPUTS, H::CHANGELOG)
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "instance".into() } else { name.trim().to_owned() }
}

fn settings<H: Half>(job: &Job) -> Settings {
    let processing = &job.processing;
    let commit_interval = match H::KIND {
        HalfKind::Person => processing.commit_interval_ms,
        HalfKind::Area => processing.area_commit_interval_ms,
    };
    Settings {
        layout: job.layout,
        secret: job.secret,
        max_record_bytes: processing.max_record_bytes.get(),
        ring: u64::from(processing.changelog_ring.get()),
        commit_interval_ms: i64::from(commit_interval.get()),
        commit_records: processing.commit_records.get(),
        commit_floor: COMMIT_FLOOR,
        due_at_most: DUE_AT_MOST,
        history: processing.history,
        formats: job.formats,
    }
}

fn read_globals(job: &Job) -> Result<(Globals, TopicReader), StartError> {
    let kafka = &job.kafka;
    let mut reader = TopicReader::open(kafka, &[Topic::Rules, Topic::Progress], From::Beginning)?;
    let (mut globals, mut errors) = (Globals::new(job.formats), Vec::new());
    let limit = Duration::from_secs(u64::from(kafka.connect_timeout_s.get()));
    reader.read_to_end(limit, &mut |records| {
        for record in records {
            match globals.take(record) {
                Ok(()) => {}
                Err(found) => errors = found,
            }
        }
    })?;
    require_known(&globals)?;
    // A set that could not be used matters only when no usable one came after it.
    if globals.rules().is_none() && !errors.is_empty() {
        let topic = crate::kafka::topic_name(&kafka.prefix, Topic::Rules);
        let errors = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        return Err(StartError::BadRules { topic, errors });
    }
    Ok((globals, reader))
}

/// Time must not be misread: where a newer version publishes it, this one ends.
fn require_known(globals: &Globals) -> Result<(), Fatal> {
    globals.newer().map_or(Ok(()), |newer| Err(Fatal::NewerProgress(newer)))
}

/// What is looked for, and what of it state counts for that knew of no targets.
fn say_targets(rules: &Rules) {
    let targets = &rules.deployment.targets;
    let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
    tracing::info!(
        targets = ids.join(", "),
        declared = rules.deployment.targets_declared,
        "what was stored before there were targets counts for the first, {}; results of any other target are set aside",
        ids[0],
    );
}

/// Asks the broker for the topics every other second, for as long as the process runs. Says once that none answers,
/// and once that one does again.
fn watch_topics(mut watch: TopicWatch, status: &ProcessStatus, shutdown: &watch::Receiver<bool>) -> Result<(), Fatal> {
    let mut looked = None;
    let mut silence: Option<Silence> = None;
    while !*shutdown.borrow() {
        if looked.is_none_or(|looked: Instant| looked.elapsed() >= TOPICS_EVERY) {
            if watch.look()? {
                status.hear_of_broker();
                silence.take().inspect(Silence::end);
            } else {
                silence.get_or_insert_with(Silence::new).go_on(&watch);
            }
            looked = Some(clock::monotonic());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// No broker answers.
struct Silence {
    since: Instant,
    looks: u32,
}

impl Silence {
    fn new() -> Self {
        Self { since: clock::monotonic(), looks: 0 }
    }

    /// The first look that fails may have met one broken connection among others.
    fn go_on(&mut self, watch: &TopicWatch) {
        self.looks += 1;
        if self.looks == 2 {
            let brokers = watch.brokers();
            let why = watch.why_silent().map_or_else(String::new, |why| format!(" ({why})"));
            tracing::warn!("no Kafka broker answers at {brokers}{why}; work goes on by itself when one does again");
        }
    }

    fn end(&self) {
        if self.looks >= 2 {
            tracing::info!("a Kafka broker answers again after {} s", self.since.elapsed().as_secs());
        }
    }
}

/// Follows rules and progress for as long as the process runs.
struct Listener {
    globals: Globals,
    reader: TopicReader,
    rules: watch::Sender<RulesInForce>,
    slowest: watch::Sender<Option<Watermarks>>,
    come_to: watch::Sender<Arc<[Timestamp]>>,
}

impl Listener {
    fn listen(mut self, person_tasks: i32, shutdown: &watch::Receiver<bool>) -> Result<(), Fatal> {
        while !*shutdown.borrow() {
            let globals = &mut self.globals;
            self.reader.poll_within(1_000, Duration::from_millis(100), &mut |records| {
                for record in records {
                    if let Err(errors) = globals.take(record) {
                        let first = errors.first().map(ToString::to_string).unwrap_or_default();
                        tracing::error!(errors = errors.len(), first, "new rules cannot be used, the old ones stay");
                    }
                }
            })?;
            require_known(globals)?;
            self.tell(person_tasks);
        }
        Ok(())
    }

    fn tell(&self, person_tasks: i32) {
        if let Some(rules) = self.globals.rules() {
            self.rules.send_if_modified(|known| {
                let newer = rules.offset > known.offset;
                if newer {
                    tracing::info!(digest = %rules.rules.digest, "new rules in force");
                    warn_of_lost_areas(&rules.rules);
                    *known = rules.clone();
                }
                newer
            });
        }
        let slowest = self.globals.slowest(person_tasks);
        self.slowest.send_if_modified(|known| std::mem::replace(known, slowest) != slowest);
        let come_to = self.globals.come_to(person_tasks).unwrap_or_default();
        self.come_to.send_if_modified(|known| {
            let newer = **known != *come_to;
            if newer {
                *known = come_to.into();
            }
            newer
        });
    }
}

/// Rules that were published before anybody was asked what an abolished area went into keep the meaning they had.
fn warn_of_lost_areas(rules: &Rules) {
    let codes: Vec<&str> = rules.areas.without_successor().map(|area| area.code.as_str()).collect();
    if !codes.is_empty() {
        tracing::warn!(
            areas = codes.join(", "),
            "it is not said what these abolished areas went into: what was counted in them is in no total from then on; \
             add `merged_into` to areas.csv and apply the rules again"
        );
    }
}
