//! What `swabstream check` says of rows of one file that stand against each other, of corrections, and of what only all
//! ids of a column show.

#[path = "support/checking.rs"]
mod checking;

use checking::Folder;

const MAP: &str = r#"
kind = "results"
zone = "Asia/Shanghai"
[fields]
lab_id = { constant = "LAB-7" }
result_id = { column = "id" }
replaces_result_id = { column = "corrects" }
status = { column = "st", values = { F = "final", C = "corrected", W = "entered_in_error" } }
revision = { column = "released", format = "%Y%m%d%H%M" }
person_id = { column = "who" }
specimen_id = { column = "tube" }
target = { constant = "sars-cov-2" }
collected_at = { column = "taken" }
area = { constant = "D1S1" }
purpose = { constant = "screening" }
finding = { column = "call", values = { pos = "positive", neg = "negative" } }
"#;

/// Whether all is valid, and the page.
fn checked(map: &str, rows: &str, more: &[&str]) -> (bool, String) {
    let folder = Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", map.as_bytes())]);
    let (file, map) = (folder.path("rows.csv"), folder.path("map.toml"));
    checking::checked(&[&[file.as_str(), "--map", &map], more].concat()).expect("checked")
}

const HEADER: &str = "id,corrects,st,released,who,tube,taken,call\n";

#[test]
fn a_file_that_stands_against_itself_is_valid_and_its_contradictions_are_told_by_line() {
    let rows = format!(
        "{HEADER}\
         x1,,F,,q1,t1,2022-11-11,neg\n\
         x1,,F,,q1,t1,2022-11-11,pos\n\
         x2,,F,,q2,t2,2022-11-11,pos\n\
         x3,,F,,q2,t2,2022-11-11,neg\n\
         x4,,F,,q4,t4,2022-11-11,neg\n\
         x4,,F,,q4,t4,2022-11-11,neg\n\
         x5,,C,202211120900,q5,t5,2022-11-11,neg\n\
         x5,,F,202211110900,q5,t5,2022-11-11,pos\n"
    );
    let (good, page) = checked(MAP, &rows, &[]);
    assert!(good, "nothing is refused: {page}");
    for says in [
        "        1  warning: rows that say something else than an earlier row of the same result id, revision and status",
        "higher revision (line 3)",
        "        1  warning: rows that contradict an earlier row of the same person, specimen and target",
        "corrects one of the two (line 5)",
        "        1  warning: rows that say again what an earlier row of the same result id says: counted once (line 7)",
        "        1  warning: rows that do not stand although they come last",
        "(a release time will do) (line 9)",
    ] {
        assert!(page.contains(says), "no `{says}` in {page}");
    }
    for secret in ["x1", "q1", "t1"] {
        assert!(!page.contains(secret), "{page}");
    }
    let (_, page) = checked(MAP, &rows, &["--json"]);
    let counts: serde_json::Value = serde_json::from_str(page.lines().last().expect("counts")).expect("JSON");
    let lines: Vec<_> = counts["warnings"].as_array().expect("warnings").iter().map(|one| &one["lines"]).collect();
    assert_eq!(serde_json::json!(lines), serde_json::json!([[3], [9], [5], [7]]));
}

#[test]
fn corrections_without_a_revision_are_told_that_the_last_need_not_count() {
    let rows = format!("{HEADER}y1,,C,,q1,t1,2022-11-11,pos\ny1,,C,,q1,t1,2022-11-11,neg\n");
    let (good, page) = checked(MAP, &rows, &[]);
    assert!(good && page.contains("        2  warning: rows that are corrections without a revision"), "{page}");
    assert!(page.contains("not the last one counts, but positive before negative"), "{page}");
    let released = rows.replacen("C,,", "C,202211120900,", 1).replacen("C,,", "C,202211120901,", 1);
    let (_, page) = checked(MAP, &released, &[]);
    assert!(!page.contains("warning"), "a time of release tells which is the last: {page}");
    let named = format!("{HEADER}y2,y1,C,,q1,t1,2022-11-11,pos\ny3,y2,C,,q1,t1,2022-11-11,neg\n");
    let (_, page) = checked(MAP, &named, &[]);
    assert!(!page.contains("warning"), "and so does whoever names what is corrected: {page}");
}

#[test]
fn a_panel_with_one_id_for_all_its_targets_is_told_to_make_one_for_each_and_is_then_right() {
    let map = MAP.replace("target = { constant = \"sars-cov-2\" }", "target = { column = \"corrects\" }");
    let map = map.replace("replaces_result_id = { column = \"corrects\" }\n", "");
    let panel = |revisions: [&str; 4]| {
        let calls = [("sars-cov-2", "neg"), ("flu-a", "pos"), ("flu-b", "neg"), ("rsv", "neg")];
        let rows = calls.into_iter().zip(revisions);
        let row = |((target, call), revision): ((&str, &str), &str)| {
            format!("w1,{target},F,{revision},q1,t1,2022-11-11,{call}\n")
        };
        HEADER.to_owned() + &rows.map(row).collect::<String>()
    };
    for revisions in [[""; 4], ["202211120900", "202211120901", "202211120902", "202211120903"]] {
        let (good, page) = checked(&map, &panel(revisions), &[]);
        assert!(
            good && page.contains("        3  warning: rows that name another target than an earlier row"),
            "{page}"
        );
        assert!(page.contains("`result_id = { template = \"{rid}-{target column}\" }`"), "{page}");
        assert!(page.contains("(lines 3, 4, 5)") && page.matches("warning").count() == 1, "{page}");
        assert!(!page.contains("higher revision") && !page.contains("w1") && !page.contains("flu"), "{page}");
        let each = map.replace("result_id = { column = \"id\" }", "result_id = { template = \"{id}-{corrects}\" }");
        let (good, page) = checked(&each, &panel(revisions), &[]);
        assert!(good && !page.contains("warning"), "{page}");
    }
}

#[test]
fn a_revision_is_a_number_or_made_of_a_time_and_what_does_not_fit_is_told_what_to_do() {
    let row = |released: &str| format!("{HEADER}z1,,F,{released},q1,t1,2022-11-11,pos\n");
    let counted = MAP.replace(", format = \"%Y%m%d%H%M\"", "");
    for released in ["0", "1795936000", "4294967295"] {
        assert!(checked(&counted, &row(released), &[]).0, "{released}");
    }
    for released in ["202611291500", "4294967296", "-1", "2026-11-29 15:00"] {
        let (good, page) = checked(&counted, &row(released), &[]);
        assert!(!good && page.contains("revision: out_of_range (column `released`: not a whole number from 0 to"));
        assert!(page.contains("becomes one if the map says its `format`"), "{page}");
        assert!(!page.contains(released), "{page}");
    }
    assert!(checked(MAP, &row("202611291500"), &[]).0);
    let (good, page) = checked(MAP, &row("196001010000"), &[]);
    assert!(!good && page.contains("a time before 1970 or after 2106"), "{page}");
}

#[test]
fn a_day_of_release_is_no_revision_and_a_row_that_has_no_more_is_told() {
    let rows = format!(
        "{HEADER}\
         z1,,F,2022-11-12,q1,t1,2022-11-11,pos\n\
         z2,,F,2022-11-12 09:00,q2,t2,2022-11-11,neg\n\
         z3,,F,,q3,t3,2022-11-11,neg\n\
         z4,,F,2022-11-12,q4,t4,2022-11-11,neg\n"
    );
    let iso = MAP.replace("format = \"%Y%m%d%H%M\"", "format = \"iso\"");
    let (good, page) = checked(&iso, &rows, &[]);
    let told = "        2  warning: rows of whose time of release, which is the revision, only the day is known";
    assert!(good && page.contains(told) && page.contains("(lines 2, 5)"), "{page}");
    let folder =
        Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", iso.replace("iso", "%Y-%m-%d").as_bytes())]);
    let error = checking::checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("days");
    assert!(error.contains("map.toml:9: fields.revision: `format` has no time of day"), "{error}");
}

#[test]
fn who_takes_a_result_back_corrects_nothing() {
    let map = MAP.replace("W = \"entered_in_error\"", "W = \"entered_in_error\", X = \"cancelled\"");
    let rows = format!("{HEADER}v1,,X,,q1,t1,2022-11-11,neg\nv2,,W,,q2,t2,2022-11-11,neg\n");
    let (good, page) = checked(&map, &rows, &[]);
    assert!(good && !page.contains("warning"), "{page}");
}

#[test]
fn a_correction_that_corrects_nothing_is_told_by_line_and_nobody_by_name() {
    let rows = format!(
        "{HEADER}\
         x1,,F,,q1,t1,2022-11-11,neg\n\
         x2,x1,C,,q2,t2,2022-11-11,pos\n\
         x3,x3,C,202211120900,q3,t3,2022-11-11,pos\n\
         x4,,F,,q4,t4,2022-11-11,neg\n\
         x4,,F,,q5,t5,2022-11-11,neg\n"
    );
    let (good, page) = checked(MAP, &rows, &[]);
    assert!(good, "nothing is refused: {page}");
    for (says, line) in [
        ("        1  warning: rows that replace a result which only another person of the file has", 3),
        ("        1  warning: rows that name their own result id as the one they replace", 4),
        ("        1  warning: rows whose result id another person has too, from the same lab", 6),
    ] {
        let told = page.lines().find(|told| told.starts_with(says)).unwrap_or_else(|| panic!("no `{says}` in {page}"));
        assert!(told.ends_with(&format!("(line {line})")), "{told}");
    }
    assert_eq!(page.matches("warning").count(), 3, "{page}");
    for secret in ["x1", "x4", "q1", "q2", "q5", "t1"] {
        assert!(!page.contains(secret), "{page}");
    }
    let map = MAP.replace("[fields]", "[fields]\nprevious_person_id = { column = \"was\" }");
    let moved = rows.replace("call\n", "call,was\n").replace("neg\n", "neg,\n").replace("pos\n", "pos,q1\n");
    let moved = moved.replace("q5,t5,2022-11-11,neg,", "q5,t5,2022-11-11,neg,q4").replace("x3,x3", "x3,");
    let (good, page) = checked(&map, &moved, &[]);
    assert!(good && !page.contains("warning"), "whoever names the other person is understood: {page}");
}

#[test]
fn a_result_that_returns_to_an_earlier_finding_is_no_repetition() {
    let row = |released: &str, call: &str| format!("r1,,C,{released},q1,t1,2022-11-11,{call}\n");
    let versions = [row("202211120900", "neg"), row("202211120901", "pos"), row("202211120902", "neg")].concat();
    let (good, page) = checked(MAP, &format!("{HEADER}{versions}"), &[]);
    assert!(good && !page.contains("warning"), "{page}");
    let again = row("202211120903", "neg");
    let (_, page) = checked(MAP, &format!("{HEADER}{versions}{again}"), &[]);
    assert!(page.contains("        1  warning: rows that say again") && page.contains("(line 5)"), "{page}");
}

#[test]
fn ids_that_became_numbers_on_the_way_are_a_warning_with_their_column_and_what_to_do() {
    let checked = |people: &[&str]| {
        let row = |(number, person)| format!("x{number},,F,,{person},t{number},2022-11-11,neg\n");
        let rows: String = people.iter().enumerate().map(row).collect();
        let (good, page) = checked(MAP, &format!("{HEADER}{rows}"), &[]);
        assert!(good, "nothing is refused: {page}");
        page
    };
    let rounded = ["500103199001011000", "P-17", "500103199001012000", "500103199001013000", "500103199001014000"];
    let page = checked(&rounded);
    let says = "        4  warning: ids of column `who` that have 16 digits or more and all end in 0";
    let told = page.lines().find(|line| line.starts_with(says)).unwrap_or_else(|| panic!("no `{says}` in {page}"));
    assert!(told.ends_with("import the column as text and export again (lines 2, 4, 5, …)"), "{told}");
    assert!(!page.contains("500103"), "{page}");
    let page = checked(&["4711.0", "4712.0"]);
    let says = "        2  warning: ids of column `who` that all end in a decimal point and zeros";
    assert!(page.contains(says) && page.contains("import it as text and export again (lines 2, 3)"), "{page}");
    for right in [&["500103199001011234", "500103199001012000"][..], &["4711.0", "4712"], &["4711", "4720"]] {
        let page = checked(right);
        assert!(!page.contains("warning"), "{page}");
    }
}

#[test]
fn ids_of_messages_that_became_numbers_are_told_by_their_field() {
    let contact = |person: &str| {
        format!(
            r#"{{"record_id":"{person}x","status":"CONTACT_STATUS_ACTIVE","person_id":"{person}","index_person_id":"i1","#
        ) + r#""kind":"CONTACT_KIND_CLOSE","exposure_start":"2022-11-11T00:00:00Z","exposure_end":"2022-11-11T01:00:00Z"}"#
            + "\n"
    };
    let lines = contact("5001031990010110") + &contact("5001031990010120");
    let folder = Folder::with(&[("contacts.ndjson", lines.as_bytes())]);
    let (good, page) = checking::checked(&[&folder.path("contacts.ndjson"), "--kind", "contacts"]).expect("checked");
    assert!(good && page.contains("        2  warning: ids of `person_id` that have 16 digits or more"), "{page}");
    assert_eq!(page.matches("warning").count(), 1, "{page}");
}

#[test]
fn a_group_that_no_policy_names_and_an_area_that_the_registry_does_not_know_are_told_by_line() {
    let record = |person: &str, group: &str, area: &str, status: &str| {
        format!(
            r#"{{"record_id":"{person}x","status":"GROUP_STATUS_{status}","person_id":"{person}","group":"{group}","#
        ) + &format!(r#""area":"{area}","first_day":"2022-11-11"}}"#)
            + "\n"
    };
    let lines = [
        record("p1", "drivers", "", "ACTIVE"),
        record("p2", "Drivers", "", "ACTIVE"),
        record("p3", "cold chain", "", "ACTIVE"),
        record("p4", "night/shift", "nowhere", "ACTIVE"),
        record("p5", "drivers", "elsewhere", "ACTIVE"),
        record("p6", "nobody's", "nowhere", "WITHDRAWN"),
    ];
    let folder = Folder::with(&[("groups.ndjson", lines.concat().as_bytes())]);
    let (file, rules) = (folder.path("groups.ndjson"), concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample"));
    let (good, page) = checking::checked(&[&file, "--kind", "groups", "--rules", rules]).expect("checked");
    assert!(good, "they are taken all the same: {page}");
    for (rows, says, told) in [
        (3, "records of key groups that no case policy of the rules names", "2, 3, 4"),
        (2, "records of key groups with an area that the registry does not know", "4, 5"),
    ] {
        let warning = page.split("warning: ").find(|warning| warning.starts_with(says));
        assert!(page.contains(&format!("{rows}  warning: {says}")), "{page}");
        assert!(warning.is_some_and(|warning| warning.contains(told)), "{page}");
    }
    let (_, page) = checking::checked(&[&file, "--kind", "groups"]).expect("checked");
    assert!(!page.contains("warning"), "without rules nobody knows: {page}");
}
