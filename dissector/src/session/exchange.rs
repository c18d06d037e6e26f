//! Datagrams on a channel that is known.

use super::analyzer::Analyzer;
use super::channel::{ChannelIndex, Side, State};
use super::context::Context;
use super::foresight::Hashed;
use super::input::Datagram;
use super::liveness_rules::heard;
use super::message_rules::apply;
use super::route::{Outcome, Route};
use super::verification::verify;
use crate::finding::{Detail, FindingId};
use crate::wire::{
    Cause, ChannelId, ChunkAddressing, ChunkSize, DecodeError, Layout, Located, Message,
    MessageType, Reader,
};

/// Nanoseconds after a close during which the other side may not know of it.
const CLOSING_GRACE: i64 = 1_000_000_000;

/// Nanoseconds within which an initiator answers the responder's HANDSHAKE.
const PROMPT: i64 = 2_000_000_000;

impl Analyzer {
    /// Decodes a datagram on a known channel and applies it.
    pub(super) fn exchange<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        id: ChannelId,
        reader: Reader<'a>,
        route: Route,
        hashed: Hashed<'_>,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        let Route {
            mut channel,
            mut sender,
            expected_address,
        } = route;
        if !expected_address {
            let peer = self.channels[channel.0 as usize].end(sender).address;
            self.findings
                .raise(FindingId::ChannelAddressMismatch, Detail::Address(peer));
            self.channels[channel.0 as usize].heard_at = Some((sender, datagram.source));
        } else if let Some((merged, side)) = self.cross(channel, sender, datagram) {
            (channel, sender) = (merged, side);
        }
        let first = datagram.payload.get(4).copied();
        let layout = if first == Some(MessageType::Handshake.code()) {
            self.layout_of_handshake(channel, sender, datagram)
        } else {
            self.layout_of_messages(channel, sender, datagram)
        };
        let closing = first == Some(MessageType::Handshake.code())
            && datagram.payload.get(5..9) == Some(&[0; 4]);
        let found = &mut self.channels[channel.0 as usize];
        if sender == Side::Initiator && found.state == State::Answered && !closing {
            found.state = State::Established;
            found.established_at = datagram.time;
            if let (Some(now), Some(then)) = (datagram.time, found.answered_at)
                && now.since(then) > PROMPT
            {
                let late = now.since(then) as u64 / 1_000_000;
                self.findings
                    .raise(FindingId::HandshakeThirdLate, Detail::Count(late, "ms"));
            }
        }
        if found.state == State::HalfOpen
            && sender == Side::Responder
            && expected_address
            && !datagram.is_cut()
            && first != Some(MessageType::Handshake.code())
            && !std::mem::replace(&mut found.unanswered, true)
        {
            self.findings
                .raise(FindingId::HandshakeReplyMissing, Detail::None);
        }
        if let State::Closed(by) = found.state
            && !closing
        {
            let late = match (datagram.time, found.closed_at) {
                (Some(now), Some(then)) => now.since(then) > CLOSING_GRACE,
                _ => true,
            };
            if by == sender || late {
                self.findings
                    .raise(FindingId::ChannelUsedAfterClose, Detail::Channel(id));
            }
        }
        self.decode(
            datagram,
            (id, reader),
            (channel, sender),
            layout,
            hashed,
            messages,
        )
    }

    /// Decodes the messages of a datagram whose channel is known, HANDSHAKEs
    /// included, and applies the rules to them.
    pub(super) fn decode<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        (id, mut reader): (ChannelId, Reader<'a>),
        (channel, sender): (ChannelIndex, Side),
        mut layout: Layout,
        hashed: Hashed<'_>,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        let mut fault: Option<DecodeError> = None;
        while let Some(next) = reader.next_into(&layout, |located| messages.push(located)) {
            match next {
                Ok(()) => {
                    if let Some(located) = messages.last()
                        && let Message::Handshake(handshake) = &located.message
                    {
                        let whose = (channel, sender);
                        self.on_handshake(
                            datagram,
                            whose,
                            handshake,
                            layout.dialect,
                            located.offset,
                        );
                        if self.channels[channel.0 as usize]
                            .end(sender)
                            .declared
                            .is_some()
                        {
                            layout = if reader.rest().is_empty() {
                                self.channels[channel.0 as usize].end(sender).layout
                            } else {
                                self.layout_of_messages(channel, sender, datagram)
                            };
                        }
                    }
                }
                Err(error)
                    if error.cause == Cause::UnknownSignatureLength
                        && layout.signature_length.is_none() =>
                {
                    layout = self.infer_signature((channel, sender), layout, datagram);
                }
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        if layout.addressing == ChunkAddressing::Byte64 && layout.chunk_size == ChunkSize::Unknown {
            layout.chunk_size = self.infer_chunk_size(channel, messages);
        }
        let found = &mut self.channels[channel.0 as usize];
        heard(found, sender, datagram.time, &mut self.findings);
        // Of DATA the capture may cut the chunk; any other message is lost.
        found.blind |= datagram.is_cut()
            && !matches!(messages.last(), Some(last) if matches!(last.message, Message::Data { .. }));
        let swarm = &mut self.swarms[found.swarm.0 as usize];
        let mut context = Context {
            channel: found,
            swarm,
            sender,
            layout,
            datagram,
            opening: id.is_zero(),
            hashed,
            findings: &mut self.findings,
            budget: &mut self.budget,
        };
        apply(&mut context, messages);
        if self.config.verify {
            verify(
                &mut context,
                messages,
                self.config.seed,
                &mut self.tree_budget,
                &mut self.judgement,
            );
        }
        Outcome {
            channel_id: Some(id),
            route: Some((channel, sender)),
            layout,
            fault,
            decoded: reader.position(),
        }
    }
}
