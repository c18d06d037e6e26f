//! Several threads at one capture: one of the helping ones at a time reads, all hash, and
//! the one that began analyzes, in order.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use ppspp_dissector::session::Analyzer;

use super::Turns;
use super::batch::{Batch, MOST_DATAGRAMS};
use crate::capture::Capture;

/// Batches for each thread.
const BATCHES: usize = 4;

/// What is to be done and what is done.
struct Shared {
    /// Whether somebody reads.
    reading: bool,
    at_end: bool,
    /// Nobody is to begin anything any more.
    stopped: bool,
    /// How many threads wait for a change.
    waiting: usize,
    free: Vec<Batch>,
    /// In the order in which they were read.
    read: VecDeque<Batch>,
    to_hash: VecDeque<(u64, Batch)>,
    hashed: BTreeMap<u64, Batch>,
}

/// What a thread does next.
enum Task {
    Read(Batch),
    Foresee(Batch),
    Hash(u64, Batch),
    Analyze(Batch),
    Stop,
}

struct Crew<'a> {
    /// Locked by whoever reads, and by nobody else.
    capture: Mutex<&'a mut Capture>,
    shared: Mutex<Shared>,
    changed: Condvar,
}

impl Crew<'_> {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is shared and wakes whoever waits for that.
    fn change(&self, change: impl FnOnce(&mut Shared)) {
        let mut shared = self.lock();
        change(&mut shared);
        // Waking nobody is a system call, too.
        if shared.waiting > 0 {
            drop(shared);
            self.changed.notify_all();
        }
    }

    /// Waits until there is something to do.
    fn next(&self, choose: impl Fn(&mut Shared) -> Option<Task>) -> Task {
        let mut shared = self.lock();
        loop {
            if let Some(task) = choose(&mut shared) {
                return task;
            }
            shared.waiting += 1;
            shared = self
                .changed
                .wait(shared)
                .unwrap_or_else(PoisonError::into_inner);
            shared.waiting -= 1;
        }
    }

    fn read(&self, mut batch: Batch) {
        let mut capture = self.capture.lock().unwrap_or_else(PoisonError::into_inner);
        batch.fill(&mut capture, MOST_DATAGRAMS);
        drop(capture);
        self.change(|shared| {
            shared.reading = false;
            if batch.is_empty() {
                shared.at_end = true;
            } else {
                shared.read.push_back(batch);
            }
        });
    }

    fn hash(&self, number: u64, mut batch: Batch) {
        batch.hash();
        self.change(|shared| {
            shared.hashed.insert(number, batch);
        });
    }

    /// Reads and hashes until there is nothing left to do.
    fn help(&self) {
        // The others must not wait for a thread that is no more.
        let _guard = StopOnDrop(self);
        loop {
            match self.next(Shared::helping) {
                Task::Read(batch) => self.read(batch),
                Task::Hash(number, batch) => self.hash(number, batch),
                Task::Foresee(_) | Task::Analyze(_) | Task::Stop => return,
            }
        }
    }
}

struct StopOnDrop<'s, 'a>(&'s Crew<'a>);

impl Drop for StopOnDrop<'_, '_> {
    fn drop(&mut self) {
        self.0.change(|shared| shared.stopped = true);
    }
}

impl Shared {
    fn hashing(&mut self) -> Option<Task> {
        if self.stopped {
            return Some(Task::Stop);
        }
        let (number, batch) = self.to_hash.pop_front()?;
        Some(Task::Hash(number, batch))
    }

    fn reading(&mut self) -> Option<Task> {
        if self.stopped {
            return Some(Task::Stop);
        }
        if self.at_end || self.reading {
            return None;
        }
        let batch = self.free.pop()?;
        self.reading = true;
        Some(Task::Read(batch))
    }

    /// What the other threads do.
    fn helping(&mut self) -> Option<Task> {
        if self.read.is_empty()
            && let Some(task) = self.reading()
        {
            return Some(task);
        }
        self.hashing().or_else(|| self.reading())
    }

    /// What the analyzing thread does: keeps the others busy, then its own
    /// work, then hashing. It leaves reading to the others: what one thread has read
    /// lies in the cache of its core, and the next batch begins there. `done`
    /// batches are analyzed, `foreseen` are on their way.
    fn leading(&mut self, done: u64, foreseen: u64, crew: usize) -> Option<Task> {
        if self.to_hash.len() < crew
            && let Some(batch) = self.read.pop_front()
        {
            return Some(Task::Foresee(batch));
        }
        if let Some(batch) = self.hashed.remove(&done) {
            return Some(Task::Analyze(batch));
        }
        if done == foreseen && self.at_end && self.read.is_empty() {
            return Some(Task::Stop);
        }
        self.hashing()
    }
}

/// Brings the whole capture before `analyze`, with the hashes that `analyzer`
/// will want made by `jobs` threads.
///
/// # Errors
/// What `analyze` answers.
pub(super) fn run(
    capture: &mut Capture,
    analyzer: &Turns<Analyzer>,
    jobs: usize,
    mut analyze: impl FnMut(&mut Analyzer, &Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let crew = Crew {
        capture: Mutex::new(capture),
        shared: Mutex::new(Shared {
            reading: false,
            at_end: false,
            stopped: false,
            waiting: 0,
            free: (0..jobs * BATCHES).map(|_| Batch::default()).collect(),
            read: VecDeque::new(),
            to_hash: VecDeque::new(),
            hashed: BTreeMap::new(),
        }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let _guard = StopOnDrop(&crew);
        for _ in 1..jobs {
            scope.spawn(|| crew.help());
        }
        let (mut done, mut foreseen) = (0, 0);
        loop {
            match crew.next(|shared| shared.leading(done, foreseen, jobs)) {
                Task::Foresee(mut batch) => {
                    batch.foresee(&analyzer.lock());
                    let number = foreseen;
                    foreseen += 1;
                    crew.change(|shared| shared.to_hash.push_back((number, batch)));
                }
                Task::Analyze(batch) => {
                    done += 1;
                    let flow = analyze(&mut analyzer.lock(), &batch)?;
                    crew.change(|shared| shared.free.push(batch));
                    if flow.is_break() {
                        return Ok(());
                    }
                }
                Task::Hash(number, batch) => crew.hash(number, batch),
                Task::Read(batch) => crew.read(batch),
                Task::Stop => return Ok(()),
            }
        }
    })
}
