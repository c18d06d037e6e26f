//! Bringing the messages of a datagram before the swarm's tree, and handing out
//! what that says of them and of earlier ones.

use super::chunk_set::PageBudget;
use super::context::Context;
use super::receiver::Receiver;
use super::swarm::SwarmIndex;
use super::verdict::{Failure, Late, Reason, Verdict};
use super::verification::{Judgement, Origin, Verification};
use crate::finding::{Detail, FindingId};
use crate::integrity::{Ascent, Budget, Evidence, Hash, Ruling, Settled, SwarmTree};
use crate::wire::{Bin, ChunkRange, Chunks, Located, Message, MessageType, Piece, Pieces};

/// Something that a datagram says of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// Which of its messages.
    place: usize,
    bin: Bin,
    what: What,
    verdict: Verdict,
    /// Whether it still may turn out that another hash was wrong.
    is_contradicted: bool,
}

/// What is said of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Hash,
    /// A chunk of so many bytes.
    Chunk(u32),
    /// The signature of a munro.
    Signature,
}

impl Subject {
    /// Whether the message at `place` says it.
    pub(super) const fn is_of(&self, place: usize) -> bool {
        self.place == place
    }

    /// Whether it is this chunk of the message at `place`.
    pub(super) fn is_chunk(&self, place: usize, chunk: u64) -> bool {
        self.place == place
            && matches!(self.what, What::Chunk(_))
            && self.bin.range() == ChunkRange::single(chunk)
    }

    /// What the tree says of it so far.
    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    const fn new(place: usize, bin: Bin, what: What) -> Self {
        Self {
            place,
            bin,
            what,
            verdict: Verdict::Unverified,
            is_contradicted: false,
        }
    }
}

/// Brings the messages before the tree. Returns whether it was asked about all
/// DATA messages.
pub(super) fn weigh(
    verification: &mut Verification,
    tree: &mut SwarmTree<Origin>,
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    budget: &mut Budget,
    judgement: &mut Judgement,
) -> bool {
    let mut all_weighed = true;
    tree.begin();
    for (place, located) in messages.iter().enumerate() {
        match located.message {
            Message::Integrity { hash, .. } => {
                hear_hash(tree, context, (place, located), hash, budget, judgement);
            }
            Message::Data { .. } => {
                let before = judgement.subjects.len();
                for piece in Pieces::of(located, &context.layout) {
                    hear_chunk(tree, context, (place, located), &piece, budget, judgement);
                }
                all_weighed &= judgement.subjects.len() > before;
            }
            Message::SignedIntegrity { .. } => {
                let bin = context.range_of(&located.message).and_then(Bin::covering);
                let Some(bin) = bin else { continue };
                let origin = Origin::of(context, located.offset, 0);
                let verdict = verification.signatures.munro(
                    context,
                    messages,
                    place,
                    bin,
                    origin,
                    tree,
                    &mut judgement.settled,
                    budget,
                );
                judgement.verdicts[place] = Some(verdict);
                judgement.subjects.push(Subject {
                    verdict,
                    ..Subject::new(place, bin, What::Signature)
                });
            }
            _ => {}
        }
    }
    tree.end(&mut judgement.settled, budget);
    rule(tree, context, messages, judgement);
    // What the receiver knows by now: earlier hashes that turned out right,
    // those of this datagram, and only then its chunks.
    settle(
        verification,
        tree,
        context.budget,
        context.channel.swarm,
        judgement,
    );
    tell_receiver(verification, tree, context, messages, judgement);
    all_weighed
}

fn hear_hash(
    tree: &mut SwarmTree<Origin>,
    context: &mut Context<'_, '_>,
    (place, located): (usize, &Located<'_>),
    bytes: &[u8],
    budget: &mut Budget,
    judgement: &mut Judgement,
) {
    let Some(range) = context.range_of(&located.message) else {
        // Legacy swift's first message is the root hash: the swarm ID itself.
        let size = context.layout.chunk_size.or_assumed();
        if located.message.spec().map(|spec| spec.chunks(size)) == Some(Chunks::Everything)
            && context.swarm.id.as_deref() == Some(bytes)
        {
            judgement.verdicts[place] = Some(Verdict::Verified);
        }
        return;
    };
    let (Some(bin), Some(hash)) = (Bin::covering(range), Hash::from_bytes(bytes)) else {
        return;
    };
    // Two hashes for one node can't both be right.
    if tree.conflicts(bin, &hash) {
        let detail = Detail::Chunks(Chunks::Range(range));
        context
            .findings
            .raise_at(FindingId::IntegrityConflict, located.offset, detail);
    }
    let origin = Origin::of(context, located.offset, 0);
    tree.hash(bin, hash, origin, &mut judgement.settled, budget);
    let subject = Subject::new(place, bin, What::Hash);
    judgement.subjects.push(subject);
}

fn hear_chunk(
    tree: &mut SwarmTree<Origin>,
    context: &Context<'_, '_>,
    (place, located): (usize, &Located<'_>),
    piece: &Piece<'_>,
    budget: &mut Budget,
    judgement: &mut Judgement,
) {
    let Some(bin) = Bin::leaf(piece.chunk) else {
        return;
    };
    let length = piece.data.len() as u32;
    let function = tree.function();
    let payload = context.datagram.payload;
    let bytes = (piece.offset, piece.data.len());
    let before = context.hashed.chunk(payload, bytes, function);
    let (hash, ascent) = before.unwrap_or_else(|| (function.chunk(piece.data), Ascent::default()));
    let origin = Origin::of(context, located.offset, length);
    tree.chunk(bin, hash, ascent, origin, &mut judgement.settled, budget);
    let subject = Subject::new(place, bin, What::Chunk(length));
    judgement.subjects.push(subject);
}

/// Gives the messages of the datagram the verdicts that the tree's rulings are.
fn rule(
    tree: &SwarmTree<Origin>,
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    judgement: &mut Judgement,
) {
    let Judgement {
        subjects,
        verdicts,
        failures,
        ..
    } = judgement;
    let asked = subjects
        .iter_mut()
        .filter(|subject| subject.what != What::Signature);
    let mut last = None;
    for (subject, &ruling) in asked.zip(tree.rulings()) {
        let place = subject.place;
        let verdict = Verdict::of(ruling);
        subject.verdict = verdict;
        subject.is_contradicted = ruling == Ruling::Contradicted;
        let is_first = last.replace(place) != Some(place);
        verdicts[place] = Some(match verdicts[place] {
            Some(of_others) if !is_first => of_others.and(verdict),
            _ => verdict,
        });
        let is_chunk = subject.what != What::Hash;
        let (id, reason) = match (ruling, is_chunk) {
            (Ruling::Refuted, true) => (FindingId::DataWrong, Some(Reason::WrongChunk)),
            (Ruling::Refuted, false) => (FindingId::IntegrityWrong, Some(Reason::WrongHash)),
            // Nothing tells yet which of them is wrong.
            (Ruling::Contradicted, true) => (FindingId::DataContradiction, None),
            _ => continue,
        };
        let chunks = subject.bin.range();
        let located = &messages[place];
        let detail = Detail::Chunks(Chunks::Range(chunks));
        context.findings.raise_at(id, located.offset, detail);
        if let Some(reason) = reason {
            failures.push(Failure {
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
}

/// Tells the receiver of a datagram what that has brought, and counts its chunks.
fn tell_receiver(
    verification: &mut Verification,
    tree: &SwarmTree<Origin>,
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    judgement: &mut Judgement,
) {
    let Judgement {
        subjects,
        receiver_verdicts,
        ..
    } = judgement;
    let is_right_chunk = |subject: &&Subject| {
        matches!(subject.what, What::Chunk(_)) && subject.verdict == Verdict::Verified
    };
    // Chunks that come together may be each other's siblings.
    if subjects.iter().filter(is_right_chunk).nth(1).is_some()
        && let Some(receiver) = verification.receivers.at(context.datagram.destination)
    {
        for chunk in subjects.iter().filter(is_right_chunk) {
            receiver.hold(chunk.bin, context.budget);
        }
    }
    for subject in &*subjects {
        let Subject {
            place,
            bin,
            what,
            verdict,
            is_contradicted,
        } = *subject;
        let receiver = verification.receivers.at(context.datagram.destination);
        match (what, receiver) {
            (What::Hash, Some(receiver)) if verdict == Verdict::Verified => {
                let has_peaks_now = receiver.learn(bin, tree, context.budget);
                let is_late = !receiver.tally.is_empty() && context.channel.is_complete();
                if has_peaks_now && is_late {
                    let detail = Detail::Chunks(Chunks::Range(bin.range()));
                    context.findings.raise_at(
                        FindingId::IntegrityPeaksLate,
                        messages[place].offset,
                        detail,
                    );
                }
            }
            (What::Signature, Some(receiver)) if verdict == Verdict::Verified => {
                receiver.learn_munro(bin, context.budget);
            }
            (What::Hash | What::Signature, _) => {}
            (What::Chunk(length), receiver) => {
                if let Some(receiver) = receiver {
                    let knows = could_verify(receiver, tree, context, subject, messages);
                    receiver.tally.add(knows);
                    receiver_verdicts[place] = Some(match receiver_verdicts[place] {
                        Some(of_others) => of_others.and(knows),
                        None => knows,
                    });
                }
                let verdict = if is_contradicted {
                    Verdict::Unverified
                } else {
                    verdict
                };
                verification.messages.add(verdict);
                verification.note_chunk(bin.range().start(), length, verdict, context.budget);
            }
        }
    }
}

/// The verdict on a chunk by what its receiver knew.
fn could_verify(
    receiver: &mut Receiver,
    tree: &SwarmTree<Origin>,
    context: &mut Context<'_, '_>,
    chunk: &Subject,
    messages: &[Located<'_>],
) -> Verdict {
    let verdict = match chunk.verdict {
        Verdict::Verified => receiver.take_chunk(chunk.bin, tree, context.budget),
        other => other,
    };
    if verdict != Verdict::Unverified || !context.channel.is_complete() || receiver.hashes_missed {
        return verdict;
    }
    let (_, end) = context.channel.sender_and_receiver(context.sender);
    let announced = end.tracking.as_ref().map(|tracking| &tracking.announced);
    let must_know = announced.is_some_and(|announced| match chunk.verdict {
        // What the capture lacks, who has chunks may have.
        Verdict::Unverified => !announced.is_empty(),
        _ => receiver.must_know(chunk.bin, tree, announced),
    });
    if !must_know {
        receiver.hashes_missed = true;
        let detail = Detail::Chunks(Chunks::Range(chunk.bin.range()));
        context.findings.raise_at(
            FindingId::IntegrityUnverifiable,
            messages[chunk.place].offset,
            detail,
        );
    }
    verdict
}

/// Hands out the verdicts on earlier messages.
pub(super) fn settle(
    verification: &mut Verification,
    tree: &SwarmTree<Origin>,
    budget: &mut PageBudget,
    swarm: SwarmIndex,
    judgement: &mut Judgement,
) {
    let Judgement {
        settled,
        late,
        failures,
        ..
    } = judgement;
    for Settled {
        bin,
        evidence,
        origin,
        ruling,
    } in settled.drain(..)
    {
        let verdict = Verdict::of(ruling);
        let (kind, reason) = match evidence {
            Evidence::Hash => (MessageType::Integrity, Reason::WrongHash),
            Evidence::Chunk if ruling == Ruling::Contradicted => {
                (MessageType::Data, Reason::Contradiction)
            }
            Evidence::Chunk => (MessageType::Data, Reason::WrongChunk),
        };
        late.push(Late {
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
            && let Some(receiver) = verification.receivers.at(origin.receiver)
        {
            receiver.learn(bin, tree, budget);
        }
        if verdict == Verdict::Failed {
            failures.push(Failure {
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
}
