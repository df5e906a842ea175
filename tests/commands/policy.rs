//! `swabstream policy explain`, by what an area task has published.

use crate::site::{RULES, Site};
use prost::Message as _;
use std::fs;
use std::path::Path;
use swabstream::kafka::publisher::publish_all;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::proto::v1::{AreaPositivity, AreaTier, PurposeNumbers, TierReason, WindowNumbers};

/// Nine cases and twelve tests of the 11th are known of district D1, which is moderate by its cases since.
pub fn explained() -> Site {
    let site = Site::embedded();
    assert_eq!(site.run(&["rules", "apply", RULES]).0, 0);
    let reason = |measure: &str, denominator, value, tier: &str| TierReason {
        measure: measure.to_owned(),
        window_days: 7,
        numerator: 9,
        denominator,
        value,
        tier: tier.to_owned(),
        decided: value.is_some(),
        least_denominator: if value.is_some() { 0 } else { 20 },
        below_least: value.is_none(),
        ..TierReason::default()
    };
    let tier = AreaTier {
        area: "D1".to_owned(),
        day: "2022-11-12".to_owned(),
        tier: "moderate".to_owned(),
        rank: 1,
        policy_id: "sample-districts".to_owned(),
        policy_version: "2020-01-01".to_owned(),
        reasons: vec![
            reason("cases_per_100k", 40_000, Some(22.5), "moderate"),
            reason("tests_over_tests", 12, None, ""),
        ],
        earliest_step_down: "2022-11-18".to_owned(),
        previous_tier: "moderate".to_owned(),
        now: Some(Timestamp(1_668_225_600_000).to_wire()),
        target: "sars-cov-2".to_owned(),
        hysteresis: None,
    };
    let mut records = vec![output(Topic::AreaTiers, "D1".to_owned(), tier.encode_to_vec())];
    for (day, windows) in [("2022-11-11", [17, 17, 17, 17]), ("2022-11-12", [0, 9, 9, 9])] {
        let day = Day::parse(day).expect("a day");
        let of_area =
            |area: &str| output(Topic::AreaPositivity, format!("{area}/{day}"), numbers(day, windows).encode_to_vec());
        records.extend(["D1", "D11", "D1/influenza-a"].map(of_area));
    }
    publish_all(&site.config, "the-tests", &records).expect("a broker");
    site
}

/// Numbers of the district, by the cases of each window.
fn numbers(day: Day, windows: [i64; 4]) -> AreaPositivity {
    let window = |(days, cases): (u32, i64)| WindowNumbers {
        days,
        cases,
        positive_tests: cases,
        conclusive_tests: cases + 3,
        ..WindowNumbers::default()
    };
    let windows = [1, 3, 7, 14].into_iter().zip(windows).map(window).collect();
    let purposes = vec![PurposeNumbers { purpose: String::new(), windows }];
    AreaPositivity { area: "D1".to_owned(), day: day.to_string(), purposes, ..AreaPositivity::default() }
}

fn output(topic: Topic, key: String, payload: Vec<u8>) -> Output {
    Output { topic, partition: 0, key: key.into_bytes(), payload: Some(payload), headers: Vec::new() }
}

/// Lines, with one space wherever there are more.
fn plain(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_arithmetic_of_a_tier_is_shown_down_to_what_was_counted() {
    let site = explained();
    let (code, text) = site.run(&["policy", "explain", "D1"]);
    assert_eq!(code, 0, "{text}");
    let lines = [
        "D1 First District, 2022-11-12, sars-cov-2: moderate",
        "by policy sample-districts@2020-01-01, as published",
        "the day before: moderate",
        "",
        "measures",
        "cases_per_100k, 7 days 9 of 40000 people = 22.5 per 100,000 moderate (from 10 on), decides",
        "tests_over_tests, 7 days 9 of 12: fewer than the 20 that the policy asks for no value",
        "",
        "it can step down on 2022-11-18 at the earliest, if nothing new happens",
    ];
    assert_eq!(plain(&text), lines);
    let (code, text) = site.run(&["policy", "explain", "D1", "2022-11-12", "--json"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((code, lines.len()), (0, 2), "the tier, and the numbers of its day: {text}");
    assert!(lines[0].contains("\"tier\":\"moderate\"") && lines[1].contains("\"day\":\"2022-11-12\""), "{text}");
}

#[test]
fn the_tier_of_another_day_is_decided_anew_from_what_is_published_of_it() {
    let site = explained();
    let (code, text) = site.run(&["policy", "explain", "D1", "2022-11-11"]);
    assert_eq!(code, 0, "{text}");
    let lines = [
        "D1 First District, 2022-11-11, sars-cov-2: high",
        "by policy sample-districts@2020-01-01, decided anew from the numbers as they are now",
        "the day before: low",
        "",
        "measures",
        "cases_per_100k, 7 days 17 of 40000 people = 42.5 per 100,000 moderate (from 10 on)",
        "tests_over_tests, 7 days 17 of 20 = 85% high (from 10% on), decides",
        "",
        "when it could have stepped down was said that day only",
    ];
    assert_eq!(plain(&text), lines);
}

#[test]
fn what_has_no_tier_is_said_with_the_area_and_the_day_and_what_to_do() {
    let site = explained();
    for (arguments, says) in [
        (&["D9"][..], "there is no area D9 in the rules in force"),
        (&["D1", "soon"], "soon is no day: write it as in 2022-11-12"),
        (&["D1", "2022-11-13"], "D1 has no tier on 2022-11-13: 2022-11-12 is the newest day"),
        (&["D1", "2022-07-01"], "ask for 2022-07-"),
        (&["D2"], "no tier of D2 is published for sars-cov-2"),
        (&["D1", "--target", "rsv"], "no tier policy decides on D1, of level district, for rsv"),
        (&["D1", "--target", "measles"], "there is no target measles: use one of sars-cov-2, "),
        (&["C", "--target", "influenza-a"], "no tier policy decides on C"),
    ] {
        let (code, text) = site.run(&[&["policy", "explain"], arguments].concat());
        assert!(code == 2 && text.contains(says), "{arguments:?}: {code}: {text}");
    }
}

/// Under Germany's brake, which a district needs three days in a row for.
#[test]
fn where_days_in_a_row_decide_each_of_them_is_shown() {
    let site = Site::embedded();
    let rules = Path::new(RULES);
    let sample = fs::read_dir(rules).expect("the sample").map(|entry| entry.expect("an entry").path());
    let brake = rules.with_file_name("published").join("tier-de-28b.toml");
    for file in sample.filter(|path| !path.ends_with("tier-threshold.toml")).chain([brake]) {
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        site.write(&format!("rules/{name}"), &fs::read_to_string(&file).expect("a text"));
    }
    let (code, text) = site.run(&["rules", "apply", "rules"]);
    assert_eq!(code, 0, "{text}");
    let today = Day::parse("2021-05-12").expect("a day");
    let tier =
        AreaTier { area: "D1".to_owned(), day: today.to_string(), tier: "off".to_owned(), ..AreaTier::default() };
    let mut records = vec![output(Topic::AreaTiers, "D1".to_owned(), tier.encode_to_vec())];
    // Of 40,000 people 41 are above the bound.
    for (before, cases) in [(6, 39), (5, 41), (4, 41), (3, 41), (2, 39), (1, 39)] {
        let day = today.plus(-before);
        records.push(output(
            Topic::AreaPositivity,
            format!("D1/{day}"),
            numbers(day, [1, 20, cases, cases]).encode_to_vec(),
        ));
    }
    publish_all(&site.config, "the-tests", &records).expect("a broker");
    let (code, text) = site.run(&["policy", "explain", "D1", "2021-05-11"]);
    let lines = plain(&text);
    let expected = [
        "D1 First District, 2021-05-11, sars-cov-2: on",
        "by policy de-28b@2021-04-24, decided anew from the numbers as they are now",
        "the day before: on",
        "",
        "measures",
        "cases_per_100k, 7 days 39 of 40000 people = 97.5 per 100,000 off",
        "",
        "days in a row: up after 3, down after 6",
        "2021-04-02 to 2021-05-06 off",
        "2021-05-07 to 2021-05-09 on",
        "2021-05-10 to 2021-05-11 off",
        "",
        "measures of each day",
    ];
    assert!(code == 0 && lines.starts_with(&expected.map(str::to_owned)), "{text}");
    let each_day = &lines[expected.len()..lines.len() - 2];
    assert_eq!(each_day.len(), 40, "the day, two weeks and twice the six days but one, and two weeks more: {text}");
    assert_eq!(each_day[35], "2021-05-07 cases_per_100k 41 of 40000 people = 102.5 per 100,000");
}
