//! A target in virtual time: our own engine, behaving or not, on the simulator's
//! network. A case against it is the same each time and takes no time.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use super::net::{Arrival, Net, Port};
use super::serve::{Fate, Invitation};
use super::swarm::Swarm;
use crate::peer::engine::{
    JoinError, LiveConfig, Membership, Moment, Peer, PeerConfig, Picking, Profile, Reciprocity,
    StoreError, SwarmConfig, SwarmKey, Unprotected,
};
use crate::peer::keys::SigningKey;
use crate::peer::misbehave::{Misbehaviour, Rogue};
use crate::peer::player::Player;
use crate::peer::sim::{Ending, Host, LinkSettings, Nanotime, Network, Node, NodeId, Seed};
use crate::peer::storage::MemoryStore;

/// When virtual time begins.
const START: Nanotime = Nanotime::from_nanoseconds(1_795_322_041_000_000_000);

/// The stream of an injector: some chunks have left its window already.
const LIVE: LiveConfig = LiveConfig {
    window: 1024,
    chunks_per_signature: 8,
};
const BACKLOG: u32 = 1101;

/// How long a viewer waits for a chunk while later ones are there.
const GAP: Duration = Duration::from_secs(3);

/// How long a datagram is on its way.
const DELAY: Duration = Duration::from_millis(5);

/// A target: our own engine and its bad company.
#[derive(Debug)]
pub struct Target {
    peer: Peer,
    rogue: Rogue,
    /// What makes chunks where it injects a stream.
    source: Option<Source>,
    /// What it came for, where it leaves when it has all of that.
    errand: Option<Errand>,
}

/// What a leecher or a viewer has come for.
#[derive(Debug)]
struct Errand {
    swarm: SwarmKey,
    is_done: bool,
    /// Who plays the stream, and what was played, where it is one.
    playing: Option<(Player, Vec<u8>)>,
}

impl Target {
    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        self.play(now);
        let sent = self.rogue.transmit(&mut self.peer, now, out);
        // It leaves when all is acknowledged, as `peer leech` does.
        if let Some(errand) = &mut self.errand
            && sent.is_none()
            && self.peer.is_complete(errand.swarm)
            && !std::mem::replace(&mut errand.is_done, true)
        {
            self.peer.close();
            return self.rogue.transmit(&mut self.peer, now, out);
        }
        sent
    }

    /// Plays what is there of a stream.
    fn play(&mut self, now: Moment) {
        if let Some(errand) = &mut self.errand
            && let Some((player, played)) = &mut errand.playing
        {
            // Memory can be read.
            let _ = player.play(now, &mut self.peer, errand.swarm, |_, chunk| {
                played.extend_from_slice(chunk);
                Ok::<(), StoreError>(())
            });
        }
    }

    /// The content as it would write it out.
    fn output(&mut self) -> Option<Vec<u8>> {
        let errand = self.errand.as_ref()?;
        let swarm = errand.swarm;
        if let Some((_, played)) = &errand.playing {
            let mut bytes = played.clone();
            self.rogue.spoil_output(&mut bytes);
            return Some(bytes);
        }
        let mut bytes = Vec::new();
        for chunk in 0..self.peer.size(swarm)? {
            self.peer.read(swarm, chunk, &mut bytes).ok()?;
        }
        self.rogue.spoil_output(&mut bytes);
        Some(bytes)
    }
}

/// The source of a live stream.
#[derive(Debug)]
struct Source {
    swarm: SwarmKey,
    key: SigningKey,
    chunk_size: usize,
    /// Chunks that were made.
    made: u64,
    /// When the next one is.
    next: Moment,
}

impl Source {
    /// How long a chunk takes to be made.
    const INTERVAL: Duration = Duration::from_millis(100);

    /// Makes what was to be made until now.
    fn run(&mut self, peer: &mut Peer, now: Moment) {
        while self.next <= now {
            // Each chunk has bytes of its own.
            let mut state = (self.made + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let chunk: Vec<u8> = (0..self.chunk_size)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                })
                .collect();
            let mut sign = |parts: &[&[u8]]| self.key.sign(parts);
            // Memory keeps what it is given.
            let _ = peer.inject(self.next, self.swarm, &chunk, &mut sign);
            self.made += 1;
            self.next = self.next + Self::INTERVAL;
        }
    }
}

/// What is on a host: the target, or a mailbox of ours.
#[derive(Debug)]
enum Station {
    Target(Box<Target>),
    Mailbox {
        came: VecDeque<(Moment, SocketAddr, Vec<u8>)>,
        to_send: VecDeque<(SocketAddr, Vec<u8>)>,
    },
    /// Nobody is there.
    Vacant,
}

impl Node for Station {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        match self {
            Self::Target(it) => it.rogue.receive(&mut it.peer, now, source, datagram),
            Self::Mailbox { came, .. } => came.push_back((now, source, datagram.to_vec())),
            Self::Vacant => {}
        }
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Target(it) => it.transmit(now, out),
            Self::Mailbox { to_send, .. } => {
                let (destination, bytes) = to_send.pop_front()?;
                out.extend_from_slice(&bytes);
                Some(destination)
            }
            Self::Vacant => None,
        }
    }

    fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Target(it) => {
                let next = it.source.as_ref().map(|source| source.next);
                [it.rogue.deadline(&it.peer), next]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Self::Mailbox { .. } | Self::Vacant => None,
        }
    }

    fn elapse(&mut self, now: Moment) {
        if let Self::Target(it) = self {
            if let Some(source) = &mut it.source {
                source.run(&mut it.peer, now);
            }
            it.rogue.elapse(&mut it.peer, now);
        }
    }
}

/// The network with the target.
#[derive(Debug)]
pub struct SimulatedNet {
    network: Network<Station>,
    target: NodeId,
    ports: Vec<(NodeId, SocketAddr)>,
    /// The ports before are closed, and nobody is there any more.
    first_open: usize,
    /// What a guest does wrong, and how many there were.
    misbehaviour: Option<Misbehaviour>,
    guests: u8,
}

impl SimulatedNet {
    /// The target's address.
    pub const TARGET: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 6778);

    /// When the target starts, for what it is told before.
    pub const fn start() -> Moment {
        START.moment()
    }

    /// A network with a target.
    pub fn new(target: Target) -> Self {
        Self::with(Station::Target(Box::new(target)))
    }

    /// A network to which a leecher or viewer of ours comes when it is invited, doing one
    /// thing wrong or none.
    pub fn for_guests(misbehaviour: Option<Misbehaviour>) -> Self {
        Self {
            misbehaviour,
            ..Self::with(Station::Vacant)
        }
    }

    fn with(station: Station) -> Self {
        let mut network = Network::new(Seed(1), START);
        let target = network
            .add_host(host(Self::TARGET, station))
            .unwrap_or_else(|error| unreachable!("the first host: {error}"));
        Self {
            network,
            target,
            ports: Vec::new(),
            first_open: 0,
            misbehaviour: None,
            guests: 0,
        }
    }

    /// Puts another target in its place, which starts now.
    pub fn revive(&mut self, target: Target) {
        let station = Station::Target(Box::new(target));
        // There is such a host: it was added first.
        let _ = self.network.restart(self.target, station);
    }
}

/// A seeder of ours for some content, doing one thing wrong or none.
///
/// # Errors
/// When the swarm can't be.
pub fn seeder(
    content: &[u8],
    swarm: &Swarm,
    misbehaviour: Option<Misbehaviour>,
) -> Result<Target, JoinError> {
    let config = config(swarm);
    let function = swarm.tree_hash().ok_or(JoinError::HashFunction)?;
    let size = NonZeroU32::new(swarm.chunk_size).ok_or(JoinError::ChunkSize(swarm.chunk_size))?;
    let (store, _) = MemoryStore::of_content(function, size, content)
        .map_err(|_| JoinError::ChunkSize(swarm.chunk_size))?;
    let mut peer = Peer::new(PeerConfig::default(), [7; 32]);
    let rogue = Rogue::new(misbehaviour, &config);
    peer.join(SimulatedNet::start(), config, Box::new(store))?;
    Ok(Target {
        peer,
        rogue,
        source: None,
        errand: None,
    })
}

/// An injector of ours, doing one thing wrong or none: it has streamed for a
/// while, and goes on from `now`. `key` is the private half of the swarm's ID.
///
/// # Errors
/// When the swarm can't be.
pub fn injector(
    now: Moment,
    key: &SigningKey,
    swarm: &Swarm,
    misbehaviour: Option<Misbehaviour>,
) -> Result<Target, JoinError> {
    let config = SwarmConfig {
        live: LIVE,
        ..config(swarm)
    };
    let size = NonZeroU32::new(swarm.chunk_size).ok_or(JoinError::ChunkSize(swarm.chunk_size))?;
    let mut peer = Peer::new(PeerConfig::default(), [7; 32]);
    let rogue = Rogue::new(misbehaviour, &config).with_key(key);
    let began = now - Source::INTERVAL * BACKLOG;
    let store = MemoryStore::for_stream(size);
    let joined = peer.join(began, config, Box::new(store))?;
    let mut source = Source {
        swarm: joined,
        key: key.clone(),
        chunk_size: swarm.chunk_size as usize,
        made: 0,
        next: began,
    };
    source.run(&mut peer, now);
    Ok(Target {
        peer,
        rogue,
        source: Some(source),
        errand: None,
    })
}

/// A leecher or a viewer of ours that comes to us, doing one thing wrong or none.
fn guest(
    now: Moment,
    invitation: &Invitation,
    misbehaviour: Option<Misbehaviour>,
    seed: u8,
) -> Result<Target, JoinError> {
    let swarm = &invitation.swarm;
    let mut config = SwarmConfig {
        wants_content: true,
        picking: if swarm.is_live() {
            Picking::InOrder
        } else {
            Picking::Sequential
        },
        ..config(swarm)
    };
    if let Some(misbehaviour) = misbehaviour {
        misbehaviour.prepare(&mut config);
    }
    let size = NonZeroU32::new(swarm.chunk_size).ok_or(JoinError::ChunkSize(swarm.chunk_size))?;
    let mut peer = Peer::new(PeerConfig::default(), [seed; 32]);
    let rogue = Rogue::new(misbehaviour, &config);
    let store = if swarm.is_live() {
        MemoryStore::for_stream(size)
    } else {
        MemoryStore::new(size)
    };
    let key = peer.join(now, config, Box::new(store))?;
    peer.connect(now, key, invitation.address);
    Ok(Target {
        peer,
        rogue,
        source: None,
        errand: Some(Errand {
            swarm: key,
            is_done: false,
            playing: swarm.is_live().then(|| (Player::new(GAP, now), Vec::new())),
        }),
    })
}

/// What our engine is told of a swarm.
fn config(swarm: &Swarm) -> SwarmConfig {
    SwarmConfig {
        id: swarm.id.clone(),
        integrity: swarm.integrity,
        hash_function: swarm.hash_function,
        addressing: swarm.addressing,
        chunk_size: swarm.chunk_size,
        profile: &Profile::RFC,
        picking: Picking::Sequential,
        reciprocity: Reciprocity::None,
        wants_content: false,
        live: LiveConfig::default(),
        unprotected: Unprotected::default(),
        membership: Membership::default(),
    }
}

fn host(address: SocketAddr, node: Station) -> Host<Station> {
    let link = LinkSettings {
        delay: DELAY,
        ..LinkSettings::default()
    };
    Host {
        address,
        node,
        uplink: link.clone(),
        downlink: LinkSettings {
            delay: Duration::ZERO,
            ..link
        },
        uplink_via: Vec::new(),
        downlink_via: Vec::new(),
        start: START,
        departure: None,
    }
}

impl Net for SimulatedNet {
    fn now(&self) -> Moment {
        self.network.now().moment()
    }

    fn open(&mut self) -> io::Result<Port> {
        let number = self.ports.len() as u16;
        let address: SocketAddr = (Ipv4Addr::new(198, 51, 100, 1), 10_000 + number).into();
        let station = Station::Mailbox {
            came: VecDeque::new(),
            to_send: VecDeque::new(),
        };
        let node = self
            .network
            .add_host(host(address, station))
            .map_err(io::Error::other)?;
        self.ports.push((node, address));
        // It starts before anything is sent from it.
        let now = self.network.now();
        self.network.run(now, &mut (), |_| false);
        Ok(Port(self.ports.len() - 1))
    }

    fn address(&self, port: Port) -> SocketAddr {
        let found = self.ports.get(port.0);
        found.map_or(Self::TARGET, |(_, address)| *address)
    }

    fn send(&mut self, port: Port, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        if let Some(&(node, _)) = self.ports.get(port.0).filter(|_| port.0 >= self.first_open) {
            self.network.act(node, &mut (), |station, _| {
                if let Station::Mailbox { to_send, .. } = station {
                    to_send.push_back((to, datagram.to_vec()));
                }
            });
        }
        Ok(())
    }

    fn receive(&mut self, until: Moment) -> io::Result<Option<Arrival>> {
        let open = &self.ports[self.first_open..];
        let with_mail = |network: &Network<Station>| {
            open.iter().position(|(node, _)| {
                let station = network.node(*node);
                matches!(station, Some(Station::Mailbox { came, .. }) if !came.is_empty())
            })
        };
        let has_mail = |network: &Network<Station>| with_mail(network).is_some();
        loop {
            if let Some(place) = with_mail(&self.network) {
                let (node, _) = open[place];
                let mail = self.network.act(node, &mut (), |station, _| match station {
                    Station::Mailbox { came, .. } => came.pop_front(),
                    Station::Target(_) | Station::Vacant => None,
                });
                if let Some((at, source, bytes)) = mail.flatten() {
                    return Ok(Some(Arrival {
                        at,
                        port: Port(self.first_open + place),
                        source,
                        bytes,
                    }));
                }
                continue;
            }
            if self.network.now().moment() >= until {
                return Ok(None);
            }
            let ending = self.network.run(Nanotime::from(until), &mut (), has_mail);
            if matches!(ending, Ending::Stalled(_)) {
                return Err(io::Error::other("the target has stopped the time"));
            }
            if !has_mail(&self.network) {
                // Nothing more happens until then.
                self.network.rest(Nanotime::from(until));
            }
        }
    }

    fn close_all(&mut self) {
        for (node, _) in &self.ports[self.first_open..] {
            self.network.act(*node, &mut (), |station, _| {
                *station = Station::Vacant;
            });
        }
        self.first_open = self.ports.len();
    }

    fn invite(&mut self, invitation: &Invitation) -> io::Result<()> {
        self.dismiss();
        // What is on its way to the one before finds nobody.
        let settled = Nanotime::from(self.now() + DELAY * 2);
        self.network.run(settled, &mut (), |_| false);
        self.network.rest(settled);
        self.guests = self.guests.wrapping_add(1);
        let guest = guest(self.now(), invitation, self.misbehaviour, self.guests);
        let guest = guest.map_err(io::Error::other)?;
        self.revive(guest);
        Ok(())
    }

    fn takes_other_content(&self) -> bool {
        true
    }

    fn fate(&mut self) -> Fate {
        let Some(Station::Target(it)) = self.network.node(self.target) else {
            return Fate::Unknown;
        };
        if it.rogue.is_dead() {
            Fate::Crashed("it has died of its misbehaviour".to_owned())
        } else if it.errand.as_ref().is_some_and(|errand| errand.is_done) {
            Fate::Ended("it has ended".to_owned())
        } else {
            Fate::Runs
        }
    }

    fn output(&mut self) -> Option<Vec<u8>> {
        let read = self.network.act(self.target, &mut (), |station, _| {
            if let Station::Target(it) = station {
                it.output()
            } else {
                None
            }
        });
        read.flatten()
    }

    fn dismiss(&mut self) {
        // There is such a host: it was added first.
        let _ = self.network.restart(self.target, Station::Vacant);
    }
}
