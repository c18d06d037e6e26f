//! Peers that do wrong on purpose, one thing each: what the prober's cases are
//! there to find, so that tests know that they find it.
//!
//! The engine behind is as honest as ever: a [`Rogue`] stands between it and the
//! network and rewrites what comes and goes.

mod catalogue;
mod incoming;
mod leeching;
mod outgoing;
mod rogue;
mod spoiling;
mod streaming;
mod viewing;

pub use catalogue::Misbehaviour;
pub use rogue::Rogue;
