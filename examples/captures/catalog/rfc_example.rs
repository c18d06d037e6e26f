//! The example of RFC 7574, section 8.16.

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSpec, ContentIntegrity, HashFunction, Message, ProtocolOption,
};

use super::script::{Peer, Script, hex};
use super::swarm::{channel_fact, handshake, layout};
use super::tree::digest;

const CONTENT: &[u8] = b"Hello world!\n";

/// The six datagrams, bit for bit as the RFC draws them.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "rfc-8.16-hello.pcap",
        "rfc7574",
        "The example of RFC 7574, section 8.16, bit for bit as drawn: one peer fetches the 13 \
         bytes of `Hello world!` from another. The example contradicts itself: its swarm ID has \
         the 20 bytes of SHA-1 while its options say SHA-256, so the chunk can't be verified as \
         the options say and matches as SHA-1. Its channel IDs are 1 and 8 and its DATA \
         timestamp is of 2013, not of this capture.",
    );
    let leecher = Peer::new("192.0.2.1:6778", 1);
    let seeder = Peer::new("198.51.100.8:6778", 8);
    let zero = Peer {
        channel: ChannelId::ZERO,
        ..seeder
    };
    let layout = layout(ChunkAddressing::Chunk32, HashFunction::Sha256, 1024);
    let chunk = ChunkSpec::Chunk32 { start: 0, end: 0 };
    let swarm_id = digest(HashFunction::Sha1, &[CONTENT]);
    let methods = [
        ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
        ProtocolOption::HashFunction(HashFunction::Sha256),
        ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
        ProtocolOption::ChunkSize(1024),
    ];

    let mut options = vec![
        ProtocolOption::Version(1),
        ProtocolOption::MinimumVersion(1),
        ProtocolOption::SwarmId(&swarm_id),
    ];
    options.extend(methods);
    script.send(
        leecher,
        zero,
        &layout,
        &[handshake(leecher.channel, options)],
    );
    script.note("The swarm ID has 20 bytes, a SHA-256 root hash would have 32");

    script.wait(100_000);
    let mut options = vec![ProtocolOption::Version(1)];
    options.extend(methods);
    let answer = [handshake(seeder.channel, options), Message::Have(chunk)];
    script.send(seeder, leecher, &layout, &answer);

    script.wait(400);
    let ask = [Message::Request(chunk), Message::PexReq];
    script.send(leecher, seeder, &layout, &ask);

    script.wait(100_000);
    let serve = [Message::Data {
        spec: chunk,
        timestamp: Some(0x0004_e941_80b7_db44),
        data: CONTENT,
        data_length: CONTENT.len(),
    }];
    script.send(seeder, leecher, &layout, &serve);

    script.wait(300);
    let acknowledge = [
        Message::Ack {
            spec: chunk,
            delay: 100,
        },
        Message::Have(chunk),
    ];
    script.send(leecher, seeder, &layout, &acknowledge);
    script.note("HAVE to a peer that has everything already (section 3.2)");

    script.wait(300);
    let close = handshake(ChannelId::ZERO, vec![]);
    script.send(leecher, seeder, &layout, &[close]);

    script.fact(format!("Swarm: `{}`, 1 chunk of 13 bytes", hex(&swarm_id)));
    script.fact(channel_fact(leecher, seeder));
    script
}
