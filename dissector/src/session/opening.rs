//! Datagrams to channel 0: the first of a channel, and what is no first one.

use super::address::EndKey;
use super::analyzer::Analyzer;
use super::channel::{Channel, ChannelIndex, End, Side, State};
use super::evidence::weigh;
use super::foresight::Hashed;
use super::input::{Datagram, Transport};
use super::route::Outcome;
use crate::finding::{Detail, FindingId};
use crate::wire::{
    ChannelId, Chunks, Dialect, Handshake, Layout, Located, Message, MessageType, Reader, dialect,
};

impl Analyzer {
    /// Takes a datagram for channel 0; `None` when it is not PPSPP.
    pub(super) fn opening<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        reader: Reader<'a>,
        messages: &mut Vec<Located<'a>>,
    ) -> Option<Outcome> {
        let familiar = self.is_familiar(datagram);
        let known = familiar
            || self.table.is_peer(datagram.source)
            || self.table.is_peer(datagram.destination);
        let unclaimed = Outcome {
            channel_id: Some(ChannelId::ZERO),
            route: None,
            layout: Layout::RFC,
            fault: None,
            decoded: reader.position(),
        };
        let Some(&kind) = datagram.payload.get(4) else {
            if known && !datagram.is_cut() {
                self.findings
                    .raise(FindingId::ChannelZeroKeepAlive, Detail::None);
                return Some(unclaimed);
            }
            return None;
        };
        let layout = dialect_of_opening(datagram, kind);
        let mut scout = reader.clone();
        let first = match scout.next(&layout) {
            Some(Ok(located)) => located,
            Some(Err(fault)) => {
                let looks_right =
                    kind == MessageType::Handshake.code() && begins_with_options(datagram.payload);
                let accept = familiar || looks_right;
                return accept.then_some(Outcome {
                    layout,
                    fault: Some(fault),
                    ..unclaimed
                });
            }
            None => return None,
        };
        // Legacy swift names the swarm first, with the hash of everything.
        let (handshake, swarm_id, offset) = match first.message {
            Message::Handshake(handshake) => {
                let id = handshake.swarm_id();
                (handshake, id, first.offset)
            }
            Message::Integrity { spec, hash } if spec.chunks(1) == Chunks::Everything => {
                match scout.next(&layout) {
                    Some(Ok(Located {
                        message: Message::Handshake(handshake),
                        offset,
                        ..
                    })) => (handshake, Some(hash), offset),
                    _ => return self.not_a_handshake(datagram, reader, layout, familiar, messages),
                }
            }
            _ => return self.not_a_handshake(datagram, reader, layout, familiar, messages),
        };
        if !(known || is_convincing(&handshake, layout.dialect, datagram.is_cut())) {
            return None;
        }
        if handshake.is_closing() {
            return Some(self.refusal(datagram, reader, layout, messages));
        }
        let index = self.channel_for(datagram, (&handshake, offset), swarm_id, layout.dialect);
        let Some(index) = index else {
            return Some(self.unfollowed(reader, layout, ChannelId::ZERO, messages));
        };
        Some(self.decode(
            datagram,
            (ChannelId::ZERO, reader),
            (index, Side::Initiator),
            layout,
            Hashed::default(),
            messages,
        ))
    }

    /// The channel that a first HANDSHAKE opens: a new one, or the one that it
    /// opened before.
    fn channel_for(
        &mut self,
        datagram: &Datagram<'_>,
        (handshake, offset): (&Handshake<'_>, usize),
        swarm_id: Option<&[u8]>,
        dialect: &'static Dialect,
    ) -> Option<ChannelIndex> {
        let key = EndKey {
            receiver: datagram.source.into(),
            sender: datagram.destination.into(),
            id: handshake.source_channel,
        };
        if let Some(end) = self.table.end(&key) {
            let channel = &mut self.channels[end.channel.0 as usize];
            let same_swarm = self.swarms[channel.swarm.0 as usize].id.as_deref() == swarm_id;
            let fresh = channel.may_be_copy(datagram.time);
            if end.receiver == Side::Initiator && same_swarm && fresh {
                self.findings
                    .raise_at(FindingId::HandshakeRetransmitted, offset, Detail::None);
                let initiator = channel.end_mut(Side::Initiator);
                if initiator.layout.dialect != dialect {
                    initiator.layout = Layout::of_dialect(dialect);
                    channel.end_mut(Side::Responder).layout = Layout::of_dialect(dialect);
                    if dialect == &dialect::LEGACY_SWIFT {
                        self.findings
                            .raise_at(FindingId::DialectFallback, offset, Detail::None);
                    }
                }
                return Some(end.channel);
            }
            if channel.is_open() && channel.state != State::HalfOpen {
                self.findings.raise_at(
                    FindingId::ChannelIdInUse,
                    offset,
                    Detail::Channel(handshake.source_channel),
                );
            }
        }
        let swarm = self.swarm_for(swarm_id, dialect)?;
        let parallel = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .any(|index| {
                let other = &self.channels[index.0 as usize];
                other.swarm == swarm && other.is_open() && other.state != State::HalfOpen
            });
        let mut initiator = End::new(datagram.source, None);
        let mut responder = End::new(datagram.destination, None);
        initiator.layout = Layout::of_dialect(dialect);
        responder.layout = initiator.layout;
        let index = self.add_channel(Channel::new(
            swarm,
            State::HalfOpen,
            datagram.transport,
            initiator,
            responder,
        ))?;
        if parallel {
            self.findings
                .raise(FindingId::ChannelParallel, Detail::None);
        }
        if datagram.transport == Transport::TcpFramed {
            self.findings.raise(FindingId::TransportTcp, Detail::None);
        }
        Some(index)
    }

    /// A closing HANDSHAKE to channel 0: libswift refuses like that.
    fn refusal<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        reader: Reader<'a>,
        layout: Layout,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        self.findings
            .raise_at(FindingId::HandshakeCloseChannelZero, 4, Detail::None);
        let refused = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .find(|&index| {
                let channel = &self.channels[index.0 as usize];
                channel.state == State::HalfOpen
                    && channel.end(Side::Responder).address == datagram.source
            });
        let mut outcome = self.unfollowed(reader, layout, ChannelId::ZERO, messages);
        outcome.route = refused.map(|index| (index, Side::Responder));
        outcome
    }

    fn not_a_handshake<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        reader: Reader<'a>,
        layout: Layout,
        familiar: bool,
        messages: &mut Vec<Located<'a>>,
    ) -> Option<Outcome> {
        if !familiar || super::stranger::is_stun(datagram.payload) {
            return None;
        }
        self.findings
            .raise_at(FindingId::ChannelZeroMessage, 4, Detail::None);
        Some(self.unfollowed(reader, layout, ChannelId::ZERO, messages))
    }

    /// Decodes a datagram without following its channel.
    #[expect(clippy::unused_self, reason = "a method like its siblings")]
    pub(super) fn unfollowed<'a>(
        &self,
        mut reader: Reader<'a>,
        layout: Layout,
        id: ChannelId,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        let mut fault = None;
        while let Some(next) = reader.next(&layout) {
            match next {
                Ok(located) => messages.push(located),
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        Outcome {
            channel_id: Some(id),
            route: None,
            layout,
            fault,
            decoded: reader.position(),
        }
    }
}

/// The dialect that reads a datagram to channel 0 best.
fn dialect_of_opening(datagram: &Datagram<'_>, kind: u8) -> Layout {
    let legacy = Layout::of_dialect(&dialect::LEGACY_SWIFT);
    if kind == MessageType::Integrity.code() {
        return legacy;
    }
    let mut best: Option<(bool, i32, Layout)> = None;
    for dialect in dialect::DIALECTS {
        let layout = Layout::of_dialect(dialect);
        let evidence = weigh(
            datagram.payload,
            datagram.wire_length,
            &layout,
            datagram.time,
        );
        // A legacy first datagram starts with INTEGRITY; only its closing
        // HANDSHAKE, nine bytes in all, starts like ours.
        if dialect == &dialect::LEGACY_SWIFT && datagram.wire_length != 9 {
            continue;
        }
        if best
            .is_none_or(|(complete, bits, _)| (evidence.complete, evidence.bits) > (complete, bits))
        {
            best = Some((evidence.complete, evidence.bits, layout));
        }
    }
    best.map_or(Layout::RFC, |(.., layout)| layout)
}

/// Whether the bytes behind a source channel ID look like the options that
/// every handshake begins with: version 1, then minimum version or swarm ID.
fn begins_with_options(payload: &[u8]) -> bool {
    matches!(payload.get(9..12), Some([0, 1, 1 | 2]))
}

/// Whether a HANDSHAKE between strangers is one indeed, and not another
/// protocol's zeros.
fn is_convincing(handshake: &Handshake<'_>, dialect: &Dialect, cut: bool) -> bool {
    if handshake.is_closing() {
        // Without options it is nothing but zeros.
        return handshake.has_end && dialect.handshake_options;
    }
    if !dialect.handshake_options {
        return handshake.has_end;
    }
    let mut codes: Vec<u8> = handshake
        .options
        .iter()
        .map(|option| option.code().code())
        .collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    let ended = handshake.has_end || (cut && count > 1) || handshake.swarm_id().is_some();
    codes.len() == count && count > 0 && ended
}
