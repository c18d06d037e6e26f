//! What is done wrong by who watches a live stream: signatures that come are believed
//! or not, and chunks asked for that nobody should ask for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::{
    Bin, ChunkRange, ChunkSpec, ContentIntegrity, Handshake, Message, ProtocolOption,
    encode_message,
};

use super::catalogue::Misbehaviour as M;
use super::rogue::{Rogue, Route};
use super::streaming::{Munro, NTP_EPOCH};
use crate::peer::engine::Moment;

/// How old a signature is that is old, and how far ahead one that is of the future.
const OLD: u64 = 3600;

/// How long signed munros are believed that come without chunks, by who believes them
/// in the beginning only.
const BEGINNING: Duration = Duration::from_millis(500);

/// How long who gives up waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// Chunks of the one munro width that some know, and more than a munro may have.
const ONE_WIDTH: u64 = 32;
const HUGE: u64 = 1 << 20;

/// How often a munro may come without a chunk.
const OFTEN: u32 = 20;

/// Signatures that are remembered.
const MOST_CLAIMS: usize = 4096;

/// Bytes of chunks that are remembered.
const MOST_UNVERIFIED: usize = 1 << 20;

/// What a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Whole,
    HashAlone,
    Not,
    /// What it is for has not come with it.
    Unknown,
}

/// A signature that has come.
#[derive(Clone, Debug)]
struct Claim {
    range: ChunkRange,
    holds: Holds,
    is_old: bool,
}

impl Claim {
    /// Whether it covers something else than it should.
    fn is_wrong(&self) -> bool {
        matches!(self.holds, Holds::Not | Holds::HashAlone)
    }
}

/// What is remembered of a stream that is watched.
#[derive(Debug, Default)]
pub(super) struct Viewing {
    /// When the first datagram came behind the reply, and the last one.
    began: Option<Moment>,
    heard: Option<Moment>,
    has_given_up: bool,
    has_seen_old: bool,
    has_seen_fresh: bool,
    /// The other end's discard window in chunks.
    window: Option<u64>,
    has_asked_for_start: bool,
    claims: Vec<Claim>,
    /// The width of the first munro, and where the last one begins.
    width: Option<u64>,
    latest: u64,
    /// How often munros came without a chunk, by where they begin.
    told: BTreeMap<u64, u32>,
    /// A munro whose signature is wrong, and who sent it.
    spread: Option<(SocketAddr, ChunkSpec, Munro)>,
    /// The chunks whose signatures are wrong.
    unverified: Vec<u8>,
}

impl Viewing {
    /// The chunks whose signatures are wrong, one after the other.
    pub(super) fn unverified(&self) -> &[u8] {
        &self.unverified
    }
}

/// Seconds since 1970 that a signature's timestamp tells.
fn seconds(timestamp: u64) -> u64 {
    (timestamp >> 32).saturating_sub(NTP_EPOCH)
}

impl Rogue {
    /// Takes note of the discard window of who has answered.
    pub(super) fn note_window(&mut self, handshake: &Handshake<'_>) {
        let swarm = &self.swarm;
        self.viewing.window = handshake.options.iter().find_map(|option| match option {
            ProtocolOption::LiveDiscardWindow(window) => {
                window.chunks(swarm.addressing, swarm.chunk_size)
            }
            _ => None,
        });
    }

    /// What a signature holds for, as far as its datagram tells.
    fn holds(&self, messages: &[Message<'_>], signed: &Message<'_>) -> Holds {
        let Message::SignedIntegrity {
            spec,
            timestamp,
            signature,
        } = signed
        else {
            return Holds::Unknown;
        };
        let of = messages.iter().find_map(|message| match message {
            Message::Integrity { spec: it, hash } if it == spec => Some(*hash),
            Message::Data { spec: it, data, .. } if it == spec => Some(*data),
            _ => None,
        });
        let (Some(of), Ok(key)) = (of, PublicKey::from_swarm_id(&self.swarm.id)) else {
            return Holds::Unknown;
        };
        let mut bytes = Vec::new();
        let written = encode_message(&Message::Have(*spec), &self.layout, &mut bytes);
        let on_the_wire = bytes.get(1..).filter(|_| written.is_ok());
        let time = timestamp.to_be_bytes();
        if key.verifies(&[on_the_wire.unwrap_or_default(), &time, of], signature) {
            Holds::Whole
        } else if key.verifies(&[of], signature) {
            Holds::HashAlone
        } else {
            Holds::Not
        }
    }

    /// Whether it matters what signatures hold for.
    fn judges(&self) -> bool {
        matches!(
            self.what,
            Some(
                M::TakesOldMunros
                    | M::TakesAnySignature
                    | M::TakesAnyChunk
                    | M::TakesHashAlone
                    | M::BelievesHashAloneOnly
                    | M::SpreadsAnyMunro
                    | M::WritesUnverified
            )
        )
    }

    /// Spoils what comes on a channel to who watches.
    pub(super) fn viewing(
        &mut self,
        now: Moment,
        route: Route,
        source: SocketAddr,
        messages: &mut Vec<Message<'_>>,
    ) {
        if !self.swarm.is_live() {
            return;
        }
        let began = *self.viewing.began.get_or_insert(now);
        if let Some(heard) = self.viewing.heard.replace(now) {
            self.viewing.has_given_up |= now.since(heard) > PATIENCE;
        }
        let has_chunk = messages
            .iter()
            .any(|message| matches!(message, Message::Data { .. }));
        let mut dropped = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            match message {
                Message::SignedIntegrity { timestamp, .. } => {
                    let Some(range) = self.range(message) else {
                        continue;
                    };
                    let holds = if self.judges() {
                        self.holds(messages, message)
                    } else {
                        Holds::Unknown
                    };
                    let age = (now.microseconds() / 1_000_000).saturating_sub(seconds(*timestamp));
                    let claim = Claim {
                        range,
                        holds,
                        is_old: *timestamp != 0 && age > OLD,
                    };
                    if self.drops_signature(&claim, now.since(began), has_chunk) {
                        dropped.push(place);
                    }
                    self.remember(source, messages, message, claim);
                }
                Message::Data { spec, data, .. } => {
                    let chunk = self.range(message).map(ChunkRange::start);
                    let claim = chunk.and_then(|chunk| self.claim(chunk));
                    let is_wrong = claim.is_some_and(Claim::is_wrong);
                    if is_wrong && self.viewing.unverified.len() < MOST_UNVERIFIED {
                        self.viewing.unverified.extend_from_slice(data);
                    }
                    if chunk.is_some_and(|chunk| self.takes(chunk)) {
                        self.acknowledge(source, route, *spec);
                    }
                }
                _ => {}
            }
        }
        for place in dropped.into_iter().rev() {
            messages.remove(place);
        }
    }

    /// Whether a signature is not believed, whatever it is.
    fn drops_signature(&self, claim: &Claim, since: Duration, has_chunk: bool) -> bool {
        let viewing = &self.viewing;
        let is_munro = self.swarm.integrity == ContentIntegrity::UnifiedMerkle;
        match self.what {
            Some(M::OldMunroEnds) => is_munro && (viewing.has_seen_old || claim.is_old),
            Some(M::MunrosAtOnceOnly) => is_munro && !has_chunk && since > BEGINNING,
            Some(M::BelievesHashAloneOnly) => is_munro && claim.holds == Holds::Whole,
            Some(M::OneMunroWidth) => is_munro && claim.range.count() != ONE_WIDTH,
            // The first one tells where the stream is.
            Some(M::IgnoresSignatureApart) => !has_chunk && (!is_munro || viewing.has_seen_fresh),
            Some(M::ForgetsEarlierMunros) => is_munro && claim.range.start() < viewing.latest,
            _ => false,
        }
    }

    /// Takes note of a signature.
    fn remember(
        &mut self,
        source: SocketAddr,
        messages: &[Message<'_>],
        message: &Message<'_>,
        claim: Claim,
    ) {
        let hash = messages.iter().find_map(|it| match it {
            Message::Integrity { hash, .. } if it.spec() == message.spec() => Some(hash.to_vec()),
            _ => None,
        });
        if let (
            Message::SignedIntegrity {
                spec,
                timestamp,
                signature,
            },
            Some(hash),
            Holds::Not,
        ) = (message, hash, claim.holds)
        {
            let munro = Munro {
                range: claim.range,
                signed: hash,
                timestamp: *timestamp,
                signature: signature.to_vec(),
            };
            self.viewing.spread = Some((source, *spec, munro));
        }
        let viewing = &mut self.viewing;
        viewing.has_seen_old |= claim.is_old;
        viewing.has_seen_fresh |= !claim.is_old;
        viewing.latest = viewing.latest.max(claim.range.start());
        if viewing.claims.len() >= MOST_CLAIMS {
            viewing.claims.clear();
        }
        viewing.claims.push(claim);
    }

    /// The signature that came last for a chunk.
    fn claim(&self, chunk: u64) -> Option<&Claim> {
        let mut claims = self.viewing.claims.iter().rev();
        claims.find(|claim| claim.range.contains(chunk))
    }

    /// Whether a chunk is acknowledged for the signature that came last for it.
    fn takes(&self, chunk: u64) -> bool {
        let is_munro = self.swarm.integrity == ContentIntegrity::UnifiedMerkle;
        match (self.what, self.claim(chunk)) {
            (Some(M::TakesUnsigned), None) => true,
            (Some(M::TakesAnySignature), Some(claim)) if is_munro => claim.is_wrong(),
            (Some(M::TakesAnyChunk), Some(claim)) if !is_munro => claim.is_wrong(),
            (Some(M::TakesHashAlone), Some(claim)) => claim.holds == Holds::HashAlone,
            (Some(M::TakesOldMunros), Some(claim)) => claim.is_old && claim.holds == Holds::Whole,
            _ => false,
        }
    }

    /// Whether what came is the end of who watches. `is_followed` tells whether bytes
    /// stand behind the messages that are none.
    pub(super) fn dies_viewing(
        &mut self,
        now: Moment,
        messages: &[Message<'_>],
        is_followed: bool,
    ) -> bool {
        if !self.swarm.is_live() {
            return false;
        }
        let has_chunk = messages
            .iter()
            .any(|message| matches!(message, Message::Data { .. }));
        let is_munro = self.swarm.integrity == ContentIntegrity::UnifiedMerkle;
        let is_signed = |it: &Message<'_>| matches!(it, Message::SignedIntegrity { .. });
        for (place, message) in messages.iter().enumerate() {
            let Message::SignedIntegrity {
                spec, timestamp, ..
            } = message
            else {
                continue;
            };
            let Some(range) = self.range(message) else {
                continue;
            };
            let is_last = !messages[place + 1..].iter().any(is_signed);
            let is_node = Bin::covering(range).is_some();
            let dies = match self.what {
                Some(M::DiesOfWrongSignature) if is_munro => {
                    let holds = self.holds(messages, message);
                    matches!(holds, Holds::Not | Holds::HashAlone)
                }
                Some(M::DiesOfLongSignature) => is_last && is_followed,
                Some(M::DiesOfUndatedSignature) => *timestamp == 0,
                Some(M::DiesOfFutureSignature) => {
                    seconds(*timestamp) > now.microseconds() / 1_000_000 + OLD
                }
                Some(M::DiesOfUnalignedMunro) => is_munro && !is_node,
                Some(M::DiesOfOneChunkMunro) => is_munro && range.is_single(),
                Some(M::DiesOfHugeMunro) => is_munro && range.count() > HUGE,
                Some(M::DiesOfWidthChange) if is_munro && is_node => {
                    let is_odd = range.is_single() || range.count() > HUGE;
                    !is_odd && *self.viewing.width.get_or_insert(range.count()) != range.count()
                }
                Some(M::DiesOfSignatureFirst) => messages[place + 1..]
                    .iter()
                    .any(|it| matches!(it, Message::Integrity { spec: its, .. } if its == spec)),
                Some(M::DiesOfRepeatedMunro) if is_munro && !has_chunk => {
                    let times = self.viewing.told.entry(range.start()).or_default();
                    *times += 1;
                    *times > OFTEN
                }
                _ => false,
            };
            if dies {
                return true;
            }
        }
        false
    }

    /// Spoils what who watches asks for, and says to others.
    pub(super) fn watching(
        &mut self,
        destination: SocketAddr,
        channel: ppspp_dissector::wire::ChannelId,
        messages: &mut Vec<Message<'_>>,
        is_reply: bool,
    ) {
        if !self.swarm.is_live() {
            return;
        }
        let is_request = |message: &Message<'_>| matches!(message, Message::Request(_));
        let asks = messages.iter().any(is_request);
        match self.what {
            Some(M::AsksFromStart) if asks && !self.viewing.has_asked_for_start => {
                self.viewing.has_asked_for_start = true;
                messages.extend(self.spec(0, 3).map(Message::Request));
            }
            Some(M::AsksDiscarded) if asks => {
                if let Some(window) = self.viewing.window
                    && let Some(gone) = self.announced.checked_sub(window * 2 + 8)
                {
                    messages.extend(self.spec(gone, gone).map(Message::Request));
                }
            }
            Some(M::GivesUpOnSilence) if self.viewing.has_given_up => {
                messages.retain(|message| !is_request(message));
            }
            Some(M::SpreadsAnyMunro) if !is_reply && !channel.is_zero() => {
                if let Some((source, spec, munro)) = &self.viewing.spread
                    && *source != destination
                {
                    let evidence = [
                        Message::Integrity {
                            spec: *spec,
                            hash: &munro.signed,
                        },
                        Message::SignedIntegrity {
                            spec: *spec,
                            timestamp: munro.timestamp,
                            signature: &munro.signature,
                        },
                    ];
                    let bytes = self.datagram(channel, &evidence);
                    self.queue.push_back((destination, bytes));
                    self.viewing.spread = None;
                }
            }
            _ => {}
        }
    }
}
