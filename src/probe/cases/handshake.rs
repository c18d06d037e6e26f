//! The handshake procedure (RFC 7574, sections 3.1, 3.1.1 and 8.4).

use ppspp_dissector::wire::{
    ChannelId, Handshake, Layout, Located, Message, MessageType, ProtocolOption, encode_message,
};

use super::support::{answered, describe, describe_all, needs_options, refused, silent};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::swarm::{Manner, handshake_of};

const REPLY: &[MessageType] = &[MessageType::Handshake];
const CHUNK: &[MessageType] = &[MessageType::Data];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.1.1/answers-rfc-handshake",
        title: "A HANDSHAKE with every option of the RFC is answered",
        requirement: "Whoever is in the swarm and interested answers a HANDSHAKE that holds the \
                      swarm's metadata and the initiator's capabilities, encoded as the options of \
                      section 7, with a HANDSHAKE.",
        awaits: REPLY,
        finds: &[
            M::DropsChunkSize,
            M::DropsSupportedMessages,
            M::DropsMinimumVersion,
            M::DropsHashFunction,
            M::DropsContentIntegrity,
            M::DropsChunkAddressing,
            M::DropsSignatureAlgorithm,
            M::DropsDiscardWindow,
        ],
        run: answers_rfc_handshake,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/reply-begins-with-handshake",
        title: "The reply begins with a HANDSHAKE",
        requirement: "The datagram that answers a HANDSHAKE starts with a HANDSHAKE; it is always \
                      the first message of its datagram.",
        awaits: REPLY,
        finds: &[M::ReplyHandshakeLast],
        run: reply_begins_with_handshake,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/reply-echoes-channel",
        title: "The reply goes to the channel that the HANDSHAKE named",
        requirement: "The reply is prefixed with the channel ID that the initiator chose: that \
                      shows that it was read by whom it was sent to.",
        awaits: REPLY,
        run: reply_echoes_channel,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/reply-decodes",
        title: "Every byte of the reply is of some message",
        requirement: "A datagram is a sequence of messages of the types of Table 7, each with the \
                      layout that the options settle.",
        awaits: REPLY,
        finds: &[M::ReplyTrailingGarbage],
        run: reply_decodes,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/no-heavy-payload-before-third",
        title: "No chunk is sent before the third datagram",
        requirement: "The reply and whatever follows it hold no heavy payload (DATA, \
                      SIGNED_INTEGRITY) until a datagram on the responder's channel has shown that \
                      the initiator gets what it is sent.",
        finds: &[M::DataBeforeThird, M::SignatureBeforeThird],
        run: no_heavy_payload_before_third,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/unknown-swarm",
        title: "A HANDSHAKE for an unknown swarm gets silence",
        requirement: "Peers that are not in the same swarm send nothing back: the sender's address \
                      may be forged.",
        finds: &[M::AnswersUnknownSwarm],
        run: unknown_swarm,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/no-swarm-id",
        title: "A first HANDSHAKE without swarm ID gets silence",
        requirement: "The initiator must include the swarm ID; where a check fails, nothing is \
                      sent back.",
        finds: &[M::AnswersWithoutSwarmId],
        run: no_swarm_id,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/no-handshake",
        title: "A datagram to channel 0 without HANDSHAKE gets silence",
        requirement: "The first datagram of a peer starts with a HANDSHAKE; anything else to \
                      channel 0 belongs to nobody and is not answered.",
        finds: &[M::ServesOnChannelZero],
        run: no_handshake,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1/handshake-not-first",
        title: "A HANDSHAKE behind another message opens nothing",
        requirement: "A HANDSHAKE is always the first message in a datagram: one that comes later \
                      is invalid, and invalid messages are discarded with all that follows.",
        finds: &[M::TakesLateHandshake],
        run: handshake_not_first,
        ..Case::USUAL
    },
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
        id: "rfc7574/3.1.1/haves-in-first-datagram",
        title: "HAVEs behind the first HANDSHAKE are taken",
        requirement: "The first datagram may hold a little more than the HANDSHAKE, such as HAVEs \
                      that tell the initiator's progress.",
        level: Level::May,
        awaits: REPLY,
        finds: &[M::RefusesFirstPayload],
        run: haves_in_first_datagram,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/request-in-third-datagram",
        title: "The third datagram may ask for chunks",
        requirement: "Once the reply has come the initiator may send REQUESTs and all else; with \
                      that datagram the handshake is complete, and chunks may flow.",
        level: Level::May,
        awaits: CHUNK,
        finds: &[M::DeafToThird],
        run: request_in_third_datagram,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.1.1/repeated-first-datagram",
        title: "A first datagram that is sent again is answered again",
        requirement: "An initiator that gets no reply may resend its first datagram; where the \
                      reply was lost, only another reply helps.",
        level: Level::May,
        awaits: REPLY,
        finds: &[M::AnswersOnce],
        run: repeated_first_datagram,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.2/repeated-handshake-is-duplicate",
        title: "A repeated HANDSHAKE does not open another channel",
        requirement: "All messages are idempotent or recognizable as duplicates: a HANDSHAKE that \
                      is resent is one whose connection attempt is recorded already.",
        awaits: REPLY,
        finds: &[M::NewChannelForRepeat],
        run: repeated_handshake_is_duplicate,
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
    Case {
        id: "rfc7574/3.1.1/first-datagram-cannot-close",
        title: "A closing HANDSHAKE to channel 0 gets silence",
        requirement: "A closing HANDSHAKE names no channel to answer to, and channel 0 is none that \
                      could be closed.",
        finds: &[M::AnswersCloseToZero],
        run: first_datagram_cannot_close,
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
];

fn answers_rfc_handshake(it: &mut Conversation<'_>) -> Outcome {
    let options = it.swarm().options(&Manner::rfc());
    answered(it, &options, "a HANDSHAKE in reply to one with all options").map(|_| ())
}

fn reply_begins_with_handshake(it: &mut Conversation<'_>) -> Outcome {
    let port = it.first_port()?;
    let (channel, reply) = it.shake(port)?;
    let (messages, _) = reply.read(&channel.reads);
    if messages
        .first()
        .is_some_and(|first| handshake_of(&first.message).is_some())
    {
        return Ok(());
    }
    Err(Stop::violation(
        "a HANDSHAKE as the first message",
        describe(&reply, &channel.reads),
        [reply.frame],
    ))
}

fn reply_echoes_channel(it: &mut Conversation<'_>) -> Outcome {
    let port = it.port()?;
    let channel = it.channel(port);
    it.begin(&channel, &[])?;
    let answer = it.patience().answer;
    let until = it.now() + answer;
    while let Some(heard) = it.hear(until)? {
        if heard.port != port {
            continue;
        }
        if heard.channel() == Some(channel.ours) {
            return Ok(());
        }
        return Err(Stop::violation(
            format!("a datagram to channel {}", channel.ours),
            format!(
                "{} to channel {}",
                describe(&heard, &channel.reads),
                heard.channel().unwrap_or(ChannelId::ZERO)
            ),
            [heard.frame],
        ));
    }
    Err(Stop::silence("a reply", "nothing"))
}

fn reply_decodes(it: &mut Conversation<'_>) -> Outcome {
    let port = it.first_port()?;
    let (channel, reply) = it.shake(port)?;
    // Options that the RFC does not know can't be read by who knows the RFC.
    let layout = Layout {
        dialect: channel.writes.dialect,
        ..channel.reads
    };
    match reply.read(&layout).1 {
        None => Ok(()),
        Some(fault) => Err(Stop::violation(
            "messages of Table 7 up to the end of the datagram",
            fault.to_string(),
            [reply.frame],
        )),
    }
}

fn no_heavy_payload_before_third(it: &mut Conversation<'_>) -> Outcome {
    let first = it.first_of(1)?;
    let port = it.port()?;
    let mut channel = it.channel(port);
    let spec = it.spec(&channel, first, first)?;
    it.note("asks for a chunk at once: it must not come before the third datagram");
    it.begin(&channel, &[Message::Request(spec)])?;
    let within = it.patience().answer;
    let Some(reply) = it.reply(&mut channel, within)? else {
        return Err(Stop::Inconclusive(
            "a first datagram with a REQUEST is not answered".to_owned(),
        ));
    };
    let mut all = vec![reply];
    let quiet = it.patience().quiet;
    all.extend(it.hear_all(quiet)?);
    all.retain(|heard| heard.port == port);
    let heavy = all.iter().find(|heard| {
        let (messages, _) = heard.read(&channel.reads);
        messages.iter().any(|located| {
            matches!(
                located.message.kind(),
                MessageType::Data | MessageType::SignedIntegrity
            )
        })
    });
    match heavy {
        None => Ok(()),
        Some(heard) => Err(Stop::violation(
            "no DATA and no SIGNED_INTEGRITY before a datagram of ours to its channel",
            describe(heard, &channel.reads),
            [heard.frame],
        )),
    }
}

fn unknown_swarm(it: &mut Conversation<'_>) -> Outcome {
    let mut other = it.swarm().id.clone();
    if let Some(byte) = other.last_mut() {
        *byte ^= 0x5a;
    }
    if it.known().manner.is_legacy {
        return Err(Stop::Skip(
            "the target speaks the legacy protocol".to_owned(),
        ));
    }
    let port = it.port()?;
    let channel = it.channel(port);
    let mut options = it.options();
    for option in &mut options {
        if let ProtocolOption::SwarmId(id) = option {
            *id = &other;
        }
    }
    let handshake = Conversation::handshake(&channel, options);
    it.send_to(&channel, ChannelId::ZERO, &[handshake])?;
    silent(it, port, "the swarm ID is another one")
}

fn no_swarm_id(it: &mut Conversation<'_>) -> Outcome {
    refused(
        it,
        |options| options.retain(|option| !matches!(option, ProtocolOption::SwarmId(_))),
        "the HANDSHAKE names no swarm",
    )
}

fn no_handshake(it: &mut Conversation<'_>) -> Outcome {
    let port = it.port()?;
    let channel = it.channel(port);
    let spec = it.spec(&channel, 0, 0)?;
    it.send_to(&channel, ChannelId::ZERO, &[Message::Request(spec)])?;
    silent(it, port, "a REQUEST on channel 0 belongs to no channel")
}

fn handshake_not_first(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    let port = it.port()?;
    let channel = it.channel(port);
    let spec = it.spec(&channel, 0, 0)?;
    let handshake = Conversation::handshake(&channel, it.options());
    it.send_to(&channel, ChannelId::ZERO, &[Message::Have(spec), handshake])?;
    silent(it, port, "the HANDSHAKE is not the first message")
}

fn wrong_channel_discarded(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let last = it.first_of(2)? + 1;
    let channel = it.open()?;
    let wrong = ChannelId(channel.destination().0 ^ 0x0101_0101);
    let spec = it.spec(&channel, last, last)?;
    it.note("the channel is wrong: to be discarded");
    it.send_to(&channel, wrong, &[Message::Request(spec)])?;
    let layout = channel.writes;
    let closing = crate::probe::conversation::closing(&layout);
    it.note("the channel is wrong: to be discarded");
    it.send_to(&channel, wrong, &[closing])?;
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
    it.send(
        &foreign,
        &[crate::probe::conversation::closing(&channel.writes)],
    )?;
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

fn haves_in_first_datagram(it: &mut Conversation<'_>) -> Outcome {
    let port = it.port()?;
    let mut channel = it.channel(port);
    let spec = it.spec(&channel, 0, 0)?;
    for _ in 0..2 {
        it.begin(&channel, &[Message::Have(spec)])?;
        let within = it.patience().answer;
        if it.reply(&mut channel, within)?.is_some() {
            return Ok(());
        }
    }
    Err(Stop::silence(
        "a HANDSHAKE in reply to HANDSHAKE and HAVE 0",
        "nothing",
    ))
}

fn request_in_third_datagram(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.second_chunk()?;
    let port = it.port()?;
    let (channel, _) = it.shake(port)?;
    it.note("the third datagram, with a REQUEST");
    it.request(&channel, chunk, chunk)?;
    let within = it.patience().answer;
    if it.awaited(&channel, within)?.is_some() {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {chunk}, asked for in the third datagram"),
        "no DATA",
    ))
}

/// Sends a first datagram twice; the channels that the replies named.
fn reply_twice(it: &mut Conversation<'_>) -> Result<(Vec<ChannelId>, Vec<usize>), Stop> {
    let port = it.port()?;
    let mut channel = it.channel(port);
    let (mut channels, mut frames) = (Vec::new(), Vec::new());
    for round in 0..2 {
        it.note(if round == 0 {
            "the first datagram"
        } else {
            "the same again, as if the reply was lost"
        });
        it.begin(&channel, &[])?;
        let within = it.patience().answer;
        let Some(reply) = it.reply(&mut channel, within)? else {
            if round == 0 {
                return Err(Stop::Inconclusive(
                    "the first one is not answered".to_owned(),
                ));
            }
            break;
        };
        channels.extend(channel.theirs);
        frames.push(reply.frame);
    }
    Ok((channels, frames))
}

fn repeated_first_datagram(it: &mut Conversation<'_>) -> Outcome {
    let (channels, _) = reply_twice(it)?;
    if channels.len() == 2 {
        return Ok(());
    }
    Err(Stop::silence(
        "another reply to the repeated first datagram",
        "nothing",
    ))
}

fn repeated_handshake_is_duplicate(it: &mut Conversation<'_>) -> Outcome {
    let (channels, frames) = reply_twice(it)?;
    match channels[..] {
        [first, second] if first != second => Err(Stop::violation(
            format!("the channel {first} again"),
            format!("another channel, {second}"),
            frames,
        )),
        _ => Ok(()),
    }
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

fn first_datagram_cannot_close(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    let port = it.port()?;
    let channel = it.channel(port);
    let close = Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options: it.options(),
        has_end: true,
    });
    it.send_to(&channel, ChannelId::ZERO, &[close])?;
    silent(
        it,
        port,
        "a closing HANDSHAKE to channel 0 opens and closes nothing",
    )
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
