//! Channels without handshake whose first datagrams are being weighed.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::address::EndKey;
use super::infer::Inference;

/// Channels that are being weighed.
pub(super) type Suspects = HashMap<EndKey, Suspect, FixedState>;

/// A channel that may be one.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) inference: Inference,
    pub(super) datagrams: u32,
}
