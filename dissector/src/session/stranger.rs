//! Datagrams on channels that no handshake announced: the capture began too
//! late, somebody guesses, or it is another protocol altogether.

use super::address::EndKey;
use super::analyzer::Analyzer;
use super::channel::{Channel, ChannelIndex, End, Side, State};
use super::config::{LearnedEnd, MAX_SUSPECTS};
use super::declared::candidates_of_stranger;
use super::evidence::ENOUGH;
use super::foresight::Hashed;
use super::infer::Inference;
use super::input::Datagram;
use super::route::{Outcome, Route};
use super::suspects::Suspect;
use crate::finding::{Detail, FindingId};
use crate::wire::{Layout, Located, MessageType, Reader};

impl Analyzer {
    /// Takes a datagram whose channel is not known; `None` when it is not PPSPP.
    pub(super) fn stranger<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        key: EndKey,
        reader: Reader<'a>,
        messages: &mut Vec<Located<'a>>,
    ) -> Option<Outcome> {
        if let Some(end) = self.table.end_from_anywhere(&key) {
            let route = Route::to(end, false);
            return Some(self.exchange(
                datagram,
                key.id,
                reader,
                route,
                Hashed::default(),
                messages,
            ));
        }
        if let Some(route) = self.moved(datagram, key) {
            return Some(self.exchange(
                datagram,
                key.id,
                reader,
                route,
                Hashed::default(),
                messages,
            ));
        }
        let familiar = self.is_familiar(datagram);
        if is_stun(datagram.payload) {
            return None;
        }
        if let Some(learned) = self.config.learned.ends.remove(&key) {
            return Some(self.join(datagram, key, reader, learned, messages));
        }
        let kind = datagram.payload.get(4).copied();
        let plausible = kind.is_some_and(|kind| MessageType::from_code(kind).is_assigned());
        if !plausible {
            // A keep-alive, or nonsense: says nothing about the channel.
            return familiar.then(|| {
                self.findings
                    .raise(FindingId::ChannelUnknown, Detail::Channel(key.id));
                self.unfollowed(reader, Layout::RFC, key.id, messages)
            });
        }
        let mut suspect = self.suspects.remove(&key).unwrap_or_else(|| Suspect {
            inference: Inference::of(candidates_of_stranger(&self.config)),
            datagrams: 0,
        });
        let evidence =
            suspect
                .inference
                .judge(datagram.payload, datagram.wire_length, datagram.time);
        suspect.datagrams += 1;
        // Where the peers' handshakes are in the capture, a channel that they
        // did not announce must speak more than once to be believed.
        let announced = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .any(|index| self.channels[index.0 as usize].from_start);
        let layout = suspect.inference.best();
        // Without a timestamp DATA says little, and another protocol's header
        // says the same little again and again: then one datagram must do.
        let bits = if layout.data_timestamp {
            suspect.inference.bits()
        } else {
            evidence.bits
        };
        let enough = bits >= ENOUGH && (suspect.datagrams > 1 || !announced) && evidence.complete;
        if enough {
            let learned = LearnedEnd {
                layout,
                hashes_seen: suspect.inference.has_seen_hashes(),
                inference: (!suspect.inference.is_settled()).then_some(suspect.inference),
            };
            return Some(self.join(datagram, key, reader, learned, messages));
        }
        if suspect.inference.bits() > 0 {
            if self.suspects.len() >= MAX_SUSPECTS {
                self.suspects.clear();
            }
            self.suspects.insert(key, suspect);
        }
        familiar.then(|| {
            self.findings
                .raise(FindingId::ChannelUnknown, Detail::Channel(key.id));
            self.unfollowed(reader, layout, key.id, messages)
        })
    }

    /// The channel whose peer was heard from another address before and is now
    /// answered there: a NAT gave it a new one. From here on both know it so.
    fn moved(&mut self, datagram: &Datagram<'_>, key: EndKey) -> Option<Route> {
        let end = self.table.end_to_anywhere(&key)?;
        let channel = &self.channels[end.channel.0 as usize];
        if channel.heard_at != Some((end.receiver, datagram.destination)) {
            return None;
        }
        let sender = end.receiver.other();
        let back = channel.end(sender).id;
        let from = channel.end(end.receiver).address;
        self.add_end(key, end.channel, end.receiver);
        if let Some(id) = back {
            let reverse = EndKey {
                receiver: key.sender,
                sender: key.receiver,
                id,
            };
            self.add_end(reverse, end.channel, sender);
        }
        self.table
            .add_channel(datagram.source, datagram.destination, end.channel);
        self.findings
            .raise(FindingId::ChannelMoved, Detail::Address(from));
        Some(Route {
            channel: end.channel,
            sender,
            expected_address: true,
        })
    }

    /// The one channel that was joined in the other direction between the same
    /// addresses and still lacks its second ID: most likely the same channel.
    fn missing_half(&self, datagram: &Datagram<'_>) -> Option<(ChannelIndex, Side)> {
        let mut halves = self
            .table
            .channels_between(datagram.source, datagram.destination)
            .filter_map(|index| {
                let channel = &self.channels[index.0 as usize];
                let side = [Side::Initiator, Side::Responder]
                    .into_iter()
                    .find(|&side| {
                        channel.state == State::Joined
                            && channel.end(side).id.is_none()
                            && channel.end(side).address == datagram.destination
                    })?;
                Some((index, side))
            });
        halves.next().filter(|_| halves.next().is_none())
    }

    /// Follows a channel from the middle on.
    fn join<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        key: EndKey,
        reader: Reader<'a>,
        learned: LearnedEnd,
        messages: &mut Vec<Located<'a>>,
    ) -> Outcome {
        let LearnedEnd {
            layout,
            inference,
            hashes_seen,
        } = learned;
        self.findings
            .raise(FindingId::ChannelUnknown, Detail::Channel(key.id));
        let half = self.missing_half(datagram);
        let (index, receiver) = if let Some((index, side)) = half {
            self.findings
                .raise(FindingId::InferredPairing, Detail::None);
            self.channels[index.0 as usize].end_mut(side).id = Some(key.id);
            (Some(index), side)
        } else {
            let channel = self.swarm_for(None, layout.dialect).map(|swarm| {
                Channel::new(
                    swarm,
                    State::Joined,
                    datagram.transport,
                    End::new(datagram.source, None),
                    End::new(datagram.destination, Some(key.id)),
                )
            });
            let index = channel.and_then(|channel| self.add_channel(channel));
            (index, Side::Responder)
        };
        let Some(index) = index else {
            return self.unfollowed(reader, layout, key.id, messages);
        };
        self.add_end(key, index, receiver);
        self.table.note_id(datagram.destination, key.id);
        let sender = receiver.other();
        let end = self.channels[index.0 as usize].end_mut(sender);
        end.layout = layout;
        end.inference = inference.map(Box::new);
        end.judged = true;
        end.hashes_seen = hashes_seen;
        let swarm = self.channels[index.0 as usize].swarm;
        self.swarms[swarm.0 as usize].infer(&layout, hashes_seen);
        self.note_inferred((index, sender));
        let route = Route {
            channel: index,
            sender,
            expected_address: true,
        };
        self.exchange(datagram, key.id, reader, route, Hashed::default(), messages)
    }
}

/// Whether this is STUN (RFC 5389), which shares sockets with PPSPP where
/// there are NATs (RFC 7574, section 3.11): its magic cookie says so.
pub(super) fn is_stun(payload: &[u8]) -> bool {
    payload.len() >= 20
        && payload[0] & 0xc0 == 0
        && payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42])
}
