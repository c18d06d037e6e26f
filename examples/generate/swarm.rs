//! One leecher that downloads one swarm from one seeder, a datagram at a time.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, Handshake,
    HashFunction, Layout, Message, ProtocolOption, encode_datagram,
};

use crate::content::pseudo_random;
use crate::tree::{Tree, digest, path};

const FUNCTION: HashFunction = Layout::RFC.hash_function;

/// Chunks to a REQUEST.
const WINDOW: u64 = 256;

/// The leecher acknowledges after this many chunks.
const ACKNOWLEDGE_EVERY: u64 = 25;

/// Hashes that fit in front of a chunk in one Ethernet frame. The others go
/// ahead in datagrams of their own (RFC 7574, section 5.3).
const HASHES_WITH_DATA: usize = 9;

/// Hashes that fill one datagram.
const HASHES_ALONE: usize = 34;

/// Microseconds from the seeder to the leecher.
const ONE_WAY_DELAY: u64 = 12_000;

/// What comes next.
enum Step {
    Open,
    Answer,
    Request(u64),
    Hashes(Vec<ChunkRange>),
    Data(u64, Vec<ChunkRange>),
    Acknowledge(u64),
}

/// The state of one download.
pub(crate) struct Transfer {
    seed: u64,
    chunk_size: u32,
    chunks: u64,
    tree: Tree,
    leecher: SocketAddr,
    seeder: SocketAddr,
    leecher_channel: ChannelId,
    seeder_channel: ChannelId,
    next_chunk: u64,
    steps: VecDeque<Step>,
    payload: Vec<u8>,
}

impl Transfer {
    /// The download number `number` of `chunks` chunks of content, each of so
    /// many bytes.
    pub(crate) fn new(seed: u64, number: u64, chunks: u64, chunk_size: u32) -> Self {
        let leaves = (0..chunks)
            .flat_map(|chunk| digest(FUNCTION, &[&content(seed, chunk, chunk_size)]))
            .collect();
        let ids = pseudo_random(!seed, 8);
        let id = |from: usize| {
            ChannelId(u32::from_be_bytes([
                ids[from],
                ids[from + 1],
                ids[from + 2],
                ids[from + 3],
            ]))
        };
        let host = (number % 250) as u8 + 1;
        Self {
            seed,
            chunk_size,
            chunks,
            tree: Tree::over(FUNCTION, leaves),
            leecher: (Ipv4Addr::new(192, 0, 2, host), 40_000 + u16::from(host)).into(),
            seeder: (Ipv4Addr::new(198, 51, 100, 1), 6778).into(),
            leecher_channel: id(0),
            seeder_channel: id(4),
            next_chunk: 0,
            steps: VecDeque::from([Step::Open, Step::Answer, Step::Request(0)]),
            payload: Vec::new(),
        }
    }

    /// The next datagram, captured at `time` at the leecher: from, to, bytes.
    pub(crate) fn next_datagram(&mut self, time: u64) -> (SocketAddr, SocketAddr, &[u8]) {
        if self.steps.is_empty() {
            self.plan();
        }
        let step = self.steps.pop_front().expect("there is always a next step");
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let from_leecher = self.write(&step, time, &mut payload);
        self.payload = payload;
        if from_leecher {
            (self.leecher, self.seeder, &self.payload)
        } else {
            (self.seeder, self.leecher, &self.payload)
        }
    }

    /// What belongs to the next chunk.
    fn plan(&mut self) {
        let chunk = self.next_chunk;
        self.next_chunk += 1;
        if chunk >= self.chunks {
            // Everything was sent: the leecher repeats its last word.
            self.steps.push_back(Step::Acknowledge(self.chunks - 1));
            return;
        }
        let mut hashes = self.missing_hashes(chunk);
        while hashes.len() > HASHES_WITH_DATA {
            let ahead = hashes.drain(..hashes.len().min(HASHES_ALONE)).collect();
            self.steps.push_back(Step::Hashes(ahead));
        }
        self.steps.push_back(Step::Data(chunk, hashes));
        if (chunk + 1).is_multiple_of(ACKNOWLEDGE_EVERY) {
            self.steps.push_back(Step::Acknowledge(chunk));
        }
        if (chunk + 1).is_multiple_of(WINDOW) && chunk + 1 < self.chunks {
            self.steps.push_back(Step::Request(chunk + 1));
        }
    }

    /// The hashes that a leecher lacks that gets chunk after chunk from left
    /// to right: the peaks before the first one, and uncles, highest first.
    fn missing_hashes(&self, chunk: u64) -> Vec<ChunkRange> {
        let peaks = self.tree.peaks();
        let top = *peaks
            .iter()
            .find(|peak| peak.contains(chunk))
            .expect("the content has this chunk");
        // A node is known when an earlier chunk lies in it, or in its sibling
        // to the left, whose chunks it was an uncle of.
        let is_known = |node: ChunkRange| {
            node.start() < chunk || !(node.start() / node.count()).is_multiple_of(2)
        };
        let uncles = path(chunk, top, is_known)
            .into_iter()
            .rev()
            .map(|(_, uncle)| uncle);
        let mut hashes = if chunk == 0 { peaks } else { Vec::new() };
        hashes.extend(uncles);
        hashes
    }

    /// Writes one step's datagram and tells whether the leecher sends it.
    fn write(&self, step: &Step, time: u64, out: &mut Vec<u8>) -> bool {
        let data;
        let (from_leecher, channel, messages) = match step {
            Step::Open => (
                true,
                ChannelId::ZERO,
                vec![self.handshake(self.leecher_channel, true)],
            ),
            Step::Answer => (
                false,
                self.leecher_channel,
                vec![
                    self.handshake(self.seeder_channel, false),
                    Message::Have(spec(0, self.chunks - 1)),
                ],
            ),
            Step::Request(first) => (
                true,
                self.seeder_channel,
                vec![Message::Request(spec(
                    *first,
                    (first + WINDOW).min(self.chunks) - 1,
                ))],
            ),
            Step::Hashes(nodes) => (false, self.leecher_channel, self.integrity(nodes)),
            Step::Data(chunk, nodes) => {
                data = content(self.seed, *chunk, self.chunk_size);
                let mut messages = self.integrity(nodes);
                messages.push(Message::Data {
                    spec: spec(*chunk, *chunk),
                    timestamp: Some(time - ONE_WAY_DELAY),
                    data: &data,
                    data_length: data.len(),
                });
                (false, self.leecher_channel, messages)
            }
            Step::Acknowledge(chunk) => (
                true,
                self.seeder_channel,
                vec![
                    Message::Ack {
                        spec: spec(0, *chunk),
                        delay: ONE_WAY_DELAY + chunk % 700,
                    },
                    Message::Have(spec(0, *chunk)),
                ],
            ),
        };
        let layout = Layout {
            chunk_size: ChunkSize::Fixed(self.chunk_size),
            ..Layout::RFC
        };
        encode_datagram(channel, &messages, &layout, out).expect("messages of one layout");
        from_leecher
    }

    fn integrity(&self, nodes: &[ChunkRange]) -> Vec<Message<'_>> {
        nodes
            .iter()
            .map(|&node| Message::Integrity {
                spec: spec(node.start(), node.end()),
                hash: self.tree.hash(node),
            })
            .collect()
    }

    fn handshake(&self, source_channel: ChannelId, initiates: bool) -> Message<'_> {
        let mut options = vec![ProtocolOption::Version(1)];
        if initiates {
            options.push(ProtocolOption::MinimumVersion(1));
            options.push(ProtocolOption::SwarmId(self.tree.root()));
        }
        options.extend([
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(self.chunk_size),
        ]);
        Message::Handshake(Handshake {
            source_channel,
            options,
            has_end: true,
        })
    }
}

/// A chunk's bytes; made anew whenever they are needed.
fn content(seed: u64, chunk: u64, chunk_size: u32) -> Vec<u8> {
    pseudo_random(
        seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ chunk << 20,
        chunk_size as usize,
    )
}

fn spec(start: u64, end: u64) -> ChunkSpec {
    ChunkSpec::Chunk32 {
        start: start as u32,
        end: end as u32,
    }
}
