//! Dead letters looked into, mended and sent again: each once, whoever is killed.

use crate::http::get;
use crate::outputs::{Reader, slow, unread};
use crate::records::final_result;
use crate::signals::at_work;
use crate::site::{RULES, Site, signal};
use crate::waiting::wait_until;
use prost::Message as _;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::time::Duration;
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topic_name;
use swabstream::model::outcome::{Reject, RejectCode};
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::dead_letter;
use swabstream::proto::v1::{Finding, LabResult};

const LIMIT: Duration = Duration::from_secs(60);
const JSON: &[u8] = b"application/json";

/// A result that is taken, of a swab of an hour ago.
fn result(id: &str) -> String {
    let collected = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - 3_600).expect("a time");
    format!(
        r#"{{"lab_id":"LAB-1","result_id":"{id}","status":"RESULT_STATUS_FINAL","person_id":"PERSON-{id}","specimen_id":"S-{id}","target":"sars-cov-2","collected_at":"{collected}","area":"D1S1","purpose":"screening","finding":"FINDING_NEGATIVE"}}"#
    )
}

/// A result that was set aside, and would be taken now.
fn letter(number: i64) -> Output {
    let (payload, key) = (result(&format!("r{number}")), format!("PERSON-r{number}"));
    let record = Record {
        position: Position { topic: Topic::LabResults, partition: (number % 2) as i32, offset: number },
        received_at: Timestamp(1_668_130_000_000),
        key: Some(key.as_bytes()),
        payload: Some(payload.as_bytes()),
        content_type: Some(JSON),
    };
    dead_letter::output(&record, &Reject::new(RejectCode::UnknownArea, "area"), (number % 2) as i32)
}

/// Rules in force, and so many letters that would be taken.
fn with_letters(site: &Site, letters: i64) {
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    let all: Vec<Output> = (0..letters).map(letter).collect();
    publish_all(&site.config, &format!("{}letters", site.config.prefix), &all).expect("set aside");
}

/// How often each payload lies in an input.
fn in_input(site: &Site) -> BTreeMap<Vec<u8>, usize> {
    let mut reader =
        TopicReader::open(&site.config, &[Topic::LabResults], From::Beginning).expect("the topic is there");
    let mut all: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut take = |records: &[Record<'_>]| {
        for record in records {
            *all.entry(record.payload.unwrap_or_default().to_vec()).or_default() += 1;
        }
    };
    reader.read_to_end(LIMIT, &mut take).expect("readable");
    all
}

#[track_caller]
fn assert_each_once(site: &Site, letters: usize) {
    let all = in_input(site);
    assert_eq!(all.len(), letters, "each is there");
    assert!(all.values().all(|times| *times == 1), "and once");
    assert_eq!(site.count(Topic::Retried), letters, "and that is known");
}

#[test]
fn letters_are_sent_again_whoever_reads_of_it() {
    let retry = ["deadletters", "retry", "--all", "--yes"];
    for reader in Reader::ALL {
        let site = Site::embedded();
        with_letters(&site, 12);
        let (code, errors) = unread(site.command(&retry), reader);
        assert_eq!(code, 0, "{errors}");
        assert!(errors.starts_with(reader.says()) && errors.ends_with("\n  12 sent again\n"), "{errors}");
        assert_each_once(&site, 12);
    }
    let site = Site::embedded();
    with_letters(&site, 12);
    let (code, text) = slow(site.command(&retry), || site.wait_for(Topic::LabResults, 12));
    assert!(code == 0 && text.ends_with("12 sent again\n"), "{text}");
}

#[test]
fn a_letter_is_mended_whoever_reads_of_it() {
    let edit = ["deadletters", "edit", "lab-results/0/0", "--with", "mended.json"];
    let with_one = || {
        let site = Site::embedded();
        with_letters(&site, 1);
        site.write("mended.json", &result("mended"));
        site
    };
    for reader in Reader::ALL {
        let site = with_one();
        let (code, errors) = unread(site.command(&edit), reader);
        assert_eq!(code, 0, "{errors}");
        assert!(
            errors.starts_with(reader.says()) && errors.ends_with("lab-results/0/0: sent again, edited\n"),
            "{errors}"
        );
        assert_each_once(&site, 1);
    }
    let site = with_one();
    let (code, text) = slow(site.command(&edit), || site.wait_for(Topic::LabResults, 1));
    assert!(code == 0 && text.ends_with("sent again, edited\n"), "{text}");
}

#[test]
fn many_letters_are_sent_only_by_somebody_who_knows_that_they_are_many() {
    let site = Site::embedded();
    with_letters(&site, 11);
    let (code, text) = site.run(&["deadletters", "retry"]);
    assert!(code == 2 && text.contains("say which"), "{text}");
    let (code, text) = site.run(&["deadletters", "retry", "--all"]);
    assert!(code == 2 && text.contains("11 dead letters would be sent again: --yes sends them"), "{text}");
    let (code, text) = site.run(&["deadletters", "retry", "--all", "--dry-run"]);
    assert!(code == 0 && text.contains("11 would be sent again, nothing was sent"), "{text}");
    let (code, text) = site.run(&["deadletters", "retry", "lab-results/0/4", "lab-results/9/9"]);
    assert!(code == 2 && text.contains("there is no dead letter of lab-results/9/9; nothing was sent"), "{text}");
    assert_eq!(site.count(Topic::LabResults), 0);
    let (code, text) = site.run(&["deadletters", "retry", "lab-results/0/4", "lab-results/1/7"]);
    assert!(code == 0 && text.contains("2 sent again"), "{text}");
    assert_eq!(site.count(Topic::LabResults), 2);
    site.set("[processing]\nhistory = true\n");
    let (code, text) = site.run(&["deadletters", "retry", "--all", "--yes"]);
    assert!(code == 2 && text.contains("publish --history"), "{text}");
}

#[test]
fn a_letter_that_cannot_be_placed_holds_up_no_other() {
    let site = Site::embedded();
    with_letters(&site, 2);
    // Of a topic that had more partitions once.
    let mut lost = letter(4);
    for (name, value) in &mut lost.headers {
        if *name == "swabstream-partition" {
            *value = b"7".to_vec();
        }
    }
    publish_all(&site.config, &format!("{}letters", site.config.prefix), &[lost]).expect("set aside");
    let (code, text) = site.run(&["deadletters", "retry", "--all"]);
    assert!(code == 1 && text.contains("lab-results/7/4: not sent: it cannot be: its input was made anew"), "{text}");
    assert!(text.ends_with("2 sent again\n"), "{text}");
    assert_eq!(site.count(Topic::LabResults), 2);
}

#[test]
fn a_place_that_means_two_records_is_not_guessed() {
    let site = Site::embedded();
    with_letters(&site, 1);
    let mut other = letter(0);
    for (name, value) in &mut other.headers {
        if *name == "swabstream-received-at" {
            *value = b"2022-11-12T00:00:00Z".to_vec();
        }
    }
    publish_all(&site.config, &format!("{}letters", site.config.prefix), &[other]).expect("set aside");
    site.write("mended.json", &result("mended"));
    let edit: &[&str] = &["edit", "lab-results/0/0", "--with", "mended.json"];
    for command in [&["show", "lab-results/0/0"][..], &["explain", "lab-results/0/0"], edit] {
        let (code, text) = site.run(&[&["deadletters"], command].concat());
        assert!(code == 2 && text.contains("dead-letters/0/0, of the record received at 2022-11-11"), "{text}");
        assert!(text.contains("dead-letters/0/1, of the record received at 2022-11-12"), "{text}");
    }
    assert_eq!(site.count(Topic::LabResults), 0);
    let (code, text) = site.run(&["deadletters", "edit", "dead-letters/0/1", "--with", "mended.json"]);
    assert!(code == 0 && text.contains("sent again, edited"), "{text}");
}

#[test]
fn what_was_edited_is_kept_when_the_editor_fails_after_it() {
    let site = Site::embedded();
    with_letters(&site, 1);
    let mut command = site.command(&["deadletters", "edit", "lab-results/0/0"]);
    command
        .env_remove("VISUAL")
        .env("EDITOR", "fail() { echo mended > \"$1\"; exit 3; }; fail")
        .env("TMPDIR", site.path(""));
    let done = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{said}");
    let file = said.split("--with ").nth(1).and_then(|rest| rest.split(',').next()).expect("it is named");
    assert_eq!(fs::read_to_string(file).expect("kept"), "mended\n");
}

#[test]
fn whoever_is_killed_while_sending_again_sends_nothing_twice() {
    let site = Site::real_with_topics("retry-killed");
    with_letters(&site, 1_000);
    // One that was killed in the middle: all is written of two letters, and the transaction is open.
    let dead = left_open(&site, &[letter(0), letter(1)]);
    let mut killed = 0;
    for wait in (0..).map(|round| Duration::from_millis(100 + 37 * round)) {
        let mut command = site.command(&["deadletters", "retry", "--all", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        std::thread::sleep(wait);
        child.kill().expect("it was started");
        if child.wait().expect("it ends").success() {
            break;
        }
        killed += 1;
        assert!(killed < 500, "it never comes to its end");
    }
    drop(dead);
    assert!(killed > 0);
    assert_each_once(&site, 1_000);
    let (code, text) = site.run(&["deadletters", "retry", "--all"]);
    assert!(code == 0 && text.contains("0 would be taken, 0 not, 1000 were sent again before"), "{text}");
    assert_each_once(&site, 1_000);
}

/// A producer that has written what sending these letters again writes, and has not come to its commit.
fn left_open(site: &Site, letters: &[Output]) -> BaseProducer {
    let prefix = &site.config.prefix;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &site.config.brokers)
        .set("transactional.id", format!("{prefix}deadletters-retry"))
        .create()
        .expect("a producer");
    producer.init_transactions(LIMIT).expect("taken");
    producer.begin_transaction().expect("begun");
    let (input, retried) = (topic_name(prefix, Topic::LabResults), topic_name(prefix, Topic::Retried));
    for (at, letter) in letters.iter().enumerate() {
        let (key, payload) = (format!("dead-letters/{at}/0"), letter.payload.clone().expect("a payload"));
        producer.send(BaseRecord::to(&input).key(&letter.key).payload(&payload)).expect("sent");
        producer.send(BaseRecord::to(&retried).key(key.as_bytes()).payload(b"\x18\x00")).expect("sent");
    }
    producer.flush(LIMIT).expect("written");
    producer
}

#[test]
fn several_who_send_the_same_letters_at_once_send_each_once() {
    let site = Site::real_with_topics("retry-several");
    with_letters(&site, 1_500);
    let until_done = || {
        for _ in 0..50 {
            let (code, said) = site.run(&["deadletters", "retry", "--all", "--yes"]);
            if code == 0 {
                return;
            }
            // Fenced, by whatever the broker calls that.
            assert!(said.contains("none is sent twice"), "{said}");
        }
        panic!("none comes to its end");
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(until_done);
        }
    });
    assert_each_once(&site, 1_500);
}

/// A value of a counter of the processor, over all tasks.
fn outcomes(port: u16, outcome: &str) -> u64 {
    let metrics = get(port, "/metrics");
    let is_asked = |line: &&str| {
        line.starts_with("swabstream_outcomes_total{")
            && line.contains("half=\"person\"")
            && line.contains(&format!("outcome=\"{outcome}\""))
    };
    metrics.lines().filter(is_asked).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// A code, and a payload with its content type that is set aside with it.
type Wrong = (&'static str, Vec<u8>, Option<&'static [u8]>);

#[test]
fn letters_of_many_codes_are_explained_mended_sent_again_and_counted() {
    let (site, run) = at_work("retry-counted");
    let port = run.port();
    let json = |text: String, from: &str, to: &str| text.replace(from, to).into_bytes();
    let wrong: [Wrong; 7] = [
        ("unknown_area", json(result("a"), "D1S1", "NOWHERE"), Some(JSON)),
        ("unknown_lab", json(result("b"), "LAB-1", "LAB-9"), Some(JSON)),
        ("unknown_enum", json(result("c"), "FINDING_NEGATIVE", "MINUS"), Some(JSON)),
        ("missing_field", json(result("d"), "LAB-1", ""), Some(JSON)),
        ("undeclared_json", result("e").into_bytes(), None),
        ("malformed", json(result("f"), ",\"area\"", " \"area\""), Some(JSON)),
        ("unknown_purpose", in_protobuf(), None),
    ];
    publish(&site, Topic::LabResults, wrong.iter().map(|(_, payload, content_type)| (&payload[..], *content_type)));
    publish(&site, Topic::ContactRecords, [(&b"{}"[..], Some(&b"text/csv"[..]))].into_iter());
    wait_until("all are set aside", || site.count(Topic::DeadLetters) == wrong.len() + 1);

    let (code, list) = site.run(&["deadletters", "list", "--json"]);
    assert_eq!(code, 0, "{list}");
    assert!(!list.contains("PERSON"), "{list}");
    let place_of = |code: &str| {
        let letters = list.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let mut found = letters.filter(|letter| letter["code"] == code);
        found.next().unwrap_or_else(|| panic!("{code}: {list}"))["origin"].as_str().expect("a place").to_owned()
    };
    for (code, ..) in &wrong {
        let (ended, text) = site.run(&["deadletters", "explain", &place_of(code)]);
        assert!(ended == 0 && text.contains(&format!("{code}: ")) && text.contains("it would be refused"), "{text}");
        assert!(!text.contains("PERSON") && !text.contains("NOWHERE"), "{text}");
    }
    let (code, text) = site.run(&["deadletters", "retry", "--all"]);
    assert!(code == 1 && text.contains("8 dead letters: 0 would be taken, 8 not"), "{code}: {text}");

    // The registry learns of the laboratory, and its letter is sent again as it is; the others are mended.
    register(&site, "LAB-9");
    let again = ["deadletters", "retry", "--code", "unknown_lab"];
    let (code, text) = site.run(&again);
    assert!(code == 0 && text.contains("1 sent again"), "{code}: {text}");
    mend_all(&site, place_of);
    // Once more: nothing is sent twice.
    let (code, text) = site.run(&["deadletters", "retry", "--all"]);
    assert!(code == 0 && text.contains("0 would be taken, 0 not, 8 were sent again before"), "{code}: {text}");
    edit(&site, &place_of("malformed"), "sed -i s/D1S1/D2/", 1, "was sent again before");

    let (_, left) = site.run(&["deadletters", "list", "--left"]);
    assert!(left.ends_with("where\n0 dead letters\n"), "{left}");

    assert_eq!((site.count(Topic::LabResults), site.count(Topic::ContactRecords)), (14, 2));
    wait_until("all are counted", || outcomes(port, "accepted") == 7 && outcomes(port, "contact_applied") > 0);
    assert_eq!(outcomes(port, "rejected"), 8);
    signal(run.child(), "TERM");
    let (code, log) = run.end();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("PERSON"), "{log}");
    let mut audit = site.command(&["audit"]);
    let audit = audit.env("SWABSTREAM_SECRET", crate::signals::SECRET).output().expect("it runs");
    let said = String::from_utf8_lossy(&audit.stdout);
    assert!(audit.status.success() && said.contains("all agrees"), "{said}");
}

/// Mends each by what is wrong with it, in an editor or by a file.
fn mend_all(site: &Site, place_of: impl Fn(&str) -> String) {
    edit(site, &place_of("unknown_area"), "sed -i s/NOWHERE/D1S1/", 0, "sent again, edited");
    edit(site, &place_of("missing_field"), "sed -i s/nothing/something/", 1, "unchanged or empty");
    edit(site, &place_of("missing_field"), "sed -i s/screening/walk/", 1, "lab_id: missing_field");
    edit(site, &place_of("missing_field"), "sed -i 's/\"lab_id\":\"\"/\"lab_id\":\"LAB-1\"/'", 0, "sent again, edited");
    edit(site, &place_of("malformed"), "sed -i 's/ \"area\"/,\"area\"/'", 0, "sent again, edited");
    for (code, id) in [("unknown_enum", "c"), ("undeclared_json", "e")] {
        site.write("mended.json", &result(id));
        let (ended, text) = site.run(&["deadletters", "edit", &place_of(code), "--with", "mended.json"]);
        assert!(ended == 0 && text.contains("sent again, edited"), "{text}");
    }
    edit(site, &place_of("unknown_purpose"), "sed -i s/walk/screening/", 0, "sent again, edited");
    site.write("mended.json", CONTACT);
    let (code, text) = site.run(&["deadletters", "edit", "contact-records/0/0", "--with", "mended.json"]);
    assert!(code == 0 && text.contains("sent again, edited"), "{text}");
}

const CONTACT: &str = r#"{"record_id":"C-1","status":"CONTACT_STATUS_ACTIVE","person_id":"PERSON-a","index_person_id":"PERSON-b",
    "kind":"CONTACT_KIND_CLOSE","exposure_start":"2022-11-11T00:00:00Z","exposure_end":"2022-11-12T00:00:00Z"}"#;

/// A result for a purpose that is none.
fn in_protobuf() -> Vec<u8> {
    let at = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let result = final_result("g", "PERSON-g", Finding::Negative, Timestamp(at));
    LabResult { purpose: "walk".into(), ..result }.encode_to_vec()
}

fn publish<'a>(site: &Site, topic: Topic, records: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) {
    let mut publisher = Publisher::connect(&site.config).expect("settings");
    for (payload, content_type) in records {
        let headers: Vec<(&str, &[u8])> = content_type.map(|value| ("content-type", value)).into_iter().collect();
        let payload = Some(payload);
        let record = Publication { topic, partition: Some(0), key: b"k", payload, headers: &headers, timestamp: None };
        publisher.send(record).expect("sent");
    }
    assert_eq!(publisher.flush(LIMIT).expect("confirmed").failed, 0);
}

/// Puts rules in force that know one more laboratory.
fn register(site: &Site, lab: &str) {
    for file in fs::read_dir(RULES).expect("rules").map(|file| file.expect("a file")) {
        let name = file.file_name().into_string().expect("a name");
        site.write(&format!("rules/{name}"), &fs::read_to_string(file.path()).expect("text"));
    }
    let labs = fs::read_to_string(site.path("rules/labs.csv")).expect("a registry");
    let one = labs.lines().find(|line| line.starts_with("LAB-1,")).expect("one").replacen("LAB-1", lab, 1);
    site.write("rules/labs.csv", &format!("{}\n{one}\n", labs.trim_end()));
    let (code, text) = site.run(&["rules", "apply", "rules"]);
    assert_eq!(code, 0, "{text}");
}

/// Edits a letter by a command in the place of an editor.
#[track_caller]
fn edit(site: &Site, place: &str, editor: &str, code: i32, says: &str) {
    let mut command = site.command(&["deadletters", "edit", place]);
    let done = command.env_remove("VISUAL").env("EDITOR", editor).output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.code() == Some(code) && said.contains(says), "{:?}: {said}", done.status);
    assert!(!said.contains("PERSON"), "{said}");
}
