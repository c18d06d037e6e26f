//! Content that nothing protects (RFC 7574, section 7.5, method 0), and how
//! `PyPPSPP`, which knows nothing else, wants to be spoken to.

#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/peers.rs"]
mod peers;

use std::net::SocketAddr;
use std::time::Duration;

use peers::{Network, START, address, content, empty, empty_stream, seeded, swarm};
use ppsp_inspect::peer::engine::{
    Ending, Event, LiveConfig, Peer, PeerConfig, Picking, Profile, SwarmConfig, SwarmKey,
    Unprotected,
};
use ppspp_dissector::wire::dialect::PYPPSPP;
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ChunkSpec, ContentIntegrity, Handshake, Layout, Message,
    ProtocolOption, decode_datagram, encode_datagram,
};

const ID: &[u8] = b"a name, and no hash";

fn unprotected() -> SwarmConfig {
    SwarmConfig {
        integrity: ContentIntegrity::None,
        ..swarm(ID)
    }
}

/// A seeder at 1 of `bytes`, and a leecher at 2, with the same configuration but
/// for the length that the leecher is told.
fn pair(bytes: &[u8], config: &SwarmConfig, length: Option<u64>) -> (Network, SwarmKey) {
    let (store, _) = seeded(bytes, config);
    let mut network = Network::default();
    let now = network.now;
    network
        .add(1, PeerConfig::default())
        .join(now, config.clone(), Box::new(store))
        .expect("a swarm");
    let leeching = SwarmConfig {
        unprotected: Unprotected {
            is_live: false,
            length,
        },
        ..config.clone()
    };
    let leecher = network.add(2, PeerConfig::default());
    let key = leecher
        .join(now, leeching, Box::new(empty(config)))
        .expect("a swarm");
    leecher.connect(now, key, address(1));
    (network, key)
}

fn completes(network: &mut Network, key: SwarmKey) -> bool {
    network.run(Duration::from_secs(30), |network| {
        network.peers[&address(2)].is_complete(key)
    })
}

#[test]
fn a_short_last_chunk_tells_the_end_and_no_hash_goes_over_the_wire() {
    for picking in Picking::ALL {
        let bytes = content(90 * 1024 + 5);
        let config = SwarmConfig {
            picking,
            ..unprotected()
        };
        let (mut network, key) = pair(&bytes, &config, None);
        assert!(completes(&mut network, key), "{picking:?}");
        assert_eq!(network.content_of(2, key), bytes);
        let told = |event: &Event| matches!(event, Event::SizeKnown { chunks: 91, .. });
        assert!(network.events.iter().any(|(_, event)| told(event)));
        let layout = Layout {
            chunk_size: ChunkSize::Fixed(1024),
            ..Layout::RFC
        };
        for (_, _, _, datagram) in &network.sent {
            for located in decode_datagram(datagram, &layout).1 {
                assert!(!located.message.name().ends_with("INTEGRITY"));
            }
        }
        let grave: Vec<_> = network
            .findings()
            .into_iter()
            .filter(|(_, (_, severity))| *severity != "note")
            .collect();
        assert_eq!(grave, []);
    }
}

#[test]
fn full_chunks_alone_need_somebody_who_knows_the_end() {
    let bytes = content(90 * 1024);
    let (mut network, key) = pair(&bytes, &unprotected(), Some(bytes.len() as u64));
    assert!(completes(&mut network, key), "the length was told");

    let (mut network, key) = pair(&bytes, &unprotected(), None);
    assert!(!completes(&mut network, key));
    let leecher = network.peers.get_mut(&address(2)).expect("it is there");
    assert_eq!(leecher.possible_size(key), Some(90));
    leecher.settle_size(key, 90).expect("it fits");
    assert!(leecher.is_complete(key));
    assert_eq!(leecher.possible_size(key), None);
    assert_eq!(network.content_of(2, key), bytes);
}

#[test]
fn a_lossy_network_costs_nothing_but_time() {
    for profile in [&Profile::RFC, &Profile::PYPPSPP] {
        let bytes = content(400 * 1024 + 77);
        let config = SwarmConfig {
            profile,
            ..unprotected()
        };
        let (mut network, key) = pair(&bytes, &config, None);
        network.loss = Some(15);
        assert!(completes(&mut network, key), "{}", profile.name);
        assert_eq!(network.content_of(2, key), bytes);
    }
}

#[test]
fn a_live_stream_without_signatures_arrives_and_leaves_the_window() {
    let config = SwarmConfig {
        picking: Picking::InOrder,
        live: LiveConfig {
            window: 32,
            ..LiveConfig::default()
        },
        unprotected: Unprotected {
            is_live: true,
            length: None,
        },
        ..unprotected()
    };
    let mut network = Network::default();
    let now = network.now;
    let source = network.add(1, PeerConfig::default());
    let source_key = source
        .join(now, config.clone(), Box::new(empty_stream(&config)))
        .expect("a swarm");
    let viewer = network.add(2, PeerConfig::default());
    let key = viewer
        .join(now, config.clone(), Box::new(empty_stream(&config)))
        .expect("a swarm");
    viewer.connect(now, key, address(1));
    network.rest(Duration::from_secs(1));
    let chunk = |number: u8| vec![number; 100 + usize::from(number)];
    for number in 0..120 {
        let now = network.now;
        let source = network.peers.get_mut(&address(1)).expect("it is there");
        let mut sign = |_: &[&[u8]]| unreachable!("nothing is signed");
        source
            .inject(now, source_key, &chunk(number), &mut sign)
            .expect("in memory");
        // Who watches.
        let viewer = network.peers.get_mut(&address(2)).expect("it is there");
        if let Some(at) = viewer.present(key).and_then(|it| it.iter().next_back()) {
            let at = *at.end();
            viewer.set_playhead(key, at);
        }
        network.rest(Duration::from_millis(40));
    }
    network.rest(Duration::from_secs(1));
    for number in [1, 2] {
        let peer = &network.peers[&address(number)];
        let present = peer.present(key).expect("a swarm");
        assert_eq!(
            present.iter().collect::<Vec<_>>(),
            [&(88..=119)],
            "{number}"
        );
    }
    let expected: Vec<u8> = (88..120).flat_map(chunk).collect();
    assert_eq!(network.content_of(2, key), expected);
}

/// An end of a channel that is played by hand, as `PyPPSPP` would.
struct ByHand {
    peer: Peer,
    swarm: SwarmKey,
    now: ppsp_inspect::peer::engine::Moment,
    channel: ChannelId,
}

const OURS: ChannelId = ChannelId(0x0000_4711);

fn us() -> SocketAddr {
    address(99)
}

fn layout() -> Layout {
    Layout {
        chunk_size: ChunkSize::Fixed(1024),
        ..Layout::of_dialect(&PYPPSPP)
    }
}

fn spec(start: u32, end: u32) -> ChunkSpec {
    ChunkSpec::Chunk32 { start, end }
}

/// What `PyPPSPP` sends first: a UUID in an option that no RFC knows, a discard
/// window in a static swarm, a bitmap that ends with zeros.
fn hello() -> Message<'static> {
    Message::Handshake(Handshake {
        source_channel: OURS,
        options: vec![
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(ID),
            ProtocolOption::ContentIntegrity(ContentIntegrity::None),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::SupportedMessages(&[0xff, 0]),
            ProtocolOption::ChunkSize(1024),
            ProtocolOption::Foreign {
                code: 10,
                name: "peer_uuid",
                value: &[7; 16],
            },
        ],
        has_end: true,
    })
}

impl ByHand {
    /// A seeder of so many chunks to which it has opened a channel. The seeder's
    /// user has not named the dialect.
    fn leeching(chunks: usize) -> Self {
        let config = unprotected();
        let (store, _) = seeded(&content(chunks * 1024), &config);
        let mut peer = Peer::new(PeerConfig::default(), [1; 32]);
        let swarm = peer.join(START, config, Box::new(store)).expect("a swarm");
        let mut hand = Self {
            peer,
            swarm,
            now: START,
            channel: ChannelId::ZERO,
        };
        let reply = hand.say(&[hello()]);
        hand.channel = channel_of(&reply);
        hand
    }

    /// A leecher that has opened a channel to it.
    fn seeding(chunks: u32, profile: &'static Profile) -> Self {
        let config = SwarmConfig {
            profile,
            ..unprotected()
        };
        let mut peer = Peer::new(PeerConfig::default(), [1; 32]);
        let store = Box::new(empty(&config));
        let swarm = peer.join(START, config, store).expect("a swarm");
        peer.connect(START, swarm, us());
        let mut hand = Self {
            peer,
            swarm,
            now: START,
            channel: ChannelId::ZERO,
        };
        let first = hand.answers(Duration::ZERO);
        hand.channel = channel_of(&first);
        let mut datagram = Vec::new();
        let have = Message::Have(spec(0, chunks - 1));
        encode_datagram(hand.channel, &[hello(), have], &layout(), &mut datagram)
            .expect("encodable");
        hand.peer.receive(hand.now, us(), &datagram);
        hand
    }

    /// Sends a datagram; what comes back at once.
    fn say(&mut self, messages: &[Message<'_>]) -> Vec<Vec<u8>> {
        let mut datagram = Vec::new();
        encode_datagram(self.channel, messages, &layout(), &mut datagram).expect("encodable");
        self.now = self.now + Duration::from_millis(5);
        self.peer.receive(self.now, us(), &datagram);
        self.answers(Duration::from_millis(30))
    }

    fn answers(&mut self, within: Duration) -> Vec<Vec<u8>> {
        let end = self.now + within;
        let mut answers = Vec::new();
        loop {
            let mut out = Vec::new();
            while self.peer.transmit(self.now, &mut out).is_some() {
                answers.push(std::mem::take(&mut out));
            }
            match self.peer.deadline() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.peer.elapse(self.now);
                }
                _ => return answers,
            }
        }
    }
}

fn channel_of(datagrams: &[Vec<u8>]) -> ChannelId {
    let [datagram] = datagrams else {
        panic!("one handshake, not {}", datagrams.len());
    };
    let (_, messages, fault) = decode_datagram(datagram, &layout());
    assert_eq!(fault, None);
    match messages.first().map(|it| &it.message) {
        Some(Message::Handshake(handshake)) => handshake.source_channel,
        other => panic!("{other:?}"),
    }
}

/// The chunks of DATA messages, in their order.
fn data(datagrams: &[Vec<u8>]) -> Vec<(u32, u64)> {
    let mut chunks = Vec::new();
    for datagram in datagrams {
        for located in decode_datagram(datagram, &layout()).1 {
            if let Message::Data {
                spec: ChunkSpec::Chunk32 { start, .. },
                timestamp: Some(timestamp),
                ..
            } = located.message
            {
                chunks.push((start, timestamp));
            }
        }
    }
    chunks
}

/// `PyPPSPP`'s receiver: it acknowledges the eleventh chunk in a row, or what it
/// had before the order broke, and a range as far as it has it.
#[derive(Default)]
struct Acknowledging {
    run: Option<(u32, u32)>,
    has: std::collections::BTreeSet<u32>,
}

impl Acknowledging {
    fn took(&mut self, chunk: u32) -> Option<ChunkSpec> {
        self.has.insert(chunk);
        match self.run {
            Some((first, last)) if last + 1 == chunk => {
                self.run = Some((first, chunk)).filter(|_| chunk - first < 10);
                self.run.is_none().then(|| self.around(first, chunk))
            }
            Some((first, last)) => {
                self.run = Some((chunk, chunk));
                Some(self.around(first, last))
            }
            None => {
                self.run = Some((chunk, chunk));
                None
            }
        }
    }

    fn around(&self, mut first: u32, mut last: u32) -> ChunkSpec {
        while first > 0 && self.has.contains(&(first - 1)) {
            first -= 1;
        }
        while self.has.contains(&(last + 1)) {
            last += 1;
        }
        spec(first, last)
    }
}

#[test]
fn a_leecher_that_acknowledges_breaks_alone_is_served_without_a_timeout() {
    let mut hand = ByHand::leeching(101);
    let mut receiver = Acknowledging::default();
    let began = hand.now;
    let mut arrived = hand.say(&[Message::Request(spec(0, 100))]);
    let mut rounds = 0;
    while receiver.has.len() < 101 {
        rounds += 1;
        assert!(rounds < 200, "{:?}", receiver.has);
        for (chunk, sent) in data(&arrived) {
            let Some(spec) = receiver.took(chunk) else {
                continue;
            };
            let delay = hand.now.microseconds() - sent;
            let mut datagram = Vec::new();
            let ack = [Message::Ack { spec, delay }];
            encode_datagram(hand.channel, &ack, &layout(), &mut datagram).expect("encodable");
            hand.peer.receive(hand.now, us(), &datagram);
        }
        arrived = hand.answers(Duration::from_millis(5));
    }
    assert_eq!(hand.peer.totals(hand.swarm).resent, 0);
    assert!(hand.now.since(began) < Duration::from_secs(4));
}

#[test]
fn a_have_is_enough_to_know_that_the_last_chunks_came() {
    let mut hand = ByHand::leeching(3);
    // Two chunks go; nobody acknowledges the second, which ends the content.
    let arrived = hand.say(&[Message::Request(spec(1, 2))]);
    assert_eq!(data(&arrived).len(), 2);
    hand.say(&[Message::Have(spec(0, 2))]);
    let later = hand.answers(Duration::from_secs(20));
    assert_eq!(data(&later), []);
}

#[test]
fn timestamps_are_never_ahead_of_a_clock_that_is_a_little_late() {
    let mut hand = ByHand::leeching(2);
    let arrived = hand.say(&[Message::Request(spec(0, 1))]);
    for (_, timestamp) in data(&arrived) {
        assert!(timestamp + 9_000_000 < hand.now.microseconds());
    }
}

#[test]
fn acknowledgements_go_alone_and_name_one_chunk() {
    let mut hand = ByHand::seeding(40, &Profile::RFC);
    let asked = hand.answers(Duration::from_millis(1));
    let asks = |datagram: &Vec<u8>| {
        let messages = decode_datagram(datagram, &layout()).1;
        messages
            .iter()
            .any(|it| matches!(it.message, Message::Request(_)))
    };
    assert!(asked.iter().any(asks));
    let mut chunks = Vec::new();
    for number in 0..4 {
        let bytes = vec![number as u8; 1024];
        let message = Message::Data {
            spec: spec(number, number),
            timestamp: Some(hand.now.microseconds()),
            data: &bytes,
            data_length: 1024,
        };
        let mut datagram = Vec::new();
        encode_datagram(hand.channel, &[message], &layout(), &mut datagram).expect("encodable");
        hand.peer.receive(hand.now, us(), &datagram);
    }
    for datagram in hand.answers(Duration::from_millis(1)) {
        let messages = decode_datagram(&datagram, &layout()).1;
        for located in &messages {
            if let Message::Ack { spec, .. } = located.message {
                assert_eq!(messages.len(), 1, "{messages:?}");
                chunks.push(spec);
            }
        }
    }
    assert_eq!(chunks, [spec(0, 0), spec(1, 1), spec(2, 2), spec(3, 3)]);
}

#[test]
fn chunk_0_is_never_asked_for_alone() {
    let mut hand = ByHand::seeding(2, &Profile::PYPPSPP);
    hand.answers(Duration::from_millis(1));
    let message = Message::Data {
        spec: spec(1, 1),
        timestamp: Some(hand.now.microseconds()),
        data: b"the last chunk",
        data_length: 14,
    };
    let mut answers = hand.say(&[message]);
    answers.extend(hand.answers(Duration::from_secs(8)));
    let mut requests = Vec::new();
    for datagram in &answers {
        for located in decode_datagram(datagram, &layout()).1 {
            if let Message::Request(spec) = located.message {
                requests.push(spec);
            }
        }
    }
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|it| *it == spec(0, 1)), "{requests:?}");
}

#[test]
fn a_short_chunk_before_what_its_sender_offers_is_no_end() {
    let mut hand = ByHand::seeding(40, &Profile::PYPPSPP);
    hand.answers(Duration::from_millis(1));
    let message = Message::Data {
        spec: spec(3, 3),
        timestamp: Some(hand.now.microseconds()),
        data: b"short",
        data_length: 5,
    };
    hand.say(&[message]);
    assert_eq!(hand.peer.size(hand.swarm), None);
    let ended = std::iter::from_fn(|| hand.peer.event()).any(|event| {
        let Event::Disconnected { ending, .. } = event else {
            return false;
        };
        matches!(ending, Ending::Malicious(_))
    });
    assert!(ended);
}

#[test]
fn a_chunk_that_nobody_was_asked_for_is_not_taken() {
    let mut hand = ByHand::seeding(40, &Profile::PYPPSPP);
    hand.answers(Duration::from_millis(1));
    let bytes = [7; 1024];
    let message = |number| Message::Data {
        spec: spec(number, number),
        timestamp: Some(START.microseconds()),
        data: &bytes,
        data_length: 1024,
    };
    hand.say(&[message(1_000_000)]);
    hand.say(&[message(0)]);
    let present = hand.peer.present(hand.swarm).expect("a swarm");
    assert_eq!(present.iter().collect::<Vec<_>>(), [&(0..=0)]);
}
