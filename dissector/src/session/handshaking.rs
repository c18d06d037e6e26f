//! HANDSHAKEs on channels that exist: answers, repetitions, closing ones, and
//! first ones that crossed.

use super::address::EndKey;
use super::analyzer::Analyzer;
use super::channel::{ChannelIndex, Side, State};
use super::declared::Declared;
use super::handshake_rules::{
    Role, check_agreement, check_closing, check_opening, check_swarm_metadata, recognise,
};
use super::input::{Datagram, Transport};
use super::pex_rules::is_public;
use super::table::EndRef;
use crate::finding::{Detail, FindingId};
use crate::wire::{ChannelId, ContentIntegrity, Dialect, Handshake, MessageType};

impl Analyzer {
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
            // Section 6.1 leaves the choice to who is not on the Internet.
            if declared.content_integrity == Some(ContentIntegrity::SignAll)
                && is_public(datagram.source.ip())
                && is_public(datagram.destination.ip())
            {
                raise(FindingId::HandshakeNotUnified, Detail::None);
            }
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

    /// Two first HANDSHAKEs that crossed may be used as one channel: the
    /// sender answers on its peer's channel without a HANDSHAKE, because it
    /// has sent one already. Makes them one.
    pub(super) fn cross(
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
        let swarm = found.swarm;
        let other = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .find(|&index| {
                let other = &self.channels[index.0 as usize];
                index != channel
                    && other.state == State::HalfOpen
                    && other.merged_into.is_none()
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
        let initiator_of =
            |index: ChannelIndex| self.channels[index.0 as usize].end(Side::Initiator).clone();
        let ends = [
            (channel, initiator_of(channel)),
            (other, initiator_of(other)),
        ];
        let gone_channel = &mut self.channels[gone.0 as usize];
        gone_channel.merged_into = Some(kept);
        let (datagrams, counts) = (gone_channel.datagrams, gone_channel.messages);
        let kept_channel = &mut self.channels[kept.0 as usize];
        kept_channel.datagrams += datagrams;
        kept_channel.messages.merge(&counts);
        kept_channel.state = State::Established;
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
                    EndRef {
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
}
