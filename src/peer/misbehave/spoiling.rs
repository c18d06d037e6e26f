//! What is done to HAVE, INTEGRITY and DATA on their way out.

use std::net::SocketAddr;

use ppspp_dissector::integrity::peak_ranges;
use ppspp_dissector::wire::{Bin, ChannelId, ChunkRange, Message};

use super::catalogue::Misbehaviour as M;
use super::rogue::Rogue;
use crate::peer::engine::Moment;

/// The chunk that is spoilt where one is; of a live stream one of eight.
const SPOILT: u64 = 5;

/// A hash of nothing.
const NO_HASH: [u8; 64] = [0x55; 64];

impl Rogue {
    /// Spoils HAVEs.
    pub(super) fn availability(&mut self, messages: &mut Vec<Message<'_>>, is_reply: bool) {
        let haves = messages.iter();
        let ends = haves.filter_map(|message| match message {
            Message::Have(_) => self.range(message).map(ChunkRange::end),
            _ => None,
        });
        self.size = ends.map(|end| end + 1).max().unwrap_or(0).max(self.size);
        match self.what {
            Some(M::NoHaves) => messages.retain(|message| !matches!(message, Message::Have(_))),
            Some(M::HavesToEverybody) if is_reply => {
                let all = self.size.max(1) - 1;
                messages.extend(self.spec(0, all).map(Message::Have));
            }
            Some(M::HavesTooMuch) => {
                for message in messages {
                    if let Message::Have(spec) = message
                        && let Some(range) = spec.chunks(self.swarm.chunk_size).range()
                        && range.end() + 1 == self.size
                        && let Some(more) = self.spec(range.start(), range.end() + 1)
                    {
                        *spec = more;
                    }
                }
            }
            Some(M::HavesDiscarded) if is_reply && self.swarm.is_live() => {
                for message in messages {
                    if let Message::Have(spec) = message
                        && let Some(range) = spec.chunks(self.swarm.chunk_size).range()
                        && let Some(more) = self.spec(0, range.end())
                    {
                        *spec = more;
                    }
                }
            }
            Some(M::HavesInBins) => {
                let mut split = Vec::new();
                for message in messages.drain(..) {
                    let range = match &message {
                        Message::Have(_) => self.range(&message),
                        _ => None,
                    };
                    match range.filter(|range| range.start() == 0) {
                        Some(range) => split.extend(
                            peak_ranges(range.end() + 1)
                                .filter_map(|part| self.spec(part.start(), part.end()))
                                .map(Message::Have),
                        ),
                        None => split.push(message),
                    }
                }
                *messages = split;
            }
            _ => {}
        }
    }

    /// Spoils hashes and DATA.
    pub(super) fn hashes(
        &mut self,
        now: Moment,
        destination: SocketAddr,
        channel: ChannelId,
        messages: &mut Vec<Message<'_>>,
    ) {
        let is_hash = |message: &Message<'_>| matches!(message, Message::Integrity { .. });
        let is_proof = |message: &Message<'_>| {
            is_hash(message) || matches!(message, Message::SignedIntegrity { .. })
        };
        let is_data = |message: &Message<'_>| matches!(message, Message::Data { .. });
        let chunk_size = self.swarm.chunk_size;
        let range_of = move |message: &Message<'_>| {
            message
                .spec()
                .and_then(|spec| spec.chunks(chunk_size).range())
        };
        // Of a live stream what is signed.
        let peaks: Vec<ChunkRange> = if self.swarm.is_live() {
            let signed = messages
                .iter()
                .filter(|message| matches!(message, Message::SignedIntegrity { .. }));
            signed.filter_map(range_of).collect()
        } else {
            peak_ranges(self.size).collect()
        };
        let is_peak = |message: &Message<'_>| {
            is_hash(message) && range_of(message).is_some_and(|range| peaks.contains(&range))
        };
        match self.what {
            Some(M::NoPeaks) => messages.retain(|message| !is_peak(message)),
            Some(M::PeaksLast) => {
                // Before DATA, behind the uncles; where they stand alone they wait.
                let is_signature =
                    |message: &Message<'_>| matches!(message, Message::SignedIntegrity { .. });
                let (late, mut rest): (Vec<_>, Vec<_>) = messages
                    .drain(..)
                    .partition(|message| is_peak(message) || is_signature(message));
                let place = rest.iter().position(is_data).unwrap_or(rest.len());
                rest.splice(place..place, late);
                *messages = rest;
            }
            Some(M::AscendingHashes) => {
                let places: Vec<usize> = (0..messages.len())
                    .filter(|place| is_hash(&messages[*place]) && !is_peak(&messages[*place]))
                    .collect();
                let (front, back) = (places.iter(), places.iter().rev());
                for (one, other) in front.zip(back).take(places.len() / 2) {
                    messages.swap(*one, *other);
                }
            }
            Some(M::HashOfNoNode) if messages.iter().any(is_hash) => {
                let length = self.layout.hash_function.length().unwrap_or(0);
                let hash = NO_HASH.get(..length).unwrap_or_default();
                if let Some(spec) = self.spec(0, 2) {
                    messages.insert(0, Message::Integrity { spec, hash });
                }
            }
            Some(M::HashesOnlyOnce) => messages.retain(|message| {
                let node = range_of(message).and_then(Bin::covering);
                !is_hash(message) || node.is_none_or(|node| self.hashes.insert(node))
            }),
            Some(M::HashesApart) if messages.iter().any(is_data) => {
                let (apart, data): (Vec<_>, Vec<_>) =
                    messages.drain(..).partition(|message| is_proof(message));
                if apart.is_empty() {
                    *messages = data;
                } else {
                    *messages = apart;
                    let bytes = self.datagram(channel, &data);
                    self.queue.push_back((destination, bytes));
                }
            }
            Some(M::HashesAfterData) => {
                let (late, rest): (Vec<_>, Vec<_>) =
                    messages.drain(..).partition(|message| is_proof(message));
                *messages = rest;
                if !late.is_empty() {
                    let bytes = self.datagram(channel, &late);
                    self.held.push((destination, channel, bytes));
                }
                if messages.iter().any(is_data) {
                    let is_its = |(to, on, _): &mut (SocketAddr, ChannelId, Vec<u8>)| {
                        (*to, *on) == (destination, channel)
                    };
                    let held = self.held.extract_if(.., is_its);
                    self.queue.extend(held.map(|(to, _, bytes)| (to, bytes)));
                }
            }
            Some(M::DataNotLast) => {
                // Behind a short chunk it would be taken for part of it.
                let is_full = |message: &Message<'_>| {
                    matches!(message, Message::Data { data, .. }
                        if data.len() == self.swarm.chunk_size as usize)
                };
                if messages.iter().any(is_full) {
                    messages.extend(self.spec(0, 0).map(Message::Have));
                }
            }
            _ => {}
        }
        if self.does(M::BelievesAnyHash) {
            let length = self.layout.hash_function.length().unwrap_or(0);
            for message in messages.iter_mut() {
                let range = range_of(message);
                if let Message::Integrity { hash, .. } = message
                    && range.is_some_and(|range| self.poisoned.contains(&range))
                {
                    *hash = NO_HASH.get(..length).unwrap_or_default();
                }
            }
        }
        // Of many chunks of a stream none is spoilt: most are not looked at.
        let route = self
            .routes
            .iter()
            .find(|it| (it.address, it.theirs) == (destination, channel));
        let asked = route
            .and_then(|route| route.asked)
            .filter(|_| self.swarm.is_live());
        for message in messages {
            let spoilt = range_of(message)
                .filter(|range| {
                    self.is_spoilt(range.start()) && asked.is_none_or(ChunkRange::is_single)
                })
                .map(ChunkRange::start);
            let two = spoilt.and_then(|chunk| self.spec(chunk, chunk + 1));
            if let Message::Data {
                spec, timestamp, ..
            } = message
            {
                match self.what {
                    Some(M::TimestampFrozen) => *timestamp = timestamp.map(|_| 1_700_000_000),
                    Some(M::TimestampMilliseconds) => {
                        *timestamp = timestamp.map(|_| now.microseconds() / 1_000);
                    }
                    Some(M::DataNamesTwo) => *spec = two.unwrap_or(*spec),
                    _ => {}
                }
            }
        }
    }

    /// Whether a chunk is one that is spoilt.
    fn is_spoilt(&self, chunk: u64) -> bool {
        chunk == SPOILT || self.swarm.is_live() && chunk % 8 == SPOILT
    }

    /// The bytes of a chunk that are sent instead of its own.
    pub(super) fn padded(
        &mut self,
        destination: SocketAddr,
        channel: ChannelId,
        messages: &[Message<'_>],
    ) -> Option<Vec<u8>> {
        let Some(Message::Data { data, spec, .. }) = messages.last() else {
            return None;
        };
        let chunk = spec.chunks(self.swarm.chunk_size).range()?.start();
        let went_before =
            self.does(M::ReusesNumbers) && self.went_before(destination, channel, chunk);
        match self.what {
            Some(M::PadsLastChunk) if chunk + 1 == self.size => {
                let mut padded = data.to_vec();
                padded.resize(self.swarm.chunk_size as usize, 0);
                Some(padded)
            }
            Some(M::BelievesAnyData) if self.poisoned.contains(&ChunkRange::single(chunk)) => {
                Some(data.iter().map(|byte| byte ^ 0x55).collect())
            }
            Some(M::ReusesNumbers) if went_before => {
                Some(data.iter().map(|byte| byte ^ 0x55).collect())
            }
            Some(M::WrongChunk) if self.is_spoilt(chunk) => {
                Some(data.iter().map(|byte| byte ^ 0x55).collect())
            }
            _ => None,
        }
    }
}
