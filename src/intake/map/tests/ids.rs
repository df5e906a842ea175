//! Ids that are made of several cells.

use super::*;

/// What of these fields a row of an id's kind, an id and a word becomes: the person's id, or the fault.
fn person(source: &str, cells: [&str; 3]) -> Result<String, Fault> {
    let map = format!("kind = \"results\"\nnone = [\"NULL\"]\n[fields]\nperson_id = {{ {source} }}\n");
    let file = format!("kind,pid,word\n\"{}\",\"{}\",\"{}\"\n", cells[0], cells[1], cells[2]);
    let (payload, _) = made(&map, &file).remove(0)?;
    Ok(LabResult::decode(&payload[..]).expect("encoded").person_id)
}

#[test]
fn a_destroyed_cell_passes_in_no_company() {
    let destroyed =
        ["5.00103E+17", "500.1E+15", "########", "#N/A", "#ЗНАЧ!", "N/A", "unknown", "未知", "-", "?", "'P001"];
    let destroyed = destroyed.into_iter().chain(["TRUE", "=A1"]);
    for (cell, template) in
        destroyed.flat_map(|cell| [(cell, "L1-{pid}"), (cell, "{pid}"), (cell, "{kind}:{pid}/{word}")])
    {
        let fault = person(&format!("template = \"{template}\""), ["CN", cell, "x"]).expect_err(cell);
        assert_eq!((fault.reject.code, fault.reject.field.as_str()), (RejectCode::InvalidId, "person_id"), "{cell}");
        assert!(fault.detail.starts_with("column `pid`: "), "{}", fault.detail);
        assert!(cell.len() == 1 || !fault.detail.contains(cell), "{}", fault.detail);
    }
    let first = person("template = \"{kind}:{pid}\"", ["?", "#N/A", ""]).expect_err("both");
    assert!(first.detail.starts_with("column `kind`: neither"), "{}", first.detail);
}

#[test]
fn short_words_and_numbers_are_parts_of_ids_and_what_the_map_says_of_a_cell_counts() {
    let several = "template = \"{kind}:{pid}\"";
    for cells in [["CN", "7", ""], ["0", "X", ""], ["1E17", "P-1", ""], ["", "7", ""], ["CN", "NULL", ""]] {
        let expected = if cells[0].is_empty() || cells[1] == "NULL" { String::new() } else { cells[..2].join(":") };
        assert_eq!(person(several, cells), Ok(expected), "{cells:?}");
    }
    // Nothing is made of the others as soon as one of them is empty.
    assert_eq!(person(several, ["", "#N/A", ""]).ok().as_deref(), Some(""));
    let said = "template = \"{kind}:{pid}\", values = { \"-:7\" = \"CN:7\" }, unlisted = \"keep\"";
    assert_eq!(person(said, ["-", "7", ""]), Ok("CN:7".to_owned()));
    assert!(person(said, ["-", "8", ""]).is_err());
    // Labs are in a registry, and a device is nobody.
    for field in ["lab_id", "kit"] {
        let map = format!("kind = \"results\"\n[fields]\n{field} = {{ template = \"{{name}}-{{land}}\" }}\n");
        assert_eq!(results(&map, "name,land\nL1,NA\n").len(), 1, "{field}");
    }
}
