//! A PPSPP peer without sockets, clock or threads (RFC 7574).
//!
//! [`Peer`] is told which datagrams came and what time it is, and says which
//! datagrams are to be sent and when it wants to be called again. Content and
//! hashes are kept by whatever implements [`Store`]. All randomness comes from
//! the seed that it is given.
//!
//! Here, the analyzer's `session` is unknown: the two are independent readings
//! of the RFC, so that each tests the other.

mod ask;
mod channel;
mod conduct;
mod config;
mod content;
mod download;
mod event;
mod exchange;
mod handshake;
mod inject;
mod ledbat;
mod live;
mod members;
mod naming;
mod peer;
mod picker;
mod rate;
mod receive;
mod reciprocity;
mod serve;
mod store;
mod swarm;
mod tell;
mod time;
mod transmit;
mod unprotected;
mod upload;

pub use config::{Membership, PeerConfig, Profile, SwarmConfig, Unprotected};
pub use event::{Ending, Event};
pub use ledbat::{Gain, Ledbat, LedbatConfig};
pub use live::{LiveConfig, Sign};
pub use peer::{ChannelStatus, JoinError, Peer};
pub use picker::Picking;
pub use reciprocity::Reciprocity;
pub use store::{Chunks, Store, StoreError};
pub use swarm::{SwarmKey, SwarmTotals};
pub use time::Moment;
