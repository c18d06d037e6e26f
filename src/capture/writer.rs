//! Writes UDP datagrams as a pcapng capture that other tools read too.
//!
//! What is written depends on nothing but what was given: no clock, no name of
//! the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write};
use std::net::SocketAddr;
use std::path::Path;

use ppspp_dissector::session::Time;

use super::blocks::{self, PacketHead};
use super::frames::StoredFrame;
use super::headers::{self, LinkLayer};

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
    /// A frame of an interface that its capture never described.
    #[error("frame {frame} is of an interface that the capture does not describe")]
    NoLink {
        /// The frame.
        frame: u64,
    },
    /// The interface belongs to another capture.
    #[error("the capture has no interface {number}")]
    NoInterface {
        /// Its number, from 0.
        number: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    /// Its number in the file.
    number: u32,
    link_layer: LinkLayer,
    resolution: TimeResolution,
}

/// Writes a pcapng file of one section: first its interfaces, then datagrams;
/// an interface may also come later.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    interfaces: Vec<Interface>,
    /// Interfaces of frames that are copied: what they begin with, and the number.
    links: Vec<(u16, u32)>,
    /// Interfaces that there are.
    count: u32,
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
            links: Vec::new(),
            count: 0,
            block: Vec::new(),
        };
        blocks::section(&mut writer.block, comments);
        writer.write_block()?;
        Ok(writer)
    }

    /// Adds an interface.
    ///
    /// # Errors
    /// What the output answers.
    pub fn add_interface(&mut self, settings: &InterfaceSettings<'_>) -> io::Result<InterfaceId> {
        let id = InterfaceId(self.interfaces.len());
        self.interfaces.push(Interface {
            number: self.count,
            link_layer: settings.link_layer,
            resolution: settings.resolution,
        });
        let described = blocks::Interface {
            link: settings.link_layer.number(),
            name: settings.name,
            description: settings.description,
            resolution: settings.resolution,
            ..blocks::Interface::default()
        };
        blocks::interface(&mut self.block, &described);
        self.write_block()?;
        self.count += 1;
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
        let head = PacketHead {
            interface: interface.number,
            stamp,
            wire: None,
        };
        blocks::packet(&mut self.block, head, datagram.comments, |out| {
            headers::append(interface.link_layer, datagram, out)
        })?;
        Ok(self.write_block()?)
    }

    /// Writes a frame as another capture has it, at the time that it has there, in
    /// nanoseconds; one without time is written with that of 1970.
    ///
    /// # Errors
    /// What the output answers, or that the frame can't be: it is too early, or
    /// nobody knows what it begins with. Then nothing is written.
    pub fn write_frame(&mut self, frame: &StoredFrame<'_>) -> Result<(), WriteError> {
        let link = frame.link.and_then(|link| u16::try_from(link).ok());
        let link = link.ok_or(WriteError::NoLink {
            frame: frame.number,
        })?;
        let nanoseconds = frame.time.map_or(0, Time::nanoseconds);
        let stamp = u64::try_from(nanoseconds).map_err(|_| WriteError::TooEarly)?;
        let known = self.links.iter().find(|(known, _)| *known == link);
        let interface = match known {
            Some((_, number)) => *number,
            None => self.add_link(link)?,
        };
        let head = PacketHead {
            interface,
            stamp,
            wire: Some(u32::try_from(frame.wire).unwrap_or(u32::MAX)),
        };
        let comments: Vec<&str> = frame.comment.into_iter().collect();
        blocks::packet(&mut self.block, head, &comments, |out| {
            out.extend_from_slice(frame.bytes);
            Ok::<(), WriteError>(())
        })?;
        Ok(self.write_block()?)
    }

    fn add_link(&mut self, link: u16) -> io::Result<u32> {
        let described = blocks::Interface {
            link,
            resolution: TimeResolution::Nanoseconds,
            ..blocks::Interface::default()
        };
        blocks::interface(&mut self.block, &described);
        self.write_block()?;
        let number = self.count;
        self.count += 1;
        self.links.push((link, number));
        Ok(number)
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

    fn write_block(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.block);
        self.block.clear();
        written
    }
}

/// How every pcapng file begins.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Opens a file to write a capture. A mistyped name must not cost content: what
/// is there is only overwritten if it is a capture, or nothing.
///
/// # Errors
/// When it can't be opened, or holds something else.
pub fn create_capture_file(path: &Path) -> io::Result<File> {
    let regular = std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() > 0);
    if !regular {
        return File::create(path);
    }
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut begin = [0; 4];
    let is_capture = file.read_exact(&mut begin).is_ok() && begin == PCAPNG;
    if !is_capture {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the file exists and is no pcapng capture: it is not overwritten; name another",
        ));
    }
    file.rewind()?;
    file.set_len(0)?;
    Ok(file)
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
