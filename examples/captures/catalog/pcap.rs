//! Writes classic pcap: little-endian, microseconds, Ethernet.

use std::io::{self, Write};

/// Longest packet that the file says it may hold.
const SNAP_LENGTH: u32 = 262_144;

/// Link type of Ethernet.
const ETHERNET: u32 = 1;

/// Writes the file's header.
pub(crate) fn write_header(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&2_u16.to_le_bytes())?;
    out.write_all(&4_u16.to_le_bytes())?;
    // Time zone and accuracy, which everybody leaves at zero.
    out.write_all(&[0; 8])?;
    out.write_all(&SNAP_LENGTH.to_le_bytes())?;
    out.write_all(&ETHERNET.to_le_bytes())
}

/// Writes one whole frame, captured `time` microseconds after 1970.
pub(crate) fn write_frame(out: &mut impl Write, time: u64, frame: &[u8]) -> io::Result<()> {
    let field = |value: u64| {
        u32::try_from(value)
            .map(u32::to_le_bytes)
            .map_err(io::Error::other)
    };
    let length = field(frame.len() as u64)?;
    out.write_all(&field(time / 1_000_000)?)?;
    out.write_all(&field(time % 1_000_000)?)?;
    out.write_all(&length)?;
    out.write_all(&length)?;
    out.write_all(frame)
}
