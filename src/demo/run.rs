//! The demonstration from start to end: broker, topics, rules, processor, page, city; then the summary.
//!
//! In: [`Options`]. Out: what is seen in the terminal and on the page, and whether the books balance.

use super::city::{City, CityConfig, Epidemic, Rates, Testing};
use super::figures::Figures;
use super::options::Options;
use super::screen::Screen;
use super::stage::Stage;
use super::stream::Stream;
use super::summary;
use crate::clock;
use crate::terminal::signals::{self, Hangup};
use anyhow::bail;
use std::io::Write;
use std::time::{Duration, Instant};

/// Days of backlog: with the horizon of seven days, a demo may run for a day before the oldest would be refused.
const PAST_DAYS: u32 = 6;
/// The backlog and the first round of today take this long when no end is given.
const WEEK_TAKES: Duration = Duration::from_secs(60);
/// Share of messages that are not screening: contacts, tracing, versions, repetitions.
const NOT_SCREENING: f64 = 0.35;
/// Between two looks.
const TICK: Duration = Duration::from_millis(250);
/// More unread records than this, and the city waits.
const MOST_LAG: u64 = 20_000;
/// How long it may take until all tasks run, and until all is read at the end.
const PATIENCE: Duration = Duration::from_secs(60);
/// At the end the outputs must have come to rest for so long.
const REST: Duration = Duration::from_millis(750);

/// Runs the demonstration; says whether the books balanced. Nobody has to watch: it goes on where its output is closed.
pub async fn run(options: &Options, out: &mut dyn Write) -> anyhow::Result<bool> {
    let signals = signals::listen(Hangup::Ends)?;
    signals.tell_what_is_left(|| "the books were not looked at; topics on a real Kafka stay there".to_owned());
    let mut stage = Stage::set_up(options).await?;
    let people = summary::grouped(u64::from(options.people));
    let title = format!("swabstream demo, Chongqing, {people} people, seed {}", options.seed);
    let mut screen = Screen::new(title, stage.page(), out);
    screen.say(&format!("The page: {}   (Ctrl-C ends with a summary)", stage.page()))?;
    if options.brokers.is_some() {
        screen.say(&format!("Topics begin with `{}`; they stay there when the demo ends", stage.kafka().prefix))?;
    }
    let outcome = play(&mut stage, &mut screen, options).await;
    screen.clear()?;
    let figures = match outcome {
        Ok(figures) => figures,
        Err(error) => {
            // What made it fail is reported; how the clean-up went is not needed.
            let _ = stage.close().await;
            return Err(error);
        }
    };
    screen.close(&summary::text(&figures))?;
    stage.close().await?;
    Ok(figures.imbalances().is_empty())
}

/// Everything between the set-up and the clean-up; returns the last figures.
async fn play(stage: &mut Stage, screen: &mut Screen<'_>, options: &Options) -> anyhow::Result<Figures> {
    wait_until_running(stage).await?;
    let city = City::new(city_config(options), stage.rules());
    let stream = Stream::start(stage.kafka().clone(), stage.layout(), city, options.rate)?;
    let began = clock::monotonic();
    let shown = show_until_end(stage, screen, &stream, began, options.run_for).await;
    let published_for = began.elapsed();
    // Whatever happened, the publisher is stopped before its broker.
    let delivered = tokio::task::spawn_blocking(move || stream.stop()).await?;
    shown?;
    let delivered = delivered?;
    if delivered.failed > 0 {
        let first = delivered.first_error.unwrap_or_default();
        bail!("the broker refused {} messages, first: {first}", delivered.failed);
    }
    drain(stage, screen, delivered.confirmed, published_for).await
}

/// A week of swabs within the time there is, and as many per day as that takes. The outbreak is one that can be
/// followed by eye: a cluster that grows for a week and is then locked down, and somebody from elsewhere every other
/// day.
pub fn city_config(options: &Options) -> CityConfig {
    let mut config = CityConfig::live(options.seed, options.people, clock::now(), PAST_DAYS);
    let week = options.run_for.unwrap_or(WEEK_TAKES).as_secs_f64();
    let messages = f64::from(options.rate) * week * (1.0 - NOT_SCREENING);
    let person_days = f64::from(options.people) * f64::from(PAST_DAYS + 1);
    let testing = Testing { clinic: 0.000_5, occupation: 0.003, false_positive: 0.000_05, ..Testing::default() };
    // Key occupations have their turn every third day.
    let others = testing.clinic + testing.occupation / 3.0;
    config.testing = Testing { screening: (messages / person_days - others).clamp(0.001, 1.0), ..testing };
    config.rates = Rates::quiet();
    config.epidemic = Epidemic {
        // A hair less than so many, as the city rounds up.
        seeded: (f64::from(options.infected) - 0.5) / f64::from(options.people),
        household: 0.06,
        neighbours: 2,
        colleagues: 2,
        strangers: 0,
        transmission: 0.02,
        imported: 0.5,
        lockdown: Some(PAST_DAYS + 1),
    };
    config
}

async fn wait_until_running(stage: &mut Stage) -> anyhow::Result<()> {
    let began = clock::monotonic();
    while !stage.running() {
        stage.check()?;
        if began.elapsed() > PATIENCE {
            bail!("the processor was given no tasks within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn show_until_end(
    stage: &mut Stage,
    screen: &mut Screen<'_>,
    stream: &Stream,
    began: Instant,
    run_for: Option<Duration>,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(TICK);
    let asked = signals::listen(Hangup::Ends)?.ends();
    tokio::pin!(asked);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut asked => return Ok(()),
        }
        let figures = stage.figures(began.elapsed(), stream.confirmed());
        stream.hold(figures.lag > MOST_LAG);
        screen.show(&figures)?;
        stage.check()?;
        if stream.failed() || run_for.is_some_and(|limit| began.elapsed() >= limit) {
            return Ok(());
        }
    }
}

/// Waits until all that was published is read, all that was sent on has arrived, and the outputs have come to rest.
async fn drain(
    stage: &mut Stage,
    screen: &mut Screen<'_>,
    published: u64,
    elapsed: Duration,
) -> anyhow::Result<Figures> {
    let began = clock::monotonic();
    let mut resting = (stage.outputs_read(), clock::monotonic());
    let mut drained: Option<Duration> = None;
    loop {
        let figures = stage.figures(elapsed + began.elapsed(), published);
        screen.show(&figures)?;
        stage.check()?;
        drained = figures.drained().then(|| drained.unwrap_or(figures.elapsed));
        if resting.0 != stage.outputs_read() || drained.is_none() {
            resting = (stage.outputs_read(), clock::monotonic());
        }
        if resting.1.elapsed() > REST || began.elapsed() > PATIENCE {
            // Rest is no work: the rate is that of the time until the last record was read.
            return Ok(Figures { elapsed: drained.unwrap_or(figures.elapsed), ..figures });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
