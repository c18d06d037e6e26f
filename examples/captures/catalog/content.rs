//! Content that is the same in every run.

/// `length` bytes that look random, different for every `seed` (`SplitMix64`).
pub(crate) fn pseudo_random(seed: u64, length: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(length + 8);
    let mut state = seed;
    while content.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        content.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    content.truncate(length);
    content
}
