//! What a peer does and does not do, datagram by datagram (RFC 7574).

#[path = "support/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use by_hand::{LAYOUT, Seeder, names, spec, us};
use peers::{Network, address, content, empty, seeded, swarm};
use ppsp_inspect::peer::engine::{
    Ending, Event, PeerConfig, Picking, Profile, Reciprocity, SwarmConfig,
};
use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash};
use ppspp_dissector::wire::{
    Bin, ChannelId, ChunkAddressing, ChunkRange, ContentIntegrity, Handshake, HashFunction,
    Message, ProtocolOption, decode_datagram, encode_datagram,
};

#[test]
fn nothing_heavy_goes_out_before_the_third_datagram() {
    let mut seeder = Seeder::of(8, |_| {});
    let id = seeder.id.clone();
    let mut options = seeder.options();
    options.truncate(7);
    let hello = Seeder::hello(options);
    let request = Message::Request(spec(0, 7));
    let mut datagram = Vec::new();
    encode_datagram(ChannelId::ZERO, &[hello, request], &LAYOUT, &mut datagram).expect("fine");
    seeder.now = seeder.now + Duration::from_millis(1);
    seeder.peer.receive(seeder.now, us(), &datagram);
    let answers = seeder.answers(Duration::from_secs(5));
    assert_eq!(names(&answers), ["HANDSHAKE", "HAVE"]);
    // Not more than was sent comes back to an address that may be forged.
    assert!(answers[0].len() <= datagram.len());
    let (_, messages, _) = decode_datagram(&answers[0], &LAYOUT);
    let Message::Handshake(handshake) = &messages[0].message else {
        panic!("a handshake");
    };
    let theirs = handshake.source_channel;
    let answers = seeder.say(us(), theirs, &[]);
    assert!(names(&answers).contains(&"DATA"), "{:?}", names(&answers));
    assert_eq!(seeder.id, id);
}

#[test]
fn who_fails_a_check_hears_nothing() {
    let mut seeder = Seeder::of(8, |_| {});
    let good = seeder.id.clone();
    let other = vec![7; 32];
    let wrong: Vec<(&str, Vec<ProtocolOption<'_>>)> = {
        let base = |swarm_id: &[u8]| -> Vec<ProtocolOption<'static>> {
            vec![
                ProtocolOption::Version(1),
                ProtocolOption::MinimumVersion(1),
                ProtocolOption::SwarmId(Vec::leak(swarm_id.to_vec())),
                ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
                ProtocolOption::HashFunction(HashFunction::Sha256),
                ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
                ProtocolOption::ChunkSize(1024),
            ]
        };
        let with = |place: usize, option: ProtocolOption<'static>| {
            let mut options = base(&good);
            options[place] = option;
            options
        };
        vec![
            ("another swarm", base(&other)),
            (
                "version 2 at least",
                with(1, ProtocolOption::MinimumVersion(2)),
            ),
            (
                "no integrity",
                with(3, ProtocolOption::ContentIntegrity(ContentIntegrity::None)),
            ),
            (
                "another hash function",
                with(4, ProtocolOption::HashFunction(HashFunction::Sha512)),
            ),
            (
                "another chunk size",
                with(6, ProtocolOption::ChunkSize(2048)),
            ),
        ]
    };
    for (name, options) in wrong {
        let answers = seeder.say(us(), ChannelId::ZERO, &[Seeder::hello(options)]);
        assert_eq!(answers.len(), 0, "{name}");
    }
}

#[test]
fn a_repeated_handshake_gets_the_same_reply_again() {
    let mut seeder = Seeder::of(2, |_| {});
    let first = seeder.knock();
    assert_eq!(seeder.knock(), first);
}

#[test]
fn datagrams_from_another_address_are_discarded() {
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.knock();
    seeder.say(us(), theirs, &[]);
    let closing = Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options: vec![],
        has_end: true,
    });
    assert_eq!(seeder.say(address(50), theirs, &[closing]).len(), 0);
    let answers = seeder.say(us(), theirs, &[Message::Request(spec(0, 0))]);
    assert!(names(&answers).contains(&"DATA"));
}

#[test]
fn peaks_and_uncles_come_first_and_the_highest_before_the_others() {
    let mut seeder = Seeder::of(7, |_| {});
    let theirs = seeder.knock();
    let answers = seeder.say(us(), theirs, &[Message::Request(spec(0, 0))]);
    let (_, messages, _) = decode_datagram(&answers[0], &LAYOUT);
    let hashes: Vec<_> = messages
        .iter()
        .filter(|located| located.message.name() == "INTEGRITY")
        .filter_map(|located| located.message.spec()?.chunks(1024).range())
        .map(|range| (range.start(), range.end()))
        .collect();
    assert_eq!(hashes, [(0, 3), (4, 5), (6, 6), (2, 3), (1, 1)]);
    assert_eq!(messages.last().map(|it| it.message.name()), Some("DATA"));
}

#[test]
fn a_request_beyond_the_end_is_served_as_far_as_there_is_content() {
    let mut seeder = Seeder::of(3, |_| {});
    let theirs = seeder.knock();
    let request = [Message::Request(spec(2, u32::MAX))];
    let answers = seeder.say(us(), theirs, &request);
    let count = names(&answers)
        .iter()
        .filter(|name| **name == "DATA")
        .count();
    assert!(count >= 1, "{:?}", names(&answers));
}

#[test]
fn cancelled_chunks_are_not_sent() {
    let mut seeder = Seeder::of(64, |_| {});
    let theirs = seeder.knock();
    let answers = seeder.say(
        us(),
        theirs,
        &[Message::Request(spec(0, 63)), Message::Cancel(spec(1, 63))],
    );
    let chunks: Vec<_> = answers
        .iter()
        .flat_map(|datagram| decode_datagram(datagram, &LAYOUT).1)
        .filter(|located| located.message.name() == "DATA")
        .filter_map(|located| located.message.spec()?.chunks(1024).range())
        .map(ChunkRange::start)
        .collect();
    assert!(chunks.iter().all(|&chunk| chunk == 0), "{chunks:?}");
    assert!(!chunks.is_empty());
}

#[test]
fn a_choked_peer_is_told_and_gets_no_chunk() {
    let mut seeder = Seeder::of(8, |config| config.reciprocity = Reciprocity::TitForTat);
    let theirs = seeder.knock();
    let answers = seeder.say(us(), theirs, &[Message::Request(spec(0, 7))]);
    assert!(names(&answers).contains(&"CHOKE"));
    assert!(!names(&answers).contains(&"DATA"));
    // With a place free it is served at the next review, but not what it asked for
    // before it was choked.
    let later = seeder.answers(Duration::from_secs(12));
    assert!(names(&later).contains(&"UNCHOKE"));
    assert!(!names(&later).contains(&"DATA"));
    let answers = seeder.say(us(), theirs, &[Message::Request(spec(0, 7))]);
    assert!(names(&answers).contains(&"DATA"));
}

/// The seeder is asked for peers by one of several that it has channels to.
fn told(seeder: &mut Seeder, from: SocketAddr, channel: ChannelId) -> Vec<&'static str> {
    let answers = seeder.say(from, channel, &[Message::PexReq]);
    let mut names = names(&answers);
    names.retain(|name| name.starts_with("PEX_RES"));
    names
}

#[test]
fn addresses_are_told_only_of_peers_that_were_heard_lately() {
    let mut seeder = Seeder::of(8, |_| {});
    seeder.open_from(address(50));
    let theirs = seeder.open_from(us());
    assert_eq!(told(&mut seeder, us(), theirs), ["PEX_RESv4"]);
    // For a minute the other one says nothing more.
    for _ in 0..7 {
        seeder.now = seeder.now + Duration::from_secs(9);
        seeder.say(us(), theirs, &[]);
    }
    assert!(seeder.is_open_to(address(50)));
    assert_eq!(told(&mut seeder, us(), theirs), [""; 0]);
}

#[test]
fn internal_addresses_are_told_to_internal_peers_only() {
    let mut seeder = Seeder::of(8, |_| {});
    let internal: SocketAddr = ([10, 1, 2, 3], 7000).into();
    let neighbour: SocketAddr = ([192, 168, 4, 5], 7000).into();
    seeder.open_from(internal);
    let outside = seeder.open_from(us());
    assert_eq!(told(&mut seeder, us(), outside), [""; 0]);
    let inside = seeder.open_from(neighbour);
    assert_eq!(told(&mut seeder, neighbour, inside), ["PEX_RESv4"; 2]);
}

/// The hashes of some content by the nodes that they are of.
fn hashes(chunks: &[u8]) -> HashMap<Bin, Hash> {
    let function = TreeHash::new(HashFunction::Sha256).expect("assigned");
    let mut tree = ContentTree::new(function);
    let mut hashes = HashMap::new();
    for chunk in chunks.chunks(1024) {
        tree.push_with(chunk, |bin, hash| {
            hashes.insert(bin, hash);
        });
    }
    hashes
}

/// Whether a leecher acknowledges chunk 0 of three that comes with these peaks.
fn acknowledges(change: impl Fn(&mut Vec<u8>)) -> bool {
    let mut leecher = Seeder::empty(3);
    let theirs = leecher.knock();
    leecher.say(us(), theirs, &[Message::Have(spec(0, 2))]);
    let content = content(3 * 1024);
    let hashes = hashes(&content);
    let node = |start: u64, end: u64| {
        let range = ChunkRange::new(start, end).expect("a range");
        let hash = &hashes[&Bin::covering(range).expect("a node")];
        hash.as_bytes().to_vec()
    };
    let (mut first, second, sibling) = (node(0, 1), node(2, 2), node(1, 1));
    change(&mut first);
    let integrity = |start, end, hash| Message::Integrity {
        spec: spec(start, end),
        hash,
    };
    let chunk = &content[..1024];
    let data = Message::Data {
        spec: spec(0, 0),
        timestamp: Some(leecher.now.microseconds()),
        data: chunk,
        data_length: chunk.len(),
    };
    let answers = leecher.say(
        us(),
        theirs,
        &[
            integrity(0, 1, &first),
            integrity(2, 2, &second),
            integrity(1, 1, &sibling),
            data,
        ],
    );
    names(&answers).contains(&"ACK")
}

#[test]
fn peaks_that_are_not_the_swarms_are_not_believed() {
    assert!(acknowledges(|_| {}));
    assert!(!acknowledges(|hash| hash[7] ^= 1));
}

#[test]
fn a_reply_to_another_channel_is_discarded_and_the_right_one_awaited() {
    let mut leecher = Seeder::empty(3);
    leecher.peer.connect(leecher.now, leecher.swarm, us());
    let first = leecher.answers(Duration::from_millis(10));
    let (_, messages, _) = decode_datagram(&first[0], &LAYOUT);
    let Message::Handshake(handshake) = &messages[0].message else {
        panic!("a handshake");
    };
    let chosen = handshake.source_channel;
    let id = leecher.id.clone();
    let mut reply = |channel: ChannelId| {
        let options = vec![
            ProtocolOption::Version(1),
            ProtocolOption::SwarmId(&id),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(1024),
        ];
        let messages = [Seeder::hello(options), Message::Have(spec(0, 2))];
        let answers = leecher.say(us(), channel, &messages);
        let answers = answers
            .iter()
            .filter(|it| !names(std::slice::from_ref(it)).contains(&"HANDSHAKE"));
        answers.count()
    };
    // Nothing but its own HANDSHAKE again.
    assert_eq!(reply(ChannelId(chosen.0 ^ 1)), 0);
    assert_eq!(reply(ChannelId::ZERO), 0);
    assert!(reply(chosen) > 0);
    assert!(leecher.is_open_to(us()));
}

#[test]
fn a_closing_handshake_ends_the_channel_without_an_answer() {
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.knock();
    seeder.say(us(), theirs, &[]);
    let closing = Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options: vec![],
        has_end: true,
    });
    assert_eq!(seeder.say(us(), theirs, &[closing]).len(), 0);
    let request = [Message::Request(spec(0, 0))];
    assert_eq!(seeder.say(us(), theirs, &request).len(), 0);
    let events: Vec<_> = std::iter::from_fn(|| seeder.peer.event()).collect();
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Disconnected {
            ending: Ending::ByPeer,
            ..
        }
    )));
}

#[test]
fn closing_says_so_to_everybody() {
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.knock();
    seeder.say(us(), theirs, &[]);
    seeder.peer.close();
    let answers = seeder.answers(Duration::from_secs(1));
    let [closing] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(closing[4..], [0, 0, 0, 0, 0, 0xff]);
}

#[test]
fn a_silent_peer_is_kept_alive_and_then_taken_for_dead() {
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.knock();
    let mut have = vec![Message::Have(spec(0, 7))];
    seeder.say(us(), theirs, &have);
    have.clear();
    let answers = seeder.answers(Duration::from_secs(600));
    let alive = answers.iter().filter(|it| it.len() == 4).count();
    assert!((2..=6).contains(&alive), "{alive} keep-alives");
    assert_eq!(seeder.peer.channels(seeder.swarm).count(), 0);
}

/// A seeder at 1 and a leecher at 2 of some bytes; whether that has all of them
/// within a minute.
fn transfers(bytes: &[u8], change: impl FnOnce(&mut SwarmConfig)) -> bool {
    let mut config = swarm(&[]);
    change(&mut config);
    let (store, id) = seeded(bytes, &config);
    config.id = id;
    let mut network = Network::default();
    let now = network.now;
    let seeder = network.add(1, PeerConfig::default());
    seeder
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
    done && network.content_of(2, key) == bytes
}

#[test]
fn content_of_any_length_arrives() {
    for length in [1, 1023, 1024, 1025, 2048, 7 * 1024, 8 * 1024, 9 * 1024 + 1] {
        assert!(transfers(&content(length), |_| {}), "{length} bytes");
    }
}

#[test]
fn every_addressing_method_and_hash_function_serves() {
    for &addressing in ChunkAddressing::ASSIGNED {
        assert!(
            transfers(&content(21 * 1024 + 5), |it| it.addressing = addressing),
            "{addressing:?}"
        );
    }
    for &function in HashFunction::ASSIGNED {
        assert!(
            transfers(&content(21 * 1024 + 5), |it| it.hash_function = function),
            "{function:?}"
        );
    }
}

#[test]
fn every_profile_and_picking_policy_serves() {
    for profile in Profile::ALL {
        assert!(
            transfers(&content(40 * 1024), |it| it.profile = profile),
            "{}",
            profile.name
        );
    }
    for picking in Picking::ALL {
        assert!(
            transfers(&content(40 * 1024), |it| it.picking = picking),
            "{}",
            picking.name()
        );
    }
}

#[test]
fn chunk_sizes_from_one_byte_to_many_datagrams_serve() {
    for size in [1, 17, 512, 8192, 60_000] {
        assert!(
            transfers(&content(size as usize * 5 + 1), |it| it.chunk_size = size),
            "{size} bytes"
        );
    }
}

#[test]
fn peers_find_each_other_through_a_third() {
    let bytes = content(200 * 1024);
    let mut config = swarm(&[]);
    let (store, id) = seeded(&bytes, &config);
    config.id = id;
    let mut network = Network::default();
    let now = network.now;
    network
        .add(1, PeerConfig::default())
        .join(now, config.clone(), Box::new(store))
        .expect("a swarm");
    let mut keys = Vec::new();
    for number in [2, 3] {
        let peer = network.add(number, PeerConfig::default());
        let key = peer
            .join(now, config.clone(), Box::new(empty(&config)))
            .expect("a swarm");
        peer.connect(now, key, address(1));
        keys.push(key);
    }
    network.run(Duration::from_secs(60), |network| {
        network.peers[&address(2)].is_complete(keys[0])
            && network.peers[&address(3)].is_complete(keys[1])
    });
    assert!(network.peers[&address(3)].is_connected(keys[1], address(2)));
    assert_eq!(network.content_of(2, keys[0]), bytes);
    assert_eq!(network.content_of(3, keys[1]), bytes);
}

#[test]
fn a_peer_that_sends_wrong_chunks_is_dropped_and_others_are_asked() {
    let bytes = content(100 * 1024);
    let mut wrong = bytes.clone();
    for chunk in wrong.chunks_mut(1024) {
        chunk[500] ^= 1;
    }
    let mut config = swarm(&[]);
    let (store, id) = seeded(&bytes, &config);
    config.id = id;
    // It believes its content to be the swarm's.
    let (false_store, _) = seeded(&wrong, &config);
    let mut network = Network::default();
    let now = network.now;
    network
        .add(1, PeerConfig::default())
        .join(now, config.clone(), Box::new(store))
        .expect("a swarm");
    network
        .add(3, PeerConfig::default())
        .join(now, config.clone(), Box::new(false_store))
        .expect("a swarm");
    let peer = network.add(2, PeerConfig::default());
    let key = peer
        .join(now, config.clone(), Box::new(empty(&config)))
        .expect("a swarm");
    peer.connect(now, key, address(3));
    peer.connect(now, key, address(1));
    let done = network.run(Duration::from_secs(60), |network| {
        network.peers[&address(2)].is_complete(key)
    });
    assert!(done, "{:?}", network.peers[&address(2)].totals(key));
    assert_eq!(network.content_of(2, key), bytes);
}
