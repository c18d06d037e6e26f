//! Datagrams that are meant to cost an analyzer much: floods of channels, of
//! swarm IDs, of scattered chunks, of nonsense.

use std::net::{Ipv4Addr, SocketAddr};

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSpec, ContentIntegrity, Handshake, HashFunction,
    Layout, Message, ProtocolOption, encode_datagram,
};

/// What the datagrams try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hostility {
    /// A handshake for a swarm of its own from every address.
    Swarms,
    /// Handshakes with swarm IDs of 56 KiB.
    LongIds,
    /// Messages on a channel of its own from every address.
    Strangers,
    /// HAVEs of random ranges over 2^62 chunks, eighty to a datagram.
    Scattered,
    /// False hashes of random nodes over 2^62 chunks, thirty to a datagram, and
    /// a chunk between them.
    Hashes,
    /// Random bytes behind a message type.
    Noise,
}

impl Hostility {
    /// The one with this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "swarms" => Self::Swarms,
            "long-ids" => Self::LongIds,
            "strangers" => Self::Strangers,
            "scattered" => Self::Scattered,
            "hashes" => Self::Hashes,
            "noise" => Self::Noise,
            _ => return None,
        })
    }
}

const VICTIM: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), 6778);
/// The channel that all scattered HAVEs use.
const CHANNEL: ChannelId = ChannelId(0x8765_4321);

/// Makes the datagrams, one after the other.
pub(crate) struct Attack {
    hostility: Hostility,
    random: u64,
    number: u32,
    payload: Vec<u8>,
}

impl Attack {
    pub(crate) fn new(hostility: Hostility, seed: u64) -> Self {
        Self {
            hostility,
            random: seed,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// `SplitMix64`: the same seed makes the same numbers.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Source, destination and payload of the next datagram.
    pub(crate) fn next_datagram(&mut self) -> (SocketAddr, SocketAddr, &[u8]) {
        let number = self.number;
        self.number += 1;
        self.payload.clear();
        let everywhere = SocketAddr::from((Ipv4Addr::from_bits(0x0b00_0000 + number), 40_000));
        let one = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 66), 40_000));
        let source = match self.hostility {
            Hostility::Scattered | Hostility::Hashes => one,
            _ => everywhere,
        };
        match self.hostility {
            Hostility::Swarms => self.handshake(number, 32, ChunkAddressing::Chunk32),
            Hostility::LongIds => self.handshake(number, 56 * 1024, ChunkAddressing::Chunk32),
            Hostility::Strangers => self.messages_of_a_stranger(number),
            Hostility::Scattered | Hostility::Hashes => match number {
                0 => self.handshake(0, 32, ChunkAddressing::Chunk64),
                1 => {
                    self.answer();
                    return (VICTIM, one, &self.payload);
                }
                _ if self.hostility == Hostility::Hashes => self.false_hashes(),
                _ => self.scattered_haves(),
            },
            Hostility::Noise => {
                let length = self.random() % 60;
                self.payload
                    .extend([self.number as u8, 0, 1, 2, (number % 14) as u8]);
                for _ in 0..length {
                    let byte = self.random() as u8;
                    self.payload.push(byte);
                }
            }
        }
        (source, VICTIM, &self.payload)
    }

    fn write(&mut self, channel: ChannelId, messages: &[Message<'_>], addressing: ChunkAddressing) {
        let layout = Layout {
            addressing,
            ..Layout::RFC
        };
        encode_datagram(channel, messages, &layout, &mut self.payload)
            .expect("these messages fit their layout");
    }

    fn handshake(&mut self, number: u32, id_length: usize, addressing: ChunkAddressing) {
        let swarm: Vec<u8> = (0..id_length).map(|_| self.random() as u8).collect();
        let mut options = options(addressing);
        options.insert(1, ProtocolOption::MinimumVersion(1));
        options.insert(2, ProtocolOption::SwarmId(&swarm));
        let handshake = Message::Handshake(Handshake {
            source_channel: ChannelId(0x1234_5678 ^ number.rotate_left(16)),
            options,
            has_end: true,
        });
        self.write(ChannelId::ZERO, &[handshake], addressing);
    }

    fn answer(&mut self) {
        let handshake = Message::Handshake(Handshake {
            source_channel: CHANNEL,
            options: options(ChunkAddressing::Chunk64),
            has_end: true,
        });
        self.write(
            ChannelId(0x1234_5678),
            &[handshake],
            ChunkAddressing::Chunk64,
        );
    }

    fn messages_of_a_stranger(&mut self, number: u32) {
        let channel = ChannelId(self.random() as u32 | 1);
        let start = number % 1_000;
        let spec = |start, end| ChunkSpec::Chunk32 { start, end };
        let messages = [
            Message::Have(spec(start, start + 3)),
            Message::Request(spec(1, 2)),
        ];
        self.write(channel, &messages, ChunkAddressing::Chunk32);
    }

    fn scattered_haves(&mut self) {
        let messages: Vec<Message<'_>> = (0..80)
            .map(|_| {
                let start = self.random() >> 2;
                let length = [0, 1, 5_000, 1 << 40][(self.random() % 4) as usize];
                let range = ChunkRange::new(start, start + length).expect("ordered");
                let spec = ChunkSpec::of(range, ChunkAddressing::Chunk64, 1024);
                Message::Have(spec.expect("64 bits hold it"))
            })
            .collect();
        self.write(CHANNEL, &messages, ChunkAddressing::Chunk64);
    }

    fn false_hashes(&mut self) {
        let mut hash = [0; 32];
        for part in hash.chunks_exact_mut(8) {
            part.copy_from_slice(&self.random().to_be_bytes());
        }
        let chunk = self.random() >> 2;
        let named = |range| {
            let spec = ChunkSpec::of(range, ChunkAddressing::Chunk64, 1024);
            spec.expect("64 bits hold it")
        };
        let mut messages: Vec<Message<'_>> = (0..30)
            .map(|place| {
                // The path of the chunk, so that its hash leads somewhere.
                let start = (chunk >> place ^ 1) << place;
                let range = ChunkRange::new(start, start + (1 << place) - 1).expect("ordered");
                Message::Integrity {
                    spec: named(range),
                    hash: &hash,
                }
            })
            .collect();
        messages.push(Message::Data {
            spec: named(ChunkRange::single(chunk)),
            timestamp: Some(0),
            data: b"false",
            data_length: 5,
        });
        self.write(CHANNEL, &messages, ChunkAddressing::Chunk64);
    }
}

fn options(addressing: ChunkAddressing) -> Vec<ProtocolOption<'static>> {
    vec![
        ProtocolOption::Version(1),
        ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
        ProtocolOption::HashFunction(HashFunction::Sha256),
        ProtocolOption::ChunkAddressing(addressing),
        ProtocolOption::ChunkSize(1024),
    ]
}
