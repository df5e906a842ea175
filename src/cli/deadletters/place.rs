//! Where a record lies, as it is typed and shown: `lab-results/3/41`.

use crate::model::record::{Position, Topic};

/// A place in words.
pub(in crate::cli) fn shown(place: Position) -> String {
    format!("{}/{}/{}", place.topic.name(), place.partition, place.offset)
}

/// The place that somebody typed.
pub(super) fn parse(text: &str) -> Result<Position, String> {
    let read = || {
        let mut parts = text.rsplitn(3, '/');
        let (offset, partition) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let place = Position { topic: Topic::named(parts.next()?)?, partition, offset };
        (place.partition >= 0 && place.offset >= 0).then_some(place)
    };
    read().ok_or_else(|| {
        "it is a topic without prefix, a partition and an offset, as in lab-results/3/41: where the record lay, as `list` and \
         the headers say, or where the dead letter lies, as in dead-letters/0/7"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_typed_as_it_is_shown() {
        for text in ["lab-results/3/41", "dead-letters/0/0"] {
            assert_eq!(parse(text).map(shown).as_deref(), Ok(text));
        }
        for text in ["", "lab-results", "lab-results/3", "results/3/41", "lab-results/-1/4", "lab-results/3/x"] {
            assert!(parse(text).is_err_and(|says| says.contains("lab-results/3/41")), "{text}");
        }
    }
}
