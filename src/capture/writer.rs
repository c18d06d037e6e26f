//! Writes UDP datagrams as a pcapng capture that other tools read too.
//!
//! What is written depends on nothing but what was given: no clock, no name of
//! the machine.

use std::io::{self, Write};
use std::net::SocketAddr;

use ppspp_dissector::session::Time;

use super::headers::{self, LinkLayer};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_APPLICATION: u16 = 4;
const OPTION_INTERFACE_NAME: u16 = 2;
const OPTION_INTERFACE_DESCRIPTION: u16 = 3;
const OPTION_TIME_RESOLUTION: u16 = 9;

/// How fine the times in a capture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeResolution {
    /// Microseconds, rounded down.
    Microseconds,
    /// Nanoseconds.
    #[default]
    Nanoseconds,
}

/// What a capture says of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterfaceSettings<'a> {
    /// Its name; empty is none.
    pub name: &'a str,
    /// What it is, for people; empty is none.
    pub description: &'a str,
    /// What is in front of IP packets.
    pub link_layer: LinkLayer,
    /// How fine its times are.
    pub resolution: TimeResolution,
}

/// An interface of the capture that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceId(usize);

/// A datagram to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenDatagram<'a> {
    /// When it passed the interface; 1970 or later.
    pub time: Time,
    /// Where it came from; of the same IP version as the destination.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// The UDP payload.
    pub payload: &'a [u8],
    /// Comments on the packet.
    pub comments: &'a [&'a str],
}

/// Why a datagram could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file can't be written.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// One address is IPv4, the other one IPv6.
    #[error("a datagram from {from} to {to} can't be: their IP versions differ")]
    MixedVersions {
        /// The source.
        from: SocketAddr,
        /// The destination.
        to: SocketAddr,
    },
    /// The payload does not fit one UDP datagram.
    #[error("a payload of {length} bytes is too long for a UDP datagram")]
    TooLong {
        /// Bytes of the payload.
        length: usize,
    },
    /// A time before 1970, which pcapng can't tell.
    #[error("a time before 1970 can't be written")]
    TooEarly,
    /// The interface belongs to another capture.
    #[error("the capture has no interface {number}")]
    NoInterface {
        /// Its number, from 0.
        number: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link_layer: LinkLayer,
    resolution: TimeResolution,
}

/// Writes a pcapng file of one section: first its interfaces, then datagrams;
/// an interface may also come later.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    interfaces: Vec<Interface>,
    /// The block in the making, kept for its room.
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a capture. It writes in small pieces: a file wants a
    /// [`BufWriter`](io::BufWriter). `comments` are on the whole capture; what
    /// is beyond 65,535 bytes of a comment is cut off.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(out: W, comments: &[&str]) -> io::Result<Self> {
        let mut writer = Self {
            out,
            interfaces: Vec::new(),
            block: Vec::new(),
        };
        writer.begin(SECTION_HEADER);
        writer.put(&0x1a2b_3c4d_u32.to_le_bytes());
        writer.put(&1_u16.to_le_bytes());
        writer.put(&0_u16.to_le_bytes());
        // The section's length: not known.
        writer.put(&u64::MAX.to_le_bytes());
        for comment in comments {
            writer.option(OPTION_COMMENT, comment);
        }
        writer.option(OPTION_APPLICATION, "ppsp-inspect");
        writer.end_options();
        writer.finish_block()?;
        Ok(writer)
    }

    /// Adds an interface.
    ///
    /// # Errors
    /// What the output answers.
    pub fn add_interface(&mut self, settings: &InterfaceSettings<'_>) -> io::Result<InterfaceId> {
        let id = InterfaceId(self.interfaces.len());
        self.interfaces.push(Interface {
            link_layer: settings.link_layer,
            resolution: settings.resolution,
        });
        self.begin(INTERFACE_DESCRIPTION);
        self.put(&settings.link_layer.number().to_le_bytes());
        self.put(&[0; 2]);
        // No limit to the length of packets.
        self.put(&[0; 4]);
        if !settings.name.is_empty() {
            self.option(OPTION_INTERFACE_NAME, settings.name);
        }
        if !settings.description.is_empty() {
            self.option(OPTION_INTERFACE_DESCRIPTION, settings.description);
        }
        let resolution = match settings.resolution {
            TimeResolution::Microseconds => 6,
            TimeResolution::Nanoseconds => 9,
        };
        self.put(&OPTION_TIME_RESOLUTION.to_le_bytes());
        self.put(&1_u16.to_le_bytes());
        self.put(&[resolution, 0, 0, 0]);
        self.end_options();
        self.finish_block()?;
        Ok(id)
    }

    /// Writes a datagram.
    ///
    /// # Errors
    /// What the output answers, or that the datagram can't be: its IP versions
    /// differ, it is too long or too early, or the interface is not of this
    /// capture. Then nothing is written.
    pub fn write_datagram(
        &mut self,
        interface: InterfaceId,
        datagram: &WrittenDatagram<'_>,
    ) -> Result<(), WriteError> {
        let number = interface.0;
        let interface = *self
            .interfaces
            .get(number)
            .ok_or(WriteError::NoInterface { number })?;
        let stamp = u64::try_from(datagram.time.nanoseconds()).map_err(|_| WriteError::TooEarly)?;
        let stamp = match interface.resolution {
            TimeResolution::Microseconds => stamp / 1_000,
            TimeResolution::Nanoseconds => stamp,
        };
        self.begin(ENHANCED_PACKET);
        self.put(&(number as u32).to_le_bytes());
        self.put(&((stamp >> 32) as u32).to_le_bytes());
        self.put(&(stamp as u32).to_le_bytes());
        let lengths = self.block.len();
        self.put(&[0; 8]);
        let begin = self.block.len();
        headers::append(interface.link_layer, datagram, &mut self.block)?;
        let length = ((self.block.len() - begin) as u32).to_le_bytes();
        self.patch(lengths, length);
        self.patch(lengths + 4, length);
        self.pad();
        if !datagram.comments.is_empty() {
            for comment in datagram.comments {
                self.option(OPTION_COMMENT, comment);
            }
            self.end_options();
        }
        Ok(self.finish_block()?)
    }

    /// Hands what was written on to the system.
    ///
    /// # Errors
    /// What the output answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the capture and gives back where it was written.
    ///
    /// # Errors
    /// What the output answers to flushing it.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.put(&kind.to_le_bytes());
        // Its length comes here.
        self.put(&[0; 4]);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
    }

    fn pad(&mut self) {
        // All before the block's first padding is a multiple of four.
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, text: &str) {
        let mut fits = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        let text = text.get(..fits).unwrap_or_default();
        self.put(&code.to_le_bytes());
        self.put(&(text.len() as u16).to_le_bytes());
        self.put(text.as_bytes());
        self.pad();
    }

    fn end_options(&mut self) {
        self.put(&OPTION_END.to_le_bytes());
        self.put(&[0; 2]);
    }

    fn patch(&mut self, place: usize, value: [u8; 4]) {
        if let Some(field) = self.block.get_mut(place..place + 4) {
            field.copy_from_slice(&value);
        }
    }

    fn finish_block(&mut self) -> io::Result<()> {
        let length = (self.block.len() as u32 + 4).to_le_bytes();
        self.put(&length);
        self.patch(4, length);
        self.out.write_all(&self.block)
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
