//! Membership certificates in peer exchange (RFC 7574, sections 8.13 and 12.2.1).

#[allow(dead_code, reason = "each test crate uses a part of it")]
mod support;

#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use peers::{Network, address, content, empty, seeded, swarm};
use ppsp_inspect::peer::engine::{Event, Membership, Moment, PeerConfig, SwarmConfig, SwarmKey};
use ppsp_inspect::peer::membership::{Issuer, OwnCertificate, Refusal};
use ppspp_dissector::wire::{ChunkSize, Layout, Message, decode_datagram};
use rand_core::SeedableRng as _;
use support::certificates::{Statement, around, der, issue, key, now, pem, url};
use support::transfer::Peer;
use x509_cert::der::EncodePem as _;
use x509_cert::der::pem::LineEnding;

const TRACKER: &str = "CN=tracker";
const ID: [u8; 20] = [0xa5; 20];

/// A file with a text in a folder that lives as long as the test.
fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn moment(seconds: u64) -> Moment {
    Moment::from_microseconds(seconds * 1_000_000)
}

/// What the issuer with key 1 thinks of a certificate, now.
fn verdict(statement: &Statement, signer: u8) -> Result<String, Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = pem(&Statement::issuer(TRACKER), &key(1));
    let issuer = Issuer::read(&file(folder.path(), "issuer.pem", &trusted)).expect("an issuer");
    let der = der(statement, &key(signer));
    let member = issuer.check(&der, &ID, moment(now()));
    member.map(|(address, _)| address.to_string())
}

#[test]
fn a_certificate_names_a_member_until_it_expires() {
    for host in ["192.0.2.7:6778", "[2001:db8::7]:6778"] {
        let statement = Statement::member(TRACKER, url(host, &ID));
        assert_eq!(verdict(&statement, 1).as_deref(), Ok(host));
    }
    let upper = url("192.0.2.7:1", &ID).to_uppercase();
    assert!(verdict(&Statement::member(TRACKER, upper), 1).is_ok());
}

#[test]
fn whatever_is_wrong_with_a_certificate_is_said() {
    let right = Statement::member(TRACKER, url("192.0.2.7:6778", &ID));
    let with = |change: &dyn Fn(&mut Statement)| {
        let mut statement = right.clone();
        change(&mut statement);
        verdict(&statement, 1).expect_err("refused")
    };
    assert_eq!(verdict(&right, 2), Err(Refusal::Signature));
    assert_eq!(with(&|it| it.issuer = "CN=another"), Refusal::OtherIssuer);
    assert_eq!(
        with(&|it| it.validity = around(now() - 7200)),
        Refusal::Expired
    );
    assert_eq!(
        with(&|it| it.validity = around(now() + 7200)),
        Refusal::NotYetValid
    );
    assert_eq!(with(&|it| it.is_critical = false), Refusal::NotCritical);
    assert_eq!(with(&|it| it.has_unknown = true), Refusal::UnknownExtension);
    assert_eq!(with(&|it| it.urls.clear()), Refusal::NoName);
    assert_eq!(
        with(&|it| it.urls.push(right.urls[0].clone())),
        Refusal::NoName
    );
    let with_url = |url: String| with(&|it| it.urls = vec![url.clone()]);
    assert_eq!(with_url(url("192.0.2.7:1", &[1; 20])), Refusal::OtherSwarm);
    assert_eq!(with_url(url("tracker.example:1", &ID)), Refusal::Host);
    assert_eq!(with_url(url("192.0.2.7", &ID)), Refusal::Host);
    for url in [
        "http://192.0.2.7:1/a5",
        "file://192.0.2.7:1",
        "file://192.0.2.7:1/",
        "file://192.0.2.7:1/a",
        "file://192.0.2.7:1/zz",
    ] {
        assert_eq!(with_url(url.to_owned()), Refusal::Url, "{url}");
    }
}

#[test]
fn bytes_that_are_no_certificate_or_were_changed_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = pem(&Statement::issuer(TRACKER), &key(1));
    let issuer = Issuer::read(&file(folder.path(), "issuer.pem", &trusted)).expect("an issuer");
    let statement = Statement::member(TRACKER, url("192.0.2.7:6778", &ID));
    let right = der(&statement, &key(1));
    assert!(issuer.check(&right, &ID, moment(now())).is_ok());
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        assert!(
            issuer.check(&wrong, &ID, moment(now())).is_err(),
            "byte {at}"
        );
        assert!(issuer.check(&right[..at], &ID, moment(now())).is_err());
    }
}

#[test]
fn issuers_may_have_keys_of_three_kinds() {
    let folder = tempfile::tempdir().expect("a folder");
    let statement = Statement::member(TRACKER, url("192.0.2.7:6778", &ID));
    let p384 = p384::ecdsa::SigningKey::from_slice(&[3; 48]).expect("a scalar");
    let mut random = rand_chacha::ChaCha12Rng::from_seed([4; 32]);
    let rsa = |random: &mut _, bits| {
        let key = rsa::PrivateKey::new(random, bits).expect("a key");
        rsa::pkcs1v15::SigningKey::<sha2::Sha256>::new(key)
    };
    let (good, short) = (rsa(&mut random, 2048), rsa(&mut random, 1024));
    let p384_pair = [Statement::issuer(TRACKER), statement.clone()]
        .map(|it| issue::<_, p384::ecdsa::DerSignature>(&it, &p384));
    let rsa_pair = [Statement::issuer(TRACKER), statement]
        .map(|it| issue::<_, rsa::pkcs1v15::Signature>(&it, &good));
    for [authority, member] in [p384_pair, rsa_pair] {
        use x509_cert::der::Encode as _;
        let text = authority.to_pem(LineEnding::LF).expect("encodable");
        let issuer = Issuer::read(&file(folder.path(), "issuer.pem", &text)).expect("an issuer");
        let der = member.to_der().expect("encodable");
        issuer.check(&der, &ID, moment(now())).expect("right");
    }
    let weak = issue::<_, rsa::pkcs1v15::Signature>(&Statement::issuer(TRACKER), &short);
    let text = weak.to_pem(LineEnding::LF).expect("encodable");
    let error = Issuer::read(&file(folder.path(), "weak.pem", &text)).expect_err("refused");
    assert!(error.to_string().contains("2048"), "{error}");
}

#[test]
fn files_that_are_no_certificates_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path(), "no.pem", "no certificate\n");
    let error = OwnCertificate::read(&path)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("no.pem: is no X.509 certificate"), "{error}");
    let issuer = pem(&Statement::issuer(TRACKER), &key(1));
    let path = file(folder.path(), "issuer.pem", &issuer);
    let error = OwnCertificate::read(&path)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("is no membership certificate"), "{error}");
    let long = Statement::member(TRACKER, url("192.0.2.7:1", &[1; 700]));
    let path = file(folder.path(), "long.pem", &pem(&long, &key(1)));
    let error = OwnCertificate::read(&path)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("a datagram has room for"), "{error}");
}

/// A network of a seeder at 1 and leechers at 2 and 3 that know the seeder alone.
/// All want certificates; 1 and 2 have one. What they claim to be is `believed`.
struct Exchange {
    network: Network,
    keys: Vec<SwarmKey>,
}

impl Exchange {
    fn new() -> Self {
        let bytes = content(3 * 1024 * 1024);
        let mut config = swarm(&[]);
        let (store, root) = seeded(&bytes, &config);
        config.id = root;
        let mut network = Network::default();
        let now = network.now;
        let mut keys = Vec::new();
        let mut store = Some(store);
        for number in 1..=3 {
            let own = (number < 3).then(|| {
                let certificate: Arc<[u8]> = Arc::from([number; 300]);
                (address(number), certificate)
            });
            let config = SwarmConfig {
                membership: Membership {
                    is_required: true,
                    own,
                },
                ..config.clone()
            };
            let peer = network.add(
                number,
                PeerConfig {
                    upload_rate: Some(200_000),
                    ..PeerConfig::default()
                },
            );
            let empty = empty(&config);
            let key = peer.join(now, config, Box::new(store.take().unwrap_or(empty)));
            let key = key.expect("a swarm");
            if number > 1 {
                peer.connect(now, key, address(1));
            }
            keys.push(key);
        }
        Self { network, keys }
    }

    /// Lets time pass; certificates are believed or not meanwhile.
    fn run(&mut self, time: Duration, is_believed: bool) {
        let end = self.network.now + time;
        while self.network.now < end {
            self.network.rest(Duration::from_millis(50));
            let now = self.network.now;
            for (receiver, event) in std::mem::take(&mut self.network.events) {
                let Event::MembershipClaimed {
                    swarm,
                    address: teller,
                    certificate,
                } = event
                else {
                    self.network.events.push((receiver, event));
                    continue;
                };
                let peer = self.network.peers.get_mut(&receiver).expect("it is there");
                if is_believed {
                    let until = now + Duration::from_secs(3600);
                    let member = address(certificate[0]);
                    peer.certified(now, swarm, teller, member, until, certificate);
                } else {
                    peer.not_certified(swarm, teller, "a test".to_owned());
                }
            }
        }
    }

    /// PEX answers that were sent: from whom, and whom they name; `None` where that
    /// is a bare address.
    fn answers(&self) -> Vec<(u8, Option<u8>)> {
        let layout = Layout {
            chunk_size: ChunkSize::Fixed(1024),
            ..Layout::RFC
        };
        let mut answers = Vec::new();
        for (_, source, _, datagram) in &self.network.sent {
            let number = (1..=3).find(|&it| address(it) == *source);
            for located in decode_datagram(datagram, &layout).1 {
                let named = match located.message {
                    Message::PexResCert { certificate } => Some(certificate[0]),
                    Message::PexResV4 { .. } | Message::PexResV6 { .. } => None,
                    _ => continue,
                };
                answers.push((number.expect("one of them"), named));
            }
        }
        answers
    }
}

#[test]
fn members_find_each_other_by_certificates_that_a_third_hands_on() {
    let mut exchange = Exchange::new();
    exchange.run(Duration::from_secs(8), true);
    let third = &exchange.network.peers[&address(3)];
    assert!(third.is_connected(exchange.keys[2], address(2)));
    let answers = exchange.answers();
    // 1 hands on the certificate of 2; 3 has none, and no bare address goes about.
    assert!(answers.contains(&(1, Some(2))), "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|(_, named)| matches!(named, Some(1 | 2)))
    );
}

#[test]
fn nobody_is_believed_without_and_after_three_wrong_ones_the_rest_is_discarded() {
    let mut exchange = Exchange::new();
    exchange.run(Duration::from_secs(30), false);
    let third = &exchange.network.peers[&address(3)];
    assert!(!third.is_connected(exchange.keys[2], address(2)));
    let refused = |number| {
        let events = exchange.network.events.iter();
        events
            .filter(|(receiver, event)| {
                *receiver == address(number) && matches!(event, Event::MembershipRefused { .. })
            })
            .count()
    };
    assert_eq!(refused(3), 3);
}

/// A port of 127.0.0.1 that is free now.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound").port()
}

#[test]
fn the_program_finds_members_by_their_certificates_and_says_why_it_refuses_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("content"), content(4 * 1024 * 1024)).expect("written");
    file(
        here,
        "issuer.pem",
        &pem(&Statement::issuer(TRACKER), &key(1)),
    );
    let listen = format!("127.0.0.1:{}", free_port());
    let seeding = [
        "seed",
        "content",
        "--rate",
        "1M",
        "--listen",
        "127.0.0.1:0",
        "--pex-issuer",
        "issuer.pem",
    ];
    let mut seeder = Peer::start(here, seeding);
    let line = seeder.line();
    let id = line.split_whitespace().next().expect("an ID").to_owned();
    let from = line
        .split_whitespace()
        .last()
        .expect("an address")
        .to_owned();
    let bytes: Vec<u8> = (0..id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hex"))
        .collect();
    let member = Statement::member(TRACKER, url(&listen, &bytes));
    file(here, "member.pem", &pem(&member, &key(1)));
    let forged = Statement::member(TRACKER, url("127.0.0.1:9", &bytes));
    file(here, "forged.pem", &pem(&forged, &key(2)));
    let leech = |name: &'static str, listen: &str, certificate: Option<&str>| {
        let mut arguments = vec![
            "leech",
            &id,
            "--from",
            &from,
            "-o",
            name,
            "--listen",
            listen,
            "--keep",
            "--rate",
            "500K",
            "--json",
            "--pex-issuer",
            "issuer.pem",
        ];
        if let Some(certificate) = certificate {
            arguments.extend(["--pex-certificate", certificate]);
        }
        Peer::start(here, arguments)
    };
    let first = leech("first", &listen, Some("member.pem"));
    let liar = leech("second", "127.0.0.1:0", Some("forged.pem"));
    std::thread::sleep(Duration::from_millis(1500));
    let mut third = leech("third", "127.0.0.1:0", None);
    let met = (0..200)
        .map(|_| third.json())
        .any(|it| it["event"] == "connected" && it["address"] == listen.as_str());
    assert!(met);
    let said = seeder.stop();
    assert!(
        said.stderr.contains("certificate refused") && said.stderr.contains("not the issuer's"),
        "{}",
        said.stderr
    );
    for peer in [first, third] {
        peer.kill();
    }
    let said = liar.stop();
    assert!(
        said.stderr.contains("forged.pem: others will refuse it"),
        "{}",
        said.stderr
    );
}
