//! SHA-1 of two chunks side by side (FIPS 180-4, section 6.1).

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x, _mm_sha1msg1_epu32,
    _mm_sha1msg2_epu32, _mm_sha1nexte_epu32, _mm_sha1rnds4_epu32, _mm_shuffle_epi8, _mm_xor_si128,
};

use ppspp_dissector::integrity::Hash;

use super::lanes::{BLOCK, bytes_of, for_each_block, quarters};

/// The state that every hash begins with, word by word.
const INITIAL: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

/// The words of the state as the instructions want them: a, b, c, d from the
/// highest quarter of the first vector down, and e in that of the second.
type State = [__m128i; 2];

/// Hashes two chunks of the same length.
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) fn hash(chunks: [&[u8]; 2]) -> [Hash; 2] {
    let word = |n: usize| INITIAL[n].cast_signed();
    let abcd = _mm_set_epi32(word(0), word(1), word(2), word(3));
    let mut states = [[abcd, _mm_set_epi32(word(4), 0, 0, 0)]; 2];
    for_each_block(chunks, |blocks| compress(&mut states, blocks));
    states.map(|state| digest(state))
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn compress(states: &mut [State; 2], blocks: [&[u8; BLOCK]; 2]) {
    // Reverses a vector's bytes: the first word comes to the highest quarter.
    let reverse = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
    let before = *states;
    let mut words = blocks.map(|block| quarters(block).map(|word| _mm_shuffle_epi8(word, reverse)));
    // Unrolled, so that the places in `words` and the constants are fixed.
    macro_rules! four_rounds {
        ($($n:literal)*) => {$({
            for (state, words) in states.iter_mut().zip(&mut words) {
                let [abcd, e] = *state;
                let word = words[$n % 4];
                let input = if $n == 0 {
                    _mm_add_epi32(e, word)
                } else {
                    _mm_sha1nexte_epu32(e, word)
                };
                // What e is made of, four rounds later.
                *state = [_mm_sha1rnds4_epu32::<{ $n / 5 }>(abcd, input), abcd];
                if $n < 16 {
                    let word = |n: usize| words[($n + n) % 4];
                    let sum = _mm_xor_si128(_mm_sha1msg1_epu32(word(0), word(1)), word(2));
                    words[$n % 4] = _mm_sha1msg2_epu32(sum, word(3));
                }
            }
        })*};
    }
    four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
    for (state, before) in states.iter_mut().zip(before) {
        *state = [
            _mm_add_epi32(state[0], before[0]),
            _mm_sha1nexte_epu32(state[1], before[1]),
        ];
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn digest([abcd, e]: State) -> Hash {
    let words = [
        _mm_extract_epi32(abcd, 3),
        _mm_extract_epi32(abcd, 2),
        _mm_extract_epi32(abcd, 1),
        _mm_extract_epi32(abcd, 0),
        _mm_extract_epi32(e, 3),
    ];
    Hash::from(bytes_of::<_, 20>(words))
}
