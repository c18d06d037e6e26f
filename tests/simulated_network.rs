//! Recordings of simulated networks, read by the program.

mod support;

use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::time::Duration;

use ppsp_inspect::peer::sim::{
    Bandwidth, Ending, Host, LinkSettings, Nanotime, Network, Recording, Reno, RenoReceiver,
    RenoSender, RenoSettings, Seed, Vantage,
};
use support::program::run;

#[test]
fn the_program_reads_a_recording_and_takes_reno_for_what_it_is_not() {
    let addresses = [1, 2].map(|last| SocketAddr::from(([10, 0, 0, last], 20_000)));
    let settings = RenoSettings {
        segments: Some(200),
        ..RenoSettings::endless(addresses[1])
    };
    let nodes = [
        Reno::Sender(Box::new(RenoSender::new(settings))),
        Reno::Receiver(RenoReceiver::new()),
    ];
    let mut network = Network::new(Seed(1), Nanotime::from_nanoseconds(1 << 60));
    let link = LinkSettings {
        bandwidth: Bandwidth::from_bits_per_second(10_000_000),
        delay: Duration::from_millis(10),
        ..LinkSettings::default()
    };
    for (address, node) in addresses.into_iter().zip(nodes) {
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
        network.add_host(host).expect("a new address");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flow.pcapng");
    let file = BufWriter::new(File::create(&path).expect("a file"));
    let mut recording = Recording::new(file, &Vantage::Everywhere, &["a flow"]).expect("room");
    let limit = network.now() + Duration::from_secs(60);
    assert_eq!(network.run(limit, &mut recording, |_| false), Ending::Idle);
    recording.finish().expect("room");

    let stats = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
    assert_eq!(stats["frames"], 400);
    assert_eq!(stats["not_ppspp"], 400);
    assert_eq!(stats["malformed"], 0);
    assert_eq!(stats["comments"][0], "a flow");
}
