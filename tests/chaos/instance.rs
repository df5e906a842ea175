//! One instance of the program, as a process of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_swabstream");

/// Of the tests only.
pub const SECRET: &str = "00112233445566778899aabbccddeeff";

/// How long an instance may take to end when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(150);

/// A place where an instance runs, and again after its end.
pub struct Instance {
    pub name: String,
    folder: PathBuf,
    listen: String,
    starts: u32,
    process: Option<Child>,
}

impl Instance {
    pub fn new(folder: &Path, name: &str, kafka: &str) -> Self {
        let listen = free_address();
        let text = format!(
            "{kafka}[secret]\nenv = \"SWABSTREAM_SECRET\"\n[processing]\ninstance = \"{name}\"\nperson_workers = 1\n\
             [http]\nlisten = \"{listen}\"\n"
        );
        std::fs::write(folder.join(format!("{name}.toml")), text).expect("a file");
        Self { name: name.to_owned(), folder: folder.to_owned(), listen, starts: 0, process: None }
    }

    /// Its settings.
    pub fn settings(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.name))
    }

    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        self.starts += 1;
        let log = File::create(self.log()).expect("a file");
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(self.settings()).env("SWABSTREAM_SECRET", SECRET);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        self.process = Some(command.spawn().expect("the program starts"));
    }

    pub fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Says how it ended, if it did so by itself, and forgets it.
    pub fn has_ended(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.try_wait().expect("it was started")?;
        self.process = None;
        Some(format!("{} ended by itself ({status}):\n{}", self.name, self.last_log()))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended a moment ago.
            let _ = process.kill();
            process.wait().expect("it ends");
        }
    }

    /// SIGSTOP, SIGCONT and the like.
    pub fn signal(&self, signal: &str) {
        let Some(process) = &self.process else { return };
        let status = Command::new("kill").arg(format!("-{signal}")).arg(process.id().to_string()).status();
        assert!(status.expect("there is a kill").success(), "{} takes {signal}", self.name);
    }

    /// SIGTERM, and its end.
    pub fn leave(&mut self) {
        self.signal("TERM");
        let Some(mut process) = self.process.take() else { return };
        let began = Instant::now();
        while process.try_wait().expect("it was started").is_none() {
            if began.elapsed() > END_LIMIT {
                let _ = process.kill();
                process.wait().expect("it ends");
                panic!("{} did not end within {END_LIMIT:?}:\n{}", self.name, self.last_log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What keeps it from being ready, as it says itself; empty when it is.
    pub fn unready(&self) -> String {
        let answer = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(&self.listen)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(stream, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        match answer() {
            Ok(text) if text.starts_with("HTTP/1.1 200") => String::new(),
            Ok(text) => text.split("\r\n\r\n").last().unwrap_or_default().trim().to_owned(),
            Err(error) => format!("it does not answer: {error}"),
        }
    }

    /// Memory it holds now, in MiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory it has ever held, in MiB: the kernel misses no moment.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, line: &str) -> u64 {
        let process = self.process.as_ref().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
        let found = status.lines().find_map(|found| found.strip_prefix(line)).expect("a process has memory");
        let kib: u64 = found.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// The end of its log.
    pub fn last_log(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}-{}.log", self.name, self.starts))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Below the ephemeral range, so that no outgoing connection takes it meanwhile.
fn free_address() -> String {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.0.0.1:{}", 30_000 + (std::process::id() + tried) % 2_700);
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// Runs a command of the program; its exit code and what it said.
pub fn command(arguments: &[&str], settings: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--config").arg(settings).env("SWABSTREAM_SECRET", SECRET);
    let finished = command.output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (finished.status.code(), text(&finished.stdout), text(&finished.stderr))
}
