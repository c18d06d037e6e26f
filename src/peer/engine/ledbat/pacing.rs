//! Spreading a window over the round trip, so that it does not leave as one
//! burst that fills the bottleneck's queue by itself.

use std::time::Duration;

use super::super::Moment;

/// Below this round trip nothing is paced: a timer that fires a little late
/// would then cost more than the burst that it avoids.
const LEAST_PACED: Duration = Duration::from_millis(1);

/// How late the driver's timers may fire without making the flow slower: what
/// is sent in this time may always leave at once.
const TIMER_GRANULARITY: Duration = Duration::from_millis(1);

/// How many full datagrams may always leave at once.
const BURST: u32 = 4;

/// At which rate datagrams may leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    round_trip: Duration,
    window: u32,
}

impl Rate {
    /// A window each round trip, and a little more so that the window, not the
    /// pace, limits the flight: a quarter, or in slow start as much again, as
    /// the window doubles within the round trip. `None` where nothing is paced.
    pub(super) fn new(round_trip: Option<Duration>, window: u32, slow_start: bool) -> Option<Self> {
        let round_trip = round_trip.filter(|round_trip| *round_trip >= LEAST_PACED)?;
        let extra = if slow_start { window } else { window / 4 };
        Some(Self {
            round_trip,
            window: window.saturating_add(extra).max(1),
        })
    }

    /// How long this many bytes take.
    fn time(self, bytes: u32) -> Duration {
        let nanoseconds = self.round_trip.as_nanos() * u128::from(bytes) / u128::from(self.window);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How far datagrams may run ahead of the rate.
    fn allowance(self, segment: u32) -> Duration {
        self.time(segment.saturating_mul(BURST - 1))
            .max(TIMER_GRANULARITY)
    }
}

/// How far the datagrams that were sent are ahead of the rate.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    ahead: Duration,
    at: Moment,
}

impl Pacer {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            ahead: Duration::ZERO,
            at: now,
        }
    }

    /// A datagram of this many bytes was sent.
    pub(super) fn sent(&mut self, now: Moment, bytes: u32, rate: Option<Rate>) {
        let left = self.ahead.saturating_sub(now.since(self.at));
        let taken = rate.map_or(Duration::ZERO, |rate| rate.time(bytes));
        self.ahead = left.saturating_add(taken);
        self.at = now;
    }

    /// Forgets what was sent.
    pub(super) fn reset(&mut self, now: Moment) {
        *self = Self::new(now);
    }

    /// When the next datagram may leave; a moment that has passed means at once.
    pub(super) fn next(&self, segment: u32, rate: Option<Rate>) -> Moment {
        let Some(rate) = rate else { return self.at };
        let wait = self.ahead.saturating_sub(rate.allowance(segment));
        // A moment has whole microseconds: the part of one counts as a whole.
        self.at + wait.saturating_add(Duration::from_nanos(999))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_microseconds(1_000_000);

    #[test]
    fn a_few_datagrams_leave_at_once_and_the_others_one_by_one() {
        let rate = Rate::new(Some(Duration::from_millis(80)), 8_000, false);
        let mut pacer = Pacer::new(START);
        // A quarter more than 8 datagrams in 80 ms: one each 8 ms.
        for _ in 0..BURST {
            assert_eq!(pacer.next(1000, rate), START);
            pacer.sent(START, 1000, rate);
        }
        assert_eq!(pacer.next(1000, rate), START + Duration::from_millis(8));
        // Who was silent for long gains no more than the burst.
        let later = START + Duration::from_secs(10);
        for _ in 0..BURST {
            assert!(pacer.next(1000, rate) <= later);
            pacer.sent(later, 1000, rate);
        }
        assert_eq!(pacer.next(1000, rate), later + Duration::from_millis(8));
    }

    #[test]
    fn a_timer_that_fires_late_does_not_hold_a_fast_flow_back() {
        // 200 MB/s, and a timer that fires each millisecond only.
        let rate = Rate::new(Some(Duration::from_millis(2)), 400_000, false);
        let mut pacer = Pacer::new(START);
        let mut sent = 0;
        for millisecond in 0..100 {
            let now = START + Duration::from_millis(millisecond);
            while pacer.next(1000, rate) <= now {
                pacer.sent(now, 1000, rate);
                sent += 1;
            }
        }
        assert!(sent > 20_000, "{sent}");
    }

    #[test]
    fn short_and_unknown_round_trips_are_not_paced() {
        assert!(Rate::new(None, 1000, false).is_none());
        assert!(Rate::new(Some(Duration::from_micros(90)), 1000, false).is_none());
        let mut pacer = Pacer::new(START);
        pacer.sent(START, u32::MAX, None);
        assert_eq!(pacer.next(1000, None), START);
    }
}
