//! At least one of every message, with 64-bit byte ranges.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, DiscardWindow, HashFunction, Message,
};

use super::certificate::membership;
use super::injector::{Injector, Method};
use super::key::{Key, p256_key};
use super::script::{Peer, Script, hex};
use super::swarm::{channel_fact, handshake, layout, range};

const ONE_WAY_DELAY: u64 = 9_400;

/// Bytes of one chunk; a peer keeps a thousand.
const CHUNK_SIZE: u32 = 512;
const WINDOW: DiscardWindow = DiscardWindow::Bits64(1000 * CHUNK_SIZE as u64);

/// A short session in which each of the 14 message types turns up.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "every-message.pcap",
        "rfc7574",
        "Every message type and a keep-alive in one live session with 64-bit byte ranges, \
         SHA-384 and chunks of 512 bytes: choking and unchoking, a cancelled request, peers \
         exchanged by IPv4, IPv6 and a membership certificate.",
    );
    let key = p256_key(14);
    let injector = Injector::new(
        layout(ChunkAddressing::Byte64, HashFunction::Sha384, CHUNK_SIZE),
        Method::UnifiedMerkle,
        Key::P256(key.clone()),
        14,
    );
    let viewer = Peer::new("192.0.2.14:40114", 0x3b90_d57e);
    let source = Peer::new("198.51.100.14:6778", 0xc85a_62f3);
    let zero = Peer {
        channel: ChannelId::ZERO,
        ..source
    };
    let to_source = |script: &mut Script, messages: &[Message<'_>]| {
        script.wait(450);
        script.send(viewer, source, &injector.layout, messages);
    };
    let to_viewer = |script: &mut Script, messages: &[Message<'_>]| {
        script.wait(2 * ONE_WAY_DELAY + 70);
        script.send(source, viewer, &injector.layout, messages);
    };
    let munro = injector.sign(0, script.now() - 60_000);

    let open = handshake(viewer.channel, injector.options(true, WINDOW));
    script.send(viewer, zero, &injector.layout, &[open]);
    to_viewer(
        &mut script,
        &[
            handshake(source.channel, injector.options(false, WINDOW)),
            Message::Have(injector.spec(range(0, 3))),
        ],
    );

    to_source(&mut script, &[Message::PexReq]);
    let member = SocketAddr::from(([203, 0, 113, 42], 6778));
    let certificate = membership(&key, member, &injector.id);
    let mut peers = munro.messages().collect::<Vec<_>>();
    peers.extend([
        Message::PexResV4 {
            address: Ipv4Addr::new(203, 0, 113, 41),
            port: 6778,
        },
        Message::PexResV6 {
            address: Ipv6Addr::new(0x2001, 0xdb8, 3, 0, 0, 0, 0, 0x41),
            port: 6778,
        },
        Message::PexResCert {
            certificate: &certificate,
        },
    ]);
    to_viewer(&mut script, &peers);
    script.note("The newest munro comes along until the viewer has a chunk of it (6.1.2.4)");

    // The source is busy: it chokes, and later is free again.
    let with_munro = |message| munro.messages().chain([message]).collect::<Vec<_>>();
    to_viewer(&mut script, &with_munro(Message::Choke));
    script.wait(500_000);
    to_viewer(&mut script, &with_munro(Message::Unchoke));
    to_source(&mut script, &[Message::Request(injector.spec(range(0, 3)))]);

    for chunk in 0..3 {
        let uncles = injector.uncles(chunk, |node| {
            // Chunk 0 came with its sibling and its uncle; 2 needs its sibling.
            chunk == 1 || (chunk == 2 && node != range(3, 3) && node != range(2, 2))
        });
        let data = injector.chunk(chunk);
        let mut messages = Vec::new();
        if chunk == 0 {
            messages.extend(munro.messages());
        }
        messages.extend(
            uncles
                .iter()
                .map(|(spec, hash)| Message::Integrity { spec: *spec, hash }),
        );
        script.wait(200);
        messages.push(Message::Data {
            spec: injector.spec(ChunkRange::single(chunk)),
            timestamp: Some(script.now() + ONE_WAY_DELAY + 70),
            data: &data,
            data_length: data.len(),
        });
        to_viewer(&mut script, &messages);
        let mut answer = vec![Message::Ack {
            spec: injector.spec(range(0, chunk)),
            delay: ONE_WAY_DELAY,
        }];
        if chunk == 2 {
            // The last chunk would come too late to be played.
            answer.push(Message::Cancel(injector.spec(ChunkRange::single(3))));
        }
        to_source(&mut script, &answer);
    }

    script.wait(10_000_000);
    to_source(&mut script, &[]);
    script.note("Keep-alive");
    script.wait(1_000_000);
    to_source(&mut script, &[handshake(ChannelId::ZERO, vec![])]);

    script.fact(format!(
        "Swarm: `{}`, chunks 0 to 2 verified by a signed munro",
        hex(&injector.id)
    ));
    script.fact(channel_fact(viewer, source));
    script
}
