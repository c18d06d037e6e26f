//! What the file formats yield: packets.

use std::ops::Range;

use ppspp_dissector::session::Time;

/// A packet as its file holds it. Its bytes stay where they are until the
/// next packet is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// When it was captured; `None` where the file does not say.
    pub(super) time: Option<Time>,
    /// Link type, as tcpdump.org numbers them; `None` where the file refers
    /// to an interface that it never described.
    pub(super) link: Option<u32>,
    /// Where the packet lies in the window.
    pub(super) packet: Range<usize>,
    /// Length of the packet on the wire, in bytes.
    pub(super) wire: usize,
}

/// An item of a file: a packet, whose record was filled in, or something that
/// only had to be read.
pub(super) enum Item {
    Packet,
    Other,
}
