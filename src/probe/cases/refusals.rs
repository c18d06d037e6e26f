//! First datagrams that get silence (RFC 7574, sections 3.1 and 3.1.1).

use ppspp_dissector::wire::{ChannelId, Handshake, Message, ProtocolOption};

use super::support::{needs_options, refused, silent};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;

pub(in crate::probe) const CASES: &[Case] = &[
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
        id: "rfc7574/3.1.1/first-datagram-cannot-close",
        title: "A closing HANDSHAKE to channel 0 gets silence",
        requirement: "A closing HANDSHAKE names no channel to answer to, and channel 0 is none that \
                      could be closed.",
        finds: &[M::AnswersCloseToZero],
        run: first_datagram_cannot_close,
        ..Case::USUAL
    },
];

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
