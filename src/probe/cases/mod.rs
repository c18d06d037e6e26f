//! The cases, one file an area of the RFC.

mod availability;
mod channels;
mod content;
mod exchange;
mod handshake;
mod leecher;
mod live;
mod live_options;
mod options;
mod requests;
mod robustness;
mod security;
mod signatures;
mod support;

use super::case::Case;

/// The areas, in the order in which they run: what may end the target comes
/// last.
pub(super) const AREAS: &[&[Case]] = &[
    handshake::CASES,
    channels::CASES,
    options::CASES,
    live_options::CASES,
    availability::CASES,
    content::CASES,
    signatures::CASES,
    live::CASES,
    requests::CASES,
    exchange::CASES,
    security::CASES,
    robustness::CASES,
    leecher::AREAS[0],
    leecher::AREAS[1],
    leecher::AREAS[2],
    leecher::AREAS[3],
    leecher::AREAS[4],
    leecher::AREAS[5],
];
