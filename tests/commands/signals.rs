//! Processes that are asked to end, or to read their settings again.

use crate::http::get;
use crate::outputs::{Reader, code, end, stuck};
use crate::site::{PATIENCE, RULES, Site, program, rows, signal};
use crate::waiting::wait_until;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use swabstream::model::record::Topic;

pub const SECRET: &str = "00112233445566778899aabbccddeeff";

/// A process whose log goes to a file.
pub struct Logged {
    child: Child,
    log: std::path::PathBuf,
}

impl Logged {
    fn start(site: &Site, arguments: &[&str]) -> Self {
        let log = site.path("log");
        let mut command = site.command(arguments);
        command.env("SWABSTREAM_SECRET", SECRET);
        let child = Reader::Gone.of(command).stderr(File::create(&log).expect("a file")).spawn().expect("it runs");
        Self { child, log }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.log).expect("text")
    }

    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Where its page is.
    pub fn port(&self) -> u16 {
        port(&self.text())
    }

    fn wait_for(&self, words: &str) {
        wait_until(&format!("no `{words}`"), || self.text().contains(words));
    }

    pub fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it was started") {
                return (code(status), self.text());
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Logged {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A deployment with rules, and the processor at work on it.
pub fn at_work(name: &str) -> (Site, Logged) {
    let site = Site::real_with_topics(name);
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    site.set("[secret]\nenv = \"SWABSTREAM_SECRET\"\n[http]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"info\"\n");
    let run = Logged::start(&site, &["run"]);
    run.wait_for("page, metrics and health");
    (site, run)
}

/// A deployment whose processor has committed something and ended.
pub fn ran(name: &str) -> Site {
    let (site, run) = at_work(name);
    site.write("rows.csv", &rows(5, 0));
    assert_eq!(site.run(&["publish", "rows.csv", "--map", "map.toml"]).0, 0);
    wait_until("what is counted is published", || site.count(Topic::AreaPositivity) > 0);
    signal(&run.child, "TERM");
    let (code, log) = run.end();
    assert_eq!(code, 0, "{log}");
    site
}

/// The port that the log names.
fn port(log: &str) -> u16 {
    let rest = log.split("http://127.0.0.1:").nth(1).expect("an address");
    rest.split('/').next().and_then(|port| port.parse().ok()).expect("a port")
}

#[test]
fn the_processor_names_its_port_and_ends_in_order_by_sigint_and_sigterm() {
    for name in ["INT", "TERM"] {
        let (_site, run) = at_work("run-ends");
        let port = port(&run.text());
        assert_ne!(port, 0, "the port that was bound, not the one that was asked for");
        assert!(get(port, "/healthz").starts_with("HTTP/1.1 200"));
        signal(&run.child, name);
        let (code, log) = run.end();
        assert_eq!(code, 0, "{log}");
        assert!(
            log.contains("ending after the last commits") && log.contains("everything applied is committed"),
            "{log}"
        );
    }
}

#[test]
fn clients_that_neither_ask_nor_read_do_not_keep_the_processor_from_ending() {
    let (_site, run) = at_work("run-clients");
    let port = port(&run.text());
    let clients =
        ["GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: loc"].map(|asked| {
            let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
            client.write_all(asked.as_bytes()).expect("it reads");
            client
        });
    signal(&run.child, "TERM");
    let (code, log) = run.end();
    assert_eq!(code, 0, "{log}");
    drop(clients);
}

#[test]
fn a_hangup_makes_the_processor_read_its_settings_again_and_kills_nothing() {
    let (site, run) = at_work("run-reloads");
    let port = port(&run.text());
    let settings = fs::read_to_string(site.path("settings.toml")).expect("settings");

    site.write("settings.toml", &settings.replace("level = \"info\"", "level = \"info,swabstream=debug\""));
    signal(&run.child, "HUP");
    run.wait_for("the settings were read again");
    assert!(run.text().contains("connections=false"), "{}", run.text());

    site.write("settings.toml", "[kafka]\nbrokers = 7\n");
    signal(&run.child, "HUP");
    run.wait_for("cannot be used; those before stay");

    // Another client setting: connections are made anew, the page stays where it is, results are processed after it.
    let changed = settings.replace("group = ", "properties = { \"socket.keepalive.enable\" = true }\ngroup = ");
    site.write("settings.toml", &changed.replace("[http]", "[processing]\ncommit_interval_ms = 50\n[http]"));
    signal(&run.child, "HUP");
    run.wait_for("connections were made anew");
    assert!(
        run.text().contains("these are others now") && run.text().contains("settings=\"[processing]\""),
        "{}",
        run.text()
    );
    wait_until("it is ready", || get(port, "/readyz").starts_with("HTTP/1.1 200"));
    site.write("rows.csv", &rows(5, 0));
    let (code, said) = site.run(&["publish", "rows.csv", "--map", "map.toml"]);
    assert_eq!(code, 0, "{said}");
    let accepted = "swabstream_outcomes_total{half=\"person\",outcome=\"accepted\",code=\"none\"} 5\n";
    wait_until("five outcomes", || get(port, "/metrics").contains(accepted));
    signal(&run.child, "TERM");
    let (code, log) = run.end();
    assert_eq!(code, 0, "{log}");
}

#[test]
fn a_processor_that_still_waits_for_its_broker_can_be_asked_to_end() {
    let site = Site::embedded();
    let settings =
        "[kafka]\nbrokers = \"127.0.0.1:9\"\n[secret]\nenv = \"SWABSTREAM_SECRET\"\n[http]\nlisten = \"127.0.0.1:0\"\n";
    for name in ["HUP", "TERM"] {
        site.write("settings.toml", settings);
        let run = Logged::start(&site, &["run"]);
        std::thread::sleep(Duration::from_millis(500));
        signal(&run.child, name);
        if name == "HUP" {
            std::thread::sleep(Duration::from_millis(300));
            signal(&run.child, "TERM");
        }
        let (code, log) = run.end();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("ended before the work began"), "{log}");
    }
}

/// A publication that takes its time, with some of it delivered.
fn publishing(site: &Site) -> Child {
    site.write("rows.csv", &rows(2_000, 0));
    let mut command = site.command(&["publish", "rows.csv", "--map", "map.toml", "--no-rules", "--rate", "100"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    site.wait_for(Topic::LabResults, 5);
    child
}

#[test]
fn a_publication_ends_in_order_by_every_signal_and_says_what_was_delivered() {
    for name in ["INT", "TERM", "HUP"] {
        let site = Site::embedded();
        let child = publishing(&site);
        signal(&child, name);
        let (code, errors) = end(child);
        assert_eq!(code, 2, "{errors}");
        let delivered = site.count(Topic::LabResults);
        let says =
            format!("error: interrupted: {delivered} of 2000 records were delivered to lab-results; to send what");
        assert!(delivered < 2_000 && errors.starts_with(&says), "{delivered}: {errors}");
    }
}

#[test]
fn a_publication_is_ended_while_it_waits_for_its_broker() {
    for again in [false, true] {
        let mut site = Site::embedded();
        let settings = fs::read_to_string(site.path("settings.toml")).expect("settings");
        let little = "properties = { \"queue.buffering.max.messages\" = 20, ";
        site.write("settings.toml", &settings.replace("properties = { ", little));
        let child = publishing(&site);
        site.take_broker();
        // Until there is no room for more.
        std::thread::sleep(Duration::from_secs(2));
        signal(&child, "TERM");
        if again {
            std::thread::sleep(Duration::from_millis(300));
            signal(&child, "TERM");
        }
        let (code, errors) = end(child);
        assert_eq!(code, 2, "{errors}");
        match again {
            false => assert!(
                errors.contains("interrupted: up to 5 s for what is on its way")
                    && errors.contains(" were on their way"),
                "{errors}"
            ),
            true => assert!(errors.contains("ended at once: at least ") && errors.contains(" of 2000 "), "{errors}"),
        }
    }
    let site = Site::embedded();
    site.write("rows.csv", &rows(1, 0));
    site.write("settings.toml", "[kafka]\nbrokers = \"127.0.0.1:9\"\n");
    for rules in [&[][..], &["--no-rules"]] {
        let publish = [&["publish", "rows.csv", "--map", "map.toml"], rules].concat();
        let child = site.command(&publish).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, "TERM");
        let says = "error: interrupted while waiting for the Kafka broker; nothing was done\n";
        assert_eq!(end(child), (2, says.to_owned()));
    }
}

#[test]
fn a_publication_goes_on_where_hangups_are_ignored() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(200, 0));
    let publish = "exec \"$0\" publish rows.csv --map map.toml --no-rules --rate 100";
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' HUP; {publish}"), env!("CARGO_BIN_EXE_swabstream")]);
    command.current_dir(site.folder.path()).env("SWABSTREAM_CONFIG", site.path("settings.toml"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    site.wait_for(Topic::LabResults, 5);
    signal(&child, "HUP");
    let (code, errors) = end(child);
    assert_eq!((code, site.count(Topic::LabResults)), (0, 200), "{errors}");
}

#[test]
fn a_demonstration_ends_in_order_when_its_terminal_closes() {
    let mut command = program(&["demo", "--rate", "500", "--http", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    while !text.contains("consumed") {
        assert!(output.read_line(&mut text).expect("text") > 0, "{text}");
    }
    signal(&child, "HUP");
    output.read_to_string(&mut text).expect("text");
    assert_eq!(end(child), (0, String::new()), "{text}");
    assert!(text.contains("ledger balances"), "{text}");
}

#[test]
fn asked_twice_a_process_ends_at_once_and_says_what_is_left() {
    let site = Site::embedded();
    site.write("rows.csv", &rows(200, 300));
    // Nobody reads, and its work is done but for what it has to say.
    let (read, stdout) = stuck();
    let mut command = site.command(&["publish", "rows.csv", "--map", "map.toml", "--no-rules", "--rate", "20"]);
    let child = command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(command);
    site.wait_for(Topic::LabResults, 2);
    // What is on its way is waited for, so a broker that does not answer is what makes the second one needed; two at
    // once come to the same.
    signal(&child, "STOP");
    signal(&child, "TERM");
    signal(&child, "INT");
    signal(&child, "CONT");
    let (code, errors) = end(child);
    drop(read);
    assert_eq!(code, 2, "{errors}");
    let says = "ended at once: at least ";
    assert!(errors.starts_with(says) && errors.contains(" of 200 records were delivered to lab-results"), "{errors}");
}

#[test]
fn the_processor_asked_twice_ends_at_once() {
    let (_site, run) = at_work("run-twice");
    signal(&run.child, "STOP");
    signal(&run.child, "TERM");
    signal(&run.child, "INT");
    signal(&run.child, "CONT");
    let (code, log) = run.end();
    assert!(code == 2 && log.contains("ended at once: ") && log.contains("is read again"), "{code}: {log}");
}

#[test]
fn a_check_of_what_is_typed_can_be_interrupted() {
    let site = Site::embedded();
    let mut command = site.command(&["check", "-", "--kind", "results", "--format", "ndjson"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let typed = child.stdin.take();
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let (code, errors) = end(child);
    drop(typed);
    assert_eq!((code, errors.as_str()), (2, "error: interrupted after 0 rows of (standard input)\n"));
}

#[test]
fn logs_that_nobody_collects_hold_up_no_work() {
    let site = Site::real_with_topics("run-unheard");
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    site.set("[secret]\nenv = \"SWABSTREAM_SECRET\"\n[http]\nlisten = \"127.0.0.1:0\"\n");
    let mut command = site.command(&["run"]);
    command.env("SWABSTREAM_SECRET", SECRET).stderr(Stdio::piped());
    let mut child = Reader::Gone.of(command).spawn().expect("it runs");
    // The collector hears the first line and goes.
    let mut line = String::new();
    BufReader::with_capacity(1, child.stderr.take().expect("piped")).read_line(&mut line).expect("text");
    assert!(!line.is_empty());
    site.write("rows.csv", &rows(5, 0));
    assert_eq!(site.run(&["publish", "rows.csv", "--map", "map.toml"]).0, 0);
    wait_until("what is counted is published", || site.count(Topic::AreaPositivity) > 0);
    signal(&child, "TERM");
    assert_eq!(end(child).0, 0);
}
