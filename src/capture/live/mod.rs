//! Live captures: packets of interfaces as they come, through libpcap.
//!
//! ```no_run
//! use ppsp_inspect::capture::Capture;
//! use ppsp_inspect::capture::live::{LiveCapture, LiveOptions};
//!
//! let mut live = LiveCapture::start(&LiveOptions {
//!     interfaces: vec!["lo".to_owned()],
//!     filter: "udp".to_owned(),
//!     ..LiveOptions::default()
//! })?;
//! if let Some(packets) = live.packets() {
//!     let mut capture = Capture::from_reader("lo", packets)?;
//!     while let Some(captured) = capture.next() {
//!         println!("{} bytes", captured.datagram.payload.len());
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A thread for each interface empties the kernel's buffer (`device`) and does
//! nothing else. Another one (`recording`) puts packets in order (`mixer`),
//! writes them (`files`) and hands them on (`queue`) as one pcapng stream, which
//! is read like any other capture: what is decoded is what is written. Who
//! decodes may be slow: what waits is kept on disk, and the kernel's buffer is
//! emptied all the same.

mod device;
mod error;
mod files;
mod interfaces;
mod limit;
mod mixer;
mod options;
mod privileges;
mod queue;
mod recording;

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

pub use error::LiveError;
pub use interfaces::{Interface, interfaces};
pub use limit::{Limit, LimitError, Limits};
pub use options::{BUFFER_BYTES, LiveOptions, SNAP_LENGTH};
pub use privileges::drop_privileges;

use super::blocks;
use device::{Counts, Device};
use files::{Files, Now};
use mixer::Mixer;
use recording::{Recording, Shared};

/// Batches of 256 KiB that may be on their way to the files.
const BATCHES: usize = 128;

/// A capture that is going on. It ends when it is stopped, when a condition is
/// met, or with the last interface; dropping it stops it.
#[derive(Debug)]
pub struct LiveCapture {
    watch: LiveWatch,
    packets: Option<queue::Receiver>,
    threads: Vec<JoinHandle<()>>,
}

/// Sees what a capture counts, and can stop it; from any thread.
#[derive(Clone, Debug)]
pub struct LiveWatch {
    shared: Arc<Shared>,
    counts: Arc<[Arc<Counts>]>,
}

/// What a capture has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounters {
    /// Packets that were captured.
    pub captured: u64,
    /// Their bytes, as pcapng keeps them.
    pub captured_bytes: u64,
    /// Packets that the system dropped, as its buffer was full.
    pub dropped: u64,
    /// Packets that interfaces or their drivers dropped.
    pub interface_dropped: u64,
    /// Files begun.
    pub files: u64,
    /// Bytes that wait to be decoded.
    pub waiting_bytes: u64,
    /// Bytes that were not decoded, as there was no room to wait.
    pub undecoded_bytes: u64,
}

impl LiveCapture {
    /// Opens the interfaces, gives up privileges that are no longer needed, and
    /// begins.
    ///
    /// To be called before other threads are started: those would keep their
    /// privileges.
    ///
    /// # Errors
    /// When an interface can't be opened, the filter is refused, or a file can't
    /// be written.
    pub fn start(options: &LiveOptions) -> Result<Self, LiveError> {
        let devices = open_devices(options)?;
        if !options.keep_privileges {
            drop_privileges().map_err(LiveError::DropRoot)?;
        }
        let mut head = Vec::new();
        blocks::section(&mut head, &[]);
        for device in &devices {
            blocks::interface(&mut head, &device.described(options));
        }
        let began = Instant::now();
        let now = Now {
            passed: began.elapsed(),
            date: SystemTime::now(),
        };
        let files = match &options.file {
            Some(path) => Some(Files::create(path, options.rotate, head.clone(), now)?),
            None => None,
        };
        let (decoder, packets) = if options.decode {
            let (sender, receiver) = queue::queue();
            sender
                .send(head)
                .map_err(|source| LiveError::Spill { source })?;
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        let shared = Arc::new(Shared::default());
        shared
            .files
            .store(files.iter().len() as u64, Ordering::Relaxed);
        let counts: Vec<_> = devices
            .iter()
            .map(|device| Arc::clone(&device.counts))
            .collect();
        let (sender, batches) = mpsc::sync_channel(BATCHES);
        let recording = Recording {
            shared: Arc::clone(&shared),
            batches,
            mixer: Mixer::new(devices.len()),
            files,
            decoder,
            stop: options.stop,
            counts: counts.clone(),
            began,
        };
        let mut live = Self {
            watch: LiveWatch {
                shared: Arc::clone(&shared),
                counts: counts.into(),
            },
            packets,
            threads: Vec::new(),
        };
        // Should a thread not start, dropping `live` stops the others.
        live.spawn("record".to_owned(), move || recording.run())?;
        for (number, device) in devices.into_iter().enumerate() {
            let (shared, sender) = (Arc::clone(&shared), sender.clone());
            live.spawn(format!("capture {number}"), move || {
                if let Err(error) = device.empty(number as u32, &shared.stop, &sender) {
                    shared.fault(error);
                }
            })?;
        }
        Ok(live)
    }

    fn spawn(
        &mut self,
        name: String,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), LiveError> {
        let thread = thread::Builder::new().name(name).spawn(work);
        self.threads.push(thread.map_err(LiveError::Thread)?);
        Ok(())
    }

    /// The packets as a pcapng stream, once; `None` where
    /// [`LiveOptions::decode`] is off. Reading waits for packets, and ends when
    /// the capture does.
    pub fn packets(&mut self) -> Option<impl Read + Send + use<>> {
        self.packets.take()
    }

    /// Something to watch and to stop it by.
    pub fn watch(&self) -> LiveWatch {
        self.watch.clone()
    }

    /// Waits for its end, and tells what went wrong.
    pub fn finish(mut self) -> Vec<LiveError> {
        self.join();
        let mut faults = self
            .watch
            .shared
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *faults)
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A panic was already told by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Drop for LiveCapture {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.watch.stop();
            self.join();
        }
    }
}

impl LiveWatch {
    /// Ends the capture; what came until now is still written and handed on.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// What ends the capture once it is set, for a handler of signals.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.stop)
    }

    /// What was counted so far.
    pub fn counters(&self) -> LiveCounters {
        let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let shared = &self.shared;
        let mut counters = LiveCounters {
            captured: load(&shared.captured),
            captured_bytes: load(&shared.captured_bytes),
            files: load(&shared.files),
            waiting_bytes: load(&shared.waiting),
            undecoded_bytes: load(&shared.undecoded_bytes),
            ..LiveCounters::default()
        };
        for counts in self.counts.iter() {
            let counted = counts.statistics();
            counters.dropped += counted.system_dropped;
            counters.interface_dropped += counted.interface_dropped;
        }
        counters
    }
}

fn open_devices(options: &LiveOptions) -> Result<Vec<Device>, LiveError> {
    let known = interfaces()?;
    let mut names: Vec<&str> = options.interfaces.iter().map(String::as_str).collect();
    if names.is_empty() {
        let chosen = interfaces::default_interface(&known).ok_or(LiveError::NoInterface)?;
        names.push(&chosen.name);
    }
    names
        .into_iter()
        .map(|name| {
            if !known.iter().any(|interface| interface.name == name) {
                let known: Vec<&str> = known.iter().map(|i| i.name.as_str()).collect();
                return Err(LiveError::UnknownInterface {
                    name: name.to_owned(),
                    known: known.join(", "),
                });
            }
            Device::open(name, options)
        })
        .collect()
}
