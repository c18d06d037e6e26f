//! The classic pcap format.
//!
//! Sixteen bytes of record header do not need a parser library: reading them
//! by hand is what leaves time for everything else.

use ppspp_dissector::session::Time;

use super::error::CaptureError;
use super::order::Order;
use super::source::{Item, Record};
use super::window::{LONGEST_ITEM, Window};

const FILE_HEADER: usize = 24;

/// A pcap file's header: how to read its records.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the records' fractions.
    unit: i64,
    record_header: usize,
    lengths: Lengths,
    link: u32,
}

/// How to tell the captured length from the length on the wire.
#[derive(Clone, Copy)]
enum Lengths {
    InOrder,
    /// Before version 2.3 the two stood the other way round.
    Swapped,
    /// In version 2.3 either way: the captured one can't be the longer one.
    Either,
}

impl Pcap {
    /// Whether a file that begins with `magic` is a pcap file.
    pub(super) fn knows(magic: [u8; 4]) -> bool {
        Self::kind(magic).is_some()
    }

    fn kind(magic: [u8; 4]) -> Option<(Order, i64, usize)> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            Some(match order.u32(&magic, 0)? {
                0xa1b2_c3d4 => (order, 1_000, 16),
                0xa1b2_3c4d => (order, 1, 16),
                // Kuznetzov's patched libpcap: longer record headers.
                0xa1b2_cd34 => (order, 1_000, 24),
                _ => return None,
            })
        })
    }

    /// Reads the file header.
    pub(super) fn begin(window: &mut Window) -> Result<Self, CaptureError> {
        window.holds(FILE_HEADER);
        let Some(header) = window.bytes().first_chunk::<FILE_HEADER>() else {
            return Err(window.shortage("file header", FILE_HEADER as u64));
        };
        let magic = *header.first_chunk().unwrap_or(&[0; 4]);
        let (order, unit, record_header) = Self::kind(magic).unwrap_or((Order::Little, 1_000, 16));
        let version = (order.u16(header, 4), order.u16(header, 6));
        let link = order.u32(header, 20).unwrap_or_default();
        window.consume(FILE_HEADER);
        Ok(Self {
            order,
            unit,
            record_header,
            lengths: match version {
                (Some(2), Some(..=2)) => Lengths::Swapped,
                (Some(2), Some(3)) => Lengths::Either,
                _ => Lengths::InOrder,
            },
            // The upper bits tell the length of the frame check sequence.
            link: link & 0x0fff_ffff,
        })
    }

    /// The next record, whose length goes into `held`; `None` at the end.
    #[inline]
    pub(super) fn item(
        &mut self,
        window: &mut Window,
        held: &mut usize,
    ) -> Result<Option<Item>, CaptureError> {
        if !window.holds(self.record_header) {
            if window.is_at_end() {
                return Ok(None);
            }
            return Err(window.shortage("packet record header", self.record_header as u64));
        }
        let header = window.bytes();
        let field = |offset| self.order.u32(header, offset).unwrap_or_default();
        let (seconds, fraction, first, second) = (field(0), field(4), field(8), field(12));
        let (captured, wire) = match self.lengths {
            Lengths::Swapped => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
            Lengths::InOrder => (first, second),
        };
        let captured = captured as usize;
        let length = self.record_header.saturating_add(captured);
        if !window.holds(length) {
            return Err(if length > LONGEST_ITEM {
                CaptureError::PacketTooLong {
                    place: window.place(),
                    length: captured as u64,
                    limit: (LONGEST_ITEM - self.record_header) as u64,
                }
            } else {
                window.shortage("packet record", length as u64)
            });
        }
        *held = length;
        let nanoseconds = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit;
        Ok(Some(Item::Packet(Record {
            time: Some(Time::from_nanoseconds(nanoseconds)),
            link: Some(self.link),
            packet: self.record_header..length,
            wire: (wire as usize).max(captured),
        })))
    }
}
