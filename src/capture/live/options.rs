//! What may be set about a live capture.

use std::path::PathBuf;

use super::limit::Limits;

/// Bytes of a packet that are kept, unless told otherwise: as much as any holds.
pub const SNAP_LENGTH: u32 = 262_144;

/// Bytes that the kernel keeps for an interface, unless told otherwise: 0.4 s
/// of 150,000 packets of a kilobyte a second.
pub const BUFFER_BYTES: u32 = 64 * 1024 * 1024;

/// What may be set about a live capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Names of the interfaces; where there are none, one is chosen.
    pub interfaces: Vec<String>,
    /// Capture filter in libpcap's language; empty takes everything.
    pub filter: String,
    /// Bytes of a packet that are kept, at most.
    pub snap_length: u32,
    /// Bytes that the kernel keeps for each interface.
    pub buffer_bytes: u32,
    /// Whether packets for other machines are wanted.
    pub promiscuous: bool,
    /// Where packets are written.
    pub file: Option<PathBuf>,
    /// When writing goes on in another file.
    pub rotate: Limits,
    /// When the capture ends by itself.
    pub stop: Limits,
    /// Whether packets are handed on to be decoded.
    pub decode: bool,
    /// Whether root and capabilities are kept after opening.
    pub keep_privileges: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            filter: String::new(),
            snap_length: SNAP_LENGTH,
            buffer_bytes: BUFFER_BYTES,
            promiscuous: true,
            file: None,
            rotate: Limits::default(),
            stop: Limits::default(),
            decode: true,
            keep_privileges: false,
        }
    }
}
