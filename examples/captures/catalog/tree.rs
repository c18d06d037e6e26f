//! Merkle hash trees (RFC 7574, section 5.1), for writing what a seeder sends.

use ppspp_dissector::wire::{ChunkRange, HashFunction};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// The hash of `parts`, one after the other.
///
/// # Panics
/// When the function is none of the RFC's.
pub(crate) fn digest(function: HashFunction, parts: &[&[u8]]) -> Vec<u8> {
    fn with<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
        let mut hasher = D::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().to_vec()
    }
    match function {
        HashFunction::Sha1 => with::<Sha1>(parts),
        HashFunction::Sha224 => with::<Sha224>(parts),
        HashFunction::Sha256 => with::<Sha256>(parts),
        HashFunction::Sha384 => with::<Sha384>(parts),
        HashFunction::Sha512 => with::<Sha512>(parts),
        HashFunction::Unassigned(code) => panic!("nobody knows hash function {code}"),
    }
}

/// The tree over some chunks: each level's hashes in one piece, leaves first,
/// without the empty hashes to their right.
#[derive(Debug)]
pub(crate) struct Tree {
    chunks: u64,
    width: usize,
    levels: Vec<Vec<u8>>,
}

impl Tree {
    /// Builds the tree over the hashes of chunks.
    pub(crate) fn over(function: HashFunction, leaves: Vec<u8>) -> Self {
        let width = function.length().expect("a hash function of the RFC");
        let chunks = (leaves.len() / width) as u64;
        let empty = vec![0; width];
        let mut levels = vec![leaves];
        while levels.last().is_some_and(|level| level.len() > width) {
            let below = &levels[levels.len() - 1];
            let level = below
                .chunks(2 * width)
                .flat_map(|pair| {
                    let (left, right) = pair.split_at(width);
                    let right = if right.is_empty() { &empty } else { right };
                    digest(function, &[left, right])
                })
                .collect();
            levels.push(level);
        }
        Self {
            chunks,
            width,
            levels,
        }
    }

    /// The root hash: the swarm ID of static content.
    pub(crate) fn root(&self) -> &[u8] {
        self.levels.last().map_or(&[], Vec::as_slice)
    }

    /// The hash of the node over `range`.
    pub(crate) fn hash(&self, range: ChunkRange) -> &[u8] {
        let layer = range.count().trailing_zeros();
        let start = (range.start() >> layer) as usize * self.width;
        &self.levels[layer as usize][start..start + self.width]
    }

    /// The peaks from left to right (RFC 7574, section 5.6.1): one for each
    /// bit of the number of chunks.
    pub(crate) fn peaks(&self) -> Vec<ChunkRange> {
        let mut start = 0;
        (0..64)
            .rev()
            .filter(|bit| self.chunks & (1 << bit) != 0)
            .filter_map(|bit| {
                let end = start + (1 << bit) - 1;
                let peak = ChunkRange::new(start, end);
                start = end + 1;
                peak
            })
            .collect()
    }
}

/// The sibling and uncles of `chunk` below `top`, lowest first, up to the
/// first node for which `is_known` holds; and the nodes on the way.
pub(crate) fn path(
    chunk: u64,
    top: ChunkRange,
    is_known: impl Fn(ChunkRange) -> bool,
) -> Vec<(ChunkRange, ChunkRange)> {
    let mut path = Vec::new();
    let mut layer = 0;
    loop {
        let index = chunk >> layer;
        let node = node(layer, index);
        if node == top || is_known(node) {
            return path;
        }
        path.push((node, self::node(layer, index ^ 1)));
        layer += 1;
    }
}

fn node(layer: u32, index: u64) -> ChunkRange {
    let start = index << layer;
    ChunkRange::new(start, start + ((1 << layer) - 1)).expect("counts upwards")
}
