//! Texts that stand where an id should and are nobody's: what a spreadsheet, a database or a conversion left of one, or a
//! word for nothing. The same text stands for many, and whoever took it for an id would make one person of them.
//!
//! In: an id. Out: what it is if it can be no id of any lab. Left alone is what some lab may have given: `0`, `test`,
//! `X`, `1E17`. Full-width letters, digits and signs count as the ASCII ones that they are.

use std::borrow::Cow;

/// What stands in place of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// `P\u{fffd}1`, `锟斤拷`.
    Damaged,
    /// `#N/A`, `#ЗНАЧ!`.
    SheetError,
    /// `####`.
    TooNarrow,
    /// `="P001"`.
    Formula,
    /// `'P001`.
    Apostrophe,
    /// `5.00103E+17`, `500.103E+15`, `5.00103×10^17`.
    Scientific,
    /// `TRUE`.
    Truth,
    /// `NULL`, `unknown`, `未知`.
    Nothing,
    /// `-`, `?`, a space: neither a letter nor a digit in it.
    NoLetter,
}

/// No such text but those that begin with a sign of their own is longer, in bytes.
const LONGEST: usize = 32;

/// Digits before the point of a number in scientific or engineering notation, at most.
const WHOLE: usize = 3;

/// What stands for characters that a conversion did not know: the replacement character, and what is made of it where its
/// bytes are read as GBK or as Latin-1. Ids that differed there are one afterwards.
const DAMAGE: [&str; 3] = ["\u{fffd}", "锟斤拷", "ï¿½"];

/// Signs of multiplication in a number that is written with its power of ten.
const TIMES: [char; 5] = ['×', 'x', 'X', '*', '·'];

/// Errors of spreadsheets that end in neither `!` nor `?`, in the languages they are shown in.
const ERRORS: [&str; 15] = [
    "#n/a",
    "#nv",
    "#n/d",
    "#nd",
    "#i/t",
    "#н/д",
    "#n/disp",
    "#n/v",
    "#n/b",
    "#yok",
    "#div/0",
    "#na",
    "#null",
    "#ref",
    "#getting_data",
];

/// What a spreadsheet shows of a truth.
const TRUTHS: [&str; 14] = [
    "true",
    "false",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "verdadero",
    "falso",
    "vero",
    "verdadeiro",
    "истина",
    "ложь",
    "waar",
    "onwaar",
];

/// What programs and people write where there is nothing, in the languages of labs.
const NOTHING: [&str; 77] = [
    // Programs.
    "null",
    "nil",
    "nan",
    "none",
    "undefined",
    "na",
    "n/a",
    "n.a.",
    "n.a",
    "n/d",
    "s/d",
    "s/n",
    "s/o",
    "н/д",
    "(null)",
    "<null>",
    "[null]",
    "\\n",
    "(none)",
    "<none>",
    "<na>",
    "(na)",
    "<nil>",
    "(blank)",
    "(empty)",
    "(unknown)",
    "<unknown>",
    // English.
    "unknown",
    "not known",
    "not available",
    "not applicable",
    "not provided",
    "not specified",
    "not recorded",
    "unspecified",
    "unavailable",
    "missing",
    "blank",
    "empty",
    "no id",
    "anonymous",
    // Chinese, Japanese, Korean.
    "无",
    "無",
    "空",
    "未知",
    "不明",
    "不详",
    "不詳",
    "没有",
    "未填",
    "未填写",
    "暂无",
    "匿名",
    "なし",
    "無し",
    "없음",
    "미상",
    // German, French, Spanish, Portuguese, Italian, Russian.
    "unbekannt",
    "k.a.",
    "k. a.",
    "keine angabe",
    "inconnu",
    "inconnue",
    "aucun",
    "aucune",
    "néant",
    "desconocido",
    "desconocida",
    "ninguno",
    "desconhecido",
    "desconhecida",
    "nenhum",
    "sconosciuto",
    "nessuno",
    "неизвестно",
    "неизвестен",
    "нет данных",
];

/// What an id is that can be nobody's; `None` of one that somebody may have.
#[inline]
pub fn look(id: &str) -> Option<Nobody> {
    if is_surely_one(id.as_bytes()) { None } else { looked_at(id) }
}

/// Whether an id in ASCII is one by its first two characters, a letter and a digit: the usual form of ids.
#[inline(always)]
pub fn is_plain(id: &[u8]) -> bool {
    matches!(id, [first, second, ..] if first.is_ascii_alphabetic() && second.is_ascii_digit())
}

/// Whether an id is one by its first characters, a digit in it and nothing beyond ASCII: nearly all are, and only the
/// others are looked at.
#[inline]
fn is_surely_one(id: &[u8]) -> bool {
    let [first, second, ..] = id else { return false };
    let within_four = &id[1..id.len().min(WHOLE + 1)];
    let begins_a_power = |byte: &u8| matches!(byte, b'.' | b',' | b'E' | b'e' | b' ' | b'x' | b'X' | b'*');
    let may_be_a_power = first.is_ascii_digit() && within_four.iter().any(begins_a_power);
    let may_be_an_error = matches!((first, second), (b'E' | b'e', b'R' | b'r'));
    first.is_ascii_alphanumeric()
        && !may_be_a_power
        && !may_be_an_error
        && id.iter().any(u8::is_ascii_digit)
        && id.is_ascii()
}

fn looked_at(id: &str) -> Option<Nobody> {
    if DAMAGE.iter().any(|damage| id.contains(damage)) {
        return Some(Nobody::Damaged);
    }
    let narrow = narrow(id);
    let id = narrow.trim();
    if id.len() >= 2 && id.bytes().all(|byte| byte == b'#') {
        return Some(Nobody::TooNarrow);
    }
    if id.starts_with('=') {
        return Some(Nobody::Formula);
    }
    if id.starts_with(['\'', '’']) {
        return Some(Nobody::Apostrophe);
    }
    if !id.chars().any(char::is_alphanumeric) {
        return Some(Nobody::NoLetter);
    }
    if id.len() > LONGEST {
        return None;
    }
    let lower = id.to_lowercase();
    if is_error(&lower) {
        return Some(Nobody::SheetError);
    }
    if is_scientific(id) {
        return Some(Nobody::Scientific);
    }
    let is_of = |words: &[&str]| words.contains(&lower.as_str());
    match (is_of(&TRUTHS), is_of(&NOTHING)) {
        (true, _) => Some(Nobody::Truth),
        (_, true) => Some(Nobody::Nothing),
        _ => None,
    }
}

/// Full-width letters, digits and signs as the ASCII ones: whoever types Chinese or Japanese writes them without
/// noticing.
fn narrow(id: &str) -> Cow<'_, str> {
    let is_wide = |character: char| ('！'..='～').contains(&character);
    if !id.contains(is_wide) {
        return Cow::Borrowed(id);
    }
    let one = |character: char| match is_wide(character) {
        true => char::from((u32::from(character) - u32::from('！')) as u8 + b'!'),
        false => character,
    };
    Cow::Owned(id.chars().map(one).collect())
}

/// `#REF!`, `#NOMBRE?`, `#¡DIV/0!` in any language; `Err:502`.
fn is_error(lower: &str) -> bool {
    let marked = lower.starts_with('#') && lower.ends_with(['!', '?']) && lower.chars().any(char::is_alphabetic);
    let numbered = lower.strip_prefix("err:").is_some_and(|number| number.len() == 3 && is_digits(number));
    marked || numbered || ERRORS.contains(&lower)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `5.00103E+17`, `1,67683E+15`, `1E+17`, `5.00103E17`, in engineering notation `500.1E+15`, with spaces in it, and spelled
/// out; not `1E17`, which can be a barcode, nor `12E-7`, which can be a well of a plate.
fn is_scientific(id: &str) -> bool {
    let close: String = id.chars().filter(|character| !character.is_whitespace()).collect();
    if is_spelled_out(&close) {
        return true;
    }
    let Some((mantissa, exponent)) = close.split_once(['E', 'e']) else { return false };
    let (grows, power) = match exponent.strip_prefix('+') {
        Some(power) => (true, power),
        None => (false, exponent.strip_prefix(['-', '−']).unwrap_or(exponent)),
    };
    let shrinks = !grows && power.len() < exponent.len();
    let Some((digits, has_fraction)) = mantissa_of(mantissa) else { return false };
    let is_one_digit = digits == 1 && close.len() == id.len();
    is_digits(power) && (grows || has_fraction || (shrinks && is_one_digit))
}

/// `5.00103×10^17`, `5x10**17`, `5.00103·10¹⁷`.
fn is_spelled_out(close: &str) -> bool {
    let Some((mantissa, power)) = close.split_once(TIMES) else { return false };
    let Some(power) = power.strip_prefix("10") else { return false };
    let is_raised = match power.strip_prefix('^').or_else(|| power.strip_prefix("**")) {
        Some(power) => is_digits(power.strip_prefix(['+', '-', '−']).unwrap_or(power)),
        None => {
            let high = power.strip_prefix(['⁺', '⁻']).unwrap_or(power);
            !high.is_empty() && high.chars().all(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".contains(digit))
        }
    };
    is_raised && mantissa_of(mantissa).is_some()
}

/// Of the number before a power of ten its length without the sign, and whether it has a fraction.
fn mantissa_of(text: &str) -> Option<(usize, bool)> {
    let unsigned = text.strip_prefix(['-', '−']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once(['.', ',']).unwrap_or((unsigned, ""));
    let is_one = is_digits(whole) && whole.len() <= WHOLE && (fraction.is_empty() || is_digits(fraction));
    is_one.then_some((unsigned.len(), !fraction.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_many_is_nobodys_in_any_language_and_case() {
        for (what, ids) in [
            (
                Nobody::Scientific,
                &[
                    "5.00103E+17",
                    "1,67683E+15",
                    "1.67683e+15",
                    "5E+17",
                    "5.00103E17",
                    "1.2E-05",
                    "1E-7",
                    "-1.5E+10",
                    "500.1E+15",
                    "50,01E+16",
                    "12.5e6",
                    "1,5E+15",
                    "500E+15",
                    "12.5E+17",
                    "1.E+17",
                    "-500.1E+15",
                    "500.1E+15 ",
                    "5.00103 E+17",
                    "5.00103E +17",
                    "5 E+17",
                    "500.1 e15",
                    "5.00103E−17",
                    "5.00103×10^17",
                    "5.00103 × 10^17",
                    "5x10^17",
                    "500,1*10^15",
                    "5.00103·10¹⁷",
                    "1.2X10⁻⁵",
                    "-5.1*10**+17",
                    "５.００１０３E+17",
                    "５．００１０３Ｅ＋１７",
                ][..],
            ),
            (Nobody::Damaged, &["\u{fffd}", "P\u{fffd}1", "P0001\u{fffd}\u{fffd}", "锟斤拷", "P锟斤拷001", "Zoï¿½1"]),
            (Nobody::TooNarrow, &["########", "##", "＃＃＃", " ## "]),
            (
                Nobody::SheetError,
                &[
                    "#N/A",
                    "#n/a",
                    "#REF!",
                    "#DIV/0!",
                    "#NV",
                    "#¡REF!",
                    "#NOMBRE?",
                    "#ЗНАЧ!",
                    "#Н/Д",
                    "#BEZUG!",
                    "#¿NOMBRE?",
                    "#ÜBERLAUF!",
                    "#SPILL!",
                    "#GETTING_DATA",
                    "Err:502",
                    "＃N/A",
                    "＃ＲＥＦ！",
                    " #N/A",
                ],
            ),
            (Nobody::Formula, &["=\"P001\"", "='P001'", "＝A1"]),
            (Nobody::Apostrophe, &["'P001", "’P001", "＇P001"]),
            (Nobody::Truth, &["ＴＲＵＥ", "TRUE", "FALSE", "true", "WAHR", "ЛОЖЬ"]),
            (
                Nobody::Nothing,
                &[
                    "NULL",
                    "null",
                    "NaN",
                    "None",
                    "nil",
                    "N/A",
                    "n.a.",
                    "NA",
                    "undefined",
                    "UNKNOWN",
                    "Unbekannt",
                    "未知",
                    "无",
                    "不详",
                    "なし",
                    "없음",
                    "Inconnu",
                    "Néant",
                    "НЕИЗВЕСТНО",
                    "\\N",
                    "(null)",
                    " unknown ",
                    "ＮＵＬＬ",
                    "\u{3000}ｕｎｋｎｏｗｎ",
                ],
            ),
            (
                Nobody::NoLetter,
                &["-", "--", ".", "?", "???", "*", "—", "…", "/", "\u{a0}", "\u{3000}\u{3000}", "\u{2800}", " ", "？"],
            ),
        ] {
            for id in ids {
                assert_eq!(look(id), Some(what), "{id}");
            }
        }
        assert_eq!(look(&"-".repeat(64)), Some(Nobody::NoLetter));
    }

    #[test]
    fn what_only_resembles_it_is_an_id() {
        for id in [
            "P001",
            "1E17",
            "5e10",
            "12E5",
            "123E45",
            "12E5-7",
            "12.E5",
            "12E-7",
            "1.E-5",
            "123E-45",
            "AB1E10",
            "1E10AB",
            "1.5E10-2",
            "2022.11E05",
            "2022.11E-05",
            "12.5.6E3",
            "E+17",
            ".E+17",
            "500.1E",
            "500.1E+15-A",
            "#1",
            "#A12",
            "P#",
            "P=",
            "O'Brien",
            "NULL-1",
            "Nanette",
            "500103199001011234",
            "1.67683",
            "3.5E",
            "5.00103E+",
            "Ｐ００１",
            "１Ｅ１７",
            "12 E5",
            "1 E-7",
            "5x1017",
            "5×1017",
            "96x10^",
            "1234x10^5",
            "5x12^17",
            "斤拷001",
            "Zoï1",
            "N",
            "X",
            "0",
            "000",
            "-1",
            "test",
            "Ünlü",
            "某人",
            "未知001",
            "TRUE1",
            "unknown-17",
            "Err:5021",
            "A/1",
            "#A!1",
        ] {
            assert_eq!(look(id), None, "{id}");
        }
    }

    /// What is passed by its first characters and a digit is none of the words.
    #[test]
    fn no_word_is_taken_for_an_id_at_first_sight() {
        for word in ERRORS.iter().chain(&TRUTHS).chain(&NOTHING) {
            assert!(look(word).is_some() && look(&word.to_uppercase()).is_some(), "{word}");
            assert!(!is_plain(word.as_bytes()) && !is_plain(word.to_uppercase().as_bytes()), "{word}");
            assert!(word.len() <= LONGEST && **word == word.to_lowercase(), "{word}");
        }
    }
}
