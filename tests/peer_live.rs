//! Live streams between peers, without sockets.

#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::time::Duration;

use peers::{Network, address, content, empty_stream, swarm};
use ppsp_inspect::peer::engine::{Event, LiveConfig, PeerConfig, Picking, SwarmConfig, SwarmKey};
use ppsp_inspect::peer::keys::SigningKey;
use ppspp_dissector::wire::{ContentIntegrity, HashFunction, SignatureAlgorithm};

const CHUNK: usize = 1024;

fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    let bits = matches!(
        algorithm,
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256
    )
    .then_some(1024);
    SigningKey::generate_from_seed(algorithm, bits, &[7; 32]).expect("a key")
}

fn stream(key: &SigningKey, integrity: ContentIntegrity) -> SwarmConfig {
    SwarmConfig {
        integrity,
        hash_function: HashFunction::Sha256,
        picking: Picking::InOrder,
        live: LiveConfig {
            window: 512,
            chunks_per_signature: 8,
        },
        ..swarm(&key.swarm_id())
    }
}

/// An injector at address 1 that streams `chunks` chunks, one every five
/// milliseconds, to viewers at 2 and 3, of which 3 knows 2 only. Returns what
/// was streamed and what each viewer has from where it tuned in.
fn streamed(
    network: &mut Network,
    key: &SigningKey,
    config: &SwarmConfig,
    chunks: usize,
) -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
    let bytes = content(chunks * CHUNK - 300);
    let now = network.now;
    let mut injector_config = config.clone();
    injector_config.wants_content = false;
    let injected = network
        .add(1, PeerConfig::default())
        .join(now, injector_config, Box::new(empty_stream(config)))
        .expect("a swarm");
    let mut keys = Vec::new();
    for (viewer, source) in [(2, 1), (3, 2)] {
        let peer = network.add(viewer, PeerConfig::default());
        let swarm = peer
            .join(now, config.clone(), Box::new(empty_stream(config)))
            .expect("a swarm");
        peer.connect(now, swarm, address(source));
        keys.push((viewer, swarm));
    }
    for chunk in bytes.chunks(CHUNK) {
        let now = network.now;
        let peer = network.peers.get_mut(&address(1)).expect("the injector");
        let mut sign = |parts: &[&[u8]]| key.sign(parts);
        peer.inject(now, injected, chunk, &mut sign).expect("kept");
        network.rest(Duration::from_millis(5));
        for &(viewer, swarm) in &keys {
            play(network, viewer, swarm);
        }
    }
    let now = network.now;
    let peer = network.peers.get_mut(&address(1)).expect("the injector");
    let mut sign = |parts: &[&[u8]]| key.sign(parts);
    peer.finish_stream(now, injected, &mut sign).expect("kept");
    network.rest(Duration::from_secs(5));
    let got = keys
        .into_iter()
        .map(|(viewer, swarm)| {
            let peer = network.peers.get_mut(&address(viewer)).expect("a viewer");
            let first = network.events.iter().find_map(|(at, event)| match event {
                Event::TunedIn { chunk, .. } if *at == address(viewer) => Some(*chunk),
                _ => None,
            });
            let first = first.expect("tuned in");
            let mut out = Vec::new();
            let present = peer.present(swarm).expect("a swarm").clone();
            for chunk in first.. {
                if !present.contains(&chunk) {
                    break;
                }
                peer.read(swarm, chunk, &mut out).expect("present");
            }
            (first, out)
        })
        .collect();
    (bytes, got)
}

/// Moves a viewer's playhead over what is there.
fn play(network: &mut Network, viewer: u8, swarm: SwarmKey) {
    let peer = network.peers.get_mut(&address(viewer)).expect("a viewer");
    if let Some(mut at) = peer.playhead(swarm) {
        while peer.present(swarm).is_some_and(|it| it.contains(&at)) {
            at += 1;
        }
        peer.set_playhead(swarm, at);
    }
}

fn assert_streams(integrity: ContentIntegrity, algorithm: SignatureAlgorithm, loss: Option<u64>) {
    let key = key(algorithm);
    let mut network = Network::default();
    network.loss = loss;
    let (bytes, got) = streamed(&mut network, &key, &stream(&key, integrity), 203);
    for (first, seen) in got {
        let from = first as usize * CHUNK;
        assert!(first < 150, "tuned in late, at chunk {first}");
        assert_eq!(seen.len(), bytes.len() - from, "from chunk {first}");
        assert!(seen == bytes[from..]);
    }
    let grave: Vec<_> = network
        .findings()
        .into_iter()
        .filter(|(_, (_, severity))| *severity != "note")
        .collect();
    assert!(loss.is_some() || grave.is_empty(), "{grave:?}");
}

#[test]
fn viewers_see_a_stream_of_signed_munros_and_relay_it() {
    assert_streams(
        ContentIntegrity::UnifiedMerkle,
        SignatureAlgorithm::EcdsaP256Sha256,
        None,
    );
}

#[test]
fn viewers_see_a_stream_of_signed_chunks_and_relay_it() {
    assert_streams(
        ContentIntegrity::SignAll,
        SignatureAlgorithm::EcdsaP256Sha256,
        None,
    );
}

#[test]
fn every_signature_algorithm_serves() {
    for algorithm in [
        SignatureAlgorithm::EcdsaP384Sha384,
        SignatureAlgorithm::RsaSha1,
        SignatureAlgorithm::RsaSha256,
    ] {
        assert_streams(ContentIntegrity::UnifiedMerkle, algorithm, None);
    }
}

#[test]
fn loss_leaves_no_gap_in_a_stream() {
    assert_streams(
        ContentIntegrity::UnifiedMerkle,
        SignatureAlgorithm::EcdsaP256Sha256,
        Some(20),
    );
}
