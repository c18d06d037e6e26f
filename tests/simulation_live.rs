//! Live streams on simulated networks: viewers play what the injector makes, in
//! its order and soon.

#[path = "support/listeners.rs"]
mod listeners;
#[path = "support/simulations.rs"]
mod simulations;

use std::collections::BTreeMap;

use listeners::Listeners;
use ppsp_inspect::peer::sim::{NodeSummary, Participant, PeerNode, PlaybackSummary, Simulation};
use simulations::{node, simulate};

/// An injector that can serve three of ten viewers, which relay to each other;
/// some come late, some go without a word, and datagrams get lost.
fn stream(content: &str) -> String {
    format!(
        r#"
        seed = 21
        duration = "60 s"
        [defaults.uplink]
        bandwidth = "2 Mbit/s"
        delay = "10 ms"
        queue = "64 KiB"
        [defaults.downlink]
        bandwidth = "8 Mbit/s"
        delay = "15 ms"
        loss = 0.01
        queue = "256 KiB"
        [content]
        kind = "live"
        rate = "400 kbit/s"
        {content}
        [[nodes]]
        name = "injector"
        role = "injector"
        [[nodes]]
        name = "viewer"
        role = "viewer"
        count = 6
        spread = "2 s"
        policies = {{ picking = "in-order" }}
        [[nodes]]
        name = "late"
        role = "viewer"
        count = 2
        start = "30 s"
        policies = {{ picking = "in-order" }}
        [[nodes]]
        name = "gone"
        role = "viewer"
        count = 2
        crash = "25 s"
        policies = {{ picking = "in-order" }}
        "#
    )
}

fn viewers(simulation: &Simulation) -> Vec<(NodeSummary, PlaybackSummary)> {
    let nodes = simulation.summary().nodes.into_iter();
    nodes
        .filter_map(|node| Some((node.clone(), node.playback?)))
        .collect()
}

fn wrong(simulation: &Simulation, name: &str) -> u64 {
    let peer = simulation.network().node(node(simulation, name));
    let playback = peer
        .and_then(Participant::peer)
        .and_then(PeerNode::playback);
    playback.expect("a viewer").wrong
}

#[test]
fn viewers_play_the_stream_in_order_and_lag_little() {
    for content in [
        "discard_window = 1024",
        r#"content_integrity = "sign-all""#,
        r#"signature_algorithm = "RSASHA256"
        chunks_per_signature = 8"#,
        r#"signature_algorithm = "ECDSAP384SHA384"
        hash_function = "sha1"
        chunk_addressing = "bin32"
        chunks_per_signature = 16"#,
    ] {
        let (simulation, listeners, _) = simulate(&stream(content), Listeners::new);
        println!("{content}");
        for (node, playback) in viewers(&simulation) {
            let PlaybackSummary {
                played,
                skipped,
                mean_lag,
                longest_lag,
            } = playback;
            println!(
                "  {:10} {played} played, {skipped} left out, lag {mean_lag:.2} s, {longest_lag:.2} s at most",
                node.name
            );
            assert_eq!(wrong(&simulation, &node.name), 0, "{}", node.name);
            if node.name.starts_with("gone") {
                continue;
            }
            // 48 chunks a second, from a few seconds after the start on.
            let seconds = if node.name.starts_with("late") {
                24
            } else {
                52
            };
            assert!(played >= seconds * 48, "{}: {playback:?}", node.name);
            assert!(skipped * 100 <= played, "{}: {playback:?}", node.name);
            assert!(
                mean_lag < 2.5 && longest_lag < 8.0,
                "{}: {playback:?}",
                node.name
            );
        }
        assert_eq!(listeners.grave(), BTreeMap::new(), "{content}");
    }
}

#[test]
fn viewers_relay_what_the_injector_could_not_send_to_all() {
    let (simulation, (), _) = simulate(&stream(""), |_| ());
    let summary = simulation.summary();
    let injector = &summary.nodes[0];
    let useful: u64 = summary.nodes.iter().map(|node| node.useful_bytes).sum();
    assert!(
        injector.sent_bytes < useful * 2 / 3,
        "{} of {useful}",
        injector.sent_bytes
    );
}

#[test]
fn liars_and_flooders_among_the_viewers_change_nothing_that_is_played() {
    let text = stream("discard_window = 2048")
        + r#"
        [[nodes]]
        name = "liar"
        role = "viewer"
        misbehaviour = "liar"
        [[nodes]]
        name = "flooder"
        role = "viewer"
        misbehaviour = "flooder"
        "#;
    let (simulation, (), _) = simulate(&text, |_| ());
    for (node, playback) in viewers(&simulation) {
        println!("  {:10} {playback:?}", node.name);
        assert_eq!(wrong(&simulation, &node.name), 0, "{}", node.name);
        if node.name.starts_with("viewer") {
            assert!(playback.played >= 50 * 48, "{}: {playback:?}", node.name);
            assert!(
                playback.skipped * 50 <= playback.played,
                "{}: {playback:?}",
                node.name
            );
        }
    }
}
