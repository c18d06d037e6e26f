//! Captures that begin when the peers have long known each other.

use ppspp_dissector::session::{Config, State};
use ppspp_dissector::wire::{ChunkAddressing, ChunkSize, HashFunction, Layout, Message};

use super::support::{A, ALICE, B, BOB, Talk, addressings};
use super::words::{
    Change, KEY, LIVE, STATIC, Say, have, legacy, live_options_in, options_in, root,
};

/// A stretch of a transfer, without its handshakes.
fn transfer(talk: &mut Talk, layout: Layout, live: bool) {
    talk.layout = layout;
    for group in 3..12u64 {
        let (start, end) = (group * 8, group * 8 + 7);
        if live {
            talk.bob([
                layout.integrity(start, end),
                layout.signed(start, end),
                layout.have(start, end),
            ]);
        }
        talk.alice([layout.request(start, end)]);
        for chunk in start..=end {
            talk.bob([
                layout.integrity(start, start + 3),
                layout.integrity(start + 4, start + 5),
                layout.data(chunk),
            ]);
            talk.alice([layout.have(chunk, chunk), layout.ack(chunk, chunk)]);
        }
    }
}

/// Datagrams that were not read as they were sent.
fn misread(talk: &Talk) -> Vec<usize> {
    let seen = talk.seen().iter().enumerate();
    seen.filter(|(_, seen)| !seen.as_sent)
        .map(|(index, _)| index)
        .collect()
}

fn layouts() -> Vec<(Layout, bool)> {
    let mut all = vec![(legacy(), false)];
    for addressing in addressings() {
        for hash_function in [
            HashFunction::Sha1,
            HashFunction::Sha256,
            HashFunction::Sha512,
        ] {
            for live in [false, true] {
                let base = if live { LIVE } else { STATIC };
                let chunk_size = ChunkSize::Unknown;
                all.push((
                    Layout {
                        addressing,
                        hash_function,
                        chunk_size,
                        ..base
                    },
                    live,
                ));
            }
        }
    }
    all
}

#[test]
fn everything_is_read_as_it_was_sent_after_a_few_datagrams() {
    for (layout, live) in layouts() {
        let mut talk = Talk::default();
        transfer(&mut talk, layout, live);
        let name = format!(
            "{} {} {} live {live}",
            layout.dialect.name, layout.addressing, layout.hash_function
        );
        let misread = misread(&talk);
        assert!(misread.len() <= 4, "{name}: {misread:?}");
        let channel = talk.channel();
        assert_eq!(channel.state, State::Joined, "{name}");
        let lost = talk.seen().len() as u64 - channel.datagrams;
        assert!(lost <= 6, "{name}: {lost}");
        let swarm = talk.swarm();
        assert_eq!(swarm.id, None);
        let addressing = swarm.chunk_addressing.expect("inferred");
        assert_eq!(
            (addressing.value, addressing.inferred),
            (layout.addressing, true),
            "{name}"
        );
        let function = swarm.hash_function.expect("inferred");
        assert_eq!(
            (function.value, function.inferred),
            (layout.hash_function, true),
            "{name}"
        );
        assert_eq!(talk.count("inferred.pairing"), 1, "{name}");
    }
}

#[test]
fn a_second_reading_reads_every_datagram() {
    for (layout, live) in layouts() {
        let mut first = Talk::default();
        transfer(&mut first, layout, live);
        let learned = first.into_learned();
        assert!(!learned.is_empty());
        let mut second = Talk::with(Config {
            learned,
            ..Config::default()
        });
        transfer(&mut second, layout, live);
        let name = format!(
            "{} {} {} live {live}",
            layout.dialect.name, layout.addressing, layout.hash_function
        );
        assert_eq!(misread(&second), [0; 0], "{name}");
        assert_eq!(second.channel().state, State::Joined);
        let addressing = second.swarm().chunk_addressing.expect("inferred");
        assert_eq!(
            (addressing.value, addressing.inferred),
            (layout.addressing, true),
            "{name}"
        );
    }
}

#[test]
fn a_capture_with_its_handshakes_leaves_nothing_to_learn() {
    let mut talk = Talk::default();
    talk.under_way();
    assert!(talk.into_learned().is_empty());
}

#[test]
fn an_inferred_hash_function_of_a_swarm_is_known_at_its_next_reading() {
    let layout = Layout {
        hash_function: HashFunction::Sha1,
        ..LIVE
    };
    let all =
        live_options_in(&layout, &KEY).without(ppspp_dissector::wire::OptionCode::HashFunction);
    let talk = |config| {
        let mut talk = Talk::with(config);
        talk.layout = layout;
        talk.open(&all, &all, &[]);
        talk.alice([Message::PexReq]);
        talk.bob([layout.integrity(0, 7), layout.signed(0, 7)]);
        talk
    };
    let learned = talk(Config::default()).into_learned();
    let second = talk(Config {
        learned,
        ..Config::default()
    });
    second.assert_read_as_sent();
    let known = second.swarm().hash_function.expect("learned");
    assert_eq!((known.value, known.inferred), (HashFunction::Sha1, true));
}

#[test]
fn what_the_user_says_is_not_guessed() {
    for (layout, _) in layouts()
        .into_iter()
        .filter(|(layout, live)| !live && layout.dialect.handshake_options)
    {
        let layout = Layout {
            chunk_size: ChunkSize::Fixed(700),
            ..layout
        };
        let mut talk = Talk::with(Config {
            addressing: Some(layout.addressing),
            hash_function: Some(layout.hash_function),
            chunk_size: Some(layout.chunk_size),
            ports: [ALICE.port()].into(),
            ..Config::default()
        });
        talk.layout = layout;
        let seen = talk.bob([layout.integrity(0, 7), layout.data(0), layout.data(1)]);
        assert!(
            seen.as_sent,
            "{} {}: {seen:#?}",
            layout.addressing, layout.hash_function
        );
    }
}

#[test]
fn what_the_user_says_does_not_overrule_a_handshake() {
    let layout = Layout {
        hash_function: HashFunction::Sha1,
        addressing: ChunkAddressing::Bin64,
        ..STATIC
    };
    let mut talk = Talk::with(Config {
        addressing: Some(ChunkAddressing::Chunk64),
        hash_function: Some(HashFunction::Sha512),
        chunk_size: Some(ChunkSize::Fixed(8192)),
        ..Config::default()
    });
    talk.layout = layout;
    let all = options_in(&layout, root(HashFunction::Sha1));
    talk.open(&all, &all.clone().reply(), &[layout.have(0, 7)]);
    talk.alice([layout.request(0, 7)]);
    talk.bob([layout.integrity(0, 7), layout.data(0), layout.data(1)]);
    talk.assert_read_as_sent();
}

#[test]
fn requested_and_acknowledged_chunks_are_not_judged_where_the_beginning_is_missing() {
    let mut talk = Talk::default();
    transfer(&mut talk, STATIC, false);
    for name in [
        "data.unrequested",
        "request.unannounced",
        "ack.chunk-never-sent",
        "cancel.unrequested",
    ] {
        assert_eq!(talk.count(name), 0, "{name}");
    }
}

#[test]
fn two_channels_of_one_pair_of_peers_are_not_paired_at_random() {
    // Two channels each way: which belong together nobody knows.
    let mut talk = Talk::default();
    for group in 0..4 {
        for (id, base) in [(A, 0), (0x7700_1234, 4000)] {
            let start = base + group * 8;
            let says = [STATIC.integrity(start, start + 7), STATIC.data(start)];
            talk.from(BOB).to(ALICE).channel(id).send(says);
        }
    }
    for (id, base) in [(B, 0), (0x1234_7700, 4000)] {
        for chunk in 0..8 {
            talk.from(ALICE).to(BOB).channel(id).send([
                have(base + chunk, base + chunk),
                STATIC.ack(base + chunk, base + chunk),
            ]);
        }
    }
    assert!(talk.count("inferred.pairing") <= 1);
    assert!(talk.channels().len() >= 3);
}
