//! Few bytes as one number: compared and hashed at once instead of one by one.

/// Up to seven bytes as a word, the first lowest. They are looked at in two or three pieces, which may overlap.
#[inline(always)]
pub fn of_few(bytes: &[u8]) -> u64 {
    let up = |piece: u64, by: usize| piece << (8 * by);
    match (bytes, bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        ([], ..) => 0,
        (_, Some(first), Some(last)) => {
            let [first, last] = [first, last].map(|piece| u64::from(u32::from_le_bytes(*piece)));
            first | up(last, bytes.len() - 4)
        }
        _ => {
            let places = [0, bytes.len() / 2, bytes.len() - 1];
            places.iter().fold(0, |word, at| word | up(u64::from(bytes[*at]), *at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_its_bytes_in_order() {
        for length in 0..8 {
            let bytes = &b"\x01\xff\x03\x80\x05\x7f\x07"[..length];
            let expected = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            assert_eq!(of_few(bytes), expected, "{bytes:?}");
        }
    }
}
