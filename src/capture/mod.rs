//! Where packets come from: capture files and pipes in, "a datagram with
//! addresses and a time" out.
//!
//! ```no_run
//! use ppsp_inspect::capture::{Capture, Input, Options};
//!
//! let inputs = [Input::File("swarm.pcapng".into())];
//! let mut capture = Capture::open(&inputs, Options::default())?;
//! while let Some(captured) = capture.next() {
//!     println!("{} bytes", captured.datagram.payload.len());
//! }
//! for fault in capture.faults() {
//!     eprintln!("{fault}");
//! }
//! # Ok::<(), ppsp_inspect::capture::CaptureError>(())
//! ```
//!
//! Bytes pass through these files in this order: `input` (opening,
//! decompressing), `window` (the read buffer), `source` with `pcap` and
//! `pcapng` (packets), `merge` (several inputs), `decode` with `link`, `ip`,
//! `tunnel` and `fragments` (UDP datagrams and TCP segments), `tcp` and
//! `framing` (datagrams within TCP streams). The other way lead `writer` and
//! `headers`: datagrams into a pcapng file, or frames as `frames` finds them.
//!
//! Memory is bounded whatever the input: the read buffers take 8 MiB in all
//! (each grows to at most 1 MiB when a packet needs it), fragments and TCP
//! streams what [`Options`] grants, and a zstd input what its window takes: 2
//! MiB as `zstd` writes by default, 8 MiB at its highest levels; more is granted
//! only to a single input (16 MiB). Of more than four files only those are open
//! whose times overlap.

mod blocks;
mod counters;
mod decode;
mod error;
mod flow;
mod fragments;
mod frames;
mod framing;
mod headers;
mod input;
mod ip;
mod link;
pub mod live;
mod merge;
mod order;
mod pcap;
mod pcapng;
mod piece;
mod record;
mod source;
mod tcp;
mod tunnel;
mod window;
mod writer;

#[cfg(test)]
#[path = "../../tests/support/capture_writer.rs"]
mod testing;

use std::io::Read;
use std::time::Duration;

use ppspp_dissector::fields::Frame;
use ppspp_dissector::session::{Datagram, Time, Transport};

use decode::{Decoder, Found};
use flow::Flow;
use input::{Opened, Opener};
use merge::Merge;
use piece::Piece;
use tcp::{Framed, Streams};

pub use counters::Counters;
pub use error::{CaptureError, Place};
pub use frames::{Frames, StoredFrame};
pub use headers::LinkLayer;
pub use input::Input;
pub use writer::{
    InterfaceId, InterfaceSettings, PcapngWriter, TimeResolution, WriteError, WrittenDatagram,
    create_capture_file,
};

/// What may be set about reading captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// UDP destination ports on which VXLAN is looked for.
    pub vxlan_ports: Vec<u16>,
    /// How many fragmented packets may be incomplete at once.
    pub most_fragmented: usize,
    /// How many bytes the fragments of incomplete packets may take.
    pub fragment_bytes: usize,
    /// For how long, in capture time, fragments wait for the others.
    pub fragment_age: Duration,
    /// How many directions of TCP connections are remembered.
    pub most_streams: usize,
    /// How many bytes unfinished datagrams and early segments of all TCP
    /// streams may take.
    pub stream_bytes: usize,
    /// How many bytes one direction of a TCP stream may hold back while it
    /// waits for bytes before them.
    pub stream_ahead_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vxlan_ports: vec![tunnel::VXLAN_PORT],
            most_fragmented: 4096,
            fragment_bytes: 4 * 1024 * 1024,
            fragment_age: Duration::from_secs(30),
            most_streams: 8192,
            stream_bytes: 6 * 1024 * 1024,
            stream_ahead_bytes: 1024 * 1024,
        }
    }
}

/// One or several captures, merged in the order of their times.
pub struct Capture {
    merge: Merge,
    decoder: Decoder,
    streams: Streams,
    faults: Vec<CaptureError>,
    frame: u64,
    time: Option<Time>,
    frame_length: u64,
    start: Option<Time>,
    input: usize,
    bytes_total: Option<u64>,
}

/// A datagram and what the capture says about it besides.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Captured<'a> {
    /// The datagram.
    pub datagram: Datagram<'a>,
    /// Comments on the frame that completed it, joined by line breaks.
    pub comment: Option<&'a str>,
    /// Which of the inputs that frame came from, from 0.
    pub input: usize,
    /// Offset of the datagram's bytes in that input, where they stand there as
    /// they are: not where the input is compressed, nor where they were put
    /// together from fragments or a TCP stream.
    pub stored: Option<u64>,
    /// Bytes of that frame on the wire, with all its headers.
    pub frame_length: u64,
    /// When the first frame of the inputs was captured, datagram or not.
    pub start: Option<Time>,
}

impl<'a> Captured<'a> {
    /// What is known of the frame beside the datagram.
    #[inline]
    pub const fn frame(&self) -> Frame<'a> {
        Frame {
            length: Some(self.frame_length),
            start: self.start,
            comment: self.comment,
        }
    }
}

/// How far reading has come, in bytes of the inputs as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes of all inputs together; `None` where one of them has no size,
    /// such as a pipe.
    pub total: Option<u64>,
}

/// Where the datagram that is to be given out lies.
enum Next {
    Udp(Found),
    Tcp(Framed),
}

impl Capture {
    /// Opens inputs. With several of them, one that is not a capture or
    /// damaged at its very start only becomes a fault, as long as another one
    /// can be read.
    ///
    /// # Errors
    ///
    /// If there are no inputs, any can't be opened, or none is a capture.
    pub fn open(inputs: &[Input], options: Options) -> Result<Self, CaptureError> {
        Self::from_opened(inputs.len(), inputs.iter().map(input::open), options)
    }

    /// Reads a capture from anything that can be read, with default options;
    /// `name` is what it is called in messages.
    ///
    /// # Errors
    ///
    /// If it can't be read or is not a capture.
    pub fn from_reader(
        name: impl Into<String>,
        reader: impl Read + Send + 'static,
    ) -> Result<Self, CaptureError> {
        Self::from_readers([(name.into(), reader)], Options::default())
    }

    /// The same with several, and options.
    ///
    /// # Errors
    ///
    /// If there are none, or none is a capture that can be read.
    pub fn from_readers<R: Read + Send + 'static>(
        readers: impl IntoIterator<Item = (String, R)>,
        options: Options,
    ) -> Result<Self, CaptureError> {
        let readers: Vec<_> = readers.into_iter().collect();
        let count = readers.len();
        let opened = readers.into_iter().map(|(name, reader)| {
            Ok(Opened {
                name,
                reader: Box::new(reader),
                size: None,
                file: None,
            })
        });
        Self::from_opened(count, opened, options)
    }

    fn from_opened(
        count: usize,
        opened: impl Iterator<Item = Result<Opened, CaptureError>>,
        options: Options,
    ) -> Result<Self, CaptureError> {
        let mut merge = Merge::new(Opener::new(count));
        let mut bytes_total = Some(0);
        let mut faults = Vec::new();
        for (number, opened) in opened.enumerate() {
            let opened = opened?;
            bytes_total = bytes_total.zip(opened.size).map(|(sum, size)| sum + size);
            if let Err(fault) = merge.add(opened, number, count) {
                faults.push(fault);
            }
        }
        if merge.is_empty() {
            return Err(faults.into_iter().next().unwrap_or(CaptureError::NoInput));
        }
        Ok(Self {
            merge,
            decoder: Decoder::new(
                fragments::Limits {
                    packets: options.most_fragmented.max(1),
                    bytes: options.fragment_bytes,
                    age: i64::try_from(options.fragment_age.as_nanos()).unwrap_or(i64::MAX),
                },
                options.vxlan_ports,
            ),
            streams: Streams::new(tcp::Limits {
                directions: options.most_streams.max(4),
                bytes: options.stream_bytes,
                ahead: options.stream_ahead_bytes,
            }),
            faults,
            frame: 0,
            time: None,
            frame_length: 0,
            start: None,
            input: 0,
            bytes_total,
        })
    }

    /// The next datagram; `None` at the end of all inputs, whether they ended
    /// as they should or not: see [`Capture::faults`].
    #[allow(clippy::should_implement_trait)] // It lends; an iterator can't.
    #[inline]
    pub fn next(&mut self) -> Option<Captured<'_>> {
        let next = self.advance()?;
        let mut stored = None;
        let (source, destination, payload, wire_length, fragments, transport) = match &next {
            Next::Udp(found) => {
                let frame = self.merge.packet().map_or(&[][..], |(_, bytes, _)| bytes);
                let payload = self.decoder.payload(found, frame);
                stored = found
                    .offset_in_frame()
                    .zip(self.merge.packet_offset())
                    .map(|(within, frame)| frame + within as u64);
                (
                    found.source,
                    found.destination,
                    payload,
                    found.wire,
                    found.fragments,
                    Transport::Udp,
                )
            }
            Next::Tcp(framed) => (
                framed.flow.source,
                framed.flow.destination,
                self.streams.payload(framed),
                framed.wire,
                1,
                Transport::TcpFramed,
            ),
        };
        Some(Captured {
            datagram: Datagram {
                frame: self.frame,
                time: self.time,
                source,
                destination,
                transport,
                payload,
                wire_length,
                fragments,
            },
            comment: self.merge.comment(),
            input: self.input,
            stored,
            frame_length: self.frame_length,
            start: self.start,
        })
    }

    /// What went wrong with inputs so far, in the order in which it happened.
    pub fn faults(&self) -> &[CaptureError] {
        &self.faults
    }

    /// What was met so far; complete once [`Capture::next`] gave `None`.
    pub fn counters(&self) -> &Counters {
        &self.decoder.counters
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        Progress {
            read: self.merge.bytes_read(),
            total: self.bytes_total,
        }
    }

    /// The comments that pcapng files hold on their sections, as far as they
    /// were read.
    pub fn section_comments(&self) -> impl Iterator<Item = &str> {
        self.merge.section_comments()
    }

    #[inline]
    fn advance(&mut self) -> Option<Next> {
        loop {
            if let Some(framed) = self.streams.pop() {
                self.decoder.counters.tcp_datagrams += 1;
                return Some(Next::Tcp(framed));
            }
            if !self.merge.advance(&mut self.faults) {
                self.decoder.finish();
                if self.streams.finish(&mut self.decoder.counters) {
                    continue;
                }
                return None;
            }
            let Some((record, bytes, input)) = self.merge.packet() else {
                continue;
            };
            self.frame += 1;
            self.time = record.time;
            self.start = self.start.or(record.time);
            self.frame_length = record.wire as u64;
            self.input = input;
            self.decoder.counters.frames += 1;
            let Some(link) = record.link else {
                self.decoder.counters.unknown_interface += 1;
                continue;
            };
            let frame = Piece::new(bytes, record.wire);
            let Some(found) = self.decoder.decode(link, frame, record.time) else {
                continue;
            };
            let Some(segment) = found.segment else {
                self.decoder.counters.udp_datagrams += 1;
                return Some(Next::Udp(found));
            };
            let flow = Flow {
                source: found.source,
                destination: found.destination,
            };
            // Taken out, as the payload may borrow the decoder's buffer.
            let mut counters = std::mem::take(&mut self.decoder.counters);
            let payload = self.decoder.payload(&found, bytes);
            self.streams
                .push(flow, segment, payload, found.wire, &mut counters);
            self.decoder.counters = counters;
        }
    }
}
