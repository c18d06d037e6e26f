//! The analyzer: datagrams in, records out.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::address::{EndKey, Pair};
use super::channel::{Channel, ChannelIndex, Side};
use super::chunk_set::PageBudget;
use super::config::{Config, Learned, LearnedEnd, MAX_CHANNELS, MAX_CHUNK_PAGES, MAX_ID_BYTES};
use super::counts::MessageCounts;
use super::findings::Findings;
use super::foresight::Hashed;
use super::input::Datagram;
use super::route::{Outcome, Route};
use super::suspects::Suspects;
use super::swarm::{Known, Swarm, SwarmIndex};
use super::table::{EndRef, Table, key_of};
use super::verdict::{Failure, Late, Verdict};
use super::verification::Judgement;
use super::weighing::Subject;
use crate::finding::{Detail, Entry, Finding, FindingId};
use crate::integrity::Budget;
use crate::wire::{ChannelId, DecodeError, Dialect, Layout, Located, Reader};

/// How many datagrams there were of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Datagrams that are PPSPP.
    pub datagrams: u64,
    /// Datagrams that are not.
    pub not_ppspp: u64,
    /// Datagrams that are PPSPP and could not be decoded to their end.
    pub malformed: u64,
    /// Messages in all of them.
    pub messages: MessageCounts,
}

/// What one datagram turned out to be.
#[derive(Debug)]
pub struct Record<'s, 'a> {
    /// The destination channel ID; `None` when the datagram is too short for one.
    pub channel_id: Option<ChannelId>,
    /// The channel; `None` when no handshake announced it.
    pub channel: Option<&'s Channel>,
    /// The channel's place in the analyzer's list.
    pub channel_index: Option<ChannelIndex>,
    /// The channel's swarm.
    pub swarm: Option<&'s Swarm>,
    /// Which side sent the datagram, where the channel is known.
    pub sender: Option<Side>,
    /// The layout that the messages were read with.
    pub layout: Layout,
    /// The messages before any fault.
    pub messages: &'s [Located<'a>],
    /// Why decoding stopped, if it did before the end.
    pub fault: Option<DecodeError>,
    /// Whether decoding stopped only because the capture cut the datagram.
    pub cut: bool,
    /// The bytes that were not decoded.
    pub undecoded: &'a [u8],
    /// What is worth telling.
    pub findings: &'s [Finding],
    /// Messages of earlier datagrams whose verdict is known now.
    pub late: &'s [Late],
    /// Messages of this and earlier datagrams that have failed for good.
    pub failures: &'s [Failure],
    pub(super) verdicts: &'s [Option<Verdict>],
    pub(super) receiver_verdicts: &'s [Option<Verdict>],
    pub(super) subjects: &'s [Subject],
}

impl Record<'_, '_> {
    /// Whether this is a keep-alive: a channel ID and nothing else.
    pub const fn is_keep_alive(&self) -> bool {
        self.messages.is_empty() && self.fault.is_none() && self.channel_id.is_some()
    }

    /// Whether a DATA, INTEGRITY or `SIGNED_INTEGRITY`, by its place among the
    /// messages, is what the swarm ID promises, with all that the capture held
    /// until now.
    pub fn verdict(&self, place: usize) -> Verdict {
        self.verdicts
            .get(place)
            .copied()
            .flatten()
            .unwrap_or(Verdict::Unverified)
    }

    /// The same for one chunk of a DATA that may have several.
    pub fn chunk_verdict(&self, place: usize, chunk: u64) -> Verdict {
        let of_chunk = self.subjects.iter().find(|it| it.is_chunk(place, chunk));
        of_chunk.map_or_else(|| self.verdict(place), Subject::verdict)
    }

    /// Whether the receiver of a DATA could verify it, with what it had been
    /// sent until then (RFC 7574, section 5.3); `None` for other messages.
    pub fn receiver_verdict(&self, place: usize) -> Option<Verdict> {
        self.receiver_verdicts.get(place).copied().flatten()
    }

    /// How the sender writes.
    pub const fn dialect(&self) -> &'static Dialect {
        self.layout.dialect
    }
}

/// Follows channels and swarms through a capture.
#[derive(Clone, Debug)]
pub struct Analyzer {
    pub(super) config: Config,
    pub(super) channels: Vec<Channel>,
    pub(super) swarms: Vec<Swarm>,
    pub(super) swarm_by_id: HashMap<Arc<[u8]>, SwarmIndex, FixedState>,
    pub(super) id_bytes: usize,
    pub(super) table: Table,
    pub(super) suspects: Suspects,
    /// Without the messages, which are counted where they belong.
    pub(super) totals: Totals,
    /// Messages of datagrams that belong to no channel.
    pub(super) unrouted: MessageCounts,
    pub(super) findings: Findings,
    pub(super) budget: PageBudget,
    pub(super) tree_budget: Budget,
    pub(super) judgement: Judgement,
    pub(super) learned: Learned,
}

impl Default for Analyzer {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Analyzer {
    /// An analyzer that has seen nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            channels: Vec::new(),
            swarms: Vec::new(),
            swarm_by_id: HashMap::default(),
            id_bytes: 0,
            table: Table::default(),
            suspects: Suspects::default(),
            totals: Totals::default(),
            unrouted: MessageCounts::default(),
            findings: Findings::default(),
            budget: PageBudget::new(MAX_CHUNK_PAGES),
            tree_budget: Budget::default(),
            judgement: Judgement::default(),
            learned: Learned::default(),
        }
    }

    /// Takes the next datagram; `None` when it is not PPSPP.
    ///
    /// `messages` is room to decode into, which saves an allocation a datagram:
    /// pass the same vector again and again through [`recycle`].
    pub fn datagram<'s, 'a>(
        &'s mut self,
        datagram: &Datagram<'a>,
        messages: &'s mut Vec<Located<'a>>,
    ) -> Option<Record<'s, 'a>> {
        self.datagram_hashed(datagram, Hashed::default(), messages)
    }

    /// The same for a datagram of which somebody else has hashed what its
    /// [`Analyzer::outlook`] told. Their hashes are believed.
    pub fn datagram_hashed<'s, 'a>(
        &'s mut self,
        datagram: &Datagram<'a>,
        hashed: Hashed<'_>,
        messages: &'s mut Vec<Located<'a>>,
    ) -> Option<Record<'s, 'a>> {
        messages.clear();
        self.findings.begin();
        self.judgement.begin();
        let Some(outcome) = self.outcome(datagram, hashed, messages) else {
            self.totals.not_ppspp += 1;
            return None;
        };
        self.totals.datagrams += 1;
        let keep_alive =
            messages.is_empty() && outcome.fault.is_none() && outcome.channel_id.is_some();
        let mut channel = outcome
            .route
            .map(|(index, _)| &mut self.channels[index.0 as usize]);
        let counts = match &mut channel {
            Some(channel) => {
                channel.datagrams += 1;
                &mut channel.messages
            }
            None => &mut self.unrouted,
        };
        for located in messages.iter() {
            counts.add(&located.message);
        }
        if keep_alive {
            counts.add_keep_alive();
        }
        let channel = channel.map(|channel| &*channel);
        // A capture cut within the last message is no fault of the sender.
        let cut = datagram.is_cut() && outcome.fault.is_none_or(|fault| fault.is_truncation());
        if datagram.is_cut() {
            self.findings.raise(
                FindingId::DatagramCut,
                Detail::Mismatch(datagram.payload.len() as u64, datagram.wire_length as u64),
            );
        }
        if let Some(fault) = outcome.fault
            && !cut
        {
            self.totals.malformed += 1;
            raise_fault(&mut self.findings, fault);
        }
        Some(Record {
            channel_id: outcome.channel_id,
            channel,
            channel_index: outcome.route.map(|(index, _)| index),
            swarm: channel.map(|channel| &self.swarms[channel.swarm.0 as usize]),
            sender: outcome.route.map(|(_, sender)| sender),
            layout: outcome.layout,
            messages,
            fault: outcome.fault.filter(|_| !cut),
            cut,
            undecoded: datagram.payload.get(outcome.decoded..).unwrap_or_default(),
            findings: self.findings.list(),
            late: &self.judgement.late,
            failures: &self.judgement.failures,
            verdicts: &self.judgement.verdicts,
            receiver_verdicts: &self.judgement.receiver_verdicts,
            subjects: &self.judgement.subjects,
        })
    }

    fn outcome<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        hashed: Hashed<'_>,
        messages: &mut Vec<Located<'a>>,
    ) -> Option<Outcome> {
        if !self.config.ports.is_empty()
            && !self.config.ports.contains(&datagram.source.port())
            && !self.config.ports.contains(&datagram.destination.port())
        {
            return None;
        }
        let (id, reader) = match Reader::new(datagram.payload, datagram.wire_length) {
            Ok(start) => start,
            Err(fault) => return self.too_short(datagram, fault),
        };
        if id.is_zero() {
            return self.opening(datagram, reader, messages);
        }
        let key = key_of(datagram, id);
        match self.table.find_end(&key) {
            Some(end) => {
                let route = Route::to(end, true);
                Some(self.exchange(datagram, id, reader, route, hashed, messages))
            }
            None => self.stranger(datagram, key, reader, messages),
        }
    }

    fn too_short(&self, datagram: &Datagram<'_>, fault: DecodeError) -> Option<Outcome> {
        self.is_familiar(datagram).then_some(Outcome {
            channel_id: None,
            route: None,
            layout: Layout::RFC,
            fault: Some(fault),
            decoded: 0,
        })
    }

    /// Whether these two addresses are known to speak PPSPP with each other,
    /// so that nothing between them is taken for another protocol.
    pub(super) fn is_familiar(&self, datagram: &Datagram<'_>) -> bool {
        !self.config.ports.is_empty()
            || self.table.is_pair(datagram.source, datagram.destination)
            || (!self.config.learned.pairs.is_empty()
                && self.config.learned.pairs.contains(&Pair::new(
                    datagram.source.into(),
                    datagram.destination.into(),
                )))
    }

    /// Channels in the order in which they appeared.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.numbered_channels().map(|(_, channel)| channel)
    }

    /// The same with their places in the list.
    pub fn numbered_channels(&self) -> impl Iterator<Item = (ChannelIndex, &Channel)> {
        let numbered = (0..).map(ChannelIndex).zip(&self.channels);
        numbered.filter(|(_, channel)| channel.merged_into.is_none())
    }

    /// The channel that a channel's datagrams belong to at last: another one
    /// where two handshakes crossed and turned out to be one channel.
    pub fn lasting_channel(&self, index: ChannelIndex) -> ChannelIndex {
        let channel = self.channels.get(index.0 as usize);
        channel
            .and_then(|channel| channel.merged_into)
            .unwrap_or(index)
    }

    /// Swarms in the order in which they appeared, those that have a channel.
    pub fn swarms(&self) -> impl Iterator<Item = &Swarm> {
        self.numbered_swarms().map(|(_, swarm)| swarm)
    }

    /// The same with their places in the list.
    pub fn numbered_swarms(&self) -> impl Iterator<Item = (SwarmIndex, &Swarm)> {
        let mut used = vec![false; self.swarms.len()];
        for channel in self.channels() {
            used[channel.swarm.0 as usize] = true;
        }
        let swarms = self.swarms.iter().enumerate().zip(used);
        swarms.filter_map(|((number, swarm), used)| {
            used.then_some((SwarmIndex(number as u32), swarm))
        })
    }

    /// A channel by its place in the list.
    pub fn channel(&self, index: ChannelIndex) -> Option<&Channel> {
        self.channels.get(index.0 as usize)
    }

    /// The swarm of a channel.
    pub fn swarm_of(&self, channel: &Channel) -> &Swarm {
        &self.swarms[channel.swarm.0 as usize]
    }

    /// How many datagrams there were of which kind.
    pub fn totals(&self) -> Totals {
        let mut totals = self.totals;
        totals.messages = self.unrouted;
        for channel in self.channels() {
            totals.messages.merge(&channel.messages);
        }
        totals
    }

    /// Every kind of finding that was raised, and how often.
    pub fn finding_counts(&self) -> impl Iterator<Item = (&'static Entry, u64)> + '_ {
        self.findings.counted()
    }

    /// Ends the capture: settles what may still be settled. Returns the last
    /// verdicts on earlier messages, and what has failed.
    pub fn close(&mut self) -> (Vec<Late>, Vec<Failure>) {
        self.judgement.begin();
        for (index, swarm) in self.swarms.iter_mut().enumerate() {
            super::verification::close(
                swarm,
                SwarmIndex(index as u32),
                &mut self.budget,
                &mut self.tree_budget,
                &mut self.judgement,
            );
        }
        (
            std::mem::take(&mut self.judgement.late),
            std::mem::take(&mut self.judgement.failures),
        )
    }

    /// A swarm by its place in the list.
    pub fn swarm(&self, index: SwarmIndex) -> &Swarm {
        &self.swarms[index.0 as usize]
    }

    /// What a second reading of the same capture should know from the start.
    pub fn into_learned(mut self) -> Learned {
        for (key, end) in self.table.ends() {
            let channel = &self.channels[end.channel.0 as usize];
            if !channel.from_start {
                let sender = channel.end(end.receiver.other());
                let peer = channel.end(end.receiver);
                let mut inference = sender.inference.as_deref().cloned();
                let mut layout = sender.layout;
                if let (Some(inference), Some(method)) = (&mut inference, peer.sure_addressing()) {
                    inference.agree(method);
                    layout = inference.best_with(&layout);
                }
                let learned = LearnedEnd {
                    layout,
                    inference,
                    hashes_seen: sender.hashes_seen,
                };
                self.learned.ends.insert(key, learned);
                let pair = Pair::new(key.receiver, key.sender);
                self.learned.pairs.insert(pair);
            }
        }
        self.learned
    }

    /// The channel for a new entry in the list, unless the cap is reached.
    pub(super) fn add_channel(&mut self, channel: Channel) -> Option<ChannelIndex> {
        if self.channels.len() >= MAX_CHANNELS {
            self.findings.raise(FindingId::LimitChannels, Detail::None);
            return None;
        }
        let index = ChannelIndex(self.channels.len() as u32);
        let (one, other) = (channel.ends[0].address, channel.ends[1].address);
        self.table.add_channel(one, other, index);
        let swarm = &mut self.swarms[channel.swarm.0 as usize];
        swarm.add_peer(one);
        swarm.add_peer(other);
        self.channels.push(channel);
        Some(index)
    }

    /// The swarm with this ID, or a nameless one; `None` when the caps are reached.
    pub(super) fn swarm_for(
        &mut self,
        id: Option<&[u8]>,
        dialect: &'static Dialect,
    ) -> Option<SwarmIndex> {
        if let Some(&index) = id.and_then(|id| self.swarm_by_id.get(id)) {
            return Some(index);
        }
        let bytes = id.map_or(0, <[u8]>::len);
        if self.channels.len() >= MAX_CHANNELS || self.id_bytes + bytes > MAX_ID_BYTES {
            self.findings.raise(FindingId::LimitChannels, Detail::None);
            return None;
        }
        self.id_bytes += bytes;
        let id: Option<Arc<[u8]>> = id.map(Into::into);
        let index = SwarmIndex(self.swarms.len() as u32);
        let mut swarm = Swarm::new(id.clone(), dialect);
        if let Some(id) = id {
            if let Some(&function) = self.config.learned.swarms.get(&id) {
                swarm.hash_function = Some(Known::shown(function));
                self.findings.raise(
                    FindingId::InferredHashFunction,
                    Detail::Word(function.name().unwrap_or("?")),
                );
            }
            self.swarm_by_id.insert(id, index);
        }
        self.swarms.push(swarm);
        Some(index)
    }

    /// The end that `key` names from now on, unless the cap is reached.
    pub(super) fn add_end(&mut self, key: EndKey, channel: ChannelIndex, receiver: Side) {
        if !self.table.add_end(key, EndRef { channel, receiver }) {
            self.findings.raise(FindingId::LimitChannels, Detail::None);
        }
    }
}

fn raise_fault(findings: &mut Findings, fault: DecodeError) {
    use crate::wire::Cause;
    let id = match fault.cause {
        Cause::UnknownMessage(_) => FindingId::MessageUnknown,
        Cause::UnknownOption(_) => FindingId::HandshakeOptionUnknown,
        Cause::Truncated { .. } if fault.offset == 0 => FindingId::DatagramTooShort,
        _ => FindingId::DatagramMalformed,
    };
    findings.raise_at(id, fault.offset, Detail::Fault(fault));
}

/// Empties a vector of messages for datagrams of another lifetime, keeping its
/// allocation.
pub fn recycle<'b>(mut messages: Vec<Located<'_>>) -> Vec<Located<'b>> {
    messages.clear();
    // The standard library collects in place, so that nothing is allocated;
    // the closure is never called.
    messages.into_iter().map_while(|_| None).collect()
}
