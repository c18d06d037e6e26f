//! Every kind of file and link layer that a capture may have.

#![allow(dead_code, unreachable_pub)]

use super::capture_writer::{Blocks, File, Link, Order};

/// Every file format, byte order and resolution.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    for order in [Order::Little, Order::Big] {
        for (nanoseconds, modified) in [(true, false), (false, false), (false, true)] {
            files.push(File::Pcap {
                order,
                nanoseconds,
                modified,
            });
        }
        for blocks in [Blocks::Enhanced, Blocks::Obsolete] {
            files.push(File::Pcapng { order, blocks });
        }
    }
    files
}

/// Every link layer, with and without tags.
pub fn links() -> Vec<Link> {
    let mut links = vec![
        Link::Ethernet(vec![]),
        Link::Ethernet(vec![0x8100]),
        Link::Ethernet(vec![0x88a8, 0x8100]),
        Link::Ethernet(vec![0x9100, 0x8100, 0x8100]),
        Link::PppoeOverEthernet,
        Link::CookedV1,
        Link::CookedV2,
        Link::Loop,
        Link::Raw(101),
        Link::Raw(12),
        Link::Raw(14),
        Link::Ppp,
        Link::PppHdlc,
        Link::Pppoe,
    ];
    for order in [Order::Little, Order::Big] {
        for family in [10, 24, 28, 30] {
            links.push(Link::Null(order, family));
        }
    }
    links
}
