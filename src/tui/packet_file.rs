//! Datagrams into a capture of their own, in their frames where those can be had.

use std::fs::File;
use std::io::{self, BufWriter};

use anyhow::Result;
use ppspp_dissector::session::{Datagram, Time, Transport};

use crate::capture::{
    Frames, Input, InterfaceId, InterfaceSettings, PcapngWriter, TimeResolution, WriteError,
    WrittenDatagram,
};
use crate::index::Item;

/// Frames that are passed over before others get their turn.
const STRIDE: usize = 4096;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is written.
    Done,
    /// It can't be: it was too long for UDP, or captured before 1970.
    Skipped,
    /// Its frame was not come to; it has to be given once more.
    NotYet,
}

/// The capture that is being written. Frames are copied from the inputs; where
/// there is none of its own, as in a stream of TCP, the datagram gets new headers.
pub(super) struct PacketFile {
    writer: PcapngWriter<BufWriter<File>>,
    /// Where datagrams without a frame go.
    made: Option<InterfaceId>,
    inputs: Option<Frames>,
}

impl PacketFile {
    /// Begins a capture of datagrams of these inputs, of which there are none where
    /// they can't be read again.
    pub(super) fn new(out: BufWriter<File>, inputs: &[Input]) -> io::Result<Self> {
        // Whoever can't open them any more has the datagrams all the same.
        let frames = Frames::open(inputs).ok().filter(|_| !inputs.is_empty());
        Ok(Self {
            writer: PcapngWriter::new(out, &[])?,
            made: None,
            inputs: frames,
        })
    }

    /// Writes a datagram. They come in the order of their frames.
    pub(super) fn write(&mut self, item: &Item<'_>) -> Result<Written> {
        let datagram = &item.datagram;
        let has_frame = datagram.transport == Transport::Udp && datagram.fragments == 1;
        if has_frame && let Some(frames) = &mut self.inputs {
            for _ in 0..STRIDE {
                if frames.number() >= datagram.frame || !frames.advance() {
                    break;
                }
            }
            let Some(frame) = frames.frame() else {
                return self.make(item);
            };
            if frame.number < datagram.frame {
                return Ok(Written::NotYet);
            }
            // Somebody may have put another file there.
            if frame.number == datagram.frame && holds(frame.bytes, datagram) {
                return match self.writer.write_frame(&frame) {
                    Ok(()) => Ok(Written::Done),
                    Err(WriteError::Output(error)) => Err(error.into()),
                    Err(_) => self.make(item),
                };
            }
        }
        self.make(item)
    }

    /// Writes a datagram with new headers.
    fn make(&mut self, item: &Item<'_>) -> Result<Written> {
        let datagram = &item.datagram;
        let interface = match self.made {
            Some(interface) => interface,
            None => *self
                .made
                .insert(self.writer.add_interface(&InterfaceSettings {
                    resolution: TimeResolution::Nanoseconds,
                    ..InterfaceSettings::default()
                })?),
        };
        let mut comments: Vec<String> = item.frame.comment.map(str::to_owned).into_iter().collect();
        if datagram.transport == Transport::TcpFramed {
            comments.push("ppsp-inspect: this datagram was framed in a TCP stream".to_owned());
        }
        if datagram.fragments > 1 {
            comments.push(format!(
                "ppsp-inspect: this datagram came in {} fragments",
                datagram.fragments
            ));
        }
        if datagram.is_cut() {
            comments.push(format!(
                "ppsp-inspect: {} of {} bytes were captured",
                datagram.payload.len(),
                datagram.wire_length
            ));
        }
        let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
        let written = self.writer.write_datagram(
            interface,
            &WrittenDatagram {
                time: datagram.time.unwrap_or(Time::from_nanoseconds(0)),
                source: datagram.source,
                destination: datagram.destination,
                payload: datagram.payload,
                comments: &comments,
            },
        );
        match written {
            Ok(()) => Ok(Written::Done),
            Err(WriteError::Output(error)) => Err(error.into()),
            Err(_) => Ok(Written::Skipped),
        }
    }

    /// Hands what was written on to the system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Whether a frame has the datagram in it.
fn holds(frame: &[u8], datagram: &Datagram<'_>) -> bool {
    let payload = datagram.payload;
    payload.is_empty() || frame.windows(payload.len()).any(|part| part == payload)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::capture::{Capture, Options};
    use crate::tui::stage::{COLOURS, app_of, captures, typed};

    /// What is to be the same of a frame, without its number.
    #[derive(Clone, Debug, PartialEq)]
    struct Same {
        time: i64,
        link: Option<u32>,
        bytes: Vec<u8>,
        wire: usize,
        comment: Option<String>,
    }

    fn frames(path: &Path) -> BTreeMap<u64, Same> {
        let mut frames = Frames::open(&[Input::File(path.to_owned())]).expect("a capture");
        let mut all = BTreeMap::new();
        while frames.advance() {
            let frame = frames.frame().expect("moved to one");
            let same = Same {
                time: frame.time.map_or(0, Time::nanoseconds),
                link: frame.link,
                bytes: frame.bytes.to_vec(),
                wire: frame.wire,
                comment: frame.comment.map(str::to_owned),
            };
            all.insert(frame.number, same);
        }
        all
    }

    /// Time, addresses, what was captured and how much there was.
    type Told = (Option<Time>, String, Vec<u8>, usize);

    /// The datagrams of a capture, and the frames of those that have one each.
    fn datagrams(path: &Path) -> Vec<(Told, Option<u64>)> {
        let inputs = [Input::File(path.to_owned())];
        let mut capture = Capture::open(&inputs, Options::default()).expect("a capture");
        let mut all = Vec::new();
        while let Some(captured) = capture.next() {
            let datagram = &captured.datagram;
            let has_frame = datagram.transport == Transport::Udp && datagram.fragments == 1;
            let told = (
                datagram.time,
                format!("{} {}", datagram.source, datagram.destination),
                datagram.payload.to_vec(),
                datagram.wire_length,
            );
            all.push((told, has_frame.then_some(datagram.frame)));
        }
        all
    }

    #[test]
    fn what_is_written_are_the_frames_of_the_capture_byte_for_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut copied = 0;
        for (number, path) in captures().into_iter().enumerate() {
            let written = folder.path().join(format!("{number}.pcapng"));
            let mut app = app_of(&path, COLOURS);
            if app.common.store.is_empty() {
                continue;
            }
            let rows = app.common.store.len();
            typed(&mut app, &format!(":write {}<enter>", written.display()));
            let (source, copy) = (frames(&path), frames(&written));
            assert_eq!(copy.len(), rows, "{}", path.display());
            let mut from = BTreeMap::new();
            for (told, frame) in datagrams(&path) {
                from.entry(format!("{told:?}")).or_insert(frame);
            }
            for (place, (told, _)) in datagrams(&written).into_iter().enumerate() {
                let frame = from.get(&format!("{told:?}"));
                let frame = frame.unwrap_or_else(|| panic!("{}: {place} is new", path.display()));
                let Some(frame) = frame else {
                    continue;
                };
                let ours = &copy[&(place as u64 + 1)];
                assert_eq!(ours, &source[frame], "{}: {place}", path.display());
                copied += 1;
            }
        }
        assert!(copied > 1_000, "{copied}");
    }
}
