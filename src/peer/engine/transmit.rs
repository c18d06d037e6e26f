//! Datagrams that go out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppspp_dissector::wire::{Bin, ChannelId, ChunkRange, ChunkSpec, Layout, Message};

use super::channel::{ASK_EVERY, Channel, ChannelKey, Notice, State};
use super::content::uncles;
use super::handshake::{put, write, write_closing};
use super::live::Live;
use super::peer::{HANDSHAKE_RETRY, Peer};
use super::picker::Choice;
use super::store::{Chunks, StoreError, last_of};
use super::swarm::{Swarm, SwarmKey};
use super::time::Moment;
use super::upload::{Proof, Turn};

/// Chunks that others are told of at once, at the latest, and how long fewer may
/// wait: HAVEs are gathered.
const NEWS: u64 = 64;
const NEWS_DELAY: Duration = Duration::from_millis(100);

/// HAVEs in one datagram.
const MOST_HAVES: usize = 16;

/// Missing chunks at which everybody is asked for all of them.
const END_GAME: u64 = 24;

/// How far from the playhead chunks are urgent.
const URGENT: u64 = 64;

/// How long a chunk may be on its way before another peer is asked for it, too.
const LATE: Duration = Duration::from_millis(700);

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

    /// Commits what was stored, and tells of it.
    pub(super) fn commit(&mut self, now: Moment) {
        for index in 0..self.swarms.len() {
            if !self.swarms[index].content.has_written() {
                continue;
            }
            let key = SwarmKey(index);
            match self.swarms[index].content.commit() {
                Ok(chunks) => self.announce(now, key, &chunks),
                Err(error) => self.fail(key, error),
            }
            self.tell_complete(key);
        }
    }

    fn announce(&mut self, now: Moment, key: SwarmKey, chunks: &[u64]) {
        let swarm = &self.swarms[key.0];
        let size = swarm.content.size();
        let mut early = Vec::new();
        for channel_key in &swarm.channels {
            let Some(channel) = self.channels.get_mut(channel_key) else {
                continue;
            };
            // Who has everything need not know (section 3.2).
            if channel.has_all(size) {
                continue;
            }
            for &chunk in chunks {
                if !channel.has.contains(&chunk) {
                    channel.news.insert(chunk..=chunk);
                }
            }
            if channel.state == State::Open
                && channel.news_due.is_none()
                && !channel.news.is_empty()
            {
                channel.news_due = Some(now + NEWS_DELAY);
                early.push(*channel_key);
            }
        }
        for key in early {
            self.set_timer(key);
        }
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
        let is_time = |asked: Moment| now.since(asked) >= ASK_EVERY;
        if channel.profile.asks_for_peers && channel.asked_for_peers.is_none_or(is_time) {
            channel.asked_for_peers = Some(now);
            if swarm.is_hungry() && swarm.channels.len() < self.config.most_peers {
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

    /// Asks for chunks.
    fn write_requests(&mut self, now: Moment, key: ChannelKey, out: &mut Vec<u8>, limit: usize) {
        self.choose(now, key);
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let size = self.swarms[channel.swarm.0].config.chunk_size;
        while let Some(range) = channel.download.to_ask.pop_front() {
            for part in parts(range, &channel.writes, size) {
                let Some(spec) = ChunkSpec::of(part, channel.writes.addressing, size) else {
                    continue;
                };
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
        let offered = within(&channel.has, swarm.content.size());
        let offered = offered.as_ref().unwrap_or(&channel.has);
        let choice = Choice {
            claimed: &swarm.claimed,
            offered,
            from: swarm.playhead,
            present: swarm.totals.verified,
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
            channel.download.to_ask.push_back(range);
        }
    }

    /// Chunks that others were asked for and that are asked of this peer, too:
    /// the last ones of the content, and those that a player waits for.
    fn once_more(&self, now: Moment, key: ChannelKey, room: u64) -> Vec<ChunkRange> {
        let Some(channel) = self.channels.get(&key) else {
            return Vec::new();
        };
        let swarm = &self.swarms[channel.swarm.0];
        let end = swarm
            .content
            .size()
            .or_else(|| Some(last_of(&channel.has)? + 1).filter(|_| swarm.live.is_some()));
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

/// What of an offer exists; `None` where all of it may.
fn within(has: &Chunks, size: Option<u64>) -> Option<Chunks> {
    let size = size?;
    let beyond = last_of(has).is_some_and(|last| last >= size);
    beyond.then(|| {
        let mut has = has.clone();
        has.remove(size..=u64::MAX);
        has
    })
}

fn begin(out: &mut Vec<u8>, channel: ChannelId) {
    out.extend_from_slice(&channel.0.to_be_bytes());
}

/// A range as the addressing can name it: bins are aligned.
fn parts(range: ChunkRange, layout: &Layout, chunk_size: u32) -> Vec<ChunkRange> {
    if ChunkSpec::of(range, layout.addressing, chunk_size).is_some() {
        return vec![range];
    }
    let mut parts = Vec::new();
    let mut start = range.start();
    loop {
        // The largest aligned block that begins here and ends within the range.
        let left = range.end() - start + 1;
        let aligned = if start == 0 {
            63
        } else {
            start.trailing_zeros()
        };
        let width = 1u64 << aligned.min(left.ilog2());
        parts.extend(ChunkRange::new(start, start + (width - 1)));
        if left == width {
            return parts;
        }
        start += width;
    }
}

/// The largest interval of a set around a chunk, as one specification.
fn interval(set: &Chunks, chunk: u64, layout: &Layout, chunk_size: u32) -> Option<ChunkSpec> {
    let around = set.get(&chunk)?;
    let whole = ChunkRange::new(*around.start(), *around.end())?;
    if let Some(spec) = ChunkSpec::of(whole, layout.addressing, chunk_size) {
        return Some(spec);
    }
    // The largest complete bin.
    let mut bin = Bin::leaf(chunk)?;
    while let Some(parent) = bin.parent()
        && parent.range().start() >= whole.start()
        && parent.range().end() <= whole.end()
    {
        bin = parent;
    }
    ChunkSpec::of(bin.range(), layout.addressing, chunk_size)
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

fn write_acknowledgements(channel: &mut Channel, swarm: &Swarm, out: &mut Vec<u8>, limit: usize) {
    if channel.acknowledgements.is_empty() {
        return;
    }
    let (layout, size) = (channel.writes, swarm.config.chunk_size);
    let present = swarm.content.present();
    let mut acknowledgements = std::mem::take(&mut channel.acknowledgements);
    let mut done = 0;
    let mut last: Option<(ChunkSpec, usize)> = None;
    for &(chunk, delay) in &acknowledgements {
        if out.len() + 32 > limit {
            break;
        }
        done += 1;
        let spec = if channel.profile.single_acks {
            ChunkSpec::of(ChunkRange::single(chunk), layout.addressing, size)
        } else {
            // The biggest complete interval (section 4.3.2).
            interval(present, chunk, &layout, size)
        };
        let Some(spec) = spec else {
            continue;
        };
        // Of several samples for one interval the last one says most.
        if let Some((before, start)) = last
            && before == spec
        {
            out.truncate(start);
        }
        last = Some((spec, out.len()));
        put(out, &Message::Ack { spec, delay }, &layout);
        if channel.profile.single_acks {
            last = None;
        }
    }
    acknowledgements.drain(..done);
    channel.acknowledgements = acknowledgements;
}

fn write_news(now: Moment, channel: &mut Channel, swarm: &Swarm, out: &mut Vec<u8>, limit: usize) {
    let count = || {
        channel
            .news
            .iter()
            .map(|range| range.end() - range.start() + 1)
    };
    if channel.news.is_empty() {
        channel.news_due = None;
        return;
    }
    if channel.news_due.is_some_and(|due| due > now) && count().sum::<u64>() < NEWS {
        return;
    }
    let (layout, size) = (channel.writes, swarm.config.chunk_size);
    for _ in 0..MOST_HAVES {
        let Some(first) = channel.news.iter().next().map(|range| *range.start()) else {
            break;
        };
        if out.len() + 32 > limit {
            break;
        }
        let spec = interval(swarm.content.present(), first, &layout, size);
        let told = spec.and_then(|spec| spec.chunks(size).range());
        let (Some(spec), Some(told)) = (spec, told) else {
            channel.news.remove(first..=first);
            continue;
        };
        put(out, &Message::Have(spec), &layout);
        channel.news.remove(told.start()..=told.end());
    }
    channel.news_due = (!channel.news.is_empty()).then_some(now);
    channel.reminder = Some(now + channel.reminder_wait);
}

/// Tells a peer of our last chunk again, where it does not seem to know.
fn remind(now: Moment, channel: &mut Channel, swarm: &Swarm, most: Duration) {
    if channel.reminder.is_none_or(|due| due > now) {
        return;
    }
    channel.reminder = None;
    if let Some(last) = last_of(swarm.content.present())
        && !channel.has.contains(&last)
    {
        channel.news.insert(last..=last);
        channel.news_due = Some(now);
        channel.reminder_wait = (channel.reminder_wait * 2).min(most);
    }
}

fn write_notices(channel: &mut Channel, out: &mut Vec<u8>, limit: usize) {
    let layout = channel.writes;
    let size = layout.chunk_size.or_assumed();
    while out.len() + 32 <= limit
        && let Some(notice) = channel.notices.pop_front()
    {
        let message = match notice {
            Notice::Choke => Message::Choke,
            Notice::Unchoke => Message::Unchoke,
            Notice::Cancel(chunk) => {
                let range = ChunkRange::single(chunk);
                match ChunkSpec::of(range, layout.addressing, size) {
                    Some(spec) => Message::Cancel(spec),
                    None => continue,
                }
            }
            Notice::Peer(address) => match address.ip() {
                IpAddr::V4(ip) => Message::PexResV4 {
                    address: ip,
                    port: address.port(),
                },
                IpAddr::V6(ip) => Message::PexResV6 {
                    address: ip,
                    port: address.port(),
                },
            },
        };
        put(out, &message, &layout);
    }
}

/// Sends the peer a chunk that it waits for, with the hashes that it needs, or
/// the hashes alone where both don't fit. Returns the bytes that count as
/// content.
fn write_content(
    now: Moment,
    channel: &mut Channel,
    swarm: &mut Swarm,
    out: &mut Vec<u8>,
    start: usize,
    datagram_size: usize,
) -> Result<usize, StoreError> {
    let chunk_size = swarm.content.chunk_size();
    if !channel.has_content_to_send() || !channel.upload.ledbat.may_send(now, chunk_size) {
        return Ok(0);
    }
    let has = &channel.has;
    let present = swarm.content.present();
    let needed = |chunk: u64| present.contains(&chunk) && !has.contains(&chunk);
    let Some(mut turn) = channel.upload.next(needed) else {
        return Ok(0);
    };
    let Turn { chunk, again, .. } = turn;
    let layout = channel.writes;
    let data_length = 1 + 16 + 8 + chunk_size as usize;
    // Large chunks are fragmented by IP anyway.
    let limit = start + datagram_size.max(data_length + 4);
    if out.len() + data_length > limit {
        // What is in the datagram already leaves no place: the chunk is next.
        channel.upload.put_back(turn);
        return Ok(0);
    }
    let mut proofs = match turn.proofs.take() {
        Some(rest) => rest,
        None => proofs_for(channel, swarm, chunk, again)?,
    };
    let size_of = |proof: &Proof| match proof {
        Proof::Hash(_, hash) => 1 + 16 + hash.as_bytes().len(),
        Proof::Signature(_, signature) => 1 + 16 + 8 + signature.bytes.len(),
    };
    let needed: usize = proofs.iter().map(size_of).sum();
    let is_apart = channel.profile.separate_hashes || out.len() + needed + data_length > limit;
    if !proofs.is_empty() && is_apart {
        // In a datagram of their own, the highest first.
        let mut room = (start + datagram_size).saturating_sub(out.len());
        let fits = proofs.iter().take_while(|proof| {
            let fits = size_of(proof) <= room;
            room = room.saturating_sub(size_of(proof));
            fits
        });
        let rest = proofs.split_off(fits.count().max(1));
        write_proofs(channel, &proofs, out);
        channel.upload.put_back(Turn {
            proofs: Some(rest),
            ..turn
        });
        return Ok(0);
    }
    write_proofs(channel, &proofs, out);
    let range = ChunkRange::single(chunk);
    let Some(spec) = ChunkSpec::of(range, layout.addressing, chunk_size) else {
        return Ok(0);
    };
    let message = Message::Data {
        spec,
        timestamp: layout.data_timestamp.then(|| now.microseconds()),
        data: &[],
        data_length: 0,
    };
    put(out, &message, &layout);
    let before = out.len();
    swarm.content.read(chunk, out)?;
    let length = out.len() - before;
    channel.sent += length as u64;
    swarm.totals.sent += length as u64;
    swarm.totals.resent += u64::from(again);
    channel
        .upload
        .sent(now, chunk, (out.len() - start) as u32, again);
    Ok(out.len() - start)
}

/// What a peer needs with a chunk: peaks as long as it has not shown to know
/// them, or the signed munro, then the uncles, the highest first.
fn proofs_for(
    channel: &mut Channel,
    swarm: &mut Swarm,
    chunk: u64,
    again: bool,
) -> Result<Vec<Proof>, StoreError> {
    let mut proofs = Vec::new();
    if !swarm.content.is_protected() {
        return Ok(proofs);
    }
    let has = &channel.has;
    let has_any = |range: ChunkRange| has.overlaps(&(range.start()..=range.end()));
    let (top, knows_top) = match &swarm.live {
        None => {
            if !channel.knows_peaks {
                for peak in swarm.content.peaks().to_vec() {
                    add_hash(&mut proofs, channel, swarm, peak, again)?;
                }
            }
            (swarm.content.peak_above(chunk), channel.knows_peaks)
        }
        Some(live) => {
            let Some(top) = live.signed_above(chunk) else {
                return Ok(proofs);
            };
            let signature = live.signature(top).cloned();
            let knows = has_any(top.range());
            if live.signs_chunks {
                proofs.extend(signature.map(|signature| Proof::Signature(top, signature)));
                return Ok(proofs);
            }
            if !knows && (again || channel.upload.should_send_hash(top, again)) {
                add_hash(&mut proofs, channel, swarm, top, true)?;
                proofs.extend(signature.map(|signature| Proof::Signature(top, signature)));
            }
            (Some(top), knows)
        }
    };
    let Some(top) = top else {
        return Ok(proofs);
    };
    let mut below = Vec::new();
    uncles(chunk, top, |range| knows_top && has_any(range), &mut below);
    for uncle in below {
        add_hash(&mut proofs, channel, swarm, uncle, again)?;
    }
    Ok(proofs)
}

/// Adds the hash of a node, unless it was sent often enough.
fn add_hash(
    proofs: &mut Vec<Proof>,
    channel: &Channel,
    swarm: &mut Swarm,
    node: Bin,
    again: bool,
) -> Result<(), StoreError> {
    if channel.upload.should_send_hash(node, again)
        && let Some(hash) = swarm.content.hash(node)?
    {
        proofs.push(Proof::Hash(node, hash));
    }
    Ok(())
}

/// The rightmost signed munro goes with every datagram until the peer has a
/// chunk below it, or a later one (RFC 7574, section 6.1.2.4).
fn write_rightmost(
    channel: &mut Channel,
    swarm: &mut Swarm,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), StoreError> {
    let Some(live) = swarm.live.as_ref().filter(|live| !live.signs_chunks) else {
        return Ok(());
    };
    let Some(munro) = live.rightmost() else {
        return Ok(());
    };
    let is_known = channel.has.overlaps(&(munro.range().start()..=u64::MAX));
    let is_told = channel.told_munro == Some(munro) && out.len() < 8;
    let Some(signature) = live.signature(munro).filter(|_| !is_known && !is_told) else {
        return Ok(());
    };
    let signature = signature.clone();
    let Some(hash) = swarm.content.hash(munro)? else {
        return Ok(());
    };
    if out.len() + 64 + hash.as_bytes().len() + signature.bytes.len() <= limit {
        channel.told_munro = Some(munro);
        let proofs = [Proof::Hash(munro, hash), Proof::Signature(munro, signature)];
        write_proofs(channel, &proofs, out);
    }
    Ok(())
}

fn write_proofs(channel: &mut Channel, proofs: &[Proof], out: &mut Vec<u8>) {
    let layout = channel.writes;
    let size = layout.chunk_size.or_assumed();
    for proof in proofs {
        let Some(spec) = ChunkSpec::of(proof.node().range(), layout.addressing, size) else {
            continue;
        };
        let message = match proof {
            Proof::Hash(_, hash) => Message::Integrity {
                spec,
                hash: hash.as_bytes(),
            },
            Proof::Signature(_, signature) => Message::SignedIntegrity {
                spec,
                timestamp: signature.timestamp,
                signature: &signature.bytes,
            },
        };
        put(out, &message, &layout);
        if matches!(proof, Proof::Hash(..)) {
            channel.upload.sent_hash(proof.node(), &channel.has);
        }
    }
}
