//! Signed munros and signed chunks of live streams: what they cover, in which
//! order they come, and whether they hold (RFC 7574, sections 6.1.1 and 6.1.2).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ContentIntegrity, Message, MessageType};

use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Role, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::fetch::{Acks, Delivery, Signed};
use crate::probe::proof::Check;
use crate::probe::signature::{Covers, Format, age, seconds};

/// How long a stream may take to have another munro.
const NEXT_MUNRO: Duration = Duration::from_secs(15);

/// By how much a new signature's date may differ from our clock.
const CLOCKS_DIFFER: f64 = 60.0;

/// Bytes that surely go in one datagram over Ethernet.
const ONE_DATAGRAM: usize = 1400;

/// What all cases of this file have in common.
const LIVE: Case = Case {
    roles: &[Role::Injector],
    awaits: &[MessageType::SignedIntegrity, MessageType::Data],
    limit: Duration::from_secs(40),
    ..Case::USUAL
};

pub(in crate::probe) const CASES: &[Case] = &[
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
        id: "rfc7574/6.1.2.1/signature-holds",
        title: "A munro's signature is the injector's",
        requirement: "The injector signs munro hashes with the private key whose public key the \
                      swarm ID is, by the algorithm of the swarm.",
        finds: &[M::WrongSignature],
        run: signature_holds,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.2/signature-covers-all",
        title: "A munro's signature covers chunk specification, timestamp and hash",
        requirement: "The signature is computed over the munro's chunk specification as it is on \
                      the wire, the timestamp and the hash, in that order.",
        finds: &[M::SignsHashAlone],
        run: signature_covers_all,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.2/timestamp-is-ntp",
        title: "Signatures are dated in NTP's format",
        requirement: "The timestamp of a signature is in the 64-bit NTP Timestamp format: seconds \
                      since 1900, and 2^-32 parts of one.",
        finds: &[M::SignsUnixTime],
        run: timestamp_is_ntp,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.2/timestamp-is-now",
        title: "A new signature's date is now",
        requirement: "The timestamp is the time at which the signature was made at the injector, \
                      in UTC; receivers discard signatures that are too old. One that is made \
                      while we wait may be a minute off.",
        finds: &[M::OldSignatures],
        run: timestamp_is_now,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.2/timestamps-rise",
        title: "Later munros have no earlier dates",
        requirement: "Munros are signed one after the other, each at the time that its timestamp \
                      tells.",
        finds: &[M::TimestampsFall],
        run: timestamps_rise,
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
    Case {
        id: "rfc7574/6.1.1/signature-before-chunk",
        title: "With Sign All each chunk's signature comes before it",
        requirement: "A chunk is sent as SIGNED_INTEGRITY with its signature, followed by DATA.",
        finds: &[M::NoSignatures],
        run: chunk_signature_before_chunk,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.1/signature-in-datagram",
        title: "With Sign All a chunk and its signature share a datagram",
        requirement: "The datagram with a chunk holds its SIGNED_INTEGRITY first, unless the two do \
                      not fit.",
        finds: &[M::SignatureApart],
        run: chunk_signature_in_datagram,
        ..LIVE
    },
    Case {
        id: "rfc7574/12.6.5/bogus-signature",
        title: "Bogus signatures do not spoil what is served",
        requirement: "Signatures that do not hold are not passed on.",
        level: Level::Robustness,
        finds: &[M::BelievesAnySignature],
        run: bogus_signature,
        ..LIVE
    },
];

fn needs_munros(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return it.needs_service();
    }
    Err(Stop::Skip(
        "each chunk of the stream is signed, and no munros".to_owned(),
    ))
}

fn needs_signed_chunks(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::SignAll {
        return it.needs_service();
    }
    Err(Stop::Skip(
        "munros of the stream are signed, and not each chunk".to_owned(),
    ))
}

/// Fetches a chunk on a new channel.
fn stranger(it: &mut Conversation<'_>) -> Result<(Delivery, u64, usize), Stop> {
    let chunk = it.inner_chunk()?;
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &[chunk])?;
    let place = delivery
        .pieces
        .iter()
        .position(|piece| piece.kind == MessageType::Data && names(piece.chunks, chunk));
    match place {
        Some(place) => Ok((delivery, chunk, place)),
        None => Err(Stop::silence(format!("DATA {chunk}"), "none")),
    }
}

fn names(range: Option<ChunkRange>, chunk: u64) -> bool {
    range.is_some_and(|range| range.contains(chunk))
}

/// Fetches chunks from several munros; the signatures that came, by their chunks.
fn several(it: &mut Conversation<'_>) -> Result<Vec<Signed>, Stop> {
    needs_munros(it)?;
    let chunks: Vec<u64> = match it.first_of(64) {
        Ok(first) => vec![first, first + 17, first + 34, first + 51],
        Err(_) => vec![it.inner_chunk()?],
    };
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &chunks)?;
    let mut signed = delivery.signed;
    signed.sort_by_key(|it| (it.chunks.start(), it.chunks.end()));
    if signed.is_empty() {
        return Err(Stop::Inconclusive("no signatures came".to_owned()));
    }
    Ok(signed)
}

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

/// The signatures whose munro is known.
fn judged(signed: &[Signed]) -> Result<Vec<(&Signed, Covers)>, Stop> {
    let judged: Vec<_> = signed
        .iter()
        .filter_map(|it| Some((it, it.covers?)))
        .collect();
    if judged.is_empty() {
        return Err(Stop::Inconclusive(
            "no munro came with the signatures".to_owned(),
        ));
    }
    Ok(judged)
}

fn signature_holds(it: &mut Conversation<'_>) -> Outcome {
    let signed = several(it)?;
    let judged = judged(&signed)?;
    match judged.iter().find(|(_, covers)| *covers == Covers::Nothing) {
        None => Ok(()),
        Some((signed, _)) => Err(Stop::violation(
            format!(
                "a signature of the munro {} by the swarm's key",
                signed.chunks
            ),
            "one that does not hold, neither over chunk specification, timestamp and hash nor \
             over the hash alone",
            [signed.frame],
        )),
    }
}

fn signature_covers_all(it: &mut Conversation<'_>) -> Outcome {
    let signed = several(it)?;
    let judged = judged(&signed)?;
    if judged.iter().all(|(_, covers)| *covers == Covers::Nothing) {
        return Err(Stop::Inconclusive("no signature holds".to_owned()));
    }
    match judged
        .iter()
        .find(|(_, covers)| *covers == Covers::HashAlone)
    {
        None => Ok(()),
        Some((signed, _)) => Err(Stop::violation(
            format!(
                "a signature of the munro {} over chunk specification, timestamp and hash",
                signed.chunks
            ),
            "one over the hash alone: anybody can date it anew",
            [signed.frame],
        )),
    }
}

/// The signatures on which the target's dates can be seen: of munros or chunks.
fn dated(it: &mut Conversation<'_>) -> Result<Vec<Signed>, Stop> {
    it.needs_service()?;
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return several(it);
    }
    let (delivery, _, _) = stranger(it)?;
    if delivery.signed.is_empty() {
        return Err(Stop::Inconclusive("no signatures came".to_owned()));
    }
    Ok(delivery.signed)
}

fn timestamp_is_ntp(it: &mut Conversation<'_>) -> Outcome {
    let signed = dated(it)?;
    let wrong = signed
        .iter()
        .find_map(|it| match age(it.timestamp, it.at).0 {
            Format::Ntp => None,
            Format::UnixMicroseconds => Some((it, "microseconds since 1970")),
            Format::Unknown => Some((it, "neither NTP's nor microseconds since 1970")),
        });
    match wrong {
        None => Ok(()),
        Some((signed, what)) => Err(Stop::violation(
            "a timestamp in NTP's format, of these years",
            format!("{:#018x}: {what}", signed.timestamp),
            [signed.frame],
        )),
    }
}

fn timestamp_is_now(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let known = it.tune_in()?.end();
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    let is_new = |signed: &Signed| signed.chunks.start() > known;
    let until = it.now() + NEXT_MUNRO;
    while it.now() < until && !delivery.signed.iter().any(is_new) {
        // What is new is asked for where it was announced: munros come with it.
        let news = delivery.pieces.iter().rev().find_map(|piece| {
            let range = piece.chunks.filter(|_| piece.kind == MessageType::Have)?;
            (range.end() > known).then_some(range.end())
        });
        match news {
            Some(chunk) => it.request(&channel, chunk, chunk)?,
            None => it.send(&channel, &[Message::PexReq])?,
        };
        it.collect(
            &channel,
            &mut delivery,
            Duration::from_secs(1),
            Acks::None,
            |it| it.signed.iter().any(is_new),
        )?;
    }
    let Some(signed) = delivery.signed.iter().find(|it| is_new(it)) else {
        return Err(Stop::Inconclusive(format!(
            "no new signature within {} seconds: does the stream run?",
            NEXT_MUNRO.as_secs()
        )));
    };
    let (format, age) = age(signed.timestamp, signed.at);
    if format == Format::Unknown {
        return Err(Stop::Inconclusive(
            "the timestamp's format is unknown".to_owned(),
        ));
    }
    if age.abs() <= CLOCKS_DIFFER {
        return Ok(());
    }
    Err(Stop::violation(
        format!(
            "a date within {CLOCKS_DIFFER} seconds of our clock for {}",
            signed.chunks
        ),
        seconds(age),
        [signed.frame],
    ))
}

fn timestamps_rise(it: &mut Conversation<'_>) -> Outcome {
    let mut signed = several(it)?;
    signed.dedup_by_key(|it| it.chunks.start());
    if signed.len() < 2 {
        return Err(Stop::Inconclusive("one munro came only".to_owned()));
    }
    let wrong = signed
        .windows(2)
        .find(|pair| pair[0].timestamp > pair[1].timestamp);
    match wrong {
        None => Ok(()),
        Some(pair) => Err(Stop::violation(
            format!(
                "for the munro {} a date that is not before that of {}",
                pair[1].chunks, pair[0].chunks
            ),
            format!(
                "{:#018x} and {:#018x}",
                pair[1].timestamp, pair[0].timestamp
            ),
            [pair[0].frame, pair[1].frame],
        )),
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

fn chunk_signature_before_chunk(it: &mut Conversation<'_>) -> Outcome {
    needs_signed_chunks(it)?;
    let (delivery, chunk, data) = stranger(it)?;
    let came = delivery.chunk(chunk);
    if came.is_some_and(|came| came.check != Check::Unsigned) {
        return Ok(());
    }
    Err(Stop::violation(
        format!("SIGNED_INTEGRITY {chunk} before DATA {chunk}"),
        "none",
        [delivery.pieces[data].frame],
    ))
}

fn chunk_signature_in_datagram(it: &mut Conversation<'_>) -> Outcome {
    needs_signed_chunks(it)?;
    let (delivery, chunk, data) = stranger(it)?;
    let frame = delivery.pieces[data].frame;
    let signed = delivery
        .signed
        .iter()
        .find(|it| names(Some(it.chunks), chunk));
    let Some(signed) = signed else {
        return Err(Stop::Inconclusive("no signature came".to_owned()));
    };
    let length = delivery.chunk(chunk).map_or(0, |it| it.data.len());
    let signature = it.swarm().layout().signature_length.unwrap_or(0);
    // Two chunk specifications of 16 bytes at most, timestamps and types.
    let bytes = 4 + 2 * (1 + 16 + 8) + signature + length;
    if signed.frame == frame || bytes > ONE_DATAGRAM {
        return Ok(());
    }
    Err(Stop::violation(
        format!("SIGNED_INTEGRITY {chunk} in the datagram of DATA {chunk}"),
        "it came in another",
        [signed.frame, frame],
    ))
}

fn bogus_signature(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let (delivery, chunk, _) = stranger(it)?;
    let Some(signed) = delivery.signed.iter().find(|it| it.chunks.contains(chunk)) else {
        return Err(Stop::Inconclusive("no signature came".to_owned()));
    };
    if delivery
        .chunk(chunk)
        .is_none_or(|it| it.check != Check::Right)
    {
        return Err(Stop::Inconclusive(
            "the chunk does not verify before that either".to_owned(),
        ));
    }
    let (range, timestamp) = (signed.chunks, signed.timestamp);
    let channel = it.open()?;
    let spec = it.spec(&channel, range.start(), range.end())?;
    let signature = vec![0xa5; it.swarm().layout().signature_length.unwrap_or(0)];
    let bogus = Message::SignedIntegrity {
        spec,
        timestamp: timestamp.wrapping_add(1 << 32),
        signature: &signature,
    };
    it.note("a signature that does not hold");
    it.send(&channel, &[bogus])?;
    it.hear_all(Duration::from_millis(50))?;
    let other = it.open()?;
    let delivery = it.fetch(&other, &[chunk])?;
    let Some(came) = delivery.chunk(chunk) else {
        return Err(Stop::silence(
            format!("DATA {chunk} also after a bogus signature"),
            "none",
        ));
    };
    if came.check == Check::Right {
        return Ok(());
    }
    Err(Stop::violation(
        format!("chunk {chunk} with what verifies it, also after a bogus signature"),
        "a chunk that does not verify",
        [came.frame],
    ))
}
