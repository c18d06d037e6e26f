//! Cases for targets that fetch: we seed or inject, and the target comes to us. Most
//! are for content that ends and for streams that do not.

mod broken_replies;
mod content;
mod datagrams;
mod endings;
mod mutation;
pub(in crate::probe::cases) mod opening;
mod out_of_place;
mod peer_exchange;
pub(in crate::probe::cases) mod reply;
mod requests;
mod robustness;
pub(in crate::probe::cases) mod support;

use std::time::Duration;

use crate::probe::case::{Case, Level, Role};

/// What most of these cases are.
pub(in crate::probe::cases) const FETCHER: Case = Case {
    roles: Role::FETCHERS,
    ..Case::USUAL
};

/// What those are that only content asks for which ends.
const LEECHER: Case = Case {
    roles: &[Role::Leecher],
    ..Case::USUAL
};

/// What those are that the target has to survive.
pub(in crate::probe::cases) const ROBUST: Case = Case {
    level: Level::Robustness,
    limit: Duration::from_secs(30),
    ..FETCHER
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
