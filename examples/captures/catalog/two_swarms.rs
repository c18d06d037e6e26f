//! Two swarms between the same two sockets, over IPv6.

use ppspp_dissector::wire::{ChunkAddressing, ChunkRange, HashFunction, Message};

use super::content::pseudo_random;
use super::script::{Peer, Script, hex};
use super::swarm::{Channel, StaticSwarm, layout, range};

/// Two interleaved downloads that only their channel IDs tell apart.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "two-swarms-one-socket.pcap",
        "rfc7574",
        "Two downloads at the same time between the same two sockets, over IPv6: one swarm with \
         32-bit bins, SHA-1 and chunks of 1024 bytes, the other with 64-bit chunk ranges, \
         SHA-512 and chunks of 512. Only the channel IDs tell which widths a datagram has.",
    );
    let (leecher, seeder) = ("[2001:db8:1::51]:52800", "[2001:db8:2::5eed]:6778");
    let bins = StaticSwarm::new(
        layout(ChunkAddressing::Bin32, HashFunction::Sha1, 1024),
        pseudo_random(1, 5 * 1024 - 24),
    );
    let ranges = StaticSwarm::new(
        layout(ChunkAddressing::Chunk64, HashFunction::Sha512, 512),
        pseudo_random(2, 6 * 512 - 12),
    );
    let mut one = Channel::new(
        &bins,
        Peer::new(leecher, 0x1d4f_a802),
        Peer::new(seeder, 0x92ee_07b1),
    );
    let mut two = Channel::new(
        &ranges,
        Peer::new(leecher, 0xe603_5c9d),
        Peer::new(seeder, 0x48b7_f126),
    );

    one.open(&mut script);
    script.wait(350);
    two.open(&mut script);
    script.wait(290);
    // Five chunks are no subtree, so bins take two REQUESTs in one datagram.
    one.leecher_sends(
        &mut script,
        &[
            Message::Request(bins.spec(range(0, 3))),
            Message::Request(bins.spec(ChunkRange::single(4))),
        ],
    );
    script.wait(120);
    two.request(&mut script, ranges.everything());
    for chunk in 0..6 {
        if chunk < bins.chunks() {
            one.serve(&mut script, chunk);
            one.acknowledge(&mut script, chunk);
        }
        two.serve(&mut script, chunk);
        two.acknowledge(&mut script, chunk);
    }
    one.close(&mut script);
    two.close(&mut script);

    for swarm in [&bins, &ranges] {
        script.fact(format!(
            "Swarm: `{}`, {} chunks, all verified",
            hex(swarm.id()),
            swarm.chunks()
        ));
    }
    script.fact(one.fact());
    script.fact(two.fact());
    script
}
