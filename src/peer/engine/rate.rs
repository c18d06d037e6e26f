//! How much may be sent.

use std::time::Duration;

use super::time::Moment;

/// For how long a rate may be saved up.
const BURST: Duration = Duration::from_millis(50);

/// A rate that is kept on average.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    /// Bytes a second; `None` without a limit.
    rate: Option<u64>,
    /// When what was sent so far is paid for.
    paid: Moment,
    now: Moment,
}

impl Allowance {
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.map(|rate| rate.max(1)),
            paid: Moment::default(),
            now: Moment::default(),
        }
    }

    /// Whether something may be sent now.
    pub(super) fn allows(&mut self, now: Moment) -> bool {
        self.now = now;
        self.rate.is_none() || self.paid <= now
    }

    /// So many bytes were sent.
    pub(super) fn spend(&mut self, now: Moment, bytes: usize) {
        if let Some(rate) = self.rate {
            let time = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / rate);
            self.paid = self.paid.max(now - BURST) + time;
        }
    }

    /// When something may be sent again, where that is not now.
    pub(super) fn next(&self) -> Option<Moment> {
        (self.rate.is_some() && self.paid > self.now).then_some(self.paid)
    }
}
