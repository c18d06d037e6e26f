//! Live streams that sign each chunk (RFC 7574, section 6.1.1): chunks against
//! the signatures that came before them, with them or after them.

use std::collections::VecDeque;

use super::context::Context;
use super::signatures::{MOST_PENDING, is_old, spec_bytes};
use super::swarm::SwarmIndex;
use super::verdict::{Failure, Late, Reason, Tally, Verdict};
use super::verification::{Judgement, Origin};
use crate::finding::{Detail, FindingId};
use crate::integrity::{Budget, PublicKey};
use crate::wire::{ChunkRange, Chunks, Located, Message, MessageType, Piece, Pieces};

/// Signatures of one chunk that are tried.
const MOST_TRIED: usize = 4;

/// Chunks that wait for their signature.
const MOST_WAITING: usize = 256;

/// The signature of a chunk.
#[derive(Clone, Debug)]
struct Signed {
    chunk: u64,
    /// The chunk specification as it stood on the wire.
    spec: Vec<u8>,
    timestamp: u64,
    signature: Vec<u8>,
    origin: Origin,
    settled: bool,
    /// Whether a chunk did not fit it.
    mismatched: bool,
}

impl Signed {
    fn is_of(&self, data: &[u8], key: &PublicKey) -> bool {
        let timestamp = self.timestamp.to_be_bytes();
        key.verifies(&[&self.spec[..], &timestamp[..], data], &self.signature)
    }

    /// Counts it as verified; its late verdict.
    fn prove(&mut self, swarm: SwarmIndex, tally: &mut Tally) -> Option<Late> {
        if std::mem::replace(&mut self.settled, true) {
            return None;
        }
        tally.settle(Verdict::Verified);
        Some(Late {
            kind: MessageType::SignedIntegrity,
            ..late_chunk(&self.origin, self.chunk, swarm, Verdict::Verified)
        })
    }
}

/// A chunk that came before its signature.
#[derive(Clone, Debug)]
struct Waiting {
    chunk: u64,
    data: Box<[u8]>,
    origin: Origin,
    /// Whether a signature did not fit it.
    mismatched: bool,
}

/// A chunk that waited, and its verdict.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    pub(super) chunk: u64,
    /// Bytes.
    pub(super) length: u32,
    pub(super) verdict: Verdict,
}

/// The signed chunks of one swarm.
#[derive(Clone, Debug, Default)]
pub(super) struct SignAll {
    signatures: VecDeque<Signed>,
    waiting: VecDeque<Waiting>,
}

/// Verifies the chunks of a datagram, and earlier ones whose signature it has,
/// which are returned.
pub(super) fn verify_each(
    all: (&mut SignAll, Option<&PublicKey>, &mut Tally),
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    budget: &mut Budget,
    judgement: &mut Judgement,
) -> Vec<Decided> {
    let (all, key, tally) = all;
    let frame = context.datagram.frame;
    let mut decided = Vec::new();
    for (place, located) in messages.iter().enumerate() {
        let range = context.range_of(&located.message);
        // Each chunk has its own signature, so that it comes alone.
        if !range.is_some_and(ChunkRange::is_single) {
            continue;
        }
        match located.message {
            Message::SignedIntegrity { .. } => {
                let signed = hear_signature(context, located, tally);
                if let (Some(signed), Some(key)) = (signed, key) {
                    let swarm = context.channel.swarm;
                    let (late, of_waiting) = all.add(signed, swarm, key, (tally, &mut *budget));
                    judgement.late.extend(late);
                    for (origin, one) in of_waiting {
                        judgement
                            .late
                            .push(late_chunk(&origin, one.chunk, swarm, one.verdict));
                        // A chunk of this datagram has no verdict to change yet.
                        if origin.frame != frame {
                            decided.push(one);
                        }
                    }
                }
            }
            Message::Data { .. } => {
                let piece = Pieces::of(located, &context.layout).next();
                if let (Some(piece), Some(key)) = (piece, key) {
                    let origin = Origin::of(context, located.offset, piece.data.len() as u32);
                    let swarm = context.channel.swarm;
                    let found = all.check(&piece, origin, swarm, key, (tally, &mut *budget));
                    judgement.late.extend(found.late);
                    judgement.verdicts[place] = Some(found.verdict);
                    judgement.receiver_verdicts[place] = Some(found.of_receiver);
                    if found.verdict == Verdict::Failed {
                        let chunks = ChunkRange::single(piece.chunk);
                        let detail = Detail::Chunks(Chunks::Range(chunks));
                        context
                            .findings
                            .raise_at(FindingId::DataWrong, located.offset, detail);
                        let failed = failure(&origin, piece.chunk, swarm);
                        judgement.failures.push(failed);
                    }
                }
            }
            _ => {}
        }
    }
    // The verdicts on what stands in this datagram are among the late ones.
    judgement.late.retain(|late| {
        let place = messages.iter().position(|m| m.offset == late.offset);
        match place {
            Some(place) if late.frame == frame => {
                judgement.verdicts[place] = Some(late.verdict);
                false
            }
            _ => true,
        }
    });
    decided
}

/// A signature of one chunk.
fn hear_signature(
    context: &mut Context<'_, '_>,
    located: &Located<'_>,
    tally: &mut Tally,
) -> Option<Signed> {
    let Message::SignedIntegrity {
        timestamp,
        signature,
        ..
    } = located.message
    else {
        return None;
    };
    let range = context.range_of(&located.message)?;
    if !range.is_single() {
        return None;
    }
    tally.add(Verdict::Unverified);
    let spec = spec_bytes(context, located, signature.len())?;
    if is_old(timestamp, context.datagram.time) {
        let detail = Detail::Chunks(Chunks::Range(range));
        context
            .findings
            .raise_at(FindingId::SignedOld, located.offset, detail);
    }
    Some(Signed {
        chunk: range.start(),
        spec: spec.to_vec(),
        timestamp,
        signature: signature.to_vec(),
        origin: Origin::of(context, located.offset, 0),
        settled: false,
        mismatched: false,
    })
}

/// What is found out about a chunk when it comes.
struct Found {
    verdict: Verdict,
    /// What its receiver could know.
    of_receiver: Verdict,
    /// The verdict on its signature, where that had none.
    late: Option<Late>,
}

impl SignAll {
    /// Keeps a signature and holds the chunks that waited for it against it:
    /// those that it fits. Also returns its own verdict, once it has one.
    fn add(
        &mut self,
        mut signed: Signed,
        swarm: SwarmIndex,
        key: &PublicKey,
        (tally, budget): (&mut Tally, &mut Budget),
    ) -> (Option<Late>, Vec<(Origin, Decided)>) {
        let mut decided = Vec::new();
        let mut late = None;
        self.waiting.retain_mut(|waiting| {
            if waiting.chunk != signed.chunk {
                return true;
            }
            if !signed.is_of(&waiting.data, key) {
                // Either may be the wrong one: others of both may come.
                signed.mismatched = true;
                waiting.mismatched = true;
                return true;
            }
            late = late.or(signed.prove(swarm, tally));
            budget.give_bytes(waiting.data.len());
            decided.push((waiting.origin, waiting.decided(Verdict::Verified)));
            false
        });
        if self.signatures.len() >= MOST_PENDING {
            self.signatures.pop_front();
        }
        self.signatures.push_back(signed);
        (late, decided)
    }

    /// Holds a chunk against the signatures that are there.
    fn check(
        &mut self,
        piece: &Piece<'_>,
        origin: Origin,
        swarm: SwarmIndex,
        key: &PublicKey,
        (tally, budget): (&mut Tally, &mut Budget),
    ) -> Found {
        let mut verdict = Verdict::Unverified;
        let of_chunk = |signed: &&mut Signed| signed.chunk == piece.chunk;
        let signatures = self.signatures.iter_mut().rev().filter(of_chunk);
        for signed in signatures.take(MOST_TRIED) {
            if signed.is_of(piece.data, key) {
                let knows = signed.origin.receiver == origin.receiver;
                let of_receiver = if knows {
                    Verdict::Verified
                } else {
                    Verdict::Unverified
                };
                return Found {
                    verdict: Verdict::Verified,
                    of_receiver,
                    late: signed.prove(swarm, tally),
                };
            }
            // Where they do not fit, another copy of the chunk may.
            signed.mismatched = true;
            verdict = Verdict::Failed;
        }
        if verdict == Verdict::Unverified {
            self.wait(piece, origin, budget);
        }
        Found {
            verdict,
            of_receiver: verdict,
            late: None,
        }
    }

    /// Keeps a chunk for the signature that may come.
    fn wait(&mut self, piece: &Piece<'_>, origin: Origin, budget: &mut Budget) {
        if self.waiting.len() >= MOST_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            budget.give_bytes(oldest.data.len());
        }
        if budget.take_bytes(piece.data.len()) {
            self.waiting.push_back(Waiting {
                chunk: piece.chunk,
                data: piece.data.into(),
                origin,
                mismatched: false,
            });
        }
    }

    /// Gives back what waits.
    pub(super) fn release(&mut self, budget: &mut Budget) {
        for waiting in self.waiting.drain(..) {
            budget.give_bytes(waiting.data.len());
        }
    }

    /// Ends the stream: what did not fit has failed. Returns the chunks.
    pub(super) fn close(
        &mut self,
        swarm: SwarmIndex,
        tally: &mut Tally,
        budget: &mut Budget,
        judgement: &mut Judgement,
    ) -> Vec<Decided> {
        let mut decided = Vec::new();
        for waiting in self.waiting.drain(..) {
            budget.give_bytes(waiting.data.len());
            if waiting.mismatched {
                let (origin, chunk) = (&waiting.origin, waiting.chunk);
                let late = late_chunk(origin, chunk, swarm, Verdict::Failed);
                judgement.late.push(late);
                judgement.failures.push(failure(origin, chunk, swarm));
                decided.push(waiting.decided(Verdict::Failed));
            }
        }
        for signed in self.signatures.drain(..) {
            if signed.mismatched && !signed.settled {
                tally.settle(Verdict::Failed);
            }
        }
        decided
    }
}

impl Waiting {
    const fn decided(&self, verdict: Verdict) -> Decided {
        Decided {
            chunk: self.chunk,
            length: self.data.len() as u32,
            verdict,
        }
    }
}

/// The verdict on an earlier chunk.
fn late_chunk(origin: &Origin, chunk: u64, swarm: SwarmIndex, verdict: Verdict) -> Late {
    Late {
        frame: origin.frame,
        offset: origin.offset as usize,
        kind: MessageType::Data,
        chunks: ChunkRange::single(chunk),
        swarm,
        verdict,
    }
}

fn failure(origin: &Origin, chunk: u64, swarm: SwarmIndex) -> Failure {
    Failure {
        frame: origin.frame,
        offset: origin.offset as usize,
        kind: MessageType::Data,
        chunks: ChunkRange::single(chunk),
        swarm,
        source: origin.source,
        reason: Reason::WrongSignedChunk,
    }
}
