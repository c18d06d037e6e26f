//! Datagrams that go out.

use std::net::SocketAddr;

use ppspp_dissector::wire::{Bin, ChannelId, ChunkRange, ChunkSpec, Message};

use super::channel::{Channel, ChannelKey, PEERS_ASKED, State, ask_every};
use super::handshake::{put, write, write_closing};
use super::live::Live;
use super::peer::{HANDSHAKE_RETRY, Peer};
use super::serve::{write_content, write_rightmost};
use super::store::StoreError;
use super::swarm::Swarm;
use super::tell::{remind, write_acknowledgements, write_news, write_notices};
use super::time::Moment;

impl Peer {
    /// Adds the next datagram to `out`, which should be empty; where it goes, or
    /// `None` when nothing is to be sent now.
    pub fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        self.commit(now);
        while let Some(key) = self.next_in_line(now) {
            let Some(channel) = self.channels.get_mut(&key) else {
                continue;
            };
            channel.in_line = false;
            let address = channel.address;
            let before = out.len();
            if let Err(error) = self.write(now, key, out) {
                let swarm = self.channels[&key].swarm;
                self.fail(swarm, error);
                out.truncate(before);
            }
            if out.len() > before {
                if let Some(channel) = self.channels.get_mut(&key) {
                    channel.spoke = now;
                    channel.unanswered = channel.unanswered.saturating_add(1);
                    // There may be more.
                    self.line_up(key);
                }
                self.set_timer(key);
                return Some(address);
            }
            self.set_timer(key);
        }
        None
    }

    /// The next channel that may have something to send: one whose turn the upload
    /// rate has come to, where no other is in line.
    fn next_in_line(&mut self, now: Moment) -> Option<ChannelKey> {
        if let Some(key) = self.line.pop_front() {
            return Some(key);
        }
        self.turns.first().filter(|_| self.allowance.allows(now))
    }

    /// Writes what a channel has to send, one datagram at most.
    fn write(&mut self, now: Moment, key: ChannelKey, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        match channel.state {
            State::Closing => {
                if let Some(theirs) = channel.theirs {
                    begin(out, theirs);
                    write_closing(out, &channel.writes);
                }
                self.remove(key);
                return Ok(());
            }
            State::Opening | State::Answering => {
                write_opening(now, channel, swarm, out);
                return Ok(());
            }
            State::Open => {}
        }
        let Some(theirs) = channel.theirs else {
            return Ok(());
        };
        let start = out.len();
        begin(out, theirs);
        let limit = start + self.config.datagram_size;
        write_acknowledgements(channel, swarm, out, limit);
        if channel.profile.lone_acks && out.len() > start + 4 {
            return Ok(());
        }
        remind(now, channel, swarm, self.config.keep_alive);
        let goes = out.len() > start + 4 || channel.owes_third || channel.may_send_content(now);
        write_news(now, channel, swarm, out, limit, goes);
        write_notices(channel, out, start, limit);
        if channel.profile.asks_for_peers && channel.ask_again.is_none_or(|at| at <= now) {
            let (is_hungry, channels) = (swarm.wants_peers(), swarm.channels.len());
            channel.ask_again = Some(now + ask_every(is_hungry, channels));
            // Who names members only needs the certificates of those it knows.
            let collects = swarm.config.membership.is_required && channel.asked_for_peers.is_none();
            if collects || is_hungry && channels < self.config.most_peers {
                channel.asked_for_peers = Some(now);
                channel.peers_due = PEERS_ASKED;
                put(out, &Message::PexReq, &channel.writes);
            }
        }
        let told = write_rightmost(channel, swarm, out, limit)?;
        self.write_requests(now, key, out, limit);
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        // Single acknowledgements go alone, for those who look no further.
        let alone = channel.profile.separate_hashes && out.len() > start + 4;
        let wants = !swarm.failed && channel.may_send_content(now);
        if !wants && std::mem::take(&mut channel.waits) {
            self.turns.leave(key, channel.turn);
        }
        if wants && !alone && self.may_spend(now, key) {
            self.send_content(now, key, out, start, told)?;
        }
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let is_owed = std::mem::take(&mut channel.owes_third);
        if out.len() == start + 4 {
            // Nothing but the channel ID is a keep-alive (section 3.12).
            if !is_owed && now.since(channel.spoke) < self.config.keep_alive {
                out.truncate(start);
            }
        }
        Ok(())
    }
}

impl Peer {
    /// Whether the upload rate lets a channel send content now. Where others are
    /// before it, it waits for its turn.
    fn may_spend(&mut self, now: Moment, key: ChannelKey) -> bool {
        let Some(channel) = self.channels.get_mut(&key) else {
            return false;
        };
        if self.config.upload_rate.is_none() {
            return true;
        }
        channel.waits = true;
        self.turns.wait(key, &mut channel.turn) && self.allowance.allows(now)
    }

    /// Sends content, and counts it.
    fn send_content(
        &mut self,
        now: Moment,
        key: ChannelKey,
        out: &mut Vec<u8>,
        start: usize,
        told: Option<Bin>,
    ) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        let size = self.config.datagram_size;
        let sent = write_content(now, channel, swarm, out, start, size, told)?;
        if std::mem::take(&mut channel.waits) {
            self.turns.serve(key, &mut channel.turn, sent);
        }
        self.allowance.spend(now, sent);
        Ok(())
    }
}

fn begin(out: &mut Vec<u8>, channel: ChannelId) {
    out.extend_from_slice(&channel.0.to_be_bytes());
}

fn write_opening(now: Moment, channel: &mut Channel, swarm: &Swarm, out: &mut Vec<u8>) {
    if channel.handshake_due.is_none_or(|due| due > now) {
        return;
    }
    let initiates = channel.state == State::Opening;
    // Who does not answer may not know the newer options.
    if initiates && channel.handshakes == 3 && channel.profile.falls_back {
        channel.profile = &super::config::Profile::LIBSWIFT;
    }
    begin(out, channel.theirs.unwrap_or(ChannelId::ZERO));
    write(
        out,
        &swarm.config,
        channel.profile,
        channel.ours,
        &channel.writes,
        swarm.live.as_ref().and_then(Live::window),
        initiates,
    );
    channel.handshakes += 1;
    if initiates {
        let wait = HANDSHAKE_RETRY * 2u32.pow(channel.handshakes.saturating_sub(3).min(3));
        channel.handshake_due = Some(now + wait);
        return;
    }
    channel.handshake_due = None;
    // Who has everything need not know (section 3.2).
    if channel.has_all(swarm.content.size()) {
        return;
    }
    // What we have may go with the reply: little, as the address may be
    // another's (section 12.6).
    for range in swarm.content.present().iter().take(4) {
        if let Some(range) = ChunkRange::new(*range.start(), *range.end()) {
            let size = swarm.config.chunk_size;
            for spec in ChunkSpec::parts(range, channel.writes.addressing, size).take(4) {
                put(out, &Message::Have(spec), &channel.writes);
            }
        }
    }
}
