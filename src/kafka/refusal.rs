//! Why no broker lets us in, where waiting does not heal it: by what the library says of a connection that it could not
//! make. It knows far more than its error code, which is "transport failure" of everything.
//!
//! In: lines of the library's log about a client. Out: what an operator has to change, in the words of the
//! configuration.

use crate::config::KafkaConfig;
use std::time::{Duration, Instant};

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name or the password.
    Credentials,
    /// The way to identify oneself.
    Mechanism,
    /// The broker's certificate, by us.
    Certificate,
    /// Our certificate, or that we have none, by the broker.
    OwnCertificate,
    /// We speak TLS, the listener does not.
    NoTls,
    /// The listener speaks TLS or wants a name and a password, we do neither.
    Plaintext,
}

/// A broker, or this client, has refused the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Refusal {
    kind: Kind,
    /// The address, as the library shows it.
    broker: String,
    /// The library's own words, in which no password ever stands.
    words: String,
    /// When it was first heard of.
    since: Instant,
}

/// What the library says, and what is refused then. The first that fits counts.
const SIGNS: [(&str, Kind); 11] = [
    ("connecting to a PLAINTEXT broker listener", Kind::NoTls),
    ("wrong version number", Kind::NoTls),
    ("packet length too long", Kind::NoTls),
    ("Unsupported SASL mechanism", Kind::Mechanism),
    ("SASL handshake failed", Kind::Mechanism),
    ("SASL authentication", Kind::Credentials),
    ("SCRAM", Kind::Credentials),
    ("client SSL authentication might be required", Kind::OwnCertificate),
    ("certificate required", Kind::OwnCertificate),
    ("broker certificate could not be verified", Kind::Certificate),
    ("SSL handshake failed", Kind::Certificate),
];

/// A listener that closes a connection sooner than this wants something else of it.
const SOON_MS: u64 = 2_000;

/// Others of several brokers may let us in within this time.
const OTHERS: Duration = Duration::from_secs(1);

/// A listener that only was not ready yet looks like one of another protocol.
const NOT_READY: Duration = Duration::from_secs(3);

impl Refusal {
    /// What a line of the library says, if it is about a refusal: `[thrd:HOST:PORT/1]: PROTOCOL://HOST:PORT/1: what
    /// happened (after 12ms in state CONNECT)`.
    pub(in crate::kafka) fn of(line: &str, now: Instant) -> Option<Self> {
        let kind = SIGNS.iter().find(|(sign, _)| line.contains(sign)).map(|(_, kind)| *kind);
        let kind = kind.or_else(|| is_closed_soon(line).then_some(Kind::Plaintext))?;
        let (broker, words) = parts(line);
        let words = words.split(" (after ").next().unwrap_or_default();
        Some(Self { kind, broker: broker.to_owned(), words: words.to_owned(), since: now })
    }

    /// Whether a line says that nobody listens there: then the broker was only about to go, or to come.
    pub(in crate::kafka) fn is_taken_back_by(&self, line: &str) -> bool {
        let (broker, words) = parts(line);
        self.kind == Kind::Plaintext && broker == self.broker && words.starts_with("Connect to ")
    }

    /// The same refusal, heard of earlier.
    pub(in crate::kafka) fn since(self, earlier: Option<&Self>) -> Self {
        match earlier {
            Some(earlier) if earlier.kind == self.kind => Self { since: earlier.since, ..self },
            _ => self,
        }
    }

    /// Whether there is no point in waiting any longer.
    pub(in crate::kafka) fn is_final(&self) -> bool {
        let patience = if self.kind == Kind::Plaintext { NOT_READY } else { OTHERS };
        self.since.elapsed() >= patience
    }

    /// What happened, and what to change.
    pub(in crate::kafka) fn explain(&self, config: &KafkaConfig) -> String {
        let set = |name: &str| config.properties.get(name).and_then(|value| value.value().ok());
        let protocol = set("security.protocol").unwrap_or_else(|| "plaintext (the default)".to_owned());
        let mechanism = || set("sasl.mechanism").or_else(|| set("sasl.mechanisms"));
        let mechanism = || mechanism().unwrap_or_else(|| "GSSAPI (the default)".to_owned());
        let Self { kind, broker, words, .. } = self;
        let what = match kind {
            Kind::Credentials => {
                let user = set("sasl.username").unwrap_or_default();
                let mechanism = mechanism();
                format!(
                    "authentication failed for user {user:?} by {mechanism}: check sasl.username and sasl.password in \
                     [kafka.properties], and that the broker knows that user for this sasl.mechanism"
                )
            }
            Kind::Mechanism => format!(
                "the listener does not take sasl.mechanism {} over security.protocol {protocol}: set the ones it has in \
                 [kafka.properties], or use its other port",
                mechanism()
            ),
            Kind::Certificate => {
                let by = set("ssl.ca.location").map(|file| format!("ssl.ca.location {file}"));
                let by = by.or_else(|| set("ssl.ca.pem").map(|_| "ssl.ca.pem".to_owned()));
                let by =
                    by.unwrap_or_else(|| "the CA certificates of this system (no ssl.ca.location is set)".to_owned());
                format!(
                    "its certificate is not trusted by {by}: name the file of the CA that signed it, and check that it has \
                     not expired and is made out to the host of kafka.brokers"
                )
            }
            Kind::OwnCertificate => "the listener wants a certificate of the client that it trusts: set \
                                     ssl.certificate.location and ssl.key.location in [kafka.properties]"
                .to_owned(),
            Kind::NoTls => format!(
                "security.protocol is {protocol}, and the listener does not speak TLS: use the port of its TLS listener, or \
                 a protocol without SSL"
            ),
            Kind::Plaintext => format!(
                "security.protocol is {protocol}, and the listener closed the connection as one does that wants TLS or a \
                 user: set security.protocol in [kafka.properties] to ssl, sasl_ssl or sasl_plaintext, or use its other port"
            ),
        };
        format!("the Kafka broker at {broker} cannot be used: {what} ({words})")
    }
}

/// The broker that a line is about, and what it says.
fn parts(line: &str) -> (&str, &str) {
    let said = line.split_once("]: ").map_or(line, |(_, said)| said);
    let (broker, words) = said.split_once(": ").unwrap_or(("", said));
    let broker = broker.rsplit("://").next().unwrap_or_default();
    (broker.split('/').next().unwrap_or_default(), words)
}

/// Whether a connection was closed by the broker before anything was said on it, or as soon as something was.
fn is_closed_soon(line: &str) -> bool {
    let Some((said, after)) = line.split_once(" (after ") else { return false };
    let Some((ms, state)) = after.split_once("ms in state ") else { return false };
    let state = state.split([',', ')']).next().unwrap_or_default();
    let soon = ms.parse().is_ok_and(|ms: u64| ms < SOON_MS);
    said.contains("Disconnected") && (state == "APIVERSION_QUERY" || state == "UP" && soon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Property;

    fn config(properties: &[(&str, &str)]) -> KafkaConfig {
        let mut config = KafkaConfig::new("kafka:9093", "");
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), Property::Text((*value).to_owned()));
        config.properties = properties.iter().map(text).collect();
        config
    }

    fn explained(line: &str, properties: &[(&str, &str)]) -> String {
        let refusal = Refusal::of(line, Instant::now()).unwrap_or_else(|| panic!("no refusal: {line}"));
        refusal.explain(&config(properties))
    }

    #[test]
    fn what_the_client_was_told_is_said_in_the_words_of_the_configuration() {
        let sasl = [("security.protocol", "sasl_ssl"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "lab")];
        let said = explained(
            "[thrd:sasl_ssl://127.0.0.1:9093/bootstrap]: sasl_ssl://127.0.0.1:9093/bootstrap: SASL authentication error: \
             Authentication failed: Invalid username or password (after 312ms in state AUTH_REQ)",
            &sasl,
        );
        assert!(
            said.contains("broker at 127.0.0.1:9093") && said.contains("failed for user \"lab\" by PLAIN"),
            "{said}"
        );
        let verify = "[thrd:ssl://k:9093/1]: ssl://k:9093/1: SSL handshake failed: error:0A000086:SSL routines::certificate \
                      verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly \
                      configured or root CA certificates are installed (install ca-certificates package) (after 9ms in \
                      state SSL_HANDSHAKE)";
        let said = explained(verify, &[("ssl.ca.location", "/etc/other.pem")]);
        assert!(said.contains("not trusted by ssl.ca.location /etc/other.pem"), "{said}");
        assert!(explained(verify, &[]).contains("CA certificates of this system"));
        for line in [
            "ssl://k:9092/b: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? (after 1ms)",
            "ssl://k:9092/b: SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
        ] {
            let said = explained(line, &[("security.protocol", "ssl")]);
            assert!(said.contains("security.protocol is ssl, and the listener does not speak TLS"), "{said}");
        }
        let said = explained(
            "[thrd:k:9093/bootstrap]: k:9093/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after \
             43ms in state APIVERSION_QUERY)",
            &[],
        );
        assert!(said.contains("security.protocol is plaintext (the default)"), "{said}");
    }

    #[test]
    fn what_waiting_heals_is_no_refusal() {
        for line in [
            "[thrd:a:9092/1]: a:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms)",
            "[thrd:a]: Failed to resolve 'a:9092': Name or service not known",
            "ssl://a:9093/1: Disconnected (after 61234ms in state UP)",
        ] {
            assert_eq!(Refusal::of(line, Instant::now()), None, "{line}");
        }
        // A broker that goes closes what was just opened, and then nobody listens any more.
        let closed = "[thrd:a:9092/1]: a:9092/1: Disconnected: connection closed by peer (after 12ms in state UP)";
        let refusal = Refusal::of(closed, Instant::now()).expect("it may be a refusal");
        let gone = "a:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)";
        assert!(refusal.is_taken_back_by(gone) && !refusal.is_taken_back_by(&gone.replace("a:", "b:")));
    }

    #[test]
    fn it_is_waited_for_from_the_first_time_on() {
        let long_ago = Instant::now().checked_sub(OTHERS);
        let Some(long_ago) = long_ago else { return };
        let line = "k:9093/b: SASL authentication error: no";
        let first = Refusal::of(line, long_ago).expect("a refusal");
        let again = Refusal::of(line, Instant::now()).expect("a refusal");
        assert!(!again.is_final(), "another broker may let us in");
        assert!(again.clone().since(Some(&first)).is_final());
        let other = Refusal::of("k:9093/b: wrong version number", long_ago).expect("a refusal");
        assert!(!again.since(Some(&other)).is_final());
    }
}
