//! The prober: conformance cases against another implementation of PPSPP, by
//! section of RFC 7574.
//!
//! A [`Case`] is data and a function that talks with the target through a
//! [`Conversation`]: channels, datagrams as the case likes them, time, and a
//! record of what was said. A [`Net`] carries the datagrams: real sockets
//! ([`UdpNet`]), or a network in virtual time with our own engine as the target
//! ([`simulated`]), which does wrong where a test wants that.
//!
//! [`run`] gets to know the target ([`meet`]): the nearest HANDSHAKE that it
//! answers, and what it declares; then it runs the cases in that dialect, and
//! looks after each whether the target still lives.

mod acquaintance;
mod case;
mod cases;
mod conversation;
mod expectation;
mod fetch;
#[cfg(test)]
mod hostile_tests;
mod net;
mod proof;
mod recording;
mod registry;
mod runner;
mod selection;
pub mod serve;
mod signature;
pub mod simulated;
mod swarm;

pub use acquaintance::{Acquaintance, Unreachable, meet};
pub use case::{Case, Level, Outcome, Role, Stop, Verdict, Violation};
pub use conversation::{Channel, Conversation, Frame, Heard, Party, Patience};
pub use expectation::{ExpectationError, Expectations};
pub use fetch::{Acks, Delivered, Delivery, Piece, Signed};
pub use net::{Arrival, Net, Port, UdpNet, UsedPorts};
pub use proof::{Check, Proof};
pub use recording::write_recording;
pub use registry::cases;
pub use runner::{CaseReport, Crew, Plan, Report, Revive, find_hash, run};
pub use selection::{Selection, is_match};
pub use signature::Covers;
pub use swarm::{Declared, Known, Manner, Swarm};
