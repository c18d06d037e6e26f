//! How many chunks there are and how long they may be.

use std::num::NonZeroU32;

use crate::peer::engine::{Chunks, StoreError};

/// What does not fit the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("a chunk has 1 to {most} bytes, and this has {length}")]
    Length { length: usize, most: u32 },
    #[error("only the last chunk may be shorter than {most} bytes, and this has {length}")]
    Short { length: usize, most: u32 },
    #[error("the content has {size} chunks, counted from 0")]
    Beyond { size: u64 },
    #[error("content has at least one chunk, and at most so many bytes as a file offset can name")]
    Impossible,
    #[error("the content has {size} chunks or fewer")]
    OtherSize { size: u64 },
    #[error("chunk {chunk} is there already")]
    TooSmall { chunk: u64 },
    #[error("the chunk was not committed")]
    NotPresent,
    #[error("only a live stream has a discard window")]
    Static,
}

impl Misfit {
    /// The error of a store, which says what was tried.
    pub(super) fn on(self, what: String) -> StoreError {
        StoreError {
            what,
            cause: Box::new(self),
        }
    }
}

/// How many chunks there are and how long they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bytes of all chunks but the last.
    pub(super) chunk_size: NonZeroU32,
    /// Number of chunks, where it is known.
    pub(super) size: Option<u64>,
}

impl Shape {
    /// Whether a chunk can have this length.
    pub(super) fn check_chunk(self, chunk: u64, length: usize) -> Result<(), Misfit> {
        let most = self.chunk_size.get();
        if length == 0 || length > most as usize {
            return Err(Misfit::Length { length, most });
        }
        match self.size {
            Some(size) if chunk >= size => Err(Misfit::Beyond { size }),
            Some(size) if chunk == size - 1 => Ok(()),
            _ if length < most as usize => Err(Misfit::Short { length, most }),
            None if chunk > self.most_chunks() => Err(Misfit::Impossible),
            _ => Ok(()),
        }
    }

    /// Whether the content can have this many chunks, with these present. They
    /// may turn out to be fewer than was thought: who sends the root hash alone
    /// as the only peak seems to promise a complete tree (RFC 7574, section
    /// 5.6.2).
    pub(super) fn check_size(self, chunks: u64, present: &Chunks) -> Result<(), Misfit> {
        if let Some(size) = self.size
            && chunks > size
        {
            return Err(Misfit::OtherSize { size });
        }
        if chunks == 0 || chunks > self.most_chunks() {
            return Err(Misfit::Impossible);
        }
        match present.last() {
            Some(range) if *range.end() >= chunks => Err(Misfit::TooSmall {
                chunk: *range.end(),
            }),
            _ => Ok(()),
        }
    }

    /// So many chunks a file can have: its offsets are signed, and bin numbers
    /// take two bits more than chunk numbers.
    fn most_chunks(self) -> u64 {
        (i64::MAX as u64 / u64::from(self.chunk_size.get())).min(1 << 48)
    }
}
