//! Runs what a scenario says.

use std::net::SocketAddr;

use ppspp_dissector::integrity::{ContentTree, TreeHash};
use ppspp_dissector::wire::ContentIntegrity;
use rand_core::Rng as _;

use super::chance::{Purpose, up_to};
use super::clock::Nanotime;
use super::host::{Ending, NodeId};
use super::network::Network;
use super::participant::PeerNode;
use super::participant::{Beginning, Participant};
use super::reno::{Reno, RenoReceiver};
use super::scenario::{ContentKind, ContentSettings, Discovery, Role, Scenario, ScenarioError};
use super::stream::{Stream, key};
use super::summary::Summary;
use super::tap::Tap;
use crate::peer::keys::SigningKey;

/// When every simulation begins: 2026-01-01T00:00:00Z.
const BEGAN: Nanotime = Nanotime::from_nanoseconds(1_767_225_600_000_000_000);

/// Bytes of content in all nodes together, at most: it is kept in memory.
const MOST_CONTENT: u64 = 4 << 30;

/// Peers that a tracker names.
const TRACKED: usize = 10;

/// A scenario that is under way.
#[derive(Debug)]
pub struct Simulation {
    scenario: Scenario,
    content: Vec<u8>,
    network: Network<Participant>,
    /// Leechers that are to finish: they do nothing wrong and do not go.
    honest: Vec<NodeId>,
}

impl Simulation {
    /// Puts a scenario's peers and flows on its hosts.
    ///
    /// # Errors
    /// Where the scenario asks for what is not simulated: content that is not
    /// protected, or more than fits in memory.
    pub fn new(scenario: Scenario) -> Result<Self, ScenarioError> {
        let content = match &scenario.content {
            Some(settings) => content(&scenario, settings)?,
            None => Vec::new(),
        };
        let stream = scenario
            .content
            .as_ref()
            .map(|settings| stream(&scenario, settings));
        let stream = stream.transpose()?.flatten();
        let id = match (&scenario.content, &stream) {
            (_, Some((_, key))) => key.swarm_id(),
            (Some(settings), None) => root(settings, &content)?,
            (None, None) => Vec::new(),
        };
        let mut participants = Vec::new();
        for (index, host) in scenario.hosts.iter().enumerate() {
            if let Some(reno) = scenario.reno(host) {
                participants.push(Participant::Reno(reno));
                continue;
            }
            let Some(settings) = &scenario.content else {
                return Err(wrong("content", "there is none for the peers"));
            };
            let known = known(&scenario, index);
            let peer = PeerNode::new(&Beginning {
                seed: scenario.seed,
                index,
                host,
                settings,
                content: &content,
                length: length(&scenario, settings),
                id: &id,
                stream: stream.as_ref().map(|(stream, key)| (stream, key)),
                start: (BEGAN + host.start).moment(),
                known: &known,
            });
            let peer = peer.map_err(|error| wrong("content", error.to_string()))?;
            participants.push(Participant::Peer(Box::new(peer)));
        }
        let mut participants = participants.into_iter();
        let network = scenario.network(BEGAN, |_, _| {
            // There are as many as hosts.
            let spare = || Participant::Reno(Reno::Receiver(RenoReceiver::new()));
            participants.next().unwrap_or_else(spare)
        });
        let network = network.map_err(|error| wrong("nodes", error.to_string()))?;
        let honest = network
            .nodes()
            .map(|(id, ..)| id)
            .filter(|id| {
                scenario.hosts.get(id.index()).is_some_and(|host| {
                    host.role == Role::Leecher
                        && host.misbehaviour.is_none()
                        && host.going.is_none()
                })
            })
            .collect();
        Ok(Self {
            scenario,
            content,
            network,
            honest,
        })
    }

    /// Runs until every honest leecher has finished, or the scenario's duration
    /// is over; without honest leechers, until that.
    pub fn run<T: Tap>(&mut self, tap: &mut T) -> Ending {
        let limit = BEGAN + self.scenario.duration;
        let honest = &self.honest;
        // Who has finished stays so: the rest is looked at.
        let mut finished = 0;
        self.network.run(limit, tap, |network| {
            while let Some(&id) = honest.get(finished)
                && has_finished(network, id)
            {
                finished += 1;
            }
            !honest.is_empty() && finished == honest.len()
        })
    }

    /// The scenario.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The network as it is.
    pub const fn network(&self) -> &Network<Participant> {
        &self.network
    }

    /// The content that leechers want.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The leechers that do nothing wrong and do not go.
    pub fn honest(&self) -> &[NodeId] {
        &self.honest
    }

    /// Whether a node has the whole content, byte for byte.
    pub fn has_content(&mut self, id: NodeId) -> bool {
        let found = self.network.act(id, &mut (), |node, _| match node {
            Participant::Peer(peer) => peer.content().ok(),
            Participant::Reno(_) => None,
        });
        found.flatten().is_some_and(|found| found == self.content)
    }

    /// The names of honest leechers that have not finished.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        let unfinished = self.honest.iter();
        unfinished
            .filter(|id| !has_finished(&self.network, **id))
            .filter_map(|id| self.scenario.hosts.get(id.index()))
            .map(|host| host.name.as_str())
    }

    /// What came of it.
    pub fn summary(&self) -> Summary {
        let hosts = &self.scenario.hosts;
        Summary::of(
            &self.network,
            BEGAN,
            &self.scenario.shared_links(),
            |id| {
                let host = hosts.get(id.index());
                host.map_or_else(String::new, |host| host.name.clone())
            },
            Participant::achievement,
        )
    }
}

fn has_finished(network: &Network<Participant>, id: NodeId) -> bool {
    let peer = network.node(id).and_then(Participant::peer);
    peer.is_some_and(|peer| peer.finished().is_some())
}

fn wrong(field: &str, problem: impl Into<String>) -> ScenarioError {
    ScenarioError::new("", None, field, problem)
}

/// The bytes of the content.
fn content(scenario: &Scenario, settings: &ContentSettings) -> Result<Vec<u8>, ScenarioError> {
    if settings.content_integrity == ContentIntegrity::None {
        let problem = "content that is not protected is not simulated";
        return Err(wrong("content.content_integrity", problem));
    }
    let size = length(scenario, settings);
    let nodes = scenario.hosts.iter().filter(|host| host.role.is_peer());
    let copies = nodes.count() as u64 + 1;
    if size.saturating_mul(copies) > MOST_CONTENT {
        let problem = format!("{copies} copies of it do not go in memory");
        return Err(wrong("content.size", problem));
    }
    if matches!(settings.kind, ContentKind::Live(_)) {
        return Ok(Vec::new());
    }
    let mut content = vec![0; size as usize];
    let mut generator = scenario.seed.generator(Purpose::Content);
    generator.fill_bytes(&mut content);
    Ok(content)
}

/// Bytes of the content, or of all of a stream.
fn length(scenario: &Scenario, settings: &ContentSettings) -> u64 {
    match settings.kind {
        ContentKind::Static { size } => size,
        ContentKind::Live(stream) => {
            let bits = u128::from(stream.rate.bits_per_second()) * scenario.duration.as_micros();
            u64::try_from(bits / 8_000_000).unwrap_or(u64::MAX)
        }
    }
}

/// A live stream, which begins when its first injector does, and its key.
fn stream(
    scenario: &Scenario,
    settings: &ContentSettings,
) -> Result<Option<(Stream, SigningKey)>, ScenarioError> {
    let ContentKind::Live(live) = &settings.kind else {
        return Ok(None);
    };
    let injectors = scenario
        .hosts
        .iter()
        .filter(|host| host.role == Role::Injector);
    let Some(start) = injectors.map(|host| host.start).min() else {
        return Err(wrong(
            "nodes",
            "nobody makes the live stream: there is no injector",
        ));
    };
    let key = key(scenario.seed, live)
        .map_err(|error| wrong("content.signature_algorithm", error.to_string()))?;
    let began = (BEGAN + start).moment();
    let stream = Stream::new(scenario.seed, settings.chunk_size, live, began);
    Ok(Some((stream, key)))
}

/// The content's root hash.
fn root(settings: &ContentSettings, content: &[u8]) -> Result<Vec<u8>, ScenarioError> {
    let function = TreeHash::new(settings.hash_function);
    let mut tree =
        ContentTree::new(function.ok_or_else(|| wrong("content.hash_function", "there is none"))?);
    for chunk in content.chunks(settings.chunk_size.max(1) as usize) {
        tree.push(chunk);
    }
    let root = tree.root();
    root.map(|root| root.as_bytes().to_vec())
        .ok_or_else(|| wrong("content.size", "there is nothing"))
}

/// Whom a peer knows when it starts.
fn known(scenario: &Scenario, index: usize) -> Vec<SocketAddr> {
    let Some(host) = scenario.hosts.get(index) else {
        return Vec::new();
    };
    if !matches!(host.role, Role::Leecher | Role::Viewer) {
        return Vec::new();
    }
    let others = scenario
        .hosts
        .iter()
        .enumerate()
        .filter(|(other, host)| *other != index && host.role.is_peer());
    match host.policies.discovery {
        Discovery::Pex => others
            .filter(|(_, host)| matches!(host.role, Role::Seeder | Role::Injector))
            .map(|(_, host)| host.address)
            .collect(),
        Discovery::Tracker => {
            let mut others: Vec<_> = others.map(|(_, host)| host.address).collect();
            let mut generator = scenario.seed.generator(Purpose::Tracker(index as u32));
            let mut named = Vec::new();
            while named.len() < TRACKED && !others.is_empty() {
                let place = up_to(others.len() as u64 - 1, &mut generator);
                named.push(others.swap_remove(place as usize));
            }
            named
        }
    }
}
