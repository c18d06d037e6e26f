//! What is done wrong by who fetches: its first datagram, REQUESTs, ACKs and
//! HAVEs on their way out; replies, HAVEs and chunks on their way in.

use std::net::SocketAddr;

use ppspp_dissector::wire::{ChannelId, ChunkRange, ChunkSpec, Message, OptionCode};

use super::catalogue::Misbehaviour as M;
use super::rogue::{RESEND, Resend, Rogue, Route, has};
use crate::peer::engine::Moment;

/// The delay of who does not measure it, in microseconds.
const DELAY: u64 = 1000;

/// How often REQUESTs are repeated by who asks in a loop.
const LOOP: usize = 60;

/// Chunks that who never asks again waits for at once, as libperegrine does.
const AT_A_TIME: usize = 4;

/// More chunks than anybody has.
const HUGE: u64 = 1 << 30;

impl Rogue {
    /// Acknowledges chunks of its own accord.
    pub(super) fn acknowledge(&mut self, to: SocketAddr, route: Route, spec: ChunkSpec) {
        let ack = Message::Ack { spec, delay: DELAY };
        let bytes = self.datagram(route.theirs, &[ack]);
        self.queue.push_back((to, bytes));
    }

    /// Spoils the first datagram.
    pub(super) fn opening(&self, channel: &mut ChannelId, messages: &mut Vec<Message<'_>>) {
        let Some(spec) = self.spec(0, 0) else {
            return;
        };
        match self.what {
            Some(M::OpensOnAnyChannel) => *channel = ChannelId(0x0bad_cafe),
            Some(M::OpensWithHave) => messages.insert(0, Message::Have(spec)),
            Some(M::OpensWithData) => messages.push(Message::Data {
                spec,
                timestamp: Some(0),
                data: b"unasked",
                data_length: 7,
            }),
            _ => {}
        }
    }

    /// Spoils what is asked for, acknowledged and announced.
    pub(super) fn leeching(
        &mut self,
        now: Moment,
        destination: SocketAddr,
        channel: ChannelId,
        messages: &mut Vec<Message<'_>>,
    ) {
        let is_request = |message: &Message<'_>| matches!(message, Message::Request(_));
        let asks = messages.iter().any(is_request);
        let last = self.announced.saturating_sub(1);
        match self.what {
            Some(M::LeavesWithoutClose) => messages.retain(|message| !closes(message)),
            Some(M::KeepsAskingLiars)
                if messages.iter().any(closes) && !self.wanted.is_subset(&self.fetched) =>
            {
                messages.clear();
                let lacks = self.wanted.difference(&self.fetched).next().copied();
                if let Some(spec) = lacks.and_then(|chunk| self.spec(chunk, chunk)) {
                    messages.push(Message::Request(spec));
                    self.resend = Some(Resend {
                        next: now + RESEND,
                        destination,
                        bytes: self.datagram(channel, messages),
                        left: 100,
                    });
                }
            }
            Some(M::AsksBeyondHaves) if asks => {
                messages.extend(self.spec(last + 1, last + 1).map(Message::Request));
            }
            Some(M::AsksTwice) if asks => {
                let again = self.fetched_last.and_then(|chunk| self.spec(chunk, chunk));
                messages.extend(again.map(Message::Request));
            }
            Some(M::NeverAsksAgain) => self.ask_once(messages),
            Some(M::NeverAsksLast) => self.spare_last(messages, last),
            Some(M::NoAcks) => {
                messages.retain(|message| !matches!(message, Message::Ack { .. }));
            }
            Some(M::SingleAcks) => self.split_acks(messages),
            Some(M::HavesToSeeder) => {
                let named: Vec<_> = messages.iter().filter_map(acked).collect();
                messages.extend(named.into_iter().map(Message::Have));
            }
            _ => {}
        }
        for message in &mut *messages {
            let range = self.range(message);
            if let (Message::Ack { delay, .. }, Some(range)) = (&mut *message, range) {
                self.fetched_last = Some(range.end());
                if range.count() < HUGE {
                    self.fetched.extend(range.start()..=range.end());
                }
                if self.does(M::ConstantDelay) {
                    *delay = DELAY;
                }
            } else if let (Message::Request(_), Some(range)) = (message, range)
                && range.count() < HUGE
            {
                self.wanted.extend(range.start()..=range.end());
            }
        }
    }

    /// Acknowledges each chunk of an interval by itself that was not before.
    fn split_acks(&self, messages: &mut Vec<Message<'_>>) {
        let mut split = Vec::new();
        for message in messages.drain(..) {
            let range = self.range(&message);
            let (Message::Ack { delay, .. }, Some(range)) = (&message, range) else {
                split.push(message);
                continue;
            };
            let chunks = range.start()..=range.end();
            let new: Vec<u64> = chunks.filter(|it| !self.fetched.contains(it)).collect();
            let of = |chunk: &u64| self.spec(*chunk, *chunk);
            let ack = |spec| Message::Ack {
                spec,
                delay: *delay,
            };
            split.extend(new.iter().filter_map(of).map(ack));
        }
        *messages = split;
    }

    /// Asks for nothing twice, and for more only when what was asked for has come.
    fn ask_once(&self, messages: &mut Vec<Message<'_>>) {
        let under_way = self.wanted.difference(&self.fetched).count();
        let mut left = AT_A_TIME.saturating_sub(under_way);
        messages.retain_mut(|message| {
            let range = self.range(message);
            let (Message::Request(spec), Some(range)) = (message, range) else {
                return true;
            };
            let is_new = |chunk: &u64| !self.wanted.contains(chunk);
            let Some(first) = (range.start()..=range.end()).find(is_new) else {
                return false;
            };
            let new = (first..=range.end()).take(left).take_while(is_new);
            let Some(last) = new.last() else {
                return false;
            };
            // Bins can't name all ranges.
            let (named, count) = match self.spec(first, last) {
                Some(named) => (Some(named), last - first + 1),
                None => (self.spec(first, first), 1),
            };
            left -= count as usize;
            *spec = named.unwrap_or(*spec);
            true
        });
    }

    /// Takes the last chunk out of REQUESTs.
    fn spare_last(&self, messages: &mut Vec<Message<'_>>, last: u64) {
        let is_last = |message: &Message<'_>| {
            matches!(message, Message::Request(_))
                && self.range(message).is_some_and(|it| it.start() == last)
        };
        messages.retain(|message| !is_last(message));
        for message in messages {
            let range = self.range(message);
            if let (Message::Request(spec), Some(range)) = (message, range)
                && range.end() == last
            {
                *spec = self.spec(range.start(), last - 1).unwrap_or(*spec);
            }
        }
    }

    /// Sends REQUESTs elsewhere or more often, too.
    pub(super) fn copy_requests(
        &mut self,
        destination: SocketAddr,
        messages: &[Message<'_>],
        bytes: &[u8],
    ) {
        if !messages.iter().any(|it| matches!(it, Message::Request(_))) {
            return;
        }
        match self.what {
            Some(M::CopiesToChannelZero) => {
                let copy = self.datagram(ChannelId::ZERO, messages);
                self.queue.push_back((destination, copy));
            }
            Some(M::AsksInLoop) => {
                let copies = std::iter::repeat_n((destination, bytes.to_vec()), LOOP);
                self.queue.extend(copies);
            }
            _ => {}
        }
    }

    /// A reply to a HANDSHAKE of ours.
    pub(super) fn answered(
        &mut self,
        source: SocketAddr,
        route: Route,
        datagram: &[u8],
        messages: Vec<Message<'_>>,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let id = self.swarm.id.clone();
        let mut messages: Vec<Message<'_>> = messages;
        let mut swallows = self.does(M::SwallowsBehindBitmap);
        for message in &mut messages {
            let Message::Handshake(handshake) = message else {
                continue;
            };
            if self.drops(&handshake.options, false) {
                return None;
            }
            swallows &= has(&handshake.options, OptionCode::SupportedMessages.code());
            self.note_window(handshake);
            self.forgive(handshake, &id);
            let kept = self.routes.iter_mut().find(|it| it.ours == route.ours);
            if let Some(kept) = kept {
                kept.theirs = handshake.source_channel;
            }
        }
        if swallows {
            messages.truncate(1);
        }
        self.note_haves(&messages);
        let (_, _, fault) = self.read(datagram);
        if fault.is_some() {
            return Some((source, super::incoming::readdressed(route.ours, datagram)));
        }
        Some((source, self.datagram(route.ours, &messages)))
    }

    fn note_haves(&mut self, messages: &[Message<'_>]) {
        let haves = messages.iter().filter(|it| matches!(it, Message::Have(_)));
        let ends = haves.filter_map(|it| Some(self.range(it)?.end()));
        let most = ends.max().map_or(0, |end| end.saturating_add(1));
        self.announced = self.announced.max(most);
    }

    /// Spoils what comes on a channel to who fetches.
    pub(super) fn fetching(
        &mut self,
        route: Route,
        source: SocketAddr,
        is_choked: bool,
        messages: &mut Vec<Message<'_>>,
    ) {
        self.note_haves(messages);
        let is_have = |message: &Message<'_>| matches!(message, Message::Have(_));
        match self.what {
            Some(M::IgnoresChoke) => messages.retain(|it| *it != Message::Choke),
            Some(M::IgnoresUnchoke) => messages.retain(|it| *it != Message::Unchoke),
            Some(M::HaveUnchokes) if is_choked && messages.iter().any(is_have) => {
                messages.insert(0, Message::Unchoke);
            }
            Some(M::DeafToLaterHaves) => messages.retain(|it| !is_have(it)),
            Some(M::AcksEverything) => {
                for message in &*messages {
                    if let Message::Data { spec, .. } = message {
                        self.acknowledge(source, route, *spec);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether what came is the end of who fetches.
    pub(super) fn dies_fetching(&mut self, datagram: &[u8], messages: &[Message<'_>]) -> bool {
        let is_data = |message: &Message<'_>| matches!(message, Message::Data { .. });
        match self.what {
            Some(M::DiesOfHugeHave) => messages.iter().any(|message| {
                let range = self.range(message).map(ChunkRange::count);
                matches!(message, Message::Have(_)) && range.is_some_and(|it| it > HUGE)
            }),
            Some(M::DiesOfRepeatedData) if messages.iter().any(is_data) => {
                let before = std::mem::replace(&mut self.latest, datagram.to_vec());
                before == datagram
            }
            Some(M::DiesOfEmptyData) => messages
                .iter()
                .any(|message| matches!(message, Message::Data { data, .. } if data.is_empty())),
            Some(M::DiesOfLateHashes) => {
                let single = |message: &Message<'_>| {
                    let range = self.range(message).filter(|it| it.is_single());
                    range.map(ChunkRange::start)
                };
                let is_hash = |it: &&Message<'_>| matches!(it, Message::Integrity { .. });
                let mut leaves = messages.iter().filter(is_hash).filter_map(single);
                // The sibling of the chunk that came bare in the datagram before.
                let is_late = leaves.any(|it| self.bare.map(|bare| bare ^ 1) == Some(it));
                let data = messages.iter().find(|it| is_data(it));
                let is_bare = !messages.iter().any(|it| is_hash(&it));
                self.bare = data.filter(|_| is_bare).and_then(single);
                is_late && data.is_none()
            }
            _ => false,
        }
    }
}

/// Whether a message closes a channel.
fn closes(message: &Message<'_>) -> bool {
    matches!(message, Message::Handshake(handshake) if handshake.is_closing())
}

/// The chunks of an ACK.
fn acked(message: &Message<'_>) -> Option<ppspp_dissector::wire::ChunkSpec> {
    match message {
        Message::Ack { spec, .. } => Some(*spec),
        _ => None,
    }
}
