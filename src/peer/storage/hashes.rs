//! The hashes in a sidecar, of which a few blocks are in memory.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::Bin;

use super::disk::NamedDisk;
use super::error::StorageError;
use super::layout::{BLOCK_HASHES, Layout};

/// Bytes of blocks that are in memory, about.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// Hashes that are read and written together.
struct Block {
    bytes: Box<[u8]>,
    /// What differs from the file.
    changed: Range<usize>,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block, changed {:?}", self.changed)
    }
}

impl Block {
    fn change(&mut self, range: Range<usize>) {
        if self.changed.is_empty() {
            self.changed = range;
        } else {
            self.changed = self.changed.start.min(range.start)..self.changed.end.max(range.end);
        }
    }
}

/// The table of hashes. Changes stay in memory until they are written all
/// together.
#[derive(Debug)]
pub(super) struct HashTable {
    layout: Layout,
    /// Blocks in use. When there are too many they become the old ones, and the
    /// old ones that nobody asked for meanwhile are forgotten.
    recent: HashMap<u64, Block>,
    old: HashMap<u64, Block>,
    /// Blocks with changes; all of them are recent.
    changed: Vec<u64>,
    /// Blocks that `recent` may have.
    most: usize,
}

impl HashTable {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            recent: HashMap::new(),
            old: HashMap::new(),
            changed: Vec::new(),
            most: (IN_MEMORY / 2 / layout.block_bytes()).max(2),
        }
    }

    /// The block, from memory or the file.
    fn block(&mut self, sidecar: &NamedDisk, number: u64) -> Result<&mut Block, StorageError> {
        if !self.recent.contains_key(&number) {
            let block = if let Some(block) = self.old.remove(&number) {
                block
            } else {
                let mut bytes = vec![0; self.layout.block_bytes()].into_boxed_slice();
                sidecar.read_or_zeros(&mut bytes, self.layout.block(number))?;
                Block {
                    bytes,
                    changed: 0..0,
                }
            };
            if self.recent.len() >= self.most + self.changed.len() {
                self.old = std::mem::take(&mut self.recent);
                for changed in &self.changed {
                    if let Some(block) = self.old.remove(changed) {
                        self.recent.insert(*changed, block);
                    }
                }
            }
            self.recent.insert(number, block);
        }
        Ok(self.recent.entry(number).or_insert_with(|| Block {
            bytes: vec![0; self.layout.block_bytes()].into_boxed_slice(),
            changed: 0..0,
        }))
    }

    /// The hash of a node, where it is kept.
    pub(super) fn get(
        &mut self,
        sidecar: &NamedDisk,
        node: Bin,
    ) -> Result<Option<Hash>, StorageError> {
        let Some((number, at)) = self.layout.place(node) else {
            return Ok(None);
        };
        let length = self.layout.hash_length;
        let block = self.block(sidecar, number)?;
        Ok(block
            .bytes
            .get(at..at + length)
            .and_then(Hash::from_bytes)
            .filter(|hash| !hash.is_empty()))
    }

    /// Keeps the hash of a node, in memory until [`HashTable::write`]. Tells
    /// whether it has a place.
    pub(super) fn put(
        &mut self,
        sidecar: &NamedDisk,
        node: Bin,
        hash: &Hash,
    ) -> Result<bool, StorageError> {
        let Some((number, at)) = self.layout.place(node) else {
            return Ok(false);
        };
        let range = at..at + self.layout.hash_length;
        if hash.as_bytes().len() != range.len() {
            return Ok(false);
        }
        let block = self.block(sidecar, number)?;
        if block.bytes[range.clone()] == *hash.as_bytes() {
            return Ok(true);
        }
        block.bytes[range.clone()].copy_from_slice(hash.as_bytes());
        let was_changed = !block.changed.is_empty();
        block.change(range);
        if !was_changed {
            self.changed.push(number);
        }
        Ok(true)
    }

    /// Forgets the hashes of all nodes from one number to another, both
    /// included; `length` is that of the sidecar.
    pub(super) fn clear(
        &mut self,
        sidecar: &NamedDisk,
        bins: (u64, u64),
        length: u64,
    ) -> Result<(), StorageError> {
        let width = BLOCK_HASHES as u64;
        let in_memory = self.recent.keys().chain(self.old.keys()).max();
        let blocks = self
            .layout
            .blocks(length)
            .max(in_memory.map_or(0, |last| last + 1));
        for number in bins.0 / width..blocks.min(bins.1 / width + 1) {
            let first = bins.0.saturating_sub(number * width).min(width) as usize;
            let last = (bins.1 - number * width).min(width - 1) as usize;
            let hash_length = self.layout.hash_length;
            let range = first * hash_length..(last + 1) * hash_length;
            let block = self.block(sidecar, number)?;
            if block.bytes[range.clone()].iter().all(|byte| *byte == 0) {
                continue;
            }
            block.bytes[range.clone()].fill(0);
            let was_changed = !block.changed.is_empty();
            block.change(range);
            if !was_changed {
                self.changed.push(number);
            }
        }
        Ok(())
    }

    /// Bytes of changes that wait to be written, at least.
    pub(super) fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Blocks with changes.
    pub(super) fn changed_blocks(&self) -> usize {
        self.changed.len()
    }

    /// Writes all changes: what changed of a block in one write.
    pub(super) fn write(&mut self, sidecar: &NamedDisk) -> Result<(), StorageError> {
        self.changed.sort_unstable();
        for number in &self.changed {
            if let Some(block) = self.recent.get_mut(number) {
                let offset = self.layout.block(*number) + block.changed.start as u64;
                sidecar.write(&block.bytes[block.changed.clone()], offset)?;
            }
        }
        for number in self.changed.drain(..) {
            if let Some(block) = self.recent.get_mut(&number) {
                block.changed = 0..0;
            }
        }
        Ok(())
    }

    /// Gives up all changes that were not written.
    pub(super) fn give_up(&mut self) {
        for number in self.changed.drain(..) {
            self.recent.remove(&number);
        }
    }
}
