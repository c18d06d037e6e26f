//! Rules on addresses that peers hand on (RFC 7574, sections 3.10 and 8.13).

use std::net::IpAddr;

use super::context::Context;
use crate::finding::{Detail, FindingId};

/// Whether an address belongs to the public Internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified()
                || v4.is_documentation())
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_public(IpAddr::V4(v4));
            }
            let documentation = v6.segments()[..2] == [0x2001, 0xdb8];
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || documentation)
        }
    }
}

/// The addresses that RFC 7574, section 8.13, keeps from public peers:
/// private, unique-local, link-local and multicast ones.
fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_multicast(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_internal(IpAddr::V4(v4)),
            None => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast(),
        },
    }
}

pub(super) fn address(context: &mut Context<'_, '_>, offset: usize, address: IpAddr, port: u16) {
    let receiver = context.datagram.destination;
    let named = (address, port).into();
    let detail = Detail::Address(named);
    let mut raise = |id| context.findings.raise_at(id, offset, detail);
    if !context.channel.end(context.sender.other()).pex_asked {
        raise(FindingId::PexUnasked);
    }
    if named == receiver {
        raise(FindingId::PexNamesReceiver);
    }
    if port == 0 {
        raise(FindingId::PexPortZero);
    }
    if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        raise(FindingId::PexMapped);
    }
    // Section 8.13 speaks of the address that the PEX_REQ came from.
    if is_internal(address) && !is_internal(receiver.ip()) {
        raise(FindingId::PexPrivate);
    }
    if is_public(receiver.ip()) && is_public(context.datagram.source.ip()) {
        raise(FindingId::PexUnprotected);
    }
}

/// The form of a membership certificate (RFC 7574, section 8.13): one DER
/// SEQUENCE, with a critical subject alternative name that is a `file:` URL.
/// Whether it is signed by whom one trusts is not looked at.
pub(super) fn certificate(context: &mut Context<'_, '_>, offset: usize, certificate: &[u8]) {
    let whole = match der_length(certificate) {
        Some((0x30, length, rest)) => rest.len() == length,
        _ => false,
    };
    if !whole {
        context
            .findings
            .raise_at(FindingId::PexCertificate, offset, Detail::None);
        return;
    }
    // OID 2.5.29.17 and BOOLEAN TRUE; a GeneralName of type URI is tag [6].
    let critical = [0x06, 0x03, 0x55, 0x1d, 0x11, 0x01, 0x01, 0xff];
    let has = |needle: &[u8]| {
        certificate
            .windows(needle.len())
            .any(|window| window == needle)
    };
    let names_file = (0..certificate.len()).any(|start| {
        let tagged = certificate.get(start..).and_then(der_length);
        matches!(tagged, Some((0x86, _, rest)) if rest.starts_with(b"file:"))
    });
    if !has(&critical) || !names_file {
        context
            .findings
            .raise_at(FindingId::PexCertificateName, offset, Detail::None);
    }
}

/// A DER element's tag and length, and the bytes behind them (X.690, 8.1).
fn der_length(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    match first {
        0..=0x7f => Some((tag, first.into(), rest)),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            Some((tag, length.into(), rest))
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            Some((tag, u16::from_be_bytes(*length).into(), rest))
        }
        // A certificate of more than 64 KiB does not fit into the message.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn public_and_internal_addresses_are_told_apart() {
        let public = ["8.8.8.8", "2a00::1", "::ffff:8.8.8.8"];
        let internal = [
            "10.1.2.3",
            "fe80::1",
            "fd00::1",
            "224.0.0.1",
            "::ffff:10.0.0.1",
        ];
        for address in public {
            let address = address.parse().expect("an address");
            assert!(is_public(address) && !is_internal(address), "{address}");
        }
        for address in internal {
            let address = address.parse().expect("an address");
            assert!(!is_public(address) && is_internal(address), "{address}");
        }
        let loopback = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert!(!is_public(loopback) && !is_internal(loopback));
    }

    #[test]
    fn der_lengths_of_one_to_three_bytes_are_read() {
        assert_eq!(der_length(&[0x30, 2, 1, 1]), Some((0x30, 2, &[1, 1][..])));
        assert_eq!(der_length(&[0x86, 0x81, 200]), Some((0x86, 200, &[][..])));
        assert_eq!(der_length(&[0x30, 0x82, 1, 0]), Some((0x30, 256, &[][..])));
        assert_eq!(der_length(&[0x30, 0x83, 1, 0, 0]), None);
        assert_eq!(der_length(&[0x30]), None);
    }
}
