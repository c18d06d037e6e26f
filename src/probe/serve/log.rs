//! What a target that leeches has said on its channel.

use std::collections::BTreeSet;

use ppspp_dissector::wire::{ChunkRange, DecodeError, Located, Message, MessageType};

use crate::peer::engine::{Chunks, Moment};
use crate::probe::conversation::Heard;
use crate::probe::swarm::{Declared, handshake_of};

/// A message about chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// When it came.
    pub at: Moment,
    /// In which datagram of the record.
    pub frame: usize,
    /// The chunks.
    pub chunks: ChunkRange,
}

/// An ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// When, where and which chunks.
    pub said: Said,
    /// The delay sample in microseconds.
    pub delay: u64,
}

/// Messages of each kind that are remembered, and separate ranges of chunks: a target
/// that floods must not fill our memory.
const MOST_SAID: usize = 10_000;

/// What a target has said since its first HANDSHAKE, in the order in which it
/// came.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// REQUESTs.
    pub requests: Vec<Said>,
    /// ACKs.
    pub acks: Vec<Acked>,
    /// HAVEs.
    pub haves: Vec<Said>,
    /// `PEX_REQ`s: in which datagrams.
    pub asked_for_peers: Vec<usize>,
    /// Closing HANDSHAKEs on our channel.
    pub closed: Vec<usize>,
    /// First HANDSHAKEs that came again, or to another channel of ours.
    pub openings: Vec<(usize, Declared)>,
    /// Datagrams on our channel: when, and where they are recorded.
    pub datagrams: Vec<(Moment, usize)>,
    /// Datagrams to a channel that is not ours, other than first HANDSHAKEs.
    pub strays: Vec<usize>,
    /// What could not be decoded: where, and why.
    pub faults: Vec<(usize, String)>,
    /// The types of all messages, with the datagrams that they first came in.
    pub kinds: Vec<(MessageType, usize)>,
    asked: Chunks,
    acknowledged: Chunks,
    accepted: Chunks,
}

impl Log {
    /// Takes note of the messages of a datagram on our channel.
    pub(super) fn take(&mut self, heard: &Heard, messages: &[Located<'_>], chunk_size: u32) {
        keep(&mut self.datagrams, (heard.at, heard.frame));
        for located in messages {
            let message = &located.message;
            let kind = message.kind();
            if self.kinds.iter().all(|(known, _)| *known != kind) {
                self.kinds.push((kind, heard.frame));
            }
            let chunks = message.spec().and_then(|it| it.chunks(chunk_size).range());
            let said = chunks.map(|chunks| Said {
                at: heard.at,
                frame: heard.frame,
                chunks,
            });
            match (message, said) {
                (Message::Request(_), Some(said)) => {
                    keep(&mut self.requests, said);
                    add(&mut self.asked, said.chunks);
                }
                (Message::Have(_), Some(said)) => {
                    keep(&mut self.haves, said);
                    add(&mut self.accepted, said.chunks);
                }
                (Message::Ack { delay, .. }, Some(said)) => {
                    let delay = *delay;
                    keep(&mut self.acks, Acked { said, delay });
                    add(&mut self.acknowledged, said.chunks);
                    add(&mut self.accepted, said.chunks);
                }
                (Message::PexReq, _) => keep(&mut self.asked_for_peers, heard.frame),
                (Message::Handshake(handshake), _) if handshake.is_closing() => {
                    keep(&mut self.closed, heard.frame);
                }
                _ => {}
            }
        }
    }

    /// Takes note of what could not be decoded.
    pub(super) fn fault(&mut self, heard: &Heard, fault: &DecodeError) {
        if self.faults.len() < MOST_SAID {
            self.faults.push((heard.frame, fault.to_string()));
        }
    }

    /// Takes note of a datagram that is not on our channel.
    pub(super) fn stray(&mut self, heard: &Heard, messages: &[Located<'_>]) {
        let mut handshakes = messages.iter().filter_map(|it| handshake_of(&it.message));
        match handshakes.find(|it| !it.source_channel.is_zero()) {
            Some(handshake) => {
                keep(&mut self.openings, (heard.frame, Declared::by(handshake)));
            }
            None => keep(&mut self.strays, heard.frame),
        }
    }

    /// All chunks that were acknowledged.
    pub const fn acknowledged(&self) -> &Chunks {
        &self.acknowledged
    }

    /// All chunks that are said to be there, by ACK or HAVE: it holds them for
    /// the content's.
    pub const fn accepted(&self) -> &Chunks {
        &self.accepted
    }

    /// All chunks that were asked for.
    pub const fn asked(&self) -> &Chunks {
        &self.asked
    }

    /// The first message that accepts one of these chunks: its name, and where.
    pub fn acceptance(&self, chunks: &BTreeSet<u64>) -> Option<(String, usize)> {
        let names = |range: ChunkRange| chunks.range(range.start()..=range.end()).next().is_some();
        let acks = self.acks.iter().map(|it| ("ACK", it.said));
        let haves = self.haves.iter().map(|it| ("HAVE", *it));
        let all = acks.chain(haves).filter(|(_, said)| names(said.chunks));
        let (what, said) = all.min_by_key(|(_, said)| said.frame)?;
        Some((format!("{what} {}", said.chunks), said.frame))
    }
}

fn keep<T>(list: &mut Vec<T>, one: T) {
    if list.len() < MOST_SAID {
        list.push(one);
    }
}

fn add(all: &mut Chunks, chunks: ChunkRange) {
    if all.len() < MOST_SAID {
        all.insert(chunks.start()..=chunks.end());
    }
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::{ChannelId, ChunkSpec, Layout, encode_datagram};

    use super::*;
    use crate::probe::net::Port;

    fn heard(messages: &[Message<'_>]) -> Heard {
        let mut bytes = Vec::new();
        encode_datagram(ChannelId(7), messages, &Layout::RFC, &mut bytes).expect("it can be");
        Heard {
            frame: 0,
            at: Moment::from_microseconds(1),
            port: Port(0),
            source: ([192, 0, 2, 1], 6778).into(),
            bytes,
        }
    }

    fn take(log: &mut Log, messages: &[Message<'_>]) {
        let heard = heard(messages);
        log.take(&heard, &heard.read(&Layout::RFC).0, 1024);
    }

    const fn chunks(start: u32, end: u32) -> ChunkSpec {
        ChunkSpec::Chunk32 { start, end }
    }

    #[test]
    fn what_was_asked_for_and_accepted_adds_up() {
        let mut log = Log::default();
        let ack = Message::Ack {
            spec: chunks(3, 4),
            delay: 5,
        };
        take(&mut log, &[Message::Request(chunks(0, 7)), ack]);
        take(
            &mut log,
            &[Message::Have(chunks(6, 6)), Message::Request(chunks(9, 9))],
        );
        let ranges = |chunks: &Chunks| chunks.iter().cloned().collect::<Vec<_>>();
        assert_eq!(ranges(log.asked()), [0..=7, 9..=9]);
        assert_eq!(ranges(log.acknowledged()), [3..=4]);
        assert_eq!(ranges(log.accepted()), [3..=4, 6..=6]);
        assert_eq!((log.requests.len(), log.haves.len()), (2, 1));
        assert_eq!(log.acks[0].delay, 5);
    }

    #[test]
    fn no_more_of_a_flood_is_kept_than_its_beginning() {
        let mut log = Log::default();
        for round in 0..40_u32 {
            let messages: Vec<Message<'_>> = (0..1000)
                .map(|at| Message::Have(chunks(round * 4000 + at * 2, round * 4000 + at * 2)))
                .collect();
            take(&mut log, &messages);
        }
        assert_eq!(log.haves.len(), MOST_SAID);
        assert_eq!(log.accepted().len(), MOST_SAID);
        assert!(log.accepted().contains(&0));
    }
}
