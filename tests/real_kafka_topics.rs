//! Topics, publisher and reader on a real Kafka, and on the embedded one.

#[path = "support/kafka.rs"]
mod kafka;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use std::time::Duration;
use swabstream::config::KafkaConfig;
use swabstream::kafka::embedded::Embedded;
use swabstream::kafka::publisher::{Publication, Publisher, publish_all};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::kafka::topics::{self, Wanted};
use swabstream::model::record::{Layout, Output, Topic};
use swabstream::model::time::Timestamp;

const LIMIT: Duration = Duration::from_secs(30);
const HEADERS: &[(&str, &[u8])] = &[("content-type", b"application/json")];
const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn wanted(history: bool) -> Wanted {
    Wanted { layout: LAYOUT, replication: -1, history }
}

fn result<'a>(key: &'a [u8], payload: &'a [u8]) -> Publication<'a> {
    Publication {
        topic: Topic::LabResults,
        partition: None,
        key,
        payload: Some(payload),
        headers: HEADERS,
        timestamp: Some(Timestamp(1_000)),
    }
}

fn read_all(config: &KafkaConfig, topic: Topic) -> Vec<(i32, String, Timestamp)> {
    let mut reader = TopicReader::open(config, &[topic], From::Beginning).expect("the topic is there");
    let mut all = Vec::new();
    let take = &mut |records: &[swabstream::model::record::Record<'_>]| {
        all.extend(records.iter().map(|record| {
            let text = String::from_utf8_lossy(record.payload.unwrap_or_default()).into_owned();
            (record.position.partition, text, record.received_at)
        }));
    };
    reader.read_to_end(LIMIT, take).expect("read to the end");
    all
}

#[test]
fn created_topics_pass_the_check_and_are_created_once() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("created"));
    let first = block_on(topics::create(&config, wanted(false))).expect("created");
    assert_eq!((first.created.len(), first.existed.len()), (Topic::ALL.len(), 0));
    let again = block_on(topics::create(&config, wanted(false))).expect("created");
    assert_eq!((again.created.len(), again.existed.len()), (0, Topic::ALL.len()));
    let checked = block_on(topics::check(&config, false)).expect("checked");
    assert_eq!(checked.findings, []);
    assert_eq!(checked.layout, Some(LAYOUT));

    // Live topics keep a week; past data would be gone at once.
    let past = block_on(topics::check(&config, true)).expect("checked");
    let kept = past.findings.iter().filter(|finding| finding.found.contains("retention.ms is 604800000")).count();
    assert_eq!(kept, 7, "{:?}", past.findings);
}

#[test]
fn topics_of_earlier_versions_that_nothing_uses_do_no_harm() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("unused"));
    block_on(topics::create(&config, wanted(false))).expect("created");
    let admin: AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", kafka::brokers()).create().expect("a client");
    for name in ["area-indicators", "lab-changes", "lab-status"] {
        assert_eq!(Topic::named(name), None, "nothing reads or writes it");
        let name = format!("{}{name}", config.prefix);
        let topic = NewTopic::new(&name, 7, TopicReplication::Fixed(1));
        block_on(admin.create_topics([&topic], &AdminOptions::new())).expect("asked")[0].as_ref().expect("created");
    }
    let checked = block_on(topics::check(&config, false)).expect("checked");
    assert_eq!((checked.findings, checked.layout), (vec![], Some(LAYOUT)));
}

#[test]
fn topics_created_beside_others_have_as_many_partitions() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("beside"));
    assert_eq!(block_on(topics::existing(&config)).expect("asked"), [None, None]);
    block_on(topics::create(&config, wanted(false))).expect("created");
    assert_eq!(block_on(topics::existing(&config)).expect("asked"), [Some(4), Some(2)]);

    let program = |name: &str| {
        let arguments = ["topics", name, "--brokers", &config.brokers, "--prefix", &config.prefix];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_swabstream")).args(arguments).output();
        let output = output.expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &config.brokers).create().expect("admin");
    let alerts = format!("{}alerts", config.prefix);
    block_on(admin.delete_topics(&[&alerts], &AdminOptions::new())).expect("deleted");
    let (mut code, mut text) = program("check");
    while code == Some(0) {
        (code, text) = program("check");
    }
    assert!(code == Some(1) && text.contains("--person-tasks 4 --area-tasks 2"), "{code:?} {text}");
    let (code, text) = program("create");
    assert!(code == Some(0) && text.contains("4 person tasks, 2 area tasks"), "{code:?} {text}");
}

#[test]
fn what_is_wrong_is_named_with_the_command_that_mends_it() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("wrong"));
    let nothing = block_on(topics::check(&config, false)).expect("checked");
    assert_eq!((nothing.layout, nothing.findings.len()), (None, Topic::ALL.len()));
    assert!(nothing.findings[0].mend.contains("swabstream topics create"), "{}", nothing.findings[0]);

    block_on(topics::create(&config, wanted(true))).expect("created");
    let history = block_on(topics::check(&config, true)).expect("checked");
    assert_eq!(history.findings, []);
    let live = block_on(topics::check(&config, false)).expect("checked");
    let texts: Vec<String> = live.findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for (text, topic) in texts.iter().zip([Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups]) {
        assert!(text.contains(&format!("{}{}", config.prefix, topic.name())), "{text}");
        assert!(text.contains("is CreateTime, must be LogAppendTime"), "{text}");
        assert!(text.contains("--add-config message.timestamp.type=LogAppendTime"), "{text}");
    }

    // The times of its producers would be the time of the world.
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("swabstream.toml");
    let text = format!(
        "[kafka]\nbrokers = \"{}\"\nprefix = \"{}\"\n[secret]\nenv = \"SWABSTREAM_SECRET\"\n",
        config.brokers, config.prefix
    );
    std::fs::write(&settings, text).expect("written");
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_swabstream"))
        .args(["run", "--config"])
        .arg(&settings)
        .env("SWABSTREAM_SECRET", "00112233445566778899aabbccddeeff")
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    let name = format!("{}lab-results: message.timestamp.type is CreateTime, must be LogAppendTime", config.prefix);
    assert!(said.contains(&name), "{said}");
}

#[test]
fn an_unreachable_broker_is_reported_in_the_stated_time() {
    let mut config = KafkaConfig::new("127.0.0.1:1", "");
    config.connect_timeout_s = 1.try_into().expect("not zero");
    let error = block_on(topics::check(&config, false)).expect_err("nobody is there");
    assert!(error.0.contains("127.0.0.1:1 within 1 s"), "{error}");

    // What all other commands meet first.
    let error = TopicReader::open(&config, &[Topic::Rules], From::Beginning).expect_err("nobody is there");
    assert!(error.0.starts_with("no Kafka broker answered at 127.0.0.1:1 within 1 s"), "{error}");
    assert!(error.0.contains("check kafka.brokers"), "{error}");
}

#[test]
fn what_is_published_is_read_back_with_the_brokers_time() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("published"));
    block_on(topics::create(&config, wanted(false))).expect("created");
    publishes_and_reads(&config);
    let read = read_all(&config, Topic::LabResults);
    assert!(read.iter().all(|(_, _, at)| at.0 > 1_700_000_000_000), "the broker's clock, not the publisher's");
}

#[test]
fn the_embedded_broker_publishes_and_reads_too() {
    let broker = Embedded::start(LAYOUT).expect("started");
    publishes_and_reads(&broker.config());
}

fn publishes_and_reads(config: &KafkaConfig) {
    let mut publisher = Publisher::connect(config).expect("connected");
    for n in 0..1_000 {
        publisher.send(result(format!("p{n}").as_bytes(), format!("r{n}").as_bytes())).expect("sent");
    }
    let delivered = publisher.flush(LIMIT).expect("flushed");
    assert_eq!((delivered.confirmed, delivered.failed, delivered.first_error), (1_000, 0, None));

    let read = read_all(config, Topic::LabResults);
    assert_eq!(read.len(), 1_000);
    for (partition, text, _) in &read {
        assert_eq!(*partition, LAYOUT.person_task(&text.replace('r', "p")), "placed by key");
    }
}

#[test]
fn rules_are_published_as_a_whole() {
    let config = KafkaConfig::new(kafka::brokers(), kafka::unique("rules"));
    block_on(topics::create(&config, wanted(false))).expect("created");
    let rule = |n: i32| Output {
        topic: Topic::Rules,
        partition: 0,
        key: format!("k{n}").into_bytes(),
        payload: Some(format!("v{n}").into_bytes()),
        headers: vec![("content-type", b"x".to_vec())],
    };
    let rules: Vec<Output> = (0..100).map(rule).collect();
    publish_all(&config, "rules-apply", &rules).expect("published");
    assert_eq!(read_all(&config, Topic::Rules).len(), 100);

    // One record that no broker takes: none of the set is seen.
    let mut refused = rules;
    refused.push(Output { partition: 7, ..rule(100) });
    publish_all(&config, "rules-apply", &refused).expect_err("there is one partition");
    assert_eq!(read_all(&config, Topic::Rules).len(), 100);
}
