//! What is done to signed munros and signed chunks on their way out.

use std::net::SocketAddr;

use ppspp_dissector::wire::{
    Bin, ChannelId, ChunkRange, ChunkSpec, ContentIntegrity, Message, encode_message,
};

use super::catalogue::Misbehaviour as M;
use super::rogue::Rogue;
use crate::peer::keys::SigningKey;

/// Seconds from 1900, where NTP timestamps count from, to 1970.
pub(super) const NTP_EPOCH: u64 = 2_208_988_800;

/// Munros that are remembered.
const MOST_MUNROS: usize = 4;

/// Channels whose chunks are remembered.
const MOST_CHUNKS: usize = 4096;

/// A signed munro, or a signed chunk.
#[derive(Clone, Debug)]
pub(super) struct Munro {
    pub(super) range: ChunkRange,
    /// What is signed: the munro's hash, or the chunk.
    pub(super) signed: Vec<u8>,
    pub(super) timestamp: u64,
    pub(super) signature: Vec<u8>,
}

/// A munro that is sent instead of another one, or beside it.
#[derive(Debug)]
pub(super) struct Forged {
    /// The place of the `SIGNED_INTEGRITY` that it replaces.
    instead_of: Option<usize>,
    spec: ChunkSpec,
    munro: Munro,
}

impl Rogue {
    /// Gives it the private key of the stream: some signatures can only be wrong
    /// by that.
    #[must_use]
    pub fn with_key(mut self, key: &SigningKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// Takes away or moves messages about munros.
    pub(super) fn stream(
        &mut self,
        destination: SocketAddr,
        channel: ChannelId,
        messages: &mut Vec<Message<'_>>,
        is_reply: bool,
    ) {
        let is_signed = |message: &Message<'_>| matches!(message, Message::SignedIntegrity { .. });
        match self.what {
            Some(M::NoSignatures) => messages.retain(|message| !is_signed(message)),
            Some(M::SignatureFirst) => {
                for place in 1..messages.len() {
                    let is_pair = matches!(messages[place - 1], Message::Integrity { .. })
                        && is_signed(&messages[place]);
                    if is_pair {
                        messages.swap(place - 1, place);
                    }
                }
            }
            Some(M::NoTuneIn) => self.without_tune_in(messages),
            Some(M::MunroOnce) => {
                let tells = messages.iter().any(is_signed);
                if tells && !self.told.insert((destination, channel)) {
                    self.without_tune_in(messages);
                }
            }
            Some(M::NoNews) if !is_reply && self.swarm.is_live() => {
                messages.retain(|message| !matches!(message, Message::Have(_)));
            }
            _ => {}
        }
    }

    /// Takes away the munros that no chunk of the datagram is below.
    fn without_tune_in(&self, messages: &mut Vec<Message<'_>>) {
        let signed = self.ranges(messages, |it| matches!(it, Message::SignedIntegrity { .. }));
        let data = self.ranges(messages, |it| matches!(it, Message::Data { .. }));
        let size = self.swarm.chunk_size;
        messages.retain(|message| {
            let is_proof = matches!(
                message,
                Message::Integrity { .. } | Message::SignedIntegrity { .. }
            );
            let range = message.spec().and_then(|spec| spec.chunks(size).range());
            let Some(range) = range.filter(|range| is_proof && signed.contains(range)) else {
                return true;
            };
            data.iter().any(|chunk| range.contains(chunk.start()))
        });
    }

    fn ranges(
        &self,
        messages: &[Message<'_>],
        is_it: impl Fn(&Message<'_>) -> bool,
    ) -> Vec<ChunkRange> {
        let messages = messages.iter().filter(|message| is_it(message));
        messages.filter_map(|message| self.range(message)).collect()
    }

    /// The munros that go with a datagram instead of its own.
    pub(super) fn forge(&mut self, messages: &[Message<'_>], is_reply: bool) -> Vec<Forged> {
        let mut all = Vec::new();
        if is_reply
            && self.does(M::SignatureBeforeThird)
            && let Some(munro) = self.munros.last()
            && let Some(spec) = self.spec(munro.range.start(), munro.range.end())
        {
            all.push(Forged {
                instead_of: None,
                spec,
                munro: munro.clone(),
            });
        }
        let data = self.ranges(messages, |it| matches!(it, Message::Data { .. }));
        for (place, message) in messages.iter().enumerate() {
            let Message::SignedIntegrity {
                spec,
                timestamp,
                signature,
            } = message
            else {
                continue;
            };
            let Some(range) = self.range(message) else {
                continue;
            };
            let signed = messages.iter().find_map(|it| match it {
                Message::Integrity { spec: of, hash } if of == spec => Some(hash.to_vec()),
                Message::Data { spec: of, data, .. } if of == spec => Some(data.to_vec()),
                _ => None,
            });
            let munro = Munro {
                range,
                signed: signed.unwrap_or_default(),
                timestamp: *timestamp,
                signature: signature.to_vec(),
            };
            let is_new = self
                .munros
                .last()
                .is_none_or(|last| last.range.start() < range.start());
            if is_new {
                self.munros.push(munro.clone());
                if self.munros.len() > MOST_MUNROS {
                    self.munros.remove(0);
                }
            }
            let is_asked_for = data.iter().any(|chunk| range.contains(chunk.start()));
            all.extend(self.forged(place, *spec, &munro, is_asked_for));
        }
        all
    }

    /// What becomes of a munro; nothing where it stays as it is.
    fn forged(
        &self,
        place: usize,
        spec: ChunkSpec,
        munro: &Munro,
        is_asked_for: bool,
    ) -> Option<Forged> {
        let range = munro.range;
        let instead = |munro: Munro| {
            Some(Forged {
                instead_of: Some(place),
                spec,
                munro,
            })
        };
        let spoilt = |munro: &Munro| {
            let mut signature = munro.signature.clone();
            for byte in &mut signature {
                *byte ^= 0x55;
            }
            signature
        };
        let dated = |timestamp: u64| {
            let signature = self.sign(spec, timestamp, &munro.signed)?;
            instead(Munro {
                timestamp,
                signature,
                ..munro.clone()
            })
        };
        let beside = |start: u64, end: u64, signed: Vec<u8>| {
            if self.signs_chunks() {
                return None;
            }
            let spec = self.spec(start, end)?;
            let signature = self.sign(spec, munro.timestamp, &signed)?;
            Some(Forged {
                instead_of: None,
                spec,
                munro: Munro {
                    range: ChunkRange::new(start, end)?,
                    signed,
                    timestamp: munro.timestamp,
                    signature,
                },
            })
        };
        match self.what? {
            M::WrongSignature => instead(Munro {
                signature: spoilt(munro),
                ..munro.clone()
            }),
            M::BelievesAnySignature if self.poisoned.contains(&range) => instead(Munro {
                signature: spoilt(munro),
                ..munro.clone()
            }),
            M::SignsHashAlone => instead(Munro {
                signature: self.key.as_ref()?.sign(&[&munro.signed]),
                ..munro.clone()
            }),
            M::SignsUnixTime => {
                let seconds = (munro.timestamp >> 32).saturating_sub(NTP_EPOCH);
                let parts = (munro.timestamp & 0xffff_ffff) * 1_000_000;
                dated(seconds * 1_000_000 + (parts >> 32))
            }
            M::OldSignatures => dated(munro.timestamp.saturating_sub(3600 << 32)),
            // Of sixteen seconds the last one is told first.
            M::TimestampsFall => dated(munro.timestamp ^ (0xf << 32)),
            M::MunroUnaligned => beside(range.start() + 1, range.end() + 1, munro.signed.clone()),
            M::MunroWidthsVary => {
                let parent = Bin::covering(range)?.parent()?.range();
                let hash = vec![0x55; munro.signed.len()];
                beside(parent.start(), parent.end(), hash)
            }
            M::TellsOldMunro if !is_asked_for => {
                let mut before = self.munros.iter().rev();
                let old = before.find(|old| old.range.end() < range.start())?;
                Some(Forged {
                    instead_of: Some(place),
                    spec: self.spec(old.range.start(), old.range.end())?,
                    munro: old.clone(),
                })
            }
            _ => None,
        }
    }

    /// Whether each chunk is signed, and there are no munros.
    fn signs_chunks(&self) -> bool {
        self.swarm.integrity == ContentIntegrity::SignAll
    }

    /// A munro's or chunk's signature as the RFC has it.
    fn sign(&self, spec: ChunkSpec, timestamp: u64, signed: &[u8]) -> Option<Vec<u8>> {
        let key = self.key.as_ref()?;
        let mut bytes = Vec::new();
        encode_message(&Message::Have(spec), &self.layout, &mut bytes).ok()?;
        let on_the_wire = bytes.get(1..)?;
        Some(key.sign(&[on_the_wire, &timestamp.to_be_bytes(), signed]))
    }

    /// What goes in a datagram of its own before the rest: a munro's hash, or a
    /// chunk's signature.
    pub(super) fn apart(
        &self,
        messages: &mut Vec<Message<'_>>,
        channel: ChannelId,
    ) -> Option<Vec<u8>> {
        if !self.does(M::SignatureApart) {
            return None;
        }
        let signed = self.ranges(messages, |it| matches!(it, Message::SignedIntegrity { .. }));
        let signs_chunks = self.signs_chunks();
        let is_apart = |message: &Message<'_>| match message {
            Message::SignedIntegrity { .. } => signs_chunks,
            Message::Integrity { .. } => self
                .range(message)
                .is_some_and(|range| signed.contains(&range)),
            _ => false,
        };
        let (apart, rest): (Vec<_>, Vec<_>) = messages.drain(..).partition(is_apart);
        *messages = rest;
        (!apart.is_empty()).then(|| self.datagram(channel, &apart))
    }

    /// Whether a chunk has gone to an address before, on another channel.
    pub(super) fn went_before(
        &mut self,
        destination: SocketAddr,
        channel: ChannelId,
        chunk: u64,
    ) -> bool {
        if self.sent.len() >= MOST_CHUNKS {
            self.sent.clear();
        }
        *self.sent.entry((destination, chunk)).or_insert(channel) != channel
    }
}

/// Puts forged munros, or signatures of chunks, into a datagram.
pub(super) fn insert<'f>(messages: &mut Vec<Message<'f>>, forged: &'f [Forged]) {
    for it in forged {
        let hash = Message::Integrity {
            spec: it.spec,
            hash: &it.munro.signed,
        };
        let signed = Message::SignedIntegrity {
            spec: it.spec,
            timestamp: it.munro.timestamp,
            signature: &it.munro.signature,
        };
        let Some(place) = it.instead_of else {
            // Before DATA, which would swallow what follows.
            let end = messages
                .iter()
                .position(|message| matches!(message, Message::Data { .. }))
                .unwrap_or(messages.len());
            let is_munro = !it.munro.range.is_single();
            let both = is_munro.then_some(hash).into_iter().chain([signed]);
            messages.splice(end..end, both);
            continue;
        };
        let old = messages[place].spec();
        for message in messages.iter_mut() {
            let is_its = message.spec() == old;
            match message {
                Message::Integrity { .. } if is_its => *message = hash.clone(),
                Message::SignedIntegrity { .. } if is_its => *message = signed.clone(),
                _ => {}
            }
        }
    }
}
