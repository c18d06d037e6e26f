//! What simulating a network costs: events by the second of wall time.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ppsp_inspect::peer::sim::{
    Bandwidth, Host, Jitter, LinkSettings, Nanotime, Network, Probability, Recording, Reno,
    RenoReceiver, RenoSender, RenoSettings, Seed, Tap, Vantage,
};

/// Twenty-five flows between fifty hosts, each of 100 Mbit/s and some loss.
fn network() -> Network<Reno> {
    let mut network = Network::new(Seed(1), Nanotime::default());
    let link = LinkSettings {
        bandwidth: Bandwidth::from_bits_per_second(100_000_000),
        delay: Duration::from_millis(5),
        jitter: Jitter {
            most: Duration::from_millis(1),
            ..Jitter::default()
        },
        loss: Probability::new(0.000_1).unwrap_or_default(),
        ..LinkSettings::default()
    };
    let mut add = |address, node| {
        let host = Host {
            address,
            node,
            uplink: link.clone(),
            downlink: link.clone(),
            uplink_via: Vec::new(),
            downlink_via: Vec::new(),
            start: Nanotime::default(),
            departure: None,
        };
        network.add_host(host).is_ok()
    };
    for number in 0..25 {
        let from = SocketAddr::from(([10, 0, 0, number], 7_000));
        let to = SocketAddr::from(([10, 0, 1, number], 7_000));
        let sender = RenoSender::new(RenoSettings::endless(to));
        assert!(add(from, Reno::Sender(Box::new(sender))));
        assert!(add(to, Reno::Receiver(RenoReceiver::new())));
    }
    network
}

/// One second of virtual time; how many events that are.
fn second(tap: &mut impl Tap) -> u64 {
    let mut network = network();
    network.run(Nanotime::from_nanoseconds(1_000_000_000), tap, |_| false);
    network.events()
}

fn simulation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulate 50 hosts");
    group.sample_size(10);
    group.throughput(Throughput::Elements(second(&mut ())));
    group.bench_function("unseen", |bencher| bencher.iter(|| second(&mut ())));
    group.bench_function("recorded", |bencher| {
        bencher.iter(|| {
            let sink = std::io::sink();
            let recording = Recording::new(sink, &Vantage::Everywhere, &[]);
            recording.ok().map(|mut recording| second(&mut recording))
        });
    });
    group.finish();
}

criterion_group!(benches, simulation);
criterion_main!(benches);
