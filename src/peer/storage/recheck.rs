//! The check of a store that was not closed in order: hashes from the root
//! down, and chunks against their hashes.
//!
//! A hash is believed when it and its sibling make that of their believed
//! parent; the root hash is the swarm ID. Where hashes are missing or do not
//! fit, they are made anew from below, down to the chunks where all of those are
//! marked. What fits then is kept, the rest dropped. Each chunk is hashed once
//! or twice, however much is damaged, and in memory are the nodes of one path.

use std::num::NonZeroU32;

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash, root_above};
use ppspp_dissector::wire::Bin;

use super::error::StorageError;
use super::file::{FileStore, Recovery, root_bin};
use crate::hashing::hash_chunks;

/// Bytes of content that are read and hashed together, about.
const BATCH_BYTES: usize = 256 * 1024;
/// Changed blocks of hashes that wait to be written, at most.
const CHANGED_BLOCKS: usize = 512;

/// Checks all that a store has, and drops what is not proven. `progress` is
/// told the bytes that were hashed.
pub(super) fn recheck(
    store: &mut FileStore,
    progress: &mut dyn FnMut(u64),
) -> Result<Recovery, StorageError> {
    store.begin_change()?;
    let marked = count(store);
    let function = store.header.function;
    let length = store.sidecar.stamp()?.length;
    let mut recheck = Recheck {
        size: store.header.size.unwrap_or(0),
        store,
        function,
        length,
        batch: Vec::new(),
        buffer: Vec::new(),
        hashed: 0,
        progress,
    };
    let size = recheck.size;
    if !recheck.store.header.is_protected {
        recheck.compare()?;
        return recheck.end(marked);
    }
    recheck.store.marks.unmark(size..=u64::MAX);
    match root_bin(size).filter(|_| size > 0) {
        Some(root) => {
            let hash = recheck.store.root;
            recheck.visit(root, &hash)?;
            recheck.check_batch()?;
        }
        // Without the number of chunks nothing can be proven.
        None => recheck.clear((0, u64::MAX))?,
    }
    recheck.end(marked)
}

/// Chunks that are marked.
pub(super) fn count(store: &FileStore) -> u64 {
    let runs = store.marks.present().iter();
    runs.map(|run| run.end() - run.start() + 1).sum()
}

struct Recheck<'a> {
    store: &'a mut FileStore,
    function: TreeHash,
    size: u64,
    /// Bytes of the sidecar as it was found.
    length: u64,
    /// Chunks to be hashed, and what their hashes should be.
    batch: Vec<(u64, Hash)>,
    buffer: Vec<u8>,
    hashed: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl Recheck<'_> {
    /// Writes what has changed.
    fn end(self, marked: u64) -> Result<Recovery, StorageError> {
        let store = self.store;
        store.hashes.write(&store.sidecar)?;
        store.marks.write(&store.sidecar)?;
        Ok(Recovery {
            marked,
            dropped: marked - count(store),
        })
    }

    /// Compares each marked chunk of unprotected content with the hash that it had
    /// when it came.
    fn compare(&mut self) -> Result<(), StorageError> {
        let chunk_size = self.store.header.chunk_size.get() as usize;
        let marked = self.store.marks.present().clone();
        for chunk in marked.iter().flat_map(Clone::clone) {
            let leaf = Bin::leaf(chunk);
            let kept = match leaf {
                Some(leaf) => self.store.hashes.get(&self.store.sidecar, leaf)?,
                None => None,
            };
            match kept {
                Some(hash) => self.batch.push((chunk, hash)),
                None => self.store.marks.unmark(chunk..=chunk),
            }
            if self.batch.len() * chunk_size >= BATCH_BYTES {
                self.check_batch()?;
            }
        }
        self.check_batch()
    }

    /// Checks what is below a node whose hash is believed.
    fn visit(&mut self, node: Bin, hash: &Hash) -> Result<(), StorageError> {
        let Some((left, right)) = node.children() else {
            let chunk = node.range().start();
            if self.store.marks.present().contains(&chunk) {
                self.batch.push((chunk, *hash));
                let chunk_size = self.store.header.chunk_size.get() as usize;
                if self.batch.len() * chunk_size >= BATCH_BYTES {
                    self.check_batch()?;
                }
            }
            return Ok(());
        };
        let kept = (self.kept(left)?, self.kept(right)?);
        if let (Some(left_hash), Some(right_hash)) = kept
            && self.function.parent(&left_hash, &right_hash) == *hash
        {
            self.visit_child(left, &left_hash)?;
            return self.visit_child(right, &right_hash);
        }
        let made = (self.make(left)?, self.make(right)?);
        if let (Some(left_made), Some(right_made)) = made
            && self.function.parent(&left_made.hash, &right_made.hash) == *hash
        {
            for (child, made) in [(left, left_made), (right, right_made)] {
                self.put(child, &made.hash)?;
                if !made.is_of_chunks {
                    self.visit_child(child, &made.hash)?;
                }
            }
            return Ok(());
        }
        let below = node.range();
        self.store.marks.unmark(below.start()..=below.end());
        // The numbers of the nodes below are those around the node's own.
        self.clear((below.start() * 2, node.number() - 1))?;
        self.clear((node.number() + 1, below.end() * 2))
    }

    fn visit_child(&mut self, child: Bin, hash: &Hash) -> Result<(), StorageError> {
        if child.range().start() >= self.size {
            return Ok(());
        }
        self.visit(child, hash)
    }

    /// The hash that the sidecar has of a node, which is not believed yet;
    /// beyond the content it is the empty one.
    fn kept(&mut self, node: Bin) -> Result<Option<Hash>, StorageError> {
        if node.range().start() >= self.size {
            return Ok(Some(self.function.empty()));
        }
        self.store.hashes.get(&self.store.sidecar, node)
    }

    /// The hash of a node, made from below as far as possible.
    fn make(&mut self, node: Bin) -> Result<Option<Made>, StorageError> {
        let (start, end) = (node.range().start(), node.range().end().min(self.size - 1));
        if start >= self.size {
            return Ok(Some(Made {
                hash: self.function.empty(),
                is_of_chunks: true,
            }));
        }
        let run = self.store.marks.present().get(&start);
        if run.is_some_and(|run| *run.end() >= end)
            && let Some(hash) = self.hash_of_chunks(node, start, end)?
        {
            return Ok(Some(Made {
                hash,
                is_of_chunks: true,
            }));
        }
        let kept = self.kept(node)?.map(|hash| Made {
            hash,
            is_of_chunks: false,
        });
        let Some((left, right)) = node.children().filter(|_| kept.is_none()) else {
            return Ok(kept);
        };
        if !self.store.marks.present().overlaps(&(start..=end)) {
            return Ok(None);
        }
        let (Some(left_made), Some(right_made)) = (self.make(left)?, self.make(right)?) else {
            return Ok(None);
        };
        self.put(left, &left_made.hash)?;
        self.put(right, &right_made.hash)?;
        Ok(Some(Made {
            hash: self.function.parent(&left_made.hash, &right_made.hash),
            is_of_chunks: left_made.is_of_chunks && right_made.is_of_chunks,
        }))
    }

    /// The hash of a node all of whose chunks are marked, from their bytes;
    /// `None` where the file is too short. The hashes below it are kept.
    fn hash_of_chunks(
        &mut self,
        node: Bin,
        start: u64,
        end: u64,
    ) -> Result<Option<Hash>, StorageError> {
        let mut tree = ContentTree::new(self.function);
        let chunk_size = u64::from(self.store.header.chunk_size.get());
        let step = (BATCH_BYTES as u64 / chunk_size).max(1);
        let shift = 2 * start;
        let shifted = |bin: Bin| Bin::new(bin.number() + shift);
        let mut found = Vec::new();
        let mut next = start;
        while next <= end {
            let last = end.min(next + (step - 1));
            let mut is_whole = true;
            self.hash_run(next, last, |_, hash| {
                is_whole &= hash.is_some();
                if let Some(hash) = hash {
                    tree.push_hash_with(hash, |bin, hash| found.push((bin, hash)));
                }
            })?;
            if !is_whole {
                return Ok(None);
            }
            for (bin, hash) in found.drain(..) {
                if let Some(bin) = shifted(bin) {
                    self.put(bin, &hash)?;
                }
            }
            next = last + 1;
        }
        let Some(mut hash) = root_above(self.function, tree.peaks(), |bin, hash| {
            found.push((bin, hash));
        }) else {
            return Ok(None);
        };
        // The tree over these chunks may be lower than the node.
        let mut top = root_bin(tree.chunks());
        while let Some(bin) = top.filter(|bin| bin.layer() < node.layer()) {
            hash = self.function.parent(&hash, &self.function.empty());
            top = bin.parent();
            found.extend(top.map(|top| (top, hash)));
        }
        for (bin, hash) in found {
            if let Some(bin) = shifted(bin) {
                self.put(bin, &hash)?;
            }
        }
        Ok(Some(hash))
    }

    /// Hashes the chunks that wait and takes the marks of wrong ones away.
    fn check_batch(&mut self) -> Result<(), StorageError> {
        let batch = std::mem::take(&mut self.batch);
        for run in batch.chunk_by(|this, next| this.0 + 1 == next.0) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let mut wrong = Vec::new();
            let mut expected = run.iter();
            self.hash_run(first.0, last.0, |chunk, hash| {
                if expected.next().map(|(_, hash)| *hash) != hash {
                    wrong.push(chunk);
                }
            })?;
            for chunk in wrong {
                self.store.marks.unmark(chunk..=chunk);
            }
        }
        self.batch = batch;
        self.batch.clear();
        Ok(())
    }

    /// Hashes consecutive chunks; a chunk that the file is too short for has
    /// no hash.
    fn hash_run(
        &mut self,
        first: u64,
        last: u64,
        mut hashed: impl FnMut(u64, Option<Hash>),
    ) -> Result<(), StorageError> {
        let chunk_size = self.store.header.chunk_size.get() as usize;
        let last_length = self.store.length_of(last).map_or(0, NonZeroU32::get) as usize;
        let wanted = (last - first) as usize * chunk_size + last_length;
        self.buffer.resize(wanted, 0);
        let offset = self.store.offset_of(first);
        let read = self.store.content.read(&mut self.buffer, offset)?;
        // Only whole chunks count, and a last one of unknown length has none.
        let is_whole = read == wanted && last_length > 0;
        let whole = if is_whole {
            read
        } else {
            read / chunk_size * chunk_size
        };
        let mut chunk = first;
        let pieces = self.buffer[..whole].chunks(chunk_size);
        hash_chunks(pieces.map(|piece| (self.function, piece)), |hash| {
            hashed(chunk, Some(hash));
            chunk += 1;
        });
        (chunk..=last).for_each(|chunk| hashed(chunk, None));
        self.hashed += read as u64;
        (self.progress)(self.hashed);
        Ok(())
    }

    fn put(&mut self, node: Bin, hash: &Hash) -> Result<(), StorageError> {
        if !hash.is_empty() {
            self.store.hashes.put(&self.store.sidecar, node, hash)?;
        }
        self.relieve()
    }

    /// Drops the hashes of nodes from one number to another.
    fn clear(&mut self, bins: (u64, u64)) -> Result<(), StorageError> {
        self.store
            .hashes
            .clear(&self.store.sidecar, bins, self.length)?;
        self.relieve()
    }

    /// Writes hashes when many wait: each is of no consequence until it is
    /// believed, and the store is not clean meanwhile.
    fn relieve(&mut self) -> Result<(), StorageError> {
        if self.store.hashes.changed_blocks() > CHANGED_BLOCKS {
            self.store.hashes.write(&self.store.sidecar)?;
        }
        Ok(())
    }
}

/// A hash that was made, and whether of nothing but chunks: then there is
/// nothing left to check below it.
#[derive(Clone, Copy)]
struct Made {
    hash: Hash,
    is_of_chunks: bool,
}
