//! Real data made by others. It is not part of the project: a test that wants it finds it beside the clone, or says
//! that it is skipped.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use swabstream::policy::Rules;
use swabstream::policy::source::{self, SourceFile};

/// A file of the folder of individual results, or nothing, said aloud.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in("individual", name)
}

/// A file of one of the folders.
pub fn find_in(folder: &str, name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder).join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {name} is not there (looked for it in ../shared/data/{folder})");
    None
}

/// Rows of a (compressed) CSV file by column.
pub fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let file = File::open(path).expect("the file can be read");
    let text: Box<dyn std::io::Read> = match path.extension().is_some_and(|extension| extension == "gz") {
        true => Box::new(GzDecoder::new(file)),
        false => Box::new(file),
    };
    let mut reader = csv::Reader::from_reader(text);
    reader.deserialize().collect::<Result<_, _>>().expect("the file is CSV")
}

/// The rules written for the data of a country.
pub fn rules(country: &str) -> Rules {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules").join(country);
    let paths = std::fs::read_dir(folder).expect("the rules are part of the project");
    let files: Vec<SourceFile> = paths
        .map(|entry| entry.expect("the folder can be read").path())
        .map(|path| SourceFile {
            name: path.file_name().expect("a file").to_string_lossy().into_owned(),
            text: std::fs::read_to_string(path).expect("rules are text"),
        })
        .filter(|file| source::is_rule_file(&file.name))
        .collect();
    source::rules(&files).expect("valid rules")
}
