//! From a frame to the UDP datagram or TCP segment in it, through tunnels and
//! fragments.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use etherparse::{TcpHeaderSlice, ip_number};
use ppspp_dissector::session::Time;

use super::counters::Counters;
use super::fragments::{self, Fragments};
use super::ip::{self, Body, Packet};
use super::link::{self, Network};
use super::piece::{Piece, Unreadable};
use super::tcp::Segment;
use super::tunnel;

/// Finds datagrams in frames.
pub(super) struct Decoder {
    pub(super) counters: Counters,
    fragments: Fragments,
    vxlan_ports: Vec<u16>,
    /// The reassembled packet in which the last datagram was found, if it was
    /// found in one.
    assembled: Vec<u8>,
}

/// A datagram or segment: where it was found, as the bytes themselves stay in
/// the buffer.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) payload: Range<usize>,
    /// Length of the payload on the wire.
    pub(super) wire: usize,
    /// In how many fragments it came.
    pub(super) fragments: u16,
    /// Set when this is a TCP segment.
    pub(super) segment: Option<Segment>,
    /// Zero when the payload lies in the frame, else in how many nested
    /// reassembled packets.
    layer: u8,
}

impl Found {
    /// Where in the frame the payload begins; `None` where it lies in a
    /// reassembled packet.
    #[inline]
    pub(super) fn offset_in_frame(&self) -> Option<usize> {
        (self.layer == 0).then_some(self.payload.start)
    }
}

/// Where a packet was found.
#[derive(Clone, Copy)]
struct Context {
    now: Option<Time>,
    /// How many tunnels and reassembled packets it is nested in.
    depth: u8,
    /// How many of these are reassembled packets.
    layer: u8,
    fragments: u16,
}

impl Context {
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl Decoder {
    /// Knowing of no fragments yet.
    pub(super) fn new(limits: fragments::Limits, vxlan_ports: Vec<u16>) -> Self {
        Self {
            counters: Counters::default(),
            fragments: Fragments::new(limits),
            vxlan_ports,
            assembled: Vec::new(),
        }
    }

    /// The datagram or segment that this frame brings, if it brings one.
    #[inline]
    pub(super) fn decode(
        &mut self,
        link: u32,
        frame: Piece<'_>,
        now: Option<Time>,
    ) -> Option<Found> {
        let context = Context {
            now,
            depth: 0,
            layer: 0,
            fragments: 1,
        };
        match link::network(link, frame) {
            Ok(Network::UnsupportedLink) => {
                *self.counters.unsupported_links.entry(link).or_default() += 1;
                None
            }
            network => self.network(network, context),
        }
    }

    /// Where the payload of what was found lies.
    #[inline]
    pub(super) fn payload<'a>(&'a self, found: &Found, frame: &'a [u8]) -> &'a [u8] {
        let buffer = if found.layer == 0 {
            frame
        } else {
            &self.assembled
        };
        buffer.get(found.payload.clone()).unwrap_or_default()
    }

    /// Counts what the end of the capture leaves incomplete.
    pub(super) fn finish(&mut self) {
        self.counters.fragments_unfinished = self.fragments.unfinished();
    }

    #[inline]
    fn network(
        &mut self,
        network: Result<Network<'_>, Unreadable>,
        context: Context,
    ) -> Option<Found> {
        match network {
            Ok(Network::V4(packet)) => self.packet(ip::v4(packet), context),
            Ok(Network::V6(packet)) => self.packet(ip::v6(packet), context),
            Ok(Network::Arp) => {
                self.counters.arp += 1;
                None
            }
            Ok(Network::Other | Network::UnsupportedLink) => {
                self.counters.other_link += 1;
                None
            }
            Err(error) => self.unreadable(error),
        }
    }

    #[inline]
    fn packet(
        &mut self,
        packet: Result<Packet<'_>, Unreadable>,
        context: Context,
    ) -> Option<Found> {
        match packet {
            Ok(packet) if packet.body.fragment.is_some() => self.fragment(&packet, context),
            Ok(packet) if packet.body.protocol == ip_number::UDP => self.udp(&packet, context),
            Ok(packet) => self.transport(&packet, context),
            Err(error) => self.unreadable(error),
        }
    }

    #[cold]
    fn unreadable<T>(&mut self, error: Unreadable) -> Option<T> {
        match error {
            Unreadable::Cut => self.counters.cut_headers += 1,
            Unreadable::Bad => self.counters.bad_headers += 1,
        }
        None
    }

    #[inline]
    fn transport(&mut self, packet: &Packet<'_>, context: Context) -> Option<Found> {
        let payload = packet.body.payload;
        match packet.body.protocol {
            ip_number::UDP => self.udp(packet, context),
            ip_number::TCP => self.tcp(packet, context),
            ip_number::ICMP | ip_number::IPV6_ICMP => {
                self.counters.icmp += 1;
                None
            }
            ip_number::IPV4 => self.tunnel(Ok(Network::V4(payload)), context),
            ip_number::IPV6 => self.tunnel(Ok(Network::V6(payload)), context),
            ip_number::GRE => self.tunnel(tunnel::gre(payload), context),
            _ => {
                self.counters.other_ip += 1;
                None
            }
        }
    }

    fn tunnel(
        &mut self,
        inner: Result<Network<'_>, Unreadable>,
        context: Context,
    ) -> Option<Found> {
        if context.depth >= tunnel::MOST_LAYERS {
            self.counters.too_deep += 1;
            return None;
        }
        self.counters.tunnelled += 1;
        self.network(inner, context.deeper())
    }

    #[inline]
    fn udp(&mut self, packet: &Packet<'_>, context: Context) -> Option<Found> {
        let datagram = packet.body.payload;
        let (header, payload) = match (datagram.header::<8>(), datagram.after(8)) {
            (Ok(header), Ok(payload)) => (header, payload),
            (Err(error), _) | (_, Err(error)) => return self.unreadable(error),
        };
        let &[s0, s1, d0, d1, l0, l1, _, _] = header;
        let destination_port = u16::from_be_bytes([d0, d1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let payload = match length {
            8.. if length - 8 <= payload.wire() => payload.limited_to(length - 8),
            // Jumbograms and segmentation offload leave it at zero.
            0 => payload,
            _ => {
                self.counters.bad_udp_lengths += 1;
                payload
            }
        };
        if self.vxlan_ports.contains(&destination_port)
            && let Some(inner) = tunnel::vxlan(payload)
        {
            return self.tunnel(inner, context);
        }
        Some(Found {
            source: SocketAddr::new(packet.source, u16::from_be_bytes([s0, s1])),
            destination: SocketAddr::new(packet.destination, destination_port),
            payload: payload.range(),
            wire: payload.wire(),
            fragments: context.fragments,
            segment: None,
            layer: context.layer,
        })
    }

    fn tcp(&mut self, packet: &Packet<'_>, context: Context) -> Option<Found> {
        let segment = packet.body.payload;
        let Ok(header) = TcpHeaderSlice::from_slice(segment.bytes()) else {
            return self.unreadable(segment.short());
        };
        let payload = match segment.after(header.slice().len()) {
            Ok(payload) => payload,
            Err(error) => return self.unreadable(error),
        };
        Some(Found {
            source: SocketAddr::new(packet.source, header.source_port()),
            destination: SocketAddr::new(packet.destination, header.destination_port()),
            payload: payload.range(),
            wire: payload.wire(),
            fragments: context.fragments,
            segment: Some(Segment {
                sequence: header.sequence_number(),
                acknowledged: header.ack().then(|| header.acknowledgment_number()),
                syn: header.syn(),
                fin: header.fin(),
                rst: header.rst(),
            }),
            layer: context.layer,
        })
    }

    #[cold]
    fn fragment(&mut self, packet: &Packet<'_>, context: Context) -> Option<Found> {
        let fragment = packet.body.fragment?;
        if context.depth >= tunnel::MOST_LAYERS {
            self.counters.too_deep += 1;
            return None;
        }
        let is_v4 = matches!(packet.source, IpAddr::V4(_));
        let key = fragments::Key {
            source: packet.source,
            destination: packet.destination,
            identification: fragment.identification,
            protocol: is_v4.then_some(packet.body.protocol),
        };
        let whole = self.fragments.add(
            key,
            packet.body.protocol,
            fragment,
            packet.body.payload,
            context.now,
            &mut self.counters,
        )?;
        let context = Context {
            depth: context.depth + 1,
            layer: context.layer + 1,
            fragments: whole.count,
            ..context
        };
        let found = self.reassembled(packet, &whole, context)?;
        if found.layer == context.layer {
            self.assembled = whole.bytes;
        }
        Some(found)
    }

    fn reassembled(
        &mut self,
        packet: &Packet<'_>,
        whole: &fragments::Whole,
        context: Context,
    ) -> Option<Found> {
        let body = Body {
            protocol: whole.protocol,
            payload: Piece::new(&whole.bytes, whole.wire),
            fragment: None,
        };
        let body = match ip::past_extensions(body) {
            Ok(body) => body,
            Err(error) => return self.unreadable(error),
        };
        if body.fragment.is_some() {
            // A fragment header inside what fragments made up.
            return self.unreadable(Unreadable::Bad);
        }
        self.transport(&Packet { body, ..*packet }, context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::{Link, Outer, Packet, Recipe, Step, Timed, some_packets, udp};
    use super::super::{Capture, Counters};

    /// The payloads in these IP packets, and what was counted.
    fn read(packets: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Counters) {
        let packets: Vec<_> = packets
            .into_iter()
            .map(|bytes| Timed {
                nanoseconds: 0,
                bytes,
                comment: None,
            })
            .collect();
        let recipe = Recipe {
            link: Link::Raw(101),
            ..Recipe::default()
        };
        let file = recipe.write_ip(&packets);
        let mut capture = Capture::from_reader("packets", Cursor::new(file)).expect("a capture");
        let mut payloads = Vec::new();
        while let Some(captured) = capture.next() {
            payloads.push(captured.datagram.payload.to_vec());
        }
        (payloads, capture.counters().clone())
    }

    fn packet() -> Packet {
        some_packets(3).pop().expect("a packet")
    }

    fn with_udp_length(length: u16) -> Vec<u8> {
        let mut bytes = udp(&packet());
        bytes[24..26].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn an_impossible_udp_length_is_counted_and_the_ip_length_used() {
        let payload = packet().payload;
        let right = u16::try_from(payload.len()).expect("short") + 8;
        for length in [1, 7, right + 1, u16::MAX] {
            let (payloads, counters) = read(vec![with_udp_length(length)]);
            assert_eq!(payloads, [&payload[..]], "length {length}");
            assert_eq!(counters.bad_udp_lengths, 1, "length {length}");
        }
    }

    #[test]
    fn a_udp_length_of_zero_means_all_and_a_shorter_one_is_obeyed() {
        let payload = packet().payload;
        let (payloads, counters) = read(vec![with_udp_length(0), with_udp_length(18)]);
        assert_eq!(payloads, [&payload[..], &payload[..10]]);
        assert_eq!(counters.bad_udp_lengths, 0);
    }

    #[test]
    fn tunnels_are_followed_only_so_deep() {
        let mut bytes = udp(&packet());
        let mut depths = Vec::new();
        for _ in 0..40 {
            depths.push(bytes.clone());
            bytes = Step::IpInIp(Outer::V4).apply(&bytes, 0).remove(0);
        }
        let (payloads, counters) = read(depths);
        assert_eq!(payloads.len(), 6);
        assert_eq!(counters.too_deep, 34);
    }

    #[test]
    fn a_datagram_on_the_port_of_vxlan_need_not_be_vxlan() {
        let mut packet = packet();
        packet.destination.set_port(4789);
        for start in [[0, 0, 0, 0, 0, 0, 0, 0], [8, 0, 0, 0, 1, 2, 3, 4]] {
            packet.payload[..8].copy_from_slice(&start);
            let (payloads, _) = read(vec![udp(&packet)]);
            assert_eq!(payloads, [packet.payload.clone()]);
        }
    }

    #[test]
    fn other_protocols_are_counted() {
        let with_protocol = |protocol| {
            let mut bytes = udp(&packet());
            bytes[9] = protocol;
            bytes
        };
        let wrong_version = {
            let mut bytes = udp(&packet());
            bytes[0] = 0x44;
            bytes
        };
        let packets = vec![with_protocol(1), with_protocol(132), wrong_version];
        let (payloads, counters) = read(packets);
        assert!(payloads.is_empty());
        let counted = (counters.icmp, counters.other_ip, counters.bad_headers);
        assert_eq!(counted, (1, 1, 1));
    }
}
