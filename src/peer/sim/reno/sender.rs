//! The end that has data.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::packet::{HEADER, Packet};
use crate::peer::engine::Moment;
use crate::peer::sim::node::Node;

/// Packets that must have arrived after one for it to be lost.
const REORDERING_THRESHOLD: u64 = 3;
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The window never grows beyond this many bytes.
const GREATEST_WINDOW: u64 = 1 << 30;

/// What a flow is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenoSettings {
    /// Where it goes.
    pub destination: SocketAddr,
    /// Bytes of payload of each datagram; taken as 21 at least, which its
    /// header takes, and 65,507 at most.
    pub segment_bytes: usize,
    /// How many segments there are; `None` never ends.
    pub segments: Option<u64>,
    /// With how many segments at once it begins.
    pub initial_window: u32,
}

impl RenoSettings {
    /// A flow that never ends, of 1400 bytes a datagram, that begins with ten.
    pub const fn endless(destination: SocketAddr) -> Self {
        Self {
            destination,
            segment_bytes: 1_400,
            segments: None,
            initial_window: 10,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    segment: u64,
    time: Moment,
    is_settled: bool,
}

/// Sends as fast as Reno allows.
#[derive(Debug)]
pub struct RenoSender {
    settings: RenoSettings,
    /// Transmissions from number `first` on whose fate is not known, or that
    /// have one before them whose fate is not.
    sent: VecDeque<Sent>,
    first: u64,
    /// Those of them whose fate is not known.
    in_flight: u64,
    next_segment: u64,
    lost_segments: VecDeque<u64>,
    /// In bytes, as all windows here.
    window: u64,
    threshold: u64,
    /// Acknowledged bytes that have not made the window grow yet.
    credit: u64,
    /// Losses of earlier numbers make no further decrease.
    recovery: u64,
    smoothed: Option<Duration>,
    variation: Duration,
    timeouts_on_end: u32,
    timer: Option<Moment>,
    decreases: u64,
    finished: Option<Moment>,
    started: bool,
}

impl RenoSender {
    /// A flow that begins when its host starts.
    pub fn new(mut settings: RenoSettings) -> Self {
        settings.segment_bytes = settings.segment_bytes.clamp(HEADER, 65_507);
        let window = settings.segment_bytes as u64 * u64::from(settings.initial_window.max(1));
        Self {
            settings,
            sent: VecDeque::new(),
            first: 0,
            in_flight: 0,
            next_segment: 0,
            lost_segments: VecDeque::new(),
            window,
            threshold: GREATEST_WINDOW,
            credit: 0,
            recovery: 0,
            smoothed: None,
            variation: Duration::ZERO,
            timeouts_on_end: 0,
            timer: None,
            decreases: 0,
            finished: None,
            started: false,
        }
    }

    /// The congestion window, in bytes of payload.
    pub const fn window(&self) -> u64 {
        self.window
    }

    /// How many times the window was made smaller, by loss or timeout.
    pub const fn decreases(&self) -> u64 {
        self.decreases
    }

    /// The smoothed round-trip time, once one was measured.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// When the last segment was acknowledged.
    pub const fn finished(&self) -> Option<Moment> {
        self.finished
    }

    fn segment(&self) -> u64 {
        self.settings.segment_bytes as u64
    }

    fn next_number(&self) -> u64 {
        self.first + self.sent.len() as u64
    }

    fn timeout(&self) -> Duration {
        let base = self.smoothed.map_or(INITIAL_TIMEOUT, |smoothed| {
            (smoothed + self.variation * 4).max(SHORTEST_TIMEOUT)
        });
        let factor = 1_u32 << self.timeouts_on_end.min(10);
        base.saturating_mul(factor).min(LONGEST_TIMEOUT)
    }

    /// Takes a transmission as acknowledged; its time where that is news.
    fn acknowledge(&mut self, number: u64) -> Option<Moment> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let sent = self.sent.get_mut(index)?;
        if sent.is_settled {
            return None;
        }
        sent.is_settled = true;
        self.in_flight -= 1;
        Some(sent.time)
    }

    /// Takes those as lost that enough later ones have overtaken.
    fn find_lost(&mut self, highest: u64) {
        let mut must_decrease = false;
        while let Some(&sent) = self.sent.front() {
            if !sent.is_settled {
                if self.first + REORDERING_THRESHOLD > highest {
                    break;
                }
                self.in_flight -= 1;
                self.lost_segments.push_back(sent.segment);
                must_decrease |= self.first >= self.recovery;
            }
            self.sent.pop_front();
            self.first += 1;
        }
        if must_decrease {
            self.decreases += 1;
            self.recovery = self.next_number();
            self.threshold = (self.window / 2).max(2 * self.segment());
            self.window = self.threshold;
            self.credit = 0;
        }
    }

    fn grow(&mut self, bytes: u64) {
        if self.window < self.threshold {
            self.window += bytes;
        } else {
            self.credit += bytes;
            if self.credit >= self.window {
                self.credit -= self.window;
                self.window += self.segment();
            }
        }
        self.window = self.window.min(GREATEST_WINDOW);
    }

    fn measure(&mut self, round_trip: Duration) {
        match self.smoothed {
            None => {
                self.smoothed = Some(round_trip);
                self.variation = round_trip / 2;
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(round_trip)) / 4;
                self.smoothed = Some((smoothed * 7 + round_trip) / 8);
            }
        }
    }
}

impl Node for RenoSender {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        let Some(Packet::Acknowledgement { number, before }) = Packet::decode(datagram) else {
            return;
        };
        if source != self.settings.destination || number >= self.next_number() {
            return;
        }
        let mut news = 0;
        if let Some(time) = self.acknowledge(number) {
            news += 1;
            self.measure(now.since(time));
        }
        for bit in (0..64).filter(|bit| before >> bit & 1 == 1) {
            if let Some(earlier) = number.checked_sub(bit + 1) {
                news += u64::from(self.acknowledge(earlier).is_some());
            }
        }
        if news == 0 {
            return;
        }
        self.timeouts_on_end = 0;
        self.find_lost(number);
        if number >= self.recovery {
            self.grow(news * self.segment());
        }
        self.timer = (self.in_flight > 0).then_some(now);
        let is_all_sent = self.settings.segments == Some(self.next_segment);
        if is_all_sent && self.lost_segments.is_empty() && self.in_flight == 0 {
            self.finished.get_or_insert(now);
        }
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if !self.started || (self.in_flight + 1) * self.segment() > self.window {
            return None;
        }
        let segment = match self.lost_segments.pop_front() {
            Some(segment) => segment,
            None if self.settings.segments == Some(self.next_segment) => return None,
            None => {
                self.next_segment += 1;
                self.next_segment - 1
            }
        };
        let number = self.next_number();
        self.sent.push_back(Sent {
            segment,
            time: now,
            is_settled: false,
        });
        self.in_flight += 1;
        self.timer.get_or_insert(now);
        let end = out.len() + self.settings.segment_bytes;
        Packet::Data { number, segment }.encode(out);
        out.resize(end, 0);
        Some(self.settings.destination)
    }

    fn deadline(&self) -> Option<Moment> {
        Some(self.timer? + self.timeout())
    }

    fn elapse(&mut self, now: Moment) {
        self.started = true;
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        self.decreases += 1;
        self.timeouts_on_end += 1;
        self.timer = None;
        self.threshold = (self.in_flight * self.segment() / 2).max(2 * self.segment());
        self.window = self.segment();
        self.credit = 0;
        self.first = self.next_number();
        self.recovery = self.first;
        self.in_flight = 0;
        let unsettled = self.sent.drain(..).filter(|sent| !sent.is_settled);
        self.lost_segments
            .extend(unsettled.map(|sent| sent.segment));
    }
}
