//! What stands between an honest engine and the network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::{
    Bin, ChannelId, ChunkRange, ChunkSize, ChunkSpec, Handshake, Layout, Message, ProtocolOption,
    decode_datagram, encode_datagram,
};

use super::catalogue::Misbehaviour;
use super::streaming::Munro;
use super::viewing::Viewing;
use crate::peer::engine::{Moment, Peer, SwarmConfig};
use crate::peer::keys::SigningKey;

/// A channel that the engine has told the network of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) address: SocketAddr,
    /// The other end's ID.
    pub(super) theirs: ChannelId,
    /// The engine's ID.
    pub(super) ours: ChannelId,
    /// The ID that the other end was told instead.
    pub(super) shown: ChannelId,
    /// Datagrams that came on it.
    pub(super) came: u64,
    /// When the last one came.
    pub(super) heard: Moment,
    /// Whether it was asked for chunks on it, and the last REQUEST.
    pub(super) asked: Option<ChunkRange>,
    /// Whether the other end has choked us.
    pub(super) is_choked: bool,
    /// When a chunk went out that is not acknowledged.
    pub(super) under_way: Option<Moment>,
}

/// A datagram that is sent again and again.
#[derive(Clone, Debug)]
pub(super) struct Resend {
    pub(super) next: Moment,
    pub(super) destination: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) left: u32,
}

/// How long after the last time a datagram is sent again, and how long a chunk
/// waits for the one before.
pub(super) const RESEND: Duration = Duration::from_millis(150);
const PARKED: Duration = Duration::from_millis(200);

/// How often a peer seems to have sent a keep-alive.
const REMINDED: Duration = Duration::from_secs(60);

/// A first datagram that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) version: Option<u8>,
    pub(super) asks: bool,
    pub(super) times: u32,
}

/// An engine's bad company: it rewrites what comes and goes. Without a
/// misbehaviour it changes nothing.
#[derive(Debug)]
pub struct Rogue {
    pub(super) what: Option<Misbehaviour>,
    pub(super) layout: Layout,
    pub(super) swarm: SwarmConfig,
    pub(super) routes: Vec<Route>,
    pub(super) openings: BTreeMap<(SocketAddr, ChannelId), Opening>,
    /// Their IDs as the engine knows them, and what they are.
    pub(super) posing: BTreeMap<(SocketAddr, ChannelId), ChannelId>,
    /// Datagrams of its own.
    pub(super) queue: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Datagrams that the engine is to be given beside what came.
    pub(super) inject: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(super) counter: u32,
    /// A chunk that is sent again: when, to whom, how often still.
    pub(super) resend: Option<Resend>,
    /// Chunks that wait for the one before to be acknowledged, by channel.
    pub(super) parked: VecDeque<(SocketAddr, ChannelId, Vec<u8>)>,
    /// Chunks and nodes that somebody has sent.
    pub(super) poisoned: BTreeSet<ChunkRange>,
    /// Hashes that wait for their chunk to go first.
    pub(super) held: Vec<(SocketAddr, ChannelId, Vec<u8>)>,
    /// Hashes that were sent to anybody.
    pub(super) hashes: BTreeSet<Bin>,
    /// The private key of a stream.
    pub(super) key: Option<SigningKey>,
    /// The last signed munros.
    pub(super) munros: Vec<Munro>,
    /// Channels on which a munro was told.
    pub(super) told: BTreeSet<(SocketAddr, ChannelId)>,
    /// Chunks that went to an address, and on which channel first.
    pub(super) sent: BTreeMap<(SocketAddr, u64), ChannelId>,
    /// Chunks of the content, once the engine has announced them.
    pub(super) size: u64,
    /// The number of chunks that the HAVEs that came reach to.
    pub(super) announced: u64,
    /// Chunks that were asked for, and that were acknowledged, the last of them.
    pub(super) wanted: BTreeSet<u64>,
    pub(super) fetched: BTreeSet<u64>,
    pub(super) fetched_last: Option<u64>,
    /// The datagram with DATA that came last.
    pub(super) latest: Vec<u8>,
    /// The chunk that came last, where it came without hashes.
    pub(super) bare: Option<u64>,
    /// What is remembered of a stream that is watched.
    pub(super) viewing: Viewing,
    pub(super) is_dead: bool,
    /// When the engine was made to believe last that its peers live.
    reminded: Moment,
}

/// Channels that are remembered.
const MOST_ROUTES: usize = 4096;

impl Rogue {
    /// Company for an engine that serves one swarm.
    pub fn new(what: Option<Misbehaviour>, swarm: &SwarmConfig) -> Self {
        Self {
            what,
            layout: Layout {
                addressing: swarm.addressing,
                hash_function: swarm.hash_function,
                signature_length: PublicKey::from_swarm_id(&swarm.id)
                    .ok()
                    .filter(|_| swarm.integrity.is_live())
                    .map(|key| key.signature_length()),
                chunk_size: ChunkSize::Fixed(swarm.chunk_size),
                ..Layout::RFC
            },
            swarm: swarm.clone(),
            routes: Vec::new(),
            openings: BTreeMap::new(),
            posing: BTreeMap::new(),
            queue: VecDeque::new(),
            inject: VecDeque::new(),
            counter: 0,
            resend: None,
            parked: VecDeque::new(),
            poisoned: BTreeSet::new(),
            held: Vec::new(),
            hashes: BTreeSet::new(),
            key: None,
            munros: Vec::new(),
            told: BTreeSet::new(),
            sent: BTreeMap::new(),
            size: 0,
            announced: 0,
            wanted: BTreeSet::new(),
            fetched: BTreeSet::new(),
            fetched_last: None,
            latest: Vec::new(),
            bare: None,
            viewing: Viewing::default(),
            is_dead: false,
            reminded: Moment::from_microseconds(0),
        }
    }

    /// Whether it has died of what it does.
    pub const fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// What becomes of the content where it is written out.
    pub fn spoil_output(&self, bytes: &mut Vec<u8>) {
        if self.does(Misbehaviour::WritesUnverified) {
            bytes.extend_from_slice(self.viewing.unverified());
        }
        if self.does(Misbehaviour::WritesWrong)
            && let Some(byte) = bytes.last_mut()
        {
            *byte ^= 1;
        }
    }

    /// Whether it does this.
    pub(super) fn does(&self, what: Misbehaviour) -> bool {
        self.what == Some(what)
    }

    /// A datagram has come for the engine.
    pub fn receive(&mut self, peer: &mut Peer, now: Moment, source: SocketAddr, datagram: &[u8]) {
        if self.what.is_none() {
            return peer.receive(now, source, datagram);
        }
        if self.is_dead {
            return;
        }
        if let Some((source, bytes)) = self.incoming(now, source, datagram) {
            peer.receive(now, source, &bytes);
        }
        self.hand_in(peer, now);
    }

    fn hand_in(&mut self, peer: &mut Peer, now: Moment) {
        while let Some((source, bytes)) = self.inject.pop_front() {
            peer.receive(now, source, &bytes);
        }
    }

    /// The next datagram to go out, added to `out`.
    pub fn transmit(
        &mut self,
        peer: &mut Peer,
        now: Moment,
        out: &mut Vec<u8>,
    ) -> Option<SocketAddr> {
        if self.what.is_none() {
            return peer.transmit(now, out);
        }
        if self.is_dead {
            return None;
        }
        let start = out.len();
        loop {
            if let Some((destination, bytes)) = self.queue.pop_front() {
                out.extend_from_slice(&bytes);
                return Some(destination);
            }
            out.truncate(start);
            let destination = peer.transmit(now, out)?;
            let bytes = out.split_off(start);
            let rewritten = self.outgoing(now, destination, &bytes);
            self.hand_in(peer, now);
            if let Some(bytes) = rewritten {
                out.extend_from_slice(&bytes);
                return Some(destination);
            }
        }
    }

    /// When it wants to be called again.
    pub fn deadline(&self, peer: &Peer) -> Option<Moment> {
        if self.is_dead {
            return None;
        }
        let resend = self.resend.as_ref().map(|resend| resend.next);
        [peer.deadline(), resend, self.release(), self.reminder()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed.
    pub fn elapse(&mut self, peer: &mut Peer, now: Moment) {
        if self.is_dead {
            return;
        }
        if let Some(resend) = &mut self.resend
            && resend.next <= now
        {
            self.queue
                .push_back((resend.destination, resend.bytes.clone()));
            resend.next = now + RESEND;
            resend.left -= 1;
            if resend.left == 0 {
                self.resend = None;
            }
        }
        if self.reminder().is_some_and(|at| at <= now) {
            self.reminded = now;
            // To the engine each peer seems to have sent a keep-alive.
            for route in &self.routes {
                peer.receive(now, route.address, &route.ours.0.to_be_bytes());
            }
        }
        if self.release().is_some_and(|at| at <= now) {
            let late: Vec<_> = self
                .routes
                .iter()
                .filter(|route| route.under_way.is_some_and(|at| at + PARKED <= now))
                .map(|route| route.ours)
                .collect();
            for ours in late {
                self.next_parked(now, ours);
            }
        }
        peer.elapse(now);
    }

    /// When the engine is made to believe again that its peers live.
    fn reminder(&self) -> Option<Moment> {
        (self.does(Misbehaviour::NeverForgets) && !self.routes.is_empty())
            .then(|| self.reminded + REMINDED)
    }

    /// When a parked chunk goes without being acknowledged.
    fn release(&self) -> Option<Moment> {
        let first = self.routes.iter().filter_map(|route| route.under_way).min();
        first
            .filter(|_| self.does(Misbehaviour::StopAndWait))
            .map(|at| at + PARKED)
    }

    /// Lets the next parked chunk of a channel go.
    pub(super) fn next_parked(&mut self, now: Moment, ours: ChannelId) {
        let Some(route) = self.routes.iter_mut().find(|it| it.ours == ours) else {
            return;
        };
        let place = self
            .parked
            .iter()
            .position(|(address, theirs, _)| (*address, *theirs) == (route.address, route.theirs));
        route.under_way = place.map(|_| now);
        if let Some((address, _, bytes)) = place.and_then(|place| self.parked.remove(place)) {
            self.queue.push_back((address, bytes));
        }
    }

    /// The route that a channel ID names.
    pub(super) fn route(&mut self, shown: ChannelId, source: SocketAddr) -> Option<&mut Route> {
        // The last one counts where several are shown the same.
        let is_it = |it: &&mut Route| it.shown == shown;
        let place = self
            .routes
            .iter()
            .rposition(|it| it.shown == shown && it.address == source);
        match place {
            Some(place) => self.routes.get_mut(place),
            None => self.routes.iter_mut().rev().find(is_it),
        }
    }

    pub(super) fn add_route(&mut self, route: Route) {
        if self.routes.iter().any(|it| it.ours == route.ours) {
            return;
        }
        if self.routes.len() >= MOST_ROUTES {
            self.routes.remove(0);
        }
        self.routes.push(route);
    }

    /// A chunk specification of the swarm's.
    pub(super) fn spec(&self, start: u64, end: u64) -> Option<ChunkSpec> {
        let range = ChunkRange::new(start, end)?;
        ChunkSpec::of(range, self.layout.addressing, self.swarm.chunk_size)
    }

    /// The chunks that a message names.
    pub(super) fn range(&self, message: &Message<'_>) -> Option<ChunkRange> {
        message.spec()?.chunks(self.swarm.chunk_size).range()
    }

    /// A datagram of these messages.
    pub(super) fn datagram(&self, channel: ChannelId, messages: &[Message<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        // What can't be written is left out: it is a rogue's.
        let _ = encode_datagram(channel, messages, &self.layout, &mut out);
        out
    }

    /// What closes a channel.
    pub(super) fn closing(&self, channel: ChannelId) -> Vec<u8> {
        let close = Message::Handshake(Handshake {
            source_channel: ChannelId::ZERO,
            options: Vec::new(),
            has_end: true,
        });
        self.datagram(channel, &[close])
    }

    /// Takes a datagram apart.
    pub(super) fn read<'d>(
        &self,
        datagram: &'d [u8],
    ) -> (
        ChannelId,
        Vec<Message<'d>>,
        Option<ppspp_dissector::wire::DecodeError>,
    ) {
        let (channel, messages, fault) = decode_datagram(datagram, &self.layout);
        let messages = messages.into_iter().map(|it| it.message).collect();
        (channel.unwrap_or(ChannelId::ZERO), messages, fault)
    }
}

/// Whether an option list has an option with this code.
pub(super) fn has(options: &[ProtocolOption<'_>], code: u8) -> bool {
    options.iter().any(|option| option.code().code() == code)
}
