//! The files of the spool: one after the other, the oldest ones let go.
//!
//! A place in the spool counts from its very beginning, whatever was let go, so
//! that it stays right. The files have no name: the system removes them with the
//! last handle on them, however the program ends.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, PoisonError, RwLock};

/// The files.
#[derive(Debug)]
pub(super) struct Segments {
    /// Bytes after which a new file is begun.
    most: u64,
    list: RwLock<VecDeque<Segment>>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The place of its first byte.
    pub(super) start: u64,
    length: u64,
    pub(super) file: Arc<File>,
}

impl Segments {
    /// With one empty file.
    pub(super) fn new(most: u64) -> io::Result<Self> {
        Ok(Self {
            most,
            list: RwLock::new(VecDeque::from([Segment::begin(0)?])),
        })
    }

    /// Appends what is to stand in one file, and returns where it begins.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let end = list.back().map_or(0, Segment::end);
        let fits = list.back().is_some_and(|last| {
            last.length == 0 || last.length.saturating_add(bytes.len() as u64) <= self.most
        });
        if !fits {
            list.push_back(Segment::begin(end)?);
        }
        if let Some(last) = list.back_mut() {
            (&*last.file).write_all(bytes)?;
            last.length += bytes.len() as u64;
        }
        Ok(end)
    }

    /// The file in which a place is; `None` where that was let go.
    pub(super) fn find(&self, place: u64) -> Option<Segment> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let behind = list.partition_point(|segment| segment.start <= place);
        let found = list.get(behind.checked_sub(1)?)?;
        (place < found.end()).then(|| found.clone())
    }

    /// Fills `bytes` from a place on.
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], place: u64) -> io::Result<()> {
        let segment = self.find(place).ok_or(io::ErrorKind::UnexpectedEof)?;
        segment.file.read_exact_at(bytes, place - segment.start)
    }

    /// Writes over what is at a place.
    pub(super) fn overwrite(&self, bytes: &[u8], place: u64) -> io::Result<()> {
        let segment = self.find(place).ok_or(io::ErrorKind::UnexpectedEof)?;
        segment.file.write_all_at(bytes, place - segment.start)
    }

    /// Lets go of the oldest files: those that end before `place`, and those
    /// beyond `most` bytes, but never of the last one. Returns the first place
    /// that is left.
    pub(super) fn let_go(&self, place: u64, most: u64) -> u64 {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        while list.len() > 1
            && list.front().zip(list.back()).is_some_and(|(first, last)| {
                first.end() <= place || last.end() - first.start > most
            })
        {
            list.pop_front();
        }
        list.front().map_or(0, |first| first.start)
    }

    /// Lets go of all files; places go on counting.
    pub(super) fn clear(&self) -> io::Result<()> {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let end = list.back().map_or(0, Segment::end);
        let fresh = Segment::begin(end)?;
        list.clear();
        list.push_back(fresh);
        Ok(())
    }

    /// Bytes on disk, and in how many files.
    pub(super) fn size(&self) -> (u64, usize) {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        (list.iter().map(|segment| segment.length).sum(), list.len())
    }
}

impl Segment {
    fn begin(start: u64) -> io::Result<Self> {
        Ok(Self {
            start,
            length: 0,
            file: Arc::new(tempfile::tempfile()?),
        })
    }

    const fn end(&self) -> u64 {
        self.start + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(segments: &Segments, place: u64) -> Option<u8> {
        let mut byte = [0];
        segments.read_exact_at(&mut byte, place).ok()?;
        Some(byte[0])
    }

    #[test]
    fn places_stay_right_when_the_oldest_files_are_let_go() {
        let segments = Segments::new(10).expect("a file");
        for number in 0..10_u8 {
            assert_eq!(
                segments.append(&[number; 4]).expect("written"),
                u64::from(number) * 4
            );
        }
        assert_eq!(segments.size(), (40, 5));
        assert_eq!(segments.let_go(0, 24), 16);
        assert_eq!(segments.size(), (24, 3));
        assert_eq!([read(&segments, 15), read(&segments, 16)], [None, Some(4)]);
        assert_eq!([read(&segments, 39), read(&segments, 40)], [Some(9), None]);
        assert_eq!(segments.let_go(27, u64::MAX), 24);
        assert_eq!(segments.let_go(1_000, 0), 32, "the last one stays");
        segments.overwrite(&[77], 33).expect("written");
        assert_eq!(read(&segments, 33), Some(77));
    }

    #[test]
    fn places_go_on_counting_when_all_is_forgotten() {
        let segments = Segments::new(10).expect("a file");
        segments.append(&[1; 8]).expect("written");
        segments.clear().expect("a file");
        assert_eq!(segments.size(), (0, 1));
        assert_eq!(segments.append(&[2; 4]).expect("written"), 8);
        assert_eq!([read(&segments, 7), read(&segments, 8)], [None, Some(2)]);
    }

    #[test]
    fn what_is_longer_than_a_file_may_be_is_in_one_all_the_same() {
        let segments = Segments::new(3).expect("a file");
        for number in 0..3 {
            segments.append(&[number; 5]).expect("written");
        }
        assert_eq!(segments.size(), (15, 3));
        let found = segments.find(9).expect("there");
        assert_eq!(found.start, 5);
    }
}
