//! Signatures of munros and chunks: what they cover, their dates, and whether they hold
//! (RFC 7574, sections 6.1.1, 6.1.2.1, 6.1.2.2 and 12.6.5).

use std::time::Duration;

use ppspp_dissector::wire::{ContentIntegrity, Message, MessageType};

use super::{LIVE, names, needs_signed_chunks, several, stranger};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Acks, Delivery, Signed};
use crate::probe::proof::Check;
use crate::probe::signature::{Covers, Format, age, seconds};

/// How long a stream may take to have another munro.
const NEXT_MUNRO: Duration = Duration::from_secs(15);

/// By how much a new signature's date may differ from our clock.
const CLOCKS_DIFFER: f64 = 60.0;

/// Bytes that surely go in one datagram over Ethernet.
const ONE_DATAGRAM: usize = 1400;

pub(super) const CASES: &[Case] = &[
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
