//! Batches of results that a lab sends more than once.

use crate::support::story::{Story, result};
use swabstream::proto::v1::AlertFamily::Positive;
use swabstream::proto::v1::Finding::{self, Negative};
use swabstream::proto::v1::{LabResult, ResultStatus};

const P: Finding = Finding::Positive;

fn corrected(revision: u32, result: LabResult) -> LabResult {
    LabResult { revision, status: ResultStatus::Corrected as i32, ..result }
}

/// Shuozhou, 2022: a batch was sent with the day before as the day of its swabs, and again with the right one.
#[test]
fn the_batch_uploaded_twice_with_a_wrong_date_counts_once_on_the_right_day() {
    let (wrong, right) = ("2022-11-09 08:00", "2022-11-10 08:00");
    let batch = |finding: fn(u32) -> Finding, swabbed| {
        (0..4).map(move |one| result(&format!("R{one}"), &format!("P{one}"), finding(one), swabbed)).collect::<Vec<_>>()
    };
    let finding: fn(u32) -> Finding = |one| if one == 0 { P } else { Negative };
    // As a correction, and under new ids that name those before.
    let again = |one: usize, version: LabResult| match one % 2 {
        0 => corrected(1, version),
        _ => LabResult { result_id: format!("N{one}"), replaces_result_id: version.result_id.clone(), ..version },
    };
    let mut story = Story::begin();
    for result in batch(finding, wrong) {
        story = story.result("2022-11-10 12:00", result);
    }
    for (one, result) in batch(finding, right).into_iter().enumerate() {
        story = story.result("2022-11-10 18:00", again(one, result));
    }
    let end = story.end("2022-11-10 20:00");
    let counted = |day: &str| {
        let numbers = end.numbers("D1S1", day, 1);
        (numbers.positive_tests, numbers.conclusive_tests, numbers.cases)
    };
    assert_eq!((counted("2022-11-09"), counted("2022-11-10")), ((0, 0, 0), (1, 4, 1)));
    assert_eq!(end.live(Positive, "P0").map(|alert| alert.first_day.clone()), Some("2022-11-10".to_owned()));
    assert_eq!(end.live_count(), 1);
}
