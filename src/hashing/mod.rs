//! Hashing many chunks: two at a time where the processor has instructions for
//! it.
//!
//! A SHA instruction takes several cycles until its result is there, and each
//! round needs that of the round before: one hash alone leaves the unit idle
//! more than half of the time. Two independent hashes side by side fill it.

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod sha1;
#[cfg(target_arch = "x86_64")]
mod sha256;

use ppspp_dissector::integrity::{Hash, TreeHash};

/// Hashes chunks, each with its function, and hands out the hashes in the same
/// order.
pub fn hash_chunks<'a>(
    chunks: impl IntoIterator<Item = (TreeHash, &'a [u8])>,
    mut hashed: impl FnMut(Hash),
) {
    let mut chunks = chunks.into_iter().peekable();
    while let Some((function, chunk)) = chunks.next() {
        let is_alike = |next: &(TreeHash, &[u8])| next.0 == function && next.1.len() == chunk.len();
        if let Some((_, next)) = chunks.next_if(is_alike) {
            for hash in two(function, [chunk, next]) {
                hashed(hash);
            }
        } else {
            hashed(function.chunk(chunk));
        }
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
    use ppspp_dissector::wire::HashFunction;

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
