//! What the user can set, and the caps that keep memory bounded.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::address::{EndKey, Pair};
use super::infer::Inference;
use crate::wire::{ChunkAddressing, ChunkSize, HashFunction, Layout};

/// Channels that are followed; one between strangers costs about 2.5 KiB with
/// its swarm and its places in the tables. Datagrams of further channels are
/// decoded but not followed.
pub const MAX_CHANNELS: usize = 16 * 1024;

/// Channel IDs that are known, and addresses that chose one: two to a channel,
/// and as many again for peers that declare others later. About 200 bytes each.
pub const MAX_IDS: usize = 4 * MAX_CHANNELS;

/// Bytes of swarm IDs that are kept in all. Every channel has one swarm at
/// most, so that there are never more swarms than channels.
pub const MAX_ID_BYTES: usize = 8 * 1024 * 1024;

/// Pages of scattered chunks and runs of whole pages that all sets of chunks
/// keep together: about 200 bytes each, 64 million scattered chunks.
pub const MAX_CHUNK_PAGES: usize = 64 * 1024;

/// Peers that are listed for one swarm.
pub const MAX_PEERS: usize = 4 * 1024;

/// Channels whose first datagrams are weighed before they are believed.
pub const MAX_SUSPECTS: usize = 4 * 1024;

/// What the user knows better than the capture.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// UDP and TCP ports whose datagrams are PPSPP, whatever they look like.
    /// When there are any, all other ports are not.
    pub ports: BTreeSet<u16>,
    /// Addressing method of channels whose handshake is missing or silent.
    pub addressing: Option<ChunkAddressing>,
    /// Hash function of channels whose handshake is missing or silent.
    pub hash_function: Option<HashFunction>,
    /// Chunk size of channels whose handshake is missing or silent.
    pub chunk_size: Option<ChunkSize>,
    /// Whether chunks, hashes and signatures are verified.
    pub verify: bool,
    /// Something that who made the capture can't know. It changes no result:
    /// hashes that are kept in part are told apart by it.
    pub seed: u64,
    /// What a first reading of the same capture found out.
    pub learned: Learned,
}

/// What a reading of a capture's beginning found out about channels whose
/// handshake it lacks, so that a second reading decodes them from their first
/// datagram on.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    pub(super) ends: HashMap<EndKey, LearnedEnd, FixedState>,
    pub(super) pairs: HashSet<Pair, FixedState>,
    pub(super) swarms: HashMap<Arc<[u8]>, HashFunction, FixedState>,
}

impl Learned {
    /// Whether there is nothing that a second reading would profit from.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.swarms.is_empty() && self.pairs.is_empty()
    }
}

/// What is known about the messages of one end's sender.
#[derive(Clone, Debug)]
pub(super) struct LearnedEnd {
    pub(super) layout: Layout,
    /// What is still open.
    pub(super) inference: Option<Inference>,
    /// Whether hashes or signatures were seen.
    pub(super) hashes_seen: bool,
}
