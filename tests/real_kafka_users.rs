//! A broker that wants to know who asks: whom it refuses is told why, at once and by every command, and each role can
//! do its work with what `deploy/ACLS.md` lists and with nothing less.

#[path = "support/http.rs"]
mod http;
#[path = "support/own_kafka.rs"]
#[allow(dead_code, reason = "shared with tests that take the broker away")]
mod own_kafka;

use http::get;
use own_kafka::OwnKafka;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_swabstream");
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// How long a command may take that has something to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A role, what it may not do, a command that meets this, and what it is told.
const LACKING: [(&str, &str, &[&str], &str); 8] = [
    ("lab", "--operation Write --topic lab-results", PUBLISH, "--operation Write --topic lab-results"),
    ("author", "--operation Write --transactional-id", APPLY, "--operation Write --transactional-id rules-apply"),
    ("operator", "--operation Create", CREATE, "--operation Create --topic"),
    ("processor", "--operation Read --group", RUN, "--operation Read --group"),
    ("processor", "--operation Write --transactional-id", RUN, "--operation Write --transactional-id swabstream"),
    ("watcher", "--operation Read --topic alerts", WATCH, "--operation Describe --topic alerts"),
    ("mender", "--operation Read --topic dead-letters", LIST, "--operation Describe --topic dead-letters"),
    ("auditor", "--operation Describe --group", &["audit"], "--operation Describe --group swabstream"),
];

/// A processor that is told only once it works.
const DENIED: (&str, &str) = ("denied", "--operation Write --topic person-state");

const WATCH: &[&str] = &["watch", "alerts", "--once"];
const PUBLISH: &[&str] = &["publish", "results.ndjson", "--kind", "results", "--format", "ndjson"];
const APPLY: &[&str] = &["rules", "apply", concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample")];
const CREATE: &[&str] = &["topics", "create", "--person-tasks", "2", "--area-tasks", "1"];
const RUN: &[&str] = &["run"];
const LIST: &[&str] = &["deadletters", "list"];

/// Options of `kafka-acls.sh` by role, each of one operation on one resource.
fn acls() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(Path::new(HERE).join("deploy/ACLS.md")).expect("the operators' page");
    let (mut all, mut role): (BTreeMap<String, Vec<String>>, _) = (BTreeMap::new(), String::new());
    for line in text.lines() {
        match line.strip_prefix("## ") {
            Some(name) => role = name.to_owned(),
            None if line.starts_with("--add ") => all.entry(role.clone()).or_default().extend(single(line)),
            None => {}
        }
    }
    all
}

/// A line, taken apart.
fn single(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let options: Vec<(&str, &str)> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let of = |names: &[&str]| options.iter().filter(|(name, _)| names.contains(name)).copied().collect::<Vec<_>>();
    let text = |(name, value): &(&str, &str)| format!("{name} {value}");
    let (who, how) = (of(&["--allow-principal"]), of(&["--resource-pattern-type"]));
    let mut all = Vec::new();
    for operation in of(&["--operation"]) {
        for resource in of(&["--topic", "--group", "--transactional-id"]) {
            let options = who.iter().chain([&operation, &resource]).chain(&how).map(text);
            all.push(options.collect::<Vec<_>>().join(" "));
        }
    }
    assert!(!all.is_empty(), "{line}");
    all
}

/// Those of a role's lines that say this, with the whole name of the resource where it is said.
fn lacking_lines(lines: &[String], missing: &str) -> Vec<String> {
    lines.iter().filter(|line| format!("{line} ").contains(&format!("{missing} "))).cloned().collect()
}

/// The lines of a role for another user, without some of it.
fn acls_without(lines: &[String], role: &str, user: &str, missing: &str) -> Vec<String> {
    let lacking = lacking_lines(lines, missing);
    assert_eq!(lacking.len(), 1, "{role}: {missing} is one of its lines");
    let kept = lines.iter().filter(|line| !lacking.contains(line));
    kept.map(|line| line.replace(&format!("User:{role}"), &format!("User:{user}"))).collect()
}

/// The broker with all users.
struct Site {
    _kafka: OwnKafka,
    plain: String,
    secured: String,
    certificates: PathBuf,
    folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Self {
        let roles = acls();
        let lacking = (0..LACKING.len()).map(lacking_user);
        let users: Vec<String> = roles.keys().cloned().chain(lacking).chain([DENIED.0.to_owned()]).collect();
        let kafka = OwnKafka::start_with(&[("SWABSTREAM_TEST_KAFKA_USERS", users.join(" ").as_str())]);
        let [plain, secured, certificates] = &kafka.address().split(' ').map(str::to_owned).collect::<Vec<_>>()[..]
        else {
            panic!("two listeners and a folder: {}", kafka.address())
        };
        let (plain, secured, certificates) = (plain.clone(), secured.clone(), PathBuf::from(certificates));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("results.ndjson"), result()).expect("written");
        let site = Self { _kafka: kafka, plain, secured, certificates, folder };
        let mut lines: Vec<String> = roles.values().flatten().cloned().collect();
        for (number, (role, missing, ..)) in LACKING.iter().enumerate() {
            lines.extend(acls_without(&roles[*role], role, &lacking_user(number), missing));
        }
        lines.extend(acls_without(&roles["processor"], "processor", DENIED.0, DENIED.1));
        site.allow(&lines);
        site
    }

    /// Adds what is listed, as Kafka's own tool does.
    fn allow(&self, lines: &[String]) {
        let libraries = Path::new(HERE).join("target/kafka-libs/*");
        let mut java = Command::new("java")
            .arg("-cp")
            .arg(libraries)
            .arg(Path::new(HERE).join("tests/kafka/Acls.java"))
            .arg(&self.plain)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("java runs");
        java.stdin.take().expect("a pipe").write_all(lines.join("\n").as_bytes()).expect("it listens");
        let done = java.wait_with_output().expect("it ends");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn properties(&self, user: &str, password: &str, ca: &str) -> Vec<(&'static str, String)> {
        let ca = self.certificates.join(ca).display().to_string();
        let sasl = [("sasl.mechanism", "PLAIN"), ("sasl.username", user), ("sasl.password", password)];
        let sasl = sasl.into_iter().map(|(name, value)| (name, value.to_owned()));
        [("security.protocol", "sasl_ssl".to_owned()), ("ssl.ca.location", ca)].into_iter().chain(sasl).collect()
    }

    fn settings(&self, name: &str, brokers: &str, properties: &[(&str, String)]) -> PathBuf {
        let properties: String = properties.iter().map(|(name, value)| format!("\"{name}\" = \"{value}\"\n")).collect();
        let text = format!(
            "[kafka]\nbrokers = \"{brokers}\"\nconnect_timeout_s = 600\n[kafka.properties]\n{properties}\
             [secret]\nenv = \"SWABSTREAM_SECRET\"\n[processing]\ninstance = \"one\"\nperson_workers = 1\n\
             [http]\nlisten = \"127.0.0.1:0\"\n"
        );
        let file = self.folder.path().join(format!("{name}.toml"));
        fs::write(&file, text).expect("written");
        file
    }

    fn of_user(&self, user: &str) -> PathBuf {
        self.settings(user, &self.secured, &self.properties(user, &format!("{user}-secret"), "ca.pem"))
    }

    fn spawn(&self, command: &[&str], settings: &Path) -> Child {
        Command::new(PROGRAM)
            .args(command)
            .arg("--config")
            .arg(settings)
            .current_dir(self.folder.path())
            .env("SWABSTREAM_SECRET", "00112233445566778899aabbccddeeff")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs")
    }

    /// Runs a command to its end: exit code, and all it said.
    fn command(&self, command: &[&str], settings: &Path) -> (Option<i32>, String) {
        let mut child = self.spawn(command, settings);
        let began = Instant::now();
        while child.try_wait().expect("it was started").is_none() {
            if began.elapsed() > PATIENCE {
                child.kill().expect("it runs");
                let done = child.wait_with_output().expect("it ended");
                panic!("{command:?} waits for ever: {}", String::from_utf8_lossy(&done.stderr));
            }
            sleep(Duration::from_millis(20));
        }
        let done = child.wait_with_output().expect("it ended");
        let said = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    #[track_caller]
    fn assert_refused(&self, command: &[&str], settings: &Path, words: &[&str]) {
        let (code, said) = self.command(command, settings);
        assert_eq!(code, Some(2), "{command:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{command:?} does not say {word:?}: {said}");
        }
        assert!(
            !said.contains("-secret") && !said.contains("no such password"),
            "{command:?} shows a password: {said}"
        );
    }

    #[track_caller]
    fn assert_done(&self, command: &[&str], user: &str) {
        let (code, said) = self.command(command, &self.of_user(user));
        assert_eq!(code, Some(0), "{command:?} of {user}: {said}");
    }
}

/// The log of a processor, as far as it was waited for.
struct Log {
    lines: BufReader<ChildStderr>,
    text: String,
}

impl Log {
    fn of(process: &mut Child) -> Self {
        Self { lines: BufReader::new(process.stderr.take().expect("piped")), text: String::new() }
    }

    fn text(&self) -> &str {
        &self.text
    }

    /// The next line with these words.
    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).expect("text") > 0, "it ended without {words:?}: {}", self.text);
            self.text += &line;
            if line.contains(words) {
                return line;
            }
        }
    }
}

/// Commits of people that were refused.
fn aborted(port: u16) -> u64 {
    let metrics = get(port, "/metrics");
    let is_asked = |line: &&str| {
        line.starts_with("swabstream_commits_total{") && line.contains("\"person\"") && line.contains("\"aborted\"")
    };
    let count = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
    metrics.lines().find(is_asked).and_then(count).unwrap_or(0)
}

fn number_behind(line: &str, name: &str) -> Option<u64> {
    let digits = line.split(name).nth(1)?;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

fn lacking_user(number: usize) -> String {
    format!("lacking{number}")
}

fn result() -> String {
    let now = jiff::Timestamp::now();
    let collected = jiff::Timestamp::from_second(now.as_second() - 3_600).expect("a time");
    format!(
        r#"{{"lab_id":"LAB-1","result_id":"r1","status":"RESULT_STATUS_FINAL","person_id":"p1","specimen_id":"s1","target":"sars-cov-2","collected_at":"{collected}","area":"D1S1","purpose":"screening","finding":"FINDING_POSITIVE"}}"#
    ) + "\n"
}

/// Every command that asks a broker first thing, with what it needs.
const COMMANDS: [&[&str]; 7] = [&["topics", "check"], &["rules", "show"], APPLY, PUBLISH, RUN, WATCH, &["audit"]];

#[test]
fn who_is_refused_is_told_why_and_who_may_work_can() {
    let site = Site::start();
    wrong_settings_are_told(&site);
    roles_can_work(&site);
}

fn wrong_settings_are_told(site: &Site) {
    let password = site.settings("password", &site.secured, &site.properties("lab", "no such password", "ca.pem"));
    let stranger = site.settings("stranger", &site.secured, &site.properties("who", "who-secret", "ca.pem"));
    let other_ca = site.settings("other-ca", &site.secured, &site.properties("lab", "lab-secret", "other-ca.pem"));
    let plaintext = site.settings("plaintext", &site.secured, &[]);
    let tls = site.settings("tls", &site.plain, &site.properties("lab", "lab-secret", "ca.pem"));
    let tls_alone = [("security.protocol", "ssl".to_owned()), ("ssl.ca.location", ca(site))];
    let without_user = site.settings("without-user", &site.secured, &tls_alone);
    let mut other = site.properties("lab", "lab-secret", "ca.pem");
    other.iter_mut().filter(|(name, _)| *name == "sasl.mechanism").for_each(|(_, way)| *way = "SCRAM-SHA-512".into());
    let mechanism = site.settings("mechanism", &site.secured, &other);

    let check: &[&str] = &["topics", "check"];
    let refused = ["authentication failed for user \"lab\" by PLAIN", &site.secured];
    let untrusted = ["certificate is not trusted by ssl.ca.location", "other-ca.pem"];
    let mut cases: Vec<(&[&str], &Path, [&str; 2])> = vec![
        (check, &stranger, ["authentication failed for user \"who\"", "sasl.password"]),
        (check, &plaintext, ["security.protocol is plaintext (the default)", "wants TLS"]),
        (check, &tls, ["security.protocol is sasl_ssl", "does not speak TLS"]),
        (check, &without_user, ["security.protocol is ssl", "sasl_ssl"]),
        (check, &mechanism, ["sasl.mechanism SCRAM-SHA-512", "does not take"]),
    ];
    cases.extend(COMMANDS.map(|command| (command, &*password, refused)));
    cases.extend(COMMANDS.map(|command| (command, &*other_ca, untrusted)));
    // All at once: each waits for a moment whether another broker lets it in.
    std::thread::scope(|scope| {
        for (command, settings, words) in cases {
            scope.spawn(move || site.assert_refused(command, settings, &words));
        }
    });
}

fn ca(site: &Site) -> String {
    site.certificates.join("ca.pem").display().to_string()
}

fn roles_can_work(site: &Site) {
    assert_lacking(site, "operator");
    site.assert_done(CREATE, "operator");
    site.assert_done(&["topics", "check"], "operator");
    assert_lacking(site, "author");
    site.assert_done(APPLY, "author");
    site.assert_done(&["rules", "show"], "author");
    site.assert_done(&["days", "list"], "author");
    assert_lacking(site, "processor");
    what_is_denied_at_work_is_named(site);
    let mut processor = site.spawn(RUN, &site.of_user("processor"));
    assert_lacking(site, "lab");
    site.assert_done(PUBLISH, "lab");
    // Until something is committed, there is nothing to count.
    let began = Instant::now();
    loop {
        let (code, said) = site.command(&["audit"], &site.of_user("auditor"));
        let all = said.contains("over 1 inputs");
        if code == Some(0) && all {
            break;
        }
        assert!(processor.try_wait().expect("it was started").is_none(), "the processor ended");
        assert!(code != Some(2) || said.contains("nothing was ever committed"), "{said}");
        assert!(began.elapsed() < PATIENCE, "{said}");
        sleep(Duration::from_millis(200));
    }
    assert_lacking(site, "auditor");
    assert_lacking(site, "watcher");
    site.assert_done(&["watch", "alerts", "--once"], "watcher");
    site.assert_done(&["watch", "positivity", "--once"], "watcher");
    site.assert_done(&["show", "duties", "D1"], "watcher");
    assert_lacking(site, "mender");
    site.assert_done(LIST, "mender");
    site.assert_done(&["deadletters", "retry", "--all"], "mender");
    mends(site);
    processor.kill().expect("it runs");
    processor.wait().expect("it ends");
    site.assert_done(&["repair", "--dry-run"], "processor");
    site.assert_done(&["skip-lost"], "processor");
}

/// A letter is mended and sent again, by whoever may do that and no more.
fn mends(site: &Site) {
    fs::write(site.folder.path().join("bad.ndjson"), result().replace("D1S1", "NOWHERE")).expect("written");
    site.assert_done(&["publish", "bad.ndjson", "--kind", "results", "--force"], "lab");
    let began = Instant::now();
    let place = loop {
        let (_, said) = site.command(&["deadletters", "list", "--json"], &site.of_user("mender"));
        if let Some(place) = said.split("\"origin\":\"").nth(1).and_then(|rest| rest.split('"').next()) {
            break place.to_owned();
        }
        assert!(began.elapsed() < PATIENCE, "{said}");
        sleep(Duration::from_millis(200));
    };
    site.assert_done(&["deadletters", "edit", &place, "--with", "results.ndjson"], "mender");
    let (code, said) =
        site.command(&["deadletters", "edit", &place, "--with", "results.ndjson"], &site.of_user("mender"));
    assert!(code == Some(1) && said.contains("was sent again before"), "{said}");
}

/// The processor may begin, and must not write its state: its log says who, what and where, once however often it tries,
/// and it goes on by itself when it may.
fn what_is_denied_at_work_is_named(site: &Site) {
    let mut processor = site.spawn(RUN, &site.of_user(DENIED.0));
    let mut log = Log::of(&mut processor);
    let port = log.await_line("page, metrics and health");
    let port = port.split("http://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
    let port: u16 = port.expect("it names its port");
    let failed = log.await_line("may not");
    let says =
        "User:denied may not Write topic person-state: an ACL is missing: --operation Write --topic person-state";
    assert!(failed.contains(says) && failed.contains("deploy/ACLS.md"), "{failed}");
    let began = Instant::now();
    while aborted(port) < 5 {
        assert!(began.elapsed() < PATIENCE, "it goes on trying: {}", log.text());
        sleep(Duration::from_millis(50));
    }
    while !get(port, "/readyz").contains("may not Write topic person-state") {
        assert!(began.elapsed() < PATIENCE, "it does not say what fails: {}", get(port, "/readyz"));
        sleep(Duration::from_millis(50));
    }
    let [line] = &lacking_lines(&acls()["processor"], DENIED.1)[..] else { panic!("{} is one of its lines", DENIED.1) };
    site.allow(&[line.replace("User:processor", "User:denied")]);
    let recovered = log.await_line("commits fail no more");
    let failures: u64 = number_behind(&recovered, "failures=").expect("how many");
    let left_out: u64 = number_behind(&recovered, "left_out=").expect("how many");
    let told = log.text().matches("commit failed").count() as u64;
    let minutes = began.elapsed().as_secs() / 60 + 1;
    assert!(failures >= 5 && left_out > 0 && told <= minutes, "{told} of {failures} are told: {}", log.text());
    let running = log.text().matches(" running ").count() as u64;
    // One of the area task and two of people at the start; the latter again after each failure that is told.
    assert!(running <= 3 + 2 * told, "nor are the restores between them: {}", log.text());
    // In order: a member that was killed would hold up whoever comes next until its session ends.
    let asked = Command::new("kill").args(["-TERM", &processor.id().to_string()]).status().expect("kill");
    assert!(asked.success());
    log.await_line("everything applied is committed");
    assert_eq!(processor.wait().expect("it ends").code(), Some(0), "{}", log.text());
}

/// Without one line of its list, a role is told which.
#[track_caller]
fn assert_lacking(site: &Site, role: &str) {
    for (number, (_, _, command, words)) in LACKING.iter().enumerate().filter(|(_, (of, ..))| *of == role) {
        site.assert_refused(command, &site.of_user(&lacking_user(number)), &["an ACL is missing", words]);
    }
}
