//! How likely it is that bytes are PPSPP under a layout.
//!
//! The measure is the number of bits that reading the bytes as messages
//! explains: a field of 32 bits that holds a small number explains most of
//! them, a hash none, and a datagram that falls apart in the middle counts
//! against the layout. Random bytes score about zero or less.

use super::input::Time;
use crate::wire::dialect::AckTime;
use crate::wire::{
    Bin, Cause, ChunkRange, ChunkSize, ChunkSpec, Chunks, Handshake, Layout, Message,
    ProtocolOption, Reader,
};

/// Bits that one or more datagrams must explain before a channel without
/// handshake between strangers is taken for PPSPP.
pub(super) const ENOUGH: i32 = 45;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What a datagram says for a layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Bits explained; negative when the bytes speak against the layout.
    pub(super) bits: i32,
    /// Whether hashes were read, whose width the layout tells.
    pub(super) has_hashes: bool,
    /// Whether signatures were read, or would have been with a known length.
    pub(super) has_signatures: bool,
    /// Whether reading stopped at a signature of unknown length.
    pub(super) wants_signature_length: bool,
    /// Whether all bytes were read that the capture has.
    pub(super) complete: bool,
}

/// Weighs a datagram, channel ID in front, under a layout.
pub(super) fn weigh(
    payload: &[u8],
    wire_length: usize,
    layout: &Layout,
    time: Option<Time>,
) -> Evidence {
    let mut evidence = Evidence {
        bits: 0,
        has_hashes: false,
        has_signatures: false,
        wants_signature_length: false,
        complete: true,
    };
    let Ok((_, mut reader)) = Reader::new(payload, wire_length) else {
        evidence.complete = false;
        return evidence;
    };
    let cut = payload.len() < wire_length;
    let mut first = true;
    let mut layout = *layout;
    while let Some(next) = reader.next(&layout) {
        match next {
            Ok(located) => {
                evidence.bits += 4 + weigh_message(&located.message, &layout, time, first, cut);
                match &located.message {
                    Message::Integrity { .. } => evidence.has_hashes = true,
                    Message::SignedIntegrity { .. } => evidence.has_signatures = true,
                    Message::Handshake(handshake) => layout = layout_behind(handshake, layout),
                    _ => {}
                }
            }
            Err(error) => {
                if error.cause == Cause::UnknownSignatureLength {
                    evidence.complete = false;
                    evidence.wants_signature_length = true;
                    evidence.has_signatures = true;
                } else if !(error.is_truncation() && cut) {
                    evidence.complete = false;
                    evidence.bits -= 40;
                }
                break;
            }
        }
        first = false;
    }
    evidence
}

/// The layout of the messages behind a HANDSHAKE in its datagram: what it
/// declares holds for them, the rest stays.
fn layout_behind(handshake: &Handshake<'_>, mut layout: Layout) -> Layout {
    for option in &handshake.options {
        match *option {
            ProtocolOption::ChunkAddressing(method) if method.is_assigned() => {
                layout.addressing = method;
            }
            ProtocolOption::HashFunction(function) if function.is_assigned() => {
                layout.hash_function = function;
            }
            ProtocolOption::ChunkSize(size) => layout.chunk_size = ChunkSize::from_option(size),
            _ => {}
        }
    }
    layout
}

fn weigh_message(
    message: &Message<'_>,
    layout: &Layout,
    time: Option<Time>,
    first: bool,
    cut: bool,
) -> i32 {
    match message {
        Message::Handshake(handshake) => {
            let options = handshake.options.len() as i32;
            match (first, handshake.is_closing(), handshake.has_end || cut) {
                // Nobody sends two; zeros of other protocols read like many.
                (false, ..) => -60,
                // Forty bits of zeros alone are no rarity.
                (true, true, true) if !layout.dialect.handshake_options => 30,
                (true, true, true) => 44,
                (true, false, true) if options >= 2 => 8 * options.min(8),
                _ => -10,
            }
        }
        Message::Data {
            spec,
            timestamp,
            data,
            data_length,
        } => {
            let chunk = match (spec, spec.chunks(layout.chunk_size.or_assumed())) {
                (ChunkSpec::Byte64 { start, end }, Chunks::Range(_))
                    if end - start == (*data_length as u64).wrapping_sub(1) =>
                {
                    30
                }
                (ChunkSpec::Byte64 { .. }, _) => -40,
                // Every other bin is a single chunk. Where no timestamp speaks
                // for the rest, that is too little to tell DATA from other
                // protocols. Of two random numbers, hardly any are equal.
                (ChunkSpec::Bin32(_) | ChunkSpec::Bin64(_), Chunks::Range(range))
                    if range.is_single() && timestamp.is_none() =>
                {
                    1
                }
                (_, Chunks::Range(range)) if range.is_single() => 10,
                // Section 8.6: a DATA message carries a single chunk.
                _ => -40,
            };
            let clock = match timestamp {
                Some(timestamp) => weigh_clock(*timestamp, time),
                None => match data.first_chunk::<8>() {
                    Some(head) if weigh_clock(u64::from_be_bytes(*head), time) > 30 => -40,
                    _ => 0,
                },
            };
            let length = match *data_length {
                0 => -10,
                length if length >= 64 && length.is_power_of_two() => 8,
                _ => 0,
            };
            weigh_spec(*spec) + chunk + clock + length
        }
        Message::Ack { spec, delay } => {
            weigh_spec(*spec)
                + match layout.dialect.ack_time {
                    AckTime::OneWayDelay => weigh_delay(*delay),
                    AckTime::ReceiveTime => weigh_clock(*delay, time),
                }
        }
        Message::Have(spec) | Message::Request(spec) | Message::Cancel(spec) => weigh_spec(*spec),
        Message::Integrity { spec, .. } => {
            let subtree = match *spec {
                ChunkSpec::Byte64 { .. } => true,
                other => other.chunks(1).range().is_none_or(ChunkRange::is_subtree),
            };
            weigh_spec(*spec) + if subtree { 0 } else { -30 }
        }
        Message::SignedIntegrity {
            spec,
            timestamp,
            signature,
        } => {
            let clock = weigh_clock(*timestamp, time).max(weigh_ntp(*timestamp, time));
            let dummy = signature.iter().all(|&byte| byte == 0);
            weigh_spec(*spec) + clock + if dummy { 20 } else { 0 }
        }
        Message::PexResV4 { address, port } => {
            if *port == 0 || address.is_unspecified() {
                -8
            } else if address.is_private() || address.is_loopback() {
                8
            } else {
                0
            }
        }
        Message::PexResV6 { address, port } => {
            if *port == 0 || address.is_unspecified() {
                -8
            } else if matches!(address.segments()[0], 0x2000..=0x3fff | 0xfc00..=0xffff | 0) {
                4
            } else {
                -8
            }
        }
        Message::PexResCert { certificate } => {
            if certificate.starts_with(&[0x30]) {
                12
            } else {
                -20
            }
        }
        Message::PexReq | Message::Choke | Message::Unchoke => 0,
        Message::Randomize(_) => -2,
    }
}

/// Bits that are left of a field of `width` bits when it holds a number as
/// small as this one.
fn saved(width: i32, number: u64) -> i32 {
    width - (64 - number.leading_zeros() as i32) - 2
}

fn weigh_spec(spec: ChunkSpec) -> i32 {
    let ends = |width, start: u64, end: u64| match end.checked_sub(start) {
        // That the end does not lie before the start is worth something, too;
        // it also makes a small range likelier than one number twice as wide.
        Some(length) => saved(width, start) + saved(width, length) + 4,
        None => -20,
    };
    match spec {
        ChunkSpec::Chunk32 { start, end } => ends(32, start.into(), end.into()),
        ChunkSpec::Chunk64 { start, end } => ends(64, start, end),
        // Byte ranges begin and end with chunks, mostly.
        ChunkSpec::Byte64 { start, end } => {
            let aligned = |offset: u64| {
                if offset.is_multiple_of(512) {
                    offset / 512
                } else {
                    offset
                }
            };
            ends(
                64,
                aligned(start),
                aligned(end.wrapping_add(1)).wrapping_sub(1),
            )
        }
        ChunkSpec::Bin32(number) => match spec.chunks(1) {
            Chunks::Range(_) => saved(32, number.into()),
            _ => 20,
        },
        ChunkSpec::Bin64(number) => Bin::new(number).map_or(40, |bin| saved(64, bin.number())),
    }
}

/// A clock in Unix microseconds, near the time of capture or at least of our days.
fn weigh_clock(value: u64, time: Option<Time>) -> i32 {
    match near_microseconds(value, time) {
        Some(true) => 40,
        None if (1_000_000_000_000_000..4_000_000_000_000_000).contains(&value) => 12,
        _ if value == 0 => 20,
        _ => -20,
    }
}

fn weigh_ntp(value: u64, time: Option<Time>) -> i32 {
    match near_ntp(value, time) {
        Some(true) => 30,
        _ => -15,
    }
}

/// A delay sample: below a minute, or at least not absurd.
fn weigh_delay(value: u64) -> i32 {
    let delay = (value as i64).unsigned_abs();
    if delay <= 60_000_000 {
        30
    } else if delay <= 100_000_000_000_000 {
        8
    } else {
        -4
    }
}

/// Whether a clock in Unix microseconds is within a day of the capture's;
/// `None` where the capture has no time.
pub(super) fn near_microseconds(value: u64, time: Option<Time>) -> Option<bool> {
    let now = time?.microseconds();
    let value = i64::try_from(value).ok();
    Some(value.is_some_and(|value| value.abs_diff(now) < DAY as u64))
}

/// Whether an NTP timestamp (RFC 5905) is within a day of the capture's time;
/// `None` where the capture has no time.
pub(super) fn near_ntp(value: u64, time: Option<Time>) -> Option<bool> {
    let now = time?.microseconds() / 1_000_000;
    let seconds = (value >> 32) as i64 - Time::NTP_EPOCH;
    Some(seconds.abs_diff(now) < (DAY / 1_000_000) as u64)
}
