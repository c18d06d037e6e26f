//! What signatures of a live stream cover (RFC 7574, sections 6.1.1 and 6.1.2.2).

use std::time::Duration;

use ppspp_dissector::integrity::{Hash, PublicKey};
use ppspp_dissector::wire::{ChunkSpec, Layout, Message, encode_message};

use crate::peer::engine::Moment;

/// Seconds from 1900, where NTP timestamps count from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// What a munro's signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// Chunk specification, timestamp and hash, as the RFC has it.
    Everything,
    /// The hash alone.
    HashAlone,
    /// Neither.
    Nothing,
}

/// A chunk specification as it stands on the wire: signatures cover it.
pub(super) fn on_the_wire(spec: ChunkSpec) -> Vec<u8> {
    let layout = Layout {
        addressing: spec.addressing(),
        ..Layout::RFC
    };
    let mut bytes = Vec::new();
    // A HAVE is a type and a chunk specification.
    if encode_message(&Message::Have(spec), &layout, &mut bytes).is_err() {
        return Vec::new();
    }
    bytes.split_off(1)
}

/// What a munro's signature covers.
pub(super) fn covers(
    key: &PublicKey,
    spec: ChunkSpec,
    timestamp: u64,
    hash: &Hash,
    signature: &[u8],
) -> Covers {
    let whole = [
        &on_the_wire(spec)[..],
        &timestamp.to_be_bytes(),
        hash.as_bytes(),
    ];
    if key.verifies(&whole, signature) {
        Covers::Everything
    } else if key.verifies(&[hash.as_bytes()], signature) {
        Covers::HashAlone
    } else {
        Covers::Nothing
    }
}

/// Whether a signature is a chunk's, with its specification and a timestamp.
pub(super) fn signs_chunk(
    key: &PublicKey,
    spec: ChunkSpec,
    timestamp: u64,
    data: &[u8],
    signature: &[u8],
) -> bool {
    let whole = [&on_the_wire(spec)[..], &timestamp.to_be_bytes(), data];
    key.verifies(&whole, signature)
}

/// A moment as an NTP timestamp: seconds since 1900, and 2^-32 parts of one.
pub(super) const fn ntp(at: Moment) -> u64 {
    let seconds = at.microseconds() / 1_000_000;
    let rest = at.microseconds() % 1_000_000;
    ((seconds + NTP_EPOCH) << 32) | ((rest << 32) / 1_000_000)
}

/// What a signature's timestamp seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// NTP: seconds since 1900 and 2^-32 parts of one.
    Ntp,
    /// Microseconds since 1970.
    UnixMicroseconds,
    /// Nothing that is within ten years of now.
    Unknown,
}

/// What a timestamp seems to be, and by how much it lies before now: negative
/// where it lies after, in seconds.
pub(super) fn age(timestamp: u64, now: Moment) -> (Format, f64) {
    const TEN_YEARS: f64 = 10.0 * 365.0 * 86_400.0;
    let now = now.microseconds() as f64 / 1e6;
    let parts = (timestamp & 0xffff_ffff) as f64 / 4_294_967_296.0;
    let ntp = (timestamp >> 32) as f64 - NTP_EPOCH as f64 + parts;
    let unix = timestamp as f64 / 1e6;
    for (format, then) in [(Format::Ntp, ntp), (Format::UnixMicroseconds, unix)] {
        if (now - then).abs() < TEN_YEARS {
            return (format, now - then);
        }
    }
    (Format::Unknown, now - ntp)
}

/// Seconds as they are told.
pub(super) fn seconds(age: f64) -> String {
    let length = Duration::try_from_secs_f64(age.abs()).unwrap_or(Duration::MAX);
    let side = if age < 0.0 { "ahead of" } else { "behind" };
    format!("{:.3} seconds {side} our clock", length.as_secs_f64())
}
