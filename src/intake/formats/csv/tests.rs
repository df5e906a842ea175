//! Files as spreadsheets and instruments write them, good and bad: what is read, what is refused and by which line.

use super::*;
use crate::intake::item::Content;
use crate::proto::v1::LabResult;
use encoding_rs::{BIG5, GB18030, WINDOWS_1252};
use prost::Message as _;
use std::io::Cursor;

const MAP: &str = "kind = \"results\"\n[fields]\nresult_id = { column = \"id\" }\nkit = { column = \"kit\" }\n";

/// As a lab has it: with columns that not every text fits.
const LAB: &str = "kind = \"results\"\nzone = \"UTC\"\n[fields]\nresult_id = { column = \"id\" }\n\
    collected_at = { column = \"taken\" }\nfinding = { column = \"call\" }\nkit = { column = \"note\" }\n";

/// (result id, kit) or the detail of the fault.
type Found = Result<(String, String), String>;

fn opened(map: &str, bytes: &[u8]) -> Result<Rows, OpenError> {
    let map = Map::parse("map.toml", map).unwrap_or_else(|errors| panic!("{errors:?}"));
    Rows::new(Source::of(Cursor::new(bytes.to_vec())).expect("memory"), map)
}

/// Every row with its line, and the ledger, which balances.
fn read(map: &str, bytes: &[u8]) -> (Vec<(u64, Found)>, Tally) {
    let mut rows = opened(map, bytes).unwrap_or_else(|error| panic!("{error}"));
    let mut all = Vec::new();
    while let Some(item) = rows.next_item().expect("memory") {
        let found = match item.content {
            Content::Message(message) => {
                let result = LabResult::decode(&message.payload[..]).expect("as encoded");
                Ok((result.result_id, result.kit))
            }
            Content::Refused(fault) => Err(fault.detail),
            Content::Skipped(_) => panic!("no rule"),
        };
        all.push((item.line, found));
    }
    let tally = rows.tally();
    assert!(tally.balances() && tally.rows == all.len() as u64, "{tally:?}");
    assert_eq!(tally.lines, scan::line_ends(bytes), "every line is counted: {tally:?}");
    (all, tally)
}

fn rows(text: &str) -> Vec<(u64, Found)> {
    read(MAP, text.as_bytes()).0
}

fn ok(id: &str, kit: &str) -> Found {
    Ok((id.to_owned(), kit.to_owned()))
}

fn refused(map: &str, bytes: &[u8]) -> String {
    opened(map, bytes).err().map(|error| error.to_string()).unwrap_or_default()
}

/// The ids that were read and the lines that were refused.
fn ids_and_lines(found: &[(u64, Found)]) -> (Vec<&str>, Vec<u64>) {
    let ids = found.iter().filter_map(|(_, found)| found.as_ref().ok()).map(|(id, _)| id.as_str());
    (ids.collect(), found.iter().filter(|(_, found)| found.is_err()).map(|(line, _)| *line).collect())
}

#[test]
fn line_ends_of_all_kinds_and_empty_lines_keep_the_numbers_right() {
    let expected = [(3, ok("1", "a")), (6, ok("2", "b"))];
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(rows(&"id,kit\n\n1,a\n\n\n2,b".replace('\n', end)), expected, "{end:?}");
        assert_eq!(rows(&"id,kit\n\n1,a\n\n\n2,b\n".replace('\n', end)), expected, "{end:?}");
    }
    assert_eq!(rows("id,kit\r\n\r1,a\n\r\n\r2,b\r\n"), expected, "mixed");
}

#[test]
fn quotes_hold_delimiters_quotes_and_lines() {
    for end in ["\n", "\r\n", "\r"] {
        let text =
            "id,kit\n\"1,2\",\"a \"\"b\"\"\"\n3,\"c\nd\"\n4,e\n\"\",\"\"\n 5 , \"f\"\n6,\"\"\n".replace('\n', end);
        let expected = [
            (2, ok("1,2", "a \"b\"")),
            (3, ok("3", &format!("c{end}d"))),
            (5, ok("4", "e")),
            (7, ok("5", "f")),
            (8, ok("6", "")),
        ];
        let (found, tally) = read(MAP, text.as_bytes());
        assert_eq!(found, expected);
        assert_eq!((tally.of_rows, tally.blank), (6, 1));
    }
}

#[test]
fn a_quote_within_a_cell_that_does_not_begin_with_one_is_a_character() {
    assert_eq!(
        rows("id,kit\n1,5\" tube\n2,O\"\"B\n3,a\"\n"),
        [(2, ok("1", "5\" tube")), (3, ok("2", "O\"\"B")), (4, ok("3", "a\""))]
    );
}

#[test]
fn a_quote_that_is_never_closed_refuses_its_row_and_no_other() {
    for end in ["\n", "\r\n", "\r"] {
        let text = "id,kit\n1,a\n2,\"left side\n3,c\n\n4,\"d\"\n5,e".replace('\n', end);
        let (found, tally) = read(MAP, text.as_bytes());
        assert_eq!(ids_and_lines(&found), (vec!["1", "3", "4", "5"], vec![3]));
        assert_eq!((tally.rows, tally.empty), (5, 1));
    }
    let found = rows("id,kit\n1,a\n\"2,b\n3,c\n");
    assert_eq!(found[1], (3, Err("the quote that opens cell 1 is never closed".to_owned())));
    assert_eq!(ids_and_lines(&rows("id,kit\n1,\"")), (vec![], vec![2]));
}

#[test]
fn what_goes_on_behind_its_closing_quote_refuses_its_row_and_no_other() {
    let found = rows("id,kit\n1,\"a\" b\n2,\"c\" ,d\n3,e\n4,\"f\n5,g\n6,\"h\"\"\" i\n7,j\n");
    assert_eq!(ids_and_lines(&found), (vec!["3", "5", "7"], vec![2, 3, 5, 7]));
    let detail = "cell 2 goes on behind its closing quote; a quote within quotes is doubled";
    assert_eq!(found[0].1, Err(detail.to_owned()));
}

#[test]
fn rows_that_a_stray_quote_and_a_later_one_would_swallow_are_refused_and_counted() {
    let row = |id: &str, note: &str| format!("{id},2022-11-11,negative,{note}\n");
    let file = |rows: &[String]| format!("id,taken,call,note\n{}", rows.concat());
    // Between the quotes of 2 and 4 all is as RFC 4180 has it.
    let (found, tally) =
        read(LAB, file(&[row("1", "a"), row("2", "\"left"), row("3", "b"), row("4", "5\""), row("5", "c")]).as_bytes());
    assert_eq!(ids_and_lines(&found), (vec!["1", "5"], vec![3, 4, 5]));
    assert_eq!((tally.rows, tally.lines), (5, 6));
    // The next line closes it.
    let (found, _) = read(LAB, file(&[row("1", "\"left"), row("2", "5\""), row("3", "b")]).as_bytes());
    assert_eq!(ids_and_lines(&found), (vec!["3"], vec![2, 3]));
    // The quote that closes it opens another cell: nothing further is drawn in.
    let (found, _) = read(LAB, file(&[row("1", "\"left"), row("2", "b"), row("3", "\""), row("4", "c")]).as_bytes());
    assert_eq!(ids_and_lines(&found), (vec!["4"], vec![2, 3, 4]));
    // Another row's call and time would come to stand beside the first one's id.
    let swapped =
        "id,note,taken,call\n1,\"left,2022-11-11,negative\n2,5\",2022-11-12,positive\n3,c,2022-11-12,negative\n";
    assert_eq!(ids_and_lines(&read(LAB, swapped.as_bytes()).0), (vec!["3"], vec![2, 3]));
}

#[test]
fn notes_of_several_lines_are_one_row() {
    for note in ["\"first\nsecond\"", "\"first, of three\n\n\nsecond, third\"", "\"\n\"", "\"a\"\"b\nc,d,e,f\""] {
        let file = format!("id,taken,call,note\n1,2022-11-11,negative,{note}\n2,2022-11-11,positive,b\n");
        assert_eq!(ids_and_lines(&read(LAB, file.as_bytes()).0), (vec!["1", "2"], vec![]), "{note}");
        let file = format!("note,id,taken,call\n{note},1,2022-11-11,negative\nb,2,2022-11-11,positive\n");
        assert_eq!(ids_and_lines(&read(LAB, file.as_bytes()).0), (vec!["1", "2"], vec![]), "{note}");
        let file = format!("id,note,taken,call\n1,{note},2022-11-11,negative\n2,b,2022-11-11,positive\n");
        assert_eq!(ids_and_lines(&read(LAB, file.as_bytes()).0), (vec!["1", "2"], vec![]), "{note}");
    }
}

#[test]
fn a_row_of_another_length_is_refused_by_its_line_and_the_next_is_read() {
    let found = rows("id,kit\n1\n2,b,c\n3,d\n");
    let wrong = |cells| Err(format!("{cells} cells where the header has 2"));
    assert_eq!(found, [(2, wrong(1)), (3, wrong(3)), (4, ok("3", "d"))]);
}

#[test]
fn cells_of_nothing_are_no_rows_and_none_too_many() {
    let (found, tally) = read(MAP, "id,kit\n1,a,\n,\n , ,\u{3000},\n2,b, ,\"\"\n,,,,\n".as_bytes());
    assert_eq!(found, [(2, ok("1", "a")), (5, ok("2", "b"))]);
    assert_eq!((tally.blank, tally.rows), (3, 2));
    // A header with a delimiter too many has no more columns for it.
    assert_eq!(ids_and_lines(&rows("id,kit,,\n1,a\n2,b,\n3,c,,\n4,d,,,\n5\n")), (vec!["1", "2", "3", "4"], vec![6]));
}

#[test]
fn a_file_without_rows_is_told() {
    for (text, note) in [("id,kit\n", "no row"), ("id,kit", "no row"), ("id,kit\n,\n\n", "no row")] {
        let (found, tally) = read(MAP, text.as_bytes());
        assert!(found.is_empty() && tally.notes.iter().any(|told| told.contains(note)), "{tally:?}");
    }
    for text in ["", "\n\n", "\u{feff}", ",,\n"] {
        assert_eq!(refused(MAP, text.as_bytes()), "the file has no header line", "{text:?}");
    }
}

#[test]
fn spaces_around_headers_and_cells_do_not_count() {
    assert_eq!(rows(" id ,kit \n 1 , a b \n"), [(2, ok("1", "a b"))]);
    assert_eq!(rows("\u{feff}\"id\",\"kit\"\n1,a\n"), [(2, ok("1", "a"))]);
}

#[test]
fn marks_and_headers_of_joined_files_are_left_out_and_told() {
    let (found, tally) = read(MAP, "\u{feff}id,kit\n1,a\n\u{feff}id,kit\n\u{feff}2,b\n\u{feff}\"3\",c\n".as_bytes());
    assert_eq!(found, [(2, ok("1", "a")), (4, ok("2", "b")), (5, ok("3", "c"))]);
    assert_eq!(tally.headers_again, 1);
    assert!(tally.notes[0].contains("the header stands there again") && tally.notes[1].contains("byte order marks"));
}

#[test]
fn what_follows_a_header_of_other_columns_is_not_read_by_the_first() {
    let (found, tally) = read(MAP, b"id,kit\n1,a\nkit,id\nb,2\n");
    assert_eq!(ids_and_lines(&found), (vec!["1"], vec![3, 4]));
    assert!(tally.notes[0].starts_with("line 3 is a header with the columns in another order"), "{tally:?}");
}

#[test]
fn the_map_names_the_delimiter_and_the_file_may() {
    let semicolon = format!("delimiter = \";\"\n{MAP}");
    assert_eq!(read(&semicolon, b"id;kit\n1;a,b\n").0, [(2, ok("1", "a,b"))]);
    for map in [MAP, &semicolon] {
        for first in ["sep=;\r\n", "SEP=;\n", "\u{feff}sep=;\n", "\"sep=;\"\n", "sep=;;;\r"] {
            let (found, tally) = read(map, format!("{first}id;kit\n1;a,b\n").as_bytes());
            assert_eq!((found, tally.before_header), (vec![(3, ok("1", "a,b"))], 1), "{first:?}");
        }
    }
    assert_eq!(read(MAP, b"sep=\t\nid\tkit\n1\ta\n").0, [(3, ok("1", "a"))]);
    let (found, tally) = read(&semicolon, b"sep=,\nid,kit\n1,a;b\n");
    assert_eq!(found, [(3, ok("1", "a;b"))]);
    assert!(tally.notes[0].contains("separated by `,`"), "{tally:?}");
}

#[test]
fn lines_before_the_header_are_left_out_whatever_is_on_them() {
    let map = format!("skip_lines = 3\n{MAP}");
    let (found, tally) = read(&map, b"Run \"7\n\n1,2,3,4\nid,kit\n1,a\n");
    assert_eq!((found, tally.before_header), (vec![(5, ok("1", "a"))], 3));
    let (found, _) = read(&map, b"sep=;\r\nRun 7\r\n\r\nid;kit\r\n1;a\r\n");
    assert_eq!(found, [(5, ok("1", "a"))]);
    assert_eq!(refused(&map, b"id,kit\n1,a\n"), "the file has 2 lines, and `skip_lines` in map.toml is 3");
    let long = [b"x".repeat(LONGEST_ROW + 9), b"\n\n\nid,kit\n1,a\n".to_vec()].concat();
    assert_eq!(read(&map, &long).0, [(5, ok("1", "a"))]);
}

#[test]
fn a_header_elsewhere_is_told_with_what_to_write_in_the_map() {
    let skip = format!("skip_lines = 2\n{MAP}");
    for (map, text, says) in [
        (MAP, &b"id;kit\n1;a\n"[..], "separated by `;`, not by `,`; write `delimiter = \";\"` in map.toml"),
        (MAP, b"id\tkit\n1\ta\n", "write `delimiter = \"\\t\"` in map.toml"),
        (MAP, b"Run 7\n\nid,kit\n1,a\n", "stand in line 3; write `skip_lines = 2` in map.toml"),
        (MAP, b"Run 7\nid|kit\n1|a\n", "write `delimiter = \"|\"` and `skip_lines = 1` in map.toml"),
        (&skip, b"id,kit\n1,a\n2,b\n3,c\n", "stand in line 1; write `skip_lines = 0` in map.toml"),
    ] {
        let error = refused(map, text);
        assert!(error.starts_with("this does not look like the header: ") && error.contains(says), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn a_row_in_the_headers_place_is_not_shown() {
    for bytes in [
        &b"r1,SECRET,neg\nr2,SECRET,pos\n"[..],
        b"SECRET\n",
        b"\"SECRET\nSECRET,1\n",
        b"\"SECRET\"SECRET,1\n",
        b"id,SECRET\n1,a\n",
        b"id,id,kit,SECRET\n1,a\n",
        b"kits,SECRET\n\x1b[31m,a\n",
        &[b"SECRET".repeat(1 << 20), b"\n".to_vec()].concat(),
    ] {
        let error = refused(MAP, bytes);
        assert!(!error.is_empty() && !error.contains("SECRET") && error.len() < 500, "{error}");
        assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "{error}");
    }
    assert!(
        refused(MAP, b"r1,S,neg\n").contains("line 1 has 3 cells, and none is a column that map.toml names (id, kit)")
    );
    let lacks = "map.toml:4: fields.kit: the file has no column `kit` among its 2";
    assert_eq!(refused(MAP, b"id,test\n"), lacks);
    assert_eq!(refused(MAP, b"id,kits\n"), format!("{lacks}; column 2 is spelled almost so"));
    assert_eq!(refused(MAP, b"id,\"Kit.\"\n"), format!("{lacks}; column 2 is spelled almost so"));
    let error = refused(MAP, b"KIT,Id\n1,a\n2,b\n");
    assert!(error.contains("no column `id` among its 2; column 2 is spelled almost so"), "{error}");
    assert_eq!(refused(MAP, b"kim,id,KIT\n"), lacks.replace("its 2", "its 3") + "; column 3 is spelled almost so");
    let twice = "map.toml:3: fields.result_id: the file has several columns `id`; rename one of them";
    assert_eq!(refused(MAP, b"id,kit,id\n"), twice);
}

#[test]
fn what_is_no_table_is_told_by_its_bytes() {
    for (bytes, says) in [
        (&b"%PDF-1.7\nSECRET"[..], "the file is a PDF document"),
        (b"BZh9", "the file is bzip2"),
        (b"<html><table>", "the file is HTML"),
        (b"\0\0\0SECRET\0\0\0", "control characters"),
        (b"\xff\xfei\0d\0", "not UTF-8 but UTF-16, by its byte order mark; write `encoding = \"utf-16\"`"),
        (b"\0i\0d\0,\0k", "not UTF-8 but UTF-16, by its zero bytes; write `encoding = \"utf-16be\"`"),
    ] {
        let error = refused(MAP, bytes);
        assert!(error.starts_with("this does not look like the header: ") && error.contains(says), "{error}");
    }
}

const CHINESE: &str =
    "kind = \"results\"\n[fields]\nresult_id = { column = \"样本编号\" }\nkit = { column = \"试剂盒\" }\n";

fn utf_16(text: &str, bytes_of: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
    text.encode_utf16().flat_map(bytes_of).collect()
}

#[test]
fn a_file_is_read_in_the_encoding_that_the_map_names() {
    let text = "样本编号,试剂盒\r\nS1,甲\r\nS2,\"乙\r\n丙\"\r\n";
    for (name, bytes) in [
        ("utf-8", text.as_bytes().to_vec()),
        ("gb18030", GB18030.encode(text).0.into_owned()),
        ("gbk", GB18030.encode(text).0.into_owned()),
        ("big5", BIG5.encode("樣本編號,試劑盒\r\nS1,甲\r\nS2,\"乙\r\n丙\"\r\n").0.into_owned()),
        ("utf-16", utf_16(text, u16::to_le_bytes, true)),
        ("utf-16", utf_16(text, u16::to_be_bytes, true)),
        ("utf-16", utf_16(text, u16::to_le_bytes, false)),
        ("utf-16", utf_16(text, u16::to_be_bytes, false)),
        ("utf-16le", utf_16(text, u16::to_le_bytes, false)),
        ("utf-16be", utf_16(text, u16::to_be_bytes, true)),
    ] {
        let map = if name == "big5" {
            CHINESE.replace("样本编号", "樣本編號").replace("试剂盒", "試劑盒")
        } else {
            CHINESE.into()
        };
        let mut rows =
            opened(&format!("encoding = \"{name}\"\n{map}"), &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut kits = Vec::new();
        while let Some(Item { content: Content::Message(message), .. }) = rows.next_item().expect("memory") {
            kits.push(LabResult::decode(&message.payload[..]).expect("as encoded").kit);
        }
        assert_eq!(kits, ["甲", "乙\r\n丙"], "{name}");
        assert_eq!((rows.tally().lines, rows.tally().rows), (4, 2));
    }
    let latin = WINDOWS_1252.encode("id,kit\n1,Zoë\n").0.into_owned();
    for name in ["latin-1", "windows-1252", "iso-8859-1"] {
        assert_eq!(read(&format!("encoding = \"{name}\"\n{MAP}"), &latin).0, [(2, ok("1", "Zoë"))]);
    }
}

#[test]
fn without_the_encoding_its_name_is_told_with_the_key_to_write() {
    let text = "样本编号,试剂盒,结果\r\nS1,甲,阴性\r\nS2,乙,阳性\r\n";
    let error = refused(CHINESE, &GB18030.encode(text).0);
    assert!(
        error.contains("the file is not UTF-8, it looks like GB18030; write `encoding = \"gb18030\"` in map.toml"),
        "{error}"
    );
    // The other way round, too: the map names one, and the file is in another.
    let stated = format!("encoding = \"gb18030\"\n{CHINESE}");
    assert!(refused(&stated, text.as_bytes()).contains("the file is UTF-8, and not GB18030; write no `encoding`"));
    let latin = format!("encoding = \"latin-1\"\n{MAP}");
    assert!(
        refused(&latin, "id,kit\n1,Zoë\n".as_bytes()).contains("the file is UTF-8, and not Latin-1 (windows-1252)")
    );
    let error = refused(&stated, &utf_16(text, u16::to_le_bytes, false));
    assert!(error.contains("write `encoding = \"utf-16le\"`"), "{error}");
    // The names of the columns are not found in any: what its bytes look like is told all the same.
    let error = refused(MAP, &GB18030.encode("样本编号,区县,采样时间,结果\r\nS1,渝中区,今天,阴性\r\n").0);
    assert!(error.contains("the file is not UTF-8, it looks like GB18030; write `encoding = \"gb18030\"`"), "{error}");
}

#[test]
fn rows_that_are_no_text_are_refused_and_their_encoding_is_told_once() {
    let latin = WINDOWS_1252.encode("id,kit,note\n1,a,Zoë Müller\n2,b,Ana\n3,für,c\n").0.into_owned();
    let (found, tally) = read(MAP, &latin);
    let expected = [
        (2, Err("cell 3 is not UTF-8".to_owned())),
        (3, ok("2", "b")),
        (4, Err("column `kit` is not UTF-8".to_owned())),
    ];
    assert_eq!(found, expected);
    let note = "the file is not UTF-8 (rows that are not: 2); it looks like Latin-1 (windows-1252): write `encoding = \"windows-1252\"` in \
                map.toml, or export as UTF-8";
    assert_eq!(tally.notes, [note]);
    // What an encoding does not have is never replaced.
    let (found, tally) = read(&format!("encoding = \"gb18030\"\n{MAP}"), b"id,kit\n1,\xd6\xd0\n2,\xff\xff\n3,c\n");
    assert_eq!(found, [(2, ok("1", "中")), (3, Err("column `kit` is not GB18030".to_owned())), (4, ok("3", "c"))]);
    assert!(tally.notes[0].contains("is `encoding` right?"), "{tally:?}");
    let (found, _) = read(MAP, b"id,kit\n1,a\0b\n2,c\n");
    assert_eq!(found[0], (2, Err("column `kit` holds a zero byte".to_owned())));
}

#[test]
fn utf_8_that_is_read_as_something_else_is_told_however_far_behind_the_header_it_lies() {
    let rows = "1,plain,\n".repeat(20_000);
    for (encoding, is_single) in [("windows-1252", true), ("latin-1", true), ("iso-8859-5", true), ("gb18030", false)] {
        let map = format!("encoding = \"{encoding}\"\n{MAP}");
        let notes = |rows: &[u8]| {
            let tally = read(&map, &[&b"id,kit,note\n"[..], rows].concat()).1;
            tally.notes.into_iter().filter(|note| note.contains("looks like UTF-8")).collect::<Vec<_>>()
        };
        let told = notes(format!("{rows}2,b,Zoë Müller Ærø\n").as_bytes());
        assert_eq!(told.len(), 1, "{encoding}");
        assert!(told[0].contains("write no `encoding` in map.toml") && !told[0].contains("Zo"), "{told:?}");
        let few = notes(format!("{rows}2,b,Zoë\n").as_bytes());
        assert_eq!(few.len(), usize::from(is_single), "{encoding}: a character may look so by chance, or not");
        let other = [format!("{rows}2,b,Zoë Müller Ærø\n").as_bytes(), b"3,b,Zo\xeb\n"].concat();
        assert_eq!(notes(&other), [""; 0], "{encoding}: some of it is not");
        assert_eq!(notes(rows.as_bytes()), [""; 0], "{encoding}: ASCII is the same in both");
    }
}

#[test]
fn a_mark_at_the_start_stands_above_the_encoding_of_the_map() {
    let (found, tally) = read(&format!("encoding = \"gb18030\"\n{MAP}"), "\u{feff}id,kit\n1,中文字\n".as_bytes());
    assert_eq!(found, [(2, ok("1", "中文字"))]);
    assert_eq!(tally.notes, ["read as UTF-8, by the byte order mark it begins with, and not as GB18030"]);
}

#[test]
fn bytes_that_are_not_what_their_mark_says_are_told_so_and_no_encoding_that_would_not_count() {
    let text = "样本编号,试剂盒,结果\r\nS1,甲,阴性\r\nS2,乙,阳性\r\n";
    let marked = |text: &str| [&b"\xef\xbb\xbf"[..], &GB18030.encode(text).0[..]].concat();
    let says = "begins with a byte order mark, which says that it is UTF-8 and stands above `encoding`, and its bytes look like \
                GB18030: export it again as UTF-8, or without the mark and with `encoding = \"gb18030\"`";
    let unnamed = "样本编号,区县,采样时间,结果\r\nS1,渝中区,今天,阴性\r\n";
    for encoding in ["encoding = \"gb18030\"\n", ""] {
        for (map, text) in [(CHINESE, text), (MAP, unnamed)] {
            let error = refused(&format!("{encoding}{map}"), &marked(text));
            assert!(error.contains(says) && !error.contains("; write `encoding"), "{error}");
        }
        let rows = "id,kit\n1,重庆市渝中区\n2,甲状腺检测试剂盒\n3,c\n";
        let (found, tally) = read(&format!("{encoding}{MAP}"), &marked(rows));
        assert_eq!(found[2], (4, ok("3", "c")));
        let told = tally.notes.last().expect("a note");
        assert!(told.contains(says) && told.ends_with("(rows that are not: 2)"), "{told}");
    }
}

#[test]
fn a_huge_cell_is_a_row_like_others_and_a_larger_one_is_refused_without_being_held() {
    let huge = "x".repeat(2_000_000);
    assert_eq!(rows(&format!("id,kit\n1,{huge}\n2,b\n")), [(2, ok("1", &huge)), (3, ok("2", "b"))]);
    for end in ["\n", "\r\n", "\r"] {
        let long = "x".repeat(3 * LONGEST_ROW);
        let found = rows(&format!("id,kit\n1,{long}\n2,b\n3,\"{long}\"\n4,c\n").replace('\n', end));
        assert_eq!(ids_and_lines(&found), (vec!["2", "4"], vec![2, 4]));
        assert_eq!(found[0].1, Err("the line is longer than 4 MiB".to_owned()));
        let lines = format!("{}\n", "x".repeat(4095)).repeat(LONGEST_ROW / 4096);
        let (found, tally) = read(MAP, format!("id,kit\n1,\"a\n{lines}2,b\n").replace('\n', end).as_bytes());
        assert_eq!(found[0], (2, Err("the quote that opens cell 2 is not closed within 4 MiB".to_owned())));
        assert_eq!(
            (found.last(), tally.rows),
            (Some(&(LONGEST_ROW as u64 / 4096 + 3, ok("2", "b"))), LONGEST_ROW as u64 / 4096 + 2)
        );
    }
}

#[test]
fn quotes_that_are_never_closed_cost_no_more_than_the_file_is_long() {
    // Each such row is looked at as far as the next quote; 50,000 of them end at once, and not after hours.
    let text = format!("id,kit\n{}", "1,\"a\n".repeat(50_000));
    let (found, tally) = read(MAP, text.as_bytes());
    assert_eq!((tally.rows, tally.lines), (50_000, 50_001));
    assert!(found.iter().all(|(_, found)| found.is_err()));
}
