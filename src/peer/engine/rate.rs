//! How much may be sent, and whose turn it is where not all may.

use std::collections::BTreeSet;
use std::time::Duration;

use super::channel::ChannelKey;
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
}

impl Allowance {
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.map(|rate| rate.max(1)),
            paid: Moment::default(),
        }
    }

    /// Whether something may be sent now.
    pub(super) fn allows(&self, now: Moment) -> bool {
        self.rate.is_none() || self.paid <= now
    }

    /// So many bytes were sent.
    pub(super) fn spend(&mut self, now: Moment, bytes: usize) {
        if let Some(rate) = self.rate {
            let time = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / rate);
            self.paid = self.paid.max(now - BURST) + time;
        }
    }

    /// When something may be sent again.
    pub(super) const fn next(&self) -> Moment {
        self.paid
    }
}

/// Channels that wait until the rate allows something: each gets the same number
/// of bytes, whatever it asks for and however often (RFC 7574, section 12.6.6).
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// By the bytes that each was sent, counted from when it began to wait.
    waiting: BTreeSet<(u64, ChannelKey)>,
    /// The count of who was served last: newcomers begin there.
    served: u64,
}

impl Turns {
    /// Who is next.
    pub(super) fn first(&self) -> Option<ChannelKey> {
        self.waiting.first().map(|(_, key)| *key)
    }

    /// Whether a channel is next that waits or begins to; `count` is its own.
    pub(super) fn wait(&mut self, key: ChannelKey, count: &mut u64) -> bool {
        if !self.waiting.contains(&(*count, key)) {
            *count = self.served.max(*count);
            self.waiting.insert((*count, key));
        }
        self.first() == Some(key)
    }

    /// A channel was sent so many bytes.
    pub(super) fn serve(&mut self, key: ChannelKey, count: &mut u64, bytes: usize) {
        self.waiting.remove(&(*count, key));
        self.served = self.served.max(*count);
        *count = count.saturating_add(bytes as u64);
    }

    /// A channel waits no longer.
    pub(super) fn leave(&mut self, key: ChannelKey, count: u64) {
        self.waiting.remove(&(count, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shared_evenly_whatever_the_size_of_a_datagram() {
        let mut turns = Turns::default();
        let sizes = [500, 1000, 8000];
        let mut counts = [0; 3];
        let mut sent = [0; 3];
        for _ in 0..10_000 {
            for (at, count) in counts.iter_mut().enumerate() {
                turns.wait(ChannelKey(at), count);
            }
            let ChannelKey(next) = turns.first().expect("somebody");
            turns.serve(ChannelKey(next), &mut counts[next], sizes[next]);
            sent[next] += sizes[next];
        }
        let most = sent.iter().max().expect("three");
        assert!(sent.iter().all(|it| it + 8000 >= *most), "{sent:?}");
    }

    #[test]
    fn who_was_silent_has_saved_nothing_up() {
        let mut turns = Turns::default();
        let (mut busy, mut late) = (0, 0);
        for _ in 0..100 {
            turns.wait(ChannelKey(0), &mut busy);
            turns.serve(ChannelKey(0), &mut busy, 1000);
        }
        let mut order = Vec::new();
        for _ in 0..6 {
            turns.wait(ChannelKey(0), &mut busy);
            turns.wait(ChannelKey(1), &mut late);
            let next = turns.first().expect("somebody");
            let count = if next.0 == 0 { &mut busy } else { &mut late };
            turns.serve(next, count, 1000);
            order.push(next.0);
        }
        assert!(
            order.iter().filter(|it| **it == 0).count() >= 2,
            "{order:?}"
        );
    }
}
