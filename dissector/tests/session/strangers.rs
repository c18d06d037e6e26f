//! Datagrams that do not belong: other protocols, wrong addresses, unknown channels.

use std::net::SocketAddr;

use ppspp_dissector::session::Config;

use super::support::{A, ALICE, B, BOB, CAROL, Talk};
use super::words::{
    Change, STATIC, Say, close, data, handshake, have, integrity, noise_of, options, request, swarm,
};

/// A STUN binding request (RFC 5389).
fn stun() -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend_from_slice(noise_of(12));
    bytes
}

fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    let dns =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01";
    let ntp = [&[0x23, 0, 6, 0xec][..], &[0; 12], noise_of(32)].concat();
    let quic = [&[0xc3, 0, 0, 0, 1, 8][..], noise_of(1200)].concat();
    let rtp = [&[0x80, 0x60, 0x12, 0x34][..], noise_of(180)].concat();
    let dhcp = [
        &[1, 1, 6, 0][..],
        noise_of(4),
        &[0; 232],
        &[99, 130, 83, 99],
    ]
    .concat();
    let tracker = [
        &0x0417_2710_1980u64.to_be_bytes()[..],
        &[0, 0, 0, 0, 1, 2, 3, 4],
    ]
    .concat();
    vec![
        ("dns", dns.to_vec()),
        ("ntp", ntp),
        ("quic", quic),
        ("rtp", rtp),
        ("dhcp", dhcp),
        ("bittorrent tracker", tracker),
        (
            "ssdp",
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n".to_vec(),
        ),
        ("stun", stun()),
        ("zeros", vec![0; 64]),
        ("four zeros", vec![0; 4]),
        ("ones", vec![0xff; 64]),
        ("empty", Vec::new()),
        ("one byte", vec![0]),
        ("noise", noise_of(700).to_vec()),
    ]
}

#[test]
fn other_protocols_are_counted_and_nothing_else() {
    for (name, bytes) in foreign() {
        let mut talk = Talk::default();
        for _ in 0..10 {
            let seen = talk.from(ALICE).to(BOB).send_bytes(&bytes);
            assert!(!seen.is_ppspp, "{name}: {seen:#?}");
        }
        assert_eq!(talk.analyzer.totals().not_ppspp, 10, "{name}");
        assert_eq!(talk.channels().len(), 0, "{name}");
        assert_eq!(talk.findings(), [""; 0], "{name}");
    }
}

#[test]
fn other_protocols_between_other_hosts_are_not_touched_by_ppspp_nearby() {
    let mut talk = Talk::default();
    talk.under_way();
    for (name, bytes) in foreign() {
        let elsewhere: SocketAddr = "198.51.100.9:53".parse().expect("an address");
        let seen = talk.from(CAROL).to(elsewhere).send_bytes(&bytes);
        assert!(!seen.is_ppspp, "{name}");
    }
    assert_eq!(talk.channels().len(), 1);
}

#[test]
fn stun_on_the_same_sockets_is_told_apart() {
    let mut talk = Talk::default();
    talk.under_way();
    let findings = talk.findings();
    for _ in 0..3 {
        assert!(!talk.from(ALICE).to(BOB).send_bytes(&stun()).is_ppspp);
        let mut answer = stun();
        answer[0] = 1;
        assert!(!talk.from(BOB).to(ALICE).send_bytes(&answer).is_ppspp);
    }
    assert_eq!(talk.findings(), findings);
    assert_eq!(talk.analyzer.totals().not_ppspp, 6);
}

#[test]
fn ports_narrow() {
    let mut talk = Talk::with(Config {
        ports: [9].into(),
        ..Config::default()
    });
    talk.under_way();
    assert_eq!(talk.analyzer.totals().datagrams, 0);
    assert_eq!(talk.analyzer.totals().not_ppspp, talk.seen().len() as u64);
}

#[test]
fn ports_force() {
    for port in [ALICE.port(), BOB.port()] {
        let mut talk = Talk::with(Config {
            ports: [port].into(),
            ..Config::default()
        });
        let seen = talk.alice([request(0, 0)]);
        assert!(seen.is_ppspp && seen.as_sent);
        let seen = talk.from(ALICE).to(BOB).send_bytes(&[1, 2]);
        assert!(seen.is_ppspp && seen.has("datagram.too-short"));
    }
}

#[test]
fn a_valid_channel_id_from_another_address_is_read_and_told() {
    let mut talk = Talk::default();
    talk.under_way();
    let seen = talk.from(CAROL).to(BOB).channel(B).send([request(1, 1)]);
    assert!(seen.as_sent);
    let finding = seen.finding("channel.address-mismatch").expect("raised");
    assert!(finding.to_string().contains("192.0.2.1:7001"));
    assert_eq!(seen.swarm.as_deref(), Some(swarm()));
    assert_eq!(talk.channels().len(), 1);
    assert!(!talk.alice([request(2, 2)]).has("channel.address-mismatch"));
}

#[test]
fn a_peer_whose_nat_gave_it_another_port_keeps_its_channel() {
    let mut talk = Talk::default();
    talk.under_way();
    let moved: SocketAddr = "192.0.2.1:49152".parse().expect("an address");
    let seen = talk.from(moved).to(BOB).channel(B).send([request(1, 1)]);
    assert!(seen.as_sent && seen.has("channel.address-mismatch"));
    let seen = talk.from(BOB).to(moved).channel(A).send([data(1)]);
    assert!(seen.as_sent && seen.has("channel.moved"), "{seen:#?}");
    assert_eq!(seen.swarm.as_deref(), Some(swarm()));
    for chunk in 2..5 {
        let seen = talk
            .from(moved)
            .to(BOB)
            .channel(B)
            .send([request(chunk, chunk)]);
        assert_eq!(seen.findings(), ["request.repeated"]);
        let seen = talk.from(BOB).to(moved).channel(A).send([data(chunk)]);
        assert_eq!(seen.findings(), [""; 0]);
        assert_eq!(seen.swarm.as_deref(), Some(swarm()));
    }
    assert_eq!(talk.channels().len(), 1);
}

#[test]
fn an_unknown_channel_between_known_peers_is_not_followed_at_once() {
    let mut talk = Talk::default();
    talk.under_way();
    let seen = talk
        .from(ALICE)
        .to(BOB)
        .channel(0x0bad_cafe)
        .send([request(0, 0)]);
    assert!(seen.is_ppspp && seen.has("channel.unknown"));
    assert_eq!(seen.channel, None);
    assert_eq!(seen.swarm, None);
    assert_eq!(talk.channels().len(), 1);
    let keep_alive = talk.from(ALICE).to(BOB).channel(0x0bad_cafe).send([]);
    assert!(keep_alive.is_ppspp && keep_alive.has("channel.unknown"));
}

#[test]
fn an_unknown_channel_that_goes_on_is_followed() {
    let mut talk = Talk::default();
    talk.under_way();
    let mut last = None;
    for chunk in 0..4 {
        let says = [integrity(0, 7), data(chunk)];
        last = Some(talk.from(BOB).to(ALICE).channel(0x0bad_cafe).send(says));
    }
    assert!(last.is_some_and(|seen| seen.as_sent && seen.channel.is_some()));
    assert_eq!(talk.channels().len(), 2);
}

#[test]
fn a_handshake_on_an_unknown_channel_between_known_peers_is_read() {
    let mut talk = Talk::default();
    talk.under_way();
    let seen = talk
        .from(BOB)
        .to(ALICE)
        .channel(0x0bad_cafe)
        .send([handshake(0x7654_3210, &options().reply())]);
    assert!(seen.is_ppspp && seen.has("channel.unknown"));
    assert_eq!(seen.names, ["HANDSHAKE"]);
}

#[test]
fn noise_between_known_peers_is_malformed_and_harms_nothing() {
    let mut talk = Talk::default();
    talk.under_way();
    let seen = talk
        .from(BOB)
        .to(ALICE)
        .channel(A)
        .send_body(&[200, 1, 2, 3]);
    assert!(seen.has("message.unknown"));
    assert!(talk.bob([data(1)]).as_sent);
    assert_eq!(talk.channel().datagrams, 7);
}

#[test]
fn a_keep_alive_to_channel_zero_is_ppspp_only_between_peers() {
    let mut talk = Talk::default();
    assert!(!talk.from(ALICE).to(BOB).send_bytes(&[0; 4]).is_ppspp);
    talk.download();
    assert!(
        talk.from(ALICE)
            .to(BOB)
            .send_bytes(&[0; 4])
            .has("channel.zero-keep-alive")
    );
}

#[test]
fn a_close_without_handshake_is_read() {
    let mut talk = Talk::default();
    for chunk in 0..4 {
        talk.bob([STATIC.integrity(0, 7), STATIC.data(chunk)]);
        talk.alice([have(chunk, chunk), STATIC.ack(chunk, chunk)]);
    }
    talk.alice([close()]);
    assert_eq!(talk.channel().closed_by(), Some(ALICE));
}
