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
use crate::integrity::{Ascent, Hash, TreeHash, Uncle};
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
        let end = self.offset.saturating_add(self.length);
        payload.get(self.offset..end).unwrap_or_default()
    }
}

/// What is to be hashed of datagrams.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// Their chunks.
    pub chunks: Vec<ChunkToHash>,
    /// The uncles of those, chunk after chunk, from the bottom of the tree up.
    pub uncles: Vec<Uncle>,
    /// Where the hashes of the datagram at hand are.
    hashes: Vec<(Bin, u32, u16)>,
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
    /// How many of the uncles belong to it.
    pub uncles: usize,
}

/// What somebody else has hashed of a datagram. It is believed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashed<'h> {
    /// Its chunks.
    pub chunks: &'h [HashedChunk],
    /// The uncles of those, chunk after chunk, from the bottom of the tree up.
    pub uncles: &'h [Uncle],
    /// What each makes together with the node beside it.
    pub parents: &'h [Hash],
}

impl<'h> Hashed<'h> {
    /// The chunk of `length` bytes at `offset` of the datagram `payload`: its hash
    /// by `function`, and what is known of its way up.
    pub(super) fn chunk<'a>(
        &self,
        payload: &'a [u8],
        (offset, length): (usize, usize),
        function: TreeHash,
    ) -> Option<(Hash, Ascent<'a>)>
    where
        'h: 'a,
    {
        let mut before = 0usize;
        for chunk in self.chunks {
            let uncles = before..before.saturating_add(chunk.uncles);
            if chunk.offset == offset && chunk.length == length && chunk.function == function {
                let parents = self.parents.get(uncles.clone()).unwrap_or_default();
                let uncles = self.uncles.get(uncles).unwrap_or_default();
                return Some((chunk.hash, Ascent::new(payload, uncles, parents)));
            }
            before = uncles.end;
        }
        None
    }
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
                        let place = offset.try_into().ok().zip(hash.len().try_into().ok());
                        hashes.extend(
                            bin.zip(place)
                                .map(|(bin, (offset, length))| (bin, offset, length)),
                        );
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
fn add_uncles(chunk: u64, hashes: &[(Bin, u32, u16)], uncles: &mut Vec<Uncle>) {
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
