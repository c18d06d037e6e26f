//! What can go wrong with an input: where, what was expected, what to do.

use std::fmt;
use std::io;

/// A place in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The input's name: its path, or `standard input`.
    pub file: String,
    /// Byte offset from the start.
    pub offset: u64,
    /// Whether the offset counts decompressed bytes.
    pub decompressed: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at byte {}", self.file, self.offset)?;
        if self.decompressed {
            f.write_str(" of the decompressed data")?;
        }
        Ok(())
    }
}

/// Why an input could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The input could not be opened.
    #[error("{file}: cannot be opened: {source}; check the path and the permissions")]
    Open {
        /// The input's name.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// No inputs were named.
    #[error("no capture was named; name a file, or - for standard input")]
    NoInput,
    /// The input has no bytes at all.
    #[error("{file}: is empty; was the capture stopped before a packet was written?")]
    Empty {
        /// The input's name.
        file: String,
    },
    /// The input is neither pcap nor pcapng.
    #[error(
        "{place}: expected the magic number of pcap or pcapng (or gzip or zstd) but found {}; \
         convert other formats with `editcap -F pcapng`",
        hex(found)
    )]
    UnknownFormat {
        /// Where: the start of the file, or of what was compressed in it.
        place: Place,
        /// The first bytes of the input, at most four.
        found: Vec<u8>,
    },
    /// The operating system failed to read.
    #[error("{place}: reading failed: {source}; what came before is used")]
    Read {
        /// Where reading stopped.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
    /// The compressed data are damaged or end too early.
    #[error(
        "{place}: the {format} data are damaged or cut short: {source}; \
         what came before is used, fetch the file again for the rest"
    )]
    Compressed {
        /// Where decompression stopped.
        place: Place,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// What the decompressor said.
        source: io::Error,
    },
    /// Decompressing would take more memory than is granted.
    #[error(
        "{place}: the zstd data need a larger window than is granted; \
         decompress outside: `zstd -dc --long=31 FILE | ppsp-inspect -`"
    )]
    WindowTooLarge {
        /// Where decompression stopped.
        place: Place,
    },
    /// The input ends inside a header, a packet or a block.
    #[error(
        "{place}: the file ends inside a {what}: expected {expected} bytes, found {found}; \
         the packets before it are used, `editcap` can write a copy without the rest"
    )]
    Truncated {
        /// Where the cut item begins.
        place: Place,
        /// What was cut: `packet record`, `block`, …
        what: &'static str,
        /// The item's length.
        expected: u64,
        /// How many bytes of it there were.
        found: u64,
    },
    /// A packet claims a length that no capture program writes.
    #[error(
        "{place}: a packet claims {length} captured bytes, more than the {limit} that are \
         believed; the file is damaged here, the packets before it are used"
    )]
    PacketTooLong {
        /// Where the packet's record begins.
        place: Place,
        /// The claimed length in bytes.
        length: u64,
        /// The most that is believed, in bytes.
        limit: u64,
    },
    /// A pcapng block contradicts itself.
    #[error(
        "{place}: damaged pcapng block of type {kind:#010x} and length {length}: {problem}; \
         the packets before it are used"
    )]
    BadBlock {
        /// Where the block begins.
        place: Place,
        /// The block's type.
        kind: u32,
        /// The block's length in bytes, as it claims.
        length: u32,
        /// What is wrong.
        problem: &'static str,
    },
}

impl CaptureError {
    /// The name of the input that failed, where one did.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::NoInput => None,
            Self::Open { file, .. } | Self::Empty { file } => Some(file),
            _ => self.place().map(|place| place.file.as_str()),
        }
    }

    /// Where in the input it failed, where reading had begun.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::NoInput | Self::Open { .. } | Self::Empty { .. } => None,
            Self::UnknownFormat { place, .. }
            | Self::Read { place, .. }
            | Self::Compressed { place, .. }
            | Self::WindowTooLarge { place }
            | Self::Truncated { place, .. }
            | Self::PacketTooLong { place, .. }
            | Self::BadBlock { place, .. } => Some(place),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(digit.into(), 16).unwrap_or('?'))
        .collect()
}
