//! Datagrams that come twice, in another order, or from elsewhere, and what the target's
//! own are made of (RFC 7574, sections 3.1.1 and 8.2).

use ppspp_dissector::wire::OptionCode;

use super::ROBUST;
use super::support::{begun, count, goes_on, takes_all};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Conversation, closing};
use crate::probe::serve::Gift;

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
    if takes_all(it, &mut seeder, &chunks)? {
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
