//! Signatures of live streams (RFC 7574, section 6.1): of munros here, of each
//! chunk in [`super::sign_all`].

use std::collections::VecDeque;

use super::context::Context;
use super::input::Time;
use super::sign_all::SignAll;
use super::swarm::SwarmIndex;
use super::verdict::{Failure, Late, Reason, Tally, Verdict};
use super::verification::{Judgement, Origin};
use crate::finding::{Detail, FindingId};
use crate::integrity::{Budget, Hash, PublicKey, Settled, SwarmTree};
use crate::wire::{Bin, Chunks, Located, Message, MessageType};

/// Signed munros that are remembered, so that copies need no second look.
const MOST_MUNROS: usize = 64;

/// Signatures that wait for what they sign.
pub(super) const MOST_PENDING: usize = 1024;

/// Seconds after which a signature is too old to tune in with. The RFC gives no
/// number; this is libswift's.
const TOO_OLD: i64 = 30;

/// The signature of a munro, and the hash that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Munro {
    bin: Bin,
    /// The chunk specification as it stood on the wire.
    spec: Vec<u8>,
    timestamp: u64,
    signature: Vec<u8>,
}

/// The signatures of one swarm.
#[derive(Clone, Debug, Default)]
pub(super) struct Signatures {
    key: Option<PublicKey>,
    /// Whether the swarm ID was looked at.
    has_looked: bool,
    tally: Tally,
    proven: VecDeque<(Munro, Hash)>,
    pending: Vec<(Munro, Origin)>,
    each: SignAll,
}

/// What a munro's signature covers.
enum Covers {
    /// Specification, timestamp and hash (RFC 7574, section 6.1.2.2).
    All,
    /// The hash alone, as libswift signs.
    Hash,
}

impl Signatures {
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Forgets what was counted.
    pub(super) fn forget(&mut self) {
        self.tally = Tally::default();
    }

    /// Signatures of each chunk, with the key and where verdicts are counted.
    pub(super) fn of_each(
        &mut self,
        swarm_id: Option<&[u8]>,
    ) -> (&mut SignAll, Option<&PublicKey>, &mut Tally) {
        self.key(swarm_id);
        (&mut self.each, self.key.as_ref(), &mut self.tally)
    }

    fn key(&mut self, swarm_id: Option<&[u8]>) -> Option<&PublicKey> {
        if !self.has_looked {
            self.has_looked = true;
            self.key = swarm_id.and_then(|id| PublicKey::from_swarm_id(id).ok());
        }
        self.key.as_ref()
    }

    /// Checks the signature of a munro, and trusts its hash.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn munro(
        &mut self,
        context: &mut Context<'_, '_>,
        messages: &[Located<'_>],
        place: usize,
        bin: Bin,
        origin: Origin,
        tree: &mut SwarmTree<Origin>,
        settled: &mut Vec<Settled<Origin>>,
        budget: &mut Budget,
    ) -> Verdict {
        let located = &messages[place];
        let Some(munro) = munro_of(context, located, bin) else {
            return Verdict::Unverified;
        };
        let offset = located.offset;
        if is_old(munro.timestamp, context.datagram.time) {
            let detail = Detail::Chunks(Chunks::Range(bin.range()));
            context
                .findings
                .raise_at(FindingId::SignedOld, offset, detail);
        }
        let sent = messages[..place].iter().rev().find_map(|before| {
            let Message::Integrity { hash, .. } = before.message else {
                return None;
            };
            (context.range_of(&before.message) == Some(bin.range()))
                .then(|| Hash::from_bytes(hash))?
        });
        let of_before = || self.proven.iter().find(|(known, _)| known.bin == bin);
        let hash = sent
            .or_else(|| of_before().map(|(_, hash)| *hash))
            .or_else(|| tree.candidate(bin));
        if let Some(hash) = hash {
            if self.proven.contains(&(munro.clone(), hash)) {
                self.tally.add(Verdict::Verified);
                return Verdict::Verified;
            }
            let Some(key) = self.key(context.swarm.id.as_deref()) else {
                self.tally.add(Verdict::Unverified);
                return Verdict::Unverified;
            };
            if let Some(covers) = covers(key, &munro, &hash) {
                if matches!(covers, Covers::Hash) {
                    context
                        .findings
                        .raise_at(FindingId::SignedHashOnly, offset, Detail::None);
                }
                self.tally.add(Verdict::Verified);
                self.remember(munro, hash);
                tree.munro(bin, hash, settled, budget);
                return Verdict::Verified;
            }
            let detail = Detail::Chunks(Chunks::Range(bin.range()));
            context
                .findings
                .raise_at(FindingId::SignedWrong, offset, detail);
        }
        // The hash may be what is wrong: others for the same node may come.
        self.tally.add(Verdict::Unverified);
        if self.pending.len() < MOST_PENDING {
            self.pending.push((munro, origin));
        }
        if hash.is_some() {
            Verdict::Failed
        } else {
            Verdict::Unverified
        }
    }

    fn remember(&mut self, munro: Munro, hash: Hash) {
        if self.proven.len() >= MOST_MUNROS {
            self.proven.pop_front();
        }
        self.proven.push_back((munro, hash));
    }

    /// Decides on signatures that wait: by hashes that came later or were
    /// computed from chunks, or else for good.
    pub(super) fn close(
        &mut self,
        swarm: SwarmIndex,
        tree: &mut SwarmTree<Origin>,
        judgement: &mut Judgement,
        budget: &mut Budget,
    ) {
        for (munro, origin) in std::mem::take(&mut self.pending) {
            let mut hashes = tree.alternatives(munro.bin).peekable();
            let known = hashes.peek().is_some() || tree.is_proven(munro.bin);
            let right = self.key.as_ref().and_then(|key| {
                let proven = self
                    .proven
                    .iter()
                    .filter(|(known, _)| known.bin == munro.bin);
                proven
                    .map(|(_, hash)| *hash)
                    .chain(hashes)
                    .find(|hash| covers(key, &munro, hash).is_some())
            });
            let verdict = match right {
                Some(_) => Verdict::Verified,
                None if known => Verdict::Failed,
                None => continue,
            };
            self.tally.settle(verdict);
            let (frame, offset) = (origin.frame, origin.offset as usize);
            let (kind, chunks) = (MessageType::SignedIntegrity, munro.bin.range());
            judgement.late.push(Late {
                frame,
                offset,
                kind,
                chunks,
                swarm,
                verdict,
            });
            if let Some(hash) = right {
                tree.munro(munro.bin, hash, &mut judgement.settled, budget);
            } else {
                judgement.failures.push(Failure {
                    frame,
                    offset,
                    kind,
                    chunks,
                    swarm,
                    source: origin.source,
                    reason: Reason::WrongSignature,
                });
            }
        }
    }
}

fn covers(key: &PublicKey, munro: &Munro, hash: &Hash) -> Option<Covers> {
    let timestamp = munro.timestamp.to_be_bytes();
    let parts = [&munro.spec[..], &timestamp[..], hash.as_bytes()];
    if key.verifies(&parts, &munro.signature) {
        return Some(Covers::All);
    }
    key.verifies(&[hash.as_bytes()], &munro.signature)
        .then_some(Covers::Hash)
}

fn munro_of(context: &Context<'_, '_>, located: &Located<'_>, bin: Bin) -> Option<Munro> {
    let Message::SignedIntegrity {
        timestamp,
        signature,
        ..
    } = located.message
    else {
        return None;
    };
    Some(Munro {
        bin,
        spec: spec_bytes(context, located, signature.len())?.to_vec(),
        timestamp,
        signature: signature.to_vec(),
    })
}

/// The chunk specification of a `SIGNED_INTEGRITY` as it stands on the wire:
/// what is left of the message without type, timestamp and signature.
pub(super) fn spec_bytes<'d>(
    context: &Context<'_, 'd>,
    located: &Located<'_>,
    signature: usize,
) -> Option<&'d [u8]> {
    let start = located.offset + 1;
    let end = (located.offset + located.length).checked_sub(signature + 8)?;
    context.datagram.payload.get(start..end)
}

/// Whether a signature was made long before it was captured; its timestamp is
/// NTP, or libswift's microseconds since 1970.
pub(super) fn is_old(timestamp: u64, now: Option<Time>) -> bool {
    let Some(now) = now else {
        return false;
    };
    let now = now.microseconds().div_euclid(1_000_000);
    let ntp = (timestamp >> 32) as i64 - Time::NTP_EPOCH;
    let unix = (timestamp / 1_000_000) as i64;
    // Which of the two it is, its own finding tells.
    let age = [now - ntp, now - unix]
        .into_iter()
        .min_by_key(|age| age.abs());
    age.is_some_and(|age| age > TOO_OLD)
}
