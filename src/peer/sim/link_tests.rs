//! Tests of links.

use super::super::chance::{Purpose, Seed};
use super::*;

fn link(settings: LinkSettings) -> Link {
    Link::new(settings, Seed(11).generator(Purpose::Link(0)))
}

fn at(microseconds: u64) -> Nanotime {
    Nanotime::from_nanoseconds(microseconds * 1_000)
}

fn probability(value: f64) -> Probability {
    Probability::new(value).expect("a probability")
}

fn megabits(count: u64) -> Option<Bandwidth> {
    Bandwidth::from_bits_per_second(count * 1_000_000)
}

/// When a datagram arrives, and that it does.
fn arrival(fate: Fate) -> Nanotime {
    match fate {
        Fate::Arrives { first, .. } => first,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_idle_link_takes_the_time_to_send_and_the_delay() {
    let mut link = link(LinkSettings {
        bandwidth: megabits(8),
        delay: Duration::from_millis(5),
        ..LinkSettings::default()
    });
    assert_eq!(arrival(link.offer(at(100), 1_000)), at(100 + 1_000 + 5_000));
    assert_eq!(arrival(link.offer(at(9_000), 500)), at(9_000 + 500 + 5_000));
}

#[test]
fn a_busy_link_is_neither_too_fast_nor_too_slow() {
    // 1056 bytes at 7 Mbit/s take 1206.857142… microseconds.
    let mut link = link(LinkSettings {
        bandwidth: megabits(7),
        queue_bytes: u64::MAX,
        ..LinkSettings::default()
    });
    let mut last = at(0);
    for _ in 0..7_000 {
        last = arrival(link.offer(at(0), 1_056));
    }
    assert_eq!(last, at(1_056 * 8 * 1_000));
    assert_eq!(link.counts().busy, Duration::from_millis(8_448));
}

#[test]
fn a_link_without_bandwidth_only_delays() {
    let mut link = link(LinkSettings {
        delay: Duration::from_micros(30),
        ..LinkSettings::default()
    });
    for _ in 0..100 {
        assert_eq!(arrival(link.offer(at(1), 60_000)), at(31));
    }
}

#[test]
fn the_queue_drops_what_comes_when_it_is_full_and_takes_more_when_it_has_room() {
    let mut link = link(LinkSettings {
        bandwidth: megabits(8),
        queue_bytes: 3_000,
        ..LinkSettings::default()
    });
    // One is being sent, three wait.
    let fates: Vec<_> = (0..6).map(|_| link.offer(at(0), 1_000)).collect();
    assert_eq!(
        fates[3],
        Fate::Arrives {
            first: at(4_000),
            again: false
        }
    );
    assert_eq!(fates[4..], [Fate::NoRoom, Fate::NoRoom]);
    assert_eq!(link.offer(at(999), 1_000), Fate::NoRoom);
    assert_eq!(arrival(link.offer(at(1_000), 1_000)), at(5_000));
    assert_eq!(link.counts().dropped, 3);
    assert_eq!(link.counts().carried, 5);
    assert_eq!(link.counts().longest_wait, Duration::from_millis(3));
}

#[test]
fn independent_losses_keep_their_rate() {
    let mut link = link(LinkSettings {
        loss: probability(0.05),
        ..LinkSettings::default()
    });
    let count = 40_000;
    let lost = (0..count)
        .filter(|&number| link.offer(at(number), 100) == Fate::Lost)
        .count();
    // Five standard deviations.
    assert!((2_000_usize).abs_diff(lost) < 220, "{lost}");
    assert_eq!(link.counts().lost, lost as u64);
}

#[test]
fn bursts_keep_their_rate_and_length() {
    let mut link = link(LinkSettings {
        bursts: Some(Bursts {
            begin: probability(0.01),
            end: probability(0.25),
            loss: Probability::ALWAYS,
        }),
        ..LinkSettings::default()
    });
    let count = 100_000;
    let lost: Vec<bool> = (0..count)
        .map(|number| link.offer(at(number), 100) == Fate::Lost)
        .collect();
    let total = lost.iter().filter(|lost| **lost).count() as f64;
    let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
    // The share of the bad state is begin / (begin + end).
    assert!(
        (total / count as f64 - 0.01 / 0.26).abs() < 0.004,
        "{total}"
    );
    assert!((total / bursts - 4.0).abs() < 0.4, "{total} in {bursts}");
}

#[test]
fn jitter_stays_within_its_bounds_and_keeps_the_order() {
    for (shape, middle) in [(JitterShape::Uniform, 0.5), (JitterShape::Bell, 0.9)] {
        let mut link = link(LinkSettings {
            delay: Duration::from_millis(10),
            jitter: Jitter {
                most: Duration::from_millis(4),
                shape,
            },
            ..LinkSettings::default()
        });
        let mut within = 0;
        let mut last = at(0);
        for number in 0..4_000 {
            // Far enough from each other not to hold each other up.
            let sent = at(number * 20_000);
            let arrived = arrival(link.offer(sent, 100));
            assert!(arrived >= last);
            last = arrived;
            let late = arrived.since(sent).as_micros();
            assert!((10_000..=14_000).contains(&late), "{late}");
            within += u32::from((11_000..13_000).contains(&late));
        }
        let share = f64::from(within) / 4_000.0;
        assert!((share - middle).abs() < 0.05, "{shape:?}: {share}");
        let mut last = at(0);
        for number in 0..1_000 {
            let arrived = arrival(link.offer(at(80_000_000 + number), 100));
            assert!(arrived >= last);
            last = arrived;
        }
    }
}

#[test]
fn reordered_datagrams_are_overtaken() {
    let mut link = link(LinkSettings {
        reordering: Some(Reordering {
            probability: probability(0.1),
            lateness: Duration::from_micros(50),
        }),
        ..LinkSettings::default()
    });
    let arrivals: Vec<_> = (0..2_000)
        .map(|number| arrival(link.offer(at(number * 10), 100)))
        .collect();
    let late = (0..2_000_u64)
        .filter(|&number| arrivals[number as usize] == at(number * 10 + 50))
        .count();
    assert!((150..250).contains(&late), "{late}");
    assert_eq!(link.counts().reordered, late as u64);
}

#[test]
fn duplicated_datagrams_arrive_again() {
    let mut link = link(LinkSettings {
        duplication: probability(0.5),
        ..LinkSettings::default()
    });
    let twice = (0..1_000)
        .filter(|&number| {
            matches!(
                link.offer(at(number), 100),
                Fate::Arrives { again: true, .. }
            )
        })
        .count();
    assert!((430..570).contains(&twice), "{twice}");
}
