//! What the library says, logged once. It has a client for each worker and purpose, and each says everything by itself:
//! when a broker goes, that is dozens of lines of one fact.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines that differ only in client, broker and numbers are logged once in this time.
const ONCE_IN: Duration = Duration::from_secs(30);

/// More kinds of lines than this are not remembered.
const KINDS: usize = 256;

/// Connections that break and cannot be made: the library makes them anew by itself, and that no broker answers at all
/// is reported by whoever asks. Refused certificates and passwords, and names that are none, are not among them.
const CONNECTIONS: [&str; 10] = [
    "Connection refused",
    "Timed out",
    "brokers are down",
    "Disconnected",
    "Connection reset",
    "Broken pipe",
    "Connection closed",
    "connection closed",
    "timed out",
    "unreachable",
];

/// Of a connection that ends because of these, it is the settings that are wrong.
const SECURITY: [&str; 3] = ["security.protocol", "SSL ", "SASL"];

/// Logs a line of the library, at a level of syslog.
pub(in crate::kafka) fn write(level: i32, facility: &str, line: &str) {
    let line = &*without_nothing(line);
    // CONFWARN: settings that a client has no use for, or lacks, as the one that only owns the embedded broker.
    // METADATAUPDATE: a broker that was just started does not know everything yet.
    if ["CONFWARN", "METADATAUPDATE"].contains(&facility) || is_noise(line) {
        tracing::debug!(facility, "{line}");
        return;
    }
    if level > 4 {
        match level {
            5 | 6 => tracing::info!(facility, "{line}"),
            _ => tracing::debug!(facility, "{line}"),
        }
        return;
    }
    static REPEATS: Mutex<Option<Repeats>> = Mutex::new(None);
    let mut repeats = REPEATS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(more) = repeats.get_or_insert_default().note(kind_of(facility, line), crate::clock::monotonic()) else {
        return;
    };
    let more = if more > 0 { format!(" (and {more} like it since it was last told)") } else { String::new() };
    match level {
        0..=3 => tracing::error!(facility, "{line}{more}"),
        _ => tracing::warn!(facility, "{line}{more}"),
    }
}

/// The line without what the library prints where it has no text to print.
fn without_nothing(line: &str) -> Cow<'_, str> {
    match line.contains("(null)") {
        true => Cow::Owned(line.replace(" ((null))", "").replace("(null)", "?")),
        false => Cow::Borrowed(line),
    }
}

fn is_noise(line: &str) -> bool {
    let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
    says(&CONNECTIONS) && !says(&SECURITY)
}

/// The line without what tells clients, brokers and repetitions apart.
fn kind_of(facility: &str, line: &str) -> String {
    // "[thrd:host:9092/1]: host:9092/1: what happened (after 12ms in state CONNECT)"
    let line = line.split_once("]: ").map_or(line, |(_, rest)| rest);
    let line = line.split(" (after ").next().unwrap_or(line);
    let letters = line.chars().filter(|letter| !letter.is_ascii_digit());
    facility.chars().chain([' ']).chain(letters).collect()
}

/// When each kind of line was last logged, and how many came since.
#[derive(Debug, Default)]
struct Repeats(HashMap<String, (Instant, u64)>);

impl Repeats {
    /// How many of this kind were kept back; `None` when this one is too.
    fn note(&mut self, kind: String, now: Instant) -> Option<u64> {
        if self.0.len() >= KINDS {
            self.0.retain(|_, (at, _)| now.duration_since(*at) < ONCE_IN);
        }
        match self.0.get_mut(&kind) {
            Some((at, more)) if now.duration_since(*at) < ONCE_IN => {
                *more += 1;
                None
            }
            Some((at, more)) => {
                *at = now;
                Some(std::mem::take(more))
            }
            None => {
                if self.0.len() < KINDS {
                    self.0.insert(kind, (now, 0));
                }
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_goes_is_noise_and_one_that_refuses_us_is_none() {
        assert!(is_noise("[thrd:a:9092/1]: a:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused"));
        assert!(is_noise("[thrd:ssl://a:9093/1]: ssl://a:9093/1: Disconnected (after 61234ms in state UP)"));
        assert!(!is_noise("ssl://a:9093/1: SSL handshake failed: Disconnected: connecting to a PLAINTEXT listener?"));
        assert!(!is_noise("a:9093/1: Disconnected: verify that security.protocol is correctly configured"));
        assert!(!is_noise("[thrd:a]: Failed to resolve 'a:9092': Name or service not known"));
    }

    #[test]
    fn nobody_reads_null() {
        for (line, clean) in [
            ("k:9092/1: Coordinator changed ((null)) from 1", "k:9092/1: Coordinator changed from 1"),
            ("Group \"g\": (null) left", "Group \"g\": ? left"),
            ("k:9092/1: Disconnected", "k:9092/1: Disconnected"),
        ] {
            assert_eq!(without_nothing(line), clean);
        }
    }

    #[test]
    fn what_all_clients_say_is_logged_once() {
        let line = |client: u32, after: u32| {
            format!(
                "[thrd:kafka:9093/{client}]: kafka:9093/{client}: SSL handshake failed: no certificate (after {after}ms in state SSL)"
            )
        };
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.note(kind_of("FAIL", &line(1, 3)), now), Some(0));
        for client in 2..62 {
            assert_eq!(repeats.note(kind_of("FAIL", &line(client, 40)), now), None);
        }
        assert_eq!(
            repeats.note(kind_of("FAIL", "[thrd:x]: x: SASL authentication failed"), now),
            Some(0),
            "another fact"
        );
        assert_eq!(repeats.note(kind_of("FAIL", &line(1, 3)), now + ONCE_IN), Some(60));
    }
}
