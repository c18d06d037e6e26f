//! Tunnel headers: GRE and VXLAN.

use super::link::{self, Network};
use super::piece::{Piece, Unreadable};

/// How deep tunnels and reassembled packets may be nested.
pub(super) const MOST_LAYERS: u8 = 5;

/// The port that IANA gave to VXLAN.
pub(super) const VXLAN_PORT: u16 = 4789;

/// What a GRE packet carries (RFC 2784 and 2890).
pub(super) fn gre(packet: Piece<'_>) -> Result<Network<'_>, Unreadable> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;
    let &[f0, f1, p0, p1] = packet.header()?;
    let flags = u16::from_be_bytes([f0, f1]);
    if flags & (ROUTING | VERSION) != 0 {
        return Ok(Network::Other);
    }
    let optional = [CHECKSUM, KEY, SEQUENCE];
    let fields = optional.iter().filter(|&&flag| flags & flag != 0).count();
    let payload = packet.after(4 + 4 * fields)?;
    link::tunnelled(u16::from_be_bytes([p0, p1]), payload)
}

/// What a UDP payload on a VXLAN port carries (RFC 7348); `None` when it does
/// not look like VXLAN after all.
pub(super) fn vxlan(payload: Piece<'_>) -> Option<Result<Network<'_>, Unreadable>> {
    let Ok(&[0x08, 0, 0, 0, _, _, _, 0]) = payload.header() else {
        return None;
    };
    let frame = payload.after(8).ok()?;
    Some(link::tunnelled_ethernet(frame))
}
