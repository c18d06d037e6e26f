//! The bitmap of supported messages (RFC 7574, section 7.10).

use ppspp_dissector::wire::{ChannelId, Message, MessageType, OptionCode, ProtocolOption};

use super::{REPLY, declared, takes};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::declarations::{bitmap, bitmap_is_cut, bitmap_names};
use crate::probe::cases::support::needs_options;
use crate::probe::conversation::Conversation;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7.10/bitmap-truncated",
        title: "The bitmap of supported messages ends with its last set bit",
        requirement: "The compressed bitmap is cut behind its last byte that is not zero, and has \
                      256 bits at most.",
        awaits: REPLY,
        finds: &[M::BitmapTrailingZero],
        run: bitmap_truncated,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/bitmap-true",
        title: "What the target sends is among its supported messages",
        requirement: "Who supports a subset of the messages signals which; a peer that sends types \
                      that it denies to support signals another one.",
        awaits: &[MessageType::Data],
        finds: &[M::BitmapDeniesData],
        run: bitmap_true,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/takes-supported-messages",
        title: "A HANDSHAKE with the supported messages is answered",
        requirement: "A peer that supports a subset of the messages signals it (option 8): others \
                      have to read that.",
        awaits: REPLY,
        finds: &[M::DropsSupportedMessages],
        run: |it| takes(it, OptionCode::SupportedMessages),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/messages-behind-bitmap",
        title: "What follows the supported messages is read",
        requirement: "The bitmap has as many bytes as its length octet says; what follows it, \
                      further options and messages, begins there.",
        awaits: &[MessageType::Data],
        finds: &[M::SwallowsBehindBitmap, M::DropsSupportedMessages],
        run: messages_behind_bitmap,
        ..Case::USUAL
    },
];

fn bitmap_truncated(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    bitmap_is_cut(&declared, frame)
}

fn bitmap_true(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let (first, second) = (it.first_of(1)?, it.second_chunk()?);
    let channel = it.open()?;
    let bitmap = bitmap(&channel.declared)?;
    let delivery = it.fetch(&channel, &[first, second])?;
    let sent = delivery.pieces.iter().map(|it| (it.kind, it.frame));
    bitmap_names(bitmap, sent)
}

/// Whether a REQUEST behind the first HANDSHAKE is served once the channel is
/// open; nothing where such a datagram is not answered.
fn serves_first_request(
    it: &mut Conversation<'_>,
    options: &[ProtocolOption<'_>],
    chunk: u64,
) -> Result<Option<bool>, Stop> {
    let port = it.port()?;
    let mut channel = it.channel(port);
    let request = Message::Request(it.spec(&channel, chunk, chunk)?);
    let handshake = Conversation::handshake(&channel, options.to_vec());
    it.send_to(&channel, ChannelId::ZERO, &[handshake, request])?;
    let within = it.patience().answer;
    if it.reply(&mut channel, within)?.is_none() {
        return Ok(None);
    }
    it.send(&channel, &[])?;
    Ok(Some(it.awaited(&channel, within)?.is_some()))
}

fn messages_behind_bitmap(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    it.needs_service()?;
    let chunk = it.first_of(2)? + 1;
    let mut without = it.known().manner.clone();
    without
        .left_out
        .insert(OptionCode::SupportedMessages.code());
    without.left_out.insert(OptionCode::ChunkSize.code());
    let options = it.swarm().options(&without);
    if serves_first_request(it, &options, chunk)? != Some(true) {
        return Err(Stop::Skip(
            "the target serves no REQUEST that comes with the first HANDSHAKE".to_owned(),
        ));
    }
    let mut with = without;
    with.left_out.remove(&OptionCode::SupportedMessages.code());
    let options = it.swarm().options(&with);
    let expected =
        format!("DATA {chunk}, asked for behind a HANDSHAKE with supported messages (8)");
    match serves_first_request(it, &options, chunk)? {
        Some(true) => Ok(()),
        Some(false) => Err(Stop::silence(expected, "the REQUEST behind is not served")),
        None => Err(Stop::silence(expected, "the HANDSHAKE is not answered")),
    }
}
