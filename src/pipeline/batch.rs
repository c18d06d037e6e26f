//! Datagrams that are read, hashed and analyzed together.

use std::ops::Range;

use ppspp_dissector::session::{Analyzer, ChunkToHash, Datagram, HashedChunk, Time};

use crate::capture::{Capture, Captured, Progress};
use crate::hashing::hash_chunks;

/// Datagrams of a batch, at most.
pub(super) const MOST_DATAGRAMS: usize = 128;

/// Bytes of a batch, a datagram more or less: what stays in a core's cache.
const MOST_BYTES: usize = 256 * 1024;

/// Some datagrams in their order, copied out of the capture's buffer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    wanted: Vec<ChunkToHash>,
    hashed: Vec<HashedChunk>,
    /// How far the capture was read when this was filled.
    pub(super) progress: Option<Progress>,
}

/// A datagram of a batch.
#[derive(Debug)]
struct Entry {
    /// Without its payload.
    head: Datagram<'static>,
    payload: Range<usize>,
    /// Its chunks among those of the batch that are hashed.
    chunks: Range<usize>,
    comment: Option<Box<str>>,
    input: usize,
    stored: Option<u64>,
    frame_length: u64,
    start: Option<Time>,
}

impl Entry {
    fn datagram<'a>(&self, bytes: &'a [u8]) -> Datagram<'a> {
        Datagram {
            payload: bytes.get(self.payload.clone()).unwrap_or_default(),
            ..self.head
        }
    }
}

impl Batch {
    /// Fills the batch with the capture's next datagrams, `most` at most; it
    /// stays empty at the end.
    pub(super) fn fill(&mut self, capture: &mut Capture, most: usize) {
        self.bytes.clear();
        self.entries.clear();
        self.wanted.clear();
        self.hashed.clear();
        while self.entries.len() < most && self.bytes.len() < MOST_BYTES {
            let Some(captured) = capture.next() else {
                break;
            };
            let start = self.bytes.len();
            self.bytes.extend_from_slice(captured.datagram.payload);
            self.entries.push(Entry {
                head: Datagram {
                    payload: &[],
                    ..captured.datagram
                },
                payload: start..self.bytes.len(),
                chunks: 0..0,
                comment: captured.comment.map(Into::into),
                input: captured.input,
                stored: captured.stored,
                frame_length: captured.frame_length,
                start: captured.start,
            });
        }
        self.progress = Some(capture.progress());
    }

    /// Whether the capture had nothing left.
    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes which chunks the analyzer is going to hash.
    pub(super) fn foresee(&mut self, analyzer: &Analyzer) {
        for entry in &mut self.entries {
            let start = self.wanted.len();
            analyzer.foresee(&entry.datagram(&self.bytes), &mut self.wanted);
            entry.chunks = start..self.wanted.len();
        }
    }

    /// Hashes those chunks.
    pub(super) fn hash(&mut self) {
        let Self {
            bytes,
            entries,
            wanted,
            hashed,
            ..
        } = self;
        let chunks = entries.iter().flat_map(|entry| {
            let payload = entry.datagram(bytes).payload;
            let chunks = wanted.get(entry.chunks.clone()).unwrap_or_default();
            chunks
                .iter()
                .map(|chunk| (chunk.function, chunk.of(payload)))
        });
        let mut place = wanted.iter();
        hash_chunks(chunks, |hash| {
            hashed.extend(place.next().map(|&chunk| HashedChunk { chunk, hash }));
        });
    }

    /// The datagrams with what was hashed of them.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (Captured<'_>, &[HashedChunk])> {
        self.entries.iter().map(|entry| {
            let hashed = self.hashed.get(entry.chunks.clone()).unwrap_or_default();
            let captured = Captured {
                datagram: entry.datagram(&self.bytes),
                comment: entry.comment.as_deref(),
                input: entry.input,
                stored: entry.stored,
                frame_length: entry.frame_length,
                start: entry.start,
            };
            (captured, hashed)
        })
    }
}
