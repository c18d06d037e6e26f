//! Munros: what they name, and in which order they come (RFC 7574, sections 6.1.2 to
//! 6.1.2.3).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, MessageType};

use super::{LIVE, needs_munros, several, stranger};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::fetch::Delivery;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1.2.3/munro-before-chunk",
        title: "The signed munro comes before the first chunk below it",
        requirement: "Who is sent a chunk is first sent the hash of its munro in INTEGRITY and the \
                      munro's signature in SIGNED_INTEGRITY, unless it has shown a chunk below \
                      that munro.",
        finds: &[
            M::NoSignatures,
            M::NoPeaks,
            M::HashesAfterData,
            M::HashesOnlyOnce,
        ],
        run: munro_before_chunk,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.3/signature-follows-munro",
        title: "A munro's hash and signature share a datagram, the hash first",
        requirement: "An INTEGRITY message with the munro's hash is followed by a SIGNED_INTEGRITY \
                      message with its signature, in a single datagram.",
        finds: &[
            M::SignatureFirst,
            M::SignatureApart,
            M::NoPeaks,
            M::HashesOnlyOnce,
        ],
        run: signature_follows_munro,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.3/munro-before-uncles",
        title: "The munro comes before the uncles below it",
        requirement: "After the munro and its signature come the uncles that lead from the chunk \
                      to the munro, and the chunk.",
        finds: &[M::PeaksLast],
        run: munro_before_uncles,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.1/munro-is-subtree",
        title: "A munro names the chunks below one node",
        requirement: "A munro is the root of a subtree: its chunk specification names an aligned \
                      power of two of chunks, two at least.",
        finds: &[M::MunroUnaligned],
        run: munro_is_subtree,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.1/same-width",
        title: "All munros are equally wide",
        requirement: "The number of chunks per signature is a fixed power of two.",
        finds: &[M::MunroWidthsVary],
        run: same_width,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2/chunk-numbers-stay",
        title: "A chunk's number stands for the same chunk each time",
        requirement: "New chunks become new leaves on the right of the tree; what is below a \
                      signed munro stays what it is.",
        finds: &[M::ReusesNumbers],
        run: chunk_numbers_stay,
        ..LIVE
    },
];

fn munro_before_chunk(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let (delivery, chunk, data) = stranger(it)?;
    let before = &delivery.pieces[..data];
    let of = |kind| {
        let pieces = before.iter().filter(move |piece| piece.kind == kind);
        pieces.filter_map(|piece| piece.chunks)
    };
    let is_above = |range: &ChunkRange| range.contains(chunk) && !range.is_single();
    let signed: Vec<ChunkRange> = of(MessageType::SignedIntegrity).filter(is_above).collect();
    if of(MessageType::Integrity).any(|range| signed.contains(&range)) {
        return Ok(());
    }
    Err(Stop::violation(
        format!("INTEGRITY and SIGNED_INTEGRITY of the munro above chunk {chunk}, before it"),
        if signed.is_empty() {
            "no SIGNED_INTEGRITY for chunks among which it is"
        } else {
            "SIGNED_INTEGRITY without the INTEGRITY of its munro"
        },
        [delivery.pieces[data].frame],
    ))
}

fn signature_follows_munro(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let (delivery, _, _) = stranger(it)?;
    if delivery.signed.is_empty() {
        return Err(Stop::Inconclusive("no signatures came".to_owned()));
    }
    let alone = delivery.signed.iter().find(|signed| {
        let before = delivery.pieces[..signed.piece].iter();
        let mut hashes = before.filter(|it| it.kind == MessageType::Integrity);
        !hashes.any(|it| it.frame == signed.frame && it.chunks == Some(signed.chunks))
    });
    match alone {
        None => Ok(()),
        Some(signed) => Err(Stop::violation(
            format!(
                "INTEGRITY {0} in the datagram of SIGNED_INTEGRITY {0}, before it",
                signed.chunks
            ),
            "none",
            [signed.frame],
        )),
    }
}

fn munro_before_uncles(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let (delivery, chunk, data) = stranger(it)?;
    let munro = delivery.signed.iter().find(|it| it.chunks.contains(chunk));
    let Some(munro) = munro.map(|it| it.chunks) else {
        return Err(Stop::Inconclusive("no munro came".to_owned()));
    };
    let is_below = |range: ChunkRange| {
        range != munro && munro.contains(range.start()) && munro.contains(range.end())
    };
    let hashes: Vec<_> = delivery.pieces[..data]
        .iter()
        .filter(|piece| piece.kind == MessageType::Integrity)
        .collect();
    let first = hashes.iter().position(|piece| piece.chunks == Some(munro));
    let early = hashes.iter().position(|it| it.chunks.is_some_and(is_below));
    match (first, early) {
        (Some(first), Some(early)) if early < first => Err(Stop::violation(
            format!("INTEGRITY {munro}, the munro's, before those below it"),
            "it came behind them",
            [hashes[early].frame],
        )),
        _ => Ok(()),
    }
}

fn munro_is_subtree(it: &mut Conversation<'_>) -> Outcome {
    let signed = several(it)?;
    let wrong = signed
        .iter()
        .find(|it| it.chunks.is_single() || !it.chunks.is_subtree());
    match wrong {
        None => Ok(()),
        Some(signed) => Err(Stop::violation(
            "SIGNED_INTEGRITY for an aligned power of two of chunks, two at least",
            format!("for {}", signed.chunks),
            [signed.frame],
        )),
    }
}

fn same_width(it: &mut Conversation<'_>) -> Outcome {
    let signed = several(it)?;
    let width = signed[0].chunks.count();
    match signed.iter().find(|it| it.chunks.count() != width) {
        None => Ok(()),
        Some(other) => Err(Stop::violation(
            format!("munros of {width} chunks, as {} is one", signed[0].chunks),
            format!("one of {} chunks, {}", other.chunks.count(), other.chunks),
            [signed[0].frame, other.frame],
        )),
    }
}

fn chunk_numbers_stay(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.inner_chunk()?;
    let port = it.port()?;
    let mut seen: Vec<(Delivery, Channel)> = Vec::new();
    for _ in 0..2 {
        let channel = it.open_at(port)?;
        let delivery = it.fetch(&channel, &[chunk])?;
        seen.push((delivery, channel));
        // A stream that begins anew in between would be seen.
        it.hear_all(Duration::from_millis(500))?;
    }
    let [(before, _), (after, _)] = &seen[..] else {
        return Ok(());
    };
    let (Some(one), Some(other)) = (before.chunk(chunk), after.chunk(chunk)) else {
        return Err(Stop::Inconclusive(
            "the chunk did not come twice".to_owned(),
        ));
    };
    let hash_of = |delivery: &Delivery| {
        let above = delivery
            .signed
            .iter()
            .filter(|it| it.chunks.contains(chunk));
        above.filter_map(|it| it.hash).next_back()
    };
    let (first, second) = (hash_of(before), hash_of(after));
    let same_munro = first.is_none() || second.is_none() || first == second;
    if one.data == other.data && same_munro {
        return Ok(());
    }
    Err(Stop::violation(
        format!("the same chunk {chunk}, below the same munro, each time"),
        if one.data == other.data {
            "another munro"
        } else {
            "another chunk"
        },
        [one.frame, other.frame],
    ))
}
