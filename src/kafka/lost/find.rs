//! Finds what was deleted unread.

use super::range::Lost;
use crate::config::KafkaConfig;
use crate::kafka::error::Error;
use crate::kafka::{cut, remedy};
use crate::model::record::Layout;

/// The command that gives up all that is lost of one half and task.
pub fn command(lost: &[Lost], config: &KafkaConfig) -> String {
    remedy::skip_lost(config, lost)
}

/// Everything that was lost so far, in order of topics and tasks.
pub fn find(config: &KafkaConfig, layout: Layout) -> Result<Vec<Lost>, Error> {
    // The beginnings first: what lies before them was gone when the offsets are asked for.
    let cut = cut::now(config, layout)?;
    let lost = cut.committed.iter().filter_map(|(&(topic, task), &from)| {
        let to = *cut.first.get(&(topic, task))?;
        (to > from).then_some(Lost { topic, task, from, to })
    });
    Ok(lost.collect())
}
