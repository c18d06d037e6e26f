//! Chunks that were written and wait for the next commit.

use std::fmt;
use std::ops::RangeInclusive;

use super::error::StorageError;

/// A chunk's bytes among those that wait.
#[derive(Clone, Copy, Debug)]
struct Piece {
    chunk: u64,
    at: usize,
    length: usize,
}

/// Chunks that wait for the next commit.
#[derive(Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// Here a run is put together whose chunks did not come in their order.
    gathered: Vec<u8>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} chunks wait", self.pieces.len())
    }
}

impl Pending {
    pub(super) fn push(&mut self, chunk: u64, data: &[u8]) {
        self.pieces.push(Piece {
            chunk,
            at: self.bytes.len(),
            length: data.len(),
        });
        self.bytes.extend_from_slice(data);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The last chunk that waits, by number.
    pub(super) fn last_chunk(&self) -> Option<u64> {
        self.pieces.iter().map(|piece| piece.chunk).max()
    }

    /// The length of a chunk that waits.
    pub(super) fn length_of(&self, chunk: u64) -> Option<usize> {
        let found = self.pieces.iter().rev().find(|piece| piece.chunk == chunk);
        found.map(|piece| piece.length)
    }

    /// Hands out each contiguous run of chunks with its bytes.
    pub(super) fn each_run(
        &mut self,
        mut write: impl FnMut(RangeInclusive<u64>, &[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.pieces.sort_by_key(|piece| piece.chunk);
        // Of a chunk that was written twice the second counts.
        self.pieces.dedup_by(|next, kept| {
            let is_same = next.chunk == kept.chunk;
            if is_same {
                *kept = *next;
            }
            is_same
        });
        for run in self
            .pieces
            .chunk_by(|piece, next| piece.chunk + 1 == next.chunk)
        {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let chunks = first.chunk..=last.chunk;
            if run.is_sorted_by(|piece, next| piece.at + piece.length == next.at) {
                write(chunks, &self.bytes[first.at..last.at + last.length])?;
            } else {
                self.gathered.clear();
                for piece in run {
                    let bytes = &self.bytes[piece.at..piece.at + piece.length];
                    self.gathered.extend_from_slice(bytes);
                }
                write(chunks, &self.gathered)?;
            }
        }
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
    }
}
