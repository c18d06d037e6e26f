//! Finding the channel that a datagram belongs to.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;

use super::address::{Address, EndKey, Pair};
use super::channel::{ChannelIndex, Side};
use super::config::MAX_IDS;
use super::input::Datagram;
use crate::wire::ChannelId;

/// Channels of one pair of addresses that are looked through, the latest first.
const LOOK_BACK: usize = 16;

/// Ends that are remembered besides the table.
const RECENT: usize = 8;

/// An end of a channel: which channel, and which side receives there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndRef {
    pub(super) channel: ChannelIndex,
    pub(super) receiver: Side,
}

/// Channel IDs, addresses and pairs of addresses, and their channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    ends: HashMap<EndKey, EndRef, FixedState>,
    /// The ends found last, by the low bits of their IDs.
    recent: [Option<(EndKey, EndRef)>; RECENT],
    /// The latest end with this receiver and ID, whoever sends.
    by_id: HashMap<(Address, ChannelId), EndRef, FixedState>,
    /// The latest end with this sender and ID, whoever receives.
    by_sender: HashMap<(Address, ChannelId), EndRef, FixedState>,
    pairs: HashMap<Pair, Vec<ChannelIndex>, FixedState>,
    /// The latest channel ID that each peer chose.
    latest_id: HashMap<Address, ChannelId, FixedState>,
}

/// The key of the end that a datagram with this channel ID is for.
#[inline]
pub(super) fn key_of(datagram: &Datagram<'_>, id: ChannelId) -> EndKey {
    EndKey {
        receiver: datagram.destination.into(),
        sender: datagram.source.into(),
        id,
    }
}

impl Table {
    /// The end that `key` names.
    #[inline]
    pub(super) fn end(&self, key: &EndKey) -> Option<EndRef> {
        match &self.recent[key.id.0 as usize % RECENT] {
            Some((recent, end)) if recent == key => Some(*end),
            _ => self.ends.get(key).copied(),
        }
    }

    /// The same, remembering the answer: datagrams come in bursts.
    #[inline]
    pub(super) fn find_end(&mut self, key: &EndKey) -> Option<EndRef> {
        let slot = key.id.0 as usize % RECENT;
        if let Some((recent, end)) = &self.recent[slot]
            && recent == key
        {
            return Some(*end);
        }
        let end = self.ends.get(key).copied()?;
        self.recent[slot] = Some((*key, end));
        Some(end)
    }

    /// Every end and its key.
    pub(super) fn ends(&self) -> impl Iterator<Item = (EndKey, EndRef)> + '_ {
        self.ends.iter().map(|(key, end)| (*key, *end))
    }

    /// The latest end with this receiver and ID, whoever the sender.
    pub(super) fn end_from_anywhere(&self, key: &EndKey) -> Option<EndRef> {
        self.by_id.get(&(key.receiver, key.id)).copied()
    }

    /// The latest end with this sender and ID, whoever the receiver.
    pub(super) fn end_to_anywhere(&self, key: &EndKey) -> Option<EndRef> {
        self.by_sender.get(&(key.sender, key.id)).copied()
    }

    /// Makes `end` the one that `key` names; false where the cap is reached.
    pub(super) fn add_end(&mut self, key: EndKey, end: EndRef) -> bool {
        if self.ends.len() >= MAX_IDS && !self.ends.contains_key(&key) {
            return false;
        }
        self.ends.insert(key, end);
        self.recent = [None; RECENT];
        self.by_id.insert((key.receiver, key.id), end);
        self.by_sender.insert((key.sender, key.id), end);
        true
    }

    /// Keeps what is about the channels that `place` knows, by the places that it
    /// tells; which addresses share channels is to be noted again.
    pub(super) fn keep(&mut self, place: impl Fn(ChannelIndex) -> Option<ChannelIndex>) {
        let change = |end: &mut EndRef| match place(end.channel) {
            Some(channel) => {
                end.channel = channel;
                true
            }
            None => false,
        };
        self.ends.retain(|_, end| change(end));
        self.by_id.retain(|_, end| change(end));
        self.by_sender.retain(|_, end| change(end));
        self.recent = [None; RECENT];
        self.pairs.clear();
        let ids = &self.by_id;
        self.latest_id
            .retain(|address, id| ids.contains_key(&(*address, *id)));
    }

    /// Notes that two addresses share a channel.
    pub(super) fn add_channel(&mut self, one: SocketAddr, other: SocketAddr, index: ChannelIndex) {
        self.pairs
            .entry(Pair::new(one.into(), other.into()))
            .or_default()
            .push(index);
    }

    /// Whether two addresses share any channel.
    pub(super) fn is_pair(&self, one: SocketAddr, other: SocketAddr) -> bool {
        self.pairs
            .contains_key(&Pair::new(one.into(), other.into()))
    }

    /// The latest channels between two addresses, the latest first.
    pub(super) fn channels_between(
        &self,
        one: SocketAddr,
        other: SocketAddr,
    ) -> impl Iterator<Item = ChannelIndex> + '_ {
        self.pairs
            .get(&Pair::new(one.into(), other.into()))
            .into_iter()
            .flat_map(|channels| channels.iter().rev().take(LOOK_BACK).copied())
    }

    /// Whether this address has chosen a channel ID.
    pub(super) fn is_peer(&self, address: SocketAddr) -> bool {
        self.latest_id.contains_key(&address.into())
    }

    /// Notes the channel ID that a peer chose; returns the one before it. Above
    /// the cap, further peers are not noted.
    pub(super) fn note_id(&mut self, address: SocketAddr, id: ChannelId) -> Option<ChannelId> {
        let address = address.into();
        if self.latest_id.len() >= MAX_IDS && !self.latest_id.contains_key(&address) {
            return None;
        }
        self.latest_id.insert(address, id)
    }
}
