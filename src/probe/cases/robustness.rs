//! Datagrams as nobody should send them. What may end the target comes last in
//! a run, so that it ends little else.

use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, ChunkSpec, Message, MessageType, ProtocolOption};
use rand_core::Rng as _;

use super::mutation::{first_datagram, one_of_each};
use super::support::{needs_options, serves_elsewhere};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation};

const CHUNK: &[MessageType] = &[MessageType::Data];

/// What all cases have in common that may end the target.
pub(super) const ROBUST: Case = Case {
    level: Level::Robustness,
    awaits: CHUNK,
    is_alone: true,
    ..Case::USUAL
};

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/8.2/unknown-message-survived",
        title: "Unassigned message types do no harm",
        requirement: "Types 14 to 254 are unassigned: such a message is invalid and discarded with \
                      all that follows in its datagram, and others are served as before.",
        finds: &[M::DiesOfUnknownMessage],
        run: unknown_message,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/repeated-datagrams",
        title: "Datagrams that come several times do no harm",
        requirement: "All messages are idempotent or recognizable as duplicates: a network may \
                      deliver any datagram more than once.",
        finds: &[M::RepeatedRequestEnds],
        run: repeated_datagrams,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.3/short-datagrams",
        title: "Datagrams that are too short for a channel ID do no harm",
        requirement: "A datagram begins with a channel ID of four bytes; what has fewer is none of \
                      the protocol's.",
        finds: &[M::DiesOfShortDatagram],
        run: short_datagrams,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/truncated-messages",
        title: "Messages that are cut anywhere do no harm",
        requirement: "A message that its datagram does not hold to its end is invalid, and is \
                      discarded.",
        finds: &[M::DiesOfTruncatedMessage],
        run: truncated_messages,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.4/truncated-handshakes",
        title: "HANDSHAKEs that are cut anywhere do no harm",
        requirement: "A HANDSHAKE that its datagram does not hold to its end is invalid, and opens \
                      nothing that could be of harm.",
        finds: &[M::DiesOfTruncatedHandshake, M::DiesOfMissingEnd],
        run: truncated_handshakes,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7.4/long-swarm-ids",
        title: "Swarm IDs of any length do no harm",
        requirement: "A swarm ID has 16 bits for its length: one that is longer than any, or longer \
                      than its datagram, is another swarm's or invalid.",
        finds: &[M::DiesOfLongSwarmId, M::DiesOfTruncatedHandshake],
        run: long_swarm_ids,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.1/huge-datagrams",
        title: "Datagrams of 65,000 bytes do no harm",
        requirement: "Datagrams should fit an IP packet of the network; a UDP datagram may have \
                      65,507 bytes, and whoever reads it must have checked that.",
        finds: &[M::DiesOfHugeDatagram],
        run: huge_datagrams,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.10/reversed-range",
        title: "A REQUEST whose end lies before its start does no harm",
        requirement: "A range of chunks names its start and its end, inclusive: one that ends \
                      before it starts names nothing.",
        finds: &[M::DiesOfReversedRange],
        run: reversed_range,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.10/request-across-end",
        title: "A REQUEST that reaches beyond the content is served as far as that is",
        requirement: "Who does not know the content's size yet may ask for more than there is: the \
                      chunks that are there can be served.",
        finds: &[M::RefusesOverlongRequest],
        run: request_across_end,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.10/request-beyond-end",
        title: "A REQUEST beyond the content does no harm",
        requirement: "Chunks that do not exist can't be sent, and asking for them must not end the \
                      peer that is asked.",
        finds: &[M::DiesOfRequestBeyondEnd],
        run: request_beyond_end,
        ..ROBUST
    },
];

/// Somebody else must be served after what was done: with its sender the target
/// may stop to talk (section 3).
pub(super) fn goes_on(it: &mut Conversation<'_>, after: &str) -> Outcome {
    let chunk = it.second_chunk()?;
    it.hear_all(Duration::from_millis(50))?;
    serves_elsewhere(
        it,
        chunk,
        format!("a reply to a HANDSHAKE, also after {after}"),
        format!("DATA {chunk} to somebody else, also after {after}"),
    )
}

/// An open channel of a target that serves.
fn open(it: &mut Conversation<'_>) -> Result<Channel, Stop> {
    it.needs_service()?;
    it.open()
}

fn unknown_message(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    for kind in [14, 0x40, 0xfe, 0xff] {
        let mut bytes = channel.destination().0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[kind, 1, 2, 3]);
        it.note(format!("message type {kind}, which is not assigned"));
        it.send_bytes(channel.port, &bytes)?;
    }
    goes_on(it, "messages of unassigned types")
}

fn repeated_datagrams(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(4)?;
    let port = it.port()?;
    let (channel, _) = it.shake(port)?;
    let request = Message::Request(it.spec(&channel, first + 2, first + 2)?);
    for _ in 0..3 {
        it.send(&channel, std::slice::from_ref(&request))?;
    }
    it.hear_all(Duration::from_millis(100))?;
    for _ in 0..3 {
        it.acknowledge(&channel, first + 2, 1000)?;
    }
    let wanted = first + 1;
    if it.serves(&channel, wanted)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {wanted}, also after each datagram three times"),
        "the channel no longer serves",
    ))
}

fn short_datagrams(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    let id = channel.destination().0.to_be_bytes();
    for length in 0..4 {
        it.note(format!("{length} bytes"));
        it.send_bytes(channel.port, &id[..length])?;
    }
    goes_on(it, "datagrams of 0 to 3 bytes")
}

fn truncated_messages(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    for bytes in one_of_each(it, &channel)? {
        // Cut before the last byte of what has no variable end.
        for length in (5..bytes.len()).step_by(3) {
            it.send_bytes(channel.port, &bytes[..length])?;
        }
    }
    // A SIGNED_INTEGRITY has no place in static content at all.
    let mut signed = channel.destination().0.to_be_bytes().to_vec();
    signed.extend_from_slice(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
    it.send_bytes(channel.port, &signed)?;
    goes_on(it, "messages that are cut")
}

/// The bytes of a first datagram of ours.
fn truncated_handshakes(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    let channel = open(it)?;
    for length in 4.. {
        let port = if length % 16 == 0 {
            it.port()?
        } else {
            channel.port
        };
        let other = it.channel(port);
        let bytes = first_datagram(&other, it.options())?;
        if length >= bytes.len() {
            break;
        }
        it.send_bytes(port, &bytes[..length])?;
    }
    goes_on(it, "HANDSHAKEs that are cut")
}

fn long_swarm_ids(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    it.needs_service()?;
    let long = vec![0x41; 1000];
    let port = it.port()?;
    let other = it.channel(port);
    let mut options = it.options();
    for option in &mut options {
        if let ProtocolOption::SwarmId(id) = option {
            *id = &long;
        }
    }
    let bytes = first_datagram(&other, options)?;
    it.note("a swarm ID of 1000 bytes");
    it.send_bytes(port, &bytes)?;
    let mut lying = first_datagram(&other, it.options())?;
    let place = lying.windows(3).position(|window| {
        window[0] == 2
            && usize::from(window[1]) << 8 | usize::from(window[2]) == it.swarm().id.len()
    });
    if let Some(place) = place {
        lying[place + 1] = 0xff;
        lying[place + 2] = 0xff;
        it.note("a swarm ID that says to have 65535 bytes");
        it.send_bytes(port, &lying)?;
    }
    goes_on(it, "swarm IDs that are too long")
}

fn huge_datagrams(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    for destination in [channel.destination(), ChannelId::ZERO] {
        let mut bytes = vec![0; 65_000];
        it.random.fill_bytes(&mut bytes);
        bytes[..4].copy_from_slice(&destination.0.to_be_bytes());
        // Something that is read first, then noise.
        bytes[4..24].fill(0);
        bytes[4] = MessageType::Have.code();
        it.note("65,000 bytes");
        it.send_bytes(channel.port, &bytes)?;
    }
    goes_on(it, "datagrams of 65,000 bytes")
}

fn reversed_range(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    let spec = match it.spec(&channel, 0, 0)? {
        ChunkSpec::Chunk32 { .. } => ChunkSpec::Chunk32 { start: 9, end: 2 },
        ChunkSpec::Chunk64 { .. } => ChunkSpec::Chunk64 { start: 9, end: 2 },
        ChunkSpec::Byte64 { .. } => ChunkSpec::Byte64 {
            start: 9000,
            end: 2000,
        },
        ChunkSpec::Bin32(_) => ChunkSpec::Bin32(u32::MAX),
        ChunkSpec::Bin64(_) => ChunkSpec::Bin64(u64::MAX),
    };
    it.note("a range that ends before it starts, or bin NONE");
    it.send(&channel, &[Message::Request(spec), Message::Cancel(spec)])?;
    goes_on(it, "a range that names nothing")
}

fn request_across_end(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    it.first_of(2)?;
    let size = it.end()?;
    // The very last chunk of a stream has only just come.
    let last = if it.swarm().is_live() {
        size - 2
    } else {
        size - 1
    };
    // As a bin it has to be aligned: the smallest node that holds both.
    let end = if it.spec(&channel, 0, 2).is_ok() {
        size + 20
    } else {
        size.next_power_of_two() * 2 - 1
    };
    let start = if it.spec(&channel, last, end).is_ok() {
        last
    } else {
        0
    };
    it.note("from the last chunk on, and beyond");
    it.request(&channel, start, end)?;
    let within = it.patience().answer;
    if it.awaited(&channel, within)?.is_some() {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {last}, asked for as {start}-{end}"),
        "no DATA",
    ))
}

fn request_beyond_end(it: &mut Conversation<'_>) -> Outcome {
    let channel = open(it)?;
    let size = it.end()?;
    let start = size.next_power_of_two() * 2;
    it.note("chunks that do not exist");
    it.request(&channel, start, start + 7)?;
    let quiet = it.patience().quiet;
    if let Some(heard) = it.awaited_data(&channel, quiet)? {
        return Err(Stop::violation(
            format!("nothing: there are chunks up to {}", size - 1),
            "DATA",
            [heard.frame],
        ));
    }
    goes_on(it, "a REQUEST for chunks that do not exist")
}
