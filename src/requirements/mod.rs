//! The requirements of RFC 7574, in our own words, and what holds an
//! implementation to each: findings of the analyzer, cases of the prober, tests
//! of our own peer; or why nothing does.
//!
//! A sentence of the RFC that binds in several ways is several rows. The rows
//! are data, one file an area of the RFC; `ppsp-inspect requirements` prints
//! them, docs/REQUIREMENTS.md is made from them, and a test compares their
//! number with the key words in the RFC.

mod addressing;
mod exchange;
mod handshake;
mod integrity;
mod live;
mod options;
mod peers;
mod requirement;
mod security;
mod summary;
mod udp;

pub use requirement::{Coverage, Keyword, Level, PeerTest, Requirement, Uncovered};
pub use summary::Counts;

/// The areas, in the order of the RFC's sections.
static AREAS: [&[Requirement]; 9] = [
    handshake::ROWS,
    exchange::ROWS,
    peers::ROWS,
    addressing::ROWS,
    integrity::ROWS,
    live::ROWS,
    options::ROWS,
    udp::ROWS,
    security::ROWS,
];

/// All requirements, by section and then as the RFC has them.
pub fn requirements() -> impl Iterator<Item = &'static Requirement> {
    AREAS.iter().copied().flatten()
}
