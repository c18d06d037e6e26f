//! Asking peers for chunks.

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ChunkSpec, Chunks, Message};

use super::channel::ChannelKey;
use super::handshake::put;
use super::peer::Peer;
use super::picker::Choice;
use super::store::last_of;
use super::time::Moment;

/// Missing chunks at which everybody is asked for all of them.
const END_GAME: u64 = 64;

/// How far from the playhead chunks are urgent.
const URGENT: u64 = 64;

/// How long a chunk may be on its way before another peer is asked for it, too.
const LATE: Duration = Duration::from_millis(700);

impl Peer {
    /// Asks for chunks.
    pub(super) fn write_requests(
        &mut self,
        now: Moment,
        key: ChannelKey,
        out: &mut Vec<u8>,
        limit: usize,
    ) {
        self.choose(now, key);
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let size = self.swarms[channel.swarm.0].config.chunk_size;
        while let Some(range) = channel.download.to_ask.pop_front() {
            let addressing = channel.writes.addressing;
            for spec in ChunkSpec::parts(range, addressing, size) {
                // Who does not answer for the first chunk alone sends the second again.
                let is_first = spec.chunks(size) == Chunks::Range(ChunkRange::single(0));
                let both = ChunkRange::new(0, 1)
                    .filter(|_| is_first && channel.profile.ignores_first_alone)
                    .and_then(|both| ChunkSpec::of(both, addressing, size));
                let spec = both.unwrap_or(spec);
                put(out, &Message::Request(spec), &channel.writes);
            }
            if out.len() + 64 > limit {
                break;
            }
        }
    }

    /// Chooses what to ask a peer for.
    fn choose(&mut self, now: Moment, key: ChannelKey) {
        let Some(channel) = self.channels.get(&key) else {
            return;
        };
        let swarm_key = channel.swarm;
        let swarm = &self.swarms[swarm_key.0];
        if channel.chokes_us || !swarm.is_hungry() || !channel.download.to_ask.is_empty() {
            return;
        }
        let mut room = channel.download.room();
        // Nobody knows yet whether the chunks that are offered exist.
        if swarm.content.size().is_none() && swarm.content.is_static() {
            let is_first = !channel.download.is_waiting();
            room = if is_first { room.min(4) } else { 0 };
        }
        if room == 0 {
            return;
        }
        let channels = &self.channels;
        let copies = |chunk: u64| {
            let peers = swarm.channels.iter().filter_map(|key| channels.get(key));
            peers.filter(|peer| peer.has.contains(&chunk)).count()
        };
        let choice = Choice {
            claimed: &swarm.claimed,
            offered: &channel.has,
            from: swarm.playhead,
            present: swarm.totals.verified,
            peers: swarm
                .channels
                .iter()
                .filter_map(|key| channels.get(key))
                .filter(|peer| !peer.has.is_empty())
                .count(),
            copies: &copies,
        };
        let mut chosen = swarm.picker.pick(&choice, room, &mut self.random);
        if chosen.is_empty() {
            chosen = self.once_more(now, key, room);
        }
        let swarm = &mut self.swarms[swarm_key.0];
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        for range in chosen {
            swarm.claimed.insert(range.start()..=range.end());
            for chunk in range.start()..=range.end() {
                channel.download.ask(now, chunk);
            }
            // One REQUEST names them where they follow each other.
            let joined = channel.download.to_ask.back_mut().and_then(|last| {
                let follows = last.end().checked_add(1) == Some(range.start());
                let joined = ChunkRange::new(last.start(), range.end());
                joined.filter(|_| follows).map(|joined| *last = joined)
            });
            if joined.is_none() {
                channel.download.to_ask.push_back(range);
            }
        }
    }

    /// Chunks that others were asked for and that are asked of this peer, too:
    /// the last ones of the content, and those that a player waits for.
    fn once_more(&self, now: Moment, key: ChannelKey, room: u64) -> Vec<ChunkRange> {
        let Some(channel) = self.channels.get(&key) else {
            return Vec::new();
        };
        let swarm = &self.swarms[channel.swarm.0];
        let end = swarm.content.size().or_else(|| {
            last_of(&channel.has)?
                .checked_add(1)
                .filter(|_| swarm.live.is_some())
        });
        let Some(size) = end.filter(|&size| size > 0) else {
            return Vec::new();
        };
        let urgent = swarm.playhead..=swarm.playhead.saturating_add(URGENT).min(size - 1);
        let is_end = swarm.live.is_none() && swarm.totals.verified + END_GAME >= size;
        let searched = if is_end {
            0..=size - 1
        } else if swarm.picker.is_urgent() && !urgent.is_empty() {
            urgent
        } else {
            return Vec::new();
        };
        let present = swarm.content.present();
        let missing = present.gaps(&searched).flatten();
        let is_late = |chunk: u64| {
            let asked = swarm
                .channels
                .iter()
                .filter_map(|other| self.channels.get(other))
                .filter_map(|other| other.download.asked_at(chunk));
            asked.max().is_none_or(|at| now.since(at) >= LATE)
        };
        missing
            .take(END_GAME.max(URGENT) as usize)
            .filter(|&chunk| {
                channel.has.contains(&chunk)
                    && !channel.download.has_asked(chunk)
                    && !swarm.content.has(chunk)
                    && is_late(chunk)
            })
            .take(room as usize)
            .map(ChunkRange::single)
            .collect()
    }
}
