//! What `swabstream check` says of what is wrong with a file: the cause and what helps, and nothing that does not.

#[path = "support/checking.rs"]
mod checking;

use checking::{Folder, checked};

const MAP: &str = concat!(include_str!("fixtures/lab.toml"), include_str!("fixtures/rows.toml"));
const ROWS: &str = include_str!("fixtures/rows.csv");

const HEADER: &str = "id,person,taken,area,call,arrived\n";

/// `none` of the map stays the way to say that a cell is empty.
#[test]
fn a_cell_that_the_map_calls_none_is_a_missing_field_and_not_an_id() {
    let map = MAP.replace("[fields]", "none = [\"unknown\"]\n[fields]");
    let rows = format!("{HEADER}1,unknown,2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n");
    let folder = Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", map.as_bytes())]);
    let (_, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
    assert!(page.contains("person_id: missing_field (column `person`)"), "{page}");
}

/// What a column's times look like is told by a format that the map has not yet, and only where it would help.
#[test]
fn hints_of_times_name_formats_that_read_the_cell_and_that_the_map_lacks() {
    for (format, cell, says) in [
        ("\"hl7\"", "2026112808", "looks like YYYYMMDDHH, a time known to the hour"),
        ("\"%Y-%m-%d\"", "2026112808", "looks like YYYYMMDDHH, a time known to the hour"),
        ("\"hl7\"", "20261328", "written as the map's `format` says, but there is no such day"),
        ("[\"%Y%m%d\"]", "20261328", "written as the map's `format` says, but there is no such day"),
        ("\"%Y-%m-%d %H:%M\"", "2026-02-30 08:00", "written as the map's `format` says, but there is no such day"),
        ("\"%Y%m%d%H%M\"", "202611280830+0800", "an offset from UTC behind it: add the `format` with %z"),
        ("\"%Y-%m-%d %H:%M:%S\"", "2026-11-28 08:30:00 +08:00", "an offset from UTC behind it"),
        ("\"%Y-%m-%d %H:%M:%S\"", "2026-11-28 08:30:00Z", "an offset from UTC behind it"),
        ("\"%Y%m%d%H%M\"", "20261128083015", "looks like HL7's"),
        ("\"%d/%m/%Y %H:%M\"", "28/11/26 08:30", "looks like a year of two digits"),
        ("\"%d/%m/%Y\"", "2026-11-28T08:30:00+08:00", "looks like ISO 8601: format = \"iso\""),
        ("\"iso\"", "1795826000", "looks like seconds since 1970"),
        ("\"iso\"", "1795826000000", "looks like milliseconds since 1970"),
        ("\"iso\"", "46354", "looks like an Excel serial"),
        ("\"iso\"", "0026-11-28 08:30", "in the first century: was the year written with two digits?"),
        ("\"iso\"", "1826-11-28 08:30", "lies in no plausible year"),
        ("\"iso\"", "tomorrow", "no time of the map's `format`"),
    ] {
        let map = MAP.replace("column = \"taken\"", &format!("column = \"taken\", format = {format}"));
        let rows = format!("{HEADER}1,p1,{cell},D1S1,neg,2022-11-11 12:00\n");
        let folder = Folder::with(&[("rows.csv", rows.as_bytes()), ("map.toml", map.as_bytes())]);
        let (_, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
        assert!(
            page.contains(&format!("collected_at: invalid_time (column `taken`: {says}")),
            "{format} {cell}: {page}"
        );
        assert!(!page.contains(cell), "{page}");
    }
}

#[test]
fn a_column_that_the_map_uses_is_never_the_one_that_was_meant() {
    let map = MAP.replace("column = \"id\"", "column = \"id2\"").replace("column = \"area\"", "column = \"areas\"");
    let used = map
        .replacen("column = \"taken\"", "column = \"tken\"", 1)
        .replace("column = \"arrived\"", "column = \"taken\"");
    let folder = Folder::with(&[
        ("rows.csv", ROWS.replace("id,person", "id1,person").as_bytes()),
        ("map.toml", used.as_bytes()),
    ]);
    let error = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect_err("columns lack");
    assert!(error.contains("no column `areas` among its 6; column 4 is spelled almost so"), "{error}");
    assert!(error.lines().any(|line| line.ends_with("no column `tken` among its 6")), "{error}");
}

/// What to do is what helps against this cause, and not against another one of the same code.
#[test]
fn advice_fits_the_cause() {
    let split =
        ROWS.to_owned() + "person,id,taken,area,call,arrived\np7,7,2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n";
    let folder = Folder::with(&[
        ("rows.csv", split.as_bytes()),
        ("map.toml", MAP.as_bytes()),
        ("damaged.xlsx", b"PK\x03\x04 and no more"),
        ("rows.ndjson", b"{\"collected_at\":\"28.11.2026\"}\n{\"laboratory\":1}\n"),
        ("rows.pb", b"{\"lab_id\":\"L1\"}\n"),
        ("json.pb", b"\x10{\"lab_id\":\"L-1\"}"),
    ]);
    let page = |arguments: &[&str]| checked(arguments).expect("checked").1;
    let told = page(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]);
    assert!(told.contains("→ split the file before that header") && !told.contains("put quotes around"), "{told}");
    let damaged = checked(&[&folder.path("damaged.xlsx"), "--map", &folder.path("map.toml")]).expect_err("damaged");
    assert!(damaged.contains("damaged.xlsx: the workbook is damaged; open it and save it anew"), "{damaged}");
    let told = page(&[&folder.path("rows.ndjson"), "--kind", "results"]);
    assert!(told.contains(":1: collected_at: invalid_time (it does not begin with a year of four digits)"), "{told}");
    assert!(told.contains(":2: (unknown name): malformed (a name that the contract does not have"), "{told}");
    assert!(!told.contains("map file") && !told.contains("content-type"), "{told}");
    let error = checked(&[&folder.path("rows.pb"), "--kind", "results"]).expect_err("JSON");
    assert!(error.contains("this is JSON and not length-delimited protobuf"), "{error}");
    let told = page(&[&folder.path("json.pb"), "--kind", "results"]);
    assert!(told.contains("undeclared_json: the message is JSON, in a file of length-delimited protobuf"), "{told}");
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in ROWS.lines().enumerate() {
        for (column, cell) in line.split(',').enumerate() {
            sheet.write_string(row as u32, column as u16, cell).expect("memory");
        }
    }
    let format = rust_xlsxwriter::Format::new();
    sheet.merge_range(1, 1, 2, 1, "p1", &format).expect("memory");
    let bytes = workbook.save_to_buffer().expect("memory");
    let map = format!("encoding = \"gb18030\"\ndelimiter = \";\"\n{MAP}");
    let folder = Folder::with(&[("rows.xlsx", &bytes), ("map.toml", map.as_bytes())]);
    let told = page(&[&folder.path("rows.xlsx"), "--map", &folder.path("map.toml")]);
    assert!(told.contains("→ unmerge the cells in the sheet") && !told.contains("put quotes around"), "{told}");
    assert!(told.contains("note: it is a workbook, and `delimiter` and `encoding` in"), "{told}");
}

#[test]
fn a_gzip_that_is_cut_off_is_told_by_the_line_behind_which_and_what_to_do() {
    let row = |id: usize| format!("{id},p{id},2022-11-11 08:00,D1S1,neg,2022-11-11 12:00\n");
    let rows: String = [HEADER.to_owned()].into_iter().chain((0..9_000).map(row)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, rows.as_bytes()).expect("memory");
    let whole = gzip.finish().expect("memory");
    let folder = Folder::with(&[("rows.csv.gz", &whole[..whole.len() - 9]), ("map.toml", MAP.as_bytes())]);
    let error = checked(&[&folder.path("rows.csv.gz"), "--map", &folder.path("map.toml")]).expect_err("cut");
    assert!(
        error.contains("rows.csv.gz behind line ")
            && error.contains("the gzip is cut off before its end, or damaged; copy"),
        "{error}"
    );
}

#[test]
fn what_is_asked_for_is_named_with_its_values_and_how_it_is_made() {
    let good = include_str!("../proto/examples/LabResult.json").replace('\n', "");
    let folder = Folder::with(&[
        ("rows.csv", ROWS.as_bytes()),
        ("rows.txt", ROWS.as_bytes()),
        ("map.toml", MAP.as_bytes()),
        ("rules.json", b"{\"rules\":[]}"),
        ("rows.ndjson", good.as_bytes()),
    ]);
    let path = |name: &str| folder.path(name);
    let error = |arguments: &[&str]| checked(arguments).expect_err("refused");
    let format = error(&[&path("rows.txt"), "--map", &path("map.toml")]);
    assert!(format.contains("csv, workbook, ndjson or protobuf"), "{format}");
    let kind = error(&[&path("rows.csv"), "--map", &path("map.toml"), "--kind", "contacts"]);
    assert!(kind.contains("--kind says contacts, and ") && kind.contains("map.toml reads results"), "{kind}");
    let rules = error(&[&path("rows.csv"), "--map", &path("map.toml"), "--rules", &path("rules.json")]);
    assert!(
        rules.contains("rules show --json --config") && rules.contains("without the `digest` and `records`"),
        "{rules}"
    );
    let rules = error(&[&path("rows.csv"), "--map", &path("map.toml"), "--rules", &path("map.toml")]);
    assert!(rules.ends_with("it is no JSON"), "{rules}");
    let (_, page) = checked(&[&path("rows.ndjson"), "--kind", "contacts"]).expect("checked");
    assert!(page.contains("malformed (it reads as a result: --kind results?)"), "{page}");
}

#[test]
fn an_encoding_of_the_map_that_is_not_the_files_is_told() {
    let map = format!("encoding = \"utf-8\"\n{MAP}");
    let wide = |mark: &[u8]| [mark.to_vec(), ROWS.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let folder =
        Folder::with(&[("marked.csv", &wide(b"\xff\xfe")), ("bare.csv", &wide(b"")), ("map.toml", map.as_bytes())]);
    let (_, page) = checked(&[&folder.path("marked.csv"), "--map", &folder.path("map.toml")]).expect("checked");
    assert!(page.contains("6 rows:") && page.contains("note: read as UTF-16, by the byte order mark"), "{page}");
    let error = checked(&[&folder.path("bare.csv"), "--map", &folder.path("map.toml")]).expect_err("UTF-16");
    assert!(error.contains("not UTF-8 but UTF-16, by its zero bytes; write `encoding = \"utf-16le\"`"), "{error}");
}

#[test]
fn line_ends_that_were_doubled_are_one_and_a_quote_before_the_header_hides_it_not() {
    let folder = Folder::with(&[
        ("rows.csv", ROWS.replace('\n', "\r\r\n").as_bytes()),
        ("titled.csv", format!("\"Plates of,\n{ROWS}7,\"p7\",2022-11-11,D1S1,neg,2022-11-11\n").as_bytes()),
        ("map.toml", MAP.as_bytes()),
    ]);
    let (_, page) = checked(&[&folder.path("rows.csv"), "--map", &folder.path("map.toml")]).expect("checked");
    assert!(page.contains("7 lines: 1 of the header, 6 of rows"), "{page}");
    let error = checked(&[&folder.path("titled.csv"), "--map", &folder.path("map.toml")]).expect_err("no header");
    assert!(error.contains("the map's columns stand in line 2; write `skip_lines = 1`"), "{error}");
}

/// Pools of a file are judged by the processor's own judge, and told by the field of the member that is wrong.
#[test]
fn pools_are_taken_and_a_wrong_one_is_told_by_its_member() {
    let text = include_str!("../proto/examples/LabResult-pool.json");
    let pool: serde_json::Value = serde_json::from_str(text).expect("an example");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut pool = pool.clone();
        change(&mut pool);
        pool.to_string()
    };
    let lines = [
        with(&|_| ()),
        with(&|wrong| wrong["pool"]["size"] = 6.into()),
        with(&|wrong| wrong["pool"]["members"][2]["person_id"] = "#N/A".into()),
        with(&|wrong| wrong["pool"]["members"][2]["area"] = "nowhere".into()),
        with(&|wrong| wrong["person_id"] = "p-1".into()),
    ];
    let folder = Folder::with(&[("pools.ndjson", lines.join("\n").as_bytes())]);
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rules/sample");
    let file = folder.path("pools.ndjson");
    let (_, page) = checked(&[&file, "--kind", "results", "--rules", rules, "--received", "arrival"]).expect("checked");
    for said in [
        "pool.size: pool_size_mismatch",
        "pool.members[2].person_id: invalid_id",
        "pool.members[2].area: unknown_area",
        "person_id: person_beside_pool",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.contains("1 valid, 4 refused") && !page.contains("p-1"), "{page}");
}
