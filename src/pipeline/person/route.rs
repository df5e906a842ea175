//! Who must see a record: every person lives in exactly one task, whatever partition a record was put into.

use super::messages::{self, Origin};
use crate::model::outcome::{End, Reject, RejectCode};
use crate::pipeline::effects::Effects;
use crate::pipeline::ending::Stop;
use crate::pipeline::formats::TUBES;
use crate::pipeline::half::Context;
use crate::proto::v1::{self, person_event::Event};

/// A message sent on more often than this is going in circles.
const HOPS_MAX: u32 = 3;

/// Goes on if the person lives in this task; otherwise the record is sent on, at once if somebody waits for an alert that
/// comes of it, and ends here.
pub fn home(
    context: &Context,
    person_id: &str,
    origin: Origin,
    hops: u32,
    awaited: bool,
    effects: &mut Effects,
    event: impl FnOnce() -> Event,
) -> Result<(), Stop> {
    let task = context.layout.person_task(person_id);
    if task == context.task {
        return Ok(());
    }
    if hops >= HOPS_MAX {
        return Err(Reject::new(RejectCode::HopLimit, "hop").into());
    }
    let event = event();
    let format = context.formats.written.max(first_format(&event));
    let event = v1::PersonEvent { origin: Some(origin.to_wire()), hop: hops + 1, event: Some(event), format };
    effects.outputs.push(messages::person_event(&event, person_id, task));
    effects.sent += 1;
    effects.urgent |= awaited;
    Err(End::Forwarded.into())
}

/// The first format that an event is of. Of tubes some are told also after an earlier one is written again: then nothing of
/// them counts at the barcode any more, and who reads no more than that stops before the message.
fn first_format(event: &Event) -> u32 {
    match event {
        Event::TubeFinding(_) | Event::TubeTold(_) => TUBES,
        _ => 0,
    }
}

/// A message to a person that follows from a record about somebody else.
#[derive(Clone, Debug)]
pub struct PersonMessage {
    /// The person.
    pub to: String,
    /// The record behind it.
    pub origin: Origin,
    /// What it is.
    pub event: Event,
}
