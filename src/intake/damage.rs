//! Ids that a program took for numbers and wrote as such. One by one each could be an id; all of a column cannot: a
//! spreadsheet keeps 15 digits of a number and writes 0 for the others, so that people become one, and a table of numbers
//! that lacks one writes `.0` behind all, so that everybody becomes somebody else than in other files.
//!
//! In: ids as they are read, by field. Out: which fields are damaged in which way, in how many rows, and where first.

/// Digits of a number that a spreadsheet keeps.
const KEPT: usize = 15;

/// Zeros at the ends of long ids that are no chance any more: of ids that were given out one after the other, one in ten
/// ends in 0.
const NO_CHANCE: u64 = 2;

/// Lines named.
const LINES: usize = 3;

/// How the ids of a field are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All with more digits than a spreadsheet keeps end in 0.
    Rounded,
    /// All end in a decimal point and zeros.
    Decimal,
}

/// Rows that something is to be reported of, and the first of their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many.
    pub rows: u64,
    /// Lines of the first.
    pub lines: Vec<u64>,
}

impl Rows {
    /// One more, on a line behind all before.
    pub fn add(&mut self, line: u64) {
        self.rows += 1;
        if self.lines.len() < LINES {
            self.lines.push(line);
        }
    }
}

/// What is seen of the ids of one field.
#[derive(Debug, Default)]
struct Ids {
    all: u64,
    decimal: Rows,
    long: u64,
    rounded: Rows,
    zeros: u64,
}

/// Looks for such fields.
#[derive(Debug, Default)]
pub struct Damage(Vec<(&'static str, Ids)>);

impl Damage {
    /// Takes note of an id; an empty one is none.
    pub fn see(&mut self, field: &'static str, id: &str, line: u64) {
        if id.is_empty() {
            return;
        }
        let at = self.0.iter().position(|(known, _)| *known == field).unwrap_or_else(|| {
            self.0.push((field, Ids::default()));
            self.0.len() - 1
        });
        self.0[at].1.see(id, line);
    }

    /// What was found, by field.
    pub fn found(self) -> Vec<(&'static str, Kind, Rows)> {
        let of_field = |(field, ids): (&'static str, Ids)| {
            let is_rounded = ids.rounded.rows == ids.long && ids.zeros >= NO_CHANCE;
            let rounded = is_rounded.then_some((field, Kind::Rounded, ids.rounded));
            let decimal = (ids.decimal.rows == ids.all).then_some((field, Kind::Decimal, ids.decimal));
            rounded.into_iter().chain(decimal)
        };
        self.0.into_iter().flat_map(of_field).collect()
    }
}

impl Ids {
    fn see(&mut self, id: &str, line: u64) {
        self.all += 1;
        let number = without_decimals(id);
        if number.len() < id.len() {
            self.decimal.add(line);
        }
        // A map may have put a text before the number.
        if last_of(number, |byte| byte.is_ascii_digit()) <= KEPT {
            return;
        }
        self.long += 1;
        let zeros = last_of(number, |byte| byte == b'0');
        if zeros > 0 {
            self.rounded.add(line);
            self.zeros += zeros as u64;
        }
    }
}

/// `4711` of `4711.0`, `4711,00`; anything else as it is.
fn without_decimals(id: &str) -> &str {
    let number = id.trim_end_matches('0').strip_suffix(['.', ',']);
    let is_one = |number: &&str| number.ends_with(|last: char| last.is_ascii_digit()) && number.len() + 1 < id.len();
    number.filter(is_one).unwrap_or(id)
}

/// How many of the last bytes are such.
fn last_of(text: &str, is_such: fn(u8) -> bool) -> usize {
    text.bytes().rev().take_while(|byte| is_such(*byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[&str]) -> Vec<(Kind, u64, Vec<u64>)> {
        let mut damage = Damage::default();
        for (id, line) in ids.iter().zip(2..) {
            damage.see("person_id", id, line);
        }
        damage.found().into_iter().map(|(_, kind, Rows { rows, lines })| (kind, rows, lines)).collect()
    }

    #[test]
    fn a_field_whose_long_ids_all_end_in_zero_is_damaged_whatever_the_short_ones_are() {
        let rounded = |rows, lines: &[u64]| vec![(Kind::Rounded, rows, lines.to_vec())];
        assert_eq!(found(&["500103199001011000"]), rounded(1, &[2]));
        assert_eq!(found(&["5001031990010110", "P001", "5001031990010120"]), rounded(2, &[2, 4]));
        assert_eq!(found(&["12345678901234500", "7", ""]), rounded(1, &[2]));
        assert_eq!(found(&["500103199001011200", "500103199001011300"]), rounded(2, &[2, 3]), "by another program");
        assert_eq!(found(&["CQ-500103199001011000"; 5]), rounded(5, &[2, 3, 4]), "a map's template");
        assert_eq!(found(&["50010319900101123X", "500103199001011000"]), rounded(1, &[3]), "an X is kept");
    }

    #[test]
    fn a_field_whose_ids_all_end_in_a_point_and_zeros_is_damaged() {
        let decimal = |rows, lines: &[u64]| vec![(Kind::Decimal, rows, lines.to_vec())];
        assert_eq!(found(&["4711.0", "4712.0", "", "10.0"]), decimal(3, &[2, 3, 5]));
        assert_eq!(found(&["4711,00"]), decimal(1, &[2]));
        let both = found(&["500103199001011200.0", "500103199001011300.0"]);
        assert_eq!(
            both.iter().map(|(kind, rows, _)| (*kind, *rows)).collect::<Vec<_>>(),
            [(Kind::Rounded, 2), (Kind::Decimal, 2)]
        );
    }

    #[test]
    fn ids_that_may_have_been_given_so_are_left_alone() {
        for ids in [
            &[][..],
            &["5001031990010110"],
            &["5001031990010110", "5001031990010111"],
            &["500103199001011000", "500103199001011234"],
            &["100", "200", "300000000000000"],
            &["4711.0", "4712"],
            &["4711.0", "4711.5"],
            &[".0", "0.", "A.0", "A.B"],
            &["4711.10", "4711.20"],
        ] {
            assert_eq!(found(ids), [], "{ids:?}");
        }
    }
}
