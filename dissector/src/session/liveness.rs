//! How lively a peer is: when it was last heard, how often it does a thing.

use super::input::Time;

/// Nanoseconds of a second.
pub(super) const SECOND: i64 = 1_000_000_000;

/// Counts how often something happens within a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    since: Option<Time>,
    count: u32,
}

impl Burst {
    /// Counts one more; true when it is the `limit`th within a second.
    pub(super) fn hit(&mut self, now: Option<Time>, limit: u32) -> bool {
        let Some(now) = now else { return false };
        if self.since.is_none_or(|since| now.since(since) > SECOND) {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count += 1;
        self.count == limit
    }
}

/// When a peer was last heard on a channel, and how much it was sent since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    pub(super) heard: Option<Time>,
    pub(super) unheard: u32,
    pub(super) told: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_once_a_second() {
        let mut burst = Burst::default();
        let mut at = |ms: i64| burst.hit(Some(Time::from_nanoseconds(ms * 1_000_000)), 3);
        assert_eq!(
            [at(0), at(400), at(800), at(900)],
            [false, false, true, false]
        );
        assert_eq!([at(2000), at(3500), at(3600)], [false, false, false]);
        assert!(!Burst::default().hit(None, 1));
    }
}
