//! Datagrams that go out.

use std::net::SocketAddr;

use ppspp_dissector::wire::{ChannelId, ChunkRange, ChunkSpec, Message};

use super::channel::{Channel, ChannelKey, State, ask_every};
use super::handshake::{put, write, write_closing};
use super::live::Live;
use super::naming::parts;
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
        while let Some(key) = self.line.pop_front() {
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
        remind(now, channel, swarm, self.config.keep_alive);
        write_news(now, channel, swarm, out, limit);
        write_notices(channel, out, limit);
        if channel.profile.asks_for_peers && channel.ask_again.is_none_or(|at| at <= now) {
            let (is_hungry, channels) = (swarm.is_hungry(), swarm.channels.len());
            channel.ask_again = Some(now + ask_every(is_hungry, channels));
            if is_hungry && channels < self.config.most_peers {
                channel.asked_for_peers = Some(now);
                put(out, &Message::PexReq, &channel.writes);
            }
        }
        write_rightmost(channel, swarm, out, limit)?;
        self.write_requests(now, key, out, limit);
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        // Single acknowledgements go alone, for those who look no further.
        let alone = channel.profile.separate_hashes && out.len() > start + 4;
        if !alone && !swarm.failed && self.allowance.allows(now) {
            let sent = write_content(now, channel, swarm, out, start, self.config.datagram_size)?;
            self.allowance.spend(now, sent);
        }
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

fn begin(out: &mut Vec<u8>, channel: ChannelId) {
    out.extend_from_slice(&channel.0.to_be_bytes());
}

fn write_opening(now: Moment, channel: &mut Channel, swarm: &Swarm, out: &mut Vec<u8>) {
    if channel.handshake_due.is_none_or(|due| due > now) {
        return;
    }
    let initiates = channel.state == State::Opening;
    // Who does not answer may not know the newer options.
    if initiates && channel.handshakes == 3 && channel.profile.declares_chunk_size {
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
            for part in parts(range, &channel.writes, swarm.config.chunk_size)
                .into_iter()
                .take(4)
            {
                let size = swarm.config.chunk_size;
                if let Some(spec) = ChunkSpec::of(part, channel.writes.addressing, size) {
                    put(out, &Message::Have(spec), &channel.writes);
                }
            }
        }
    }
}
