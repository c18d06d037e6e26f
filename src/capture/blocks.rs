//! The blocks of a pcapng file, appended to a buffer one at a time.

use super::writer::TimeResolution;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
/// Of a section.
const OPTION_APPLICATION: u16 = 4;
/// Of an interface.
const OPTION_NAME: u16 = 2;
const OPTION_DESCRIPTION: u16 = 3;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_FILTER: u16 = 11;
/// Of an interface's statistics.
const OPTION_RECEIVED: u16 = 4;
const OPTION_INTERFACE_DROPPED: u16 = 5;
const OPTION_SYSTEM_DROPPED: u16 = 7;

/// How a filter is kept: as text, not as instructions.
const FILTER_TEXT: u8 = 0;

/// What an Interface Description Block says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interface<'a> {
    /// What frames begin with, as tcpdump.org numbers it.
    pub(super) link: u16,
    /// Bytes of a packet that are kept at most; 0 is all.
    pub(super) snap_length: u32,
    /// These are left out where they are empty.
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) filter: &'a str,
    pub(super) resolution: TimeResolution,
}

/// What an Interface Statistics Block says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    /// Packets that passed the filter.
    pub(super) received: u64,
    /// Packets that the interface dropped.
    pub(super) interface_dropped: u64,
    /// Packets that the system dropped for want of room.
    pub(super) system_dropped: u64,
}

/// When, and how much of it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketHead {
    /// Number of the interface in its section.
    pub(super) interface: u32,
    /// In the interface's resolution, since 1970.
    pub(super) stamp: u64,
    /// Length on the wire; `None` where all of it is there.
    pub(super) wire: Option<u32>,
}

/// Begins a file.
pub(super) fn section(out: &mut Vec<u8>, comments: &[&str]) {
    let mut block = Block::begin(out, SECTION_HEADER);
    block.put(&0x1a2b_3c4d_u32.to_le_bytes());
    block.put(&1_u16.to_le_bytes());
    block.put(&0_u16.to_le_bytes());
    // The section's length: not known.
    block.put(&u64::MAX.to_le_bytes());
    block.comments(comments);
    block.text(OPTION_APPLICATION, "ppsp-inspect");
    block.end_options();
    block.end();
}

/// Describes an interface.
pub(super) fn interface(out: &mut Vec<u8>, described: &Interface<'_>) {
    let mut block = Block::begin(out, INTERFACE_DESCRIPTION);
    block.put(&described.link.to_le_bytes());
    block.put(&[0; 2]);
    block.put(&described.snap_length.to_le_bytes());
    for (code, text) in [
        (OPTION_NAME, described.name),
        (OPTION_DESCRIPTION, described.description),
    ] {
        if !text.is_empty() {
            block.text(code, text);
        }
    }
    let resolution = match described.resolution {
        TimeResolution::Microseconds => 6,
        TimeResolution::Nanoseconds => 9,
    };
    block.option(OPTION_TIME_RESOLUTION, &[&[resolution]]);
    if !described.filter.is_empty() {
        let text = fitting(described.filter, usize::from(u16::MAX) - 1);
        block.option(OPTION_FILTER, &[&[FILTER_TEXT], text.as_bytes()]);
    }
    block.end_options();
    block.end();
}

/// Holds a packet, whose bytes `append` adds.
///
/// # Errors
/// What `append` answers; then nothing is appended.
pub(super) fn packet<E>(
    out: &mut Vec<u8>,
    head: PacketHead,
    comments: &[&str],
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    let mut block = Block::begin(out, ENHANCED_PACKET);
    block.put(&head.interface.to_le_bytes());
    block.stamp(head.stamp);
    let lengths = block.out.len();
    block.put(&[0; 8]);
    let begin = block.out.len();
    if let Err(error) = append(block.out) {
        out.truncate(start);
        return Err(error);
    }
    let length = (block.out.len() - begin) as u32;
    block.patch(lengths, length.to_le_bytes());
    block.patch(lengths + 4, head.wire.unwrap_or(length).to_le_bytes());
    block.pad();
    if !comments.is_empty() {
        block.comments(comments);
        block.end_options();
    }
    block.end();
    Ok(())
}

/// Tells what an interface counted, up to a time in its resolution.
pub(super) fn statistics(out: &mut Vec<u8>, interface: u32, stamp: u64, counted: Statistics) {
    let mut block = Block::begin(out, INTERFACE_STATISTICS);
    block.put(&interface.to_le_bytes());
    block.stamp(stamp);
    for (code, count) in [
        (OPTION_RECEIVED, counted.received),
        (OPTION_INTERFACE_DROPPED, counted.interface_dropped),
        (OPTION_SYSTEM_DROPPED, counted.system_dropped),
    ] {
        block.option(code, &[&count.to_le_bytes()]);
    }
    block.end_options();
    block.end();
}

/// A block in the making. Where it begins, `out` has a multiple of four bytes.
struct Block<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Block<'a> {
    fn begin(out: &'a mut Vec<u8>, kind: u32) -> Self {
        let start = out.len();
        out.extend_from_slice(&kind.to_le_bytes());
        // Its length comes here.
        out.extend_from_slice(&[0; 4]);
        Self { out, start }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn stamp(&mut self, stamp: u64) {
        self.put(&((stamp >> 32) as u32).to_le_bytes());
        self.put(&(stamp as u32).to_le_bytes());
    }

    fn pad(&mut self) {
        self.out.resize(self.out.len().next_multiple_of(4), 0);
    }

    /// An option of these parts, 65,535 bytes together at most.
    fn option(&mut self, code: u16, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.put(&code.to_le_bytes());
        self.put(&(length as u16).to_le_bytes());
        for part in parts {
            self.put(part);
        }
        self.pad();
    }

    fn text(&mut self, code: u16, text: &str) {
        let text = fitting(text, u16::MAX.into());
        self.option(code, &[text.as_bytes()]);
    }

    fn comments(&mut self, comments: &[&str]) {
        for comment in comments {
            self.text(OPTION_COMMENT, comment);
        }
    }

    fn end_options(&mut self) {
        self.put(&OPTION_END.to_le_bytes());
        self.put(&[0; 2]);
    }

    fn patch(&mut self, place: usize, value: [u8; 4]) {
        if let Some(field) = self.out.get_mut(place..place + 4) {
            field.copy_from_slice(&value);
        }
    }

    fn end(mut self) {
        let length = ((self.out.len() - self.start) as u32 + 4).to_le_bytes();
        self.put(&length);
        self.patch(self.start + 4, length);
    }
}

/// As much of a text as fits so many bytes.
fn fitting(text: &str, most: usize) -> &str {
    let mut length = text.len().min(most);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    text.get(..length).unwrap_or_default()
}
