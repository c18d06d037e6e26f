//! Files as the store sees them: so little that tests can put something in
//! their place that fails, or loses what was not synchronised.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use super::error::StorageError;

/// What tells that a file is still as it was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Bytes of the file.
    pub(super) length: u64,
    /// When it was last written to: seconds since 1970.
    pub(super) seconds: i64,
    /// And nanoseconds.
    pub(super) nanoseconds: u32,
}

/// A file.
pub(super) trait Disk: fmt::Debug + Send {
    /// Reads until the buffer is full or the file ends; tells how many bytes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of it.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;
    /// Waits until all that was written is on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file, or lengthens it with a hole.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Length and time of the last change.
    fn stamp(&self) -> io::Result<Stamp>;
}

impl Disk for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn stamp(&self) -> io::Result<Stamp> {
        let metadata = self.metadata()?;
        Ok(Stamp {
            length: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec() as u32,
        })
    }
}

/// A file and its name, for errors.
#[derive(Debug)]
pub(super) struct NamedDisk {
    pub(super) disk: Box<dyn Disk>,
    pub(super) path: PathBuf,
}

impl NamedDisk {
    pub(super) fn new(disk: impl Disk + 'static, path: impl Into<PathBuf>) -> Self {
        Self {
            disk: Box::new(disk),
            path: path.into(),
        }
    }

    fn name<T>(&self, doing: &'static str, result: io::Result<T>) -> Result<T, StorageError> {
        result.map_err(|cause| StorageError::io(&self.path, doing, cause))
    }

    /// Reads until the buffer is full or the file ends; tells how many bytes.
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        self.name("reading", self.disk.read_at(buffer, offset))
    }

    /// Reads as many bytes as the buffer has; past the file's end are zeros.
    pub(super) fn read_or_zeros(&self, buffer: &mut [u8], offset: u64) -> Result<(), StorageError> {
        let filled = self.read(buffer, offset)?;
        buffer[filled..].fill(0);
        Ok(())
    }

    pub(super) fn write(&self, data: &[u8], offset: u64) -> Result<(), StorageError> {
        self.name("writing", self.disk.write_at(data, offset))
    }

    pub(super) fn sync(&self) -> Result<(), StorageError> {
        self.name("waiting until it is on the disk", self.disk.sync())
    }

    pub(super) fn set_length(&self, length: u64) -> Result<(), StorageError> {
        self.name("setting its length", self.disk.set_length(length))
    }

    pub(super) fn stamp(&self) -> Result<Stamp, StorageError> {
        self.name("asking for its length", self.disk.stamp())
    }
}
