//! A multiplex panel of four targets, as a laboratory's file, through the real program and a real Kafka: numbers,
//! cases, alerts and tiers are those of each target alone, and the audit agrees.

use crate::support::real::RealDeployment;
use std::fs;
use std::time::Duration;
use swabstream::clock;
use swabstream::model::time::Day;
use swabstream::policy::sample::chongqing_rules;

/// Longest wait for the first numbers.
const PATIENCE: Duration = Duration::from_secs(120);

const MAP: &str = r#"
kind = "results"
zone = "Asia/Shanghai"

[fields]
lab_id = { constant = "LAB-01" }
result_id = { column = "result" }
status = { constant = "final" }
person_id = { column = "person" }
specimen_id = { template = "S-{person}" }
target = { column = "assay" }
collected_at = { column = "day", format = "%Y-%m-%d" }
area = { constant = "500109" }
purpose = { constant = "clinic" }
finding = { column = "call", values = { "DETECTED" = "positive", "ND" = "negative" } }
"#;

/// A code of LOINC, an alias in words, two ids, and one that nobody declared.
const ASSAYS: [(&str, &str); 5] =
    [("94500-6", "ND"), ("Influenza A", "DETECTED"), ("influenza-b", "ND"), ("rsv", "ND"), ("adenovirus", "DETECTED")];

#[test]
fn a_panel_of_four_targets_is_four_numbers_and_the_audit_agrees() {
    let rules = chongqing_rules();
    let mut deployment = RealDeployment::create_live("panels", &rules);
    deployment.start();
    let yesterday = rules.day(clock::now()).plus(-1);
    let folder = tempfile::tempdir().expect("a folder");
    let (map, file) = (folder.path().join("map.toml"), folder.path().join("panel.csv"));
    fs::write(&map, MAP).expect("written");
    fs::write(&file, panel(yesterday)).expect("written");
    let (map, file) = (map.to_str().expect("a plain path"), file.to_str().expect("a plain path"));
    let published = deployment.command(&["publish", file, "--map", map]);
    let said = String::from_utf8_lossy(&published.stdout);
    assert_eq!(published.status.code(), Some(1), "what nobody declared is refused: {said}");
    assert!(said.contains("unknown_target"), "{said}");
    deployment.settle();

    // The time has to be known everywhere first.
    let begun = clock::monotonic();
    while deployment.published().positivity.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "nothing is published");
        std::thread::sleep(Duration::from_millis(300));
    }
    deployment.settle();
    let numbers = deployment.published().positivity;
    let of = |target: &str| {
        let key = format!("500109{}", if target == "sars-cov-2" { String::new() } else { format!("/{target}") });
        let numbers = &numbers[&(key, yesterday)];
        let window = &numbers.purposes[0].windows[0];
        assert_eq!((numbers.target.as_str(), window.days), (target, 1));
        (window.positive_tests, window.conclusive_tests, window.people_tested, window.cases)
    };
    assert_eq!(of("sars-cov-2"), (0, 3, Some(3), 0));
    assert_eq!(of("influenza-a"), (3, 3, Some(3), 0), "no case policy is for it");
    assert_eq!(of("influenza-b"), (0, 3, Some(3), 0));
    assert_eq!(of("rsv"), (0, 3, Some(3), 0));
    assert_eq!(deployment.published().live().count(), 0, "nobody is a case of the first target");
    assert!(deployment.published().tier_changes().is_empty());

    let (code, report) = deployment.audit();
    assert_eq!((code, &report["verdict"]), (Some(0), &"agree".into()), "{report:#}");
}

fn panel(day: Day) -> String {
    let mut text = "result,person,assay,day,call\n".to_owned();
    for person in ["p1", "p2", "p3"] {
        for (assay, call) in ASSAYS {
            text.push_str(&format!("{person}-{assay},{person},{assay},{day},{call}\n"));
        }
    }
    text
}
