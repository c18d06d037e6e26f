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

/// What follows the whole blocks of a chunk: its last bytes with the padding.
pub(super) struct Padded {
    bytes: [u8; 2 * BLOCK],
    blocks: usize,
}

impl Padded {
    /// That of `chunk`.
    #[inline]
    pub(super) fn end_of(chunk: &[u8]) -> Self {
        let (_, rest) = chunk.as_chunks::<BLOCK>();
        // The marker and the length need nine bytes after the chunk's last ones.
        let blocks = if rest.len() + 9 > BLOCK { 2 } else { 1 };
        let mut bytes = [0; 2 * BLOCK];
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[rest.len()] = 0x80;
        let bits = (chunk.len() as u64 * 8).to_be_bytes();
        bytes[blocks * BLOCK - 8..blocks * BLOCK].copy_from_slice(&bits);
        Self { bytes, blocks }
    }

    /// Its one or two blocks.
    #[inline]
    pub(super) fn blocks(&self) -> &[[u8; BLOCK]] {
        let (blocks, _) = self.bytes.as_chunks::<BLOCK>();
        blocks.get(..self.blocks).unwrap_or(blocks)
    }
}

/// Calls `compress` with block after block of both chunks, padding included;
/// of the two, which have the same length.
#[target_feature(enable = "sha,ssse3,sse4.1")]
#[inline]
pub(super) fn for_each_block(chunks: [&[u8]; 2], mut compress: impl FnMut([&[u8; BLOCK]; 2])) {
    let [one, other] = chunks.map(|chunk| chunk.as_chunks::<BLOCK>().0);
    for (one, other) in one.iter().zip(other) {
        compress([one, other]);
    }
    let [one, other] = chunks.map(Padded::end_of);
    for (one, other) in one.blocks().iter().zip(other.blocks()) {
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
