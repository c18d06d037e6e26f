//! One input as a sequence of packets, whatever its file format.

use super::error::CaptureError;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Item, Record};
use super::window::Window;

enum Format {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// One input, a packet at a time.
pub(super) struct Source {
    window: Window,
    format: Format,
    /// Length of the item that was given out and still lies in the window.
    held: usize,
    /// What was said of the packet that was given out last.
    record: Record,
}

impl Source {
    /// Finds out the file format and reads the file's header.
    pub(super) fn new(mut window: Window) -> Result<Self, CaptureError> {
        window.holds(4);
        let format = match window.bytes().first_chunk() {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Format::Pcapng(Box::default()),
            Some(&magic) if Pcap::knows(magic) => Format::Pcap(Pcap::begin(&mut window)?),
            _ => {
                let found = window.bytes().iter().copied().take(4).collect::<Vec<_>>();
                let unknown = CaptureError::UnknownFormat {
                    place: window.place(),
                    found,
                };
                return Err(match window.shortage("file header", 4) {
                    CaptureError::Truncated { .. } => unknown,
                    failure => failure,
                });
            }
        };
        Ok(Self {
            window,
            format,
            held: 0,
            record: Record::default(),
        })
    }

    /// Moves to the next packet; says whether there is one. After an error the
    /// input is over.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, CaptureError> {
        loop {
            self.window.consume(self.held);
            self.held = 0;
            let (window, held, record) = (&mut self.window, &mut self.held, &mut self.record);
            let item = match &mut self.format {
                Format::Pcap(pcap) => pcap.item(window, held, record)?,
                Format::Pcapng(pcapng) => pcapng.item(window, held, record)?,
            };
            match item {
                Some(Item::Packet) => return Ok(true),
                Some(Item::Other) => {}
                None => return Ok(false),
            }
        }
    }

    /// The packet moved to.
    #[inline]
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// The bytes of that packet.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.window
            .bytes()
            .get(self.record.packet.clone())
            .unwrap_or_default()
    }

    /// Offset of those bytes in the input; `None` where it is compressed.
    #[inline]
    pub(super) fn packet_offset(&self) -> Option<u64> {
        let start = self.window.plain_offset()?;
        Some(start + self.record.packet.start as u64)
    }

    /// The comments on that packet, joined by line breaks.
    pub(super) fn comment(&self) -> Option<&str> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(pcapng) => pcapng.packet_comment(),
        }
    }

    /// The comments on the sections read so far.
    pub(super) fn section_comments(&self) -> &[String] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(pcapng) => pcapng.section_comments(),
        }
    }
}
