//! A digest of many ids that whoever sent them can compute as well: nothing secret is in it.

use xxhash_rust::xxh3::xxh3_128;

/// What an id adds to a digest: XXH3 (128 bit, seed 0) of its bytes. Digests are sums modulo 2^128, so neither the order of ids
/// nor how they are split matters.
#[inline]
pub fn of(id: &str) -> u128 {
    xxh3_128(id.as_bytes())
}

/// As it is written: 16 bytes, the highest first.
pub fn to_wire(digest: u128) -> Vec<u8> {
    digest.to_be_bytes().to_vec()
}

/// What [`to_wire`] wrote; `None` of anything else.
pub fn from_wire(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_published_hash() {
        // As the reference implementation prints it.
        assert_eq!(format!("{:032x}", of("")), "99aa06d3014798d86001c324468d497f");
        let both = of("R-1").wrapping_add(of("R-2"));
        assert_eq!(from_wire(&to_wire(both)), Some(both));
        assert_eq!(from_wire(&[0; 15]), None);
    }
}
