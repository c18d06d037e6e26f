//! What may be set about a peer and its swarms.

use std::time::Duration;

use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

use super::live::LiveConfig;
use super::picker::Picking;
use super::reciprocity::Reciprocity;

/// How a peer writes its handshakes: which options an implementation at the
/// other end can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether the chunk size is declared: a MUST of RFC 7574, section 7.11,
    /// which older implementations drop the handshake for.
    pub declares_chunk_size: bool,
    /// Whether the supported messages are declared (section 7.10).
    pub declares_messages: bool,
    /// Whether a reply repeats the swarm ID (section 7.4 leaves it open).
    pub repeats_swarm_id: bool,
    /// Whether INTEGRITY goes in datagrams of its own.
    pub separate_hashes: bool,
    /// Whether an injector signs the munro's hash alone and dates signatures in
    /// microseconds since 1970 (against section 6.1.2.2).
    pub signs_hash_alone: bool,
    /// Whether PEX is asked for.
    pub asks_for_peers: bool,
    /// Whether each DATA is acknowledged in a datagram of its own.
    pub single_acks: bool,
    /// Whether a peer that does not answer is asked again as [`Self::LIBSWIFT`]:
    /// it may know the older options only.
    pub falls_back: bool,
}

impl Profile {
    /// RFC 7574 as it is written.
    pub const RFC: Self = Self {
        name: "rfc7574",
        declares_chunk_size: true,
        declares_messages: true,
        repeats_swarm_id: false,
        separate_hashes: false,
        signs_hash_alone: false,
        asks_for_peers: true,
        single_acks: false,
        falls_back: false,
    };

    /// RFC 7574, and what libswift takes for who does not answer that.
    pub const AUTO: Self = Self {
        name: "auto",
        falls_back: true,
        ..Self::RFC
    };

    /// What libswift takes: it knows neither option 8 nor 9.
    pub const LIBSWIFT: Self = Self {
        name: "libswift",
        declares_chunk_size: false,
        declares_messages: false,
        signs_hash_alone: true,
        ..Self::RFC
    };

    /// What libperegrine takes.
    pub const PEREGRINE: Self = Self {
        name: "libperegrine",
        separate_hashes: true,
        asks_for_peers: false,
        single_acks: true,
        ..Self::LIBSWIFT
    };

    /// What `PyPPSPP` takes: no PEX, hashes apart.
    pub const PYPPSPP: Self = Self {
        name: "pyppspp",
        separate_hashes: true,
        asks_for_peers: false,
        ..Self::RFC
    };

    /// All of them.
    pub const ALL: [&'static Self; 5] = [
        &Self::AUTO,
        &Self::RFC,
        &Self::LIBSWIFT,
        &Self::PEREGRINE,
        &Self::PYPPSPP,
    ];
}

/// What may be set about a peer.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Channels at once, at most; half of them may be half-open (RFC 7574,
    /// section 12.6).
    pub most_channels: usize,
    /// Channels to one address, at most.
    pub most_channels_to_address: usize,
    /// Peers of one swarm that are looked for.
    pub most_peers: usize,
    /// Bytes of a datagram that may go unfragmented, without IP and UDP headers.
    pub datagram_size: usize,
    /// How long after its last datagram a silent peer gets a keep-alive
    /// (section 8.14).
    pub keep_alive: Duration,
    /// How long a peer may be silent before it is taken for dead (section 8.15).
    pub dead_after: Duration,
    /// LEDBAT's target delay (RFC 6817, section 2.4.2).
    pub ledbat_target: Duration,
    /// Bytes a second that are sent at most, all peers together.
    pub upload_rate: Option<u64>,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            most_channels: 1024,
            most_channels_to_address: 8,
            most_peers: 32,
            datagram_size: 1472,
            keep_alive: Duration::from_secs(55),
            dead_after: Duration::from_secs(180),
            ledbat_target: Duration::from_millis(100),
            upload_rate: None,
        }
    }
}

/// What a swarm is.
#[derive(Clone, Debug)]
pub struct SwarmConfig {
    /// The swarm ID.
    pub id: Vec<u8>,
    /// How its content is protected (RFC 7574, section 7.5).
    pub integrity: ContentIntegrity,
    /// The hash function of its tree (section 7.6).
    pub hash_function: HashFunction,
    /// How chunks are named (section 7.8).
    pub addressing: ChunkAddressing,
    /// Bytes of a chunk (section 7.11).
    pub chunk_size: u32,
    /// How handshakes are written.
    pub profile: &'static Profile,
    /// Which chunks are asked for first.
    pub picking: Picking,
    /// Who is served.
    pub reciprocity: Reciprocity,
    /// Whether content that is not there is asked for.
    pub wants_content: bool,
    /// What is special where the integrity method is one of live streams.
    pub live: LiveConfig,
}
