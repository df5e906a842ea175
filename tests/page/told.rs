//! What machines and strangers are told over HTTP.

use crate::made_up;
use crate::site::Site;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use swabstream::model::outcome::Ledger;
use swabstream::model::record::{Layout, Topic};
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::telemetry::meter::TaskReport;

fn connect(site: &Site, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", site.address.port())).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").expect("it reads");
    stream
}

fn ask(site: &Site, path: &str, host: &str) -> String {
    let mut answer = String::new();
    connect(site, path, &format!("Host: {host}\r\n")).read_to_string(&mut answer).expect("text");
    answer
}

/// Lines of the event stream, as they come.
fn events(site: &Site, headers: &str) -> impl Iterator<Item = String> + use<> {
    let stream = connect(site, "/events", &format!("Host: localhost\r\n{headers}"));
    BufReader::new(stream).lines().map_while(Result::ok)
}

#[test]
fn people_are_masked_for_this_machine_and_absent_for_others() {
    let near = Site::of("127.0.0.1", &sample_rules());
    let far = Site::of("0.0.0.0", &sample_rules());
    let masked = ask(&near, "/api/picture", "localhost");
    assert!(masked.contains("PS…(20)") && !masked.contains(made_up::PERSON), "{masked}");
    for path in ["/api/picture", "/api/areas/D1", "/metrics"] {
        let answer = ask(&far, path, "swabs.example");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("PS…") && !answer.contains(made_up::PERSON), "{answer}");
    }
    let snapshot = events(&far, "").find(|line| line.starts_with("data: ")).expect("a snapshot");
    assert!(!snapshot.contains("PS…") && snapshot.contains("tier_changed"), "{snapshot}");
}

#[test]
fn no_web_site_can_point_its_name_at_the_loopback_page() {
    let site = Site::of("127.0.0.1", &sample_rules());
    for path in ["/", "/api/picture", "/events", "/metrics"] {
        let answer = ask(&site, path, "evil.example");
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    }
}

#[test]
fn events_begin_with_a_snapshot_and_go_on_where_they_broke_off() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let started = events(&site, "").skip_while(|line| !line.starts_with("event: "));
    let first: Vec<String> = started.take_while(|line| !line.is_empty()).collect();
    assert_eq!(first[0], "event: snapshot");
    assert!(first.iter().any(|line| line.starts_with("retry: ")), "{first:?}");
    let id = first.iter().find_map(|line| line.strip_prefix("id: ")).expect("an id");

    made_up::city(&site.view, &sample_rules(), swabstream::model::time::Day(19_400), 1);
    let next = events(&site, &format!("Last-Event-ID: {id}\r\n")).find(|line| line.starts_with("event: "));
    assert_eq!(next.as_deref(), Some("event: delta"), "what it has is not sent again");
    let other_run = events(&site, "Last-Event-ID: 1-5\r\n").find(|line| line.starts_with("event: "));
    assert_eq!(other_run.as_deref(), Some("event: snapshot"), "an id of another run means nothing");
}

#[test]
fn readiness_says_what_is_missing() {
    let site = Site::empty("127.0.0.1");
    assert!(ask(&site, "/healthz", "localhost").starts_with("HTTP/1.1 200"));
    site.telemetry.vitals().expect(1, Layout { person_tasks: 2, area_tasks: 1 }, false);
    assert!(ask(&site, "/readyz", "localhost").contains("0 of 1 workers have started"));
    let mut meter = site.telemetry.worker("person", &[Topic::LabResults]);
    assert!(ask(&site, "/readyz", "localhost").contains("person: 1 workers wait for the group"));
    meter.assigned(&[0, 1]);
    meter.restoring(1, 42);
    let answer = ask(&site, "/readyz", "localhost");
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("2 tasks are being restored, 42 records"),
        "{answer}"
    );
    assert!(ask(&site, "/metrics", "localhost").contains("\nswabstream_ready 0\n"));
    for task in [0, 1] {
        let ledger = Ledger::default();
        meter.restored(TaskReport { task, now: None, ledger: &ledger, lag: None, sizes: Vec::new() });
    }
    assert!(ask(&site, "/readyz", "localhost").starts_with("HTTP/1.1 200"));
    let metrics = ask(&site, "/metrics", "localhost");
    for line in ["swabstream_ready 1", r#"swabstream_expected_tasks{half="person"} 2"#] {
        assert!(metrics.contains(&format!("\n{line}\n")), "no `{line}` in {metrics}");
    }
}

#[test]
fn metrics_tell_of_areas_labs_and_alerts_of_the_registry() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let text = ask(&site, "/metrics", "127.0.0.1:1");
    for part in [
        r#"swabstream_area_positivity_ratio{area="D1",target="sars-cov-2",method="people_over_people",window_days="14"} "#,
        r#"swabstream_area_tier_rank{area="D1",target="sars-cov-2"} "#,
        r#"swabstream_alerts{family="pool_positive",state="raised",target="influenza-a"} 0"#,
        r#"swabstream_dead_letters{code="unknown_area"} 1"#,
        "# HELP swabstream_area_tier_rank ",
        "# TYPE swabstream_outcomes_total counter",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains(r#"swabstream_lab_registered{lab="LAB-1"} 1"#), "a lab that is to be heard:\n{text}");
    assert!(!text.contains(r#"timestamp_seconds{lab="LAB-1""#), "a lab that was not heard of has no age:\n{text}");
    let meter = site.telemetry.worker("person", &[Topic::LabResults]);
    meter.labs_heard(&[("LAB-1".to_owned(), Timestamp(1_668_182_400_000)), ("made-up".to_owned(), Timestamp(1))]);
    let text = ask(&site, "/metrics", "127.0.0.1:1");
    assert!(text.contains(r#"swabstream_lab_newest_result_timestamp_seconds{lab="LAB-1"} 1668182400"#), "{text}");
    assert!(!text.contains("made-up"), "only labs of the registry become labels");
}

#[test]
fn a_page_that_follows_does_not_keep_the_server_from_stopping() {
    let mut site = Site::of("127.0.0.1", &sample_rules());
    let mut following = events(&site, "");
    assert!(following.any(|line| line == "event: snapshot"));
    site.stop();
    assert!(following.all(|line| !line.starts_with("event: snapshot")), "the stream ends");
}
