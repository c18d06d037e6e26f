//! A computer in memory with two files, that can be stopped after any write, or
//! lose its power and with it what was not synchronised.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, NamedDisk, Stamp};

/// The content's file.
pub(super) const CONTENT: usize = 0;
/// The sidecar.
pub(super) const SIDECAR: usize = 1;
/// Bytes that a disk writes as a whole.
const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

#[derive(Clone, Debug, Default)]
struct SimulatedFile {
    now: Vec<u8>,
    /// What is on the disk for certain.
    synchronised: Vec<u8>,
    /// What came after.
    changes: Vec<Change>,
    changed_at: i64,
}

#[derive(Debug, Default)]
struct State {
    files: [SimulatedFile; 2],
    clock: i64,
    /// Changes and synchronisations so far.
    steps: u64,
    /// After so many steps all further ones fail.
    last_step: Option<u64>,
    /// How the failing ones fail.
    failure: Option<io::ErrorKind>,
}

/// The computer.
#[derive(Clone, Debug, Default)]
pub(super) struct Computer(Arc<Mutex<State>>);

impl Computer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of its files.
    pub(super) fn disk(&self, file: usize) -> NamedDisk {
        let name = ["content", "content.ppspp"][file];
        let disk = SimulatedDisk {
            computer: self.clone(),
            file,
        };
        NamedDisk::new(disk, name)
    }

    /// Lets so many more changes through, and fails all after them; the first
    /// that fails is done by half.
    pub(super) fn fail_after(&self, steps: u64, failure: io::ErrorKind) {
        let mut state = self.state();
        state.last_step = Some(state.steps + steps);
        state.failure = Some(failure);
    }

    /// Lets everything through again.
    pub(super) fn recover(&self) {
        self.state().last_step = None;
    }

    /// Changes and synchronisations so far.
    pub(super) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Loses its power. Of what was not synchronised each sector is there or
    /// not, as `is_kept` decides.
    pub(super) fn lose_power(&self, mut is_kept: impl FnMut() -> bool) {
        for file in &mut self.state().files {
            let mut bytes = std::mem::take(&mut file.synchronised);
            for change in file.changes.drain(..) {
                match change {
                    Change::Length(length) if is_kept() => bytes.resize(length, 0),
                    Change::Length(_) => {}
                    Change::Write { offset, data } => {
                        let mut from = 0;
                        while from < data.len() {
                            let to = data.len().min(from + SECTOR - (offset + from) % SECTOR);
                            if is_kept() {
                                put(&mut bytes, offset + from, &data[from..to]);
                            }
                            from = to;
                        }
                    }
                }
            }
            file.now.clone_from(&bytes);
            file.synchronised = bytes;
        }
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, file: usize) -> Vec<u8> {
        self.state().files[file].now.clone()
    }

    /// Changes a file behind the store's back.
    pub(super) fn tamper(&self, file: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        state.clock += 1;
        let clock = state.clock;
        let file = &mut state.files[file];
        change(&mut file.now);
        file.synchronised.clone_from(&file.now);
        file.changes.clear();
        file.changed_at = clock;
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

#[derive(Debug)]
struct SimulatedDisk {
    computer: Computer,
    file: usize,
}

impl SimulatedDisk {
    /// Takes a step. `Err` when it is to fail, with whether it is the first.
    fn step(state: &mut State) -> Result<(), (io::Error, bool)> {
        state.steps += 1;
        match state.last_step {
            Some(last) if state.steps > last => {
                let failure = state.failure.unwrap_or(io::ErrorKind::Other);
                Err((failure.into(), state.steps == last + 1))
            }
            _ => Ok(()),
        }
    }

    fn change(state: &mut State, file: usize, change: Change) {
        state.clock += 1;
        let clock = state.clock;
        let file = &mut state.files[file];
        file.changed_at = clock;
        match &change {
            Change::Write { offset, data } => put(&mut file.now, *offset, data),
            Change::Length(length) => file.now.resize(*length, 0),
        }
        file.changes.push(change);
    }
}

impl Disk for SimulatedDisk {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.computer.state();
        let bytes = &state.files[self.file].now;
        let from = bytes.len().min(offset as usize);
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.computer.state();
        let result = Self::step(&mut state);
        let written = match &result {
            Ok(()) => data.len(),
            Err((_, true)) => data.len() / 2,
            Err((_, false)) => 0,
        };
        if written > 0 {
            let change = Change::Write {
                offset: offset as usize,
                data: data[..written].to_vec(),
            };
            Self::change(&mut state, self.file, change);
        }
        result.map_err(|(error, _)| error)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.computer.state();
        Self::step(&mut state).map_err(|(error, _)| error)?;
        let file = &mut state.files[self.file];
        file.synchronised.clone_from(&file.now);
        file.changes.clear();
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut state = self.computer.state();
        Self::step(&mut state).map_err(|(error, _)| error)?;
        Self::change(&mut state, self.file, Change::Length(length as usize));
        Ok(())
    }

    fn stamp(&self) -> io::Result<Stamp> {
        let state = self.computer.state();
        let file = &state.files[self.file];
        Ok(Stamp {
            length: file.now.len() as u64,
            seconds: file.changed_at,
            nanoseconds: 0,
        })
    }
}
