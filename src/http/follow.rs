//! Updates the overview from Kafka: a thread of its own with a `read_committed` reader of all [`TOPICS`].
//!
//! In: records. Out: the overview. An error is logged once per try and everything is read again: a page that waits is
//! better than one that shows half.

use crate::config::KafkaConfig;
use crate::kafka::Error;
use crate::kafka::reader::{From, TopicReader};
use crate::model::record::Topic;
use crate::view::View;
use crate::view::overview::{Overview, TOPICS};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::watch;

/// Records taken in one go: those who look wait no longer than this takes.
const STROKE: usize = 1000;

/// How long a stop may go unnoticed.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// How long reading the rules may take before the rest is read without them.
const RULES_LIMIT: Duration = Duration::from_secs(60);

/// After an error, before the next try.
const BEFORE_NEXT_TRY: Duration = Duration::from_secs(5);

/// Starts the thread; it ends soon after `shutdown` is true, or its sender gone.
pub fn spawn(view: Arc<View>, config: KafkaConfig, shutdown: watch::Receiver<bool>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("view".to_owned()).spawn(move || {
        while !stopping(&shutdown) {
            if let Err(error) = follow(&view, &config, &shutdown) {
                tracing::warn!(%error, "the view lost its topics and reads them again");
                pause(&shutdown);
            }
        }
    })
}

fn follow(view: &View, config: &KafkaConfig, shutdown: &watch::Receiver<bool>) -> Result<(), Error> {
    view.update(Overview::start_over);
    // Which areas keep their days is known only with the rules.
    let mut rules = TopicReader::open(config, &[Topic::Rules], From::Beginning)?;
    rules.read_to_end(RULES_LIMIT, &mut |records| view.absorb(records))?;
    drop(rules);
    let mut reader = TopicReader::open(config, &TOPICS, From::Beginning)?;
    let mut caught_up = false;
    while !stopping(shutdown) {
        let wait = if caught_up { LONGEST_WAIT } else { Duration::from_millis(20) };
        stroke(view, &mut reader, wait)?;
        if !caught_up && reader.caught_up() {
            caught_up = true;
            view.update(Overview::set_caught_up);
            tracing::info!(records = view.look().read().values().sum::<u64>(), "the view has read the outputs");
        }
    }
    Ok(())
}

/// Waits for records without the overview's lock, then takes what is there.
fn stroke(view: &View, reader: &mut TopicReader, wait: Duration) -> Result<(), Error> {
    let first = reader.poll_headers(1, wait, &mut |record, headers| {
        view.update(|overview| overview.absorb(record, |name| headers.get(name)));
    })?;
    if first == 0 {
        return Ok(());
    }
    let mut outcome = Ok(0);
    view.update(|overview| {
        outcome = reader.poll_headers(STROKE, Duration::ZERO, &mut |record, headers| {
            overview.absorb(record, |name| headers.get(name));
        });
    });
    outcome.map(|_| ())
}

fn stopping(shutdown: &watch::Receiver<bool>) -> bool {
    *shutdown.borrow() || shutdown.has_changed().is_err()
}

fn pause(shutdown: &watch::Receiver<bool>) {
    let steps = BEFORE_NEXT_TRY.as_millis() / LONGEST_WAIT.as_millis();
    for _ in 0..steps {
        if stopping(shutdown) {
            return;
        }
        thread::sleep(LONGEST_WAIT);
    }
}
