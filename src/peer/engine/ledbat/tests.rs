//! What the controller does with what it is told.

use std::time::Duration;

use proptest::prelude::*;

use super::super::Moment;
use super::model::SEGMENT;
use super::{Ledbat, LedbatConfig, MAXIMUM_WINDOW};

const START: Moment = Moment::from_microseconds(1_700_000_000_000_000);
const TRIP: Duration = Duration::from_millis(100);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A controller past slow start, with a full window in flight.
fn busy(segments: u32) -> (Ledbat, Moment) {
    let mut now = START;
    let mut ledbat = Ledbat::new(LedbatConfig::default(), SEGMENT, now);
    while ledbat.window() < segments * SEGMENT {
        fill(&mut ledbat, now);
        now = now + TRIP;
        ledbat.acknowledged(now, SEGMENT, None, Some(TRIP));
    }
    fill(&mut ledbat, now);
    (ledbat, now)
}

fn fill(ledbat: &mut Ledbat, now: Moment) {
    while ledbat.flight() + SEGMENT <= ledbat.window() {
        ledbat.sent(now, SEGMENT);
    }
}

#[test]
fn slow_start_doubles_the_window_each_round_trip() {
    let mut now = START;
    let mut ledbat = Ledbat::new(LedbatConfig::default(), SEGMENT, now);
    for segments in [2, 4, 8, 16, 32] {
        assert_eq!(ledbat.window(), segments * SEGMENT);
        fill(&mut ledbat, now);
        now = now + TRIP;
        // All of them at once: none is sent between.
        for _ in 0..segments {
            ledbat.acknowledged(now, SEGMENT, Some(5), Some(TRIP));
        }
    }
}

#[test]
fn slow_start_ends_at_half_of_the_target() {
    let (mut ledbat, mut now) = busy(32);
    let slow = TRIP + Duration::from_millis(51);
    for (delay, trip) in [(1_000, TRIP), (52_000, slow)] {
        now = now + trip * 2;
        ledbat.acknowledged(now, SEGMENT, Some(delay), Some(trip));
    }
    let before = ledbat.window();
    fill(&mut ledbat, now);
    now = now + slow;
    while ledbat.flight() > 0 {
        ledbat.acknowledged(now, SEGMENT, Some(52_000), Some(slow));
    }
    // 49 % of a segment in the round trip.
    let grown = ledbat.window() - before;
    assert!((400..500).contains(&grown), "{grown}");
}

#[test]
fn the_window_is_halved_once_for_all_that_was_sent_before() {
    let (mut ledbat, now) = busy(32);
    let sent = now;
    let later = now + TRIP;
    ledbat.lost(later, SEGMENT, sent);
    assert_eq!(ledbat.window(), 16 * SEGMENT);
    ledbat.lost(later, SEGMENT, sent);
    ledbat.lost(later + TRIP, SEGMENT, later);
    assert_eq!(ledbat.window(), 16 * SEGMENT);
    let after = later + Duration::from_micros(1);
    ledbat.lost(later + TRIP, SEGMENT, after);
    assert_eq!(ledbat.window(), 8 * SEGMENT);
    assert_eq!(ledbat.flight(), 28 * SEGMENT);
    assert!(!ledbat.may_send(later + seconds(1), SEGMENT));
}

#[test]
fn losses_leave_the_least_window() {
    let (mut ledbat, mut now) = busy(8);
    for _ in 0..10 {
        let sent = now;
        now = now + TRIP;
        ledbat.lost(now, 0, sent);
        now = now + TRIP;
    }
    assert_eq!(ledbat.window(), 2 * SEGMENT);
}

#[test]
fn a_timeout_leaves_one_segment_and_slow_start_leads_back_halfway() {
    let (mut ledbat, mut now) = busy(32);
    let timeout = ledbat.timeout();
    now = now + timeout;
    ledbat.timed_out(now);
    assert_eq!(ledbat.window(), SEGMENT);
    assert_eq!(ledbat.flight(), 0);
    assert_eq!(ledbat.timeout(), timeout * 2);
    assert!(ledbat.may_send(now, SEGMENT));
    ledbat.sent(now, SEGMENT);
    assert!(!ledbat.may_send(now + seconds(1), SEGMENT));
    now = now + timeout * 2;
    ledbat.timed_out(now);
    assert_eq!(ledbat.timeout(), timeout * 4);
    // What was sent before is no new loss.
    ledbat.lost(now, 0, START);
    for segments in [2, 4, 8, 16] {
        fill(&mut ledbat, now);
        now = now + TRIP;
        while ledbat.flight() > 0 {
            ledbat.acknowledged(now, SEGMENT, None, Some(TRIP));
        }
        assert_eq!(ledbat.window(), segments * SEGMENT);
    }
    assert_eq!(ledbat.timeout(), timeout.max(Duration::from_millis(200)));
    fill(&mut ledbat, now);
    now = now + TRIP;
    while ledbat.flight() > 0 {
        ledbat.acknowledged(now, SEGMENT, None, Some(TRIP));
    }
    let window = ledbat.window();
    assert!((16_900..=17_000).contains(&window), "{window}");
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let (mut ledbat, mut now) = busy(32);
    ledbat.lost(now + TRIP, SEGMENT, now);
    ledbat.forgotten(u32::MAX);
    assert_eq!(ledbat.flight(), 0);
    for _ in 0..50 {
        now = now + TRIP;
        ledbat.sent(now, SEGMENT);
        ledbat.sent(now, SEGMENT);
        now = now + TRIP;
        ledbat.acknowledged(now, SEGMENT, Some(0), Some(TRIP));
        ledbat.acknowledged(now, SEGMENT, Some(0), Some(TRIP));
    }
    assert!(ledbat.window() <= 3 * SEGMENT, "{}", ledbat.window());
}

#[test]
fn after_silence_it_begins_with_the_initial_window() {
    let (mut ledbat, now) = busy(32);
    ledbat.forgotten(u32::MAX);
    let window = ledbat.window();
    ledbat.sent(now + TRIP, SEGMENT);
    assert_eq!(ledbat.window(), window);
    ledbat.forgotten(u32::MAX);
    ledbat.sent(now + seconds(10), SEGMENT);
    assert_eq!(ledbat.window(), 2 * SEGMENT);
}

#[test]
fn a_datagram_larger_than_the_window_passes_alone() {
    let mut ledbat = Ledbat::new(LedbatConfig::default(), SEGMENT, START);
    assert!(ledbat.may_send(START, 60_000));
    ledbat.sent(START, 1);
    assert!(!ledbat.may_send(START, 60_000));
}

#[derive(Clone, Debug)]
enum Call {
    Sent(u32),
    Acknowledged(u32, Option<u64>, Option<Duration>),
    Lost(u32, u64),
    TimedOut,
    Forgotten(u32),
}

fn call() -> impl Strategy<Value = Call> {
    let bytes = || prop_oneof![0..3000_u32, Just(SEGMENT), any::<u32>()];
    let delay = prop_oneof![0..200_000_u64, any::<u64>()];
    let trip = prop_oneof![
        (0..500_000_u64).prop_map(Duration::from_micros),
        any::<Duration>(),
    ];
    let acknowledged = (bytes(), prop::option::of(delay), prop::option::of(trip));
    prop_oneof![
        8 => bytes().prop_map(Call::Sent),
        8 => acknowledged.prop_map(|(bytes, delay, trip)| Call::Acknowledged(bytes, delay, trip)),
        1 => (bytes(), 0..1_000_000_u64).prop_map(|(bytes, ago)| Call::Lost(bytes, ago)),
        1 => Just(Call::TimedOut),
        1 => bytes().prop_map(Call::Forgotten),
    ]
}

fn elapsed() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => 0..100_000_u64,
        2 => 0..200_000_000_u64,
        1 => any::<u64>(),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_window_and_flight_stay_within_bounds(
        segment in prop_oneof![1..10_000_u32, any::<u32>()],
        target in any::<Duration>(),
        filter in any::<u8>(),
        history in any::<u8>(),
        calls in prop::collection::vec((elapsed(), call()), 0..300),
    ) {
        let config = LedbatConfig {
            target,
            current_filter: filter,
            base_history: history,
            ..LedbatConfig::default()
        };
        let mut now = START;
        let mut ledbat = Ledbat::new(config, segment, now);
        let mut flight = 0_u32;
        let segment = segment.clamp(1, 65_535);
        for (elapsed, call) in calls {
            now = now + Duration::from_micros(elapsed);
            let before = ledbat.window();
            match call {
                Call::Sent(bytes) => {
                    ledbat.sent(now, bytes);
                    flight = flight.saturating_add(bytes);
                    prop_assert!(ledbat.window() <= before);
                }
                Call::Acknowledged(bytes, delay, trip) => {
                    let counted = bytes.min(flight);
                    ledbat.acknowledged(now, bytes, delay, trip);
                    flight -= counted;
                    let most = before.saturating_add(counted).max(2 * segment);
                    prop_assert!(ledbat.window() <= most.saturating_add(1));
                }
                Call::Lost(bytes, ago) => {
                    ledbat.lost(now, bytes, now - Duration::from_micros(ago));
                    flight = flight.saturating_sub(bytes);
                    prop_assert!(ledbat.window() <= before && ledbat.window() >= before / 2);
                }
                Call::TimedOut => {
                    ledbat.timed_out(now);
                    flight = 0;
                    prop_assert_eq!(ledbat.window(), segment);
                }
                Call::Forgotten(bytes) => {
                    ledbat.forgotten(bytes);
                    flight = flight.saturating_sub(bytes);
                }
            }
            prop_assert_eq!(ledbat.flight(), flight);
            prop_assert!(ledbat.window() >= segment && ledbat.window() <= MAXIMUM_WINDOW);
            let timeout = ledbat.timeout();
            prop_assert!(timeout >= Duration::from_millis(200) && timeout <= seconds(60));
            // With nothing in flight, it is never stuck: at some moment it may send.
            if flight == 0 {
                prop_assert!(ledbat.may_send(ledbat.next_send(), segment));
            }
        }
    }
}
