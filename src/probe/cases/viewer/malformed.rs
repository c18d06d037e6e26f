//! `SIGNED_INTEGRITY` messages that nobody may send: none may end the target (RFC
//! 7574, sections 6.1.2 and 8.9).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ContentIntegrity, encode_message};

use super::ROBUST;
use super::support::{needs_munros, needs_whole_signatures, stream, tell};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::leecher::support::{begun, goes_on_or_leaves};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Evidence, Forgery, Gift, Seeder};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/8.9/truncated-signature-survived",
        title: "A SIGNED_INTEGRITY message that is cut anywhere does no harm",
        requirement: "The length of a signature follows from the algorithm: a message that ends \
                      before is invalid and is discarded.",
        finds: &[M::DiesOfTruncatedMessage],
        run: truncated,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.9/empty-signature-survived",
        title: "A SIGNED_INTEGRITY message without a signature does no harm",
        requirement: "The length of a signature follows from the algorithm: a message that ends \
                      behind the timestamp is invalid and is discarded.",
        finds: &[M::DiesOfTruncatedMessage],
        run: empty,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.9/long-signature-survived",
        title: "A signature that is longer than it can be does no harm",
        requirement: "What stands behind a signature of the algorithm's length is another \
                      message; if it is none, it is discarded.",
        finds: &[M::DiesOfLongSignature],
        run: long,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.2/undated-signature-survived",
        title: "A signature that is dated zero does no harm",
        requirement: "The timestamp of a signature is the time at which it was made; one of the \
                      year 1900 is too old, and its message is discarded.",
        finds: &[M::DiesOfUndatedSignature],
        run: |it| dated(it, Forgery::Undated, "a signature of the year 1900"),
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.2/future-signature-survived",
        title: "A signature that is dated tomorrow does no harm",
        requirement: "Clocks differ, and the timestamp of a signature may lie ahead: it may be \
                      refused.",
        finds: &[M::DiesOfFutureSignature],
        run: |it| dated(it, Forgery::Ahead, "a signature of tomorrow"),
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.1/unaligned-munro-survived",
        title: "A munro that is no node of the tree does no harm",
        requirement: "A munro is the root of a subtree, which names an aligned power of two of \
                      chunks; a message that names others is invalid.",
        finds: &[M::DiesOfUnalignedMunro],
        run: unaligned,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.1/one-chunk-munro-survived",
        title: "A munro of a single chunk does no harm",
        requirement: "The number of chunks per signature is larger than one; a munro of one chunk \
                      may be refused.",
        finds: &[M::DiesOfOneChunkMunro],
        run: one_chunk,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.1/huge-munro-survived",
        title: "A munro of as many chunks as can be named does no harm",
        requirement: "What a message names costs its receiver nothing: a munro of a billion \
                      chunks is a hash and a signature.",
        finds: &[M::DiesOfHugeMunro],
        run: huge,
        ..ROBUST
    },
];

/// A right signature that the target has not seen yet: of the munro to come, or the
/// next chunk.
fn next_signature(it: &Conversation<'_>, seeder: &mut Seeder) -> Result<Vec<Evidence>, Stop> {
    let last = seeder.content.size() - 1;
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return Ok(stream(seeder)?.introduction(last, Gift::Right));
    }
    Ok(seeder.content.proofs(last, Gift::Right, false))
}

/// The bytes of such messages, how many there are of them before the last one, and
/// how many of that are not its signature.
fn bytes_of(it: &Conversation<'_>, seeder: &mut Seeder) -> Result<(Vec<u8>, usize, usize), Stop> {
    let evidence = next_signature(it, seeder)?;
    let messages = seeder.messages(&evidence)?;
    let mut bytes = Vec::new();
    let mut before = 0;
    for message in &messages {
        before = bytes.len();
        encode_message(message, &seeder.channel.writes, &mut bytes)
            .map_err(|error| Stop::Error(error.to_string()))?;
    }
    let signature = it.swarm().layout().signature_length.unwrap_or(0);
    let head = bytes.len() - before - signature;
    Ok((bytes, before, head))
}

fn truncated(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let (bytes, before, _) = bytes_of(it, &mut seeder)?;
    for length in before + 1..bytes.len() {
        it.note("SIGNED_INTEGRITY that is cut");
        seeder.say_bytes(it, &bytes[before..length])?;
        if length % 16 == 0 {
            seeder.watch(it, Duration::from_millis(5), |_| false)?;
        }
    }
    goes_on_or_leaves(it, &mut seeder, "SIGNED_INTEGRITY messages that are cut")
}

fn empty(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let (bytes, before, head) = bytes_of(it, &mut seeder)?;
    it.note("SIGNED_INTEGRITY without its signature");
    seeder.say_bytes(it, &bytes[..before + head])?;
    goes_on_or_leaves(it, &mut seeder, "SIGNED_INTEGRITY without a signature")
}

fn long(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let (mut bytes, ..) = bytes_of(it, &mut seeder)?;
    bytes.extend([0xee; 300]);
    it.note("SIGNED_INTEGRITY with 300 bytes more");
    seeder.say_bytes(it, &bytes)?;
    goes_on_or_leaves(it, &mut seeder, "a signature that is too long")
}

fn dated(it: &mut Conversation<'_>, forgery: Forgery, what: &str) -> Outcome {
    needs_whole_signatures(it)?;
    let mut seeder = begun(it, 4)?;
    let last = seeder.content.size() - 1;
    let gift = Gift::Forged(forgery);
    let evidence = if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        stream(&mut seeder)?.introduction(last, gift)
    } else {
        seeder.content.proofs(last, gift, false)
    };
    it.note(what);
    tell(it, &seeder, &evidence, &[])?;
    goes_on_or_leaves(it, &mut seeder, what)
}

/// The target goes on after a munro that the stream does not have, with the
/// injector's signature.
fn foreign(it: &mut Conversation<'_>, pick: fn(u64, u64) -> ChunkRange, what: &str) -> Outcome {
    needs_munros(it)?;
    let mut seeder = begun(it, 4)?;
    let now = it.now();
    let (first, width) = (seeder.first(), stream(&mut seeder)?.width());
    let range = pick(first, width);
    let evidence = stream(&mut seeder)?.foreign_munro(range, now);
    // What can't be named is nobody's to survive.
    it.spec(&seeder.channel, range.start(), range.end())?;
    it.note(what);
    tell(it, &seeder, &evidence, &[])?;
    goes_on_or_leaves(it, &mut seeder, what)
}

fn unaligned(it: &mut Conversation<'_>) -> Outcome {
    let range = |first, width| range(first + 1, first + width);
    foreign(it, range, "a munro that is no node")
}

fn one_chunk(it: &mut Conversation<'_>) -> Outcome {
    let range = |first, width| range(first + width, first + width);
    foreign(it, range, "a munro of one chunk")
}

fn huge(it: &mut Conversation<'_>) -> Outcome {
    // As 32-bit bins can name it.
    let range = |_, _| range(0, (1 << 30) - 1);
    foreign(it, range, "a munro of a billion chunks")
}

fn range(start: u64, end: u64) -> ChunkRange {
    ChunkRange::new(start, end).unwrap_or(ChunkRange::single(start))
}
