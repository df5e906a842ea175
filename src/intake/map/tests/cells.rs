//! Cells that mean that there is nothing, and numbers as thermocyclers write them.

use super::*;

/// What the cycles of a row are: a number, none, or why the row is refused.
fn cycles(options: &str, cell: &str) -> Result<Option<f64>, String> {
    let map = format!(
        "kind = \"results\"\n[fields]\nfinding = {{ column = \"call\" }}\n[ct_values]\nN = {{ column = \"N Ct\"{options} }}\n"
    );
    let (payload, _) = made(&map, &format!("call,N Ct\nnegative,\"{cell}\"\n")).remove(0).map_err(|fault| {
        assert_eq!((fault.reject.code, fault.reject.field.as_str()), (RejectCode::OutOfRange, "ct_values.N"));
        assert!(fault.detail.starts_with("column `N Ct`: ") && !fault.detail.contains(cell), "{}", fault.detail);
        fault.detail
    })?;
    let result = LabResult::decode(&payload[..]).expect("encoded");
    assert_eq!(result.finding(), Finding::Negative);
    Ok(result.ct_values.first().map(|value| value.cycles))
}

#[test]
fn cycles_are_numbers_or_none_or_refused_and_never_what_they_are_not() {
    let none = ", none = [\"Undetermined\", \"N/A\", \"-\"]";
    for cell in ["Undetermined", "N/A", "-", ""] {
        assert_eq!(cycles(none, cell), Ok(None), "{cell}");
        assert_eq!(cycles("", cell).is_ok(), cell.is_empty(), "{cell}");
    }
    for (options, cell, number) in [
        ("", "24.7", 24.7),
        ("", "24", 24.0),
        (", decimal = \",\"", "24,7", 24.7),
        (", decimal = [\",\", \".\"]", "24,7", 24.7),
        (", decimal = [\",\", \".\"]", "24.7", 24.7),
        (", beyond = \"limit\"", ">40", 40.0),
        (", beyond = \"limit\", decimal = \",\"", "<= 5,5", 5.5),
        (", beyond = \"none\"", "24.7", 24.7),
    ] {
        assert_eq!(cycles(options, cell), Ok(Some(number)), "{options} {cell}");
    }
    for cell in [">40", "> 40", ">=40", "≥40", "<5", "<=5"] {
        assert_eq!(cycles(", beyond = \"none\"", cell), Ok(None), "{cell}");
        assert!(cycles("", cell).expect_err(cell).contains("say with `beyond`"));
    }
    for (options, cell, says) in [
        ("", "24,7", "decimal = \",\""),
        (", decimal = \",\"", "24.7", "not a number"),
        (", decimal = [\",\", \".\"]", "1.024,7", "signs between its thousands"),
        (", decimal = [\",\", \".\"]", "1,024.5", "signs between its thousands"),
        ("", "1,024.5", "signs between its thousands"),
        (", decimal = \",\"", "1 024,5", "signs between its thousands"),
        (", decimal = [\",\", \".\"]", "24,7 Ct", "not a number; cells that mean"),
        ("", "NaN", "named by `none`"),
        ("", "inf", "not a number"),
        ("", "1e3", "not a number"),
        ("", "24.7 ct", "not a number"),
        ("", "24.", "not a number"),
        ("", ".7", "not a number"),
        ("", "+24", "not a number"),
        (none, "undetermined", "named by `none`"),
        (", beyond = \"none\"", ">high", "say with `beyond`"),
        (", beyond = \"limit\"", ">", "say with `beyond`"),
    ] {
        let detail = cycles(options, cell).expect_err(cell);
        assert!(detail.contains(says), "{options} {cell}: {detail}");
    }
}

#[test]
fn cells_of_the_file_that_mean_none_are_as_empty_in_every_field() {
    let map = r#"
        kind = "results"
        none = ["NULL", "-"]
        [fields]
        result_id = { column = "id" }
        specimen_id = { template = "{id}/{tube}" }
        purpose = { column = "why", values = { A = "clinic" }, empty = "screening" }
        finding = { column = "call", values = { "-" = "negative" }, none = [] }
        reported_at = { column = "at" }
        [ct_values]
        N = { column = "ct", none = ["no"] }
    "#;
    let file = "id,tube,why,call,at,ct\nNULL,1,-,-,NULL,no\n1,-,A,-,2022-11-11T00:00:00Z,7\n";
    let results = results(map, file);
    let first = &results[0];
    assert_eq!((first.result_id.as_str(), first.specimen_id.as_str(), first.purpose.as_str()), ("", "", "screening"));
    assert_eq!((first.finding(), first.reported_at, first.ct_values.len()), (Finding::Negative, None, 0));
    let second = &results[1];
    assert_eq!((second.result_id.as_str(), second.specimen_id.as_str(), second.purpose.as_str()), ("1", "", "clinic"));
    // The gene has words of its own, in place of the file's.
    let map = map.replace("[\"no\"]", "[\"nothing\"]");
    assert!(made(&map, "id,tube,why,call,at,ct\n1,1,A,-,,-\n")[0].is_err());
}
