//! Keys of tables: addresses made small and quick to hash.

use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use crate::wire::ChannelId;

/// An address and port in a form that compares and hashes in a few instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    high: u64,
    low: u64,
    port: u16,
    ipv4: bool,
}

impl From<SocketAddr> for Address {
    #[inline]
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self {
                high: 0,
                low: v4.ip().to_bits().into(),
                port: v4.port(),
                ipv4: true,
            },
            SocketAddr::V6(v6) => {
                let bits = v6.ip().to_bits();
                Self {
                    high: (bits >> 64) as u64,
                    low: bits as u64,
                    port: v6.port(),
                    ipv4: false,
                }
            }
        }
    }
}

impl Hash for Address {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.high);
        state.write_u64(self.low ^ u64::from(self.port) << 48);
    }
}

/// Two addresses, in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair(Address, Address);

impl Pair {
    pub(super) fn new(one: Address, other: Address) -> Self {
        let order = |a: &Address| (a.high, a.low, a.port);
        if order(&one) <= order(&other) {
            Self(one, other)
        } else {
            Self(other, one)
        }
    }
}

/// One end of a channel: who receives, on which channel ID, from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndKey {
    pub(super) receiver: Address,
    pub(super) sender: Address,
    pub(super) id: ChannelId,
}

impl Hash for EndKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The ID is random where peers do as they should; the rest tells apart
        // those that do not.
        state.write_u64(
            self.receiver.low
                ^ u64::from(self.id.0) << 32
                ^ u64::from(self.receiver.port) << 16
                ^ self.receiver.high.rotate_left(24),
        );
        state.write_u64(
            self.sender.low ^ u64::from(self.sender.port) << 48 ^ self.sender.high.rotate_left(24),
        );
    }
}
