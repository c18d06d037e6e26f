//! A swarm as the capture shows it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::chunk_set::ChunkSet;
use super::config::MAX_PEERS;
use super::declared::Declared;
use super::verification::Verification;
use crate::wire::{ChunkAddressing, ChunkSize, ContentIntegrity, Dialect, HashFunction, Layout};

/// A swarm's place in the analyzer's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SwarmIndex(pub(super) u32);

impl SwarmIndex {
    /// The place as a number, from 0.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A value and whether a handshake said it or the datagrams showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<T> {
    /// The value.
    pub value: T,
    /// Whether it was inferred.
    pub inferred: bool,
}

impl<T> Known<T> {
    /// A handshake or the user told it.
    pub(super) const fn told(value: T) -> Self {
        Self {
            value,
            inferred: false,
        }
    }

    /// The datagrams showed it.
    pub(super) const fn shown(value: T) -> Self {
        Self {
            value,
            inferred: true,
        }
    }
}

/// One swarm.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// The swarm ID; `None` where no handshake named it.
    pub id: Option<Arc<[u8]>>,
    /// How its peers write.
    pub dialect: &'static Dialect,
    /// Option 3.
    pub content_integrity: Option<ContentIntegrity>,
    /// Option 4, or what the hashes' width showed. `None` where no hash was
    /// seen and no handshake told.
    pub hash_function: Option<Known<HashFunction>>,
    /// Option 6, or what the datagrams showed.
    pub chunk_addressing: Option<Known<ChunkAddressing>>,
    /// Option 9, where a handshake or the user told it.
    pub declared_chunk_size: Option<ChunkSize>,
    /// Length of the longest single chunk seen, bytes.
    pub longest_chunk: usize,
    /// Chunks seen in DATA messages.
    pub seen: ChunkSet,
    /// Highest chunk that anybody announced or sent.
    pub highest_chunk: Option<u64>,
    /// Chunks in DATA messages, repetitions included.
    pub data_messages: u64,
    /// What is verified of its content; `None` before the first chunk or hash.
    pub verification: Option<Box<Verification>>,
    /// Chunks to a signed munro, as the first one showed.
    pub(super) munro_width: Option<u64>,
    pub(super) peers: BTreeSet<SocketAddr>,
}

impl Swarm {
    pub(super) fn new(id: Option<Arc<[u8]>>, dialect: &'static Dialect) -> Self {
        Self {
            id,
            dialect,
            content_integrity: None,
            hash_function: None,
            chunk_addressing: None,
            declared_chunk_size: None,
            longest_chunk: 0,
            seen: ChunkSet::default(),
            highest_chunk: None,
            data_messages: 0,
            verification: None,
            munro_width: None,
            peers: BTreeSet::new(),
        }
    }

    /// The swarm ID in hexadecimal digits; empty where no handshake named it.
    pub fn id_digits(&self) -> String {
        let id = self.id.as_deref().unwrap_or_default();
        id.iter().fold(String::new(), |mut digits, byte| {
            for half in [byte >> 4, byte & 15] {
                digits.extend(char::from_digit(half.into(), 16));
            }
            digits
        })
    }

    /// Addresses of its peers, sorted.
    pub fn peers(&self) -> impl Iterator<Item = &SocketAddr> {
        self.peers.iter()
    }

    /// The chunk size: what was declared, or else the length of the longest
    /// chunk seen, inferred. `None` before any chunk, and where chunks vary.
    pub fn chunk_size(&self) -> Option<Known<u32>> {
        match self.declared_chunk_size {
            Some(ChunkSize::Fixed(value)) => Some(Known {
                value,
                inferred: false,
            }),
            Some(ChunkSize::Variable) => None,
            Some(ChunkSize::Unknown) | None => {
                let value = u32::try_from(self.longest_chunk).ok()?;
                (value > 0).then_some(Known::shown(value))
            }
        }
    }

    /// Whether the content is static: its method is the Merkle tree, or there
    /// is none and no live discard window either.
    pub fn is_static(&self) -> bool {
        self.content_integrity == Some(ContentIntegrity::Merkle)
            || self.dialect.hash_function.is_some()
    }

    /// Whether the content is a live stream: its chunks are signed.
    pub const fn is_live(&self) -> bool {
        matches!(
            self.content_integrity,
            Some(ContentIntegrity::SignAll | ContentIntegrity::UnifiedMerkle)
        )
    }

    pub(super) fn learn(&mut self, declared: &Declared, dialect: &'static Dialect) {
        self.dialect = dialect;
        self.content_integrity = self.content_integrity.or(declared.content_integrity);
        if let Some(function) = dialect.hash_function.or(declared.hash_function)
            && self
                .hash_function
                .is_none_or(|known| known.inferred && function.is_assigned())
        {
            self.hash_function = Some(Known::told(function));
        }
        if let Some(addressing) = dialect.addressing.or(declared.chunk_addressing)
            && self
                .chunk_addressing
                .is_none_or(|known| known.inferred && addressing.is_assigned())
        {
            self.chunk_addressing = Some(Known::told(addressing));
        }
        self.declared_chunk_size = self
            .declared_chunk_size
            .or(declared.chunk_size.map(ChunkSize::from_option));
    }

    /// Notes what the datagrams showed.
    pub(super) fn infer(&mut self, layout: &Layout, has_hashes: bool) {
        // What no registry assigns was told but shows nothing.
        if has_hashes
            && self
                .hash_function
                .is_none_or(|known| known.inferred || !known.value.is_assigned())
        {
            self.hash_function = Some(Known::shown(layout.hash_function));
        }
        if self
            .chunk_addressing
            .is_none_or(|known| known.inferred || !known.value.is_assigned())
        {
            self.chunk_addressing = Some(Known::shown(layout.addressing));
        }
    }

    pub(super) fn add_peer(&mut self, address: SocketAddr) {
        if self.peers.len() < MAX_PEERS {
            self.peers.insert(address);
        }
    }
}
