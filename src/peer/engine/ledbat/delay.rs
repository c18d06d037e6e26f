//! The queueing delay, from one-way delay samples of two clocks that nobody
//! synchronised (RFC 6817, sections 2.4.2 and 3.1, and appendix A).
//!
//! Only the variation of the samples counts. Three things make it differ from
//! that of the delay, and each has its remedy:
//!
//! - The sample wraps: it is read as the distance to the first one.
//! - A clock jumps. No delay can rise by more than the round trip of the very
//!   datagram, nor fall by more than the round trip was: a sample further off
//!   than that is set aside. When several in a row agree with each other, it is
//!   the clock: the histories begin anew with them, and the queue is taken to be
//!   what it was before. A single absurd sample is
//!   thereby ignored, and a peer that sends nothing but noise is taken for one
//!   that sends no delay.
//! - The receiver's clock is fast, and the delay seems to grow. The same
//!   datagram's round trip without its delay is the way back; while the one
//!   seems to grow, the other seems to shrink, and the least delay of the way
//!   back falls below what it was. The base delay is raised by as much (appendix
//!   A.2), at no higher rate than clocks really drift: a way back that has
//!   truly become shorter must not hide a queue. A slow receiver's clock makes
//!   the base delay fall, and a queue that is always there with it: the
//!   controller empties its queue each minute.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Moment;

/// How much further off than the round trip a sample may be: datagrams wait in
/// sockets between the moments that were taken.
const SLACK: Duration = Duration::from_millis(10);

/// How many samples in a row that agree with each other, and not with the
/// history, say that a clock has jumped.
const SUSPECTS: u32 = 4;

/// In how many microseconds clocks may come to differ by one more: 500 parts per
/// million, at which NTP gives up (RFC 6817, appendix A.2, has 100 to 200).
const DRIFT: u64 = 2000;

/// What the base delay is raised by at most at once, in microseconds: the way
/// back shows its least delay every ten seconds or oftener.
const MAXIMUM_RAISE: i64 = 5000;

const MINUTE: u64 = 60_000_000;

/// The histories of one flow. Delays are microseconds relative to `reference`.
#[derive(Clone, Debug)]
pub(super) struct Delays {
    reference: Option<u64>,
    forward: Minima,
    back: Minima,
    current: VecDeque<(Moment, i64)>,
    filter: usize,
    suspicion: Option<Suspicion>,
    raise: Raise,
}

/// Samples that can't be, given the history.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    first: i64,
    least: i64,
    count: u32,
    /// The queueing delay before the first of them, in microseconds.
    queueing: i64,
}

/// What the base delay may be raised by.
#[derive(Clone, Copy, Debug)]
struct Raise {
    allowed: i64,
    since: Moment,
}

impl Delays {
    /// Histories of so many minutes and of so many current samples.
    pub(super) fn new(minutes: u8, filter: u8, now: Moment) -> Self {
        Self {
            reference: None,
            forward: Minima::new(minutes),
            back: Minima::new(minutes),
            current: VecDeque::new(),
            filter: usize::from(filter.max(1)),
            suspicion: None,
            raise: Raise {
                allowed: 0,
                since: now,
            },
        }
    }

    /// Takes a sample (`update_base_delay` and `update_current_delay` of RFC
    /// 6817, section 2.4.2), with the round trip of the same datagram and the
    /// smoothed one before it.
    pub(super) fn sample(
        &mut self,
        now: Moment,
        delay: u64,
        round_trip: Option<Duration>,
        smoothed: Option<Duration>,
    ) {
        let reference = *self.reference.get_or_insert(delay);
        let delay = delay.wrapping_sub(reference).cast_signed();
        // `None` is less than any round trip.
        if let Some(longest) = round_trip.max(smoothed)
            && self.impossible(now, delay, microseconds(longest + SLACK))
        {
            return;
        }
        self.suspicion = None;
        self.forward.insert(now, delay);
        if self.current.len() >= self.filter {
            self.current.pop_front();
        }
        self.current.push_back((now, delay));
        if let Some(round_trip) = round_trip {
            self.compensate(now, microseconds(round_trip).saturating_sub(delay));
        }
    }

    /// Whether this sample must be ignored.
    fn impossible(&mut self, now: Moment, delay: i64, furthest: i64) -> bool {
        let far = |from: i64| delay.saturating_sub(from).saturating_abs() > furthest;
        if !self.forward.least(now).is_some_and(far) {
            return false;
        }
        let mut suspicion = match self.suspicion {
            Some(suspicion) if !far(suspicion.first) => suspicion,
            _ => Suspicion {
                first: delay,
                least: delay,
                count: 0,
                queueing: self.queueing(now).map_or(0, microseconds),
            },
        };
        suspicion.count += 1;
        suspicion.least = suspicion.least.min(delay);
        self.suspicion = Some(suspicion);
        if suspicion.count < SUSPECTS {
            return true;
        }
        self.forward.minutes.clear();
        self.back.minutes.clear();
        self.current.clear();
        let base = suspicion.least.saturating_sub(suspicion.queueing);
        self.forward.insert(now, base);
        false
    }

    /// Raises the base delay by what the way back has lost.
    fn compensate(&mut self, now: Moment, back: i64) {
        let elapsed = microseconds(now.since(self.raise.since)).cast_unsigned();
        let gained = elapsed / DRIFT;
        // The part of a microsecond that is not gained yet is not lost.
        self.raise.since = self.raise.since + Duration::from_micros(gained * DRIFT);
        self.raise.allowed = self
            .raise
            .allowed
            .saturating_add_unsigned(gained)
            .min(MAXIMUM_RAISE);
        if let Some(before) = self.back.least(now) {
            let fall = before.saturating_sub(back).clamp(0, self.raise.allowed);
            self.raise.allowed -= fall;
            self.forward.raise(fall);
        }
        self.back.insert(now, back);
    }

    /// Drops samples older than a round trip: they say nothing about now
    /// (RFC 6817, section 2.5).
    pub(super) fn expire(&mut self, now: Moment, smoothed: Option<Duration>) {
        let Some(smoothed) = smoothed else { return };
        while let Some((at, _)) = self.current.front()
            && now.since(*at) > smoothed
        {
            self.current.pop_front();
        }
    }

    /// The least current delay above the base delay: RFC 6817's FILTER is the minimum;
    /// it ignores what a datagram waited for anything but the queue. `None`
    /// where no sample is current.
    pub(super) fn queueing(&self, now: Moment) -> Option<Duration> {
        let current = self.current.iter().map(|(_, delay)| *delay).min()?;
        let base = self.forward.least(now)?;
        let queueing = current.saturating_sub(base).max(0).cast_unsigned();
        Some(Duration::from_micros(queueing))
    }
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The least value of each of the last minutes. A minute without any is not
/// kept: it stands for +INFINITY.
#[derive(Clone, Debug)]
struct Minima {
    minutes: VecDeque<(u64, i64)>,
    history: u64,
}

impl Minima {
    fn new(minutes: u8) -> Self {
        Self {
            minutes: VecDeque::new(),
            history: u64::from(minutes.max(1)),
        }
    }

    fn insert(&mut self, now: Moment, value: i64) {
        let minute = now.microseconds() / MINUTE;
        match self.minutes.back_mut() {
            Some((at, least)) if *at >= minute => *least = value.min(*least),
            _ => self.minutes.push_back((minute, value)),
        }
        while let Some((first, _)) = self.minutes.front()
            && minute.saturating_sub(*first) >= self.history
        {
            self.minutes.pop_front();
        }
    }

    fn least(&self, now: Moment) -> Option<i64> {
        let minute = now.microseconds() / MINUTE;
        self.minutes
            .iter()
            .filter(|(at, _)| minute.saturating_sub(*at) < self.history)
            .map(|(_, least)| *least)
            .min()
    }

    fn raise(&mut self, by: i64) {
        for (_, least) in &mut self.minutes {
            *least = least.saturating_add(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Option<Duration> = Some(Duration::from_millis(50));

    fn start() -> Moment {
        Moment::from_microseconds(1_700_000_000_000_000)
    }

    fn second(seconds: u64) -> Moment {
        start() + Duration::from_secs(seconds)
    }

    /// Takes each sample a millisecond after the other, of datagrams sent twice,
    /// so that no clock drifts; the queueing delay, in microseconds, that the last
    /// one shows.
    fn queueing(delays: &mut Delays, from: Moment, samples: &[u64]) -> Option<u128> {
        let mut now = from;
        for delay in samples {
            now = now + Duration::from_millis(1);
            delays.sample(now, *delay, None, TRIP);
        }
        delays.queueing(now).map(|queueing| queueing.as_micros())
    }

    #[test]
    fn the_queueing_delay_is_the_least_current_one_above_the_base() {
        let mut delays = Delays::new(10, 4, start());
        assert_eq!(queueing(&mut delays, start(), &[]), None);
        assert_eq!(queueing(&mut delays, second(0), &[700, 500]), Some(0));
        // One late datagram is noise, four are a queue.
        assert_eq!(queueing(&mut delays, second(1), &[9_000]), Some(0));
        let later = &[9_000, 4_500, 8_000, 9_000];
        assert_eq!(queueing(&mut delays, second(2), later), Some(4_000));
    }

    #[test]
    fn samples_older_than_a_round_trip_do_not_count() {
        let mut delays = Delays::new(10, 4, start());
        assert_eq!(queueing(&mut delays, start(), &[500]), Some(0));
        delays.expire(second(1), TRIP);
        assert_eq!(delays.queueing(second(1)), None);
        assert_eq!(queueing(&mut delays, second(1), &[800]), Some(300));
    }

    #[test]
    fn clocks_apart_by_any_offset_make_no_difference() {
        for offset in [0, 1, u64::MAX, u64::MAX - 700, 1 << 63, (1 << 63) - 600] {
            let mut delays = Delays::new(10, 1, start());
            let samples = [500, 900, 0, 1200].map(|delay: u64| delay.wrapping_add(offset));
            assert_eq!(queueing(&mut delays, start(), &samples), Some(1200));
        }
    }

    #[test]
    fn the_base_delay_rises_once_the_minutes_that_knew_less_are_over() {
        let mut delays = Delays::new(3, 1, start());
        queueing(&mut delays, start(), &[1_000]);
        let minute = start().microseconds() / MINUTE;
        let over = Moment::from_microseconds((minute + 3) * MINUTE);
        let before = over - Duration::from_millis(10);
        assert_eq!(queueing(&mut delays, before, &[6_000]), Some(5_000));
        assert_eq!(queueing(&mut delays, over, &[6_000]), Some(0));
        // A lower one is believed at once.
        assert_eq!(queueing(&mut delays, over, &[5_500, 5_800]), Some(300));
        // After an idle history, it begins anew.
        assert_eq!(queueing(&mut delays, second(3600), &[9_000]), Some(0));
    }

    #[test]
    fn a_single_absurd_sample_is_ignored() {
        let mut delays = Delays::new(10, 1, start());
        for absurd in [0, u64::MAX, 1 << 63, 10_u64.pow(15), 4_000_000] {
            let samples = [1_000_500, 1_000_900, absurd];
            assert_eq!(queueing(&mut delays, start(), &samples), Some(400));
        }
        // An absurd first one is forgotten soon.
        let mut delays = Delays::new(10, 1, start());
        let samples = [0, 1_000_500, 1_000_500, 1_000_500, 1_000_500, 1_000_900];
        assert_eq!(queueing(&mut delays, start(), &samples), Some(400));
    }

    #[test]
    fn nothing_but_noise_is_no_delay() {
        let mut delays = Delays::new(10, 1, start());
        queueing(&mut delays, start(), &[1_000]);
        let mut now = start();
        let mut noise = 1_u64;
        for _ in 0..1000 {
            now = now + Duration::from_millis(60);
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            delays.expire(now, TRIP);
            delays.sample(now, noise, TRIP, TRIP);
            assert_eq!(delays.queueing(now), None);
        }
    }

    #[test]
    fn after_a_jump_of_a_clock_the_history_begins_anew() {
        let hours = 5 * 3600 * 1_000_000;
        for jump in [hours, 0_u64.wrapping_sub(hours)] {
            let mut delays = Delays::new(10, 1, start());
            queueing(&mut delays, start(), &[5_000, 6_000]);
            let after = [7_000_u64, 8_000, 7_000, 6_500, 7_000].map(|at| at.wrapping_add(jump));
            // The queue was a millisecond long, the least sample after it 6.5.
            assert_eq!(queueing(&mut delays, second(1), &after), Some(1_500));
        }
    }

    #[test]
    fn a_receivers_clock_that_is_fast_does_not_look_like_a_queue() {
        let mut delays = Delays::new(10, 1, start());
        // 200 parts per million: after ten minutes, 120 ms.
        for now in (0..600).map(second) {
            let drift = now.since(start()).as_secs() * 200;
            delays.sample(now, 20_000 + drift, TRIP, TRIP);
            assert!(delays.queueing(now) <= Some(Duration::from_micros(200)));
        }
    }

    #[test]
    fn a_way_back_that_gets_shorter_hides_little_of_a_queue() {
        let mut delays = Delays::new(10, 1, start());
        let long = Some(Duration::from_millis(90));
        for now in (0..60).map(second) {
            delays.sample(now, 20_000, long, TRIP);
        }
        // 40 ms less on the way back, a queue of 30 ms on the way there.
        let short = Some(Duration::from_millis(80));
        delays.sample(second(60), 50_000, short, TRIP);
        assert_eq!(delays.queueing(second(60)), Some(Duration::from_millis(25)));
    }
}
