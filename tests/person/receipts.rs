//! What labs are told: every record of a lab of the registry once, where it ends.

use super::sent::{at, pool, swab};
use super::world::{Input, LAYOUT, World, context};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::digest;
use swabstream::model::record::{Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{Formats, LABS};
use swabstream::pipeline::half::{Context, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Times;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaChanges, Finding, LabResult, Outcome, ProcessingMode, RejectCode};

use Finding::{Negative, Positive};

/// Records by lab, hour, outcome and code.
fn told(world: &World) -> BTreeMap<(String, i64, Outcome, RejectCode), u64> {
    let mut all = BTreeMap::new();
    for tally in &world.labs {
        let from = Timestamp::from_wire(&tally.from.expect("a time")).expect("a time");
        for count in &tally.outcomes {
            let hour = from.0 / 3_600_000 - at(3, 0).0 / 3_600_000;
            *all.entry((tally.lab_id.clone(), hour, count.outcome(), count.code())).or_default() += count.records;
        }
    }
    all
}

fn digests(world: &World) -> u128 {
    world.labs.iter().filter_map(|tally| digest::from_wire(&tally.id_digest)).fold(0, u128::wrapping_add)
}

#[test]
fn a_result_is_told_of_once_where_it_ends_by_the_hour_in_which_it_was_received() {
    let mut world = World::new();
    let result = swab("P1", "R1", at(3, 8), Negative);
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    world.send(&Input::Result(result.clone(), at(3, 9)), Some(elsewhere));
    assert_eq!(told(&world), BTreeMap::new(), "it was sent on");
    world.settle();
    let accepted = ("LAB-1".to_owned(), 9, Outcome::Accepted, RejectCode::Unspecified);
    assert_eq!(told(&world), BTreeMap::from([(accepted.clone(), 1)]));
    world.lab_at(&result, at(3, 10));
    let again = ("LAB-1".to_owned(), 10, Outcome::Duplicate, RejectCode::Unspecified);
    assert_eq!(told(&world), BTreeMap::from([(accepted, 1), (again, 1)]));
    let one = digest::of("R1");
    assert_eq!(digests(&world), one.wrapping_add(one));
}

#[test]
fn what_is_set_aside_is_told_of_by_its_code_and_what_names_no_known_lab_to_nobody() {
    let mut world = World::new();
    let good = swab("P1", "R1", at(3, 8), Positive);
    let wrong = [
        (LabResult { area: "nowhere".into(), ..good.clone() }, Some((Outcome::Rejected, RejectCode::UnknownArea))),
        (LabResult { lab_id: "LAB-9".into(), ..good.clone() }, None),
        (
            LabResult { mode: ProcessingMode::Training as i32, ..good.clone() },
            Some((Outcome::Training, RejectCode::Unspecified)),
        ),
        (pool("T1", "R1", at(3, 8), Positive, &["P1", "P2"]), Some((Outcome::Accepted, RejectCode::Unspecified))),
    ];
    for (result, says) in wrong {
        world.labs.clear();
        world.send(&Input::Result(result, at(3, 9)), None);
        world.settle();
        let expected = says.map(|(outcome, code)| (("LAB-1".to_owned(), 9, outcome, code), 1));
        assert_eq!(told(&world), expected.into_iter().collect());
    }
    // The city's registry without the lab, and with it again.
    world.labs.clear();
    world.adopt(sample_rules());
    world.lab_at(&good, at(3, 9));
    assert_eq!(told(&world).len(), 1);
}

#[test]
fn a_version_that_knows_nothing_of_it_is_told_nothing() {
    for (written, says) in [(LABS - 1, 0), (LABS, 1)] {
        let formats = Formats { written, ..Formats::default() };
        let layout = swabstream::model::record::Layout { person_tasks: 1, area_tasks: 1 };
        let mut half = PersonHalf::new(Context { formats, layout, ..context(0) }, Arc::new(sample_rules()));
        let payload = swab("P1", "R1", at(3, 8), Negative).encode_to_vec();
        let position = Position { topic: Topic::LabResults, partition: 0, offset: 0 };
        let record = Record { position, received_at: at(3, 9), key: None, payload: Some(&payload), content_type: None };
        let mut effects = Effects::default();
        half.apply(&record, &mut effects).expect("of this version");
        half.flush(1, &Times::default(), &mut effects);
        let batches = effects.outputs.iter().filter(|output| output.topic == Topic::AreaChanges);
        let labs = batches.map(|output| {
            AreaChanges::decode(output.payload.as_deref().expect("a batch")).expect("a batch").labs.len()
        });
        assert_eq!((labs.sum::<usize>(), effects.tallied.0), (says, says as u64));
    }
}
