//! What an input is by the rules in force when it was read, in the reading of the audit: what a half makes of it must
//! be that, whatever other rules hold before and after.

use super::world::MAX_RECORD_BYTES;
use prost::Message as _;
use swabstream::audit::inputs::{self, Input};
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::{Record, Topic};
use swabstream::pipeline::person::messages::{Origin, original};
use swabstream::policy::Rules;
use swabstream::proto::v1::{PersonEvent, person_event::Event};

pub fn assert_judged(record: &Record<'_>, outcome: Outcome, rules: &Rules) {
    match record.position.topic {
        Topic::LabResults | Topic::ContactRecords | Topic::PersonGroups => assert_one(record, outcome, rules),
        Topic::PersonEvents => {
            let event = PersonEvent::decode(record.payload.unwrap_or_default()).expect("it is ours");
            let Ok(origin) = Origin::of_event(&event) else { panic!("messages between tasks have their origin") };
            // Whoever has it by now judges it once more, by rules of its own.
            if let Some(Event::Record(sent)) = &event.event {
                assert_one(&original(origin, sent), outcome, rules);
            }
        }
        _ => {}
    }
}

fn assert_one(record: &Record<'_>, outcome: Outcome, rules: &Rules) {
    let read = inputs::read(record, rules, MAX_RECORD_BYTES);
    let right = match (&read, outcome) {
        (Input::Mark, Outcome::Used(End::TimeMark)) => true,
        (Input::Refused(faults), Outcome::Rejected(code)) => faults.contains(&code),
        // By itself nothing is wrong with it.
        (Input::Usable(_), Outcome::Rejected(code)) => code == RejectCode::Conflict,
        (Input::Usable(_), _) => true,
        _ => false,
    };
    assert!(right, "{:?} ended as {outcome:?} by rules {}, is {read:?}", record.position, rules.digest);
}
