//! Settings of a deployment: one TOML file, read once into values that need no later checks.
//!
//! Rules of medicine are not settings: they come through the topic `rules`.

use crate::model::ids::Secret;
use crate::pipeline::formats::{self, Formats};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

/// Everything in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[kafka]`: where the topics are.
    pub kafka: KafkaConfig,
    /// `[secret]`: the key of all hashes; only those who read or write state need it.
    pub secret: Option<SecretConfig>,
    /// `[processing]`: how the work is done.
    #[serde(default)]
    pub processing: ProcessingConfig,
    /// `[http]`: page, metrics, health.
    #[serde(default)]
    pub http: HttpConfig,
    /// `[log]`: what is written to standard error.
    #[serde(default)]
    pub log: LogConfig,
}

/// `[kafka]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Put before every topic name, e.g. `cq-`.
    #[serde(default)]
    pub prefix: String,
    /// Consumer group of the person half; the area half adds `-areas`.
    #[serde(default = "default_group")]
    pub group: String,
    /// How long an unreachable broker is waited for at start.
    #[serde(default = "default_connect_timeout")]
    pub connect_timeout_s: NonZeroU32,
    /// Any librdkafka setting, for all clients: TLS, SASL, timeouts. They win over our defaults, save those that
    /// exactly-once rests on.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
    /// The file it was read from, for commands in errors.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl KafkaConfig {
    /// Brokers and a prefix, all else by default.
    pub fn new(brokers: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: prefix.into(),
            group: default_group(),
            connect_timeout_s: default_connect_timeout(),
            properties: BTreeMap::new(),
            file: None,
        }
    }

    /// What connections are made of, to be compared: every setting by what it stands for, and what lies in the files
    /// that TLS settings name. Never the values themselves: they may be passwords.
    pub fn fingerprint(&self) -> Result<u128, ConfigError> {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        let mut add = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(self.brokers.as_bytes());
        for (name, property) in &self.properties {
            let value = property.value()?;
            if name.ends_with(".location") && Path::new(&value).is_file() {
                let path = PathBuf::from(&value);
                add(&std::fs::read(&path).map_err(|source| ConfigError::Unreadable { path, source })?);
            }
            add(name.as_bytes());
            add(value.as_bytes());
        }
        Ok(hasher.digest128())
    }
}

/// Value of a librdkafka setting: as it is, or a secret from a file or the environment.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Property {
    /// As it is.
    Text(String),
    /// A number.
    Number(i64),
    /// A switch.
    Switch(bool),
    /// Content of a file, without the line end.
    File {
        /// Its path.
        file: PathBuf,
    },
    /// Value of an environment variable.
    Env {
        /// Its name.
        env: String,
    },
}

impl Property {
    /// The value; reads the file or the environment.
    pub fn value(&self) -> Result<String, ConfigError> {
        match self {
            Property::Text(text) => Ok(text.clone()),
            Property::Number(number) => Ok(number.to_string()),
            Property::Switch(switch) => Ok(switch.to_string()),
            Property::File { file } => read_secret_file(file),
            Property::Env { env } => read_secret_env(env),
        }
    }
}

impl std::fmt::Debug for Property {
    /// Never shows the value: it may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Property::File { file } => write!(f, "file {}", file.display()),
            Property::Env { env } => write!(f, "environment {env}"),
            Property::Text(_) | Property::Number(_) | Property::Switch(_) => f.write_str("(set)"),
        }
    }
}

/// `[secret]`: 32 hex digits, the same in all instances, for ever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum SecretConfig {
    /// From a file.
    File {
        /// Its path.
        file: PathBuf,
    },
    /// From the environment.
    Env {
        /// Name of the variable.
        env: String,
    },
}

impl SecretConfig {
    /// Reads and parses the secret.
    pub fn read(&self) -> Result<Secret, ConfigError> {
        let (text, place) = match self {
            SecretConfig::File { file } => (read_secret_file(file), format!("file {}", file.display())),
            SecretConfig::Env { env } => (read_secret_env(env), format!("environment variable {env}")),
        };
        let text = text.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
            ConfigError::NoSecret(format!("{error}{cause}"))
        })?;
        let digits = text.trim();
        let value = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32);
        value.map(|value| Secret::new(value.to_be_bytes())).ok_or(ConfigError::BadSecret(place))
    }
}

/// `[processing]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessingConfig {
    /// Name of this instance, stable over restarts and unlike any other's; default: the host's name.
    pub instance: Option<String>,
    /// Workers of the person half; default: one per core.
    pub person_workers: Option<NonZeroUsize>,
    /// Workers of the area half.
    pub area_workers: NonZeroUsize,
    /// How long what a task has read waits to be committed while it keeps up and commits are quick; ten times that at most.
    pub commit_interval_ms: NonZeroU32,
    /// The same for the area half: numbers are published at this pace, so a smaller one costs bytes.
    pub area_commit_interval_ms: NonZeroU32,
    /// Most records that wait for a commit in all tasks of a worker.
    pub commit_records: NonZeroUsize,
    /// Deltas of a changelog with keys of their own; more means rarer images and longer restores.
    pub changelog_ring: NonZeroU32,
    /// Larger records go to the dead letters.
    pub max_record_bytes: NonZeroUsize,
    /// Past data: topics carry the times things really happened. Never for live work.
    pub history: bool,
    /// Format in which messages between tasks are written: an earlier one than this version's while instances of the version
    /// before run beside it, or are to be run again.
    #[serde(deserialize_with = "written_format")]
    pub write_format: u32,
}

impl ProcessingConfig {
    /// Formats of messages between tasks.
    pub fn formats(&self) -> Formats {
        Formats { written: self.write_format, ..Formats::default() }
    }
}

fn written_format<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let format = u32::deserialize(deserializer)?;
    match (formats::OLDEST..=formats::CURRENT).contains(&format) {
        true => Ok(format),
        false => Err(serde::de::Error::custom(format!(
            "this version writes the formats {} to {}",
            formats::OLDEST,
            formats::CURRENT
        ))),
    }
}

impl Default for ProcessingConfig {
    fn default() -> Self {
        const fn number(value: u32) -> NonZeroU32 {
            NonZeroU32::new(value).expect("not zero")
        }
        const fn size(value: usize) -> NonZeroUsize {
            NonZeroUsize::new(value).expect("not zero")
        }
        Self {
            instance: None,
            person_workers: None,
            area_workers: size(1),
            commit_interval_ms: number(100),
            area_commit_interval_ms: number(500),
            commit_records: size(200_000),
            changelog_ring: number(4_096),
            max_record_bytes: size(256 * 1024),
            history: false,
            write_format: formats::CURRENT,
        }
    }
}

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Where page, metrics and health are served.
    pub listen: SocketAddr,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// One JSON object per line.
    pub json: bool,
    /// `error`, `warn`, `info`, `debug`, or a filter such as `info,swabstream::kafka=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { json: false, level: "info".into() }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not the settings' TOML. Never the line itself: it may hold a password, or a person where the file is
    /// one of results.
    #[error("{path}:{line}:{column}: not a configuration: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, with the key where it is about one.
        problem: String,
    },
    /// The secret is not 32 hex digits.
    #[error("[secret]: {0} must hold 32 hex digits (16 bytes); make one with: openssl rand -hex 16")]
    BadSecret(String),
    /// The secret is not there.
    #[error(
        "[secret]: {0}; it must hold 32 hex digits (16 bytes), the same in all instances, for ever; make one with: \
         openssl rand -hex 16"
    )]
    NoSecret(String),
    /// An environment variable is missing.
    #[error("environment variable {0} is not set")]
    NoVariable(String),
}

impl Config {
    /// The key of all hashes, for those who need it.
    pub fn secret(&self) -> Result<Secret, ConfigError> {
        match &self.secret {
            Some(secret) => secret.read(),
            None => Err(ConfigError::NoSecret("the configuration has none, and this command needs it".to_owned())),
        }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let mut config: Self = toml::from_str(&text).map_err(|error| invalid(path, &text, &error))?;
        config.kafka.file = Some(path.into());
        Ok(config)
    }
}

fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let (line, column) =
        (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
    ConfigError::Invalid { path: path.into(), line, column, problem: error.message().to_owned() }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.into(), source })
}

fn read_secret_file(path: &Path) -> Result<String, ConfigError> {
    read(path).map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_secret_env(name: &str) -> Result<String, ConfigError> {
    std::env::var(name).map_err(|_| ConfigError::NoVariable(name.to_owned()))
}

fn default_group() -> String {
    "swabstream".into()
}

fn default_connect_timeout() -> NonZeroU32 {
    const { NonZeroU32::new(30).expect("not zero") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn whoever_touches_no_state_needs_no_secret() {
        let config: Config = toml::from_str("[kafka]\nbrokers = \"localhost:9092\"\n").expect("valid");
        let error = config.secret().expect_err("there is none").to_string();
        assert!(error.starts_with("[secret]: the configuration has none") && error.contains("openssl"), "{error}");
    }

    const SMALLEST: &str = "[kafka]\nbrokers = \"localhost:9092\"\n[secret]\nenv = \"SWABSTREAM_SECRET\"\n";

    #[test]
    fn the_smallest_file_is_brokers_and_a_secret() {
        let config: Config = toml::from_str(SMALLEST).expect("valid");
        assert_eq!(config.kafka.group, "swabstream");
        assert!(!config.processing.history, "past data is never the default");
        assert!(config.http.listen.ip().is_loopback(), "nothing is shown to the network by default");
    }

    #[test]
    fn the_example_shows_every_default() {
        let example = include_str!("../deploy/swabstream.toml");
        let parsed: Config = toml::from_str(example).expect("valid as it is");
        let is_key = |line: &str| line.split(" = ").next().is_some_and(|key| !key.contains([' ', '"']));
        let uncommented: Vec<&str> = example
            .lines()
            .filter(|line| !line.starts_with("# instance") && !line.starts_with("# person_workers"))
            .map(|line| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line))
            .collect();
        let explicit: Config = toml::from_str(&uncommented.join("\n")).expect("valid with its comments taken off");
        assert_eq!(format!("{explicit:?}"), format!("{parsed:?}"));
    }

    /// What is said of a file with that text.
    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.toml");
        fs::write(&file, text).expect("written");
        let error = Config::read(&file).expect_err("wrong").to_string();
        error.strip_prefix(&format!("{}:", file.display())).expect("it names the file").to_owned()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = refused(&format!("{SMALLEST}[processing]\nworkers = 3\n"));
        assert!(error.starts_with("6:1: not a configuration: unknown field `workers`, expected one of"), "{error}");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_never_shown() {
        for text in
            ["[kafka]\nbrokers = \"a:1\"\n[kafka.properties]\n\"sasl.password\" = hunter2\n", "1,P-17,hunter2\n"]
        {
            let error = refused(text);
            assert!(error.contains("not a configuration: ") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn connections_are_others_when_a_setting_or_a_file_that_it_names_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        let config = |brokers: &str| {
            let mut config = KafkaConfig::new(brokers, "");
            let path = file.display().to_string();
            config.properties.insert("ssl.ca.location".to_owned(), Property::Text(path));
            config.fingerprint().expect("readable")
        };
        fs::write(&file, "one").expect("written");
        let first = config("a:9092");
        assert_eq!(first, config("a:9092"));
        assert_ne!(first, config("b:9092"));
        fs::write(&file, "another").expect("written");
        assert_ne!(first, config("a:9092"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let text = format!("{SMALLEST}[kafka.properties]\n\"sasl.password\" = \"hunter2\"\n");
        let config: Config = toml::from_str(&text).expect("valid");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.kafka.properties["sasl.password"].value().expect("text"), "hunter2");
    }

    #[test]
    fn a_secret_that_is_not_there_is_asked_for_by_its_key_with_how_to_make_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let lacking = [
            SecretConfig::Env { env: "SWABSTREAM_NO_SUCH_VARIABLE".to_owned() },
            SecretConfig::File { file: folder.path().join("secret") },
        ];
        for (secret, name) in
            lacking.iter().zip(["environment variable SWABSTREAM_NO_SUCH_VARIABLE is not set", "secret cannot be read"])
        {
            let error = secret.read().expect_err("there is none").to_string();
            assert!(error.starts_with("[secret]: ") && error.contains(name), "{error}");
            assert!(error.ends_with("make one with: openssl rand -hex 16"), "{error}");
        }
    }

    #[test]
    fn a_secret_has_sixteen_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        for (text, good) in [("00112233445566778899aabbccddeeff\n", true), ("0011", false), ("zz", false)] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(SecretConfig::File { file: file.clone() }.read().is_ok(), good, "{text}");
        }
    }
}
