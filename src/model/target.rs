//! What is looked for, as it stands in texts of stored state, in keys and in messages between tasks.
//!
//! The first target of a deployment has no name there: so what was stored before targets were declared is of it, and
//! what is written where there is one target is what was written then. Codes hold no `/`, so a text with the name of
//! another target behind one is no other text.

use super::time::Day;
use std::borrow::Cow;

/// The name of the first target in stored texts and messages between tasks.
pub const FIRST: &str = "";

/// A code, purpose or key as one of a target: `TEXT`, or `TEXT/TARGET` for another than the first.
pub fn keyed<'a>(text: &'a str, target: &str) -> Cow<'a, str> {
    if target == FIRST { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}/{target}")) }
}

/// A code or purpose without `/`, and its target, of what [`keyed`] made.
pub fn parts(keyed: &str) -> (&str, &str) {
    keyed.split_once('/').unwrap_or((keyed, FIRST))
}

/// Area, day and target of a key of a day's numbers, `AREA/DAY` or `AREA/DAY/TARGET`; `None` of any other text.
pub fn parts_of_day(key: &str) -> Option<(&str, Day, &str)> {
    let (area, rest) = key.split_once('/')?;
    let (day, target) = parts(rest);
    Some((area, Day::parse(day)?, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_target_leaves_texts_as_they_are_and_others_are_distinguished() {
        for (text, target, expected) in [("D1", FIRST, "D1"), ("D1", "influenza-a", "D1/influenza-a")] {
            assert_eq!(keyed(text, target), expected);
            assert_eq!(parts(expected), (text, target));
            let key = keyed(&format!("{text}/2022-11-12"), target).into_owned();
            assert_eq!(
                parts_of_day(&key).map(|(area, day, of)| (area, day.to_string(), of)),
                Some((text, "2022-11-12".into(), target))
            );
        }
        assert!(parts_of_day("D1").is_none() && parts_of_day("D1/12.11.2022").is_none());
    }
}
