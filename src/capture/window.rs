//! A window on a stream of bytes: one reused buffer, filled by plain `read`.

use std::io::{self, Read};

use super::error::{CaptureError, Place};

/// The longest item that is held in memory as one piece, in bytes: a packet
/// with its record header, or a pcapng block that is not skipped.
pub(super) const LONGEST_ITEM: usize = 1024 * 1024;

/// The unread part of a stream, as far as it was read ahead.
pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the stream of the byte at `start`.
    offset: u64,
    finished: bool,
    failure: Option<io::Error>,
    name: String,
    compression: Option<&'static str>,
}

impl Window {
    /// A window of at least `capacity` bytes; it grows, up to `LONGEST_ITEM`
    /// and a little, when a single item needs it.
    pub(super) fn new(
        name: String,
        compression: Option<&'static str>,
        reader: Box<dyn Read + Send>,
        capacity: usize,
    ) -> Self {
        Self {
            reader,
            buffer: vec![0; capacity],
            start: 0,
            end: 0,
            offset: 0,
            finished: false,
            failure: None,
            name,
            compression,
        }
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes `length` bytes available, unless the stream ends or fails before.
    /// More than `LONGEST_ITEM` is never granted.
    #[inline]
    pub(super) fn holds(&mut self, length: usize) -> bool {
        self.end - self.start >= length || self.fill(length)
    }

    #[cold]
    fn fill(&mut self, length: usize) -> bool {
        if length > LONGEST_ITEM {
            return false;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        while self.end < length && !self.finished {
            let Some(space) = self.buffer.get_mut(self.end..) else {
                break;
            };
            match self.reader.read(space) {
                Ok(0) => self.finished = true,
                // A reader that claims to have written past its space is broken.
                Ok(count) => self.end = (self.end + count).min(self.buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finished = true;
                    self.failure = Some(error);
                }
            }
        }
        self.end >= length
    }

    /// Moves past `length` of the bytes at hand.
    #[inline]
    pub(super) fn consume(&mut self, length: usize) {
        let length = length.min(self.end - self.start);
        self.start += length;
        self.offset += length as u64;
    }

    /// Moves past `length` bytes that need not be at hand; says how many there
    /// were.
    pub(super) fn skip(&mut self, length: u64) -> u64 {
        let mut left = length;
        while left > 0 && self.holds(1) {
            let step = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.bytes().len());
            self.consume(step);
            left -= step as u64;
        }
        length - left
    }

    /// Whether the stream ended here, cleanly.
    pub(super) fn is_at_end(&mut self) -> bool {
        !self.holds(1) && self.failure.is_none()
    }

    /// Where the window begins in the input; `None` where that is compressed.
    #[inline]
    pub(super) fn plain_offset(&self) -> Option<u64> {
        self.compression.is_none().then_some(self.offset)
    }

    /// Where the window begins, for an error.
    pub(super) fn place(&self) -> Place {
        Place {
            file: self.name.clone(),
            offset: self.offset,
            decompressed: self.compression.is_some(),
        }
    }

    /// The error for an item of `expected` bytes that begins at the window's
    /// start and that the stream did not hold whole.
    pub(super) fn shortage(&mut self, what: &'static str, expected: u64) -> CaptureError {
        let found = self.bytes().len() as u64;
        self.shortage_at(self.place(), what, expected, found)
    }

    /// The same for an item that begins before the window's start.
    pub(super) fn shortage_at(
        &mut self,
        begin: Place,
        what: &'static str,
        expected: u64,
        found: u64,
    ) -> CaptureError {
        match (self.failure.take(), self.compression) {
            (None, _) => CaptureError::Truncated {
                place: begin,
                what,
                expected,
                found,
            },
            (Some(source), compression) => {
                let mut place = self.place();
                place.offset += self.bytes().len() as u64;
                match compression {
                    // The zstd binding has only this text to tell it by.
                    Some("zstd") if source.to_string().contains("too much memory") => {
                        CaptureError::WindowTooLarge { place }
                    }
                    Some(format) => CaptureError::Compressed {
                        place,
                        format,
                        source,
                    },
                    None => CaptureError::Read { place, source },
                }
            }
        }
    }
}
