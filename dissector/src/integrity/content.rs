//! The Merkle tree of content that is at hand, chunk by chunk.

use super::hash::{Hash, TreeHash};
use crate::wire::{Bin, ChunkRange};

/// A peak: a filled node whose sibling is not (RFC 7574, section 5.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// The chunks below it.
    pub chunks: ChunkRange,
    /// Its hash.
    pub hash: Hash,
}

/// Takes the chunks of content from the first to the last and yields peaks and
/// root. Needs memory for one hash a layer of the tree, however long the
/// content.
#[derive(Clone, Debug)]
pub struct ContentTree {
    function: TreeHash,
    chunks: u64,
    /// Peaks of the chunks so far, from the left: each is higher than the next.
    peaks: Vec<Peak>,
}

impl ContentTree {
    /// The tree of no chunks.
    pub const fn new(function: TreeHash) -> Self {
        Self {
            function,
            chunks: 0,
            peaks: Vec::new(),
        }
    }

    /// Appends the next chunk and gives its hash to `know`, and then those of
    /// all nodes that it fills, going upwards.
    pub fn push_with(&mut self, chunk: &[u8], know: impl FnMut(Bin, Hash)) {
        self.push_hash_with(self.function.chunk(chunk), know);
    }

    /// As [`ContentTree::push_with`], for a chunk whose hash is known already.
    pub fn push_hash_with(&mut self, chunk: Hash, mut know: impl FnMut(Bin, Hash)) {
        let mut node = Peak {
            chunks: ChunkRange::single(self.chunks),
            hash: chunk,
        };
        self.chunks += 1;
        let mut tell = |peak: &Peak| {
            if let Some(bin) = Bin::covering(peak.chunks) {
                know(bin, peak.hash);
            }
        };
        tell(&node);
        while let Some(left) = self
            .peaks
            .pop_if(|left| left.chunks.count() == node.chunks.count())
        {
            let Some(chunks) = ChunkRange::new(left.chunks.start(), node.chunks.end()) else {
                break;
            };
            node = Peak {
                chunks,
                hash: self.function.parent(&left.hash, &node.hash),
            };
            tell(&node);
        }
        self.peaks.push(node);
    }

    /// Appends the next chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        self.push_with(chunk, |_, _| {});
    }

    /// Number of chunks so far.
    pub const fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The peaks, from the left.
    pub fn peaks(&self) -> &[Peak] {
        &self.peaks
    }

    /// The root hash: of the smallest complete tree over the chunks, its right
    /// end filled with empty hashes (RFC 7574, section 5.1). `None` without
    /// chunks.
    pub fn root(&self) -> Option<Hash> {
        let (last, before) = self.peaks.split_last()?;
        let (mut hash, mut width) = (last.hash, last.chunks.count());
        for peak in before.iter().rev() {
            // Up to the layer of the next peak there are only empty siblings.
            while width < peak.chunks.count() {
                hash = self.function.parent(&hash, &self.function.empty());
                width *= 2;
            }
            hash = self.function.parent(&peak.hash, &hash);
            width *= 2;
        }
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::HashFunction;

    fn function(function: HashFunction) -> TreeHash {
        TreeHash::new(function).expect("assigned")
    }

    /// Section 5.1 word for word: the leaves are the hashes of the chunks and
    /// then empty ones up to a power of two; a node is the hash of its children.
    fn slow_root(hash: TreeHash, chunks: &[Vec<u8>]) -> Hash {
        fn node(hash: TreeHash, chunks: &[Vec<u8>], start: usize, width: usize) -> Hash {
            if width == 1 {
                return chunks
                    .get(start)
                    .map_or(hash.empty(), |chunk| hash.chunk(chunk));
            }
            let half = width / 2;
            hash.parent(
                &node(hash, chunks, start, half),
                &node(hash, chunks, start + half, half),
            )
        }
        node(hash, chunks, 0, chunks.len().next_power_of_two())
    }

    proptest! {
        #[test]
        fn root_and_peaks_are_those_of_the_slow_model(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..70),
            which in 0..HashFunction::ASSIGNED.len(),
        ) {
            let hash = function(HashFunction::ASSIGNED[which]);
            let mut tree = ContentTree::new(hash);
            for chunk in &chunks {
                tree.push(chunk);
            }
            prop_assert_eq!(tree.root(), Some(slow_root(hash, &chunks)));
            // "Every 1 in the binary representation corresponds to a peak."
            prop_assert_eq!(tree.peaks().len() as u32, chunks.len().count_ones());
            let mut next = 0;
            for peak in tree.peaks() {
                prop_assert_eq!(peak.chunks.start(), next);
                prop_assert!(peak.chunks.is_subtree());
                let below = &chunks[next as usize..=peak.chunks.end() as usize];
                prop_assert_eq!(peak.hash, slow_root(hash, below));
                next = peak.chunks.end() + 1;
            }
            prop_assert_eq!(next, chunks.len() as u64);
        }
    }

    #[test]
    fn the_swarm_id_of_the_rfcs_example_is_the_hash_of_its_one_chunk() {
        let mut tree = ContentTree::new(function(HashFunction::Sha1));
        assert_eq!(tree.root(), None);
        tree.push(b"Hello world!\n");
        let root = tree.root().expect("one chunk").to_string();
        assert!(root.starts_with("47a0") && root.ends_with("b03b"), "{root}");
    }

    #[test]
    fn every_filled_node_is_told_once() {
        let mut tree = ContentTree::new(function(HashFunction::Sha256));
        let mut bins = Vec::new();
        for chunk in 0..7u8 {
            tree.push_with(&[chunk], |bin, _| bins.push(bin.number()));
        }
        // Figure 4: all nodes but the incomplete ones 7, 11, 13 and the empty 14.
        bins.sort_unstable();
        assert_eq!(bins, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12]);
    }
}
