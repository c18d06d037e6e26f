//! What several areas ask in the same way.

use ppspp_dissector::wire::{
    ChannelId, ChunkSpec, Layout, Message, OptionCode, ProtocolOption, decode_datagram,
};

use crate::probe::case::{Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::net::Port;
use crate::probe::swarm::Manner;

/// Chunks as short as they can be said.
pub(super) fn chunks_of(spec: ChunkSpec, chunk_size: u32) -> String {
    spec.chunks(chunk_size).to_string()
}

/// A datagram in words: `HANDSHAKE, HAVE 0-6`.
pub(super) fn describe(heard: &Heard, layout: &Layout) -> String {
    if heard.is_keep_alive() {
        return "a keep-alive".to_owned();
    }
    let size = layout.chunk_size.or_assumed();
    let (_, messages, fault) = decode_datagram(&heard.bytes, layout);
    let mut words: Vec<String> = messages
        .iter()
        .map(|located| {
            let message = &located.message;
            let kind = message.kind();
            match message {
                Message::Handshake(handshake) if handshake.is_closing() => {
                    "closing HANDSHAKE".to_owned()
                }
                _ => match message.spec() {
                    Some(spec) => format!("{kind} {}", chunks_of(spec, size)),
                    None => kind.to_string(),
                },
            }
        })
        .collect();
    if let Some(fault) = fault {
        words.push(format!("then what can't be read: {fault}"));
    }
    if words.is_empty() {
        return format!("{} bytes that can't be read", heard.bytes.len());
    }
    words.join(", ")
}

/// The first datagrams in words.
pub(super) fn describe_all(heard: &[Heard], layout: &Layout) -> String {
    let mut words: Vec<String> = heard
        .iter()
        .take(3)
        .map(|it| describe(it, layout))
        .collect();
    if heard.len() > words.len() {
        words.push(format!("and {} more datagrams", heard.len() - words.len()));
    }
    if words.is_empty() {
        return "nothing".to_owned();
    }
    words.join("; ")
}

/// Nothing at all may come at a port that has never held a channel.
pub(super) fn silent(conversation: &mut Conversation<'_>, port: Port, because: &str) -> Outcome {
    let quiet = conversation.patience().quiet;
    let layout = conversation.known().manner.reads(conversation.swarm());
    let mut all = conversation.hear_all(quiet)?;
    all.retain(|heard| heard.port == port);
    if all.is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        format!("silence: {because}"),
        describe_all(&all, &layout),
        all.iter().map(|heard| heard.frame),
    ))
}

/// Goes on only where the target's HANDSHAKEs have options.
pub(super) fn needs_options(conversation: &Conversation<'_>) -> Outcome {
    if conversation.known().manner.is_legacy {
        return Err(Stop::Skip(
            "the target speaks the legacy protocol, whose HANDSHAKEs have no options".to_owned(),
        ));
    }
    Ok(())
}

/// Goes on only where the target takes an option.
pub(super) fn needs_option(conversation: &Conversation<'_>, option: OptionCode) -> Outcome {
    needs_options(conversation)?;
    let all = conversation.swarm().options(&Manner::rfc());
    if !all.iter().any(|it| it.code() == option) {
        return Err(Stop::Skip(format!("the swarm has no {option}")));
    }
    if conversation
        .known()
        .manner
        .left_out
        .contains(&option.code())
    {
        return Err(Stop::Skip(format!(
            "the target answers no HANDSHAKE with the option {option}, so nothing can be asked of its value"
        )));
    }
    Ok(())
}

/// A first datagram whose options differ from what the target takes must not be
/// answered.
pub(super) fn refused<'a>(
    conversation: &mut Conversation<'a>,
    change: impl FnOnce(&mut Vec<ProtocolOption<'a>>),
    because: &str,
) -> Outcome {
    needs_options(conversation)?;
    let port = conversation.port()?;
    let channel = conversation.channel(port);
    let mut options = conversation.options();
    change(&mut options);
    let handshake = Conversation::handshake(&channel, options);
    conversation.note(format!("not to be answered: {because}"));
    conversation.send_to(&channel, ChannelId::ZERO, &[handshake])?;
    silent(conversation, port, because)
}

/// A first datagram with these options must be answered.
pub(super) fn answered(
    conversation: &mut Conversation<'_>,
    options: &[ProtocolOption<'_>],
    expected: &str,
) -> Result<(Channel, Heard), Stop> {
    let port = conversation.port()?;
    let mut channel = conversation.channel(port);
    // Legacy peers, too, are asked as the RFC has it.
    let manner = Manner {
        is_legacy: false,
        ..conversation.known().manner.clone()
    };
    channel.writes = manner.layout(conversation.swarm());
    channel.reads = manner.reads(conversation.swarm());
    for _ in 0..2 {
        let handshake = Conversation::handshake(&channel, options.to_vec());
        conversation.note(expected);
        conversation.send_to(&channel, ChannelId::ZERO, &[handshake])?;
        let within = conversation.patience().answer;
        if let Some(heard) = conversation.reply(&mut channel, within)? {
            return Ok((channel, heard));
        }
    }
    Err(Stop::silence(
        expected,
        format!(
            "no answer; the nearest HANDSHAKE that it answers: {}",
            conversation.known().manner.describe()
        ),
    ))
}

/// That the target opens another channel, to a port that it does not know yet, and
/// serves there; `reply` and `data` say what is awaited.
pub(super) fn serves_elsewhere(
    it: &mut Conversation<'_>,
    chunk: u64,
    reply: String,
    data: String,
) -> Outcome {
    let port = it.port()?;
    let (channel, _) = match it.shake(port) {
        Err(Stop::Inconclusive(_)) => return Err(Stop::silence(reply, "nothing")),
        result => result?,
    };
    it.send(&channel, &[])?;
    if it.serves(&channel, chunk)? {
        return Ok(());
    }
    Err(Stop::silence(data, "no DATA"))
}

/// PEX messages that name addresses of the ranges for documentation: nobody is there.
pub(super) fn nobodies() -> [Message<'static>; 2] {
    [
        Message::PexResV4 {
            address: [192, 0, 2, 99].into(),
            port: 6778,
        },
        Message::PexResV6 {
            address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 99].into(),
            port: 6778,
        },
    ]
}

/// Ports of ours that nobody but the case knows, and PEX messages that name them.
pub(super) fn decoys(
    it: &mut Conversation<'_>,
    count: u32,
) -> Result<(Vec<Port>, Vec<Message<'static>>), Stop> {
    let mut decoys = Vec::new();
    let mut messages = Vec::new();
    for _ in 0..count {
        let port = it.port()?;
        decoys.push(port);
        messages.push(Message::pex_res(it.address(port)));
    }
    Ok((decoys, messages))
}
