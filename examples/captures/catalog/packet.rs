//! Puts a datagram into UDP, IPv4 or IPv6, and Ethernet, with right checksums.

use std::net::{IpAddr, SocketAddr};

const UDP: u8 = 17;

/// Hops that a packet may take.
const HOPS: u8 = 64;

/// Appends an Ethernet frame that carries `payload` from `source` to
/// `destination`. `identification` numbers IPv4 packets.
///
/// # Panics
/// When the addresses are of different families, or `payload` is longer than
/// a packet may be.
pub(crate) fn push_frame(
    source: SocketAddr,
    destination: SocketAddr,
    identification: u16,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let udp_length = u16::try_from(8 + payload.len()).expect("a datagram fits a packet");
    out.extend_from_slice(&mac(destination.ip()));
    out.extend_from_slice(&mac(source.ip()));
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend_from_slice(&[0x08, 0x00]);
            let start = out.len();
            let total = (udp_length + 20).to_be_bytes();
            let id = identification.to_be_bytes();
            // Version 4, header of five words; don't fragment.
            out.extend_from_slice(&[0x45, 0, total[0], total[1], id[0], id[1], 0x40, 0]);
            out.extend_from_slice(&[HOPS, UDP, 0, 0]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
            let checksum = !fold(sum(&out[start..]));
            out[start + 10..start + 12].copy_from_slice(&checksum.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend_from_slice(&[0x86, 0xdd]);
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&udp_length.to_be_bytes());
            out.extend_from_slice(&[UDP, HOPS]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        _ => panic!("{source} and {destination} do not speak the same IP"),
    }
    let start = out.len();
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
    out.extend_from_slice(&udp_length.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(payload);
    let pseudo = address_sum(source.ip())
        + address_sum(destination.ip())
        + u64::from(UDP)
        + u64::from(udp_length);
    let checksum = match !fold(pseudo + sum(&out[start..])) {
        // Zero would say that there is no checksum.
        0 => u16::MAX,
        checksum => checksum,
    };
    out[start + 6..start + 8].copy_from_slice(&checksum.to_be_bytes());
}

/// A locally administered address made of the IP address's last four bytes.
fn mac(address: IpAddr) -> [u8; 6] {
    let last = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    };
    [2, 0, last[0], last[1], last[2], last[3]]
}

fn address_sum(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

/// The Internet checksum's sum, not folded yet.
fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(2);
    let even: u64 = words
        .by_ref()
        .map(|word| u64::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    even + words
        .remainder()
        .first()
        .map_or(0, |&byte| u64::from(byte) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
