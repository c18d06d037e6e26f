//! From capture files through the analyzer to whoever consumes the records.

use std::ops::ControlFlow;

use anyhow::Result;
use ppspp_dissector::session::{
    Analyzer, Config, Datagram, Failure, Late, Learned, Record, recycle,
};

use crate::capture::{Capture, CaptureError, Input, Options};
use crate::progress::Progress;

/// Datagrams of a file's beginning that are read twice: what they show of
/// channels without handshake is then known from their first datagram on.
const LOOK_AHEAD: usize = 8192;

/// How often the progress bar is looked at, in datagrams.
const PROGRESS_STEP: u64 = 4096;

/// What is left when all inputs are read.
pub struct Finished {
    /// What the capture held, and what went wrong with it.
    pub capture: Capture,
    /// What the session found out.
    pub analyzer: Analyzer,
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

/// Reads all inputs and gives every PPSPP datagram with its record and comment
/// to `consume`, until that says to stop.
///
/// # Errors
/// When the inputs can't be opened, or what `consume` answers.
pub fn run(
    inputs: &[Input],
    config: Config,
    quiet: bool,
    mut consume: impl FnMut(&Datagram<'_>, &Record<'_, '_>, Option<&str>) -> Result<ControlFlow<()>>,
) -> Result<Finished> {
    let learned = learn(inputs, &config)?;
    let mut capture = Capture::open(inputs, Options::default())?;
    let mut analyzer = Analyzer::new(Config { learned, ..config });
    let mut progress = Progress::new(quiet);
    let mut scratch = Vec::new();
    let mut seen = 0u64;
    while let Some(captured) = capture.next() {
        let mut messages = recycle(scratch);
        if let Some(record) = analyzer.datagram(&captured.datagram, &mut messages) {
            let flow = consume(&captured.datagram, &record, captured.comment)?;
            if flow.is_break() {
                break;
            }
        }
        scratch = recycle(messages);
        seen += 1;
        if seen.is_multiple_of(PROGRESS_STEP) {
            let read = capture.progress();
            progress.update(read.read, read.total);
        }
    }
    progress.finish();
    let (late, failures) = analyzer.close();
    Ok(Finished {
        capture,
        analyzer,
        late,
        failures,
    })
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
