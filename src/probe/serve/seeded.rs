//! Static content that we serve, and all its hashes.

use std::collections::BTreeMap;

use ppspp_dissector::integrity::{ContentTree, Hash, Peak};
use ppspp_dissector::wire::Bin;

use crate::probe::swarm::Swarm;

/// Content with all its hashes (RFC 7574, section 5.1).
#[derive(Clone, Debug)]
pub struct Seeded {
    chunks: Vec<Vec<u8>>,
    hashes: BTreeMap<u64, Hash>,
    peaks: Vec<Peak>,
    root: Hash,
}

impl Seeded {
    /// Cuts content into chunks of the swarm's size and hashes it. `None` for
    /// empty content, or a hash function that is none.
    pub fn new(bytes: &[u8], swarm: &Swarm) -> Option<Self> {
        let mut tree = ContentTree::new(swarm.tree_hash()?);
        let mut hashes = BTreeMap::new();
        let size = usize::try_from(swarm.chunk_size.max(1)).ok()?;
        let chunks: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        for chunk in &chunks {
            tree.push_with(chunk, |bin, hash| {
                hashes.insert(bin.number(), hash);
            });
        }
        Some(Self {
            root: tree.root()?,
            peaks: tree.peaks().to_vec(),
            chunks,
            hashes,
        })
    }

    /// Number of chunks.
    pub fn size(&self) -> u64 {
        self.chunks.len() as u64
    }

    /// The root hash.
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Bytes of all of it.
    pub fn length(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }

    /// A chunk.
    pub fn chunk(&self, chunk: u64) -> Option<&[u8]> {
        let chunk = self.chunks.get(usize::try_from(chunk).ok()?)?;
        Some(chunk)
    }

    /// The peaks, from the left (section 5.6.1).
    pub fn peaks(&self) -> &[Peak] {
        &self.peaks
    }

    /// The hash of a node below a peak.
    pub fn hash(&self, node: Bin) -> Option<Hash> {
        self.hashes.get(&node.number()).copied()
    }

    /// The uncles of a chunk below its peak, the highest first (section 5.4).
    pub fn uncles(&self, chunk: u64) -> Vec<(Bin, Hash)> {
        let mut uncles = Vec::new();
        let mut node = Bin::leaf(chunk);
        while let Some(at) = node {
            if self
                .peaks
                .iter()
                .any(|peak| Bin::covering(peak.chunks) == Some(at))
            {
                break;
            }
            let sibling = at.sibling();
            uncles.extend(sibling.and_then(|it| Some((it, self.hash(it)?))));
            node = at.parent().filter(|_| uncles.len() < 64);
        }
        uncles.reverse();
        uncles
    }
}
