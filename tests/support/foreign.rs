//! UDP datagrams of other protocols, as captures hold them beside PPSPP.
#![allow(dead_code, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr};

use super::capture_writer::Packet;
use super::random::Random;

/// The kinds of foreign datagrams, with their usual ports.
const KINDS: [(&str, u16); 15] = [
    ("dns", 53),
    ("ntp", 123),
    ("stun", 3478),
    ("mdns", 5353),
    ("quic long", 443),
    ("quic short", 443),
    ("rtp", 5004),
    ("rtcp", 5005),
    ("dhcp", 67),
    ("zeros", 9999),
    ("wireguard", 51820),
    ("ssdp", 1900),
    ("tftp", 69),
    ("syslog", 514),
    ("counter", 30_000),
];

/// So many datagrams of each kind, and twenty times as many of random bytes of
/// random lengths; between hosts that come again, at times from `start` on.
pub fn foreign_packets(rounds: usize, start: u64, step: u64) -> Vec<Packet> {
    let mut random = Random::new(7);
    let mut packets = Vec::new();
    for round in 0..rounds {
        for (number, (kind, port)) in KINDS.iter().enumerate() {
            let payload = payload(kind, round, &mut random);
            let host = (round % 5 * KINDS.len() + number) as u8;
            packets.push(between(host, *port, round % 2 == 0, payload));
        }
        for _ in 0..20 {
            let length = random.below(1400);
            let port = 1024 + random.below(60_000) as u16;
            let (host, back) = (random.below(200) as u8, random.below(2) == 0);
            packets.push(between(host, port, back, random.bytes(length)));
        }
    }
    for (number, packet) in packets.iter_mut().enumerate() {
        packet.nanoseconds = start + number as u64 * step;
    }
    packets
}

fn between(host: u8, port: u16, back: bool, payload: Vec<u8>) -> Packet {
    let client = SocketAddr::from((Ipv4Addr::new(10, 20, 0, host), 40_000 + u16::from(host)));
    let server = SocketAddr::from((Ipv4Addr::new(10, 99, 0, 1), port));
    let (source, destination) = if back {
        (server, client)
    } else {
        (client, server)
    };
    Packet {
        nanoseconds: 0,
        source,
        destination,
        payload,
    }
}

fn payload(kind: &str, round: usize, random: &mut Random) -> Vec<u8> {
    let number = round as u16;
    let mut bytes = Vec::new();
    match kind {
        "dns" | "mdns" => {
            let id = if kind == "dns" {
                random.u64() as u16
            } else {
                0
            };
            bytes.extend(id.to_be_bytes());
            let flags: u16 = if round.is_multiple_of(2) {
                0x0100
            } else {
                0x8180
            };
            bytes.extend(flags.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 0, 0, 0, 7]);
            bytes.extend(format!("host{:03}", round % 1000).bytes());
            bytes.extend(b"\x07example\x03org\0\0\x01\0\x01");
        }
        "ntp" => {
            bytes.extend([0x23, 2, 6, 0xec, 0, 0, 0, 40, 0, 0, 1, 0, 10, 0, 0, 1]);
            for _ in 0..4 {
                bytes.extend(0xeb6f_3c00_u32.wrapping_add(round as u32).to_be_bytes());
                bytes.extend((random.u64() as u32).to_be_bytes());
            }
        }
        "stun" => {
            let code: u16 = if round.is_multiple_of(2) { 1 } else { 0x0101 };
            bytes.extend(code.to_be_bytes());
            bytes.extend([0, 12, 0x21, 0x12, 0xa4, 0x42]);
            bytes.extend(random.bytes(12));
            bytes.extend([0, 0x20, 0, 8, 0, 1]);
            bytes.extend(random.bytes(6));
        }
        "quic long" => {
            bytes.extend([0xc3, 0, 0, 0, 1, 8]);
            bytes.extend(random.bytes(1194));
        }
        "quic short" => {
            bytes.push(0x40 | random.below(64) as u8);
            let length = 20 + random.below(1200);
            bytes.extend(random.bytes(length));
        }
        "rtp" => {
            bytes.extend([0x80, 96]);
            bytes.extend(number.to_be_bytes());
            bytes.extend((u32::from(number) * 3000).to_be_bytes());
            bytes.extend([0xde, 0xad, 0xbe, 0xef]);
            bytes.extend(random.bytes(900));
        }
        "rtcp" => {
            bytes.extend([0x80, 200, 0, 6, 0xde, 0xad, 0xbe, 0xef]);
            bytes.extend(random.bytes(20));
        }
        "dhcp" => {
            bytes.extend([1, 1, 6, 0]);
            bytes.extend(random.bytes(4));
            bytes.resize(236, 0);
            bytes.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255]);
            bytes.resize(300, 0);
        }
        "zeros" => bytes.resize(random.below(600), 0),
        "wireguard" if round.is_multiple_of(3) => {
            bytes.extend([1, 0, 0, 0]);
            bytes.extend(random.bytes(144));
        }
        "wireguard" => {
            bytes.extend([4, 0, 0, 0, 9, 8, 7, 6]);
            bytes.extend(u64::from(number).to_le_bytes());
            let length = 16 * (1 + random.below(80));
            bytes.extend(random.bytes(length));
        }
        "ssdp" => bytes.extend(
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n",
        ),
        "tftp" if round.is_multiple_of(4) => bytes.extend(b"\0\x01image.bin\0octet\0"),
        "tftp" if round.is_multiple_of(2) => {
            bytes.extend([0, 4]);
            bytes.extend(number.to_be_bytes());
        }
        "tftp" => {
            bytes.extend([0, 3]);
            bytes.extend(number.to_be_bytes());
            bytes.extend(random.bytes(512));
        }
        "syslog" => bytes.extend(format!("<34>1 host app {round} - - it works").bytes()),
        "counter" => {
            // A protocol of one's own: a type, a number, a few small fields.
            bytes.extend(1_u32.to_be_bytes());
            bytes.extend((round as u32).to_be_bytes());
            bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1]);
        }
        other => unreachable!("{other}"),
    }
    bytes
}
