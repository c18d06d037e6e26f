//! Asking peers again that have gone while content is still missing.

use std::net::SocketAddr;
use std::time::Duration;

use super::engine::{Moment, Peer, SwarmKey};

/// How long a peer may be silent before a new channel is tried, at first. One
/// that was killed and started again knows nothing of the old channel.
const FIRST_TRY: Duration = Duration::from_secs(3);

/// The same after many tries without answer.
const LAST_TRY: Duration = Duration::from_secs(30);

/// Peers that were named to fetch from.
#[derive(Debug)]
pub(super) struct Persistence {
    peers: Vec<Named>,
    /// Bytes that had come when it was looked last.
    received: u64,
}

#[derive(Debug)]
struct Named {
    address: SocketAddr,
    /// How long it may be silent now.
    allowed: Duration,
    /// When it was tried last.
    tried: Moment,
}

impl Persistence {
    /// Peers to which channels are opened now.
    pub(super) fn new(from: &[SocketAddr], now: Moment) -> Self {
        let named = |&address| Named {
            address,
            allowed: FIRST_TRY,
            tried: now,
        };
        Self {
            peers: from.iter().map(named).collect(),
            received: 0,
        }
    }

    /// Opens new channels to those that have fallen silent, for swarms that lack
    /// content.
    pub(super) fn elapse(&mut self, peer: &mut Peer, swarms: &[SwarmKey], now: Moment) {
        let received = swarms.iter().map(|&it| peer.totals(it).received).sum();
        if received != self.received {
            self.received = received;
            for named in &mut self.peers {
                named.allowed = FIRST_TRY;
            }
        }
        for &swarm in swarms {
            if peer.is_complete(swarm) {
                continue;
            }
            for named in &mut self.peers {
                let heard = peer
                    .channels(swarm)
                    .filter(|channel| channel.address == named.address && channel.open)
                    .map(|channel| channel.heard)
                    .max();
                let latest = heard.map_or(named.tried, |heard| heard.max(named.tried));
                if now.since(latest) < named.allowed {
                    continue;
                }
                if heard.is_some() {
                    // A later round finds it gone and opens another.
                    peer.disconnect(swarm, named.address);
                } else if !peer.is_connected(swarm, named.address) {
                    peer.connect(now, swarm, named.address);
                    named.tried = now;
                    named.allowed = (named.allowed * 2).min(LAST_TRY);
                }
            }
        }
    }
}
