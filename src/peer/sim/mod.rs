//! A network in virtual time on which peers run.
//!
//! A [`Network`] holds hosts, each a [`Node`] behind an uplink and a downlink,
//! and links that several of them share. It is an event loop over virtual time:
//! same nodes, same settings and same [`Seed`], same run, byte for byte.
//!
//! `clock`, `chance`, `link` and `node` are what it is made of; `host`
//! and `event` what it holds; `network` is the loop and `passage` what happens
//! in it; `tap` and `recording` see what passes; `summary` tells what came of it;
//! `scenario` reads all settings from a TOML file; `reno` is traffic to compete
//! with. `participant` puts an engine's peer on a host, `stream` makes and plays what is
//! live, `rogue` makes peers do wrong, and `simulation` runs what a scenario says.

mod chance;
mod clock;
mod event;
mod host;
mod link;
mod network;
mod node;
mod participant;
mod passage;
mod recording;
mod reno;
mod rogue;
mod scenario;
mod simulation;
mod stream;
mod summary;
mod tap;

pub use chance::{Probability, Purpose, Seed};
pub use clock::Nanotime;
pub use host::{Departure, Ending, Host, LinkId, NetworkError, NodeCounts, NodeId};
pub use link::{
    Bandwidth, Bursts, Jitter, JitterShape, LinkCounts, LinkSettings, Reordering, wire_bytes,
};
pub use network::Network;
pub use node::Node;
pub use participant::{Participant, PeerNode};
pub use recording::{Recording, Vantage};
pub use reno::{Reno, RenoReceiver, RenoSender, RenoSettings};
pub use scenario::{
    Bottleneck, ContentKind, ContentSettings, Discovery, Going, HostSettings, Misbehaviour,
    OutputSettings, Policies, Role, Scenario, ScenarioError, StreamSettings,
};
pub use simulation::Simulation;
pub use stream::Playback;
pub use summary::{Achievement, LinkSummary, NodeSummary, PlaybackSummary, Summary};
pub use tap::{DropReason, Passage, Sighting, Tap};
