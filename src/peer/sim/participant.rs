//! What runs on the hosts of a scenario: peers, and flows to compete with.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::wire::{ChunkSize, Layout};
use rand_core::Rng as _;

use super::chance::{Purpose, Seed};
use super::node::Node;
use super::reno::Reno;
use super::rogue::{Flood, corrupt_chunks, corrupt_hashes, without_requests};
use super::scenario::{ContentKind, ContentSettings, HostSettings, Misbehaviour, Role};
use super::stream::{Injector, Playback, Player, Stream};
use super::summary::Achievement;
use crate::peer::engine::{
    Event, JoinError, LiveConfig, Membership, Moment, Peer, PeerConfig, StoreError, SwarmConfig,
    SwarmKey, SwarmTotals, Unprotected,
};
use crate::peer::keys::SigningKey;
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
    injector: Option<Injector>,
    player: Option<Player>,
    flood: Option<Flood>,
}

/// What a peer of a simulation begins with.
pub(super) struct Beginning<'a> {
    pub(super) seed: Seed,
    /// Which of the hosts it is.
    pub(super) index: usize,
    pub(super) host: &'a HostSettings,
    pub(super) settings: &'a ContentSettings,
    pub(super) content: &'a [u8],
    /// Its bytes, or those of the whole stream.
    pub(super) length: u64,
    pub(super) id: &'a [u8],
    /// The live stream, and its key.
    pub(super) stream: Option<(&'a Stream, &'a SigningKey)>,
    /// When it starts.
    pub(super) start: Moment,
    /// Whom it knows then.
    pub(super) known: &'a [SocketAddr],
}

impl PeerNode {
    /// A peer of static content, or of a live stream.
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
        let purpose_number = beginning.index as u32;
        let purpose = Purpose::Node(purpose_number);
        beginning.seed.generator(purpose).fill_bytes(&mut seed);
        let mut peer = Peer::new(config, seed);
        let function = TreeHash::new(settings.hash_function).ok_or(JoinError::HashFunction)?;
        let size = NonZeroU32::new(chunk_size).ok_or(JoinError::ChunkSize(chunk_size))?;
        // Who is silent about what it has would be a leecher like others.
        let is_silent = host.misbehaviour == Some(Misbehaviour::Silent);
        let store = if beginning.stream.is_some() {
            Ok(MemoryStore::for_stream(size))
        } else if host.role == Role::Seeder || is_silent {
            MemoryStore::of_content(function, size, beginning.content).map(|(store, _)| store)
        } else {
            Ok(MemoryStore::new(size))
        };
        // Only empty content fails, which no scenario has.
        let store = store.unwrap_or_else(|_| MemoryStore::new(size));
        let swarm = SwarmConfig {
            id: beginning.id.to_vec(),
            integrity: settings.content_integrity,
            hash_function: settings.hash_function,
            addressing: settings.chunk_addressing,
            chunk_size,
            profile: host.policies.dialect,
            picking: host.policies.picking,
            reciprocity: host.policies.reciprocity,
            wants_content: matches!(host.role, Role::Leecher | Role::Viewer),
            live: match settings.kind {
                ContentKind::Live(stream) => LiveConfig {
                    window: stream.discard_window.map_or(u64::MAX, u64::from),
                    chunks_per_signature: stream.chunks_per_signature.into(),
                },
                ContentKind::Static { .. } => LiveConfig::default(),
            },
            unprotected: Unprotected::default(),
            membership: Membership::default(),
        };
        let swarm = peer.join(beginning.start, swarm, Box::new(store))?;
        for &address in beginning.known {
            peer.connect(beginning.start, swarm, address);
        }
        // What it began with is not what it got.
        while peer.event().is_some() {}
        let layout = Layout {
            addressing: settings.chunk_addressing,
            hash_function: settings.hash_function,
            signature_length: beginning.stream.map(|(_, key)| key.signature_length()),
            chunk_size: ChunkSize::Fixed(chunk_size),
            ..Layout::RFC
        };
        Ok(Self {
            peer,
            swarm,
            is_leecher: host.role == Role::Leecher && !is_silent,
            misbehaviour: host.misbehaviour,
            flood: (host.misbehaviour == Some(Misbehaviour::Flooder)).then(|| {
                let random = beginning.seed.generator(Purpose::Rogue(purpose_number));
                Flood::new(random, layout, beginning.start)
            }),
            layout,
            length: beginning.length,
            finished: None,
            has_crashed: false,
            injector: beginning
                .stream
                .filter(|_| host.role == Role::Injector)
                .map(|(stream, key)| Injector::new(stream.clone(), key.clone())),
            player: beginning
                .stream
                .filter(|_| host.role == Role::Viewer)
                .map(|(stream, _)| Player::new(stream.clone(), beginning.start)),
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

    /// Whether it keeps a channel to an address.
    pub fn has_channel_to(&self, address: SocketAddr) -> bool {
        self.peer.is_connected(self.swarm, address)
    }

    /// What it got.
    pub fn achievement(&self) -> Achievement {
        Achievement {
            useful_bytes: self.totals().received,
            finished: self.finished,
            playback: self.playback(),
        }
    }

    /// What a viewer has played.
    pub fn playback(&self) -> Option<Playback> {
        self.player.as_ref().map(Player::playback)
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

    /// Makes and plays what is due of a stream. Stores in memory do not fail.
    fn stream(&mut self, now: Moment) {
        if let Some(injector) = &mut self.injector {
            let _ = injector.elapse(now, &mut self.peer, self.swarm);
        }
        if let Some(player) = &mut self.player {
            let _ = player.play(now, &mut self.peer, self.swarm);
        }
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
        let mut destination = self.peer.transmit(now, out);
        self.take_events(now);
        self.stream(now);
        if let Some(flood) = &mut self.flood {
            if let Some(destination) = destination {
                flood.note(destination, out.get(start..).unwrap_or_default());
            } else {
                destination = flood.transmit(now, out);
            }
        }
        let datagram = out.get_mut(start..).unwrap_or_default();
        match self.misbehaviour {
            Some(Misbehaviour::Liar) => corrupt_chunks(datagram, &self.layout),
            Some(Misbehaviour::WrongHash) => corrupt_hashes(datagram, &self.layout),
            _ => {}
        }
        destination
    }

    fn deadline(&self) -> Option<Moment> {
        let injector = self.injector.as_ref().map(Injector::deadline);
        let flood = self.flood.as_ref().and_then(Flood::deadline);
        [self.peer.deadline(), injector, flood]
            .into_iter()
            .flatten()
            .min()
            .filter(|_| !self.has_crashed)
    }

    fn elapse(&mut self, now: Moment) {
        if !self.has_crashed {
            self.peer.elapse(now);
            self.stream(now);
        }
    }

    fn leave(&mut self, now: Moment) {
        if let Some(injector) = &self.injector {
            let _ = injector.finish(now, &mut self.peer, self.swarm);
        }
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
