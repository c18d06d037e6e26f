//! What the SHA functions of 64-byte blocks have in common.

use std::arch::x86_64::{__m128i, _mm_set_epi64x};

/// Bytes that are hashed at once.
pub(super) const BLOCK: usize = 64;

/// The quarters of a block in a vector each.
#[target_feature(enable = "sse2")]
#[inline]
pub(super) fn quarters(block: &[u8; BLOCK]) -> [__m128i; 4] {
    let halves: [[u8; 8]; 8] =
        std::array::from_fn(|n| std::array::from_fn(|byte| block[n * 8 + byte]));
    let word = |n: usize| i64::from_le_bytes(halves[n]);
    std::array::from_fn(|n| _mm_set_epi64x(word(2 * n + 1), word(2 * n)))
}

/// Calls `compress` with block after block of both chunks, padding included;
/// of the two, which have the same length.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
pub(super) fn for_each_block(chunks: [&[u8]; 2], mut compress: impl FnMut([&[u8; BLOCK]; 2])) {
    let (one, one_rest) = chunks[0].as_chunks::<BLOCK>();
    let (other, other_rest) = chunks[1].as_chunks::<BLOCK>();
    for (one, other) in one.iter().zip(other) {
        compress([one, other]);
    }
    let bits = (chunks[0].len() as u64 * 8).to_be_bytes();
    let mut last = [[0; 2 * BLOCK]; 2];
    // The marker and the length need nine bytes after the chunk's last ones.
    let blocks = if one_rest.len() + 9 > BLOCK { 2 } else { 1 };
    for (padded, rest) in last.iter_mut().zip([one_rest, other_rest]) {
        padded[..rest.len()].copy_from_slice(rest);
        padded[rest.len()] = 0x80;
        padded[blocks * BLOCK - 8..blocks * BLOCK].copy_from_slice(&bits);
    }
    let [one, other] = last.each_ref().map(|padded| padded.as_chunks::<BLOCK>().0);
    for (one, other) in one.iter().zip(other).take(blocks) {
        compress([one, other]);
    }
}

/// The bytes of a digest's words.
pub(super) fn bytes_of<const WORDS: usize, const BYTES: usize>(words: [i32; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    bytes
}
