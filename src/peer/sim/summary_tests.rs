//! Tests of summaries.

use super::super::chance::Seed;
use super::super::host::Host;
use super::super::link::{Bandwidth, LinkSettings};
use super::super::reno::{Reno, RenoReceiver, RenoSender, RenoSettings};
use super::*;

/// One flow of a thousand segments through 10 Mbit/s, begun at 5 s.
fn summary() -> Summary {
    let began = Nanotime::from_nanoseconds(5_000_000_000);
    let mut network = Network::new(Seed(1), began);
    let line = network.add_link(LinkSettings {
        bandwidth: Bandwidth::from_bits_per_second(10_000_000),
        delay: Duration::from_millis(20),
        queue_bytes: 40_000,
        ..LinkSettings::default()
    });
    let addresses = [1, 2].map(|last| SocketAddr::from(([10, 0, 0, last], 7_000)));
    let settings = RenoSettings {
        segments: Some(1_000),
        ..RenoSettings::endless(addresses[1])
    };
    let nodes = [
        Reno::Sender(Box::new(RenoSender::new(settings))),
        Reno::Receiver(RenoReceiver::new()),
    ];
    for (address, node) in addresses.into_iter().zip(nodes) {
        network
            .add_host(Host {
                address,
                node,
                uplink: LinkSettings::default(),
                downlink: LinkSettings::default(),
                uplink_via: Vec::new(),
                downlink_via: if address == addresses[1] {
                    vec![line]
                } else {
                    Vec::new()
                },
                start: began,
                departure: None,
            })
            .expect("a new address");
    }
    network.run(began + Duration::from_secs(60), &mut (), |_| false);
    Summary::of(
        &network,
        began,
        &[("line".to_owned(), line)],
        |id| format!("node {}", id.index()),
        |node| match node {
            Reno::Sender(_) => Achievement::default(),
            Reno::Receiver(receiver) => Achievement {
                useful_bytes: receiver.all_useful_bytes(),
                finished: receiver.last_useful(),
                playback: None,
            },
        },
    )
}

#[test]
fn a_summary_agrees_with_itself() {
    let summary = summary();
    let [sender, receiver] = &summary.nodes[..] else {
        panic!("{summary:?}");
    };
    let line = &summary.links[0];
    assert_eq!(receiver.useful_bytes, 1_400_000);
    assert_eq!(
        sender.sent_datagrams,
        receiver.received_datagrams + line.dropped
    );
    assert_eq!(
        line.carried_bytes,
        receiver.received_bytes + 28 * line.carried_datagrams
    );
    let finish = receiver.finish.expect("it has all");
    assert!((receiver.goodput - 11_200_000.0 / finish).abs() < 1.0);
    let busy = line.carried_bytes as f64 * 8.0 / 10e6;
    let utilisation = line.utilisation.expect("it has a bandwidth");
    assert!((utilisation - busy / summary.duration).abs() < 1e-6);
    // 40 kB and the datagram being sent, at 10 Mbit/s.
    assert!(line.longest_queueing_delay <= 0.0332, "{line:?}");
    assert!(line.mean_queueing_delay < line.longest_queueing_delay);
    assert_eq!(summary.links[1].utilisation, None);
}

#[test]
fn a_summary_is_a_table_for_people_and_json_for_programs() {
    let mut table = Vec::new();
    summary().write_table(&mut table).expect("memory takes all");
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(String::from_utf8(table).expect("text"));
    });
    let mut json = Vec::new();
    summary().write_json(&mut json).expect("memory takes all");
    let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(value["nodes"][1]["useful_bytes"], 1_400_000);
    assert_eq!(value["links"][0]["name"], "line");
    assert!(value["nodes"][0]["finish"].is_null());
}
