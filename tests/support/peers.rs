//! Peers on a network of one simple kind, in virtual time: every datagram takes
//! as long, some are lost.

use std::collections::{BTreeMap, BinaryHeap};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ppsp_inspect::peer::engine::{
    Event, LiveConfig, Membership, Moment, Peer, PeerConfig, Picking, Profile, Reciprocity,
    SwarmConfig, SwarmKey, Unprotected,
};
use ppsp_inspect::peer::storage::MemoryStore;
use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::session::{Analyzer, Config, Datagram, Time, Transport};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

/// 2026-11-22T04:34:01Z.
pub(crate) const START: Moment = Moment::from_microseconds(1_795_322_041_000_000);

/// Content that differs in every chunk.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// A swarm as tests use it; fields may be changed.
pub(crate) fn swarm(id: &[u8]) -> SwarmConfig {
    SwarmConfig {
        id: id.to_vec(),
        integrity: ContentIntegrity::Merkle,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
        profile: &Profile::RFC,
        picking: Picking::Sequential,
        reciprocity: Reciprocity::None,
        wants_content: true,
        live: LiveConfig::default(),
        unprotected: Unprotected::default(),
        membership: Membership::default(),
    }
}

/// A store with content, and its root hash.
pub(crate) fn seeded(content: &[u8], config: &SwarmConfig) -> (MemoryStore, Vec<u8>) {
    let function = TreeHash::new(config.hash_function).expect("assigned");
    let size = NonZeroU32::new(config.chunk_size).expect("a size");
    let (store, root) = MemoryStore::of_content(function, size, content).expect("content");
    (store, root.as_bytes().to_vec())
}

pub(crate) fn empty(config: &SwarmConfig) -> MemoryStore {
    MemoryStore::new(NonZeroU32::new(config.chunk_size).expect("a size"))
}

pub(crate) fn empty_stream(config: &SwarmConfig) -> MemoryStore {
    MemoryStore::for_stream(NonZeroU32::new(config.chunk_size).expect("a size"))
}

/// Something on its way: when it arrives, a running number, from, to, bytes.
type Flying = (
    std::cmp::Reverse<(Moment, u64)>,
    SocketAddr,
    SocketAddr,
    Vec<u8>,
);

/// The peers and what is between them.
pub(crate) struct Network {
    pub(crate) now: Moment,
    pub(crate) delay: Duration,
    /// One datagram in so many is lost.
    pub(crate) loss: Option<u64>,
    pub(crate) peers: BTreeMap<SocketAddr, Peer>,
    pub(crate) events: Vec<(SocketAddr, Event)>,
    /// What was sent, lost or not: when, from, to, bytes.
    pub(crate) sent: Vec<(Moment, SocketAddr, SocketAddr, Vec<u8>)>,
    flying: BinaryHeap<Flying>,
    number: u64,
    random: u64,
}

pub(crate) fn address(number: u8) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, number), 7000).into()
}

impl Default for Network {
    fn default() -> Self {
        Self {
            now: START,
            delay: Duration::from_millis(10),
            loss: None,
            peers: BTreeMap::new(),
            events: Vec::new(),
            sent: Vec::new(),
            flying: BinaryHeap::new(),
            number: 0,
            random: 0x2545_f491_4f6c_dd1d,
        }
    }
}

impl Network {
    pub(crate) fn add(&mut self, number: u8, config: PeerConfig) -> &mut Peer {
        self.peers
            .entry(address(number))
            .or_insert_with(|| Peer::new(config, [number; 32]))
    }

    /// Lets every peer send what it has to send.
    pub(crate) fn drain(&mut self) {
        let addresses: Vec<_> = self.peers.keys().copied().collect();
        for source in addresses {
            self.drain_one(source);
        }
    }

    fn drain_one(&mut self, source: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&source) else {
            return;
        };
        let mut out = Vec::new();
        let mut count = 0;
        while let Some(destination) = peer.transmit(self.now, &mut out) {
            count += 1;
            assert!(count < 10_000, "{source} does not stop to send: {out:02x?}");
            let bytes = std::mem::take(&mut out);
            self.sent
                .push((self.now, source, destination, bytes.clone()));
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            if self
                .loss
                .is_some_and(|one_in| self.random.is_multiple_of(one_in))
            {
                continue;
            }
            self.number += 1;
            let at = std::cmp::Reverse((self.now + self.delay, self.number));
            self.flying.push((at, source, destination, bytes));
        }
        while let Some(event) = peer.event() {
            self.events.push((source, event));
        }
    }

    /// Runs until nothing happens any more, `done` says so, or time is up;
    /// whether `done` did.
    pub(crate) fn run(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        self.drain();
        let mut idle = 0;
        let mut before = self.now;
        loop {
            idle = if before == self.now { idle + 1 } else { 0 };
            before = self.now;
            assert!(
                idle < 10_000,
                "time stands still at {:?}: {:#?}",
                self.now,
                self.peers
            );
            if done(self) {
                return true;
            }
            let arrival = self.flying.peek().map(|flying| flying.0.0.0);
            let timer = self.peers.values().filter_map(Peer::deadline).min();
            let Some(next) = arrival.into_iter().chain(timer).min() else {
                return false;
            };
            if next > end {
                return false;
            }
            self.now = self.now.max(next);
            let mut touched = Vec::new();
            while self.flying.peek().is_some_and(|it| it.0.0.0 <= self.now) {
                let Some((_, source, destination, bytes)) = self.flying.pop() else {
                    break;
                };
                if let Some(peer) = self.peers.get_mut(&destination) {
                    peer.receive(self.now, source, &bytes);
                    touched.push(destination);
                }
            }
            for (address, peer) in &mut self.peers {
                if peer.deadline().is_some_and(|at| at <= self.now) {
                    peer.elapse(self.now);
                    touched.push(*address);
                }
            }
            touched.sort_unstable();
            touched.dedup();
            for address in touched {
                self.drain_one(address);
            }
        }
    }

    /// Lets so much time pass.
    pub(crate) fn rest(&mut self, time: Duration) {
        let end = self.now + time;
        self.run(time, |_| false);
        self.now = end;
    }

    /// What a peer has of a swarm, put together.
    pub(crate) fn content_of(&mut self, number: u8, swarm: SwarmKey) -> Vec<u8> {
        let peer = self.peers.get_mut(&address(number)).expect("a peer");
        let chunks: Vec<u64> = peer
            .present(swarm)
            .expect("a swarm")
            .iter()
            .cloned()
            .flatten()
            .collect();
        let mut out = Vec::new();
        for chunk in chunks {
            peer.read(swarm, chunk, &mut out).expect("present");
        }
        out
    }

    /// What the analyzer finds in all that was sent, by id.
    pub(crate) fn findings(&self) -> BTreeMap<&'static str, (u64, &'static str)> {
        let mut analyzer = Analyzer::new(Config {
            verify: true,
            ..Config::default()
        });
        let mut room = Vec::new();
        for (index, (at, source, destination, bytes)) in self.sent.iter().enumerate() {
            let datagram = Datagram {
                frame: index as u64 + 1,
                time: Some(Time::from_nanoseconds(at.microseconds() as i64 * 1000)),
                source: *source,
                destination: *destination,
                transport: Transport::Udp,
                payload: bytes,
                wire_length: bytes.len(),
                fragments: 1,
            };
            let mut messages = ppspp_dissector::session::recycle(room);
            analyzer.datagram(&datagram, &mut messages);
            room = ppspp_dissector::session::recycle(messages);
        }
        analyzer.close();
        analyzer
            .finding_counts()
            .map(|(entry, count)| (entry.name, (count, entry.severity.name())))
            .collect()
    }
}
