//! What a target that fetches has to survive, and whom it must not be led to (RFC
//! 7574, sections 3.1.1, 8 and 12).

use std::time::Duration;

use ppspp_dissector::wire::{
    ChunkAddressing, ChunkRange, ChunkSpec, Message, MessageType, OptionCode, decode_datagram,
    encode_message,
};
use rand_core::Rng as _;

use super::LEECHER;
use super::support::{
    AGAIN, begins_anew, begun, count, goes_on, goes_on_or_leaves, needs_fetching, needs_message,
};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::support::decoys;
use crate::probe::conversation::{Conversation, closing};
use crate::probe::net::Port;
use crate::probe::serve::{Gift, Seeder, Shape};

/// Datagrams of noise.
const NOISE: u32 = 300;

const ROBUST: Case = Case {
    level: Level::Robustness,
    limit: Duration::from_secs(30),
    ..LEECHER
};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.1.1/close-from-elsewhere",
        title: "A closing HANDSHAKE from another address ends nothing",
        requirement: "What comes from elsewhere with a channel's ID may be forged: it must not end \
                      the channel that it names (12.1.3).",
        finds: &[M::OffPathClose],
        run: close_from_elsewhere,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/repeated-data",
        title: "A datagram that comes twice does no harm",
        requirement: "All messages are idempotent or recognizable as duplicates: the network may \
                      deliver a datagram twice.",
        level: Level::Must,
        finds: &[M::DiesOfRepeatedData],
        run: repeated_data,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/reordered-data",
        title: "Chunks that come in another order are fetched all the same",
        requirement: "UDP may change the order of datagrams.",
        finds: &[],
        run: reordered_data,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.2/leecher-datagrams-decode",
        title: "Every byte of every datagram is of some message",
        requirement: "A datagram is a sequence of messages of the types of Table 7, each with the \
                      layout that the options settle.",
        level: Level::Must,
        finds: &[M::GarbageOnOpenChannels],
        run: datagrams_decode,
        ..ROBUST
    },
    Case {
        id: "rfc7574/3.1.1/handshake-on-open-channel",
        title: "Our reply for the second time changes nothing",
        requirement: "A channel's options are settled by the handshake procedure; a HANDSHAKE that \
                      comes later is a duplicate.",
        finds: &[M::LaterHandshakeEnds],
        run: repeated_reply,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.6/empty-data-survived",
        title: "DATA without a byte does no harm",
        requirement: "A chunk has at least one byte; DATA without any is no chunk, and is \
                      discarded.",
        finds: &[
            M::DiesOfEmptyData,
            // Who leaves us for it has to say so.
            M::LeavesWithoutClose,
            M::KeepsAskingLiars,
        ],
        run: empty_data,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.2/huge-have-survived",
        title: "A HAVE of as many chunks as can be named does no harm",
        requirement: "A malicious peer can claim to have content that it does not have: that must \
                      cost the target nothing.",
        finds: &[M::DiesOfHugeHave],
        run: huge_have,
        ..ROBUST
    },
    Case {
        id: "rfc7574/4.1/reversed-have-survived",
        title: "A HAVE whose end lies before its start does no harm",
        requirement: "A chunk range that ends before it starts names nothing; the message is \
                      invalid.",
        finds: &[M::DiesOfReversedRange],
        run: reversed_have,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.4/ack-to-leecher-survived",
        title: "An ACK of what the target never sent does no harm",
        requirement: "ACKs of wrong chunks are inconsistencies that can be detected, and are \
                      ignored.",
        finds: &[M::DiesOfAckOfNothing],
        run: ack_of_nothing,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.6/request-of-leecher-survived",
        title: "A REQUEST for what the target does not have does no harm",
        requirement: "REQUESTs need not be answered, and those for chunks that are not there \
                      can't be.",
        finds: &[M::DiesOfRequestBeyondEnd],
        run: request_of_nothing,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.7/cancel-to-leecher",
        title: "A CANCEL of what nobody asked for does no harm",
        requirement: "CANCELs for content that was never requested are detected and ignored.",
        finds: &[M::CancelOfNothingEnds],
        run: cancel_of_nothing,
        ..ROBUST
    },
    Case {
        id: "rfc7574/8.13/pex-read-by-leecher",
        title: "What stands behind PEX messages is read",
        requirement: "Peers may ignore PEX messages; what stands behind them in a datagram is \
                      processed all the same.",
        level: Level::Must,
        finds: &[M::CannotReadPex, M::DeafToLaterHaves],
        run: pex_read,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.2/leecher-unasked-addresses",
        title: "Addresses that nobody asked for are not contacted",
        requirement: "A malicious peer may name addresses to make others send HANDSHAKEs there: \
                      one datagram must not become many.",
        finds: &[M::FollowsAnyAddress],
        run: unasked_addresses,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.2.1/leecher-many-addresses",
        title: "Not everybody whom an answer to PEX_REQ names is contacted at once",
        requirement: "A peer that is named may be contacted or not; one answer must not make the \
                      target send HANDSHAKEs to as many victims as it likes.",
        finds: &[M::FollowsAnyAddress],
        run: many_addresses,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7/reply-unknown-option-survived",
        title: "An unassigned option in a reply does no harm",
        requirement: "Codes 10 to 254 are unassigned, and nobody can tell how long such an option \
                      is: the target may refuse the reply and must survive it.",
        finds: &[M::DiesOfUnknownOption],
        run: unknown_option,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7/reply-no-end-survived",
        title: "A reply whose options do not end does no harm",
        requirement: "A list without end option is invalid; the target may refuse it and must \
                      survive it.",
        finds: &[M::DiesOfMissingEnd, M::DeafToLaterHaves],
        run: no_end,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7/truncated-reply-survived",
        title: "A reply that is cut anywhere does no harm",
        requirement: "Lengths from the network are checked: a HANDSHAKE that ends in the middle is \
                      invalid and is discarded.",
        finds: &[M::DiesOfTruncatedHandshake],
        run: truncated_reply,
        ..ROBUST
    },
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
        ],
        run: noise,
        ..ROBUST
    },
];

fn close_from_elsewhere(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let elsewhere = it.port()?;
    let mut forged = seeder.channel.clone();
    forged.port = elsewhere;
    it.note("from another address of ours: whoever sees or guesses the ID can do so");
    let sent = it.send(&forged, &[closing(&forged.writes)])?;
    seeder.watch(it, it.patience().quiet / 2, |_| false)?;
    match goes_on(it, &mut seeder, "a closing HANDSHAKE from another address") {
        Err(Stop::Violation(mut violation)) => {
            violation.frames.push(sent);
            violation.frames.extend(seeder.log.closed.first());
            Err(Stop::Violation(violation))
        }
        result => result,
    }
}

fn repeated_data(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 2)?;
    let before = count(&seeder);
    let mut doubles = 0;
    seeder.serve(
        it,
        it.patience().answer * 2,
        |_, _| {
            doubles += 1;
            if doubles <= 4 {
                Gift::Twice
            } else {
                Gift::Nothing
            }
        },
        |seeder| count(seeder) >= before + 4,
    )?;
    goes_on(it, &mut seeder, "datagrams that came twice")
}

fn reordered_data(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 2)?;
    let within = it.patience().answer * 2;
    seeder.watch(it, within, |seeder| seeder.waiting().count() >= 4)?;
    let mut chunks: Vec<u64> = seeder.waiting().take(8).collect();
    if chunks.len() < 2 {
        return Err(Stop::Skip(
            "the target asks for one chunk at a time".to_owned(),
        ));
    }
    chunks.reverse();
    seeder.forget_requests();
    for chunk in &chunks {
        it.note("the last chunk first");
        seeder.give(it, *chunk, Gift::Right)?;
    }
    let done = seeder.serve(
        it,
        AGAIN,
        |_, _| Gift::Right,
        |seeder| {
            let accepted = seeder.log.accepted();
            chunks.iter().all(|chunk| accepted.contains(chunk))
        },
    )?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        format!(
            "ACKs of the {} chunks that came in reverse order",
            chunks.len()
        ),
        "some are not acknowledged",
    ))
}

fn datagrams_decode(it: &mut Conversation<'_>) -> Outcome {
    let seeder = begun(it, 16)?;
    match seeder.log.faults.first() {
        None => Ok(()),
        Some((frame, fault)) => Err(Stop::violation(
            "messages up to the last byte",
            fault.clone(),
            [*frame],
        )),
    }
}

fn repeated_reply(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let swarm = seeder.swarm.clone();
    let mut options = swarm.options(&it.known().manner);
    options.retain(|it| it.code() != OptionCode::SwarmId);
    it.note("our reply again");
    seeder.reply(it, options, &[])?;
    goes_on(it, &mut seeder, "our reply for the second time")
}

fn empty_data(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let mut empty = 0;
    seeder.serve(
        it,
        it.patience().quiet,
        |_, _| {
            empty += 1;
            if empty <= 2 {
                Gift::Empty
            } else {
                Gift::Nothing
            }
        },
        |_| false,
    )?;
    goes_on_or_leaves(it, &mut seeder, "DATA without a byte")
}

/// The target goes on after a message.
fn after(it: &mut Conversation<'_>, messages: &[Message<'_>], what: &str) -> Outcome {
    let mut seeder = begun(it, 4)?;
    it.note(what);
    seeder.say(it, messages)?;
    goes_on(it, &mut seeder, what)
}

fn huge_have(it: &mut Conversation<'_>) -> Outcome {
    let spec = match it.swarm().addressing {
        ChunkAddressing::Chunk64 => ChunkSpec::Chunk64 {
            start: 0,
            end: (1 << 62) - 1,
        },
        ChunkAddressing::Byte64 => ChunkSpec::Byte64 {
            start: 0,
            end: (1 << 62) - 1,
        },
        _ => {
            let range = ChunkRange::new(0, (1 << 31) - 1);
            let spec = range.and_then(|range| it.swarm().spec(range));
            let wide = ChunkRange::new(0, (1 << 30) - 1).and_then(|it_| it.swarm().spec(it_));
            spec.or(wide)
                .ok_or_else(|| Stop::Skip("so many chunks can't be named".to_owned()))?
        }
    };
    after(
        it,
        &[Message::Have(spec)],
        "a HAVE of more chunks than anybody has",
    )
}

fn reversed_have(it: &mut Conversation<'_>) -> Outcome {
    let spec = match it.swarm().addressing {
        ChunkAddressing::Chunk32 => ChunkSpec::Chunk32 { start: 9, end: 2 },
        ChunkAddressing::Chunk64 => ChunkSpec::Chunk64 { start: 9, end: 2 },
        ChunkAddressing::Byte64 => ChunkSpec::Byte64 {
            start: 9000,
            end: 2,
        },
        _ => {
            return Err(Stop::Skip(
                "a bin has no end that could lie before".to_owned(),
            ));
        }
    };
    let what = "a HAVE from chunk 9 to 2";
    let mut seeder = begun(it, 4)?;
    it.note(what);
    seeder.say(it, &[Message::Have(spec)])?;
    goes_on_or_leaves(it, &mut seeder, what)
}

fn ack_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    let spec = it.swarm().spec(ChunkRange::single(3));
    let spec = spec.ok_or_else(|| Stop::Error("chunk 3 can't be named".to_owned()))?;
    let ack = Message::Ack {
        spec,
        delay: u64::MAX,
    };
    after(it, &[ack], "an ACK of what was not sent")
}

fn request_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    let size = it.chunks(4)?;
    let spec = it.swarm().spec(ChunkRange::single(size - 1));
    let spec = spec.ok_or_else(|| Stop::Error("the last chunk can't be named".to_owned()))?;
    after(
        it,
        &[Message::Request(spec)],
        "a REQUEST for the last chunk",
    )
}

fn cancel_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    let spec = it.swarm().spec(ChunkRange::single(3));
    let spec = spec.ok_or_else(|| Stop::Error("chunk 3 can't be named".to_owned()))?;
    after(it, &[Message::Cancel(spec)], "a CANCEL of nothing")
}

fn pex_read(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let size = it.chunks(32)?;
    let first = 8;
    let mut seeder = Seeder::open(it, Shape::Usual, &[(0, first - 1)])?;
    seeder.serve(
        it,
        it.patience().answer * 2,
        |_, _| Gift::Right,
        |seeder| count(seeder) >= first,
    )?;
    // Of the range for documentation: nobody is there.
    let mut messages = vec![
        Message::PexResV4 {
            address: [192, 0, 2, 99].into(),
            port: 6778,
        },
        Message::PexResV6 {
            address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 99].into(),
            port: 6778,
        },
    ];
    messages.extend(seeder.haves(&[(first, size - 1)]));
    let wants = |seeder: &Seeder| {
        let mut requests = seeder.log.requests.iter();
        requests.any(|it| it.chunks.end() >= first)
    };
    for _ in 0..2 {
        it.note("addresses, and behind them HAVEs");
        seeder.say(it, &messages)?;
        let within = it.patience().answer * 2;
        if seeder.serve(it, within, |_, _| Gift::Right, wants)? {
            return Ok(());
        }
    }
    Err(Stop::silence(
        "REQUESTs for what HAVEs behind PEX_RESv4 and PEX_RESv6 announce",
        "none",
    ))
}

/// Serves on, and counts the decoys that a datagram comes to.
fn caught(
    it: &mut Conversation<'_>,
    decoys: &[Port],
    within: Duration,
) -> Result<Vec<usize>, Stop> {
    let mut ports = Vec::new();
    let mut frames = Vec::new();
    for heard in it.hear_all(within)? {
        if decoys.contains(&heard.port) && !ports.contains(&heard.port) {
            ports.push(heard.port);
            frames.push(heard.frame);
        }
    }
    Ok(frames)
}

fn unasked_addresses(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    // It has what we announce, and may want others.
    let mut seeder = Seeder::open(it, Shape::Usual, &[(0, 3)])?;
    let within = it.patience().answer;
    seeder.serve(it, within, |_, _| Gift::Right, |seeder| count(seeder) >= 4)?;
    if !seeder.log.asked_for_peers.is_empty() {
        // What it asked for it may use: that is spent first.
        let own = Message::PexResV4 {
            address: [127, 0, 0, 1].into(),
            port: 9,
        };
        for _ in 0..32 {
            seeder.say(it, std::slice::from_ref(&own))?;
        }
    }
    let (decoys, messages) = decoys(it, 6)?;
    it.note("addresses that the target did not ask for: ours, as decoys");
    seeder.say(it, &messages)?;
    let frames = caught(it, &decoys, it.patience().answer)?;
    if frames.is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        "no datagram to the addresses that were named",
        format!("datagrams to {} of {}", frames.len(), decoys.len()),
        frames,
    ))
}

fn many_addresses(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    needs_message(it, MessageType::PexReq)?;
    let mut seeder = Seeder::open(it, Shape::Usual, &[(0, 3)])?;
    let within = it.patience().answer * 3;
    let asks = seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| !seeder.log.asked_for_peers.is_empty(),
    )?;
    if !asks {
        return Err(Stop::Skip("the target sends no PEX_REQ".to_owned()));
    }
    let (decoys, messages) = decoys(it, 60)?;
    for part in messages.chunks(20) {
        it.note("sixty peers, as an answer to PEX_REQ: ours, as decoys");
        seeder.say(it, part)?;
    }
    let frames = caught(it, &decoys, it.patience().answer)?;
    if frames.len() < decoys.len() {
        return Ok(());
    }
    Err(Stop::violation(
        "HANDSHAKEs to some of the sixty at most",
        format!("datagrams to all {}", frames.len()),
        frames.into_iter().take(4),
    ))
}

/// Bytes of our reply, without the channel ID.
fn reply_bytes(it: &Conversation<'_>, seeder: &Seeder, has_end: bool) -> Result<Vec<u8>, Stop> {
    let swarm = seeder.swarm.clone();
    let mut options = swarm.options(&it.known().manner);
    options.retain(|it| it.code() != OptionCode::SwarmId);
    let handshake = ppspp_dissector::wire::Handshake {
        source_channel: seeder.channel.ours,
        options,
        has_end,
    };
    let mut bytes = Vec::new();
    encode_message(
        &Message::Handshake(handshake),
        &seeder.channel.writes,
        &mut bytes,
    )
    .map_err(|error| Stop::Error(error.to_string()))?;
    Ok(bytes)
}

/// After odd replies the target takes the right one, or has closed the channel:
/// it lives.
fn lives_after(
    it: &mut Conversation<'_>,
    odd: impl FnOnce(&Conversation<'_>, &Seeder) -> Result<Vec<Vec<u8>>, Stop>,
    what: &str,
) -> Outcome {
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    for bytes in odd(it, &seeder)? {
        it.note(what);
        seeder.say_bytes(it, &bytes)?;
        seeder.watch(it, Duration::from_millis(10), |_| false)?;
    }
    let last = seeder.content.size() - 1;
    if !seeder.log.closed.is_empty() {
        // It has refused us, in order.
        return Ok(());
    }
    if seeder.log.datagrams.is_empty() {
        match seeder.welcome(it, &[(0, last)]) {
            // It may have given the channel up, and open another one.
            Err(Stop::Inconclusive(_)) => {
                if seeder.watch(it, AGAIN, begins_anew)? {
                    return Ok(());
                }
                return Err(Stop::silence(
                    format!("the target takes the right reply after {what}, or begins anew"),
                    "nothing",
                ));
            }
            result => result?,
        }
    } else {
        let haves = seeder.haves(&[(0, last)]);
        seeder.say(it, &haves)?;
    }
    goes_on(it, &mut seeder, what)
}

fn unknown_option(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| {
        let mut bytes = reply_bytes(it, seeder, true)?;
        let end = bytes.len() - 1;
        bytes.splice(end..end, [200, 0, 1, 2, 3]);
        Ok(vec![bytes])
    };
    lives_after(it, odd, "an option of code 200")
}

fn no_end(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| Ok(vec![reply_bytes(it, seeder, false)?]);
    lives_after(it, odd, "options that do not end")
}

fn truncated_reply(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| {
        let whole = reply_bytes(it, seeder, true)?;
        // A cut between two options makes a list that does not end, which some take.
        let is_cut = |bytes: &&[u8]| {
            let mut datagram = vec![0; 4];
            datagram.extend_from_slice(bytes);
            let (_, _, fault) = decode_datagram(&datagram, &seeder.channel.writes);
            fault.is_some()
        };
        let cuts = (1..whole.len()).map(|length| &whole[..length]);
        Ok(cuts.filter(is_cut).map(<[u8]>::to_vec).collect())
    };
    lives_after(it, odd, "a reply that is cut")
}

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
    // It may have said CHOKE.
    if needs_message(it, MessageType::Unchoke).is_ok() {
        seeder.say(it, &[Message::Unchoke])?;
    }
    let last = seeder.content.size() - 1;
    let haves = seeder.haves(&[(0, last)]);
    seeder.say(it, &haves)?;
    goes_on_or_leaves(it, &mut seeder, "noise")
}
