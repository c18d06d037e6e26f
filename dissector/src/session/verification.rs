//! Verifying a swarm's chunks, hashes and signatures as they go by.

use std::net::SocketAddr;

use super::chunk_set::{ChunkSet, PageBudget};
use super::context::{Context, content_integrity};
use super::declared::Declared;
use super::receiver::{Receiver, Receivers};
use super::sign_all::{Decided, verify_each};
use super::signatures::Signatures;
use super::swarm::{Swarm, SwarmIndex};
use super::verdict::{Failure, Late, Tally, Verdict};
use super::weighing::{Subject, settle, weigh};
use crate::finding::{Detail, FindingId};
use crate::integrity::{Budget, Hash, Settled, SwarmTree, TreeHash};
use crate::wire::Bin;
use crate::wire::{ChunkRange, ContentIntegrity, Layout, Located, Message};

/// Where a hash, chunk or signature came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) frame: u64,
    pub(super) offset: u32,
    /// Bytes of a chunk.
    pub(super) length: u32,
    pub(super) source: SocketAddr,
    pub(super) receiver: SocketAddr,
}

impl Origin {
    /// The message at `offset` of the datagram at hand, with a chunk of `length`
    /// bytes.
    pub(super) fn of(context: &Context<'_, '_>, offset: usize, length: u32) -> Self {
        Self {
            frame: context.datagram.frame,
            offset: offset as u32,
            length,
            source: context.datagram.source,
            receiver: context.datagram.destination,
        }
    }
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

/// The hash of a node of a swarm's tree, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeHash {
    /// How it begins; `None` where nothing is known.
    pub beginning: Option<[u8; 16]>,
    /// What that rests on.
    pub knowledge: Knowledge,
    /// Of a hash that nothing proves, the frame that brought it, or the chunk that
    /// it is of.
    pub frame: Option<u64>,
    /// Whether another hash was said to be this node's, and it is open which is
    /// right.
    pub is_disputed: bool,
}

/// What is known of a swarm's content.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    tree: Option<Box<SwarmTree<Origin>>>,
    pub(super) signatures: Signatures,
    verified: ChunkSet,
    failed: ChunkSet,
    unprotected: ChunkSet,
    /// Chunks of which a copy failed, or that nothing protects.
    others: ChunkSet,
    verified_bytes: u64,
    /// Bytes of the last chunk of static content.
    last_length: Option<(u64, u64)>,
    pub(super) messages: Tally,
    pub(super) receivers: Receivers,
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

    /// How many chunks have any verdict but unverified.
    pub fn judged(&self) -> u64 {
        self.verified.len() + self.others.count_missing_from(&self.verified)
    }

    const fn has_judged_none(&self) -> bool {
        self.verified.is_empty() && self.others.is_empty()
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

    /// Whether there is a hash tree that chunks are checked by.
    pub const fn has_tree(&self) -> bool {
        self.tree.is_some()
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

    /// How the hash of a node begins, where it is proven.
    pub fn proven_beginning(&self, bin: Bin) -> Option<[u8; 16]> {
        self.tree.as_ref()?.beginning(bin)
    }

    /// The hash of a node, as far as it is known.
    pub fn node_hash(&self, bin: Bin) -> NodeHash {
        let knowledge = self.node(bin);
        let tree = self.tree.as_ref();
        if knowledge != Knowledge::Unproven {
            return NodeHash {
                beginning: tree.and_then(|tree| tree.beginning(bin)),
                knowledge,
                frame: None,
                is_disputed: false,
            };
        }
        let waiting = || tree.into_iter().flat_map(|tree| tree.waiting(bin));
        // What was sent tells more than what was computed from it.
        let first = waiting().min_by_key(|(_, sent)| sent.is_none());
        let hash = first.map(|(hash, _)| hash);
        NodeHash {
            beginning: hash.and_then(|hash| hash.as_bytes().first_chunk().copied()),
            knowledge,
            frame: first.and_then(|(_, sent)| Some(sent?.1.frame)),
            is_disputed: waiting().any(|(other, _)| Some(other) != hash),
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

    /// Forgets what was counted, not what is proven.
    pub(super) fn forget(&mut self, pages: &mut PageBudget) {
        for set in self.chunk_sets() {
            set.clear(pages);
        }
        self.verified_bytes = 0;
        self.last_length = None;
        self.messages = Tally::default();
        self.signatures.forget();
        self.receivers.forget();
    }

    /// Gives back all that it took.
    pub(super) fn release(mut self, pages: &mut PageBudget, budget: &mut Budget) {
        for set in self.chunk_sets() {
            set.clear(pages);
        }
        self.receivers.release(pages);
        let (each, ..) = self.signatures.of_each(None);
        each.release(budget);
        if let Some(tree) = self.tree {
            tree.release(budget);
        }
    }

    const fn chunk_sets(&mut self) -> [&mut ChunkSet; 4] {
        [
            &mut self.verified,
            &mut self.failed,
            &mut self.unprotected,
            &mut self.others,
        ]
    }

    /// Notes the verdict on a chunk that had none.
    fn decide(&mut self, decided: Decided, budget: &mut PageBudget) {
        self.messages.settle(decided.verdict);
        self.note_chunk(decided.chunk, decided.length, decided.verdict, budget);
    }

    /// Notes the verdict on a copy of a chunk.
    pub(super) fn note_chunk(
        &mut self,
        chunk: u64,
        length: u32,
        verdict: Verdict,
        budget: &mut PageBudget,
    ) {
        let range = ChunkRange::single(chunk);
        let set = match verdict {
            Verdict::Verified => {
                if self.verified.insert(range, budget) > 0 {
                    self.verified_bytes += u64::from(length);
                    if self.last_length.is_none_or(|(last, _)| last <= chunk) {
                        self.last_length = Some((chunk, length.into()));
                    }
                }
                return;
            }
            Verdict::Failed => &mut self.failed,
            Verdict::Unprotected => &mut self.unprotected,
            Verdict::Unverified => return,
        };
        set.insert(range, budget);
        self.others.insert(range, budget);
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
    pub(super) settled: Vec<Settled<Origin>>,
    /// What the tree was asked about.
    pub(super) subjects: Vec<Subject>,
}

impl Judgement {
    pub(super) fn begin(&mut self) {
        self.verdicts.clear();
        self.receiver_verdicts.clear();
        self.late.clear();
        self.failures.clear();
        self.settled.clear();
        self.subjects.clear();
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
    let mut concerned = false;
    judgement.verdicts.extend(messages.iter().map(|located| {
        let concerns = matches!(
            located.message,
            Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
        );
        concerned |= concerns;
        concerns.then_some(Verdict::Unverified)
    }));
    if !concerned {
        judgement.verdicts.clear();
        return;
    }
    judgement.receiver_verdicts.resize(messages.len(), None);
    // Taken out, so that it and the rest of the swarm can be used side by side.
    let mut verification = context.swarm.verification.take().unwrap_or_default();
    let was_exhausted = budget.is_exhausted();
    let declared = context.channel.end(context.sender).declared.as_deref();
    let protection = protection(&context.layout, declared, context.swarm);
    let mut all_weighed = false;
    match protection {
        Protection::Nothing => {
            for verdict in judgement.verdicts.iter_mut().flatten() {
                *verdict = Verdict::Unprotected;
            }
        }
        Protection::Unknown => {}
        Protection::EachChunk => {
            let swarm_id = context.swarm.id.clone();
            let all = verification.signatures.of_each(swarm_id.as_deref());
            for decided in verify_each(all, context, messages, budget, judgement) {
                verification.decide(decided, context.budget);
            }
        }
        Protection::Root | Protection::Munros => {
            let function = TreeHash::new(context.layout.hash_function);
            let has_function = |verification: &Verification| {
                let tree = verification.tree.as_ref();
                tree.is_some_and(|tree| Some(tree.function()) == function)
            };
            // What was read with another function than now proved nothing.
            if !has_function(&verification) && verification.has_judged_none() {
                if let Some(old) = verification.tree.take() {
                    old.release(budget);
                }
                let id = context.swarm.id.as_deref();
                let tree = function.and_then(|function| new_tree(protection, function, id, seed));
                verification.tree = tree.map(Box::new);
            }
            if has_function(&verification)
                && let Some(mut tree) = verification.tree.take()
            {
                all_weighed = weigh(
                    &mut verification,
                    &mut tree,
                    context,
                    messages,
                    budget,
                    judgement,
                );
                verification.tree = Some(tree);
            }
        }
    }
    if !all_weighed {
        count(&mut verification, context, messages, judgement);
    }
    context.swarm.verification = Some(verification);
    if budget.is_exhausted() && !was_exhausted {
        context.findings.raise(FindingId::LimitHashes, Detail::None);
    }
}

/// Counts the DATA messages of a datagram that no tree was asked about.
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
        let mut subjects = judgement.subjects.iter();
        if subjects.any(|subject| subject.is_of(place)) {
            continue;
        }
        let Some(range) = context.range_of(&located.message) else {
            continue;
        };
        let Some(verdict) = judgement.verdicts[place] else {
            continue;
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
            verification.others.insert(range, context.budget);
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
        settle(&mut verification, &tree, pages, swarm, judgement);
        verification.tree = Some(tree);
    }
    let (each, _, tally) = verification.signatures.of_each(found.id.as_deref());
    for decided in each.close(swarm, tally, budget, judgement) {
        verification.decide(decided, pages);
    }
    found.verification = Some(verification);
}
