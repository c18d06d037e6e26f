//! Peers that fetch content from each other, without sockets.

#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::time::Duration;

use peers::{Network, address, content, empty, seeded, swarm};
use ppsp_inspect::peer::engine::PeerConfig;

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
