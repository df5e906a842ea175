//! What commands need of the settings, and what they take instead of a connection.

use crate::site::{RULES, Site, rows};
use std::fs;
use swabstream::model::record::Topic;

#[test]
fn whoever_touches_no_state_needs_no_secret() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(2, 0));
    for (command, code) in [
        (&["rules", "apply", RULES][..], 0),
        (&["rules", "show"], 0),
        (&["check", "rows.csv", "--map", "map.toml", "--rules", RULES], 0),
        (&["publish", "rows.csv", "--map", "map.toml"], 0),
        (&["watch", "tiers"], 0),
    ] {
        let (ended, text) = site.run(command);
        assert_eq!(ended, code, "{command:?}: {text}");
    }
    assert_eq!(site.count(Topic::LabResults), 2);
    let (code, text) = site.run(&["audit"]);
    assert!(code == 2 && text.contains("[secret]: the configuration has none"), "{text}");
}

#[test]
fn the_rules_in_force_can_be_taken_to_where_there_is_no_kafka() {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    let (code, rules) = site.run(&["rules", "show", "--json"]);
    assert_eq!(code, 0);
    site.write("rules.json", &rules);
    let areas = fs::read_to_string(site.path("map.toml")).expect("a map").replace("\"D1S1\"", "\"NOWHERE\"");
    site.write("map.toml", &areas);
    site.write("rows.csv", &rows(2, 0));
    let (_, by_folder) = site.run(&["check", "rows.csv", "--map", "map.toml", "--rules", RULES]);
    let (code, by_export) = site.run(&["check", "rows.csv", "--map", "map.toml", "--rules", "rules.json"]);
    assert_eq!((code, &by_export), (1, &by_folder));
    assert!(by_export.contains("unknown_area"), "{by_export}");

    site.write("rules.json", &rules.replacen("LAB-1", "LAB-9", 1));
    for (file, says) in [
        ("rules.json", "rules.json is neither a folder of rules nor such a file as is made"),
        ("rows.csv", "rows.csv is neither"),
        ("nothing", "cannot read nothing"),
    ] {
        let (code, text) = site.run(&["check", "rows.csv", "--map", "map.toml", "--rules", file]);
        assert!(code == 2 && text.contains(says), "{text}");
    }
}
