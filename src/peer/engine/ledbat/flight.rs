//! What is in flight, and what was of late.

use std::time::Duration;

use super::super::Moment;

/// The bytes in flight, and the most of them in this and in the last round trip.
///
/// RFC 6817, section 2.4.2, lets a window be a little more than what is in flight
/// before an acknowledgement, so that it does not grow where it is not used;
/// section 2.5 says that this is meant for the previous round trip. Taken
/// literally, a batch of ACKs read at once would shrink the window: each sees
/// less in flight than the one before.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    bytes: u32,
    peak: u32,
    before: u32,
    since: Moment,
}

impl Flight {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            bytes: 0,
            peak: 0,
            before: 0,
            since: now,
        }
    }

    pub(super) fn bytes(&self) -> u32 {
        self.bytes
    }

    pub(super) fn enter(&mut self, now: Moment, bytes: u32, round: Duration) {
        self.turn(now, round);
        self.bytes = self.bytes.saturating_add(bytes);
        self.peak = self.peak.max(self.bytes);
    }

    pub(super) fn leave(&mut self, bytes: u32) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// The most that was in flight in this and in the last round.
    pub(super) fn recent(&mut self, now: Moment, round: Duration) -> u32 {
        self.turn(now, round);
        self.peak.max(self.before)
    }

    /// Begins a new round where the last one is over.
    fn turn(&mut self, now: Moment, round: Duration) {
        let passed = now.since(self.since);
        if passed < round {
            return;
        }
        // In a round without anything sent or acknowledged, the flight stayed.
        self.before = if passed < round * 2 {
            self.peak
        } else {
            self.bytes
        };
        self.peak = self.bytes;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_two_rounds_counts_and_nothing_older() {
        let round = Duration::from_millis(10);
        let at = |milliseconds| Moment::default() + Duration::from_millis(milliseconds);
        let mut flight = Flight::new(at(0));
        flight.enter(at(1), 5000, round);
        flight.leave(4000);
        assert_eq!(flight.bytes(), 1000);
        assert_eq!(flight.recent(at(2), round), 5000);
        flight.enter(at(11), 500, round);
        assert_eq!(flight.recent(at(12), round), 5000);
        flight.leave(300);
        assert_eq!(flight.recent(at(21), round), 1500);
        assert_eq!(flight.recent(at(90), round), 1200);
    }
}
