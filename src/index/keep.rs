//! How much is kept of a capture that may go on for days.

/// Segments that the spool's files are of, where they have an end.
const SEGMENTS: u64 = 16;

/// How much a store keeps. What is beyond is let go, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Datagrams.
    pub datagrams: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl Keep {
    /// All that comes: of files, which have an end.
    pub const ALL: Self = Self {
        datagrams: u64::MAX,
        bytes: u64::MAX,
    };

    /// What is kept of captures that may have no end, unless told otherwise:
    /// 96 MiB of memory for the list, and 4 GiB on disk.
    pub const OF_LIVE: Self = Self {
        datagrams: 4 << 20,
        bytes: 4 << 30,
    };

    /// Bytes after which a new file is begun.
    pub(super) const fn segment(self) -> u64 {
        if self.bytes == u64::MAX {
            u64::MAX
        } else {
            self.bytes / SEGMENTS
        }
    }
}
