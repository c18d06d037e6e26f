//! What is done to datagrams that come.

use std::net::SocketAddr;

use ppspp_dissector::wire::{
    Cause, ChannelId, ChunkAddressing, ChunkRange, Chunks, DecodeError, Handshake, Message,
    MessageType, OptionCode, ProtocolOption, SignatureAlgorithm, decode_datagram,
};

use super::catalogue::Misbehaviour as M;
use super::rogue::{Opening, Rogue, Route, has};
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
        let (channel, messages, fault) = self.read(datagram);
        let unknown_option = fault
            .as_ref()
            .is_some_and(|fault| matches!(fault.cause, Cause::UnknownOption(_)));
        let missing_end = messages.iter().any(|message| {
            matches!(message, Message::Handshake(it) if !it.has_end && !it.options.is_empty())
        });
        if (self.does(M::DiesOfUnknownOption) && unknown_option && datagram.len() < 1000)
            || (self.does(M::DiesOfMissingEnd) && missing_end)
        {
            self.is_dead = true;
            return None;
        }
        let is_reversed = |message: &Message<'_>| {
            let spec = message.spec();
            spec.is_some_and(|spec| {
                matches!(spec.chunks(self.swarm.chunk_size), Chunks::Reversed { .. })
            })
        };
        let truncated = fault.as_ref().filter(|fault| fault.is_truncation());
        let in_handshake = |fault: &&DecodeError| fault.message == Some(MessageType::Handshake);
        let long_id = |message: &Message<'_>| {
            matches!(message, Message::Handshake(it)
                if it.swarm_id().is_some_and(|id| id.len() > 100))
        };
        let beyond = |message: &Message<'_>| {
            matches!(message, Message::Request(_))
                && self
                    .range(message)
                    .is_some_and(|range| range.start() >= self.size)
        };
        let acks_nothing = |message: &Message<'_>| {
            matches!(message, Message::Ack { .. })
                && self.range(message).is_some_and(|it| it.end() >= self.size)
        };
        let old = |message: &Message<'_>| {
            let window = self.swarm.live.window;
            let is_old = |it: ChunkRange| it.end() < self.size.saturating_sub(window);
            self.swarm.is_live()
                && !channel.is_zero()
                && matches!(message, Message::Request(_))
                && self.range(message).is_some_and(is_old)
        };
        let kind = datagram.get(4).copied().unwrap_or(0);
        let dies = match self.what {
            Some(M::DiesOfShortDatagram) => datagram.len() < 4,
            Some(M::DiesOfHugeDatagram) => datagram.len() > 60_000,
            Some(M::DiesOfTruncatedMessage) => {
                datagram.len() >= 4 && truncated.is_some_and(|fault| !in_handshake(&fault))
            }
            Some(M::DiesOfTruncatedHandshake) => {
                truncated.is_some_and(|fault| in_handshake(&fault))
            }
            Some(M::DiesOfLongSwarmId) => messages.iter().any(long_id),
            Some(M::DiesOfAckOfNothing) => messages.iter().any(acks_nothing),
            Some(M::DiesOfReversedRange) => messages.iter().any(is_reversed),
            Some(M::DiesOfRequestBeyondEnd) => messages.iter().any(beyond),
            Some(M::DiesOfUnknownMessage) => kind == 254,
            Some(M::DiesOfOldRequest) => messages.iter().any(old),
            Some(M::DiesOfHighType) => (128..=237).contains(&kind),
            _ => {
                let is_followed = fault.is_some() && truncated.is_none();
                self.dies_fetching(datagram, &messages)
                    || self.dies_viewing(now, &messages, is_followed)
            }
        };
        if dies {
            self.is_dead = true;
            return None;
        }
        if channel.is_zero() {
            self.first(source, datagram, messages)
        } else {
            self.later(now, source, channel, datagram, messages)
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
                    let spec = self.spec(0, 0)?;
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
        let from_here = self
            .openings
            .keys()
            .filter(|(address, _)| *address == source);
        if self.does(M::FloodEnds) && from_here.count() > 250 {
            self.is_dead = true;
            return None;
        }
        let swallows = self.does(M::SwallowsBehindBitmap)
            && has(&handshake.options, OptionCode::SupportedMessages.code());
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
        if swallows {
            messages.truncate(1);
        }
        Some((source, self.datagram(ChannelId::ZERO, &messages)))
    }

    /// Whether a HANDSHAKE is dropped.
    pub(super) fn drops(&self, options: &[ProtocolOption<'_>], further: bool) -> bool {
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
            Some(M::DropsSignatureAlgorithm) => with(OptionCode::SignatureAlgorithm),
            Some(M::DropsDiscardWindow) => with(OptionCode::LiveDiscardWindow),
            Some(M::DropsChunkAddressing) => with(OptionCode::ChunkAddressing),
            Some(M::RefusesHigherVersion) => is_later,
            Some(M::RefusesFirstPayload) => further,
            Some(M::DropsSwarmId) => with(OptionCode::SwarmId),
            _ => false,
        }
    }

    /// Makes a HANDSHAKE fit that does not.
    pub(super) fn forgive<'o>(&self, handshake: &mut Handshake<'o>, id: &'o [u8]) {
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
                ProtocolOption::SignatureAlgorithm(algorithm)
                    if self.does(M::IgnoresSignatureAlgorithm) =>
                {
                    if let Some(code) = ours.id.first() {
                        *algorithm = SignatureAlgorithm::from_code(*code);
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
        now: Moment,
        source: SocketAddr,
        channel: ChannelId,
        datagram: &[u8],
        messages: Vec<Message<'_>>,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let what = self.what;
        let Some(route) = self.route(channel, source) else {
            let own = self.routes.iter().rev().find(|it| it.address == source);
            let own = own.copied()?;
            return match what {
                Some(M::TakesAnyChannel) => Some((source, readdressed(own.ours, datagram))),
                Some(M::WrongChannelEnds) => Some((source, self.closing(own.ours))),
                _ => None,
            };
        };
        route.came += 1;
        route.heard = now;
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
            return Some((source, readdressed(route.ours, datagram)));
        }
        let handshake = messages.iter().find_map(|message| match message {
            Message::Handshake(handshake) => Some(handshake),
            _ => None,
        });
        if let Some(handshake) = handshake {
            if handshake.is_closing() {
                match what {
                    Some(M::IgnoresClose) => return None,
                    Some(M::ServesClosedOnZero) => {
                        self.posing.insert((source, route.theirs), ChannelId::ZERO);
                        return None;
                    }
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
            } else if route.theirs.is_zero() {
                return self.answered(source, route, datagram, messages);
            } else if what == Some(M::LaterHandshakeEnds) {
                return Some((source, self.closing(route.ours)));
            }
        }
        if what == Some(M::DeafToThird) && route.came == 1 {
            return Some((source, route.ours.0.to_be_bytes().to_vec()));
        }
        self.content(now, route, source, datagram, messages)
    }

    /// A datagram on an open channel that is about content.
    fn content(
        &mut self,
        now: Moment,
        route: Route,
        source: SocketAddr,
        datagram: &[u8],
        mut messages: Vec<Message<'_>>,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let ends = Some((source, self.closing(route.ours)));
        let as_it_is = Some((source, readdressed(route.ours, datagram)));
        let (asked, is_choked) = (route.asked, route.is_choked);
        let request = messages
            .iter()
            .rev()
            .find(|message| matches!(message, Message::Request(_)))
            .and_then(|message| self.range(message));
        let chokes = messages.contains(&Message::Choke);
        let acks = messages
            .iter()
            .any(|message| matches!(message, Message::Ack { .. }));
        if acks {
            self.resend = None;
            if self.does(M::StopAndWait) {
                self.next_parked(now, route.ours);
            }
        }
        for message in &messages {
            let bogus = match message {
                Message::Data { .. } => self.does(M::BelievesAnyData),
                Message::Integrity { .. } => self.does(M::BelievesAnyHash),
                Message::SignedIntegrity { .. } => self.does(M::BelievesAnySignature),
                _ => false,
            };
            if bogus {
                self.poisoned.extend(self.range(message));
            }
        }
        if let Some(kept) = self.routes.iter_mut().find(|it| it.ours == route.ours) {
            kept.asked = request.or(kept.asked);
            kept.is_choked |= chokes;
        }
        let count = messages.len();
        self.fetching(route, source, is_choked, &mut messages);
        self.viewing(now, route, source, &mut messages);
        match self.what? {
            M::KeepAliveEnds if datagram.len() == 4 && route.came > 1 => return ends,
            M::RepeatedRequestEnds if request.is_some() && request == asked => return ends,
            M::DeafToDelay => {
                for message in &mut messages {
                    if let Message::Ack { delay, .. } = message {
                        *delay = 1000;
                    }
                }
            }
            M::RefusesOldChunks if self.swarm.is_live() => {
                let window = self.swarm.live.window;
                let oldest = self.size.saturating_sub(window / 4 * 3);
                let chunk_size = self.swarm.chunk_size;
                messages.retain(|message| match message {
                    Message::Request(spec) => {
                        let range = spec.chunks(chunk_size).range();
                        range.is_none_or(|range| range.start() >= oldest)
                    }
                    _ => true,
                });
            }
            M::ServesFuture if self.swarm.is_live() => {
                let soon = self.size..self.size + self.swarm.live.window;
                if let Some(range) = request.filter(|it| soon.contains(&it.start()))
                    && let Some(spec) = self.spec(range.start(), range.start())
                {
                    let data = vec![0x55; self.swarm.chunk_size as usize];
                    let message = Message::Data {
                        spec,
                        timestamp: Some(now.microseconds()),
                        data: &data,
                        data_length: data.len(),
                    };
                    let bytes = self.datagram(route.theirs, &[message]);
                    self.queue.push_back((source, bytes));
                }
                return as_it_is;
            }
            M::RefusesOverlongRequest => {
                let (size, chunk_size) = (self.size, self.swarm.chunk_size);
                messages.retain(|message| match message {
                    Message::Request(spec) => {
                        let range = spec.chunks(chunk_size).range();
                        range.is_none_or(|range| range.end() < size || range.start() >= size)
                    }
                    _ => true,
                });
            }
            M::CancelOfNothingEnds => {
                let cancels = |message: &Message<'_>| matches!(message, Message::Cancel(_));
                if asked.is_none() && request.is_none() && messages.iter().any(cancels) {
                    return ends;
                }
            }
            M::ChokeEndsService if is_choked || chokes => {
                messages.retain(|message| !matches!(message, Message::Request(_)));
            }
            M::IgnoresCancel => {
                messages.retain(|message| !matches!(message, Message::Cancel(_)));
            }
            M::HaveCancelsNothing => {
                let size = self.swarm.chunk_size;
                messages.retain(|message| match message {
                    Message::Have(spec) => {
                        spec.chunks(size).range().is_some_and(ChunkRange::is_single)
                    }
                    _ => true,
                });
            }
            M::ProcessesBackwards => messages.reverse(),
            M::ServesSorted => messages.sort_by_key(|message| match message {
                Message::Request(_) => self.range(message).map_or(0, ChunkRange::start),
                _ => 0,
            }),
            M::OneRequestADatagram => {
                let mut requests = 0;
                messages.retain(|message| {
                    requests += usize::from(matches!(message, Message::Request(_)));
                    !matches!(message, Message::Request(_)) || requests == 1
                });
            }
            M::ServesFirstOfRange => {
                for message in &mut messages {
                    if let Message::Request(spec) = message
                        && let Some(range) = spec.chunks(self.swarm.chunk_size).range()
                        && let Some(first) = self.spec(range.start(), range.start())
                    {
                        *spec = first;
                    }
                }
            }
            M::SkipsInvalid => {
                let rest = datagram.get(5..).unwrap_or_default();
                if count == 0 && datagram.len() > 5 {
                    let mut shifted = route.ours.0.to_be_bytes().to_vec();
                    shifted.extend_from_slice(rest);
                    let (_, found, _) = decode_datagram(&shifted, &self.layout);
                    if !found.is_empty() {
                        return Some((source, shifted));
                    }
                }
            }
            M::CannotReadPex => {
                let is_pex = |message: &Message<'_>| {
                    matches!(
                        message,
                        Message::PexResV4 { .. }
                            | Message::PexResV6 { .. }
                            | Message::PexResCert { .. }
                    )
                };
                if let Some(place) = messages.iter().position(is_pex) {
                    messages.truncate(place);
                }
            }
            M::NamesAsker | M::NamesNonsense if messages.contains(&Message::PexReq) => {
                let named = if self.does(M::NamesAsker) {
                    source
                } else {
                    SocketAddr::from(([192, 0, 2, 77], 0))
                };
                self.name(route, source, named);
                messages.retain(|message| *message != Message::PexReq);
            }
            M::FollowsAnyAddress => {
                for message in &messages {
                    if let Message::PexResV4 { address, port } = message {
                        let opening = self.datagram(
                            ChannelId::ZERO,
                            &[Message::Handshake(Handshake {
                                source_channel: ChannelId(0x0bad_c0de),
                                options: vec![ProtocolOption::Version(1)],
                                has_end: true,
                            })],
                        );
                        self.queue.push_back(((*address, *port).into(), opening));
                    }
                }
            }
            _ => {}
        }
        if messages.len() == count && !self.reorders() {
            return as_it_is;
        }
        Some((source, self.datagram(route.ours, &messages)))
    }

    /// Whether messages are changed though none goes.
    fn reorders(&self) -> bool {
        matches!(
            self.what,
            Some(M::ProcessesBackwards | M::ServesSorted | M::ServesFirstOfRange | M::DeafToDelay)
        )
    }

    /// Tells a peer of an address.
    fn name(&mut self, route: Route, source: SocketAddr, named: SocketAddr) {
        if let std::net::IpAddr::V4(address) = named.ip() {
            let answer = Message::PexResV4 {
                address,
                port: named.port(),
            };
            let bytes = self.datagram(route.theirs, &[answer]);
            self.queue.push_back((source, bytes));
        }
    }
}

/// The same datagram to another channel.
pub(super) fn readdressed(channel: ChannelId, datagram: &[u8]) -> Vec<u8> {
    let mut bytes = channel.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(datagram.get(4..).unwrap_or_default());
    bytes
}
