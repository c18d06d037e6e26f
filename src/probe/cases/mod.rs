//! The cases, one file an area of the RFC.

mod availability;
mod channels;
mod closing;
mod content;
mod declarations;
mod exchange;
mod handshake;
mod leecher;
mod live;
mod live_options;
mod mutation;
mod options;
mod refusals;
mod requests;
mod robustness;
mod security;
mod signatures;
mod support;
mod viewer;

use super::case::Case;

/// The areas in their order, by what the target is: what may end it comes last.
pub(super) const AREAS: &[&[&[Case]]] = &[
    &[
        handshake::CASES,
        refusals::CASES,
        closing::CASES,
        channels::CASES,
    ],
    options::AREAS,
    &[live_options::CASES, availability::CASES, content::CASES],
    signatures::AREAS,
    &[
        live::CASES,
        requests::CASES,
        exchange::CASES,
        security::CASES,
        robustness::CASES,
        mutation::CASES,
    ],
    leecher::AREAS,
    viewer::AREAS,
];
