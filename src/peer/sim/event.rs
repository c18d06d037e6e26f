//! What is going to happen, in its order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Nanotime;
use super::host::NodeId;

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A host starts.
    Start(NodeId),
    /// A host goes, telling its node or not.
    Depart(NodeId),
    /// A node's deadline may have come.
    Deadline(NodeId),
    /// A datagram has come to the next hop of its way.
    Hop { parcel: Parcel, hop: u16 },
}

/// A datagram on its way: its place among [`Parcels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parcel(u32);

/// A queue of events; those of the same moment in the order in which they were
/// added.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Nanotime, u64, Event)>>,
    added: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, time: Nanotime, event: Event) {
        self.heap.push(Reverse((time, self.added, event)));
        self.added += 1;
    }

    /// When the next event is.
    pub(super) fn next_time(&self) -> Option<Nanotime> {
        self.heap.peek().map(|Reverse((time, ..))| *time)
    }

    /// The next event.
    pub(super) fn pop(&mut self) -> Option<(Nanotime, Event)> {
        let Reverse((time, _, event)) = self.heap.pop()?;
        Some((time, event))
    }
}

/// What a datagram's way needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) number: u64,
    pub(super) source: NodeId,
    pub(super) destination: Option<NodeId>,
    pub(super) address: std::net::SocketAddr,
    pub(super) payload: Vec<u8>,
}

/// The datagrams on their way. Places and buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Parcels {
    places: Vec<Option<Content>>,
    free: Vec<Parcel>,
    buffers: Vec<Vec<u8>>,
}

impl Parcels {
    /// An empty buffer for a payload.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    pub(super) fn put(&mut self, content: Content) -> Parcel {
        if let Some(parcel) = self.free.pop()
            && let Some(place) = self.places.get_mut(parcel.0 as usize)
        {
            *place = Some(content);
            return parcel;
        }
        self.places.push(Some(content));
        Parcel(self.places.len() as u32 - 1)
    }

    pub(super) fn take(&mut self, parcel: Parcel) -> Option<Content> {
        let content = self.places.get_mut(parcel.0 as usize)?.take()?;
        self.free.push(parcel);
        Some(content)
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.buffers.push(buffer);
    }
}
