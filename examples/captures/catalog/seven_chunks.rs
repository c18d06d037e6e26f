//! The file of RFC 7574, section 5.6: 7162 bytes, seven chunks, three peaks.

use ppspp_dissector::wire::{ChunkAddressing, ChunkRange, HashFunction};

use super::content::pseudo_random;
use super::script::{Peer, Script, hex};
use super::swarm::{Channel, StaticSwarm, layout, range};

/// A whole download in which nothing is wrong.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "merkle-sha256-seven-chunks.pcap",
        "rfc7574",
        "The file of section 5.6: 7162 bytes in seven chunks of 1024, the last one of 1018, so \
         the peaks are the nodes 3, 9 and 12 (chunks 0-3, 4-5 and 6). The first DATA comes with \
         the peaks and its uncles, the others with what is still missing. Every chunk verifies \
         and the capture holds no violation of the RFC.",
    );
    let swarm = StaticSwarm::new(
        layout(ChunkAddressing::Chunk32, HashFunction::Sha256, 1024),
        pseudo_random(7162, 7162),
    );
    let leecher = Peer::new("192.0.2.33:41216", 0x5fc0_91e7);
    let seeder = Peer::new("198.51.100.20:6778", 0xb3d2_746a);
    let mut channel = Channel::new(&swarm, leecher, seeder);

    channel.open(&mut script);
    script.wait(480);
    channel.request(&mut script, ChunkRange::single(0));
    channel.serve(&mut script, 0);
    channel.acknowledge(&mut script, 0);
    channel.request(&mut script, range(1, 6));
    for chunk in 1..7 {
        channel.serve(&mut script, chunk);
        channel.acknowledge(&mut script, chunk);
    }
    channel.close(&mut script);

    script.fact(format!(
        "Swarm: `{}`, 7 chunks, 7162 bytes, all verified",
        hex(swarm.id())
    ));
    script.fact(channel.fact());
    script
}
