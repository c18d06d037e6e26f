//! Hashing many chunks: several at a time where the processor has instructions
//! for it.
//!
//! A SHA instruction takes several cycles until its result is there, and each
//! round needs that of the round before: one hash alone leaves the unit idle
//! more than half of the time. Two independent hashes side by side fill it. For
//! SHA-256, vectors of 512 bits do still better, once there are chunks enough.

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod sha1;
#[cfg(target_arch = "x86_64")]
mod sha256;
#[cfg(target_arch = "x86_64")]
mod sha256_wide;

use ppspp_dissector::integrity::{Hash, TreeHash};
#[cfg(target_arch = "x86_64")]
use ppspp_dissector::wire::HashFunction;

/// Chunks that are hashed side by side, at most.
const MOST: usize = 16;

/// Chunks from which on all lanes are worth it, the idle ones included.
#[cfg(target_arch = "x86_64")]
const WORTH: usize = 10;

/// Hashes chunks, each with its function, and hands out the hashes in the same
/// order. Chunks of one length that follow each other are hashed together.
pub fn hash_chunks<'a>(
    chunks: impl IntoIterator<Item = (TreeHash, &'a [u8])>,
    mut hashed: impl FnMut(Hash),
) {
    let mut chunks = chunks.into_iter().peekable();
    while let Some((function, chunk)) = chunks.next() {
        let is_alike = |next: &(TreeHash, &[u8])| next.0 == function && next.1.len() == chunk.len();
        let mut alike = [chunk; MOST];
        let mut count = 1;
        while count < MOST
            && let Some((_, next)) = chunks.next_if(is_alike)
        {
            alike[count] = next;
            count += 1;
        }
        together(function, &alike, count, &mut hashed);
    }
}

/// Hashes the first `count` of chunks of one length; the others are not asked for.
fn together(
    function: TreeHash,
    chunks: &[&[u8]; MOST],
    count: usize,
    hashed: &mut impl FnMut(Hash),
) {
    #[cfg(target_arch = "x86_64")]
    if count >= WORTH
        && let Some(hashes) = sixteen(function, chunks)
    {
        return hashes.into_iter().take(count).for_each(hashed);
    }
    let (pairs, single) = chunks[..count].as_chunks();
    for &pair in pairs {
        two(function, pair).into_iter().for_each(&mut *hashed);
    }
    for chunk in single {
        hashed(function.chunk(chunk));
    }
}

/// The hashes of two chunks of the same length.
fn two(function: TreeHash, chunks: [&[u8]; 2]) -> [Hash; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(hashes) = side_by_side(function, chunks) {
        return hashes;
    }
    chunks.map(|chunk| function.chunk(chunk))
}

/// The same by the processor's SHA instructions; `None` where it has none, or
/// none for this function.
#[cfg(target_arch = "x86_64")]
fn side_by_side(function: TreeHash, chunks: [&[u8]; 2]) -> Option<[Hash; 2]> {
    let has_instructions = is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1");
    if !has_instructions {
        return None;
    }
    match function.function() {
        // SAFETY: the processor has the instructions, as was just asked.
        HashFunction::Sha1 => Some(unsafe { sha1::hash(chunks) }),
        // SAFETY: as above.
        HashFunction::Sha256 => Some(unsafe { sha256::hash(chunks) }),
        _ => None,
    }
}

/// The hashes of chunks of one length by vectors of 512 bits; `None` where the
/// processor has none, or for other functions.
#[cfg(target_arch = "x86_64")]
fn sixteen(function: TreeHash, chunks: &[&[u8]; MOST]) -> Option<[Hash; MOST]> {
    let has_vectors = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
    if !has_vectors || function.function() != HashFunction::Sha256 {
        return None;
    }
    // SAFETY: the processor has the instructions, as was just asked.
    Some(unsafe { sha256_wide::hash(chunks) })
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::HashFunction;
    use proptest::prelude::*;

    use super::*;

    fn all_at_once(chunks: &[(TreeHash, &[u8])]) -> Vec<Hash> {
        let mut hashes = Vec::new();
        hash_chunks(chunks.iter().copied(), |hash| hashes.push(hash));
        hashes
    }

    proptest! {
        #[test]
        fn chunks_hash_to_what_each_alone_hashes_to(
            chunks in prop::collection::vec(
                (0..HashFunction::ASSIGNED.len(), prop::collection::vec(any::<u8>(), 0..300)),
                0..12,
            ),
        ) {
            let chunks: Vec<_> = chunks
                .iter()
                .map(|(function, chunk)| {
                    let function = TreeHash::new(HashFunction::ASSIGNED[*function]);
                    (function.expect("assigned"), &chunk[..])
                })
                .collect();
            let one_by_one: Vec<_> = chunks.iter().map(|(f, chunk)| f.chunk(chunk)).collect();
            prop_assert_eq!(all_at_once(&chunks), one_by_one);
        }
    }

    #[test]
    fn many_chunks_of_one_length_hash_to_what_each_alone_hashes_to() {
        let content: Vec<u8> = (0..40_000u32).map(|i| (i * 31 % 251) as u8).collect();
        for function in HashFunction::ASSIGNED {
            let function = TreeHash::new(*function).expect("assigned");
            for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 1024] {
                for count in [7, 8, 15, 16, 17, 33] {
                    let chunks: Vec<_> = (0..count)
                        .map(|n| (function, &content[n * 1_009..n * 1_009 + length]))
                        .collect();
                    let alone: Vec<_> = chunks.iter().map(|(f, chunk)| f.chunk(chunk)).collect();
                    assert_eq!(all_at_once(&chunks), alone, "{count} times {length} bytes");
                }
            }
        }
    }

    #[test]
    fn two_chunks_of_any_length_hash_side_by_side_as_alone() {
        let content: Vec<u8> = (0..2_100u32).map(|i| (i * 31 % 251) as u8).collect();
        for function in HashFunction::ASSIGNED {
            let function = TreeHash::new(*function).expect("assigned");
            for length in (0..260).chain([1023, 1024, 1025]) {
                let (one, other) = (&content[..length], &content[1050..1050 + length]);
                assert_eq!(
                    all_at_once(&[(function, one), (function, other)]),
                    [function.chunk(one), function.chunk(other)],
                    "{length} bytes"
                );
            }
        }
    }
}
