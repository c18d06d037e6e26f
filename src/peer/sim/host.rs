//! What a network is made of: hosts, links, and what is told of them.

use std::net::SocketAddr;

use super::clock::Nanotime;
use super::link::LinkSettings;

/// A link of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u32);

/// A host of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// How many hosts were added before it.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl LinkId {
    /// How many links were added before it; a host adds its uplink, then its
    /// downlink.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a host goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Departure {
    /// Without a word.
    Crash(Nanotime),
    /// After [`Node::leave`](super::Node::leave).
    Leave(Nanotime),
}

/// A host: a node, and how it is connected.
#[derive(Debug)]
pub struct Host<N> {
    /// Its address; no other host may have it.
    pub address: SocketAddr,
    /// What it runs.
    pub node: N,
    /// The link that all it sends passes first.
    pub uplink: LinkSettings,
    /// The link that all it receives passes last.
    pub downlink: LinkSettings,
    /// Shared links that what it sends passes after its uplink, in this order.
    pub uplink_via: Vec<LinkId>,
    /// Shared links that what it receives passes before its downlink, in this
    /// order. One that is in the sender's `uplink_via` too is passed once.
    pub downlink_via: Vec<LinkId>,
    /// When it starts.
    pub start: Nanotime,
    /// When and how it goes, if it does.
    pub departure: Option<Departure>,
}

/// Why a network can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Two hosts have the same address.
    #[error("two hosts have the address {0}")]
    SameAddress(SocketAddr),
    /// A host's way leads over a link that the network does not have.
    #[error("the network has no link {}", .0.index())]
    NoSuchLink(LinkId),
}

/// What a host sent and received. Bytes are of UDP payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Datagrams sent, also those that did not arrive.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Datagrams received.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The time limit came.
    TimeLimit,
    /// The closure said that it is done.
    Done,
    /// Nothing is on its way, and no node waits for anything.
    Idle,
    /// A node wants to be called again at once, for ever.
    Stalled(NodeId),
}

/// Whether a host is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Waits,
    Runs,
    Gone,
}

/// A host in the network.
#[derive(Debug)]
pub(super) struct Place<N> {
    pub(super) address: SocketAddr,
    pub(super) node: N,
    pub(super) presence: Presence,
    pub(super) start: Nanotime,
    pub(super) departure: Option<Departure>,
    pub(super) uplink: LinkId,
    pub(super) downlink: LinkId,
    pub(super) uplink_via: Vec<LinkId>,
    pub(super) downlink_via: Vec<LinkId>,
    /// The earliest deadline on the agenda.
    pub(super) armed: Option<Nanotime>,
    /// When it was called last, and how many times at that moment.
    pub(super) called: (Nanotime, u32),
    pub(super) counts: NodeCounts,
}

impl<N> Place<N> {
    /// Notes that the node is called; how many times it was at this moment.
    pub(super) fn note_call(&mut self, now: Nanotime) -> u32 {
        if self.called.0 != now {
            self.called = (now, 0);
        }
        self.called.1 += 1;
        self.called.1
    }
}
