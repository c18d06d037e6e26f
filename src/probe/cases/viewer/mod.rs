//! Cases for targets that watch a live stream: we inject it, and the target comes to
//! us. What others than viewers have to do, too, stands with the leechers' cases.

mod malformed;
mod munros;
mod options;
mod refusals;
mod relaying;
mod support;
mod tuning;

use std::time::Duration;

use crate::probe::case::{Case, Level, Role};

/// What most of these cases are.
const VIEWER: Case = Case {
    roles: &[Role::Viewer],
    limit: Duration::from_secs(30),
    ..Case::USUAL
};

/// What those are that the target has to survive.
const ROBUST: Case = Case {
    level: Level::Robustness,
    ..VIEWER
};

/// The areas, in the order in which they run.
pub(super) const AREAS: &[&[Case]] = &[
    options::CASES,
    tuning::CASES,
    refusals::CASES,
    munros::CASES,
    relaying::CASES,
    malformed::CASES,
];
