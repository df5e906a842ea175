//! The core stays pure, and everything points one way, from the commands down to the contract.

use super::sources::{root, sources};
use std::fs;

/// Parts of `src`, from the bottom to the top: each may use those above it in this list, and no other. So there is no
/// circle among them.
const PARTS: [&str; 23] = [
    "proto",
    // The core.
    "model",
    "policy",
    "state",
    "pipeline",
    // The judge: see `ALONE`.
    "audit",
    "repair",
    "memory",
    "clock",
    "config",
    "terminal",
    // What people look at.
    "view",
    "telemetry",
    // The shell around the core, and its one way to Kafka.
    "runtime",
    "kafka",
    "skip_lost",
    "processor",
    // Files, pages and commands.
    "intake",
    "http",
    "demo",
    "cli",
    "lib",
    "main",
];

/// Parts without a clock, chance, locks or Kafka.
const CORE: [&str; 4] = ["model", "policy", "state", "pipeline"];

/// Parts that use these and nothing else. What the judge had in common with the processor would be wrong on both sides and
/// look right: what it may share all the same, and what else holds that to be right, its own page says.
const ALONE: [(&str, &[&str]); 2] =
    [("audit", &["proto", "model", "policy"]), ("intake", &["proto", "model", "policy", "pipeline"])];

/// What the core never says.
const FORBIDDEN: [&str; 12] = [
    "rdkafka",
    "tokio",
    "metrics::",
    "tracing::",
    "rand::",
    "rand_chacha",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Mutex",
    "std::thread",
];

#[test]
fn the_core_and_the_judge_have_no_clock_no_chance_no_lock_and_no_kafka() {
    for part in CORE.into_iter().chain(["audit"]) {
        for (path, code) in sources(part) {
            for word in FORBIDDEN {
                assert!(!code.contains(word), "{} says {word}", path.display());
            }
        }
    }
}

#[test]
fn nothing_points_upward() {
    for (at, part) in PARTS.iter().enumerate() {
        for (path, code) in sources(part) {
            for used in uses(&code) {
                let below = PARTS[..=at].contains(&used.as_str());
                assert!(below, "{} uses crate::{used}, which is no part below {part}", path.display());
            }
        }
    }
}

#[test]
fn the_judge_and_the_reader_of_files_stand_alone() {
    for (part, allowed) in ALONE {
        for (path, code) in sources(part) {
            for used in uses(&code) {
                assert!(used == part || allowed.contains(&used.as_str()), "{} uses crate::{used}", path.display());
            }
        }
    }
}

#[test]
fn every_part_has_its_place() {
    for entry in fs::read_dir(root()).expect("sources can be read") {
        let name = entry.expect("sources can be read").path().with_extension("");
        let name = name.file_name().and_then(|name| name.to_str()).expect("names are text").to_owned();
        assert!(PARTS.contains(&name.as_str()), "src/{name} has no place among the parts");
    }
}

#[test]
fn only_the_adapter_says_rdkafka() {
    for (path, code) in sources("") {
        let adapter = path.components().any(|part| part.as_os_str() == "kafka");
        assert!(adapter || !code.contains("rdkafka::"), "{} uses rdkafka", path.display());
    }
}

/// Parts named after `crate::` in code, also those within braces.
fn uses(code: &str) -> Vec<String> {
    let word =
        |text: &str| text.trim_start().chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    let mut used = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => used.extend(within(group).into_iter().map(&word)),
            None => used.push(word(rest)),
        }
    }
    used
}

/// What stands between commas up to the brace that closes, whatever braces are within.
fn within(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut items) = (0, 0, Vec::new());
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items.into_iter().filter(|item| !item.trim().is_empty()).collect()
}
