//! The classic pcap format.
//!
//! Sixteen bytes of record header do not need a parser library: reading them
//! by hand is what leaves time for everything else.

use ppspp_dissector::session::Time;

use super::error::CaptureError;
use super::order::Order;
use super::record::{Item, Record};
use super::window::{LONGEST_ITEM, Window};

const FILE_HEADER: usize = 24;
/// The longest packet that libpcap and Wireshark write by default. Some
/// writers store packets longer than the snap length that they announce, so
/// less than this is believed whatever they announce.
const USUAL_LIMIT: usize = 256 * 1024;

/// A pcap file's header: how to read its records.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the records' fractions.
    unit: i64,
    record_header: usize,
    lengths: Lengths,
    /// The longest record that is believed, header included.
    longest: usize,
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
        let snap_length = order.u32(header, 16).unwrap_or_default() as usize;
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
            longest: snap_length
                .max(USUAL_LIMIT)
                .saturating_add(record_header)
                .min(LONGEST_ITEM),
            // The upper bits tell the length of the frame check sequence.
            link: link & 0x0fff_ffff,
        })
    }

    /// The next record, whose length goes into `held` and what it says into
    /// `record`, in place: copying it would take longer. `None` at the end.
    #[inline]
    pub(super) fn item(
        &mut self,
        window: &mut Window,
        held: &mut usize,
        record: &mut Record,
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
        if length > self.longest {
            return Err(CaptureError::PacketTooLong {
                place: window.place(),
                length: captured as u64,
                limit: (self.longest - self.record_header) as u64,
            });
        }
        if !window.holds(length) {
            return Err(window.shortage("packet record", length as u64));
        }
        *held = length;
        let nanoseconds = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit;
        record.time = Some(Time::from_nanoseconds(nanoseconds));
        record.link = Some(self.link);
        record.packet = self.record_header..length;
        record.wire = (wire as usize).max(captured);
        Ok(Some(Item::Packet))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::testing::{File, Order, Packet, Recipe, some_packets};
    use super::super::{Capture, CaptureError};

    fn written(order: Order) -> (Vec<Packet>, Vec<u8>) {
        let packets = some_packets(3);
        let file = File::Pcap {
            order,
            nanoseconds: false,
            modified: false,
        };
        let recipe = Recipe {
            file,
            ..Recipe::default()
        };
        let file = recipe.write(&packets);
        (packets, file)
    }

    fn payloads(file: Vec<u8>) -> Vec<Vec<u8>> {
        let mut capture = Capture::from_reader("file", Cursor::new(file)).expect("a capture");
        let mut payloads = Vec::new();
        while let Some(captured) = capture.next() {
            assert!(!captured.datagram.is_cut());
            payloads.push(captured.datagram.payload.to_vec());
        }
        assert!(capture.faults().is_empty());
        payloads
    }

    #[test]
    fn the_length_of_a_check_sequence_does_not_hide_the_link_type() {
        for (order, at) in [(Order::Little, 23), (Order::Big, 20)] {
            let (packets, mut file) = written(order);
            file[at] |= 0x40;
            assert_eq!(payloads(file).len(), packets.len());
        }
    }

    #[test]
    fn old_versions_swapped_the_two_lengths() {
        for minor in [2, 3] {
            let (packets, mut file) = written(Order::Little);
            file[6] = minor;
            let mut at = 24;
            while at < file.len() {
                let length = u32::from_le_bytes([file[at + 8], file[at + 9], file[at + 10], 0]);
                // Where the lengths differ: a longer one first.
                let (captured, wire) = (length, length + 1);
                file[at + 8..at + 12].copy_from_slice(&wire.to_le_bytes());
                file[at + 12..at + 16].copy_from_slice(&captured.to_le_bytes());
                at += 16 + length as usize;
            }
            assert_eq!(payloads(file).len(), packets.len(), "version 2.{minor}");
        }
    }

    #[test]
    fn a_length_beyond_the_snap_length_and_the_usual_is_not_believed() {
        let (_, mut file) = written(Order::Little);
        file.resize(2_000_000, 0);
        file[24 + 8..24 + 12].copy_from_slice(&300_000_u32.to_le_bytes());
        let mut capture =
            Capture::from_reader("file", Cursor::new(file.clone())).expect("a capture");
        assert!(capture.next().is_none());
        let faults = capture.faults();
        assert!(
            matches!(faults, [CaptureError::PacketTooLong { limit: 262_144, .. }]),
            "{faults:?}"
        );
        // The same is fine where it was announced.
        file[16..20].copy_from_slice(&400_000_u32.to_le_bytes());
        let mut capture = Capture::from_reader("file", Cursor::new(file)).expect("a capture");
        assert!(capture.next().is_some());
    }
}
