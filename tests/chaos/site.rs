//! A deployment under chaos: a Kafka of its own behind a proxy, labs that publish all the time, instances.

use super::backlog;
use super::faults::Fault;
use super::instance::{Instance, command};
use super::own_kafka::OwnKafka;
use super::progress::Progress;
use super::proxy::Proxy;
use super::random::Random;
use super::rules;
use super::table::Table;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::KafkaConfig;
use swabstream::demo::city::{City, CityConfig, Rates};
use swabstream::demo::stream::Stream;
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::Layout;
use swabstream::policy::sample::sample_rules;
use tempfile::TempDir;

const LAYOUT: Layout = Layout { person_tasks: 6, area_tasks: 3 };

/// Longer than a session: the group has given its tasks to others.
const STOPPED: Duration = Duration::from_secs(9);

/// How long it may take until everything goes on after a fault. Only what never ends comes near.
const RESUME_LIMIT: Duration = Duration::from_secs(180);

/// Everything that runs.
pub struct Site {
    instances: Vec<Instance>,
    table: Table,
    progress: Progress,
    stream: Option<Stream>,
    folder: TempDir,
    proxy: Proxy,
    kafka: OwnKafka,
    config: KafkaConfig,
    /// Records of backlogs.
    piled_up: u64,
    began: Instant,
}

impl Site {
    /// Labs publish so many records a second; nothing reads them yet.
    pub fn start(rate: u32, seed: u64) -> Self {
        let began = Instant::now();
        let (proxy, listener) = Proxy::bind();
        let kafka = OwnKafka::start(Some(&proxy.address()));
        proxy.lead_to(listener, kafka.address());
        let mut config = KafkaConfig::new(proxy.address(), "chaos.");
        config.group = "chaos".to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
        runtime.block_on(topics::create(&config, wanted)).expect("topics are created");
        let rules = Arc::new(sample_rules());
        rules::publish(&config, &rules);
        let mut city = CityConfig::live(seed, 5_000, clock::now(), 4);
        city.rates = Rates::harsh();
        city.epidemic.seeded = 0.01;
        let stream = Stream::start(config.clone(), LAYOUT, City::new(city, rules), rate).expect("a thread");
        let progress = Progress::new(&config, LAYOUT);
        let (instances, table, folder) = (Vec::new(), Table::default(), TempDir::new().expect("a folder"));
        Self { instances, table, progress, stream: Some(stream), folder, proxy, kafka, config, piled_up: 0, began }
    }

    /// So many instances run from now on.
    pub fn scale(&mut self, count: usize) {
        self.say(&format!("{} instances", count));
        let kafka = format!("[kafka]\nbrokers = \"{}\"\nprefix = \"chaos.\"\ngroup = \"chaos\"\n", self.config.brokers);
        while self.instances.len() < count {
            let name = ["one", "two", "three"][self.instances.len()];
            self.instances.push(Instance::new(self.folder.path(), name, &kafka));
        }
        for (at, instance) in self.instances.iter_mut().enumerate() {
            match (at < count, instance.runs()) {
                (true, false) => instance.start(),
                (false, true) => instance.leave(),
                _ => {}
            }
        }
        self.instances.truncate(count);
        self.await_progress("scaled");
    }

    /// Something goes wrong, and everything goes on.
    pub fn suffer(&mut self, fault: Fault, random: &mut Random) {
        sleep(Duration::from_millis(random.between(200, 1500) as u64));
        let began = Instant::now();
        let times = match fault {
            Fault::Kill => self.kill(random),
            Fault::Stop => return self.stop_and_go_on(random),
            Fault::Leave => self.leave_and_come_back(random),
            Fault::BrokerKilled => self.restart_broker("kill"),
            Fault::BrokerRestarted => self.restart_broker("stop"),
            Fault::Cut => self.proxy.cut(&some(random)),
            Fault::Deaf => self.proxy.deafen(&some(random)),
            Fault::Slow => {
                self.proxy.delay(Duration::from_millis(300));
                sleep(Duration::from_secs(4));
                self.proxy.delay(Duration::ZERO);
                1
            }
        };
        self.await_progress(fault.name());
        self.table.note(fault, times, began.elapsed());
    }

    fn kill(&mut self, random: &mut Random) -> usize {
        let at = random.below(self.instances.len());
        self.instances[at].kill();
        if random.chance(50) {
            sleep(Duration::from_millis(random.between(0, 6_000) as u64));
        }
        self.instances[at].start();
        1
    }

    /// The others take over its tasks while it is stopped; then it goes on where it was.
    fn stop_and_go_on(&mut self, random: &mut Random) {
        let began = Instant::now();
        let at = random.below(self.instances.len());
        self.instances[at].signal("STOP");
        self.await_progress("stopped");
        let taken_over = began.elapsed();
        sleep(STOPPED.saturating_sub(taken_over));
        self.instances[at].signal("CONT");
        let continued = Instant::now();
        self.await_progress("continued");
        self.table.note(Fault::Stop, 1, taken_over.max(continued.elapsed()));
    }

    fn leave_and_come_back(&mut self, random: &mut Random) -> usize {
        let at = random.below(self.instances.len());
        self.instances[at].leave();
        self.instances[at].start();
        1
    }

    fn restart_broker(&mut self, end: &str) -> usize {
        self.kafka.tell(end);
        self.kafka.tell("start");
        1
    }

    pub fn await_progress(&mut self, after: &str) {
        let Self { instances, table, progress, began, .. } = self;
        let restart_ended = || {
            for instance in instances.iter_mut() {
                // A supervisor would start it again, so the chaos goes on; the end counts it.
                if let Some(how) = instance.has_ended() {
                    println!("{how}");
                    table.ended_by_themselves += 1;
                    instance.start();
                }
            }
        };
        match progress.resumes(RESUME_LIMIT, restart_ended) {
            Ok(took) => say(*began, &format!("{after}: goes on after {:.1} s", took.as_secs_f64())),
            Err(why) => {
                let logs: Vec<String> =
                    instances.iter().map(|one| format!("-- {}\n{}", one.name, one.last_log())).collect();
                panic!("{after}: {why}\n{}", logs.join("\n"));
            }
        }
    }

    /// The only instance there is, and the broker it works with.
    pub fn instance_and_broker(&mut self) -> (&Instance, &mut OwnKafka) {
        (&self.instances[0], &mut self.kafka)
    }

    /// The only instance is stopped, and so many large results are published before it. Whoever calls lets it go on.
    pub fn pile_up(&mut self, results: u64) {
        if results == 0 {
            return;
        }
        self.instances[0].signal("STOP");
        let mebibytes = backlog::publish(&self.config, results) >> 20;
        self.piled_up += results;
        self.say(&format!("{results} results of {mebibytes} MiB lie before it"));
    }

    /// Labs fall silent, all is consumed, and the judge has the word.
    pub fn finish(&mut self) {
        let stream = self.stream.take().expect("it was started");
        let delivered = stream.stop().expect("the labs' records are delivered");
        assert_eq!(delivered.failed, 0, "{:?}", delivered.first_error);
        self.await_progress("labs are silent");
        let records = self.progress.published();
        self.say("audit");
        let (code, said, error) = command(&["audit", "--wait", "120"], &self.instances[0].settings());
        let took = self.began.elapsed().as_secs();
        println!(
            "\n{}\n\n{said}{error}\n{records} lab results and {} records in all, {took} s",
            self.table,
            delivered.confirmed + self.piled_up
        );
        assert_eq!(code, Some(0), "nothing lost, nothing doubled");
        self.instances.iter_mut().for_each(Instance::leave);
    }

    /// A run in which something did not happen proves nothing.
    pub fn assert_all_happened(&self, long: bool) {
        let times = |faults: &[Fault]| faults.iter().map(|fault| self.table.times(*fault)).sum::<usize>();
        let least = |faults: &[Fault], short_least: usize, long_least: usize| {
            let wanted = if long { long_least } else { short_least };
            assert!(times(faults) >= wanted, "{faults:?} happened {} times of {wanted}", times(faults));
        };
        least(&[Fault::Kill], 3, 30);
        least(&[Fault::Stop], 1, 15);
        least(&[Fault::BrokerKilled, Fault::BrokerRestarted], 2, 10);
        least(&[Fault::Cut, Fault::Deaf], 5, 100);
        least(&[Fault::Leave], 1, 8);
        least(&[Fault::Slow], 1, 4);
        assert_eq!(self.table.ended_by_themselves, 0, "no fault makes an instance give up");
    }

    pub fn say(&self, what: &str) {
        say(self.began, what);
    }
}

fn say(began: Instant, what: &str) {
    println!("{:>5} s  {what}", began.elapsed().as_secs());
}

/// Two or three connections.
fn some(random: &mut Random) -> Vec<usize> {
    let count = *random.pick(&[2, 3]);
    (0..count).map(|_| random.below(10_000)).collect()
}
