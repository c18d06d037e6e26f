//! A seeder that is spoken to by hand, datagram by datagram.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::time::Duration;

use ppsp_inspect::peer::engine::{Ending, Event, Moment, Peer, PeerConfig, SwarmConfig, SwarmKey};
use ppsp_inspect::peer::storage::MemoryStore;
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ChunkSpec, ContentIntegrity, Handshake, HashFunction,
    Layout, Message, ProtocolOption, decode_datagram, encode_datagram,
};

use super::peers::{START, address, content, empty, seeded, swarm};

pub(crate) const LAYOUT: Layout = Layout {
    chunk_size: ChunkSize::Fixed(1024),
    ..Layout::RFC
};

/// The channel ID of the peer that the tests play by hand.
pub(crate) const OURS: ChannelId = ChannelId(0x0bad_cafe);

pub(crate) fn us() -> SocketAddr {
    address(99)
}

pub(crate) fn spec(start: u32, end: u32) -> ChunkSpec {
    ChunkSpec::Chunk32 { start, end }
}

/// A seeder of some chunks, driven by hand.
pub(crate) struct Seeder {
    pub(crate) peer: Peer,
    pub(crate) swarm: SwarmKey,
    pub(crate) id: Vec<u8>,
    pub(crate) now: Moment,
    /// Channel IDs of the seeder's that were remembered.
    channels: Vec<(SocketAddr, ChannelId)>,
}

impl Seeder {
    pub(crate) fn of(chunks: usize, change: impl FnOnce(&mut SwarmConfig)) -> Self {
        Self::with(PeerConfig::default(), chunks, change)
    }

    pub(crate) fn with(
        peer: PeerConfig,
        chunks: usize,
        change: impl FnOnce(&mut SwarmConfig),
    ) -> Self {
        let mut config = swarm(&[]);
        change(&mut config);
        let (store, id) = seeded(&content(chunks * 1024), &config);
        Self::keeping(peer, config, id, store)
    }

    /// A leecher that wants so many chunks, and has none.
    pub(crate) fn empty(chunks: usize) -> Self {
        let config = swarm(&[]);
        let (_, id) = seeded(&content(chunks * 1024), &config);
        let store = empty(&config);
        Self::keeping(PeerConfig::default(), config, id, store)
    }

    fn keeping(peer: PeerConfig, mut config: SwarmConfig, id: Vec<u8>, store: MemoryStore) -> Self {
        config.id.clone_from(&id);
        let mut peer = Peer::new(peer, [1; 32]);
        let swarm = peer.join(START, config, Box::new(store)).expect("a swarm");
        Self {
            peer,
            swarm,
            id,
            now: START,
            channels: Vec::new(),
        }
    }

    /// The options of a handshake that goes with the swarm.
    pub(crate) fn options(&self) -> Vec<ProtocolOption<'_>> {
        vec![
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(&self.id),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(1024),
        ]
    }

    pub(crate) fn hello(options: Vec<ProtocolOption<'_>>) -> Message<'_> {
        Message::Handshake(Handshake {
            source_channel: OURS,
            options,
            has_end: true,
        })
    }

    /// Sends the seeder a datagram; what it answers within some time.
    pub(crate) fn say(
        &mut self,
        from: SocketAddr,
        channel: ChannelId,
        messages: &[Message<'_>],
    ) -> Vec<Vec<u8>> {
        let mut datagram = Vec::new();
        encode_datagram(channel, messages, &LAYOUT, &mut datagram).expect("encodable");
        self.now = self.now + Duration::from_millis(10);
        self.peer.receive(self.now, from, &datagram);
        self.answers(Duration::from_millis(300))
    }

    pub(crate) fn answers(&mut self, within: Duration) -> Vec<Vec<u8>> {
        let end = self.now + within;
        let mut answers = Vec::new();
        loop {
            let mut out = Vec::new();
            while self.peer.transmit(self.now, &mut out).is_some() {
                answers.push(std::mem::take(&mut out));
            }
            match self.peer.deadline() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.peer.elapse(self.now);
                }
                _ => return answers,
            }
        }
    }

    /// Opens a channel as far as the seeder's reply; its channel ID.
    pub(crate) fn knock(&mut self) -> ChannelId {
        self.knock_from(us(), OURS).expect("one reply")
    }

    /// The same for another peer; `None` where there is not one reply.
    pub(crate) fn knock_from(&mut self, from: SocketAddr, ours: ChannelId) -> Option<ChannelId> {
        let id = self.id.clone();
        let copy = Self {
            peer: Peer::new(PeerConfig::default(), [0; 32]),
            swarm: self.swarm,
            id,
            now: self.now,
            channels: Vec::new(),
        };
        let mut hello = Self::hello(copy.options());
        if let Message::Handshake(handshake) = &mut hello {
            handshake.source_channel = ours;
        }
        let answers = self.say(from, ChannelId::ZERO, &[hello]);
        let [reply] = &answers[..] else {
            return None;
        };
        let (channel, messages, _) = decode_datagram(reply, &LAYOUT);
        assert_eq!(channel, Some(ours));
        match &messages[0].message {
            Message::Handshake(handshake) => Some(handshake.source_channel),
            other => panic!("{other:?}"),
        }
    }

    /// Opens a channel.
    pub(crate) fn open_from(&mut self, from: SocketAddr) -> ChannelId {
        let theirs = self.knock_from(from, OURS).expect("one reply");
        self.say(from, theirs, &[]);
        theirs
    }

    /// Remembers which channel is whose.
    pub(crate) fn remember(&mut self, channels: impl IntoIterator<Item = (SocketAddr, ChannelId)>) {
        self.channels.extend(channels);
    }

    /// The channel that was remembered for a peer.
    pub(crate) fn channel_to(&self, peer: SocketAddr) -> ChannelId {
        let mut channels = self.channels.iter();
        channels
            .find(|(address, _)| *address == peer)
            .expect("a channel")
            .1
    }

    /// Whether a channel to a peer is open.
    pub(crate) fn is_open_to(&self, from: SocketAddr) -> bool {
        let mut channels = self.peer.channels(self.swarm);
        channels.any(|channel| channel.open && channel.address == from)
    }

    /// How channels have ended since this was asked last.
    pub(crate) fn endings(&mut self) -> Vec<Ending> {
        std::iter::from_fn(|| self.peer.event())
            .filter_map(|event| match event {
                Event::Disconnected { ending, .. } => Some(ending),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn names(datagrams: &[Vec<u8>]) -> Vec<&'static str> {
    datagrams
        .iter()
        .flat_map(|datagram| decode_datagram(datagram, &LAYOUT).1)
        .map(|located| located.message.name())
        .collect()
}
