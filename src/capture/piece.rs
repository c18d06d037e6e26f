//! A part of a packet: the bytes that were captured, where they lie in their
//! buffer, and how many there were on the wire.

use std::ops::Range;

/// A part of a packet as its layers are peeled off.
///
/// It carries its offset so that what is found at last can be named as a range
/// of the buffer, which outlives the borrow, and its length on the wire so
/// that a packet cut by the snap length stays known as cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    bytes: &'a [u8],
    offset: usize,
    wire: usize,
}

/// Why a layer could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The capture cut the packet inside this header.
    Cut,
    /// The header contradicts itself, or the packet was too short for it.
    Bad,
}

impl<'a> Piece<'a> {
    /// A whole buffer, of which `wire` bytes were on the wire.
    pub(super) fn new(bytes: &'a [u8], wire: usize) -> Self {
        let wire = wire.max(bytes.len());
        Self {
            bytes,
            offset: 0,
            wire,
        }
    }

    /// The captured bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many bytes there were on the wire; never less than were captured.
    pub(super) fn wire(self) -> usize {
        self.wire
    }

    /// Where the captured bytes lie in the buffer.
    pub(super) fn range(self) -> Range<usize> {
        self.offset..self.offset + self.bytes.len()
    }

    /// The first `N` bytes, as one header.
    pub(super) fn header<const N: usize>(self) -> Result<&'a [u8; N], Unreadable> {
        self.bytes.first_chunk().ok_or(self.short())
    }

    /// What follows the first `length` bytes.
    pub(super) fn after(self, length: usize) -> Result<Self, Unreadable> {
        match self.bytes.get(length..) {
            Some(bytes) => Ok(Self {
                bytes,
                offset: self.offset + length,
                wire: self.wire - length,
            }),
            None => Err(self.short()),
        }
    }

    /// The part that a length field allows. A length field is believed even
    /// where it claims more than the frame had: then the packet was cut by
    /// something that did not say so.
    pub(super) fn limited_to(self, wire: usize) -> Self {
        let kept = self.bytes.len().min(wire);
        Self {
            bytes: self.bytes.get(..kept).unwrap_or_default(),
            wire,
            ..self
        }
    }

    /// Why bytes are missing here.
    pub(super) fn short(self) -> Unreadable {
        if self.wire > self.bytes.len() {
            Unreadable::Cut
        } else {
            Unreadable::Bad
        }
    }
}
