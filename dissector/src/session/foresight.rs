//! What is going to be hashed of a datagram, told before it is analyzed, so that
//! somebody else can hash it: several chunks at once, or in another thread.
//!
//! A datagram should carry all that its receiver needs to verify it (RFC 7574,
//! section 5.3). So its own hashes mostly tell which nodes lie above its chunk.

use super::analyzer::Analyzer;
use super::input::Datagram;
use super::route::Route;
use super::table::key_of;
use super::verification::{Protection, protection};
use crate::integrity::{Hash, JoinedHashes, TreeHash};
use crate::wire::{Bin, Layout, Message, Pieces, Reader};

/// Hashes of a datagram that are looked through for uncles, the latest ones.
const MOST_HASHES: usize = 64;

/// How a datagram is going to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    layout: Layout,
    function: TreeHash,
}

/// A chunk that a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkToHash {
    /// Where in the datagram it begins, bytes.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// With which function it is to be hashed.
    pub function: TreeHash,
    /// How many of the uncles belong to it.
    pub uncles: usize,
}

impl ChunkToHash {
    /// Its bytes in `payload`, the datagram that it was foreseen in.
    pub fn of<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        part(payload, self.offset, self.length)
    }
}

/// The hash of an uncle of a chunk: beside the chunk, or beside what that and
/// the uncle before make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncle {
    /// Where in the datagram the hash begins, bytes.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// Whether it stands on the left.
    pub is_left: bool,
}

impl Uncle {
    /// Its hash in `payload`, the datagram that it was foreseen in.
    pub fn of<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        part(payload, self.offset, self.length)
    }
}

fn part(payload: &[u8], offset: usize, length: usize) -> &[u8] {
    let end = offset.saturating_add(length);
    payload.get(offset..end).unwrap_or_default()
}

/// What is to be hashed of datagrams.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// Their chunks.
    pub chunks: Vec<ChunkToHash>,
    /// The uncles of those, chunk after chunk, from the bottom of the tree up.
    pub uncles: Vec<Uncle>,
    /// Where the hashes of the datagram at hand are.
    hashes: Vec<(Bin, usize, usize)>,
}

impl Foreseen {
    /// Forgets everything, keeping the room.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.uncles.clear();
    }
}

/// The hash of a chunk that a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedChunk {
    /// Where in the datagram it begins, bytes.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// With which function it was hashed.
    pub function: TreeHash,
    /// Its hash.
    pub hash: Hash,
}

/// What somebody else has hashed of a datagram. It is believed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed<'h> {
    /// Its chunks.
    pub chunks: &'h [HashedChunk],
    /// Nodes above its chunks.
    pub joined: &'h [JoinedHashes],
}

impl Analyzer {
    /// How [`Analyzer::datagram_hashed`] would read `datagram` when it was given
    /// that now; `None` where it would hash nothing. Datagrams before it may
    /// change that: what is missing then is hashed after all, and what is too
    /// much is left aside.
    #[inline]
    pub fn outlook(&self, datagram: &Datagram<'_>) -> Option<Outlook> {
        if !self.config.verify {
            return None;
        }
        let (id, _) = Reader::new(datagram.payload, datagram.wire_length).ok()?;
        let end = self.table.end(&key_of(datagram, id))?;
        let route = Route::to(end, true);
        let channel = &self.channels[route.channel.0 as usize];
        let sender = channel.end(route.sender);
        let layout = sender.layout;
        let swarm = &self.swarms[channel.swarm.0 as usize];
        let has_tree = matches!(
            protection(&layout, sender.declared.as_deref(), swarm),
            Protection::Root | Protection::Munros
        );
        let function = TreeHash::new(layout.hash_function).filter(|_| has_tree)?;
        Some(Outlook { layout, function })
    }
}

impl Outlook {
    /// Adds what is to be hashed of the datagram that this is the outlook for.
    pub fn foresee(&self, datagram: &Datagram<'_>, foreseen: &mut Foreseen) {
        let Self { layout, function } = self;
        let Ok((_, mut reader)) = Reader::new(datagram.payload, datagram.wire_length) else {
            return;
        };
        foreseen.hashes.clear();
        let Foreseen {
            chunks,
            uncles,
            hashes,
        } = foreseen;
        let size = layout.chunk_size.or_assumed();
        loop {
            reader.skip_to_content(layout);
            let goes_on = reader.next_into(layout, |located| {
                match located.message {
                    Message::Integrity { spec, hash } => {
                        let bin = spec.chunks(size).range().and_then(Bin::covering);
                        let offset = located.offset + located.length - hash.len();
                        hashes.extend(bin.map(|bin| (bin, offset, hash.len())));
                    }
                    Message::Data { .. } => {
                        for piece in Pieces::of(&located, layout) {
                            let before = uncles.len();
                            add_uncles(piece.chunk, hashes, uncles);
                            chunks.push(ChunkToHash {
                                offset: piece.offset,
                                length: piece.data.len(),
                                function: *function,
                                uncles: uncles.len() - before,
                            });
                        }
                    }
                    _ => {}
                }
                // What follows it is read in another way.
                !matches!(located.message, Message::Handshake(_))
            });
            let Some(Ok(true)) = goes_on else {
                return;
            };
        }
    }
}

/// Adds the uncles of `chunk` that are among `hashes`, up to the first that is not.
fn add_uncles(chunk: u64, hashes: &[(Bin, usize, usize)], uncles: &mut Vec<Uncle>) {
    let mut node = Bin::leaf(chunk);
    while let Some(found) = node
        && let Some(sibling) = found.sibling()
        && let Some(&(_, offset, length)) = hashes
            .iter()
            .rev()
            .take(MOST_HASHES)
            .find(|(bin, ..)| *bin == sibling)
    {
        uncles.push(Uncle {
            offset,
            length,
            is_left: sibling.is_left(),
        });
        node = found.parent();
    }
}
