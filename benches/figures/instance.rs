//! swabstream as its users run it: a process of its own, which can be killed.

use super::site::Site;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_swabstream");

/// The same for all, and for these runs only.
const SECRET: &str = "00112233445566778899aabbccddeeff";

/// A place where it runs, and again after its end.
pub struct Instance {
    settings: PathBuf,
    process: Option<Child>,
}

impl Instance {
    /// Runs from now on.
    pub fn start(site: &Site, folder: &Path, name: &str) -> anyhow::Result<Self> {
        let (brokers, prefix) = (&site.config.brokers, &site.config.prefix);
        let text = format!(
            "[kafka]\nbrokers = \"{brokers}\"\nprefix = \"{prefix}\"\ngroup = \"{prefix}\"\n[secret]\nenv = \
             \"SWABSTREAM_SECRET\"\n[processing]\ninstance = \"{name}\"\n[http]\nlisten = \"127.0.0.1:0\"\n[log]\n\
             level = \"warn\"\n"
        );
        let settings = folder.join(format!("{name}.toml"));
        std::fs::write(&settings, text)?;
        let mut instance = Self { settings, process: None };
        instance.run()?;
        Ok(instance)
    }

    /// Runs again.
    pub fn run(&mut self) -> anyhow::Result<()> {
        // What it says of the others' end belongs to the run, not into its figures.
        let log = File::options().create(true).append(true).open(self.settings.with_extension("log"))?;
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(&self.settings).env("SWABSTREAM_SECRET", SECRET);
        self.process = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself, with its reason in its log.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}
