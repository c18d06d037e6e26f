//! The peer: swarms, channels, and what is to be done when.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use ppspp_dissector::integrity::{Hash, KeyError, TreeHash};
use ppspp_dissector::wire::{ChannelId, ChunkAddressing, ContentIntegrity};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::channel::{Channel, ChannelKey, HALF_OPEN, REMIND_AFTER, State};
use super::conduct::Conduct;
use super::config::{PeerConfig, Profile, SwarmConfig};
use super::content::Content;
use super::download::Download;
use super::event::{Ending, Event};
use super::handshake::{VARIABLE, layout};
use super::ledbat::LedbatConfig;
use super::live::Live;
use super::rate::{Allowance, Turns};
use super::reciprocity::Score;
use super::store::{Chunks, Store, StoreError};
use super::swarm::{REVIEW, Swarm, SwarmKey, SwarmTotals};
use super::time::Moment;
use super::upload::Upload;

/// When an unanswered HANDSHAKE is sent again, times two for each.
pub(super) const HANDSHAKE_RETRY: Duration = Duration::from_secs(1);

/// HANDSHAKEs that are sent before nobody is taken to be there.
pub(super) const MOST_HANDSHAKES: u32 = 6;

/// Handshakes of one host that may be incomplete at once.
const MOST_HALF_OPEN_OF_HOST: usize = 64;

/// Malicious peers of a swarm that are remembered.
const MOST_BANNED: usize = 4096;

/// Timeouts in a row after which a peer's requests are forgotten.
const MOST_TIMEOUTS: u32 = 6;

/// Bytes of a DATA datagram besides the chunk, about.
const DATA_OVERHEAD: u32 = 32;

/// Why a swarm can't be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Its hash function is none of RFC 7574's (Table 5).
    #[error("the hash function is none of RFC 7574's")]
    HashFunction,
    /// The swarm ID of static content is its root hash.
    #[error("the swarm ID has {found} bytes, a root hash of this function has {expected}")]
    SwarmIdLength {
        /// Bytes of a hash.
        expected: usize,
        /// Bytes of the swarm ID.
        found: usize,
    },
    /// The swarm ID of a live stream is its public key.
    #[error("the swarm ID is no public key: {0}")]
    Key(KeyError),
    /// The swarm is joined already.
    #[error("this swarm is joined already")]
    Twice,
    /// The content can't have the length that it is said to have.
    #[error("the content's length: {0}")]
    Length(String),
    /// Chunks of variable sizes (section 7.11) are not taken: what is stored is
    /// found by its number alone.
    #[error("chunks of variable sizes are not supported: all but the last have one size")]
    VariableChunks,
    /// Chunks must have a size.
    #[error("chunks can't have {0} bytes")]
    ChunkSize(u32),
}

/// A channel, as the outside may see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelStatus {
    /// The other end.
    pub address: SocketAddr,
    /// Whether it is open.
    pub open: bool,
    /// Chunks that the other end has.
    pub has: u64,
    /// Chunks that it wants and that we have not sent yet.
    pub waiting: u64,
    /// LEDBAT's window, bytes.
    pub window: u32,
    /// Bytes under way.
    pub flight: u32,
    /// The smoothed round trip.
    pub round_trip: Option<Duration>,
    /// When the other end was heard last; when the channel began where it was
    /// not.
    pub heard: Moment,
}

/// A PPSPP peer on one address: any number of swarms and channels.
///
/// It does no I/O. Whoever drives it
///
/// 1. changes something: [`Peer::receive`] for each datagram that comes,
///    [`Peer::elapse`] when [`Peer::deadline`] has come, or one of the calls that
///    want something ([`Peer::join`], [`Peer::connect`], [`Peer::close`]);
/// 2. then calls [`Peer::transmit`] and sends what it yields until it yields
///    nothing, and takes [`Peer::event`]s until there are none;
/// 3. and waits until the deadline at most.
///
/// Moments must not go back. The same calls with the same seed have the same
/// results.
#[derive(Debug)]
pub struct Peer {
    pub(super) config: PeerConfig,
    pub(super) random: ChaCha12Rng,
    pub(super) swarms: Vec<Swarm>,
    swarm_by_id: BTreeMap<Vec<u8>, SwarmKey>,
    pub(super) channels: BTreeMap<ChannelKey, Channel>,
    next_channel: usize,
    pub(super) by_id: HashMap<ChannelId, ChannelKey, FixedState>,
    /// Channels that may have something to send.
    pub(super) line: VecDeque<ChannelKey>,
    timers: BTreeSet<(Moment, ChannelKey)>,
    pub(super) events: VecDeque<Event>,
    pub(super) allowance: Allowance,
    /// Channels that have content to send and wait for the allowance.
    pub(super) turns: Turns,
    closed: bool,
}

impl Peer {
    /// A peer without swarms. `seed` must be one that nobody can guess: channel
    /// IDs come from it (RFC 7574, section 12.1).
    pub fn new(config: PeerConfig, seed: [u8; 32]) -> Self {
        Self {
            allowance: Allowance::new(config.upload_rate),
            config,
            random: ChaCha12Rng::from_seed(seed),
            swarms: Vec::new(),
            swarm_by_id: BTreeMap::new(),
            channels: BTreeMap::new(),
            next_channel: 0,
            by_id: HashMap::default(),
            line: VecDeque::new(),
            timers: BTreeSet::new(),
            turns: Turns::default(),
            events: VecDeque::new(),
            closed: false,
        }
    }

    /// Joins a swarm whose content a store keeps, or is to keep.
    ///
    /// # Errors
    /// When the swarm ID or the hash function can't be.
    pub fn join(
        &mut self,
        now: Moment,
        config: SwarmConfig,
        store: Box<dyn Store>,
    ) -> Result<SwarmKey, JoinError> {
        let function = TreeHash::new(config.hash_function).ok_or(JoinError::HashFunction)?;
        if config.chunk_size == VARIABLE {
            return Err(JoinError::VariableChunks);
        }
        if config.chunk_size == 0 || config.chunk_size > 60_000 {
            return Err(JoinError::ChunkSize(config.chunk_size));
        }
        if self.swarm_by_id.contains_key(&config.id) {
            return Err(JoinError::Twice);
        }
        let root = match config.integrity {
            ContentIntegrity::Merkle => {
                let expected = function.function().length().unwrap_or(0);
                let found = config.id.len();
                if expected != found {
                    return Err(JoinError::SwarmIdLength { expected, found });
                }
                Hash::from_bytes(&config.id)
            }
            _ => None,
        };
        let live = config.is_live().then(|| {
            Live::new(
                &config.id,
                config.integrity,
                config.addressing,
                config.chunk_size,
                config.live,
            )
        });
        let live = live.transpose().map_err(JoinError::Key)?;
        let mut content = Content::new(function, root, &config, store);
        let length = config.unprotected.length;
        if let Some(length) = length.filter(|_| !content.is_protected()) {
            let set = content.set_length(length);
            set.map_err(|error| JoinError::Length(error.to_string()))?;
        }
        let key = SwarmKey(self.swarms.len());
        self.swarm_by_id.insert(config.id.clone(), key);
        self.swarms.push(Swarm::new(config, content, live, now));
        self.tell_complete(key);
        Ok(key)
    }

    /// Opens a channel to a peer.
    pub fn connect(&mut self, now: Moment, swarm: SwarmKey, address: SocketAddr) {
        let Some(found) = self.swarms.get(swarm.0) else {
            return;
        };
        let is_known = found.channels.iter().any(|key| {
            self.channels
                .get(key)
                .is_some_and(|channel| channel.address == address)
        });
        if is_known || found.banned.contains(&address) || self.closed {
            return;
        }
        let (profile, addressing) = (found.config.profile, found.config.addressing);
        self.add_channel(
            now,
            swarm,
            address,
            State::Opening,
            None,
            profile,
            addressing,
        );
    }

    /// Closes the channels to a peer. Its closing HANDSHAKE is still to be sent.
    pub fn disconnect(&mut self, swarm: SwarmKey, address: SocketAddr) {
        let to_it = |channel: &Channel| channel.swarm == swarm && channel.address == address;
        let channels = self.channels.iter().filter(|(_, channel)| to_it(channel));
        let keys: Vec<_> = channels.map(|(key, _)| *key).collect();
        for key in keys {
            self.end(key, Ending::ByUs);
        }
    }

    /// Whether a channel to this address is there.
    pub fn is_connected(&self, swarm: SwarmKey, address: SocketAddr) -> bool {
        self.channels
            .values()
            .any(|channel| channel.swarm == swarm && channel.address == address)
    }

    /// Where a player is.
    pub fn playhead(&self, swarm: SwarmKey) -> Option<u64> {
        let swarm = self.swarms.get(swarm.0)?;
        let tuned_in = swarm.live.as_ref().is_none_or(|live| live.tuned_in);
        tuned_in.then_some(swarm.playhead)
    }

    /// Tells where a player is: chunks before are not asked for any more.
    pub fn set_playhead(&mut self, swarm: SwarmKey, chunk: u64) {
        if let Some(swarm) = self.swarms.get_mut(swarm.0) {
            swarm.playhead = chunk;
        }
    }

    /// Closes all channels. The closing HANDSHAKEs are still to be sent.
    pub fn close(&mut self) {
        self.closed = true;
        let keys: Vec<_> = self.channels.keys().copied().collect();
        for key in keys {
            self.end(key, Ending::ByUs);
        }
    }

    /// When [`Peer::elapse`] is to be called.
    pub fn deadline(&self) -> Option<Moment> {
        let first = self.timers.first().map(|(at, _)| *at);
        let reviews = self
            .swarms
            .iter()
            .filter(|swarm| !swarm.channels.is_empty());
        let rate = self.turns.first().map(|_| self.allowance.next());
        first
            .into_iter()
            .chain(rate)
            .chain(reviews.map(|swarm| swarm.next_review))
            .min()
    }

    /// Time has passed.
    pub fn elapse(&mut self, now: Moment) {
        while let Some(&(at, key)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            if let Some(channel) = self.channels.get_mut(&key) {
                channel.timer = None;
            }
            // The channel is in line then: what it sends sets its next timer.
            self.elapse_channel(now, key);
        }
        for index in 0..self.swarms.len() {
            if self.swarms[index].next_review <= now {
                self.swarms[index].next_review = now + REVIEW;
                self.review(SwarmKey(index));
            }
        }
    }

    /// What has happened.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What a swarm has come to.
    pub fn totals(&self, swarm: SwarmKey) -> SwarmTotals {
        self.swarms
            .get(swarm.0)
            .map_or_else(SwarmTotals::default, |swarm| swarm.totals)
    }

    /// The chunks of a swarm that are there.
    pub fn present(&self, swarm: SwarmKey) -> Option<&Chunks> {
        Some(self.swarms.get(swarm.0)?.content.present())
    }

    /// Number of chunks of a swarm's content, where it is known.
    pub fn size(&self, swarm: SwarmKey) -> Option<u64> {
        self.swarms.get(swarm.0)?.content.size()
    }

    /// Whether all of a swarm's content is there.
    pub fn is_complete(&self, swarm: SwarmKey) -> bool {
        self.swarms
            .get(swarm.0)
            .is_some_and(|swarm| swarm.content.is_complete())
    }

    /// Adds the bytes of a chunk that is there to `out`.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn read(
        &mut self,
        swarm: SwarmKey,
        chunk: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        match self.swarms.get_mut(swarm.0) {
            Some(swarm) => swarm.content.read(chunk, out),
            None => Ok(()),
        }
    }

    /// The ID of a swarm.
    pub fn swarm_id(&self, swarm: SwarmKey) -> Option<&[u8]> {
        Some(&self.swarms.get(swarm.0)?.config.id)
    }

    /// The channels of a swarm.
    pub fn channels(&self, swarm: SwarmKey) -> impl Iterator<Item = ChannelStatus> {
        let channels = self.channels.values();
        channels
            .filter(move |channel| channel.swarm == swarm)
            .map(|channel| ChannelStatus {
                address: channel.address,
                open: channel.state == State::Open,
                has: channel.has.iter().fold(0, |sum: u64, range| {
                    sum.saturating_add((range.end() - range.start()).saturating_add(1))
                }),
                waiting: channel.upload.waiting(),
                window: channel.upload.ledbat.window(),
                flight: channel.upload.ledbat.flight(),
                round_trip: channel.upload.ledbat.smoothed_round_trip(),
                heard: channel.heard,
            })
    }

    /// The swarm with an ID.
    pub(super) fn swarm_with_id(&self, id: &[u8]) -> Option<SwarmKey> {
        self.swarm_by_id.get(id).copied().filter(|_| !self.closed)
    }

    /// Adds a channel; `None` where there are too many.
    #[expect(clippy::too_many_arguments, reason = "all of them make a channel")]
    pub(super) fn add_channel(
        &mut self,
        now: Moment,
        swarm: SwarmKey,
        address: SocketAddr,
        state: State,
        theirs: Option<ChannelId>,
        profile: &'static Profile,
        addressing: ChunkAddressing,
    ) -> Option<ChannelKey> {
        if state == State::Answering {
            self.make_way(address);
        }
        let same = self.channels.values().filter(|it| it.address == address);
        if self.channels.len() >= self.config.most_channels
            || same.count() >= self.config.most_channels_to_address
        {
            return None;
        }
        let ours = loop {
            let id = ChannelId(self.random.next_u32());
            if !id.is_zero() && !self.by_id.contains_key(&id) {
                break id;
            }
        };
        let key = ChannelKey(self.next_channel);
        self.next_channel += 1;
        let found = &mut self.swarms[swarm.0];
        found.channels.insert(key);
        let layout = layout(&found.config, addressing);
        let ledbat = LedbatConfig {
            target: self.config.ledbat_target.min(profile.ledbat_target),
            ..LedbatConfig::default()
        };
        let channel = Channel {
            swarm,
            address,
            state,
            ours,
            theirs,
            profile,
            writes: layout,
            reads: layout,
            handshakes: 0,
            handshake_due: Some(now),
            round_trip: None,
            opened: now,
            heard: now,
            spoke: now,
            unanswered: 0,
            has: Chunks::new(),
            window: None,
            news: Chunks::new(),
            news_due: None,
            reminder: None,
            reminder_wait: REMIND_AFTER,
            acknowledgements: Vec::new(),
            notices: VecDeque::new(),
            upload: Upload::new(ledbat, found.config.chunk_size + DATA_OVERHEAD, now),
            download: Download::new(found.live.is_some()),
            conduct: Conduct::default(),
            choked: !found.policy.serves_new(),
            chokes_us: false,
            tell_choked: now,
            received: 0,
            sent: 0,
            asked_for_peers: None,
            peers_due: 0,
            ask_again: None,
            may_ask: now,
            timer: None,
            in_line: false,
            turn: 0,
            waits: false,
            defective_certificates: 0,
            knows_peaks: false,
            told_munro: None,
            owes_third: false,
            connected: false,
        };
        self.by_id.insert(ours, key);
        self.channels.insert(key, channel);
        self.line_up(key);
        self.set_timer(key);
        Some(key)
    }

    /// Makes way for one more handshake that is not complete, whose address may
    /// be another's: the oldest one of the same host goes where that has many,
    /// and the oldest of all where there are too many. Who answers within the
    /// time that a flood needs for so many gets through.
    fn make_way(&mut self, address: SocketAddr) {
        let most = (self.config.most_channels / 2).max(1);
        let host = address.ip();
        let half_open = || {
            let channels = self.channels.iter();
            channels.filter(|(_, it)| it.state == State::Answering)
        };
        let of_host = || half_open().filter(|(_, it)| it.address.ip() == host);
        let oldest = if of_host().count() >= most.min(MOST_HALF_OPEN_OF_HOST) {
            of_host().next()
        } else if half_open().count() >= most {
            half_open().next()
        } else {
            None
        };
        // Its address is told nothing: it did not show that it is there.
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.remove(key);
        }
    }

    /// Lets a channel send when its turn comes.
    pub(super) fn line_up(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channels.get_mut(&key)
            && !std::mem::replace(&mut channel.in_line, true)
        {
            self.line.push_back(key);
        }
    }

    /// Begins to end a channel: the other end is told where it knows of us.
    pub(super) fn end(&mut self, key: ChannelKey, ending: Ending) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        if channel.state == State::Closing {
            return;
        }
        let tell = channel.theirs.is_some()
            && !matches!(ending, Ending::ByPeer | Ending::Dead | Ending::Unanswered);
        channel.state = State::Closing;
        let (swarm, address) = (channel.swarm, channel.address);
        let given_up = channel.download.give_up_all();
        let found = &mut self.swarms[swarm.0];
        for chunk in given_up {
            found.unclaim(chunk);
        }
        if matches!(ending, Ending::Malicious(_) | Ending::Abusive) {
            if found.banned.len() >= MOST_BANNED {
                found.banned.pop_first();
            }
            found.banned.insert(address);
        }
        self.events.push_back(Event::Disconnected {
            swarm,
            address,
            ending,
        });
        if tell {
            self.line_up(key);
        } else {
            self.remove(key);
        }
        self.ask_others(swarm);
    }

    /// Forgets a channel.
    pub(super) fn remove(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channels.remove(&key) {
            self.by_id.remove(&channel.ours);
            self.turns.leave(key, channel.turn);
            self.swarms[channel.swarm.0].channels.remove(&key);
            if let Some(at) = channel.timer {
                self.timers.remove(&(at, key));
            }
        }
    }

    /// Lets every channel of a hungry swarm ask for what nobody is asked for.
    pub(super) fn ask_others(&mut self, swarm: SwarmKey) {
        if !self.swarms[swarm.0].is_hungry() {
            return;
        }
        let keys: Vec<_> = self.swarms[swarm.0].channels.iter().copied().collect();
        for key in keys {
            self.line_up(key);
        }
    }

    /// Puts a channel's next deadline among the timers.
    pub(super) fn set_timer(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let next = channel.deadline(&self.config);
        // One that comes too early does no harm, and mostly deadlines move on.
        let is_early_enough = |at: Moment| next.is_none_or(|next| at <= next);
        if channel.timer.map_or(next.is_none(), is_early_enough) {
            return;
        }
        if let Some(at) = std::mem::replace(&mut channel.timer, next) {
            self.timers.remove(&(at, key));
        }
        if let Some(at) = next {
            self.timers.insert((at, key));
        }
    }

    /// What is due on a channel.
    fn elapse_channel(&mut self, now: Moment, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let silent = now.since(channel.heard);
        let swarm = channel.swarm;
        match channel.state {
            State::Opening => {
                if channel.handshakes >= MOST_HANDSHAKES
                    && channel.handshake_due.is_some_and(|due| due <= now)
                {
                    return self.end(key, Ending::Unanswered);
                }
            }
            State::Answering => {
                if silent >= HALF_OPEN {
                    return self.end(key, Ending::Unanswered);
                }
            }
            State::Open => {
                // Three datagrams must have gone unanswered, too (section 3.12).
                if silent >= self.config.dead_after && channel.unanswered >= 3 {
                    return self.end(key, Ending::Dead);
                }
                // Who acknowledges nothing gets nothing more until it asks again.
                if channel.upload.elapse(now) && channel.upload.timeouts() >= MOST_TIMEOUTS {
                    channel.upload.clear();
                }
                let round_trip = channel.answer_time();
                let late = channel.download.elapse(now, round_trip);
                let fails = channel.download.does_not_serve();
                if !late.is_empty() {
                    let found = &mut self.swarms[swarm.0];
                    for chunk in late {
                        found.unclaim(chunk);
                    }
                    // Others first: this one goes to the end of the line.
                    self.ask_others(swarm);
                    if fails && self.has_other_source(key) {
                        return self.end(key, Ending::Dead);
                    }
                }
            }
            State::Closing => {}
        }
        self.line_up(key);
    }

    /// Whether another open channel of the swarm offers anything.
    fn has_other_source(&self, key: ChannelKey) -> bool {
        let Some(channel) = self.channels.get(&key) else {
            return false;
        };
        let others = self.swarms[channel.swarm.0].channels.iter();
        others
            .filter(|other| **other != key)
            .filter_map(|other| self.channels.get(other))
            .any(|other| other.state == State::Open && !other.has.is_empty() && !other.chokes_us)
    }

    /// Decides anew who is served.
    fn review(&mut self, key: SwarmKey) {
        let swarm = &mut self.swarms[key.0];
        let complete = swarm.content.is_complete();
        let mut peers = Vec::new();
        let mut scores = Vec::new();
        for channel_key in &swarm.channels {
            if let Some(channel) = self.channels.get_mut(channel_key)
                && channel.state == State::Open
            {
                peers.push(*channel_key);
                scores.push(Score {
                    peer: channel_key.0,
                    received: std::mem::take(&mut channel.received),
                    sent: std::mem::take(&mut channel.sent),
                });
            }
        }
        let served = swarm.policy.served(&scores, complete, &mut self.random);
        for (place, peer) in peers.into_iter().enumerate() {
            if let Some(channel) = self.channels.get_mut(&peer)
                && channel.set_choked(!served.contains(&place))
            {
                self.line_up(peer);
            }
        }
    }

    /// Says once that everything is there.
    pub(super) fn tell_complete(&mut self, key: SwarmKey) {
        let swarm = &mut self.swarms[key.0];
        if !swarm.told_complete && swarm.content.is_complete() {
            swarm.told_complete = true;
            self.events.push_back(Event::Complete { swarm: key });
        }
    }

    /// A swarm's store has failed: nothing is asked for or sent any more.
    pub(super) fn fail(&mut self, swarm: SwarmKey, error: StoreError) {
        if !std::mem::replace(&mut self.swarms[swarm.0].failed, true) {
            self.events.push_back(Event::StoreFailed { swarm, error });
        }
    }
}
