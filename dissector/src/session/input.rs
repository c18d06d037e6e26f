//! What a session is fed with: one datagram, its addresses and its time.

use std::fmt;
use std::net::SocketAddr;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, as the capture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// Seconds from 1900, where NTP timestamps count from, to the Unix epoch.
    pub const NTP_EPOCH: i64 = 2_208_988_800;

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole microseconds since the Unix epoch, rounded down.
    pub const fn microseconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Nanoseconds from `earlier` to `self`; negative when `self` comes first.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What carried a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One UDP datagram (RFC 7574, section 8).
    Udp,
    /// A length-prefixed datagram from a TCP stream, as `PyPPSPP` frames them.
    /// The RFC has no such encapsulation.
    TcpFramed,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::TcpFramed => "tcp",
        })
    }
}

/// One datagram as a capture holds it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Number of the capture's frame that completed this datagram, from 1.
    pub frame: u64,
    /// When that frame was captured; `None` where the capture does not say.
    pub time: Option<Time>,
    /// Who sent it.
    pub source: SocketAddr,
    /// Whom it was sent to.
    pub destination: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// The datagram's bytes, as far as they were captured.
    pub payload: &'a [u8],
    /// How many bytes the datagram had on the wire: more than `payload` holds
    /// when the capture cut the packet.
    pub wire_length: usize,
    /// Number of IP fragments that it came in; 1 when it was not fragmented.
    pub fragments: u16,
}

impl Datagram<'_> {
    /// Whether the capture cut this datagram short.
    pub const fn is_cut(&self) -> bool {
        self.payload.len() < self.wire_length
    }
}
