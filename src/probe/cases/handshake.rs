//! The handshake procedure: the reply, and what may go with the first datagrams (RFC 7574,
//! sections 3.1.1 and 8.2).

use ppspp_dissector::wire::{ChannelId, Layout, Message, MessageType};

use super::support::{answered, describe};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;
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
