//! Where what stands in a sidecar.
//!
//! After two heads come groups, each for 32,768 chunks: first a bit for each
//! chunk that is there, then the hashes of the 65,536 nodes whose numbers fall
//! to these chunks, each at its place. So every place is fixed before the
//! number of chunks is known, and lies beside what is written together with it.
//! Zeros stand for a hash that is not kept, and holes take no room.

use ppspp_dissector::wire::Bin;

/// Bytes from one head to the next.
pub(super) const HEADER_SPACING: u64 = 4096;
/// Bytes of a group's marks: a page of the system's file cache.
pub(super) const MARK_BYTES: usize = 4096;
/// Chunks of a group.
pub(super) const GROUP_CHUNKS: u64 = MARK_BYTES as u64 * 8;
/// Hashes that are read and written together.
pub(super) const BLOCK_HASHES: usize = 256;
/// Blocks of hashes in a group.
const GROUP_BLOCKS: u64 = 2 * GROUP_CHUNKS / BLOCK_HASHES as u64;
/// Bins from here on have no place; no file is so long.
const MOST_BINS: u64 = 1 << 50;

/// The places in a sidecar whose hashes have this many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) hash_length: usize,
}

impl Layout {
    fn group(self, group: u64) -> u64 {
        let hashes = GROUP_BLOCKS * self.block_bytes() as u64;
        2 * HEADER_SPACING + group * (MARK_BYTES as u64 + hashes)
    }

    /// Where a group's marks begin.
    pub(super) fn marks(self, group: u64) -> u64 {
        self.group(group)
    }

    /// Bytes of a block of hashes.
    pub(super) const fn block_bytes(self) -> usize {
        BLOCK_HASHES * self.hash_length
    }

    /// Where a block of hashes begins.
    pub(super) fn block(self, block: u64) -> u64 {
        let within = block % GROUP_BLOCKS * self.block_bytes() as u64;
        self.group(block / GROUP_BLOCKS) + MARK_BYTES as u64 + within
    }

    /// The block that has a node's hash, and where in it; `None` for nodes that
    /// no file is long enough for.
    pub(super) fn place(self, node: Bin) -> Option<(u64, usize)> {
        let number = node.number();
        let block = number / BLOCK_HASHES as u64;
        let within = (number % BLOCK_HASHES as u64) as usize * self.hash_length;
        (number < MOST_BINS).then_some((block, within))
    }

    /// Groups of which a sidecar of this length has at least the beginning.
    pub(super) fn groups(self, length: u64) -> u64 {
        let first = self.group(0);
        length.saturating_sub(first).div_ceil(self.group(1) - first)
    }

    /// Blocks that a sidecar of this length may have.
    pub(super) fn blocks(self, length: u64) -> u64 {
        self.groups(length) * GROUP_BLOCKS
    }
}
