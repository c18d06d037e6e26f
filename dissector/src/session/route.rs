//! Where a datagram belongs, and what came of it.

use super::channel::{ChannelIndex, Side};
use super::table::EndRef;
use crate::wire::{ChannelId, DecodeError, Layout};

/// Where a datagram belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) channel: ChannelIndex,
    pub(super) sender: Side,
    /// Whether it came from the address that the channel's peer has.
    pub(super) expected_address: bool,
}

impl Route {
    /// To the end that a channel ID names.
    pub(super) const fn to(end: EndRef, expected_address: bool) -> Self {
        Self {
            channel: end.channel,
            sender: end.receiver.other(),
            expected_address,
        }
    }
}

/// How a datagram was decoded, before it is made a record.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) channel_id: Option<ChannelId>,
    /// The channel and the side that sent.
    pub(super) route: Option<(ChannelIndex, Side)>,
    pub(super) layout: Layout,
    pub(super) fault: Option<DecodeError>,
    /// Offset of the first byte that was not decoded.
    pub(super) decoded: usize,
}
