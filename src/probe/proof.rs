//! Whether a chunk is the content's, from the hashes that came with it (RFC
//! 7574, sections 5.2 and 5.6).

use std::collections::HashMap;

use ppspp_dissector::integrity::{Hash, Peak, TreeHash, root_above};
use ppspp_dissector::wire::{Bin, ChunkRange};

use super::swarm::Swarm;

/// Hashes that are remembered: more than any case asks for.
const MOST_HASHES: usize = 100_000;

/// Hashes that one peer has sent, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Proof {
    function: TreeHash,
    root: Hash,
    received: HashMap<Bin, Hash>,
    /// A run of nodes from chunk 0 on that may be the peaks.
    run: Vec<Peak>,
    /// The peaks, once they were proven.
    peaks: Vec<Peak>,
    /// Nodes whose hashes are proven by chunks that were right.
    proven: HashMap<Bin, Hash>,
}

/// What the hashes say of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It is the content's.
    Right,
    /// The hash of this node did not come.
    Missing(Bin),
    /// It, or a hash on its way up, is not the content's.
    Wrong,
}

impl Proof {
    /// No hashes yet. `None` for a swarm without a tree over static content.
    pub fn new(swarm: &Swarm) -> Option<Self> {
        Some(Self {
            function: swarm.tree_hash()?,
            root: swarm.root()?,
            received: HashMap::new(),
            run: Vec::new(),
            peaks: Vec::new(),
            proven: HashMap::new(),
        })
    }

    /// A hash has come.
    pub fn add(&mut self, chunks: ChunkRange, hash: &[u8]) {
        let (Some(hash), Some(bin)) = (Hash::from_bytes(hash), Bin::covering(chunks)) else {
            return;
        };
        if self.received.len() < MOST_HASHES || self.received.contains_key(&bin) {
            self.received.insert(bin, hash);
        }
        if !self.peaks.is_empty() {
            return;
        }
        let follows = |last: &Peak| {
            last.chunks.end() + 1 == chunks.start() && chunks.count() < last.chunks.count()
        };
        if chunks.start() == 0 {
            self.run.clear();
        } else if !self.run.last().is_some_and(follows) {
            return;
        }
        self.run.push(Peak { chunks, hash });
        if root_above(self.function, &self.run, |_, _| {}) == Some(self.root) {
            self.peaks.clone_from(&self.run);
            for peak in &self.peaks {
                if let Some(bin) = Bin::covering(peak.chunks) {
                    self.proven.insert(bin, peak.hash);
                }
            }
        }
    }

    /// Number of chunks, once the peaks have proven it.
    pub fn size(&self) -> Option<u64> {
        Some(self.peaks.last()?.chunks.end() + 1)
    }

    /// The peaks, once they are proven.
    pub fn peaks(&self) -> &[Peak] {
        &self.peaks
    }

    /// The hash of a node as it came.
    pub fn received(&self, node: Bin) -> Option<&Hash> {
        self.received.get(&node)
    }

    /// What the hashes so far say of a chunk. One that is right proves the hashes
    /// on its way up.
    pub fn check(&mut self, chunk: u64, data: &[u8]) -> Check {
        let Some(mut node) = Bin::leaf(chunk) else {
            return Check::Wrong;
        };
        let mut hash = self.function.chunk(data);
        let mut path = Vec::new();
        loop {
            let known = self.proven.get(&node);
            if hash == self.root || known == Some(&hash) {
                self.proven.insert(node, hash);
                self.proven.extend(path);
                return Check::Right;
            }
            if known.is_some() {
                return Check::Wrong;
            }
            let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) else {
                return Check::Wrong;
            };
            let is_empty = self
                .size()
                .is_some_and(|size| sibling.range().start() >= size);
            let received = || self.received.get(&sibling);
            let other = match self.proven.get(&sibling).or_else(received) {
                Some(other) => *other,
                None if is_empty => self.function.empty(),
                None => return Check::Missing(sibling),
            };
            path.push((node, hash));
            path.push((sibling, other));
            hash = if node.is_left() {
                self.function.parent(&hash, &other)
            } else {
                self.function.parent(&other, &hash)
            };
            node = parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::integrity::ContentTree;
    use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

    use super::*;

    /// Figure 4: seven chunks.
    fn seven() -> (Swarm, HashMap<u64, Hash>) {
        let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
        let mut tree = ContentTree::new(function);
        let mut hashes = HashMap::new();
        for chunk in 0..7u8 {
            tree.push_with(&[chunk], |bin, hash| {
                hashes.insert(bin.number(), hash);
            });
        }
        let swarm = Swarm {
            id: tree.root().expect("chunks").as_bytes().to_vec(),
            integrity: ContentIntegrity::Merkle,
            hash_function: HashFunction::Sha1,
            addressing: ChunkAddressing::Chunk32,
            chunk_size: 1,
        };
        (swarm, hashes)
    }

    fn proof_of(bins: &[u64]) -> Proof {
        let (swarm, hashes) = seven();
        let mut proof = Proof::new(&swarm).expect("a tree");
        for bin in bins {
            let node = Bin::new(*bin).expect("a bin");
            proof.add(node.range(), hashes[bin].as_bytes());
        }
        proof
    }

    #[test]
    fn peaks_and_uncles_prove_a_chunk() {
        // Peaks 3, 9, 12, then the uncles of chunk 0 below its peak.
        let mut proof = proof_of(&[3, 9, 12, 5, 2]);
        assert_eq!(proof.size(), Some(7));
        assert_eq!(proof.check(0, &[0]), Check::Right);
        assert_eq!(proof.check(0, &[1]), Check::Wrong);
        assert_eq!(proof.check(6, &[6]), Check::Right);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut proof = proof_of(&[3, 9, 12, 5]);
        let missing = Bin::new(2).expect("a bin");
        assert_eq!(proof.check(0, &[0]), Check::Missing(missing));
        assert_eq!(proof_of(&[]).size(), None);
    }

    #[test]
    fn what_a_chunk_has_proven_helps_the_next_one() {
        // Chunk 0 with its uncles; for chunk 2 its sibling alone is left.
        let mut proof = proof_of(&[3, 9, 12, 5, 2]);
        assert_eq!(proof.check(0, &[0]), Check::Right);
        let (_, hashes) = seven();
        let sibling = Bin::new(6).expect("a bin");
        proof.add(sibling.range(), hashes[&6].as_bytes());
        assert_eq!(proof.check(2, &[9]), Check::Wrong);
        assert_eq!(proof.check(2, &[2]), Check::Right);
        assert_eq!(proof.check(1, &[1]), Check::Right);
    }

    #[test]
    fn a_wrong_peak_proves_nothing() {
        let (swarm, hashes) = seven();
        let mut proof = Proof::new(&swarm).expect("a tree");
        for bin in [3, 9, 12] {
            let node = Bin::new(bin).expect("a bin");
            proof.add(node.range(), hashes[&5].as_bytes());
        }
        assert_eq!(proof.size(), None);
    }
}
