//! The pcapng format: sections, interfaces, and the blocks that hold packets.
//!
//! Read by hand rather than with a parser library, because of what a reader
//! of strange files needs: the byte order changes between sections, obsolete
//! blocks still occur, blocks of any length have to be skipped without being
//! held, and packets must not cost an allocation each.

use ppspp_dissector::session::Time;

use super::error::CaptureError;
use super::order::Order;
use super::record::{Item, Record};
use super::window::{LONGEST_ITEM, Window};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// Interfaces of a section beyond this many are not remembered.
const MOST_INTERFACES: usize = 65_536;
/// Section comments beyond this many bytes in all are not kept.
const MOST_COMMENT_BYTES: usize = 64 * 1024;

/// The state of reading a pcapng file.
#[derive(Default)]
pub(super) struct Pcapng {
    order: Option<Order>,
    interfaces: Vec<Interface>,
    comment: String,
    section_comments: Vec<String>,
}

/// What an Interface Description Block said.
struct Interface {
    link: u32,
    snap_length: u32,
    clock: Clock,
}

/// How an interface's time stamps become a time.
#[derive(Clone, Copy)]
struct Clock {
    resolution: Resolution,
    /// Seconds to be added.
    offset: i64,
}

/// The unit of an interface's time stamps.
#[derive(Clone, Copy)]
enum Resolution {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// So many to the nanosecond; `None` is more than fit 64 bits.
    PerNanosecond(Option<u64>),
    /// A second divided by this power of two.
    Binary(u32),
}

impl Resolution {
    /// From the octet of `if_tsresol`.
    fn from_option(octet: u8) -> Self {
        let exponent = u32::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            Self::Binary(exponent)
        } else if exponent <= 9 {
            Self::Nanoseconds(10_u64.pow(9 - exponent))
        } else {
            Self::PerNanosecond(10_u64.checked_pow(exponent - 9))
        }
    }
}

impl Clock {
    const DEFAULT: Self = Self {
        resolution: Resolution::Nanoseconds(1_000),
        offset: 0,
    };

    /// The time of a stamp; `None` where it lies outside the years 1678 to
    /// 2262, which is what nanoseconds in 64 bits can tell.
    fn time(self, stamp: u64) -> Option<Time> {
        let nanoseconds = match self.resolution {
            Resolution::Nanoseconds(unit) => i128::from(stamp) * i128::from(unit),
            Resolution::PerNanosecond(Some(count)) => i128::from(stamp / count),
            Resolution::PerNanosecond(None) => 0,
            Resolution::Binary(shift) => (i128::from(stamp) * 1_000_000_000) >> shift,
        };
        let total = nanoseconds + i128::from(self.offset) * 1_000_000_000;
        i64::try_from(total).ok().map(Time::from_nanoseconds)
    }
}

impl Pcapng {
    /// The comments on the packet given out last.
    pub(super) fn packet_comment(&self) -> Option<&str> {
        (!self.comment.is_empty()).then_some(self.comment.as_str())
    }

    /// The comments on the sections so far.
    pub(super) fn section_comments(&self) -> &[String] {
        &self.section_comments
    }

    /// The next block, whose length goes into `held`, and into `record` the
    /// packet in it, if there is one; `None` at the end.
    #[inline]
    pub(super) fn item(
        &mut self,
        window: &mut Window,
        held: &mut usize,
        record: &mut Record,
    ) -> Result<Option<Item>, CaptureError> {
        if !window.holds(12) {
            if window.is_at_end() {
                return Ok(None);
            }
            return Err(window.shortage("block", 12));
        }
        let start = window.bytes();
        let is_section = start.starts_with(&SECTION_HEADER.to_be_bytes());
        if is_section {
            self.order = match start.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => Some(Order::Big),
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => Some(Order::Little),
                _ => None,
            };
        }
        let order = self.order.unwrap_or(Order::Little);
        let kind = order.u32(start, 0).unwrap_or_default();
        let length = order.u32(start, 4).unwrap_or_default();
        let fault = |window: &Window, problem| {
            Err(CaptureError::BadBlock {
                place: window.place(),
                kind,
                length,
                problem,
            })
        };
        if self.order.is_none() {
            return fault(window, "its byte order mark is neither of the two");
        }
        if length < 12 {
            return fault(window, "it is shorter than a block can be");
        }
        // Some writers leave the padding out of the length.
        let whole = (u64::from(length) + 3) & !3;
        let held_whole = usize::try_from(whole).unwrap_or(usize::MAX);
        if !window.holds(held_whole) {
            let matters = matches!(
                kind,
                SECTION_HEADER
                    | INTERFACE_DESCRIPTION
                    | OBSOLETE_PACKET
                    | SIMPLE_PACKET
                    | ENHANCED_PACKET
            );
            if held_whole <= LONGEST_ITEM {
                return Err(window.shortage("block", whole));
            }
            if matters {
                return fault(window, "it is longer than is believed");
            }
            let begin = window.place();
            let skipped = window.skip(whole);
            if skipped < whole {
                return Err(window.shortage_at(begin, "block", whole, skipped));
            }
            return Ok(Some(Item::Other));
        }
        let block = window.bytes().get(..held_whole).unwrap_or_default();
        if order.u32(block, held_whole - 4) != Some(length) {
            return fault(window, "the length at its end is another one");
        }
        let body = block.get(8..held_whole - 4).unwrap_or_default();
        *held = held_whole;
        let packet = match kind {
            ENHANCED_PACKET => self.enhanced(order, body),
            SIMPLE_PACKET => self.simple(order, body),
            OBSOLETE_PACKET => self.obsolete(order, body),
            SECTION_HEADER => {
                self.section(order, body);
                return Ok(Some(Item::Other));
            }
            INTERFACE_DESCRIPTION => {
                self.interface(order, body);
                return Ok(Some(Item::Other));
            }
            _ => return Ok(Some(Item::Other)),
        };
        match packet {
            Some(found) => {
                *record = found;
                // From the body to the window.
                record.packet.start += 8;
                record.packet.end += 8;
                Ok(Some(Item::Packet))
            }
            None => fault(window, "the packet in it is longer than the block"),
        }
    }

    fn section(&mut self, order: Order, body: &[u8]) {
        self.interfaces.clear();
        for (code, value) in options(order, body.get(16..).unwrap_or_default()) {
            let kept: usize = self
                .section_comments
                .iter()
                .map(|text| text.len() + 24)
                .sum();
            if code == OPTION_COMMENT && kept + value.len() <= MOST_COMMENT_BYTES {
                let text = String::from_utf8_lossy(value).into_owned();
                self.section_comments.push(text);
            }
        }
    }

    fn interface(&mut self, order: Order, body: &[u8]) {
        let mut clock = Clock::DEFAULT;
        for (code, value) in options(order, body.get(8..).unwrap_or_default()) {
            match code {
                OPTION_TIME_RESOLUTION => {
                    if let Some(&octet) = value.first() {
                        clock.resolution = Resolution::from_option(octet);
                    }
                }
                OPTION_TIME_OFFSET => {
                    if let Some(seconds) = order.u64(value, 0) {
                        clock.offset = seconds.cast_signed();
                    }
                }
                _ => {}
            }
        }
        if self.interfaces.len() < MOST_INTERFACES {
            self.interfaces.push(Interface {
                link: order.u16(body, 0).unwrap_or_default().into(),
                snap_length: order.u32(body, 4).unwrap_or_default(),
                clock,
            });
        }
    }

    #[inline]
    fn enhanced(&mut self, order: Order, body: &[u8]) -> Option<Record> {
        let interface = order.u32(body, 0)?;
        self.packet(order, body, interface as usize, 4)
    }

    fn obsolete(&mut self, order: Order, body: &[u8]) -> Option<Record> {
        let interface = order.u16(body, 0)?;
        self.packet(order, body, interface.into(), 4)
    }

    /// What Enhanced and obsolete Packet Blocks have in common: time stamp,
    /// lengths, packet and options, from `offset` on.
    #[inline]
    fn packet(
        &mut self,
        order: Order,
        body: &[u8],
        interface: usize,
        offset: usize,
    ) -> Option<Record> {
        let high = order.u32(body, offset)?;
        let low = order.u32(body, offset + 4)?;
        let captured = order.u32(body, offset + 8)? as usize;
        let wire = order.u32(body, offset + 12)? as usize;
        let begin = offset + 16;
        let end = begin.checked_add(captured)?;
        if end > body.len() {
            return None;
        }
        self.comment.clear();
        let after = body.get(end.next_multiple_of(4)..).unwrap_or_default();
        if !after.is_empty() {
            self.keep_comments(order, after);
        }
        let stamp = u64::from(high) << 32 | u64::from(low);
        let interface = self.interfaces.get(interface);
        Some(Record {
            time: interface.and_then(|interface| interface.clock.time(stamp)),
            link: interface.map(|interface| interface.link),
            packet: begin..end,
            wire: wire.max(captured),
        })
    }

    /// A Simple Packet Block: no time, no options, the first interface, and
    /// the captured length only implied.
    fn simple(&mut self, order: Order, body: &[u8]) -> Option<Record> {
        self.comment.clear();
        let wire = order.u32(body, 0)? as usize;
        let interface = self.interfaces.first();
        let snap_length = match interface.map_or(0, |interface| interface.snap_length) {
            0 => usize::MAX,
            length => length as usize,
        };
        let captured = wire.min(snap_length).min(body.len() - 4);
        Some(Record {
            time: None,
            link: interface.map(|interface| interface.link),
            packet: 4..4 + captured,
            wire,
        })
    }

    #[cold]
    fn keep_comments(&mut self, order: Order, bytes: &[u8]) {
        for (code, value) in options(order, bytes) {
            if code == OPTION_COMMENT {
                if !self.comment.is_empty() {
                    self.comment.push('\n');
                }
                self.comment.push_str(&String::from_utf8_lossy(value));
            }
        }
    }
}

/// The options of a block, as far as they are intact.
fn options(order: Order, mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let code = order.u16(bytes, 0)?;
        let length = usize::from(order.u16(bytes, 2)?);
        if code == OPTION_END {
            return None;
        }
        let value = bytes.get(4..4 + length)?;
        bytes = bytes
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::Capture;
    use super::super::testing::{self as write, Order, Timed};
    use super::*;

    fn time(resolution: Option<u8>, offset: i64, stamp: u64) -> Option<i64> {
        let resolution = resolution.map_or(Clock::DEFAULT.resolution, Resolution::from_option);
        let clock = Clock { resolution, offset };
        clock.time(stamp).map(Time::nanoseconds)
    }

    #[test]
    fn stamps_count_microseconds_unless_told_otherwise() {
        assert_eq!(time(None, 0, 1_500_000), Some(1_500_000_000));
        assert_eq!(time(Some(6), 0, 1_500_000), Some(1_500_000_000));
    }

    #[test]
    fn stamps_count_any_power_of_ten() {
        assert_eq!(time(Some(0), 0, 3), Some(3_000_000_000));
        assert_eq!(time(Some(9), 0, 3), Some(3));
        assert_eq!(time(Some(12), 0, 7_999), Some(7));
        assert_eq!(time(Some(29), 0, u64::MAX), Some(0));
        assert_eq!(time(Some(127), 0, u64::MAX), Some(0));
    }

    #[test]
    fn stamps_count_any_power_of_two() {
        assert_eq!(time(Some(0x80), 0, 2), Some(2_000_000_000));
        assert_eq!(time(Some(0x8a), 0, 1_536), Some(1_500_000_000));
        assert_eq!(time(Some(0xa0), 0, 1 << 31), Some(500_000_000));
        assert_eq!(time(Some(0xff), 0, u64::MAX), Some(0));
    }

    #[test]
    fn an_offset_moves_stamps_either_way() {
        assert_eq!(time(Some(9), 5, 1), Some(5_000_000_001));
        assert_eq!(time(Some(9), -5, 1), Some(-4_999_999_999));
    }

    #[test]
    fn a_time_that_cannot_be_told_is_none() {
        assert_eq!(time(Some(0), 0, u64::MAX), None);
        assert_eq!(time(Some(9), i64::MAX, 0), None);
        assert_eq!(time(Some(9), i64::MIN, 0), None);
    }

    fn frame(comment: Option<&str>) -> Timed {
        let packet = write::some_packets(2).pop().expect("a packet");
        Timed {
            nanoseconds: 0,
            bytes: write::udp(&packet),
            comment: comment.map(str::to_owned),
        }
    }

    fn capture(file: Vec<u8>) -> Capture {
        Capture::from_reader("blocks", Cursor::new(file)).expect("a capture")
    }

    #[test]
    fn comments_go_with_their_packet() {
        let order = Order::Big;
        let mut file = write::section_header(order, -1, "a section");
        file.extend(write::interface(order, 101, 0, None, 0));
        for comment in [None, Some("look here"), None] {
            file.extend(write::enhanced(order, 0, 1, &frame(comment), usize::MAX));
        }
        let mut capture = capture(file);
        let mut comments = Vec::new();
        while let Some(captured) = capture.next() {
            comments.push(captured.comment.map(str::to_owned));
        }
        assert_eq!(comments, [None, Some("look here".to_owned()), None]);
        let sections: Vec<_> = capture.section_comments().collect();
        assert_eq!(sections, ["a section"]);
    }

    #[test]
    fn a_packet_of_an_interface_that_was_never_described_is_counted() {
        let order = Order::Little;
        let mut file = write::section_header(order, -1, "");
        file.extend(write::interface(order, 101, 0, None, 0));
        file.extend(write::enhanced(order, 1, 0, &frame(None), usize::MAX));
        file.extend(write::enhanced(order, 0, 0, &frame(None), usize::MAX));
        // Interfaces do not outlive their section.
        file.extend(write::section_header(order, -1, ""));
        file.extend(write::enhanced(order, 0, 0, &frame(None), usize::MAX));
        let mut capture = capture(file);
        assert_eq!(
            capture.next().map(|captured| captured.datagram.frame),
            Some(2)
        );
        assert!(capture.next().is_none());
        assert_eq!(capture.counters().unknown_interface, 2);
        assert_eq!(capture.counters().frames, 3);
    }

    #[test]
    fn a_length_without_the_padding_is_understood() {
        let order = Order::Little;
        let mut file = write::section_header(order, -1, "");
        file.extend(write::interface(order, 101, 0, None, 0));
        let mut body = vec![0; 4];
        let mut packet = frame(None);
        packet.bytes.truncate(41);
        body[0] = 41;
        body.extend(&packet.bytes);
        let mut block = write::block(order, SIMPLE_PACKET, &body);
        let length = u32::try_from(block.len()).expect("short") - 3;
        let end = block.len() - 4;
        for at in [4, end] {
            block[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
        file.extend(block);
        let mut capture = capture(file);
        assert!(capture.next().is_some());
        assert!(capture.next().is_none());
        assert!(capture.faults().is_empty());
    }
}
