//! `swabstream run`: the processor against Kafka, with its page, metrics and health, until it is told to end.

use crate::config::Config;
use crate::http;
use crate::kafka::topics;
use crate::model::record::Layout;
use crate::processor::{Job, Processor};
use crate::telemetry::{self, Telemetry};
use crate::view::vitals::Vitals;
use crate::view::{View, follow};
use anyhow::Context as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Process results, until told to end
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream run --config swabstream.toml
  SWABSTREAM_SECRET=$(cat secret) swabstream run --config deploy/swabstream.toml

Start as many as you like: the group gives each its part, and takes it back when one ends or is killed. Two on one host \
need different [processing] instance and [http] listen. Ctrl-C or SIGTERM ends it after its last commits.

Exit codes: 0 ended as asked, 2 could not start or had to stop (the last line of the log says why).")]
pub struct RunArgs {
    /// Settings of the deployment; deploy/swabstream.toml is a commented example
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
}

/// Runs the command.
pub fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    telemetry::logs::init(config.log.json, &config.log.level)?;
    let secret = config.secret.read()?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let layout = checked_layout(&config).await?;
        let listener = TcpListener::bind(config.http.listen).await;
        let listener = listener.with_context(|| {
            format!(
                "cannot listen on {} ([http] listen); a second instance on a host needs its own",
                config.http.listen
            )
        })?;
        let telemetry = Telemetry::new(Arc::new(Vitals::default()));
        let job = Job { kafka: config.kafka.clone(), processing: config.processing.clone(), secret, layout };
        if job.processing.history {
            tracing::warn!("history mode: time comes from the records, not from the clock");
        }
        let processor = Processor::start(&job, &telemetry)?;
        tracing::info!(page = %format!("http://{}/", config.http.listen), "page, metrics and health");
        serve_until_the_end(&config, listener, processor, telemetry).await
    })
}

/// Partitions of the halves, when all topics are as they must be.
async fn checked_layout(config: &Config) -> anyhow::Result<Layout> {
    let checked = topics::check(&config.kafka, config.processing.history).await?;
    match checked.layout {
        Some(layout) if checked.findings.is_empty() => Ok(layout),
        _ => {
            let findings: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
            anyhow::bail!("the topics are not as they must be:\n{}", findings.join("\n"))
        }
    }
}

async fn serve_until_the_end(
    config: &Config,
    listener: TcpListener,
    mut processor: Processor,
    telemetry: Arc<Telemetry>,
) -> anyhow::Result<ExitCode> {
    let (close, mut closing) = watch::channel(false);
    let view = View::new();
    let follower = follow::spawn(Arc::clone(&view), config.kafka.clone(), closing.clone())?;
    let closed = async move { drop(closing.wait_for(|closed| *closed).await) };
    let server = tokio::spawn(http::serve(listener, view, telemetry, closed));

    let fault = tokio::select! {
        fault = processor.failed() => fault,
        signal = asked_to_end() => {
            tracing::info!(signal = signal?, "ending after the last commits");
            None
        }
    };
    let ended = tokio::task::spawn_blocking(move || processor.shut_down()).await?;
    close.send_replace(true);
    server.await??;
    tokio::task::spawn_blocking(move || follower.join()).await?.ok();
    match fault.map_or(ended, Err) {
        Ok(()) => {
            tracing::info!("ended; everything applied is committed");
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Completes with the name of the signal that asks the process to end.
pub async fn asked_to_end() -> anyhow::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.map(|()| "interrupt").map_err(Into::into),
        _ = terminate.recv() => Ok("terminate"),
    }
}
