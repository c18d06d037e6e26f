//! What was met on the way, and what became of it.

use std::collections::BTreeMap;

/// Counts of everything that a capture held, whether it became a datagram or
/// not. All counts are of frames unless they say otherwise; a frame with a
/// tunnel in it is counted under what the innermost packet turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets of all inputs.
    pub frames: u64,
    /// UDP datagrams given out.
    pub udp_datagrams: u64,
    /// Datagrams given out that were framed in a TCP stream.
    pub tcp_datagrams: u64,
    /// TCP segments with payload that belong to a stream of framed datagrams.
    pub tcp_framed_segments: u64,
    /// TCP segments with payload that belong to no stream of framed datagrams.
    pub tcp_other_segments: u64,
    /// TCP segments without payload.
    pub tcp_empty_segments: u64,
    /// Holes in framed TCP streams: bytes that the capture never showed.
    pub tcp_gaps: u64,
    /// Directions of TCP streams forgotten because too many, or too much, was
    /// open at once.
    pub tcp_dropped: u64,
    /// ARP packets.
    pub arp: u64,
    /// ICMP and `ICMPv6` packets.
    pub icmp: u64,
    /// IP packets of other protocols.
    pub other_ip: u64,
    /// Frames that carry neither IP nor ARP.
    pub other_link: u64,
    /// Packets taken out of a tunnel (packets, not frames).
    pub tunnelled: u64,
    /// Packets nested in more tunnels than are followed.
    pub too_deep: u64,
    /// IP fragments (fragments, not datagrams).
    pub fragments: u64,
    /// Fragmented IP packets that were put together.
    pub reassembled: u64,
    /// Fragments with impossible offset or length.
    pub fragments_bad: u64,
    /// Fragmented packets given up because their fragments overlapped.
    pub fragments_overlapping: u64,
    /// Fragmented packets given up for want of memory.
    pub fragments_dropped: u64,
    /// Fragmented packets given up because the rest did not come in time.
    pub fragments_expired: u64,
    /// Fragmented packets still incomplete at the end.
    pub fragments_unfinished: u64,
    /// Packets cut by the capture inside a header.
    pub cut_headers: u64,
    /// Packets with a header that contradicts itself.
    pub bad_headers: u64,
    /// UDP datagrams whose length field was impossible; given out with the
    /// length that the IP header implies.
    pub bad_udp_lengths: u64,
    /// Frames of a pcapng interface that the file never described.
    pub unknown_interface: u64,
    /// Frames by number of a link type that is not supported.
    pub unsupported_links: BTreeMap<u32, u64>,
}
