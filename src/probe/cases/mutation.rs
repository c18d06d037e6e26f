//! Datagrams that are right but for random changes (RFC 7574, section 12): the same for the
//! same seed, for as long as is wanted.

use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, Message, ProtocolOption, encode_datagram, encode_message};
use rand_core::Rng as _;

use super::robustness::{ROBUST, goes_on};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::net::Port;

/// Datagrams of a round: after them the target has to be there still.
const ROUND: usize = 400;

/// What the target needs to read some datagrams.
pub(super) const A_MOMENT: Duration = Duration::from_millis(5);

pub(in crate::probe) const CASES: &[Case] = &[Case {
    id: "rfc7574/12/mutated-datagrams",
    title: "Mutated datagrams do no harm",
    requirement: "An implementation must consider buffer overruns and manipulation: hundreds \
                      of valid datagrams with random bytes changed, cut or added neither end it nor \
                      stop its service.",
    finds: &[
        M::DiesOfHighType,
        M::DiesOfTruncatedMessage,
        M::DiesOfTruncatedHandshake,
        M::DiesOfReversedRange,
        M::DiesOfMissingEnd,
        M::DiesOfUnknownOption,
        M::DiesOfAckOfNothing,
    ],
    run: mutated_datagrams,
    ..ROBUST
}];

fn mutated_datagrams(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    in_rounds(it, |it| {
        round(it)?;
        goes_on(it, "mutated datagrams")
    })
}

/// Does what a round is, once and again for as long as datagrams are to be mutated.
/// What a round has left that the target survived is forgotten.
pub(super) fn in_rounds(
    it: &mut Conversation<'_>,
    mut round: impl FnMut(&mut Conversation<'_>) -> Outcome,
) -> Outcome {
    let until = it.now() + it.patience().mutation;
    loop {
        round(it)?;
        if it.now() >= until {
            return Ok(());
        }
        it.begin_anew();
    }
}

fn round(it: &mut Conversation<'_>) -> Outcome {
    let port = it.port()?;
    let (victim, _) = it.shake(port)?;
    it.send(&victim, &[])?;
    let mut seeds = one_of_each(it, &victim)?;
    let other = it.channel(port);
    if !victim.writes.dialect.handshake_options {
        return Err(Stop::Skip(
            "the target speaks the legacy protocol".to_owned(),
        ));
    }
    seeds.push(first_datagram(&other, it.options())?);
    bombard(
        it,
        port,
        &seeds,
        |_| true,
        |it| it.hear_all(A_MOMENT).map(drop),
    )
}

/// Sends the datagrams of a round: each is one of `seeds` with random changes, and is sent
/// if `is_wanted`. Now and then the target gets the time to read them: `listen`.
pub(super) fn bombard(
    it: &mut Conversation<'_>,
    port: Port,
    seeds: &[Vec<u8>],
    is_wanted: impl Fn(&[u8]) -> bool,
    mut listen: impl FnMut(&mut Conversation<'_>) -> Outcome,
) -> Outcome {
    for number in 0..ROUND {
        let choice = it.random.next_u32() as usize % seeds.len().max(1);
        let mut bytes = seeds.get(choice).cloned().unwrap_or_default();
        mutate(it, &mut bytes);
        if is_wanted(&bytes) {
            it.send_bytes(port, &bytes)?;
        }
        // Not faster than the target reads.
        if number % 20 == 19 {
            listen(it)?;
        }
    }
    Ok(())
}

/// Changes a datagram behind its channel ID.
fn mutate(it: &mut Conversation<'_>, bytes: &mut Vec<u8>) {
    let changes = 1 + it.random.next_u32() % 4;
    for _ in 0..changes {
        let drawn = it.random.next_u32();
        let value = (it.random.next_u32() & 0xff) as u8;
        let room = bytes.len().saturating_sub(4).max(1);
        let place = 4 + drawn as usize / 16 % room;
        match drawn % 8 {
            0 => bytes.truncate(place.max(4)),
            1 => bytes.insert(place.min(bytes.len()), value),
            2 => bytes.extend_from_slice(&[value; 7]),
            3 => {
                if let Some(kind) = bytes.get_mut(4) {
                    *kind = value;
                }
            }
            4 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = [0, 0xff, 0x7f, 0x80][usize::from(value % 4)];
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << (value % 8);
                }
            }
        }
    }
}

/// One message of each type that a peer may send on an open channel.
pub(super) fn one_of_each(
    it: &mut Conversation<'_>,
    channel: &Channel,
) -> Result<Vec<Vec<u8>>, Stop> {
    let first = it.first_of(1)?;
    let spec = it.spec(channel, first, first)?;
    let hash = vec![0; channel.writes.hash_function.length().unwrap_or(0)];
    let timestamp = channel.writes.data_timestamp.then_some(1);
    let messages = [
        Message::Data {
            spec,
            timestamp,
            data: b"chunk",
            data_length: 5,
        },
        Message::Ack { spec, delay: 1000 },
        Message::Have(spec),
        Message::Integrity { spec, hash: &hash },
        Message::PexResV4 {
            address: [192, 0, 2, 99].into(),
            port: 6778,
        },
        Message::Request(spec),
        Message::Cancel(spec),
        Message::PexResV6 {
            address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 99].into(),
            port: 6778,
        },
        Message::PexResCert {
            certificate: &[0x30, 3, 1, 1, 0],
        },
    ];
    let mut all = Vec::new();
    for message in &messages {
        let mut bytes = channel.destination().0.to_be_bytes().to_vec();
        if encode_message(message, &channel.writes, &mut bytes).is_ok() {
            all.push(bytes);
        }
    }
    Ok(all)
}

/// A first datagram with these options.
pub(super) fn first_datagram(
    channel: &Channel,
    options: Vec<ProtocolOption<'_>>,
) -> Result<Vec<u8>, Stop> {
    let handshake = Conversation::handshake(channel, options);
    let mut bytes = Vec::new();
    encode_datagram(ChannelId::ZERO, &[handshake], &channel.writes, &mut bytes)
        .map_err(|error| Stop::Error(error.to_string()))?;
    Ok(bytes)
}
