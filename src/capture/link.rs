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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(link: u32, bytes: &[u8]) -> Result<Network<'_>, Unreadable> {
        network(link, Piece::new(bytes, bytes.len()))
    }

    #[test]
    fn an_unknown_link_type_is_told_and_not_guessed() {
        assert!(matches!(of(147, &[0x45; 60]), Ok(Network::UnsupportedLink)));
    }

    #[test]
    fn a_compressed_ppp_protocol_takes_one_octet() {
        for head in [&[0x21][..], &[0xff, 0x03, 0x21], &[0x00, 0x21]] {
            let frame = [head, &[0x45; 20]].concat();
            let Ok(Network::V4(packet)) = of(9, &frame) else {
                panic!("not found after {head:?}");
            };
            assert_eq!(packet.bytes(), [0x45; 20]);
        }
    }

    #[test]
    fn pppoe_padding_is_not_part_of_the_packet() {
        let mut frame = vec![0x11, 0, 0, 1, 0, 22, 0x00, 0x21];
        frame.extend([0x45; 20]);
        frame.extend([0xee; 12]);
        let Ok(Network::V4(packet)) = of(51, &frame) else {
            panic!("not found");
        };
        assert_eq!(packet.bytes(), [0x45; 20]);
    }

    #[test]
    fn a_discovery_packet_of_pppoe_carries_nothing() {
        let packet = [0x11, 0x09, 0, 0, 0, 4, 1, 1, 0, 0];
        assert!(matches!(of(51, &packet), Ok(Network::Other)));
    }

    #[test]
    fn endless_vlan_tags_end_with_the_frame() {
        let mut frame = vec![0; 12];
        for _ in 0..1_000 {
            frame.extend([0x81, 0x00, 0, 1]);
        }
        assert_eq!(of(1, &frame).err(), Some(Unreadable::Bad));
    }

    #[test]
    fn arp_is_told_from_the_rest() {
        let frame = |kind: [u8; 2]| [&[0; 12][..], &kind, &[0; 46]].concat();
        assert!(matches!(of(1, &frame([8, 6])), Ok(Network::Arp)));
        assert!(matches!(of(1, &frame([0x88, 0xcc])), Ok(Network::Other)));
    }
}
