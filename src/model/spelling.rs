//! What a text looks like: two that differ only in upper and lower case, in the width of their letters, or in how an
//! accent is composed look the same to everybody, and are not.

use unicode_normalization::UnicodeNormalization as _;

/// A text in one width, composed one way, in lower case: the same of all that look the same.
pub fn look(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case of a character can be of other widths and compositions.
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Whether a letter or digit is as wide as a Chinese character.
pub fn is_full_width(character: char) -> bool {
    matches!(character, '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_has_one_look_and_full_width_is_of_letters_and_digits_only() {
        assert_eq!(look("FLU-A"), look("ｆｌｕ－a"));
        assert_ne!(look("FLU-A"), look("FLU-B"));
        assert!("Ａｚ０".chars().all(is_full_width));
        assert!(!"Az0甲（）－　".chars().any(is_full_width), "brackets of Chinese texts are no letters");
    }
}
