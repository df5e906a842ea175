//! The tests of a whole country (Israel, 2020-03-11 to 2020-04-30) through the real program and a real Kafka, in
//! history mode: the counts that were published of them are found.

use crate::support::open_data;
use crate::support::real::RealDeployment;
use swabstream::model::time::Day;

const FILE: &str = "israel_pcr_2020-03-11_2020-04-30.csv.gz";
const END: &str = "2020-05-02T00:00:00Z";

#[test]
fn the_published_counts_of_israel_are_found() {
    let (Some(file), Some(checks)) = (open_data::find(FILE), open_data::find("published_checks.csv")) else { return };
    let mut deployment = RealDeployment::create("israel", &open_data::rules("israel"));
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/maps/israel.toml");
    let file = file.to_str().expect("a plain path");
    let published = deployment.command(&["publish", file, "--map", map, "--history", "--until", END]);
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));

    deployment.start();
    deployment.kill_after(60_000);
    deployment.start();
    deployment.settle();
    let positivity = deployment.published().positivity;
    let mut found = 0;
    for check in open_data::rows(&checks) {
        let (first, last) = days_of(&check["filter"]);
        // The published counts are of the rows whose gender is stated; the map made these an area.
        let totals = (first.0..=last.0).map(Day).map(|day| {
            let numbers = &positivity[&("IL-STATED".to_owned(), day)];
            let window = &numbers.purposes[0].windows[0];
            assert_eq!((window.days, numbers.purposes[0].purpose.as_str()), (1, ""), "the day's total");
            (window.conclusive_tests, window.positive_tests)
        });
        let (tested, positive) = totals.fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
        let number = |column: &str| check[column].parse::<i64>().expect("a number");
        assert_eq!((tested, positive), (number("published_tested"), number("published_positive")), "{first}..{last}");
        found += 1;
    }
    assert_eq!(found, 2, "both published counts");
}

/// `test_date 2020-03-22..2020-03-31; …`
fn days_of(filter: &str) -> (Day, Day) {
    let range = filter.split([' ', ';']).find(|word| word.contains("..")).expect("a range of days");
    let (first, last) = range.split_once("..").expect("a range of days");
    (Day::parse(first).expect("a day"), Day::parse(last).expect("a day"))
}
