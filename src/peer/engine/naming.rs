//! How chunks are named in messages (RFC 7574, section 4).

use ppspp_dissector::wire::{Bin, ChunkRange, ChunkSpec, Layout};

use super::store::Chunks;

/// A range as the addressing can name it: bins are aligned.
pub(super) fn parts(range: ChunkRange, layout: &Layout, chunk_size: u32) -> Vec<ChunkRange> {
    if ChunkSpec::of(range, layout.addressing, chunk_size).is_some() {
        return vec![range];
    }
    let mut parts = Vec::new();
    let mut start = range.start();
    loop {
        // The largest aligned block that begins here and ends within the range.
        let left = range.end() - start + 1;
        let aligned = if start == 0 {
            63
        } else {
            start.trailing_zeros()
        };
        let width = 1u64 << aligned.min(left.ilog2());
        parts.extend(ChunkRange::new(start, start + (width - 1)));
        if left == width {
            return parts;
        }
        start += width;
    }
}

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
