//! Characters without a picture: two texts that differ in them only look the same to everybody, and are not.

/// Of Unicode 17: format characters (Cf), line and paragraph separators, and what is shown as nothing where a program
/// does not know it (Default_Ignorable_Code_Point), and the one letter that is blank (Braille without dots). In order.
const RANGES: [(char, char); 26] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character is a control character or has no picture.
pub fn is_unseen(character: char) -> bool {
    character.is_control() || RANGES.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_those_characters_have_no_picture_that_unicode_says() {
        let unseen = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\x{2800}]";
        let unseen = regex::Regex::new(unseen).expect("right");
        let mut text = [0; 4];
        for character in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let by_unicode = unseen.is_match(character.encode_utf8(&mut text));
            assert_eq!(is_unseen(character), by_unicode, "U+{:04X}", u32::from(character));
        }
    }
}
