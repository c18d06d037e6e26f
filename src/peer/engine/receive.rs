//! Datagrams that come in.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppspp_dissector::integrity::{Hash, Peak};
use ppspp_dissector::wire::dialect::PYPPSPP;
use ppspp_dissector::wire::{
    Bin, ChunkRange, Chunks as Named, Handshake, Layout, Located, Message, Reader,
};

use super::channel::{Channel, ChannelKey, Notice, REMIND_AFTER, State};
use super::conduct::{emptiness, weight};
use super::content::Check;
use super::event::{Ending, Event};
use super::handshake::{Declared, layout};
use super::live::{Signature, is_fresh};
use super::peer::{MOST_HANDSHAKES, Peer};
use super::store::{StoreError, last_of};
use super::swarm::SwarmKey;
use super::time::Moment;

/// Chunks that one peer may wait for at once: about what LEDBAT's widest window
/// can bring it in a second.
const MOST_WAITING: u64 = 64 * 1024;

/// Chunks in a row that lack hashes, or do not fit theirs, before a peer counts
/// as malicious.
const MOST_UNPROVEN: u32 = 512;

/// How long a peer's chunks may lack hashes: one lost datagram may leave all
/// that are on their way without.
const UNPROVEN_FOR: Duration = Duration::from_secs(5);
const MOST_MISFITS: u32 = 8;

/// Messages that are taken from the datagram that opens a channel: its address
/// may be another's (section 12.6.1).
const MOST_FIRST_MESSAGES: usize = 32;

/// Ranges of chunks that are remembered of what all peers offer together, about
/// (60 MB), and of what one offers where there are few.
const MOST_OFFERED: usize = 1 << 20;
const MOST_OFFERED_BY_ONE: usize = 1 << 15;

impl Peer {
    /// A datagram has come from `source`.
    pub fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        let Ok((id, reader)) = Reader::new(datagram, datagram.len()) else {
            return;
        };
        if id.is_zero() {
            return self.opened(now, source, reader);
        }
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        // From anywhere else it is discarded (section 3.1.1, step 7).
        if self
            .channels
            .get(&key)
            .is_none_or(|it| it.address != source)
        {
            return;
        }
        self.heard(now, key, reader);
        self.line_up(key);
        self.set_timer(key);
    }

    /// A datagram to channel 0: somebody wants to open a channel.
    fn opened(&mut self, now: Moment, source: SocketAddr, mut reader: Reader<'_>) {
        // Which swarm it is about nobody knows yet, nor what options it may have.
        let mut again = reader.clone();
        let mut first = reader.next(&Layout::RFC);
        if first.as_ref().is_some_and(Result::is_err) {
            first = again.next(&Layout::of_dialect(&PYPPSPP));
            reader = again;
        }
        let Some(Ok(Located {
            message: Message::Handshake(handshake),
            ..
        })) = first
        else {
            return;
        };
        if handshake.is_closing() {
            return;
        }
        let declared = Declared::by(&handshake);
        let Some(swarm) = declared
            .swarm_id
            .as_deref()
            .and_then(|id| self.swarm_with_id(id))
        else {
            return;
        };
        let theirs = handshake.source_channel;
        let same = self
            .channels
            .iter()
            .find(|(_, it)| it.address == source && it.theirs == Some(theirs));
        if let Some((&key, channel)) = same {
            // Our reply was lost.
            if channel.state == State::Answering
                && channel.handshakes < MOST_HANDSHAKES
                && let Some(channel) = self.channels.get_mut(&key)
            {
                channel.handshake_due = Some(now);
                self.line_up(key);
            }
            return;
        }
        let found = &self.swarms[swarm.0];
        // Whoever fails a check is not answered: its address may be another's.
        if declared.conflict(&found.config).is_some() || found.banned.contains(&source) {
            return;
        }
        let is_live = found.live.is_some();
        let profile = declared.profile(found.config.profile);
        let addressing = declared.addressing.unwrap_or(found.config.addressing);
        let added = self.add_channel(
            now,
            swarm,
            source,
            State::Answering,
            Some(theirs),
            profile,
            addressing,
        );
        if let Some(key) = added {
            if let Some(channel) = self.channels.get_mut(&key) {
                channel.window = declared.window.filter(|_| is_live);
            }
            // Haves and requests may come with it.
            self.messages(now, key, reader);
        }
    }

    /// A datagram on a channel of ours.
    fn heard(&mut self, now: Moment, key: ChannelKey, reader: Reader<'_>) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        channel.heard = now;
        channel.unanswered = 0;
        if channel.state == State::Answering {
            // The third datagram: our reply has come where it should.
            channel.state = State::Open;
            channel.round_trip = Some(now.since(channel.spoke));
            self.connected(now, key);
        }
        self.messages(now, key, reader);
    }

    fn messages(&mut self, now: Moment, key: ChannelKey, reader: Reader<'_>) {
        let mut asked = false;
        self.each_message(now, key, reader, &mut asked);
        if asked {
            self.serve_here_only(key);
        }
    }

    /// Of several channels to one address in one swarm the one that asked last is
    /// served: a peer gets one share, and who opens another channel has given the
    /// first one up.
    fn serve_here_only(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get(&key) else {
            return;
        };
        let address = channel.address;
        for other in &self.swarms[channel.swarm.0].channels {
            if let Some(channel) = self.channels.get_mut(other)
                && *other != key
                && channel.address == address
            {
                channel.upload.clear();
            }
        }
    }

    /// Takes the messages of a datagram; whether it `asked` for content.
    fn each_message(
        &mut self,
        now: Moment,
        key: ChannelKey,
        mut reader: Reader<'_>,
        asked: &mut bool,
    ) {
        for count in 0.. {
            let Some(channel) = self.channels.get_mut(&key) else {
                return;
            };
            let is_half_open = channel.state == State::Answering;
            if channel.state == State::Closing || is_half_open && count >= MOST_FIRST_MESSAGES {
                return;
            }
            let swarm = &self.swarms[channel.swarm.0];
            // What can't be read is left aside, with all that follows it.
            let (weight, located) = match reader.next(&channel.reads) {
                Some(Ok(located)) => {
                    let range = range_of(channel, &located.message);
                    let wants = swarm.is_hungry();
                    let message = &located.message;
                    let weight = weight(channel, &swarm.content, wants, message, range);
                    (weight, Some(located))
                }
                None if count > 0 => return,
                None => (emptiness(false), None),
                Some(Err(_)) => (emptiness(true), None),
            };
            if channel.conduct.blame(now, weight) {
                return self.end(key, Ending::Abusive);
            }
            let Some(located) = located else {
                return;
            };
            *asked |= matches!(located.message, Message::Request(_));
            if let Err(error) = self.message(now, key, &located.message) {
                let swarm = self.channels[&key].swarm;
                return self.fail(swarm, error);
            }
        }
    }

    fn message(
        &mut self,
        now: Moment,
        key: ChannelKey,
        message: &Message<'_>,
    ) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let is_open = channel.state == State::Open;
        let range = range_of(channel, message);
        match (message, range) {
            (Message::Handshake(handshake), _) => self.shaken(now, key, handshake),
            (Message::Have(_), Some(range)) => {
                if channel.profile.acknowledges_breaks {
                    channel.upload.acknowledged(now, range, None);
                }
                self.offered(key, range);
            }
            (
                Message::Data {
                    data, timestamp, ..
                },
                Some(range),
            ) if is_open && range.is_single() => {
                self.chunk(now, key, range.start(), data, *timestamp)?;
            }
            (Message::Ack { delay, .. }, Some(range)) if is_open => {
                let count = channel.upload.acknowledged(now, range, Some(*delay));
                channel.conduct.took(count);
                channel.knows_peaks = true;
                self.offered(key, range);
            }
            (Message::Integrity { hash, .. }, Some(range)) if is_open => {
                if let (Some(hash), Some(bin)) = (Hash::from_bytes(hash), Bin::covering(range)) {
                    self.hash(key, bin, hash)?;
                }
            }
            (
                Message::SignedIntegrity {
                    timestamp,
                    signature,
                    ..
                },
                Some(range),
            ) if is_open => {
                if let Some(node) = Bin::covering(range) {
                    let signature = Signature {
                        timestamp: *timestamp,
                        bytes: signature.to_vec(),
                    };
                    self.signature(now, key, node, signature)?;
                }
            }
            (Message::Request(_), Some(range)) => {
                let last = last_of(self.swarms[channel.swarm.0].content.present());
                // Beyond what is there nothing can be sent.
                let end = last.map(|last| range.end().min(last));
                if channel.choked {
                    channel.asked_choked(now);
                } else if let Some(range) = end.and_then(|end| ChunkRange::new(range.start(), end))
                {
                    if channel.profile.acknowledges_breaks {
                        for chunk in in_swapped_pairs(range) {
                            channel.upload.request(chunk, MOST_WAITING);
                        }
                    } else {
                        channel.upload.request(range, MOST_WAITING);
                    }
                }
            }
            (Message::Cancel(_), Some(range)) => channel.upload.cancel(range),
            (Message::Choke, _) => {
                channel.chokes_us = true;
                let swarm = channel.swarm;
                for chunk in channel.download.give_up_all() {
                    self.swarms[swarm.0].unclaim(chunk);
                }
                self.ask_others(swarm);
            }
            (Message::Unchoke, _) => channel.chokes_us = false,
            (Message::PexReq, _) if is_open => self.asked_for_peers(now, key),
            (Message::PexResCert { certificate }, _) if is_open => {
                self.told_of_member(key, certificate);
            }
            (Message::PexResV4 { address, port }, _) if is_open => {
                self.told_of_peer(now, key, SocketAddr::new((*address).into(), *port));
            }
            (Message::PexResV6 { address, port }, _) if is_open => {
                // A dual-stack socket's way to write an IPv4 address.
                let address = address
                    .to_ipv4_mapped()
                    .map_or(IpAddr::V6(*address), IpAddr::V4);
                self.told_of_peer(now, key, SocketAddr::new(address, *port));
            }
            _ => {}
        }
        Ok(())
    }

    /// A HANDSHAKE on a channel of ours.
    fn shaken(&mut self, now: Moment, key: ChannelKey, handshake: &Handshake<'_>) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        if handshake.is_closing() {
            return self.end(key, Ending::ByPeer);
        }
        // The other end's options can't change once the channel is open.
        if channel.state != State::Opening {
            return;
        }
        let declared = Declared::by(handshake);
        let found = &self.swarms[channel.swarm.0];
        channel.theirs = Some(handshake.source_channel);
        if let Some(conflict) = declared.conflict(&found.config) {
            return self.end(key, Ending::Incompatible(conflict));
        }
        if let Some(addressing) = declared.addressing {
            channel.reads = layout(&found.config, addressing);
        }
        // PyPPSPP declares one of static content, too, and discards nothing.
        channel.window = declared.window.filter(|_| found.live.is_some());
        channel.profile = declared.profile(channel.profile);
        channel.state = State::Open;
        channel.handshake_due = None;
        channel.owes_third = true;
        // After several tries nobody knows which one was answered.
        if channel.handshakes == 1 {
            channel.round_trip = Some(now.since(channel.spoke));
        }
        self.connected(now, key);
    }

    /// A channel is open from now on.
    fn connected(&mut self, now: Moment, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let (swarm, address) = (channel.swarm, channel.address);
        channel.connected = true;
        channel.opened = now;
        channel.news = self.swarms[swarm.0].content.present().clone();
        channel.news_due = Some(now);
        // Nobody expects to be choked or not: only who is, is told.
        if channel.choked {
            channel.notices.push_back(Notice::Choke);
        }
        let found = &mut self.swarms[swarm.0];
        if channel.choked {
            // A newcomer need not wait for the next review where there is room.
            let soon = now + Duration::from_millis(500);
            found.next_review = found.next_review.min(soon);
        }
        self.events.push_back(Event::Connected { swarm, address });
        self.line_up(key);
    }

    /// The peer has chunks.
    fn offered(&mut self, key: ChannelKey, range: ChunkRange) {
        let most = MOST_OFFERED / self.channels.len().max(MOST_OFFERED / MOST_OFFERED_BY_ONE);
        if let Some(channel) = self.channels.get_mut(&key) {
            // What the content does not have can't be offered.
            let size = self.swarms[channel.swarm.0].content.size();
            let end = size.map_or(range.end(), |size| range.end().min(size.saturating_sub(1)));
            let Some(range) = ChunkRange::new(range.start(), end) else {
                return;
            };
            let joins = range.start().saturating_sub(1)..=range.end().saturating_add(1);
            if channel.has.len() >= most && !channel.has.overlaps(&joins) {
                return;
            }
            channel.has.insert(range.start()..=range.end());
            channel.forget_discarded();
            channel.reminder_wait = REMIND_AFTER;
            // Who has verified anything knows the peaks.
            channel.knows_peaks = true;
            channel.news.remove(range.start()..=range.end());
            // Signed chunks come without hashes that tell where the stream is.
            let swarm = channel.swarm;
            let found = &self.swarms[swarm.0];
            if found.config.wants_content && found.live.as_ref().is_some_and(|it| !it.has_munros())
            {
                self.tune_in(swarm, range.end());
            }
        }
    }

    /// A hash has come.
    fn hash(&mut self, key: ChannelKey, bin: Bin, hash: Hash) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm = channel.swarm;
        let download = &mut channel.download;
        let content = &mut self.swarms[swarm.0].content;
        if !content.is_protected() {
            return Ok(());
        }
        if content.hash(bin)?.is_none() {
            download.keep_hash(bin, hash);
        }
        // Peaks follow each other from chunk 0 on and get smaller.
        let chunks = bin.range();
        let run = &mut download.run;
        let follows = |last: &Peak| {
            last.chunks.end() + 1 == chunks.start() && chunks.count() < last.chunks.count()
        };
        if chunks.start() == 0 {
            run.clear();
        } else if !run.last().is_some_and(follows) {
            return Ok(());
        }
        run.push(Peak { chunks, hash });
        if content.offer_peaks(run)?
            && let Some(chunks) = content.size()
        {
            self.events.push_back(Event::SizeKnown { swarm, chunks });
            for key in &self.swarms[swarm.0].channels {
                if let Some(channel) = self.channels.get_mut(key) {
                    channel.has.remove(chunks..=u64::MAX);
                }
            }
        }
        Ok(())
    }

    /// A signature has come.
    fn signature(
        &mut self,
        now: Moment,
        key: ChannelKey,
        node: Bin,
        signature: Signature,
    ) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let swarm_key = channel.swarm;
        let swarm = &mut self.swarms[swarm_key.0];
        let Some(live) = &mut swarm.live else {
            return Ok(());
        };
        if live.has_signature(node) {
            return Ok(());
        }
        let is_new = is_fresh(signature.timestamp, now);
        if live.signs_chunks {
            // It is verified when its chunk comes, unless that has come before; where
            // the stream is, is told by HAVEs.
            let chunk = node.range().start();
            channel.download.keep_signature(chunk, signature);
            if let Some((data, delay)) = channel.download.unpark_one(chunk) {
                self.signed_late(now, key, chunk, &data, delay)?;
            }
            return Ok(());
        }
        if live.is_too_old(&signature, now) {
            return Ok(());
        }
        let hash = match swarm.content.hash(node)? {
            Some(known) => Some(known),
            None => channel.download.hash(node),
        };
        let Some(hash) = hash else {
            return Ok(());
        };
        // Nobody but libswift signs the hash alone, which anybody can date anew.
        let takes_hash_alone =
            swarm.config.profile.signs_hash_alone || channel.profile.signs_hash_alone;
        if !live.verifies_munro(node, &hash, &signature, takes_hash_alone) {
            swarm.totals.wrong += 1;
            channel.download.misfits += 1;
            if channel.download.misfits >= MOST_MISFITS {
                self.end(key, Ending::Malicious("its signatures are wrong"));
            }
            return Ok(());
        }
        if is_new {
            live.tuned_in_by(&signature);
        }
        live.keep(node, signature);
        swarm.content.trust(node, &hash)?;
        if is_new && swarm.config.wants_content {
            self.tune_in(swarm_key, node.range().start());
        }
        self.slide(swarm_key);
        Ok(())
    }

    /// The signature of a chunk has come that was here before it.
    fn signed_late(
        &mut self,
        now: Moment,
        key: ChannelKey,
        chunk: u64,
        data: &[u8],
        delay: u64,
    ) -> Result<(), StoreError> {
        let Some(channel) = self.channels.get(&key) else {
            return Ok(());
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        let signature = channel.download.signature(chunk);
        if let (Some(live), Some(signature), Some(leaf)) =
            (&mut swarm.live, signature, Bin::leaf(chunk))
            && !swarm.content.has(chunk)
            && live.verifies_chunk(chunk, data, signature)
        {
            live.keep(leaf, signature.clone());
            swarm.content.keep(chunk, data)?;
            self.kept(now, key, chunk, data.len(), delay);
        }
        Ok(())
    }

    /// The stream is at this chunk, where that was not known yet.
    fn tune_in(&mut self, key: SwarmKey, chunk: u64) {
        let swarm = &mut self.swarms[key.0];
        if let Some(live) = &mut swarm.live
            && !std::mem::replace(&mut live.tuned_in, true)
        {
            swarm.playhead = chunk;
            self.events.push_back(Event::TunedIn { swarm: key, chunk });
            self.ask_others(key);
        }
    }

    /// A chunk has come.
    fn chunk(
        &mut self,
        now: Moment,
        key: ChannelKey,
        chunk: u64,
        data: &[u8],
        timestamp: Option<u64>,
    ) -> Result<(), StoreError> {
        // Who sends a chunk has it.
        self.offered(key, ChunkRange::single(chunk));
        let Some(channel) = self.channels.get_mut(&key) else {
            return Ok(());
        };
        let round_trip = channel.answer_time();
        let delay = timestamp.map_or(0, |sent| now.microseconds().wrapping_sub(sent));
        let swarm = &mut self.swarms[channel.swarm.0];
        if swarm.failed {
            return Ok(());
        }
        if swarm.content.has(chunk) {
            swarm.totals.duplicate += 1;
            channel.download.came(now, chunk, round_trip);
            channel.acknowledgements.push((chunk, delay));
            return Ok(());
        }
        let has_left = swarm.live.as_ref().is_some_and(|it| it.has_left(chunk));
        if !swarm.config.wants_content || has_left {
            return Ok(());
        }
        // Where nothing protects the content, a chunk that nobody was asked for may
        // lie anywhere, and make a file as long as its number.
        if !swarm.content.is_protected() && !swarm.claimed.contains(&chunk) {
            return Ok(());
        }
        let download = &channel.download;
        let check = match &mut swarm.live {
            // What can be no chunk is none, whatever its signature.
            Some(live)
                if live.signs_chunks
                    && (data.is_empty() || data.len() > swarm.config.chunk_size as usize) =>
            {
                Check::Wrong
            }
            Some(live) if live.signs_chunks => match download.signature(chunk) {
                None => Check::Unproven,
                Some(signature) if live.verifies_chunk(chunk, data, signature) => {
                    if let Some(leaf) = Bin::leaf(chunk) {
                        live.keep(leaf, signature.clone());
                    }
                    swarm.content.keep(chunk, data)?;
                    Check::Right
                }
                Some(_) => Check::Misfit,
            },
            _ => {
                let offered = last_of(&channel.has);
                let before = swarm.content.size();
                let hash = |node| download.hash(node);
                let check = swarm.content.take(chunk, data, offered, hash)?;
                if let Some(chunks) = swarm.content.size().filter(|_| before.is_none()) {
                    let swarm = channel.swarm;
                    self.events.push_back(Event::SizeKnown { swarm, chunks });
                }
                check
            }
        };
        match check {
            Check::Right => {
                self.kept(now, key, chunk, data.len(), delay);
                self.unpark(now, key)?;
            }
            Check::Unproven => {
                swarm.totals.unproven += 1;
                channel.download.unproven += 1;
                let silent = now.since(channel.download.latest().max(channel.opened));
                if channel.download.unproven >= MOST_UNPROVEN && silent >= UNPROVEN_FOR {
                    self.end(key, Ending::Malicious("it sends chunks without hashes"));
                } else {
                    channel.download.park(chunk, data, delay);
                }
            }
            Check::Misfit => {
                swarm.totals.wrong += 1;
                channel.download.misfits += 1;
                channel.download.forget_hashes();
                if channel.download.misfits >= MOST_MISFITS {
                    self.end(key, Ending::Malicious("its chunks do not fit their hashes"));
                }
            }
            Check::Wrong => {
                swarm.totals.wrong += 1;
                self.end(key, Ending::Malicious("it sent a wrong chunk"));
            }
        }
        Ok(())
    }

    /// A chunk was verified and kept.
    fn kept(&mut self, now: Moment, key: ChannelKey, chunk: u64, length: usize, delay: u64) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let swarm = &mut self.swarms[channel.swarm.0];
        swarm.totals.verified += 1;
        swarm.totals.received += length as u64;
        channel.received += length as u64;
        swarm.claimed.insert(chunk..=chunk);
        let round_trip = channel.answer_time();
        channel.download.came(now, chunk, round_trip);
        channel.download.unproven = 0;
        channel.download.misfits = 0;
        channel.conduct.gave(1);
        channel.acknowledgements.push((chunk, delay));
        self.cancel_elsewhere(key, chunk);
    }

    /// Looks again at chunks that lacked hashes, the first ones first: those of
    /// the chunk that was verified just now may be what they lacked.
    fn unpark(&mut self, now: Moment, key: ChannelKey) -> Result<(), StoreError> {
        while let Some(channel) = self.channels.get_mut(&key)
            && let Some((chunk, data, delay)) = channel.download.unpark()
        {
            let content = &mut self.swarms[channel.swarm.0].content;
            if content.has(chunk) {
                continue;
            }
            let download = &channel.download;
            match content.take(chunk, &data, None, |node| download.hash(node))? {
                Check::Right => self.kept(now, key, chunk, data.len(), delay),
                Check::Unproven => {
                    channel.download.park(chunk, &data, delay);
                    break;
                }
                // It, or a hash, is wrong; it is asked for again.
                Check::Misfit | Check::Wrong => {}
            }
        }
        Ok(())
    }

    /// A chunk has come that others were asked for, too.
    fn cancel_elsewhere(&mut self, key: ChannelKey, chunk: u64) {
        let swarm = self.channels[&key].swarm;
        if self.swarms[swarm.0].channels.len() == 1 {
            return;
        }
        let others: Vec<_> = self.swarms[swarm.0]
            .channels
            .iter()
            .copied()
            .filter(|other| *other != key)
            .collect();
        for other in others {
            if let Some(channel) = self.channels.get_mut(&other)
                && channel.profile.cancels
                && channel.download.give_up(chunk)
            {
                channel.notices.push_back(Notice::Cancel(chunk));
                self.line_up(other);
            }
        }
    }
}

/// The chunks of a range, of each two the second first: each chunk but the first
/// breaks the order, and is acknowledged by who acknowledges breaks.
fn in_swapped_pairs(range: ChunkRange) -> impl Iterator<Item = ChunkRange> {
    let (start, end) = (range.start(), range.end());
    (start..=end).step_by(2).flat_map(move |first| {
        let second = first.checked_add(1).filter(|&second| second <= end);
        second.into_iter().chain([first]).map(ChunkRange::single)
    })
}

/// The chunks that a message names.
fn range_of(channel: &Channel, message: &Message<'_>) -> Option<ChunkRange> {
    let size = channel.reads.chunk_size.or_assumed();
    match message.spec()?.chunks(size) {
        Named::Range(range) => Some(range),
        _ => None,
    }
}
