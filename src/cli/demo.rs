//! `swabstream demo`: a simulated city against a broker inside the process, or a real one.
//!
//! In: what is asked for on the command line. Out: a live view, a page, a summary, an exit code. All work is done in
//! [`crate::demo`].

use crate::demo::{self, Options};
use anyhow::bail;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Show swabstream at work on a simulated city
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// End after this time (30s, 2m, 1h) with a summary; without it, at Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    run_for: Option<Duration>,
    /// Seed of the city: the same seed, the same people, the same outbreak
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Messages published per second
    #[arg(long, value_name = "N", default_value_t = 500)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// People in the city
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(100..))]
    people: u32,
    /// People infected at the start: with more of them the outbreak is larger, as are the alerts
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    infected: u32,
    /// Where the page is served; without it 127.0.0.1:8080, or another port when that one is taken
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// A real Kafka instead of the embedded broker; topics of its own are created there
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// What those topics begin with; without it something no other demo has
    #[arg(long, value_name = "TEXT", requires = "brokers")]
    prefix: Option<String>,
    /// What is logged to standard error: error, warn, info, debug, or a filter
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

const EXAMPLES: &str = "Examples:
  swabstream demo                              until Ctrl-C; open the page it names
  swabstream demo --for 30s                    ends by itself with a summary
  swabstream demo --rate 10000 --seed 7        faster, and another city
  swabstream demo --infected 2000              an outbreak that got out of hand: thousands of alerts
  swabstream demo --brokers localhost:9092     the same on a real Kafka

Exit codes:
  0  the books balance: every record published was read and has its one outcome
  1  they do not
  2  something failed";

/// Runs the demonstration; what it has to say goes to `out`, or is drawn on the terminal.
pub fn run(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    crate::telemetry::logs::init(false, &args.log)?;
    let options = options(args);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let balanced = runtime.block_on(demo::run(&options, out))?;
    Ok(if balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(args: &DemoArgs) -> Options {
    Options {
        run_for: args.run_for,
        seed: args.seed,
        rate: args.rate,
        people: args.people,
        infected: args.infected.min(args.people),
        http: args.http,
        brokers: args.brokers.clone(),
        prefix: args.prefix.clone(),
    }
}

/// A time as people write it: `30s`, `1m 30s`, `2h`; at least a second.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let Ok(parsed) = text.parse::<jiff::SignedDuration>() else {
        bail!("a time looks like 30s, 2m or 1h");
    };
    match Duration::try_from(parsed) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        _ => bail!("at least a second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::city::City;
    use crate::policy::sample::chongqing_rules;
    use crate::proto::v1::{Finding, LabResult};
    use clap::Parser as _;
    use prost::Message as _;
    use std::collections::HashSet;
    use std::sync::Arc;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: DemoArgs,
    }

    /// People whom any message of the first so many seconds calls positive, for what goes round.
    fn found(arguments: &[&str], seconds: usize) -> usize {
        let options = options(&Command::parse_from(["demo"].iter().chain(arguments)).args);
        let rules = Arc::new(chongqing_rules());
        let city = City::new(demo::city_config(&options), rules.clone());
        let goes_round = |result: &LabResult| rules.target(&result.target) == Some(0);
        let results = city.take(options.rate as usize * seconds).filter_map(|message| {
            let result = LabResult::decode(message.payload?.as_slice()).ok()?;
            (result.finding() == Finding::Positive && goes_round(&result)).then_some(result)
        });
        results.map(|result| result.person_id).collect::<HashSet<_>>().len()
    }

    #[test]
    fn the_outbreak_can_be_followed_by_eye_unless_a_larger_one_is_asked_for() {
        for seed in ["1", "3"] {
            let people = found(&["--seed", seed], 120);
            assert!((10..80).contains(&people), "{people} people found positive in two minutes with seed {seed}");
        }
        let people = found(&["--infected", "2000"], 60);
        assert!(people > 500, "{people} people in an outbreak that got out of hand");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("30s", 30), ("2m", 120), ("1h", 3_600), ("1m 30s", 90)] {
            assert_eq!(duration(text).ok(), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "-5s", "0s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
