//! Figures over time, in a bounded number of buckets.

use ppspp_dissector::session::{Time, Verdict};

/// Buckets at most; when time goes on beyond them, each two become one.
const MOST: usize = 4096;

/// Nanoseconds of the narrowest bucket.
const NARROWEST: i64 = 100_000;

/// What one datagram adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) bytes: u64,
    pub(super) verified_bytes: u64,
    pub(super) other_bytes: u64,
    /// Chunks verified for the first time, in this datagram or earlier ones.
    pub(super) verified: u64,
    /// Chunks of which a copy failed for the first time.
    pub(super) failed: u64,
    pub(super) outstanding: i64,
    pub(super) flight: i64,
    pub(super) delay: Option<u64>,
}

impl Sample {
    pub(super) const fn take_verdict(&mut self, verdict: Verdict, bytes: u64) {
        match verdict {
            Verdict::Verified => self.verified_bytes += bytes,
            Verdict::Failed => {}
            Verdict::Unverified | Verdict::Unprotected => self.other_bytes += bytes,
        }
    }

    pub(super) fn take_delay(&mut self, above: u64) {
        self.delay = self.delay.max(Some(above));
    }
}

/// What happened in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// The first row in it; `None` where nothing happened.
    pub first_row: Option<usize>,
    /// Datagrams.
    pub datagrams: u64,
    /// Their bytes, UDP payload.
    pub bytes: u64,
    /// Bytes of content that were verified at once.
    pub verified_bytes: u64,
    /// Bytes of content that were not verified, or not yet, or are unprotected.
    pub other_bytes: u64,
    /// Chunks that were verified then, those that had waited for hashes included.
    pub verified: u64,
    /// Chunks of which a copy was found to be wrong then.
    pub failed: u64,
    /// Chunks requested and not come, at its end.
    pub outstanding: i64,
    /// Chunks sent and not acknowledged, at its end.
    pub flight: i64,
    /// The longest delay above its base, microseconds.
    pub delay: Option<u64>,
}

/// Figures over time.
#[derive(Clone, Debug)]
pub struct Series {
    origin: Option<Time>,
    width: i64,
    buckets: Vec<Bucket>,
    outstanding: i64,
    flight: i64,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            origin: None,
            width: NARROWEST,
            buckets: Vec::new(),
            outstanding: 0,
            flight: 0,
        }
    }
}

impl Series {
    /// When the first bucket begins.
    pub const fn origin(&self) -> Option<Time> {
        self.origin
    }

    /// Nanoseconds of a bucket.
    pub const fn width(&self) -> i64 {
        self.width
    }

    /// The buckets, without gaps.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub(super) fn add(&mut self, row: usize, time: Time, sample: &Sample) {
        let origin = *self.origin.get_or_insert(time);
        // What comes before the first datagram counts with it.
        let offset = time.since(origin).max(0);
        while offset / self.width >= MOST as i64 {
            self.widen();
        }
        let place = (offset / self.width) as usize;
        if self.buckets.len() <= place {
            let level = Bucket {
                outstanding: self.outstanding,
                flight: self.flight,
                ..Bucket::default()
            };
            self.buckets.resize(place + 1, level);
        }
        self.outstanding = (self.outstanding + sample.outstanding).max(0);
        self.flight = (self.flight + sample.flight).max(0);
        let bucket = &mut self.buckets[place];
        bucket.first_row = bucket.first_row.or(Some(row));
        bucket.datagrams += 1;
        bucket.bytes += sample.bytes;
        bucket.verified_bytes += sample.verified_bytes;
        bucket.other_bytes += sample.other_bytes;
        bucket.verified += sample.verified;
        bucket.failed += sample.failed;
        bucket.outstanding = self.outstanding;
        bucket.flight = self.flight;
        bucket.delay = bucket.delay.max(sample.delay);
    }

    /// Adds what only the end of the capture showed.
    pub(super) fn add_at_end(&mut self, verified: u64, failed: u64) {
        if let Some(last) = self.buckets.last_mut() {
            last.verified += verified;
            last.failed += failed;
        }
    }

    fn widen(&mut self) {
        self.width *= 2;
        let merged = self
            .buckets
            .chunks(2)
            .map(|pair| join(pair).unwrap_or_default())
            .collect();
        self.buckets = merged;
    }
}

/// Neighbouring buckets as one; `None` of none.
pub(super) fn join(buckets: &[Bucket]) -> Option<Bucket> {
    let (first, rest) = buckets.split_first()?;
    Some(rest.iter().fold(*first, |mut sum, next| {
        sum.first_row = sum.first_row.or(next.first_row);
        sum.datagrams += next.datagrams;
        sum.bytes += next.bytes;
        sum.verified_bytes += next.verified_bytes;
        sum.other_bytes += next.other_bytes;
        sum.verified += next.verified;
        sum.failed += next.failed;
        sum.outstanding = next.outstanding;
        sum.flight = next.flight;
        sum.delay = sum.delay.max(next.delay);
        sum
    }))
}

impl Bucket {
    /// Neighbouring buckets as one; `None` of none.
    pub fn joined(buckets: &[Self]) -> Option<Self> {
        join(buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_capture_has_few_buckets_and_loses_nothing() {
        let mut series = Series::default();
        let sample = Sample {
            bytes: 10,
            outstanding: 1,
            ..Sample::default()
        };
        for second in 0..100_000 {
            let time = Time::from_nanoseconds(second * 1_000_000_000);
            series.add(second as usize, time, &sample);
        }
        assert!(series.buckets().len() <= MOST);
        let all = Bucket::joined(series.buckets()).expect("buckets");
        assert_eq!((all.datagrams, all.bytes), (100_000, 1_000_000));
        assert_eq!((all.outstanding, all.first_row), (100_000, Some(0)));
        let last = series.buckets().len() as i64 * series.width();
        assert!(last >= 99_999 * 1_000_000_000);
    }

    #[test]
    fn clocks_that_go_back_do_no_harm() {
        let mut series = Series::default();
        for time in [5_000, 0, i64::MAX, i64::MIN] {
            series.add(0, Time::from_nanoseconds(time), &Sample::default());
        }
        assert!(series.buckets().len() <= MOST);
        assert_eq!(
            Bucket::joined(series.buckets()).map(|all| all.datagrams),
            Some(4)
        );
    }
}
