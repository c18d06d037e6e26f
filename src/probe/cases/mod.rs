//! The cases, one file an area of the RFC.

mod channels;
mod handshake;
mod options;
mod support;

use super::case::Case;

/// The areas, in the order in which they run: what may end the target comes
/// last.
pub(super) const AREAS: &[&[Case]] = &[handshake::CASES, channels::CASES, options::CASES];
