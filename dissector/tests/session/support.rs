//! Hand-made conversations: peers with names say messages to each other, the
//! analyzer listens, and what it made of each datagram is kept.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ppspp_dissector::finding::{Finding, FindingId};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::session::{
    Analyzer, Channel, Config, Datagram, Failure, Foreseen, Hashed, HashedChunk, Late, Learned,
    Side, Swarm, Time, Transport, Verdict,
};
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, DecodeError, Layout, Message, encode_datagram,
};

/// Three peers, on addresses set aside for documentation.
pub(crate) const ALICE: SocketAddr = peer(1);
pub(crate) const BOB: SocketAddr = peer(2);
pub(crate) const CAROL: SocketAddr = peer(3);

const fn peer(number: u8) -> SocketAddr {
    let address = Ipv4Addr::new(192, 0, 2, number);
    SocketAddr::new(IpAddr::V4(address), 7000 + number as u16)
}

/// The channel IDs that Alice and Bob choose where a test does not care.
pub(crate) const A: u32 = 0xa1ce_93f7;
pub(crate) const B: u32 = 0x5b0b_41d2;

/// When every conversation begins: 2026-11-22T04:34:01Z.
const EPOCH_SECONDS: i64 = 1_795_322_041;
/// Seconds from 1900, where NTP counts from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// The clock of peers `ms` after the beginning, in Unix microseconds.
pub(crate) const fn clock(ms: i64) -> u64 {
    (EPOCH_SECONDS * 1_000_000 + ms * 1_000) as u64
}

/// The time of an injector at the beginning, as an NTP timestamp.
pub(crate) const fn ntp() -> u64 {
    (EPOCH_SECONDS as u64 + NTP_EPOCH) << 32
}

/// What the analyzer made of one datagram.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its number, from 1 on.
    pub(crate) frame: u64,
    /// Whether it was taken for PPSPP.
    pub(crate) is_ppspp: bool,
    /// Chunks and uncles that were foreseen to be hashed.
    pub(crate) foreseen: (usize, usize),
    /// Names of the messages.
    pub(crate) names: Vec<&'static str>,
    /// Where the messages stood.
    pub(crate) offsets: Vec<usize>,
    /// Whether the messages are the very ones that were sent, and no more.
    pub(crate) as_sent: bool,
    pub(crate) sender: Option<Side>,
    /// The two IDs of its channel, the initiator's first; `None` without channel.
    pub(crate) channel: Option<(Option<ChannelId>, Option<ChannelId>)>,
    pub(crate) swarm: Option<Vec<u8>>,
    pub(crate) layout: Layout,
    pub(crate) fault: Option<DecodeError>,
    pub(crate) cut: bool,
    pub(crate) undecoded: usize,
    pub(crate) findings: Vec<Finding>,
    /// For each message, whether it is what the swarm ID promises.
    pub(crate) verdicts: Vec<Verdict>,
    /// For each message, whether its receiver could tell.
    pub(crate) receiver_verdicts: Vec<Option<Verdict>>,
    /// Verdicts on earlier messages.
    pub(crate) late: Vec<Late>,
    /// What has failed for good.
    pub(crate) failures: Vec<Failure>,
}

impl Seen {
    /// Names of its findings.
    pub(crate) fn findings(&self) -> Vec<&'static str> {
        self.findings
            .iter()
            .map(|finding| finding.id.entry().name)
            .collect()
    }

    /// The finding of this name.
    pub(crate) fn finding(&self, name: &str) -> Option<Finding> {
        self.findings
            .iter()
            .find(|finding| finding.id.entry().name == name)
            .copied()
    }

    /// Whether it has a finding of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.finding(name).is_some()
    }
}

/// A conversation under way.
pub(crate) struct Talk {
    pub(crate) analyzer: Analyzer,
    /// How messages are written unless said otherwise.
    pub(crate) layout: Layout,
    /// Hashes foreseen chunks before the analyzer does.
    pub(crate) hasher: Option<fn(TreeHash, &[u8]) -> Hash>,
    seen: Vec<Seen>,
    now: i64,
}

impl Default for Talk {
    fn default() -> Self {
        Self::with(Config::default())
    }
}

impl Talk {
    /// A conversation before an analyzer that knows something already.
    pub(crate) fn with(config: Config) -> Self {
        Self {
            analyzer: Analyzer::new(config),
            layout: super::words::STATIC,
            hasher: None,
            seen: Vec::new(),
            now: 0,
        }
    }

    /// The same, from messages written in `layout`.
    pub(crate) fn written(layout: Layout) -> Self {
        Self {
            layout,
            ..Self::default()
        }
    }

    /// Before anything is said: chunks, hashes and signatures are verified.
    pub(crate) fn verify(&mut self) -> &mut Self {
        assert!(
            self.seen.is_empty(),
            "too late to verify from the beginning"
        );
        self.analyzer = Analyzer::new(Config {
            verify: true,
            ..Config::default()
        });
        self
    }

    /// Begins a datagram: `from(ALICE).to(BOB).at(20).channel(B).send([…])`.
    pub(crate) fn from(&mut self, source: SocketAddr) -> Sending<'_> {
        Sending {
            layout: self.layout,
            talk: self,
            source,
            destination: BOB,
            at: None,
            timed: true,
            channel: 0,
            transport: Transport::Udp,
            fragments: 1,
            captured: usize::MAX,
        }
    }

    /// Alice to Bob on the channel that both have.
    pub(crate) fn alice<'m>(&mut self, messages: impl AsRef<[Message<'m>]>) -> Seen {
        self.from(ALICE).to(BOB).channel(B).send(messages)
    }

    /// Bob to Alice on the channel that both have.
    pub(crate) fn bob<'m>(&mut self, messages: impl AsRef<[Message<'m>]>) -> Seen {
        self.from(BOB).to(ALICE).channel(A).send(messages)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: i64) -> &mut Self {
        self.now += ms;
        self
    }

    /// What the time is: nanoseconds since 1970.
    pub(crate) const fn now(&self) -> i64 {
        (EPOCH_SECONDS * 1_000 + self.now) * 1_000_000
    }

    /// Every datagram so far.
    pub(crate) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How often a finding was raised.
    pub(crate) fn count(&self, name: &str) -> u64 {
        assert!(FindingId::by_name(name).is_some(), "no finding {name}");
        self.analyzer
            .finding_counts()
            .find(|(entry, _)| entry.name == name)
            .map_or(0, |(_, count)| count)
    }

    /// Names of all findings raised so far.
    pub(crate) fn findings(&self) -> Vec<&'static str> {
        self.analyzer
            .finding_counts()
            .map(|(entry, _)| entry.name)
            .collect()
    }

    pub(crate) fn channels(&self) -> Vec<&Channel> {
        self.analyzer.channels().collect()
    }

    pub(crate) fn swarms(&self) -> Vec<&Swarm> {
        self.analyzer.swarms().collect()
    }

    /// The only channel there is.
    pub(crate) fn channel(&self) -> &Channel {
        let channels = self.channels();
        assert_eq!(channels.len(), 1, "channels");
        channels[0]
    }

    /// The only swarm there is.
    pub(crate) fn swarm(&self) -> &Swarm {
        let swarms = self.swarms();
        assert_eq!(swarms.len(), 1, "swarms");
        swarms[0]
    }

    /// Every datagram was read as it was written.
    pub(crate) fn assert_read_as_sent(&self) {
        for (index, seen) in self.seen.iter().enumerate() {
            assert!(seen.as_sent, "datagram {index}: {seen:#?}");
        }
    }

    /// What a second reading may know.
    pub(crate) fn into_learned(self) -> Learned {
        self.analyzer.into_learned()
    }
}

/// A datagram before it is sent.
pub(crate) struct Sending<'t> {
    talk: &'t mut Talk,
    source: SocketAddr,
    destination: SocketAddr,
    at: Option<i64>,
    timed: bool,
    channel: u32,
    layout: Layout,
    transport: Transport,
    fragments: u16,
    captured: usize,
}

impl Sending<'_> {
    pub(crate) fn to(mut self, destination: SocketAddr) -> Self {
        self.destination = destination;
        self
    }

    /// Milliseconds after the beginning; one after the datagram before, unless said.
    pub(crate) fn at(mut self, ms: i64) -> Self {
        self.at = Some(ms);
        self
    }

    pub(crate) fn channel(mut self, id: u32) -> Self {
        self.channel = id;
        self
    }

    /// Writes this datagram otherwise than the rest.
    pub(crate) fn in_layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    pub(crate) fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }

    pub(crate) fn over_tcp(mut self) -> Self {
        self.transport = Transport::TcpFramed;
        self
    }

    pub(crate) fn in_fragments(mut self, fragments: u16) -> Self {
        self.fragments = fragments;
        self
    }

    /// Only this many bytes were captured.
    pub(crate) fn cut_to(mut self, bytes: usize) -> Self {
        self.captured = bytes;
        self
    }

    /// Encodes the messages and shows the datagram to the analyzer.
    pub(crate) fn send<'m>(self, messages: impl AsRef<[Message<'m>]>) -> Seen {
        let messages = messages.as_ref();
        let mut payload = Vec::new();
        encode_datagram(
            ChannelId(self.channel),
            messages,
            &self.layout,
            &mut payload,
        )
        .expect("messages that fit the layout");
        self.deliver(&payload, messages)
    }

    /// Shows any bytes to the analyzer.
    pub(crate) fn send_bytes(self, payload: &[u8]) -> Seen {
        self.deliver(payload, &[])
    }

    /// The channel ID and then these bytes.
    pub(crate) fn send_body(self, body: &[u8]) -> Seen {
        let payload = [&self.channel.to_be_bytes(), body].concat();
        self.deliver(&payload, &[])
    }

    fn deliver(self, payload: &[u8], sent: &[Message<'_>]) -> Seen {
        let talk = self.talk;
        talk.now = self.at.unwrap_or(talk.now + 1);
        let nanoseconds = EPOCH_SECONDS * 1_000_000_000 + talk.now * 1_000_000;
        let datagram = Datagram {
            frame: talk.seen.len() as u64 + 1,
            time: self.timed.then_some(Time::from_nanoseconds(nanoseconds)),
            source: self.source,
            destination: self.destination,
            transport: self.transport,
            payload: &payload[..payload.len().min(self.captured)],
            wire_length: payload.len(),
            fragments: self.fragments,
        };
        let mut room = Vec::new();
        let mut wanted = Foreseen::default();
        if let Some(outlook) = talk.analyzer.outlook(&datagram) {
            outlook.foresee(&datagram, &mut wanted);
        }
        let foreseen = (wanted.chunks.len(), wanted.uncles.len());
        let chunks: Vec<_> = talk.hasher.map_or_else(Vec::new, |hash| {
            let hashed = wanted.chunks.iter().map(|chunk| HashedChunk {
                offset: chunk.offset,
                length: chunk.length,
                function: chunk.function,
                hash: hash(chunk.function, chunk.of(datagram.payload)),
                uncles: 0,
            });
            hashed.collect()
        });
        let hashed = Hashed {
            chunks: &chunks,
            ..Hashed::default()
        };
        let record = talk.analyzer.datagram_hashed(&datagram, hashed, &mut room);
        let seen = match record {
            None => Seen {
                frame: datagram.frame,
                is_ppspp: false,
                foreseen,
                names: Vec::new(),
                offsets: Vec::new(),
                as_sent: false,
                sender: None,
                channel: None,
                swarm: None,
                layout: Layout::RFC,
                fault: None,
                cut: false,
                undecoded: payload.len(),
                findings: Vec::new(),
                verdicts: Vec::new(),
                receiver_verdicts: Vec::new(),
                late: Vec::new(),
                failures: Vec::new(),
            },
            Some(record) => {
                let messages = record.messages.iter();
                let places = 0..record.messages.len();
                Seen {
                    frame: datagram.frame,
                    is_ppspp: true,
                    foreseen,
                    names: messages.clone().map(|one| one.message.name()).collect(),
                    offsets: messages.clone().map(|one| one.offset).collect(),
                    as_sent: record.fault.is_none()
                        && record.messages.len() == sent.len()
                        && messages.zip(sent).all(|(read, sent)| read.message == *sent),
                    sender: record.sender,
                    channel: record.channel.map(|channel| {
                        (
                            channel.end(Side::Initiator).id,
                            channel.end(Side::Responder).id,
                        )
                    }),
                    swarm: record
                        .swarm
                        .and_then(|swarm| swarm.id.as_deref().map(<[u8]>::to_vec)),
                    layout: record.layout,
                    fault: record.fault,
                    cut: record.cut,
                    undecoded: record.undecoded.len(),
                    findings: record.findings.to_vec(),
                    verdicts: places.clone().map(|it| record.verdict(it)).collect(),
                    receiver_verdicts: places.map(|it| record.receiver_verdict(it)).collect(),
                    late: record.late.to_vec(),
                    failures: record.failures.to_vec(),
                }
            }
        };
        talk.seen.push(seen.clone());
        seen
    }
}

/// Every assigned addressing method.
pub(crate) fn addressings() -> impl Iterator<Item = ChunkAddressing> {
    ChunkAddressing::ASSIGNED.iter().copied()
}
