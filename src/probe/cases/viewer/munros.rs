//! Munros and signatures as they may come: of any width, apart from their chunks, in
//! another order, and again (RFC 7574, sections 5.3, 6.1.1, 6.1.2.1 and 6.1.2.3).

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, MessageType};

use super::support::{needs_munros, needs_signed_chunks, stream, tell};
use super::{ROBUST, VIEWER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::leecher::support::{
    AGAIN, asked, begun, count, goes_on, goes_on_or_leaves, needs_fetching, takes_all,
};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Gift, Offer, Seeder, Shape};

const ACK: &[MessageType] = &[MessageType::Ack];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1.2.1/two-chunks-a-munro",
        title: "Munros of two chunks are taken",
        requirement: "The number of chunks per signature is a fixed power of two, two at least, \
                      which the injector chooses.",
        awaits: ACK,
        finds: &[M::OneMunroWidth, M::NoAcks, M::DeafToLaterHaves],
        run: |it| width(it, 2),
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.1/many-chunks-a-munro",
        title: "Munros of 128 chunks are taken",
        requirement: "The number of chunks per signature is a fixed power of two, which the \
                      injector chooses.",
        awaits: ACK,
        finds: &[M::OneMunroWidth, M::NoAcks],
        run: |it| width(it, 128),
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.1/other-width-survived",
        title: "A munro that is twice as wide as others does no harm",
        requirement: "All munros of a stream are equally wide; one that is not may be refused, \
                      and those that are still count.",
        finds: &[M::DiesOfWidthChange],
        run: other_width,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.3/munro-apart-taken",
        title: "A munro that comes before its chunk, in a datagram of its own, is taken",
        requirement: "Hash and signature of a munro share a datagram, and share it with uncles \
                      and chunk if possible: where not, they come before.",
        awaits: ACK,
        finds: &[M::IgnoresSignatureApart, M::NoAcks, M::DeafToLaterHaves],
        run: munro_apart,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.1/signature-apart-taken",
        title: "A signature that comes before its chunk, in a datagram of its own, is taken",
        requirement: "Where signature and chunk do not fit into one datagram, the \
                      SIGNED_INTEGRITY message is sent first in a separate one.",
        awaits: ACK,
        finds: &[M::IgnoresSignatureApart, M::NoAcks],
        run: signature_apart,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.3/munro-again-after-loss",
        title: "A chunk whose munro was lost is fetched all the same",
        requirement: "The munro's hash and signature may get lost, and are sent again with the \
                      chunks below it until one of them was acknowledged.",
        awaits: ACK,
        finds: &[M::NeverAsksAgain, M::NoAcks, M::DeafToLaterHaves],
        limit: Duration::from_secs(40),
        run: munro_lost,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.3/signature-first-survived",
        title: "A signature before the hash that it is for does no harm",
        requirement: "SIGNED_INTEGRITY follows the INTEGRITY message of its munro. Where it does \
                      not it may be dropped, and the chunk asked for again.",
        finds: &[M::DiesOfSignatureFirst, M::DeafToLaterHaves],
        run: signature_first,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6.1.2.4/repeated-munro",
        title: "A munro that comes again and again does no harm",
        requirement: "The rightmost signed munro is in every datagram until its receiver shows to \
                      know it: what comes again is recognized as such (8.2).",
        finds: &[M::DiesOfRepeatedMunro],
        run: repeated_munro,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/reordered-munros",
        title: "A munro that comes after a later one is taken",
        requirement: "UDP may change the order of datagrams, also across munros.",
        level: Level::Robustness,
        finds: &[M::ForgetsEarlierMunros, M::NoAcks],
        run: reordered_munros,
        limit: Duration::from_secs(40),
        ..VIEWER
    },
];

/// Chunks below some munros must be accepted.
fn accepted(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    wanted: u64,
    gift: Gift,
    what: &str,
) -> Outcome {
    let done = seeder.serve(it, AGAIN, |_, _| gift, |seeder| count(seeder) >= wanted)?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        format!("ACKs of {wanted} chunks: {what}"),
        format!("{} are acknowledged", count(seeder)),
    ))
}

fn width(it: &mut Conversation<'_>, chunks: u64) -> Outcome {
    needs_munros(it)?;
    needs_fetching(it)?;
    let mut seeder = Seeder::open(it, Shape::Munros(chunks), Offer::All)?;
    let what = format!("{chunks} have one signature");
    // Below one munro and the next.
    let wanted = if chunks < 16 { chunks * 2 } else { 16 };
    accepted(it, &mut seeder, wanted, Gift::Right, &what)
}

fn other_width(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = begun(it, 4)?;
    let now = it.now();
    let width = stream(&mut seeder)?.width() * 2;
    let start = seeder.first() / width * width;
    let range = ChunkRange::new(start, start + width - 1);
    let range = range.ok_or_else(|| Stop::Error("there is no such munro".to_owned()))?;
    // The chunks of its second half may not be there yet.
    while seeder.content.size() <= range.end() {
        seeder.serve(it, Duration::from_millis(50), |_, _| Gift::Right, |_| false)?;
    }
    let evidence = stream(&mut seeder)?.foreign_munro(range, now);
    it.note("a munro that is twice as wide as the others, with its right hash");
    tell(it, &seeder, &evidence, &[])?;
    goes_on_or_leaves(it, &mut seeder, "a munro of another width")
}

fn munro_apart(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = asked(it)?;
    // Of the first munro the target was told before.
    let next = seeder.content.group(seeder.first()).end() + 1;
    let accepts = |seeder: &Seeder| seeder.log.accepted().contains(&next);
    if seeder.serve(it, AGAIN, |_, _| Gift::HashesApart, accepts)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("an ACK of chunk {next}, whose munro came in a datagram before it"),
        format!("{} chunks are acknowledged", count(&seeder)),
    ))
}

fn signature_apart(it: &mut Conversation<'_>) -> Outcome {
    needs_signed_chunks(it)?;
    let mut seeder = asked(it)?;
    let what = "their signatures come in datagrams before them";
    accepted(it, &mut seeder, 6, Gift::HashesApart, what)
}

fn munro_lost(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = asked(it)?;
    let width = stream(&mut seeder)?.width();
    let lost = seeder.content.group(seeder.first() + width);
    let gift = |chunk: u64, times: u32| {
        if lost.contains(chunk) && times == 0 {
            Gift::NoPeaks
        } else {
            Gift::Right
        }
    };
    let done = seeder.serve(it, AGAIN * 2, gift, |seeder| {
        let accepted = seeder.log.accepted();
        (lost.start()..lost.start() + 4).all(|chunk| accepted.contains(&chunk))
    })?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        format!(
            "ACKs of the chunks from {} on, whose munro came later",
            lost.start()
        ),
        format!("{} chunks are acknowledged", count(&seeder)),
    ))
}

fn signature_first(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = asked(it)?;
    let from = seeder.content.group(seeder.first()).end() + 1;
    let mut odd = 0;
    let gift = |chunk: u64, _| {
        if chunk < from || odd >= 3 {
            return Gift::Right;
        }
        odd += 1;
        Gift::SignatureFirst
    };
    seeder.serve(it, it.patience().answer * 4, gift, |seeder| {
        seeder.given.keys().filter(|it| **it >= from).count() > 3
    })?;
    goes_on_or_leaves(it, &mut seeder, "signatures before their hashes")
}

fn repeated_munro(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = begun(it, 4)?;
    let chunk = seeder.first();
    for _ in 0..24 {
        seeder.tell_munro(it, chunk)?;
        seeder.watch(it, Duration::from_millis(10), |_| false)?;
    }
    goes_on(it, &mut seeder, "a munro that came two dozen times more")
}

fn reordered_munros(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let mut seeder = asked(it)?;
    let width = stream(&mut seeder)?.width();
    let early = seeder.content.group(seeder.first() + width);
    let late = seeder.content.group(seeder.first() + width * 2);
    // Those of both have to be there.
    while seeder.content.size() <= late.end() {
        seeder.serve(
            it,
            Duration::from_millis(50),
            |_, _| Gift::Right,
            |seeder| seeder.given.len() as u64 >= width,
        )?;
        seeder.watch(it, Duration::from_millis(50), |_| false)?;
    }
    let chunks = [
        late.start(),
        late.start() + 1,
        early.start(),
        early.start() + 1,
    ];
    for chunk in chunks {
        it.note("chunks of a later munro first");
        seeder.give(it, chunk, Gift::Right)?;
    }
    if takes_all(it, &mut seeder, &chunks)? {
        return Ok(());
    }
    let chunks = BTreeSet::from(chunks);
    Err(Stop::silence(
        format!("ACKs of chunks {chunks:?}, of which those of the later munro came first"),
        format!("{} chunks are acknowledged", count(&seeder)),
    ))
}
