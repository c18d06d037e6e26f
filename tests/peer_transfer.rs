//! Peers that fetch content from each other, without sockets.

#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::time::Duration;

use peers::{Network, address, content, empty, seeded, swarm};
use ppsp_inspect::peer::engine::{Event, PeerConfig};

#[test]
fn a_leecher_gets_what_a_seeder_has() {
    let bytes = content(100 * 1024 + 17);
    let mut config = swarm(&[]);
    let (store, root) = seeded(&bytes, &config);
    config.id = root;
    let mut network = Network::default();
    let now = network.now;
    network
        .add(1, PeerConfig::default())
        .join(now, config.clone(), Box::new(store))
        .expect("a swarm");
    let leecher = network.add(2, PeerConfig::default());
    let key = leecher
        .join(now, config.clone(), Box::new(empty(&config)))
        .expect("a swarm");
    leecher.connect(now, key, address(1));
    let done = network.run(Duration::from_secs(60), |network| {
        network.peers[&address(2)].is_complete(key)
    });
    assert!(done, "{:?}", network.peers[&address(2)].totals(key));
    assert_eq!(network.content_of(2, key), bytes);
    let grave: Vec<_> = network
        .findings()
        .into_iter()
        .filter(|(_, (_, severity))| *severity != "note")
        .collect();
    assert_eq!(grave, []);
}

#[test]
fn loss_and_fast_sending_make_no_honest_peer_look_malicious() {
    let bytes = content(6 * 1024 * 1024);
    let mut config = swarm(&[]);
    let (store, root) = seeded(&bytes, &config);
    config.id = root;
    let mut network = Network::default();
    network.loss = Some(25);
    network.delay = Duration::from_millis(3);
    let now = network.now;
    network
        .add(1, PeerConfig::default())
        .join(now, config.clone(), Box::new(store))
        .expect("a swarm");
    let leecher = network.add(2, PeerConfig::default());
    let key = leecher
        .join(now, config.clone(), Box::new(empty(&config)))
        .expect("a swarm");
    leecher.connect(now, key, address(1));
    let done = network.run(Duration::from_secs(120), |network| {
        network.peers[&address(2)].is_complete(key)
    });
    let totals = network.peers[&address(2)].totals(key);
    assert!(done, "{totals:?}");
    assert_eq!(totals.wrong, 0);
    let ended = network
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::Disconnected { .. }));
    assert!(!ended, "{:?}", network.events);
    assert_eq!(network.content_of(2, key), bytes);
}
