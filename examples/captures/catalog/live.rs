//! A viewer tunes in to a live stream under a unified Merkle tree.

use std::collections::BTreeSet;

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, DiscardWindow, HashFunction, Message,
};

use super::injector::{Injector, MUNRO_WIDTH, Munro};
use super::script::{Peer, START, Script, hex};
use super::swarm::{channel_fact, handshake, layout, range};

/// Microseconds from one end to the other.
const ONE_WAY_DELAY: u64 = 18_250;

/// Chunks that the injector keeps.
const WINDOW: DiscardWindow = DiscardWindow::Bits32(8);

/// The viewer gets three munros of a running stream.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "live-unified-merkle.pcap",
        "rfc7574",
        "A viewer tunes in to a running live stream: unified Merkle tree over SHA-256, ECDSA on \
         P-256, four chunks of 1024 bytes to a signed munro, a discard window of eight chunks \
         that slides while the stream grows. The signatures are real: over the munro's chunk \
         specification, the NTP timestamp and the hash.",
    );
    let injector = Injector::new(
        layout(ChunkAddressing::Chunk32, HashFunction::Sha256, 1024),
        7,
    );
    let viewer = Peer::new("192.0.2.77:39512", 0x6d21_c4f8);
    let source = Peer::new("203.0.113.7:6778", 0xa95e_3013);
    let zero = Peer {
        channel: ChannelId::ZERO,
        ..source
    };

    let open = handshake(viewer.channel, injector.options(true, WINDOW));
    script.send(viewer, zero, &injector.layout, &[open]);
    script.wait(2 * ONE_WAY_DELAY);
    let answer = [
        handshake(source.channel, injector.options(false, WINDOW)),
        Message::Have(injector.spec(range(4, 11))),
    ];
    script.send(source, viewer, &injector.layout, &answer);

    // From now on the source proves its newest munro in every datagram until
    // the viewer has a chunk of it (section 6.1.2.4).
    script.wait(300);
    let mut stream = Stream {
        injector: &injector,
        viewer,
        source,
        known: BTreeSet::new(),
    };
    let munro = injector.sign(8, START - 151_000);
    stream.fetch(&mut script, 8, &munro);
    for first in [12, 16] {
        script.wait(400_000);
        let munro = injector.sign(first, script.now() - 21_000);
        // The biggest complete interval within the window (section 4.3.1).
        let mut news = vec![Message::Have(injector.spec(range(first - 4, first + 3)))];
        news.extend(munro.messages());
        script.send(source, viewer, &injector.layout, &news);
        script.wait(700);
        stream.fetch(&mut script, first, &munro);
    }
    script.wait(2_000);
    let close = handshake(ChannelId::ZERO, vec![]);
    script.send(viewer, source, &injector.layout, &[close]);

    script.fact(format!(
        "Swarm: `{}`, chunks 8 to 19 verified by 3 signed munros (5 signatures sent)",
        hex(&injector.id)
    ));
    script.fact(channel_fact(viewer, source));
    script
}

struct Stream<'a> {
    injector: &'a Injector,
    viewer: Peer,
    source: Peer,
    known: BTreeSet<ChunkRange>,
}

impl Stream<'_> {
    /// The viewer requests the munro that begins with `first` and gets its chunks.
    fn fetch(&mut self, script: &mut Script, first: u64, munro: &Munro) {
        let injector = self.injector;
        let wanted = Injector::munro_of(first);
        let request = Message::Request(injector.spec(wanted));
        script.send(self.viewer, self.source, &injector.layout, &[request]);
        for chunk in first..first + MUNRO_WIDTH {
            script.wait(2 * ONE_WAY_DELAY + 110 + chunk * 53 % 300);
            let uncles = injector.uncles(chunk, |node| self.known.contains(&node));
            let data = injector.chunk(chunk);
            let mut messages = Vec::new();
            if chunk == first {
                messages.extend(munro.messages());
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
            for layer in 0..2 {
                let start = chunk >> layer << layer;
                self.known.insert(range(start, start + (1 << layer) - 1));
                let sibling = start ^ (1 << layer);
                self.known
                    .insert(range(sibling, sibling + (1 << layer) - 1));
            }
            script.wait(80);
            let ack = Message::Ack {
                spec: injector.spec(range(8, chunk)),
                delay: ONE_WAY_DELAY,
            };
            script.send(self.viewer, self.source, &injector.layout, &[ack]);
        }
    }
}
