//! What is done to datagrams that come.

use std::net::SocketAddr;

use ppspp_dissector::wire::{
    Cause, ChannelId, ChunkAddressing, ChunkRange, ChunkSpec, Handshake, Message, OptionCode,
    ProtocolOption,
};

use super::catalogue::Misbehaviour as M;
use super::rogue::{Opening, Rogue, has};
use crate::peer::engine::Moment;

/// First datagrams that are remembered.
const MOST_OPENINGS: usize = 4096;

impl Rogue {
    /// What the engine is given instead of a datagram.
    pub(super) fn incoming(
        &mut self,
        now: Moment,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let _ = now;
        let (channel, messages, fault) = self.read(datagram);
        let unknown_option = fault
            .as_ref()
            .is_some_and(|fault| matches!(fault.cause, Cause::UnknownOption(_)));
        let missing_end = messages.iter().any(|message| {
            matches!(message, Message::Handshake(it) if !it.has_end && !it.options.is_empty())
        });
        if (self.does(M::DiesOfUnknownOption) && unknown_option)
            || (self.does(M::DiesOfMissingEnd) && missing_end)
        {
            self.is_dead = true;
            return None;
        }
        if channel.is_zero() {
            self.first(source, datagram, messages)
        } else {
            self.later(source, channel, datagram, &messages)
        }
    }

    /// A datagram to channel 0.
    fn first(
        &mut self,
        source: SocketAddr,
        datagram: &[u8],
        messages: Vec<Message<'_>>,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let id = self.swarm.id.clone();
        let mut messages: Vec<Message<'_>> = messages;
        let as_it_is = Some((source, datagram.to_vec()));
        let is_handshake = |message: &Message<'_>| matches!(message, Message::Handshake(_));
        let place = messages.iter().position(is_handshake);
        let answer = |rogue: &mut Self, message: Message<'_>| {
            let bytes = rogue.datagram(ChannelId::ZERO, &[message]);
            rogue.queue.push_back((source, bytes));
        };
        match place {
            None => {
                if self.does(M::ServesOnChannelZero) && !messages.is_empty() {
                    let spec = ChunkRange::single(0);
                    let spec = ChunkSpec::of(spec, self.layout.addressing, self.swarm.chunk_size)?;
                    answer(self, Message::Have(spec));
                }
                return as_it_is;
            }
            Some(0) => {}
            Some(place) => {
                if !self.does(M::TakesLateHandshake) {
                    return as_it_is;
                }
                messages.swap(0, place);
            }
        }
        let further = messages.len() > 1;
        let asks = messages
            .iter()
            .any(|message| matches!(message, Message::Request(_)));
        let Some(Message::Handshake(handshake)) = messages.first_mut() else {
            return as_it_is;
        };
        if handshake.is_closing() {
            if self.does(M::AnswersCloseToZero) {
                let bytes = self.closing(ChannelId::ZERO);
                self.queue.push_back((source, bytes));
            }
            return as_it_is;
        }
        if self.drops(&handshake.options, further) {
            return None;
        }
        let key = (source, handshake.source_channel);
        let version = handshake.options.iter().find_map(|option| match option {
            ProtocolOption::Version(version) => Some(*version),
            _ => None,
        });
        if self.openings.len() >= MOST_OPENINGS {
            self.openings.clear();
        }
        let opening = self.openings.entry(key).or_insert(Opening {
            version,
            asks,
            times: 0,
        });
        opening.times += 1;
        let times = opening.times;
        if times > 1 && self.does(M::AnswersOnce) {
            return None;
        }
        if times > 1 && self.does(M::NewChannelForRepeat) {
            let posed = ChannelId(handshake.source_channel.0.wrapping_add(2 * times));
            self.posing
                .insert((source, posed), handshake.source_channel);
            handshake.source_channel = posed;
        }
        if times == 1 && self.does(M::OneChannelAnAddress) {
            let before = self.routes.iter().filter(|it| it.address == source);
            let closes: Vec<_> = before.map(|it| self.closing(it.ours)).collect();
            self.inject
                .extend(closes.into_iter().map(|bytes| (source, bytes)));
        }
        self.forgive(handshake, &id);
        Some((source, self.datagram(ChannelId::ZERO, &messages)))
    }

    /// Whether a first datagram is dropped.
    fn drops(&self, options: &[ProtocolOption<'_>], further: bool) -> bool {
        let is_later = options
            .iter()
            .any(|option| matches!(option, ProtocolOption::Version(version) if *version > 1));
        let with = |option: OptionCode| has(options, option.code());
        match self.what {
            Some(M::DropsChunkSize) => with(OptionCode::ChunkSize),
            Some(M::DropsSupportedMessages) => with(OptionCode::SupportedMessages),
            Some(M::DropsMinimumVersion) => with(OptionCode::MinimumVersion),
            Some(M::DropsHashFunction) => with(OptionCode::HashFunction),
            Some(M::DropsContentIntegrity) => with(OptionCode::ContentIntegrity),
            Some(M::DropsChunkAddressing) => with(OptionCode::ChunkAddressing),
            Some(M::RefusesHigherVersion) => is_later,
            Some(M::RefusesFirstPayload) => further,
            _ => false,
        }
    }

    /// Makes a HANDSHAKE fit that does not.
    fn forgive<'o>(&self, handshake: &mut Handshake<'o>, id: &'o [u8]) {
        let ours = &self.swarm;
        if self.does(M::AnswersWithoutSwarmId) && handshake.swarm_id().is_none() {
            let place = handshake
                .options
                .iter()
                .take_while(|option| option.code().code() < 2)
                .count();
            handshake.options.insert(place, ProtocolOption::SwarmId(id));
        }
        for option in &mut handshake.options {
            match option {
                ProtocolOption::SwarmId(theirs) => {
                    let is_beginning = theirs.len() < id.len() && id.starts_with(theirs);
                    if (self.does(M::ComparesSwarmIdBeginnings) && is_beginning)
                        || (self.does(M::AnswersUnknownSwarm) && theirs.len() == id.len())
                    {
                        *theirs = id;
                    }
                }
                ProtocolOption::MinimumVersion(version) if self.does(M::IgnoresMinimumVersion) => {
                    *version = 1;
                }
                ProtocolOption::ContentIntegrity(method)
                    if self.does(M::IgnoresContentIntegrity) =>
                {
                    *method = ours.integrity;
                }
                ProtocolOption::HashFunction(function) if self.does(M::IgnoresHashFunction) => {
                    *function = ours.hash_function;
                }
                ProtocolOption::ChunkAddressing(method) => {
                    let unassigned = matches!(method, ChunkAddressing::Unassigned(_));
                    if self.does(M::IgnoresAddressing)
                        || (self.does(M::IgnoresUnassignedAddressing) && unassigned)
                    {
                        *method = ours.addressing;
                    }
                }
                ProtocolOption::ChunkSize(size) if self.does(M::IgnoresChunkSize) => {
                    *size = ours.chunk_size;
                }
                _ => {}
            }
        }
    }

    /// A datagram to some channel.
    fn later(
        &mut self,
        source: SocketAddr,
        channel: ChannelId,
        datagram: &[u8],
        messages: &[Message<'_>],
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let what = self.what;
        let Some(route) = self.route(channel, source) else {
            let own = self.routes.iter().rev().find(|it| it.address == source);
            let own = own.copied()?;
            return match what {
                Some(M::TakesAnyChannel) => Some((source, self.readdressed(own.ours, datagram))),
                Some(M::WrongChannelEnds) => Some((source, self.closing(own.ours))),
                _ => None,
            };
        };
        route.came += 1;
        let route = *route;
        if route.address != source {
            match what {
                Some(M::OffPathClose) => {
                    return Some((route.address, self.closing(route.ours)));
                }
                Some(M::ServesAnySource) => {
                    self.queue
                        .push_back((source, route.theirs.0.to_be_bytes().to_vec()));
                }
                _ => {}
            }
            return Some((source, self.readdressed(route.ours, datagram)));
        }
        let handshake = messages.iter().find_map(|message| match message {
            Message::Handshake(handshake) => Some(handshake),
            _ => None,
        });
        if let Some(handshake) = handshake {
            if handshake.is_closing() {
                match what {
                    Some(M::IgnoresClose) => return None,
                    Some(M::IgnoresCloseWithVersion) if !handshake.options.is_empty() => {
                        return None;
                    }
                    Some(M::AnswersClose) => {
                        let bytes = self.closing(route.theirs);
                        self.queue.push_back((source, bytes));
                    }
                    _ => {}
                }
                self.routes.retain(|it| it.ours != route.ours);
            } else if what == Some(M::LaterHandshakeEnds) {
                return Some((source, self.closing(route.ours)));
            }
        }
        if what == Some(M::DeafToThird) && route.came == 1 {
            return Some((source, route.ours.0.to_be_bytes().to_vec()));
        }
        Some((source, self.readdressed(route.ours, datagram)))
    }

    /// The same datagram to another channel.
    #[expect(clippy::unused_self, reason = "called beside those that need it")]
    fn readdressed(&self, channel: ChannelId, datagram: &[u8]) -> Vec<u8> {
        let mut bytes = channel.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(datagram.get(4..).unwrap_or_default());
        bytes
    }
}
