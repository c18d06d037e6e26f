//! What runs on the hosts of a scenario: peers, and flows to compete with.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::wire::{ChunkSize, ContentIntegrity, Layout};
use rand_core::Rng as _;

use super::chance::{Purpose, Seed};
use super::node::Node;
use super::reno::Reno;
use super::rogue::{corrupt_chunks, corrupt_hashes, without_requests};
use super::scenario::{ContentSettings, HostSettings, Misbehaviour, Role};
use super::summary::Achievement;
use crate::peer::engine::{
    Event, JoinError, LiveConfig, Membership, Moment, Peer, PeerConfig, StoreError, SwarmConfig,
    SwarmKey, SwarmTotals, Unprotected,
};
use crate::peer::storage::MemoryStore;

/// Chunks that a slow peer sends in a second.
const SLOW: u64 = 4;

/// What a host runs.
#[derive(Debug)]
pub enum Participant {
    /// A peer.
    Peer(Box<PeerNode>),
    /// One end of other traffic.
    Reno(Reno),
}

impl Participant {
    /// The peer, where it is one.
    pub const fn peer(&self) -> Option<&PeerNode> {
        match self {
            Self::Peer(peer) => Some(peer),
            Self::Reno(_) => None,
        }
    }

    /// What it achieved.
    pub fn achievement(&self) -> Achievement {
        self.peer()
            .map_or_else(Achievement::default, PeerNode::achievement)
    }
}

/// A peer of the engine on a simulated host, with its content in memory.
#[derive(Debug)]
pub struct PeerNode {
    peer: Peer,
    swarm: SwarmKey,
    /// Whether it began without the content.
    is_leecher: bool,
    misbehaviour: Option<Misbehaviour>,
    /// How messages of the swarm are laid out.
    layout: Layout,
    /// Bytes of the whole content.
    length: u64,
    finished: Option<Moment>,
    has_crashed: bool,
}

/// What a peer of a simulation begins with.
pub(super) struct Beginning<'a> {
    pub(super) seed: Seed,
    /// Which of the hosts it is.
    pub(super) index: usize,
    pub(super) host: &'a HostSettings,
    pub(super) settings: &'a ContentSettings,
    pub(super) content: &'a [u8],
    pub(super) id: &'a [u8],
    /// When it starts.
    pub(super) start: Moment,
    /// Whom it knows then.
    pub(super) known: &'a [SocketAddr],
}

impl PeerNode {
    /// A peer of static content.
    pub(super) fn new(beginning: &Beginning<'_>) -> Result<Self, JoinError> {
        let (host, settings) = (beginning.host, beginning.settings);
        let chunk_size = settings.chunk_size;
        let rate = host.policies.rate.map(|rate| rate.bits_per_second() / 8);
        let is_slow = host.misbehaviour == Some(Misbehaviour::Slow);
        let defaults = PeerConfig::default();
        let config = PeerConfig {
            upload_rate: if is_slow {
                Some(SLOW * u64::from(chunk_size))
            } else {
                rate
            },
            ledbat_target: host
                .policies
                .ledbat_target
                .unwrap_or(defaults.ledbat_target),
            ..defaults
        };
        let mut seed = [0; 32];
        let purpose = Purpose::Node(beginning.index as u32);
        beginning.seed.generator(purpose).fill_bytes(&mut seed);
        let mut peer = Peer::new(config, seed);
        let function = TreeHash::new(settings.hash_function).ok_or(JoinError::HashFunction)?;
        let size = NonZeroU32::new(chunk_size).ok_or(JoinError::ChunkSize(chunk_size))?;
        // Who is silent about what it has would be a leecher like others.
        let is_silent = host.misbehaviour == Some(Misbehaviour::Silent);
        let store = if host.role == Role::Seeder || is_silent {
            MemoryStore::of_content(function, size, beginning.content).map(|(store, _)| store)
        } else {
            Ok(MemoryStore::new(size))
        };
        // Only empty content fails, which no scenario has.
        let store = store.unwrap_or_else(|_| MemoryStore::new(size));
        let swarm = SwarmConfig {
            id: beginning.id.to_vec(),
            integrity: ContentIntegrity::Merkle,
            hash_function: settings.hash_function,
            addressing: settings.chunk_addressing,
            chunk_size,
            profile: host.policies.dialect,
            picking: host.policies.picking,
            reciprocity: host.policies.reciprocity,
            wants_content: host.role == Role::Leecher,
            live: LiveConfig::default(),
            unprotected: Unprotected::default(),
            membership: Membership::default(),
        };
        let swarm = peer.join(beginning.start, swarm, Box::new(store))?;
        for &address in beginning.known {
            peer.connect(beginning.start, swarm, address);
        }
        // What it began with is not what it got.
        while peer.event().is_some() {}
        Ok(Self {
            peer,
            swarm,
            is_leecher: host.role == Role::Leecher && !is_silent,
            misbehaviour: host.misbehaviour,
            layout: Layout {
                addressing: settings.chunk_addressing,
                hash_function: settings.hash_function,
                chunk_size: ChunkSize::Fixed(chunk_size),
                ..Layout::RFC
            },
            length: beginning.content.len() as u64,
            finished: None,
            has_crashed: false,
        })
    }

    /// Whether it began without the content.
    pub const fn is_leecher(&self) -> bool {
        self.is_leecher
    }

    /// When a leecher had everything.
    pub const fn finished(&self) -> Option<Moment> {
        self.finished
    }

    /// What the swarm has come to.
    pub fn totals(&self) -> SwarmTotals {
        self.peer.totals(self.swarm)
    }

    /// The engine.
    pub const fn engine(&self) -> &Peer {
        &self.peer
    }

    /// What it got.
    pub fn achievement(&self) -> Achievement {
        Achievement {
            useful_bytes: self.totals().received,
            finished: self.finished,
        }
    }

    /// All of the content that is there, one chunk after the other.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn content(&mut self) -> Result<Vec<u8>, StoreError> {
        let present = self.peer.present(self.swarm).cloned().unwrap_or_default();
        let mut out = Vec::new();
        for chunk in present.into_iter().flatten() {
            self.peer.read(self.swarm, chunk, &mut out)?;
        }
        Ok(out)
    }

    /// Takes note of what has happened in the engine.
    fn take_events(&mut self, now: Moment) {
        while let Some(event) = self.peer.event() {
            if self.is_leecher && matches!(event, Event::Complete { .. }) {
                self.finished.get_or_insert(now);
            }
        }
        if self.misbehaviour == Some(Misbehaviour::Crash) && !self.has_crashed {
            let totals = self.totals();
            let measure = if self.is_leecher {
                totals.received
            } else {
                totals.sent
            };
            self.has_crashed = measure >= self.length / 2;
        }
    }
}

impl Node for PeerNode {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        if self.has_crashed {
            return;
        }
        if self.misbehaviour == Some(Misbehaviour::Silent) {
            let datagram = without_requests(datagram, &self.layout);
            self.peer.receive(now, source, &datagram);
        } else {
            self.peer.receive(now, source, datagram);
        }
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if self.has_crashed {
            return None;
        }
        let start = out.len();
        let destination = self.peer.transmit(now, out);
        self.take_events(now);
        let datagram = out.get_mut(start..).unwrap_or_default();
        match self.misbehaviour {
            Some(Misbehaviour::Liar) => corrupt_chunks(datagram, &self.layout),
            Some(Misbehaviour::WrongHash) => corrupt_hashes(datagram, &self.layout),
            _ => {}
        }
        destination
    }

    fn deadline(&self) -> Option<Moment> {
        self.peer.deadline().filter(|_| !self.has_crashed)
    }

    fn elapse(&mut self, now: Moment) {
        if !self.has_crashed {
            self.peer.elapse(now);
        }
    }

    fn leave(&mut self, _: Moment) {
        self.peer.close();
    }
}

impl Node for Participant {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        match self {
            Self::Peer(peer) => peer.receive(now, source, datagram),
            Self::Reno(reno) => reno.receive(now, source, datagram),
        }
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Peer(peer) => peer.transmit(now, out),
            Self::Reno(reno) => reno.transmit(now, out),
        }
    }

    fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Peer(peer) => peer.deadline(),
            Self::Reno(reno) => reno.deadline(),
        }
    }

    fn elapse(&mut self, now: Moment) {
        match self {
            Self::Peer(peer) => peer.elapse(now),
            Self::Reno(reno) => reno.elapse(now),
        }
    }

    fn leave(&mut self, now: Moment) {
        match self {
            Self::Peer(peer) => peer.leave(now),
            Self::Reno(reno) => reno.leave(now),
        }
    }
}
