//! Beginning anew within a capture that goes on: what was counted is forgotten,
//! and every channel that is over; what later datagrams are read by stays.

use super::analyzer::{Analyzer, Totals};
use super::channel::{Channel, ChannelIndex};
use super::counts::MessageCounts;
use super::findings::Findings;
use super::input::Time;
use super::liveness_rules::DEAD;
use super::swarm::{Swarm, SwarmIndex};

impl Analyzer {
    /// Forgets what was counted and seen, and all channels that are closed or that
    /// nobody was heard on for the three minutes before `now` after which a peer
    /// counts as dead (RFC 7574, section 3.12). The channels that are left, their
    /// swarms and proven hashes stay, so that what comes on them is read and
    /// verified as before; their places in the lists change.
    pub fn forget(&mut self, now: Option<Time>) {
        self.totals = Totals::default();
        self.unrouted = MessageCounts::default();
        self.findings = Findings::default();
        self.judgement.begin();
        let lasting: Vec<ChannelIndex> = (0..self.channels.len() as u32)
            .map(|number| self.lasting_channel(ChannelIndex(number)))
            .collect();
        let mut swarm_places = vec![None; self.swarms.len()];
        let mut swarms = Vec::new();
        let mut places = vec![None; self.channels.len()];
        let mut channels: Vec<Channel> = Vec::new();
        for (number, mut channel) in std::mem::take(&mut self.channels).into_iter().enumerate() {
            if channel.merged_into.is_some() || !is_alive(&channel, now) {
                for tracking in channel
                    .ends
                    .iter_mut()
                    .filter_map(|end| end.tracking.as_mut())
                {
                    tracking.clear(&mut self.budget);
                }
                continue;
            }
            let old = channel.swarm.0 as usize;
            let swarm = *swarm_places[old].get_or_insert_with(|| {
                swarms.push(old);
                SwarmIndex(swarms.len() as u32 - 1)
            });
            channel.swarm = swarm;
            channel.datagrams = 0;
            channel.messages = MessageCounts::default();
            for end in &mut channel.ends {
                end.pex_asked_at = None;
            }
            places[number] = Some(ChannelIndex(channels.len() as u32));
            channels.push(channel);
        }
        self.channels = channels;
        self.keep_swarms(&swarms);
        self.table.keep(|channel| {
            let lasting = lasting.get(channel.0 as usize)?;
            *places.get(lasting.0 as usize)?
        });
        for (number, channel) in self.channels.iter().enumerate() {
            let [one, other] = [0, 1].map(|end: usize| channel.ends[end].address);
            self.table
                .add_channel(one, other, ChannelIndex(number as u32));
            let swarm = &mut self.swarms[channel.swarm.0 as usize];
            swarm.add_peer(one);
            swarm.add_peer(other);
        }
    }

    /// Keeps the swarms at these places, in this order, without what was counted.
    fn keep_swarms(&mut self, kept: &[usize]) {
        let mut all: Vec<Option<Swarm>> = std::mem::take(&mut self.swarms)
            .into_iter()
            .map(Some)
            .collect();
        self.swarm_by_id.clear();
        self.id_bytes = 0;
        for place in kept {
            let Some(mut swarm) = all.get_mut(*place).and_then(Option::take) else {
                continue;
            };
            swarm.seen.clear(&mut self.budget);
            swarm.data_messages = 0;
            swarm.peers.clear();
            if let Some(verification) = &mut swarm.verification {
                verification.forget(&mut self.budget);
            }
            if let Some(id) = &swarm.id {
                self.id_bytes += id.len();
                let index = SwarmIndex(self.swarms.len() as u32);
                self.swarm_by_id.insert(id.clone(), index);
            }
            self.swarms.push(swarm);
        }
        for mut swarm in all.into_iter().flatten() {
            swarm.seen.clear(&mut self.budget);
            if let Some(verification) = swarm.verification {
                verification.release(&mut self.budget, &mut self.tree_budget);
            }
        }
    }
}

/// Whether more is to be expected on a channel.
fn is_alive(channel: &Channel, now: Option<Time>) -> bool {
    let heard = channel
        .ends
        .iter()
        .filter_map(|end| end.silence.heard)
        .max();
    let is_silent = heard
        .zip(now)
        .is_some_and(|(heard, now)| now.since(heard) > DEAD);
    channel.is_open() && !is_silent
}
