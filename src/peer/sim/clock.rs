//! Virtual time, finer than what nodes are told.

use std::ops::Add;
use std::time::Duration;

use crate::peer::engine::Moment;

/// A moment of virtual time: nanoseconds since 1970-01-01T00:00:00Z.
///
/// Nodes live by whole microseconds ([`Moment`]); a link that carries a
/// datagram in 84.48 microseconds would drift if the network did too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanotime(u64);

impl Nanotime {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// What a node is told of it: whole microseconds, rounded down.
    pub const fn moment(self) -> Moment {
        Moment::from_microseconds(self.0 / 1_000)
    }

    /// How long after `earlier` this is; zero where it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Moment> for Nanotime {
    /// Beyond the year 2554 it stays there.
    fn from(moment: Moment) -> Self {
        Self(moment.microseconds().saturating_mul(1_000))
    }
}

impl Add<Duration> for Nanotime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }
}

/// A duration as a count of nanoseconds; more than 584 years are so many.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
