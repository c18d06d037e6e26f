//! What we have asked one peer for, and what it sent.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::FixedState;
use ppspp_dissector::integrity::{Hash, Peak};
use ppspp_dissector::wire::Bin;

use super::live::Signature;
use super::time::Moment;

/// Hashes that are kept until a chunk needs them.
const MOST_HASHES: usize = 8192;

/// Bytes of chunks that are kept until their hashes come.
const MOST_PARKED: usize = 1024 * 1024;

/// Signatures of chunks that are kept until the chunks come.
const MOST_SIGNATURES: usize = 256;

/// Chunks asked for at once, at first, at least and at most.
const FIRST_WINDOW: u64 = 8;
const LEAST_WINDOW: u64 = 4;
const WIDEST_WINDOW: u64 = 4096;

/// How long requests may wait at a peer: where they wait longer, no more than
/// before are made, and where they wait twice as long, fewer. What waits there
/// can't be asked of another peer, and was chosen by what was known long ago.
const BACKLOG: Duration = Duration::from_millis(500);

/// The same for a live stream, where others may soon have what waits: all ask
/// who makes it first.
const LIVE_BACKLOG: Duration = Duration::from_millis(150);

/// How long a peer may take that sends other chunks meanwhile, and one that
/// sends nothing, at least. libswift forgets requests after a second and a half.
const PATIENCE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_millis(400);

/// Requests that expired, one after the other without anything coming, after
/// which a peer counts as one that does not serve.
const MOST_EXPIRED: u32 = 3;

/// One peer's offers and our requests.
#[derive(Debug)]
pub(super) struct Download {
    /// Chunks that were asked for, and when.
    asked: BTreeMap<u64, Moment>,
    /// The same by time: the oldest first, some of them answered already.
    order: VecDeque<(Moment, u64)>,
    /// How many may be asked for at once.
    window: u64,
    /// How long they may wait at the peer.
    backlog: Duration,
    /// How long requests took to be answered, smoothed.
    service: Duration,
    /// Chunks that are to be asked for with the next datagrams.
    pub(super) to_ask: VecDeque<ppspp_dissector::wire::ChunkRange>,
    expired: u32,
    /// When a chunk came last.
    latest: Moment,
    /// Hashes that wait for a chunk, and the order in which they came.
    hashes: HashMap<Bin, Hash, FixedState>,
    arrivals: VecDeque<Bin>,
    /// Chunks that lack hashes, with the delay samples of their datagrams.
    parked: BTreeMap<u64, (Vec<u8>, u64)>,
    parked_bytes: usize,
    /// Signatures that wait for their chunks.
    signatures: VecDeque<(u64, Signature)>,
    /// Hashes that may be the peaks, from chunk 0 on.
    pub(super) run: Vec<Peak>,
    /// Chunks that could not be verified, and that did not fit, one after the
    /// other.
    pub(super) unproven: u32,
    pub(super) misfits: u32,
}

impl Download {
    pub(super) fn new(is_live: bool) -> Self {
        Self {
            backlog: if is_live { LIVE_BACKLOG } else { BACKLOG },
            asked: BTreeMap::new(),
            order: VecDeque::new(),
            window: FIRST_WINDOW,
            service: Duration::ZERO,
            to_ask: VecDeque::new(),
            expired: 0,
            latest: Moment::default(),
            hashes: HashMap::default(),
            arrivals: VecDeque::new(),
            parked: BTreeMap::new(),
            parked_bytes: 0,
            signatures: VecDeque::new(),
            run: Vec::new(),
            unproven: 0,
            misfits: 0,
        }
    }

    /// How many more chunks may be asked for now: none until a quarter of the
    /// window is free, so that requests go in ranges and not one by one.
    pub(super) fn room(&self) -> u64 {
        let room = self.window.saturating_sub(self.asked.len() as u64);
        if room * 4 >= self.window { room } else { 0 }
    }

    /// Whether anything is asked for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Notes that a chunk is asked for.
    pub(super) fn ask(&mut self, now: Moment, chunk: u64) {
        self.asked.insert(chunk, now);
        self.order.push_back((now, chunk));
    }

    /// A chunk came; whether it was asked for.
    pub(super) fn came(&mut self, now: Moment, chunk: u64, round_trip: Duration) -> bool {
        self.latest = now;
        self.expired = 0;
        let Some(asked) = self.asked.remove(&chunk) else {
            return false;
        };
        let took = now.since(asked);
        self.service = (self.service * 7 + took) / 8;
        let backlog = self.backlog.max(round_trip * 2);
        if took <= backlog {
            self.window = (self.window + 1).min(WIDEST_WINDOW);
        } else if took > backlog * 2 {
            self.window = (self.window - 1).max(LEAST_WINDOW);
        }
        true
    }

    /// Whether a chunk is asked for.
    pub(super) fn has_asked(&self, chunk: u64) -> bool {
        self.asked.contains_key(&chunk)
    }

    /// When a chunk was asked for.
    pub(super) fn asked_at(&self, chunk: u64) -> Option<Moment> {
        self.asked.get(&chunk).copied()
    }

    /// No longer waits for a chunk; whether it did.
    pub(super) fn give_up(&mut self, chunk: u64) -> bool {
        self.asked.remove(&chunk).is_some()
    }

    /// No longer waits for anything: these chunks may be asked of others.
    pub(super) fn give_up_all(&mut self) -> Vec<u64> {
        self.order.clear();
        self.to_ask.clear();
        std::mem::take(&mut self.asked).into_keys().collect()
    }

    /// When a request expires that was made at `at`.
    fn expiry(&self, at: Moment, round_trip: Duration) -> Moment {
        let busy = at + PATIENCE.max(round_trip * 8).max(self.service * 2);
        busy.min(at.max(self.latest) + self.silence(round_trip))
    }

    /// How long nothing may come: the longer the more often nothing came at all,
    /// so that who has gone is not asked the same again and again.
    fn silence(&self, round_trip: Duration) -> Duration {
        let doublings = self.expired.saturating_sub(MOST_EXPIRED - 1).min(5);
        SILENCE.max(round_trip * 4) * (1 << doublings)
    }

    /// When the oldest request expires.
    pub(super) fn deadline(&self, round_trip: Duration) -> Option<Moment> {
        let &(at, _) = self.order.front()?;
        Some(self.expiry(at, round_trip))
    }

    /// The requests that have expired: these chunks may be asked for again.
    pub(super) fn elapse(&mut self, now: Moment, round_trip: Duration) -> Vec<u64> {
        let mut late = Vec::new();
        let mut is_silent = false;
        let silence = self.silence(round_trip);
        while let Some(&(at, chunk)) = self.order.front() {
            let is_answered = self.asked.get(&chunk) != Some(&at);
            if !is_answered && self.expiry(at, round_trip) > now {
                break;
            }
            self.order.pop_front();
            if !is_answered {
                self.asked.remove(&chunk);
                is_silent |= self.latest <= at || self.latest + silence <= now;
                late.push(chunk);
            }
        }
        if !late.is_empty() {
            // Who has sent nothing since is asked for little until it does.
            self.window = if is_silent { 0 } else { self.window / 2 }.max(LEAST_WINDOW);
            self.expired += 1;
        }
        late
    }

    /// Whether the peer has left our requests unanswered again and again.
    pub(super) const fn does_not_serve(&self) -> bool {
        self.expired >= MOST_EXPIRED
    }

    /// Keeps a hash until a chunk needs it.
    pub(super) fn keep_hash(&mut self, node: Bin, hash: Hash) {
        if self.hashes.insert(node, hash).is_none() {
            self.arrivals.push_back(node);
            if self.arrivals.len() > MOST_HASHES
                && let Some(oldest) = self.arrivals.pop_front()
            {
                self.hashes.remove(&oldest);
            }
        }
    }

    /// A hash that was sent for a node.
    pub(super) fn hash(&self, node: Bin) -> Option<Hash> {
        self.hashes.get(&node).copied()
    }

    /// When a chunk came last that could be verified.
    pub(super) const fn latest(&self) -> Moment {
        self.latest
    }

    /// Keeps a chunk that lacks hashes, where there is room.
    pub(super) fn park(&mut self, chunk: u64, data: &[u8], delay: u64) {
        if self.parked_bytes + data.len() <= MOST_PARKED && !self.parked.contains_key(&chunk) {
            self.parked_bytes += data.len();
            self.parked.insert(chunk, (data.to_vec(), delay));
        }
    }

    /// Takes the first of those chunks out, with its delay sample.
    pub(super) fn unpark(&mut self) -> Option<(u64, Vec<u8>, u64)> {
        let (chunk, (data, delay)) = self.parked.pop_first()?;
        self.parked_bytes -= data.len();
        Some((chunk, data, delay))
    }

    /// Takes one of those chunks out, with its delay sample.
    pub(super) fn unpark_one(&mut self, chunk: u64) -> Option<(Vec<u8>, u64)> {
        let (data, delay) = self.parked.remove(&chunk)?;
        self.parked_bytes -= data.len();
        Some((data, delay))
    }

    /// Keeps the signature of a chunk until that comes.
    pub(super) fn keep_signature(&mut self, chunk: u64, signature: Signature) {
        if self.signatures.len() >= MOST_SIGNATURES {
            self.signatures.pop_front();
        }
        self.signatures.push_back((chunk, signature));
    }

    /// The signature that was sent for a chunk last.
    pub(super) fn signature(&self, chunk: u64) -> Option<&Signature> {
        let mut latest = self.signatures.iter().rev();
        let (_, signature) = latest.find(|(signed, _)| *signed == chunk)?;
        Some(signature)
    }

    /// Forgets all hashes: one of them is wrong.
    pub(super) fn forget_hashes(&mut self) {
        self.hashes.clear();
        self.arrivals.clear();
    }
}
