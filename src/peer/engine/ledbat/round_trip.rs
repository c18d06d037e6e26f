//! The smoothed round trip and the congestion timeout made of it (RFC 6298).

use std::time::Duration;

/// The timeout before any round trip was measured: CTO of RFC 6817,
/// section 2.4.2, and RFC 6298, section 2 (2.1).
const INITIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The shortest timeout. RFC 6298, section 2 (2.4), recommends a second, for
/// clocks that tick twice a second and acknowledgements that wait for half of
/// one. PPSPP peers acknowledge each DATA; the slowest seen do it on a timer of
/// 100 ms, twice which is what other stacks take for a floor too.
const MINIMUM_TIMEOUT: Duration = Duration::from_millis(200);

/// How much longer than the smoothed round trip a timeout is at least. RFC 6298,
/// section 2 (2.3), has the clock's granularity here, of which a simulated or a
/// quiet network has none: round trips that always take the same let a datagram
/// time out that waits behind one other.
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// The longest timeout: the least that RFC 6817, section 2.4.2, and RFC 6298,
/// section 2 (2.5), allow for a maximum.
const MAXIMUM_TIMEOUT: Duration = Duration::from_secs(60);

/// What is known of round trips.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrip {
    estimate: Option<Estimate>,
    doublings: u32,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    /// Takes a measured round trip; it must be one of a datagram that was sent
    /// once (RFC 6298, section 3). It also ends the doubling of the timeout
    /// (section 5, at its end).
    pub(super) fn measured(&mut self, round_trip: Duration) {
        // A longer one could not make the timeout longer, and sums stay small.
        let round_trip = round_trip.min(MAXIMUM_TIMEOUT);
        self.doublings = 0;
        self.estimate = Some(match self.estimate {
            None => Estimate {
                smoothed: round_trip,
                variation: round_trip / 2,
            },
            Some(before) => Estimate {
                smoothed: (before.smoothed * 7 + round_trip) / 8,
                variation: (before.variation * 3 + before.smoothed.abs_diff(round_trip)) / 4,
            },
        });
    }

    /// Doubles the timeout (RFC 6298, section 5.5).
    pub(super) fn back_off(&mut self) {
        // From 200 ms, nine doublings reach the maximum.
        self.doublings = self.doublings.saturating_add(1).min(16);
    }

    /// SRTT.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.estimate.map(|estimate| estimate.smoothed)
    }

    /// How long an ACK takes at most, as far as is known, without the margins of
    /// a timeout: twice the round trip, or more where that varies.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.estimate
            .map(|estimate| (estimate.smoothed * 2).max(estimate.smoothed + estimate.variation * 4))
    }

    /// RTO, which is RFC 6817's CTO.
    pub(super) fn timeout(&self) -> Duration {
        self.estimate
            .map_or(INITIAL_TIMEOUT, |estimate| {
                estimate.smoothed + (estimate.variation * 4).max(LEAST_MARGIN)
            })
            .max(MINIMUM_TIMEOUT)
            .saturating_mul(1 << self.doublings)
            .min(MAXIMUM_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_the_smoothed_round_trip_and_four_variations() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout(), INITIAL_TIMEOUT);
        round_trip.measured(Duration::from_millis(400));
        assert_eq!(round_trip.smoothed(), Some(Duration::from_millis(400)));
        assert_eq!(round_trip.timeout(), Duration::from_millis(1200));
        round_trip.measured(Duration::from_millis(480));
        assert_eq!(round_trip.smoothed(), Some(Duration::from_millis(410)));
        // The variation is 3/4 of 200 ms and 1/4 of 80 ms.
        assert_eq!(round_trip.timeout(), Duration::from_millis(410 + 4 * 170));
    }

    #[test]
    fn the_timeout_stays_between_its_floor_and_a_minute() {
        let mut round_trip = RoundTrip::default();
        round_trip.measured(Duration::ZERO);
        assert_eq!(round_trip.timeout(), MINIMUM_TIMEOUT);
        round_trip.measured(Duration::MAX);
        assert_eq!(round_trip.timeout(), MAXIMUM_TIMEOUT);
    }

    #[test]
    fn the_timeout_doubles_until_a_round_trip_is_measured() {
        let mut round_trip = RoundTrip::default();
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            round_trip.back_off();
            assert_eq!(round_trip.timeout(), Duration::from_secs(seconds));
        }
        for _ in 0..100 {
            round_trip.back_off();
        }
        assert_eq!(round_trip.timeout(), MAXIMUM_TIMEOUT);
        round_trip.measured(Duration::from_millis(100));
        assert_eq!(round_trip.timeout(), Duration::from_millis(300));
    }
}
