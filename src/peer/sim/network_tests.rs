//! Tests of the network, with nodes that are as simple as can be.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::chance::Probability;
use super::super::link::Bandwidth;
use super::super::tap::{DropReason, Passage, Sighting};
use super::*;
use crate::peer::engine::Moment;

/// Sends datagrams of a size at a steady pace, and notes what it receives.
#[derive(Debug, Default)]
struct Metronome {
    to: Option<SocketAddr>,
    size: usize,
    period: Duration,
    left: u32,
    next: Option<Moment>,
    due: u32,
    received: Vec<(Moment, usize)>,
    farewell: bool,
}

impl Metronome {
    fn sending(to: &str, size: usize, period_us: u64, count: u32) -> Self {
        Self {
            to: Some(address(to)),
            size,
            period: Duration::from_micros(period_us),
            left: count,
            ..Self::default()
        }
    }
}

impl Node for Metronome {
    fn receive(&mut self, now: Moment, _: SocketAddr, datagram: &[u8]) {
        self.received.push((now, datagram.len()));
    }

    fn transmit(&mut self, _: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if self.farewell {
            self.farewell = false;
            out.extend_from_slice(b"farewell");
            return self.to;
        }
        self.due = self.due.checked_sub(1)?;
        out.resize(self.size, 7);
        self.to
    }

    fn deadline(&self) -> Option<Moment> {
        self.next
    }

    fn elapse(&mut self, now: Moment) {
        if self.left > 0 {
            self.left -= 1;
            self.due += 1;
            self.next = (self.left > 0).then(|| now + self.period);
        }
    }

    fn leave(&mut self, _: Moment) {
        self.farewell = true;
    }
}

const A: &str = "10.0.0.1:7000";
const B: &str = "10.0.0.2:7000";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn at(microseconds: u64) -> Nanotime {
    Nanotime::from_nanoseconds(microseconds * 1_000)
}

fn host<N>(name: &str, node: N) -> Host<N> {
    Host {
        address: address(name),
        node,
        uplink: LinkSettings::default(),
        downlink: LinkSettings::default(),
        uplink_via: Vec::new(),
        downlink_via: Vec::new(),
        start: at(0),
        departure: None,
    }
}

fn link(megabits: u64, delay_us: u64) -> LinkSettings {
    LinkSettings {
        bandwidth: Bandwidth::from_bits_per_second(megabits * 1_000_000),
        delay: Duration::from_micros(delay_us),
        ..LinkSettings::default()
    }
}

fn forever<N>(_: &Network<N>) -> bool {
    false
}

#[test]
fn a_steady_flow_keeps_its_pace_and_is_late_by_exactly_what_links_take() {
    let mut network = Network::new(Seed(1), at(0));
    // 972 bytes and 28 of headers: 1000 us up, 500 us down.
    let mut sender = host(A, Metronome::sending(B, 972, 1_000, 500));
    sender.uplink = link(8, 3_000);
    let mut receiver = host(B, Metronome::default());
    receiver.downlink = link(16, 70);
    network.add_host(sender).expect("a new address");
    let receiver = network.add_host(receiver).expect("a new address");
    assert_eq!(network.run(at(10_000_000), &mut (), forever), Ending::Idle);
    let node = network.node(receiver).expect("it is there");
    let expected: Vec<_> = (0..500)
        .map(|number| (at(number * 1_000 + 1_000 + 3_000 + 500 + 70).moment(), 972))
        .collect();
    assert_eq!(node.received, expected);
}

#[test]
fn a_flow_that_is_too_fast_gets_the_bandwidth_and_the_rest_is_dropped() {
    let mut network = Network::new(Seed(1), at(0));
    let mut sender = host(A, Metronome::sending(B, 972, 500, 2_000));
    sender.uplink = LinkSettings {
        queue_bytes: 10_000,
        ..link(8, 0)
    };
    let sender = network.add_host(sender).expect("a new address");
    let receiver = network
        .add_host(host(B, Metronome::default()))
        .expect("a new address");
    network.run(at(1_000_000), &mut (), forever);
    let (uplink, _) = network.access_links(sender).expect("it is there");
    let counts = network.link_counts(uplink).expect("it is there");
    let arrived = network.node_counts(receiver).expect("it is there").received;
    assert_eq!(arrived, 1_000);
    assert_eq!(counts.carried + counts.dropped, 2_000);
    assert_eq!(counts.carried, 1_010);
    assert_eq!(counts.longest_wait, Duration::from_millis(10));
}

/// A run with everything that can go wrong, as a log of all that passed.
fn chaos(seed: u64) -> (String, u64) {
    let rough = LinkSettings {
        loss: Probability::new(0.1).expect("a probability"),
        duplication: Probability::new(0.1).expect("a probability"),
        jitter: super::super::link::Jitter {
            most: Duration::from_millis(7),
            ..Default::default()
        },
        ..link(10, 1_000)
    };
    let mut network = Network::new(Seed(seed), at(1_000));
    let shared = network.add_link(rough.clone());
    for (from, to) in [(A, B), (B, A)] {
        network
            .add_host(Host {
                uplink: rough.clone(),
                downlink: rough.clone(),
                uplink_via: vec![shared],
                ..host(from, Metronome::sending(to, 500, 700, 300))
            })
            .expect("a new address");
    }
    let log = Rc::new(RefCell::new(String::new()));
    let mut tap = |sighting: &Sighting<'_>| {
        use std::fmt::Write;
        writeln!(log.borrow_mut(), "{sighting:?}").expect("room");
    };
    assert_eq!(network.run(at(10_000_000), &mut tap, forever), Ending::Idle);
    (log.take(), network.events())
}

#[test]
fn the_same_seed_is_the_same_run_and_another_one_is_not() {
    assert_eq!(chaos(5), chaos(5));
    assert_ne!(chaos(5).0, chaos(6).0);
}

#[test]
fn each_datagram_is_delivered_or_dropped_or_both_for_its_copies() {
    let (log, _) = chaos(9);
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    let copies = count("Duplicated");
    assert!(copies > 50);
    assert!(count("Lost") > 50);
    assert_eq!(count("Sent"), 600);
    assert_eq!(
        count("Sent") + copies,
        count("Delivered") + count("Dropped")
    );
}

/// Why and when datagrams from A to `to` were dropped.
fn drops(network: &mut Network<Metronome>) -> Vec<(u64, DropReason)> {
    let mut drops = Vec::new();
    let mut tap = |sighting: &Sighting<'_>| {
        if let Passage::Dropped(reason) = sighting.passage {
            drops.push((sighting.time.nanoseconds() / 1_000, reason));
        }
    };
    network.run(at(1_000_000), &mut tap, forever);
    drops
}

#[test]
fn a_host_receives_from_its_start_until_it_crashes() {
    let mut network = Network::new(Seed(1), at(0));
    network
        .add_host(host(A, Metronome::sending(B, 10, 100, 10)))
        .expect("a new address");
    let mut other = host(B, Metronome::sending(A, 10, 100, 10));
    other.start = at(250);
    other.departure = Some(Departure::Crash(at(650)));
    let other = network.add_host(other).expect("a new address");
    let down = DropReason::HostDown;
    let expected = [0, 100, 200, 700, 800, 900].map(|time| (time, down));
    assert_eq!(drops(&mut network), expected);
    let node = network.node(other).expect("it is there");
    assert_eq!(node.received.len(), 4);
    assert_eq!(network.node_counts(other).expect("it is there").sent, 4);
    assert!(!network.is_running(other));
}

#[test]
fn a_host_that_leaves_says_so_and_one_that_crashes_does_not() {
    for (departure, farewells) in [(Departure::Leave(at(50)), 1), (Departure::Crash(at(50)), 0)] {
        let mut network = Network::new(Seed(1), at(0));
        let mut leaver = host(A, Metronome::sending(B, 10, 100, 2));
        leaver.departure = Some(departure);
        network.add_host(leaver).expect("a new address");
        let other = network
            .add_host(host(B, Metronome::default()))
            .expect("a new address");
        network.run(at(1_000), &mut (), forever);
        let received = &network.node(other).expect("it is there").received;
        let count = received.iter().filter(|(_, bytes)| *bytes == 8).count();
        assert_eq!(count, farewells);
        assert_eq!(received.len(), 1 + farewells);
    }
}

#[test]
fn a_crashed_host_runs_again_with_a_new_node() {
    let mut network = Network::new(Seed(1), at(0));
    let mut crasher = host(A, Metronome::sending(B, 10, 100, 10));
    crasher.departure = Some(Departure::Crash(at(250)));
    let crasher = network.add_host(crasher).expect("a new address");
    let other = network
        .add_host(host(B, Metronome::default()))
        .expect("a new address");
    network.run(at(500), &mut (), forever);
    network.rest(at(500));
    let old = network
        .restart(crasher, Metronome::sending(B, 10, 100, 2))
        .expect("it is there");
    assert_eq!(old.left, 7);
    network.run(at(1_000), &mut (), forever);
    let times: Vec<_> = network
        .node(other)
        .expect("it is there")
        .received
        .iter()
        .collect();
    let expected = [0, 100, 200, 500, 600].map(|time| (at(time).moment(), 10));
    assert_eq!(times, expected.iter().collect::<Vec<_>>());
}

#[test]
fn what_goes_nowhere_is_dropped_with_its_reason() {
    for (to, size, reason) in [
        ("10.9.9.9:1", 10, DropReason::NoSuchHost),
        ("[::1]:1", 10, DropReason::Impossible),
        (A, 65_508, DropReason::Impossible),
    ] {
        let mut network = Network::new(Seed(1), at(0));
        network
            .add_host(host(A, Metronome::sending(to, size, 1, 1)))
            .expect("a new address");
        assert_eq!(drops(&mut network), [(0, reason)]);
    }
}

#[test]
fn a_shared_link_is_passed_once_by_all_who_share_it() {
    let mut network = Network::new(Seed(1), at(0));
    let shared = network.add_link(link(8, 100));
    for (from, to) in [(A, B), (B, A)] {
        network
            .add_host(Host {
                uplink_via: vec![shared],
                downlink_via: vec![shared],
                ..host(from, Metronome::sending(to, 972, 1_000, 1))
            })
            .expect("a new address");
    }
    network.run(at(100_000), &mut (), forever);
    let times: Vec<_> = network
        .nodes()
        .map(|(_, _, node)| node.received[0].0)
        .collect();
    // B's datagram waits until A's, which came first, is through.
    assert_eq!(times, [at(2_100).moment(), at(1_100).moment()]);
    assert_eq!(network.link_counts(shared).expect("it is there").carried, 2);
}

#[test]
fn a_run_stops_at_its_limit_or_when_it_is_done_and_goes_on_from_there() {
    let mut network = Network::new(Seed(1), at(0));
    network
        .add_host(host(A, Metronome::sending(B, 10, 1_000, 100)))
        .expect("a new address");
    let other = network
        .add_host(host(B, Metronome::default()))
        .expect("a new address");
    let has = |network: &Network<Metronome>, count: usize| {
        network
            .node(other)
            .is_some_and(|node| node.received.len() >= count)
    };
    let ending = network.run(at(9_500), &mut (), forever);
    assert_eq!((ending, network.now()), (Ending::TimeLimit, at(9_500)));
    assert!(has(&network, 10) && !has(&network, 11));
    let ending = network.run(at(1_000_000), &mut (), |network| has(network, 42));
    assert_eq!((ending, network.now()), (Ending::Done, at(41_000)));
    assert_eq!(network.run(at(1_000_000), &mut (), forever), Ending::Idle);
    assert!(has(&network, 100));
}

#[test]
fn somebody_may_act_on_a_node_between_runs() {
    let mut network = Network::new(Seed(1), at(0));
    let first = network
        .add_host(host(
            A,
            Metronome {
                to: Some(address(B)),
                ..Metronome::default()
            },
        ))
        .expect("a new address");
    let other = network
        .add_host(host(B, Metronome::default()))
        .expect("a new address");
    assert_eq!(network.run(at(100), &mut (), forever), Ending::Idle);
    let done = network.act(first, &mut (), |node, _| node.due = 3);
    assert_eq!(done, Some(()));
    network.run(at(200), &mut (), forever);
    assert_eq!(network.node(other).expect("it is there").received.len(), 3);
}

#[test]
fn a_node_that_stops_time_ends_the_run() {
    let mut network = Network::new(Seed(1), at(0));
    let stuck = Metronome {
        left: u32::MAX,
        ..Metronome::sending(B, 1, 0, 0)
    };
    let stuck = network.add_host(host(A, stuck)).expect("a new address");
    let ending = network.run(at(100), &mut (), forever);
    assert_eq!(ending, Ending::Stalled(stuck));
}

#[test]
fn addresses_and_links_have_to_be_right() {
    let mut network = Network::new(Seed(1), at(0));
    let mut astray = host(A, Metronome::default());
    astray.uplink_via = vec![LinkId(4)];
    assert_eq!(
        network.add_host(astray),
        Err(NetworkError::NoSuchLink(LinkId(4)))
    );
    assert!(network.add_host(host(A, Metronome::default())).is_ok());
    let again = network.add_host(host(A, Metronome::default()));
    assert_eq!(again, Err(NetworkError::SameAddress(address(A))));
}
