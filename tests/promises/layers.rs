//! The core stays pure, and everything points one way: model ← policy ← state ← pipeline ← runtime ← the rest.

use std::fs;
use std::path::{Path, PathBuf};

/// Parts of `src`, each with those it may use.
const LAYERS: [(&str, &[&str]); 5] = [
    ("model", &["proto"]),
    ("policy", &["proto", "model"]),
    ("state", &["proto", "model", "policy"]),
    ("pipeline", &["proto", "model", "policy", "state"]),
    // The judge: what it had in common with the processor would be wrong on both sides and look right. What it may
    // share all the same, and what else holds that to be right, its own page says.
    ("audit", &["proto", "model", "policy"]),
];

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
fn the_core_has_no_clock_no_chance_no_lock_and_no_kafka() {
    for (layer, _) in LAYERS {
        for (path, code) in sources(layer) {
            for word in FORBIDDEN {
                assert!(!code.contains(word), "{} says {word}", path.display());
            }
        }
    }
}

#[test]
fn nothing_points_against_the_flow() {
    for (layer, allowed) in LAYERS {
        for (path, code) in sources(layer) {
            for used in uses(&code) {
                let may = used.starts_with(layer) || allowed.iter().any(|part| used.starts_with(part));
                assert!(may, "{} uses crate::{used}", path.display());
            }
        }
    }
}

#[test]
fn only_the_adapter_says_rdkafka() {
    for (path, code) in sources("") {
        let adapter = path.components().any(|part| part.as_os_str() == "kafka");
        assert!(adapter || !code.contains("rdkafka::"), "{} uses rdkafka", path.display());
    }
}

/// Paths after `crate::` in code, those in comments left out.
fn uses(code: &str) -> Vec<String> {
    let pieces = code.split("crate::").skip(1);
    pieces
        .map(|rest| rest.chars().take_while(|char| char.is_alphanumeric() || "_:".contains(*char)).collect())
        .collect()
}

/// Every source file below a part of `src`, without its comments and tests.
fn sources(part: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part);
    let mut folders = vec![root.clone()];
    let beside = root.with_extension("rs");
    let mut files: Vec<PathBuf> = beside.is_file().then_some(beside).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources can be read") {
            let path = entry.expect("sources can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(!files.is_empty(), "there is no src/{part}");
    files.into_iter().map(|path| (path.clone(), code_of(&path))).collect()
}

fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("sources are text");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}
