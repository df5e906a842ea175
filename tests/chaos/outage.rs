//! The broker is away for longer than a session, a transaction and any single wait for an answer, while labs publish:
//! the processor says so, needs no more memory for it, and goes on by itself. `swabstream audit` is the judge.

use crate::instance::Instance;
use crate::site::Site;
use crate::{TURN, is_long};
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

/// More memory that it may take at any moment while it works off what lies before it: that state, and what is fetched
/// ahead of it, 16 MiB and a fetch of 2 for each of six partitions.
const MORE_AT_MOST: u64 = MORE_AFTER + 6 * (16 + 2);

/// Results of the largest size that lie before it after the long outage: many times what it may hold of them.
const BACKLOG: u64 = 4_400;

struct Outage {
    away: &'static str,
    back: &'static str,
    length: Duration,
    /// Results that labs publish before it, while the instance stands still.
    backlog: u64,
}

#[test]
fn a_broker_that_is_away_for_long_is_waited_for_and_nothing_is_lost() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut site = Site::start(RATE, 7);
    site.scale(1);
    sleep(BETWEEN);
    for outage in outages(is_long()) {
        let before = site.instance_and_broker().0.memory();
        site.pile_up(outage.backlog);
        let most = outlast(&mut site, &outage);
        site.await_progress(outage.back);
        await_ready(site.instance_and_broker().0);
        sleep(BETWEEN);
        let (after, peak) = (site.instance_and_broker().0.memory(), site.instance_and_broker().0.peak_memory());
        site.say(&format!(
            "memory: {before} MiB before, {most} at most meanwhile, {after} after, never more than {peak}"
        ));
        assert!(most <= before + MORE_MEANWHILE, "{before} MiB before, {most} meanwhile");
        assert!(after <= before + MORE_AFTER, "{before} MiB before, {after} after");
        assert!(peak <= before + MORE_AT_MOST, "{before} MiB before, {peak} at some moment");
    }
    assert_eq!(site.instance_and_broker().0.starts(), 1, "nobody had to start it again");
    site.finish();
}

/// The long ones have minutes without a broker, and after them more to read than memory may hold.
fn outages(long: bool) -> [Outage; 2] {
    let (paused, killed, backlog) = if long { (60, 240, BACKLOG) } else { (40, 25, 0) };
    [
        Outage { away: "pause", back: "resume", length: Duration::from_secs(paused), backlog: 0 },
        Outage { away: "kill", back: "start", length: Duration::from_secs(killed), backlog },
    ]
}

/// The broker is away for a while. Returns the most memory the instance took meanwhile.
fn outlast(site: &mut Site, outage: &Outage) -> u64 {
    let (instance, kafka) = site.instance_and_broker();
    kafka.tell(outage.away);
    // Where a backlog was piled up before it.
    instance.signal("CONT");
    let (began, mut most, mut said) = (Instant::now(), 0, String::new());
    while began.elapsed() < outage.length {
        sleep(Duration::from_millis(500));
        most = most.max(instance.memory());
        said = instance.unready();
        assert!(!said.is_empty() || began.elapsed() < NOTICED, "it says that it is ready");
    }
    assert!(said.contains("no broker has answered"), "{said}");
    kafka.tell(outage.back);
    most
}

fn await_ready(instance: &Instance) {
    let began = Instant::now();
    while !instance.unready().is_empty() {
        assert!(began.elapsed() < READY_LIMIT, "{}\n{}", instance.unready(), instance.last_log());
        sleep(Duration::from_millis(200));
    }
}
