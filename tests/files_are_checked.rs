//! `swabstream check`: what it says of files of every format, good and bad, and of real ones.

#[path = "support/checking.rs"]
mod checking;

use checking::{Folder, checked};
use std::fs;
use std::path::Path;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample");

const MAP: &str = concat!(include_str!("fixtures/lab.toml"), include_str!("fixtures/rows.toml"));
const ROWS: &str = include_str!("fixtures/rows.csv");

#[test]
fn a_page_names_line_field_and_code_of_every_refused_row_and_what_to_do() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let (file, map) = (folder.path("rows.csv"), folder.path("map.toml"));
    let arguments = [file.as_str(), "--map", &map, "--rules", RULES, "--received", "arrival"];
    let (good, page) = checked(&arguments).expect("checked");
    let page = page.replace(&file, "rows.csv");
    let expected = "\
rows.csv:3: area: unknown_area (column `area`)
rows.csv:4: collected_at: before_horizon (column `taken`)
rows.csv:5: finding: unknown_enum (column `call`: the cell is not among the map's `values`)
rows.csv:7: person_id: missing_field (column `person`)
rows.csv: 6 rows: 1 valid, 4 refused, 1 left out
rows.csv: 7 lines: 1 of the header, 6 of rows
";
    assert!(page.starts_with(expected), "{page}");
    for says in [
        "        1  unknown_area: the area is not in the registry",
        "           → use a code that",
        "        1  left out: no test was made",
    ] {
        assert!(page.contains(says), "no `{says}` in {page}");
    }
    assert!(!good);
}

#[test]
fn json_has_an_object_per_refused_row_and_the_counts_at_the_end() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let (file, map) = (folder.path("rows.csv"), folder.path("map.toml"));
    let (_, page) =
        checked(&[&file, "--map", &map, "--rules", RULES, "--received", "column", "--json"]).expect("checked");
    let lines: Vec<serde_json::Value> = page.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(
        (&lines[0]["line"], &lines[0]["code"], &lines[0]["field"]),
        (&3.into(), &"unknown_area".into(), &"area".into())
    );
    let counts = serde_json::json!({
        "rows": 6,
        "valid": 1,
        "refused": { "unknown_area": 1, "before_horizon": 1, "unknown_enum": 1, "missing_field": 1 },
        "causes": lines[4]["causes"],
        "left_out": [{ "why": "no test was made", "rows": 1 }],
        "warnings": [],
        "lines": {
            "all": 7, "before_the_header": 0, "of_the_header": 1, "empty": 0, "without_any_cell": 0,
            "of_the_header_again": 0, "of_rows": 6,
        },
        "notes": [],
    });
    assert_eq!(lines[4], counts);
    let causes = lines[4]["causes"].as_array().expect("causes");
    let of_the_call = causes.iter().find(|cause| cause["code"] == "unknown_enum").expect("one is");
    assert_eq!((causes.len(), &of_the_call["field"], &of_the_call["rows"]), (4, &"finding".into(), &1.into()));
}

#[test]
fn without_rules_only_the_contract_is_checked() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let (_, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
    assert!(page.contains("6 rows: 3 valid, 2 refused, 1 left out"), "{page}");
}

#[test]
fn received_now_makes_old_results_too_old() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let arguments = [&folder.path("rows.csv"), "--map", &folder.path("map.toml"), "--rules", RULES];
    let (_, page) = checked(&arguments).expect("checked");
    assert!(page.contains("        3  before_horizon"), "{page}");
}

#[test]
fn only_the_first_refused_rows_are_listed_and_all_are_counted() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let (file, map) = (folder.path("rows.csv"), folder.path("map.toml"));
    let (_, page) = checked(&[&file, "--map", &map, "--first", "1"]).expect("checked");
    let more = "rows.csv: person_id: missing_field (column `person`): 1 more row, the last on line 7\n(--all lists each row)\n";
    assert!(page.contains(more) && page.contains("2 refused"), "{page}");
}

#[test]
fn messages_as_json_are_judged_by_their_line() {
    let good = include_str!("../proto/examples/LabResult.json").replace('\n', "");
    let lines = format!(
        "{good}\n\n{}\n{}\n{}\n",
        good.replace("00:15:00Z", "00:15:00"),
        good.replace("\"lab_id\"", "\"laboratory\""),
        "{\"lab_id\": \"x"
    );
    let folder = Folder::with(&[("rows.ndjson", lines.as_bytes())]);
    let file = folder.path("rows.ndjson");
    let (good, page) =
        checked(&[&file, "--kind", "results", "--rules", RULES, "--received", "arrival"]).expect("checked");
    let page = page.replace(&file, "rows");
    let expected = "\
rows:3: collected_at: time_without_offset
rows:4: (unknown name): malformed (a name that the contract does not have, at column 15)
rows:5: (row): malformed (no JSON from column 13 on)
rows: 4 rows: 1 valid, 3 refused, 0 left out
rows: 5 lines: 1 empty, 4 of rows
";
    assert!(page.starts_with(expected), "{page}");
    assert!(!good);
}

#[test]
fn a_file_of_good_messages_is_good_in_every_format_and_packing() {
    use prost::Message as _;
    let text = include_str!("../proto/examples/ContactRecord-order.json").replace('\n', "");
    let message: swabstream::proto::v1::ContactRecord =
        swabstream::pipeline::decode::json::decode(text.as_bytes(), "swabstream.v1.ContactRecord").expect("an example");
    let delimited = message.encode_length_delimited_to_vec().repeat(3);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &delimited).expect("memory");
    let files: [(&str, &[u8]); 3] = [
        ("contacts.jsonl", &format!("{text}\n").repeat(3).into_bytes()),
        ("contacts.binpb", &delimited),
        ("contacts.pb.gz", &gzip.finish().expect("memory")),
    ];
    let folder = Folder::with(&files);
    for (name, _) in files {
        let (good, page) = checked(&[&folder.path(name), "--kind", "contacts", "--rules", RULES]).expect(name);
        assert!(good && page.contains("3 rows: 3 valid, 0 refused, 0 left out"), "{name}: {page}");
    }
}

#[test]
fn what_cannot_be_checked_is_told_before_any_row() {
    let folder = Folder::with(&[
        ("rows.csv", ROWS.as_bytes()),
        ("map.toml", MAP.as_bytes()),
        ("wrong.toml", MAP.replace("column = \"area\"", "column = \"areas\"").as_bytes()),
        ("short.toml", b"kind = \"contacts\"\n[fields]\nkind = { constant = \"close\" }\n"),
        ("rows.txt", b""),
        ("cut.pb", b"\x05ab"),
    ]);
    let path = |name: &str| folder.path(name);
    for (arguments, says) in [
        (vec![path("none.csv"), "--map".into(), path("map.toml")], "cannot read"),
        (vec![path("rows.csv")], "CSV needs a map"),
        (
            vec![path("rows.csv"), "--map".into(), path("wrong.toml")],
            "wrong.toml:12: fields.area: the file has no column `areas` among its 6; column 4 is spelled almost so",
        ),
        (
            vec![path("rows.csv"), "--map".into(), path("short.toml")],
            "short.toml: [fields] must also fill record_id, status, person_id, index_person_id, exposure_start, \
             exposure_end: of a column, e.g. record_id = {",
        ),
        (vec![path("rows.csv"), "--map".into(), path("none.toml")], "none.toml"),
        (
            vec![path("rows.csv"), "--map".into(), path("map.toml"), "--kind".into(), "contacts".into()],
            "--kind says contacts, and ",
        ),
        (vec![path("rows.txt"), "--kind".into(), "results".into()], "--format is needed"),
        (vec![path("rows.txt"), "--format".into(), "ndjson".into()], "--kind is needed"),
        (vec![path("cut.pb"), "--kind".into(), "results".into()], "message 1: the file ends within it"),
        (vec![path("rows.csv"), "--map".into(), path("map.toml"), "--rules".into(), path("none")], "cannot read"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let error = checked(&arguments).expect_err(says);
        assert!(error.contains(says), "no `{says}` in {error}");
    }
}

/// Real files lie beside the project, not in it.
fn real_file(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/individual").join(name);
    let there = path.exists().then(|| path.display().to_string());
    if there.is_none() {
        println!("skipped: {} is not there", path.display());
    }
    there
}

/// A recount of the Estonian file from its own columns.
#[test]
fn real_data_of_estonia_is_refused_as_its_own_columns_say() {
    let Some(file) = real_file("estonia_pcr_to_2020-04-08.csv.gz") else { return };
    let root = env!("CARGO_MANIFEST_DIR");
    let (map, rules) = (format!("{root}/tests/maps/estonia.toml"), format!("{root}/tests/rules/estonia"));
    let (_, page) =
        checked(&[&file, "--map", &map, "--rules", &rules, "--received", "arrival", "--json"]).expect("checked");
    let counts: serde_json::Value = serde_json::from_str(page.lines().last().expect("counts")).expect("JSON");
    let (mut no_county, mut early, mut late) = (0, 0, 0);
    let mut reader = csv::Reader::from_reader(
        swabstream::intake::source::Source::of(fs::File::open(&file).expect("there")).expect("readable").without(0),
    );
    for row in reader.records() {
        let row = row.expect("text");
        let time = |at: usize| row[at].parse::<jiff::civil::DateTime>().expect("a time");
        let zone = jiff::tz::TimeZone::get("Europe/Tallinn").expect("a zone");
        let instant = |at: usize| zone.to_timestamp(time(at)).expect("an instant").as_second();
        let age = instant(8) - instant(7);
        match (row[4].is_empty(), age) {
            (true, _) => no_county += 1,
            (_, age) if age < -5 * 60 => early += 1,
            (_, age) if age > 30 * 86_400 => late += 1,
            _ => {}
        }
    }
    assert_eq!((no_county, early), (325, 2));
    let refused =
        serde_json::json!({ "missing_field": no_county, "collected_in_future": early, "before_horizon": late });
    assert_eq!((&counts["rows"], &counts["refused"]), (&26_416.into(), &refused));
}

#[test]
fn real_data_of_israel_is_valid_row_by_row() {
    let Some(file) = real_file("israel_pcr_2020-03-11_2020-04-30.csv.gz") else { return };
    let root = env!("CARGO_MANIFEST_DIR");
    let (map, rules) = (format!("{root}/tests/maps/israel.toml"), format!("{root}/tests/rules/israel"));
    let (good, page) = checked(&[&file, "--map", &map, "--rules", &rules, "--received", "arrival"]).expect("checked");
    assert!(good && page.contains("278848 rows: 278848 valid, 0 refused, 0 left out"), "{page}");
}

#[test]
fn a_row_of_another_length_is_told_what_helps_a_csv_file() {
    let rows = "id,person,taken,area,call,arrived\n1,p1,2022-11-11 08:00,D1S1,neg\n";
    let folder = Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", MAP.as_bytes())]);
    let (good, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
    assert!(!good && page.contains("malformed (5 cells where the header has 6)"), "{page}");
    assert!(page.contains("put quotes around cells that hold the delimiter"), "{page}");
    assert!(!page.contains("content-type"), "a row has no headers: {page}");
}

#[test]
fn an_empty_file_is_told_by_its_name() {
    let folder = Folder::with(&[("rows.csv", b""), ("map.toml", MAP.as_bytes())]);
    let error = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("nothing to check");
    assert!(error.ends_with("rows.csv: the file has no header line"), "{error}");
}

/// What `check` says of rows (one cell each of id, person, time, area, call, arrival) by a map with these keys.
fn page(fields: &str, rows: &str, more: &[&str]) -> String {
    let map = MAP.replace("[history]", &format!("{fields}\n[history]"));
    let folder = Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", map.as_bytes())]);
    let (file, map) = (folder.path("rows.csv"), folder.path("map.toml"));
    let (_, page) =
        checked(&[&[file.as_str(), "--map", &map, "--received", "arrival"], more].concat()).expect("checked");
    page.replace(&file, "rows.csv")
}

const HEADER: &str = "id,person,taken,area,call,arrived\n";

#[test]
fn ids_that_are_nobodys_are_refused_by_their_column_and_never_told() {
    for (id, looks) in [
        ("5.00103E+17", "a number in scientific notation"),
        ("500.1E+15", "a number in scientific notation"),
        ("12.5e6", "a number in scientific notation"),
        ("\"1,5E+15\"", "a number in scientific notation"),
        ("########", "a column of the spreadsheet was too narrow"),
        ("#N/A", "an error of a spreadsheet"),
        ("\"=\"\"P001\"\"\"", "a formula"),
        ("'P001", "the apostrophe"),
        ("NULL", "a word for nothing"),
        ("unknown", "a word for nothing"),
        ("未知", "a word for nothing"),
        ("TRUE", "true or false"),
        ("FALSE", "true or false"),
        ("#NV", "an error of a spreadsheet"),
        ("#¡REF!", "an error of a spreadsheet"),
        ("#ЗНАЧ!", "an error of a spreadsheet"),
        ("-", "neither a letter nor a digit"),
        ("P001\u{2800}", "holds a character without a picture"),
        ("\u{115f}", "holds a filler of Korean script"),
        ("P001\u{200b}", "holds a space or joiner without width"),
        ("P\u{ad}001", "holds a soft hyphen"),
        ("\u{202a}P001\u{202c}", "holds a mark of the direction"),
        ("P\t001", "holds a tab"),
        (&"P".repeat(65), "longer than 64 bytes"),
    ] {
        let page = page("", &format!("{HEADER}1,{id},2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n"), &[]);
        let begins = format!("rows.csv:2: person_id: invalid_id (column `person`: {looks}",);
        assert!(page.starts_with(&begins), "{id}: {page}");
        assert!(page.contains("1 row: 0 valid, 1 refused"), "{page}");
        let told = page.lines().next().unwrap_or_default();
        assert!(id.chars().count() == 1 || !told.contains(id.trim_matches('"')), "{page}");
    }
}

#[test]
fn ids_that_look_the_same_are_a_warning_with_their_lines() {
    let row = |number: usize, person: &str| format!("{number},{person},2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n");
    let people = ["P001", "Ｐ００１", "Zoe\u{308}", "Zo\u{eb}", "p001", "P002"];
    let rows: String = people.iter().enumerate().map(|(number, person)| row(number, person)).collect();
    let page = page("", &format!("{HEADER}{rows}"), &["--rules", RULES]);
    assert!(page.contains("6 rows: 6 valid, 0 refused"), "{page}");
    let says = "        2  warning: person ids that look the same as another";
    assert!(page.contains(says) && page.contains("(lines 2, 3, 4, 5)"), "{page}");
    assert!(people.iter().all(|person| !page.contains(person)), "{page}");
}

#[test]
fn years_that_cannot_be_are_refused_with_and_without_rules_and_a_report_before_collection_is_told() {
    let rows = format!(
        "{HEADER}1,p1,2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n\
         2,p2,0022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n\
         3,p3,22-11-11 08:00,D1S1,neg,2022-11-11 12:00\n\
         4,p4,2202-11-11 08:00,D1S1,neg,2022-11-11 12:00\n"
    );
    for more in [&[][..], &["--rules", RULES]] {
        let page = page("reported_at = { constant = \"2021-03-01\" }", &rows, more);
        for line in [3, 4, 5] {
            assert!(page.contains(&format!("rows.csv:{line}: collected_at: invalid_time (column `taken`")), "{page}");
        }
        assert!(page.contains("4 rows: 1 valid, 3 refused"), "{page}");
        let says = "        1  warning: rows that were reported before they were collected";
        assert!(page.contains(says) && page.contains("(line 2)"), "{page}");
    }
}

#[test]
fn an_arrival_in_the_future_or_years_from_the_others_is_refused_by_its_row_unless_somebody_says_so() {
    let row = |number: usize, arrived: &str| format!("{number},p{number},{arrived} 08:00,D1S1,neg,{arrived} 12:00\n");
    let rows = |arrivals: &[&str]| -> String {
        let rows = arrivals.iter().enumerate().map(|(number, arrived)| row(number, arrived));
        [HEADER.to_owned()].into_iter().chain(rows).collect()
    };
    let refused = |page: &str, line: usize, why: &str| {
        let says = format!("rows.csv:{line}: history.arrived_at: invalid_time (column `arrived`: arrived {why}");
        assert!(page.contains(&says), "no `{says}` in {page}");
    };
    let future = page("", &rows(&["2022-11-21", "2202-11-21", "2022-11-22"]), &[]);
    refused(&future, 3, "in the future");
    assert!(future.contains("3 rows: 2 valid, 1 refused"), "{future}");
    for (arrivals, line) in
        [(["2022-11-21", "2025-11-21", "2022-11-22"], 3), (["2018-11-21", "2022-11-21", "2022-11-22"], 2)]
    {
        let years = page("", &rows(&arrivals), &[]);
        refused(&years, line, "more than a year from all other rows");
        assert!(years.contains("3 rows: 2 valid, 1 refused") && years.contains("1  invalid_time"), "{years}");
    }
    let bounded = MAP.replace("[[skip]]", "from = \"2018-11-21\"\nuntil = \"2025-11-21\"\n[[skip]]");
    let all = rows(&["2018-11-21", "2022-11-21", "2025-11-21", "2025-11-22", "2018-11-20"]);
    let folder = Folder::with(&[("rows.csv", all.as_bytes()), ("map.toml", bounded.as_bytes())]);
    let file = folder.path("rows.csv");
    let (_, page) = checked(&[&file, "--map", &folder.path("map.toml"), "--received", "arrival"]).expect("checked");
    let page = page.replace(&file, "rows.csv");
    refused(&page, 5, "later than `--until`, or `until`");
    refused(&page, 6, "before `from`");
    assert!(page.contains("5 rows: 3 valid, 2 refused"), "{page}");
}

/// What a page says of rows and lines, as numbers: rows = valid + refused + left out, lines = all their sorts.
fn counts(page: &str) -> (serde_json::Value, u64, u64) {
    let counts: serde_json::Value = serde_json::from_str(page.lines().last().expect("counts")).expect("JSON");
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    let sum = |values: &serde_json::Value| values.as_object().expect("by code").values().map(number).sum::<u64>();
    let left_out = counts["left_out"].as_array().expect("a list").iter().map(|rule| number(&rule["rows"])).sum::<u64>();
    let rows = number(&counts["rows"]);
    assert_eq!(rows, number(&counts["valid"]) + sum(&counts["refused"]) + left_out, "{counts}");
    let lines = number(&counts["lines"]["all"]);
    assert_eq!(2 * lines, sum(&counts["lines"]), "all lines, and each of them once more by what it is: {counts}");
    (counts, rows, lines)
}

/// Rows in, rows out: nothing that is wrong with a file makes a row of it vanish, or its exit code 0.
#[test]
fn no_row_is_lost_whatever_is_wrong_with_a_file() {
    let row = |id: usize, call: &str| format!("{id},p{id},2022-11-11 08:00,D1S1,{call},2022-11-11 12:00");
    let rows: Vec<String> = (1..=500).map(|id| row(id, "neg")).collect();
    let header = "id,person,taken,area,call,arrived,note";
    let file = |damaged: &str| {
        let mut rows = rows.clone();
        rows[7] += damaged;
        format!("{header}\n{}\n", rows.iter().map(|row| format!("{row},ok\n")).collect::<String>())
    };
    for damaged in [",\"never closed", ",\"closed\" and gone on", ",one,two", "\",\"", ",\"\u{0}"] {
        for end in ["\n", "\r\n", "\r"] {
            let folder = Folder::with(&[
                ("rows.csv", file(damaged).replace('\n', end).as_bytes()),
                ("map.toml", MAP.as_bytes()),
            ]);
            let (good, page) =
                checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml"), "--json"]).expect(damaged);
            let (counts, rows, lines) = counts(&page);
            assert_eq!((rows, lines, &counts["valid"]), (500, 502, &499.into()), "{damaged:?} {end:?}: {page}");
            assert!(!good && page.contains("\"line\":9"), "{damaged:?}: {page}");
        }
    }
}

#[test]
fn a_file_of_a_header_alone_is_told_and_no_fault() {
    let header = ROWS.lines().next().expect("a header");
    for text in [header.to_owned(), format!("{header}\r\n,,,,,\r\n\r\n")] {
        let folder = Folder::with(&[("rows.csv", text.as_bytes()), ("map.toml", MAP.as_bytes())]);
        let (good, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
        assert!(
            good && page.contains("0 rows: 0 valid") && page.contains("note: there is no row behind the header"),
            "{page}"
        );
    }
}

#[test]
fn a_workbook_is_checked_like_the_table_it_holds_whatever_its_name() {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in ROWS.lines().enumerate() {
        for (column, cell) in line.split(',').enumerate() {
            sheet.write_string(row as u32, column as u16, cell).expect("memory");
        }
    }
    let bytes = workbook.save_to_buffer().expect("memory");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &bytes).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let folder = Folder::with(&[
        ("rows.xlsx", &bytes),
        ("rows.csv", &bytes),
        ("rows.xlsx.gz", &gzip),
        ("text.xlsx", ROWS.as_bytes()),
        ("map.toml", MAP.as_bytes()),
    ]);
    for name in ["rows.xlsx", "rows.csv", "rows.xlsx.gz", "text.xlsx"] {
        let (good, page) = checked(&[
            &folder.path(name),
            "--map",
            &folder.path("map.toml"),
            "--rules",
            RULES,
            "--received",
            "arrival",
        ])
        .expect(name);
        assert!(!good && page.contains("6 rows: 1 valid, 4 refused, 1 left out"), "{page}");
        assert!(page.contains(&format!("{name}:5: finding: unknown_enum (column `call`")), "{page}");
        let unit = if name == "text.xlsx" { "7 lines:" } else { "7 rows of the sheet:" };
        assert!(page.contains(unit), "{page}");
    }
    let error = checked(&[&folder.path("rows.xlsx"), "--kind", "results"]).expect_err("no map");
    assert!(error.contains("a workbook needs a map"), "{error}");
}

/// Made by another program, of 1 to 6 as texts and numbers, dates and times.
#[test]
fn an_old_workbook_is_read_like_a_new_one() {
    let folder = Folder::with(&[("rows.xls", include_bytes!("fixtures/rows.xls")), ("map.toml", MAP.as_bytes())]);
    let arguments =
        [&folder.path("rows.xls"), "--map", &folder.path("map.toml"), "--rules", RULES, "--received", "arrival"];
    let (good, page) = checked(&arguments).expect("checked");
    assert!(!good && page.contains("6 rows: 1 valid, 4 refused, 1 left out"), "{page}");
    assert!(page.contains("7 rows of the sheet: 1 of the header, 6 of rows"), "{page}");
}

/// A quote that opens in one row, or in the header, and one that closes a hundred rows later: what lies between is
/// told, also where it is wrong by itself.
#[test]
fn quotes_that_meet_by_chance_swallow_no_rows_not_even_wrong_ones() {
    let header = "id,person,taken,area,call,arrived,note";
    let between = ["2022-11-11 08:00,D1S1,neg", "11/11/22,D1S1,neg", "2022-11-11 08:00,D1S1,maybe"];
    for taken in between {
        let rows: String = (3..103).map(|id| format!("{id},p{id},{taken},2022-11-11 12:00,ok\n")).collect();
        let opens = "1,p1,2022-11-11 08:00,D1S1,neg,2022-11-11 12:00,\"left\n";
        let closes = "104,p104,2022-11-11 08:00,D1S1,pos,2022-11-11 12:00,right\"\n";
        let text = format!("{header}\n{opens}{rows}{closes}");
        let folder = Folder::with(&[("rows.csv", text.as_bytes()), ("map.toml", MAP.as_bytes())]);
        let (good, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
        assert!(!good && page.contains("102 rows: 0 valid, 102 refused, 0 left out"), "{taken}: {page}");
        let text = format!("id,person,taken,area,call,arrived,\"note\n{rows}{closes}");
        let folder = Folder::with(&[("rows.csv", text.as_bytes()), ("map.toml", MAP.as_bytes())]);
        let error = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("no header");
        assert!(error.contains("a quote opens in line 1 and closes in line 102"), "{error}");
    }
}

#[test]
fn line_ends_that_only_some_programs_know_do_not_make_a_header_of_a_file() {
    for end in ["\u{b}", "\u{c}", "\u{85}", "\u{2028}"] {
        let folder = Folder::with(&[("rows.csv", ROWS.replace('\n', end).as_bytes()), ("map.toml", MAP.as_bytes())]);
        let error = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("no header");
        assert!(error.contains("this does not look like the header"), "{error}");
    }
}

#[test]
fn a_file_of_people_that_is_given_as_the_map_is_not_shown() {
    let folder = Folder::with(&[("rows.csv", ROWS.as_bytes()), ("map.toml", b"r1,P-4711,S-1,28/11/2026,neg\n")]);
    let error = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("no map");
    assert!(error.contains("map.toml:1") && error.contains("is it the map?") && !error.contains("4711"), "{error}");
}
