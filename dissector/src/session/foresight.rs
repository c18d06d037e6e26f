//! Which chunks of a datagram are going to be hashed, told before it is
//! analyzed, so that somebody else can hash them: several at once, or in
//! another thread.

use super::analyzer::Analyzer;
use super::input::Datagram;
use super::route::Route;
use super::table::key_of;
use super::verification::{Protection, protection};
use crate::integrity::{Hash, TreeHash};
use crate::wire::{Located, Message, Reader};

/// A chunk that a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkToHash {
    /// Where in the datagram it begins, bytes.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// With which function it is to be hashed.
    pub function: TreeHash,
}

impl ChunkToHash {
    /// Its bytes in `payload`, the datagram that it was foreseen in.
    pub fn of<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let end = self.offset.saturating_add(self.length);
        payload.get(self.offset..end).unwrap_or_default()
    }
}

/// The hash of a chunk that a datagram carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedChunk {
    /// Which chunk.
    pub chunk: ChunkToHash,
    /// Its hash.
    pub hash: Hash,
}

impl Analyzer {
    /// Adds to `wanted` the chunks that [`Analyzer::datagram_hashed`] would hash
    /// when it was given `datagram` now. Datagrams before it may change what it
    /// turns out to be: what is missing then is hashed after all, and what is
    /// too much is left aside.
    pub fn foresee(&self, datagram: &Datagram<'_>, wanted: &mut Vec<ChunkToHash>) {
        if !self.config.verify {
            return;
        }
        let Ok((id, mut reader)) = Reader::new(datagram.payload, datagram.wire_length) else {
            return;
        };
        let Some(end) = self.table.end(&key_of(datagram, id)) else {
            return;
        };
        let route = Route::to(end, true);
        let channel = &self.channels[route.channel.0 as usize];
        let sender = channel.end(route.sender);
        let layout = &sender.layout;
        let swarm = &self.swarms[channel.swarm.0 as usize];
        if !matches!(
            protection(layout, sender.declared.as_deref(), swarm),
            Protection::Root | Protection::Munros
        ) {
            return;
        }
        let Some(function) = TreeHash::new(layout.hash_function) else {
            return;
        };
        loop {
            reader.skip_to_data(layout);
            let wants = reader.next_into(layout, |located| {
                wanted.extend(chunk_to_hash(&located, function));
                !matches!(located.message, Message::Handshake(_))
            });
            let Some(Ok(true)) = wants else {
                return;
            };
        }
    }
}

/// The chunk of a DATA message that is all there.
pub(super) fn chunk_to_hash(located: &Located<'_>, function: TreeHash) -> Option<ChunkToHash> {
    match located.message {
        Message::Data {
            data, data_length, ..
        } if data.len() == data_length => Some(ChunkToHash {
            // A chunk is the last thing in its message.
            offset: located.offset + located.length - data_length,
            length: data_length,
            function,
        }),
        _ => None,
    }
}
