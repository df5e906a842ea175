//! What machines and strangers are told over HTTP.

use crate::made_up;
use crate::site::Site;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use swabstream::model::outcome::Ledger;
use swabstream::model::record::{HalfKind, Layout, Topic};
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::telemetry::meter::TaskReport;

fn connect(site: &Site, path: &str, headers: &str) -> TcpStream {
    send(site, "GET", path, headers)
}

fn send(site: &Site, method: &str, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", site.address.port())).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    write!(stream, "{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").expect("it reads");
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
    site.telemetry.status().expect(1, Layout { person_tasks: 2, area_tasks: 1 }, false);
    assert!(ask(&site, "/readyz", "localhost").contains("0 of 1 workers have started"));
    let mut meter = site.telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
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
        r#"swabstream_alerts{family="contradiction",state="withdrawn",target="influenza-a"} 0"#,
        r#"swabstream_dead_letters{code="unknown_area"} 1"#,
        "# HELP swabstream_area_tier_rank ",
        "# TYPE swabstream_outcomes_total counter",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains(r#"swabstream_lab_registered{lab="LAB-1"} 1"#), "a lab that is to be heard:\n{text}");
    assert!(!text.contains(r#"timestamp_seconds{lab="LAB-1""#), "a lab that was not heard of has no age:\n{text}");
    let meter = site.telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
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

#[test]
fn open_metrics_are_given_to_those_who_ask_for_them() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let asked = |accept: &str| {
        let mut answer = String::new();
        let headers = format!("Host: localhost\r\nAccept: {accept}\r\n");
        connect(&site, "/metrics", &headers).read_to_string(&mut answer).expect("text");
        answer
    };
    let open = asked("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{open}");
    assert!(open.contains("\n# TYPE swabstream_outcomes counter\n") && open.ends_with("\n# EOF\n"), "{open}");
    let text = asked("*/*");
    assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{text}");
    assert!(text.contains("\n# TYPE swabstream_outcomes_total counter\n") && !text.contains("# EOF"), "{text}");
}

#[test]
fn alerts_of_an_area_are_those_of_all_that_lies_below_it() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let found = |query: &str| -> serde_json::Value {
        let answer = ask(&site, &format!("/api/alerts{query}"), "localhost");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        serde_json::from_str(body.trim()).unwrap_or_else(|_| panic!("{answer}"))
    };
    let all = found("")["all"].as_u64().expect("a number");
    let city = found("?area=C")["all"].as_u64();
    assert_eq!(city, Some(all), "everything lies in the city");
    let (first, second) = (found("?area=D1"), found("?area=D2&family="));
    let codes = |found: &serde_json::Value| -> Vec<String> {
        let alerts = found["alerts"].as_array().expect("alerts");
        alerts.iter().map(|alert| alert["area"].as_str().expect("a code").to_owned()).collect()
    };
    // The harbour (D2S2) moved to the first district.
    assert!(codes(&first).contains(&"D1S1".to_owned()) && codes(&first).contains(&"D2S2".to_owned()), "{first}");
    assert!(!codes(&first).iter().any(|code| ["C", "D2", "D2S1"].contains(&code.as_str())), "{first}");
    assert!(codes(&second).contains(&"D2S1".to_owned()) && !codes(&second).contains(&"D2S2".to_owned()), "{second}");
    let tiers = found("?area=D1&family=tier_changed");
    assert!(tiers["alerts"].as_array().expect("alerts").iter().all(|alert| alert["family"] == "tier_changed"));
    assert!(tiers["all"].as_u64() < first["all"].as_u64());
    assert_eq!(found("?area=nowhere")["all"], 0);
    assert!(ask(&site, "/api/alerts?aera=D1", "localhost").starts_with("HTTP/1.1 400"), "a slip is no filter for all");

    let far = Site::of("0.0.0.0", &sample_rules());
    let strangers = ask(&far, "/api/alerts", "swabs.example");
    assert!(strangers.contains("tier_changed") && !strangers.contains("PS…"), "{strangers}");
}

#[test]
fn heads_wrong_paths_and_wrong_methods_are_answered_as_the_web_expects() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let answer = |method: &str, path: &str| {
        let mut answer = String::new();
        send(&site, method, path, "Host: localhost\r\n").read_to_string(&mut answer).expect("text");
        answer
    };
    for path in ["/", "/metrics", "/healthz", "/readyz", "/api/picture", "/api/alerts", "/page/app.js"] {
        let (head, whole) = (answer("HEAD", path), answer("GET", path));
        assert_eq!(head.lines().next(), whole.lines().next(), "{path}: {head}");
        assert!(head.ends_with("\r\n\r\n"), "{path}: a head has no body");
        assert!(answer("POST", path).starts_with("HTTP/1.1 405"), "{path}");
    }
    let lost = answer("GET", "/index.htm");
    assert!(lost.starts_with("HTTP/1.1 404") && lost.contains("the page is at /"), "{lost}");
    assert!(answer("GET", "/api/areas/nowhere").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_page_that_is_closed_is_forgotten_and_a_second_one_follows_as_well() {
    let site = Site::of("127.0.0.1", &sample_rules());
    let clients = || site.telemetry.event_clients().load(std::sync::atomic::Ordering::Relaxed);
    let mut first = events(&site, "");
    let mut second = events(&site, "");
    assert!(first.any(|line| line == "event: snapshot") && second.any(|line| line == "event: snapshot"));
    assert_eq!(clients(), 2);
    // Closed in the middle of the stream.
    drop(first);
    let began = std::time::Instant::now();
    while clients() != 1 {
        assert!(began.elapsed() < Duration::from_secs(30), "a page that is gone still counts");
        std::thread::sleep(Duration::from_millis(20));
    }
    made_up::city(&site.view, &sample_rules(), swabstream::model::time::Day(19_400), 1);
    assert!(second.any(|line| line == "event: delta"), "the other one is told what is new");
}
