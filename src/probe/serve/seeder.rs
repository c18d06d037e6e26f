//! A seeder that does what a case wants, and takes note of what the target says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, ChunkRange, ChunkSpec, Message, ProtocolOption};

use super::content::{Content, Evidence, Shape};
use super::invitation::{Fate, Invitation};
use super::log::Log;
use super::stream::{Forgery, spoil};
use crate::peer::engine::Moment;
use crate::probe::case::Stop;
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::net::Port;
use crate::probe::swarm::{Declared, Swarm, handshake_of};

/// Chunks under way at once, and how long one that is not acknowledged counts.
const WINDOW: usize = 16;
const UNDER_WAY: Duration = Duration::from_millis(100);

/// Within which time a REQUEST for the same chunk is the same one.
const SAME: Duration = Duration::from_millis(150);

/// Chunks of a REQUEST that are given at most, one after the other.
const MOST_WAITING: usize = 4096;

/// Bytes of a datagram that go unfragmented.
const DATAGRAM: usize = 1400;

/// How long is waited at once before a look whether the target is still there.
const STEP: Duration = Duration::from_millis(200);

/// How long a target may take to start and to connect.
const START: Duration = Duration::from_secs(8);

/// How long whoever starts it by hand may take.
const BY_HAND: Duration = Duration::from_secs(600);

/// How a chunk is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gift {
    /// With all its hashes.
    Right,
    /// Not at all: it got lost.
    Nothing,
    /// Not now: it stays asked for, and so does what was asked for behind it.
    Later,
    /// With other bytes.
    Spoilt,
    /// With a wrong hash among its uncles.
    WrongUncle,
    /// Without any hash or signature.
    NoHashes,
    /// With its uncles, without the peaks; of a stream without what is signed.
    NoPeaks,
    /// With peaks of which one is wrong; of a stream with a munro whose hash is.
    WrongPeaks,
    /// Without the bytes.
    Empty,
    /// With a timestamp so many microseconds ahead.
    Ahead(u64),
    /// In two datagrams, the hashes after the chunk.
    HashesLater,
    /// In two datagrams, the hashes before the chunk.
    HashesApart,
    /// Of a stream: with the signature before the hash that it is for.
    SignatureFirst,
    /// Of a stream: with a signature that is not as it should be.
    Forged(Forgery),
    /// Twice.
    Twice,
}

impl Gift {
    /// What is wrong with its signature.
    pub(super) const fn forgery(self) -> Option<Forgery> {
        match self {
            Self::Forged(forgery) => Some(forgery),
            _ => None,
        }
    }
}

/// What is announced with our reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// So many chunks: of static content the first ones, of a stream the last ones.
    Some(u64),
    /// All; of a stream also those that come.
    All,
}

/// A chunk that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// When, last.
    pub at: Moment,
    /// In which datagram.
    pub frame: usize,
    /// How often.
    pub times: u32,
}

/// Our end of a channel that the target has opened.
#[derive(Debug)]
pub struct Seeder {
    /// What is served.
    pub content: Content,
    /// The swarm in which it is.
    pub swarm: Swarm,
    /// The channel.
    pub channel: Channel,
    /// The target's first datagram.
    pub opening: Heard,
    /// What its HANDSHAKE declared.
    pub declared: Declared,
    /// What it has said since.
    pub log: Log,
    /// What it was given.
    pub given: BTreeMap<u64, Given>,
    /// How it is told of the munro by which it tunes in (RFC 7574, section
    /// 6.1.2.4), if at all.
    pub introduction: Option<Gift>,
    /// Our discard window in chunks, where it is not all (section 6.2).
    pub window: Option<u64>,
    /// The first chunk that is of interest to it.
    pub(super) first: u64,
    /// Whether it was told of that munro.
    pub(super) is_introduced: bool,
    /// Whether it is told of new chunks of a stream as they come, and of how many it
    /// was.
    pub(super) follows: bool,
    pub(super) announced: u64,
    /// What it waits for.
    queue: VecDeque<u64>,
    under_way: Vec<(u64, Moment)>,
}

impl Seeder {
    /// Has the target come, and takes its first datagram, which is not answered
    /// yet.
    ///
    /// # Errors
    /// A skip, where the content can't have this shape; inconclusive, where the
    /// target does not come.
    pub fn expect(it: &mut Conversation<'_>, shape: Shape) -> Result<Self, Stop> {
        let (mut content, swarm) = it.source()?.shaped(shape, it.swarm(), it.now())?;
        let signs_hash_alone = it.known().manner.signs_hash_alone;
        if let Some(stream) = content.stream() {
            stream.sign_hash_alone(signs_hash_alone);
        }
        let port = it.port()?;
        let invitation = Invitation {
            address: it.address(port),
            swarm: swarm.clone(),
            length: content.length(),
        };
        let within = if it.takes_other_content() {
            START.max(it.patience().answer * 4)
        } else {
            BY_HAND
        };
        it.invite(&invitation, within)?;
        let until = it.now() + within;
        let mut channel = it.channel(port);
        channel.reads = it.known().manner.layout(&swarm);
        channel.writes = channel.reads;
        loop {
            let step = (it.now() + STEP).min(until);
            let Some(heard) = it.hear(step)? else {
                let ending = match it.fate() {
                    Fate::Crashed(how) | Fate::Ended(how) => how,
                    _ if it.now() < until => continue,
                    _ => format!("nothing came within {} s", within.as_secs()),
                };
                return Err(Stop::Inconclusive(format!(
                    "the target did not connect: {ending}"
                )));
            };
            // Another one of ours may still be known to a target before.
            if heard.port != port {
                continue;
            }
            let (messages, _) = heard.read(&channel.reads);
            let mut handshakes = messages.iter().filter_map(|it| handshake_of(&it.message));
            if let Some(handshake) = handshakes.find(|it| !it.source_channel.is_zero()) {
                let declared = Declared::by(handshake);
                it.met(heard.source);
                it.learn(&mut channel, declared.clone());
                if let Some(stream) = content.stream() {
                    stream.advance(it.now());
                }
                return Ok(Self {
                    first: content.last_group(1),
                    introduction: content.has_munros().then_some(Gift::Right),
                    window: None,
                    is_introduced: false,
                    follows: false,
                    announced: 0,
                    content,
                    swarm,
                    channel,
                    declared,
                    opening: heard,
                    log: Log::default(),
                    given: BTreeMap::new(),
                    queue: VecDeque::new(),
                    under_way: Vec::new(),
                });
            }
        }
    }

    /// Has the target come, answers it, and announces chunks with the reply.
    ///
    /// # Errors
    /// As [`Seeder::expect`], and inconclusive, where it does not go on.
    pub fn open(it: &mut Conversation<'_>, shape: Shape, offer: Offer) -> Result<Self, Stop> {
        let mut seeder = Self::expect(it, shape)?;
        seeder.welcome(it, offer)?;
        Ok(seeder)
    }

    /// Answers the first datagram in the target's manner until it goes on.
    ///
    /// # Errors
    /// Inconclusive, where it does not.
    pub fn welcome(&mut self, it: &mut Conversation<'_>, offer: Offer) -> Result<(), Stop> {
        let haves = self.offer(offer);
        self.welcome_with(it, &haves)
    }

    /// The same with these HAVEs.
    ///
    /// # Errors
    /// As [`Seeder::welcome`].
    pub fn welcome_with(
        &mut self,
        it: &mut Conversation<'_>,
        haves: &[Message<'_>],
    ) -> Result<(), Stop> {
        for _ in 0..3 {
            let options = self.options(it);
            self.reply(it, options, haves)?;
            self.repeat(it, haves)?;
            if self.goes_on(it, it.patience().answer)? {
                // Who reads nothing behind the reply's HANDSHAKE has another case
                // for that.
                if !haves.is_empty() {
                    self.introduce(it)?;
                    self.say(it, haves)?;
                }
                return Ok(());
            }
        }
        Err(Stop::Inconclusive(
            "the target did not go on after our reply".to_owned(),
        ))
    }

    /// The options of our reply, as the target takes them. The swarm ID is left
    /// out, as a responder may.
    pub fn options(&self, it: &Conversation<'_>) -> Vec<ProtocolOption<'_>> {
        let mut options = self.swarm.options(&it.known().manner);
        options.retain(|option| !matches!(option, ProtocolOption::SwarmId(_)));
        let own = self.window.and_then(|it| self.swarm.window_of(it));
        for option in &mut options {
            if let (ProtocolOption::LiveDiscardWindow(window), Some(own)) = (option, own) {
                *window = own;
            }
        }
        options
    }

    /// Sends a reply with these options, and messages behind.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn reply(
        &self,
        it: &mut Conversation<'_>,
        options: Vec<ProtocolOption<'_>>,
        further: &[Message<'_>],
    ) -> Result<usize, Stop> {
        let mut messages = vec![Conversation::handshake(&self.channel, options)];
        messages.extend(further.iter().cloned());
        it.send(&self.channel, &messages)
    }

    /// Whether anything comes on our channel that is no repeated HANDSHAKE.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn goes_on(&mut self, it: &mut Conversation<'_>, within: Duration) -> Result<bool, Stop> {
        let before = self.log.datagrams.len();
        self.watch(it, within, |seeder| seeder.log.datagrams.len() > before)
    }

    /// Takes what comes and gives nothing; whether `is_done` before the time is
    /// over or the target gone.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn watch(
        &mut self,
        it: &mut Conversation<'_>,
        within: Duration,
        mut is_done: impl FnMut(&Self) -> bool,
    ) -> Result<bool, Stop> {
        let until = it.now() + within;
        while !is_done(self) {
            if !self.hear(it, until, until)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes the next datagram, if one comes until `until`; a stream goes on meanwhile. Whether there is anything
    /// to wait for after that, until `end`.
    fn hear(
        &mut self,
        it: &mut Conversation<'_>,
        until: Moment,
        end: Moment,
    ) -> Result<bool, Stop> {
        self.introduce(it)?;
        let due = self.content.next_at();
        if due.is_some_and(|due| due <= it.now()) {
            self.tell_news(it)?;
        }
        let due = self.content.next_at().unwrap_or(until);
        let step = (it.now() + STEP).min(until).min(due);
        if let Some(heard) = it.hear(step)? {
            self.take(&heard);
            return Ok(true);
        }
        // Nothing more comes of who is gone.
        let is_gone = step < until && matches!(it.fate(), Fate::Crashed(_) | Fate::Ended(_));
        Ok(it.now() < end && !is_gone)
    }

    /// Takes what comes and gives what is asked for, as `gift` says of a chunk and
    /// of how often it was given before; whether `is_done` before the time is over or
    /// the target gone.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn serve(
        &mut self,
        it: &mut Conversation<'_>,
        within: Duration,
        mut gift: impl FnMut(u64, u32) -> Gift,
        mut is_done: impl FnMut(&Self) -> bool,
    ) -> Result<bool, Stop> {
        let until = it.now() + within;
        loop {
            if is_done(self) {
                return Ok(true);
            }
            let now = it.now();
            if now >= until {
                return Ok(false);
            }
            self.under_way.retain(|(_, at)| *at + UNDER_WAY > now);
            while self.under_way.len() < WINDOW
                && let Some(&chunk) = self.queue.front()
            {
                let times = self.given.get(&chunk).map_or(0, |given| given.times);
                let gift = gift(chunk, times);
                if gift == Gift::Later {
                    break;
                }
                self.queue.pop_front();
                self.give(it, chunk, gift)?;
                if gift != Gift::Nothing {
                    self.under_way.push((chunk, now));
                }
            }
            let next = self.under_way.first().map(|(_, at)| *at + UNDER_WAY);
            let next = next.filter(|_| !self.queue.is_empty()).unwrap_or(until);
            if !self.hear(it, next.min(until), until)? {
                return Ok(is_done(self));
            }
        }
    }

    /// Serves everything as it should be until all is acknowledged, or nothing more
    /// is for as long as `still`; whether all was.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn serve_all(
        &mut self,
        it: &mut Conversation<'_>,
        within: Duration,
        still: Duration,
    ) -> Result<bool, Stop> {
        let until = it.now() + within;
        let whole = 0..=self.content.size() - 1;
        let is_all = |seeder: &Self| seeder.log.accepted().gaps(&whole).next().is_none();
        loop {
            let before = self.log.acks.len() + self.log.haves.len();
            let step = still.min(until.since(it.now()));
            let goes_on = self.serve(
                it,
                step,
                |_, _| Gift::Right,
                |seeder| seeder.log.acks.len() + seeder.log.haves.len() > before,
            )?;
            if is_all(self) {
                return Ok(true);
            }
            if !goes_on || it.now() >= until {
                return Ok(false);
            }
        }
    }

    /// Takes note of a datagram.
    pub fn take(&mut self, heard: &Heard) {
        let (messages, fault) = heard.read(&self.channel.reads);
        if let Some(fault) = fault {
            self.log.fault(heard, &fault);
        }
        if heard.channel() != Some(self.channel.ours) {
            if heard.port == self.channel.port {
                self.log.stray(heard, &messages);
            }
            return;
        }
        let requests = self.log.requests.len();
        self.log.take(heard, &messages, self.swarm.chunk_size);
        let acknowledged = self.log.acknowledged();
        self.under_way
            .retain(|(chunk, _)| !acknowledged.contains(chunk));
        for said in &self.log.requests[requests..] {
            let end = said.chunks.end().min(self.content.size() - 1);
            for chunk in said.chunks.start()..=end {
                // It may have crossed the chunk, unless that was acknowledged before.
                let is_lacking = !self.log.accepted().contains(&chunk);
                let before = self.given.get(&chunk).filter(|_| is_lacking);
                let is_same = before.is_some_and(|it| it.at + SAME > heard.at);
                let has_room = self.queue.len() < MOST_WAITING;
                if !is_same && has_room && !self.queue.contains(&chunk) {
                    self.queue.push_back(chunk);
                }
            }
        }
    }

    /// Chunks that the target waits for.
    pub fn waiting(&self) -> impl Iterator<Item = u64> {
        self.queue.iter().copied()
    }

    /// Holds for asked for whatever was and has not come right: some never ask again.
    pub fn owe(&mut self) {
        let accepted = self.log.accepted();
        let last = self.content.size() - 1;
        for range in self.log.asked().iter() {
            for chunk in *range.start()..=*range.end().min(&last) {
                let has_room = self.queue.len() < MOST_WAITING;
                if has_room && !accepted.contains(&chunk) && !self.queue.contains(&chunk) {
                    self.queue.push_back(chunk);
                }
            }
        }
    }

    /// Forgets what the target waits for.
    pub fn forget_requests(&mut self) {
        self.queue.clear();
    }

    /// Gives a chunk; the datagram that it was in.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn give(&mut self, it: &mut Conversation<'_>, chunk: u64, gift: Gift) -> Result<(), Stop> {
        let now = it.now();
        let mut given = self.given.get(&chunk).copied().unwrap_or(Given {
            at: now,
            frame: 0,
            times: 0,
        });
        given.at = now;
        given.times += 1;
        let Some(right) = self.content.chunk(chunk) else {
            return Ok(());
        };
        let mut data = right;
        match gift {
            Gift::Later => return Ok(()),
            Gift::Nothing => {
                self.given.insert(chunk, given);
                return Ok(());
            }
            Gift::Spoilt => spoil(&mut data),
            Gift::Empty => data.clear(),
            _ => {}
        }
        let group = self.content.group(chunk);
        let knows_top = match self.content {
            Content::Whole(_) => !self.log.acks.is_empty(),
            Content::Stream(_) => {
                let accepted = self.log.accepted();
                accepted.overlaps(&(group.start()..=group.end()))
            }
        };
        let evidence = self.content.proofs(chunk, gift, knows_top);
        let mut messages = self.messages(&evidence)?;
        let ahead = match gift {
            Gift::Ahead(microseconds) => microseconds,
            _ => 0,
        };
        let data_message = Message::Data {
            spec: self.spec(ChunkRange::single(chunk))?,
            timestamp: Some(now.microseconds() + ahead),
            data: &data,
            data_length: data.len(),
        };
        let length = evidence.iter().map(length_of).sum::<usize>();
        given.frame = if gift == Gift::HashesLater {
            let frame = it.send(&self.channel, &[data_message])?;
            it.send(&self.channel, &messages)?;
            frame
        } else {
            let is_apart = length + data.len() > DATAGRAM || gift == Gift::HashesApart;
            if is_apart && !messages.is_empty() {
                it.send(&self.channel, &messages)?;
                messages.clear();
            }
            messages.push(data_message);
            if gift == Gift::Twice {
                it.send(&self.channel, &messages)?;
            }
            it.send(&self.channel, &messages)?
        };
        self.given.insert(chunk, given);
        Ok(())
    }

    /// A chunk specification of the swarm's.
    fn spec(&self, range: ChunkRange) -> Result<ChunkSpec, Stop> {
        self.swarm
            .spec(range)
            .ok_or_else(|| Stop::Error("a chunk of ours can't be named".to_owned()))
    }

    /// What proves chunks, as messages.
    ///
    /// # Errors
    /// When a chunk can't be named.
    pub fn messages<'e>(&self, evidence: &'e [Evidence]) -> Result<Vec<Message<'e>>, Stop> {
        let message = |it: &'e Evidence| {
            Ok(match it {
                Evidence::Hash(chunks, hash) => Message::Integrity {
                    spec: self.spec(*chunks)?,
                    hash,
                },
                Evidence::Signature(chunks, timestamp, signature) => Message::SignedIntegrity {
                    spec: self.spec(*chunks)?,
                    timestamp: *timestamp,
                    signature,
                },
            })
        };
        evidence.iter().map(message).collect()
    }

    /// Sends messages on the channel.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn say(&self, it: &mut Conversation<'_>, messages: &[Message<'_>]) -> Result<usize, Stop> {
        it.send(&self.channel, messages)
    }

    /// Sends bytes to the channel, as they are.
    ///
    /// # Errors
    /// As [`Conversation::send_bytes`].
    pub fn say_bytes(&self, it: &mut Conversation<'_>, rest: &[u8]) -> Result<usize, Stop> {
        let mut bytes = self.channel.destination().0.to_be_bytes().to_vec();
        bytes.extend_from_slice(rest);
        it.send_bytes(self.channel.port, &bytes)
    }

    /// Closes the channel.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn close(&mut self, it: &mut Conversation<'_>) -> Result<(), Stop> {
        self.follows = false;
        it.close(&self.channel)
    }

    /// The target's own channel ID.
    pub fn theirs(&self) -> ChannelId {
        self.channel.destination()
    }

    /// At which port of ours it is.
    pub const fn port(&self) -> Port {
        self.channel.port
    }

    /// The chunks that were given in a way for which `is_it`.
    pub fn chunks_given(&self) -> BTreeSet<u64> {
        self.given.keys().copied().collect()
    }
}

/// About how many bytes such a message takes.
fn length_of(evidence: &Evidence) -> usize {
    match evidence {
        Evidence::Hash(_, hash) => hash.len() + 13,
        Evidence::Signature(_, _, signature) => signature.len() + 21,
    }
}
