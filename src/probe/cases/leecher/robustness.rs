//! What a target that fetches has to survive on an open channel (RFC 7574, sections 3, 8 and
//! 12).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, Message, encode_message};
use rand_core::Rng as _;

use super::ROBUST;
use super::support::{begun, goes_on, goes_on_or_leaves, recovers};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;

/// Datagrams of noise.
const NOISE: u32 = 300;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3/unknown-message-to-leecher",
        title: "A message of an unassigned type does no harm",
        requirement: "Where a datagram holds an invalid message, the remaining ones are discarded, \
                      and nothing else happens.",
        finds: &[M::DiesOfUnknownMessage],
        run: unknown_message,
        ..ROBUST
    },
    Case {
        id: "rfc7574/3/truncated-message-to-leecher",
        title: "Messages that are cut anywhere do no harm",
        requirement: "Lengths from the network are checked: a message that ends in the middle is \
                      invalid and is discarded.",
        finds: &[M::DiesOfTruncatedMessage],
        run: truncated_messages,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.3/short-datagram-to-leecher",
        title: "Datagrams without a whole channel ID do no harm",
        requirement: "Each datagram is prefixed with a channel ID of four bytes; what is shorter \
                      is none of this protocol.",
        finds: &[M::DiesOfShortDatagram],
        run: short_datagrams,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/huge-datagram-to-leecher",
        title: "The longest datagrams do no harm",
        requirement: "UDP carries up to 65,507 bytes: a datagram that is longer than the target \
                      expects is discarded.",
        finds: &[M::DiesOfHugeDatagram],
        run: huge_datagram,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12/noise-to-leecher",
        title: "Noise on the channel does no harm",
        requirement: "Nothing that comes from the network may end a peer.",
        finds: &[
            M::DiesOfUnknownMessage,
            M::DiesOfHighType,
            M::DiesOfAckOfNothing,
            M::DiesOfTruncatedMessage,
            M::DiesOfReversedRange,
            M::DiesOfHugeHave,
            M::CancelOfNothingEnds,
            M::DiesOfLongSignature,
            M::DiesOfUnalignedMunro,
            M::DiesOfHugeMunro,
        ],
        run: noise,
        ..ROBUST
    },
];

fn unknown_message(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    for kind in [254, 14, 100] {
        it.note(format!("a message of type {kind}"));
        seeder.say_bytes(it, &[kind, 0, 0, 0, 1, 0, 0, 0, 2])?;
    }
    goes_on(it, &mut seeder, "messages of unassigned types")
}

fn truncated_messages(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let hash = vec![0x55; it.swarm().hash_function.length().unwrap_or(20)];
    let spec = it.swarm().spec(ChunkRange::single(7));
    let spec = spec.ok_or_else(|| Stop::Error("chunk 7 can't be named".to_owned()))?;
    let messages = [
        Message::Have(spec),
        Message::Integrity { spec, hash: &hash },
        Message::Data {
            spec,
            timestamp: Some(1),
            data: &hash,
            data_length: hash.len(),
        },
        Message::Ack { spec, delay: 1 },
        Message::PexResV4 {
            address: [192, 0, 2, 99].into(),
            port: 6778,
        },
    ];
    for message in messages {
        let mut bytes = Vec::new();
        encode_message(&message, &seeder.channel.writes, &mut bytes)
            .map_err(|error| Stop::Error(error.to_string()))?;
        // DATA that is cut in its bytes is shorter DATA.
        let whole = match message {
            Message::Data { .. } => bytes.len() - hash.len(),
            _ => bytes.len(),
        };
        for length in 1..whole {
            it.note(format!("{} that is cut", message.kind()));
            seeder.say_bytes(it, &bytes[..length])?;
        }
        seeder.watch(it, Duration::from_millis(5), |_| false)?;
    }
    goes_on_or_leaves(it, &mut seeder, "messages that are cut")
}

fn short_datagrams(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let theirs = seeder.theirs().0.to_be_bytes();
    for length in 0..4 {
        it.note(format!("{length} bytes"));
        it.send_bytes(seeder.port(), &theirs[..length])?;
    }
    goes_on(it, &mut seeder, "datagrams of less than four bytes")
}

fn huge_datagram(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    for _ in 0..3 {
        it.note("65,004 bytes, of no message");
        seeder.say_bytes(it, &vec![0x55; 65_000])?;
    }
    goes_on_or_leaves(it, &mut seeder, "datagrams of 65,004 bytes")
}

fn noise(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    for round in 0..NOISE {
        let length = 1 + it.random.next_u32() as usize % 200;
        let mut bytes = vec![0; length];
        it.random.fill_bytes(&mut bytes);
        // Every type comes first once; a HANDSHAKE could close the channel.
        bytes[0] = (round % 256).max(1) as u8;
        it.note("noise");
        seeder.say_bytes(it, &bytes)?;
        if round % 16 == 0 {
            seeder.watch(it, Duration::from_millis(5), |_| false)?;
        }
    }
    recovers(it, &mut seeder, "noise")
}
