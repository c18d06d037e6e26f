//! Cases for targets that fetch static content: we seed, and the target comes to
//! us.

mod content;
mod endings;
mod opening;
mod reply;
mod requests;
mod robustness;
mod support;

use crate::probe::case::{Case, Role};

/// What most of these cases are.
const LEECHER: Case = Case {
    roles: &[Role::Leecher],
    ..Case::USUAL
};

/// The areas, in the order in which they run.
pub(in crate::probe) const AREAS: [&[Case]; 6] = [
    opening::CASES,
    reply::CASES,
    requests::CASES,
    content::CASES,
    endings::CASES,
    robustness::CASES,
];
