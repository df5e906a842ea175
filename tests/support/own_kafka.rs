//! A real Apache Kafka of a test's own, which may be paused, killed and started again on its port and folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The broker. It ends with this value, or with this process: the script stops it when its standard input closes.
pub struct OwnKafka {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    script: Child,
    address: String,
}

impl OwnKafka {
    /// Starts one. What is advertised, clients are told to connect to instead of the broker: something that stands
    /// before it.
    ///
    /// # Panics
    /// When it cannot be started; the script has then said on standard error what is missing.
    pub fn start(advertised: Option<&str>) -> Self {
        let advertised = advertised.map(|address| ("SWABSTREAM_TEST_KAFKA_ADVERTISED", address));
        Self::start_with(advertised.as_slice())
    }

    /// Starts one with settings of the script.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/start");
        let mut script = Command::new(&script)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", script.display()));
        let output = BufReader::new(script.stdout.take().expect("standard output is a pipe"));
        let input = script.stdin.take();
        let mut kafka = Self { input, output, script, address: String::new() };
        kafka.address = kafka.answer();
        kafka
    }

    /// `HOST:PORT`, the same for as long as it lives.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Does what a command of `tests/kafka/start` says (`pause`, `resume`, `kill`, `stop`, `start`), and waits until
    /// it is done.
    ///
    /// # Panics
    /// When it fails; the script has then said why on standard error.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.input.as_mut().expect("open until dropped"), "{command}").expect("the script listens");
        self.answer();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the script's output is text");
        assert!(!line.is_empty(), "the script ended: see the message of tests/kafka/start above");
        line.trim().to_owned()
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        drop(self.input.take());
        // Waited for, so that its folder is gone and the next test has the machine to itself.
        let _ = self.script.wait();
    }
}
