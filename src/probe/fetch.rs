//! Asking for chunks and looking at what comes with them.

use std::time::Duration;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::{Bin, ChunkRange, Message, MessageType};

use super::case::Stop;
use super::conversation::{Channel, Conversation, Heard, MOST_BYTES};
use super::proof::{Check, Proof};
use super::signature::Covers;
use crate::peer::engine::Moment;

/// Messages of a delivery that are remembered: a target that floods must not fill
/// our memory.
const MOST_PIECES: usize = 400_000;

/// A message of a delivery, for questions about order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which datagram of the record it was in.
    pub frame: usize,
    /// What it was.
    pub kind: MessageType,
    /// The chunks that it named.
    pub chunks: Option<ChunkRange>,
    /// Whether it was the last in its datagram.
    pub is_last: bool,
}

/// A signature that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The chunks that it is about.
    pub chunks: ChunkRange,
    /// When it says that it was made.
    pub timestamp: u64,
    /// The hash of its munro, where that had come before.
    pub hash: Option<Hash>,
    /// What it covers, where that could be told.
    pub covers: Option<Covers>,
    /// When it came.
    pub at: Moment,
    /// Its place among the messages of the delivery.
    pub piece: usize,
    /// In which datagram.
    pub frame: usize,
}

/// A chunk that has come.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Which.
    pub chunk: u64,
    /// Its bytes; none where more has come than is remembered.
    pub data: Vec<u8>,
    /// The sender's clock.
    pub timestamp: Option<u64>,
    /// When it came.
    pub at: Moment,
    /// In which datagram.
    pub frame: usize,
    /// What the hashes that had come by then said of it.
    pub check: Check,
}

/// Everything that came on a channel while chunks were fetched.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The chunks, in the order in which they came.
    pub chunks: Vec<Delivered>,
    /// All messages, in their order.
    pub pieces: Vec<Piece>,
    /// The signatures, in their order.
    pub signed: Vec<Signed>,
    /// Datagrams that could not be decoded to their end: where, and why.
    pub faults: Vec<(usize, String)>,
    /// The hashes that came.
    pub proof: Option<Proof>,
    /// Bytes of the chunks.
    bytes: usize,
}

/// How chunks are acknowledged while they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Not at all.
    None,
    /// Each at once, with a delay sample in microseconds.
    Each(u64),
}

impl Delivery {
    /// Nothing has come yet.
    pub fn new(conversation: &Conversation<'_>) -> Self {
        Self {
            chunks: Vec::new(),
            pieces: Vec::new(),
            signed: Vec::new(),
            faults: Vec::new(),
            proof: Proof::new(conversation.swarm()),
            bytes: 0,
        }
    }

    /// Whether a chunk has come.
    pub fn has(&self, chunk: u64) -> bool {
        self.chunks.iter().any(|it| it.chunk == chunk)
    }

    /// A chunk that has come.
    pub fn chunk(&self, chunk: u64) -> Option<&Delivered> {
        self.chunks.iter().find(|it| it.chunk == chunk)
    }

    /// Whether more has come than is remembered.
    pub fn is_overrun(&self) -> bool {
        self.pieces.len() >= MOST_PIECES || self.faults.len() >= MOST_PIECES
    }

    /// Takes what a datagram on the channel brought; the chunks in it. Nothing more
    /// is taken once it is overrun.
    pub fn take(&mut self, channel: &Channel, heard: &Heard, chunk_size: u32) -> Vec<u64> {
        if self.is_overrun() {
            return Vec::new();
        }
        let (messages, fault) = heard.read(&channel.reads);
        if let Some(fault) = fault {
            self.faults.push((heard.frame, fault.to_string()));
        }
        let mut came = Vec::new();
        let count = messages.len();
        for (index, located) in messages.iter().enumerate() {
            let message = &located.message;
            let spec = message.spec();
            let range = spec.and_then(|spec| spec.chunks(chunk_size).range());
            self.pieces.push(Piece {
                frame: heard.frame,
                kind: message.kind(),
                chunks: range,
                is_last: index + 1 == count,
            });
            match (message, range) {
                (Message::Integrity { hash, .. }, Some(range)) => {
                    if let Some(proof) = &mut self.proof {
                        proof.add(range, hash);
                    }
                }
                (
                    Message::SignedIntegrity {
                        spec,
                        timestamp,
                        signature,
                    },
                    Some(range),
                ) => {
                    let proof = self.proof.as_mut();
                    let covers = proof.and_then(|it| it.sign(*spec, range, *timestamp, signature));
                    let node = Bin::covering(range);
                    let hash = self.proof.as_ref().zip(node);
                    self.signed.push(Signed {
                        chunks: range,
                        timestamp: *timestamp,
                        hash: hash.and_then(|(proof, node)| proof.received(node).copied()),
                        covers,
                        at: heard.at,
                        piece: self.pieces.len() - 1,
                        frame: heard.frame,
                    });
                }
                (
                    Message::Data {
                        data, timestamp, ..
                    },
                    Some(range),
                ) if range.is_single() => {
                    let chunk = range.start();
                    let check = self
                        .proof
                        .as_mut()
                        .map_or(Check::Right, |proof| proof.check(chunk, data));
                    came.push(chunk);
                    self.bytes += data.len();
                    let is_kept = self.bytes <= MOST_BYTES;
                    self.chunks.push(Delivered {
                        chunk,
                        data: if is_kept { data.to_vec() } else { Vec::new() },
                        timestamp: *timestamp,
                        at: heard.at,
                        frame: heard.frame,
                        check,
                    });
                }
                _ => {}
            }
        }
        came
    }
}

impl Conversation<'_> {
    /// Takes what comes on a channel until `is_done` or the time is over.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn collect(
        &mut self,
        channel: &Channel,
        delivery: &mut Delivery,
        within: Duration,
        acks: Acks,
        mut is_done: impl FnMut(&Delivery) -> bool,
    ) -> Result<(), Stop> {
        let until = self.now() + within;
        while !is_done(delivery) {
            let Some(heard) = self.hear(until)? else {
                return Ok(());
            };
            if heard.port != channel.port || heard.channel() != Some(channel.ours) {
                continue;
            }
            let came = delivery.take(channel, &heard, self.swarm().chunk_size);
            if let Acks::Each(delay) = acks {
                for chunk in came {
                    self.acknowledge(channel, chunk, delay)?;
                }
            }
        }
        Ok(())
    }

    /// Fetches chunks one after the other, each acknowledged: every one that has
    /// not come is asked for again.
    ///
    /// # Errors
    /// As [`Conversation::hear`]. Chunks that do not come are no error.
    pub fn fetch(&mut self, channel: &Channel, chunks: &[u64]) -> Result<Delivery, Stop> {
        let mut delivery = Delivery::new(self);
        for &chunk in chunks {
            for _ in 0..3 {
                self.request(channel, chunk, chunk)?;
                let within = self.patience().answer;
                self.collect(channel, &mut delivery, within, Acks::Each(1000), |it| {
                    it.has(chunk)
                })?;
                if delivery.has(chunk) {
                    break;
                }
            }
        }
        Ok(delivery)
    }
}
