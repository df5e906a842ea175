//! What operators get with the program: alert rules and a dashboard that name nothing the program does not show. The
//! rules are tried out by Prometheus' own promtool; without it on the machine that part says so and is skipped.

#[path = "support/made_up.rs"]
mod made_up;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use swabstream::model::record::{HalfKind, Layout, Topic};
use swabstream::model::time::Day;
use swabstream::policy::sample::sample_rules;
use swabstream::telemetry::Telemetry;
use swabstream::telemetry::exposition::Format;
use swabstream::telemetry::names::{ALL, Kind};
use swabstream::view::View;
use swabstream::view::status::ProcessStatus;

/// Labels that Prometheus itself adds.
const SCRAPED: [&str; 3] = ["instance", "job", "le"];

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(deploy(file)).expect(file)
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/swabstream.json")).expect("JSON")
}

/// The queries of the dashboard, with the panel each is of.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        targets.into_iter().map(move |target| (title.clone(), target["expr"].as_str().expect("a query").to_owned()))
    });
    queries.collect()
}

/// A series as a query asks for it.
#[derive(Debug)]
struct Selector {
    name: String,
    /// Label, operator, value.
    matchers: Vec<(String, String, String)>,
}

/// Every selector of ours in a text of queries.
fn selectors(text: &str) -> Vec<Selector> {
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("swabstream_") {
        if text[..at].ends_with(is_name) {
            continue;
        }
        let name: String = text[at..].chars().take_while(|letter| is_name(*letter)).collect();
        let braces = text[at + name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let matchers = braces.map_or("", |(matchers, _)| matchers).split(',').filter(|matcher| !matcher.is_empty());
        let matchers = matchers.map(|matcher| {
            let (label, rest) = matcher.split_at(matcher.find(['=', '!']).expect("an operator"));
            let (operator, value) = rest.split_once('"').expect("a value in quotes");
            (label.trim().to_owned(), operator.to_owned(), value.trim_end_matches('"').to_owned())
        });
        found.push(Selector { matchers: matchers.collect(), name });
    }
    found
}

/// All that Prometheus would be asked, from rules, their tests and the dashboard.
fn asked() -> Vec<Selector> {
    let mut asked = selectors(&text("prometheus/swabstream.rules.yml"));
    asked.extend(selectors(&text("prometheus/swabstream.rules.test.yml")));
    asked.extend(runbook_queries().iter().flat_map(|query| selectors(query)));
    asked.extend(queries(&dashboard()).iter().flat_map(|(_, query)| selectors(query)));
    assert!(asked.len() > 60, "only {} were found", asked.len());
    asked
}

/// A page of metrics on which everything has a value.
fn page(format: Format) -> String {
    let rules = sample_rules();
    let (telemetry, view) = (Telemetry::new(Arc::new(ProcessStatus::default())), View::new());
    telemetry.status().expect(2, Layout { person_tasks: 1, area_tasks: 1 }, false);
    telemetry.status().hear_of_broker();
    made_up::rules(&view, &rules);
    made_up::city(&view, &rules, Day::parse("2022-11-20").expect("a day"), 20);
    let mut person = telemetry.worker(
        HalfKind::Person,
        &[Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonEvents],
    );
    let mut area = telemetry.worker(HalfKind::Area, &[Topic::AreaChanges]);
    made_up::work(&mut person, &mut area, 1000, &rules.labs);
    telemetry.render(&view.look(), format)
}

#[test]
fn every_metric_and_label_that_is_asked_for_is_in_the_programs_table() {
    for selector in asked() {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| selector.name.strip_suffix(part));
        let metric = ALL.iter().find(|metric| {
            metric.name == selector.name || (metric.kind == Kind::Histogram && base == Some(metric.name))
        });
        let metric = metric.unwrap_or_else(|| panic!("there is no metric {}", selector.name));
        for (label, ..) in &selector.matchers {
            let known = metric.labels.iter().any(|known| known.name() == label) || SCRAPED.contains(&label.as_str());
            assert!(known, "{} has no label {label}", selector.name);
        }
    }
}

#[test]
fn every_value_that_is_asked_for_is_one_the_program_shows() {
    let page = page(Format::Text);
    let shown = |name: &str, label: &str, value: &str| {
        let part = format!("{label}=\"{value}\"");
        page.lines().any(|line| line.starts_with(&format!("{name}{{")) && line.contains(&part))
    };
    for selector in asked() {
        let there = page.lines().any(|line| line.starts_with(&format!("{}{{", selector.name)));
        assert!(there || page.contains(&format!("\n{} ", selector.name)), "{} is not shown", selector.name);
        // Numbers of tasks and names of labs are the deployment's.
        let fixed = |label: &str| !SCRAPED.contains(&label) && !["task", "lab"].contains(&label);
        for (label, _, values) in selector.matchers.iter().filter(|(label, ..)| fixed(label)) {
            for value in values.split('|') {
                assert!(shown(&selector.name, label, value), "{} never has {label}=\"{value}\"", selector.name);
            }
        }
    }
}

#[test]
fn what_is_grouped_by_is_a_label() {
    let known: BTreeSet<&str> =
        ALL.iter().flat_map(|metric| metric.labels).map(|label| label.name()).chain(SCRAPED).collect();
    let mut all = text("prometheus/swabstream.rules.yml");
    all.extend(runbook_queries().into_iter().map(|query| query + "\n"));
    all.extend(queries(&dashboard()).into_iter().map(|(_, query)| query + "\n"));
    let groups: Vec<&str> = all.split("by (").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect();
    assert!(groups.len() > 20, "only {} were found", groups.len());
    for label in groups.iter().flat_map(|group| group.split(", ")) {
        assert!(known.contains(label), "nothing has a label {label}");
    }
}

#[test]
fn every_alert_rule_says_how_grave_it_is_and_what_it_is_about_and_is_tried_out() {
    let (rules, tests) = (text("prometheus/swabstream.rules.yml"), text("prometheus/swabstream.rules.test.yml"));
    let rules: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(rules.len() > 8, "only {} were found", rules.len());
    for rule in rules {
        let name = rule.lines().next().expect("a name").trim();
        let grave = ["severity: critical }", "severity: warning }"].iter().any(|severity| rule.contains(severity));
        assert!(grave, "{name} has no severity");
        for part in ["summary: ", "description: ", "runbook_url: "] {
            assert!(rule.contains(part), "{name} has no {part}");
        }
        assert!(tests.contains(&format!("alertname: {name}\n        exp_alerts:")), "{name} is never seen to fire");
        assert!(tests.contains(&format!("alertname: {name} }}")), "{name} is never seen to be quiet");
    }
}

/// Name and text of each section of the runbook.
fn sections(runbook: &str) -> Vec<(String, String)> {
    let sections = runbook.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.map(|(name, text)| (name.trim().to_owned(), text.to_owned())).collect()
}

#[test]
fn every_alert_leads_to_its_section_of_the_runbook_and_every_section_is_of_an_alert() {
    let (rules, runbook) = (text("prometheus/swabstream.rules.yml"), text("RUNBOOK.md"));
    let all = sections(&runbook);
    // What is done without an alert has its section as well, such as upgrades.
    let sections: Vec<_> = all.iter().filter(|(name, _)| name.starts_with("Swabstream")).cloned().collect();
    let mut names = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().expect("a name").trim();
        let anchor = format!("/RUNBOOK.md#{}\"", name.to_ascii_lowercase());
        let url = rule.lines().find(|line| line.trim_start().starts_with("runbook_url: ")).expect("a runbook_url");
        assert!(url.contains("\"https://") && url.ends_with(&anchor), "{name}: {url} does not end in {anchor}");
        names.insert(name.to_owned());
    }
    assert_eq!(names.len(), sections.len(), "a section twice");
    assert_eq!(names, sections.iter().map(|(name, _)| name.clone()).collect(), "alerts and sections of the runbook");
    for (name, section) in &sections {
        let mut rest = section.as_str();
        for part in ["**What it means.** ", "**What to look at.** ", "**What to do.** "] {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{name} lacks `{part}`, or has it too early")).1;
        }
        assert!(section.contains("```promql\n") || section.contains("curl "), "{name} says nothing to look at");
    }
    let links = runbook.split("](#").skip(1).filter_map(|rest| rest.split_once(')'));
    for (anchor, _) in links {
        assert!(all.iter().any(|(name, _)| name.to_ascii_lowercase() == anchor), "nothing is at #{anchor}");
    }
}

/// The queries of the runbook.
fn runbook_queries() -> Vec<String> {
    let runbook = text("RUNBOOK.md");
    let blocks = runbook.split("```promql\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(query, _)| query.trim().to_owned()).collect()
}

#[test]
fn the_dashboards_panels_lie_side_by_side() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let number = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().expect("a place");
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "an id twice: {}", panel["title"]);
        let (left, top) = (number(panel, "x"), number(panel, "y"));
        for x in left..left + number(panel, "w") {
            for y in top..top + number(panel, "h") {
                assert!(x < 24 && taken.insert((x, y)), "{} lies over another", panel["title"]);
            }
        }
    }
}

/// Runs promtool in the folder of the rules, with something to read; `None` where there is no promtool.
fn promtool(arguments: &[&str], input: &str) -> Option<Result<(), String>> {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(deploy("prometheus"));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: there is no promtool on this machine");
        return None;
    };
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    Some(if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) })
}

fn assert_passes(arguments: &[&str], input: &str) {
    if let Some(Err(said)) = promtool(arguments, input) {
        panic!("promtool {arguments:?}:\n{said}");
    }
}

#[test]
fn the_alert_rules_fire_when_they_should_and_at_no_other_time() {
    assert_passes(&["check", "config", "prometheus.yml"], "");
    assert_passes(&["test", "rules", "swabstream.rules.test.yml"], "");
}

#[test]
fn every_query_of_the_dashboard_and_the_runbook_is_one_prometheus_understands() {
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    let runbook = runbook_queries().into_iter().map(|query| ("runbook".to_owned(), query));
    for (number, (title, query)) in queries(&dashboard()).into_iter().chain(runbook).enumerate() {
        let query = serde_json::to_string(&query.replace("$__rate_interval", "1m")).expect("text");
        rules.push_str(&format!("      # {title}\n      - {{ record: \"query:{number}\", expr: {query} }}\n"));
    }
    let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
    fs::write(file.path(), rules).expect("written");
    assert_passes(&["check", "rules", &file.path().display().to_string()], "");
}

#[test]
fn the_page_of_metrics_is_as_prometheus_wants_it() {
    assert_passes(&["check", "metrics"], &page(Format::Text));
}

#[test]
fn the_page_in_open_metrics_is_read_by_prometheus() {
    // promtool reads OpenMetrics only as a backfill, where every sample has its time.
    let timed = |line: &str| if line.starts_with('#') { line.to_owned() } else { format!("{line} 1668130000") };
    let page = page(Format::OpenMetrics);
    let page: String = page.lines().map(|line| timed(line) + "\n").collect();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, blocks) = (folder.path().join("page.txt"), folder.path().join("blocks"));
    fs::write(&file, &page).expect("written");
    let path = |path: &Path| path.display().to_string();
    let command = ["tsdb", "create-blocks-from", "openmetrics", &path(&file), &path(&blocks)];
    assert_passes(&command, "");
    let broken = page.replace("# EOF\n", "");
    fs::write(&file, broken).expect("written");
    if let Some(read) = promtool(&command, "") {
        assert!(read.is_err(), "a page that is cut off is refused");
    }
}
