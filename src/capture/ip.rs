//! IPv4 and IPv6: addresses, what is carried, and whether it is a fragment.
//!
//! Headers without options, which is nearly all of them, are read by hand;
//! single headers of the rarer kinds are read by etherparse. Its walk over a
//! chain of IPv6 extension headers is not used, because that walks on past
//! the fragment header, into what may be the middle of a payload.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::ip_number;
use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice};

use super::piece::{Piece, Unreadable};

/// An IP packet, past its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) body: Body<'a>,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub(super) protocol: IpNumber,
    pub(super) payload: Piece<'a>,
    /// Set when this is but a part of the payload.
    pub(super) fragment: Option<Fragment>,
}

/// Which part of which packet a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) identification: u32,
    /// Where its payload belongs, in bytes.
    pub(super) offset: usize,
    /// Whether more follows behind it.
    pub(super) more: bool,
}

/// Reads an IPv4 header.
#[inline]
pub(super) fn v4(packet: Piece<'_>) -> Result<Packet<'_>, Unreadable> {
    let header = packet.header::<20>()?;
    let &[
        first,
        _,
        t0,
        t1,
        i0,
        i1,
        f0,
        f1,
        _,
        protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = header;
    let header_length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_length < 20 {
        return Err(Unreadable::Bad);
    }
    let total_length = usize::from(u16::from_be_bytes([t0, t1]));
    // Segmentation offload leaves the length to the network card. What lies
    // behind the total length is padding of the link layer.
    let packet = match total_length {
        0 => packet,
        length if length < header_length => return Err(Unreadable::Bad),
        length => packet.limited_to(length),
    };
    let flags = u16::from_be_bytes([f0, f1]);
    let fragment = (flags & 0x3fff != 0).then(|| Fragment {
        identification: u16::from_be_bytes([i0, i1]).into(),
        offset: usize::from(flags & 0x1fff) * 8,
        more: flags & 0x2000 != 0,
    });
    let body = Body {
        protocol: IpNumber(protocol),
        payload: packet.after(header_length)?,
        fragment,
    };
    Ok(Packet {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        body: if protocol == ip_number::AUTH.0 && fragment.is_none() {
            past_extensions(body)?
        } else {
            body
        },
    })
}

/// Reads an IPv6 header and its extensions.
#[inline]
pub(super) fn v6(packet: Piece<'_>) -> Result<Packet<'_>, Unreadable> {
    let header = packet.header::<40>()?;
    let &[first, _, _, _, l0, l1, protocol, _, ref addresses @ ..] = header;
    if first >> 4 != 6 {
        return Err(Unreadable::Bad);
    }
    let (source, destination) = addresses.split_first_chunk::<16>().ok_or(Unreadable::Bad)?;
    let destination = destination.first_chunk::<16>().ok_or(Unreadable::Bad)?;
    let payload_length = usize::from(u16::from_be_bytes([l0, l1]));
    let payload = match payload_length {
        // Segmentation offload, or a jumbogram: all that there is.
        0 => packet.after(40)?,
        length => packet.after(40)?.limited_to(length),
    };
    let body = Body {
        protocol: IpNumber(protocol),
        payload,
        fragment: None,
    };
    Ok(Packet {
        source: Ipv6Addr::from(*source).into(),
        destination: Ipv6Addr::from(*destination).into(),
        body: if protocol == ip_number::UDP.0 {
            body
        } else {
            past_extensions(body)?
        },
    })
}

/// Walks past extension headers, up to the payload or to a fragment header
/// that makes the rest a part of something else. Each header takes at least
/// eight bytes, so the walk ends.
pub(super) fn past_extensions(mut body: Body<'_>) -> Result<Body<'_>, Unreadable> {
    while body.fragment.is_none() {
        let bytes = body.payload.bytes();
        let (next, length) = match body.protocol {
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS => {
                let header =
                    Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| body.payload.short())?;
                (header.next_header(), header.slice().len())
            }
            ip_number::AUTH => {
                let header =
                    IpAuthHeaderSlice::from_slice(bytes).map_err(|_| body.payload.short())?;
                (header.next_header(), header.slice().len())
            }
            ip_number::IPV6_FRAG => {
                let header =
                    Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(|_| body.payload.short())?;
                // An "atomic" fragment is whole.
                if header.is_fragmenting_payload() {
                    body.fragment = Some(Fragment {
                        identification: header.identification(),
                        offset: usize::from(header.fragment_offset().value()) * 8,
                        more: header.more_fragments(),
                    });
                }
                (header.next_header(), header.slice().len())
            }
            _ => break,
        };
        body.protocol = next;
        body.payload = body.payload.after(length)?;
    }
    Ok(body)
}
