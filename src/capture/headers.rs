//! The headers in front of a UDP payload, written with right checksums.

use std::net::{IpAddr, SocketAddr};

use super::writer::{WriteError, WrittenDatagram};

/// Hops that a packet may take still, as most systems set it.
const TIME_TO_LIVE: u8 = 64;
const PROTOCOL_UDP: u8 = 17;
const UDP_HEADER: usize = 8;

/// What is in front of IP packets in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LinkLayer {
    /// Nothing.
    #[default]
    RawIp,
    /// Ethernet, with locally administered addresses made from the IP ones.
    Ethernet,
}

impl LinkLayer {
    /// The number that tcpdump.org gave it.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::RawIp => 101,
        }
    }
}

/// Appends the datagram with all its headers.
pub(super) fn append(
    link_layer: LinkLayer,
    datagram: &WrittenDatagram<'_>,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let (source, destination) = (datagram.source, datagram.destination);
    let length = datagram.payload.len();
    let too_long = WriteError::TooLong { length };
    let Ok(udp_length) = u16::try_from(length + UDP_HEADER) else {
        return Err(too_long);
    };
    // The addresses' bytes, and what else the pseudo-header holds, summed.
    let mut sum = u32::from(PROTOCOL_UDP) + u32::from(udp_length);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let Some(total) = udp_length.checked_add(20) else {
                return Err(too_long);
            };
            ethernet(link_layer, source, destination, [0x08, 0x00], out);
            let mut header = [0; 20];
            header[0] = 0x45;
            header[2..4].copy_from_slice(&total.to_be_bytes());
            // Don't fragment: then the identification means nothing (RFC 6864).
            header[6] = 0x40;
            header[8] = TIME_TO_LIVE;
            header[9] = PROTOCOL_UDP;
            header[12..16].copy_from_slice(&from.octets());
            header[16..].copy_from_slice(&to.octets());
            let check = fold(words(&header));
            header[10..12].copy_from_slice(&(!check).to_be_bytes());
            out.extend_from_slice(&header);
            sum += words(&from.octets()) + words(&to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            ethernet(link_layer, source, destination, [0x86, 0xdd], out);
            let [high, low] = udp_length.to_be_bytes();
            out.extend_from_slice(&[0x60, 0, 0, 0, high, low, PROTOCOL_UDP, TIME_TO_LIVE]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
            sum += words(&from.octets()) + words(&to.octets());
        }
        _ => {
            return Err(WriteError::MixedVersions {
                from: source,
                to: destination,
            });
        }
    }
    sum += u32::from(source.port()) + u32::from(destination.port());
    sum += u32::from(udp_length);
    let check = match !fold(sum + words(datagram.payload)) {
        // Zero would mean that there is no checksum.
        0 => 0xffff,
        check => check,
    };
    for field in [source.port(), destination.port(), udp_length, check] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(datagram.payload);
    Ok(())
}

fn ethernet(
    link_layer: LinkLayer,
    source: SocketAddr,
    destination: SocketAddr,
    ethertype: [u8; 2],
    out: &mut Vec<u8>,
) {
    if link_layer == LinkLayer::Ethernet {
        out.extend_from_slice(&hardware_address(destination.ip()));
        out.extend_from_slice(&hardware_address(source.ip()));
        out.extend_from_slice(&ethertype);
    }
}

/// A locally administered address, the same for the same IP address.
fn hardware_address(address: IpAddr) -> [u8; 6] {
    let [a, b, c, d] = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    };
    [2, 0, a, b, c, d]
}

/// The sum of 16-bit words; 65,535 of the greatest fit its 32 bits.
fn words(bytes: &[u8]) -> u32 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |&byte| u32::from(byte) << 8);
    pairs
        .iter()
        .map(|&pair| u32::from(u16::from_be_bytes(pair)))
        .sum::<u32>()
        + last
}

/// Folds carries in, as the Internet checksum wants it.
fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
