//! The chunks in a DATA message.

use super::chunk::ChunkRange;
use super::layout::{ChunkSize, Layout};
use super::message::{Located, Message};

/// One chunk of a DATA message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its number.
    pub chunk: u64,
    /// Its bytes.
    pub data: &'a [u8],
    /// Where they begin in the datagram, bytes.
    pub offset: usize,
}

/// The chunks in a DATA message, one after the other. There are none where the
/// capture cut the message, and where it names several chunks whose size nobody
/// told or does not fit its length: RFC 7574, section 8.6, wants one chunk a
/// message.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    range: Option<ChunkRange>,
    data: &'a [u8],
    offset: usize,
    size: usize,
}

impl<'a> Pieces<'a> {
    /// Those of a message that was read with `layout`.
    #[inline]
    pub fn of(located: &Located<'a>, layout: &Layout) -> Self {
        let nothing = Self {
            range: None,
            data: &[],
            offset: 0,
            size: 0,
        };
        let Message::Data {
            spec,
            data,
            data_length,
            ..
        } = located.message
        else {
            return nothing;
        };
        let range = spec.chunks(layout.chunk_size.or_assumed()).range();
        let Some(range) = range.filter(|_| data.len() == data_length) else {
            return nothing;
        };
        let size = match layout.chunk_size {
            _ if range.is_single() => data.len(),
            ChunkSize::Fixed(size) => size as usize,
            ChunkSize::Variable | ChunkSize::Unknown => return nothing,
        };
        // The last chunk of the content may be shorter.
        if !range.is_single() && data.len().div_ceil(size) as u64 != range.count() {
            return nothing;
        }
        Self {
            range: Some(range),
            data,
            // A chunk is the last thing in its message.
            offset: located.offset + located.length - data_length,
            size,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    #[inline]
    fn next(&mut self) -> Option<Piece<'a>> {
        let range = self.range?;
        let (data, rest) = self.data.split_at(self.size.min(self.data.len()));
        let piece = Piece {
            chunk: range.start(),
            data,
            offset: self.offset,
        };
        self.range = if range.is_single() {
            None
        } else {
            ChunkRange::new(range.start() + 1, range.end())
        };
        self.data = rest;
        self.offset += data.len();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ChunkSpec;

    fn chunks(start: u32, end: u32, length: usize, chunk_size: ChunkSize) -> Vec<(u64, usize)> {
        let bytes = vec![7; length];
        let located = Located {
            message: Message::Data {
                spec: ChunkSpec::Chunk32 { start, end },
                timestamp: Some(0),
                data: &bytes,
                data_length: length,
            },
            offset: 4,
            length: 17 + length,
        };
        let layout = Layout {
            chunk_size,
            ..Layout::RFC
        };
        let mut at = 4 + 17;
        Pieces::of(&located, &layout)
            .map(|piece| {
                assert_eq!(piece.offset, at);
                at += piece.data.len();
                (piece.chunk, piece.data.len())
            })
            .collect()
    }

    #[test]
    fn one_chunk_is_all_of_its_message_whatever_its_length() {
        for size in [
            ChunkSize::Fixed(10),
            ChunkSize::Variable,
            ChunkSize::Unknown,
        ] {
            assert_eq!(chunks(5, 5, 17, size), [(5, 17)]);
            assert_eq!(chunks(5, 5, 0, size), [(5, 0)]);
        }
    }

    #[test]
    fn several_chunks_are_split_by_their_size_and_the_last_may_be_shorter() {
        let size = ChunkSize::Fixed(10);
        assert_eq!(chunks(4, 6, 30, size), [(4, 10), (5, 10), (6, 10)]);
        assert_eq!(chunks(4, 6, 21, size), [(4, 10), (5, 10), (6, 1)]);
    }

    #[test]
    fn several_chunks_of_unknown_size_or_another_length_are_not_split() {
        assert_eq!(chunks(4, 6, 30, ChunkSize::Unknown), []);
        assert_eq!(chunks(4, 6, 30, ChunkSize::Variable), []);
        assert_eq!(chunks(4, 6, 20, ChunkSize::Fixed(10)), []);
        assert_eq!(chunks(4, 6, 31, ChunkSize::Fixed(10)), []);
        assert_eq!(chunks(0, u32::MAX, 31, ChunkSize::Fixed(10)), []);
    }
}
