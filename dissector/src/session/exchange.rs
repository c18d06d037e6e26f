//! Datagrams on a channel that is known.

use std::sync::Arc;

use super::address::EndKey;
use super::analyzer::{Analyzer, Outcome};
use super::channel::{ChannelIndex, End, Side, State};
use super::declared::{Declared, candidates};
use super::evidence::weigh;
use super::handshake_rules::{
    Role, check_agreement, check_closing, check_opening, check_swarm_metadata, recognise,
};
use super::infer::Inference;
use super::input::{Datagram, Transport};
use super::liveness_rules::heard;
use super::message_rules::{Context, apply};
use crate::finding::{Detail, FindingId};
use crate::wire::{
    Cause, ChannelId, ChunkAddressing, ChunkSize, ChunkSpec, DecodeError, Dialect, Handshake,
    HashFunction, Layout, Located, Message, MessageType, Reader, dialect,
};

/// Nanoseconds after a close during which the other side may not know of it.
const CLOSING_GRACE: i64 = 1_000_000_000;

/// Nanoseconds within which an initiator answers the responder's HANDSHAKE.
const PROMPT: i64 = 2_000_000_000;

/// Where a datagram belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) channel: ChannelIndex,
    pub(super) sender: Side,
    /// Whether it came from the address that the channel's peer has.
    pub(super) expected_address: bool,
}

impl Analyzer {
    /// Decodes a datagram on a known channel and applies it.
    pub(super) fn exchange<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        id: ChannelId,
        reader: Reader<'a>,
        route: Route,
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
        self.decode(datagram, id, reader, (channel, sender), layout, messages)
    }

    /// Decodes the messages of a datagram whose channel is known, HANDSHAKEs
    /// included, and applies the rules to them.
    pub(super) fn decode<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        id: ChannelId,
        mut reader: Reader<'a>,
        (channel, sender): (ChannelIndex, Side),
        mut layout: Layout,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        let mut fault: Option<DecodeError> = None;
        while let Some(next) = reader.next(&layout) {
            match next {
                Ok(located) => {
                    if let Message::Handshake(handshake) = &located.message {
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
                    messages.push(located);
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
        apply(
            &mut Context {
                channel: found,
                swarm,
                sender,
                layout,
                datagram,
                opening: id.is_zero(),
                findings: &mut self.findings,
                budget: &mut self.budget,
            },
            messages,
        );
        Outcome {
            channel_id: Some(id),
            route: Some((channel, sender)),
            layout,
            fault,
            decoded: reader.position(),
        }
    }

    /// The layout for a datagram that starts with a HANDSHAKE: the sender may
    /// turn out to speak another dialect than its peer.
    fn layout_of_handshake(
        &self,
        channel: ChannelIndex,
        sender: Side,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let end = self.channels[channel.0 as usize].end(sender);
        let weigh = |layout: &Layout| {
            weigh(
                datagram.payload,
                datagram.wire_length,
                layout,
                datagram.time,
            )
        };
        let own = weigh(&end.layout);
        if own.complete && end.declared.is_some() {
            return end.layout;
        }
        // Options of its own are not what a peer's answer is presumed to have.
        let presumed = if end.declared.is_none() && end.layout.dialect.handshake_options {
            let dialect = &dialect::RFC7574;
            Layout {
                dialect,
                ..end.layout
            }
        } else {
            end.layout
        };
        let mut best = (presumed, weigh(&presumed));
        for other in dialect::DIALECTS {
            if other != presumed.dialect {
                let layout = Layout::of_dialect(other);
                let evidence = weigh(&layout);
                if (evidence.complete, evidence.bits) > (best.1.complete, best.1.bits) {
                    best = (layout, evidence);
                }
            }
        }
        best.0
    }

    /// The layout for any other datagram; judged from its bytes while no
    /// handshake has settled it.
    fn layout_of_messages(
        &mut self,
        channel: ChannelIndex,
        sender: Side,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let found = &mut self.channels[channel.0 as usize];
        let (end, peer) = found.sender_and_receiver(sender);
        let Some(inference) = &mut end.inference else {
            return end.layout;
        };
        let (payload, length) = (datagram.payload, datagram.wire_length);
        if inference.is_about_hashes_only() {
            let quick = weigh(payload, length, &inference.best(), datagram.time);
            if quick.complete && !quick.has_hashes && !quick.has_signatures {
                return end.layout;
            }
        }
        if let Some(method) = peer.sure_addressing() {
            inference.agree(method);
        }
        inference.judge(payload, length, datagram.time);
        let layout = inference.best_with(&end.layout);
        end.layout = layout;
        let hashes = inference.has_seen_hashes();
        let told = end.declared.as_deref();
        let told_hash = told.and_then(|told| told.hash_function);
        let told_hash = told_hash.is_some_and(HashFunction::is_assigned);
        self.note_inferred((channel, sender));
        let found = &mut self.channels[channel.0 as usize];
        let swarm = &mut self.swarms[found.swarm.0 as usize];
        swarm.infer(&layout, hashes);
        if hashes
            && !told_hash
            && let Some(id) = &swarm.id
        {
            self.learned
                .swarms
                .insert(Arc::clone(id), layout.hash_function);
        }
        let end = found.end_mut(sender);
        if end
            .inference
            .as_ref()
            .is_some_and(|inference| inference.is_settled())
        {
            end.inference = None;
        }
        layout
    }

    /// Raises, once each, what has been inferred beyond doubt about a sender's
    /// messages and no handshake told.
    pub(super) fn note_inferred(&mut self, (channel, sender): (ChannelIndex, Side)) {
        let end = self.channels[channel.0 as usize].end_mut(sender);
        let (addressing, reading, hashes) = match &end.inference {
            Some(inference) => (
                inference.sure_addressing().is_some(),
                inference.is_about_hashes_only(),
                inference.knows_hash_function(),
            ),
            None => (true, true, end.hashes_seen),
        };
        end.hashes_seen |= hashes;
        let declared = end.declared.as_deref();
        let layout = end.layout;
        if addressing && !end.noted_addressing {
            end.noted_addressing = true;
            let told = declared.and_then(|declared| declared.chunk_addressing);
            if !told.is_some_and(ChunkAddressing::is_assigned) && self.config.addressing.is_none() {
                let name = layout.addressing.name().unwrap_or("?");
                self.findings
                    .raise(FindingId::InferredAddressing, Detail::Word(name));
            }
        }
        if reading && !end.noted_timestamp && !layout.data_timestamp {
            end.noted_timestamp = true;
            if layout.dialect.data_timestamp {
                self.findings
                    .raise(FindingId::InferredTimestamp, Detail::None);
            }
        }
        if hashes && !end.noted_hashes {
            end.noted_hashes = true;
            let told = declared.and_then(|declared| declared.hash_function);
            if !told.is_some_and(HashFunction::is_assigned) && self.config.hash_function.is_none() {
                let name = layout.hash_function.name().unwrap_or("?");
                self.findings
                    .raise(FindingId::InferredHashFunction, Detail::Word(name));
            }
        }
    }

    /// Finds out the length of signatures from the first datagram that has one.
    fn infer_signature(
        &mut self,
        (channel, sender): (ChannelIndex, Side),
        layout: Layout,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let mut inference = Inference::of_signatures(layout);
        inference.judge(datagram.payload, datagram.wire_length, datagram.time);
        let best = inference.best();
        let end = self.channels[channel.0 as usize].end_mut(sender);
        end.layout = best;
        end.inference = (!inference.is_settled()).then(|| Box::new(inference));
        best
    }

    /// Where chunks are named by their bytes and nobody told their size, a DATA
    /// message tells it: its chunk is as long as its byte range, and starts at
    /// a multiple of that. The last chunk of the content seldom does.
    fn infer_chunk_size(&mut self, channel: ChannelIndex, messages: &[Located<'_>]) -> ChunkSize {
        let size = messages.iter().find_map(|located| match located.message {
            Message::Data {
                spec: ChunkSpec::Byte64 { start, end },
                data_length,
                ..
            } => {
                let length = end.checked_sub(start)?.checked_add(1)?;
                let whole = data_length as u64 == length && start.is_multiple_of(length);
                u32::try_from(length).ok().filter(|_| whole)
            }
            _ => None,
        });
        let Some(size) = size.map(ChunkSize::from_option) else {
            return ChunkSize::Unknown;
        };
        for end in &mut self.channels[channel.0 as usize].ends {
            if end.layout.chunk_size == ChunkSize::Unknown {
                end.layout.chunk_size = size;
            }
        }
        size
    }

    /// Two first HANDSHAKEs that crossed may be used as one channel: the
    /// sender answers on its peer's channel without a HANDSHAKE, because it
    /// has sent one already. Makes them one.
    fn cross(
        &mut self,
        channel: ChannelIndex,
        sender: Side,
        datagram: &Datagram<'_>,
    ) -> Option<(ChannelIndex, Side)> {
        let found = &self.channels[channel.0 as usize];
        if found.state != State::HalfOpen
            || sender != Side::Responder
            || datagram.payload.get(4) == Some(&MessageType::Handshake.code())
        {
            return None;
        }
        let (swarm, initiator) = (found.swarm, found.end(Side::Initiator).clone());
        let other = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .find(|&index| {
                let other = &self.channels[index.0 as usize];
                index != channel
                    && other.state == State::HalfOpen
                    && !other.merged
                    && other.swarm == swarm
                    && other.end(Side::Initiator).address == datagram.source
            })?;
        // The channel that opened first goes on.
        let (kept, gone) = if other < channel {
            (other, channel)
        } else {
            (channel, other)
        };
        let side_of = |index: ChannelIndex| {
            if index == kept {
                Side::Initiator
            } else {
                Side::Responder
            }
        };
        let own = self.channels[other.0 as usize].end(Side::Initiator).clone();
        let gone_channel = &mut self.channels[gone.0 as usize];
        gone_channel.merged = true;
        let (datagrams, counts) = (gone_channel.datagrams, gone_channel.messages);
        let kept_channel = &mut self.channels[kept.0 as usize];
        kept_channel.datagrams += datagrams;
        kept_channel.messages.merge(&counts);
        kept_channel.state = State::Established;
        let ends = [(channel, initiator), (other, own)];
        for (index, end) in ends {
            let side = side_of(index);
            if let Some(id) = end.id {
                let peer = kept_channel.end(side.other()).address;
                self.table.add_end(
                    EndKey {
                        receiver: end.address.into(),
                        sender: peer.into(),
                        id,
                    },
                    super::table::EndRef {
                        channel: kept,
                        receiver: side,
                    },
                );
            }
            *kept_channel.end_mut(side) = end;
        }
        self.findings
            .raise(FindingId::ChannelSimultaneous, Detail::None);
        Some((kept, side_of(other)))
    }

    /// Applies a HANDSHAKE on a channel that exists, at `offset` in its
    /// datagram. Its first one, of the initiator, comes here too.
    pub(super) fn on_handshake(
        &mut self,
        datagram: &Datagram<'_>,
        (index, sender): (ChannelIndex, Side),
        handshake: &Handshake<'_>,
        dialect: &'static Dialect,
        offset: usize,
    ) {
        if handshake.is_closing() {
            self.on_closing(datagram, (index, sender), handshake, offset);
            return;
        }
        let declared = Declared::of(handshake);
        let cut = datagram.is_cut() && !handshake.has_end;
        let to_zero = datagram.payload.get(..4) == Some(&[0; 4]);
        let channel = &mut self.channels[index.0 as usize];
        let known = channel.end(sender).id;
        // Copies of the first datagram were told from others before.
        if let Some(before) = channel.end(sender).declared.as_deref()
            && !to_zero
        {
            let same = *before == declared;
            let (id, detail) = if known == Some(handshake.source_channel) {
                if same && sender == Side::Responder && channel.may_be_copy(datagram.time) {
                    (FindingId::HandshakeRetransmitted, Detail::None)
                } else {
                    (FindingId::HandshakeRepeated, Detail::None)
                }
            } else if sender == Side::Responder {
                let detail = Detail::Channel(handshake.source_channel);
                (FindingId::HandshakeReplyDiffers, detail)
            } else {
                let detail = Detail::Channel(handshake.source_channel);
                (FindingId::HandshakeRepeated, detail)
            };
            self.findings.raise_at(id, offset, detail);
        }
        if known != Some(handshake.source_channel) {
            let receiver = channel.end(sender.other()).address;
            channel.end_mut(sender).id = Some(handshake.source_channel);
            let key = EndKey {
                receiver: datagram.source.into(),
                sender: receiver.into(),
                id: handshake.source_channel,
            };
            self.add_end(key, index, sender);
            self.check_id(datagram, (index, sender), handshake.source_channel, offset);
        }
        let channel = &mut self.channels[index.0 as usize];
        if sender == Side::Responder {
            if channel.state == State::HalfOpen {
                channel.state = State::Answered;
            }
            channel.answered_at = datagram.time;
        }
        channel.end_mut(sender).supported = declared.supported_messages.unwrap_or(u32::MAX);
        if dialect.handshake_options {
            let role = if to_zero {
                Role::Initiator
            } else {
                Role::Responder
            };
            let mut raise = |id, detail| self.findings.raise_at(id, offset, detail);
            check_opening(handshake, &declared, role, cut, &mut raise);
            if sender == Side::Responder
                && let Some(initiator) = &channel.end(Side::Initiator).declared
            {
                check_agreement(initiator, &declared, &mut raise);
            }
        }
        if !cut {
            if to_zero && channel.end(sender).declared.is_none() && dialect.handshake_options {
                let swarm = &self.swarms[channel.swarm.0 as usize];
                check_swarm_metadata(swarm, &declared, &mut |detail| {
                    let id = FindingId::HandshakeSwarmMetadata;
                    self.findings.raise_at(id, offset, detail);
                });
            }
            recognise(handshake, &declared, dialect, &mut |id, detail| {
                self.findings.raise_at(id, offset, detail);
            });
        }
        self.name_swarm(index, &declared, dialect);
        let channel = &mut self.channels[index.0 as usize];
        self.swarms[channel.swarm.0 as usize].learn(&declared, dialect);
        channel.end_mut(sender).declared = Some(Box::new(declared));
        self.settle(index, sender, dialect);
        // The other side's layout may depend on what this one declared.
        let other = self.channels[index.0 as usize].end(sender.other());
        if other.declared.is_some() && other.layout.dialect.handshake_options {
            let dialect = other.layout.dialect;
            self.settle(index, sender.other(), dialect);
        } else if other.declared.is_none() {
            self.settle(index, sender.other(), dialect);
        }
    }

    /// Sets an end's layout from what both sides declared.
    fn settle(&mut self, index: ChannelIndex, side: Side, dialect: &'static Dialect) {
        let channel = &self.channels[index.0 as usize];
        let swarm = &self.swarms[channel.swarm.0 as usize];
        let own = channel.end(side).declared.as_deref();
        let peer = channel.end(side.other()).declared.as_deref();
        let nothing = Declared::default();
        let peer_options = peer.unwrap_or(&nothing);
        let sender = own.unwrap_or(&nothing).or(peer_options);
        let hash_function = swarm.hash_function.map(|known| known.value);
        let layouts = candidates(
            &sender,
            peer_options,
            swarm.id.as_deref(),
            dialect,
            hash_function,
            &self.config,
        );
        let end = self.channels[index.0 as usize].end_mut(side);
        if end.inference.is_some() && end.declared.is_some() && own_is_unchanged(end, &layouts) {
            return;
        }
        if let Some(&layout) = layouts.first() {
            end.layout = layout;
        }
        end.inference = Inference::among(layouts).map(Box::new);
    }

    /// Gives the channel its swarm when a later HANDSHAKE names it.
    fn name_swarm(&mut self, index: ChannelIndex, declared: &Declared, dialect: &'static Dialect) {
        let Some(id) = declared.swarm_id.as_deref() else {
            return;
        };
        let old = self.channels[index.0 as usize].swarm;
        if self.swarms[old.0 as usize].id.is_some() {
            return;
        }
        if let Some(named) = self.swarm_for(Some(id), dialect) {
            let channel = &mut self.channels[index.0 as usize];
            channel.swarm = named;
            let addresses = [channel.ends[0].address, channel.ends[1].address];
            for address in addresses {
                self.swarms[named.0 as usize].add_peer(address);
            }
        }
    }

    fn on_closing(
        &mut self,
        datagram: &Datagram<'_>,
        (index, sender): (ChannelIndex, Side),
        handshake: &Handshake<'_>,
        offset: usize,
    ) {
        let channel = &mut self.channels[index.0 as usize];
        if channel.end(sender).layout.dialect.handshake_options {
            let cut = datagram.is_cut() && !handshake.has_end;
            check_closing(handshake, cut, &mut |id, detail| {
                self.findings.raise_at(id, offset, detail);
            });
        }
        if !channel.is_open() {
            return;
        }
        channel.state = State::Closed(sender);
        channel.closed_at = datagram.time;
        if channel.transport == Transport::Udp && channel.is_complete() {
            for end in &channel.ends {
                let Some(tracking) = &end.tracking else {
                    continue;
                };
                let missing = tracking.received.count_missing_from(&tracking.announced);
                if missing > 0 {
                    self.findings
                        .raise(FindingId::AckMissing, Detail::Count(missing, "chunks"));
                }
            }
        }
        // What was said is of no use any more; what comes now is judged alone.
        channel.blind = true;
        for end in &mut channel.ends {
            end.inference = None;
            if let Some(mut tracking) = end.tracking.take() {
                tracking.clear(&mut self.budget);
            }
        }
    }

    /// Rules on the choice of channel IDs (RFC 7574, sections 3.11 and 12.1).
    fn check_id(
        &mut self,
        datagram: &Datagram<'_>,
        (index, side): (ChannelIndex, Side),
        id: ChannelId,
        offset: usize,
    ) {
        if id.0 < 1 << 16 {
            self.findings
                .raise_at(FindingId::ChannelIdSmall, offset, Detail::Channel(id));
        }
        if let Some(before) = self.table.note_id(datagram.source, id)
            && before != id
            && before.0 ^ id.0 < 16
        {
            self.findings.raise_at(
                FindingId::ChannelIdNotRandom,
                offset,
                Detail::Channel(before),
            );
        }
        if self.channels[index.0 as usize].end(side.other()).id == Some(id) {
            self.findings
                .raise_at(FindingId::ChannelIdsEqual, offset, Detail::Channel(id));
        }
    }
}

/// Whether an inference under way would only start over.
fn own_is_unchanged(end: &End, layouts: &[Layout]) -> bool {
    layouts.len() > 1 && layouts.contains(&end.layout)
}
