//! Links: bandwidth, delay, queue, and what goes wrong on them.
//!
//! A datagram that comes to a link waits in a drop-tail queue, takes its time
//! to be put on the wire (its bytes, with IP and UDP headers, by the
//! bandwidth), may be lost there, and arrives after the delay. What is lost has
//! taken its bandwidth all the same.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use rand_chacha::ChaCha12Rng;

use super::chance::{Probability, up_to};
use super::clock::{Nanotime, nanoseconds};

/// Bits a second, more than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(NonZeroU64);

impl Bandwidth {
    /// `None` where it is zero, or beyond 10^15.
    pub fn from_bits_per_second(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits)
            .filter(|bits| bits.get() <= 1_000_000_000_000_000)
            .map(Self)
    }

    /// Bits a second.
    pub const fn bits_per_second(self) -> u64 {
        self.0.get()
    }
}

/// How a link's jitter is spread from nothing to its greatest amount. Both
/// need whole numbers only, so every machine draws the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JitterShape {
    /// All amounts are equally likely; the mean is half the greatest.
    #[default]
    Uniform,
    /// The mean of four uniform draws: a bell around half the greatest, whose
    /// standard deviation is about 0.14 of the greatest.
    Bell,
}

/// What a delay varies by, beyond its fixed part. Jitter by itself never
/// reorders: who comes behind a late datagram arrives no earlier than it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Jitter {
    /// The greatest amount.
    pub most: Duration,
    /// How amounts up to it are spread.
    pub shape: JitterShape,
}

/// Losses in bursts, by the model of Gilbert and Elliott: with each datagram
/// the link may go from its good state to its bad one or back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// From good to bad, with each datagram.
    pub begin: Probability,
    /// From bad to good, with each datagram: bursts last for 1/`end` datagrams
    /// in the mean.
    pub end: Probability,
    /// A loss in the bad state; the good state has the independent loss only.
    pub loss: Probability,
}

/// Datagrams that are late by themselves, so that others overtake them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reordering {
    /// How likely a datagram is late.
    pub probability: Probability,
    /// By how much.
    pub lateness: Duration,
}

/// What a link does to datagrams. By default nothing: no delay, no limits.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// `None` is without limit, and then nothing ever waits.
    pub bandwidth: Option<Bandwidth>,
    /// How long the wire is.
    pub delay: Duration,
    /// What the delay varies by.
    pub jitter: Jitter,
    /// Losses that have nothing to do with each other.
    pub loss: Probability,
    /// Losses in bursts, besides.
    pub bursts: Option<Bursts>,
    /// Datagrams that others overtake.
    pub reordering: Option<Reordering>,
    /// How likely a datagram arrives twice.
    pub duplication: Probability,
    /// How many bytes may wait, headers included, without the datagram that is
    /// being sent. What does not fit any more is dropped.
    pub queue_bytes: u64,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            bandwidth: None,
            delay: Duration::ZERO,
            jitter: Jitter::default(),
            loss: Probability::NEVER,
            bursts: None,
            reordering: None,
            duplication: Probability::NEVER,
            queue_bytes: 256 * 1024,
        }
    }
}

/// Bytes that a datagram takes on a link: with the headers of UDP and of IPv4
/// (28 bytes) or IPv6 (48 bytes).
pub fn wire_bytes(destination: SocketAddr, payload: usize) -> u64 {
    let headers = if destination.is_ipv4() { 28 } else { 48 };
    payload as u64 + headers
}

/// What became of all datagrams that came to a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Datagrams put on the wire.
    pub carried: u64,
    /// Their bytes, headers included.
    pub carried_bytes: u64,
    /// Datagrams that the queue had no room for.
    pub dropped: u64,
    /// Datagrams lost on the wire; they were carried too.
    pub lost: u64,
    /// Datagrams that arrived twice.
    pub duplicated: u64,
    /// Datagrams sent late.
    pub reordered: u64,
    /// For how long the link was busy; what waits now is counted already.
    pub busy: Duration,
    /// How long carried datagrams waited, all together.
    pub waited: Duration,
    /// How long one of them waited at most.
    pub longest_wait: Duration,
}

/// What a link did with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives, and perhaps once more.
    Arrives { first: Nanotime, again: bool },
    /// The queue was full.
    NoRoom,
    /// It is lost on the wire.
    Lost,
}

/// A link in one direction.
#[derive(Debug)]
pub(super) struct Link {
    settings: LinkSettings,
    generator: ChaCha12Rng,
    counts: LinkCounts,
    /// When each waiting datagram will begin to be sent, and its bytes.
    waiting: VecDeque<(u64, u64)>,
    waiting_bytes: u64,
    /// When the last datagram will have been sent, in nanoseconds.
    free: u64,
    /// What was left over when `free` was rounded down, in nanoseconds divided
    /// by the bandwidth: without it a busy link would be too fast.
    remainder: u64,
    /// When the last datagram arrives that was not late by itself.
    last_arrival: u64,
    is_bad: bool,
}

impl Link {
    pub(super) fn new(settings: LinkSettings, generator: ChaCha12Rng) -> Self {
        Self {
            settings,
            generator,
            counts: LinkCounts::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            free: 0,
            remainder: 0,
            last_arrival: 0,
            is_bad: false,
        }
    }

    pub(super) fn settings(&self) -> &LinkSettings {
        &self.settings
    }

    pub(super) fn counts(&self) -> &LinkCounts {
        &self.counts
    }

    /// How long the link would still be busy if nothing more came.
    pub(super) fn backlog(&self, now: Nanotime) -> Duration {
        Nanotime::from_nanoseconds(self.free).since(now)
    }

    /// A datagram of so many bytes has come; `now` never goes back.
    pub(super) fn offer(&mut self, now: Nanotime, bytes: u64) -> Fate {
        let Some(sent) = self.queue(now.nanoseconds(), bytes) else {
            self.counts.dropped += 1;
            return Fate::NoRoom;
        };
        self.counts.carried += 1;
        self.counts.carried_bytes += bytes;
        if self.loses() {
            self.counts.lost += 1;
            return Fate::Lost;
        }
        let delay = nanoseconds(self.settings.delay).saturating_add(self.jitter());
        let mut arrival = sent.saturating_add(delay).max(self.last_arrival);
        if let Some(reordering) = self.settings.reordering
            && reordering.probability.happens(&mut self.generator)
        {
            self.counts.reordered += 1;
            arrival = arrival.saturating_add(nanoseconds(reordering.lateness));
        } else {
            self.last_arrival = arrival;
        }
        let again = self.settings.duplication.happens(&mut self.generator);
        self.counts.duplicated += u64::from(again);
        Fate::Arrives {
            first: Nanotime::from_nanoseconds(arrival),
            again,
        }
    }

    /// When the datagram will have been sent; `None` where it has no room.
    fn queue(&mut self, now: u64, bytes: u64) -> Option<u64> {
        let Some(bandwidth) = self.settings.bandwidth else {
            return Some(now);
        };
        while let Some(&(start, waiting)) = self.waiting.front()
            && start <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= waiting;
        }
        let start = if self.free > now {
            if self.waiting_bytes + bytes > self.settings.queue_bytes {
                return None;
            }
            self.waiting.push_back((self.free, bytes));
            self.waiting_bytes += bytes;
            self.free
        } else {
            // Between back-to-back datagrams that came a moment late there is
            // nothing to carry over.
            if self.free < now {
                self.remainder = 0;
            }
            now
        };
        let rate = bandwidth.bits_per_second();
        let work = bytes * 8 * 1_000_000_000 + self.remainder;
        self.free = start.saturating_add(work / rate);
        self.remainder = work % rate;
        let wait = Duration::from_nanos(start - now);
        self.counts.busy += Duration::from_nanos(self.free - start);
        self.counts.waited += wait;
        self.counts.longest_wait = self.counts.longest_wait.max(wait);
        Some(self.free)
    }

    fn loses(&mut self) -> bool {
        let generator = &mut self.generator;
        let mut lost = self.settings.loss.happens(generator);
        if let Some(bursts) = self.settings.bursts {
            let turn = if self.is_bad {
                bursts.end
            } else {
                bursts.begin
            };
            self.is_bad ^= turn.happens(generator);
            lost |= self.is_bad && bursts.loss.happens(generator);
        }
        lost
    }

    /// In nanoseconds.
    fn jitter(&mut self) -> u64 {
        let Jitter { most, shape } = self.settings.jitter;
        if most.is_zero() {
            return 0;
        }
        let most = nanoseconds(most);
        let generator = &mut self.generator;
        match shape {
            JitterShape::Uniform => up_to(most, generator),
            JitterShape::Bell => (0..4).map(|_| up_to(most, generator) / 4).sum(),
        }
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
