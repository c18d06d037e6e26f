//! LEDBAT, the congestion control of a sender of DATA (RFC 6817; RFC 7574,
//! section 8.15).

mod config;
mod delay;
mod flight;
mod pacing;
mod round_trip;

#[cfg(test)]
mod model;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use config::{Gain, LedbatConfig};

use super::Moment;
use config::Parameters;
use delay::Delays;
use flight::Flight;
use pacing::{Pacer, Rate};
use round_trip::RoundTrip;

/// No window becomes larger, in bytes: 64 MiB are 3 Gbit/s over 170 ms.
const MAXIMUM_WINDOW: u32 = 64 << 20;

/// Windows are kept in parts of a byte: what one acknowledgement adds to a large
/// one is less than a byte.
const PARTS: u32 = 24;

/// How long the queue may be in use before it is emptied for a moment: as long
/// as one of the intervals of which the base delay keeps the minimum, so that
/// each knows the truth.
const DRAIN_INTERVAL: Duration = Duration::from_secs(60);

/// The congestion controller of one flow of DATA datagrams to one peer. It sends
/// nothing itself: whoever does asks it when, and tells what happened.
///
/// Bytes are those of datagrams. Each datagram enters the flight once, with
/// [`sent`](Self::sent), and leaves it once: acknowledged, lost, timed out or
/// forgotten. Whoever sends it again has sent a new one.
#[derive(Clone, Debug)]
pub struct Ledbat {
    parameters: Parameters,
    /// Parts of a byte.
    window: u64,
    phase: Phase,
    /// When the queue that slow start has left can be measured.
    settle: Option<Moment>,
    flight: Flight,
    /// Datagrams sent until then have had their halving.
    reduced: Option<Moment>,
    /// Nothing was acknowledged since the last timeout.
    silent: bool,
    last_sent: Moment,
    /// When the queue was seen to be nearly empty, or was emptied.
    emptied: Moment,
    delays: Delays,
    queueing: Option<Duration>,
    round_trip: RoundTrip,
    pacer: Pacer,
}

/// How the window grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// By what is acknowledged (RFC 5681, section 3.1, as RFC 6817, section 2.2,
    /// allows), until the window reaches ssthresh, in parts of a byte.
    SlowStart { threshold: u64 },
    /// As the queueing delay tells (RFC 6817, section 2.4.2).
    Steady,
    /// Not at all until then, so that the queue empties; afterwards slow start
    /// leads back to the threshold.
    Draining { until: Moment, threshold: u64 },
}

impl Ledbat {
    /// A controller at its initial window, for full DATA datagrams of `segment`
    /// bytes (RFC 6817's MSS). Parameters outside the limits of RFC 6817, section
    /// 2.5, are brought within them.
    pub fn new(config: LedbatConfig, segment: u32, now: Moment) -> Self {
        let parameters = Parameters::new(config, segment);
        Self {
            parameters,
            window: parts(parameters.initial_window),
            phase: Phase::SlowStart {
                threshold: parts(MAXIMUM_WINDOW),
            },
            settle: None,
            flight: Flight::new(now),
            reduced: None,
            silent: false,
            last_sent: now,
            emptied: now,
            delays: Delays::new(config.base_history, config.current_filter, now),
            queueing: None,
            round_trip: RoundTrip::default(),
            pacer: Pacer::new(now),
        }
    }

    /// A datagram of so many bytes has left.
    pub fn sent(&mut self, now: Moment, bytes: u32) {
        if self.flight.bytes() == 0 && now.since(self.last_sent) > self.timeout() {
            self.restart();
        }
        self.last_sent = now;
        self.pacer.sent(now, bytes, self.rate());
        self.flight.enter(now, bytes, self.round());
    }

    /// An ACK has come: so many bytes of the flight are newly acknowledged. Where
    /// it is for a datagram that has left the flight before, that is 0.
    ///
    /// `delay` is the one-way delay sample as the ACK carried it, in microseconds
    /// (RFC 7574, section 8.7). It may be any number, only its variation counts;
    /// without one, the window grows until there is loss. `round_trip` is that of
    /// this datagram, where it was sent only once.
    pub fn acknowledged(
        &mut self,
        now: Moment,
        bytes: u32,
        delay: Option<u64>,
        round_trip: Option<Duration>,
    ) {
        if let Some(delay) = delay {
            let smoothed = self.round_trip.smoothed();
            self.delays.sample(now, delay, round_trip, smoothed);
        }
        if let Some(round_trip) = round_trip {
            self.round_trip.measured(round_trip);
        }
        self.delays.expire(now, self.round_trip.smoothed());
        self.queueing = self.delays.queueing(now);
        self.silent = false;
        let bytes = bytes.min(self.flight.bytes());
        self.adjust(now, bytes);
        self.drain(now);
        self.flight.leave(bytes);
    }

    /// A datagram of so many bytes, sent at `sent`, is known to be lost: it leaves
    /// the flight. The window is halved, but for losses among what was sent until
    /// the last halving: those are the same event (RFC 6817, section 3.2.2).
    pub fn lost(&mut self, now: Moment, bytes: u32, sent: Moment) {
        self.flight.leave(bytes);
        if self.reduced.is_some_and(|reduced| sent <= reduced) {
            return;
        }
        self.reduced = Some(now);
        self.phase = match self.phase {
            Phase::Draining { until, threshold } => Phase::Draining {
                until,
                threshold: threshold / 2,
            },
            _ => Phase::Steady,
        };
        let minimum = parts(self.parameters.minimum_window);
        self.window = self.window.min(minimum.max(self.window / 2));
    }

    /// No ACK came within [`timeout`](Self::timeout): the window is one segment,
    /// the timeout doubles, and all of the flight counts as lost (RFC 6817,
    /// section 2.4.2). Afterwards slow start leads to half of what was in flight
    /// (RFC 5681, section 3.1).
    pub fn timed_out(&mut self, now: Moment) {
        // A second timeout finds one datagram in flight, which says nothing
        // about the path.
        if !self.silent {
            let half = match self.phase {
                // What is in flight then is no measure either.
                Phase::Draining { threshold, .. } => threshold / 2,
                _ => parts(self.flight.bytes()) / 2,
            };
            self.phase = Phase::SlowStart {
                threshold: half
                    .max(parts(self.parameters.segment * 2))
                    .min(parts(MAXIMUM_WINDOW)),
            };
        }
        self.silent = true;
        self.reduced = Some(now);
        self.window = parts(self.parameters.segment);
        self.flight.leave(u32::MAX);
        self.round_trip.back_off();
        self.pacer.reset(now);
    }

    /// So many bytes leave the flight without a verdict: nobody waits for their
    /// ACK any more.
    pub fn forgotten(&mut self, bytes: u32) {
        self.flight.leave(bytes);
    }

    /// Whether a datagram of so many bytes may leave now. With nothing in flight
    /// the window lets a datagram of any size pass: no ACK could change its mind.
    pub fn may_send(&self, now: Moment, bytes: u32) -> bool {
        let flight = self.flight.bytes();
        let fits = flight.saturating_add(bytes) <= self.window();
        (fits || flight == 0) && self.next_send() <= now
    }

    /// When pacing lets the next datagram leave, where the window does; a moment
    /// that has passed means at once.
    pub fn next_send(&self) -> Moment {
        self.pacer.next(self.parameters.segment, self.rate())
    }

    /// The congestion window (cwnd), in bytes.
    pub fn window(&self) -> u32 {
        u32::try_from(self.window >> PARTS).unwrap_or(MAXIMUM_WINDOW)
    }

    /// What was sent and is neither acknowledged nor given up, in bytes.
    pub fn flight(&self) -> u32 {
        self.flight.bytes()
    }

    /// After how long without any ACK, with something in flight,
    /// [`timed_out`](Self::timed_out) is due: CTO of RFC 6817, computed as RTO of
    /// RFC 6298, between 200 ms and 60 s. A datagram that was not acknowledged for
    /// so long may be sent again.
    pub fn timeout(&self) -> Duration {
        self.round_trip.timeout()
    }

    /// After how long without any ACK, with something in flight, the last of it may
    /// be sent again to provoke one (RFC 8985, section 7.2), where that is before
    /// the timeout.
    pub fn probe_timeout(&self) -> Option<Duration> {
        let longest = self.round_trip.longest()?;
        (longest < self.timeout()).then_some(longest)
    }

    /// SRTT (RFC 6298, section 2), once a round trip was measured.
    pub fn smoothed_round_trip(&self) -> Option<Duration> {
        self.round_trip.smoothed()
    }

    /// How long datagrams wait in the path's queues, as of the last ACK; `None`
    /// where no ACK of the last round trip had a delay that could be.
    pub fn queueing_delay(&self) -> Option<Duration> {
        self.queueing
    }

    /// Changes the window for newly acknowledged bytes.
    fn adjust(&mut self, now: Moment, bytes: u32) {
        if let Phase::Draining { until, threshold } = self.phase
            && now >= until
        {
            self.phase = Phase::SlowStart { threshold };
        }
        self.end_slow_start(now);
        self.settle(now);
        let recent = self.flight.recent(now, self.round());
        let (grown, allowed) = match self.phase {
            Phase::SlowStart { threshold } => {
                let grown = self.window.saturating_add(parts(bytes)).min(threshold);
                // Had the window been the limit, half of it was in flight before
                // it grew.
                (grown.max(self.window), recent.saturating_mul(2))
            }
            Phase::Steady => {
                let grown = self.window.saturating_add_signed(self.change(bytes));
                let increase = self.parameters.allowed_increase;
                (grown, recent.saturating_add(increase))
            }
            Phase::Draining { .. } => (self.window, MAXIMUM_WINDOW),
        };
        self.window = grown
            .min(parts(allowed))
            .max(parts(self.parameters.minimum_window))
            .min(parts(MAXIMUM_WINDOW));
        self.end_slow_start(now);
    }

    /// GAIN * `off_target` * `bytes_newly_acked` * MSS / cwnd, in parts of a byte.
    fn change(&self, bytes: u32) -> i64 {
        let target = self.parameters.target.as_micros().cast_signed();
        // An hour of queueing is as much too much as a minute.
        let queueing = self
            .queueing
            .unwrap_or_default()
            .min(Duration::from_secs(60))
            .as_micros()
            .cast_signed();
        let gain = i128::from(self.parameters.gain.thousandths());
        let rise = (target - queueing) * gain * i128::from(bytes);
        let rise = (rise * i128::from(self.parameters.segment)) << PARTS;
        let window = i128::from(self.window().max(1));
        let change = rise / (target.max(1) * 1000 * window);
        // However wrong the delay is, in a round trip the window loses no more
        // than a loss would take, and wins no more than a byte for a byte.
        let most = i64::try_from(parts(bytes)).unwrap_or(i64::MAX);
        i64::try_from(change)
            .unwrap_or(i64::MIN)
            .clamp(-(most / 2), most)
    }

    /// Ends slow start at its threshold, or once the queueing delay is half of the
    /// target: the delay that is seen now was made by half of the window, so that
    /// the queue is about to be twice as long.
    fn end_slow_start(&mut self, now: Moment) {
        let Phase::SlowStart { threshold } = self.phase else {
            return;
        };
        let queued = self.queueing.unwrap_or_default() * 2 > self.parameters.target;
        if queued || self.window >= threshold {
            self.phase = Phase::Steady;
        }
        if queued {
            // In one round trip the last of slow start arrives, in another what
            // left after it.
            self.settle = Some(now + self.round() * 2);
        }
    }

    /// Takes back, once, what slow start has queued beyond the target: where the
    /// round trip is long, that can be many times the segment in a round trip by
    /// which the window shrinks otherwise. A window's delay in the queue is the
    /// same share of it as of the round trip.
    fn settle(&mut self, now: Moment) {
        if self.settle.is_none_or(|at| now < at) {
            return;
        }
        self.settle = None;
        let (Some(queueing), Phase::Steady) = (self.queueing, self.phase) else {
            return;
        };
        let round = self.round().as_micros().max(1);
        let excess = queueing.saturating_sub(self.parameters.target).as_micros();
        // No more than a loss would take.
        let excess = u128::from(self.window) * excess.min(round / 2) / round;
        self.window -= u64::try_from(excess).unwrap_or(0);
    }

    /// Empties the queue for a moment, where it was not seen nearly empty for a
    /// minute. A flow that always keeps the queue at the target would otherwise
    /// take that for the base delay once its history is over, or once a slow
    /// clock of the receiver hides it, and build as much on top of it. RFC 6817,
    /// section 2.4.2, trusts in other traffic for gaps; a gap made on purpose
    /// costs a few round trips.
    fn drain(&mut self, now: Moment) {
        if self
            .queueing
            .is_none_or(|queueing| queueing * 4 < self.parameters.target)
        {
            self.emptied = now;
        }
        let minimum = parts(self.parameters.minimum_window);
        if self.phase != Phase::Steady
            || now.since(self.emptied) < DRAIN_INTERVAL
            || self.window <= minimum * 2
        {
            return;
        }
        self.emptied = now;
        // In one round trip the flight shrinks to the window, in another the
        // datagrams of that window are acknowledged.
        self.phase = Phase::Draining {
            until: now + self.round() * 2,
            threshold: self.window,
        };
        self.window = minimum;
    }

    /// After silence, what the window was says nothing about the path: from the
    /// initial window, slow start leads back to it (RFC 5681, section 4.1).
    fn restart(&mut self) {
        let initial = parts(self.parameters.initial_window);
        if self.window <= initial {
            return;
        }
        self.phase = match self.phase {
            Phase::Steady => Phase::SlowStart {
                threshold: self.window,
            },
            other => other,
        };
        self.window = initial;
    }

    /// The length of a round of sending and acknowledging.
    fn round(&self) -> Duration {
        self.round_trip.smoothed().unwrap_or(self.timeout())
    }

    fn rate(&self) -> Option<Rate> {
        let slow_start = matches!(self.phase, Phase::SlowStart { .. });
        Rate::new(self.round_trip.smoothed(), self.window(), slow_start)
    }
}

fn parts(bytes: u32) -> u64 {
    u64::from(bytes) << PARTS
}
