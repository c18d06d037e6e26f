//! The frames of captures as they are stored, without a look at what they carry:
//! to copy some of them into another capture.

use ppspp_dissector::session::Time;

use super::error::CaptureError;
use super::input::{self, Input, Opener};
use super::merge::Merge;

/// A frame as its capture holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFrame<'a> {
    /// Its number: that of [`super::Capture`] over the same inputs, from 1.
    pub number: u64,
    /// When it was captured; `None` where the file does not say.
    pub time: Option<Time>,
    /// What it begins with, as tcpdump.org numbers it; `None` where the file refers
    /// to an interface that it never described.
    pub link: Option<u32>,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Bytes of it on the wire.
    pub wire: usize,
    /// The comments on it, joined by line breaks.
    pub comment: Option<&'a str>,
}

/// The frames of one or several captures, in the order of their times.
pub struct Frames {
    merge: Merge,
    faults: Vec<CaptureError>,
    number: u64,
}

impl Frames {
    /// Opens inputs. Those that are no captures, or damaged at their very start,
    /// have no frames, as with [`super::Capture::open`].
    ///
    /// # Errors
    /// When one can't be opened.
    pub fn open(inputs: &[Input]) -> Result<Self, CaptureError> {
        let mut merge = Merge::new(Opener::new(inputs.len()));
        let mut faults = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            if let Err(fault) = merge.add(input::open(input)?, number, inputs.len()) {
                faults.push(fault);
            }
        }
        Ok(Self {
            merge,
            faults,
            number: 0,
        })
    }

    /// Moves to the next frame; says whether there is one.
    pub fn advance(&mut self) -> bool {
        let more = self.merge.advance(&mut self.faults);
        self.number += u64::from(more);
        more
    }

    /// The number of the frame moved to; 0 before the first one.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The frame moved to.
    pub fn frame(&self) -> Option<StoredFrame<'_>> {
        let (record, bytes, _) = self.merge.packet()?;
        Some(StoredFrame {
            number: self.number,
            time: record.time,
            link: record.link,
            bytes,
            wire: record.wire,
            comment: self.merge.comment(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, Options};

    #[test]
    fn frames_have_the_numbers_times_and_comments_that_datagrams_have() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        for name in ["merkle-one-bad-chunk.pcap", "simulated-lossy.pcapng"] {
            let inputs = [Input::File(folder.join(name))];
            let mut frames = Frames::open(&inputs).expect("a capture");
            let mut capture = Capture::open(&inputs, Options::default()).expect("a capture");
            let mut count = 0;
            while let Some(captured) = capture.next() {
                while frames.number() < captured.datagram.frame {
                    assert!(frames.advance());
                }
                let frame = frames.frame().expect("moved to one");
                assert_eq!(frame.number, captured.datagram.frame);
                assert_eq!(frame.time, captured.datagram.time);
                assert_eq!(frame.wire as u64, captured.frame_length);
                assert_eq!(frame.comment, captured.comment);
                let payload = captured.datagram.payload;
                assert!(frame.bytes.ends_with(payload), "frame {}", frame.number);
                count += 1;
            }
            assert!(count > 10, "{name}");
        }
    }
}
