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

/// Bytes that wait on disk, at most. What comes beyond that is not decoded.
const MOST_ON_DISK: u64 = 4 << 30;

/// Bytes after which another file is begun, so that the disk gets the room of what
/// was read back although the decoder never catches up.
const MOST_IN_FILE: u64 = 256 << 20;

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
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    in_memory: usize,
    on_disk: u64,
    in_file: u64,
}

/// A file in which bytes wait: those from `read` to `end`.
#[derive(Debug)]
struct Spill {
    file: File,
    read: u64,
    end: u64,
}

#[derive(Debug, Default)]
struct State {
    /// The oldest batches.
    memory: VecDeque<Vec<u8>>,
    memory_bytes: usize,
    /// What came after those.
    files: VecDeque<Spill>,
    /// Nothing more is put in.
    is_closed: bool,
    /// Nobody reads any more.
    is_abandoned: bool,
}

/// Makes a queue.
pub(super) fn queue() -> (Sender, Receiver) {
    bounded(Limits {
        in_memory: MOST_IN_MEMORY,
        on_disk: MOST_ON_DISK,
        in_file: MOST_IN_FILE,
    })
}

fn bounded(limits: Limits) -> (Sender, Receiver) {
    let queue = Arc::new(Queue {
        state: Mutex::default(),
        changed: Condvar::new(),
        limits,
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
    fn on_disk(&self) -> u64 {
        self.files.iter().map(|spill| spill.end - spill.read).sum()
    }

    fn spill(&mut self, batch: &[u8], limits: Limits) -> io::Result<()> {
        let waiting = self.on_disk();
        if waiting + batch.len() as u64 > limits.on_disk {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("{waiting} bytes wait already"),
            ));
        }
        if self
            .files
            .back()
            .is_none_or(|last| last.end >= limits.in_file)
        {
            self.files.push_back(Spill {
                file: tempfile::tempfile()?,
                read: 0,
                end: 0,
            });
        }
        if let Some(spill) = self.files.back_mut() {
            spill.file.seek(SeekFrom::Start(spill.end))?;
            spill.file.write_all(batch)?;
            spill.end += batch.len() as u64;
        }
        Ok(())
    }

    /// Takes the next bytes out of the first file.
    fn read_back(&mut self) -> io::Result<Vec<u8>> {
        let Some(spill) = self.files.front_mut() else {
            return Ok(Vec::new());
        };
        let length = (spill.end - spill.read).min(READ_BACK as u64);
        let mut bytes = vec![0; length as usize];
        spill.file.seek(SeekFrom::Start(spill.read))?;
        spill.file.read_exact(&mut bytes)?;
        spill.read += length;
        if spill.read == spill.end {
            // The disk gets its room back.
            self.files.pop_front();
        }
        Ok(bytes)
    }
}

impl Sender {
    /// Puts a batch in; says whether anybody will read it.
    ///
    /// # Errors
    /// When it had to go to the disk and could not, or too much waits there. Then
    /// it is left out whole.
    pub(super) fn send(&self, batch: Vec<u8>) -> io::Result<bool> {
        let mut state = self.0.lock();
        if state.is_abandoned {
            return Ok(false);
        }
        // To a reader, no bytes would be the end.
        if batch.is_empty() {
            return Ok(true);
        }
        let fits = state.memory_bytes + batch.len() <= self.0.limits.in_memory;
        if state.files.is_empty() && (fits || state.memory.is_empty()) {
            state.memory_bytes += batch.len();
            state.memory.push_back(batch);
        } else {
            state.spill(&batch, self.0.limits)?;
        }
        drop(state);
        self.0.changed.notify_one();
        Ok(true)
    }

    /// Bytes that wait to be read.
    pub(super) fn waiting(&self) -> u64 {
        let state = self.0.lock();
        state.memory_bytes as u64 + state.on_disk()
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
            while state.memory.is_empty() && state.files.is_empty() && !state.is_closed {
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

    const fn memory(in_memory: usize) -> Limits {
        Limits {
            in_memory,
            on_disk: u64::MAX,
            in_file: u64::MAX,
        }
    }

    #[test]
    fn a_decoder_that_never_catches_up_costs_a_bounded_disk() {
        let (sender, mut receiver) = bounded(Limits {
            in_memory: 1,
            on_disk: 100,
            in_file: 20,
        });
        sender.send(vec![0; 4]).expect("sent");
        let (mut sent, mut refused) = (4, 0);
        for number in 0..200 {
            match sender.send(vec![1; 4]) {
                Ok(_) => sent += 4,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                    refused += 1;
                }
            }
            if number % 2 == 0 {
                sent -= read_exactly(&mut receiver, 4).len();
            }
            let state = receiver.queue.lock();
            let files: u64 = state.files.iter().map(|spill| spill.end).sum();
            assert!(state.on_disk() <= 100 && files <= 100 + 24, "{files}");
        }
        assert!(refused > 20, "{refused}");
        drop(sender);
        let mut rest = Vec::new();
        receiver.read_to_end(&mut rest).expect("read");
        assert_eq!(rest.len(), sent, "nothing is lost that was taken");
    }

    #[test]
    fn what_does_not_fit_the_memory_goes_through_a_file_and_comes_in_order() {
        let (sender, mut receiver) = bounded(memory(10));
        for batch in [vec![1; 8], vec![2; 8], vec![3; 8]] {
            assert!(sender.send(batch).expect("sent"));
        }
        assert_eq!(sender.waiting(), 24);
        assert_eq!(receiver.queue.lock().on_disk(), 16);
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
        let (sender, mut receiver) = bounded(memory(4));
        for _ in 0..3 {
            sender.send(vec![7; 4]).expect("sent");
        }
        read_exactly(&mut receiver, 12);
        let state = receiver.queue.lock();
        assert!(state.files.is_empty());
        drop(state);
        sender.send(vec![8; 4]).expect("sent");
        assert_eq!(receiver.queue.lock().memory_bytes, 4);
    }

    #[test]
    fn a_batch_larger_than_the_memory_granted_passes_all_the_same() {
        let (sender, mut receiver) = bounded(memory(2));
        sender.send(vec![5; 9]).expect("sent");
        assert_eq!(read_exactly(&mut receiver, 9), [5; 9]);
    }

    #[test]
    fn a_reader_waits_for_what_comes_later() {
        let (sender, mut receiver) = bounded(memory(100));
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
        let (sender, receiver) = bounded(memory(100));
        drop(receiver);
        assert!(!sender.send(vec![1]).expect("no error"));
        assert_eq!(sender.waiting(), 0);
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 0_usize..60), 0..40),
            (in_memory, in_file) in (0_usize..64, 1_u64..100),
        ) {
            let (sender, mut receiver) = bounded(Limits { in_file, ..memory(in_memory) });
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
