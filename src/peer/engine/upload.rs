//! What a peer has asked for, what of it is under way, and what got lost.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::FixedState;
use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::{Bin, ChunkRange};

use super::ledbat::{Ledbat, LedbatConfig};
use super::live::Signature;
use super::store::Chunks;
use super::time::Moment;

/// Datagrams sent later that must have arrived before one is taken for lost.
const REORDERING: u64 = 3;

/// Ranges of chunks that one peer may wait for: each costs memory.
const MOST_RANGES: usize = 4096;

/// The least time by which datagrams may overtake each other.
const LEAST_OVERTAKING: Duration = Duration::from_millis(1);

/// The least time after which an ACK is missed.
const LEAST_PROBE: Duration = Duration::from_millis(10);

/// How often a hash is sent to a peer that has not acknowledged a chunk below
/// it: once more than needed, so that one lost datagram does no harm.
const HASH_COPIES: u8 = 2;

/// Nodes whose hashes were sent that are remembered, about.
const MOST_SENT_HASHES: usize = 8192;

/// A chunk that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) chunk: u64,
    pub(super) at: Moment,
    pub(super) bytes: u32,
    /// Whether it was sent before.
    pub(super) again: bool,
}

/// What a peer needs to verify a chunk.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// The hash of a node.
    Hash(Bin, Hash),
    /// The signature of a node.
    Signature(Bin, Signature),
}

impl Proof {
    /// The node.
    pub(super) const fn node(&self) -> Bin {
        match self {
            Self::Hash(node, _) | Self::Signature(node, _) => *node,
        }
    }
}

/// A chunk whose turn has come.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) chunk: u64,
    /// Whether it was sent before.
    pub(super) again: bool,
    /// What is still to go before it, where that is settled already.
    pub(super) proofs: Option<Vec<Proof>>,
}

/// One peer's requests and our answers.
#[derive(Debug)]
pub(super) struct Upload {
    /// Chunks asked for, in the order of the requests.
    wanted: VecDeque<ChunkRange>,
    /// The same as a set.
    waiting: Chunks,
    count: u64,
    /// Chunks that go first: lost ones, and those whose hashes went ahead.
    first: VecDeque<Turn>,
    /// By the order in which they were sent.
    under_way: BTreeMap<u64, Sent>,
    by_chunk: HashMap<u64, u64, FixedState>,
    next_number: u64,
    pub(super) ledbat: Ledbat,
    /// How often the hash of a node was sent.
    hashes: HashMap<Bin, u8, FixedState>,
    timeouts: u32,
    /// When something was acknowledged last.
    progress: Moment,
    /// Of the datagrams that have arrived, the one that was sent last: its number,
    /// when that was, and how long its ACK took.
    arrived: Option<(u64, Moment, Duration)>,
    /// When the oldest datagram that was overtaken counts as lost.
    overtaken: Option<Moment>,
    /// Whether the last datagram under way was sent again for want of any ACK.
    probed: bool,
}

impl Turn {
    const fn again(chunk: u64) -> Self {
        Self {
            chunk,
            again: true,
            proofs: None,
        }
    }
}

impl Upload {
    pub(super) fn new(config: LedbatConfig, segment: u32, now: Moment) -> Self {
        Self {
            wanted: VecDeque::new(),
            waiting: Chunks::new(),
            count: 0,
            first: VecDeque::new(),
            under_way: BTreeMap::new(),
            by_chunk: HashMap::default(),
            next_number: 0,
            ledbat: Ledbat::new(config, segment, now),
            hashes: HashMap::default(),
            timeouts: 0,
            progress: now,
            arrived: None,
            overtaken: None,
            probed: false,
        }
    }

    /// Chunks that wait to be sent.
    pub(super) const fn waiting(&self) -> u64 {
        self.count
    }

    /// Whether anything waits to be sent.
    pub(super) fn has_waiting(&self) -> bool {
        !self.first.is_empty() || !self.wanted.is_empty()
    }

    /// Timeouts in a row.
    pub(super) const fn timeouts(&self) -> u32 {
        self.timeouts
    }

    /// The peer asks for chunks; at most `most` wait. What waits already keeps its
    /// place.
    pub(super) fn request(&mut self, range: ChunkRange, most: u64) {
        let room = most.saturating_sub(self.count);
        if room == 0 {
            return;
        }
        let end = range.end().min(range.start().saturating_add(room - 1));
        let asked = range.start()..=end;
        let left = MOST_RANGES.saturating_sub(self.wanted.len());
        let news: Vec<_> = self.waiting.gaps(&asked).take(left).collect();
        for news in news {
            let Some(range) = ChunkRange::new(*news.start(), *news.end()) else {
                continue;
            };
            self.count += range.count();
            self.waiting.insert(news);
            self.wanted.push_back(range);
        }
    }

    /// Whether the peer waits for any of these chunks.
    pub(super) fn has_asked(&self, range: ChunkRange) -> bool {
        self.waiting.overlaps(&(range.start()..=range.end()))
            || self.first.iter().any(|turn| range.contains(turn.chunk))
    }

    /// Whether any of these chunks is under way.
    pub(super) fn is_under_way(&self, range: ChunkRange) -> bool {
        if range.count() <= self.under_way.len() as u64 {
            return (range.start()..=range.end()).any(|it| self.by_chunk.contains_key(&it));
        }
        let mut under_way = self.under_way.values();
        under_way.any(|sent| range.contains(sent.chunk))
    }

    /// The peer no longer wants chunks.
    pub(super) fn cancel(&mut self, range: ChunkRange) {
        self.first.retain(|turn| !range.contains(turn.chunk));
        if !self.waiting.overlaps(&(range.start()..=range.end())) {
            return;
        }
        let mut kept = VecDeque::with_capacity(self.wanted.len());
        for wanted in self.wanted.drain(..) {
            let before = range
                .start()
                .checked_sub(1)
                .and_then(|end| ChunkRange::new(wanted.start(), end.min(wanted.end())));
            let after = range
                .end()
                .checked_add(1)
                .and_then(|start| ChunkRange::new(start.max(wanted.start()), wanted.end()));
            kept.extend(before.into_iter().chain(after));
        }
        self.wanted = kept;
        self.waiting.remove(range.start()..=range.end());
        self.count = self.wanted.iter().map(|wanted| wanted.count()).sum();
    }

    /// Forgets all requests: the peer is choked.
    pub(super) fn clear(&mut self) {
        self.wanted.clear();
        self.waiting.clear();
        self.first.clear();
        self.count = 0;
    }

    /// The next chunk to send that `is_needed`; it is taken out.
    pub(super) fn next(&mut self, is_needed: impl Fn(u64) -> bool) -> Option<Turn> {
        while let Some(turn) = self.first.pop_front() {
            if is_needed(turn.chunk) {
                return Some(turn);
            }
        }
        while let Some(range) = self.wanted.front_mut() {
            let chunk = range.start();
            self.count -= 1;
            self.waiting.remove(chunk..=chunk);
            match ChunkRange::new(chunk + 1, range.end()) {
                Some(rest) if chunk < range.end() => *range = rest,
                _ => {
                    self.wanted.pop_front();
                }
            }
            if is_needed(chunk) && !self.by_chunk.contains_key(&chunk) {
                return Some(Turn {
                    chunk,
                    again: false,
                    proofs: None,
                });
            }
        }
        None
    }

    /// Puts a chunk back that could not be sent after all.
    pub(super) fn put_back(&mut self, turn: Turn) {
        self.first.push_front(turn);
    }

    /// A chunk went out in a datagram of so many bytes.
    pub(super) fn sent(&mut self, now: Moment, chunk: u64, bytes: u32, again: bool) {
        let number = self.next_number;
        self.next_number += 1;
        self.by_chunk.insert(chunk, number);
        let sent = Sent {
            chunk,
            at: now,
            bytes,
            again,
        };
        self.under_way.insert(number, sent);
        self.ledbat.sent(now, bytes);
    }

    /// The peer has these chunks; `delay` is the sample that the ACK brought. How
    /// many of them were under way.
    pub(super) fn acknowledged(
        &mut self,
        now: Moment,
        range: ChunkRange,
        delay: Option<u64>,
    ) -> u64 {
        let mut numbers: Vec<u64> = if range.count() <= self.under_way.len() as u64 {
            (range.start()..=range.end())
                .filter_map(|chunk| self.by_chunk.get(&chunk).copied())
                .collect()
        } else {
            let inside = self.under_way.iter();
            inside
                .filter(|(_, sent)| range.contains(sent.chunk))
                .map(|(&number, _)| number)
                .collect()
        };
        numbers.sort_unstable();
        let Some(&latest) = numbers.last() else {
            return 0;
        };
        let count = numbers.len() as u64;
        self.timeouts = 0;
        self.probed = false;
        self.progress = now;
        let mut bytes = 0u32;
        let mut round_trip = None;
        for number in numbers {
            if let Some(sent) = self.under_way.remove(&number) {
                self.by_chunk.remove(&sent.chunk);
                bytes = bytes.saturating_add(sent.bytes);
                // Which copy of a chunk is acknowledged nobody can tell.
                round_trip = (!sent.again).then(|| now.since(sent.at));
                if let Some(round_trip) = round_trip
                    && number == latest
                    && self.arrived.is_none_or(|(before, ..)| before < latest)
                {
                    self.arrived = Some((latest, sent.at, round_trip));
                }
            }
        }
        self.ledbat.acknowledged(now, bytes, delay, round_trip);
        // What was sent well before what has arrived got lost.
        while let Some((&number, &sent)) = self.under_way.first_key_value() {
            if number + REORDERING > latest {
                break;
            }
            self.lose(now, number, sent);
        }
        self.lose_overtaken(now);
        count
    }

    /// A datagram got lost: its chunk is next.
    fn lose(&mut self, now: Moment, number: u64, sent: Sent) {
        self.under_way.remove(&number);
        self.by_chunk.remove(&sent.chunk);
        self.first.push_back(Turn::again(sent.chunk));
        self.ledbat.lost(now, sent.bytes, sent.at);
    }

    /// Takes for lost what was overtaken so long ago that it is not only late: a
    /// quarter of a round trip (RACK, RFC 8985, section 6.2). Where few datagrams
    /// are under way, no three of them may follow a lost one.
    fn lose_overtaken(&mut self, now: Moment) {
        self.overtaken = None;
        let Some((arrived, _, round_trip)) = self.arrived else {
            return;
        };
        let wait = round_trip + (round_trip / 4).max(LEAST_OVERTAKING);
        while let Some((&number, &sent)) = self.under_way.first_key_value() {
            if number > arrived {
                return;
            }
            let at = sent.at + wait;
            if at > now {
                self.overtaken = Some(at);
                return;
            }
            self.lose(now, number, sent);
        }
    }

    /// When something under way is to be looked at.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let times = [self.timeout(), self.probe(), self.overtaken];
        times.into_iter().flatten().min()
    }

    /// When all that is under way is taken for lost: nothing was acknowledged for
    /// too long (RFC 6817, section 2.4.2).
    fn timeout(&self) -> Option<Moment> {
        let (_, oldest) = self.under_way.first_key_value()?;
        Some(oldest.at.max(self.progress) + self.ledbat.timeout())
    }

    /// When the last datagram under way is sent again, once: where it is
    /// acknowledged, what was lost before it is known two round trips after it
    /// left and not only after the timeout, and the window is halved and not one
    /// segment (RFC 8985, section 7).
    fn probe(&self) -> Option<Moment> {
        if self.probed {
            return None;
        }
        let (_, newest) = self.under_way.last_key_value()?;
        let wait = self.ledbat.probe_timeout()?;
        Some(newest.at.max(self.progress) + wait.max(LEAST_PROBE))
    }

    /// Time has passed; whether all that is under way has timed out. It is sent
    /// again then.
    pub(super) fn elapse(&mut self, now: Moment) -> bool {
        if self.overtaken.is_some_and(|at| at <= now) {
            self.lose_overtaken(now);
        }
        if self.timeout().is_none_or(|deadline| deadline > now) {
            if self.probe().is_some_and(|at| at <= now)
                && let Some((&number, &sent)) = self.under_way.last_key_value()
            {
                self.probed = true;
                self.lose(now, number, sent);
            }
            return false;
        }
        self.overtaken = None;
        self.probed = false;
        self.timeouts += 1;
        self.ledbat.timed_out(now);
        self.by_chunk.clear();
        let late = std::mem::take(&mut self.under_way);
        self.first
            .extend(late.into_values().map(|sent| Turn::again(sent.chunk)));
        true
    }

    /// Whether the hash of a node should go with a chunk: it was not sent often
    /// enough to be sure that it came, or the chunk is sent again.
    pub(super) fn should_send_hash(&self, node: Bin, again: bool) -> bool {
        again
            || self
                .hashes
                .get(&node)
                .is_none_or(|&copies| copies < HASH_COPIES)
    }

    /// The hash of a node went out.
    pub(super) fn sent_hash(&mut self, node: Bin, has: &Chunks) {
        if self.hashes.len() >= MOST_SENT_HASHES {
            // Those that a chunk below the parent has proven are never asked of.
            self.hashes.retain(|node, _| {
                node.parent().is_some_and(|parent| {
                    !has.overlaps(&(parent.range().start()..=parent.range().end()))
                })
            });
            if self.hashes.len() >= MOST_SENT_HASHES {
                self.hashes.clear();
            }
        }
        let copies = self.hashes.entry(node).or_default();
        *copies = copies.saturating_add(1);
    }

    /// When one more datagram of so many bytes may go; `None` before something
    /// is acknowledged.
    pub(super) fn next_send(&self, bytes: u32) -> Option<Moment> {
        let next = self.ledbat.next_send();
        self.ledbat.may_send(next, bytes).then_some(next)
    }
}
