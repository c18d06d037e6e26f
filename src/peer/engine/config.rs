//! What may be set about a peer and its swarms.

use std::net::SocketAddr;
use std::sync::Arc;
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
    /// Whether its swarms have no integrity protection unless the user says
    /// otherwise.
    pub is_unprotected: bool,
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
    /// Whether each DATA is acknowledged by itself, and not by the interval that
    /// it completes (against section 4.3.2).
    pub single_acks: bool,
    /// Whether an ACK must be alone in its datagram.
    pub lone_acks: bool,
    /// Whether the other end acknowledges little but breaks in the order of
    /// chunks, and tells by HAVEs alone that it got the last ones.
    pub acknowledges_breaks: bool,
    /// Whether a REQUEST for chunk 0 alone is not answered.
    pub ignores_first_alone: bool,
    /// Whether requests may be taken back by CANCEL.
    pub cancels: bool,
    /// LEDBAT's target delay, where it is less than the peer's own: of two flows
    /// the one with the higher target wins.
    pub ledbat_target: Duration,
    /// How far DATA timestamps are set back: for who can't take one that is ahead
    /// of its own clock. Only their differences mean anything (section 8.7).
    pub timestamps_lag: Duration,
    /// Whether a peer that does not answer is asked again as [`Self::LIBSWIFT`]:
    /// it may know the older options only.
    pub falls_back: bool,
}

impl Profile {
    /// RFC 7574 as it is written.
    pub const RFC: Self = Self {
        name: "rfc7574",
        is_unprotected: false,
        declares_chunk_size: true,
        declares_messages: true,
        repeats_swarm_id: false,
        separate_hashes: false,
        signs_hash_alone: false,
        asks_for_peers: true,
        single_acks: false,
        lone_acks: false,
        acknowledges_breaks: false,
        ignores_first_alone: false,
        cancels: true,
        ledbat_target: Duration::from_millis(100),
        timestamps_lag: Duration::ZERO,
        falls_back: false,
    };

    /// RFC 7574, and what libswift takes for who does not answer that.
    pub const AUTO: Self = Self {
        name: "auto",
        falls_back: true,
        ..Self::RFC
    };

    /// What libswift takes: it knows neither option 8 nor 9. For each ACK it looks
    /// for one datagram of its own, the oldest in the interval: it would take an
    /// interval for the ACK of a chunk that has long been acknowledged, and believe
    /// in ever longer round trips. Its own target delay is 25 ms, and its receive
    /// buffer overflows before ours would be reached.
    pub const LIBSWIFT: Self = Self {
        name: "libswift",
        declares_chunk_size: false,
        declares_messages: false,
        signs_hash_alone: true,
        single_acks: true,
        ledbat_target: Duration::from_millis(25),
        ..Self::RFC
    };

    /// What libperegrine takes.
    pub const PEREGRINE: Self = Self {
        name: "libperegrine",
        separate_hashes: true,
        asks_for_peers: false,
        ..Self::LIBSWIFT
    };

    /// What `PyPPSPP` takes: no PEX, no CANCEL, no ACK with anything behind it. It
    /// acknowledges the eleventh chunk in a row, or a break, and never acknowledges
    /// anything again after a timestamp ahead of its clock.
    pub const PYPPSPP: Self = Self {
        name: "pyppspp",
        is_unprotected: true,
        separate_hashes: true,
        asks_for_peers: false,
        single_acks: true,
        lone_acks: true,
        acknowledges_breaks: true,
        ignores_first_alone: true,
        cancels: false,
        timestamps_lag: Duration::from_secs(10),
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
    /// What is special about a live stream.
    pub live: LiveConfig,
    /// What is special where nothing protects the content.
    pub unprotected: Unprotected,
    /// Membership certificates.
    pub membership: Membership,
}

impl SwarmConfig {
    /// Whether it is a live stream.
    pub fn is_live(&self) -> bool {
        self.integrity.is_live()
            || self.integrity == ContentIntegrity::None && self.unprotected.is_live
    }
}

/// How membership certificates are used in a swarm (RFC 7574, sections 8.13 and
/// 12.2.1). They are checked outside: see [`Event::MembershipClaimed`].
///
/// [`Event::MembershipClaimed`]: super::Event::MembershipClaimed
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Whether others must have a certificate to be named, and to be believed in
    /// when they are.
    pub is_required: bool,
    /// Our own, which is given to those who ask for peers: the address that it
    /// names, and its bytes.
    pub own: Option<(SocketAddr, Arc<[u8]>)>,
}

/// What may be known of content that nothing protects (RFC 7574, section 7.5,
/// method 0, which erratum 4880 takes back): neither a root hash nor a key tells
/// what kind it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unprotected {
    /// Whether it is a live stream.
    pub is_live: bool,
    /// Bytes of static content. Where they are not known, the first chunk that is
    /// shorter than others is taken for the last one.
    pub length: Option<u64>,
}
