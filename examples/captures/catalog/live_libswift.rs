//! A live stream as libswift sends it: nearly RFC 7574, section 6.1.2.

use std::collections::BTreeSet;

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, DiscardWindow, HashFunction, Layout, Message,
};

use super::injector::{Injector, MUNRO_WIDTH, Method};
use super::key::Key;
use super::live::proven_with;
use super::script::{Peer, START, Script, hex};
use super::swarm::{channel_fact, handshake, range};

/// Microseconds from one end to the other.
const ONE_WAY_DELAY: u64 = 6_120;

/// libswift keeps everything unless it is told otherwise.
const WINDOW: DiscardWindow = DiscardWindow::Bits32(u32::MAX);

/// A viewer gets two munros.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "live-libswift.pcap",
        "rfc7574",
        "A live stream as libswift sends it: unified Merkle tree and ECDSA on P-256, but the \
         handshakes name neither hash function nor chunk size (it is SHA-1 and 1024), a munro's \
         signature covers its 20-byte hash and nothing else (6.1.2.2 adds the chunk specification \
         and the timestamp), and SIGNED_INTEGRITY has microseconds since 1970 (8.9: NTP). \
         Four chunks to a munro, where libswift itself takes 32.",
    );
    let injector = Injector::new(
        Layout {
            addressing: ChunkAddressing::Chunk32,
            hash_function: HashFunction::Sha1,
            chunk_size: ChunkSize::Unknown,
            ..Layout::RFC
        },
        Method::Libswift,
        Key::p256(2015),
        2015,
    );
    let viewer = Peer::new("192.0.2.150:18301", 0x29e5_a57a);
    let source = Peer::new("198.51.100.150:18300", 0x29c2_8540);
    let layout = &injector.layout;
    let zero = Peer {
        channel: ChannelId::ZERO,
        ..source
    };

    let open = handshake(viewer.channel, injector.options(true, WINDOW));
    script.send(viewer, zero, layout, &[open]);
    script.note("The chunk size is missing (7.11), here and in the answer");
    script.wait(2 * ONE_WAY_DELAY + 190);
    // Ranges are always subtrees.
    let answer = [
        handshake(source.channel, injector.options(false, WINDOW)),
        Message::Have(injector.spec(range(0, 7))),
        Message::Have(injector.spec(range(8, 11))),
    ];
    script.send(source, viewer, layout, &answer);
    script.wait(60);
    script.send(viewer, source, layout, &[Message::PexReq]);

    // The newest munro comes unasked.
    script.wait(2 * ONE_WAY_DELAY + 58);
    let mut proof = injector.sign(8, START - 87_000);
    let unasked: Vec<_> = [Message::PexReq]
        .into_iter()
        .chain(proof.messages())
        .collect();
    script.send(source, viewer, layout, &unasked);
    script.note(
        "The newest munro, unasked (6.1.2.4); its timestamp is not NTP (8.9), as in all below",
    );

    let mut known = BTreeSet::new();
    for first in [8, 12] {
        let munro = injector.signed_with(first);
        if first != 8 {
            script.wait(310_000);
            proof = injector.sign(first, script.now() - 9_000);
            let news = Message::Have(injector.spec(munro));
            script.send(source, viewer, layout, &[news]);
        }
        script.wait(240);
        let request = Message::Request(injector.spec(munro));
        script.send(viewer, source, layout, &[request]);
        for chunk in first..first + MUNRO_WIDTH {
            script.wait(2 * ONE_WAY_DELAY + 40 + chunk * 29 % 90);
            let uncles = injector.uncles(chunk, |node| known.contains(&node));
            let data = injector.chunk(chunk);
            let mut messages = Vec::new();
            if chunk == first {
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
            script.send(source, viewer, layout, &messages);
            known.extend(proven_with(chunk));
            script.wait(50);
            // HAVE of the biggest complete subtree, then ACK of the one chunk.
            let complete = biggest_subtree(8, chunk);
            let answer = [
                Message::Have(injector.spec(complete)),
                Message::Ack {
                    spec: injector.spec(ChunkRange::single(chunk)),
                    delay: ONE_WAY_DELAY,
                },
            ];
            script.send(viewer, source, layout, &answer);
            if chunk == 9 {
                script
                    .note("ACK of less than the biggest complete interval (4.3.2), as often below");
            }
            if chunk == 10 {
                script.note(
                    "HAVE of less than the biggest complete interval (4.3.1), as often below",
                );
            }
        }
    }
    script.wait(3_000);
    script.send(
        viewer,
        source,
        layout,
        &[handshake(ChannelId::ZERO, vec![])],
    );

    let sent = script.counts["SIGNED_INTEGRITY"];
    script.fact(format!(
        "Swarm: `{}`, chunks 8 to 15 verified by 2 signed munros ({sent} signatures sent), with \
         SHA-1 and with signatures over the hash alone",
        hex(&injector.id)
    ));
    script.fact(channel_fact(viewer, source));
    script
}

/// The widest subtree that ends with `last` and begins no earlier than `first`.
fn biggest_subtree(first: u64, last: u64) -> ChunkRange {
    let mut biggest = ChunkRange::single(last);
    for layer in 1..=(last + 1).trailing_zeros() {
        let start = last + 1 - (1 << layer);
        if start < first {
            break;
        }
        biggest = range(start, last);
    }
    biggest
}
