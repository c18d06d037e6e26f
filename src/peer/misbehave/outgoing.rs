//! What is done to datagrams that go.

use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::wire::{
    ChannelId, ContentIntegrity, Handshake, HashFunction, Message, MessageType, ProtocolOption,
    SignatureAlgorithm,
};

use super::catalogue::Misbehaviour as M;
use super::rogue::{RESEND, Resend, Rogue, Route};
use super::streaming;
use crate::peer::engine::Moment;

/// Bitmaps of supported messages: all and a zero byte, all but DATA.
const TOO_LONG: &[u8] = &[0xff, 0xfc, 0];
const WITHOUT_DATA: &[u8] = &[0xbf, 0xfc];
const WITHOUT_REQUEST: &[u8] = &[0xff, 0x7c];

impl Rogue {
    /// What goes out instead of a datagram of the engine.
    pub(super) fn outgoing(
        &mut self,
        now: Moment,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Option<Vec<u8>> {
        let (known_as, mut messages, fault) = self.read(datagram);
        if fault.is_some() {
            return Some(datagram.to_vec());
        }
        let mut channel = self
            .posing
            .get(&(destination, known_as))
            .copied()
            .unwrap_or(known_as);
        let handshake = messages.iter().position(
            |message| matches!(message, Message::Handshake(handshake) if !handshake.is_closing()),
        );
        let kinds: Vec<MessageType> = messages.iter().map(Message::kind).collect();
        let ids = [self.swarm.id.clone(), self.other_id()];
        if let Some(place) = handshake
            && let Some(Message::Handshake(reply)) = messages.get_mut(place)
        {
            self.reply(now, destination, channel, reply, &ids);
            match self.what {
                Some(M::ReplyHandshakeLast) => {
                    let reply = messages.remove(place);
                    messages.push(reply);
                }
                Some(M::NoEndOption) => messages.truncate(place + 1),
                _ => {}
            }
        }
        let is_keep_alive = messages.is_empty();
        let is_idle = |route: &Route| {
            route.theirs == channel && now.since(route.heard) > Duration::from_secs(3)
        };
        // Repeated HAVEs keep a channel alive, too.
        let is_light = kinds.iter().all(|kind| {
            use MessageType as T;
            matches!(kind, T::Have | T::Integrity | T::SignedIntegrity)
        });
        let holds_back = self.does(M::NoKeepAlives) && is_light || self.does(M::FallsSilent);
        if holds_back && self.routes.iter().any(is_idle) {
            return None;
        }
        if handshake.is_some() && channel.is_zero() {
            self.opening(&mut channel, &mut messages);
        }
        self.leeching(now, destination, channel, &mut messages);
        self.watching(destination, channel, &mut messages, handshake.is_some());
        self.availability(&mut messages, handshake.is_some());
        self.hashes(now, destination, channel, &mut messages);
        let forged = self.forge(&messages, handshake.is_some());
        streaming::insert(&mut messages, &forged);
        self.stream(destination, channel, &mut messages, handshake.is_some());
        let apart = self.apart(&mut messages, channel);
        let padded = self.padded(destination, channel, &messages);
        if let (
            Some(padded),
            Some(Message::Data {
                data, data_length, ..
            }),
        ) = (&padded, messages.last_mut())
        {
            *data = padded;
            *data_length = padded.len();
        }
        // A message that is gone must not leave a keep-alive behind.
        if messages.is_empty() && !is_keep_alive && !self.does(M::NoHaves) && apart.is_none() {
            return None;
        }
        let mut bytes = self.datagram(channel, &messages);
        self.copy_requests(destination, &messages, &bytes);
        let is_data = kinds.contains(&MessageType::Data);
        if self.does(M::GarbageOnOpenChannels) && handshake.is_none() && !is_data && !is_keep_alive
        {
            bytes.extend_from_slice(&[0xee; 3]);
        }
        if handshake.is_some() && self.does(M::ReplyTrailingGarbage) {
            bytes.extend_from_slice(&[0xee; 3]);
        }
        if handshake.is_some() && self.does(M::Amplifies) {
            for _ in 0..9 {
                self.queue.push_back((destination, bytes.clone()));
            }
        }
        if kinds.contains(&MessageType::Data) {
            self.pace(now, destination, channel, &messages, &mut bytes)?;
            if self.does(M::DataToChannelZero) {
                let copy = self.datagram(ChannelId::ZERO, &messages);
                self.queue.push_back((destination, copy));
            }
            let opening = self.openings.get(&(destination, channel));
            let is_later = opening
                .and_then(|it| it.version)
                .is_some_and(|version| version > 1);
            if self.does(M::NoTimestampForHigherVersion) && is_later {
                without_timestamp(&mut bytes, &messages);
            }
        }
        if let Some(apart) = apart {
            if !messages.is_empty() {
                self.queue.push_front((destination, bytes));
            }
            return Some(apart);
        }
        Some(bytes)
    }

    /// Breaks the rules of congestion control for a datagram with DATA; nothing
    /// where it does not go now.
    fn pace(
        &mut self,
        now: Moment,
        destination: SocketAddr,
        channel: ChannelId,
        messages: &[Message<'_>],
        bytes: &mut Vec<u8>,
    ) -> Option<()> {
        let is_it = |it: &&mut Route| (it.address, it.theirs) == (destination, channel);
        match self.what {
            Some(M::ResendsForEver) => {
                self.resend = Some(Resend {
                    next: now + RESEND,
                    destination,
                    bytes: bytes.clone(),
                    left: 100,
                });
            }
            Some(M::StopAndWait) => {
                let route = self.routes.iter_mut().find(is_it)?;
                if route.under_way.is_some() {
                    let parked = std::mem::take(bytes);
                    self.parked.push_back((destination, channel, parked));
                    return None;
                }
                route.under_way = Some(now);
            }
            Some(M::NoCongestionControl) => {
                let ours = self.routes.iter_mut().find(is_it)?.ours;
                let chunk = messages.iter().find_map(|message| match message {
                    Message::Data { spec, .. } => Some(*spec),
                    _ => None,
                })?;
                let ack = Message::Ack {
                    spec: chunk,
                    delay: 1000,
                };
                let bytes = self.datagram(ours, &[ack]);
                self.inject.push_back((destination, bytes));
            }
            _ => {}
        }
        Some(())
    }

    /// Another swarm's ID.
    fn other_id(&self) -> Vec<u8> {
        self.swarm.id.iter().map(|byte| byte ^ 0xff).collect()
    }

    /// A reply of the engine's.
    fn reply<'o>(
        &mut self,
        now: Moment,
        destination: SocketAddr,
        theirs: ChannelId,
        reply: &mut Handshake<'o>,
        [own_id, other_id]: &'o [Vec<u8>; 2],
    ) {
        let ours = reply.source_channel;
        let before = self.routes.iter().find(|it| it.ours == ours);
        let shown = match before {
            Some(route) => route.shown,
            None => self.shown(ours, theirs),
        };
        reply.source_channel = shown;
        self.add_route(Route {
            address: destination,
            theirs,
            ours,
            shown,
            came: 0,
            heard: now,
            asked: None,
            is_choked: false,
            under_way: None,
        });
        let opening = self.openings.get(&(destination, theirs));
        if self.does(M::DataBeforeThird) && opening.is_some_and(|it| it.asks) {
            self.inject
                .push_back((destination, ours.0.to_be_bytes().to_vec()));
        }
        let options = &mut reply.options;
        let without = |options: &mut Vec<ProtocolOption<'o>>, code: u8| {
            options.retain(|option| option.code().code() != code);
        };
        match self.what {
            Some(M::UnsortedOptions) => {
                let last = options.len().saturating_sub(1);
                options.swap(last.saturating_sub(1), last);
            }
            Some(M::SwarmIdFirst) => {
                options.insert(0, ProtocolOption::SwarmId(own_id));
            }
            Some(M::NoEndOption) => reply.has_end = false,
            Some(M::NoVersion) => without(options, 0),
            Some(M::NoMinimumVersion) => without(options, 1),
            Some(M::NoSwarmId) => without(options, 2),
            Some(M::NoContentIntegrity) => without(options, 3),
            Some(M::NoHashFunction) => without(options, 4),
            Some(M::NoChunkAddressing) => without(options, 6),
            Some(M::NoChunkSize) => without(options, 9),
            Some(M::NoSignatureAlgorithm) => without(options, 5),
            Some(M::NoDiscardWindow) => without(options, 7),
            Some(M::WrongSwarmIdInReply) => {
                options.insert(2, ProtocolOption::SwarmId(other_id));
            }
            _ => {}
        }
        for option in options {
            match option {
                ProtocolOption::Version(version) if self.does(M::VersionZero) => *version = 0,
                ProtocolOption::ContentIntegrity(method) if self.does(M::WrongContentIntegrity) => {
                    *method = ContentIntegrity::None;
                }
                ProtocolOption::HashFunction(function) if self.does(M::WrongHashFunction) => {
                    *function = HashFunction::Sha512;
                }
                ProtocolOption::SupportedMessages(bitmap) => match self.what {
                    Some(M::BitmapTrailingZero) => *bitmap = TOO_LONG,
                    Some(M::BitmapDeniesData) => *bitmap = WITHOUT_DATA,
                    Some(M::BitmapDeniesRequest) => *bitmap = WITHOUT_REQUEST,
                    _ => {}
                },
                ProtocolOption::ChunkSize(size) if self.does(M::WrongChunkSize) => *size += 1,
                ProtocolOption::SignatureAlgorithm(algorithm)
                    if self.does(M::WrongSignatureAlgorithm) =>
                {
                    *algorithm = SignatureAlgorithm::RsaSha256;
                }
                _ => {}
            }
        }
    }

    /// The channel ID that the other end is told.
    fn shown(&mut self, ours: ChannelId, theirs: ChannelId) -> ChannelId {
        self.counter += 1;
        match self.what {
            Some(M::EchoesChannelAsOwn) => theirs,
            Some(M::CountsChannels) => ChannelId(0x5bd1_e995 ^ self.counter),
            Some(M::SmallChannelIds) => ChannelId((ours.0 & 0xffff).max(1)),
            Some(M::OneChannelId) => ChannelId(0x6b8b_4567),
            _ => ours,
        }
    }
}

/// Takes the timestamp out of the DATA message at the end.
fn without_timestamp(bytes: &mut Vec<u8>, messages: &[Message<'_>]) {
    if let Some(Message::Data { data, .. }) = messages.last() {
        let at = bytes.len().saturating_sub(data.len() + 8);
        bytes.drain(at..at + 8);
    }
}
