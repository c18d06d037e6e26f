//! What ends an open channel, and what must not (RFC 7574, sections 3.1.1 and 8.4).

use ppspp_dissector::wire::{
    ChannelId, Handshake, Located, Message, MessageType, ProtocolOption, encode_message,
};

use super::support::{describe, describe_all, needs_options};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation, Heard, closing};

const CHUNK: &[MessageType] = &[MessageType::Data];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.1.1/wrong-channel-discarded",
        title: "Datagrams to a wrong channel are discarded, the right ones go on",
        requirement: "A datagram without the right channel ID is discarded; those with it are \
                      still processed.",
        awaits: CHUNK,
        finds: &[M::TakesAnyChannel, M::WrongChannelEnds],
        run: wrong_channel_discarded,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/other-source",
        title: "A known channel ID from another address does no harm",
        requirement: "What comes from elsewhere with a channel's ID may be forged: it must neither \
                      be served there nor end the channel that it names (steps 3 and 7, 12.1.3).",
        level: Level::Robustness,
        finds: &[M::OffPathClose, M::ServesAnySource],
        run: other_source,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/options-unchanged-by-later-handshake",
        title: "A HANDSHAKE on an open channel changes nothing",
        requirement: "A channel's options are settled by the handshake procedure; a HANDSHAKE that \
                      comes later is a duplicate and must not make the channel unreadable.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::LaterHandshakeEnds],
        run: later_handshake,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.4/close-ends-channel",
        title: "After a closing HANDSHAKE nothing is served",
        requirement: "A HANDSHAKE with the source channel 0 closes the channel: the peer is no \
                      longer one to talk to.",
        finds: &[M::IgnoresClose, M::ServesClosedOnZero],
        run: close_ends_channel,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.4/close-with-version",
        title: "A closing HANDSHAKE may name the version",
        requirement: "The option list of a closing HANDSHAKE is empty or holds the highest version \
                      of its sender.",
        finds: &[
            M::IgnoresCloseWithVersion,
            M::IgnoresClose,
            M::ServesClosedOnZero,
        ],
        run: close_with_version,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.4/close-not-answered",
        title: "A closing HANDSHAKE is not answered",
        requirement: "Closing ends the talk; an answer would go to a channel that its owner has \
                      given up, and two that answer each other never end.",
        level: Level::Robustness,
        finds: &[M::AnswersClose],
        run: close_not_answered,
        ..Case::USUAL
    },
];

fn wrong_channel_discarded(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let last = it.first_of(2)? + 1;
    let channel = it.open()?;
    let wrong = ChannelId(channel.destination().0 ^ 0x0101_0101);
    let spec = it.spec(&channel, last, last)?;
    it.note("the channel is wrong: to be discarded");
    it.send_to(&channel, wrong, &[Message::Request(spec)])?;
    it.note("the channel is wrong: to be discarded");
    it.send_to(&channel, wrong, &[closing(&channel.writes)])?;
    let quiet = it.patience().quiet;
    let data = it.hear_on(&channel, quiet, |heard, messages| {
        let came = messages
            .iter()
            .any(|located| located.message.kind() == MessageType::Data);
        came.then(|| heard.clone())
    })?;
    if let Some(heard) = data {
        return Err(Stop::violation(
            "nothing: the REQUEST was on no channel of the target's",
            describe(&heard, &channel.reads),
            [heard.frame],
        ));
    }
    still_serves(it, &channel, "a datagram to another channel")
}

/// The channel must go on after what was done to it.
fn still_serves(it: &mut Conversation<'_>, channel: &Channel, after: &str) -> Outcome {
    let chunk = it.second_chunk()?;
    if it.serves(channel, chunk)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {chunk} on the channel, also after {after}"),
        "the channel no longer serves",
    ))
}

fn other_source(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let last = it.first_of(2)? + 1;
    let channel = it.open()?;
    let elsewhere = it.port()?;
    let foreign = Channel {
        port: elsewhere,
        ..channel.clone()
    };
    let spec = it.spec(&channel, last, last)?;
    it.note("from another address: to be discarded");
    it.send(&foreign, &[Message::Request(spec)])?;
    it.note("from another address: to be discarded");
    it.send(&foreign, &[closing(&channel.writes)])?;
    let quiet = it.patience().quiet;
    let came = it.hear_all(quiet)?;
    let served: Vec<Heard> = came.into_iter().filter(|it| it.port == elsewhere).collect();
    if !served.is_empty() {
        return Err(Stop::violation(
            "nothing to the other address",
            describe_all(&served, &channel.reads),
            served.iter().map(|heard| heard.frame),
        ));
    }
    still_serves(it, &channel, "datagrams with its ID from another address")
}

fn later_handshake(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    it.needs_service()?;
    let channel = it.open()?;
    let mut bytes = channel.destination().0.to_be_bytes().to_vec();
    let handshake = Conversation::handshake(&channel, it.options());
    encode_message(&handshake, &channel.writes, &mut bytes)
        .map_err(|error| Stop::Error(error.to_string()))?;
    it.note("our HANDSHAKE again, on the open channel");
    it.send_bytes(channel.port, &bytes)?;
    it.hear_all(it.patience().quiet / 2)?;
    still_serves(it, &channel, "a HANDSHAKE on the open channel")
}

/// Nothing is served after this close.
fn ends(it: &mut Conversation<'_>, options: Vec<ProtocolOption<'_>>) -> Outcome {
    it.needs_service()?;
    let last = it.first_of(2)? + 1;
    let channel = it.open()?;
    let close = Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options,
        has_end: channel.writes.dialect.handshake_options,
    });
    it.send(&channel, &[close])?;
    it.hear_all(it.patience().quiet / 2)?;
    it.note("on a closed channel: nothing is to come");
    it.request(&channel, last, last)?;
    let quiet = it.patience().quiet;
    let is_data = |located: &Located<'_>| located.message.kind() == MessageType::Data;
    // Some go on with the ID that the close told, which is channel 0.
    for heard in it.hear_all(quiet)? {
        if heard.port == channel.port && heard.read(&channel.reads).0.iter().any(is_data) {
            let to = heard.channel().unwrap_or(channel.ours);
            return Err(Stop::violation(
                "no chunks on a channel that was closed",
                format!("{} to channel {to}", describe(&heard, &channel.reads)),
                [heard.frame],
            ));
        }
    }
    Ok(())
}

fn close_ends_channel(it: &mut Conversation<'_>) -> Outcome {
    ends(it, Vec::new())
}

fn close_with_version(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    ends(it, vec![ProtocolOption::Version(1)])
}

fn close_not_answered(it: &mut Conversation<'_>) -> Outcome {
    let channel = it.open()?;
    // What was on its way already is not an answer.
    it.hear_all(it.patience().quiet)?;
    it.close(&channel)?;
    let quiet = it.patience().quiet;
    let came = it.hear_all(quiet)?;
    let answers: Vec<Heard> = came
        .into_iter()
        .filter(|heard| {
            let (messages, _) = heard.read(&channel.reads);
            let is_handshake = |kind| kind == MessageType::Handshake;
            messages.iter().any(|it| is_handshake(it.message.kind()))
        })
        .collect();
    if answers.is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        "no HANDSHAKE in answer to the closing one",
        describe_all(&answers, &channel.reads),
        answers.iter().map(|heard| heard.frame),
    ))
}
