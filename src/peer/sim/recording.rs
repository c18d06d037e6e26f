//! What passes, written as a pcapng capture.

use std::io::{self, Write};
use std::net::SocketAddr;

use ppspp_dissector::session::Time;

use super::tap::{Passage, Sighting, Tap};
use crate::capture::{
    InterfaceId, InterfaceSettings, PcapngWriter, TimeResolution, WriteError, WrittenDatagram,
};

/// Where a capture is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// At every host's outgoing side: each datagram once, when it is sent,
    /// whether it arrives or not.
    Everywhere,
    /// At these hosts, by name: what they send, when they send it, and what
    /// reaches them. Each is an interface of the capture.
    At(Vec<(String, SocketAddr)>),
}

/// A tap that writes a capture, raw IP with nanoseconds.
#[derive(Debug)]
pub struct Recording<W: Write> {
    writer: PcapngWriter<W>,
    interfaces: Vec<(Option<SocketAddr>, InterfaceId)>,
    fault: Option<WriteError>,
}

impl<W: Write> Recording<W> {
    /// Begins a capture; `comments` are on all of it. A file wants a
    /// [`BufWriter`](io::BufWriter).
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(out: W, vantage: &Vantage, comments: &[&str]) -> io::Result<Self> {
        let mut writer = PcapngWriter::new(out, comments)?;
        let mut interfaces = Vec::new();
        let mut add = |address, name: &str| {
            let settings = InterfaceSettings {
                name,
                resolution: TimeResolution::Nanoseconds,
                ..InterfaceSettings::default()
            };
            interfaces.push((address, writer.add_interface(&settings)?));
            io::Result::Ok(())
        };
        match vantage {
            Vantage::Everywhere => add(None, "network")?,
            Vantage::At(hosts) => {
                for (name, address) in hosts {
                    add(Some(*address), name)?;
                }
            }
        }
        Ok(Self {
            writer,
            interfaces,
            fault: None,
        })
    }

    /// Ends the capture and gives back where it was written.
    ///
    /// # Errors
    /// The first error of the whole recording; nothing was written after it.
    pub fn finish(self) -> Result<W, WriteError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.writer.into_inner()?),
        }
    }
}

impl<W: Write> Tap for Recording<W> {
    fn see(&mut self, sighting: &Sighting<'_>) {
        let seen_at = match sighting.passage {
            Passage::Sent => sighting.source,
            Passage::Delivered => sighting.destination,
            Passage::Duplicated(_) | Passage::Dropped(_) => return,
        };
        let is_sent = sighting.passage == Passage::Sent;
        let place = self.interfaces.iter().find(|(address, _)| match address {
            Some(address) => *address == seen_at,
            None => is_sent,
        });
        let Some(&(_, interface)) = place else {
            return;
        };
        let nanoseconds = i64::try_from(sighting.time.nanoseconds()).unwrap_or(i64::MAX);
        let datagram = WrittenDatagram {
            time: Time::from_nanoseconds(nanoseconds),
            source: sighting.source,
            destination: sighting.destination,
            payload: sighting.payload,
            comments: &[],
        };
        if self.fault.is_none()
            && let Err(fault) = self.writer.write_datagram(interface, &datagram)
        {
            match fault {
                // What no host can send is in no capture.
                WriteError::TooLong { .. } | WriteError::MixedVersions { .. } => {}
                other => self.fault = Some(other),
            }
        }
    }
}
