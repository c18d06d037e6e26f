//! One interface: opened, and emptied by a thread of its own.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use pcap::{Active, Capture, Error, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::LiveError;
use super::options::LiveOptions;
use super::privileges;
use crate::capture::TimeResolution;
use crate::capture::blocks::{self, PacketHead, Statistics};

/// How long the kernel may keep packets back to hand on many at once.
const HOLD_BACK: Duration = Duration::from_millis(20);

/// How long is waited for packets at once.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// Bytes of a batch, a packet more or less.
const BATCH_BYTES: usize = 256 * 1024;

/// How long the kernel's buffer is emptied after the end, at most: it may be
/// filled as fast.
const DRAINING: Duration = Duration::from_millis(300);

/// How often the system's counters are asked for.
const COUNTING: Duration = Duration::from_millis(250);

/// Nanoseconds are told where libpcap can; elsewhere microseconds.
const PRECISION: (Precision, TimeResolution, i64) = if cfg!(target_os = "linux") {
    (Precision::Nano, TimeResolution::Nanoseconds, 1)
} else {
    (Precision::Micro, TimeResolution::Microseconds, 1_000)
};

/// Packets as Enhanced Packet Blocks, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) packets: Vec<Packet>,
}

/// A packet of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Nanoseconds since 1970.
    pub(super) time: i64,
    /// Where its block ends in the batch.
    pub(super) end: usize,
}

/// What an interface has counted; written by its thread, read by everybody.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) received: AtomicU64,
    pub(super) system_dropped: AtomicU64,
    pub(super) interface_dropped: AtomicU64,
}

impl Counts {
    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            received: self.received.load(Ordering::Relaxed),
            interface_dropped: self.interface_dropped.load(Ordering::Relaxed),
            system_dropped: self.system_dropped.load(Ordering::Relaxed),
        }
    }
}

/// An interface that was opened.
pub(super) struct Device {
    name: String,
    handle: Capture<Active>,
    link: u16,
    pub(super) counts: Arc<Counts>,
}

impl Device {
    /// Opens an interface.
    pub(super) fn open(name: &str, options: &LiveOptions) -> Result<Self, LiveError> {
        // The pseudo-interface of all can't be promiscuous.
        let promiscuous = options.promiscuous && name != "any";
        let opened = activate(name, options, promiscuous);
        let opened = match opened {
            // Some interfaces can't be promiscuous at all.
            Err(error) if promiscuous => activate(name, options, false).map_err(|_| error),
            opened => opened,
        };
        let opened = opened.and_then(Capture::setnonblock);
        let mut handle = opened.map_err(|error| failure(name, &error))?;
        if !options.filter.is_empty() {
            let compiled = handle.filter(&options.filter, true);
            compiled.map_err(|error| LiveError::Filter {
                filter: options.filter.clone(),
                reason: reason(&error),
            })?;
        }
        let link = match handle.get_datalink().0 {
            // What libpcap calls raw IP has another number in files.
            12 | 14 => 101,
            link => u16::try_from(link).unwrap_or(u16::MAX),
        };
        Ok(Self {
            name: name.to_owned(),
            handle,
            link,
            counts: Arc::default(),
        })
    }

    /// How it is described in a file.
    pub(super) fn described<'a>(&'a self, options: &'a LiveOptions) -> blocks::Interface<'a> {
        blocks::Interface {
            link: self.link,
            snap_length: options.snap_length,
            name: &self.name,
            description: "",
            filter: &options.filter,
            resolution: PRECISION.1,
        }
    }

    /// Hands its packets on in batches, as interface number `number`, until
    /// nobody takes them, or `stop` is set and those are handed on that the
    /// kernel had by then.
    ///
    /// # Errors
    /// When the interface fails.
    pub(super) fn empty(
        mut self,
        number: u32,
        stop: &AtomicBool,
        batches: &SyncSender<Batch>,
    ) -> Result<(), LiveError> {
        let mut batch = Batch::default();
        let mut counted = Instant::now();
        let mut stopping = None;
        let result = loop {
            let (is_due, is_empty) = match self.handle.next_packet() {
                Ok(packet) => (batch.push(number, &packet), false),
                Err(Error::TimeoutExpired) => (true, true),
                Err(error) => {
                    break Err(LiveError::Broken {
                        name: self.name.clone(),
                        reason: reason(&error),
                    });
                }
            };
            if !is_due {
                continue;
            }
            if !batch.packets.is_empty() && batches.send(std::mem::take(&mut batch)).is_err() {
                break Ok(());
            }
            if counted.elapsed() >= COUNTING {
                counted = Instant::now();
                self.count();
            }
            if is_empty && !stop.load(Ordering::Relaxed) {
                self.wait();
            }
            if stop.load(Ordering::Relaxed) {
                let since = *stopping.get_or_insert_with(Instant::now);
                if is_empty || since.elapsed() >= DRAINING {
                    break Ok(());
                }
            }
        };
        if !batch.packets.is_empty() {
            // Where nobody takes it, nobody misses it.
            let _ = batches.send(batch);
        }
        self.count();
        result
    }

    /// Waits for packets, but not long: there may be an end to be noticed.
    ///
    /// libpcap's own waiting has no time limit where the kernel hands on whole
    /// blocks of packets.
    fn wait(&self) {
        let descriptor = self.handle.as_raw_fd();
        // SAFETY: it belongs to `self.handle`, which stays open and in place
        // for as long as the borrow lives.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let mut descriptors = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
        // Where waiting fails, reading tells why.
        let _ = poll(&mut descriptors, Some(&PATIENCE));
    }

    fn count(&mut self) {
        if let Ok(counted) = self.handle.stats() {
            let store = |count: &AtomicU64, value: u32| {
                // The system's counters have 32 bits and begin again.
                let before = count.load(Ordering::Relaxed);
                let added = value.wrapping_sub(before as u32);
                count.store(before + u64::from(added), Ordering::Relaxed);
            };
            store(&self.counts.received, counted.received);
            store(&self.counts.system_dropped, counted.dropped);
            store(&self.counts.interface_dropped, counted.if_dropped);
        }
    }
}

impl Batch {
    /// Adds a packet; says whether the batch should go on its way.
    fn push(&mut self, interface: u32, packet: &pcap::Packet<'_>) -> bool {
        let (seconds, fraction) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
        #[allow(clippy::useless_conversion)] // Their width is not the same everywhere.
        let (seconds, fraction) = (i64::from(seconds), i64::from(fraction));
        let units = 1_000_000_000 / PRECISION.2;
        let stamp = seconds.saturating_mul(units).saturating_add(fraction);
        let head = PacketHead {
            interface,
            stamp: u64::try_from(stamp).unwrap_or_default(),
            wire: Some(packet.header.len),
        };
        let appended = blocks::packet(&mut self.bytes, head, &[], |out| {
            out.extend_from_slice(packet.data);
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = appended;
        let time = stamp.saturating_mul(PRECISION.2);
        self.packets.push(Packet {
            time,
            end: self.bytes.len(),
        });
        let begin = self.packets.first().map_or(time, |first| first.time);
        self.bytes.len() >= BATCH_BYTES || time - begin >= HOLD_BACK.as_nanos() as i64
    }
}

fn activate(
    name: &str,
    options: &LiveOptions,
    promiscuous: bool,
) -> Result<Capture<Active>, Error> {
    Capture::from_device(name)?
        .promisc(promiscuous)
        .snaplen(i32::try_from(options.snap_length).unwrap_or(i32::MAX))
        .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
        .timeout(HOLD_BACK.as_millis() as i32)
        .precision(PRECISION.0)
        .open()
}

fn failure(name: &str, error: &Error) -> LiveError {
    let reason = reason(error);
    let name = name.to_owned();
    if privileges::lacks_privileges(&reason) {
        LiveError::Privileges {
            name,
            reason,
            advice: privileges::advice(),
        }
    } else {
        LiveError::Open { name, reason }
    }
}

/// What libpcap says, without what the binding puts before it.
fn reason(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}
