//! `swabstream show positivity`: the numbers of an area, day by day, as they are known now and as they were published.

use super::series::{self, OfDay, Series, SeriesArgs, aligned, close, last};
use crate::model::time::Day;
use crate::pipeline::decode::json;
use crate::policy::WINDOWS;
use crate::proto::v1::{AreaPositivity, Proportion, WindowNumbers};
use crate::terminal::output;
use crate::terminal::progress::grouped;
use crate::view::areas;
use std::io::Write;
use std::process::ExitCode;

/// Show the positivity of an area, day by day, as it is known now and as it was published
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  swabstream show positivity 500103 --config swabstream.toml           the last days, windows of 7
  swabstream show positivity 500103 --day 2022-11-12 --window 14 --config swabstream.toml
  swabstream show positivity 500103 --as-of 2022-11-15 --config swabstream.toml
  swabstream show positivity 500103 --csv --config swabstream.toml > 500103.csv

A day's numbers go on changing after it is over: results arrive late, and laboratories correct what they sent. When a day is \
closed, at the hour of the case policy, its numbers are published once more and kept for ever, whatever is known later. Each \
line has both: the window that ends on the day as it is known now, then what was published when the day was closed, and \
whether it is another one now. Of a day that is not closed yet nothing was published, and neither was of an area in which \
nothing had been counted by then in the two weeks before.

With --as-of there is only what was on record at that time: the numbers that days were closed with by then. A civil day means \
its end.

With --csv there is a line for each day, purpose and window, of all days there are: `series` is `live` or `published`. With \
--json there is one object per line, by the contract's JSON mapping, of all days too: AreaPositivity as known now, then \
AreaPublished.

Exit codes:
  0    shown, also where nothing is published of it
  2    it could not be read, or not be written, or there is no such area, day or target
  141  its output was closed before the end (as by | head)")]
pub struct PositivityArgs {
    /// The days
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Days of the window: 1, 3, 7 or 14; a table has all of them
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = window_of, conflicts_with_all = ["csv", "json"])]
    pub window: u32,
}

fn window_of(text: &str) -> Result<u32, String> {
    let known = |days: &i32| days.to_string() == text;
    let all = || WINDOWS.map(|days| days.to_string()).join(", ");
    WINDOWS
        .iter()
        .find(|days| known(days))
        .map(|days| days.unsigned_abs())
        .ok_or_else(|| format!("use one of {}", all()))
}

pub(super) fn run(args: &PositivityArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let lines = series::read(&args.series)?.map(|series| match (args.series.json, args.series.csv) {
        (true, _) => Ok(json(&series)),
        (_, true) => csv(&series),
        _ => Ok(text(&series, args.window)),
    });
    output::write_lines(lines.transpose()?, out)
}

fn json(series: &Series) -> Vec<String> {
    let of_day = |(_, OfDay { live, published }): (Day, OfDay<'_>)| {
        let live = live.map(|numbers| json::encode(numbers, "swabstream.v1.AreaPositivity"));
        let published = published.map(|published| json::encode(published, "swabstream.v1.AreaPublished"));
        live.into_iter().chain(published).collect::<Vec<_>>()
    };
    series.days().into_iter().flat_map(of_day).collect()
}

fn text(series: &Series, days: u32) -> Vec<String> {
    let mut lines = vec![format!("{}, windows of {days} days", series.title()), String::new()];
    let (shown, is_past, zone) = (last(series.days()), series.wanted.as_of.is_some(), series.zone());
    if shown.is_empty() {
        lines.push(series.nothing());
        return lines;
    }
    let known = if is_past { "" } else { "known now" };
    let mut rows = vec![["day", known, "when the day was closed", ""].map(str::to_owned)];
    for (day, OfDay { live, published }) in shown {
        let frozen = published.and_then(|published| published.numbers.as_ref());
        let close = published.and_then(close).or_else(|| live.and_then(|numbers| numbers.close.as_ref()));
        let since = live.zip(frozen).and_then(|(live, frozen)| changed(live, frozen, days)).unwrap_or_default();
        let said = match close {
            Some(close) => format!("closed at {}{since}", series::told(close, &zone)),
            None => "not closed yet".to_owned(),
        };
        let none = || if close.is_some() { "nothing was published" } else { "" }.to_owned();
        let now = if is_past { String::new() } else { live.map_or_else(|| "–".to_owned(), |of| told(of, days)) };
        rows.push([day.to_string(), now, frozen.map_or_else(none, |of| told(of, days)), said]);
    }
    lines.extend(aligned(&rows));
    lines
}

/// What has become of numbers that were published.
fn changed(live: &AreaPositivity, frozen: &AreaPositivity, days: u32) -> Option<String> {
    let tests = tests_of(live) - tests_of(frozen);
    match (tests, window(live, days) == window(frozen, days)) {
        (0, true) => None,
        (0, false) => Some(", restated since".to_owned()),
        _ => Some(format!(", {tests:+} tests of the day since")),
    }
}

/// Positives of conclusive tests, their share, and cases per 100,000 people.
fn told(numbers: &AreaPositivity, days: u32) -> String {
    let Some(of) = window(numbers, days) else { return "–".to_owned() };
    let count = |number: i64| u64::try_from(number).map_or_else(|_| number.to_string(), grouped);
    let share = of.tests_over_tests.as_ref().map_or(String::new(), |share| format!(" {}", percent(share.value)));
    let cases = of.cases_per_100k.map_or(String::new(), |cases| format!(", {cases:.1} cases/100k"));
    format!("{} of {}{share}{cases}", count(of.positive_tests), count(of.conclusive_tests))
}

/// To three digits: in mass screening shares are of a few in a million.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent > 0.0 { (2.0 - percent.log10().floor()).clamp(0.0, 9.0) as usize } else { 0 };
    format!("{percent:.decimals$} %")
}

fn window(numbers: &AreaPositivity, days: u32) -> Option<&WindowNumbers> {
    areas::window(&areas::total(numbers)?.windows, days)
}

fn tests_of(numbers: &AreaPositivity) -> i64 {
    window(numbers, 1).map_or(0, |of| of.conclusive_tests + of.other_tests)
}

const HEAD: [&str; 24] = [
    "area",
    "day",
    "target",
    "series",
    "closed_at",
    "closed_without",
    "purpose",
    "window_days",
    "positive_tests",
    "conclusive_tests",
    "other_tests",
    "tests_over_tests",
    "tests_over_tests_low",
    "tests_over_tests_high",
    "people_positive",
    "people_tested",
    "people_over_people",
    "people_over_people_low",
    "people_over_people_high",
    "people_over_tests",
    "cases",
    "community_cases",
    "cases_per_100k",
    "tests_per_100k",
];

fn csv(series: &Series) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::new();
    for (_, OfDay { live, published }) in series.days() {
        let frozen = published.and_then(|published| published.numbers.as_ref());
        for (name, numbers) in [("live", live), ("published", frozen)] {
            if let Some(numbers) = numbers {
                let windows =
                    numbers.purposes.iter().flat_map(|of| of.windows.iter().map(|window| (&of.purpose, window)));
                rows.extend(windows.map(|(purpose, window)| cells(numbers, name, purpose, window)));
            }
        }
    }
    series::table(HEAD, rows)
}

/// What a window says, a cell for each name of [`HEAD`]; what has no value is empty.
fn cells(numbers: &AreaPositivity, name: &str, purpose: &str, of: &WindowNumbers) -> [String; HEAD.len()] {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let count = |value: Option<i64>| value.map_or(String::new(), |value| value.to_string());
    let share = |share: &Option<Proportion>| {
        let of = |part: fn(&Proportion) -> f64| number(share.as_ref().map(part));
        [of(|share| share.value), of(|share| share.low), of(|share| share.high)]
    };
    let [closed_at, closed_without] = series::cells(numbers.close.as_ref());
    let [tests, tests_low, tests_high] = share(&of.tests_over_tests);
    let [people, people_low, people_high] = share(&of.people_over_people);
    [
        numbers.area.clone(),
        numbers.day.clone(),
        numbers.target.clone(),
        name.to_owned(),
        closed_at,
        closed_without,
        if purpose.is_empty() { "total".to_owned() } else { purpose.to_owned() },
        of.days.to_string(),
        of.positive_tests.to_string(),
        of.conclusive_tests.to_string(),
        of.other_tests.to_string(),
        tests,
        tests_low,
        tests_high,
        count(of.people_positive),
        count(of.people_tested),
        people,
        people_low,
        people_high,
        number(of.people_over_tests),
        of.cases.to_string(),
        of.community_cases.to_string(),
        number(of.cases_per_100k),
        number(of.tests_per_100k),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::series::{Series, Wanted};
    use super::*;
    use crate::model::record::{Position, Record, Topic};
    use crate::model::time::Timestamp;
    use crate::policy::Rules;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{AreaPublished, DayClose, PurposeNumbers};
    use prost::Message as _;
    use std::sync::Arc;

    fn numbers(day: &str, tests: i64, closed_at: Option<i64>) -> AreaPositivity {
        let window = |days| WindowNumbers {
            days,
            positive_tests: 1,
            conclusive_tests: tests,
            tests_over_tests: Some(Proportion { value: 0.25, low: 0.1, high: 0.5 }),
            ..WindowNumbers::default()
        };
        let close =
            closed_at.map(|at| DayClose { closed_at: Some(Timestamp(at).to_wire()), tests: 3, without: vec![] });
        let windows = [1, 3, 7, 14].map(window).to_vec();
        let (area, day, target) = ("D1".into(), day.into(), "sars-cov-2".into());
        let purposes = vec![PurposeNumbers { purpose: String::new(), windows }];
        AreaPositivity { area, day, target, close, purposes, ..AreaPositivity::default() }
    }

    fn read(series: &mut Series, topic: Topic, key: &str, payload: &[u8]) {
        series.take(&Record {
            position: Position { topic, partition: 0, offset: 0 },
            received_at: Timestamp(0),
            key: Some(key.as_bytes()),
            payload: Some(payload),
            content_type: None,
        });
    }

    /// One day that was closed and has had a result since, one that goes on, and others' days.
    fn some(rules: &Arc<Rules>, day: Option<&str>, as_of: Option<&str>) -> Series {
        let mut series =
            Series::new(Wanted::new(rules, "D1", None, (day, as_of), false).expect("it is there"), rules.clone());
        let closed = Some(1_668_182_400_000); // midnight before the 12th
        let days =
            [("2022-11-09", 5, closed), ("2022-11-10", 3, closed), ("2022-11-10", 4, closed), ("2022-11-11", 2, None)];
        for (day, tests, closed_at) in days {
            let mut live = numbers(day, tests, closed_at);
            // Closed by a version that published nothing of it, and without a task.
            live.close.iter_mut().filter(|_| day == "2022-11-09").for_each(|close| close.without.push(2));
            let live = live.encode_to_vec();
            read(&mut series, Topic::AreaPositivity, &format!("D1/{day}"), &live);
            read(&mut series, Topic::AreaPositivity, &format!("D1/{day}/influenza-a"), &live);
            read(&mut series, Topic::AreaPositivity, &format!("D1S1/{day}"), &live);
        }
        let frozen = AreaPublished { numbers: Some(numbers("2022-11-10", 3, closed)), tier: None };
        read(&mut series, Topic::AreaPublished, "D1/2022-11-10", &frozen.encode_to_vec());
        series
    }

    #[test]
    fn what_is_known_now_stands_beside_what_was_published() {
        let rules = Arc::new(sample_rules());
        let all = text(&some(&rules, None, None), 7).join("\n");
        for says in [
            "2022-11-09  1 of 5 25.0 %  nothing was published    closed at 2022-11-12T00:00:00+08:00 without task 2",
            "2022-11-10  1 of 4 25.0 %  1 of 3 25.0 %            closed at 2022-11-12T00:00:00+08:00, +1 tests of the day since",
            "2022-11-11  1 of 2 25.0 %                           not closed yet",
        ] {
            assert!(all.contains(says), "{says} in {all}");
        }
        assert_eq!(all.lines().count(), 6);
        assert_eq!(text(&some(&rules, Some("2022-11-11"), None), 7).len(), 4);
        assert_eq!(json(&some(&rules, None, None)).len(), 4);
        let table = csv(&some(&rules, None, None)).expect("a table");
        assert_eq!(table.len(), 1 + 4 * 4);
        for (at, begins) in [
            (1, "D1,2022-11-09,sars-cov-2,live,2022-11-11T16:00:00Z,2,total,1,1,5,0,0.25,0.1,0.5,,,"),
            (5, "D1,2022-11-10,sars-cov-2,live,2022-11-11T16:00:00Z,,total,1,1,4,"),
            (9, "D1,2022-11-10,sars-cov-2,published,2022-11-11T16:00:00Z,,total,1,1,3,"),
        ] {
            assert!(table[at].starts_with(begins), "{}", table[at]);
        }
        assert_eq!([0.0, 0.25, 3e-6, 0.999].map(percent), ["0 %", "25.0 %", "0.000300 %", "99.9 %"]);
    }

    #[test]
    fn what_was_written_after_a_time_was_not_on_record_then_whatever_time_the_day_was_closed_by() {
        let rules = Arc::new(sample_rules());
        for (history, is_there) in [(false, false), (true, true)] {
            let asked = (None, Some("2022-11-13"));
            let wanted = Wanted::new(&rules, "D1", None, asked, history).expect("it is there");
            let mut series = Series::new(wanted, rules.clone());
            let frozen = AreaPublished { numbers: Some(numbers("2022-11-10", 3, Some(1_668_182_400_000))), tier: None };
            series.take(&Record {
                position: Position { topic: Topic::AreaPublished, partition: 0, offset: 0 },
                received_at: Timestamp(1_668_600_000_000),
                key: Some(b"D1/2022-11-10"),
                payload: Some(&frozen.encode_to_vec()),
                content_type: None,
            });
            assert_eq!(json(&series).len(), usize::from(is_there), "history {history}");
        }
    }

    #[test]
    fn an_area_that_left_the_registry_is_shown_and_a_mistyped_one_named() {
        let rules = Arc::new(sample_rules());
        let wanted = || Wanted::new(&rules, "GONE", None, (None, None), false).expect("any code");
        let mut series = Series::new(wanted(), rules.clone());
        let error = series.require_known().expect_err("nothing is known of it").to_string();
        assert!(error.contains("rules show"), "{error}");
        read(&mut series, Topic::AreaPositivity, "GONE/2022-11-10", &numbers("2022-11-10", 3, None).encode_to_vec());
        assert!(series.require_known().is_ok() && text(&series, 7)[0].starts_with("GONE, which the rules"));
    }

    #[test]
    fn as_of_a_time_there_is_what_was_on_record_then() {
        let rules = Arc::new(sample_rules());
        for (as_of, is_there) in [("2022-11-12", true), ("2022-11-12T00:00:00+08:00", true), ("2022-11-11", false)] {
            let series = some(&rules, None, Some(as_of));
            let told = text(&series, 7).join("\n");
            assert_eq!(told.contains("1 of 3 25.0 %"), is_there, "{told}");
            assert!(!told.contains("1 of 4") && !told.contains("2022-11-11  "), "{told}");
            assert_eq!(json(&series).len(), usize::from(is_there));
        }
        let error = Wanted::new(&rules, "D1", None, (None, Some("yesterday")), false).expect_err("it is no time");
        assert!(error.to_string().contains("a civil day as in"), "{error}");
        assert!(window_of("5").expect_err("there is none").contains("1, 3, 7, 14"));
    }
}
