//! Transfers in which something comes damaged and is fetched again.

use ppspp_dissector::wire::{ChunkAddressing, ChunkRange, HashFunction, Message};

use super::content::pseudo_random;
use super::script::{Peer, Script, hex};
use super::swarm::{Channel, StaticSwarm, layout, range};

/// What is wrong with the one datagram.
#[derive(Clone, Copy)]
enum Damage {
    /// A byte of the chunk.
    Chunk,
    /// A byte of the lowest uncle's hash.
    Hash,
}

/// One chunk with one wrong byte.
pub(crate) fn chunk() -> Script {
    let script = Script::new(
        "merkle-one-bad-chunk.pcap",
        "rfc7574",
        "Sixteen chunks of 512 bytes under SHA-1. Chunk 5 comes with one byte that is wrong; its \
         own hash came before, with chunk 4. The leecher does not acknowledge it, requests it \
         again and gets it right.",
    );
    transfer(
        script,
        Damage::Chunk,
        5,
        [
            Peer::new("192.0.2.161:50161", 0x16b0_c4d5),
            Peer::new("198.51.100.161:6778", 0x8f27_e30b),
        ],
    )
}

/// One uncle hash with one wrong byte.
pub(crate) fn hash() -> Script {
    let script = Script::new(
        "merkle-wrong-hash.pcap",
        "rfc7574",
        "Sixteen chunks of 512 bytes under SHA-1. Chunk 4 is right, but of the two uncle hashes \
         in its datagram that of chunk 5 is wrong, so the way up ends at another hash than the \
         one of chunks 4 to 7 that came with chunk 0. The leecher can use neither the chunk nor \
         the two hashes, does not acknowledge, requests the chunk again and gets everything \
         right.",
    );
    transfer(
        script,
        Damage::Hash,
        4,
        [
            Peer::new("192.0.2.162:50162", 0x3a9d_5f18),
            Peer::new("198.51.100.162:6778", 0xc5e1_0677),
        ],
    )
}

/// A download in which the datagram with chunk `bad` comes damaged at first.
fn transfer(mut script: Script, damage: Damage, bad: u64, peers: [Peer; 2]) -> Script {
    let swarm = StaticSwarm::new(
        layout(ChunkAddressing::Chunk32, HashFunction::Sha1, 512),
        pseudo_random(16 + bad, 16 * 512),
    );
    let [leecher, seeder] = peers;
    let mut channel = Channel::new(&swarm, leecher, seeder);

    channel.open(&mut script);
    script.wait(480);
    channel.request(&mut script, ChunkRange::single(0));
    channel.serve(&mut script, 0);
    channel.acknowledge(&mut script, 0);
    channel.request(&mut script, range(1, 15));
    for chunk in 1..16 {
        if chunk == bad {
            let hashes = channel.hashes(chunk);
            let mut data = swarm.chunk(chunk).to_vec();
            let mut wrong = Vec::new();
            let mut spoilt = hashes.clone();
            match (damage, spoilt.last_mut()) {
                (Damage::Chunk, _) => data[300] ^= 0x04,
                (Damage::Hash, Some(Message::Integrity { hash, .. })) => {
                    wrong.extend_from_slice(hash);
                    wrong[7] ^= 0x20;
                    *hash = &wrong;
                }
                (Damage::Hash, _) => unreachable!("the chunk comes with uncles"),
            }
            channel.serve_with(&mut script, chunk, &spoilt, &data);
            script.note(match damage {
                Damage::Chunk => "Chunk 5 has a wrong byte and does not match its hash (5.2)",
                Damage::Hash => "The hash of chunk 5 is wrong, so chunk 4 can't be verified (5.1)",
            });
            script.wait(350_000);
            channel.request(&mut script, ChunkRange::single(chunk));
            script.note("The chunk is requested again");
            // Nothing of the datagram was acknowledged, so its hashes come
            // again too.
            channel.serve_with(&mut script, chunk, &hashes, swarm.chunk(chunk));
            script.note("Everything is right");
        } else {
            channel.serve(&mut script, chunk);
        }
        channel.acknowledge(&mut script, chunk);
    }
    channel.close(&mut script);

    script.fact(format!(
        "Swarm: `{}`, 16 chunks, 8192 bytes, all verified in the end; chunk {bad} comes twice \
         and fails at first",
        hex(swarm.id())
    ));
    script.fact(channel.fact());
    script
}
