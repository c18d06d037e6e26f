//! Tests of Reno flows on a simulated network.

use std::io::Cursor;
use std::time::Duration;

use super::super::chance::{Probability, Seed};
use super::super::clock::Nanotime;
use super::super::host::{Ending, Host, LinkId, NodeId};
use super::super::link::{Bandwidth, LinkSettings};
use super::super::network::Network;
use super::super::recording::{Recording, Vantage};
use super::super::tap::{Passage, Sighting};
use super::*;
use crate::capture::Capture;

struct Dumbbell {
    network: Network<Reno>,
    bottleneck: LinkId,
    senders: Vec<SocketAddr>,
    receivers: Vec<NodeId>,
}

fn seconds(count: u64) -> Nanotime {
    Nanotime::from_nanoseconds(count * 1_000_000_000)
}

/// So many flows through one bottleneck, thirty milliseconds there and back.
fn dumbbell(flows: u8, megabits: u64, loss: f64, segments: Option<u64>) -> Dumbbell {
    let mut network = Network::new(Seed(3), seconds(0));
    let bottleneck = network.add_link(LinkSettings {
        bandwidth: Bandwidth::from_bits_per_second(megabits * 1_000_000),
        delay: Duration::from_millis(10),
        loss: Probability::new(loss).expect("a probability"),
        queue_bytes: megabits * 1_000_000 / 8 / 25,
        ..LinkSettings::default()
    });
    let access = LinkSettings {
        delay: Duration::from_millis(5),
        ..LinkSettings::default()
    };
    let host = |address, node, uplink_via| Host {
        address,
        node,
        uplink: access.clone(),
        downlink: access.clone(),
        uplink_via,
        downlink_via: Vec::new(),
        start: seconds(0),
        departure: None,
    };
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for number in 0..flows {
        let from = SocketAddr::from(([10, 0, 0, number], 5_000));
        let to = SocketAddr::from(([10, 0, 1, number], 5_000));
        let settings = RenoSettings {
            segments,
            ..RenoSettings::endless(to)
        };
        let sender = Reno::Sender(Box::new(RenoSender::new(settings)));
        let mut sender = host(from, sender, vec![bottleneck]);
        // Flows in lockstep would be fair without deserving it.
        sender.start = Nanotime::from_nanoseconds(u64::from(number) * 1_370_000_000);
        network.add_host(sender).expect("a new address");
        let receiver = host(to, Reno::Receiver(RenoReceiver::new()), Vec::new());
        receivers.push(network.add_host(receiver).expect("a new address"));
        senders.push(from);
    }
    Dumbbell {
        network,
        bottleneck,
        senders,
        receivers,
    }
}

impl Dumbbell {
    fn useful(&self, flow: usize) -> u64 {
        match self.network.node(self.receivers[flow]) {
            Some(Reno::Receiver(receiver)) => receiver.useful_bytes(self.senders[flow]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn one_flow_fills_its_bottleneck() {
    let mut dumbbell = dumbbell(1, 20, 0.0, None);
    let ending = dumbbell.network.run(seconds(20), &mut (), |_| false);
    assert_eq!(ending, Ending::TimeLimit);
    let goodput = dumbbell.useful(0) * 8 / 20;
    // Headers take two in a hundred.
    assert!((18_500_000..19_700_000).contains(&goodput), "{goodput}");
}

#[test]
fn two_flows_share_a_bottleneck_and_leave_little_of_it_idle() {
    let mut dumbbell = dumbbell(2, 10, 0.0, None);
    dumbbell.network.run(seconds(10), &mut (), |_| false);
    let before = [dumbbell.useful(0), dumbbell.useful(1)];
    dumbbell.network.run(seconds(70), &mut (), |_| false);
    let rates = [0, 1].map(|flow| (dumbbell.useful(flow) - before[flow]) * 8 / 60);
    let total = rates[0] + rates[1];
    assert!(total > 9_000_000, "{rates:?}");
    let least = rates[0].min(rates[1]);
    assert!(least * 3 > total, "{rates:?}");
    let counts = dumbbell.network.link_counts(dumbbell.bottleneck);
    assert!(counts.is_some_and(|counts| counts.dropped > 0));
}

#[test]
fn loss_costs_what_the_formula_of_mathis_says() {
    let loss = 0.005;
    let mut dumbbell = dumbbell(1, 1_000, loss, None);
    dumbbell.network.run(seconds(120), &mut (), |_| false);
    let goodput = dumbbell.useful(0) as f64 / 120.0;
    let formula = 1_400.0 / 0.030 * (1.5_f64 / loss).sqrt();
    let ratio = goodput / formula;
    assert!((0.75..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn a_flow_with_an_end_arrives_whole_whatever_is_lost() {
    for loss in [0.0, 0.02, 0.3] {
        let mut dumbbell = dumbbell(1, 10, loss, Some(500));
        let ending = dumbbell.network.run(seconds(3_000), &mut (), |_| false);
        assert_eq!(ending, Ending::Idle);
        assert_eq!(dumbbell.useful(0), 500 * 1_400);
        let (_, _, sender) = dumbbell.network.nodes().next().expect("a sender");
        assert!(matches!(sender, Reno::Sender(sender) if sender.finished().is_some()));
    }
}

#[test]
fn a_recording_holds_the_same_datagrams_at_the_same_times() {
    let mut run = dumbbell(2, 10, 0.05, Some(200));
    let mut sightings = Vec::new();
    let receiver = SocketAddr::from(([10, 0, 1, 1], 5_000));
    let vantage = Vantage::At(vec![("receiver".to_owned(), receiver)]);
    let mut recording = Recording::new(Vec::new(), &vantage, &["two flows"]).expect("room");
    let mut tap = |sighting: &Sighting<'_>| {
        use super::super::tap::Tap;
        recording.see(sighting);
        let is_here = match sighting.passage {
            Passage::Sent => sighting.source == receiver,
            Passage::Delivered => sighting.destination == receiver,
            _ => false,
        };
        if is_here {
            let time = sighting.time.nanoseconds() as i64;
            sightings.push((time, sighting.source, sighting.payload.to_vec()));
        }
    };
    run.network.run(seconds(60), &mut tap, |_| false);
    let file = recording.finish().expect("memory takes all");
    assert!(sightings.len() > 300);
    let mut capture = Capture::from_reader("recording", Cursor::new(file)).expect("a capture");
    let mut read = Vec::new();
    while let Some(captured) = capture.next() {
        let datagram = captured.datagram;
        let time = datagram
            .time
            .map(ppspp_dissector::session::Time::nanoseconds);
        read.push((
            time.expect("a time"),
            datagram.source,
            datagram.payload.to_vec(),
        ));
    }
    assert!(capture.faults().is_empty());
    assert_eq!(read, sightings);
}

#[test]
fn a_recording_of_everywhere_holds_every_datagram_once() {
    let file = |seed_loss: f64| {
        let mut run = dumbbell(2, 10, seed_loss, Some(200));
        let mut recording = Recording::new(Vec::new(), &Vantage::Everywhere, &[]).expect("room");
        run.network.run(seconds(60), &mut recording, |_| false);
        let sent: u64 = run
            .network
            .nodes()
            .filter_map(|(id, ..)| run.network.node_counts(id))
            .map(|counts| counts.sent)
            .sum();
        (recording.finish().expect("memory takes all"), sent)
    };
    let (first, sent) = file(0.05);
    assert_eq!(first, file(0.05).0);
    let mut capture = Capture::from_reader("recording", Cursor::new(first)).expect("a capture");
    let mut count = 0;
    while capture.next().is_some() {
        count += 1;
    }
    assert_eq!(count, sent);
}
