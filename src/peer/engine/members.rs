//! Members of a swarm that certificates vouch for (RFC 7574, section 12.2.1).
//!
//! What a certificate says is found out by whoever drives the peer: the engine
//! asks, counts, keeps and hands on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::channel::ChannelKey;
use super::event::Event;
use super::exchange::may_know;
use super::peer::Peer;
use super::swarm::SwarmKey;
use super::time::Moment;

/// Certificates of a swarm that are kept.
const MOST_MEMBERS: usize = 256;

/// Certificates from one peer that are not to be trusted, before the rest is
/// discarded unread: to check one costs more than to send it (section 12.2.2).
const MOST_DEFECTIVE: u32 = 3;

/// Who is a member, by certificates that were checked.
#[derive(Debug, Default)]
pub(super) struct Members(BTreeMap<SocketAddr, Member>);

#[derive(Debug)]
struct Member {
    certificate: Arc<[u8]>,
    until: Moment,
}

impl Members {
    /// The certificate of a member, while it is valid.
    pub(super) fn certificate(&self, now: Moment, address: SocketAddr) -> Option<Arc<[u8]>> {
        let member = self.0.get(&address)?;
        (now < member.until).then(|| Arc::clone(&member.certificate))
    }

    fn keep(&mut self, now: Moment, address: SocketAddr, member: Member) {
        if self.0.len() >= MOST_MEMBERS {
            self.0.retain(|_, member| now < member.until);
        }
        // One that is valid for longer replaces another.
        let is_newer = |known: &Member| known.until < member.until;
        let has_room = self.0.len() < MOST_MEMBERS || self.0.contains_key(&address);
        if has_room && self.0.get(&address).is_none_or(is_newer) {
            self.0.insert(address, member);
        }
    }
}

impl Peer {
    /// A peer sent a membership certificate.
    pub(super) fn told_of_member(&mut self, key: ChannelKey, certificate: &[u8]) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let swarm = channel.swarm;
        let is_wanted = self.swarms[swarm.0].config.membership.is_required
            && channel.defective_certificates < MOST_DEFECTIVE;
        let Some(left) = channel.peers_due.checked_sub(1).filter(|_| is_wanted) else {
            return;
        };
        channel.peers_due = left;
        self.events.push_back(Event::MembershipClaimed {
            swarm,
            address: channel.address,
            certificate: certificate.into(),
        });
    }

    /// A certificate that `teller` sent is right: the peer at `address` is a member
    /// until then. It is connected to where peers are looked for.
    pub fn certified(
        &mut self,
        now: Moment,
        swarm: SwarmKey,
        teller: SocketAddr,
        address: SocketAddr,
        until: Moment,
        certificate: Arc<[u8]>,
    ) {
        let Some(found) = self.swarms.get_mut(swarm.0) else {
            return;
        };
        if !may_know(teller, address) || address.port() == 0 {
            return;
        }
        found
            .members
            .keep(now, address, Member { certificate, until });
        // It may be our own that comes back.
        let own = found.config.membership.own.as_ref();
        if address == teller || own.is_some_and(|(ours, _)| *ours == address) {
            return;
        }
        self.found(now, swarm, address);
    }

    /// A certificate that `teller` sent is not to be trusted.
    pub fn not_certified(&mut self, swarm: SwarmKey, teller: SocketAddr, reason: String) {
        let channels = self.channels.values_mut();
        for channel in channels.filter(|it| it.swarm == swarm && it.address == teller) {
            channel.defective_certificates += 1;
        }
        self.events.push_back(Event::MembershipRefused {
            swarm,
            address: teller,
            reason,
        });
    }
}
