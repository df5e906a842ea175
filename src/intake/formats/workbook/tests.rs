//! Workbooks as spreadsheets and programs write them: what is read, what is refused and by which row.

use super::*;
use crate::proto::v1::{LabResult, TimePrecision};
use prost::Message as _;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use std::io::Cursor;

const MAP: &str = "kind = \"results\"\nzone = \"UTC\"\n[fields]\nresult_id = { column = \"id\" }\nkit = { column = \"kit\" }\n\
    collected_at = { column = \"taken\", format = \"%d/%m/%Y\" }\n[ct_values]\nN = { column = \"ct\" }\n";

fn book(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().expect("memory")
}

/// A sheet of texts.
fn texts(sheet: &mut Worksheet, rows: &[&[&str]]) {
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(row as u32, column as u16, *cell).expect("memory");
        }
    }
}

/// A workbook whose first sheet has other XML.
fn edited(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a workbook");
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).expect("a file");
        let name = file.name().expect("a name").into_owned();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).expect("XML");
        if name.ends_with("sheet1.xml") {
            assert!(text.contains(from), "{text}");
            text = text.replace(from, to);
        }
        writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("memory");
        std::io::Write::write_all(&mut writer, text.as_bytes()).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

fn opened(map: &str, bytes: &[u8]) -> Result<Rows, OpenError> {
    let map = Map::parse("map.toml", map).unwrap_or_else(|errors| panic!("{errors:?}"));
    Rows::new(Source::of(Cursor::new(bytes.to_vec())).expect("memory"), map)
}

/// A result, or the detail of the fault.
type Found = Result<LabResult, String>;

/// Every row with its number, and the ledger, which balances.
fn read(map: &str, bytes: &[u8]) -> (Vec<(u64, Found)>, Tally) {
    let mut rows = opened(map, bytes).unwrap_or_else(|error| panic!("{error}"));
    let mut all = Vec::new();
    while let Some(item) = rows.next_item().expect("memory") {
        let found = match item.content {
            crate::intake::item::Content::Message(message) => {
                Ok(LabResult::decode(&message.payload[..]).expect("as encoded"))
            }
            crate::intake::item::Content::Refused(fault) => Err(fault.detail),
            crate::intake::item::Content::Skipped(_) => panic!("no rule"),
        };
        all.push((item.line, found));
    }
    let tally = rows.tally();
    assert!(tally.balances() && tally.rows == all.len() as u64, "{tally:?}");
    (all, tally)
}

fn refused(map: &str, bytes: &[u8]) -> String {
    opened(map, bytes).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn cells_of_every_type_become_fields() {
    let bytes = book(|sheet| {
        texts(sheet, &[&["id", "kit", "taken", "ct"], &["0012", "Kit K", "11/11/2022"]]);
        let day = Format::new().set_num_format("dd.mm.yyyy");
        let minute = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        sheet.write_number(2, 0, 123_456_789_012_345.0).expect("memory");
        let date = ExcelDateTime::from_ymd(2022, 11, 11).expect("a day");
        sheet.write_datetime_with_format(2, 2, &date, &day).expect("memory");
        sheet.write_number(2, 3, 24.7).expect("memory");
        sheet.write_formula(3, 0, Formula::new("=\"A\"&1").set_result("A1")).expect("memory");
        let time = date.and_hms(8, 30, 0).expect("a time");
        sheet.write_datetime_with_format(3, 2, &time, &minute).expect("memory");
        sheet.write_boolean(3, 1, true).expect("memory");
    });
    let (found, tally) = read(MAP, &bytes);
    let row = |at: usize| found[at].1.as_ref().unwrap_or_else(|detail| panic!("{at}: {detail}"));
    let (text, number, formula) = (row(0), row(1), row(2));
    let seconds = |result: &LabResult| result.collected_at.as_ref().map(|at| at.seconds);
    assert_eq!((text.result_id.as_str(), seconds(text)), ("0012", Some(1_668_124_800)));
    assert_eq!((number.result_id.as_str(), seconds(number)), ("123456789012345", Some(1_668_124_800)));
    assert_eq!((number.collected_precision(), number.ct_values[0].cycles), (TimePrecision::Day, 24.7));
    assert_eq!((formula.result_id.as_str(), formula.kit.as_str()), ("A1", "TRUE"));
    assert_eq!((seconds(formula), formula.collected_precision()), (Some(1_668_155_400), TimePrecision::Unspecified));
    assert_eq!((tally.lines, tally.header, tally.of_rows), (4, 1, 3));
}

#[test]
fn rows_go_by_their_number_in_the_sheet_and_empty_ones_are_counted() {
    let bytes = book(|sheet| {
        let row = ["1", "a", "11/11/2022", "20"];
        texts(
            sheet,
            &[&["Run 7"], &[], &["id", "kit", "taken", "ct"], &[], &row, &[" ", " "], &["2", "b", "31/31/2022"]],
        );
    });
    let (found, tally) = read(&format!("skip_lines = 2\n{MAP}"), &bytes);
    let lines: Vec<_> = found.iter().map(|(line, found)| (*line, found.is_ok())).collect();
    assert_eq!(lines, [(5, true), (7, false)]);
    assert_eq!((tally.before_header, tally.header, tally.empty, tally.blank, tally.of_rows), (2, 1, 1, 1, 2));
    let error = refused(MAP, &bytes);
    assert!(error.contains("the map's columns stand in row 3; write `skip_lines = 2` in map.toml"), "{error}");
}

#[test]
fn the_sheet_is_the_named_one_or_the_first_that_is_shown() {
    let mut workbook = Workbook::new();
    for (name, id) in [("Notes", "hidden"), ("Run 7", "1"), ("Run 8", "2")] {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name).expect("a name");
        texts(sheet, &[&["id", "kit", "taken", "ct"], &[id, "a", "11/11/2022"]]);
        match name {
            "Notes" => drop(sheet.set_hidden(true)),
            "Run 7" => drop(sheet.set_active(true)),
            _ => {}
        }
    }
    let bytes = workbook.save_to_buffer().expect("memory");
    let id = |map: &str| read(map, &bytes).0[0].1.clone().map(|result| result.result_id);
    assert_eq!(id(MAP), Ok("1".to_owned()));
    assert_eq!(id(&format!("sheet = \"Run 8\"\n{MAP}")), Ok("2".to_owned()));
    assert_eq!(id(&format!("sheet = \"Notes\"\n{MAP}")), Ok("hidden".to_owned()));
    assert_eq!(read(MAP, &bytes).1.notes, ["read is the first of 2 sheets; `sheet` in map.toml names one"]);
    let error = refused(&format!("sheet = \"Run 9\"\n{MAP}"), &bytes);
    assert_eq!(error, "the workbook has no sheet `Run 9` among its 3; change `sheet` in map.toml");
}

#[test]
fn where_the_first_sheet_is_empty_the_others_are_named() {
    let mut workbook = Workbook::new();
    for name in ["Cover", "Run 7", "Run 8"] {
        texts(workbook.add_worksheet().set_name(name).expect("a name"), if name == "Cover" { &[] } else { &[&["id"]] });
    }
    let bytes = workbook.save_to_buffer().expect("memory");
    let told = "the sheet has no header row; others of the workbook: `Run 7`, `Run 8`; name the one to read by `sheet` in map.toml";
    assert_eq!(refused(MAP, &bytes), told);
    let wrong = refused(&format!("sheet = \"Cover\"\n{MAP}"), &bytes);
    assert_eq!(wrong, told, "also where the map names the empty one");
}

#[test]
fn a_row_whose_cell_is_merged_with_anothers_is_refused() {
    let bytes = book(|sheet| {
        sheet.merge_range(0, 0, 0, 3, "Run 7", &Format::new()).expect("memory");
        for (column, name) in ["id", "kit", "taken", "ct", "note"].into_iter().enumerate() {
            sheet.write_string(1, column as u16, name).expect("memory");
        }
        for row in 2..6 {
            sheet.write_string(row, 0, format!("{row}")).expect("memory");
            sheet.write_string(row, 2, "11/11/2022").expect("memory");
        }
        sheet.merge_range(3, 1, 4, 1, "Kit K", &Format::new()).expect("memory");
        sheet.merge_range(2, 4, 5, 4, "all of one run", &Format::new()).expect("memory");
    });
    let (found, _) = read(&format!("skip_lines = 1\n{MAP}"), &bytes);
    let kits: Vec<_> = found.into_iter().map(|(line, found)| (line, found.map(|result| result.kit))).collect();
    let detail = "column `kit`: the cell is merged with others of rows 4 to 5, and holds nothing itself";
    let kit = |kit: &str| Ok(kit.to_owned());
    assert_eq!(kits, [(3, kit("")), (4, kit("Kit K")), (5, Err(detail.to_owned())), (6, kit(""))]);
}

#[test]
fn what_a_workbook_lost_is_no_id_and_what_was_never_computed_is_no_cell() {
    let bytes = book(|sheet| {
        texts(sheet, &[&["id", "kit", "taken", "ct"]]);
        sheet.write_number(1, 0, 1_234_567_890_123_456_789.0).expect("memory");
        sheet.write_formula(2, 0, Formula::new("=NA()").set_result("#N/A")).expect("memory");
        sheet.write_formula(3, 0, Formula::new("=A1").set_result("77")).expect("memory");
    });
    let (found, _) = read(MAP, &edited(&bytes, "<v>77</v>", ""));
    let ids: Vec<_> = found.iter().map(|(_, found)| found.as_ref().map(|result| result.result_id.as_str())).collect();
    assert_eq!(ids, [Ok("1.23456789012346E18"), Ok("#N/A"), Ok("#N/A")]);
}

#[test]
fn a_sheet_whose_header_has_none_of_the_columns_is_not_shown() {
    let bytes = book(|sheet| texts(sheet, &[&["SECRET", "P-1"], &["SECRET", "P-2"]]));
    let error = refused(MAP, &bytes);
    assert!(error.contains("row 1 of the sheet has 2 cells, and none is a column that map.toml names"), "{error}");
    assert!(!error.contains("SECRET"), "{error}");
    let bytes = book(|sheet| texts(sheet, &[&["id", "kit", "SECRET"]]));
    let error = refused(MAP, &bytes);
    assert!(error.contains("the file has no column `taken` among its 3") && !error.contains("SECRET"), "{error}");
    assert_eq!(refused(MAP, &book(|_| {})), "the sheet has no header row");
}

#[test]
fn what_is_no_workbook_is_told_by_what_it_is() {
    let zip = |names: &[&str]| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory");
            std::io::Write::write_all(&mut writer, b"<SECRET/>").expect("memory");
        }
        writer.finish().expect("memory").into_inner()
    };
    let whole = book(|sheet| texts(sheet, &[&["id", "kit", "taken", "ct"]]));
    for (bytes, says) in [
        (zip(&["results.csv"]), "a ZIP archive; unpack it"),
        (zip(&["mimetype", "content.xml"]), "an OpenDocument file; save it as .xlsx"),
        (zip(&["xl/workbook.bin"]), "a binary workbook (.xlsb)"),
        (zip(&["xl/workbook.xml"]), "the workbook is damaged"),
        (whole[..whole.len() / 2].to_vec(), "the workbook is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1SECRET".to_vec(), "the workbook is damaged"),
    ] {
        let error = refused(MAP, &bytes);
        assert!(error.contains(says) && !error.contains("SECRET"), "{error}");
        assert!(error.contains("this does not look like the header"), "{error}");
        assert_eq!(error.starts_with(says), says.contains("damaged"), "that comes first: {error}");
    }
}

#[test]
fn a_sheet_of_many_rows_is_read_to_its_end_and_may_be_left() {
    let bytes = book(|sheet| {
        texts(sheet, &[&["id", "kit", "taken", "ct"]]);
        for row in 1..=3_000 {
            sheet.write_number(row, 0, row).expect("memory");
        }
    });
    let (found, tally) = read(MAP, &bytes);
    assert_eq!((found.len(), tally.lines), (3_000, 3_001));
    assert_eq!(found[2_999].1.as_ref().map(|result| result.result_id.as_str()), Ok("3000"));
    let mut left = opened(MAP, &bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(left.next_item().expect("memory").is_some());
}

#[test]
fn a_sheet_that_is_broken_farther_down_ends_in_an_error_and_not_as_if_it_were_whole() {
    let bytes = book(|sheet| {
        texts(sheet, &[&["id", "kit", "taken", "ct"]]);
        for row in 1..=2_000 {
            sheet.write_number(row, 0, row).expect("memory");
        }
    });
    for (from, to) in [("</sheetData>", ""), ("<c r=\"A2000\"", "<c r=\"A1\""), ("<v>1999</v>", "<SECRET></v>")] {
        let mut rows = opened(MAP, &edited(&bytes, from, to)).unwrap_or_else(|error| panic!("{error}"));
        let error = loop {
            match rows.next_item() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{from}: all is well"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(error, "the workbook is damaged; open it and save it anew");
    }
}

/// `3-1` and `MAR1`, as a spreadsheet keeps them: both the first of March.
#[test]
fn a_date_is_nobodys_id_alone_or_in_a_template_unless_the_map_says_so() {
    let bytes = book(|sheet| {
        texts(sheet, &[&["pid", "kit", "taken"], &["3-1", "K"], &["", "K"], &["", "K"], &["not done", "K"]]);
        let date = ExcelDateTime::from_ymd(2026, 3, 1).expect("a day");
        let format = |code: &str| Format::new().set_num_format(code);
        sheet.write_datetime_with_format(2, 0, &date, &format("d-mmm")).expect("memory");
        let clock = ExcelDateTime::from_hms(3, 1, 0).expect("a time");
        sheet.write_datetime_with_format(3, 0, &clock, &format("hh:mm")).expect("memory");
        for row in 1..5 {
            sheet.write_datetime_with_format(row, 2, &date, &format("yyyy-mm-dd")).expect("memory");
        }
        sheet.write_number(5, 0, 7.0).expect("memory");
    });
    let map = |person: &str| {
        format!(
            "kind = \"results\"\nzone = \"UTC\"\n[fields]\nkit = {{ column = \"pid\" }}\n\
             collected_at = {{ column = \"taken\" }}\nperson_id = {{ {person} }}\n"
        )
    };
    for (person, first) in [("column = \"pid\"", "3-1"), ("template = \"L1-{pid}\"", "L1-3-1")] {
        let (found, _) = read(&map(person), &bytes);
        let ids: Vec<_> =
            found.iter().map(|(_, found)| found.as_ref().map(|result| result.person_id.as_str())).collect();
        let [text, date, clock, word, number] = ids[..] else { panic!("{ids:?}") };
        assert_eq!(text, Ok(first));
        assert!(word.is_ok() && number.is_ok());
        for detail in [date, clock] {
            let detail = detail.expect_err("a date");
            assert!(detail.starts_with("column `pid`: the spreadsheet made a date of the id"), "{detail}");
        }
    }
    // A cell that the map names, and a part that is to be a date.
    let listed = "column = \"pid\", none = [\"2026-03-01\"], values = { \"03:01:00\" = \"P31\" }, unlisted = \"keep\"";
    let (found, _) = read(&map(listed), &bytes);
    let ids: Vec<_> = found.iter().map(|(_, found)| found.as_ref().map(|result| result.person_id.as_str())).collect();
    assert_eq!(ids[1..3], [Ok(""), Ok("P31")]);
    let (found, _) = read(&map("template = \"{kit}-{taken}\""), &bytes);
    assert!(found[1].1.as_ref().is_ok_and(|result| result.person_id == "K-2026-03-01"), "{found:?}");
    let (found, _) = read(&map("column = \"taken\""), &bytes);
    assert!(found[1].1.is_err(), "a day is nobody");
}
