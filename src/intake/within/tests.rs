use super::*;
use crate::model::result::{Finding, TimePrecision};
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
        Cause::Targets,
        Cause::Conflict,
        Cause::Overruled,
        Cause::Contradiction,
        Cause::Shared,
        Cause::Again,
        Cause::Unnumbered,
        Cause::Siblings,
        Cause::Circle,
        Cause::Elsewhere,
        Cause::Itself,
        Cause::Error,
        Cause::Beyond,
    ];
    let cause = |text: &str| causes.into_iter().find(|cause| cause.text() == text).expect("a cause");
    warnings.into_iter().map(|warning| (cause(&warning.text), warning.lines)).collect()
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
fn one_id_for_several_targets_is_told_as_such_whatever_the_revisions_and_never_as_a_matter_of_revisions() {
    let of = |target: &'static str, revision, result: LabResult<'static>| LabResult { target, revision, ..result };
    let panel = |revisions: [u32; 4]| {
        let [first, second, third, fourth] = revisions;
        [of("s", first, FINAL), of("a", second, POSITIVE), of("b", third, FINAL), of("r", fourth, FINAL)]
    };
    for revisions in [[0; 4], [1, 2, 3, 4], [4, 3, 2, 1], [7, 7, 9, 9]] {
        assert_eq!(told(&panel(revisions)), [(Cause::Targets, vec![3, 4, 5])], "{revisions:?}");
    }
    let twice = [panel([0; 4]), panel([0; 4])].concat();
    let expected = [(Cause::Targets, vec![3, 4, 5, 6, 8]), (Cause::Again, vec![7])];
    assert_eq!(told(&twice), expected, "what stands is said again");
    assert_eq!(told(&[POSITIVE, FINAL, of("a", 0, FINAL)]), [(Cause::Targets, vec![4]), (Cause::Conflict, vec![3])]);
    let moved = LabResult { person_id: "q", previous_person_id: Some("p"), ..of("a", 1, FINAL) };
    assert_eq!(told(&[FINAL, moved]), [], "of one who no longer has it nothing is known but that");
    for (status, finding) in
        [(ResultStatus::EnteredInError, Finding::Positive), (ResultStatus::Final, Finding::Invalid)]
    {
        let one = LabResult { status, finding, ..FINAL };
        let seen = Seen::of((1 << 40) - 1, &one);
        assert_eq!(Seen::from_fact(seen.fact()), seen, "all of it is kept");
        let moved = seen.moved_from(7);
        assert_eq!(Seen::from_fact(moved.fact()), moved, "and of what was moved");
    }
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
fn what_says_again_what_stands_is_told_and_not_a_return_to_what_was_said_before() {
    let revised = |revision, result: LabResult<'static>| LabResult { revision, ..result };
    let (first, second, third) = (revised(1, FINAL), revised(2, POSITIVE), revised(3, FINAL));
    assert_eq!(told(&[first, second, third]), [], "each of them changes what stands");
    assert_eq!(told(&[first, second, revised(3, POSITIVE)]), [(Cause::Again, vec![4])]);
    assert_eq!(told(&[first, second, first]), [(Cause::Overruled, vec![4])], "what stood earlier is no more than late");
    let higher = [revised(1, FINAL), revised(3, FINAL), revised(2, POSITIVE)];
    assert_eq!(told(&higher), [(Cause::Overruled, vec![4]), (Cause::Again, vec![3])], "a higher revision of the same");
    let conflict = [(Cause::Conflict, vec![3, 4]), (Cause::Overruled, vec![4])];
    assert_eq!(told(&[FINAL, POSITIVE, FINAL]), conflict, "and each time it is set aside");
}

const OTHER: LabResult<'_> = LabResult { person_id: "q", specimen_id: "s2", ..FINAL };

#[test]
fn a_result_that_stands_with_two_people_is_told_unless_it_was_moved_or_taken_back() {
    assert_eq!(told(&[FINAL, OTHER]), [(Cause::Shared, vec![3])]);
    assert_eq!(told(&[OTHER, FINAL, LabResult { person_id: "o", ..OTHER }]), [(Cause::Shared, vec![3, 4])]);
    let moved = LabResult { previous_person_id: Some("p"), ..OTHER };
    assert_eq!(told(&[FINAL, moved]), []);
    assert_eq!(told(&[moved, FINAL]), [(Cause::Overruled, vec![3])], "the move comes first, and holds");
    let later = LabResult { revision: 1, ..FINAL };
    assert_eq!(told(&[moved, later]), [(Cause::Shared, vec![3])], "a higher revision takes no notice of the move");
    assert_eq!(
        told(&[later, moved]),
        [(Cause::Overruled, vec![3]), (Cause::Shared, vec![3])],
        "nor does one before it"
    );
    let taken_back = LabResult { status: ResultStatus::Cancelled, ..later };
    assert_eq!(told(&[FINAL, taken_back, OTHER]), []);
    let other_lab = LabResult { lab_id: "M", ..OTHER };
    assert_eq!(told(&[FINAL, other_lab]), [], "labs count for themselves");
    let replacing = LabResult { result_id: "r2", replaces_result_id: Some("r"), ..FINAL };
    assert_eq!(told(&[FINAL, replacing, OTHER]), [], "what is replaced holds no more");
    let back = LabResult { revision: 1, previous_person_id: Some("q"), ..FINAL };
    assert_eq!(told(&[FINAL, moved, back]), [], "there and back");
    let drill = LabResult { training: true, ..OTHER };
    assert_eq!(told(&[FINAL, drill]), []);
}

#[test]
fn what_was_moved_away_contradicts_nothing_there_and_takes_along_what_it_replaces() {
    let another = LabResult { result_id: "r2", ..POSITIVE };
    assert_eq!(told(&[FINAL, another]), [(Cause::Contradiction, vec![3])]);
    let moved = LabResult { previous_person_id: Some("p"), ..OTHER };
    assert_eq!(told(&[FINAL, moved, another]), []);
    let replacing = LabResult { result_id: "r3", replaces_result_id: Some("r"), ..moved };
    assert_eq!(told(&[FINAL, another, replacing]), [], "it is looked for with the person it comes from");
}

#[test]
fn a_correction_of_a_result_that_only_somebody_else_has_is_told() {
    let correcting = LabResult { result_id: "r2", replaces_result_id: Some("r"), ..OTHER };
    assert_eq!(told(&[FINAL, correcting]), [(Cause::Elsewhere, vec![3])]);
    assert_eq!(told(&[correcting, FINAL]), [(Cause::Elsewhere, vec![2])], "in any order");
    let more = LabResult { result_id: "r3", specimen_id: "s3", person_id: "o", ..correcting };
    assert_eq!(told(&[correcting, FINAL, more]), [(Cause::Elsewhere, vec![2, 4])]);
    assert_eq!(told(&[correcting]), [], "it may have come earlier");
    let named = LabResult { previous_person_id: Some("p"), ..correcting };
    assert_eq!(told(&[FINAL, named]), []);
    let wrongly = LabResult { previous_person_id: Some("o"), ..correcting };
    assert_eq!(told(&[FINAL, wrongly]), [(Cause::Elsewhere, vec![3])], "once, with whomever it is looked for");
    let own = LabResult { specimen_id: "s4", ..OTHER };
    assert_eq!(told(&[FINAL, own, correcting]), [], "the own one is meant");
    let other_lab = LabResult { lab_id: "M", ..correcting };
    assert_eq!(told(&[FINAL, other_lab]), [], "a lab replaces its own");
    let taken_back = LabResult { revision: 1, status: ResultStatus::Cancelled, ..FINAL };
    assert_eq!(told(&[FINAL, taken_back, correcting]), [], "nothing is left to be replaced");
    let mended = LabResult { revision: 1, replaces_result_id: None, ..correcting };
    assert_eq!(told(&[FINAL, correcting, mended]), [], "the version that stands names nothing");
}

#[test]
fn a_circle_is_told_however_long_it_is() {
    for long in [2, 64, 65, 200] {
        let names: Vec<String> = (0..long).map(|number| format!("n{number}")).collect();
        let result = |at: usize| LabResult {
            result_id: &names[at],
            specimen_id: &names[at],
            replaces_result_id: Some(&names[(at + 1) % long]),
            ..CORRECTED
        };
        let results: Vec<_> = (0..long).map(result).collect();
        let told = warnings(Bounds::until(|| false), MOST, &results);
        assert_eq!(told.iter().map(|one| one.rows).collect::<Vec<_>>(), [long as u64]);
        assert_eq!(causes(told)[0].0, Cause::Circle, "{long}");
        let told = warnings(Bounds::until(|| false), MOST, &results[1..]);
        assert_eq!(told, [], "a chain of {long}");
    }
}

#[test]
fn of_one_person_and_of_one_result_so_many_corrections_are_held_against_others_and_the_rest_is_counted() {
    let all = Bounds::until(|| false);
    let versions: Vec<_> = (0..9).map(|revision| LabResult { revision, ..FINAL }).collect();
    assert_eq!(causes(warnings(all, 2, &versions)), [(Cause::Again, vec![3, 4, 5, 6, 7])], "of versions all are");
    let corrections: Vec<_> = ["a", "b", "c", "d"]
        .map(|id| LabResult { result_id: id, specimen_id: id, replaces_result_id: Some("r"), ..CORRECTED })
        .to_vec();
    let told = causes(warnings(all, 2, &corrections));
    assert_eq!(told, [(Cause::Siblings, vec![3]), (Cause::Beyond, vec![4, 5])]);
    let of_others = corrections.iter().map(|one| LabResult { person_id: one.result_id, ..*one });
    let results: Vec<_> = of_others.chain([LabResult { specimen_id: "s", ..FINAL }]).collect();
    let rows = |cause: Cause| {
        let told = warnings(all, 2, &results);
        told.iter().find(|one| one.text == cause.text()).map_or(0, |one| one.rows)
    };
    assert_eq!((rows(Cause::Elsewhere), rows(Cause::Beyond)), (2, 2));
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
