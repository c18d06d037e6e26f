//! Verifying a swarm's chunks, hashes and signatures as they go by.

use std::net::SocketAddr;

use super::chunk_set::{ChunkSet, PageBudget};
use super::context::{Context, content_integrity};
use super::declared::Declared;
use super::foresight::{HashedChunk, chunk_to_hash};
use super::receiver::{Receiver, Receivers};
use super::signatures::Signatures;
use super::swarm::{Swarm, SwarmIndex};
use super::verdict::{Failure, Late, Reason, Tally, Verdict};
use crate::finding::{Detail, FindingId};
use crate::integrity::{Budget, Evidence, Hash, Ruling, Settled, SwarmTree, TreeHash};
use crate::wire::{
    Bin, ChunkRange, Chunks, ContentIntegrity, Layout, Located, Message, MessageType,
};

/// Where a hash, chunk or signature came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) frame: u64,
    pub(super) offset: u32,
    /// Bytes of a chunk.
    length: u32,
    pub(super) source: SocketAddr,
    receiver: SocketAddr,
}

/// How a swarm's content is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Nothing,
    /// A tree whose root hash is the swarm ID.
    Root,
    /// Signed munros.
    Munros,
    /// A signature for each chunk.
    EachChunk,
    /// Nobody said.
    Unknown,
}

/// What is known of the hash of a node of a swarm's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// It was sent, and is proven.
    Sent,
    /// It was not sent, but follows from others, and is proven.
    Computed,
    /// A hash was sent for it, or follows from others, and nothing proves it.
    Unproven,
    /// Nothing is known.
    Missing,
}

/// What is known of a swarm's content.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    tree: Option<Box<SwarmTree<Origin>>>,
    pub(super) signatures: Signatures,
    verified: ChunkSet,
    failed: ChunkSet,
    unprotected: ChunkSet,
    /// Chunks that have any verdict.
    judged: ChunkSet,
    verified_bytes: u64,
    /// Bytes of the last chunk of static content.
    last_length: Option<(u64, u64)>,
    messages: Tally,
    receivers: Receivers,
}

impl Verification {
    /// Chunks of which a copy was verified.
    pub const fn verified(&self) -> &ChunkSet {
        &self.verified
    }

    /// Chunks of which a copy failed; another copy may have been verified.
    pub const fn failed(&self) -> &ChunkSet {
        &self.failed
    }

    /// Chunks that nothing protects.
    pub const fn unprotected(&self) -> &ChunkSet {
        &self.unprotected
    }

    /// Chunks that have any verdict but unverified.
    pub const fn judged(&self) -> &ChunkSet {
        &self.judged
    }

    /// Verdicts on DATA messages, each copy of a chunk counted.
    pub const fn messages(&self) -> &Tally {
        &self.messages
    }

    /// Verdicts on signatures.
    pub const fn signatures(&self) -> &Tally {
        self.signatures.tally()
    }

    /// Number of chunks of static content, where its peaks are proven
    /// (RFC 7574, section 5.6).
    pub fn size(&self) -> Option<u64> {
        self.tree.as_ref()?.size()
    }

    /// Where in the tree of static content the swarm ID stands, once its peaks are
    /// proven; of a stream there is none.
    pub fn root_bin(&self) -> Option<Bin> {
        self.tree.as_ref()?.root_bin()
    }

    /// What is known of the hash of a node.
    pub fn node(&self, bin: Bin) -> Knowledge {
        let Some(tree) = &self.tree else {
            return Knowledge::Missing;
        };
        if tree.is_proven(bin) || tree.root_bin() == Some(bin) {
            let mut receivers = self.receivers.iter();
            if receivers.any(|(_, receiver)| receiver.was_sent(bin)) {
                Knowledge::Sent
            } else {
                Knowledge::Computed
            }
        } else if tree.alternatives(bin).next().is_some() {
            Knowledge::Unproven
        } else {
            Knowledge::Missing
        }
    }

    /// Whether every chunk of static content was verified.
    pub fn is_complete(&self) -> bool {
        self.size().is_some_and(|size| self.verified.len() >= size)
    }

    /// Bytes of static content, where that is known: `chunk_size` is that of
    /// all chunks but the last, `None` where they differ.
    pub fn content_length(&self, chunk_size: Option<u32>) -> Option<u64> {
        if self.is_complete() {
            return Some(self.verified_bytes);
        }
        let size = self.size()?;
        let (chunk, length) = self.last_length?;
        (chunk == size - 1)
            .then(|| chunk.checked_mul(chunk_size?.into())?.checked_add(length))
            .flatten()
    }

    /// Peers that were sent DATA, and what they could verify themselves.
    pub fn receivers(&self) -> impl Iterator<Item = (&SocketAddr, &Receiver)> {
        self.receivers.iter()
    }

    fn note_chunk(&mut self, chunk: u64, length: u32, verdict: Verdict, budget: &mut PageBudget) {
        let range = ChunkRange::single(chunk);
        let set = match verdict {
            Verdict::Verified => &mut self.verified,
            Verdict::Failed => &mut self.failed,
            Verdict::Unprotected => &mut self.unprotected,
            Verdict::Unverified => return,
        };
        let added = set.insert(range, budget);
        self.judged.insert(range, budget);
        if verdict == Verdict::Verified && added > 0 {
            self.verified_bytes += u64::from(length);
            if self.last_length.is_none_or(|(last, _)| last <= chunk) {
                self.last_length = Some((chunk, length.into()));
            }
        }
    }
}

/// What verifying one datagram yields, and room to do it in.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgement {
    /// One for each message of the datagram; `None` for those of other types.
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// What each verdict on DATA would be by what its receiver knew.
    pub(super) receiver_verdicts: Vec<Option<Verdict>>,
    pub(super) late: Vec<Late>,
    pub(super) failures: Vec<Failure>,
    settled: Vec<Settled<Origin>>,
    /// The node that each message names, where it is one.
    bins: Vec<Option<Bin>>,
    /// For each ruling of the tree, which message it is of.
    places: Vec<usize>,
    /// Chunks of the datagram that somebody else has hashed.
    pub(super) hashed: Vec<HashedChunk>,
}

impl Judgement {
    pub(super) fn begin(&mut self) {
        self.verdicts.clear();
        self.receiver_verdicts.clear();
        self.late.clear();
        self.failures.clear();
        self.settled.clear();
        self.bins.clear();
        self.places.clear();
        self.hashed.clear();
    }

    pub(super) const fn settled_mut(&mut self) -> &mut Vec<Settled<Origin>> {
        &mut self.settled
    }
}

/// How what a sender sends in this layout is protected, by what it, or else the
/// swarm, declared.
pub(super) fn protection(
    layout: &Layout,
    declared: Option<&Declared>,
    swarm: &Swarm,
) -> Protection {
    if !layout.dialect.handshake_options {
        return Protection::Root;
    }
    match content_integrity(declared, swarm) {
        Some(ContentIntegrity::None) => Protection::Nothing,
        Some(ContentIntegrity::Merkle) => Protection::Root,
        Some(ContentIntegrity::SignAll) => Protection::EachChunk,
        Some(ContentIntegrity::UnifiedMerkle) => Protection::Munros,
        Some(ContentIntegrity::Unassigned(_)) | None => Protection::Unknown,
    }
}

/// The tree of the swarm; `None` where nothing can be proven: the swarm ID is
/// no hash of this function.
fn new_tree(
    protection: Protection,
    function: TreeHash,
    swarm_id: Option<&[u8]>,
    seed: u64,
) -> Option<SwarmTree<Origin>> {
    match protection {
        Protection::Root => {
            let id = swarm_id?;
            if Some(id.len()) != function.function().length() {
                return None;
            }
            Some(SwarmTree::of_content(function, Hash::from_bytes(id)?, seed))
        }
        Protection::Munros => Some(SwarmTree::of_stream(function, seed)),
        _ => None,
    }
}

/// Gives every DATA, INTEGRITY and `SIGNED_INTEGRITY` of a datagram its verdict,
/// and settles earlier ones.
pub(super) fn verify(
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    seed: u64,
    budget: &mut Budget,
    judgement: &mut Judgement,
) {
    let concerns = |located: &Located<'_>| {
        matches!(
            located.message,
            Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
        )
    };
    if !messages.iter().any(concerns) {
        return;
    }
    judgement.verdicts.extend(
        messages
            .iter()
            .map(|located| concerns(located).then_some(Verdict::Unverified)),
    );
    judgement.receiver_verdicts.resize(messages.len(), None);
    // Taken out, so that it and the rest of the swarm can be used side by side.
    let mut verification = context.swarm.verification.take().unwrap_or_default();
    let was_exhausted = budget.is_exhausted();
    let declared = context.channel.end(context.sender).declared.as_deref();
    let protection = protection(&context.layout, declared, context.swarm);
    match protection {
        Protection::Nothing => {
            for verdict in judgement.verdicts.iter_mut().flatten() {
                *verdict = Verdict::Unprotected;
            }
        }
        Protection::Unknown => {}
        Protection::EachChunk => {
            verification
                .signatures
                .verify_each(context, messages, judgement);
        }
        Protection::Root | Protection::Munros => {
            let function = TreeHash::new(context.layout.hash_function);
            let has_function = |verification: &Verification| {
                let tree = verification.tree.as_ref();
                tree.is_some_and(|tree| Some(tree.function()) == function)
            };
            // What was read with another function than now proved nothing.
            if !has_function(&verification) && verification.judged.is_empty() {
                if let Some(old) = verification.tree.take() {
                    old.release(budget);
                }
                let id = context.swarm.id.as_deref();
                let tree = function.and_then(|function| new_tree(protection, function, id, seed));
                verification.tree = tree.map(Box::new);
            }
            if has_function(&verification) {
                weigh(&mut verification, context, messages, budget, judgement);
            }
        }
    }
    count(&mut verification, context, messages, judgement);
    context.swarm.verification = Some(verification);
    if budget.is_exhausted() && !was_exhausted {
        context.findings.raise(FindingId::LimitHashes, Detail::None);
    }
}

/// Brings the messages before the tree.
fn weigh(
    verification: &mut Verification,
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    budget: &mut Budget,
    judgement: &mut Judgement,
) {
    let Some(mut tree) = verification.tree.take() else {
        return;
    };
    let size = context.layout.chunk_size.or_assumed();
    let settled = &mut judgement.settled;
    tree.begin();
    for (place, located) in messages.iter().enumerate() {
        let range = context.range_of(&located.message);
        judgement.bins.push(range.and_then(Bin::covering));
        let Some(range) = range else {
            // Legacy swift's first message is the root hash: the swarm ID itself.
            if let Message::Integrity { spec, hash } = located.message
                && spec.chunks(size) == Chunks::Everything
                && context.swarm.id.as_deref() == Some(hash)
            {
                judgement.verdicts[place] = Some(Verdict::Verified);
            }
            continue;
        };
        let Some(bin) = judgement.bins[place] else {
            continue;
        };
        match &located.message {
            Message::Integrity { hash, .. } => {
                if let Some(hash) = Hash::from_bytes(hash) {
                    note_conflict(context, &tree, bin, &hash, located.offset);
                    let origin = origin(context, located.offset, 0);
                    tree.hash(bin, hash, origin, settled, budget);
                    judgement.places.push(place);
                }
            }
            Message::Data {
                data, data_length, ..
            } if range.is_single() && data.len() == *data_length => {
                let hash = hash_of(located, data, tree.function(), &judgement.hashed);
                let origin = origin(context, located.offset, *data_length as u32);
                tree.chunk(bin, hash, origin, settled, budget);
                judgement.places.push(place);
            }
            Message::SignedIntegrity { .. } => {
                let origin = origin(context, located.offset, 0);
                let verdict = verification.signatures.munro(
                    context, messages, place, bin, origin, &mut tree, settled, budget,
                );
                judgement.verdicts[place] = Some(verdict);
            }
            _ => {}
        }
    }
    tree.end(settled, budget);
    for (&place, &ruling) in judgement.places.iter().zip(tree.rulings()) {
        judgement.verdicts[place] = Some(Verdict::of(ruling));
        let located = &messages[place];
        let is_data = matches!(located.message, Message::Data { .. });
        let (id, reason) = match (ruling, is_data) {
            (Ruling::Refuted, true) => (FindingId::DataWrong, Some(Reason::WrongChunk)),
            (Ruling::Refuted, false) => (FindingId::IntegrityWrong, Some(Reason::WrongHash)),
            // Nothing tells yet which of them is wrong.
            (Ruling::Contradicted, true) => (FindingId::DataContradiction, None),
            _ => continue,
        };
        let Some(chunks) = context.range_of(&located.message) else {
            continue;
        };
        let detail = Detail::Chunks(Chunks::Range(chunks));
        context.findings.raise_at(id, located.offset, detail);
        if let Some(reason) = reason {
            judgement.failures.push(Failure {
                frame: context.datagram.frame,
                offset: located.offset,
                kind: located.message.kind(),
                chunks,
                swarm: context.channel.swarm,
                source: context.datagram.source,
                reason,
            });
        }
    }
    // What the receiver knows by now: earlier hashes that turned out right,
    // those of this datagram, and only then its chunks.
    let receiver_address = context.datagram.destination;
    verification.tree = Some(tree);
    settle(
        verification,
        context.budget,
        context.channel.swarm,
        judgement,
    );
    let tree = verification.tree.take();
    if let (Some(tree), Some(receiver)) = (&tree, verification.receivers.at(receiver_address)) {
        for (place, located) in messages.iter().enumerate() {
            let Some(bin) = judgement.bins[place] else {
                continue;
            };
            let verified = judgement.verdicts[place] == Some(Verdict::Verified);
            match located.message {
                Message::Integrity { .. } if verified => {
                    let has_peaks_now = receiver.learn(bin, tree, context.budget);
                    let is_late = !receiver.tally.is_empty() && context.channel.is_complete();
                    if has_peaks_now && is_late {
                        let detail = Detail::Chunks(Chunks::Range(bin.range()));
                        context.findings.raise_at(
                            FindingId::IntegrityPeaksLate,
                            located.offset,
                            detail,
                        );
                    }
                }
                Message::SignedIntegrity { .. } if verified => {
                    receiver.learn_munro(bin, context.budget);
                }
                Message::Data { .. } => {
                    let verdict = match judgement.verdicts[place] {
                        Some(Verdict::Verified) => receiver.take_chunk(bin, tree, context.budget),
                        Some(other) => other,
                        None => continue,
                    };
                    if verdict == Verdict::Unverified
                        && context.channel.is_complete()
                        && receiver.tally.unverified == 0
                    {
                        let detail = Detail::Chunks(Chunks::Range(bin.range()));
                        context.findings.raise_at(
                            FindingId::IntegrityUnverifiable,
                            located.offset,
                            detail,
                        );
                    }
                    judgement.receiver_verdicts[place] = Some(verdict);
                }
                _ => {}
            }
        }
    }
    verification.tree = tree;
}

/// The hash of a chunk, which may have been made before.
fn hash_of(located: &Located<'_>, data: &[u8], function: TreeHash, hashed: &[HashedChunk]) -> Hash {
    let wanted = chunk_to_hash(located, function);
    let before = hashed.iter().find(|hashed| Some(hashed.chunk) == wanted);
    before.map_or_else(|| function.chunk(data), |hashed| hashed.hash)
}

/// Two hashes for one node can't both be right.
fn note_conflict(
    context: &mut Context<'_, '_>,
    tree: &SwarmTree<Origin>,
    bin: Bin,
    hash: &Hash,
    offset: usize,
) {
    if tree.conflicts(bin, hash) {
        let detail = Detail::Chunks(Chunks::Range(bin.range()));
        context
            .findings
            .raise_at(FindingId::IntegrityConflict, offset, detail);
    }
}

/// Hands out the verdicts on earlier messages.
fn settle(
    verification: &mut Verification,
    budget: &mut PageBudget,
    swarm: SwarmIndex,
    judgement: &mut Judgement,
) {
    for index in 0..judgement.settled.len() {
        let Settled {
            bin,
            evidence,
            origin,
            ruling,
        } = judgement.settled[index];
        let verdict = Verdict::of(ruling);
        let (kind, reason) = match evidence {
            Evidence::Hash => (MessageType::Integrity, Reason::WrongHash),
            Evidence::Chunk if ruling == Ruling::Contradicted => {
                (MessageType::Data, Reason::Contradiction)
            }
            Evidence::Chunk => (MessageType::Data, Reason::WrongChunk),
        };
        judgement.late.push(Late {
            frame: origin.frame,
            offset: origin.offset as usize,
            kind,
            chunks: bin.range(),
            swarm,
            verdict,
        });
        if evidence == Evidence::Chunk {
            verification.messages.settle(verdict);
            verification.note_chunk(bin.range().start(), origin.length, verdict, budget);
        } else if verdict == Verdict::Verified
            && let Some(tree) = verification.tree.take()
        {
            if let Some(receiver) = verification.receivers.at(origin.receiver) {
                receiver.learn(bin, &tree, budget);
            }
            verification.tree = Some(tree);
        }
        if verdict == Verdict::Failed {
            judgement.failures.push(Failure {
                frame: origin.frame,
                offset: origin.offset as usize,
                kind,
                chunks: bin.range(),
                swarm,
                source: origin.source,
                reason,
            });
        }
    }
    judgement.settled.clear();
}

/// Counts the DATA messages of a datagram by their verdicts.
fn count(
    verification: &mut Verification,
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    judgement: &Judgement,
) {
    for (place, located) in messages.iter().enumerate() {
        let Message::Data { data_length, .. } = located.message else {
            continue;
        };
        let Some(range) = context.range_of(&located.message) else {
            continue;
        };
        let final_failure = |failure: &Failure| {
            failure.frame == context.datagram.frame && failure.offset == located.offset
        };
        let verdict = match judgement.verdicts[place] {
            // It still may turn out that another hash was wrong.
            Some(Verdict::Failed) if !judgement.failures.iter().any(final_failure) => {
                Verdict::Unverified
            }
            Some(verdict) => verdict,
            None => continue,
        };
        verification.messages.add(verdict);
        let known = judgement.receiver_verdicts[place].unwrap_or(verdict);
        if let Some(receiver) = verification.receivers.at(context.datagram.destination) {
            receiver.tally.add(known);
        }
        if range.is_single() {
            verification.note_chunk(range.start(), data_length as u32, verdict, context.budget);
        } else if verdict == Verdict::Unprotected {
            verification.unprotected.insert(range, context.budget);
            verification.judged.insert(range, context.budget);
        }
    }
}

/// Ends a swarm: what may still be settled is.
pub(super) fn close(
    found: &mut Swarm,
    swarm: SwarmIndex,
    pages: &mut PageBudget,
    budget: &mut Budget,
    judgement: &mut Judgement,
) {
    let Some(mut verification) = found.verification.take() else {
        return;
    };
    if let Some(mut tree) = verification.tree.take() {
        verification
            .signatures
            .close(swarm, &mut tree, judgement, budget);
        let chunks = found.highest_chunk.and_then(|last| last.checked_add(1));
        tree.close(chunks, &mut judgement.settled, budget);
        verification.tree = Some(tree);
    }
    verification.signatures.close_each();
    settle(&mut verification, pages, swarm, judgement);
    found.verification = Some(verification);
}

fn origin(context: &Context<'_, '_>, offset: usize, length: u32) -> Origin {
    Origin {
        frame: context.datagram.frame,
        offset: offset as u32,
        length,
        source: context.datagram.source,
        receiver: context.datagram.destination,
    }
}
