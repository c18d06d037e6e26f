//! From capture files through the analyzer to whoever consumes the records.

mod batch;
mod climb;
mod crew;
mod turns;

use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use anyhow::Result;
use ppspp_dissector::fields::Frame;
use ppspp_dissector::session::{
    Analyzer, Config, Datagram, Failure, Late, Learned, Record, recycle,
};

use crate::capture::{Capture, CaptureError, Captured, Input, Options, Progress as Read};
use crate::progress::Progress;
use batch::Batch;
pub use turns::Turns;

/// Datagrams of a file's beginning that are read twice: what they show of
/// channels without handshake is then known from their first datagram on.
const LOOK_AHEAD: usize = 8192;

/// Datagrams of a batch where no other thread is to be kept busy.
const MOST_ALONE: usize = 96;

/// How inputs are gone through.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Whether no progress bar is wanted.
    pub quiet: bool,
    /// Whether each datagram is wanted at once, before the next is read.
    pub at_once: bool,
    /// Threads.
    pub jobs: NonZeroUsize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            quiet: false,
            at_once: false,
            jobs: NonZeroUsize::MIN,
        }
    }
}

/// What is left when all inputs are read.
pub struct Finished {
    /// What the capture held, and what went wrong with it.
    pub capture: Capture,
    /// What the session found out. It stays until the program ends: the kernel
    /// takes back a million pieces of memory faster than they are freed.
    pub analyzer: ManuallyDrop<Analyzer>,
    /// Verdicts on earlier messages that only the end of the capture gave.
    pub late: Vec<Late>,
    /// Failures that only the end of the capture showed.
    pub failures: Vec<Failure>,
}

impl Finished {
    /// Inputs that could not be read to their end.
    pub fn faults(&self) -> &[CaptureError] {
        self.capture.faults()
    }
}

/// Reads all inputs and gives every PPSPP datagram with its record and what its
/// frame tells to `consume`, until that says to stop.
///
/// # Errors
/// When the inputs can't be opened, or what `consume` answers.
pub fn run(
    inputs: &[Input],
    config: Config,
    manner: Manner,
    consume: impl FnMut(&Datagram<'_>, &Record<'_, '_>, Frame<'_>) -> Result<ControlFlow<()>>,
) -> Result<Finished> {
    let config = prepare(inputs, config)?;
    let capture = Capture::open(inputs, Options::default())?;
    run_opened(capture, config, manner, consume)
}

/// The same with a capture that is open already, such as a live one.
///
/// # Errors
/// What `consume` answers.
pub fn run_opened(
    mut capture: Capture,
    config: Config,
    manner: Manner,
    mut consume: impl FnMut(&Datagram<'_>, &Record<'_, '_>, Frame<'_>) -> Result<ControlFlow<()>>,
) -> Result<Finished> {
    let analyzer = Turns::new(Analyzer::new(config));
    run_shared(&mut capture, &analyzer, manner, |captured, record, _| {
        consume(&captured.datagram, record, captured.frame())
    })?;
    let mut analyzer = analyzer.into_inner();
    let (late, failures) = analyzer.close();
    Ok(Finished {
        capture,
        analyzer: ManuallyDrop::new(analyzer),
        late,
        failures,
    })
}

/// What an analyzer for these inputs is to know: of files that can be read twice
/// also what their beginning shows of channels without handshake.
///
/// # Errors
/// When the inputs can't be opened.
pub fn prepare(inputs: &[Input], config: Config) -> Result<Config> {
    let learned = learn(inputs, &config)?;
    Ok(Config { learned, ..config })
}

/// Gives every PPSPP datagram of `capture` with its record to `consume`, and how
/// far the inputs are read, until that says to stop. The analyzer is locked only
/// while it works, so that others may look into it meanwhile; whoever calls
/// closes it.
///
/// # Errors
/// What `consume` answers.
pub fn run_shared(
    capture: &mut Capture,
    analyzer: &Turns<Analyzer>,
    manner: Manner,
    mut consume: impl FnMut(&Captured<'_>, &Record<'_, '_>, Option<Read>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut progress = Progress::new(manner.quiet);
    let mut scratch = Vec::new();
    let analyze = |analyzer: &mut Analyzer, batch: &Batch| {
        let mut messages = recycle(std::mem::take(&mut scratch));
        for (captured, hashed) in batch.datagrams() {
            if let Some(record) =
                analyzer.datagram_hashed(&captured.datagram, hashed, &mut messages)
                && consume(&captured, &record, batch.progress)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        scratch = recycle(messages);
        if let Some(read) = batch.progress {
            progress.update(read.read, read.total);
        }
        Ok(ControlFlow::Continue(()))
    };
    if manner.jobs.get() > 1 && !manner.at_once {
        crew::run(capture, analyzer, manner.jobs.get(), analyze)?;
    } else {
        let most = if manner.at_once { 1 } else { MOST_ALONE };
        alone(capture, analyzer, most, analyze)?;
    }
    progress.finish();
    Ok(())
}

/// Brings the whole capture before `analyze`, up to `most` datagrams at a time.
fn alone(
    capture: &mut Capture,
    analyzer: &Turns<Analyzer>,
    most: usize,
    mut analyze: impl FnMut(&mut Analyzer, &Batch) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut batch = Batch::default();
    loop {
        batch.fill(capture, most);
        batch.foresee(&analyzer.lock());
        batch.hash();
        if batch.is_empty() || analyze(&mut analyzer.lock(), &batch)?.is_break() {
            return Ok(());
        }
    }
}

/// Reads the beginning of files that can be read twice.
fn learn(inputs: &[Input], config: &Config) -> Result<Learned> {
    if !inputs.iter().all(is_regular_file) {
        return Ok(Learned::default());
    }
    let mut capture = Capture::open(inputs, Options::default())?;
    let mut analyzer = Analyzer::new(Config {
        verify: false,
        ..config.clone()
    });
    let mut scratch = Vec::new();
    for _ in 0..LOOK_AHEAD {
        let Some(captured) = capture.next() else {
            break;
        };
        let mut messages = recycle(scratch);
        analyzer.datagram(&captured.datagram, &mut messages);
        scratch = recycle(messages);
    }
    Ok(analyzer.into_learned())
}

/// Whether an input can be read twice.
fn is_regular_file(input: &Input) -> bool {
    match input {
        Input::Stdin => false,
        Input::File(path) => std::fs::metadata(path).is_ok_and(|data| data.is_file()),
    }
}
