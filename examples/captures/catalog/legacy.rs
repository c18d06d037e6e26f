//! What the program `swift` spoke before the RFC.

use ppspp_dissector::wire::dialect::LEGACY_SWIFT;
use ppspp_dissector::wire::{ChannelId, ChunkSize, ChunkSpec, Layout, Message};

use super::content::pseudo_random;
use super::script::{Peer, Script, hex};
use super::swarm::{Channel, StaticSwarm, handshake, range};

/// A download in the dialect of 2012.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "legacy-swift.pcap",
        "legacy-swift",
        "A download in the dialect that the program `swift` spoke in 2012: the first datagram \
         names the swarm with an INTEGRITY message for all chunks, handshakes have no options, \
         chunks are 32-bit bins, hashes SHA-1 and in ascending order, DATA has no timestamp, \
         ACK has the time of receipt and message 10 is RANDOMIZE.",
    );
    let layout = Layout {
        chunk_size: ChunkSize::Fixed(1024),
        ..Layout::of_dialect(&LEGACY_SWIFT)
    };
    let swarm = StaticSwarm::new(layout, pseudo_random(2012, 6 * 1024 - 500));
    let leecher = Peer::new("192.0.2.12:7001", 0x20a3_66f4);
    let seeder = Peer::new("203.0.113.12:7000", 0x7c18_9be5);
    let mut channel = Channel::new(&swarm, leecher, seeder);

    let zero = Peer {
        channel: ChannelId::ZERO,
        ..seeder
    };
    let open = [
        Message::Integrity {
            spec: ChunkSpec::Bin32(u32::MAX >> 1),
            hash: swarm.id(),
        },
        handshake(leecher.channel, vec![]),
    ];
    script.send(leecher, zero, &layout, &open);
    script.note("Bin ALL with the root hash names the swarm");
    script.wait(24_000);
    let peaks = [range(0, 3), range(4, 5)].map(|peak| swarm.spec(peak));
    let answer = [
        handshake(seeder.channel, vec![]),
        Message::Have(peaks[0]),
        Message::Have(peaks[1]),
    ];
    channel.seeder_sends(&mut script, &answer);
    script.wait(500);
    let ask = [
        Message::Request(peaks[0]),
        Message::Request(peaks[1]),
        Message::PexReq,
    ];
    channel.leecher_sends(&mut script, &ask);
    script.wait(23_900);
    let pex = [Message::PexResV4 {
        address: [203, 0, 113, 99].into(),
        port: 7000,
    }];
    channel.seeder_sends(&mut script, &pex);
    for chunk in 0..swarm.chunks() {
        channel.serve(&mut script, chunk);
        if chunk == 2 {
            // Nothing came back: again, with four bytes that make it differ.
            script.wait(250_000);
            let again = [
                Message::Randomize([0x5a, 0x17, 0xc3, 0x88]),
                swarm.data(2, 0),
            ];
            channel.seeder_sends(&mut script, &again);
            script.note("Retransmission of chunk 2, with RANDOMIZE");
        }
        channel.acknowledge(&mut script, chunk);
    }
    script.wait(900_000);
    channel.leecher_sends(&mut script, &[]);
    channel.close(&mut script);

    script.fact(format!(
        "Swarm: `{}`, 6 chunks, 5644 bytes, all verified",
        hex(swarm.id())
    ));
    script.fact(channel.fact());
    script
}
