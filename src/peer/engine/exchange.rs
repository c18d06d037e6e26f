//! Peers that name other peers (RFC 7574, sections 3.10 and 8.13).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand_core::Rng as _;

use super::channel::{Channel, ChannelKey, Notice, State};
use super::event::Event;
use super::peer::Peer;
use super::swarm::SwarmKey;
use super::time::Moment;

/// How often one peer may ask for others.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// Within which time a peer must have been heard to be named (section 3.10).
const LIVELY: Duration = Duration::from_secs(60);

/// Peers that are named in one answer.
const PEERS_NAMED: usize = 8;

impl Peer {
    /// The peer asks for others.
    pub(super) fn asked_for_peers(&mut self, now: Moment, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        if now < channel.may_ask {
            return;
        }
        channel.may_ask = now + ASK_INTERVAL;
        let (swarm, address) = (channel.swarm, channel.address);
        let found = &self.swarms[swarm.0];
        let membership = &found.config.membership;
        let is_required = membership.is_required;
        let own = membership.own.as_ref();
        let own = own.filter(|(ours, _)| may_know(address, *ours));
        let mut named: Vec<Notice> = own
            .map(|(_, own)| Notice::Certificate(Arc::clone(own)))
            .into_iter()
            .collect();
        let mut others: Vec<Notice> = self
            .others(swarm, key)
            .filter(|other| other.state == State::Open)
            .filter(|other| now.since(other.heard) < LIVELY)
            .map(|other| other.address)
            .filter(|other| *other != address && may_know(address, *other))
            .filter_map(|other| match found.members.certificate(now, other) {
                Some(certificate) => Some(Notice::Certificate(certificate)),
                None => (!is_required).then_some(Notice::Peer(other)),
            })
            .collect();
        while named.len() < PEERS_NAMED && !others.is_empty() {
            let place = (self.random.next_u64() % others.len() as u64) as usize;
            named.push(others.swap_remove(place));
        }
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.notices.extend(named);
        }
    }

    /// The peer names another one.
    pub(super) fn told_of_peer(&mut self, now: Moment, key: ChannelKey, address: SocketAddr) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let (swarm, teller) = (channel.swarm, channel.address);
        // More than was asked for would send us to whom it likes (section 12.2), and
        // where members have certificates, a bare address is nobody's.
        let is_believed = !self.swarms[swarm.0].config.membership.is_required;
        let Some(left) = channel.peers_due.checked_sub(1).filter(|_| is_believed) else {
            return;
        };
        channel.peers_due = left;
        if !may_know(teller, address) || address.port() == 0 {
            return;
        }
        self.found(now, swarm, address);
    }

    /// Somebody is there who may have what we lack.
    pub(super) fn found(&mut self, now: Moment, swarm: SwarmKey, address: SocketAddr) {
        self.events.push_back(Event::PeerFound { swarm, address });
        let found = &self.swarms[swarm.0];
        if found.wants_peers() && found.channels.len() < self.config.most_peers {
            self.connect(now, swarm, address);
        }
    }

    /// The other channels of a swarm.
    fn others(&self, swarm: SwarmKey, key: ChannelKey) -> impl Iterator<Item = &Channel> {
        let channels = self.swarms[swarm.0].channels.iter();
        channels
            .filter(move |other| **other != key)
            .filter_map(|other| self.channels.get(other))
    }
}

/// Whether a peer may be told of an address: private ones are of no use outside
/// and nobody's business there (section 8.13).
pub(super) fn may_know(peer: SocketAddr, address: SocketAddr) -> bool {
    let is_private = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_unique_local() || v6.is_loopback(),
    };
    let is_usable = !address.ip().is_unspecified() && !address.ip().is_multicast();
    is_usable && (!is_private(address.ip()) || is_private(peer.ip()))
}
