//! The store: what the indexing thread fills and the user interface reads.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use ppspp_dissector::finding::{CATALOGUE, FindingId};
use ppspp_dissector::session::{Analyzer, ChannelIndex, Config, SwarmIndex, Time};

use super::finding_codec::Words;
use super::indexer::{self, Intake};
use super::keep::Keep;
use super::lag::{Lag, MOST_STREAMS};
use super::measure::{Budget, Conversation};
use super::origins::Origins;
use super::progress::Progress;
use super::row::Row;
use super::rows::Rows;
use super::segments::Segments;
use super::series::Series;
use crate::capture::{Capture, Input, Options};
use crate::pipeline::{self, Manner, Turns};

/// How far indexing has come.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What the inputs are called.
    pub name: String,
    /// Bytes read of all inputs.
    pub read: u64,
    /// Frames of all inputs, once everything is indexed.
    pub frames: u64,
    /// Bytes of all inputs; `None` where one has no size.
    pub total: Option<u64>,
    /// Whether everything is indexed.
    pub done: bool,
    /// What went wrong with the inputs or the spool.
    pub faults: Vec<String>,
}

/// Figures that grow with channels and findings, not with datagrams.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) conversations: Vec<Conversation>,
    pub(super) series: Series,
    pub(super) budget: Budget,
    /// Live streams.
    pub(super) lags: BTreeMap<SwarmIndex, Lag>,
    pub(super) origins: Origins,
    pub(super) progress: Progress,
    /// By the finding's place in the catalogue: rows, the first ones of those that
    /// are kept.
    places: Vec<VecDeque<usize>>,
    pub(super) first: Option<Time>,
    pub(super) last: Option<Time>,
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            conversations: Vec::new(),
            series: Series::default(),
            budget: Budget::default(),
            lags: BTreeMap::new(),
            origins: Origins::default(),
            progress: Progress::default(),
            places: vec![VecDeque::new(); CATALOGUE.len()],
            first: None,
            last: None,
        }
    }
}

impl Measured {
    /// How far viewers of a live stream are behind; `None` where too many streams
    /// are kept.
    pub(super) fn lag(&mut self, swarm: SwarmIndex, now: Time) -> Option<&mut Lag> {
        if !self.lags.contains_key(&swarm) && self.lags.len() >= MOST_STREAMS {
            return None;
        }
        Some(self.lags.entry(swarm).or_insert_with(|| Lag::new(now)))
    }

    /// Notes a row with a finding; those before `first` are not kept any more.
    pub(super) fn note_finding(&mut self, id: FindingId, row: usize, first: usize) {
        let Some(places) = self.places.get_mut(id as usize) else {
            return;
        };
        while places.front().is_some_and(|row| *row < first) {
            places.pop_front();
        }
        if places.len() < Store::MOST_PLACES && places.back() != Some(&row) {
            places.push_back(row);
        }
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    // Whoever locks several of these does so in this order.
    pub(super) analyzer: Turns<Analyzer>,
    pub(super) intake: Mutex<Intake>,
    pub(super) measured: Turns<Measured>,
    rows: RwLock<Rows>,
    pub(super) status: Mutex<Status>,
    pub(super) words: Words,
    /// What the spool is in.
    pub(super) segments: Arc<Segments>,
    pub(super) keep: Keep,
    /// The first row after all was forgotten the last time.
    begun: AtomicUsize,
    /// The inputs that datagrams can be had from again.
    pub(super) inputs: Vec<Option<File>>,
    /// How often something in the spool was changed after it was written.
    pub(super) changes: AtomicU64,
    pub(super) stopped: AtomicBool,
    /// When the inputs' first frame was captured.
    start: OnceLock<Time>,
}

/// Every datagram of the inputs, as far as they are read and kept.
#[derive(Debug)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
    /// The inputs, where all of them can be read again.
    inputs: Vec<Input>,
    paused: Option<Box<Paused>>,
    thread: Option<JoinHandle<()>>,
}

/// What is to be seen while nothing is to move.
#[derive(Debug)]
struct Paused {
    end: usize,
    analyzer: Mutex<Analyzer>,
    measured: Mutex<Measured>,
}

impl Store {
    /// Rows that are remembered of each kind of finding.
    pub const MOST_PLACES: usize = 10_000;

    /// Opens inputs and begins to index them.
    ///
    /// # Errors
    /// When the inputs can't be opened, or there is no room for a temporary file.
    pub fn open(inputs: &[Input], config: Config, manner: Manner, keep: Keep) -> Result<Self> {
        let capture = Capture::open(inputs, Options::default())?;
        let config = pipeline::prepare(inputs, config)?;
        let names: Vec<String> = inputs.iter().map(short_name).collect();
        let files: Vec<_> = inputs.iter().map(again).collect();
        let can_be_read_again = files.iter().all(Option::is_some);
        let mut store = Self::over(capture, names.join(" + "), files, config, manner, keep)?;
        if can_be_read_again {
            store.inputs = inputs.to_vec();
        }
        Ok(store)
    }

    /// The same with a capture that is open already, such as a live one; `name` is
    /// what it is called. All bytes are kept apart.
    ///
    /// # Errors
    /// When there is no room for a temporary file.
    pub fn open_capture(
        capture: Capture,
        name: String,
        config: Config,
        manner: Manner,
        keep: Keep,
    ) -> Result<Self> {
        Self::over(capture, name, Vec::new(), config, manner, keep)
    }

    fn over(
        capture: Capture,
        name: String,
        files: Vec<Option<File>>,
        config: Config,
        manner: Manner,
        keep: Keep,
    ) -> Result<Self> {
        let segments = Segments::new(keep.segment());
        let segments = segments.context("can't make a temporary file for the index")?;
        let segments = Arc::new(segments);
        let shared = Arc::new(Shared {
            analyzer: Turns::new(Analyzer::new(config)),
            intake: Mutex::new(Intake::new(Arc::clone(&segments), keep)),
            measured: Turns::default(),
            rows: RwLock::default(),
            status: Mutex::new(Status {
                name,
                total: capture.progress().total,
                ..Status::default()
            }),
            words: Words::default(),
            segments,
            keep,
            begun: AtomicUsize::new(0),
            inputs: files,
            changes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            start: OnceLock::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || indexer::index(&theirs, capture, manner))?;
        Ok(Self {
            shared,
            inputs: Vec::new(),
            paused: None,
            thread: Some(thread),
        })
    }

    /// The inputs, where all of them are files that can be read again.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Waits until everything is indexed.
    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic there has been told already.
            let _ = thread.join();
        }
    }

    /// Number of datagrams so far, those included that were let go: the number
    /// that the next row will have.
    pub fn len(&self) -> usize {
        match &self.paused {
            Some(paused) => paused.end,
            None => self.shared.rows().end(),
        }
    }

    /// The first row that is kept.
    pub fn first(&self) -> usize {
        self.shared.rows().first().min(self.len())
    }

    /// Whether there is no datagram so far, or none is kept.
    pub fn is_empty(&self) -> bool {
        self.first() == self.len()
    }

    /// The first row since all was forgotten.
    pub fn begun(&self) -> usize {
        self.shared.begun.load(Ordering::Relaxed)
    }

    /// Datagrams that were let go because more is not kept.
    pub fn let_go(&self) -> usize {
        self.first().saturating_sub(self.begun())
    }

    /// One of them.
    pub fn get(&self, row: usize) -> Option<Row> {
        self.shared.row(row)
    }

    /// Gives the rows from `start` on to `take`, with their numbers, until that
    /// answers false.
    pub fn each_from(&self, start: usize, mut take: impl FnMut(usize, Row) -> bool) {
        let end = self.len();
        let rows = self.shared.rows();
        for number in start.max(rows.first())..end {
            let Some(row) = rows.get(number) else {
                return;
            };
            if !take(number, *row) {
                return;
            }
        }
    }

    /// Makes everything that is to be seen stand still until [`Self::resume`];
    /// indexing goes on meanwhile, and so does letting go.
    pub fn pause(&mut self) {
        if self.paused.is_some() {
            return;
        }
        // Rows are published with the analyzer locked, so that both are of one
        // moment.
        let analyzer = self.shared.analyzer.lock();
        let paused = Paused {
            end: self.shared.rows().end(),
            analyzer: Mutex::new(analyzer.clone()),
            measured: Mutex::new(self.shared.measured.lock().clone()),
        };
        self.paused = Some(Box::new(paused));
    }

    /// Shows what comes again.
    pub fn resume(&mut self) {
        self.paused = None;
    }

    /// How many datagrams have come since the pause began; `None` where there is
    /// none.
    pub fn meanwhile(&self) -> Option<usize> {
        let paused = self.paused.as_ref()?;
        Some(self.shared.rows().end().saturating_sub(paused.end))
    }

    /// Forgets all that came until now, and gives memory and disk back. Channels
    /// that are open go on being understood; counts begin at nothing. Rows and
    /// frames go on counting. Ends a pause.
    ///
    /// # Errors
    /// When there is no room for a temporary file.
    pub fn forget(&mut self) -> io::Result<()> {
        self.resume();
        let shared = &self.shared;
        let mut analyzer = shared.analyzer.lock();
        let mut intake = lock(&shared.intake);
        let mut measured = shared.measured.lock();
        intake.forget(shared)?;
        analyzer.forget(measured.last);
        *measured = Measured::default();
        let end = shared.rows().end();
        shared.begun.store(end, Ordering::Relaxed);
        Ok(())
    }

    /// What is taken: rows in memory, and bytes in how many files.
    pub fn room(&self) -> (usize, u64, usize) {
        let (bytes, files) = self.shared.segments.size();
        (self.shared.rows().capacity(), bytes, files)
    }

    /// What the session knows by now. The indexing thread waits meanwhile.
    pub fn analyzer(&self) -> MutexGuard<'_, Analyzer> {
        match &self.paused {
            Some(paused) => lock(&paused.analyzer),
            None => self.shared.analyzer.lock(),
        }
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        match &self.paused {
            Some(paused) => lock(&paused.measured),
            None => self.shared.measured.lock(),
        }
    }

    /// How far indexing has come.
    pub fn status(&self) -> Status {
        lock(&self.shared.status).clone()
    }

    /// One channel in figures.
    pub fn conversation(&self, channel: ChannelIndex) -> Option<Conversation> {
        let measured = self.measured();
        measured
            .conversations
            .get(channel.number() as usize)
            .cloned()
    }

    /// Gives what is measured of a channel to `use_it`, without a copy.
    pub fn with_conversation<T>(
        &self,
        channel: ChannelIndex,
        use_it: impl FnOnce(&Conversation) -> T,
    ) -> Option<T> {
        let measured = self.measured();
        let found = measured.conversations.get(channel.number() as usize)?;
        Some(use_it(found))
    }

    /// Gives to `use_it` how far viewers are behind the source, of each live stream.
    pub fn with_lags<T>(&self, use_it: impl FnOnce(&BTreeMap<SwarmIndex, Lag>) -> T) -> T {
        use_it(&self.measured().lags)
    }

    pub(super) fn with_origins<T>(&self, use_it: impl FnOnce(&Origins) -> T) -> T {
        use_it(&self.measured().origins)
    }

    /// Figures over time, of everything.
    pub fn series(&self) -> Series {
        self.measured().series.clone()
    }

    /// How often verdicts of datagrams that are there already have changed.
    pub fn changes(&self) -> u64 {
        self.shared.changes.load(Ordering::Acquire)
    }

    /// The next row that fits among `start` and those behind it, or before it where
    /// `forward` is false.
    pub fn find(&self, start: usize, forward: bool, fits: impl Fn(Row) -> bool) -> Option<usize> {
        let (first, end) = (self.first(), self.len());
        let rows = self.shared.rows();
        let fitting = |number: &usize| rows.get(*number).is_some_and(|row| fits(*row));
        if forward {
            (start.max(first)..end).find(fitting)
        } else {
            (first..start.min(end)).rev().find(fitting)
        }
    }

    /// Rows with a finding, the first [`Self::MOST_PLACES`] of those that are kept.
    pub fn places(&self, finding: FindingId) -> Vec<usize> {
        let first = self.first();
        let measured = self.measured();
        let places = measured.places.get(finding as usize).into_iter().flatten();
        places.copied().filter(|row| *row >= first).collect()
    }

    /// Times of the first and the latest datagram.
    pub fn span(&self) -> Option<(Time, Time)> {
        let measured = self.measured();
        measured.first.zip(measured.last)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread may wait for a pipe; it ends with the program then.
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the inputs' first frame was captured.
    pub(super) fn start(&self) -> Option<Time> {
        self.start.get().copied()
    }

    pub(super) fn note_start(&self, start: Option<Time>) {
        if let Some(start) = start {
            self.start.get_or_init(|| start);
        }
    }

    /// Changes the list of rows; those that are new have their records in the
    /// spool by now.
    pub(super) fn change_rows<T>(&self, change: impl FnOnce(&mut Rows) -> T) -> T {
        change(&mut self.rows.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn row(&self, row: usize) -> Option<Row> {
        self.rows().get(row).copied()
    }
}

/// What a mutex guards; whoever panicked with it left nothing half done that
/// would matter to who only shows it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file's name without its folder.
fn short_name(input: &Input) -> String {
    match input {
        Input::Stdin => input.name(),
        Input::File(path) => path
            .file_name()
            .map_or_else(|| input.name(), |name| name.to_string_lossy().into_owned()),
    }
}

/// The input once more, where it can be read at any place.
fn again(input: &Input) -> Option<File> {
    let Input::File(path) = input else {
        return None;
    };
    let file = File::open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}
