//! What operators may rely on: metric names follow Prometheus' conventions, each is described, no label can grow
//! without bound, and the books show on the page of metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::outcome::{End, Ledger, Outcome, RejectCode};
use swabstream::model::record::{HalfKind, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::telemetry::Telemetry;
use swabstream::telemetry::exposition::Format;
use swabstream::telemetry::meter::{CommitEnd, TaskReport};
use swabstream::telemetry::names::{ALL, Kind};
use swabstream::view::overview::Overview;
use swabstream::view::status::ProcessStatus;

#[test]
fn metric_names_follow_the_conventions() {
    for metric in ALL {
        let name = metric.name;
        assert!(name.starts_with("swabstream_") || name.starts_with("process_"), "{name} lacks the prefix");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name} has other characters");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}: counters end in _total, no others");
        for reserved in ["_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(reserved), "{name}: {reserved} is for histograms' own series");
        }
        for derived in ["milli", "micro", "minutes", "hours", "percent", "kilo", "mega"] {
            assert!(!name.contains(derived), "{name}: base units only");
        }
        if metric.kind == Kind::Histogram {
            assert!(name.ends_with("_seconds") || name.ends_with("_bytes"), "{name} names no unit");
        }
    }
}

#[test]
fn every_metric_is_named_once_and_described() {
    let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len(), "a name occurs twice");
    for metric in ALL {
        assert!(metric.help.len() > 20 && metric.help.ends_with('.'), "{}: say it in a sentence", metric.name);
        assert!(!metric.unit().is_empty(), "{}: the table of units does not know it", metric.name);
        assert!(metric.help_with_unit().ends_with(&format!(" Unit: {}.", metric.unit())), "{}", metric.name);
    }
}

#[test]
fn no_label_can_hold_what_a_record_says() {
    for metric in ALL {
        let labels: Vec<&str> = metric.labels.iter().map(|label| label.name()).collect();
        let mut distinct = labels.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), labels.len(), "{} has a label twice", metric.name);
        for label in labels {
            for grows in ["person", "specimen", "record", "offset", "error", "message", "day"] {
                assert!(label != grows && !label.ends_with("_id"), "{}: {label} grows without bound", metric.name);
            }
        }
    }
}

fn report(task: i32, ledger: &Ledger) -> TaskReport<'_> {
    let sizes = vec![("people", 3), ("rows_bytes", 84), ("bytes", 120)];
    TaskReport { task, now: Some(Timestamp(1_668_130_000_000)), ledger, lag: Some(5), sizes }
}

fn assert_has_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} is not in\n{text}");
    }
}

#[test]
fn outcomes_are_counted_from_where_this_process_took_over() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let mut meter = telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
    let mut ledger = Ledger::default();
    ledger.book(Outcome::Used(End::Accepted));
    meter.assigned(&[4]);
    meter.restored(report(4, &ledger));
    ledger.book(Outcome::Used(End::Accepted));
    ledger.book(Outcome::Rejected(RejectCode::UnknownArea));
    meter.committed(Duration::from_millis(7), &[(Topic::LabResults, 2)], &[(Topic::DeadLetters, 1)]);
    meter.task(report(4, &ledger));
    meter.failed(CommitEnd::Fenced);
    // Received 40 ms before, 3 s before, and by a clock that is ahead of ours.
    meter.alerted(&[9_960, 7_000, 11_000].map(Timestamp), Timestamp(10_000));

    let lines = [
        r#"swabstream_outcomes_total{half="person",outcome="accepted",code="none"} 1"#,
        r#"swabstream_outcomes_total{half="person",outcome="rejected",code="unknown_area"} 1"#,
        r#"swabstream_outcomes_total{half="person",outcome="duplicate",code="none"} 0"#,
        r#"swabstream_records_consumed_total{half="person",topic="lab-results"} 2"#,
        r#"swabstream_ledger_records{half="person",side="consumed"} 3"#,
        r#"swabstream_ledger_records{half="person",side="outcomes"} 3"#,
        r#"swabstream_ledger_imbalance_records{half="person"} 0"#,
        r#"swabstream_commits_total{half="person",result="fenced"} 1"#,
        r#"swabstream_commit_duration_seconds_bucket{half="person",le="0.01"} 1"#,
        r#"swabstream_result_to_alert_seconds_bucket{le="0.01"} 1"#,
        r#"swabstream_result_to_alert_seconds_bucket{le="0.05"} 2"#,
        r#"swabstream_result_to_alert_seconds_sum 3.04"#,
        r#"swabstream_task_lag_records{half="person",task="4"} 5"#,
        r#"swabstream_state_entries{half="person",kind="people"} 3"#,
        r#"swabstream_state_bytes{half="person",kind="rows"} 84"#,
        r#"swabstream_state_bytes{half="person",kind="all"} 120"#,
    ];
    assert_has_lines(&telemetry.render(&Overview::default(), Format::Text), &lines);
}

/// What is seen where rules are in force and nothing is published yet.
fn by_rules() -> Overview {
    let (rules, mut overview) = (sample_rules(), Overview::default());
    for (key, value) in rules.to_records().into_iter().chain([rules.manifest()]) {
        let position = Position { topic: Topic::Rules, partition: 0, offset: 0 };
        let (key, payload) = (Some(key.as_bytes()), Some(value.as_slice()));
        let record = Record { position, received_at: Timestamp(0), key, payload, content_type: None };
        overview.absorb(&record, |_| None);
    }
    overview
}

#[test]
fn only_what_is_raised_and_written_has_a_series() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let _person = telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
    let _area = telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
    let text = telemetry.render(&by_rules(), Format::Text);
    let labels = |metric: &str, label: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.starts_with(&format!("{metric}{{")));
        let value = |line: &str| line.split(&format!("{label}=\"")).nth(1)?.split('"').next().map(str::to_owned);
        lines.filter_map(value).collect()
    };
    let families = labels("swabstream_alerts", "family");
    assert_eq!(
        families.into_iter().collect::<Vec<_>>(),
        [
            "contact_overdue",
            "contradiction",
            "group_overdue",
            "pool_overdue",
            "pool_positive",
            "positive",
            "tier_changed"
        ]
    );
    let written = labels("swabstream_records_written_total", "topic");
    assert!(written.len() > 5 && written.iter().all(|topic| Topic::named(topic).is_some()), "{written:?}");
}

#[test]
fn a_revoked_task_leaves_no_series_behind() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let mut meter = telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
    let ledger = Ledger::default();
    meter.assigned(&[0, 1]);
    meter.restored(report(0, &ledger));
    meter.restored(report(1, &ledger));
    assert!(telemetry.render(&Overview::default(), Format::Text).contains(r#"task="1""#));
    meter.revoked(&[1]);
    let text = telemetry.render(&Overview::default(), Format::Text);
    assert!(!text.contains(r#"task="1""#) && text.contains(r#"task="0""#), "{text}");
    assert_has_lines(&text, &[r#"swabstream_tasks{half="area",phase="running"} 1"#]);
}

#[test]
fn a_restore_shows_how_far_it_is_and_what_it_waits_for() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let mut meter = telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
    meter.assigned(&[1]);
    meter.stuck(1, "the committed offsets cannot be had");
    let waits_for = || telemetry.status().snapshot()[0].tasks[&1].waits_for.clone();
    assert_eq!(waits_for().as_deref(), Some("the committed offsets cannot be had"));
    meter.restore_read(3, 100);
    meter.restoring(1, 4);
    assert_eq!(waits_for(), None, "it goes on");
    let lines = [
        r#"swabstream_restored_records_total{half="area"} 3"#,
        r#"swabstream_restored_bytes_total{half="area"} 100"#,
        r#"swabstream_restore_remaining_records{half="area"} 4"#,
        r#"swabstream_tasks{half="area",phase="restoring"} 1"#,
    ];
    assert_has_lines(&telemetry.render(&Overview::default(), Format::Text), &lines);
    meter.restore_took(2.0);
    let lines = [
        r#"swabstream_restore_duration_seconds_bucket{half="area",le="1"} 0"#,
        r#"swabstream_restore_duration_seconds_bucket{half="area",le="2.5"} 1"#,
    ];
    assert_has_lines(&telemetry.render(&Overview::default(), Format::Text), &lines);
}

#[test]
fn a_broker_that_falls_silent_shows() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let silence = || {
        let text = telemetry.render(&Overview::default(), Format::Text);
        let line = text.lines().find_map(|line| line.strip_prefix("swabstream_broker_silence_seconds "));
        line.map(|value| value.parse::<f64>().expect("a number"))
    };
    assert_eq!(silence(), None, "nobody asks brokers here");
    telemetry.status().hear_of_broker();
    let first = silence().expect("asked");
    assert!(silence().is_some_and(|second| second >= first && first >= 0.0));
}

#[test]
fn the_process_is_shown_as_prometheus_names_it() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let text = telemetry.render(&Overview::default(), Format::Text);
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
    };
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_virtual_memory_bytes") > 1e6);
    assert!(value("process_open_fds") >= 3.0 && value("process_threads") >= 1.0);
    let age = swabstream::clock::now().0 as f64 / 1000.0 - value("process_start_time_seconds");
    assert!((-2.0..86_400.0).contains(&age), "started {age} s ago");
    assert_has_lines(&text, &["# TYPE process_cpu_seconds_total counter"]);
    // Full seconds would show a rate of 0 or 1 for most processes.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        std::hint::black_box(telemetry.render(&Overview::default(), Format::Text));
    }
    let later = telemetry.render(&Overview::default(), Format::Text);
    let spent = later.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
    assert!(spent.is_some_and(|spent| spent.parse::<f64>().is_ok_and(|spent| spent > 0.0)), "{spent:?}");
}

#[test]
fn every_family_is_described_once_and_stands_together_in_both_formats() {
    let telemetry = Telemetry::new(Arc::new(ProcessStatus::default()));
    let mut meter = telemetry.worker(HalfKind::Person, &[Topic::LabResults]);
    meter.assigned(&[4]);
    meter.committed(Duration::from_millis(7), &[(Topic::LabResults, 2)], &[]);
    for format in [Format::Text, Format::OpenMetrics] {
        let text = telemetry.render(&Overview::default(), format);
        let open = format == Format::OpenMetrics;
        assert_eq!(text.ends_with("\n# EOF\n"), open);
        assert!(text.lines().all(|line| !line.is_empty()), "OpenMetrics knows no empty lines");
        let mut families = Vec::new();
        let mut family = "";
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split_once(' ').expect("a name and a text").0;
                assert!(!families.contains(&family), "{family} is described twice");
                families.push(family);
                continue;
            }
            let of = line.trim_start_matches("# TYPE ").trim_start_matches("# UNIT ");
            assert!(of.starts_with(family), "{line} stands under {family}");
        }
        let counters: Vec<&str> = text.lines().filter(|line| line.ends_with(" counter")).collect();
        assert!(!counters.is_empty() && counters.iter().all(|line| line.contains("_total ") != open), "{counters:?}");
        assert_eq!(text.contains("# UNIT swabstream_commit_duration_seconds seconds"), open);
        assert!(text.contains(r#"swabstream_records_consumed_total{half="person",topic="lab-results"} 2"#));
        assert_eq!(text.contains(r#"le="1.0""#), open, "bounds of buckets are decimal in OpenMetrics");
    }
}
