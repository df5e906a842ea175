//! Ids that a spreadsheet or a database wrote and that are nobody's: the same text stands for many.
//!
//! In: an id that the contract allows. Out: what it looks like, or nothing. The processor takes such an id, as it
//! cannot know where it came from; whoever reads a file can.

use crate::proto::v1::{ContactRecord, LabResult};

/// What spreadsheets show in place of a value.
const ERRORS: [&str; 16] = [
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#UNKNOWN!",
    "#BUSY!",
    "#PYTHON!",
    "#GETTING_DATA",
];

/// What programs write where there is nothing.
const NOTHING: [&str; 8] = ["NULL", "(null)", "<null>", "nan", "none", "n/a", "undefined", "<na>"];

/// The first id of a result that is nobody's: its field and what it looks like.
pub fn of_result(result: &LabResult) -> Option<(&'static str, &'static str)> {
    first([
        ("lab_id", &result.lab_id),
        ("result_id", &result.result_id),
        ("person_id", &result.person_id),
        ("previous_person_id", &result.previous_person_id),
        ("replaces_result_id", &result.replaces_result_id),
        ("specimen_id", &result.specimen_id),
    ])
}

/// The same of a contact record.
pub fn of_contact(contact: &ContactRecord) -> Option<(&'static str, &'static str)> {
    first([
        ("record_id", &contact.record_id),
        ("person_id", &contact.person_id),
        ("index_person_id", &contact.index_person_id),
    ])
}

fn first<const N: usize>(ids: [(&'static str, &String); N]) -> Option<(&'static str, &'static str)> {
    ids.into_iter().find_map(|(field, id)| Some((field, spoiled(id)?)))
}

/// What an id looks like that is nobody's. The file has lost it, so the text must be exported anew, as text.
fn spoiled(id: &str) -> Option<&'static str> {
    if ERRORS.iter().any(|error| error.eq_ignore_ascii_case(id)) {
        return Some("an error of a spreadsheet in place of the id; correct the sheet");
    }
    if id.len() >= 2 && id.bytes().all(|byte| byte == b'#') {
        return Some("a column of the spreadsheet was too narrow to show the id; widen it and export again");
    }
    if id.starts_with('=') {
        return Some("a formula of a spreadsheet in place of the id; export its value");
    }
    if id.starts_with(['\'', '’', '＇']) {
        return Some("the apostrophe by which a spreadsheet marks a text is part of the id; export without it");
    }
    if is_scientific(id) {
        return Some("a number in scientific notation, the same for many ids; make the column text and export again");
    }
    NOTHING.iter().any(|nothing| nothing.eq_ignore_ascii_case(id)).then_some(
        "a word for nothing in place of the id; in a map file, name it by `none`, so that the field is missing",
    )
}

/// `5.00103E+17`, `1,67683E+15`, `1E+17`, `5.00103E17`; not `1E17`, which can be a barcode.
fn is_scientific(id: &str) -> bool {
    let Some((mantissa, exponent)) = id.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let signed = exponent.strip_prefix(['+', '-']);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let has_fraction = whole.len() < mantissa.len();
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    (signed.is_some() || has_fraction)
        && digits.len() == 1
        && is_digits(digits)
        && is_digits(fraction)
        && is_digits(signed.unwrap_or(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_a_spreadsheet_destroyed_are_told_without_their_text() {
        for id in [
            "5.00103E+17",
            "1,67683E+15",
            "1.67683e+15",
            "5E+17",
            "5.00103E17",
            "1.2E-05",
            "-1.5E+10",
            "########",
            "##",
            "#N/A",
            "#n/a",
            "#REF!",
            "#DIV/0!",
            "=\"P001\"",
            "='P001'",
            "'P001",
            "’P001",
            "NULL",
            "null",
            "NaN",
            "None",
            "N/A",
            "undefined",
        ] {
            let told = spoiled(id).unwrap_or_else(|| panic!("{id} is nobody's"));
            assert!(!told.contains(id), "{told}");
        }
    }

    #[test]
    fn ids_that_only_resemble_them_are_ids() {
        for id in [
            "P001",
            "1E17",
            "5e10",
            "12.5E+17",
            "E+17",
            "1.E+17",
            "#1",
            "#A12",
            "P#",
            "P=",
            "O'Brien",
            "NULL-1",
            "NA",
            "Nanette",
            "500103199001011234",
            "1.67683",
            "3.5E",
            "5.00103E+",
            "N",
            "-",
            "Ünlü",
            "某人",
        ] {
            assert_eq!(spoiled(id), None, "{id}");
        }
    }

    #[test]
    fn every_id_of_a_record_is_looked_at() {
        let bad = || "5.00103E+17".to_owned();
        type Spoil<M> = (&'static str, fn(&mut M, String));
        let spoils: [Spoil<LabResult>; 6] = [
            ("lab_id", |result, id| result.lab_id = id),
            ("result_id", |result, id| result.result_id = id),
            ("person_id", |result, id| result.person_id = id),
            ("previous_person_id", |result, id| result.previous_person_id = id),
            ("replaces_result_id", |result, id| result.replaces_result_id = id),
            ("specimen_id", |result, id| result.specimen_id = id),
        ];
        for (field, spoil) in spoils {
            let mut result = LabResult::default();
            assert_eq!(of_result(&result), None);
            spoil(&mut result, bad());
            assert_eq!(of_result(&result).map(|(field, _)| field), Some(field));
        }
        let spoils: [Spoil<ContactRecord>; 3] = [
            ("record_id", |contact, id| contact.record_id = id),
            ("person_id", |contact, id| contact.person_id = id),
            ("index_person_id", |contact, id| contact.index_person_id = id),
        ];
        for (field, spoil) in spoils {
            let mut contact = ContactRecord::default();
            spoil(&mut contact, bad());
            assert_eq!(of_contact(&contact).map(|(field, _)| field), Some(field));
        }
    }
}
