//! A bottleneck with one queue, and the flows that share it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::super::Moment;
use super::{Ledbat, LedbatConfig};

/// Bytes of each datagram.
pub(super) const SEGMENT: u32 = 1000;

/// The path: bytes a second, how much may wait, and what the way takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) rate: u64,
    pub(super) buffer: Duration,
    pub(super) forward: Duration,
    pub(super) back: Duration,
    /// Acknowledgements come at multiples of this only.
    pub(super) timer: Duration,
    pub(super) down: bool,
}

impl Path {
    /// One megabyte a second, 40 ms there and back, and a deep queue.
    pub(super) fn home() -> Self {
        Self {
            rate: 1_000_000,
            buffer: Duration::from_secs(1),
            forward: Duration::from_millis(20),
            back: Duration::from_millis(20),
            timer: Duration::ZERO,
            down: false,
        }
    }
}

/// The receiver's clock against the sender's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Microseconds.
    pub(super) offset: i64,
    /// Parts per million.
    pub(super) skew: i64,
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) ledbat: Ledbat,
    pub(super) clock: Clock,
    /// Whether its ACKs carry delays.
    pub(super) delays: bool,
    pub(super) stopped: bool,
    pub(super) delivered: u64,
    pub(super) lost: u64,
    pub(super) timeouts: u32,
    next: u64,
    outstanding: BTreeMap<u64, Moment>,
    progress: Moment,
    wake: Option<Moment>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake,
    Acknowledge {
        number: u64,
        sent: Moment,
        delay: u64,
    },
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: Moment,
    pub(super) path: Path,
    pub(super) flows: Vec<Flow>,
    /// When all that waits now has left.
    free: Moment,
    events: BinaryHeap<Reverse<(Moment, u64, usize, Event)>>,
    order: u64,
    noise: u64,
    waits: (Duration, u32, Duration),
}

/// What a stretch of time saw.
#[derive(Debug)]
pub(super) struct Stretch {
    /// Of the path's capacity, what each flow delivered.
    pub(super) shares: Vec<f64>,
    /// The mean wait in the queue.
    pub(super) wait: Duration,
    pub(super) longest: Duration,
    pub(super) lost: u64,
}

impl Model {
    pub(super) fn new(path: Path) -> Self {
        Self {
            now: Moment::from_microseconds(1_700_000_000_000_000),
            path,
            flows: Vec::new(),
            free: Moment::default(),
            events: BinaryHeap::new(),
            order: 0,
            noise: 1,
            waits: (Duration::ZERO, 0, Duration::ZERO),
        }
    }

    pub(super) fn flow(&mut self, config: LedbatConfig) -> &mut Flow {
        self.flows.push(Flow {
            ledbat: Ledbat::new(config, SEGMENT, self.now),
            clock: Clock::default(),
            delays: true,
            stopped: false,
            delivered: 0,
            lost: 0,
            timeouts: 0,
            next: 0,
            outstanding: BTreeMap::new(),
            progress: self.now,
            wake: None,
        });
        let last = self.flows.len() - 1;
        self.push(self.now, last, Event::Wake);
        self.flows[last].wake = Some(self.now);
        &mut self.flows[last]
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) -> Stretch {
        let count = |flow: &Flow| (flow.delivered, flow.lost);
        let before: Vec<_> = self.flows.iter().map(count).collect();
        self.waits = (Duration::ZERO, 0, Duration::ZERO);
        let end = self.now + duration;
        while let Some(Reverse((at, ..))) = self.events.peek()
            && *at <= end
            && let Some(Reverse((at, _, flow, event))) = self.events.pop()
        {
            self.now = at;
            self.handle(flow, &event);
            self.pump(flow);
        }
        self.now = end;
        let after = self.flows.iter().map(count).zip(before);
        let capacity = self.path.rate as f64 * duration.as_secs_f64();
        Stretch {
            lost: after
                .clone()
                .map(|(after, before)| after.1 - before.1)
                .sum(),
            shares: after
                .map(|(after, before)| (after.0 - before.0) as f64 / capacity)
                .collect(),
            wait: self.waits.0 / self.waits.1.max(1),
            longest: self.waits.2,
        }
    }

    fn handle(&mut self, index: usize, event: &Event) {
        let now = self.now;
        let flow = &mut self.flows[index];
        match *event {
            Event::Wake => {
                if flow.wake != Some(now) {
                    return;
                }
                flow.wake = None;
                if !flow.outstanding.is_empty() && now.since(flow.progress) >= flow.ledbat.timeout()
                {
                    flow.lost += flow.outstanding.len() as u64;
                    flow.timeouts += 1;
                    flow.outstanding.clear();
                    flow.progress = now;
                    flow.ledbat.timed_out(now);
                    assert_eq!(flow.ledbat.window(), SEGMENT);
                }
            }
            Event::Acknowledge {
                number,
                sent,
                delay,
            } => {
                flow.progress = now;
                flow.delivered += u64::from(SEGMENT);
                let in_flight = flow.outstanding.remove(&number).is_some();
                flow.ledbat.acknowledged(
                    now,
                    if in_flight { SEGMENT } else { 0 },
                    flow.delays.then_some(delay),
                    Some(now.since(sent)),
                );
                // Three later ones have come.
                let kept = flow.outstanding.split_off(&number.saturating_sub(2));
                for sent in std::mem::replace(&mut flow.outstanding, kept).into_values() {
                    flow.lost += 1;
                    flow.ledbat.lost(now, SEGMENT, sent);
                }
                assert_eq!(
                    flow.ledbat.flight(),
                    SEGMENT * flow.outstanding.len() as u32
                );
            }
        }
    }

    /// Sends what may be sent.
    fn pump(&mut self, index: usize) {
        while !self.flows[index].stopped && self.flows[index].ledbat.may_send(self.now, SEGMENT) {
            self.send(index);
        }
        let flow = &self.flows[index];
        let fits = flow.ledbat.flight() + SEGMENT <= flow.ledbat.window();
        let paced = (!flow.stopped && fits).then(|| flow.ledbat.next_send());
        let timeout = (!flow.outstanding.is_empty()).then(|| flow.progress + flow.ledbat.timeout());
        let Some(wake) = paced.into_iter().chain(timeout).min() else {
            return;
        };
        if flow.wake == Some(wake) {
            return;
        }
        self.flows[index].wake = Some(wake);
        self.push(wake, index, Event::Wake);
    }

    fn send(&mut self, index: usize) {
        self.noise = self
            .noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (now, path) = (self.now, self.path);
        let flow = &mut self.flows[index];
        if flow.outstanding.is_empty() {
            flow.progress = now;
        }
        let number = flow.next;
        flow.next += 1;
        flow.outstanding.insert(number, now);
        flow.ledbat.sent(now, SEGMENT);
        let wait = self.free.since(now);
        if path.down || wait > path.buffer {
            return;
        }
        self.waits.0 += wait;
        self.waits.1 += 1;
        self.waits.2 = self.waits.2.max(wait);
        let taken = u64::from(SEGMENT) * 1_000_000 / path.rate;
        self.free = now + wait + Duration::from_micros(taken);
        // Less than what would let one datagram overtake another.
        let jitter = Duration::from_micros((self.noise >> 33) % taken.clamp(1, 100));
        let arrival = self.free + path.forward + jitter;
        let milliseconds = (arrival.microseconds() / 1000 % 1_000_000_000).cast_signed();
        let delay = arrival.since(now).as_micros() as i64
            + flow.clock.offset
            + milliseconds * flow.clock.skew / 1000;
        let mut at = arrival + path.back;
        if path.timer > Duration::ZERO {
            let timer = path.timer.as_micros() as u64;
            at = Moment::from_microseconds(at.microseconds().next_multiple_of(timer));
        }
        let event = Event::Acknowledge {
            number,
            sent: now,
            delay: delay.cast_unsigned(),
        };
        self.push(at, index, event);
    }

    fn push(&mut self, at: Moment, flow: usize, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, flow, event)));
    }
}
