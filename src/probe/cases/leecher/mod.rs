//! Cases for targets that fetch static content: we seed, and the target comes to
//! us.

mod broken_replies;
mod content;
mod datagrams;
mod endings;
mod mutation;
mod opening;
mod out_of_place;
mod peer_exchange;
mod reply;
mod requests;
mod robustness;
mod support;

use std::time::Duration;

use crate::probe::case::{Case, Level, Role};

/// What most of these cases are.
const LEECHER: Case = Case {
    roles: &[Role::Leecher],
    ..Case::USUAL
};

/// What those are that the target has to survive.
const ROBUST: Case = Case {
    level: Level::Robustness,
    limit: Duration::from_secs(30),
    ..LEECHER
};

/// The areas, in the order in which they run.
pub(super) const AREAS: &[&[Case]] = &[
    opening::CASES,
    reply::CASES,
    requests::CASES,
    content::CASES,
    endings::CASES,
    datagrams::CASES,
    out_of_place::CASES,
    peer_exchange::CASES,
    broken_replies::CASES,
    robustness::CASES,
    mutation::CASES,
];
