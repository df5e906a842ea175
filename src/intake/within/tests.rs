use super::*;
use crate::model::time::Timestamp;

const FINAL: LabResult<'_> = LabResult {
    lab_id: "L",
    result_id: "r",
    revision: 0,
    status: ResultStatus::Final,
    person_id: "p",
    previous_person_id: None,
    replaces_result_id: None,
    specimen_id: "s",
    target: "t",
    collected_at: Timestamp(0),
    precision: TimePrecision::Minute,
    area: "a",
    purpose: "u",
    finding: Finding::Negative,
    ct_values: &[],
    kit: "",
    training: false,
};

const POSITIVE: LabResult<'_> = LabResult { finding: Finding::Positive, ..FINAL };
const CORRECTED: LabResult<'_> = LabResult { status: ResultStatus::Corrected, revision: 1, ..FINAL };

/// Causes with their lines, of results on lines from 2 on: in memory, and with one fact in it and two runs merged.
fn told(results: &[LabResult<'_>]) -> Vec<(Cause, Vec<u64>)> {
    let all = Bounds::until(|| false);
    let told = causes(warnings(all, MOST, results));
    for held in [1, 64, 200] {
        let few = Bounds { held, runs: 2, ..all };
        assert_eq!(causes(warnings(few, MOST, results)), told, "on disk, {held} bytes in memory");
    }
    told
}

fn warnings(bounds: Bounds, most: usize, results: &[LabResult<'_>]) -> Vec<Warning> {
    let mut within = Within { most, ..Within::new(bounds) };
    (2..).zip(results).for_each(|(line, result)| within.take(line, result).expect("room"));
    within.warnings().expect("room")
}

fn causes(warnings: Vec<Warning>) -> Vec<(Cause, Vec<u64>)> {
    let causes = [
        Cause::Conflict,
        Cause::Overruled,
        Cause::Contradiction,
        Cause::Again,
        Cause::Unnumbered,
        Cause::Siblings,
        Cause::Circle,
        Cause::Error,
        Cause::Beyond,
    ];
    let cause = |text: &str| causes.into_iter().find(|cause| cause.text() == text).expect("a cause");
    warnings.into_iter().map(|warning| (cause(warning.text), warning.lines)).collect()
}

#[test]
fn rows_that_have_nothing_against_each_other_are_not_told() {
    let other = LabResult { result_id: "r2", specimen_id: "s2", ..POSITIVE };
    let of_target = LabResult { result_id: "r3", target: "t2", ..POSITIVE };
    let drill = LabResult { training: true, ..POSITIVE };
    assert_eq!(told(&[FINAL, other, of_target, CORRECTED, drill]), []);
    let replacing = LabResult { result_id: "r4", replaces_result_id: Some("r"), ..POSITIVE };
    assert_eq!(told(&[FINAL, replacing]), [], "what is replaced contradicts nothing");
}

#[test]
fn two_meanings_of_one_version_are_a_conflict_whoever_comes_last() {
    assert_eq!(told(&[FINAL, POSITIVE]), [(Cause::Conflict, vec![3])]);
    assert_eq!(told(&[POSITIVE, FINAL]), [(Cause::Conflict, vec![3]), (Cause::Overruled, vec![3])]);
}

#[test]
fn a_later_row_that_will_not_stand_is_told() {
    let early = LabResult { finding: Finding::Positive, ..FINAL };
    assert_eq!(told(&[CORRECTED, early]), [(Cause::Overruled, vec![3])], "a lower revision");
    let unnumbered = LabResult { revision: 0, ..CORRECTED };
    let back = LabResult { finding: Finding::Positive, ..unnumbered };
    let told = told(&[FINAL, back, unnumbered]);
    let expected = [(Cause::Conflict, vec![4]), (Cause::Overruled, vec![4]), (Cause::Unnumbered, vec![3, 4])];
    assert_eq!(told, expected, "the last correction does not count");
}

#[test]
fn duplicates_and_contradictions_are_told_with_the_first_few_lines() {
    assert_eq!(told(&[FINAL; 9]), [(Cause::Again, vec![3, 4, 5, 6, 7])]);
    let by_another_id = LabResult { result_id: "r2", ..POSITIVE };
    assert_eq!(told(&[FINAL, by_another_id]), [(Cause::Contradiction, vec![3])]);
}

#[test]
fn what_replaces_nothing_or_the_same_is_told() {
    let replaces = |id: &'static str, replaced| LabResult {
        result_id: id,
        specimen_id: id,
        replaces_result_id: Some(replaced),
        ..CORRECTED
    };
    assert_eq!(told(&[FINAL, replaces("a", "r"), replaces("b", "r")]), [(Cause::Siblings, vec![4])]);
    assert_eq!(told(&[replaces("a", "b"), replaces("b", "a")]), [(Cause::Circle, vec![2, 3])]);
    let error = LabResult { status: ResultStatus::EnteredInError, ..replaces("a", "r") };
    assert_eq!(told(&[FINAL, error]), [(Cause::Error, vec![3])]);
}

#[test]
fn of_one_result_and_of_one_person_so_many_rows_are_held_against_each_other_and_the_rest_is_counted() {
    let all = Bounds::until(|| false);
    let versions: Vec<_> = (0..9).map(|revision| LabResult { revision, ..FINAL }).collect();
    let distinct: Vec<_> = (["a", "b", "c", "d", "e"]).map(|purpose| LabResult { purpose, ..FINAL }).to_vec();
    assert_eq!(warnings(all, 9, &versions).len(), 1, "each says the same again");
    let beyond = warnings(all, 2, &[&distinct[..], &distinct[..]].concat());
    let rows: u64 = beyond.iter().map(|warning| warning.rows).sum();
    assert!(rows >= 9, "each row but the first is told: {beyond:?}");
    let corrections: Vec<_> = ["a", "b", "c", "d"]
        .map(|id| LabResult { result_id: id, specimen_id: id, replaces_result_id: Some("r"), ..CORRECTED })
        .to_vec();
    let told = causes(warnings(all, 2, &corrections));
    assert_eq!(told, [(Cause::Siblings, vec![3]), (Cause::Beyond, vec![4, 5])]);
}

#[test]
fn many_results_in_disorder_say_on_disk_what_they_say_in_memory() {
    let names: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
    let name = |number: usize| names[number % names.len()].as_str();
    let results: Vec<LabResult<'_>> = (0..1_000)
        .map(|at: usize| {
            let (a, b, c) = (at * 7_919 % 1_009, at * 104_729 % 601, at * 1_299_709 % 89);
            LabResult {
                result_id: name(a),
                person_id: name(b % 5),
                specimen_id: name(b % 13),
                revision: (c % 4) as u32,
                status: if c % 3 == 0 { ResultStatus::Corrected } else { ResultStatus::Final },
                replaces_result_id: (c % 7 == 0).then(|| name(a + c)),
                finding: if a % 2 == 0 { Finding::Positive } else { Finding::Negative },
                ..FINAL
            }
        })
        .collect();
    let of = |cause| told(&results).iter().any(|(told, _)| *told == cause);
    assert!([Cause::Conflict, Cause::Overruled, Cause::Contradiction, Cause::Again].into_iter().all(of));
    let few = Bounds { held: 32 * 17, runs: 3, stop: || false };
    assert_eq!(warnings(few, MOST, &results), warnings(Bounds::until(|| false), MOST, &results), "and as often");
}
