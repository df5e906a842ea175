//! The tests of a whole country (Estonia, to 2020-04-08) through the real program and a real Kafka, in history mode:
//! every county's positivity on every day and window is what the CSV says, with the same rows refused.

use crate::support::open_data;
use crate::support::oracle::wilson;
use crate::support::real::RealDeployment;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use swabstream::model::time::Day;
use swabstream::proto::v1::WindowNumbers;

const FILE: &str = "estonia_pcr_to_2020-04-08.csv.gz";

/// The last row was inserted in the morning of the 9th; a day later everything is known everywhere.
const END: &str = "2020-04-10T00:00:00Z";
const LAST_DAY: &str = "2020-04-10";

/// Counties by ISO 3166-2.
const COUNTIES: [(&str, &str); 15] = [
    ("Harju maakond", "EE-37"),
    ("Hiiu maakond", "EE-39"),
    ("Ida-Viru maakond", "EE-45"),
    ("Jõgeva maakond", "EE-50"),
    ("Järva maakond", "EE-52"),
    ("Lääne maakond", "EE-56"),
    ("Lääne-Viru maakond", "EE-60"),
    ("Põlva maakond", "EE-64"),
    ("Pärnu maakond", "EE-68"),
    ("Rapla maakond", "EE-71"),
    ("Saare maakond", "EE-74"),
    ("Tartu maakond", "EE-79"),
    ("Valga maakond", "EE-81"),
    ("Viljandi maakond", "EE-84"),
    ("Võru maakond", "EE-87"),
];

#[test]
fn every_county_day_and_window_of_estonia_is_what_the_file_says() {
    let Some(file) = open_data::find(FILE) else { return };
    let (tests, refused) = recount(&open_data::rows(&file));
    let mut deployment = RealDeployment::create("estonia", &open_data::rules("estonia"));
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/maps/estonia.toml");
    let file = file.to_str().expect("a plain path");
    let published = deployment.command(&["publish", file, "--map", map, "--history", "--until", END]);
    assert_refused(&String::from_utf8_lossy(&published.stdout), &refused, &published.stderr);

    deployment.start();
    deployment.kill_after(8_000);
    deployment.start();
    deployment.settle();
    assert_positivity(&tests, &deployment);
}

/// Positive and all tests by area and day.
type Tests = BTreeMap<(String, Day), (i64, i64)>;

/// Counts the file by hand; refuses what must be refused, by code.
fn recount(rows: &[BTreeMap<String, String>]) -> (Tests, BTreeMap<&'static str, u64>) {
    let zone = TimeZone::get("Europe/Tallinn").expect("a known zone");
    let instant = |text: &str| {
        let local: jiff::civil::DateTime = text.parse().expect("a local time");
        zone.to_timestamp(local).expect("a time of that zone").as_second()
    };
    let (mut tests, mut refused) = (Tests::new(), BTreeMap::new());
    for row in rows {
        let (taken, arrived) = (instant(&row["result_time"]), instant(&row["insert_time"]));
        let county = COUNTIES.iter().find(|(name, _)| *name == row["county"]);
        let code = match county {
            None => "missing_field",
            Some(_) if taken > arrived => "collected_in_future",
            Some(_) if taken < arrived - 30 * 86_400 => "before_horizon",
            Some((_, county)) => {
                let day = Day::parse(&row["result_time"][..10]).expect("a day");
                for area in ["EE", county] {
                    let (positive, all) = tests.entry((area.to_owned(), day)).or_insert((0, 0));
                    *positive += i64::from(row["result"] == "positive");
                    *all += 1;
                }
                continue;
            }
        };
        *refused.entry(code).or_insert(0) += 1;
    }
    (tests, refused)
}

/// The command lists as many rows by each code as were refused here, and no other code.
fn assert_refused(report: &str, refused: &BTreeMap<&'static str, u64>, errors: &[u8]) {
    let listed = |code: &str, rows: &u64| report.contains(&format!("{rows}  {code}: "));
    let all = refused.iter().all(|(code, rows)| listed(code, rows));
    let total: u64 = refused.values().sum();
    assert!(
        all && report.contains(&format!("{total} refused")),
        "{refused:?} must be listed in:\n{report}\n{}",
        String::from_utf8_lossy(errors)
    );
}

fn assert_positivity(tests: &Tests, deployment: &RealDeployment) {
    let published = deployment.published().positivity;
    let last = Day::parse(LAST_DAY).expect("a day");
    let mut compared = 0;
    for area in ["EE"].into_iter().chain(COUNTIES.map(|(_, code)| code)) {
        let first = tests.keys().filter(|(code, _)| code == area).map(|(_, day)| *day).min().expect("has tests");
        for end in (first.0..=last.0).map(Day) {
            let window = |days: i32| {
                let inside = tests.range((area.to_owned(), Day(end.0 - days + 1))..=(area.to_owned(), end));
                inside.fold((0, 0), |(positive, all), (_, more)| (positive + more.0, all + more.1))
            };
            let found = published.get(&(area.to_owned(), end));
            if window(14).1 == 0 {
                assert!(found.is_none(), "nothing can be said of {area} on {end}");
                continue;
            }
            let found = found.unwrap_or_else(|| panic!("{area} on {end} is missing"));
            for numbers in found.purposes.iter().flat_map(|purpose| &purpose.windows) {
                assert_eq!(*numbers, expected(numbers, window(numbers.days as i32)), "{area} on {end}");
                compared += 1;
            }
        }
    }
    assert!(compared > 3_000, "only {compared} windows were compared");
}

/// Every row is a person of its own, so people are tests and every positive is a case.
fn expected(found: &WindowNumbers, (positive, all): (i64, i64)) -> WindowNumbers {
    let ratio = wilson(positive, all);
    let near = |expected: f64, found: f64| if (expected - found).abs() < 1e-9 { found } else { expected };
    let rounded = |found: &Option<swabstream::proto::v1::Proportion>| match (ratio, found) {
        (Some(ratio), Some(found)) => Some(swabstream::proto::v1::Proportion {
            value: near(ratio.value, found.value),
            low: near(ratio.low, found.low),
            high: near(ratio.high, found.high),
        }),
        (ratio, _) => ratio,
    };
    WindowNumbers {
        days: found.days,
        positive_tests: positive,
        conclusive_tests: all,
        other_tests: 0,
        people_positive: Some(positive),
        people_tested: Some(all),
        cases: positive,
        community_cases: positive,
        tests_over_tests: rounded(&found.tests_over_tests),
        people_over_people: rounded(&found.people_over_people),
        people_over_tests: (all > 0).then(|| positive as f64 / all as f64),
        cases_per_100k: None,
        tests_per_100k: None,
        ..WindowNumbers::default()
    }
}
