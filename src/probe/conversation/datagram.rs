//! Datagrams as they were sent and came.

use std::net::SocketAddr;

use ppspp_dissector::wire::{ChannelId, DecodeError, Layout, Located, decode_datagram};

use crate::peer::engine::Moment;
use crate::probe::net::Port;

/// A datagram of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was sent or came.
    pub at: Moment,
    /// Where from.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
    /// What the case says of it.
    pub notes: Vec<String>,
}

/// A datagram of the target.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its place in the record.
    pub frame: usize,
    /// When it came.
    pub at: Moment,
    /// Where to.
    pub port: Port,
    /// Where from.
    pub source: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

impl Heard {
    /// The channel that it was sent to.
    pub fn channel(&self) -> Option<ChannelId> {
        let id = self.bytes.first_chunk::<4>()?;
        Some(ChannelId(u32::from_be_bytes(*id)))
    }

    /// Its messages under a layout, and the fault that ended decoding.
    pub fn read(&self, layout: &Layout) -> (Vec<Located<'_>>, Option<DecodeError>) {
        let (_, messages, fault) = decode_datagram(&self.bytes, layout);
        (messages, fault)
    }

    /// Whether it is a keep-alive (RFC 7574, section 8.14).
    pub fn is_keep_alive(&self) -> bool {
        self.bytes.len() == 4
    }
}
