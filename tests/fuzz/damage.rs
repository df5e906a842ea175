//! Damage to bytes, as much as none and as much as all.

use super::random::Random;

/// Bytes that mean much to somebody: ends of numbers, quotes, brackets, lengths.
const TELLING: &[u8] = &[0x00, 0x01, 0x7f, 0x80, 0xff, b'"', b'{', b'}', b'[', b'\\', b'\n', b',', b'-', b'9', b' '];

/// The bytes with some damage; `other` lends pieces.
pub fn damaged(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..*random.pick(&[0, 1, 1, 1, 2, 3, 8]) {
        damage(&mut bytes, other, random);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    let (at, length) = (random.below(bytes.len()), 1 + random.below(12));
    let end = (at + length).min(bytes.len());
    match random.below(9) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes[at] = *random.pick(TELLING),
        3 => bytes[at..end].fill(0xff),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.truncate(at),
        6 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece.repeat(1 + random.below(3)));
        }
        7 => bytes.insert(at, *random.pick(TELLING)),
        _ if other.is_empty() => {}
        _ => {
            let from = random.below(other.len());
            let piece = &other[from..(from + length).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
    }
}
