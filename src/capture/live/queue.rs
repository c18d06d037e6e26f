//! A queue of bytes between the capture and whoever decodes it: in memory as
//! long as the decoder keeps up, on disk while it does not.
//!
//! The capture must never wait for the decoder: what waits in the kernel's
//! buffer is soon dropped. So what does not fit the memory granted goes into a
//! file without a name, which the system removes with the last handle on it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that wait in memory, at most.
const MOST_IN_MEMORY: usize = 64 * 1024 * 1024;

/// Bytes that are read back from the file at once.
const READ_BACK: usize = 1024 * 1024;

/// Where bytes are put in.
#[derive(Debug)]
pub(super) struct Sender(Arc<Queue>);

/// Where they come out, in the same order. Reading waits until there are some;
/// it ends when the [`Sender`] is gone and everything was read.
#[derive(Debug)]
pub(super) struct Receiver {
    queue: Arc<Queue>,
    current: Vec<u8>,
    read: usize,
}

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most_in_memory: usize,
}

#[derive(Debug, Default)]
struct State {
    /// The oldest batches.
    memory: VecDeque<Vec<u8>>,
    memory_bytes: usize,
    /// What came after those: bytes of the file from `file_read` to `file_end`.
    file: Option<File>,
    file_read: u64,
    file_end: u64,
    /// Nothing more is put in.
    is_closed: bool,
    /// Nobody reads any more.
    is_abandoned: bool,
}

/// Makes a queue.
pub(super) fn queue() -> (Sender, Receiver) {
    bounded(MOST_IN_MEMORY)
}

fn bounded(most_in_memory: usize) -> (Sender, Receiver) {
    let queue = Arc::new(Queue {
        state: Mutex::default(),
        changed: Condvar::new(),
        most_in_memory,
    });
    let receiver = Receiver {
        queue: Arc::clone(&queue),
        current: Vec::new(),
        read: 0,
    };
    (Sender(queue), receiver)
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn in_file(&self) -> u64 {
        self.file_end - self.file_read
    }

    fn spill(&mut self, batch: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.file_end))?;
        file.write_all(batch)?;
        self.file_end += batch.len() as u64;
        Ok(())
    }

    /// Takes the next bytes out of the file.
    fn read_back(&mut self) -> io::Result<Vec<u8>> {
        let length = self.in_file().min(READ_BACK as u64);
        let mut bytes = vec![0; length as usize];
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.file_read))?;
            file.read_exact(&mut bytes)?;
            self.file_read += length;
            if self.file_read == self.file_end {
                // The decoder has caught up: the disk gets its room back.
                file.set_len(0)?;
                (self.file_read, self.file_end) = (0, 0);
            }
        }
        Ok(bytes)
    }
}

impl Sender {
    /// Puts a batch in; says whether anybody will read it.
    ///
    /// # Errors
    /// When it had to go to the disk and could not. Then it is left out whole.
    pub(super) fn send(&self, batch: Vec<u8>) -> io::Result<bool> {
        let mut state = self.0.lock();
        if state.is_abandoned {
            return Ok(false);
        }
        // To a reader, no bytes would be the end.
        if batch.is_empty() {
            return Ok(true);
        }
        let fits = state.memory_bytes + batch.len() <= self.0.most_in_memory;
        if state.in_file() == 0 && (fits || state.memory.is_empty()) {
            state.memory_bytes += batch.len();
            state.memory.push_back(batch);
        } else {
            state.spill(&batch)?;
        }
        drop(state);
        self.0.changed.notify_one();
        Ok(true)
    }

    /// Bytes that wait to be read.
    pub(super) fn waiting(&self) -> u64 {
        let state = self.0.lock();
        state.memory_bytes as u64 + state.in_file()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_one();
    }
}

impl Read for Receiver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.current.len() {
            let mut state = self.queue.lock();
            while state.memory.is_empty() && state.in_file() == 0 && !state.is_closed {
                let waited = self.queue.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
            self.read = 0;
            self.current = match state.memory.pop_front() {
                Some(batch) => {
                    state.memory_bytes -= batch.len();
                    batch
                }
                None => state.read_back()?,
            };
        }
        let rest = self.current.get(self.read..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.read += count;
        Ok(count)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        *state = State {
            is_abandoned: true,
            ..State::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn read_exactly(receiver: &mut Receiver, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        receiver.read_exact(&mut bytes).expect("enough");
        bytes
    }

    #[test]
    fn what_does_not_fit_the_memory_goes_through_a_file_and_comes_in_order() {
        let (sender, mut receiver) = bounded(10);
        for batch in [vec![1; 8], vec![2; 8], vec![3; 8]] {
            assert!(sender.send(batch).expect("sent"));
        }
        assert_eq!(sender.waiting(), 24);
        assert_eq!(receiver.queue.lock().in_file(), 16);
        assert_eq!(
            read_exactly(&mut receiver, 12),
            [[1; 8].as_slice(), &[2; 4]].concat()
        );
        // A batch that would fit the memory by now must not overtake.
        sender.send(vec![4; 2]).expect("sent");
        drop(sender);
        let mut rest = Vec::new();
        receiver.read_to_end(&mut rest).expect("read");
        assert_eq!(rest, [[2; 4].as_slice(), &[3; 8], &[4; 2]].concat());
    }

    #[test]
    fn the_file_gives_its_room_back_when_the_reader_has_caught_up() {
        let (sender, mut receiver) = bounded(4);
        for _ in 0..3 {
            sender.send(vec![7; 4]).expect("sent");
        }
        read_exactly(&mut receiver, 12);
        let state = receiver.queue.lock();
        let file = state.file.as_ref().expect("a file");
        assert_eq!(file.metadata().expect("metadata").len(), 0);
        drop(state);
        sender.send(vec![8; 4]).expect("sent");
        assert_eq!(receiver.queue.lock().memory_bytes, 4);
    }

    #[test]
    fn a_batch_larger_than_the_memory_granted_passes_all_the_same() {
        let (sender, mut receiver) = bounded(2);
        sender.send(vec![5; 9]).expect("sent");
        assert_eq!(read_exactly(&mut receiver, 9), [5; 9]);
    }

    #[test]
    fn a_reader_waits_for_what_comes_later() {
        let (sender, mut receiver) = bounded(100);
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            receiver.read_to_end(&mut bytes).expect("read");
            bytes
        });
        sender.send(vec![1, 2]).expect("sent");
        sender.send(vec![3]).expect("sent");
        drop(sender);
        assert_eq!(reader.join().expect("no panic"), [1, 2, 3]);
    }

    #[test]
    fn a_sender_is_told_that_nobody_reads() {
        let (sender, receiver) = bounded(100);
        drop(receiver);
        assert!(!sender.send(vec![1]).expect("no error"));
        assert_eq!(sender.waiting(), 0);
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_usize..60), 0..40),
            memory in 0_usize..64,
        ) {
            let (sender, mut receiver) = bounded(memory);
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            for (batch, wanted) in steps {
                sent.extend_from_slice(&batch);
                sender.send(batch).expect("sent");
                let wanted = wanted.min(sent.len() - received.len());
                received.extend(read_exactly(&mut receiver, wanted));
            }
            drop(sender);
            receiver.read_to_end(&mut received).expect("read");
            prop_assert_eq!(received, sent);
        }
    }
}
