//! Whether a chunk is the content's, from the hashes and signatures that came
//! with it (RFC 7574, sections 5.2, 5.6, 6.1.1 and 6.1.2).

use std::collections::HashMap;

use ppspp_dissector::integrity::{Hash, Peak, PublicKey, TreeHash, root_above};
use ppspp_dissector::wire::{Bin, ChunkRange, ChunkSpec, ContentIntegrity};

use super::signature::{Covers, covers, signs_chunk};
use super::swarm::Swarm;

/// Hashes that are remembered: more than any case asks for.
const MOST_HASHES: usize = 100_000;

/// What a chunk has to lead to.
#[derive(Clone, Debug)]
enum Trust {
    /// The root hash of static content.
    Root(Hash),
    /// A signed munro of a live stream.
    Munro(PublicKey),
    /// Its own signature, as "Sign All" has it.
    Chunk(PublicKey),
}

/// A signature of a chunk that has not been held against it.
#[derive(Clone, Debug)]
struct Claim {
    spec: ChunkSpec,
    timestamp: u64,
    signature: Vec<u8>,
}

/// Hashes that one peer has sent, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Proof {
    function: TreeHash,
    trust: Trust,
    received: HashMap<Bin, Hash>,
    /// A run of nodes from chunk 0 on that may be the peaks.
    run: Vec<Peak>,
    /// The peaks, once they were proven.
    peaks: Vec<Peak>,
    /// Nodes whose hashes are proven by chunks that were right.
    proven: HashMap<Bin, Hash>,
    /// Signatures of chunks, and of munros whose hashes did not come before them.
    claims: HashMap<Bin, Claim>,
}

/// What the hashes say of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// It is the content's.
    Right,
    /// The hash of this node did not come.
    Missing(Bin),
    /// No signature came that holds for it: of its own, or of a munro above it.
    Unsigned,
    /// It, or a hash on its way up, is not the content's.
    Wrong,
}

impl Proof {
    /// No hashes yet. `None` for a swarm that nothing protects.
    pub fn new(swarm: &Swarm) -> Option<Self> {
        let trust = match swarm.integrity {
            ContentIntegrity::UnifiedMerkle => Trust::Munro(swarm.key()?),
            ContentIntegrity::SignAll => Trust::Chunk(swarm.key()?),
            _ => Trust::Root(swarm.root()?),
        };
        Some(Self {
            function: swarm.tree_hash()?,
            trust,
            received: HashMap::new(),
            run: Vec::new(),
            peaks: Vec::new(),
            proven: HashMap::new(),
            claims: HashMap::new(),
        })
    }

    /// The root hash of static content.
    const fn root(&self) -> Option<Hash> {
        match self.trust {
            Trust::Root(root) => Some(root),
            Trust::Munro(_) | Trust::Chunk(_) => None,
        }
    }

    /// A hash has come.
    pub fn add(&mut self, chunks: ChunkRange, hash: &[u8]) {
        let (Some(hash), Some(bin)) = (Hash::from_bytes(hash), Bin::covering(chunks)) else {
            return;
        };
        if self.received.len() < MOST_HASHES || self.received.contains_key(&bin) {
            self.received.insert(bin, hash);
        }
        if let Trust::Munro(key) = &self.trust
            && let Some(claim) = self.claims.remove(&bin)
            && covers(key, claim.spec, claim.timestamp, &hash, &claim.signature) != Covers::Nothing
        {
            self.proven.insert(bin, hash);
        }
        if !self.peaks.is_empty() || self.root().is_none() {
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
        if root_above(self.function, &self.run, |_, _| {}) == self.root() {
            self.peaks.clone_from(&self.run);
            for peak in &self.peaks {
                if let Some(bin) = Bin::covering(peak.chunks) {
                    self.proven.insert(bin, peak.hash);
                }
            }
        }
    }

    /// A signature has come: what it covers, as far as that is known. A munro whose
    /// signature holds proves what lies below it.
    pub fn sign(
        &mut self,
        spec: ChunkSpec,
        chunks: ChunkRange,
        timestamp: u64,
        signature: &[u8],
    ) -> Option<Covers> {
        let claim = Claim {
            spec,
            timestamp,
            signature: signature.to_vec(),
        };
        if self.claims.len() >= MOST_HASHES {
            return None;
        }
        match &self.trust {
            Trust::Root(_) => None,
            Trust::Chunk(_) => {
                self.claims.insert(Bin::leaf(chunks.start())?, claim);
                None
            }
            Trust::Munro(key) => {
                let bin = Bin::covering(chunks)?;
                let Some(hash) = self.received.get(&bin).copied() else {
                    // Whose order is wrong may be right otherwise.
                    self.claims.insert(bin, claim);
                    return None;
                };
                let covers = covers(key, spec, timestamp, &hash, signature);
                if covers != Covers::Nothing {
                    self.proven.insert(bin, hash);
                }
                Some(covers)
            }
        }
    }

    /// Whether a signed munro above a chunk has come.
    fn is_signed(&self, chunk: u64) -> bool {
        let mut proven = self.proven.keys();
        proven.any(|node| node.range().contains(chunk) && !node.range().is_single())
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
        match &self.trust {
            Trust::Chunk(key) => {
                return match self.claims.get(&node) {
                    None => Check::Unsigned,
                    Some(it) if signs_chunk(key, it.spec, it.timestamp, data, &it.signature) => {
                        Check::Right
                    }
                    Some(_) => Check::Wrong,
                };
            }
            Trust::Munro(_) if !self.is_signed(chunk) => return Check::Unsigned,
            Trust::Munro(_) | Trust::Root(_) => {}
        }
        let root = self.root();
        let mut hash = self.function.chunk(data);
        let mut path = Vec::new();
        loop {
            let known = self.proven.get(&node);
            if Some(hash) == root || known == Some(&hash) {
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
