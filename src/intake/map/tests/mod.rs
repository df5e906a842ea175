//! What a map file can say, and what is told when it says something wrong.

use super::*;
use crate::proto::v1::{ContactRecord, Finding, LabResult, ManagementOrder, PersonGroup, ResultStatus, TimePrecision};
use prost::Message;

mod cells;
mod ids;

/// (message, arrival) or the fault.
type Made = Result<(Vec<u8>, Option<Timestamp>), Fault>;

/// What a map makes of the rows of a file.
fn made(map: &str, file: &str) -> Vec<Made> {
    let mut map = Map::parse("map.toml", map).unwrap_or_else(|errors| panic!("{errors:?}"));
    let mut reader = ::csv::Reader::from_reader(file.as_bytes());
    let header: Vec<String> = reader.headers().expect("text").iter().map(str::to_owned).collect();
    map.bind(&header).unwrap_or_else(|errors| panic!("{errors:?}"));
    let rows = reader.byte_records().map(|row| map.row(Cells::of_text(&row.expect("memory"))));
    rows.filter_map(|row| match row {
        Ok(Row::Message(made)) => Some(Ok((made.payload, made.arrived_at))),
        Ok(Row::Skipped(_)) => None,
        Err(fault) => Some(Err(fault)),
    })
    .collect()
}

fn results(map: &str, file: &str) -> Vec<LabResult> {
    let read = |made: Made| LabResult::decode(&made.expect("no fault").0[..]).expect("encoded");
    made(map, file).into_iter().map(read).collect()
}

fn errors(map: &str) -> Vec<String> {
    Map::parse("map.toml", map).expect_err("wrong").iter().map(ToString::to_string).collect()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

#[test]
fn columns_constants_translations_and_templates_become_fields() {
    let map = r#"
        kind = "results"
        zone = "Asia/Shanghai"
        [fields]
        lab_id = { constant = "L1" }
        result_id = { template = "{plate}-{well}/1" }
        revision = { column = "rev", empty = "0" }
        status = { constant = "final" }
        finding = { column = "call", values = { pos = "positive", "1" = "positive", neg = "FINDING_NEGATIVE" } }
        collected_at = { column = "taken", format = "%d.%m.%Y %H:%M" }
        kit = { column = "kit", values = { K = "Kit K" }, unlisted = "keep" }
        [ct_values]
        ORF1ab = { column = "ct1" }
        N = { column = "ct2" }
    "#;
    let file =
        "plate,well,rev,call,taken,kit,ct1,ct2\nP7,A1,,pos,11.11.2022 08:00,K,31.5,\nP7,,2,neg,11.11.2022 08:00,Z,,\n";
    let results = results(map, file);
    let first = &results[0];
    assert_eq!((first.lab_id.as_str(), first.result_id.as_str(), first.revision), ("L1", "P7-A1/1", 0));
    assert_eq!((first.status(), first.finding()), (ResultStatus::Final, Finding::Positive));
    assert_eq!(first.collected_at.as_ref().and_then(Timestamp::from_wire), Some(at("2022-11-11T00:00:00Z")));
    assert_eq!(first.collected_precision(), TimePrecision::Unspecified);
    assert_eq!(first.kit, "Kit K");
    let ct_values: Vec<_> = first.ct_values.iter().map(|value| (value.gene.as_str(), value.cycles)).collect();
    assert_eq!(ct_values, [("ORF1ab", 31.5)]);
    let second = &results[1];
    assert_eq!((second.result_id.as_str(), second.revision, second.finding()), ("", 2, Finding::Negative));
    assert_eq!((second.kit.as_str(), second.ct_values.len()), ("Z", 0));
}

#[test]
fn a_day_without_a_time_is_known_as_such_unless_the_map_says_otherwise() {
    let map = "kind = \"results\"\nzone = \"Asia/Jerusalem\"\n[fields]\ncollected_at = { column = \"day\" }\n";
    let result = &results(map, "day\n2020-03-22\n")[0];
    assert_eq!(result.collected_at.as_ref().and_then(Timestamp::from_wire), Some(at("2020-03-21T22:00:00Z")));
    assert_eq!(result.collected_precision(), TimePrecision::Day);
    let map = format!("{map}collected_precision = {{ constant = \"minute\" }}\n");
    assert_eq!(results(&map, "day\n2020-03-22\n")[0].collected_precision(), TimePrecision::Minute);
}

#[test]
fn contact_records_have_orders() {
    let map = r#"
        kind = "contacts"
        [fields]
        kind = { column = "k", values = { N = "close" } }
        "order.from" = { column = "from" }
        "order.to" = { column = "to" }
    "#;
    let file = "k,from,to\nN,2022-11-11T00:00:00Z,2022-11-18T00:00:00+08:00\nN,,\n";
    let records: Vec<ContactRecord> = made(map, file)
        .into_iter()
        .map(|made| ContactRecord::decode(&made.expect("no fault").0[..]).expect("encoded"))
        .collect();
    let order = ManagementOrder {
        from: Some(at("2022-11-11T00:00:00Z").to_wire()),
        to: Some(at("2022-11-17T16:00:00Z").to_wire()),
        ordered_at: None,
    };
    assert_eq!(records[0].order, Some(order));
    assert_eq!(records[1].order, None);
}

#[test]
fn days_of_groups_are_read_as_lists_write_them_and_need_no_zone() {
    let made_days = |more: &str, file: &str| -> Vec<Result<[String; 2], Fault>> {
        let map = format!(
            "kind = \"groups\"\n{more}\n[fields]\nfirst_day = {{ column = \"from\", format = [\"iso\", \"%d/%m/%Y\"] }}\n\
             last_day = {{ column = \"to\", none = [\"open\"] }}\n"
        );
        let days = |bytes: &[u8]| PersonGroup::decode(bytes).expect("encoded");
        let days = |bytes: &[u8]| [days(bytes).first_day, days(bytes).last_day];
        made(&map, file).into_iter().map(|made| made.map(|made| days(&made.0))).collect()
    };
    let days = |from: &str, to: &str| Ok([from.to_owned(), to.to_owned()]);
    let file = "from,to\n2022-11-01,open\n30/11/2022,2022-12-31\n";
    assert_eq!(made_days("", file), [days("2022-11-01", ""), days("2022-11-30", "2022-12-31")]);
    let with_time = "from,to\n2022-11-01T20:00:00Z,\n";
    let refused = made_days("", with_time).remove(0).expect_err("of which zone?");
    assert_eq!((refused.reject.code, &*refused.reject.field), (RejectCode::TimeWithoutOffset, "first_day"));
    assert_eq!(made_days("zone = \"Asia/Shanghai\"", with_time), [days("2022-11-02", "")]);
}

#[test]
fn what_cannot_be_read_is_a_code_a_field_and_a_column_and_never_a_value() {
    let map = r#"
        kind = "results"
        zone = "Europe/Tallinn"
        [fields]
        area = { column = "area", values = { Harju = "37" } }
        purpose = { column = "why", values = { A = "clinic" } }
        finding = { column = "call" }
        revision = { column = "rev" }
        collected_at = { column = "at" }
        [ct_values]
        N = { column = "ct" }
    "#;
    let header = "area,why,call,rev,at,ct\n";
    for (row, code, field, column) in [
        ("secret,A,positive,0,2020-03-10,1", RejectCode::UnknownArea, "area", "area"),
        ("Harju,secret,positive,0,2020-03-10,1", RejectCode::UnknownPurpose, "purpose", "why"),
        ("Harju,A,secret,0,2020-03-10,1", RejectCode::UnknownEnum, "finding", "call"),
        ("Harju,A,unspecified,0,2020-03-10,1", RejectCode::UnknownEnum, "finding", "call"),
        ("Harju,A,positive,secret,2020-03-10,1", RejectCode::OutOfRange, "revision", "rev"),
        ("Harju,A,positive,-1,2020-03-10,1", RejectCode::OutOfRange, "revision", "rev"),
        ("Harju,A,positive,0,secret,1", RejectCode::InvalidTime, "collected_at", "at"),
        ("Harju,A,positive,0,2020-03-29T03:30:00,1", RejectCode::InvalidTime, "collected_at", "at"),
        ("Harju,A,positive,0,2020-03-10,secret", RejectCode::OutOfRange, "ct_values.N", "ct"),
    ] {
        let fault = made(map, &format!("{header}{row}\n")).remove(0).expect_err(row);
        assert_eq!((fault.reject.code, fault.reject.field.as_str()), (code, field), "{row}");
        assert!(fault.detail.starts_with(&format!("column `{column}`: ")), "{}", fault.detail);
        assert!(!fault.detail.contains("secret"), "{}", fault.detail);
    }
}

#[test]
fn keys_that_can_never_be_met_are_told_when_the_map_is_read() {
    let map = r#"kind = "results"
none = ["-", " "]
[fields]
finding = { column = "call", values = { pos = "positive", "" = "inconclusive", "POS " = "positive", "-" = "negative" } }
purpose = { column = "why", values = { A = "clinic", "A\u00a0" = "clinic" } }
kit = { column = "kit", none = [""] }
status = { column = "st", values = { "-" = "final" }, none = [] }
[[skip]]
column = "call"
values = ["", "not done "]
why = "no test"
"#;
    let errors = errors(map);
    for (line, key, says) in [
        (2, "none", "without spaces around them"),
        (
            4,
            "fields.finding.values",
            "`` can never be met: an empty cell is never looked up; say what it means by `empty`",
        ),
        (4, "fields.finding.values", "`POS ` can never be met: cells are read without spaces around them"),
        (4, "fields.finding.values", "`-` can never be met: such a cell means that there is nothing (`none`)"),
        (5, "fields.purpose.values", "can never be met"),
        (6, "fields.kit.none", "an empty cell is nothing already"),
        (8, "skip", "`not done ` can never be met"),
    ] {
        let begins = format!("map.toml:{line}: {key}: ");
        let found = errors.iter().any(|error| error.starts_with(&begins) && error.contains(says));
        assert!(found, "no `{begins}…{says}` in {errors:#?}");
    }
    assert_eq!(errors.len(), 7, "{errors:#?}");
}

#[test]
fn a_refused_field_is_told_by_its_column_a_gene_by_its_own() {
    let map = r#"
        kind = "results"
        [fields]
        result_id = { template = "{plate}-{well}" }
        person_id = { column = "P-Id" }
        status = { constant = "final" }
        [ct_values]
        N = { column = "N Ct" }
        ORF1ab = { column = "ORF Ct" }
        [history]
        arrived_at = { column = "arrived" }
    "#;
    let file = "plate,well,P-Id,N Ct,ORF Ct,arrived\n1,2,3,,61,2022-11-11T00:00:00Z\n";
    let (payload, _) = made(map, file).remove(0).expect("no fault");
    let map = Map::parse("map.toml", map).expect("right");
    for (field, place) in [
        ("person_id", Some("column `P-Id`")),
        ("result_id", Some("`fields.result_id` of the map, of columns `plate`, `well`")),
        ("status", Some("`fields.status` of the map")),
        ("ct_values[0].cycles", Some("column `ORF Ct`")),
        ("history.arrived_at", Some("column `arrived`")),
        ("ct_values[1].cycles", None),
        ("kit", None),
        ("", None),
    ] {
        assert_eq!(map.place_of(field, &payload).as_deref(), place, "{field}");
    }
}

#[test]
fn a_revision_is_made_of_a_time_of_release() {
    let map = r#"
        kind = "results"
        zone = "Asia/Shanghai"
        [fields]
        revision = { column = "rev", format = "%Y%m%d%H%M" }
        replaces_result_id = { column = "of" }
    "#;
    let released = made(map, "rev,of\n202611291500,r0\n,\n210701010000,\n");
    let result = |at: usize| LabResult::decode(&released[at].as_ref().expect("made").0[..]).expect("a result");
    assert_eq!((result(0).revision, result(0).replaces_result_id.as_str()), (1_795_935_600, "r0"));
    assert_eq!((result(1).revision, result(1).replaces_result_id.as_str()), (0, ""));
    let fault = released[2].as_ref().expect_err("beyond 32 bits");
    assert_eq!((fault.reject.code, fault.reject.field.as_str()), (RejectCode::OutOfRange, "revision"));
    assert!(fault.detail.contains("a time before 1970 or after 2106"), "{}", fault.detail);
}

#[test]
fn a_release_without_a_time_of_day_makes_no_revision() {
    let map = |format: &str| {
        format!("kind = \"results\"\nzone = \"UTC\"\n[fields]\nrevision = {{ column = \"rel\", format = {format} }}\n")
    };
    for format in ["%d/%m/%Y", "%F", "%Y%m%d", "%Y%j", "%e %B %Y", "%Y-%m-%d %z", "%G-W%V-%u", "%Y-%m-%dZ"] {
        for written in [format!("\"{format}\""), format!("[\"{format}\"]"), format!("[\"iso\", \"{format}\"]")] {
            let told = errors(&map(&written));
            assert_eq!(told.len(), 1, "{written}: {told:?}");
            assert!(
                told[0].starts_with("map.toml:4: fields.revision: `format` has no time of day, and two"),
                "{told:?}"
            );
            assert!(told[0].contains("export the release with its time of day and write e.g."), "{told:?}");
        }
    }
    let either = r#"["iso", "hl7", "excel", "%d/%m/%Y %H:%M", "%d/%m/%Y %I %p %M", "epoch-seconds"]"#;
    let mut map = Map::parse("map.toml", &map(either)).expect("right");
    map.bind(&["rel".into()]).expect("the column");
    for (cell, is_day) in [
        ("2022-11-11", true),
        ("44876", true),
        ("2022-11-11 08:00", false),
        ("202211110000", false),
        ("44876.25", false),
        ("11/11/2022 00:00", false),
        ("1668153600", false),
        ("", false),
    ] {
        let Ok(Row::Message(made)) = map.row(Cells::of_text(&::csv::ByteRecord::from(vec![cell]))) else {
            panic!("{cell}")
        };
        assert_eq!(made.is_released_by_day, is_day, "{cell}");
    }
}

#[test]
fn rows_are_left_out_only_by_a_rule_and_by_its_number() {
    let map = r#"
        kind = "results"
        [fields]
        result_id = { column = "id" }
        [[skip]]
        column = "country"
        values = ["abroad", ""]
        why = "tested abroad"
        [[skip]]
        column = "method"
        except = ["PCR"]
        why = "not a nucleic acid test"
    "#;
    let mut map = Map::parse("map.toml", map).expect("right");
    map.bind(&["id".into(), "country".into(), "method".into()]).expect("columns");
    assert_eq!(map.skip_reasons().collect::<Vec<_>>(), ["tested abroad", "not a nucleic acid test"]);
    for (row, rule) in [
        (["1", "here", "PCR"], None),
        (["1", "abroad", "PCR"], Some(0)),
        (["1", "", "PCR"], Some(0)),
        (["1", "here", "antigen"], Some(1)),
        (["1", "here", ""], Some(1)),
        (["1", "abroad", "antigen"], Some(0)),
    ] {
        let skipped = match map.row(Cells::of_text(&::csv::ByteRecord::from(row.to_vec()))).expect("no fault") {
            Row::Skipped(rule) => Some(rule),
            Row::Message(..) => None,
        };
        assert_eq!(skipped, rule, "{row:?}");
    }
}

#[test]
fn the_time_of_arrival_is_the_column_or_the_collection_where_the_map_says_so() {
    let map = r#"
        kind = "results"
        zone = "Europe/Tallinn"
        [fields]
        collected_at = { column = "taken" }
        [history]
        arrived_at = { column = "arrived" }
    "#;
    let file = "taken,arrived\n2020-03-10T12:00:00,2020-03-10T14:00:00\n2020-03-10T12:00:00,2020-03-10T11:00:00\n\
                2020-03-10,\n";
    let arrivals = |map: &str| -> Vec<_> {
        made(map, file).into_iter().map(|made| made.map(|(_, arrived_at)| arrived_at)).collect()
    };
    let as_told = arrivals(map);
    assert_eq!(as_told[0], Ok(Some(at("2020-03-10T12:00:00Z"))));
    assert_eq!(as_told[1], Ok(Some(at("2020-03-10T09:00:00Z"))));
    assert_eq!(as_told[2].as_ref().map_err(|fault| fault.reject.code), Err(RejectCode::MissingField));
    let raised = arrivals(&format!("{map}\nbefore_collected = \"at_collection\"\n"));
    assert_eq!(raised[1], Ok(Some(at("2020-03-10T10:00:00Z"))));
}

#[test]
fn bounds_of_arrival_are_whole_days_of_the_zone_or_times() {
    let bounds = |from: &str, until: &str| {
        let map = format!(
            "kind = \"results\"\nzone = \"Asia/Shanghai\"\n[fields]\n[history]\narrived_at = {{ column = \"day\" }}\n\
             from = \"{from}\"\nuntil = \"{until}\"\n"
        );
        Map::parse("map.toml", &map).map(|map| map.arrivals()).map_err(|errors| errors[0].to_string())
    };
    let days = bounds("2022-01-01", "2022-12-31").expect("right");
    assert_eq!(days.from, Some(at("2022-01-01T00:00:00+08:00")));
    assert_eq!(days.until, Some(at("2022-12-31T23:59:59.999+08:00")));
    let times = bounds("2022-01-01T06:00:00Z", "2022-12-31T06:00:00Z").expect("right");
    assert_eq!((times.from, times.until), (Some(at("2022-01-01T06:00:00Z")), Some(at("2022-12-31T06:00:00Z"))));
    for (from, until, says) in [
        ("soon", "2022-12-31", "map.toml:6: history.from: is no day"),
        ("2022-01-01", "22-12-31", "map.toml:7: history.until: is no day"),
        ("2022-12-31", "2022-01-01", "history.until: lies before `from`"),
    ] {
        let error = bounds(from, until).expect_err(until);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_day_of_arrival_can_be_its_end() {
    let map = "kind = \"results\"\nzone = \"Asia/Jerusalem\"\n[fields]\n[history]\n\
        arrived_at = { column = \"day\", time_of_day = \"23:59:59\" }\n";
    let made = made(map, "day\n2020-03-26\n2020-03-27\n");
    // The clock went forward on the 27th.
    assert_eq!(made[0], Ok((Vec::new(), Some(at("2020-03-26T21:59:59Z")))));
    assert_eq!(made[1], Ok((Vec::new(), Some(at("2020-03-27T20:59:59Z")))));
}

#[test]
fn every_mistake_in_a_map_is_told_with_file_line_and_key() {
    let map = r#"kind = "results"
zone = "Mars/Olympus"
delimiter = "é"
[fields]
lab = { constant = "L1" }
pool = { constant = "P" }
result_id = { column = "id", constant = "x" }
specimen_id = { template = "no column" }
status = { constant = "done" }
finding = { column = "call", values = { pos = "posit" } }
revision = { constant = -1 }
area = { column = "area", format = "%Y" }
kit = { column = "kit", unlisted = "keep", decimal = "," }
reported_at = { column = "at", zone = "UTC", format = "%H:%M" }
[[skip]]
column = "a"
why = "b"
"#;
    let errors = errors(map);
    for (line, key, says) in [
        (2, "zone", "there is no time zone"),
        (3, "delimiter", "one ASCII character"),
        (5, "fields.lab", "no such field to be mapped; it has: lab_id"),
        (6, "fields.pool", "no such field to be mapped"),
        (7, "fields.result_id", "exactly one of `column`, `template` and `constant`"),
        (8, "fields.specimen_id", "needs columns in braces"),
        (9, "fields.status", "it takes: preliminary, final"),
        (10, "fields.finding", "`posit` is no value of this field; it takes: invalid"),
        (11, "fields.revision", "whole number from 0"),
        (12, "fields.area", "for times only"),
        (13, "fields.kit", "there are no `values`"),
        (13, "fields.kit", "`decimal` and `beyond` are for numbers"),
        (14, "fields.reported_at", "names no day"),
        (15, "skip", "exactly one of `values`"),
    ] {
        let begins = format!("map.toml:{line}: {key}: ");
        let found = errors.iter().any(|error| error.starts_with(&begins) && error.contains(says));
        assert!(found, "no `{begins}…{says}` in {errors:#?}");
    }
    assert_eq!(errors.len(), 14);
}

#[test]
fn what_is_not_a_map_is_told_with_line_and_key() {
    for (map, begins) in [
        ("kind = \"results\"\n[fields]\narea = { colum = \"a\" }\n", "map.toml:3: area: unknown field `colum`"),
        ("kind = \"results\"\nzones = \"UTC\"\n[fields]\n", "map.toml:2: zones: unknown field `zones`"),
        ("kind = \"other\"\n[fields]\n", "map.toml:1: kind: unknown variant"),
        ("kind = \"results\"\n", "map.toml:1: "),
        ("kind = \"results\"\n[fields\n", "map.toml:2: fields: "),
        (
            "kind = \"results\"\n[fields]\narea = { column = \"a\" }\narea = { column = \"b\" }\n",
            "map.toml:4: this line: is no TOML, as a map file is: duplicate key",
        ),
    ] {
        let errors = errors(map);
        assert!(errors[0].starts_with(begins), "{errors:?} does not begin with {begins}");
    }
}

#[test]
fn ct_values_of_contacts_make_no_sense() {
    let errors = errors("kind = \"contacts\"\n[fields]\n[ct_values]\nN = { column = \"ct\" }\n");
    assert_eq!(errors, ["map.toml:4: ct_values.N: only results have Ct values"]);
}

#[test]
fn the_example_of_the_page_is_a_map() {
    let page = include_str!("../../../../proto/MAPS.md");
    let example = page.split("```").nth(1).and_then(|block| block.strip_prefix("toml\n")).expect("a block of TOML");
    let map = Map::parse("MAPS.md", example).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!((map.layout.delimiter, map.fields.len(), map.ct_values.len(), map.skips.len()), (Some(b';'), 11, 2, 1));
    assert!(map.has_history());
}

/// Held against the judge of records itself: a message is refused without each of them, and needs no other field.
#[test]
fn a_row_needs_just_what_a_map_must_fill() {
    use crate::pipeline::decode::result_view::ResultView;
    use crate::pipeline::decode::{groups, validate};
    let judge = |kind: Kind, message: &DynamicMessage| match kind {
        Kind::Results => {
            let wire: LabResult = message.transcode_to().expect("the same message");
            validate::well_formed(&ResultView::of(&wire)).map(drop).map_err(|reject| reject.code)
        }
        Kind::Contacts => {
            let wire: ContactRecord = message.transcode_to().expect("the same message");
            validate::well_formed_contact(&wire).map(drop).map_err(|reject| reject.code)
        }
        Kind::Groups => {
            let wire: PersonGroup = message.transcode_to().expect("the same message");
            groups::well_formed(&wire).map(drop).map_err(|reject| reject.code)
        }
    };
    let examples = [
        (Kind::Results, include_str!("../../../../proto/examples/LabResult.json")),
        (Kind::Contacts, include_str!("../../../../proto/examples/ContactRecord-order.json")),
        (Kind::Groups, include_str!("../../../../proto/examples/PersonGroup-left.json")),
    ];
    for (kind, text) in examples {
        let descriptor = json::descriptor(kind.message());
        let whole = DynamicMessage::deserialize(descriptor.clone(), &mut serde_json::Deserializer::from_str(text));
        let whole = whole.expect("an example");
        let mut least = DynamicMessage::new(descriptor.clone());
        for name in required(kind) {
            let mut message = whole.clone();
            message.clear_field_by_name(name);
            assert!(judge(kind, &message).is_err(), "{name} is required");
            least.set_field_by_name(name, whole.get_field_by_name(name).expect("a field").into_owned());
        }
        assert_eq!(judge(kind, &least), Ok(()), "nothing else is");
    }
}
