//! The parameters of RFC 6817, section 2.5.

use std::time::Duration;

/// How strongly the window answers to the queueing delay (GAIN): at most 1, at
/// which it grows no faster than TCP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gain(u16);

impl Gain {
    /// 1: what RFC 6817 allows at most.
    pub const ONE: Self = Self(1000);

    /// So many thousandths; more than 1000 are 1000, as RFC 6817 allows no more.
    pub const fn from_thousandths(thousandths: u16) -> Self {
        if thousandths > 1000 {
            return Self::ONE;
        }
        Self(thousandths)
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

/// The parameters of RFC 6817, section 2.5. What lies outside the limits named
/// there is brought within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedbatConfig {
    /// The queueing delay to aim at (TARGET), at least 1 ms and at most 100 ms.
    /// libswift has 25 ms; of two flows, the one with the higher target wins.
    pub target: Duration,
    /// GAIN.
    pub gain: Gain,
    /// By how many segments the window may be more than what was in flight
    /// (`ALLOWED_INCREASE`), at least 1.
    pub allowed_increase: u8,
    /// The window at the beginning and after silence (`INIT_CWND`), in segments: 2
    /// to what RFC 5681, section 3.1, allows, which is 4 of up to 1095 bytes, 3 of
    /// up to 2190, and 2 of more.
    pub initial_window: u8,
    /// What the queueing delay or a loss reduce the window to at least
    /// (`MIN_CWND`), in segments: 1 or 2.
    pub minimum_window: u8,
    /// Over how many minutes the least delay is the base delay (`BASE_HISTORY`).
    pub base_history: u8,
    /// Of how many delay samples, none older than a round trip, the least is the
    /// current delay (`CURRENT_FILTER`), at least 1. The default is 8, twice what
    /// RFC 6817 wants in a round trip: more would hide a growing queue longer, and
    /// make no difference where there are fewer.
    pub current_filter: u8,
}

impl Default for LedbatConfig {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(100),
            gain: Gain::ONE,
            allowed_increase: 1,
            initial_window: 2,
            minimum_window: 2,
            base_history: 10,
            current_filter: 8,
        }
    }
}

/// The parameters as the controller uses them: within their limits, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    pub(super) target: Duration,
    pub(super) gain: Gain,
    pub(super) segment: u32,
    pub(super) allowed_increase: u32,
    pub(super) initial_window: u32,
    pub(super) minimum_window: u32,
}

impl Parameters {
    pub(super) fn new(config: LedbatConfig, segment: u32) -> Self {
        // No UDP datagram is larger.
        let segment = segment.clamp(1, 65_535);
        let most = match segment {
            ..=1095 => 4,
            1096..=2190 => 3,
            _ => 2,
        };
        Self {
            target: config
                .target
                .clamp(Duration::from_millis(1), Duration::from_millis(100)),
            gain: config.gain,
            segment,
            allowed_increase: u32::from(config.allowed_increase.max(1)) * segment,
            initial_window: u32::from(config.initial_window.clamp(2, most)) * segment,
            minimum_window: u32::from(config.minimum_window.clamp(1, 2)) * segment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_brought_within_the_limits_of_the_rfc() {
        let greedy = LedbatConfig {
            target: Duration::from_secs(10),
            gain: Gain::from_thousandths(9000),
            allowed_increase: 0,
            initial_window: 10,
            minimum_window: 10,
            ..LedbatConfig::default()
        };
        let parameters = Parameters::new(greedy, 1400);
        assert_eq!(parameters.target, Duration::from_millis(100));
        assert_eq!(parameters.gain, Gain::ONE);
        assert_eq!(parameters.allowed_increase, 1400);
        assert_eq!(parameters.initial_window, 4200);
        assert_eq!(parameters.minimum_window, 2800);
        assert_eq!(Parameters::new(greedy, 1067).initial_window, 4 * 1067);
        assert_eq!(Parameters::new(greedy, 8219).initial_window, 2 * 8219);
        assert_eq!(Parameters::new(greedy, 0).segment, 1);
    }
}
