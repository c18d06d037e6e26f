//! Many datagrams: channels, swarms, what was negotiated, what each peer has
//! and asked for.
//!
//! [`Analyzer`] takes datagrams one after the other and yields a [`Record`]
//! for each one that is PPSPP: its messages, its channel and swarm, and what is
//! worth telling about it. Its memory does not grow with the number of
//! datagrams, only with channels, swarms and scattered chunks, each of which
//! has a cap (see [`config`]) and a finding when it is hit.

mod address;
mod analyzer;
mod channel;
mod chunk_set;
mod composition_rules;
pub mod config;
mod context;
mod counts;
mod declared;
mod evidence;
mod exchange;
mod findings;
mod foresight;
mod forget;
mod handshake_rules;
mod handshaking;
mod infer;
mod input;
mod layouts;
mod live_rules;
mod liveness;
mod liveness_rules;
mod message_rules;
mod opening;
mod pex_rules;
mod recall;
mod receiver;
mod request_rules;
mod route;
mod sign_all;
mod signatures;
mod stranger;
mod suspects;
mod swarm;
mod table;
mod verdict;
mod verification;
mod weighing;

pub use analyzer::{Analyzer, Record, Totals, recycle};
pub use channel::{Channel, ChannelIndex, End, Side, State};
pub use chunk_set::{ChunkSet, PageBudget};
pub use config::{Config, Learned};
pub use counts::MessageCounts;
pub use declared::{Declared, signature_length};
pub use foresight::{ChunkToHash, Foreseen, Hashed, HashedChunk, Outlook};
pub use input::{Datagram, Time, Transport};
pub use recall::Kept;
pub use receiver::Receiver;
pub use swarm::{Known, Swarm, SwarmIndex};
pub use verdict::{Failure, Late, Reason, Tally, Verdict};
pub use verification::{Knowledge, NodeHash, Verification};
