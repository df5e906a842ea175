//! The mutations by which the simulation shows that it notices a missing guard still fit the sources. Whether it
//! notices them, `tests/mutations` shows: that takes a build for each.

use std::fs;
use std::path::Path;

/// Lines that a patch expects together, and the file it expects them in.
struct Hunk {
    file: String,
    lines: Vec<String>,
}

#[test]
fn every_mutation_fits_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fit = 0;
    for entry in fs::read_dir(root.join("tests/simulation/mutations")).expect("the mutations can be read") {
        let path = entry.expect("a mutation can be read").path();
        let patch = fs::read_to_string(&path).expect("a mutation is text");
        assert!(patch.starts_with("guard: ") && patch.contains("\nmutation: "), "{} says what it is", path.display());
        for Hunk { file, lines } in hunks(&patch) {
            let source = fs::read_to_string(root.join(&file)).expect("a mutation names a file that is there");
            let source: Vec<&str> = source.lines().collect();
            let found = source.windows(lines.len()).filter(|window| *window == lines).count();
            assert_eq!(found, 1, "{} must fit one place of {file}: make it anew", path.display());
            fit += 1;
        }
    }
    assert!(fit > 0, "there are mutations");
}

fn hunks(patch: &str) -> Vec<Hunk> {
    let (mut hunks, mut file): (Vec<Hunk>, _) = (Vec::new(), String::new());
    for line in patch.lines() {
        if let Some(name) = line.strip_prefix("--- a/") {
            file = name.to_owned();
        } else if line.starts_with("@@") {
            hunks.push(Hunk { file: file.clone(), lines: Vec::new() });
        } else if let (Some(hunk), Some(expected)) = (hunks.last_mut(), line.strip_prefix([' ', '-'])) {
            hunk.lines.push(expected.to_owned());
        }
    }
    hunks
}
