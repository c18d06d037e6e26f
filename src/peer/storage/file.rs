//! Content in a file, with a sidecar for the hashes.

use std::num::NonZeroU32;
use std::path::Path;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::{Bin, ChunkRange};

use super::ahead::ReadAhead;
use super::disk::NamedDisk;
use super::error::StorageError;
use super::hashes::HashTable;
use super::header::Header;
use super::layout::Layout;
use super::marks::Marks;
use super::options::SyncPolicy;
use super::pending::Pending;
use super::shape::{Misfit, Shape};
use crate::peer::engine::{Chunks, Store, StoreError};

/// What the check of a store found that was not closed in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Chunks that were marked.
    pub marked: u64,
    /// Those of them that proved wrong or could not be proven, and are dropped.
    pub dropped: u64,
}

/// Static content in a file, with a sidecar for the marks and hashes; see the
/// [module](super) for what it promises. Dropping it closes it.
#[derive(Debug)]
pub struct FileStore {
    pub(super) content: NamedDisk,
    pub(super) sidecar: NamedDisk,
    pub(super) header: Header,
    pub(super) root: Hash,
    pub(super) hashes: HashTable,
    pub(super) marks: Marks,
    pub(super) recovery: Option<Recovery>,
    pending: Pending,
    ahead: ReadAhead,
    policy: SyncPolicy,
    /// Bytes of content since the last synchronisation.
    unsynchronised: u64,
    /// Whether the disk once failed to take something: it may have forgotten
    /// it, and later successes say nothing about it.
    is_doubtful: bool,
    /// Whether it only reads.
    is_read_only: bool,
    /// Whether closing has nothing to do any more.
    is_closed: bool,
}

impl FileStore {
    /// The store of what is in two files; the head was read, and the root is in
    /// it.
    pub(super) fn new(
        content: NamedDisk,
        sidecar: NamedDisk,
        header: Header,
        root: Hash,
        policy: SyncPolicy,
        is_read_only: bool,
    ) -> Result<Self, StorageError> {
        let layout = Layout {
            hash_length: root.as_bytes().len(),
        };
        Ok(Self {
            marks: Marks::read(layout, &sidecar)?,
            hashes: HashTable::new(layout),
            content,
            sidecar,
            header,
            root,
            recovery: None,
            pending: Pending::default(),
            ahead: ReadAhead::default(),
            policy,
            unsynchronised: 0,
            is_doubtful: false,
            is_read_only,
            is_closed: false,
        })
    }

    /// The root hash, which is the swarm ID; of unprotected content the hash of
    /// the swarm ID.
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// The content's length in bytes, once its last chunk was committed.
    pub fn content_length(&self) -> Option<u64> {
        self.header.content_length()
    }

    /// Bytes of all chunks but the last.
    pub const fn chunk_size(&self) -> NonZeroU32 {
        self.header.chunk_size
    }

    /// Whether every chunk is there.
    pub fn is_complete(&self) -> bool {
        let mut runs = self.marks.present().iter();
        let (first, more) = (runs.next(), runs.next());
        self.header
            .size
            .is_some_and(|size| more.is_none() && first.is_some_and(|run| *run == (0..=size - 1)))
    }

    /// What was found out if the store had to be checked; `None` where it had
    /// been closed in order.
    pub const fn recovery(&self) -> Option<Recovery> {
        self.recovery
    }

    /// The content's file.
    pub fn content_path(&self) -> &Path {
        &self.content.path
    }

    /// The sidecar.
    pub fn sidecar_path(&self) -> &Path {
        &self.sidecar.path
    }

    /// Closes the store in order: the next process believes it. What was not
    /// committed is lost.
    ///
    /// # Errors
    /// When the disk does not take it; the next process checks it then.
    pub fn close(mut self) -> Result<(), StorageError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        if std::mem::replace(&mut self.is_closed, true)
            || self.header.is_clean
            || self.is_doubtful
            || self.is_read_only
        {
            return Ok(());
        }
        self.synchronise()?;
        self.header.content = self.content.stamp()?;
        self.header.sidecar_length = self.sidecar.stamp()?.length;
        self.header.is_clean = true;
        self.header.write(&self.sidecar)?;
        self.sidecar.sync()
    }

    /// Ends without closing, as a process does that is killed.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        self.is_closed = true;
    }

    fn synchronise(&mut self) -> Result<(), StorageError> {
        let result = self.content.sync().and_then(|()| self.sidecar.sync());
        self.is_doubtful |= result.is_err();
        self.unsynchronised = 0;
        result
    }

    /// Takes the mark of a clean store away, before the first change.
    pub(super) fn begin_change(&mut self) -> Result<(), StorageError> {
        if !self.header.is_clean {
            return Ok(());
        }
        self.header.is_clean = false;
        let result = self
            .header
            .write(&self.sidecar)
            .and_then(|()| self.sidecar.sync());
        // It may still stand in the file: the next change tries again.
        self.header.is_clean = result.is_err();
        self.is_doubtful |= result.is_err();
        result
    }

    fn shape(&self) -> Shape {
        Shape {
            chunk_size: self.header.chunk_size,
            size: self.header.size,
        }
    }

    fn misfit(&self, what: String, misfit: Misfit) -> StorageError {
        StorageError::Misfit {
            content: self.content.path.clone(),
            what,
            cause: misfit.to_string(),
        }
    }

    fn check_writable(&self) -> Result<(), StorageError> {
        if self.is_read_only {
            return Err(StorageError::ReadOnly {
                content: self.content.path.clone(),
            });
        }
        Ok(())
    }

    /// Whether this node is the root: its hash is the swarm ID, and needs no
    /// place in the sidecar.
    fn is_root(&self, node: Bin) -> bool {
        self.header.is_protected && self.header.size.and_then(root_bin) == Some(node)
    }

    /// Whether a node lies in the tree and not wholly beyond the content, as far
    /// as that is known.
    fn is_in_tree(&self, node: Bin) -> bool {
        self.header.size.is_none_or(|size| {
            let is_below = root_bin(size).is_none_or(|root| node.layer() <= root.layer());
            is_below && node.range().start() < size
        })
    }

    /// The bytes of a chunk that is there; `None` for the last while its length
    /// is not known.
    pub(super) fn length_of(&self, chunk: u64) -> Option<NonZeroU32> {
        match self.header.size {
            Some(size) if chunk + 1 == size => self.header.last_length,
            _ => Some(self.header.chunk_size),
        }
    }

    /// Where a chunk begins.
    pub(super) fn offset_of(&self, chunk: u64) -> u64 {
        chunk * u64::from(self.header.chunk_size.get())
    }

    /// Chunks, hashes, marks, in this order.
    fn try_commit(&mut self) -> Result<(), StorageError> {
        self.begin_change()?;
        if let (Some(size), Some(last)) = (self.header.size, self.pending.last_chunk())
            && last >= size
        {
            return Err(self.misfit(format!("Chunk {last}"), Misfit::Beyond { size }));
        }
        let bytes = self.pending.bytes();
        let chunk_size = u64::from(self.header.chunk_size.get());
        let mut runs = Vec::new();
        let content = &self.content;
        self.pending.each_run(|run, bytes| {
            content.write(bytes, run.start() * chunk_size)?;
            runs.push(run);
            Ok(())
        })?;
        self.hashes.write(&self.sidecar)?;
        let last = self
            .header
            .size
            .and_then(|size| self.pending.length_of(size - 1));
        let last = last.and_then(|length| NonZeroU32::new(length as u32));
        if last.is_some() && last != self.header.last_length {
            let before = self.header.last_length;
            self.header.last_length = last;
            if let Err(error) = self.header.write(&self.sidecar) {
                self.header.last_length = before;
                return Err(error);
            }
        }
        if self.policy == SyncPolicy::EachCommit {
            self.synchronise()?;
        }
        self.marks.mark(&self.sidecar, &runs)?;
        self.unsynchronised += bytes;
        let is_due = match self.policy {
            SyncPolicy::Never => false,
            SyncPolicy::Interval { bytes } => self.unsynchronised >= bytes,
            SyncPolicy::EachCommit => true,
        };
        if is_due {
            self.synchronise()?;
        }
        if !runs.is_empty() && self.is_complete() {
            self.trim()?;
        }
        Ok(())
    }

    /// Gives complete content its exact length.
    pub(super) fn trim(&mut self) -> Result<(), StorageError> {
        match self.header.content_length() {
            Some(length) if self.content.stamp()?.length > length => {
                self.begin_change()?;
                self.content.set_length(length)
            }
            _ => Ok(()),
        }
    }
}

/// The root of the tree over this many chunks.
pub(super) fn root_bin(size: u64) -> Option<Bin> {
    let width = size.checked_next_power_of_two()?;
    Bin::covering(ChunkRange::new(0, width - 1)?)
}

impl Drop for FileStore {
    fn drop(&mut self) {
        // Nobody is there to be told; the next process checks what it finds.
        let _ = self.finish();
    }
}

impl Store for FileStore {
    fn size(&self) -> Option<u64> {
        self.header.size
    }

    fn set_size(&mut self, chunks: u64) -> Result<(), StoreError> {
        if self.header.size == Some(chunks) {
            return Ok(());
        }
        self.check_writable()?;
        self.shape()
            .check_size(chunks, self.marks.present())
            .map_err(|misfit| self.misfit(format!("A size of {chunks} chunks"), misfit))?;
        self.begin_change()?;
        let before = (self.header.size, self.header.last_length);
        // A chunk that is there turns out to be the last: only as a full one
        // could it be kept before.
        let is_last_present = self.marks.present().contains(&(chunks - 1));
        let last_length = is_last_present.then_some(self.header.chunk_size);
        (self.header.size, self.header.last_length) = (Some(chunks), last_length);
        if let Err(error) = self.header.write(&self.sidecar) {
            (self.header.size, self.header.last_length) = before;
            return Err(error.into());
        }
        // Without it nothing can be proven after the end of the power; it is
        // written once.
        let result = self.sidecar.sync();
        self.is_doubtful |= result.is_err();
        Ok(result?)
    }

    fn present(&self) -> &Chunks {
        self.marks.present()
    }

    fn hash(&mut self, node: Bin) -> Result<Option<Hash>, StoreError> {
        if self.is_root(node) {
            return Ok(Some(self.root));
        }
        if !self.is_in_tree(node) {
            return Ok(None);
        }
        Ok(self.hashes.get(&self.sidecar, node)?)
    }

    fn put_hash(&mut self, node: Bin, hash: &Hash) -> Result<(), StoreError> {
        self.check_writable()?;
        if hash.is_empty() || self.is_root(node) || !self.is_in_tree(node) {
            return Ok(());
        }
        if !self.hashes.put(&self.sidecar, node, hash)? {
            let what = format!("The hash of node {}", node.number());
            return Err(self.misfit(what, Misfit::Impossible).into());
        }
        Ok(())
    }

    fn read(&mut self, chunk: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let what = || format!("Reading chunk {chunk}");
        let (Some(run), Some(length)) = (self.marks.present().get(&chunk), self.length_of(chunk))
        else {
            return Err(self.misfit(what(), Misfit::NotPresent).into());
        };
        let last = *run.end();
        let last_length = self.length_of(last).unwrap_or(length);
        let end = self.offset_of(last) + u64::from(last_length.get());
        let offset = self.offset_of(chunk);
        let length = length.get() as usize;
        Ok(self.ahead.read(&self.content, offset, length, end, out)?)
    }

    fn write(&mut self, chunk: u64, data: &[u8]) -> Result<(), StoreError> {
        self.check_writable()?;
        self.shape()
            .check_chunk(chunk, data.len())
            .map_err(|misfit| self.misfit(format!("Writing chunk {chunk}"), misfit))?;
        if !self.header.is_protected
            && let Some(leaf) = Bin::leaf(chunk)
        {
            // Nobody else does.
            self.put_hash(leaf, &self.header.function.chunk(data))?;
        }
        self.pending.push(chunk, data);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() && !self.hashes.has_changes() {
            return Ok(());
        }
        let result = self.try_commit();
        self.pending.clear();
        if result.is_err() {
            self.hashes.give_up();
        }
        Ok(result?)
    }

    fn discard(&mut self, chunks: ChunkRange) -> Result<(), StoreError> {
        let what = format!("Discarding chunks {chunks}");
        Err(self.misfit(what, Misfit::Static).into())
    }
}
