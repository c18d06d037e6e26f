//! What a live capture prints beside datagrams: output that is not late, and
//! figures at intervals.

use std::io::{self, BufWriter, Stdout, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::OUTPUT_BUFFER;

/// How late output may be.
const LATENESS: Duration = Duration::from_millis(50);

/// Standard output that is written in large pieces, yet seen soon: while nothing
/// comes, nobody else would hand on what came last.
pub(super) struct PromptOutput {
    buffer: Arc<Mutex<Buffer>>,
    // Dropped before it is waited for.
    _flusher: Regularly,
}

struct Buffer {
    out: BufWriter<Stdout>,
    is_dirty: bool,
    /// Why the last flush failed; told to who writes next.
    failure: Option<io::Error>,
}

impl PromptOutput {
    pub(super) fn new() -> io::Result<Self> {
        let buffer = Arc::new(Mutex::new(Buffer {
            out: BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout()),
            is_dirty: false,
            failure: None,
        }));
        let shared = Arc::clone(&buffer);
        let flusher = Regularly::begin(LATENESS, move || {
            let mut buffer = lock(&shared);
            if buffer.is_dirty {
                buffer.is_dirty = false;
                if let Err(error) = buffer.out.flush() {
                    buffer.failure = Some(error);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self {
            buffer,
            _flusher: flusher,
        })
    }
}

impl Write for PromptOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = lock(&self.buffer);
        if let Some(error) = buffer.failure.take() {
            return Err(error);
        }
        buffer.is_dirty = true;
        buffer.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut buffer = lock(&self.buffer);
        buffer.is_dirty = false;
        buffer.out.flush()
    }
}

/// Does something again and again in a thread of its own, until it is dropped or
/// told to stop.
pub(super) struct Regularly {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Regularly {
    pub(super) fn begin(
        interval: Duration,
        mut work: impl FnMut() -> ControlFlow<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("regular".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    if work().is_break() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Regularly {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic was already told by the thread itself.
            let _ = thread.join();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
