//! A real Apache Kafka for tests: the one of `SWABSTREAM_TEST_BROKERS`, else one started for this test process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The broker of this process. Statics are never dropped, and need not be: the script stops the broker when the pipe
/// to its standard input closes, which the end of this process does in every case.
struct Broker {
    address: String,
    _script: Option<Child>,
}

/// `HOST:PORT` of a real Kafka.
///
/// # Panics
/// When it cannot be started; the script has then said on standard error what is missing.
pub fn brokers() -> &'static str {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    &BROKER.get_or_init(start).address
}

/// A prefix for topics and names that no other test has, also in a broker that serves several runs.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    format!("{name}-{}-{}-{count}.", std::process::id(), elapsed.as_millis() % 1_000_000)
}

fn start() -> Broker {
    if let Ok(address) = std::env::var("SWABSTREAM_TEST_BROKERS") {
        return Broker { address, _script: None };
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/start");
    let mut child = Command::new(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", script.display()));
    let mut address = String::new();
    let output = child.stdout.take().expect("standard output is a pipe");
    BufReader::new(output).read_line(&mut address).expect("the script's output is text");
    let address = address.trim().to_owned();
    assert!(!address.is_empty(), "no Kafka to test with: see the message of tests/kafka/start above");
    Broker { address, _script: Some(child) }
}
