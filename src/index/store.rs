//! The store: what the indexing thread fills and the user interface reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use ppspp_dissector::finding::{CATALOGUE, FindingId};
use ppspp_dissector::session::{Analyzer, ChannelIndex, Config, SwarmIndex, Time};

use super::finding_codec::Words;
use super::indexer;
use super::lag::{Lag, MOST_STREAMS};
use super::measure::{Budget, Conversation};
use super::origins::Origins;
use super::progress::Progress;
use super::row::Row;
use super::series::Series;
use crate::capture::{Capture, Input, Options};
use crate::pipeline::{self, Manner};

/// Rows to a page: no list is ever copied to grow.
const PAGE: usize = 4096;

/// Rows that are remembered of each kind of finding.
const MOST_PLACES: usize = 10_000;

/// How far indexing has come.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What the inputs are called.
    pub name: String,
    /// Bytes read of all inputs.
    pub read: u64,
    /// Bytes of all inputs; `None` where one has no size.
    pub total: Option<u64>,
    /// Whether everything is indexed.
    pub done: bool,
    /// What went wrong with the inputs or the spool.
    pub faults: Vec<String>,
}

/// Figures that grow with channels and findings, not with datagrams.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) conversations: Vec<Conversation>,
    pub(super) series: Series,
    pub(super) budget: Budget,
    /// Live streams.
    pub(super) lags: BTreeMap<SwarmIndex, Lag>,
    pub(super) origins: Origins,
    pub(super) progress: Progress,
    /// By the finding's place in the catalogue: rows, the first ones only.
    pub(super) places: Vec<Vec<u32>>,
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
            places: vec![Vec::new(); CATALOGUE.len()],
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

    pub(super) fn note_finding(&mut self, id: FindingId, row: u32) {
        if let Some(places) = self.places.get_mut(id as usize)
            && places.len() < MOST_PLACES
            && places.last() != Some(&row)
        {
            places.push(row);
        }
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) analyzer: Mutex<Analyzer>,
    rows: RwLock<Vec<Vec<Row>>>,
    pub(super) measured: Mutex<Measured>,
    pub(super) status: Mutex<Status>,
    pub(super) words: Words,
    /// The spool, to be read from.
    pub(super) spool: File,
    /// The inputs that datagrams can be had from again.
    pub(super) inputs: Vec<Option<File>>,
    /// How often something in the spool was changed after it was written.
    pub(super) changes: AtomicU64,
    pub(super) stopped: AtomicBool,
    /// When the inputs' first frame was captured.
    start: OnceLock<Time>,
}

/// Every datagram of the inputs, as far as they are read.
#[derive(Debug)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens inputs and begins to index them.
    ///
    /// # Errors
    /// When the inputs can't be opened, or there is no room for a temporary file.
    pub fn open(inputs: &[Input], config: Config, manner: Manner) -> Result<Self> {
        let capture = Capture::open(inputs, Options::default())?;
        let config = pipeline::prepare(inputs, config)?;
        let names: Vec<String> = inputs.iter().map(short_name).collect();
        let files = inputs.iter().map(again).collect();
        Self::over(capture, names.join(" + "), files, config, manner)
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
    ) -> Result<Self> {
        Self::over(capture, name, Vec::new(), config, manner)
    }

    fn over(
        capture: Capture,
        name: String,
        files: Vec<Option<File>>,
        config: Config,
        manner: Manner,
    ) -> Result<Self> {
        let spool = tempfile::tempfile().context("can't make a temporary file for the index")?;
        let shared = Arc::new(Shared {
            analyzer: Mutex::new(Analyzer::new(config)),
            rows: RwLock::default(),
            measured: Mutex::default(),
            status: Mutex::new(Status {
                name,
                total: capture.progress().total,
                ..Status::default()
            }),
            words: Words::default(),
            spool: spool.try_clone()?,
            inputs: files,
            changes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            start: OnceLock::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || indexer::index(&theirs, capture, spool, manner))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits until everything is indexed.
    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic there has been told already.
            let _ = thread.join();
        }
    }

    /// Number of datagrams so far.
    pub fn len(&self) -> usize {
        let pages = self.shared.rows();
        pages
            .last()
            .map_or(0, |last| (pages.len() - 1) * PAGE + last.len())
    }

    /// Whether there is no datagram so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them.
    pub fn get(&self, row: usize) -> Option<Row> {
        self.shared.rows().get(row / PAGE)?.get(row % PAGE).copied()
    }

    /// Gives the rows from `start` on to `take`, with their numbers, until that
    /// answers false.
    pub fn each_from(&self, start: usize, mut take: impl FnMut(usize, Row) -> bool) {
        let pages = self.shared.rows();
        let mut number = start;
        while let Some(row) = pages
            .get(number / PAGE)
            .and_then(|page| page.get(number % PAGE))
        {
            if !take(number, *row) {
                return;
            }
            number += 1;
        }
    }

    /// What the session knows by now. The indexing thread waits meanwhile.
    pub fn analyzer(&self) -> MutexGuard<'_, Analyzer> {
        lock(&self.shared.analyzer)
    }

    /// How far indexing has come.
    pub fn status(&self) -> Status {
        lock(&self.shared.status).clone()
    }

    /// One channel in figures.
    pub fn conversation(&self, channel: ChannelIndex) -> Option<Conversation> {
        let measured = lock(&self.shared.measured);
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
        let measured = lock(&self.shared.measured);
        let found = measured.conversations.get(channel.number() as usize)?;
        Some(use_it(found))
    }

    /// Gives to `use_it` how far viewers are behind the source, of each live stream.
    pub fn with_lags<T>(&self, use_it: impl FnOnce(&BTreeMap<SwarmIndex, Lag>) -> T) -> T {
        use_it(&lock(&self.shared.measured).lags)
    }

    pub(super) fn with_origins<T>(&self, use_it: impl FnOnce(&Origins) -> T) -> T {
        use_it(&lock(&self.shared.measured).origins)
    }

    /// Figures over time, of everything.
    pub fn series(&self) -> Series {
        lock(&self.shared.measured).series.clone()
    }

    /// Rows with a finding, the first ten thousand.
    pub fn places(&self, finding: FindingId) -> Vec<u32> {
        let measured = lock(&self.shared.measured);
        measured
            .places
            .get(finding as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// Times of the first and the latest datagram.
    pub fn span(&self) -> Option<(Time, Time)> {
        let measured = lock(&self.shared.measured);
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
    fn rows(&self) -> std::sync::RwLockReadGuard<'_, Vec<Vec<Row>>> {
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

    /// Adds rows, whose records are in the spool by now.
    pub(super) fn publish(&self, rows: &mut Vec<Row>) {
        let mut pages = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows.drain(..) {
            match pages.last_mut() {
                Some(page) if page.len() < PAGE => page.push(row),
                _ => {
                    let mut page = Vec::with_capacity(PAGE);
                    page.push(row);
                    pages.push(page);
                }
            }
        }
    }

    pub(super) fn row(&self, row: usize) -> Option<Row> {
        self.rows().get(row / PAGE)?.get(row % PAGE).copied()
    }

    pub(super) fn change(&self, row: usize, change: impl FnOnce(&mut Row)) {
        let mut pages = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = pages
            .get_mut(row / PAGE)
            .and_then(|page| page.get_mut(row % PAGE))
        {
            change(row);
        }
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
