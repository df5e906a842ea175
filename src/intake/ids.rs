//! Why an id or text of a record is refused, in words: what a spreadsheet or a database left of it, or what is wrong
//! with its length or its characters. Nothing of it is shown.
//!
//! In: a record as it is written, and the field. Out: words for whoever has the file.

use crate::model::nobody::{self, Nobody};
use crate::model::unseen::is_unseen;
use crate::pipeline::decode::validate::{ID_BYTES, NAME_BYTES};
use crate::proto::v1::{ContactRecord, LabResult, PersonGroup};

/// A text of a result that is refused, by its field: why.
pub fn of_result(result: &LabResult, field: &str) -> Option<String> {
    let text = match field {
        "lab_id" => &result.lab_id,
        "result_id" => &result.result_id,
        "person_id" => &result.person_id,
        "previous_person_id" => &result.previous_person_id,
        "replaces_result_id" => &result.replaces_result_id,
        "specimen_id" => &result.specimen_id,
        "target" => &result.target,
        "area" => &result.area,
        "purpose" => &result.purpose,
        "kit" => &result.kit,
        "pool.pool_id" => &result.pool.as_ref()?.pool_id,
        field if field.starts_with("pool.members[") => {
            let (number, name) = field.strip_prefix("pool.members[")?.split_once("].")?;
            let member = result.pool.as_ref()?.members.get(number.parse::<usize>().ok()?)?;
            if name == "area" { &member.area } else { &member.person_id }
        }
        _ => {
            let (number, _) = field.strip_prefix("ct_values[")?.split_once(']')?;
            &result.ct_values.get(number.parse::<usize>().ok()?)?.gene
        }
    };
    why(text, field)
}

/// The same of a contact record.
pub fn of_contact(contact: &ContactRecord, field: &str) -> Option<String> {
    let text = match field {
        "record_id" => &contact.record_id,
        "person_id" => &contact.person_id,
        "index_person_id" => &contact.index_person_id,
        "target" => &contact.target,
        _ => return None,
    };
    why(text, field)
}

/// The same of a record of a key group.
pub fn of_group(group: &PersonGroup, field: &str) -> Option<String> {
    let text = match field {
        "record_id" => &group.record_id,
        "person_id" => &group.person_id,
        "group" => &group.group,
        "area" => &group.area,
        _ => return None,
    };
    why(text, field)
}

fn why(text: &str, field: &str) -> Option<String> {
    let most = if field.ends_with("_id") || field == "kit" { ID_BYTES } else { NAME_BYTES };
    if text.len() > most {
        let letters = if text.is_ascii() { "" } else { "; characters beyond ASCII take two to four" };
        return Some(format!("longer than {most} bytes{letters}"));
    }
    if let Some(character) = text.chars().find(|character| is_unseen(*character)) {
        return Some(unseen(character).to_owned());
    }
    nobody::look(text).map(|what| nobodys(what).to_owned())
}

fn unseen(character: char) -> &'static str {
    match character {
        '\t' => "holds a tab",
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "holds a line end",
        '\0' => "holds a zero byte",
        _ if character.is_control() => "holds a control character",
        '\u{feff}' => "holds a byte order mark, which nobody sees",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "holds a filler of Korean script, which nobody sees",
        '\u{ad}' => "holds a soft hyphen, which nobody sees",
        '\u{200b}'..='\u{200d}' | '\u{2060}' => "holds a space or joiner without width, which nobody sees",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
            "holds a mark of the direction of writing, which nobody sees"
        }
        _ => "holds a character without a picture, which nobody sees",
    }
}

/// What an id looks like that is nobody's. The file has lost it, so it must be exported anew, as text.
pub fn nobodys(what: Nobody) -> &'static str {
    match what {
        Nobody::Damaged => {
            "characters of the id were lost when a text was converted; export it anew, all of it in one encoding"
        }
        Nobody::SheetError => "an error of a spreadsheet in place of the id; correct the sheet",
        Nobody::TooNarrow => "a column of the spreadsheet was too narrow to show the id; widen it and export again",
        Nobody::Formula => "a formula of a spreadsheet in place of the id; export its value",
        Nobody::Apostrophe => "the apostrophe by which a spreadsheet marks a text is part of the id; export without it",
        Nobody::Scientific => {
            "a number in scientific notation, the same for many ids; make the column text and export again"
        }
        Nobody::Truth => "true or false in place of the id; is it the right column?",
        Nobody::Nothing => {
            "a word for nothing in place of the id; in a map file, name it by `none`, so that the field is missing"
        }
        Nobody::NoLetter => {
            "neither a letter nor a digit in place of the id; in a map file, name it by `none`, so that the field is missing"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_text_is_told_its_cause_and_never_itself() {
        for (text, says) in [
            ("x".repeat(65), "longer than 64 bytes"),
            ("渝".repeat(22), "longer than 64 bytes; characters beyond ASCII take two to four"),
            ("SECRET\t1".to_owned(), "holds a tab"),
            ("SECRET\r1".to_owned(), "holds a line end"),
            ("SECRET\u{7}1".to_owned(), "holds a control character"),
            ("SECRET\u{200b}1".to_owned(), "without width"),
            ("\u{feff}SECRET".to_owned(), "a byte order mark"),
            ("\u{115f}".to_owned(), "a filler of Korean script"),
            ("\u{e0001}SECRET".to_owned(), "a character without a picture"),
            ("=SECRET".to_owned(), "a formula"),
            ("unknown".to_owned(), "a word for nothing"),
            ("SECRET\u{fffd}".to_owned(), "were lost when a text was converted"),
        ] {
            let result = LabResult { person_id: text.clone(), previous_person_id: text.clone(), ..Default::default() };
            let contact = ContactRecord { index_person_id: text.clone(), ..Default::default() };
            let group = PersonGroup { person_id: text, ..Default::default() };
            for text in [
                of_result(&result, "person_id"),
                of_result(&result, "previous_person_id"),
                of_contact(&contact, "index_person_id"),
                of_group(&group, "person_id"),
            ] {
                let text = text.expect(says);
                assert!(text.contains(says) && !text.contains("SECRET"), "{text}");
            }
        }
        let result = LabResult { target: "x".repeat(33), ..Default::default() };
        assert_eq!(of_result(&result, "target").as_deref(), Some("longer than 32 bytes"));
        let gene = crate::proto::v1::CtValue { gene: "N\n".to_owned(), cycles: 30.0 };
        let result = LabResult { ct_values: vec![Default::default(), gene], ..Default::default() };
        assert_eq!(of_result(&result, "ct_values[1].gene").as_deref(), Some("holds a line end"));
    }
}
