//! SHA-256 of two chunks side by side (FIPS 180-4, section 6.2).

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_set_epi32,
    _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi64,
};

use ppspp_dissector::integrity::Hash;

use super::lanes::{BLOCK, for_each_block, quarters};

/// The first 32 bits of the fractional parts of the cube roots of the first 64
/// primes.
#[rustfmt::skip]
pub(super) const ROUND: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// The first 32 bits of the fractional parts of the square roots of the first
/// eight primes.
pub(super) const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The words of the state as the instructions want them: a, b, e, f and
/// c, d, g, h, from the highest quarter of each vector down.
type State = [__m128i; 2];

/// Hashes two chunks of the same length.
#[target_feature(enable = "sha,ssse3,sse4.1")]
pub(super) fn hash(chunks: [&[u8]; 2]) -> [Hash; 2] {
    let words = |a: usize, b: usize, e: usize, f: usize| {
        let word = |n: usize| INITIAL[n].cast_signed();
        _mm_set_epi32(word(a), word(b), word(e), word(f))
    };
    let mut states = [[words(0, 1, 4, 5), words(2, 3, 6, 7)]; 2];
    for_each_block(chunks, |blocks| compress(&mut states, blocks));
    states.map(|state| digest(state))
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn compress(states: &mut [State; 2], blocks: [&[u8; BLOCK]; 2]) {
    // Swaps the bytes of each 32-bit word.
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let before = *states;
    let mut words = blocks.map(|block| quarters(block).map(|word| _mm_shuffle_epi8(word, swap)));
    // Unrolled, so that the places in `words` are fixed.
    macro_rules! four_rounds {
        ($($n:literal)*) => {$({
            let constant = |n: usize| ROUND[4 * $n + n].cast_signed();
            let constants =
                _mm_set_epi32(constant(3), constant(2), constant(1), constant(0));
            for (state, words) in states.iter_mut().zip(&mut words) {
                let input = _mm_add_epi32(words[$n % 4], constants);
                let [abef, cdgh] = *state;
                let next = _mm_sha256rnds2_epu32(cdgh, abef, input);
                let input = _mm_shuffle_epi32(input, 0x0e);
                *state = [_mm_sha256rnds2_epu32(abef, next, input), next];
                if $n < 12 {
                    let word = |n: usize| words[($n + n) % 4];
                    let sum = _mm_add_epi32(
                        _mm_sha256msg1_epu32(word(0), word(1)),
                        _mm_alignr_epi8(word(3), word(2), 4),
                    );
                    words[$n % 4] = _mm_sha256msg2_epu32(sum, word(3));
                }
            }
        })*};
    }
    four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for (state, before) in states.iter_mut().zip(before) {
        for (half, before) in state.iter_mut().zip(before) {
            *half = _mm_add_epi32(*half, before);
        }
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
fn digest([abef, cdgh]: State) -> Hash {
    // Reverses a vector's bytes: the first word, in the highest quarter, comes
    // first.
    let reverse = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
    let halves = [
        _mm_unpackhi_epi64(cdgh, abef),
        _mm_unpacklo_epi64(cdgh, abef),
    ];
    let mut hash = [0; 32];
    for (bytes, half) in hash.as_chunks_mut::<16>().0.iter_mut().zip(halves) {
        let half = _mm_shuffle_epi8(half, reverse);
        bytes[..8].copy_from_slice(&_mm_cvtsi128_si64(half).to_le_bytes());
        bytes[8..].copy_from_slice(&_mm_extract_epi64(half, 1).to_le_bytes());
    }
    Hash::from(hash)
}
