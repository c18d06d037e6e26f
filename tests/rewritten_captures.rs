//! The same packets in every kind of capture give the same statistics.

mod support;

use std::path::Path;

use serde_json::Value;
use support::analysis::{analyze, analyze_file, assert_same, without_frames};
use support::capture_writer::{Blocks, Compression, File, Link, Order, Outer, Recipe, Step};
use support::samples::{ip_packets, samples, samples_and};
use support::variants;

/// The captures of other implementations that are rewritten in a few ways: one
/// of each kind, none of the largest.
const REAL: [&str; 8] = [
    "libswift-legacy-seed-devel-leech",
    "libswift-vod-chunk64-lab",
    "libswift-vod-chunk8192",
    "libswift-vod-sha512-lab",
    "libswift-live-umt-p384",
    "peregrine-pg_pg",
    "pyppspp-tcp_file",
    "pyppspp-udp_three",
];

#[track_caller]
fn assert_same_statistics(name: &str, path: &Path, recipes: &[Recipe]) {
    let packets = ip_packets(path);
    let expected = without_frames(analyze_file(path).stats);
    for recipe in recipes {
        let found = without_frames(analyze(&recipe.write_ip(&packets)).stats);
        assert_same(&format!("{name} as {recipe:?}"), &found, &expected);
    }
}

fn in_files() -> Vec<Recipe> {
    let mut recipes = Vec::new();
    for file in variants::files() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            recipes.push(Recipe {
                file,
                compression,
                ..Recipe::default()
            });
        }
    }
    recipes
}

fn on_links() -> Vec<Recipe> {
    let recipes = variants::links().into_iter().map(|link| Recipe {
        link,
        ..Recipe::default()
    });
    recipes.collect()
}

fn through(steps: Vec<Vec<Step>>) -> Vec<Recipe> {
    let recipes = steps.into_iter().map(|steps| Recipe {
        steps,
        ..Recipe::default()
    });
    recipes.collect()
}

fn in_tunnels() -> Vec<Recipe> {
    let mut steps = vec![vec![Step::Extend], vec![Step::Authenticate]];
    for outer in [Outer::V4, Outer::V6] {
        steps.extend([
            vec![Step::Gre(outer, [false; 3])],
            vec![Step::Gre(outer, [true; 3])],
            vec![Step::GreEthernet(outer)],
            vec![Step::Vxlan(outer)],
            vec![Step::IpInIp(outer)],
            vec![Step::IpInIp(outer), Step::Vxlan(outer)],
        ]);
    }
    through(steps)
}

#[test]
fn every_file_format_and_compression_gives_the_same() {
    for (name, path) in samples() {
        assert_same_statistics(&name, &path, &in_files());
    }
}

#[test]
fn every_link_layer_gives_the_same() {
    for (name, path) in samples() {
        assert_same_statistics(&name, &path, &on_links());
    }
}

#[test]
fn every_tunnel_gives_the_same() {
    for (name, path) in samples() {
        assert_same_statistics(&name, &path, &in_tunnels());
    }
}

/// Takes what is said of datagrams that don't fit into a packet out of the
/// statistics, and gives back whether fragments were told of.
fn take_fragment_findings(stats: &mut Value) -> bool {
    let findings = stats["findings"].as_object_mut().expect("findings");
    // Which of the two it is depends on whether there were fragments.
    findings.remove("datagram.too-large");
    findings.remove("datagram.fragmented").is_some()
}

#[track_caller]
fn assert_same_but_for_the_finding(name: &str, path: &Path, recipes: &[Recipe]) {
    let packets = ip_packets(path);
    let mut expected = without_frames(analyze_file(path).stats);
    take_fragment_findings(&mut expected);
    for recipe in recipes {
        let mut found = without_frames(analyze(&recipe.write_ip(&packets)).stats);
        let what = format!("{name} as {recipe:?}");
        assert!(take_fragment_findings(&mut found), "{what}: no finding");
        assert_same(&what, &found, &expected);
    }
}

#[test]
fn fragments_give_the_same_and_a_finding() {
    let recipes = through(vec![
        vec![Step::Fragment(32)],
        vec![Step::FragmentBackwards(24)],
        vec![Step::Fragment(32), Step::IpInIp(Outer::V6)],
        vec![Step::Extend, Step::Fragment(40)],
    ]);
    for (name, path) in samples() {
        assert_same_but_for_the_finding(&name, &path, &recipes);
    }
}

#[test]
fn fragments_of_a_tunnel_give_the_same() {
    // The datagram itself is whole; only what carries it is not.
    let recipes = through(vec![
        vec![Step::Vxlan(Outer::V4), Step::Fragment(64)],
        vec![Step::Gre(Outer::V6, [true; 3]), Step::FragmentBackwards(64)],
    ]);
    for (name, path) in samples() {
        let packets = ip_packets(&path);
        let expected = analyze_file(&path).stats;
        for recipe in &recipes {
            let found = analyze(&recipe.write_ip(&packets)).stats;
            for part in [
                "datagrams",
                "messages",
                "malformed",
                "channels",
                "swarms",
                "not_ppspp",
            ] {
                assert_eq!(
                    found[part], expected[part],
                    "{part} of {name} as {recipe:?}"
                );
            }
        }
    }
}

#[test]
fn packets_without_times_give_the_same_messages() {
    // Nothing can be said of delays then, so the findings may differ.
    let file = File::Pcapng {
        order: Order::Big,
        blocks: Blocks::Simple,
    };
    let recipe = Recipe {
        file,
        ..Recipe::default()
    };
    for (name, path) in samples() {
        let expected = analyze_file(&path).stats;
        let found = analyze(&recipe.write_ip(&ip_packets(&path))).stats;
        for part in [
            "datagrams",
            "messages",
            "malformed",
            "channels",
            "swarms",
            "not_ppspp",
        ] {
            assert_eq!(found[part], expected[part], "{part} of {name}");
        }
    }
}

#[test]
fn captures_of_other_implementations_give_the_same() {
    let pcapng = Recipe {
        file: File::PCAPNG,
        compression: Compression::Zstd,
        ..Recipe::default()
    };
    let tagged = Recipe {
        link: Link::Ethernet(vec![0x88a8, 0x8100]),
        compression: Compression::Gzip,
        ..Recipe::default()
    };
    let cooked = Recipe {
        link: Link::CookedV2,
        steps: vec![Step::Vxlan(Outer::V6)],
        ..Recipe::default()
    };
    let raw = Recipe {
        link: Link::Raw(101),
        steps: vec![Step::Gre(Outer::V4, [true, false, true])],
        file: File::Pcapng {
            order: Order::Big,
            blocks: Blocks::Enhanced,
        },
        ..Recipe::default()
    };
    let recipes = [pcapng, tagged, cooked, raw];
    for (name, path) in samples_and(&REAL) {
        assert_same_statistics(&name, &path, &recipes);
    }
}

#[test]
fn captures_of_other_implementations_in_fragments_give_the_same() {
    let recipes = through(vec![vec![Step::Fragment(576)]]);
    let udp: Vec<_> = REAL
        .into_iter()
        .filter(|name| !name.contains("tcp"))
        .collect();
    for (name, path) in samples_and(&udp) {
        let largest = ip_packets(&path)
            .iter()
            .map(|packet| packet.bytes.len())
            .max();
        if largest > Some(700) {
            assert_same_but_for_the_finding(&name, &path, &recipes);
        }
    }
}
