//! Rules that come with the repository are right.

use crate::errors::folder;
use swabstream::policy::source;

#[test]
fn every_folder_of_rules_in_the_repository_is_right() {
    for name in ["deploy/rules/sample", "deploy/rules/chongqing", "tests/rules/estonia", "tests/rules/israel"] {
        source::rules(&folder(name)).unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
    }
}

#[test]
fn chongqing_has_its_38_districts_each_on_a_tile_and_all_its_people() {
    let rules = source::rules(&folder("deploy/rules/chongqing")).expect("shipped rules are right");
    let districts: Vec<_> = rules.areas.list.iter().filter(|area| area.level == 1).collect();
    assert_eq!(districts.len(), 38);
    assert!(districts.iter().all(|area| area.tile.is_some()));
    let people = |level: u8| -> u64 {
        let areas = rules.areas.list.iter().filter(|area| area.level == level);
        areas.map(|area| area.facts[0].population).sum()
    };
    assert_eq!([people(0), people(1), people(2)], [32_054_159; 3]);
}
