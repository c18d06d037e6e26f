//! Link layers: from a captured frame to the network layer in it.

use super::piece::{Piece, Unreadable};

/// Network layers, told by their `EtherType`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network<'a> {
    /// An IPv4 packet.
    V4(Piece<'a>),
    /// An IPv6 packet.
    V6(Piece<'a>),
    /// An ARP packet.
    Arp,
    /// Anything else.
    Other,
    /// The frame's link type is not supported.
    UnsupportedLink,
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_TRANSPARENT_ETHERNET: u16 = 0x6558;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
/// 802.1Q, 802.1ad, and two that were used for stacked tags before it.
const ETHERTYPES_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// Finds the network layer in a frame of link type `link`, numbered as
/// tcpdump.org does.
#[inline]
pub(super) fn network(link: u32, frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    match link {
        1 => ethernet(frame),
        0 | 108 => loopback(frame),
        12 | 14 | 101 => raw(frame),
        228 => Ok(Network::V4(frame)),
        229 => Ok(Network::V6(frame)),
        113 => cooked_v1(frame),
        276 => cooked_v2(frame),
        9 | 50 => ppp(frame),
        51 => pppoe(frame),
        _ => Ok(Network::UnsupportedLink),
    }
}

/// Whether frames of this link type can be read.
#[cfg(test)]
pub(super) fn is_supported(link: u32) -> bool {
    let nothing = network(link, Piece::new(&[], 0));
    !matches!(nothing, Ok(Network::UnsupportedLink))
}

#[inline]
fn ethernet(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[.., high, low] = frame.header::<14>()?;
    by_ethertype(u16::from_be_bytes([high, low]), frame.after(14)?)
}

/// What follows an `EtherType`, past any VLAN tags.
#[inline]
pub(super) fn by_ethertype(
    mut ethertype: u16,
    mut payload: Piece<'_>,
) -> Result<Network<'_>, Unreadable> {
    loop {
        return match ethertype {
            ETHERTYPE_IPV4 => Ok(Network::V4(payload)),
            ETHERTYPE_IPV6 => Ok(Network::V6(payload)),
            ETHERTYPE_ARP => Ok(Network::Arp),
            ETHERTYPE_PPPOE_SESSION => pppoe(payload),
            tag if ETHERTYPES_VLAN.contains(&tag) => {
                let &[_, _, high, low] = payload.header()?;
                ethertype = u16::from_be_bytes([high, low]);
                payload = payload.after(4)?;
                continue;
            }
            _ => Ok(Network::Other),
        };
    }
}

/// What a tunnel that names its payload by `EtherType` carries: as above, or
/// a whole Ethernet frame.
pub(super) fn tunnelled(ethertype: u16, payload: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    if ethertype == ETHERTYPE_TRANSPARENT_ETHERNET {
        ethernet(payload)
    } else {
        by_ethertype(ethertype, payload)
    }
}

/// A whole Ethernet frame inside a tunnel.
pub(super) fn tunnelled_ethernet(payload: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    ethernet(payload)
}

fn raw(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[first] = frame.header()?;
    Ok(match first >> 4 {
        4 => Network::V4(frame),
        6 => Network::V6(frame),
        _ => Network::Other,
    })
}

/// BSD loopback: an address family in the byte order of the machine that
/// captured, or of the network. The families are small enough that only one
/// order makes sense.
fn loopback(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let field = *frame.header()?;
    let family = u32::from_be_bytes(field).min(u32::from_le_bytes(field));
    let packet = frame.after(4)?;
    Ok(match family {
        2 => Network::V4(packet),
        // AF_INET6 of Linux, of NetBSD and OpenBSD, FreeBSD, and Darwin.
        10 | 24 | 28 | 30 => Network::V6(packet),
        _ => Network::Other,
    })
}

fn cooked_v1(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[.., high, low] = frame.header::<16>()?;
    by_ethertype(u16::from_be_bytes([high, low]), frame.after(16)?)
}

fn cooked_v2(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[high, low, ..] = frame.header::<20>()?;
    by_ethertype(u16::from_be_bytes([high, low]), frame.after(20)?)
}

/// PPP, with or without the HDLC address and control octets.
fn ppp(frame: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let protocol = match frame.header::<2>()? {
        [0xff, 0x03] => frame.after(2)?,
        _ => frame,
    };
    ppp_protocol(protocol)
}

fn ppp_protocol(piece: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[first] = piece.header()?;
    // The protocol field may be compressed to one octet, which is then odd.
    let (protocol, packet) = if first & 1 == 1 {
        (u16::from(first), piece.after(1)?)
    } else {
        (u16::from_be_bytes(*piece.header()?), piece.after(2)?)
    };
    Ok(match protocol {
        PPP_IPV4 => Network::V4(packet),
        PPP_IPV6 => Network::V6(packet),
        _ => Network::Other,
    })
}

/// PPP over Ethernet, in its session stage.
fn pppoe(piece: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    let &[version, code, _, _, high, low] = piece.header()?;
    if version != 0x11 || code != 0 {
        return Ok(Network::Other);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    ppp_protocol(piece.after(6)?.limited_to(length))
}
