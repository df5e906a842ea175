//! SipHash-1-3 with 128 bits.
//!
//! In: a key and bytes. Out: what the library `siphasher` says of them; a test holds the two equal. Four such hashes
//! are asked for every result: through the library, which is made for streams of any length, they were a quarter of all
//! that a result costs.

/// The lower half of the hash: all that is kept of most.
#[inline(always)]
pub fn hash_64(key: &[u8; 16], bytes: Padded<'_>) -> u64 {
    State::after(key, bytes).lower()
}

/// The whole hash.
pub fn hash_128(key: &[u8; 16], bytes: Padded<'_>) -> u128 {
    let mut state = State::after(key, bytes);
    let lower = state.lower();
    u128::from(state.upper()) << 64 | u128::from(lower)
}

/// Bytes in words, so that none is looked at alone.
#[derive(Clone, Copy)]
pub struct Padded<'a> {
    /// One word more than the bytes fill; what they leave of it is 0.
    pub words: &'a [[u8; 8]],
    /// How many bytes they are.
    pub length: usize,
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    /// All bytes are taken in.
    #[inline(always)]
    fn after(key: &[u8; 16], bytes: Padded<'_>) -> Self {
        let key = u128::from_le_bytes(*key);
        let (k0, k1) = (key as u64, (key >> 64) as u64);
        let mut state = Self {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            v1: k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        };
        let (whole, rest) = bytes.words.split_at(bytes.length / 8);
        for word in whole {
            state.compress(u64::from_le_bytes(*word));
        }
        state.compress((bytes.length as u64) << 56 | u64::from_le_bytes(rest[0]));
        state
    }

    #[inline(always)]
    fn lower(&mut self) -> u64 {
        self.v2 ^= 0xee;
        self.finalize()
    }

    #[inline(always)]
    fn upper(&mut self) -> u64 {
        self.v1 ^= 0xdd;
        self.finalize()
    }

    #[inline(always)]
    fn finalize(&mut self) -> u64 {
        (0..3).for_each(|_| self.round());
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    #[inline(always)]
    fn compress(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip128::SipHasher13;

    /// The vector of `siphasher` for SipHash-1-3 with 128 bits: the key 00 to 0f of the reference's vectors, no bytes.
    #[test]
    fn a_hash_is_the_published_one() {
        let key: [u8; 16] = std::array::from_fn(|at| at as u8);
        let expected = [231, 126, 188, 178, 39, 136, 165, 190, 253, 98, 219, 106, 221, 48, 48, 1];
        assert_eq!(hash_128(&key, Padded { words: &[[0; 8]], length: 0 }).to_le_bytes(), expected);
    }

    #[test]
    fn a_hash_is_that_of_the_library_for_bytes_of_all_lengths() {
        let bytes: Vec<u8> = (0..1_000).map(|at: u32| (at * 7 % 256) as u8).collect();
        for key in [[0; 16], [9; 16], *b"0123456789abcdef"] {
            for length in 0..bytes.len() {
                let expected = SipHasher13::new_with_key(&key).hash(&bytes[..length]).as_u128();
                let mut words: Vec<[u8; 8]> =
                    bytes.chunks_exact(8).map(|word| word.try_into().expect("eight")).collect();
                words.truncate(length / 8 + 1);
                words[length / 8][length % 8..].fill(0);
                let padded = Padded { words: &words, length };
                assert_eq!((hash_128(&key, padded), hash_64(&key, padded)), (expected, expected as u64), "{length}");
            }
        }
    }
}
