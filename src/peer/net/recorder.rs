//! A peer's own traffic, recorded as a pcapng capture.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use ppspp_dissector::session::Time;

use crate::capture::{
    InterfaceId, InterfaceSettings, PcapngWriter, WriteError, WrittenDatagram, create_capture_file,
};
use crate::peer::engine::Moment;

/// Bytes that are written at once.
const BUFFER: usize = 256 * 1024;

/// Ends whose way here is remembered.
const MOST_WAYS: usize = 4096;

/// Who is told why a recording ended early.
pub type Complaint = fn(&Path, &WriteError);

/// Records the datagrams of one socket in a file.
///
/// A packet is a datagram as it was handed to the system or came from it. The
/// local address of a socket that listens on all of them is the one that a
/// datagram came to; for a datagram that goes out first, the one from which the
/// system's routes lead there.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    /// `None` once it has failed.
    writer: Option<PcapngWriter<BufWriter<File>>>,
    interface: InterfaceId,
    local: SocketAddr,
    /// Our address towards others, by theirs.
    ways: HashMap<IpAddr, IpAddr>,
    complain: Complaint,
}

impl Recorder {
    /// Begins a recording of the socket at `local`; `complain` is called if it
    /// can't go on later. A capture that is there is overwritten, anything else
    /// is not.
    ///
    /// # Errors
    /// When the file can't be written, or holds something else.
    pub fn create(path: &Path, local: SocketAddr, complain: Complaint) -> io::Result<Self> {
        let file = create_capture_file(path)?;
        let buffer = BufWriter::with_capacity(BUFFER, file);
        let mut writer = PcapngWriter::new(buffer, &[])?;
        let interface = writer.add_interface(&InterfaceSettings {
            name: "peer",
            ..InterfaceSettings::default()
        })?;
        // A full disk is better known before anything is sent.
        writer.flush()?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(writer),
            interface,
            local,
            ways: HashMap::new(),
            complain,
        })
    }

    /// A datagram came from `source`, to this address of ours if it is known.
    pub fn received(
        &mut self,
        now: Moment,
        source: SocketAddr,
        to: Option<IpAddr>,
        payload: &[u8],
    ) {
        if let Some(to) = to {
            self.remember(source.ip().to_canonical(), to.to_canonical());
        }
        let ours = self.ours(source);
        self.write(now, canonical(source), ours, payload);
    }

    /// A datagram goes to `destination`.
    pub fn sent(&mut self, now: Moment, destination: SocketAddr, payload: &[u8]) {
        let ours = self.ours(destination);
        self.write(now, ours, canonical(destination), payload);
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.flush()
        {
            self.fail(&error.into());
        }
    }

    fn write(&mut self, now: Moment, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        let nanoseconds = now.microseconds().saturating_mul(1_000);
        let datagram = WrittenDatagram {
            time: Time::from_nanoseconds(i64::try_from(nanoseconds).unwrap_or(i64::MAX)),
            source,
            destination,
            payload,
            comments: &[],
        };
        match writer.write_datagram(self.interface, &datagram) {
            // What no host can send is in no capture.
            Ok(()) | Err(WriteError::TooLong { .. } | WriteError::MixedVersions { .. }) => {}
            Err(error) => self.fail(&error),
        }
    }

    /// Ends the recording; the peer goes on.
    fn fail(&mut self, error: &WriteError) {
        if self.writer.take().is_some() {
            (self.complain)(&self.path, error);
        }
    }

    /// Our address towards another one.
    fn ours(&mut self, other: SocketAddr) -> SocketAddr {
        let bound = self.local.ip().to_canonical();
        let port = self.local.port();
        if !bound.is_unspecified() {
            return SocketAddr::new(bound, port);
        }
        let there = other.ip().to_canonical();
        let here = self.ways.get(&there).copied().unwrap_or_else(|| {
            let here = way_to(there);
            self.remember(there, here);
            here
        });
        SocketAddr::new(here, port)
    }

    fn remember(&mut self, there: IpAddr, here: IpAddr) {
        if self.ways.len() >= MOST_WAYS && !self.ways.contains_key(&there) {
            self.ways.clear();
        }
        self.ways.insert(there, here);
    }
}

/// From which address of ours the system's routes lead to another; loopback
/// where they don't. Connecting a UDP socket asks them, and sends nothing.
fn way_to(there: IpAddr) -> IpAddr {
    let (any, loopback): (IpAddr, IpAddr) = match there {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()),
    };
    let ask = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((there, 9))?;
        io::Result::Ok(socket.local_addr()?.ip())
    };
    ask().unwrap_or(loopback)
}

/// IPv4 as such, also on a socket of both versions.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, Input, Options};

    fn ignore(_: &Path, _: &WriteError) {}

    #[test]
    fn the_local_address_is_the_one_that_was_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.pcapng");
        let local = "[::]:7000".parse().expect("an address");
        let mut recorder = Recorder::create(&path, local, ignore).expect("created");
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:9".parse().expect("an address");
        let now = Moment::from_microseconds(1_700_000_000_000_000);
        recorder.sent(now, mapped, b"first");
        let there: SocketAddr = "192.0.2.1:9".parse().expect("an address");
        let here = "192.0.2.7".parse().ok();
        recorder.received(now, there, here, b"second");
        recorder.sent(now, there, b"third");
        recorder.flush();
        let mut capture = Capture::open(&[Input::File(path)], Options::default()).expect("opened");
        let mut seen = Vec::new();
        while let Some(captured) = capture.next() {
            let datagram = captured.datagram;
            seen.push((
                datagram.source.to_string(),
                datagram.destination.to_string(),
            ));
        }
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            seen,
            [
                pair("127.0.0.1:7000", "127.0.0.1:9"),
                pair("192.0.2.1:9", "192.0.2.7:7000"),
                pair("192.0.2.7:7000", "192.0.2.1:9"),
            ]
        );
    }

    #[test]
    fn only_captures_are_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.pcapng");
        let local = "127.0.0.1:7000".parse().expect("an address");
        Recorder::create(&path, local, ignore).expect("created");
        Recorder::create(&path, local, ignore).expect("created again");
        std::fs::write(&path, "content").expect("written");
        let error = Recorder::create(&path, local, ignore).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("there"), b"content");
    }
}
