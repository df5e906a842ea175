//! `swabstream run`: the processor against Kafka, with its page, metrics and health, until it is told to end.

use crate::config::{Config, KafkaConfig};
use crate::http::{self, follow};
use crate::kafka::topics;
use crate::model::record::Layout;
use crate::processor::{Job, Processor};
use crate::runtime::log::Fatal;
use crate::telemetry::{self, Telemetry};
use crate::terminal::signals::{self, Hangup, Signals};
use crate::view::View;
use crate::view::status::ProcessStatus;
use anyhow::Context as _;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// Process results, until told to end
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream run --config swabstream.toml
  SWABSTREAM_SECRET=$(cat secret) swabstream run --config deploy/swabstream.toml

Start as many as you like: the group gives each its part, and takes it back when one ends or is killed. Two on one host \
need different [processing] instance and [http] listen.

SIGINT and SIGTERM end it after its last commits; once more they end it at once, and what was not committed is read again. \
SIGHUP makes it read its settings again: the level of the log, brokers, [kafka.properties] and the files of TLS that they \
name. Where connections change its tasks stop for a moment; all else waits for the next start.

Exit codes: 0 ended as asked, 2 could not start or had to stop (the last line of the log says why).")]
pub struct RunArgs {
    /// Settings of the deployment; deploy/swabstream.toml is a commented example
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
}

/// Runs the command.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    // From the very beginning: neither a closing terminal nor an impatient operator kills what is being set up.
    let signals = signals::listen(Hangup::Reloads)?;
    let config = Config::read(&args.config)?;
    telemetry::logs::init(config.log.json, &config.log.level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = runtime.block_on(serve(&args.config, config, signals));
    // A start that was given up may still wait for its broker.
    runtime.shutdown_background();
    ended
}

async fn serve(path: &Path, config: Config, signals: &'static Signals) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(config.http.listen).await.with_context(|| {
        format!("cannot listen on {} ([http] listen); a second instance on a host needs its own", config.http.listen)
    })?;
    // With port 0 it is known only now.
    let page = format!("http://{}/", listener.local_addr()?);
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    signals.tell_what_is_left(what_is_left(&telemetry));
    let connections = config.kafka.fingerprint()?;
    let mut site = Site { path: path.to_owned(), config, connections, view: View::new(), telemetry };
    if site.config.processing.history {
        tracing::warn!("history mode: time comes from the records, not from the clock");
    }
    let work = tokio::select! {
        work = site.start() => work?,
        signal = signals.ends() => {
            tracing::info!(signal, "ended before the work began");
            return Ok(ExitCode::SUCCESS);
        }
    };
    tracing::info!(page, "page, metrics and health");
    let (close, mut closing) = watch::channel(false);
    let closed = async move { drop(closing.wait_for(|closed| *closed).await) };
    let server = tokio::spawn(http::serve(listener, Arc::clone(&site.view), Arc::clone(&site.telemetry), closed));
    let ended = site.work_until_the_end(work, signals).await;
    close.send_replace(true);
    server.await??;
    ended?;
    tracing::info!("ended; everything applied is committed");
    Ok(ExitCode::SUCCESS)
}

fn what_is_left(telemetry: &Arc<Telemetry>) -> impl Fn() -> String + Send + use<> {
    let telemetry = Arc::clone(telemetry);
    move || {
        let workers = telemetry.status().snapshot();
        let tasks: usize = workers.iter().filter(|worker| !worker.ended).map(|worker| worker.tasks.len()).sum();
        format!(
            "{tasks} tasks had not come to their last commit; what is not committed is read again when the processor \
             starts, and counts once"
        )
    }
}

/// What stays the same while connections are made anew.
struct Site {
    path: PathBuf,
    config: Config,
    /// Of the settings and files that the connections were made of.
    connections: u128,
    view: Arc<View>,
    telemetry: Arc<Telemetry>,
}

/// What hangs on connections.
struct Work {
    processor: Processor,
    follower: JoinHandle<()>,
    stop_following: watch::Sender<bool>,
}

impl Site {
    /// Checks the topics and starts the work, on a thread where it may wait.
    async fn start(&self) -> anyhow::Result<Work> {
        let (config, view, telemetry) = (self.config.clone(), Arc::clone(&self.view), Arc::clone(&self.telemetry));
        let handle = Handle::current();
        spawn_blocking(move || {
            let layout = handle.block_on(checked_layout(&config))?;
            let secret = config.secret()?;
            let (kafka, processing) = (config.kafka.clone(), config.processing.clone());
            let job = Job { formats: processing.formats(), kafka, processing, secret, layout };
            telemetry.status().start_over();
            let processor = Processor::start(&job, &telemetry)?;
            let (stop_following, stopped) = watch::channel(false);
            let follower = follow::spawn(view, config.kafka.clone(), stopped)?;
            Ok(Work { processor, follower, stop_following })
        })
        .await?
    }

    async fn work_until_the_end(&mut self, mut work: Work, signals: &Signals) -> anyhow::Result<()> {
        let mut reloads = signals.reloads();
        loop {
            tokio::select! {
                fault = work.processor.failed() => {
                    let ended = work.end().await?;
                    return fault.map_or(ended, Err).map_err(Into::into);
                }
                signal = signals.ends() => {
                    tracing::info!(signal, "ending after the last commits");
                    return work.end().await?.map_err(Into::into);
                }
                Ok(()) = reloads.changed() => match self.read_again().await {
                    Ok(false) => {}
                    Ok(true) => {
                        work.end().await??;
                        work = self.start().await?;
                        tracing::info!("connections were made anew");
                    }
                    Err(error) => {
                        let error = format!("{error:#}");
                        tracing::error!(error, "the settings were read again and cannot be used; those before stay");
                    }
                }
            }
        }
    }

    /// Takes over what may change while it runs; whether connections are to be made anew.
    async fn read_again(&mut self) -> anyhow::Result<bool> {
        let new = Config::read(&self.path)?;
        let others = self.of_the_next_start(&new);
        let fingerprint = new.kafka.fingerprint()?;
        let connections = fingerprint != self.connections;
        let mut kafka = self.config.kafka.clone();
        KafkaConfig { brokers: kafka.brokers, properties: kafka.properties, .. } = new.kafka;
        if connections {
            // What works is not given up for what does not.
            let tried = Config { kafka: kafka.clone(), ..self.config.clone() };
            checked_layout(&tried).await?;
        }
        telemetry::logs::set_level(&new.log.level)?;
        self.config.log.level = new.log.level;
        self.config.kafka = kafka;
        self.connections = fingerprint;
        tracing::info!(level = self.config.log.level, connections, "the settings were read again");
        if !others.is_empty() {
            tracing::warn!(settings = others.join(", "), "these are others now, and count from the next start on");
        }
        Ok(connections)
    }

    /// Settings that are others than those at work, and stay so until the next start.
    fn of_the_next_start(&self, new: &Config) -> Vec<&'static str> {
        let Config { kafka, secret, processing, http, log } = &self.config;
        // What is written out of a secret is where it lies.
        let changed = |old: &dyn Debug, new: &dyn Debug| format!("{old:?}") != format!("{new:?}");
        let all = [
            ("[kafka] prefix", changed(&kafka.prefix, &new.kafka.prefix)),
            ("[kafka] group", changed(&kafka.group, &new.kafka.group)),
            ("[secret]", changed(secret, &new.secret)),
            ("[processing]", changed(processing, &new.processing)),
            ("[http]", changed(http, &new.http)),
            ("[log] json", changed(&log.json, &new.log.json)),
        ];
        all.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }
}

impl Work {
    /// Ends all workers, each after its last commit, and the reader of the outputs.
    async fn end(self) -> anyhow::Result<Result<(), Fatal>> {
        let Self { processor, follower, stop_following } = self;
        let ended = spawn_blocking(move || processor.shut_down()).await?;
        stop_following.send_replace(true);
        spawn_blocking(move || follower.join()).await?.ok();
        Ok(ended)
    }
}

/// Partitions of the halves, when all topics are as they must be.
async fn checked_layout(config: &Config) -> anyhow::Result<Layout> {
    let checked = topics::check(&config.kafka, config.processing.history).await?;
    let findings: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
    let right = checked.layout.filter(|_| findings.is_empty());
    right.with_context(|| format!("the topics are not as they must be:\n{}", findings.join("\n")))
}
