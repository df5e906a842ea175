//! The rule sets that come with the program, for the demo, for examples and for tests.

use super::Rules;
use super::source::{self, SourceFile};

/// The files of one folder below `deploy/rules`, embedded.
macro_rules! embedded {
    ($folder:literal: $($file:literal)+) => {
        [$((
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/", $folder, "/", $file)),
        )),+]
    };
}

/// A small city of three districts and five streets, with a border change on 2022-11-15, a merger on 2022-12-01, three
/// labs, and a tier policy of each kind; influenza beside the first target, and a third without policies. Zone
/// Asia/Shanghai, horizon 7 days, all rules from 2020-01-01.
///
/// # Panics
///
/// If the embedded files are wrong, which a test of this crate excludes.
pub fn sample_rules() -> Rules {
    parsed(&embedded!("sample": "deployment.toml" "case-sample.toml" "case-influenza.toml" "tier-clean-day.toml"
        "tier-threshold.toml" "tier-influenza.toml" "areas.csv" "labs.csv"))
}

/// Chongqing: its 38 districts with invented wards, 20 invented labs, and the dated policies of 2021 and 2022. Zone
/// Asia/Shanghai, horizon 7 days.
///
/// # Panics
///
/// As [`sample_rules`].
pub fn chongqing_rules() -> Rules {
    parsed(&embedded!("chongqing": "deployment.toml" "case-2022-06-28.toml" "case-2022-11-11.toml"
        "tier-20-measures.toml" "tier-cdc-transmission.toml" "areas.csv" "labs.csv"))
}

fn parsed(files: &[(&str, &str)]) -> Rules {
    let file = |(name, text): &(&str, &str)| SourceFile { name: (*name).to_owned(), text: (*text).to_owned() };
    let files: Vec<SourceFile> = files.iter().map(file).collect();
    source::rules(&files).expect("the embedded rules are checked by a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_rules_are_right() {
        assert_eq!(sample_rules().areas.list.len(), 9);
        assert_eq!(chongqing_rules().areas.list.len(), 1 + 38 + 168);
    }
}
