//! Static swarms and the channels that their content moves over.

use std::collections::BTreeSet;

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, Handshake,
    Layout, Message, ProtocolOption,
};

use super::script::{Peer, Script};
use super::tree::{Tree, digest, path};

/// How long a datagram travels, by the clocks of both ends, in microseconds.
const ONE_WAY_DELAY: u64 = 11_700;

/// Static content under a Merkle tree.
pub(crate) struct StaticSwarm {
    pub(crate) layout: Layout,
    content: Vec<u8>,
    chunk_size: usize,
    tree: Tree,
}

impl StaticSwarm {
    /// Makes a swarm of `content` under the layout's hash function and chunk size.
    pub(crate) fn new(layout: Layout, content: Vec<u8>) -> Self {
        let chunk_size = layout.chunk_size.or_assumed() as usize;
        let leaves = content
            .chunks(chunk_size)
            .flat_map(|chunk| digest(layout.hash_function, &[chunk]))
            .collect();
        Self {
            tree: Tree::over(layout.hash_function, leaves),
            layout,
            content,
            chunk_size,
        }
    }

    /// The swarm ID.
    pub(crate) fn id(&self) -> &[u8] {
        self.tree.root()
    }

    /// Number of chunks.
    pub(crate) fn chunks(&self) -> u64 {
        self.content.len().div_ceil(self.chunk_size) as u64
    }

    /// All chunks.
    pub(crate) fn everything(&self) -> ChunkRange {
        range(0, self.chunks() - 1)
    }

    /// Bytes of one chunk.
    pub(crate) fn chunk(&self, chunk: u64) -> &[u8] {
        let start = chunk as usize * self.chunk_size;
        &self.content[start..self.content.len().min(start + self.chunk_size)]
    }

    /// The specification of `range` under the swarm's addressing.
    ///
    /// # Panics
    /// When the method has none.
    pub(crate) fn spec(&self, range: ChunkRange) -> ChunkSpec {
        ChunkSpec::of(range, self.layout.addressing, self.chunk_size as u32)
            .expect("scripts ask for what their addressing can name")
    }

    /// An INTEGRITY message for a node.
    pub(crate) fn integrity(&self, node: ChunkRange) -> Message<'_> {
        Message::Integrity {
            spec: self.spec(node),
            hash: self.tree.hash(node),
        }
    }

    /// A DATA message that left the seeder at `time`.
    pub(crate) fn data(&self, chunk: u64, time: u64) -> Message<'_> {
        self.data_with(chunk, self.chunk(chunk), time)
    }

    /// A DATA message that has other bytes than the chunk's own.
    pub(crate) fn data_with<'d>(&self, chunk: u64, data: &'d [u8], time: u64) -> Message<'d> {
        Message::Data {
            spec: self.spec(ChunkRange::single(chunk)),
            timestamp: self.layout.data_timestamp.then_some(time),
            data,
            data_length: data.len(),
        }
    }

    /// The peaks' INTEGRITY messages, left to right.
    pub(crate) fn peaks(&self) -> impl Iterator<Item = Message<'_>> {
        self.tree
            .peaks()
            .into_iter()
            .map(|peak| self.integrity(peak))
    }

    /// The options of a HANDSHAKE, sorted; the swarm ID and the minimum
    /// version only where the initiator sends it.
    pub(crate) fn options(&self, initiates: bool) -> Vec<ProtocolOption<'_>> {
        let mut options = vec![ProtocolOption::Version(1)];
        if initiates {
            options.push(ProtocolOption::MinimumVersion(1));
            options.push(ProtocolOption::SwarmId(self.id()));
        }
        options.push(ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle));
        options.push(ProtocolOption::HashFunction(self.layout.hash_function));
        options.push(ProtocolOption::ChunkAddressing(self.layout.addressing));
        options.extend(
            self.layout
                .chunk_size
                .to_option()
                .map(ProtocolOption::ChunkSize),
        );
        options
    }
}

/// A channel from a leecher that opens it to a seeder that has everything.
pub(crate) struct Channel<'a> {
    pub(crate) swarm: &'a StaticSwarm,
    pub(crate) leecher: Peer,
    pub(crate) seeder: Peer,
    known: BTreeSet<ChunkRange>,
    received: BTreeSet<u64>,
}

impl<'a> Channel<'a> {
    /// A channel that is still to be opened.
    pub(crate) fn new(swarm: &'a StaticSwarm, leecher: Peer, seeder: Peer) -> Self {
        Self {
            swarm,
            leecher,
            seeder,
            known: BTreeSet::new(),
            received: BTreeSet::new(),
        }
    }

    /// The leecher opens, the seeder answers with what it has.
    pub(crate) fn open(&self, script: &mut Script) {
        self.initiate(script, self.swarm.options(true), &[]);
        script.wait(2 * ONE_WAY_DELAY + 310);
        let mut answer = vec![handshake(self.seeder.channel, self.swarm.options(false))];
        answer.extend(self.has());
        self.seeder_sends(script, &answer);
    }

    /// The leecher's first datagram with these options.
    pub(crate) fn initiate(
        &self,
        script: &mut Script,
        options: Vec<ProtocolOption<'_>>,
        more: &[Message<'_>],
    ) {
        let mut messages = vec![handshake(self.leecher.channel, options)];
        messages.extend_from_slice(more);
        let zero = Peer {
            channel: ChannelId::ZERO,
            ..self.seeder
        };
        script.send(self.leecher, zero, &self.swarm.layout, &messages);
    }

    /// What the seeder announces: everything, in as many HAVEs as the
    /// addressing method needs.
    fn has(&self) -> Vec<Message<'static>> {
        if is_bins(self.swarm.layout.addressing) {
            let peaks = self.swarm.tree.peaks();
            peaks
                .into_iter()
                .map(|peak| Message::Have(self.swarm.spec(peak)))
                .collect()
        } else {
            vec![Message::Have(self.swarm.spec(self.swarm.everything()))]
        }
    }

    /// The leecher sends these messages.
    pub(crate) fn leecher_sends(&self, script: &mut Script, messages: &[Message<'_>]) {
        script.send(self.leecher, self.seeder, &self.swarm.layout, messages);
    }

    /// The seeder sends these messages.
    pub(crate) fn seeder_sends(&self, script: &mut Script, messages: &[Message<'_>]) {
        script.send(self.seeder, self.leecher, &self.swarm.layout, messages);
    }

    /// The leecher requests chunks.
    pub(crate) fn request(&self, script: &mut Script, wanted: ChunkRange) {
        self.leecher_sends(script, &[Message::Request(self.swarm.spec(wanted))]);
    }

    /// The seeder sends a chunk with the hashes that the leecher still lacks,
    /// and the peaks before its first one.
    pub(crate) fn serve(&mut self, script: &mut Script, chunk: u64) {
        let hashes = self.hashes(chunk);
        self.serve_with(script, chunk, &hashes, self.swarm.chunk(chunk));
    }

    /// The seeder sends a chunk with these hashes and these bytes.
    pub(crate) fn serve_with(
        &self,
        script: &mut Script,
        chunk: u64,
        hashes: &[Message<'_>],
        data: &[u8],
    ) {
        script.wait(2 * ONE_WAY_DELAY + 90 + chunk * 137 % 400);
        let mut messages = hashes.to_vec();
        let left = script.now() - ONE_WAY_DELAY;
        messages.push(self.swarm.data_with(chunk, data, left));
        self.seeder_sends(script, &messages);
    }

    /// [`Channel::missing_hashes`] as messages, in the dialect's order.
    pub(crate) fn hashes(&mut self, chunk: u64) -> Vec<Message<'a>> {
        let (peaks, mut uncles) = self.missing_hashes(chunk);
        if self.swarm.layout.dialect.handshake_options {
            // Section 5.4: in the order of the nodes' heights, descending. The
            // old swift sent them ascending.
            uncles.reverse();
        }
        let swarm = self.swarm;
        peaks
            .into_iter()
            .chain(uncles)
            .map(|node| swarm.integrity(node))
            .collect()
    }

    /// The peaks, where the leecher has none, and the uncles of `chunk` that
    /// it lacks, lowest first. Both then count as known.
    pub(crate) fn missing_hashes(&mut self, chunk: u64) -> (Vec<ChunkRange>, Vec<ChunkRange>) {
        let all_peaks = self.swarm.tree.peaks();
        let top = all_peaks
            .iter()
            .copied()
            .find(|peak| peak.contains(chunk))
            .expect("the content has this chunk");
        let path = path(chunk, top, |node| self.known.contains(&node));
        let uncles = path
            .iter()
            .map(|&(_, uncle)| uncle)
            .filter(|uncle| !self.known.contains(uncle))
            .collect();
        let peaks = if self.known.contains(&top) {
            Vec::new()
        } else {
            all_peaks
        };
        self.known.extend(&peaks);
        for (node, uncle) in path {
            self.known.extend([node, uncle]);
        }
        (peaks, uncles)
    }

    /// The leecher acknowledges a chunk that came just now: the biggest
    /// complete interval that covers it (RFC 7574, section 4.3.2).
    pub(crate) fn acknowledgement(&mut self, script: &mut Script, chunk: u64) -> Message<'static> {
        let arrived = script.now();
        script.wait(60 + chunk * 31 % 40);
        self.received.insert(chunk);
        Message::Ack {
            spec: self.swarm.spec(self.biggest_interval(chunk)),
            delay: if self.swarm.layout.dialect.handshake_options {
                ONE_WAY_DELAY
            } else {
                arrived
            },
        }
    }

    /// Sends [`Channel::acknowledgement`] alone. No HAVE: the seeder has
    /// everything (RFC 7574, section 3.2).
    pub(crate) fn acknowledge(&mut self, script: &mut Script, chunk: u64) {
        let ack = self.acknowledgement(script, chunk);
        self.leecher_sends(script, &[ack]);
    }

    fn biggest_interval(&self, chunk: u64) -> ChunkRange {
        let has = |range: ChunkRange| {
            (range.start()..=range.end()).all(|chunk| self.received.contains(&chunk))
        };
        if is_bins(self.swarm.layout.addressing) {
            let mut biggest = ChunkRange::single(chunk);
            for layer in 1..32 {
                let start = chunk >> layer << layer;
                let wider = range(start, start + (1 << layer) - 1);
                if !has(wider) {
                    break;
                }
                biggest = wider;
            }
            biggest
        } else {
            let mut biggest = ChunkRange::single(chunk);
            while biggest.start() > 0 && self.received.contains(&(biggest.start() - 1)) {
                biggest = range(biggest.start() - 1, biggest.end());
            }
            while self.received.contains(&(biggest.end() + 1)) {
                biggest = range(biggest.start(), biggest.end() + 1);
            }
            biggest
        }
    }

    /// The leecher closes the channel.
    pub(crate) fn close(&self, script: &mut Script) {
        script.wait(1_900);
        self.leecher_sends(script, &[handshake(ChannelId::ZERO, Vec::new())]);
    }

    /// One line about this channel for the manifest.
    pub(crate) fn fact(&self) -> String {
        channel_fact(self.leecher, self.seeder)
    }
}

/// A HANDSHAKE with a well-ended list of options.
pub(crate) fn handshake(
    source_channel: ChannelId,
    options: Vec<ProtocolOption<'_>>,
) -> Message<'_> {
    Message::Handshake(Handshake {
        source_channel,
        options,
        has_end: true,
    })
}

/// One line about a channel for the manifest.
pub(crate) fn channel_fact(initiator: Peer, responder: Peer) -> String {
    format!(
        "Channel: {} as `{}` to {} as `{}`",
        initiator.address, initiator.channel, responder.address, responder.channel
    )
}

/// The chunks `start` to `end`.
///
/// # Panics
/// When `end` lies before `start`.
pub(crate) fn range(start: u64, end: u64) -> ChunkRange {
    ChunkRange::new(start, end).expect("scripts count upwards")
}

/// A layout after the RFC with these parameters.
pub(crate) fn layout(
    addressing: ChunkAddressing,
    hash_function: ppspp_dissector::wire::HashFunction,
    chunk_size: u32,
) -> Layout {
    Layout {
        addressing,
        hash_function,
        chunk_size: ChunkSize::Fixed(chunk_size),
        ..Layout::RFC
    }
}

fn is_bins(addressing: ChunkAddressing) -> bool {
    matches!(addressing, ChunkAddressing::Bin32 | ChunkAddressing::Bin64)
}
