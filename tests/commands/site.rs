//! A broker inside the test, a folder with settings, and processes of the program.

use crate::ended::ended;
use crate::kafka;
use crate::outputs::code;
use crate::waiting::wait_until;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use swabstream::config::KafkaConfig;
use swabstream::kafka::embedded::Embedded;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Topic};

/// Only a broken build comes near.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub const LAYOUT: Layout = Layout { person_tasks: 2, area_tasks: 1 };

pub const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample");

/// The head of the map is one file for all tests of files.
pub const MAP: &str = concat!(
    include_str!("../fixtures/lab.toml"),
    r#"area = { constant = "D1S1" }
purpose = { constant = "screening" }
finding = { column = "call" }
"#
);

/// Rows that are taken, and after each of them so many that are not.
pub fn rows(good: usize, bad: usize) -> String {
    let mut text = "id,person,taken,call\n".to_owned();
    let taken = jiff::Timestamp::now().in_tz("Asia/Shanghai").expect("a zone").strftime("%Y-%m-%d 00:00").to_string();
    for row in 0..good {
        text.push_str(&format!("r{row},p{row},{taken},negative\n"));
        for bad in 0..bad {
            text.push_str(&format!("r{row}-{bad},p{row},{taken},maybe\n"));
        }
    }
    text
}

/// A deployment's settings, and where its topics are.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub config: KafkaConfig,
    broker: Option<Embedded>,
}

impl Site {
    /// On a broker inside the test, with all topics.
    pub fn embedded() -> Self {
        let broker = Embedded::start(LAYOUT).expect("a broker");
        let config = broker.config();
        Self::with(config, Some(broker), "properties = { \"fetch.wait.max.ms\" = 5 }\n")
    }

    /// On a real Kafka, without topics.
    pub fn real(name: &str) -> Self {
        let prefix = kafka::unique(name);
        let mut config = KafkaConfig::new(kafka::brokers(), &prefix);
        config.group = format!("{prefix}group");
        let settings = format!("prefix = \"{prefix}\"\ngroup = \"{}\"\n", config.group);
        Self::with(config, None, &settings)
    }

    /// The same with topics.
    pub fn real_with_topics(name: &str) -> Self {
        let site = Self::real(name);
        let wanted = Wanted { layout: LAYOUT, replication: -1, history: false };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(topics::create(&site.config, wanted)).expect("topics");
        site
    }

    fn with(config: KafkaConfig, broker: Option<Embedded>, more: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().expect("a folder"), config, broker };
        site.write("settings.toml", &format!("[kafka]\nbrokers = \"{}\"\n{more}", site.config.brokers));
        site.write("map.toml", MAP);
        site
    }

    /// Takes the broker away, with all it holds.
    pub fn take_broker(&mut self) {
        drop(self.broker.take());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().expect("a folder")).expect("made");
        fs::write(self.path(name), text).expect("written");
        self.path(name)
    }

    /// Adds to the settings.
    pub fn set(&self, text: &str) {
        let old = fs::read_to_string(self.path("settings.toml")).expect("settings");
        self.write("settings.toml", &(old + text));
    }

    /// A process of the program in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.current_dir(self.folder.path()).env("SWABSTREAM_CONFIG", self.path("settings.toml"));
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        said(ended(command.spawn().expect("it runs")))
    }

    /// Records of a topic, without tombstones.
    pub fn count(&self, topic: Topic) -> usize {
        let mut reader = TopicReader::open(&self.config, &[topic], From::Beginning).expect("the topic is there");
        let mut count = 0;
        let mut take = |records: &[swabstream::model::record::Record<'_>]| {
            count += records.iter().filter(|record| record.payload.is_some()).count();
        };
        reader.read_to_end(PATIENCE, &mut take).expect("readable");
        count
    }

    /// Waits until a topic holds so many records.
    pub fn wait_for(&self, topic: Topic, records: usize) {
        wait_until(&format!("{records} records in {topic:?}"), || self.count(topic) >= records);
    }
}

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swabstream"));
    command.args(arguments).stdin(Stdio::null()).env_remove("SWABSTREAM_CONFIG").env_remove("SWABSTREAM_SECRET");
    command
}

/// Exit code, and all that was said.
pub fn said(output: Output) -> (i32, String) {
    let text = [output.stdout, output.stderr].concat();
    (code(output.status), String::from_utf8(text).expect("text"))
}

/// Sends a signal to a process of ours.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "{name}");
}
