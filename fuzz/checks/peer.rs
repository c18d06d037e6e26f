//! What must hold of a peer, whatever datagrams it is sent and when. An input is a
//! row of pieces: a byte of flags, two bytes of length, so many bytes of datagram.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ppsp_inspect::peer::engine::{
    LiveConfig, Membership, Moment, Peer, PeerConfig, Picking, Profile, Reciprocity, SwarmConfig,
    Unprotected,
};
use ppsp_inspect::peer::keys::SigningKey;
use ppsp_inspect::peer::storage::MemoryStore;
use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ContentIntegrity, Handshake, HashFunction, Layout,
    Message, ProtocolOption, SignatureAlgorithm, encode_datagram,
};

/// Bytes in front of a datagram.
const HEADER: usize = 3;
/// Which of two peers sends it, and to which of its channels.
const SENDER: u8 = 0b1;
/// It goes to the channel of the live swarm.
const LIVE: u8 = 0b10;
/// It goes as it is, its channel ID included.
const RAW: u8 = 0b100;
/// How many milliseconds pass before: two to the power of these bits.
const TIME: u8 = 0b1111_0000;

const CHUNK: u32 = 64;
const CHUNKS: usize = 21;
const START: Moment = Moment::from_microseconds(1_795_322_041_000_000);

fn end(number: u8) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, 1 + number), 7000).into()
}

/// A leecher of static content, and an injector or viewer of a stream.
struct Subject {
    peer: Peer,
    now: Moment,
    /// By sender and swarm.
    channels: [Option<ChannelId>; 4],
}

fn config(id: Vec<u8>, integrity: ContentIntegrity) -> SwarmConfig {
    SwarmConfig {
        id,
        integrity,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: CHUNK,
        profile: &Profile::RFC,
        picking: Picking::RarestFirst,
        reciprocity: Reciprocity::None,
        wants_content: true,
        live: LiveConfig {
            window: 64,
            chunks_per_signature: 4,
        },
        unprotected: Unprotected::default(),
        membership: Membership::default(),
    }
}

impl Subject {
    fn new() -> Option<Self> {
        let size = NonZeroU32::new(CHUNK)?;
        let content: Vec<u8> = (0..CHUNKS * CHUNK as usize).map(|at| at as u8).collect();
        let function = TreeHash::new(HashFunction::Sha256)?;
        let (_, root) = MemoryStore::of_content(function, size, &content).ok()?;
        let algorithm = SignatureAlgorithm::EcdsaP256Sha256;
        let key = SigningKey::generate_from_seed(algorithm, None, &[7; 32]).ok()?;
        let fixed = config(root.as_bytes().to_vec(), ContentIntegrity::Merkle);
        let live = config(key.swarm_id(), ContentIntegrity::UnifiedMerkle);
        let mut peer = Peer::new(PeerConfig::default(), [3; 32]);
        peer.join(START, fixed.clone(), Box::new(MemoryStore::new(size)))
            .ok()?;
        let stream = Box::new(MemoryStore::for_stream(size));
        let stream = peer.join(START, live.clone(), stream).ok()?;
        let mut subject = Self {
            peer,
            now: START,
            channels: [None; 4],
        };
        for chunk in 0..8 {
            let sign = &mut |parts: &[&[u8]]| key.sign(parts);
            let bytes = [chunk; CHUNK as usize];
            subject.peer.inject(START, stream, &bytes, sign).ok()?;
        }
        for place in 0..4 {
            let swarm = if place & 2 == 0 { &fixed } else { &live };
            subject.open(place, swarm);
        }
        Some(subject)
    }

    /// Opens a channel, as any peer may.
    fn open(&mut self, place: u8, swarm: &SwarmConfig) {
        let hello = Message::Handshake(Handshake {
            source_channel: ChannelId(1 + u32::from(place)),
            options: vec![
                ProtocolOption::Version(1),
                ProtocolOption::MinimumVersion(1),
                ProtocolOption::SwarmId(&swarm.id),
                ProtocolOption::ChunkSize(CHUNK),
            ],
            has_end: true,
        });
        let layout = Layout {
            chunk_size: ChunkSize::Fixed(CHUNK),
            ..Layout::RFC
        };
        let mut datagram = Vec::new();
        if encode_datagram(ChannelId::ZERO, &[hello], &layout, &mut datagram).is_ok() {
            self.peer.receive(self.now, end(place & 1), &datagram);
        }
        for reply in self.answers() {
            // The reply's HANDSHAKE begins with the peer's own channel ID.
            let id = reply.get(5..9).and_then(|id| id.try_into().ok());
            if reply.get(..4) == Some(&(1 + u32::from(place)).to_be_bytes()) {
                self.channels[usize::from(place)] = id.map(u32::from_be_bytes).map(ChannelId);
            }
        }
        if let Some(channel) = self.channels[usize::from(place)] {
            let third = channel.0.to_be_bytes();
            self.peer.receive(self.now, end(place & 1), &third);
        }
        self.answers();
    }

    /// What the peer sends now: little for what it was sent.
    fn answers(&mut self) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        let mut out = Vec::new();
        while self.peer.transmit(self.now, &mut out).is_some() {
            assert!((4..=1472).contains(&out.len()), "{} bytes", out.len());
            answers.push(std::mem::take(&mut out));
            assert!(answers.len() < 10_000, "it does not stop to send");
        }
        while self.peer.event().is_some() {}
        answers
    }

    fn pass(&mut self, time: Duration) {
        let then = self.now + time;
        let mut turns = 0;
        while let Some(at) = self.peer.deadline().filter(|at| *at <= then) {
            turns = if at > self.now { 0 } else { turns + 1 };
            assert!(turns < 1000, "time stands still");
            self.now = self.now.max(at);
            self.peer.elapse(self.now);
            self.answers();
        }
        self.now = then;
    }
}

/// Plays an input to a peer.
pub(crate) fn check(mut input: &[u8]) {
    let mut subject = Subject::new().expect("a peer with two swarms");
    while let Some(([flags, high, low], rest)) = input.split_first_chunk::<HEADER>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        input = rest;
        subject.pass(Duration::from_millis(1 << ((flags & TIME) >> 4)));
        let place = (flags & SENDER) | (flags & LIVE);
        let mut datagram = Vec::new();
        if flags & RAW == 0
            && let Some(channel) = subject.channels[usize::from(place)]
        {
            datagram.extend_from_slice(&channel.0.to_be_bytes());
        }
        datagram.extend_from_slice(payload);
        let now = subject.now;
        subject.peer.receive(now, end(flags & SENDER), &datagram);
        subject.answers();
    }
    subject.pass(Duration::from_secs(60));
}
