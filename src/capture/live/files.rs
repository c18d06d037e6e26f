//! The files that a capture is written to, one after the other where rotation
//! is asked for.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::LiveError;
use super::limit::Limits;
use crate::capture::create_capture_file;

/// Writes blocks of packets. Every file begins with the same head.
#[derive(Debug)]
pub(super) struct Files {
    base: PathBuf,
    rotate: Limits,
    head: Vec<u8>,
    current: Current,
    /// Files of the ring, the oldest first.
    kept: VecDeque<PathBuf>,
    /// Files begun.
    pub(super) count: u32,
}

#[derive(Debug)]
struct Current {
    path: PathBuf,
    file: File,
    written: Amount,
    /// When it began, on the capture's clock.
    begun: Duration,
}

/// How much of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) bytes: u64,
    pub(super) packets: u64,
}

/// What the clocks say: since the capture began, and of the day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) passed: Duration,
    pub(super) date: SystemTime,
}

impl Files {
    /// Begins the first file.
    pub(super) fn create(
        base: &Path,
        rotate: Limits,
        head: Vec<u8>,
        now: Now,
    ) -> Result<Self, LiveError> {
        let path = if rotate.is_any() {
            numbered(base, 1, now.date)
        } else {
            base.to_owned()
        };
        let current = begin(path, &head, now)?;
        Ok(Self {
            base: base.to_owned(),
            rotate,
            head,
            kept: [current.path.clone()].into(),
            current,
            count: 1,
        })
    }

    /// Whether the next packet belongs into another file, once `more` is
    /// appended to this one.
    pub(super) fn is_full(&self, more: Amount, now: Now) -> bool {
        let passed = now.passed.saturating_sub(self.current.begun);
        let bytes = self.current.written.bytes + more.bytes;
        let packets = self.current.written.packets + more.packets;
        packets > 0 && self.rotate.are_reached(passed, bytes, packets)
    }

    /// Appends whole blocks, among them so many packets.
    pub(super) fn append(&mut self, blocks: &[u8], packets: u64) -> Result<(), LiveError> {
        let current = &mut self.current;
        let written = current.file.write_all(blocks);
        written.map_err(|source| LiveError::Write {
            path: current.path.clone(),
            source,
        })?;
        current.written.bytes += blocks.len() as u64;
        current.written.packets += packets;
        Ok(())
    }

    /// Goes on in another file, and removes the oldest one where only so many
    /// are to be kept.
    pub(super) fn rotate(&mut self, now: Now) -> Result<(), LiveError> {
        self.count += 1;
        let path = numbered(&self.base, self.count, now.date);
        self.current = begin(path, &self.head, now)?;
        self.kept.push_back(self.current.path.clone());
        let most = self.rotate.files.map_or(usize::MAX, |files| files as usize);
        while self.kept.len() > most {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            match std::fs::remove_file(&oldest) {
                Ok(()) => {}
                // Somebody has tidied up before us.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(LiveError::Write {
                        path: oldest,
                        source,
                    });
                }
            }
        }
        Ok(())
    }
}

fn begin(path: PathBuf, head: &[u8], now: Now) -> Result<Current, LiveError> {
    let begun = create_capture_file(&path).and_then(|mut file| {
        file.write_all(head)?;
        Ok(file)
    });
    match begun {
        Ok(file) => Ok(Current {
            path,
            file,
            written: Amount {
                bytes: head.len() as u64,
                packets: 0,
            },
            begun: now.passed,
        }),
        Err(source) => Err(LiveError::Write { path, source }),
    }
}

/// `name_00001_20261125103000.pcapng`, as dumpcap names them; the date is in UTC.
fn numbered(base: &Path, number: u32, date: SystemTime) -> PathBuf {
    let seconds = date
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs());
    let date = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default())
        .unwrap_or_default()
        .strftime("%Y%m%d%H%M%S");
    let stem = base.file_stem().unwrap_or_default().to_string_lossy();
    let mut name = format!("{stem}_{number:05}_{date}");
    if let Some(extension) = base.extension() {
        name.push('.');
        name.push_str(&extension.to_string_lossy());
    }
    base.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a, 1, 2, 3, 4];

    fn at(seconds: u64) -> Now {
        Now {
            passed: Duration::from_secs(seconds),
            date: UNIX_EPOCH + Duration::from_secs(1_795_602_600 + seconds),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn without_rotation_there_is_one_file_of_the_very_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("own.pcapng");
        let rotate = Limits::default();
        let mut files = Files::create(&path, rotate, HEAD.to_vec(), at(0)).expect("created");
        files.append(&[9; 100], 3).expect("written");
        assert!(!files.is_full(Amount::default(), at(1_000_000)));
        assert_eq!(names(folder.path()), ["own.pcapng"]);
        let written = std::fs::read(path).expect("there");
        assert_eq!(written, [HEAD, &[9; 100]].concat());
    }

    #[test]
    fn a_ring_keeps_the_newest_files_each_with_the_head() {
        let folder = tempfile::tempdir().expect("a folder");
        let rotate = Limits {
            packets: Some(2),
            files: Some(2),
            ..Limits::default()
        };
        let path = folder.path().join("ring.pcapng");
        let mut files = Files::create(&path, rotate, HEAD.to_vec(), at(0)).expect("created");
        for second in 0..6 {
            if files.is_full(Amount::default(), at(second)) {
                files.rotate(at(second)).expect("rotated");
            }
            files.append(&[second as u8; 4], 1).expect("written");
        }
        assert_eq!(
            names(folder.path()),
            [
                "ring_00002_20261125103002.pcapng",
                "ring_00003_20261125103004.pcapng"
            ]
        );
        let last = std::fs::read(folder.path().join("ring_00003_20261125103004.pcapng"));
        assert_eq!(last.expect("there"), [HEAD, &[4; 4], &[5; 4]].concat());
        assert_eq!(files.count, 3);
    }

    #[test]
    fn a_file_without_packets_is_not_full_however_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let rotate = Limits {
            duration: Some(Duration::from_secs(1)),
            ..Limits::default()
        };
        let path = folder.path().join("slow");
        let mut files = Files::create(&path, rotate, HEAD.to_vec(), at(0)).expect("created");
        assert!(!files.is_full(Amount::default(), at(5)));
        files.append(&[0; 4], 1).expect("written");
        assert!(files.is_full(Amount::default(), at(5)));
    }

    #[test]
    fn what_is_about_to_be_written_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let rotate = Limits {
            bytes: Some(100),
            ..Limits::default()
        };
        let path = folder.path().join("sized");
        let files = Files::create(&path, rotate, HEAD.to_vec(), at(0)).expect("created");
        let more = |bytes| Amount { bytes, packets: 1 };
        assert!(!files.is_full(more(91), at(0)));
        assert!(files.is_full(more(92), at(0)));
    }

    #[test]
    fn what_is_no_capture_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("thesis.txt");
        std::fs::write(&path, "content").expect("written");
        let error = Files::create(&path, Limits::default(), HEAD.to_vec(), at(0))
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("thesis.txt") && error.contains("not overwritten"),
            "{error}"
        );
    }
}
