//! What happens in a network: nodes are called, datagrams go from hop to hop.

use super::clock::Nanotime;
use super::event::{Content, Event};
use super::host::{Departure, LinkId, NodeId, Place, Presence};
use super::link::{Fate, wire_bytes};
use super::network::Network;
use super::node::Node;
use super::tap::{DropReason, Passage, Sighting, Tap};

/// A node that was called so many times at one moment would stop time for good.
const MOST_CALLS_AT_ONCE: u32 = 1_000_000;
/// The longest payload of UDP over IPv4; no system sends more over IPv6 either.
const LONGEST_PAYLOAD: usize = 65_507;

impl<N: Node> Network<N> {
    pub(super) fn happen<T: Tap>(&mut self, event: Event, tap: &mut T) {
        match event {
            Event::Start(id) => {
                if let Some(place) = self.places.get_mut(id.index())
                    && place.presence == Presence::Waits
                {
                    place.presence = Presence::Runs;
                    place.armed = None;
                    place.node.elapse(self.now.moment());
                    self.settle(id, tap);
                }
            }
            Event::Depart(id) => self.depart(id, tap),
            Event::Deadline(id) => {
                let now = self.now;
                if let Some(place) = self.places.get_mut(id.index())
                    && place.presence == Presence::Runs
                    && place.armed.is_some_and(|armed| armed <= now)
                {
                    place.armed = None;
                    // It may have been put off since.
                    if place.node.deadline().is_some_and(|due| due <= now.moment()) {
                        place.node.elapse(now.moment());
                    }
                    self.settle(id, tap);
                }
            }
            Event::Hop { parcel, hop } => {
                if let Some(content) = self.parcels.take(parcel) {
                    self.pass(content, hop, tap);
                }
            }
        }
    }

    fn depart<T: Tap>(&mut self, id: NodeId, tap: &mut T) {
        let Some(place) = self.places.get_mut(id.index()) else {
            return;
        };
        let leaves = matches!(place.departure, Some(Departure::Leave(_)));
        if leaves && place.presence == Presence::Runs {
            place.node.leave(self.now.moment());
            self.settle(id, tap);
        }
        if let Some(place) = self.places.get_mut(id.index()) {
            place.presence = Presence::Gone;
        }
    }

    /// After a node was called: what it transmits goes out, and its deadline
    /// comes on the agenda.
    pub(super) fn settle<T: Tap>(&mut self, id: NodeId, tap: &mut T) {
        loop {
            let mut payload = self.parcels.buffer();
            let Some(place) = self.places.get_mut(id.index()) else {
                return;
            };
            if place.note_call(self.now) > MOST_CALLS_AT_ONCE {
                self.stalled = Some(id);
                self.parcels.recycle(payload);
                return;
            }
            let Some(address) = place.node.transmit(self.now.moment(), &mut payload) else {
                self.parcels.recycle(payload);
                break;
            };
            place.counts.sent += 1;
            place.counts.sent_bytes += payload.len() as u64;
            let content = Content {
                number: self.sent,
                source: id,
                destination: self.by_address.get(&address).copied(),
                address,
                payload,
            };
            self.sent += 1;
            self.tell(&content, Passage::Sent, tap);
            self.pass(content, 0, tap);
        }
        let Some(place) = self.places.get_mut(id.index()) else {
            return;
        };
        if let Some(deadline) = place.node.deadline() {
            let due = Nanotime::from(deadline).max(self.now);
            // A later deadline waits until the earlier one has come.
            if place.armed.is_none_or(|armed| due < armed) {
                place.armed = Some(due);
                self.agenda.add(due, Event::Deadline(id));
            }
        }
    }

    /// The datagram comes to hop `hop` of its way: a link, or its destination.
    fn pass<T: Tap>(&mut self, content: Content, hop: u16, tap: &mut T) {
        let source = self.places.get(content.source.index());
        let next = source.map_or(Err(DropReason::NoSuchHost), |place| {
            self.next_hop(place, &content, usize::from(hop))
        });
        match next {
            Err(reason) => self.give_up(content, reason, tap),
            Ok(Some(id)) => {
                let bytes = wire_bytes(content.address, content.payload.len());
                let Some(link) = self.links.get_mut(id.index()) else {
                    return;
                };
                match link.offer(self.now, bytes) {
                    Fate::NoRoom => self.give_up(content, DropReason::QueueFull(id), tap),
                    Fate::Lost => self.give_up(content, DropReason::Lost(id), tap),
                    Fate::Arrives { first, again } => {
                        let copy = again.then(|| content.clone());
                        if let Some(copy) = &copy {
                            self.tell(copy, Passage::Duplicated(id), tap);
                        }
                        for content in [Some(content), copy].into_iter().flatten() {
                            let parcel = self.parcels.put(content);
                            let hop = hop + 1;
                            self.agenda.add(first, Event::Hop { parcel, hop });
                        }
                    }
                }
            }
            Ok(None) => self.deliver(content, tap),
        }
    }

    /// The link at hop `hop`, or none where the destination is reached.
    fn next_hop(
        &self,
        source: &Place<N>,
        content: &Content,
        hop: usize,
    ) -> Result<Option<LinkId>, DropReason> {
        if hop == 0 {
            let fits = content.payload.len() <= LONGEST_PAYLOAD;
            if !fits || source.address.is_ipv4() != content.address.is_ipv4() {
                return Err(DropReason::Impossible);
            }
            return Ok(Some(source.uplink));
        }
        let outward = &source.uplink_via;
        if let Some(&link) = outward.get(hop - 1) {
            return Ok(Some(link));
        }
        let destination = content
            .destination
            .and_then(|id| self.places.get(id.index()))
            .ok_or(DropReason::NoSuchHost)?;
        let inward = destination.downlink_via.iter();
        let mut rest = inward
            .filter(|link| !outward.contains(link))
            .chain([&destination.downlink])
            .skip(hop - 1 - outward.len());
        Ok(rest.next().copied())
    }

    fn deliver<T: Tap>(&mut self, content: Content, tap: &mut T) {
        let destination = content.destination;
        let place = destination.and_then(|id| Some((id, self.places.get(id.index())?)));
        let Some((id, _)) = place.filter(|(_, place)| place.presence == Presence::Runs) else {
            self.give_up(content, DropReason::HostDown, tap);
            return;
        };
        self.tell(&content, Passage::Delivered, tap);
        let source = self.places.get(content.source.index());
        let source = source.map(|place| place.address);
        if let Some((place, source)) = self.places.get_mut(id.index()).zip(source) {
            place.counts.received += 1;
            place.counts.received_bytes += content.payload.len() as u64;
            place
                .node
                .receive(self.now.moment(), source, &content.payload);
        }
        self.parcels.recycle(content.payload);
        self.settle(id, tap);
    }

    fn give_up<T: Tap>(&mut self, content: Content, reason: DropReason, tap: &mut T) {
        self.tell(&content, Passage::Dropped(reason), tap);
        self.parcels.recycle(content.payload);
    }

    fn tell<T: Tap>(&self, content: &Content, passage: Passage, tap: &mut T) {
        if let Some(source) = self.places.get(content.source.index()) {
            tap.see(&Sighting {
                time: self.now,
                number: content.number,
                source: source.address,
                destination: content.address,
                payload: &content.payload,
                passage,
            });
        }
    }
}
