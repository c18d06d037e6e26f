//! What a target is told that is to connect to us, and what becomes of it.

use std::net::SocketAddr;

use crate::probe::swarm::Swarm;

/// Where the target is to connect to, and what it will find there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Our address.
    pub address: SocketAddr,
    /// The swarm.
    pub swarm: Swarm,
    /// Bytes of the content; nothing for a live stream.
    pub length: Option<u64>,
}

/// What has become of a target that was invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody knows: others have started it.
    Unknown,
    /// It runs.
    Runs,
    /// It has ended by itself, and how.
    Ended(String),
    /// It has crashed, and how.
    Crashed(String),
}
