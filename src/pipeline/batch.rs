//! Datagrams that are read, hashed and analyzed together.

use std::ops::Range;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::session::{Analyzer, Datagram, Foreseen, Hashed, HashedChunk, Outlook, Time};

use crate::capture::{Capture, Captured, Progress};
use crate::hashing::hash_chunks;

use super::climb::Climb;

/// Datagrams of a batch, at most.
pub(super) const MOST_DATAGRAMS: usize = 256;

/// Bytes of a batch, a datagram more or less: what stays in a core's cache.
const MOST_BYTES: usize = 384 * 1024;

/// Some datagrams in their order, copied out of the capture's buffer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    foreseen: Foreseen,
    chunks: Vec<HashedChunk>,
    /// What each uncle makes together with what is beside it.
    parents: Vec<Hash>,
    /// How far the capture was read when this was filled.
    pub(super) progress: Option<Progress>,
}

/// A datagram of a batch.
#[derive(Debug)]
struct Entry {
    /// Without its payload.
    head: Datagram<'static>,
    payload: Range<usize>,
    outlook: Option<Outlook>,
    /// Its chunks and their uncles among those of the batch.
    chunks: Range<usize>,
    uncles: Range<usize>,
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
        self.foreseen.clear();
        self.chunks.clear();
        self.parents.clear();
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
                outlook: None,
                chunks: 0..0,
                uncles: 0..0,
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

    /// Notes how the analyzer is going to read the datagrams.
    pub(super) fn foresee(&mut self, analyzer: &Analyzer) {
        for entry in &mut self.entries {
            entry.outlook = analyzer.outlook(&entry.datagram(&self.bytes));
        }
    }

    /// Hashes what that will need.
    pub(super) fn hash(&mut self) {
        let Self {
            bytes,
            entries,
            foreseen,
            chunks,
            parents,
            ..
        } = self;
        for entry in &mut *entries {
            let (first_chunk, first_uncle) = (foreseen.chunks.len(), foreseen.uncles.len());
            if let Some(outlook) = entry.outlook {
                outlook.foresee(&entry.datagram(bytes), foreseen);
            }
            entry.chunks = first_chunk..foreseen.chunks.len();
            entry.uncles = first_uncle..foreseen.uncles.len();
        }
        let wanted = || {
            entries.iter().flat_map(|entry| {
                let payload = bytes.get(entry.payload.clone()).unwrap_or_default();
                let chunks = foreseen.chunks.get(entry.chunks.clone());
                let chunks = chunks.unwrap_or_default().iter();
                chunks.map(move |chunk| (payload, chunk))
            })
        };
        let mut places = foreseen.chunks.iter();
        hash_chunks(
            wanted().map(|(payload, chunk)| (chunk.function, chunk.of(payload))),
            |hash| {
                chunks.extend(places.next().map(|chunk| HashedChunk {
                    offset: chunk.offset,
                    length: chunk.length,
                    function: chunk.function,
                    hash,
                    uncles: chunk.uncles,
                }));
            },
        );
        let mut uncles = foreseen.uncles.as_slice();
        let climbs = wanted().zip(&*chunks).map(|((payload, chunk), hashed)| {
            let (own, others) = uncles.split_at(chunk.uncles.min(uncles.len()));
            uncles = others;
            Climb::from(payload, hashed, own)
        });
        Climb::all(climbs, parents);
    }

    /// The datagrams with what was hashed of them.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (Captured<'_>, Hashed<'_>)> {
        let uncles = &self.foreseen.uncles;
        self.entries.iter().map(|entry| {
            let hashed = Hashed {
                chunks: self.chunks.get(entry.chunks.clone()).unwrap_or_default(),
                uncles: uncles.get(entry.uncles.clone()).unwrap_or_default(),
                parents: self.parents.get(entry.uncles.clone()).unwrap_or_default(),
            };
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
