//! Content that we serve, and all its hashes.

use std::collections::BTreeMap;

use ppspp_dissector::integrity::{ContentTree, Hash, Peak};
use ppspp_dissector::wire::{Bin, ContentIntegrity};

use crate::probe::case::Stop;
use crate::probe::swarm::Swarm;

/// Chunks of the content that most cases serve, besides a short one at the end.
const USUAL: u64 = 203;

/// Bytes of that last chunk, at most.
const SHORT: u32 = 77;

/// How much content a case serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// What most cases do with: some hundred chunks, the last one short.
    Usual,
    /// So many chunks, the last one with so many bytes.
    Exactly {
        /// How many.
        chunks: u64,
        /// Bytes of the last one.
        last: u32,
    },
    /// So many chunks, the last one whole.
    Whole(u64),
}

/// What there is to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The content.
    pub bytes: Vec<u8>,
    /// Whether it is served as it is only: the target has been told its swarm ID
    /// already.
    pub is_fixed: bool,
}

impl Source {
    /// Content of numbers, for who brings none.
    pub fn of_numbers(chunk_size: u32) -> Self {
        let length = USUAL * u64::from(chunk_size) + u64::from(SHORT.min(chunk_size));
        Self {
            bytes: numbers(length as usize),
            is_fixed: false,
        }
    }

    /// Content of a shape, and the swarm that has it.
    ///
    /// # Errors
    /// A skip, where another content can't be served.
    pub fn shaped(&self, shape: Shape, swarm: &Swarm) -> Result<(Seeded, Swarm), Stop> {
        let size = u64::from(swarm.chunk_size);
        let most = self.bytes.len() as u64;
        let length = match shape {
            _ if self.is_fixed => most,
            Shape::Usual => most.min(USUAL * size + u64::from(SHORT).min(size)),
            Shape::Exactly { chunks, last } => (chunks - 1) * size + u64::from(last).min(size),
            Shape::Whole(chunks) => chunks * size,
        };
        if self.is_fixed && shape != Shape::Usual {
            return Err(Stop::Skip(
                "this needs content of another length, which only a target that we start (--exec) can be told of".to_owned(),
            ));
        }
        let mut bytes = self.bytes.clone();
        if length > most {
            bytes.extend(numbers((length - most) as usize));
        }
        bytes.truncate(length as usize);
        let seeded = Seeded::new(&bytes, swarm)
            .ok_or_else(|| Stop::Error("there is no content to serve".to_owned()))?;
        let swarm = Swarm {
            id: seeded.root().as_bytes().to_vec(),
            integrity: ContentIntegrity::Merkle,
            ..swarm.clone()
        };
        Ok((seeded, swarm))
    }
}

/// Bytes without a pattern, the same each time.
fn numbers(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

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

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        self.chunks.concat()
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

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::{ChunkAddressing, HashFunction};

    use super::*;
    use crate::probe::proof::{Check, Proof};

    fn swarm() -> Swarm {
        Swarm {
            id: vec![0; 32],
            integrity: ContentIntegrity::Merkle,
            hash_function: HashFunction::Sha256,
            addressing: ChunkAddressing::Chunk32,
            chunk_size: 1024,
        }
    }

    #[test]
    fn peaks_and_uncles_prove_each_chunk() {
        let source = Source::of_numbers(1024);
        let (seeded, swarm) = source.shaped(Shape::Usual, &swarm()).expect("content");
        assert_eq!(seeded.size(), USUAL + 1);
        assert_eq!(seeded.bytes(), source.bytes);
        let mut proof = Proof::new(&swarm).expect("a tree");
        for peak in seeded.peaks() {
            proof.add(peak.chunks, peak.hash.as_bytes());
        }
        for chunk in 0..seeded.size() {
            for (node, hash) in seeded.uncles(chunk) {
                proof.add(node.range(), hash.as_bytes());
            }
            let data = seeded.chunk(chunk).expect("a chunk");
            assert_eq!(proof.check(chunk, data), Check::Right, "{chunk}");
        }
    }

    #[test]
    fn content_is_cut_or_filled_up_to_a_shape() {
        let source = Source {
            bytes: vec![7; 5000],
            is_fixed: false,
        };
        let length = |shape| {
            let (seeded, _) = source.shaped(shape, &swarm()).expect("content");
            (seeded.size(), seeded.bytes().len())
        };
        assert_eq!(length(Shape::Usual), (5, 5000));
        assert_eq!(length(Shape::Whole(8)), (8, 8192));
        assert_eq!(length(Shape::Exactly { chunks: 1, last: 9 }), (1, 9));
        let fixed = Source {
            is_fixed: true,
            ..source
        };
        assert!(matches!(
            fixed.shaped(Shape::Whole(8), &swarm()),
            Err(Stop::Skip(_))
        ));
    }
}
