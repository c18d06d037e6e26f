//! Where the packets of all interfaces come together: into files, and on to be
//! decoded.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::device::{Batch, Counts};
use super::error::LiveError;
use super::files::{Amount, Files, Now};
use super::limit::Limits;
use super::mixer::Mixer;
use super::queue::Sender;
use crate::capture::blocks;

/// How long there may be no packet before conditions of time are looked at.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the threads of a capture share with whoever watches it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) captured: AtomicU64,
    pub(super) captured_bytes: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) undecoded_bytes: AtomicU64,
    pub(super) faults: Mutex<Vec<LiveError>>,
}

impl Shared {
    pub(super) fn fault(&self, error: LiveError) {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(error);
    }
}

/// Takes batches until the interfaces are done.
pub(super) struct Recording {
    pub(super) shared: Arc<Shared>,
    pub(super) batches: Receiver<Batch>,
    pub(super) mixer: Mixer,
    pub(super) files: Option<Files>,
    /// `None` where nobody decodes, or nobody does any more.
    pub(super) decoder: Option<Sender>,
    pub(super) stop: Limits,
    /// What each interface counts, in their order.
    pub(super) counts: Vec<Arc<Counts>>,
    pub(super) began: Instant,
}

impl Recording {
    /// Runs until all interfaces have ended.
    pub(super) fn run(mut self) {
        loop {
            let now = self.now();
            if self.is_over(now) {
                self.shared.stop.store(true, Ordering::Relaxed);
            }
            match self.batches.recv_timeout(PATIENCE) {
                Ok(batch) => {
                    let mixed = self.mixer.mix(batch, date(self.now()));
                    self.take(mixed);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let mixed = self.mixer.mix(Batch::default(), date(self.now()));
                    self.take(mixed);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some(decoder) = &self.decoder {
                self.shared
                    .waiting
                    .store(decoder.waiting(), Ordering::Relaxed);
            }
        }
        let last = self.mixer.finish();
        self.take(last);
        let mut blocks = Vec::new();
        let stamp = u64::try_from(date(self.now())).unwrap_or_default();
        for (number, counts) in self.counts.iter().enumerate() {
            blocks::statistics(&mut blocks, number as u32, stamp, counts.statistics());
        }
        self.write(&blocks, 0);
        self.hand_on(blocks);
    }

    fn now(&self) -> Now {
        Now {
            passed: self.began.elapsed(),
            date: SystemTime::now(),
        }
    }

    /// Whether a condition to stop is met.
    fn is_over(&self, now: Now) -> bool {
        let bytes = self.shared.captured_bytes.load(Ordering::Relaxed);
        let packets = self.shared.captured.load(Ordering::Relaxed);
        self.stop.are_reached(now.passed, bytes, packets)
    }

    /// Writes packets and hands them on, up to the one that is the last.
    fn take(&mut self, mut batch: Batch) {
        let now = self.now();
        let (mut start, mut end, mut unwritten) = (0, 0, Amount::default());
        for packet in &batch.packets {
            if self.is_over(now) {
                break;
            }
            if let Some(files) = &self.files
                && files.is_full(unwritten, now)
            {
                let blocks = batch.bytes.get(start..end).unwrap_or_default();
                self.write(blocks, unwritten.packets);
                (start, unwritten) = (end, Amount::default());
                if !self.next_file(now) {
                    break;
                }
            }
            let length = (packet.end - end) as u64;
            self.shared.captured.fetch_add(1, Ordering::Relaxed);
            self.shared
                .captured_bytes
                .fetch_add(length, Ordering::Relaxed);
            unwritten.bytes += length;
            unwritten.packets += 1;
            end = packet.end;
        }
        self.write(
            batch.bytes.get(start..end).unwrap_or_default(),
            unwritten.packets,
        );
        batch.bytes.truncate(end);
        self.hand_on(batch.bytes);
    }

    /// Goes on in another file; says whether there may be one.
    fn next_file(&mut self, now: Now) -> bool {
        let Some(files) = &mut self.files else {
            return true;
        };
        if self.stop.files.is_some_and(|most| files.count >= most) {
            // Whatever comes now has no place.
            self.stop.packets = Some(0);
            return false;
        }
        let rotated = files.rotate(now);
        self.shared
            .files
            .store(files.count.into(), Ordering::Relaxed);
        self.check(rotated);
        true
    }

    fn write(&mut self, blocks: &[u8], packets: u64) {
        if let Some(files) = &mut self.files
            && !blocks.is_empty()
        {
            let written = files.append(blocks, packets);
            self.check(written);
        }
    }

    /// What can't be written ends the capture: it was asked for to be whole.
    fn check(&mut self, result: Result<(), LiveError>) {
        if let Err(error) = result {
            self.files = None;
            self.stop.packets = Some(0);
            self.shared.fault(error);
        }
    }

    fn hand_on(&mut self, blocks: Vec<u8>) {
        let Some(decoder) = &self.decoder else {
            return;
        };
        let length = blocks.len() as u64;
        match decoder.send(blocks) {
            Ok(true) => {}
            Ok(false) => self.decoder = None,
            Err(source) => {
                // Said once; the files go on.
                let before = self
                    .shared
                    .undecoded_bytes
                    .fetch_add(length, Ordering::Relaxed);
                if before == 0 {
                    self.shared.fault(LiveError::Spill { source });
                }
            }
        }
    }
}

/// Nanoseconds since 1970.
fn date(now: Now) -> i64 {
    let since = now.date.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
