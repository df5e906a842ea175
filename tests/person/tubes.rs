//! Pools in the numbers of areas: tubes by how many people are in each, and members of negative ones.

use super::sent::{at, pool, revised, swab};
use super::world::World;
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::audit::cells::{Cells, CountName};
use swabstream::audit::changes;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaChanges, Finding, LabResult, PoolMember, ResultStatus, Rule, rule};

use Finding::{Inconclusive, Invalid, Negative, Positive};
use ResultStatus::{Cancelled, Corrected, Preliminary};

const THREE: [&str; 3] = ["P1", "P2", "P3"];

/// What is counted of pools in an area, by the registry of the days themselves.
fn pools(world: &World, area: &str) -> BTreeMap<CountName, i64> {
    let first = world.numbers.keys().map(|key| key.period).min();
    let here = world.numbers.iter().filter(|(key, _)| key.area == area && Some(key.period) == first);
    let mut pools = BTreeMap::new();
    for (key, count) in here.filter(|(key, _)| key.name.contains("pool")) {
        *pools.entry(key.name).or_default() += count;
    }
    pools
}

fn counts<const N: usize>(counts: [(CountName, i64); N]) -> BTreeMap<CountName, i64> {
    BTreeMap::from(counts)
}

#[test]
fn a_pool_counts_once_by_how_many_are_in_it_where_it_says_and_its_members_where_they_are() {
    let mut world = World::new();
    let mut tube = pool("T1", "R1", at(3, 8), Negative, &THREE);
    tube.pool.as_mut().expect("a pool").members[1].area = "D2S1".into();
    world.lab(&tube);
    let here = counts([("pools of 3, negative", 1), ("negative in a pool", 2)]);
    assert_eq!((pools(&world, "D1S1"), pools(&world, "D1")), (here.clone(), here));
    assert_eq!(pools(&world, "D2"), counts([("negative in a pool", 1)]));
    assert_eq!(pools(&world, "C"), counts([("pools of 3, negative", 1), ("negative in a pool", 3)]));
    // Once more, under another id, and a tube of one.
    world.lab(&tube);
    world.lab(&LabResult { result_id: "R2".into(), ..tube });
    world.lab(&pool("T2", "R3", at(3, 9), Positive, &["P4"]));
    world.lab(&swab("P5", "R4", at(3, 9), Negative));
    let all = [("pools of 1, positive", 1), ("pools of 3, negative", 1), ("negative in a pool", 3)];
    assert_eq!(pools(&world, "C"), counts(all));
}

#[test]
fn only_a_conclusive_pool_counts_and_whatever_corrects_it_takes_back_all_it_did() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Inconclusive, &THREE);
    world.lab(&tube);
    world.lab(&pool("T2", "R2", at(3, 8), Invalid, &["P4"]));
    world.lab(&revised(&pool("T3", "R3", at(3, 8), Positive, &["P5"]), 0, Preliminary, Positive));
    assert!(world.numbers.is_empty());
    world.lab(&revised(&tube, 1, Corrected, Positive));
    assert_eq!(pools(&world, "C"), counts([("pools of 3, positive", 1)]));
    let mut with_another = revised(&tube, 2, Corrected, Negative);
    let members = with_another.pool.as_mut().expect("a pool");
    members.members.push(PoolMember { person_id: "P6".into(), ..PoolMember::default() });
    members.size = 4;
    world.lab(&with_another);
    assert_eq!(pools(&world, "C"), counts([("pools of 4, negative", 1), ("negative in a pool", 4)]));
    world.lab(&LabResult { area: "D2S1".into(), ..revised(&with_another, 3, Corrected, Negative) });
    assert_eq!(pools(&world, "D1"), counts([]));
    world.lab(&revised(&with_another, 4, Cancelled, Negative));
    assert!(world.numbers.is_empty(), "it was never there");
}

#[test]
fn a_tube_with_results_that_differ_is_positive_and_whom_only_a_negative_one_lists_is_a_test_all_the_same() {
    let mut world = World::new();
    world.lab(&pool("T1", "R1", at(3, 8), Negative, &THREE));
    let other = pool("T1", "R2", at(3, 8), Positive, &["P1", "P2"]);
    world.lab(&LabResult { lab_id: "LAB-2".into(), ..other });
    assert_eq!(pools(&world, "C"), counts([("pools of 2, positive", 1), ("negative in a pool", 1)]));
}

#[test]
fn a_tube_that_is_sent_under_two_pool_ids_is_one_and_one_test_of_each_member_in_any_order() {
    let tube = pool("T1", "R1", at(3, 8), Negative, &THREE);
    let mut again = pool("T2", "R2", at(3, 8), Negative, &THREE);
    again.specimen_id.clone_from(&tube.specimen_id);
    let once = counts([("pools of 3, negative", 1), ("negative in a pool", 3)]);
    for [first, then] in [[&tube, &again], [&again, &tube]] {
        let mut world = World::new();
        world.lab(first);
        world.lab(then);
        assert_eq!(pools(&world, "C"), once);
        world.lab(&revised(first, 1, Cancelled, Negative));
        assert_eq!(pools(&world, "C"), once);
        world.lab(&revised(then, 1, Corrected, Positive));
        assert_eq!(pools(&world, "C"), counts([("pools of 3, positive", 1)]));
        world.lab(&revised(first, 2, Corrected, Negative));
        assert_eq!(
            pools(&world, "C"),
            counts([("pools of 3, positive", 1)]),
            "what is positive is not negative under another id"
        );
    }
}

#[test]
fn a_barcode_that_is_used_again_on_another_day_is_another_test() {
    let mut world = World::new();
    let tube = pool("T1", "R1", at(3, 8), Negative, &THREE);
    let mut day_after = pool("T2", "R2", at(4, 8), Negative, &THREE);
    day_after.specimen_id.clone_from(&tube.specimen_id);
    world.lab(&tube);
    world.lab(&day_after);
    assert_eq!(pools(&world, "C"), counts([("pools of 3, negative", 2), ("negative in a pool", 6)]));
}

/// The sample's rules without the purpose that everybody here is tested for.
fn without_screening() -> Rules {
    let changed = sample_rules().to_records().into_iter().map(|(key, value)| {
        let mut record = Rule::decode(&value[..]).expect("a rule");
        if let Some(rule::Rule::Deployment(deployment)) = &mut record.rule {
            deployment.purposes.retain(|purpose| purpose != "screening");
        }
        (key, record.encode_to_vec())
    });
    Rules::from_records(&changed.collect::<Vec<_>>()).expect("valid rules")
}

#[test]
fn other_rules_count_pools_anew_and_what_is_held_adds_up_to_what_was_sent() {
    let mut world = World::new();
    let tubes = [pool("T1", "R1", at(13, 8), Negative, &THREE), pool("T2", "R2", at(13, 8), Positive, &["P4", "P5"])];
    // Before and after the harbour quarter goes to another district.
    for tube in tubes {
        world.lab(&LabResult { area: "D2S2".into(), ..tube });
    }
    let before = world.numbers.clone();
    world.adopt(sample_rules());
    assert_eq!(world.numbers, before);
    world.adopt(without_screening());
    assert!(world.numbers.is_empty(), "rules that do not know the purpose count nothing of it");
    world.adopt(sample_rules());
    assert_eq!(world.numbers, before);
    let mut held = Cells::new();
    for half in &mut world.halves {
        for output in half.all_counted() {
            let payload = output.payload.expect("changes");
            changes::add(&mut held, &AreaChanges::decode(&payload[..]).expect("changes"));
        }
    }
    assert_eq!(held, before);
}
