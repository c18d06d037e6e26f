//! Writes datagrams as captures of every kind that the program reads.
//!
//! A [`Recipe`] says how: which steps each IP packet goes through (fragments,
//! tunnels, extension headers), which link layer, which file format, which
//! compression. The unit tests of `src/capture` include this file too, so it
//! depends on nothing of the program. Slow and plain on purpose.
#![allow(dead_code, unreachable_pub)]

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A UDP datagram with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Since 1970.
    pub nanoseconds: u64,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// An IP packet with its time and a comment.
#[derive(Clone, Debug)]
pub struct Timed {
    pub nanoseconds: u64,
    pub bytes: Vec<u8>,
    pub comment: Option<String>,
}

/// How to write a capture.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub steps: Vec<Step>,
    pub link: Link,
    pub file: File,
    pub compression: Compression,
    /// Frames are cut to this length.
    pub snap: Option<usize>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            link: Link::Ethernet(vec![]),
            file: File::PCAP,
            compression: Compression::None,
            snap: None,
        }
    }
}

/// What is done to every IP packet, in order.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Cut into fragments of at most so many bytes of payload.
    Fragment(usize),
    /// The same, the last fragment first.
    FragmentBackwards(usize),
    /// IPv4 options, or IPv6 hop-by-hop, routing and destination options.
    Extend,
    /// An authentication header.
    Authenticate,
    /// GRE: with checksum, key and sequence number.
    Gre(Outer, [bool; 3]),
    /// An Ethernet frame in GRE.
    GreEthernet(Outer),
    Vxlan(Outer),
    IpInIp(Outer),
    /// A length field of zero, as segmentation offload leaves it.
    NoLength,
}

/// The IP version of a tunnel.
#[derive(Clone, Copy, Debug)]
pub enum Outer {
    V4,
    V6,
}

#[derive(Clone, Debug)]
pub enum Link {
    /// With these VLAN tags.
    Ethernet(Vec<u16>),
    PppoeOverEthernet,
    CookedV1,
    CookedV2,
    /// Link type 0 with this byte order and this value of `AF_INET6`.
    Null(Order, u32),
    Loop,
    /// Link type 101, 12 or 14; 228 or 229.
    Raw(u32),
    Ppp,
    PppHdlc,
    Pppoe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn u64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Little => Self::Big,
            Self::Big => Self::Little,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum File {
    Pcap {
        order: Order,
        nanoseconds: bool,
        /// Kuznetzov's longer record headers.
        modified: bool,
    },
    /// Two sections of different byte order, of which the second has two
    /// interfaces; packets in blocks of this kind.
    Pcapng { order: Order, blocks: Blocks },
}

impl File {
    pub const PCAP: Self = Self::Pcap {
        order: Order::Little,
        nanoseconds: true,
        modified: false,
    };
    pub const PCAPNG: Self = Self::Pcapng {
        order: Order::Little,
        blocks: Blocks::Enhanced,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    Enhanced,
    /// Without times.
    Simple,
    Obsolete,
}

#[derive(Clone, Copy, Debug)]
pub enum Compression {
    None,
    /// In several members.
    Gzip,
    /// In several frames.
    Zstd,
}

impl Recipe {
    /// Writes UDP datagrams.
    pub fn write(&self, packets: &[Packet]) -> Vec<u8> {
        let ip = packets.iter().map(|packet| Timed {
            nanoseconds: packet.nanoseconds,
            bytes: udp(packet),
            comment: None,
        });
        self.write_ip(&ip.collect::<Vec<_>>())
    }

    /// Writes IP packets.
    pub fn write_ip(&self, packets: &[Timed]) -> Vec<u8> {
        let mut frames = Vec::new();
        for (number, packet) in packets.iter().enumerate() {
            let mut parts = vec![packet.bytes.clone()];
            for step in &self.steps {
                parts = parts
                    .iter()
                    .flat_map(|part| step.apply(part, number as u32))
                    .collect();
            }
            for part in parts {
                frames.push(Timed {
                    bytes: self.link.frame(&part),
                    ..packet.clone()
                });
            }
        }
        self.write_frames(&frames)
    }

    /// Writes frames of the link layer.
    pub fn write_frames(&self, frames: &[Timed]) -> Vec<u8> {
        let link = self.link.number();
        let snap = self.snap.unwrap_or(usize::MAX);
        let file = match self.file {
            File::Pcap {
                order,
                nanoseconds,
                modified,
            } => pcap(frames, link, snap, order, nanoseconds, modified),
            File::Pcapng { order, blocks } => pcapng(frames, link, snap, order, blocks),
        };
        compress(&file, self.compression)
    }
}

/// Reads a capture as tcpdump writes it on Ethernet without anything special:
/// the datagrams to compare others with. Never mind other packets.
pub fn read_plain_pcap(file: &[u8]) -> Vec<Packet> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "not what it reads");
    assert_eq!(file[20], 1, "not Ethernet");
    let number = |at: usize| u64::from(u32::from_le_bytes(file[at..at + 4].try_into().unwrap()));
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let length = number(at + 8) as usize;
        let frame = &file[at + 16..at + 16 + length];
        let nanoseconds = number(at) * 1_000_000_000 + number(at + 4) * 1_000;
        at += 16 + length;
        if frame[12..14] != [8, 0] || frame[23] != 17 {
            continue;
        }
        assert_eq!(frame[14], 0x45, "IP options");
        let address = |at: usize| {
            let ip = <[u8; 4]>::try_from(&frame[at..at + 4]).unwrap();
            Ipv4Addr::from(ip)
        };
        let field = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        packets.push(Packet {
            nanoseconds,
            source: SocketAddr::from((address(26), field(34))),
            destination: SocketAddr::from((address(30), field(36))),
            payload: frame[42..34 + usize::from(field(38))].to_vec(),
        });
    }
    packets
}

/// Some datagrams of many lengths, in both directions.
pub fn some_packets(count: usize) -> Vec<Packet> {
    let one: SocketAddr = "192.0.2.1:18020".parse().unwrap();
    let other: SocketAddr = "192.0.2.2:18021".parse().unwrap();
    (0..count)
        .map(|number| {
            let (source, destination) = if number % 3 == 2 {
                (other, one)
            } else {
                (one, other)
            };
            let length = 4 + number * 37 % 1390;
            let payload = (0..length).map(|at| (at * 7 + number * 13) as u8).collect();
            Packet {
                nanoseconds: 1_763_786_041_000_000_000 + number as u64 * 1_000_000,
                source,
                destination,
                payload,
            }
        })
        .collect()
}

/// The same datagrams between IPv6 addresses.
pub fn as_v6(packets: &[Packet]) -> Vec<Packet> {
    let convert = |address: SocketAddr| {
        let IpAddr::V4(ip) = address.ip() else {
            return address;
        };
        let [a, b, c, d] = ip.octets().map(u16::from);
        SocketAddr::new(
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, a, b, c, d).into(),
            address.port(),
        )
    };
    let v6 = packets.iter().map(|packet| Packet {
        source: convert(packet.source),
        destination: convert(packet.destination),
        ..packet.clone()
    });
    v6.collect()
}

/// A UDP datagram as an IP packet.
pub fn udp(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(packet.source.port().to_be_bytes());
    bytes.extend(packet.destination.port().to_be_bytes());
    bytes.extend((packet.payload.len() as u16 + 8).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(&packet.payload);
    ip(packet.source.ip(), packet.destination.ip(), 17, &bytes)
}

/// Flags of a TCP segment.
pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// A TCP segment as an IP packet.
pub fn tcp(
    source: SocketAddr,
    destination: SocketAddr,
    (sequence, acknowledged): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(acknowledged.to_be_bytes());
    bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(payload);
    ip(source.ip(), destination.ip(), 6, &bytes)
}

/// An IP packet of either version.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x45, 0]);
            bytes.extend((payload.len() as u16 + 20).to_be_bytes());
            bytes.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((payload.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        _ => panic!("one IP version at a time"),
    }
    bytes.extend(payload);
    bytes
}

fn is_v4(packet: &[u8]) -> bool {
    packet[0] >> 4 == 4
}

/// Writes the length that the packet has into its header.
fn with_length(mut packet: Vec<u8>) -> Vec<u8> {
    if is_v4(&packet) {
        let length = (packet.len() as u16).to_be_bytes();
        packet[2..4].copy_from_slice(&length);
    } else {
        let length = (packet.len() as u16 - 40).to_be_bytes();
        packet[4..6].copy_from_slice(&length);
    }
    packet
}

/// Puts an IPv6 extension header in front of the payload.
fn with_extension(mut packet: Vec<u8>, kind: u8, mut header: Vec<u8>) -> Vec<u8> {
    header[0] = packet[6];
    packet[6] = kind;
    packet.splice(40..40, header);
    with_length(packet)
}

impl Outer {
    fn wrap(self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let (source, destination) = match self {
            Self::V4 => ("198.51.100.1", "198.51.100.2"),
            Self::V6 => ("2001:db8::1", "2001:db8::2"),
        };
        ip(
            source.parse().unwrap(),
            destination.parse().unwrap(),
            protocol,
            payload,
        )
    }
}

impl Step {
    /// `number` sets apart the packets of a capture.
    pub fn apply(self, packet: &[u8], number: u32) -> Vec<Vec<u8>> {
        match self {
            Self::Fragment(size) => fragments(packet, size, number),
            Self::FragmentBackwards(size) => {
                let mut parts = fragments(packet, size, number);
                parts.reverse();
                parts
            }
            Self::Extend if is_v4(packet) => {
                let mut packet = packet.to_vec();
                packet.splice(20..20, [1, 1, 1, 1, 7, 7, 4, 0, 0, 0, 0, 0]);
                packet[0] = 0x48;
                vec![with_length(packet)]
            }
            Self::Extend => {
                let mut packet = packet.to_vec();
                for (kind, words) in [(60, 1), (43, 2), (0, 0)] {
                    let mut header = vec![0; 8 + 8 * words];
                    header[1] = words as u8;
                    packet = with_extension(packet, kind, header);
                }
                vec![packet]
            }
            Self::Authenticate if is_v4(packet) => {
                let mut packet = packet.to_vec();
                let mut header = [0; 24];
                header[0] = std::mem::replace(&mut packet[9], 51);
                header[1] = 4;
                packet.splice(20..20, header);
                vec![with_length(packet)]
            }
            Self::Authenticate => {
                let mut header = vec![0; 24];
                header[1] = 4;
                vec![with_extension(packet.to_vec(), 51, header)]
            }
            Self::Gre(outer, fields) => {
                let protocol = if is_v4(packet) { [8, 0] } else { [0x86, 0xdd] };
                vec![gre(outer, fields, protocol, packet)]
            }
            Self::GreEthernet(outer) => {
                let frame = ethernet(&[], packet);
                vec![gre(outer, [false, true, false], [0x65, 0x58], &frame)]
            }
            Self::Vxlan(outer) => {
                let mut bytes = vec![0xc0, 0, 0x12, 0xb5];
                let frame = ethernet(&[], packet);
                bytes.extend((frame.len() as u16 + 16).to_be_bytes());
                bytes.extend([0, 0, 8, 0, 0, 0, 0, 0, 42, 0]);
                bytes.extend(frame);
                vec![outer.wrap(17, &bytes)]
            }
            Self::IpInIp(outer) => vec![outer.wrap(if is_v4(packet) { 4 } else { 41 }, packet)],
            Self::NoLength => {
                let mut packet = packet.to_vec();
                let field = if is_v4(&packet) { 2..4 } else { 4..6 };
                packet[field].fill(0);
                vec![packet]
            }
        }
    }
}

fn gre(outer: Outer, fields: [bool; 3], protocol: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let flags = [0x80, 0x20, 0x10]
        .iter()
        .zip(fields)
        .filter(|(_, set)| *set)
        .fold(0, |flags, (flag, _)| flags | flag);
    let mut bytes = vec![flags, 0, protocol[0], protocol[1]];
    for _ in fields.iter().filter(|set| **set) {
        bytes.extend([0xab; 4]);
    }
    bytes.extend(payload);
    outer.wrap(47, &bytes)
}

/// Cuts an IP packet into fragments.
pub fn fragments(packet: &[u8], size: usize, identification: u32) -> Vec<Vec<u8>> {
    let size = size / 8 * 8;
    let header_length = if is_v4(packet) {
        usize::from(packet[0] & 15) * 4
    } else {
        40
    };
    let (header, payload) = packet.split_at(header_length);
    if payload.len() <= size {
        return vec![packet.to_vec()];
    }
    let count = payload.len().div_ceil(size);
    let mut parts = Vec::new();
    for (number, chunk) in payload.chunks(size).enumerate() {
        let more = u16::from(number + 1 < count);
        let offset = (number * size / 8) as u16;
        let mut part = header.to_vec();
        part.extend(chunk);
        parts.push(if is_v4(packet) {
            part[4..6].copy_from_slice(&(identification as u16).to_be_bytes());
            part[6..8].copy_from_slice(&(offset | more << 13).to_be_bytes());
            with_length(part)
        } else {
            let mut fragment = vec![0, 0];
            fragment.extend((offset << 3 | more).to_be_bytes());
            fragment.extend(identification.to_be_bytes());
            with_extension(part, 44, fragment)
        });
    }
    parts
}

fn ethernet(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    for tag in tags {
        frame.extend(tag.to_be_bytes());
        frame.extend([0, 7]);
    }
    frame.extend(ethertype(packet));
    frame.extend(packet);
    // The padding of short frames must not be taken for payload.
    while frame.len() < 60 {
        frame.push(0xee);
    }
    frame
}

fn ethertype(packet: &[u8]) -> [u8; 2] {
    if is_v4(packet) { [8, 0] } else { [0x86, 0xdd] }
}

fn ppp_protocol(packet: &[u8]) -> [u8; 2] {
    if is_v4(packet) { [0, 0x21] } else { [0, 0x57] }
}

fn pppoe(packet: &[u8]) -> Vec<u8> {
    let length = (packet.len() as u16 + 2).to_be_bytes();
    let mut bytes = vec![0x11, 0, 0, 9, length[0], length[1]];
    bytes.extend(ppp_protocol(packet));
    bytes.extend(packet);
    bytes
}

impl Link {
    /// The number that tcpdump.org gave it.
    pub fn number(&self) -> u32 {
        match self {
            Self::Ethernet(_) | Self::PppoeOverEthernet => 1,
            Self::CookedV1 => 113,
            Self::CookedV2 => 276,
            Self::Null(..) => 0,
            Self::Loop => 108,
            Self::Raw(number) => *number,
            Self::Ppp => 9,
            Self::PppHdlc => 50,
            Self::Pppoe => 51,
        }
    }

    /// An IP packet as a frame.
    pub fn frame(&self, packet: &[u8]) -> Vec<u8> {
        let family = |v6| if is_v4(packet) { 2_u32 } else { v6 };
        let mut head = match self {
            Self::Ethernet(tags) => return ethernet(tags, packet),
            Self::PppoeOverEthernet => {
                let mut frame = vec![2; 12];
                frame.extend([0x88, 0x64]);
                frame.extend(pppoe(packet));
                return frame;
            }
            Self::Pppoe => return pppoe(packet),
            Self::CookedV1 => {
                let mut head = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
                head.extend(ethertype(packet));
                head
            }
            Self::CookedV2 => {
                let mut head = ethertype(packet).to_vec();
                head.extend([0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
                head
            }
            Self::Null(order, v6) => order.u32(family(*v6)).to_vec(),
            Self::Loop => family(24).to_be_bytes().to_vec(),
            Self::Raw(_) => vec![],
            Self::Ppp => ppp_protocol(packet).to_vec(),
            Self::PppHdlc => {
                let mut head = vec![0xff, 3];
                head.extend(ppp_protocol(packet));
                head
            }
        };
        head.extend(packet);
        head
    }
}

fn pcap(
    frames: &[Timed],
    link: u32,
    snap: usize,
    order: Order,
    nanoseconds: bool,
    modified: bool,
) -> Vec<u8> {
    let magic = match (nanoseconds, modified) {
        (_, true) => 0xa1b2_cd34,
        (true, false) => 0xa1b2_3c4d,
        (false, false) => 0xa1b2_c3d4,
    };
    let mut file = order.u32(magic).to_vec();
    file.extend(order.u16(2));
    file.extend(order.u16(4));
    for field in [0, 0, snap.min(262_144) as u32, link] {
        file.extend(order.u32(field));
    }
    for frame in frames {
        let captured = frame.bytes.len().min(snap);
        let fraction = (frame.nanoseconds % 1_000_000_000) as u32;
        let unit = if nanoseconds && !modified { 1 } else { 1_000 };
        for field in [
            (frame.nanoseconds / 1_000_000_000) as u32,
            fraction / unit,
            captured as u32,
            frame.bytes.len() as u32,
        ] {
            file.extend(order.u32(field));
        }
        if modified {
            file.extend([0; 8]);
        }
        file.extend(&frame.bytes[..captured]);
    }
    file
}

/// A pcapng block.
pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (12 + body.len().next_multiple_of(4)) as u32;
    let mut bytes = order.u32(kind).to_vec();
    bytes.extend(order.u32(length));
    bytes.extend(body);
    bytes.resize(length as usize - 4, 0);
    bytes.extend(order.u32(length));
    bytes
}

/// A pcapng option.
pub fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = order.u16(code).to_vec();
    bytes.extend(order.u16(value.len() as u16));
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A Section Header Block; `length` is the section's, -1 when unknown.
pub fn section_header(order: Order, length: i64, comment: &str) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend(order.u16(1));
    body.extend(order.u16(0));
    body.extend(order.u64(length as u64));
    body.extend(option(order, 1, comment.as_bytes()));
    body.extend(option(order, 0, &[]));
    block(order, 0x0a0d_0d0a, &body)
}

/// An Interface Description Block.
pub fn interface(
    order: Order,
    link: u32,
    snap: u32,
    resolution: Option<u8>,
    offset: i64,
) -> Vec<u8> {
    let mut body = order.u16(link as u16).to_vec();
    body.extend([0, 0]);
    body.extend(order.u32(snap));
    body.extend(option(order, 2, b"eth0"));
    if let Some(resolution) = resolution {
        body.extend(option(order, 9, &[resolution]));
    }
    if offset != 0 {
        body.extend(option(order, 14, &order.u64(offset as u64)));
    }
    body.extend(option(order, 0, &[]));
    block(order, 1, &body)
}

/// A packet in an Enhanced Packet Block.
pub fn enhanced(order: Order, interface: u32, stamp: u64, frame: &Timed, snap: usize) -> Vec<u8> {
    let captured = frame.bytes.len().min(snap);
    let mut body = order.u32(interface).to_vec();
    body.extend(order.u32((stamp >> 32) as u32));
    body.extend(order.u32(stamp as u32));
    body.extend(order.u32(captured as u32));
    body.extend(order.u32(frame.bytes.len() as u32));
    body.extend(&frame.bytes[..captured]);
    body.resize(body.len().next_multiple_of(4), 0);
    if let Some(comment) = &frame.comment {
        body.extend(option(order, 2, &[0; 4]));
        body.extend(option(order, 1, comment.as_bytes()));
        body.extend(option(order, 0, &[]));
    }
    block(order, 6, &body)
}

fn pcapng(frames: &[Timed], link: u32, snap: usize, order: Order, blocks: Blocks) -> Vec<u8> {
    let (first, second) = frames.split_at(frames.len() / 2);
    let snap_field = if snap == usize::MAX { 0 } else { snap as u32 };
    let mut file = section_header(order, -1, "first");
    file.extend(interface(order, link, snap_field, Some(9), 0));
    // A block of a kind that nobody knows.
    file.extend(block(order, 0x0bad_cafe, b"skip me"));
    for frame in first {
        file.extend(packet_block(
            order,
            blocks,
            0,
            frame.nanoseconds,
            frame,
            snap,
        ));
    }
    // The second section's length is given, and its times have an offset.
    let order = order.other();
    let number = u32::from(blocks != Blocks::Simple);
    let mut section = Vec::new();
    if number == 1 {
        section.extend(interface(order, 147, 0, None, 0));
    }
    section.extend(interface(order, link, snap_field, Some(9), 1_000));
    for frame in second {
        let stamp = frame.nanoseconds - 1_000_000_000_000;
        section.extend(packet_block(order, blocks, number, stamp, frame, snap));
    }
    file.extend(section_header(order, section.len() as i64, "second"));
    file.extend(section);
    file
}

fn packet_block(
    order: Order,
    blocks: Blocks,
    interface: u32,
    stamp: u64,
    frame: &Timed,
    snap: usize,
) -> Vec<u8> {
    match blocks {
        Blocks::Enhanced => enhanced(order, interface, stamp, frame, snap),
        Blocks::Simple => {
            let captured = frame.bytes.len().min(snap);
            let mut body = order.u32(frame.bytes.len() as u32).to_vec();
            body.extend(&frame.bytes[..captured]);
            block(order, 3, &body)
        }
        Blocks::Obsolete => {
            let mut bytes = enhanced(order, 0, stamp, frame, snap);
            bytes[..4].copy_from_slice(&order.u32(2));
            bytes[8..10].copy_from_slice(&order.u16(interface as u16));
            bytes[10..12].copy_from_slice(&order.u16(0xffff));
            bytes
        }
    }
}

/// Compresses in two parts, which is what `cat a.gz b.gz` makes.
pub fn compress(file: &[u8], compression: Compression) -> Vec<u8> {
    let halves = file.split_at(file.len() / 2);
    match compression {
        Compression::None => file.to_vec(),
        Compression::Gzip => [halves.0, halves.1]
            .iter()
            .flat_map(|half| {
                let level = flate2::Compression::fast();
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(half).unwrap();
                encoder.finish().unwrap()
            })
            .collect(),
        Compression::Zstd => [halves.0, halves.1]
            .iter()
            .flat_map(|half| zstd::encode_all(*half, 1).unwrap())
            .collect(),
    }
}
