//! A viewer tunes in to a live stream: under a unified Merkle tree, or one in
//! which every chunk is signed.

use std::collections::{BTreeMap, BTreeSet};

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, DiscardWindow, HashFunction, Message,
};

use super::injector::{Injector, MUNRO_WIDTH, Method, Proof};
use super::key::Key;
use super::script::{Peer, START, Script, hex};
use super::swarm::{channel_fact, handshake, layout, range};

/// Microseconds from one end to the other.
const ONE_WAY_DELAY: u64 = 18_250;

/// Chunks that the injector keeps.
const WINDOW: DiscardWindow = DiscardWindow::Bits32(8);

/// The viewer's first chunk.
const FIRST: u64 = 8;

/// What tells one of these streams from another.
struct Sample {
    file: &'static str,
    about: &'static str,
    method: Method,
    key: Key,
    seed: u64,
    viewer: Peer,
    source: Peer,
    /// How many times the viewer gets [`MUNRO_WIDTH`] chunks.
    rounds: u64,
}

/// The viewer gets three munros of a running stream.
pub(crate) fn p256() -> Script {
    script(Sample {
        file: "live-unified-merkle.pcap",
        about: "A viewer tunes in to a running live stream: unified Merkle tree over SHA-256, \
                ECDSA on P-256, four chunks of 1024 bytes to a signed munro, a discard window \
                of eight chunks that slides while the stream grows. The signatures are real: \
                over the munro's chunk specification, the NTP timestamp and the hash.",
        method: Method::UnifiedMerkle,
        key: Key::p256(7),
        seed: 7,
        viewer: Peer::new("192.0.2.77:39512", 0x6d21_c4f8),
        source: Peer::new("203.0.113.7:6778", 0xa95e_3013),
        rounds: 3,
    })
}

/// Two munros, signed on a bigger curve.
pub(crate) fn p384() -> Script {
    script(Sample {
        file: "live-unified-merkle-p384.pcap",
        about: "As `live-unified-merkle.pcap`, shorter, with ECDSA on P-384: the swarm ID has \
                97 bytes and a signature 96. The tree's hashes are SHA-256, those that are \
                signed SHA-384.",
        method: Method::UnifiedMerkle,
        key: Key::p384(384),
        seed: 384,
        viewer: Peer::new("192.0.2.84:40384", 0x51e8_0b6c),
        source: Peer::new("203.0.113.14:6778", 0xd40a_97f2),
        rounds: 2,
    })
}

/// Two munros, signed with RSA.
pub(crate) fn rsa_sha256() -> Script {
    script(Sample {
        file: "live-unified-merkle-rsasha256.pcap",
        about: "As `live-unified-merkle.pcap`, shorter, with RSASHA256 and a modulus of 2048 \
                bits: the swarm ID is the algorithm's octet and a key after RFC 3110 (length \
                of the exponent, exponent 65537, modulus), and a signature has the modulus's \
                256 bytes.",
        method: Method::UnifiedMerkle,
        key: Key::rsa_sha256(),
        seed: 256,
        viewer: Peer::new("192.0.2.88:42056", 0x7b93_2ed1),
        source: Peer::new("203.0.113.8:6778", 0xe6f4_580a),
        rounds: 2,
    })
}

/// Eight chunks, each with its signature.
pub(crate) fn sign_all() -> Script {
    script(Sample {
        file: "live-sign-all-rsasha1.pcap",
        about: "A viewer tunes in to a running live stream under \"Sign All\" (section 6.1.1) \
                with RSASHA1 and a modulus of 1024 bits: before every chunk of 1024 bytes \
                stands its SIGNED_INTEGRITY. The signature is over the chunk specification, \
                the NTP timestamp and the chunk itself. There is no hash tree, so there is no \
                INTEGRITY, and the handshakes name no hash function (7.6).",
        method: Method::SignAll,
        key: Key::rsa_sha1(),
        seed: 5,
        viewer: Peer::new("192.0.2.55:43105", 0x2c65_f19a),
        source: Peer::new("203.0.113.5:6778", 0x98d7_4be3),
        rounds: 2,
    })
}

fn script(sample: Sample) -> Script {
    let mut script = Script::new(sample.file, "rfc7574", sample.about);
    let injector = Injector::new(
        layout(ChunkAddressing::Chunk32, HashFunction::Sha256, 1024),
        sample.method,
        sample.key,
        sample.seed,
    );
    let (viewer, source) = (sample.viewer, sample.source);
    let zero = Peer {
        channel: ChannelId::ZERO,
        ..source
    };

    let open = handshake(viewer.channel, injector.options(true, WINDOW));
    script.send(viewer, zero, &injector.layout, &[open]);
    script.wait(2 * ONE_WAY_DELAY);
    let answer = [
        handshake(source.channel, injector.options(false, WINDOW)),
        Message::Have(injector.spec(range(FIRST - MUNRO_WIDTH, FIRST + MUNRO_WIDTH - 1))),
    ];
    script.send(source, viewer, &injector.layout, &answer);

    script.wait(300);
    let mut stream = Stream {
        injector: &injector,
        viewer,
        source,
        proofs: BTreeMap::new(),
        known: BTreeSet::new(),
    };
    stream.sign(FIRST, START - 151_000);
    stream.fetch(&mut script, FIRST);
    for round in 1..sample.rounds {
        let first = FIRST + round * MUNRO_WIDTH;
        script.wait(400_000);
        stream.sign(first, script.now() - 21_000);
        // The biggest complete interval within the window (section 4.3.1).
        let news = range(first - MUNRO_WIDTH, first + MUNRO_WIDTH - 1);
        let mut messages = vec![Message::Have(injector.spec(news))];
        if injector.method == Method::UnifiedMerkle {
            // The source proves its newest munro in every datagram until the
            // viewer has a chunk of it (section 6.1.2.4).
            messages.extend(stream.proofs[&first].messages());
        }
        script.send(source, viewer, &injector.layout, &messages);
        script.wait(700);
        stream.fetch(&mut script, first);
    }
    script.wait(2_000);
    let close = handshake(ChannelId::ZERO, vec![]);
    script.send(viewer, source, &injector.layout, &[close]);

    let last = FIRST + sample.rounds * MUNRO_WIDTH - 1;
    let verified = stream.proofs.len();
    let sent = script.counts["SIGNED_INTEGRITY"];
    script.fact(match injector.method {
        Method::SignAll => format!(
            "Swarm: `{}`, chunks {FIRST} to {last} verified by a signature each ({sent} \
             signatures sent)",
            hex(&injector.id)
        ),
        Method::UnifiedMerkle | Method::Libswift => format!(
            "Swarm: `{}`, chunks {FIRST} to {last} verified by {verified} signed munros ({sent} \
             signatures sent)",
            hex(&injector.id)
        ),
    });
    script.fact(channel_fact(viewer, source));
    script
}

struct Stream<'a> {
    injector: &'a Injector,
    viewer: Peer,
    source: Peer,
    /// By the first chunk that a signature covers.
    proofs: BTreeMap<u64, Proof>,
    known: BTreeSet<ChunkRange>,
}

impl Stream<'_> {
    /// The injector signs [`MUNRO_WIDTH`] chunks from `first` on: their munro,
    /// or each of them as it gets it.
    fn sign(&mut self, first: u64, time: u64) {
        /// Microseconds from one chunk of the stream to the next.
        const PACE: u64 = 36_000;
        for chunk in first..first + MUNRO_WIDTH {
            let signed = self.injector.signed_with(chunk);
            if signed.start() == chunk {
                let time = time - (first + MUNRO_WIDTH - 1 - signed.end()) * PACE;
                self.proofs.insert(chunk, self.injector.sign(chunk, time));
            }
        }
    }

    /// The viewer requests [`MUNRO_WIDTH`] chunks from `first` on and gets them.
    fn fetch(&mut self, script: &mut Script, first: u64) {
        let injector = self.injector;
        let wanted = range(first, first + MUNRO_WIDTH - 1);
        let request = Message::Request(injector.spec(wanted));
        script.send(self.viewer, self.source, &injector.layout, &[request]);
        for chunk in first..=wanted.end() {
            script.wait(2 * ONE_WAY_DELAY + 110 + chunk * 53 % 300);
            let uncles = injector.uncles(chunk, |node| self.known.contains(&node));
            let data = injector.chunk(chunk);
            let mut messages = Vec::new();
            if let Some(proof) = self.proofs.get(&chunk) {
                messages.extend(proof.messages());
            }
            messages.extend(
                uncles
                    .iter()
                    .map(|(spec, hash)| Message::Integrity { spec: *spec, hash }),
            );
            messages.push(Message::Data {
                spec: injector.spec(ChunkRange::single(chunk)),
                timestamp: Some(script.now() - ONE_WAY_DELAY),
                data: &data,
                data_length: data.len(),
            });
            script.send(self.source, self.viewer, &injector.layout, &messages);
            self.known.extend(proven_with(chunk));
            script.wait(80);
            let ack = Message::Ack {
                spec: injector.spec(range(FIRST, chunk)),
                delay: ONE_WAY_DELAY,
            };
            script.send(self.viewer, self.source, &injector.layout, &[ack]);
        }
    }
}

/// The nodes below a munro whose hashes a peer knows once it has `chunk`: those
/// on the way up and their siblings.
pub(crate) fn proven_with(chunk: u64) -> impl Iterator<Item = ChunkRange> {
    (0..MUNRO_WIDTH.ilog2()).flat_map(move |layer| {
        let start = chunk >> layer << layer;
        [start, start ^ (1 << layer)].map(|start| range(start, start + (1 << layer) - 1))
    })
}
