//! Half a set of rules is never in force, and a registry knows who lay where on which day.

use prost::Message as _;
use std::sync::Arc;
use swabstream::model::time::Day;
use swabstream::policy::Rules;
use swabstream::policy::plan::Plan;
use swabstream::policy::sample::sample_rules;
use swabstream::policy::set::RuleSetReader;
use swabstream::proto::v1::rule::Rule as Kind;
use swabstream::proto::v1::{self, Target};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// Reads records in order; the last rules they put in force, if any.
fn read(reader: &mut RuleSetReader, records: &[(String, Option<Vec<u8>>)]) -> Option<Arc<Rules>> {
    let mut in_force = None;
    for (key, value) in records {
        if let Ok(Some(rules)) = reader.read(key.as_bytes(), value.as_deref()) {
            in_force = Some(rules);
        }
    }
    in_force
}

#[test]
fn a_whole_set_comes_into_force_with_its_manifest_and_not_before() {
    let rules = sample_rules();
    let mut reader = RuleSetReader::default();
    let writes = Plan::new(&reader, &rules).writes;
    let (manifest, records) = writes.split_last().expect("a manifest");
    assert!(read(&mut reader, records).is_none());
    let read = read(&mut reader, std::slice::from_ref(manifest)).expect("the set is whole");
    assert_eq!(read.digest, rules.digest);
    assert_eq!(read.to_records(), rules.to_records());
}

#[test]
fn a_set_without_any_one_of_its_records_is_not_in_force() {
    let rules = sample_rules();
    let writes = Plan::new(&RuleSetReader::default(), &rules).writes;
    for missing in 0..writes.len() {
        let mut some = writes.clone();
        some.remove(missing);
        assert!(read(&mut RuleSetReader::default(), &some).is_none(), "without {}", writes[missing].0);
    }
}

#[test]
fn a_set_with_a_foreign_or_changed_record_is_not_in_force_and_says_so() {
    let rules = sample_rules();
    let (manifest_key, manifest) = rules.manifest();
    for (key, value) in [("lab/LAB-9", vec![]), ("lab/LAB-1", vec![1]), ("deployment/current", vec![])] {
        let mut reader = RuleSetReader::default();
        for (key, value) in rules.to_records() {
            assert!(matches!(reader.read(key.as_bytes(), Some(&value)), Ok(None)));
        }
        reader.read(key.as_bytes(), Some(&value)).expect("a record alone decides nothing");
        let errors = reader.read(manifest_key.as_bytes(), Some(&manifest)).expect_err("not what was vouched for");
        assert!(errors[0].to_string().contains("vouches"), "{}", errors[0]);
    }
}

#[test]
fn what_texts_named_in_sets_before_is_known_where_compaction_has_left_the_last_alone() {
    let old = sample_rules();
    let deployment = |keep: &dyn Fn(&Target) -> bool| {
        let mut records = old.to_records();
        for (_, value) in &mut records {
            let mut rule = v1::Rule::decode(value.as_slice()).expect("a rule");
            if let Some(Kind::Deployment(wire)) = &mut rule.rule {
                wire.targets.retain(keep);
                *value = rule.encode_to_vec();
            }
        }
        Rules::from_records(&records).expect("one target fewer is a set too")
    };
    let without = deployment(&|target| target.id != "rsv");
    let mut reader = RuleSetReader::default();
    let first = Plan::new(&reader, &old).writes;
    read(&mut reader, &first).expect("in force");
    let last = Plan::new(&reader, &without).writes;
    let mut late = RuleSetReader::default();
    read(&mut late, &last).expect("in force");
    assert_eq!(late.named().get("rsv").map(String::as_str), Some("rsv"));
    assert_eq!(late.named().get("SARS-CoV-2").map(String::as_str), Some("sars-cov-2"));
    // And goes on with the next.
    let next = Plan::new(&late, &without).writes;
    let mut later = RuleSetReader::default();
    read(&mut later, &next).expect("in force");
    assert_eq!(later.named(), late.named());
}

#[test]
fn a_new_set_replaces_the_old_one_and_its_plan_names_the_difference() {
    let old = sample_rules();
    let mut records = old.to_records();
    records.retain(|(key, _)| key != "lab/LAB-2");
    let new = Rules::from_records(&records).expect("one lab fewer is a set too");
    assert_ne!(new.digest, old.digest);

    let mut reader = RuleSetReader::default();
    let first = Plan::new(&reader, &old).writes;
    assert_eq!(read(&mut reader, &first).map(|rules| rules.digest.clone()), Some(old.digest.clone()));
    assert!(Plan::new(&reader, &old).changes_nothing());

    let plan = Plan::new(&reader, &new);
    assert_eq!((plan.added.len(), plan.changed.len(), plan.removed.clone()), (0, 0, vec!["lab/LAB-2".to_owned()]));
    assert_eq!(read(&mut reader, &plan.writes).map(|rules| rules.digest.clone()), Some(new.digest.clone()));

    // Somebody who begins to read after compaction sees the second set only.
    assert_eq!(read(&mut RuleSetReader::default(), &plan.writes).map(|rules| rules.labs.len()), Some(2));
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_records() {
    let rules = sample_rules();
    let mut records = rules.to_records();
    records.reverse();
    let turned = Rules::from_records(&records).expect("the same records");
    assert_eq!(turned.digest, rules.digest);
    assert_eq!(turned.to_records(), rules.to_records());
}

/// A digest that changed its meaning would have every task derive its state again.
#[test]
fn the_digest_is_the_one_of_the_contract() {
    let rules = sample_rules();
    let mut bytes = Vec::new();
    for (key, value) in rules.to_records() {
        bytes.extend((key.len() as u64).to_le_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend((value.len() as u64).to_le_bytes());
        bytes.extend(value);
    }
    assert_eq!(rules.digest, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)));
}

/// What lies in a topic is read as it was meant when it was written, and named.
#[test]
fn an_area_abolished_before_anybody_asked_into_what_leaves_the_totals_as_it_did() {
    use prost::Message as _;
    use swabstream::proto::v1::{Rule, rule};
    let mut records = sample_rules().to_records();
    for (_, value) in &mut records {
        let mut decoded = Rule::decode(&value[..]).expect("a rule");
        if let Some(rule::Rule::Area(area)) = &mut decoded.rule {
            area.periods.iter_mut().for_each(|period| period.merged_into.clear());
        }
        *value = decoded.encode_to_vec();
    }
    let rules = Rules::from_records(&records).expect("as valid as it was");
    let d3 = rules.areas.index("D3").expect("a code of the sample");
    assert!(rules.areas.lineage(rules.areas.period(day("2022-12-01")), d3).is_empty());
    let unsaid: Vec<&str> = rules.areas.without_successor().map(|area| area.code.as_str()).collect();
    assert_eq!(unsaid, ["D3"]);
    assert_eq!(sample_rules().areas.without_successor().count(), 0);
}

#[test]
fn a_border_change_and_a_merger_begin_periods_and_move_lineages() {
    let areas = sample_rules().areas;
    let periods: Vec<String> = areas.periods.iter().map(Day::to_string).collect();
    assert_eq!(periods, ["1970-01-01", "2020-01-01", "2022-11-15", "2022-12-01"]);

    let lineage = |code: &str, on: &str| -> Vec<String> {
        let area = areas.index(code).expect("a code of the sample");
        let lineage = areas.lineage(areas.period(day(on)), area);
        lineage.iter().map(|area| areas.list[*area as usize].code.clone()).collect()
    };
    assert_eq!(lineage("D2S2", "2022-11-14"), ["D2S2", "D2", "C"]);
    assert_eq!(lineage("D2S2", "2022-11-15"), ["D2S2", "D1", "C"]);
    assert_eq!(lineage("D3S1", "2022-11-30"), ["D3S1", "D3", "C"]);
    assert_eq!(lineage("D3S1", "2022-12-01"), ["D3S1", "D2", "C"]);
    assert_eq!(lineage("D3", "2022-11-30"), ["D3", "C"]);
    assert_eq!(lineage("D3", "2022-12-01"), ["D2", "C"], "what was counted there counts where it went");
    assert!(lineage("C", "2019-12-31").is_empty());

    let d3 = areas.index("D3").expect("a code of the sample");
    assert!(areas.exists(d3, day("2022-11-30")) && !areas.exists(d3, day("2022-12-01")));
}

#[test]
fn a_census_changes_the_population_and_no_period() {
    let mut records = sample_rules().to_records();
    let before = sample_rules().areas.periods.len();
    for (key, value) in &mut records {
        if key == "area/D1S1" {
            *value = with_census(value, "2023-05-01", 16_000);
        }
    }
    let areas = Rules::from_records(&records).expect("a census is allowed").areas;
    let d1s1 = areas.index("D1S1").expect("a code of the sample");
    assert_eq!(areas.periods.len(), before);
    assert_eq!(areas.population(d1s1, day("2023-04-30")), 15_000);
    assert_eq!(areas.population(d1s1, day("2023-05-01")), 16_000);
}

fn with_census(value: &[u8], from: &str, population: u64) -> Vec<u8> {
    use prost::Message as _;
    use swabstream::proto::v1::{AreaPeriod, Rule, rule};
    let mut decoded = Rule::decode(value).expect("a rule");
    if let Some(rule::Rule::Area(area)) = &mut decoded.rule {
        let effective_from = from.to_owned();
        let parent = "D1".to_owned();
        area.periods.push(AreaPeriod { effective_from, parent, population, ..AreaPeriod::default() });
    }
    decoded.encode_to_vec()
}

/// Whatever bytes lie in the topic, they are refused or understood; they never stop a worker.
#[test]
fn damaged_records_are_refused_or_read_but_never_panic() {
    use rand::{RngExt as _, SeedableRng as _};
    let original = sample_rules().to_records();
    let (mut refused, mut read) = (0, 0);
    for seed in 0..3_000 {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut records = original.clone();
        let place = random.random_range(0..records.len());
        let value = &mut records[place].1;
        match random.random_range(0..3) {
            0 => value.truncate(random.random_range(0..value.len())),
            1 => value.insert(random.random_range(0..value.len()), random.random()),
            _ => {
                let byte = random.random_range(0..value.len());
                value[byte] ^= random.random_range(1..=255_u8);
            }
        }
        match Rules::from_records(&records) {
            Ok(rules) => {
                read += 1;
                assert_eq!(rules.to_records(), records, "seed {seed}");
            }
            Err(errors) => {
                refused += 1;
                assert!(!errors.is_empty() && errors.iter().all(|error| !error.hint.is_empty()), "seed {seed}");
            }
        }
    }
    assert!(refused > 1_000 && read > 100, "{refused} refused, {read} read");
}

/// Registries drawn from a seed, with areas that appear, move and go: whenever the checks accept one, every lineage
/// begins with its area or what that went into, climbs to strictly coarser levels, and holds only areas that exist.
#[test]
fn every_lineage_of_an_accepted_registry_is_a_chain_of_existing_ever_coarser_areas() {
    use rand::{RngExt as _, SeedableRng as _};
    let (mut accepted, mut merged) = (0, 0);
    for seed in 0..2_000 {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut records = sample_rules().to_records();
        records.retain(|(key, _)| !key.starts_with("area/"));
        for number in 0..random.random_range(1..7) {
            records.push(random_area(number, &mut random));
        }
        let Ok(rules) = Rules::from_records(&records) else { continue };
        accepted += 1;
        let areas = &rules.areas;
        for (period, first) in areas.periods.iter().enumerate() {
            for area in 0..areas.list.len() as u32 {
                let lineage = areas.lineage(period, area);
                let own = lineage.first() == Some(&area);
                assert_eq!(own, areas.exists(area, *first), "seed {seed}");
                merged += usize::from(!own && !lineage.is_empty());
                let levels: Vec<u8> = lineage.iter().map(|area| areas.list[*area as usize].level).collect();
                assert!(levels.is_sorted_by(|fine, coarse| fine > coarse), "seed {seed}: {levels:?}");
                assert!(lineage.iter().all(|area| areas.exists(*area, *first)), "seed {seed}");
            }
        }
    }
    assert!(accepted > 200, "only {accepted} registries were drawn well enough to say anything");
    assert!(merged > 20, "only {merged} areas lay in what they went into");
}

fn random_area(number: u32, random: &mut impl rand::Rng) -> (String, Vec<u8>) {
    use rand::RngExt as _;
    use swabstream::policy::records::record;
    use swabstream::proto::v1::{Area, AreaPeriod, rule::Rule};
    let mut from = day("2020-01-01");
    let periods = (0..random.random_range(1..4)).map(|at| {
        from = if at == 0 { from } else { from.plus(random.random_range(1..3)) };
        let parent = if number > 0 && random.random_bool(0.7) {
            format!("A{}", random.random_range(0..number))
        } else {
            String::new()
        };
        let abolished = random.random_bool(0.2);
        let merged_into = match abolished && random.random_bool(0.8) {
            true => format!("A{}", random.random_range(0..7)),
            false => String::new(),
        };
        let effective_from = from.to_string();
        AreaPeriod { effective_from, parent, population: 1, abolished, merged_into, into_nothing: false }
    });
    let periods = periods.collect();
    let level = ["city", "district", "street"][random.random_range((number as usize / 3).min(2)..3)].to_owned();
    let area = Area { code: format!("A{number}"), name: "x".to_owned(), level, periods, ..Area::default() };
    record(Rule::Area(area)).expect("an area has a key")
}

#[test]
fn names_in_chinese_are_those_of_an_areas_first_row() {
    let rules = swabstream::policy::sample::chongqing_rules();
    let name = |code: &str| {
        let area = &rules.areas.list[rules.areas.index(code).expect(code) as usize];
        (area.name.clone(), area.name_zh.clone())
    };
    assert_eq!(name("500000"), ("Chongqing".to_owned(), "重庆市".to_owned()));
    assert_eq!(name("500103"), ("Yuzhong".to_owned(), "渝中区".to_owned()));
    assert_eq!(name("500240"), ("Shizhu".to_owned(), "石柱土家族自治县".to_owned()));
    let named = rules.areas.list.iter().filter(|area| !area.name_zh.is_empty()).count();
    assert_eq!(named, rules.areas.list.len(), "every area of Chongqing has both");
    let again = swabstream::policy::Rules::from_records(&rules.to_records()).expect("right rules");
    assert_eq!(again.areas.list[0].name_zh, rules.areas.list[0].name_zh, "they travel with the rules");
    // A registry without such names is as right, and has the digest it had before there were any.
    assert!(sample_rules().areas.list.iter().all(|area| area.name_zh.is_empty()));
}
