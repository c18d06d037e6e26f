//! Hostile input: the analyzer's memory stays bounded and it says so.

use std::net::{Ipv4Addr, SocketAddr};

use ppspp_dissector::session::config::{
    MAX_CHANNELS, MAX_CHUNK_PAGES, MAX_ID_BYTES, MAX_IDS, MAX_PEERS,
};
use ppspp_dissector::wire::{ChunkAddressing, Layout};

use super::support::{A, ALICE, B, BOB, Talk};
use super::words::{Change, STATIC, Say, handshake, have, options, options_in, request, swarm};

/// An address of its own for every number.
fn spoofed(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0b00_0000 + number), 4000).into()
}

#[test]
fn a_hundred_thousand_spoofed_handshakes_fill_no_more_than_the_cap() {
    let mut talk = Talk::default();
    let first = [handshake(A, &options())];
    for number in 0..100_000 {
        let seen = talk.from(spoofed(number)).to(BOB).send(&first);
        assert!(seen.as_sent, "what is not followed is read all the same");
        assert_eq!(seen.channel.is_some(), (number as usize) < MAX_CHANNELS);
    }
    assert_eq!(talk.channels().len(), MAX_CHANNELS);
    assert_eq!(talk.count("limit.channels"), 100_000 - MAX_CHANNELS as u64);
    assert_eq!(talk.swarm().peers().count(), MAX_PEERS);
    assert_eq!(talk.analyzer.totals().datagrams, 100_000);
}

#[test]
fn channels_that_are_there_go_on_when_the_cap_is_reached() {
    let mut talk = Talk::default();
    talk.under_way();
    let first = [handshake(A, &options())];
    for number in 0..MAX_CHANNELS as u32 {
        talk.from(spoofed(number)).to(BOB).send(&first);
    }
    let seen = talk.alice([request(1, 1)]);
    assert!(seen.as_sent && seen.channel.is_some());
}

#[test]
fn a_peer_that_answers_with_ever_new_channel_ids_fills_no_more_than_the_cap() {
    let mut talk = Talk::default();
    talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    let reply = options().reply();
    for number in 0..MAX_IDS as u32 + 10 {
        let id = 0x0100_0000 + number;
        let answer = [handshake(id, &reply)];
        assert!(talk.from(BOB).to(ALICE).channel(A).send(answer).as_sent);
    }
    // One of the places is Alice's own.
    assert_eq!(talk.count("limit.channels"), 11);
    assert_eq!(talk.channels().len(), 1);
}

#[test]
fn huge_swarm_ids_fill_no_more_than_the_cap() {
    let mut talk = Talk::default();
    let mut id = vec![7u8; 60_000];
    for number in 0..400u32 {
        id[..4].copy_from_slice(&number.to_be_bytes());
        let mut options = options();
        options[2] = ppspp_dissector::wire::ProtocolOption::SwarmId(&[]);
        let options: Vec<_> = options
            .iter()
            .map(|option| match option {
                ppspp_dissector::wire::ProtocolOption::SwarmId(_) => {
                    ppspp_dissector::wire::ProtocolOption::SwarmId(&id)
                }
                other => *other,
            })
            .collect();
        talk.from(spoofed(number))
            .to(BOB)
            .send([handshake(A, &options)]);
    }
    let kept: usize = talk
        .swarms()
        .iter()
        .filter_map(|swarm| swarm.id.as_deref())
        .map(<[u8]>::len)
        .sum();
    assert!(
        kept <= MAX_ID_BYTES && kept > MAX_ID_BYTES - 60_000,
        "{kept}"
    );
    assert!(talk.count("limit.channels") > 0);
}

#[test]
fn a_reply_that_names_swarm_after_swarm_keeps_the_first() {
    let mut talk = Talk::default();
    talk.download();
    for number in 0..100u32 {
        let mut id = vec![1u8; 60_000];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let again = [ppspp_dissector::wire::ProtocolOption::SwarmId(&id)];
        talk.bob([handshake(B, &again)]);
    }
    assert_eq!(talk.swarm().id.as_deref(), Some(swarm()));
}

#[test]
fn chunks_scattered_over_64_bits_fill_no_more_than_the_cap() {
    let layout = Layout {
        addressing: ChunkAddressing::Chunk64,
        ..STATIC
    };
    let all = options_in(&layout, swarm());
    let mut talk = Talk::written(layout);
    talk.open(&all, &all.clone().reply(), &[]);
    let mut state = 1u64;
    let count = MAX_CHUNK_PAGES as u64 * 2;
    for _ in 0..count / 64 {
        let mut says = Vec::new();
        for _ in 0..64 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            says.push(layout.have(state, state));
        }
        let seen = talk.bob(&says);
        assert!(seen.as_sent);
    }
    assert_eq!(talk.count("limit.chunks"), 1);
    // What can't be kept is not judged.
    talk.alice([layout.request(0, 0)]);
    let before = talk.count("request.repeated");
    talk.alice([layout.request(1 << 40, 1 << 40)]);
    assert_eq!(talk.count("request.repeated"), before);
}

#[test]
fn one_have_of_all_chunks_costs_nothing() {
    let layout = Layout {
        addressing: ChunkAddressing::Chunk64,
        ..STATIC
    };
    let all = options_in(&layout, swarm());
    let mut talk = Talk::written(layout);
    talk.open(&all, &all.clone().reply(), &[layout.have(0, u64::MAX)]);
    for _ in 0..1000 {
        talk.alice([layout.request(0, u64::MAX)]);
        talk.bob([layout.have(0, u64::MAX)]);
    }
    talk.assert_read_as_sent();
    assert_eq!(talk.count("limit.chunks"), 0);
}

#[test]
fn guessed_channel_ids_are_forgotten() {
    let mut talk = Talk::default();
    for number in 0..20_000u32 {
        let id = number.wrapping_mul(2_654_435_761) | 1;
        talk.from(ALICE)
            .to(spoofed(number))
            .channel(id)
            .send([have(0, 0)]);
    }
    assert!(talk.channels().len() <= MAX_CHANNELS);
    assert_eq!(
        talk.analyzer.totals().datagrams + talk.analyzer.totals().not_ppspp,
        20_000
    );
}
