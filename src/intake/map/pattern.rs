//! A pattern of strftime directives, and the texts that fit it.
//!
//! In: a pattern, refused when it could read one text as two times or leave part of a text without effect. Out: which
//! characters of a text belong to which directive; the library then reads those.

use super::said::{Place, Said, When};
use crate::model::written;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

/// A pattern, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
    /// What the pattern says itself: of a text that ends in `Z`, or in ` UTC`.
    is_utc: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    /// Spaces: at least so many.
    Spaces(usize),
    /// A directive, and whether it may go without its leading zero.
    Directive(char, bool),
    /// A dot and digits, or nothing.
    DotFraction,
    /// Digits of a fraction; just so many if it is said how many.
    Fraction(Option<usize>),
    /// An offset from UTC.
    Offset,
    /// A zone's name, or an offset.
    Zone,
}

/// Directives that are numbers, with their digits.
fn digits_of(directive: char) -> Option<usize> {
    match directive {
        'Y' | 'G' => Some(4),
        'j' => Some(3),
        'm' | 'd' | 'e' | 'H' | 'k' | 'I' | 'l' | 'M' | 'S' | 'U' | 'V' | 'W' => Some(2),
        'u' | 'w' => Some(1),
        _ => None,
    }
}

/// What a directive says: none may be said twice, as one of the two would not count.
fn meaning_of(piece: &Piece) -> Option<&'static str> {
    Some(match piece {
        Piece::Directive('Y' | 'G', _) => "the year",
        Piece::Directive('m' | 'b' | 'B' | 'h', _) => "the month",
        Piece::Directive('d' | 'e', _) => "the day",
        Piece::Directive('j', _) => "the day of the year",
        Piece::Directive('U' | 'V' | 'W', _) => "the week",
        Piece::Directive('a' | 'A' | 'u' | 'w', _) => "the weekday",
        Piece::Directive('H' | 'k' | 'I' | 'l', _) => "the hour",
        Piece::Directive('M', _) => "the minute",
        Piece::Directive('S', _) => "the second",
        Piece::Directive('p' | 'P', _) => "morning or afternoon",
        Piece::DotFraction | Piece::Fraction(_) => "the fraction",
        Piece::Offset | Piece::Zone => "the zone",
        _ => return None,
    })
}

impl Pattern {
    /// Takes a pattern apart. An error is (what is wrong and what to do).
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S").replace("%R", "%H:%M");
        let mut pieces = pieces(&text)?;
        let is_utc = literal_zone(&pieces)?;
        may_be_unpadded(&mut pieces)?;
        let pattern = Self { text, pieces, is_utc };
        pattern.check()?;
        Ok(pattern)
    }

    fn has(&self, meaning: &str) -> bool {
        self.pieces.iter().any(|piece| meaning_of(piece) == Some(meaning))
    }

    fn names(&self, directives: &[char]) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Directive(name, _) if directives.contains(name)))
    }

    fn check(&self) -> Result<(), String> {
        let meanings: Vec<_> = self.pieces.iter().filter_map(meaning_of).collect();
        for (at, meaning) in meanings.iter().enumerate() {
            if meanings[..at].contains(meaning) {
                return Err(format!("`format` names {meaning} twice; %m is the month, %M the minute"));
            }
        }
        let twelve = self.names(&['I', 'l']);
        if twelve && !self.has("morning or afternoon") {
            return Err("`format` has %I, an hour of twelve, and no %p; add it, or write %H".to_owned());
        }
        for (part, whole, directive) in [
            ("the fraction", "the second", "%S"),
            ("the second", "the minute", "%M"),
            ("the minute", "the hour", "%H"),
            ("the hour", "the minute", "%M"),
            ("morning or afternoon", "the hour", "%I"),
        ] {
            if self.has(part) && !self.has(whole) {
                return Err(format!("`format` names {part} and not {whole}; it needs {directive}"));
            }
        }
        // Tried out on some time when the map is read, not on the first row.
        let some = jiff::civil::date(2022, 11, 5).at(9, 8, 7, 0).to_zoned_datetime(TimeZone::UTC).ok();
        let written = some.as_ref().and_then(|some| self.write(some));
        match written.and_then(|text| self.read(&text)) {
            Some(_) => Ok(()),
            None => Err("`format` names no day; it needs e.g. %Y, %m and %d".to_owned()),
        }
    }

    /// Whether every text says by itself where it was so late.
    pub fn says_place(&self) -> bool {
        self.is_utc || self.has("the zone")
    }

    /// Whether its texts say a day and no time of it.
    pub fn is_of_days(&self) -> bool {
        !self.has("the hour")
    }

    /// A time written so.
    pub fn write(&self, at: &jiff::ZonedDateTime) -> Option<String> {
        strtime::format(&self.text, at).ok()
    }

    /// What a text says; `None` when it does not fit, or there is no such time.
    pub fn read(&self, text: &str) -> Option<Said> {
        let (mut format, mut parts) = (String::new(), String::new());
        let mut place = if self.is_utc { Place::Offset(Offset::UTC) } else { Place::Unsaid };
        let twelve = self.names(&['I', 'l']);
        let mut afternoon = None;
        let mut rest = text;
        for piece in &self.pieces {
            let (part, behind) = rest.split_at(length(piece, rest)?);
            rest = behind;
            let directive = match piece {
                Piece::Literal(_) | Piece::Spaces(_) => continue,
                Piece::Offset => {
                    place = Place::Offset(written::offset(part)?);
                    continue;
                }
                Piece::Zone => {
                    place = match written::offset(part) {
                        Some(offset) => Place::Offset(offset),
                        None => Place::Zone(written::named_zone(part).ok()?),
                    };
                    continue;
                }
                Piece::DotFraction if part.is_empty() => continue,
                Piece::DotFraction => ".f".to_owned(),
                Piece::Fraction(_) => "f".to_owned(),
                // The library would make an hour of twelve of any hour; of one of 24 it only has to be true.
                Piece::Directive('p' | 'P', _) if !twelve => {
                    afternoon = Some(match part.to_ascii_lowercase().as_str() {
                        "am" => false,
                        "pm" => true,
                        _ => return None,
                    });
                    continue;
                }
                Piece::Directive(name, _) => name.to_string(),
            };
            // Between bars, so that what belongs to a directive is settled.
            format.extend(["%", &directive, "|"]);
            parts.extend([part.trim_start(), "|"]);
        }
        if !rest.is_empty() {
            return None;
        }
        let read = strtime::parse(&format, &parts).ok()?;
        let date = read.to_date().ok().filter(|date| date.year() > 0)?;
        let Some(hour) = read.hour() else { return Some(Said { when: When::Day(date), place }) };
        let time = read.to_time().ok().filter(|_| afternoon.is_none_or(|afternoon| afternoon == (hour >= 12)))?;
        Some(Said { when: When::Civil(date.to_datetime(time)), place })
    }
}

/// How many bytes of a text belong to a piece that it begins with.
fn length(piece: &Piece, text: &str) -> Option<usize> {
    let count = |such: fn(&u8) -> bool| text.bytes().take_while(such).count();
    match piece {
        Piece::Literal(literal) => text.starts_with(literal.as_str()).then_some(literal.len()),
        Piece::Spaces(least) => Some(count(u8::is_ascii_whitespace)).filter(|spaces| spaces >= least),
        // The library takes a second 60 for 59.
        Piece::Directive('S', _) if text.starts_with('6') => None,
        Piece::Directive(name, unpadded) => match digits_of(*name) {
            Some(all) => {
                // Where it may go without its zero, a space may stand for that.
                let space = usize::from(*unpadded && text.starts_with(' '));
                let digits = text[space..].bytes().take(all).take_while(u8::is_ascii_digit).count();
                let least = if *unpadded { 1 } else { all };
                (digits >= least && space + digits <= all).then_some(space + digits)
            }
            None if matches!(name, 'p' | 'P') => text.get(..2).map(str::len),
            None if matches!(name, 'a' | 'b' | 'h') => Some(count(u8::is_ascii_alphabetic).min(3)),
            None => Some(count(u8::is_ascii_alphabetic)),
        },
        Piece::DotFraction if !text.starts_with('.') => Some(0),
        Piece::DotFraction => {
            let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
            (1..=9).contains(&digits).then_some(1 + digits)
        }
        Piece::Fraction(exactly) => {
            let digits = text.bytes().take(exactly.unwrap_or(10)).take_while(u8::is_ascii_digit).count();
            (digits > 0 && digits <= 9 && exactly.is_none_or(|exactly| digits == exactly)).then_some(digits)
        }
        Piece::Offset => Some(count(|byte| byte.is_ascii_digit() || b"+-:Zz".contains(byte))),
        Piece::Zone => Some(count(|byte| byte.is_ascii_alphanumeric() || b"+-:/_.".contains(byte))),
    }
}

/// The pattern in pieces; directives that the library knows only for writing are refused by it when it is tried out.
fn pieces(pattern: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        if character.is_ascii_whitespace() {
            spaces(&mut pieces);
            continue;
        }
        if character != '%' {
            literal(&mut pieces, character);
            continue;
        }
        let flag = rest.next_if(|flag| matches!(flag, '-' | '_' | '0' | '^' | '#'));
        let dot = rest.next_if_eq(&'.').is_some();
        let width = rest.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10));
        while rest.next_if_eq(&':').is_some() {}
        let name = rest.next().ok_or("`format` ends with a % alone; %% is the sign itself")?;
        let piece = match (dot, name) {
            (true, 'f') => Piece::DotFraction,
            (false, 'f') => Piece::Fraction(width.map(|width| width as usize)),
            (false, 'N') => Piece::Fraction(None),
            (false, 'z') => Piece::Offset,
            (false, 'Q') => Piece::Zone,
            (false, 'n' | 't') => {
                spaces(&mut pieces);
                continue;
            }
            (false, '%') => {
                literal(&mut pieces, '%');
                continue;
            }
            (false, name) if width.is_none() => directive(name, flag)?,
            _ => return Err(format!("`format` has a directive that is none: %{name} takes no width and no dot")),
        };
        pieces.push(piece);
    }
    Ok(pieces)
}

fn directive(name: char, flag: Option<char>) -> Result<Piece, String> {
    match name {
        'y' | 'g' | 'C' | 'D' => Err(format!(
            "`format` has %{name}, a year of two digits, which could be of two centuries; years have four: export them \
             so, and write %Y"
        )),
        's' => Err("`format` has %s beside others; for seconds since 1970 write \"epoch-seconds\" alone".to_owned()),
        'Z' => Err("`format` has %Z, and an abbreviation such as CST names several zones; use %z or %Q".to_owned()),
        'a' | 'A' | 'b' | 'B' | 'h' | 'p' | 'P' => Ok(Piece::Directive(name, false)),
        // `%0d` asks for the zero; whether another may go without is decided by what stands beside it.
        _ if digits_of(name).is_some() => Ok(Piece::Directive(name, flag != Some('0'))),
        _ => Err(format!("`format` cannot be used to read: there is no directive %{name}")),
    }
}

fn spaces(pieces: &mut Vec<Piece>) {
    if !matches!(pieces.last(), Some(Piece::Spaces(_))) {
        pieces.push(Piece::Spaces(1));
    }
}

fn literal(pieces: &mut Vec<Piece>, character: char) {
    match pieces.last_mut() {
        Some(Piece::Literal(text)) => text.push(character),
        _ => pieces.push(Piece::Literal(character.to_string())),
    }
}

/// Whether the pattern itself says that it is UTC. A zone that is spelled out and would not count is refused.
fn literal_zone(pieces: &[Piece]) -> Result<bool, String> {
    let mut is_utc = false;
    for piece in pieces {
        let Piece::Literal(text) = piece else { continue };
        for word in text.split(|character: char| !character.is_ascii_alphabetic() && !"/_".contains(character)) {
            let capitals = word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
            match word {
                "Z" | "z" => is_utc = true,
                _ if word.eq_ignore_ascii_case("UTC") || word.eq_ignore_ascii_case("GMT") => is_utc = true,
                _ if capitals || word.contains('/') && TimeZone::get(word).is_ok() => {
                    return Err(format!(
                        "`format` spells `{word}` out, which would not count as a zone; write %Q in its place, or name \
                         the zone by `zone` and cut it off the cells"
                    ));
                }
                _ => {}
            }
        }
        let offset = text
            .as_bytes()
            .windows(3)
            .any(|bytes| matches!(bytes[0], b'+' | b'-') && bytes[1].is_ascii_digit() && bytes[2].is_ascii_digit());
        if offset {
            return Err("`format` spells an offset out, which would not count; write %z in its place".to_owned());
        }
    }
    if is_utc && pieces.iter().any(|piece| matches!(piece, Piece::Offset | Piece::Zone)) {
        return Err("`format` names the zone twice: by %z or %Q, and spelled out".to_owned());
    }
    Ok(is_utc)
}

/// Days, months and hours may go without their zero where no other digits can follow or go before; and a space before a
/// word or an offset may be missing.
fn may_be_unpadded(pieces: &mut [Piece]) -> Result<(), String> {
    let is_number = |piece: Option<&Piece>, last: bool| match piece {
        Some(Piece::Literal(text)) => {
            let end = if last { text.chars().next_back() } else { text.chars().next() };
            end.is_some_and(|character| character.is_ascii_digit())
        }
        Some(Piece::Directive(name, _)) => digits_of(*name).is_some(),
        Some(Piece::Fraction(_)) => true,
        Some(Piece::Offset | Piece::Zone | Piece::DotFraction) => last,
        _ => false,
    };
    for at in 0..pieces.len() {
        let before = at > 0 && is_number(pieces.get(at - 1), true);
        let behind = is_number(pieces.get(at + 1), false);
        let wordy = matches!(pieces.get(at + 1), Some(Piece::Directive('p' | 'P', _) | Piece::Offset | Piece::Zone));
        match &mut pieces[at] {
            Piece::Directive(name, unpadded) => {
                *unpadded &= !before && !behind && matches!(name, 'm' | 'd' | 'e' | 'H' | 'k' | 'I' | 'l');
            }
            Piece::Spaces(least) if wordy => *least = 0,
            Piece::Fraction(None) if behind => {
                return Err(
                    "`format` has digits behind %f, and nobody can tell where it ends; write e.g. %3f".to_owned()
                );
            }
            _ => {}
        }
    }
    Ok(())
}
