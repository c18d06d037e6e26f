//! Reading ahead: whoever is sent one chunk is likely to want the next.

use std::fmt;

use super::disk::NamedDisk;
use super::error::StorageError;

/// Places of the content that are read at the same time.
const WINDOWS: usize = 16;
/// Bytes that are read at first.
const FIRST: u64 = 4 * 1024;
/// Bytes that are read at once, at most, when it goes on.
const MOST: u64 = 256 * 1024;

/// Bytes of consecutive chunks.
struct Window {
    offset: u64,
    bytes: Vec<u8>,
    used: u64,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {}", self.bytes.len(), self.offset)
    }
}

/// What was read of the content last. Only committed chunks are in it: they
/// never change.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    windows: Vec<Window>,
    clock: u64,
}

impl ReadAhead {
    /// Adds `length` bytes at `offset` to `out`; up to `end` may be read.
    pub(super) fn read(
        &mut self,
        content: &NamedDisk,
        offset: u64,
        length: usize,
        end: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        self.clock += 1;
        let clock = self.clock;
        for window in &mut self.windows {
            let bytes = offset
                .checked_sub(window.offset)
                .and_then(|from| window.bytes.get(from as usize..from as usize + length));
            if let Some(bytes) = bytes {
                window.used = clock;
                out.extend_from_slice(bytes);
                return Ok(());
            }
        }
        // Whoever goes on where a window ends gets four times as much.
        let follows = self.windows.iter().position(|window| {
            let past = window.offset + window.bytes.len() as u64;
            (past..past + FIRST).contains(&offset)
        });
        let wanted = follows.map_or(FIRST, |index| {
            (4 * self.windows[index].bytes.len() as u64).clamp(FIRST, MOST)
        });
        let wanted = wanted.max(length as u64).min(end - offset) as usize;
        let index = match follows {
            Some(index) => index,
            None if self.windows.len() < WINDOWS => {
                self.windows.push(Window {
                    offset: 0,
                    bytes: Vec::new(),
                    used: 0,
                });
                self.windows.len() - 1
            }
            None => (0..self.windows.len())
                .min_by_key(|index| self.windows[*index].used)
                .unwrap_or(0),
        };
        let window = &mut self.windows[index];
        window.used = clock;
        window.offset = offset;
        window.bytes.resize(wanted, 0);
        let read = content.read(&mut window.bytes, offset);
        window.bytes.truncate(*read.as_ref().unwrap_or(&0));
        read?;
        let Some(bytes) = window.bytes.get(..length) else {
            return Err(StorageError::io(
                &content.path,
                "reading a chunk that was there",
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        };
        out.extend_from_slice(bytes);
        Ok(())
    }
}
