//! Who sees every datagram that passes.

use std::fmt;
use std::net::SocketAddr;

use super::clock::Nanotime;
use super::host::LinkId;

/// Why a datagram went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The link's queue was full.
    QueueFull(LinkId),
    /// The link lost it on the wire.
    Lost(LinkId),
    /// No host has that address.
    NoSuchHost,
    /// The host has not started yet, or is gone.
    HostDown,
    /// It is longer than a UDP datagram can be, or its destination is of
    /// another IP version than its source.
    Impossible,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull(_) => "the queue was full",
            Self::Lost(_) => "lost on the wire",
            Self::NoSuchHost => "no such host",
            Self::HostDown => "the host is down",
            Self::Impossible => "no such datagram can be",
        })
    }
}

/// What happens to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passage {
    /// Its node has handed it to the network.
    Sent,
    /// A link made a copy of it, which has the same number.
    Duplicated(LinkId),
    /// It goes no further. What is lost on the wire is told when it comes to
    /// that link.
    Dropped(DropReason),
    /// Its destination is about to receive it.
    Delivered,
}

/// A datagram, and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting<'a> {
    /// When; it never goes back from one sighting to the next.
    pub time: Nanotime,
    /// How many datagrams were sent before it in the whole run.
    pub number: u64,
    /// Whose it is.
    pub source: SocketAddr,
    /// Where it is to go.
    pub destination: SocketAddr,
    /// The UDP payload.
    pub payload: &'a [u8],
    /// What happens to it.
    pub passage: Passage,
}

/// Sees every datagram at every [`Passage`].
pub trait Tap {
    /// A datagram passes.
    fn see(&mut self, sighting: &Sighting<'_>);
}

/// Looks away.
impl Tap for () {
    fn see(&mut self, _: &Sighting<'_>) {}
}

impl<F: FnMut(&Sighting<'_>)> Tap for F {
    fn see(&mut self, sighting: &Sighting<'_>) {
        self(sighting);
    }
}
