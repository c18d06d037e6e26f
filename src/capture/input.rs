//! Opening inputs: files and standard input, compressed or not.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::CaptureError;
use super::window::Window;

/// Where packets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, which may be a pipe.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// What users call it in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// An input that was opened: bytes, a name for messages, and its size.
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) reader: Box<dyn Read + Send>,
    /// Size in bytes, where the input is a file.
    pub(super) size: Option<u64>,
    /// Set where the input can be closed, opened again, and is the same.
    pub(super) file: Option<Input>,
}

/// How much memory an input may take, in bytes.
#[derive(Clone, Copy)]
struct Share {
    window: usize,
    compressed: usize,
    zstd_window_log: u32,
}

impl Share {
    /// The share of one of `inputs` inputs.
    fn of(inputs: usize) -> Self {
        let inputs = inputs.max(1);
        Self {
            // 256 KiB stay in the second-level cache, which is what makes
            // this faster than larger buffers.
            window: (8 * 1024 * 1024 / inputs).clamp(16 * 1024, 256 * 1024),
            compressed: (2 * 1024 * 1024 / inputs).clamp(8 * 1024, 64 * 1024),
            // zstd asks every decoder to grant 8 MiB (log 23); `zstd -19`
            // uses that much, plain `zstd` 2 MiB (log 21).
            zstd_window_log: if inputs == 1 { 24 } else { 23 },
        }
    }
}

/// Opens a file or standard input.
pub(super) fn open(input: &Input) -> Result<Opened, CaptureError> {
    let name = input.name();
    let fail = |source| CaptureError::Open {
        file: input.name(),
        source,
    };
    match input {
        Input::Stdin => Ok(Opened {
            name,
            // Not `io::stdin()`, which would buffer once more.
            reader: Box::new(File::from(
                io::stdin().as_fd().try_clone_to_owned().map_err(fail)?,
            )),
            size: None,
            file: None,
        }),
        Input::File(path) => {
            let file = File::open(path).map_err(fail)?;
            let metadata = file.metadata().map_err(fail)?;
            if metadata.is_dir() {
                return Err(fail(io::ErrorKind::IsADirectory.into()));
            }
            Ok(Opened {
                name,
                // A pipe or a device has no size worth telling.
                size: metadata.is_file().then_some(metadata.len()),
                file: metadata.is_file().then(|| input.clone()),
                reader: Box::new(file),
            })
        }
    }
}

/// Makes windows on what was opened.
pub(super) struct Opener {
    share: Share,
    bytes_read: Arc<AtomicU64>,
}

impl Opener {
    /// For so many inputs.
    pub(super) fn new(inputs: usize) -> Self {
        Self {
            share: Share::of(inputs),
            bytes_read: Arc::default(),
        }
    }

    /// How many bytes were read of all inputs, as they are stored.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Corrects the number, for what will be read again.
    pub(super) fn set_bytes_read(&self, count: u64) {
        self.bytes_read.store(count, Ordering::Relaxed);
    }

    /// A window on an input's bytes, decompressed where they need it.
    pub(super) fn window(&self, opened: Opened) -> Result<Window, CaptureError> {
        window(opened, self.share, Arc::clone(&self.bytes_read))
    }
}

fn window(
    opened: Opened,
    share: Share,
    bytes_read: Arc<AtomicU64>,
) -> Result<Window, CaptureError> {
    let Opened { name, reader, .. } = opened;
    let counted = Counted {
        reader,
        count: bytes_read,
    };
    let (magic, reader) = peek(counted).map_err(|source| CaptureError::Open {
        file: name.clone(),
        source,
    })?;
    if magic.is_empty() {
        return Err(CaptureError::Empty { file: name });
    }
    let (compression, reader): (_, Box<dyn Read + Send>) = match *magic.as_slice() {
        [0x1f, 0x8b, ..] => {
            let buffered = BufReader::with_capacity(share.compressed, reader);
            let decoder = flate2::bufread::MultiGzDecoder::new(buffered);
            (Some("gzip"), Box::new(InSteps(decoder)))
        }
        // A zstd frame, or a skippable frame, which may come first.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let buffered = BufReader::with_capacity(share.compressed, reader);
            let fail = |source| CaptureError::Open {
                file: name.clone(),
                source,
            };
            let mut decoder = zstd::Decoder::with_buffer(buffered).map_err(fail)?;
            decoder
                .window_log_max(share.zstd_window_log)
                .map_err(fail)?;
            (Some("zstd"), Box::new(decoder))
        }
        _ => (None, Box::new(reader)),
    };
    Ok(Window::new(name, compression, reader, share.window))
}

/// A reader with bytes put back in front of it.
type PutBack<R> = Chain<Cursor<Vec<u8>>, R>;

/// Takes up to four bytes off a reader and puts them back in front.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, PutBack<R>)> {
    let mut magic = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let rest = Cursor::new(magic.clone()).chain(reader);
    Ok((magic, rest))
}

/// Counts the bytes that pass.
struct Counted {
    reader: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Asks for few bytes at a time: when the gzip decoder meets damage, what it
/// had decoded in that same call is lost.
struct InSteps<R>(R);

impl<R: Read> Read for InSteps<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = buffer.len().min(16 * 1024);
        self.0.read(buffer.get_mut(..step).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::testing::{Compression, Recipe, some_packets};
    use super::super::{Capture, Options};
    use super::*;

    #[test]
    fn progress_is_measured_on_the_file_as_it_is_stored() {
        let recipe = Recipe {
            compression: Compression::Gzip,
            ..Recipe::default()
        };
        let stored = recipe.write(&some_packets(3_000));
        let path = std::env::temp_dir().join(format!("ppsp-progress-{}", std::process::id()));
        File::create(&path)
            .and_then(|mut file| file.write_all(&stored))
            .expect("a file");
        let opened = Capture::open(&[Input::File(path.clone())], Options::default());
        let mut capture = opened.expect("a capture");
        let size = stored.len() as u64;
        assert_eq!(capture.progress().total, Some(size));
        assert!(capture.progress().read <= size);
        while capture.next().is_some() {}
        assert_eq!(capture.progress().read, size);
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_directory_cannot_be_opened() {
        let folder = Input::File(std::env::temp_dir());
        assert!(matches!(open(&folder), Err(CaptureError::Open { .. })));
    }

    #[test]
    fn a_capture_can_move_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<Capture>();
    }

    #[test]
    fn many_files_are_read_one_after_the_other() {
        let packets = some_packets(200);
        let folder = std::env::temp_dir().join(format!("ppsp-rotated-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut inputs = Vec::new();
        let mut size = 0;
        for (number, part) in packets.chunks(10).enumerate() {
            let recipe = Recipe {
                compression: [Compression::Gzip, Compression::Zstd][number % 2],
                ..Recipe::default()
            };
            let stored = recipe.write(part);
            size += stored.len() as u64;
            let path = folder.join(number.to_string());
            std::fs::write(&path, stored).expect("written");
            inputs.insert(0, Input::File(path));
        }
        let mut capture = Capture::open(&inputs, Options::default()).expect("captures");
        assert_eq!(capture.progress().read, 0, "all are closed again");
        let mut payloads = Vec::new();
        let mut numbers = Vec::new();
        while let Some(captured) = capture.next() {
            payloads.push(captured.datagram.payload.to_vec());
            numbers.push(captured.input);
        }
        let expected: Vec<_> = packets.into_iter().map(|packet| packet.payload).collect();
        assert_eq!(payloads, expected);
        assert!(numbers.is_sorted_by(|one, next| one >= next));
        let (read, total) = (capture.progress().read, capture.progress().total);
        assert_eq!((read, total), (size, Some(size)));
        assert!(capture.faults().is_empty());
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
