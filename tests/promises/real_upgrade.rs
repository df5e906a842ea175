//! An upgrade that rolls over a deployment, and one that is taken back, on a real Kafka while labs publish: instances of
//! two versions read what either has written, and an audit agrees at the end.
//!
//! Versions differ here in the formats of the messages between tasks that they read and write, and in nothing else.

use crate::support::real::{LAYOUT, RealDeployment, secret};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use swabstream::clock;
use swabstream::config::ProcessingConfig;
use swabstream::demo::city::{City, CityConfig, Rates};
use swabstream::demo::stream::Stream;
use swabstream::pipeline::formats::{CURRENT, Formats};
use swabstream::policy::sample::sample_rules;
use swabstream::processor::{Job, Processor};
use swabstream::telemetry::Telemetry;

/// The format that is left.
const LEFT: u32 = CURRENT - 1;
/// The version before this one.
const BEFORE: Formats = Formats { written: LEFT, newest: LEFT };
/// This version, while instances of the one before run beside it.
const CAREFUL: Formats = Formats { written: LEFT, newest: CURRENT };
/// This version.
const AFTER: Formats = Formats { written: CURRENT, newest: CURRENT };

/// Records a second.
const RATE: u32 = 400;

/// Records between two steps: each has some to work on.
const BETWEEN: u64 = 1_000;

const LIMIT: Duration = Duration::from_secs(120);

/// A deployment whose labs publish all the time, with places for two instances.
struct Site {
    deployment: RealDeployment,
    stream: Stream,
    instances: [Option<Processor>; 2],
}

impl Site {
    fn start(name: &str) -> Self {
        let rules = Arc::new(sample_rules());
        let deployment = RealDeployment::create_live(name, &rules);
        let mut city = CityConfig::live(5, 5_000, clock::now(), 4);
        city.rates = Rates::harsh();
        city.epidemic.seeded = 0.01;
        let stream =
            Stream::start(deployment.config().clone(), LAYOUT, City::new(city, rules), RATE).expect("a thread");
        Self { deployment, stream, instances: [None, None] }
    }

    /// Ends what runs in a place and starts a version there.
    fn run(&mut self, place: usize, formats: Formats) {
        self.end(place);
        let processing = ProcessingConfig {
            instance: Some(format!("place-{place}")),
            person_workers: std::num::NonZeroUsize::new(1),
            ..ProcessingConfig::default()
        };
        let kafka = self.deployment.config().clone();
        let job = Job { kafka, processing, secret: secret(), layout: LAYOUT, formats };
        let telemetry = Telemetry::new(Arc::default());
        let processor = Processor::start(&job, &telemetry).expect("started");
        self.instances[place] = Some(processor);
    }

    fn end(&mut self, place: usize) {
        if let Some(processor) = self.instances[place].take() {
            processor.shut_down().expect("its last commit");
        }
    }

    /// Waits until more was published, and all of it up to then is committed by whoever has its task.
    fn work_on(&mut self) {
        let goal = self.stream.confirmed() + BETWEEN;
        await_it("the labs publish", || self.stream.confirmed() >= goal);
        let ends = self.deployment.ends_of_messages();
        await_it("all messages so far are read", || self.deployment.has_read(&ends));
    }

    /// Publishes no more, and judges all that was written.
    fn finish(self) {
        let Self { mut deployment, stream, instances } = self;
        assert_eq!(stream.stop().expect("the labs' records are delivered").failed, 0);
        deployment.settle();
        instances.into_iter().flatten().for_each(|processor| processor.shut_down().expect("its last commit"));
        let (code, report) = deployment.audit();
        assert_eq!((code, &report["verdict"]), (Some(0), &"agree".into()), "{report:#}");
    }
}

#[track_caller]
fn await_it(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_upgrade_that_rolls_over_a_deployment_and_is_taken_back_loses_nothing() {
    let mut site = Site::start("upgrade");
    let there = [BEFORE, CAREFUL, AFTER];
    let and_back = [CAREFUL, BEFORE];
    for formats in there.into_iter().chain(and_back) {
        for place in 0..2 {
            site.run(place, formats);
            site.work_on();
        }
    }
    site.finish();
}

#[test]
fn an_instance_of_the_version_before_stops_at_a_newer_message_and_goes_on_after_its_upgrade() {
    let mut site = Site::start("newer");
    site.run(0, BEFORE);
    site.work_on();
    site.run(1, AFTER);
    let mut before = site.instances[0].take().expect("it was started");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let fault = runtime.block_on(async { tokio::time::timeout(LIMIT, before.failed()).await });
    let fault = fault.expect("it reads what it does not know").expect("it ended for a reason").to_string();
    let says = [
        format!("format {CURRENT}"),
        format!("reads up to {LEFT}"),
        "Upgrade this instance too; nothing is lost".into(),
    ];
    for part in says {
        assert!(fault.contains(&part), "{fault}");
    }
    // What else had to end with it may have had something to say as well.
    let _ = before.shut_down();
    site.run(0, AFTER);
    site.work_on();
    site.finish();
}
