//! Content and hashes in memory.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash, root_above};
use ppspp_dissector::wire::{Bin, ChunkRange};

use super::shape::{Misfit, Shape};
use crate::hashing::hash_chunks;
use crate::peer::engine::{Chunks, Store, StoreError};

/// Keeps everything in memory: for live streams, whose window is small, and for
/// tests. Nothing outlives the process.
#[derive(Debug)]
pub struct MemoryStore {
    shape: Shape,
    chunks: BTreeMap<u64, Box<[u8]>>,
    hashes: BTreeMap<u64, Hash>,
    present: Chunks,
    /// Written, and not committed.
    written: Vec<(u64, Box<[u8]>)>,
    /// What has left the discard window.
    discarded: Chunks,
    /// Whether it keeps a live stream: any chunk may be short, and a hash empty.
    is_stream: bool,
}

impl MemoryStore {
    /// A store without content, of chunks of `chunk_size` bytes.
    pub fn new(chunk_size: NonZeroU32) -> Self {
        Self {
            shape: Shape {
                chunk_size,
                size: None,
            },
            chunks: BTreeMap::new(),
            hashes: BTreeMap::new(),
            present: Chunks::new(),
            written: Vec::new(),
            discarded: Chunks::new(),
            is_stream: false,
        }
    }

    /// A store for a live stream, of chunks of up to `chunk_size` bytes: nobody
    /// knows how many there will be.
    pub fn for_stream(chunk_size: NonZeroU32) -> Self {
        Self {
            is_stream: true,
            ..Self::new(chunk_size)
        }
    }

    /// A store with all of some static content, and its root hash. All nodes of
    /// the tree have their hashes, the incomplete ones above the peaks as well;
    /// only the empty ones beyond the content have none (RFC 7574, section
    /// 5.1).
    ///
    /// # Errors
    /// When the content is empty: it has no root hash.
    pub fn of_content(
        function: TreeHash,
        chunk_size: NonZeroU32,
        content: &[u8],
    ) -> Result<(Self, Hash), StoreError> {
        let mut store = Self::new(chunk_size);
        let mut tree = ContentTree::new(function);
        let pieces = || content.chunks(chunk_size.get() as usize);
        hash_chunks(pieces().map(|piece| (function, piece)), |hash| {
            tree.push_hash_with(hash, |bin, hash| {
                store.hashes.insert(bin.number(), hash);
            });
        });
        let root = root_above(function, tree.peaks(), |bin, hash| {
            store.hashes.insert(bin.number(), hash);
        })
        .ok_or_else(|| Misfit::Impossible.on("Taking empty content".to_owned()))?;
        store.set_size(tree.chunks())?;
        store.chunks = (0..).zip(pieces().map(Box::from)).collect();
        store.present.insert(0..=tree.chunks() - 1);
        Ok((store, root))
    }

    /// Removes the hash of a node all of whose chunks were discarded.
    fn forget(&mut self, node: Bin, discarded: ChunkRange) -> bool {
        let below = node.range();
        let is_gone = discarded.contains(below.start()) && discarded.contains(below.end());
        if is_gone {
            self.hashes.remove(&node.number());
        }
        is_gone
    }
}

impl Store for MemoryStore {
    fn size(&self) -> Option<u64> {
        self.shape.size
    }

    fn set_size(&mut self, chunks: u64) -> Result<(), StoreError> {
        self.shape
            .check_size(chunks, &self.present)
            .map_err(|misfit| misfit.on(format!("Taking the content to have {chunks} chunks")))?;
        self.shape.size = Some(chunks);
        Ok(())
    }

    fn present(&self) -> &Chunks {
        &self.present
    }

    fn hash(&mut self, node: Bin) -> Result<Option<Hash>, StoreError> {
        Ok(self.hashes.get(&node.number()).copied())
    }

    fn put_hash(&mut self, node: Bin, hash: &Hash) -> Result<(), StoreError> {
        // The empty hash is that of nodes beyond static content: nobody asks for
        // it. Below the last munro of a stream it is a hash like others.
        if !hash.is_empty() || self.is_stream {
            self.hashes.insert(node.number(), *hash);
        }
        Ok(())
    }

    fn read(&mut self, chunk: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(data) = self.chunks.get(&chunk) else {
            return Err(Misfit::NotPresent.on(format!("Reading chunk {chunk}")));
        };
        out.extend_from_slice(data);
        Ok(())
    }

    fn write(&mut self, chunk: u64, data: &[u8]) -> Result<(), StoreError> {
        let most = self.shape.chunk_size.get() as usize;
        let is_fine = self.is_stream && (1..=most).contains(&data.len());
        if !is_fine {
            self.shape
                .check_chunk(chunk, data.len())
                .map_err(|misfit| misfit.on(format!("Writing chunk {chunk}")))?;
        }
        self.written.push((chunk, data.into()));
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        for (chunk, data) in self.written.drain(..) {
            self.present.insert(chunk..=chunk);
            self.chunks.insert(chunk, data);
        }
        Ok(())
    }

    fn discard(&mut self, chunks: ChunkRange) -> Result<(), StoreError> {
        let (start, end) = (chunks.start(), chunks.end());
        self.present.remove(start..=end);
        self.written.retain(|(chunk, _)| !chunks.contains(*chunk));
        let mut kept = self.chunks.split_off(&start);
        kept.retain(|chunk, _| !chunks.contains(*chunk));
        self.chunks.append(&mut kept);

        // A node goes with the last of its chunks: these may have been
        // discarded one after the other.
        self.discarded.insert(start..=end);
        let Some(gone) = self
            .discarded
            .get(&start)
            .and_then(|gone| ChunkRange::new(*gone.start(), *gone.end()))
        else {
            return Ok(());
        };
        let first = start.saturating_mul(2);
        let last = end.saturating_mul(2);
        let inside: Vec<u64> = self
            .hashes
            .range(first..=last)
            .map(|(bin, _)| *bin)
            .collect();
        for bin in inside.into_iter().filter_map(Bin::new) {
            self.forget(bin, gone);
        }
        for edge in [start, end] {
            let mut node = Bin::leaf(edge);
            while let Some(bin) = node.filter(|bin| self.forget(*bin, gone)) {
                node = bin.parent();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::HashFunction;

    use super::*;

    fn chunk_size(bytes: u32) -> NonZeroU32 {
        NonZeroU32::new(bytes).expect("not zero")
    }

    fn sha1() -> TreeHash {
        TreeHash::new(HashFunction::Sha1).expect("assigned")
    }

    #[test]
    fn a_seeders_store_has_every_chunk_and_every_hash_up_to_the_root() {
        let content: Vec<u8> = (0..27u8).collect();
        let (mut store, root) =
            MemoryStore::of_content(sha1(), chunk_size(4), &content).expect("not empty");
        assert_eq!(store.size(), Some(7));
        assert_eq!(store.present().iter().collect::<Vec<_>>(), [&(0..=6)]);
        let mut last = Vec::new();
        store.read(6, &mut last).expect("present");
        assert_eq!(last, [24, 25, 26]);
        // All of figure 4 but the empty 14.
        for bin in 0..14 {
            let bin = Bin::new(bin).expect("a bin");
            let hash = store.hash(bin).expect("in memory").expect("kept");
            if let Some((left, right)) = bin.children() {
                let left = store.hash(left).expect("in memory").expect("kept");
                let right = store.hash(right).expect("in memory");
                let right = right.unwrap_or(sha1().empty());
                assert_eq!(hash, sha1().parent(&left, &right));
            }
        }
        let top = Bin::new(7).expect("a bin");
        assert_eq!(store.hash(top).expect("in memory"), Some(root));
    }

    #[test]
    fn empty_content_is_refused() {
        let error = MemoryStore::of_content(sha1(), chunk_size(4), b"").expect_err("empty");
        assert!(error.to_string().contains("at least one chunk"), "{error}");
    }

    #[test]
    fn a_chunk_counts_once_it_is_committed() {
        let mut store = MemoryStore::new(chunk_size(2));
        store.write(3, b"ab").expect("fits");
        assert!(store.present().is_empty());
        assert!(store.read(3, &mut Vec::new()).is_err());
        store.commit().expect("in memory");
        let mut out = b"before ".to_vec();
        store.read(3, &mut out).expect("present");
        assert_eq!(out, b"before ab");
    }

    #[test]
    fn only_the_last_chunk_may_be_short() {
        let mut store = MemoryStore::new(chunk_size(2));
        store.set_size(3).expect("possible");
        store.write(2, b"c").expect("the last");
        assert!(store.write(1, b"b").is_err());
        assert!(store.write(1, b"bcd").is_err());
        assert!(store.write(1, b"").is_err());
        assert!(store.write(3, b"dd").is_err());
        assert!(store.set_size(4).is_err());
    }

    #[test]
    fn a_nodes_hash_goes_with_the_last_of_its_chunks() {
        let content: Vec<u8> = (0..16u8).collect();
        let (mut store, _) =
            MemoryStore::of_content(sha1(), chunk_size(2), &content).expect("not empty");
        let bins = |store: &MemoryStore| store.hashes.keys().copied().collect::<Vec<_>>();
        store.discard(ChunkRange::single(1)).expect("in memory");
        assert_eq!(
            bins(&store),
            [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
        );
        store.discard(ChunkRange::single(0)).expect("in memory");
        assert_eq!(bins(&store), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        let rest = ChunkRange::new(2, 6).expect("ordered");
        store.discard(rest).expect("in memory");
        assert_eq!(bins(&store), [7, 11, 13, 14]);
        assert_eq!(store.present().iter().collect::<Vec<_>>(), [&(7..=7)]);
        store.discard(ChunkRange::single(7)).expect("in memory");
        assert!(bins(&store).is_empty() && store.chunks.is_empty());
    }
}
