//! A simulation's settings, read from a TOML file.
//!
//! ```toml
//! seed = 7
//! duration = "2 min"                  # at most, of virtual time
//!
//! [defaults.uplink]                   # of all nodes; what is not set does nothing
//! bandwidth = "10 Mbit/s"
//! delay = "10 ms"
//! queue = "64 KiB"
//! [defaults.downlink]
//! bandwidth = "50 Mbit/s"
//! delay = "10 ms"
//! jitter = "2 ms"                     # at most
//! jitter_shape = "bell"               # or "uniform"
//! loss = 0.01
//! bursts = { begin = 0.001, end = 0.2, loss = 0.9 }
//! reordering = { probability = 0.01, lateness = "5 ms" }
//! duplication = 0.001
//!
//! [[bottlenecks]]                     # links that several nodes share
//! name = "line"
//! link = { bandwidth = "4 Mbit/s", queue = "100 kB" }
//!
//! [content]
//! kind = "static"                     # or "live", see below
//! size = "4 MiB"
//! chunk_size = 1024
//! hash_function = "sha256"
//! chunk_addressing = "chunk32"
//!
//! [[nodes]]
//! name = "seeder"
//! role = "seeder"
//! uplink_via = ["line"]
//!
//! [[nodes]]
//! name = "leecher"                    # leecher-1, leecher-2, …
//! role = "leecher"
//! count = 5
//! start = "1 s"
//! spread = "500 ms"                   # each starts up to so much later
//! leave = "90 s"                      # or crash = "90 s"
//! policies = { picking = "rarest-first", reciprocity = "tit-for-tat" }
//! # also: discovery = "tracker", dialect = "libswift", rate = "1 Mbit/s",
//! #       ledbat_target = "60 ms"
//! downlink = { delay = "80 ms" }      # the rest as in the defaults
//!
//! [[nodes]]
//! name = "rogue"
//! role = "seeder"
//! misbehaviour = "liar"               # wrong-hash, silent, crash, slow, flooder
//!
//! [output]
//! pcapng = "swarm.pcapng"
//! at = ["leecher-1"]                  # without it, everywhere
//! ```
//!
//! A live stream has an injector and viewers, which relay what they have:
//!
//! ```toml
//! [content]
//! kind = "live"
//! rate = "1 Mbit/s"
//! discard_window = 512                # chunks; without it, all are kept
//! content_integrity = "unified-merkle"    # or "sign-all"
//! signature_algorithm = "ECDSAP256SHA256"
//! chunks_per_signature = 32           # of a unified Merkle tree
//!
//! [[nodes]]
//! name = "injector"
//! role = "injector"
//! [[nodes]]
//! name = "viewer"
//! role = "viewer"
//! count = 5
//! policies = { picking = "in-order" }
//! ```

mod assembly;
mod check;
mod content;
mod error;
mod file;
mod policies;
mod quantity;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::chance::Seed;
use super::link::LinkSettings;

pub use content::{ContentKind, ContentSettings, StreamSettings};
pub use error::ScenarioError;
pub use policies::{Discovery, Misbehaviour, Policies};

/// All that a simulation is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What its randomness comes from.
    pub seed: Seed,
    /// How long it may last, in virtual time.
    pub duration: Duration,
    /// Links that several nodes share.
    pub bottlenecks: Vec<Bottleneck>,
    /// What peers exchange; `None` only where there are no peers.
    pub content: Option<ContentSettings>,
    /// Every host, group after group.
    pub hosts: Vec<HostSettings>,
    /// Which capture is to be written, if any.
    pub output: Option<OutputSettings>,
}

/// A link that several nodes share, in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// Its name.
    pub name: String,
    /// What it is like. Defaults are for access links only.
    pub link: LinkSettings,
}

/// What a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Has all static content from the beginning.
    Seeder,
    /// Wants static content.
    Leecher,
    /// Makes and signs a live stream.
    Injector,
    /// Wants a live stream.
    Viewer,
    /// Sends a greedy bulk flow that is not PPSPP.
    Reno,
    /// Receives such flows.
    Sink,
}

impl Role {
    /// Whether it speaks PPSPP.
    pub const fn is_peer(self) -> bool {
        !matches!(self, Self::Reno | Self::Sink)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seeder => "seeder",
            Self::Leecher => "leecher",
            Self::Injector => "injector",
            Self::Viewer => "viewer",
            Self::Reno => "reno",
            Self::Sink => "sink",
        })
    }
}

/// How a host goes, counted from the beginning of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Going {
    /// Without a word, after so long.
    Crash(Duration),
    /// In good order, after so long.
    Leave(Duration),
}

/// One host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSettings {
    /// Its group's name; with a number from 1 where the group has a `count`.
    pub name: String,
    /// Its group's name.
    pub group: String,
    /// The address that it has on the simulated network.
    pub address: SocketAddr,
    /// What it does.
    pub role: Role,
    /// Where a Reno flow goes: an index into [`Scenario::hosts`].
    pub to: Option<usize>,
    /// When it starts, counted from the beginning, its spread included.
    pub start: Duration,
    /// When and how it goes, if it does.
    pub going: Option<Going>,
    /// What it does wrong on purpose.
    pub misbehaviour: Option<Misbehaviour>,
    /// In which of several ways it does things.
    pub policies: Policies,
    /// Its way out.
    pub uplink: LinkSettings,
    /// Its way in.
    pub downlink: LinkSettings,
    /// Shared links after its uplink: indices into [`Scenario::bottlenecks`].
    pub uplink_via: Vec<usize>,
    /// Shared links before its downlink, the same.
    pub downlink_via: Vec<usize>,
}

/// Which capture is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// The file, relative to where the program runs.
    pub pcapng: PathBuf,
    /// At which hosts: indices into [`Scenario::hosts`]. Empty is everywhere.
    pub at: Vec<usize>,
}

impl Scenario {
    /// Reads a scenario from the text of a TOML file.
    ///
    /// # Errors
    /// When the text is not TOML, has unknown fields or wrong values, or its
    /// parts do not fit each other. The error tells the line.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::parse_seeded(text, None)
    }

    /// The same with another seed than the text's.
    ///
    /// # Errors
    /// As those of [`parse`](Self::parse).
    pub fn parse_seeded(text: &str, seed: Option<Seed>) -> Result<Self, ScenarioError> {
        let mut file: file::File =
            toml::from_str(text).map_err(|error| ScenarioError::from_toml(text, &error))?;
        if let Some(Seed(seed)) = seed {
            file.seed = seed;
        }
        check::scenario(text, file)
    }
}

#[cfg(test)]
#[path = "../scenario_tests.rs"]
mod tests;
