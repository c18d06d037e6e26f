//! What a peer does to peers that want too much of it (RFC 7574, sections 12.6
//! and 12.7).

#[path = "support/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use by_hand::{LAYOUT, OURS, Seeder, names, spec, us};
use peers::{address, content};
use ppsp_inspect::peer::engine::{Ending, PeerConfig, Reciprocity};
use ppspp_dissector::wire::{ChannelId, Message, decode_datagram, encode_datagram};

/// Messages of a datagram as large as UDP takes.
const MANY: usize = 5000;

fn anywhere(number: u32) -> SocketAddr {
    (Ipv4Addr::from(0x0a00_0000 + number), 7000).into()
}

/// A datagram of such messages.
fn datagram<'a>(channel: ChannelId, messages: impl IntoIterator<Item = Message<'a>>) -> Vec<u8> {
    let messages: Vec<_> = messages.into_iter().collect();
    let mut datagram = Vec::new();
    encode_datagram(channel, &messages, &LAYOUT, &mut datagram).expect("encodable");
    datagram
}

/// Sends the same kind of datagram again and again until the channel is closed;
/// how many it took, a hundred at most.
fn flood<'a, M: IntoIterator<Item = Message<'a>>>(
    peer: &mut Seeder,
    theirs: ChannelId,
    mut messages: impl FnMut(u32) -> M,
) -> u32 {
    for round in 1..=100 {
        let bytes = datagram(theirs, messages(round));
        peer.peer.receive(peer.now, us(), &bytes);
        peer.answers(Duration::from_millis(1));
        peer.now = peer.now + Duration::from_millis(1);
        if !peer.is_open_to(us()) {
            assert_eq!(peer.endings(), [Ending::Abusive]);
            return round;
        }
    }
    panic!("a hundred datagrams did not close the channel");
}

/// Whether a peer is still served.
fn is_served(seeder: &mut Seeder, from: SocketAddr, theirs: ChannelId) -> bool {
    let answers = seeder.say(from, theirs, &[Message::Request(spec(0, 0))]);
    names(&answers).contains(&"DATA")
}

#[test]
fn handshakes_that_go_no_further_are_forgotten_and_keep_nobody_out() {
    let mut seeder = Seeder::of(8, |_| {});
    for number in 0..5000 {
        assert!(
            seeder.knock_from(anywhere(number), OURS).is_some(),
            "{number}"
        );
    }
    let half_open = seeder.peer.channels(seeder.swarm).count();
    assert!((256..=512).contains(&half_open), "{half_open}");
    let theirs = seeder.open_from(us());
    assert!(is_served(&mut seeder, us(), theirs));
}

#[test]
fn one_host_with_many_handshakes_pushes_out_nobody_else() {
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.knock();
    for port in 1..1500 {
        seeder.knock_from((Ipv4Addr::new(10, 0, 0, 1), port).into(), OURS);
    }
    let half_open = seeder.peer.channels(seeder.swarm).count();
    assert!(half_open <= 65, "{half_open}");
    assert!(is_served(&mut seeder, us(), theirs));
}

#[test]
fn a_repeated_handshake_is_not_answered_for_ever() {
    let mut seeder = Seeder::of(8, |_| {});
    let replies = (0..100).filter(|_| seeder.knock_from(us(), OURS).is_some());
    assert!((3..=10).contains(&replies.count()));
}

#[test]
fn little_is_kept_of_what_comes_with_the_first_datagram() {
    // Its sender may not be there, and half of all channels may be like that.
    let mut seeder = Seeder::of(8, |_| {});
    let copy = Seeder::of(8, |_| {});
    let hello = Seeder::hello(copy.options());
    let haves = (0..MANY as u32).map(|chunk| Message::Have(spec(chunk * 2, chunk * 2)));
    let bytes = datagram(ChannelId::ZERO, std::iter::once(hello).chain(haves));
    seeder.peer.receive(seeder.now, us(), &bytes);
    let offered: Vec<_> = seeder
        .peer
        .channels(seeder.swarm)
        .map(|it| it.has)
        .collect();
    assert!(matches!(offered[..], [..=32]), "{offered:?}");
}

#[test]
fn a_flood_of_requests_is_ended() {
    let mut seeder = Seeder::of(64, |_| {});
    let theirs = seeder.open_from(us());
    let request = Message::Request(spec(0, 63));
    assert!(flood(&mut seeder, theirs, |_| vec![request.clone(); MANY]) <= 5);
    // It is not let in again.
    assert_eq!(seeder.knock_from(us(), ChannelId(77)), None);
    assert!(seeder.knock_from(address(7), OURS).is_some());
}

#[test]
fn a_flood_of_cancels_is_ended() {
    let mut seeder = Seeder::of(64, |_| {});
    let theirs = seeder.open_from(us());
    let cancel = Message::Cancel(spec(0, 63));
    assert!(flood(&mut seeder, theirs, |_| vec![cancel.clone(); MANY]) <= 5);
}

#[test]
fn a_flood_of_hashes_that_nobody_asked_for_is_ended() {
    let hash = [7; 32];
    for mut peer in [Seeder::of(64, |_| {}), Seeder::empty(64)] {
        let theirs = peer.open_from(us());
        let hashes = |round: u32| {
            let hash = &hash;
            (0..1500).map(move |chunk| Message::Integrity {
                spec: spec(round * 2000 + chunk, round * 2000 + chunk),
                hash,
            })
        };
        assert!(flood(&mut peer, theirs, hashes) <= 15);
    }
}

#[test]
fn a_flood_of_chunks_that_nobody_asked_for_is_ended() {
    let mut seeder = Seeder::of(64, |_| {});
    let theirs = seeder.open_from(us());
    let data = [9; 1024];
    let chunks = |round: u32| {
        [Message::Data {
            spec: spec(round, round),
            timestamp: Some(1),
            data: &data,
            data_length: 1024,
        }]
    };
    let mut sent = 0;
    for round in 0..5000u32 {
        let bytes = datagram(theirs, chunks(round % 64));
        seeder.peer.receive(seeder.now, us(), &bytes);
        seeder.answers(Duration::from_millis(1));
        sent += 1;
        if !seeder.is_open_to(us()) {
            break;
        }
    }
    assert!((2000..4500).contains(&sent), "{sent}");
    assert_eq!(seeder.endings(), [Ending::Abusive]);
}

#[test]
fn a_flood_of_empty_and_of_broken_datagrams_is_ended() {
    for (rest, most) in [(&[][..], 20_000), (&[99][..], 4_000)] {
        let mut seeder = Seeder::of(64, |_| {});
        let theirs = seeder.open_from(us());
        let mut bytes = theirs.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(rest);
        let mut count = 0;
        while seeder.is_open_to(us()) && count <= most {
            seeder.peer.receive(seeder.now, us(), &bytes);
            seeder.answers(Duration::ZERO);
            count += 1;
        }
        assert!(count <= most, "{count} datagrams with {rest:?}");
    }
}

#[test]
fn of_chunks_offered_here_and_there_only_so_many_ranges_are_remembered() {
    let mut leecher = Seeder::empty(64);
    let theirs = leecher.open_from(us());
    for round in 0..100u32 {
        let first = round * 2 * MANY as u32;
        let haves =
            (0..MANY as u32).map(|chunk| Message::Have(spec(first + chunk * 2, first + chunk * 2)));
        let bytes = datagram(theirs, haves);
        leecher.peer.receive(leecher.now, us(), &bytes);
        leecher.answers(Duration::from_millis(1));
    }
    let channel = leecher.peer.channels(leecher.swarm).next();
    let offered = channel.expect("a channel").has;
    assert!((1000..=33_000).contains(&offered), "{offered}");
}

#[test]
fn offers_of_more_chunks_than_there_can_be_do_no_harm() {
    let wide = ppspp_dissector::wire::Layout {
        addressing: ppspp_dissector::wire::ChunkAddressing::Chunk64,
        ..LAYOUT
    };
    for kind in ["seeder", "leecher"] {
        let mut config = peers::swarm(&[]);
        config.addressing = wide.addressing;
        let (store, id) = peers::seeded(&content(64 * 1024), &config);
        config.id = id;
        let mut network = peers::Network::default();
        let now = network.now;
        let seeder = network.add(1, PeerConfig::default());
        seeder
            .join(now, config.clone(), Box::new(store))
            .expect("a swarm");
        let leecher = network.add(2, PeerConfig::default());
        let empty = peers::empty(&config);
        let key = leecher.join(now, config, Box::new(empty)).expect("a swarm");
        leecher.connect(now, key, address(1));
        network.run(Duration::from_millis(45), |_| false);
        // As if the other one had sent it.
        let (from, to) = if kind == "seeder" { (2, 1) } else { (1, 2) };
        let channel = network
            .sent
            .iter()
            .find(|(_, source, _, bytes)| *source == address(from) && bytes[..4] != [0; 4])
            .map(|(.., bytes)| bytes[..4].to_vec());
        let mut bytes = channel.expect("a datagram");
        for (start, end) in [(0, u64::MAX), (1 << 62, u64::MAX - 1), (u64::MAX, u64::MAX)] {
            let spec = ppspp_dissector::wire::ChunkSpec::Chunk64 { start, end };
            for message in [
                Message::Have(spec),
                Message::Request(spec),
                Message::Ack { spec, delay: 0 },
                Message::Cancel(spec),
            ] {
                ppspp_dissector::wire::encode_message(&message, &wide, &mut bytes).expect("fits");
            }
        }
        let now = network.now;
        let peer = network.peers.get_mut(&address(to)).expect("a peer");
        peer.receive(now, address(from), &bytes);
        assert!(peer.channels(key).all(|it| it.has > 0));
        network.run(Duration::from_secs(20), |network| {
            network.peers[&address(2)].is_complete(key)
        });
        if kind == "leecher" {
            assert!(network.content_of(2, key) == content(64 * 1024));
        }
    }
}

#[test]
fn peers_that_nobody_asked_for_are_not_contacted() {
    let mut leecher = Seeder::empty(64);
    let theirs = leecher.open_from(us());
    // It has been asked for peers: some are welcome.
    let named = |round: u32| {
        (0..MANY as u32).map(move |number| Message::PexResV4 {
            address: Ipv4Addr::from(0x0b00_0000 + round * 10_000 + number),
            port: 7000,
        })
    };
    assert!(flood(&mut leecher, theirs, named) <= 5);
    leecher.answers(Duration::from_secs(1));
    let contacted = leecher.peer.channels(leecher.swarm).count();
    assert!((1..=32).contains(&contacted), "{contacted}");
    let mut seeder = Seeder::of(8, |_| {});
    let theirs = seeder.open_from(us());
    seeder.say(us(), theirs, &named(0).take(3).collect::<Vec<_>>());
    assert_eq!(seeder.peer.channels(seeder.swarm).count(), 1);
}

#[test]
fn who_asks_though_it_is_choked_is_told_again() {
    let mut seeder = Seeder::of(8, |config| config.reciprocity = Reciprocity::TitForTat);
    // Others are served for what they gave; there is no place for this one.
    let theirs = seeder.open_from(us());
    let request = [Message::Request(spec(0, 7))];
    let first = seeder.say(us(), theirs, &request);
    let second = seeder.say(us(), theirs, &request);
    let chokes = names(&first)
        .iter()
        .chain(&names(&second))
        .filter(|it| **it == "CHOKE")
        .count();
    assert!(
        (1..=2).contains(&chokes),
        "{:?} {:?}",
        names(&first),
        names(&second)
    );
}

/// Bytes of DATA to each address.
fn shares(seeder: &mut Seeder, time: Duration, mut each: impl FnMut(&mut Seeder, u32)) -> [u64; 2] {
    let mut shares = [0; 2];
    let mut counts = [0u32; 2];
    let steps = (time.as_millis() / 5) as u32;
    for step in 0..steps {
        each(seeder, step);
        let end = seeder.now + Duration::from_millis(5);
        let mut acks = Vec::new();
        loop {
            let mut out = Vec::new();
            while let Some(to) = seeder.peer.transmit(seeder.now, &mut out) {
                let at = usize::from(to == address(2));
                let (channel, messages, _) = decode_datagram(&out, &LAYOUT);
                for located in &messages {
                    if let Message::Data { spec, data, .. } = &located.message {
                        shares[at] += data.len() as u64;
                        counts[at] += 1;
                        acks.push((to, channel, *spec));
                    }
                }
                out.clear();
            }
            match seeder.peer.deadline() {
                Some(at) if at <= end => {
                    seeder.now = seeder.now.max(at);
                    seeder.peer.elapse(seeder.now);
                }
                _ => break,
            }
        }
        seeder.now = end;
        for (to, channel, spec) in acks {
            assert_eq!(channel, Some(OURS));
            let theirs = seeder.channel_to(to);
            let ack = Message::Ack { spec, delay: 1000 };
            let bytes = datagram(theirs, [ack]);
            seeder.peer.receive(seeder.now, to, &bytes);
        }
    }
    shares
}

#[test]
fn nobody_gets_more_than_its_share_of_the_upload_rate() {
    let config = PeerConfig {
        upload_rate: Some(200_000),
        ..PeerConfig::default()
    };
    let mut seeder = Seeder::with(config, 4096, |_| {});
    let modest = seeder.open_from(address(1));
    let greedy = seeder.open_from(address(2));
    seeder.remember([(address(1), modest), (address(2), greedy)]);
    for (from, theirs) in [(address(1), modest), (address(2), greedy)] {
        let bytes = datagram(theirs, [Message::Request(spec(0, 4095))]);
        seeder.peer.receive(seeder.now, from, &bytes);
    }
    // One of them makes the seeder look at it all the time.
    let shares = shares(&mut seeder, Duration::from_secs(10), |seeder, step| {
        let chunk = 2000 + step;
        for _ in 0..3 {
            let bytes = datagram(greedy, [Message::Request(spec(chunk, chunk))]);
            seeder.peer.receive(seeder.now, address(2), &bytes);
        }
    });
    let all: u64 = shares.iter().sum();
    assert!((1_700_000..2_200_000).contains(&all), "{shares:?}");
    assert!(shares[0] * 100 >= all * 48, "{shares:?}");
}

#[test]
fn a_peer_with_several_channels_gets_one_share() {
    let config = PeerConfig {
        upload_rate: Some(200_000),
        ..PeerConfig::default()
    };
    let mut seeder = Seeder::with(config, 4096, |_| {});
    let modest = seeder.open_from(address(1));
    let several: Vec<_> = (0..6)
        .map(|number| {
            let theirs = seeder.knock_from(address(2), ChannelId(OURS.0 - number));
            let theirs = theirs.expect("a reply");
            seeder.say(address(2), theirs, &[]);
            theirs
        })
        .collect();
    seeder.remember([(address(1), modest), (address(2), several[0])]);
    let bytes = datagram(modest, [Message::Request(spec(0, 4095))]);
    seeder.peer.receive(seeder.now, address(1), &bytes);
    for theirs in &several {
        let bytes = datagram(*theirs, [Message::Request(spec(0, 4095))]);
        seeder.peer.receive(seeder.now, address(2), &bytes);
    }
    let bytes = datagram(several[0], [Message::Request(spec(0, 4095))]);
    seeder.peer.receive(seeder.now, address(2), &bytes);
    let shares = shares(&mut seeder, Duration::from_secs(5), |_, _| {});
    let all: u64 = shares.iter().sum();
    assert!(shares[0] * 100 >= all * 48, "{shares:?}");
}
