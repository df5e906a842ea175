//! The same job on what somebody would use instead: each a process of its own, built by `benches/run`.

use super::check::check;
use super::ours::Run;
use super::site::{Site, create, remove};
use super::workload;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Room for the people of the workload as they hold them, and a collector that is made for throughput.
const JAVA_OPTIONS: [&str; 3] = ["-Xms3g", "-Xmx3g", "-XX:+UseParallelGC"];

/// What swabstream is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// With state in memory.
    KafkaStreams,
    /// With state in memory.
    FlinkHeap,
    /// With state in `RocksDB`.
    FlinkRocksdb,
}

impl Peer {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::KafkaStreams, Self::FlinkHeap, Self::FlinkRocksdb];

    /// As its figures call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::KafkaStreams => "kafka_streams",
            Self::FlinkHeap => "flink_heap",
            Self::FlinkRocksdb => "flink_rocksdb",
        }
    }

    /// Whether it was built.
    pub fn is_there(self) -> bool {
        self.built().join("classes").is_dir() && self.built().join("libs").is_dir()
    }

    fn built(self) -> PathBuf {
        let folder = match self {
            Self::KafkaStreams => "kafka-streams-peer",
            Self::FlinkHeap | Self::FlinkRocksdb => "flink-peer",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(folder)
    }

    /// What it takes behind the arguments of all: how many tasks there are, or what holds the state.
    fn own_argument(self, site: &Site) -> String {
        match self {
            Self::KafkaStreams => site.layout.person_tasks.to_string(),
            Self::FlinkHeap => "hashmap".into(),
            Self::FlinkRocksdb => "rocksdb".into(),
        }
    }

    /// Runs it over the topic of a site, and checks what it wrote.
    pub fn run(self, site: &Site, round: u64) -> anyhow::Result<Run> {
        let mut config = site.config.clone();
        config.prefix = format!("{}{}-{round}-", site.config.prefix, self.name());
        create(&config, site.layout)?;
        let folder = tempfile::tempdir()?;
        let (areas, labs) = (folder.path().join("areas.csv"), folder.path().join("labs.csv"));
        std::fs::write(&areas, workload::areas(site.shape.streets))?;
        std::fs::write(&labs, workload::labs())?;
        let (classes, libs) = (self.built().join("classes"), self.built().join("libs"));
        let mut command = Command::new("java");
        command.args(JAVA_OPTIONS).arg("-cp").arg(format!("{}:{}/*", classes.display(), libs.display()));
        command.arg("swabstream.peer.Main").args([&config.brokers, &site.config.prefix, &config.prefix]);
        command.arg(site.loaded.records.to_string()).args([&areas, &labs]);
        command.arg(folder.path().join("state")).arg(self.own_argument(site));
        let finished = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("java")?;
        anyhow::ensure!(finished.status.success(), "the peer {} failed ({})", self.name(), finished.status);
        let said: serde_json::Value = serde_json::from_slice(&finished.stdout).context("what the peer said")?;
        let number = |name: &str| said[name].as_f64().with_context(|| format!("the peer said no {name}"));
        let run = Run {
            records: number("results")? as u64,
            wall: Duration::from_secs_f64(number("seconds")?),
            cpu: Duration::from_secs_f64(number("cpu_seconds")?),
        };
        check(&config, &site.loaded)?;
        remove(&config)?;
        Ok(run)
    }
}
