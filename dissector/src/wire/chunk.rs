//! How chunks are named: specifications as they stand in a datagram, and the
//! chunk numbers that they mean (RFC 7574, section 4).

use std::fmt;

use super::registry::ChunkAddressing;

/// One or more consecutive chunks: `start` to `end`, both included.
///
/// `start <= end` always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkRange {
    start: u64,
    end: u64,
}

impl ChunkRange {
    /// The chunks `start` to `end`, both included; `None` when `end` lies before `start`.
    #[inline]
    pub const fn new(start: u64, end: u64) -> Option<Self> {
        if start <= end {
            Some(Self { start, end })
        } else {
            None
        }
    }

    /// One chunk.
    #[inline]
    pub const fn single(chunk: u64) -> Self {
        Self {
            start: chunk,
            end: chunk,
        }
    }

    /// First chunk.
    #[inline]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// Last chunk.
    #[inline]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Whether this is one chunk.
    #[inline]
    pub const fn is_single(self) -> bool {
        self.start == self.end
    }

    /// Number of chunks; the range of all 2^64 chunk numbers counts as `u64::MAX`.
    pub const fn count(self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }

    /// Whether `chunk` lies in the range.
    pub const fn contains(self, chunk: u64) -> bool {
        self.start <= chunk && chunk <= self.end
    }

    /// Whether these chunks are the leaves of one node of the tree: a power of
    /// two of them, starting at a multiple of their number.
    pub const fn is_subtree(self) -> bool {
        match (self.end - self.start).checked_add(1) {
            Some(count) => count.is_power_of_two() && self.start.is_multiple_of(count),
            None => true,
        }
    }
}

impl fmt::Display for ChunkRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() {
            write!(f, "{}", self.start)
        } else {
            write!(f, "{}-{}", self.start, self.end)
        }
    }
}

/// A bin number: a node of the tree over the chunks as one integer
/// (RFC 7574, section 4.2). The two special numbers are not bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bin(u64);

impl Bin {
    /// The bin with this number; `None` for `0x7fff…` and `0xffff…`, which mean
    /// everything and nothing.
    pub const fn new(number: u64) -> Option<Self> {
        if number >= (u64::MAX >> 1) && number.trailing_ones() >= 63 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The bin that covers exactly `range`; `None` when `range` is not a
    /// subtree or too wide for 64 bits.
    pub const fn covering(range: ChunkRange) -> Option<Self> {
        if !range.is_subtree() {
            return None;
        }
        // start + end of a subtree of 2^k chunks is 2 * start + 2^k - 1: its bin.
        match range.start.checked_add(range.end) {
            Some(number) => Self::new(number),
            None => None,
        }
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Height in the tree; a chunk has height 0.
    pub const fn layer(self) -> u32 {
        self.0.trailing_ones()
    }

    /// The bin of one chunk; `None` for chunk numbers beyond 2^63.
    pub const fn leaf(chunk: u64) -> Option<Self> {
        match chunk.checked_mul(2) {
            Some(number) => Self::new(number),
            None => None,
        }
    }

    /// The node above this one; `None` at the top of what 64 bits can number.
    pub const fn parent(self) -> Option<Self> {
        let layer = self.layer();
        if layer >= 62 {
            return None;
        }
        Self::new((self.0 | (1 << layer)) & !(2 << layer))
    }

    /// The other child of this node's parent; `None` at the top.
    pub const fn sibling(self) -> Option<Self> {
        let layer = self.layer();
        if layer >= 62 {
            return None;
        }
        Self::new(self.0 ^ (2 << layer))
    }

    /// The two nodes below this one; `None` for a chunk.
    pub const fn children(self) -> Option<(Self, Self)> {
        let layer = self.layer();
        if layer == 0 {
            return None;
        }
        let half = 1 << (layer - 1);
        Some((Self(self.0 - half), Self(self.0 + half)))
    }

    /// Whether this node is the left child of its parent.
    pub const fn is_left(self) -> bool {
        let layer = self.layer();
        layer >= 62 || self.0 >> layer >> 1 & 1 == 0
    }

    /// The chunks below this node.
    pub const fn range(self) -> ChunkRange {
        let layer = self.layer();
        let start = (self.0 >> layer >> 1) << layer;
        ChunkRange {
            start,
            end: start + ((1 << layer) - 1),
        }
    }
}

/// A chunk specification as it stands in a datagram, by addressing method
/// (RFC 7574, sections 4.1 and 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkSpec {
    /// A 32-bit bin number.
    Bin32(u32),
    /// First and last byte, as offsets in the content.
    Byte64 {
        /// First byte.
        start: u64,
        /// Last byte.
        end: u64,
    },
    /// First and last chunk, 32 bits each.
    Chunk32 {
        /// First chunk.
        start: u32,
        /// Last chunk.
        end: u32,
    },
    /// A 64-bit bin number.
    Bin64(u64),
    /// First and last chunk, 64 bits each.
    Chunk64 {
        /// First chunk.
        start: u64,
        /// Last chunk.
        end: u64,
    },
}

/// What a specification means in chunk numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chunks {
    /// No chunk: bin `0xffff…`.
    Nothing,
    /// Every chunk: bin `0x7fff…`.
    Everything,
    /// These chunks.
    Range(ChunkRange),
    /// A range whose end lies before its start; it means no chunk, and is kept
    /// so that it can be shown.
    Reversed {
        /// What stood first.
        start: u64,
        /// What stood second.
        end: u64,
    },
}

impl Chunks {
    /// The range, where it is one.
    #[inline]
    pub const fn range(self) -> Option<ChunkRange> {
        match self {
            Self::Range(range) => Some(range),
            _ => None,
        }
    }

    /// From two ends in their order on the wire.
    #[inline]
    pub const fn from_ends(start: u64, end: u64) -> Self {
        match ChunkRange::new(start, end) {
            Some(range) => Self::Range(range),
            None => Self::Reversed { start, end },
        }
    }
}

impl fmt::Display for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Everything => f.write_str("all"),
            Self::Range(range) => range.fmt(f),
            Self::Reversed { start, end } => write!(f, "{start}-{end}"),
        }
    }
}

impl ChunkSpec {
    /// What the specification means in chunk numbers. `chunk_size` in bytes
    /// turns byte ranges into chunks; the other methods do not look at it.
    #[inline]
    pub fn chunks(self, chunk_size: u32) -> Chunks {
        match self {
            Self::Bin32(u32::MAX) | Self::Bin64(u64::MAX) => Chunks::Nothing,
            Self::Bin32(number) if number == u32::MAX >> 1 => Chunks::Everything,
            Self::Bin32(number) => Chunks::Range(Bin(u64::from(number)).range()),
            Self::Bin64(number) => {
                Bin::new(number).map_or(Chunks::Everything, |bin| Chunks::Range(bin.range()))
            }
            Self::Chunk32 { start, end } => Chunks::from_ends(start.into(), end.into()),
            Self::Chunk64 { start, end } => Chunks::from_ends(start, end),
            Self::Byte64 { start, end } => {
                let size = u64::from(chunk_size.max(1));
                if start <= end {
                    Chunks::from_ends(start / size, end / size)
                } else {
                    Chunks::Reversed {
                        start: start / size,
                        end: end / size,
                    }
                }
            }
        }
    }

    /// The specification of `range` under `addressing`; `None` where that
    /// method can't express it: a range that is no subtree as a bin, a number
    /// too large for the width, an unassigned method.
    pub fn of(range: ChunkRange, addressing: ChunkAddressing, chunk_size: u32) -> Option<Self> {
        Some(match addressing {
            ChunkAddressing::Bin32 => {
                let number = u32::try_from(Bin::covering(range)?.number()).ok()?;
                if number >= u32::MAX >> 1 && number.trailing_ones() >= 31 {
                    return None;
                }
                Self::Bin32(number)
            }
            ChunkAddressing::Bin64 => Self::Bin64(Bin::covering(range)?.number()),
            ChunkAddressing::Chunk32 => Self::Chunk32 {
                start: u32::try_from(range.start).ok()?,
                end: u32::try_from(range.end).ok()?,
            },
            ChunkAddressing::Chunk64 => Self::Chunk64 {
                start: range.start,
                end: range.end,
            },
            ChunkAddressing::Byte64 => {
                let size = u64::from(chunk_size.max(1));
                Self::Byte64 {
                    start: range.start.checked_mul(size)?,
                    end: range.end.checked_add(1)?.checked_mul(size)? - 1,
                }
            }
            ChunkAddressing::Unassigned(_) => return None,
        })
    }

    /// The specifications that name all of `range` under `addressing` together: one where
    /// there is one, else those of the largest aligned blocks from its start on, without
    /// those that can't be named.
    pub fn parts(
        range: ChunkRange,
        addressing: ChunkAddressing,
        chunk_size: u32,
    ) -> impl Iterator<Item = Self> {
        let mut next = Some(range.start);
        std::iter::from_fn(move || {
            let start = next?;
            if let Some(whole) = ChunkRange::new(start, range.end)
                && Self::of(whole, addressing, chunk_size).is_some()
            {
                next = None;
                return Some(whole);
            }
            let left = (range.end - start).saturating_add(1);
            let aligned = if start == 0 {
                63
            } else {
                start.trailing_zeros()
            };
            let width = 1u64 << aligned.min(left.ilog2());
            next = (left > width).then(|| start + width);
            ChunkRange::new(start, start + (width - 1))
        })
        .filter_map(move |part| Self::of(part, addressing, chunk_size))
    }

    /// The addressing method that this specification is written in.
    pub const fn addressing(self) -> ChunkAddressing {
        match self {
            Self::Bin32(_) => ChunkAddressing::Bin32,
            Self::Byte64 { .. } => ChunkAddressing::Byte64,
            Self::Chunk32 { .. } => ChunkAddressing::Chunk32,
            Self::Bin64(_) => ChunkAddressing::Bin64,
            Self::Chunk64 { .. } => ChunkAddressing::Chunk64,
        }
    }
}

/// The specification as its method writes it: `bin 7`, `bytes 0-1023`, `chunks 0-3`.
impl fmt::Display for ChunkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bin32(u32::MAX) | Self::Bin64(u64::MAX) => f.write_str("bin NONE"),
            Self::Bin32(number) if number == u32::MAX >> 1 => f.write_str("bin ALL"),
            Self::Bin64(number) if number == u64::MAX >> 1 => f.write_str("bin ALL"),
            Self::Bin32(number) => write!(f, "bin {number}"),
            Self::Bin64(number) => write!(f, "bin {number}"),
            Self::Byte64 { start, end } => write!(f, "bytes {start}-{end}"),
            Self::Chunk32 { start, end } => write!(f, "chunks {start}-{end}"),
            Self::Chunk64 { start, end } => write!(f, "chunks {start}-{end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slow model of section 4.2: number the leaves of a tree of height
    /// `height` by 2 * index and every parent by the mean of its children.
    fn numbered_tree(height: u32) -> Vec<(u64, ChunkRange)> {
        let mut level: Vec<(u64, u64, u64)> = (0..1 << height).map(|i| (i * 2, i, i)).collect();
        let mut all = Vec::new();
        loop {
            all.extend(level.iter().map(|&(bin, a, b)| {
                (
                    bin,
                    ChunkRange::new(a, b).expect("the model counts upwards"),
                )
            }));
            if level.len() == 1 {
                return all;
            }
            level = level
                .chunks(2)
                .map(|pair| (u64::midpoint(pair[0].0, pair[1].0), pair[0].1, pair[1].2))
                .collect();
        }
    }

    #[test]
    fn bins_are_numbered_as_the_mean_of_their_children() {
        for (number, range) in numbered_tree(10) {
            let bin = Bin::new(number).expect("not a special number");
            assert_eq!(bin.range(), range, "bin {number}");
            assert_eq!(Bin::covering(range), Some(bin), "bin {number}");
        }
    }

    #[test]
    fn the_family_of_a_bin_is_that_of_its_chunks() {
        for (number, _) in numbered_tree(6) {
            let bin = Bin::new(number).expect("not a special number");
            let parent = bin.parent().expect("far from the top");
            let sibling = bin.sibling().expect("far from the top");
            let (left, right) = parent.children().expect("no chunk");
            assert_eq!(bin.is_left(), bin == left);
            assert_eq!(
                [bin, sibling].contains(&left),
                [bin, sibling].contains(&right)
            );
            assert_eq!(left.range().start(), parent.range().start());
            assert_eq!(left.range().end() + 1, right.range().start());
            assert_eq!(right.range().end(), parent.range().end());
        }
        assert_eq!(Bin::leaf(5).map(Bin::range), Some(ChunkRange::single(5)));
        assert_eq!(Bin::leaf(5).and_then(Bin::children), None);
        let top = Bin::new((1 << 62) - 1).expect("an ordinary bin");
        assert_eq!((top.parent(), top.sibling()), (None, None));
    }

    #[test]
    fn the_example_of_figure_2_holds() {
        let range = |number| Bin::new(number).map(Bin::range);
        assert_eq!(range(7), ChunkRange::new(0, 7));
        assert_eq!(range(3), ChunkRange::new(0, 3));
        assert_eq!(range(1), ChunkRange::new(0, 1));
        assert_eq!(range(2), Some(ChunkRange::single(1)));
    }

    #[test]
    fn the_special_bins_are_nothing_and_everything_in_both_widths() {
        assert_eq!(ChunkSpec::Bin32(u32::MAX).chunks(1024), Chunks::Nothing);
        assert_eq!(ChunkSpec::Bin64(u64::MAX).chunks(1024), Chunks::Nothing);
        assert_eq!(
            ChunkSpec::Bin32(0x7fff_ffff).chunks(1024),
            Chunks::Everything
        );
        assert_eq!(
            ChunkSpec::Bin64(0x7fff_ffff_ffff_ffff).chunks(1024),
            Chunks::Everything
        );
        // The 32-bit special number is an ordinary bin among 64-bit ones.
        assert!(matches!(
            ChunkSpec::Bin64(0x7fff_ffff).chunks(1024),
            Chunks::Range(_)
        ));
    }

    #[test]
    fn every_bin_number_has_a_range_whose_ends_do_not_overflow() {
        for number in [
            0,
            u64::from(u32::MAX),
            u64::MAX - 1,
            u64::MAX >> 2,
            (u64::MAX >> 1) - 1,
            (u64::MAX >> 1) + 1,
        ] {
            let range = Bin::new(number).expect("an ordinary bin").range();
            assert!(range.start() <= range.end());
        }
    }

    #[test]
    fn byte_ranges_become_the_chunks_that_they_touch() {
        let bytes = |start, end| ChunkSpec::Byte64 { start, end }.chunks(1024);
        assert_eq!(bytes(0, 1023), Chunks::Range(ChunkRange::single(0)));
        assert_eq!(bytes(1024, 4095), Chunks::from_ends(1, 3));
        assert_eq!(bytes(1000, 1025), Chunks::from_ends(0, 1));
        assert!(matches!(bytes(1023, 0), Chunks::Reversed { .. }));
    }

    #[test]
    fn a_range_that_is_no_subtree_has_no_bin() {
        for (start, end) in [(0, 2), (1, 2), (2, 5), (0, u64::MAX)] {
            let range = ChunkRange::new(start, end).expect("ordered");
            assert_eq!(ChunkSpec::of(range, ChunkAddressing::Bin64, 1024), None);
        }
    }
}
