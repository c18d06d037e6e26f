//! How chunks are named in messages (RFC 7574, section 4).

use ppspp_dissector::wire::{Bin, ChunkRange, ChunkSpec, Layout};

use super::store::Chunks;

/// The largest interval of a set around a chunk, as one specification.
pub(super) fn interval(
    set: &Chunks,
    chunk: u64,
    layout: &Layout,
    chunk_size: u32,
) -> Option<ChunkSpec> {
    let around = set.get(&chunk)?;
    let whole = ChunkRange::new(*around.start(), *around.end())?;
    if let Some(spec) = ChunkSpec::of(whole, layout.addressing, chunk_size) {
        return Some(spec);
    }
    // The largest complete bin.
    let mut bin = Bin::leaf(chunk)?;
    while let Some(parent) = bin.parent()
        && parent.range().start() >= whole.start()
        && parent.range().end() <= whole.end()
    {
        bin = parent;
    }
    ChunkSpec::of(bin.range(), layout.addressing, chunk_size)
}
