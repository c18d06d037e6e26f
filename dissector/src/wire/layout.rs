//! What must be known beside the bytes to read a datagram: the widths that
//! the handshake settled.

use super::dialect::{Dialect, RFC7574};
use super::registry::{ChunkAddressing, HashFunction};

/// Size of a chunk, as far as it is known (RFC 7574, section 7.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkSize {
    /// Every chunk but the last has this many bytes.
    Fixed(u32),
    /// Chunks differ in size: option 9 is `0xffffffff`.
    Variable,
    /// Nobody said. A DATA message then reaches to the end of its datagram.
    Unknown,
}

impl ChunkSize {
    /// The size that is taken where none is known: the RFC's recommendation
    /// (section 8.1), and what every implementation without option 9 uses.
    pub const ASSUMED: u32 = 1024;

    /// From the value of option 9. Zero is no size and counts as unknown.
    pub const fn from_option(value: u32) -> Self {
        match value {
            0 => Self::Unknown,
            u32::MAX => Self::Variable,
            size => Self::Fixed(size),
        }
    }

    /// The value for option 9, where there is one.
    pub const fn to_option(self) -> Option<u32> {
        match self {
            Self::Fixed(size) => Some(size),
            Self::Variable => Some(u32::MAX),
            Self::Unknown => None,
        }
    }

    /// Bytes to a chunk for turning byte ranges into chunk numbers.
    pub const fn or_assumed(self) -> u32 {
        match self {
            Self::Fixed(size) => size,
            Self::Variable | Self::Unknown => Self::ASSUMED,
        }
    }
}

/// The widths of one sender's messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Differences from the RFC.
    pub dialect: &'static Dialect,
    /// How chunks are named (option 6).
    pub addressing: ChunkAddressing,
    /// Which hashes INTEGRITY carries (option 4).
    pub hash_function: HashFunction,
    /// Bytes of a signature (option 5 and the swarm's key, section 8.9);
    /// `None` where it is not known.
    pub signature_length: Option<usize>,
    /// Size of a chunk (option 9).
    pub chunk_size: ChunkSize,
    /// Whether DATA carries a timestamp. The dialect says so for a whole
    /// implementation; libswift also leaves it out towards a peer that
    /// declares another version than 1.
    pub data_timestamp: bool,
}

impl Layout {
    /// The RFC's defaults (section 7): 32-bit chunk ranges, SHA-256.
    pub const RFC: Self = Self {
        dialect: &RFC7574,
        addressing: ChunkAddressing::Chunk32,
        hash_function: HashFunction::Sha256,
        signature_length: None,
        chunk_size: ChunkSize::Unknown,
        data_timestamp: true,
    };

    /// The defaults of a dialect.
    pub fn of_dialect(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            addressing: dialect.addressing.unwrap_or(Self::RFC.addressing),
            hash_function: dialect.hash_function.unwrap_or(Self::RFC.hash_function),
            data_timestamp: dialect.data_timestamp,
            ..Self::RFC
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::RFC
    }
}
