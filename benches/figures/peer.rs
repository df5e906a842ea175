//! Kafka Streams as a contender: a process of its own, built by `benches/run`.

use super::check::check;
use super::ours::Run;
use super::site::{Site, create, remove};
use super::workload;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Room for the people of the workload as Kafka Streams holds them, and a collector that is made for throughput.
const JAVA_OPTIONS: [&str; 3] = ["-Xms3g", "-Xmx3g", "-XX:+UseParallelGC"];

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kafka-streams-peer")
}

/// Whether it was built.
pub fn is_there() -> bool {
    built().join("classes").is_dir() && built().join("libs").is_dir()
}

/// Runs it over the topic of a site, and checks what it wrote.
pub fn run(site: &Site, number: u64) -> anyhow::Result<Run> {
    let mut config = site.config.clone();
    config.prefix = format!("{}peer-{number}-", site.config.prefix);
    create(&config, site.layout)?;
    let folder = tempfile::tempdir()?;
    let (areas, labs) = (folder.path().join("areas.csv"), folder.path().join("labs.csv"));
    std::fs::write(&areas, workload::areas(site.shape.streets))?;
    std::fs::write(&labs, workload::labs())?;
    let (classes, libs) = (built().join("classes"), built().join("libs"));
    let mut command = Command::new("java");
    command.args(JAVA_OPTIONS).arg("-cp").arg(format!("{}:{}/*", classes.display(), libs.display()));
    command.arg("swabstream.peer.Main").args([&config.brokers, &site.config.prefix, &config.prefix]);
    command.args([site.layout.person_tasks.to_string(), site.loaded.records.to_string()]);
    command.args([&areas, &labs]).arg(folder.path().join("state"));
    let finished = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("java")?;
    anyhow::ensure!(finished.status.success(), "the Kafka Streams peer failed ({})", finished.status);
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
