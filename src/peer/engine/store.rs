//! What the engine wants of whoever keeps content and hashes.

use std::fmt;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::{Bin, ChunkRange};
use rangemap::RangeInclusiveSet;

/// A set of chunks.
pub type Chunks = RangeInclusiveSet<u64>;

/// The last chunk of a set.
pub(super) fn last_of(chunks: &Chunks) -> Option<u64> {
    // The set iterates from both ends.
    chunks.iter().next_back().map(|range| *range.end())
}

/// Why content or hashes could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct StoreError {
    /// What was tried, and with which file.
    pub what: String,
    /// Why it failed.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl From<StoreError> for std::io::Error {
    fn from(error: StoreError) -> Self {
        Self::other(error)
    }
}

/// Content and proven hashes of one swarm. The engine verifies before it
/// writes, commits before it announces, and never asks for a chunk that was not
/// committed. All chunks but the last have the same size.
///
/// What was written may be lost, all of it that was not committed; what was
/// committed is there when the store is opened again, whatever happens to the
/// process.
pub trait Store: fmt::Debug {
    /// How many chunks the content has, where that is known; for a live stream
    /// it never is.
    fn size(&self) -> Option<u64>;

    /// Notes how many chunks static content has: its peaks are proven. They
    /// may turn out to be fewer later, never more.
    ///
    /// # Errors
    /// When that can't be kept.
    fn set_size(&mut self, chunks: u64) -> Result<(), StoreError>;

    /// The chunks that were committed, by this or an earlier process.
    fn present(&self) -> &Chunks;

    /// The proven hash of a node, written or committed.
    ///
    /// # Errors
    /// When it can't be read.
    fn hash(&mut self, node: Bin) -> Result<Option<Hash>, StoreError>;

    /// Keeps the proven hash of a node. Empty hashes are not kept: they are
    /// those of nodes beyond the content (section 5.1).
    ///
    /// # Errors
    /// When it can't be kept.
    fn put_hash(&mut self, node: Bin, hash: &Hash) -> Result<(), StoreError>;

    /// Adds the bytes of a committed chunk to `out`.
    ///
    /// # Errors
    /// When they can't be read.
    fn read(&mut self, chunk: u64, out: &mut Vec<u8>) -> Result<(), StoreError>;

    /// Keeps the bytes of a verified chunk. Only the last chunk of static
    /// content may be shorter than the others.
    ///
    /// # Errors
    /// When they can't be kept.
    fn write(&mut self, chunk: u64, data: &[u8]) -> Result<(), StoreError>;

    /// Makes all that was written last beyond the process's end.
    ///
    /// # Errors
    /// When that fails; nothing that was written since the last commit counts
    /// then.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Gives up chunks that have left the discard window of a live stream
    /// (RFC 7574, section 7.9), with their hashes.
    ///
    /// # Errors
    /// When that fails.
    fn discard(&mut self, chunks: ChunkRange) -> Result<(), StoreError>;
}
