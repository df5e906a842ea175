//! `swabstream check`, called in this process on files of a folder of its own.

use clap::Parser;
use std::fs;
use std::process::ExitCode;
use swabstream::cli::check::{self, CheckCommand};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    check: CheckCommand,
}

/// Whether all is valid, and the page; the error where there is none.
pub fn checked(arguments: &[&str]) -> Result<(bool, String), String> {
    let parsed = Arguments::try_parse_from([&["check"], arguments].concat()).map_err(|error| error.to_string())?;
    let mut page = Vec::new();
    let code = check::run(&parsed.check, &mut page).map_err(|error| format!("{error:#}"))?;
    Ok((code == ExitCode::SUCCESS, String::from_utf8(page).expect("text")))
}

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).expect("written");
        }
        Self(folder)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}
