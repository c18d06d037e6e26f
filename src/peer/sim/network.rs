//! The event loop over virtual time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::chance::{Purpose, Seed};
use super::clock::Nanotime;
use super::event::{Agenda, Event, Parcels};
use super::host::{
    Departure, Ending, Host, LinkId, NetworkError, NodeCounts, NodeId, Place, Presence,
};
use super::link::{Link, LinkCounts, LinkSettings};
use super::node::Node;
use super::tap::Tap;

/// How often, in virtual time, a run asks whether it is done.
const QUESTION_PERIOD: Duration = Duration::from_millis(1);

/// Hosts and links in virtual time.
#[derive(Debug)]
pub struct Network<N> {
    pub(super) seed: Seed,
    pub(super) now: Nanotime,
    pub(super) agenda: Agenda,
    pub(super) parcels: Parcels,
    pub(super) places: Vec<Place<N>>,
    pub(super) links: Vec<Link>,
    pub(super) by_address: HashMap<SocketAddr, NodeId>,
    pub(super) sent: u64,
    pub(super) events: u64,
    pub(super) stalled: Option<NodeId>,
}

impl<N: Node> Network<N> {
    /// A network without hosts, at the moment `start`.
    pub fn new(seed: Seed, start: Nanotime) -> Self {
        Self {
            seed,
            now: start,
            agenda: Agenda::default(),
            parcels: Parcels::default(),
            places: Vec::new(),
            links: Vec::new(),
            by_address: HashMap::new(),
            sent: 0,
            events: 0,
            stalled: None,
        }
    }

    /// Adds a link that several hosts may share, in one direction.
    pub fn add_link(&mut self, settings: LinkSettings) -> LinkId {
        let id = LinkId(self.links.len() as u32);
        let generator = self.seed.generator(Purpose::Link(id.0));
        self.links.push(Link::new(settings, generator));
        id
    }

    /// Adds a host. Where its start has passed it starts at once.
    ///
    /// # Errors
    /// When its address is taken or its way leads over a link that is not
    /// there. Then nothing has changed.
    pub fn add_host(&mut self, host: Host<N>) -> Result<NodeId, NetworkError> {
        if self.by_address.contains_key(&host.address) {
            return Err(NetworkError::SameAddress(host.address));
        }
        for &link in host.uplink_via.iter().chain(&host.downlink_via) {
            if link.index() >= self.links.len() {
                return Err(NetworkError::NoSuchLink(link));
            }
        }
        let id = NodeId(self.places.len() as u32);
        let uplink = self.add_link(host.uplink);
        let downlink = self.add_link(host.downlink);
        self.by_address.insert(host.address, id);
        let start = host.start.max(self.now);
        self.agenda.add(start, Event::Start(id));
        if let Some(Departure::Crash(time) | Departure::Leave(time)) = host.departure {
            self.agenda.add(time.max(self.now), Event::Depart(id));
        }
        self.places.push(Place {
            address: host.address,
            node: host.node,
            presence: Presence::Waits,
            start,
            departure: host.departure,
            uplink,
            downlink,
            uplink_via: host.uplink_via,
            downlink_via: host.downlink_via,
            armed: None,
            called: (start, 0),
            counts: NodeCounts::default(),
        });
        Ok(id)
    }

    /// Runs until `limit`, or until `is_done`, which is asked once every
    /// millisecond of virtual time in which something happens. It may be called
    /// again to go on. Only a run that ends by its limit moves the time there;
    /// otherwise it stays where something happened last.
    pub fn run<T: Tap>(
        &mut self,
        limit: Nanotime,
        tap: &mut T,
        mut is_done: impl FnMut(&Self) -> bool,
    ) -> Ending {
        let mut question = self.now;
        while let Some(next) = self.agenda.next_time().filter(|next| *next <= limit) {
            // Asked when all that happens at a moment has happened.
            if next > self.now && next >= question {
                if is_done(self) {
                    return Ending::Done;
                }
                question = self.now + QUESTION_PERIOD;
            }
            if let Some((time, event)) = self.agenda.pop() {
                self.now = self.now.max(time);
                self.events += 1;
                self.happen(event, tap);
            }
            if let Some(node) = self.stalled {
                return Ending::Stalled(node);
            }
        }
        if is_done(self) {
            return Ending::Done;
        }
        if self.agenda.next_time().is_none() {
            return Ending::Idle;
        }
        self.now = self.now.max(limit);
        Ending::TimeLimit
    }

    /// Lets time pass between two runs in which nothing happens: until `time`,
    /// or the next event if that is before.
    pub fn rest(&mut self, time: Nanotime) {
        let next = self.agenda.next_time().unwrap_or(time);
        self.now = self.now.max(time.min(next));
    }

    /// Lets somebody act on a node, between two runs; then what it transmits
    /// goes out. `None` where the network has no such node.
    pub fn act<T: Tap, R>(
        &mut self,
        node: NodeId,
        tap: &mut T,
        action: impl FnOnce(&mut N, Nanotime) -> R,
    ) -> Option<R> {
        let now = self.now;
        let place = self.places.get_mut(node.index())?;
        let result = action(&mut place.node, now);
        if place.presence == Presence::Runs {
            self.settle(node, tap);
        }
        Some(result)
    }

    /// Puts a new node in a host's place, which starts now: a crashed process
    /// that is started again. Gives the old one back.
    ///
    /// # Errors
    /// The new node, where the network has no such host.
    pub fn restart(&mut self, id: NodeId, node: N) -> Result<N, N> {
        let Some(place) = self.places.get_mut(id.index()) else {
            return Err(node);
        };
        place.presence = Presence::Waits;
        self.agenda.add(self.now, Event::Start(id));
        Ok(std::mem::replace(&mut place.node, node))
    }

    /// The virtual time.
    pub const fn now(&self) -> Nanotime {
        self.now
    }

    /// How many events there were: starts, deadlines, and hops of datagrams.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// All nodes, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, SocketAddr, &N)> {
        let numbered = (0..).zip(&self.places);
        numbered.map(|(number, place)| (NodeId(number), place.address, &place.node))
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> Option<&N> {
        self.places.get(id.index()).map(|place| &place.node)
    }

    /// Whether a host has started and not gone.
    pub fn is_running(&self, id: NodeId) -> bool {
        let place = self.places.get(id.index());
        place.is_some_and(|place| place.presence == Presence::Runs)
    }

    /// When a host started or will; a restart does not change it.
    pub fn start_of(&self, id: NodeId) -> Option<Nanotime> {
        self.places.get(id.index()).map(|place| place.start)
    }

    /// What a host sent and received.
    pub fn node_counts(&self, id: NodeId) -> Option<&NodeCounts> {
        self.places.get(id.index()).map(|place| &place.counts)
    }

    /// A host's uplink and downlink.
    pub fn access_links(&self, id: NodeId) -> Option<(LinkId, LinkId)> {
        let place = self.places.get(id.index())?;
        Some((place.uplink, place.downlink))
    }

    /// What became of the datagrams on a link.
    pub fn link_counts(&self, id: LinkId) -> Option<&LinkCounts> {
        self.links.get(id.index()).map(Link::counts)
    }

    /// What a link was set to.
    pub fn link_settings(&self, id: LinkId) -> Option<&LinkSettings> {
        self.links.get(id.index()).map(Link::settings)
    }

    /// For how long a link would still be busy if nothing more came.
    pub fn link_backlog(&self, id: LinkId) -> Option<Duration> {
        let link = self.links.get(id.index())?;
        Some(link.backlog(self.now))
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
