//! The broker is away for longer than a session, a transaction and any single wait for an answer, while labs publish:
//! the processor says so, needs no more memory for it, and goes on by itself. `swabstream audit` is the judge.

use crate::TURN;
use crate::instance::Instance;
use crate::site::Site;
use std::sync::PoisonError;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Records a second.
const RATE: u32 = 200;

/// Work before, between and after outages.
const BETWEEN: Duration = Duration::from_secs(4);

/// An instance may say for so long that it is ready, although nobody answers it any more.
const NOTICED: Duration = Duration::from_secs(20);

/// How long it may take to be ready again.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// More memory that an instance may take while nothing can be read or written, in MiB.
const MORE_MEANWHILE: u64 = 32;

/// More memory that it may take once all is read that was published meanwhile, which is state then, in MiB.
const MORE_AFTER: u64 = 192;

#[test]
fn a_broker_that_is_away_for_long_is_waited_for_and_nothing_is_lost() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut site = Site::start(RATE, 7);
    site.scale(1);
    sleep(BETWEEN);
    for (away, back, length) in [("pause", "resume", 40), ("kill", "start", 25)] {
        let before = site.instance_and_broker().0.memory();
        let most = outlast(&mut site, away, back, Duration::from_secs(length));
        site.await_progress(back);
        await_ready(site.instance_and_broker().0);
        sleep(BETWEEN);
        let after = site.instance_and_broker().0.memory();
        site.say(&format!("memory: {before} MiB before, {most} at most meanwhile, {after} after"));
        assert!(most <= before + MORE_MEANWHILE, "{before} MiB before, {most} meanwhile");
        assert!(after <= before + MORE_AFTER, "{before} MiB before, {after} after");
    }
    assert_eq!(site.instance_and_broker().0.starts(), 1, "nobody had to start it again");
    site.finish();
}

/// The broker is away for a while. Returns the most memory the instance took meanwhile.
fn outlast(site: &mut Site, away: &str, back: &str, length: Duration) -> u64 {
    let (instance, kafka) = site.instance_and_broker();
    kafka.tell(away);
    let (began, mut most, mut said) = (Instant::now(), 0, String::new());
    while began.elapsed() < length {
        sleep(Duration::from_millis(500));
        most = most.max(instance.memory());
        said = instance.unready();
        assert!(!said.is_empty() || began.elapsed() < NOTICED, "it says that it is ready");
    }
    assert!(said.contains("no broker has answered"), "{said}");
    kafka.tell(back);
    most
}

fn await_ready(instance: &Instance) {
    let began = Instant::now();
    while !instance.unready().is_empty() {
        assert!(began.elapsed() < READY_LIMIT, "{}\n{}", instance.unready(), instance.last_log());
        sleep(Duration::from_millis(200));
    }
}
