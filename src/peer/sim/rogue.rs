//! What peers do wrong on purpose to the datagrams that they send and receive.
//!
//! The engine behind knows nothing of it: it is as honest as the others'.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use ppspp_dissector::wire::{
    ChannelId, ChunkRange, ChunkSpec, Handshake, Layout, Located, Message, Reader, encode_message,
};
use rand_chacha::ChaCha12Rng;
use rand_core::Rng as _;

use crate::peer::engine::Moment;

/// How often a flooder sends a datagram, and its bytes, about.
const FLOOD_EVERY: Duration = Duration::from_millis(2);
const FLOOD_SIZE: usize = 1200;

/// Sends what nobody asked for to whoever has opened a channel.
#[derive(Debug)]
pub(super) struct Flood {
    random: ChaCha12Rng,
    layout: Layout,
    /// Victims, and their channel IDs.
    victims: BTreeMap<SocketAddr, ChannelId>,
    next: Moment,
}

impl Flood {
    pub(super) const fn new(random: ChaCha12Rng, layout: Layout, now: Moment) -> Self {
        Self {
            random,
            layout,
            victims: BTreeMap::new(),
            next: now,
        }
    }

    /// The engine sends a datagram to somebody: it names the channel.
    pub(super) fn note(&mut self, destination: SocketAddr, datagram: &[u8]) {
        if let Ok((channel, _)) = Reader::new(datagram, datagram.len())
            && !channel.is_zero()
        {
            self.victims.insert(destination, channel);
        }
    }

    /// When the next datagram is due.
    pub(super) fn deadline(&self) -> Option<Moment> {
        (!self.victims.is_empty()).then_some(self.next)
    }

    /// Writes the next datagram, where it is due: many messages of one kind.
    pub(super) fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        if self.next > now || self.victims.is_empty() {
            return None;
        }
        self.next = self.next.max(now - FLOOD_EVERY) + FLOOD_EVERY;
        let place = self.random.next_u64() % self.victims.len() as u64;
        let (&victim, channel) = self.victims.iter().nth(place as usize)?;
        out.extend_from_slice(&channel.0.to_be_bytes());
        let kind = self.random.next_u64() % 9;
        let mut hash = [0; 64];
        let length = self.layout.hash_function.length().unwrap_or(0).min(64);
        let start = out.len();
        while out.len() < start + FLOOD_SIZE {
            let drawn = self.random.next_u64();
            // A few within the content, most far beyond.
            let chunk = if drawn.is_multiple_of(4) {
                drawn % 512
            } else {
                drawn >> 34
            };
            let spec = ChunkSpec::of(
                ChunkRange::single(chunk),
                self.layout.addressing,
                self.layout.chunk_size.or_assumed(),
            )?;
            self.random.fill_bytes(&mut hash);
            let message = match kind {
                0 => Message::Have(spec),
                1 => Message::Request(spec),
                2 => Message::Cancel(spec),
                3 => Message::Ack { spec, delay: drawn },
                4 => Message::Integrity {
                    spec,
                    hash: hash.get(..length)?,
                },
                5 => Message::PexResV4 {
                    address: Ipv4Addr::from(drawn as u32),
                    port: 20_000,
                },
                6 => Message::Unchoke,
                7 => Message::Handshake(Handshake {
                    source_channel: ChannelId(drawn as u32 | 1),
                    options: vec![],
                    has_end: true,
                }),
                _ => Message::Data {
                    spec,
                    timestamp: self.layout.data_timestamp.then_some(drawn),
                    data: &hash,
                    data_length: hash.len(),
                },
            };
            encode_message(&message, &self.layout, out).ok()?;
            // A chunk is the last in its datagram.
            if kind == 8 {
                break;
            }
        }
        Some(victim)
    }
}

/// Makes all chunks in a datagram wrong, in one byte each.
pub(super) fn corrupt_chunks(datagram: &mut [u8], layout: &Layout) {
    corrupt(
        datagram,
        layout,
        |message| matches!(message, Message::Data { data, .. } if !data.is_empty()),
    );
}

/// Makes all hashes in a datagram wrong, in one byte each.
pub(super) fn corrupt_hashes(datagram: &mut [u8], layout: &Layout) {
    corrupt(datagram, layout, |message| {
        matches!(message, Message::Integrity { .. })
    });
}

/// A datagram as if its sender asked for nothing.
pub(super) fn without_requests(datagram: &[u8], layout: &Layout) -> Vec<u8> {
    let requests = places(datagram, layout, |message| {
        matches!(message, Message::Request(_))
    });
    let mut kept = Vec::with_capacity(datagram.len());
    let mut from = 0;
    for request in requests {
        kept.extend_from_slice(datagram.get(from..request.start).unwrap_or_default());
        from = request.end;
    }
    kept.extend_from_slice(datagram.get(from..).unwrap_or_default());
    kept
}

/// Changes the last byte of messages: of these kinds, the last byte of what
/// they carry.
fn corrupt(datagram: &mut [u8], layout: &Layout, is_wanted: impl Fn(&Message<'_>) -> bool) {
    for place in places(datagram, layout, is_wanted) {
        if let Some(byte) = datagram.get_mut(place.end - 1) {
            *byte ^= 0x55;
        }
    }
}

/// Where some messages of a datagram are.
fn places(
    datagram: &[u8],
    layout: &Layout,
    is_wanted: impl Fn(&Message<'_>) -> bool,
) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let Ok((_, mut reader)) = Reader::new(datagram, datagram.len()) else {
        return places;
    };
    while let Some(Ok(Located {
        message,
        offset,
        length,
    })) = reader.next(layout)
    {
        if is_wanted(&message) {
            places.push(offset..offset + length);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::{ChannelId, ChunkRange, ChunkSpec, encode_message};

    use super::*;

    fn datagram() -> Vec<u8> {
        let mut out = ChannelId(7).0.to_be_bytes().to_vec();
        let range = ChunkRange::new(0, 3).expect("ordered");
        let spec = ChunkSpec::of(range, Layout::RFC.addressing, 1024).expect("a range");
        for message in [
            Message::Have(spec),
            Message::Request(spec),
            Message::Integrity {
                spec,
                hash: &[9; 32],
            },
            Message::Data {
                spec,
                timestamp: Some(1),
                data: b"data",
                data_length: 4,
            },
        ] {
            encode_message(&message, &Layout::RFC, &mut out).expect("fits");
        }
        out
    }

    #[test]
    fn a_liar_changes_the_chunk_and_nothing_else() {
        let (honest, mut rogue) = (datagram(), datagram());
        corrupt_chunks(&mut rogue, &Layout::RFC);
        let (last, rest) = rogue.split_last().expect("not empty");
        assert_eq!(*last, b'a' ^ 0x55);
        assert_eq!(rest, &honest[..honest.len() - 1]);
    }

    #[test]
    fn a_wrong_hash_is_wrong_in_one_byte() {
        let (honest, mut rogue) = (datagram(), datagram());
        corrupt_hashes(&mut rogue, &Layout::RFC);
        let differing = honest
            .iter()
            .zip(&rogue)
            .filter(|(one, other)| one != other);
        assert_eq!(differing.collect::<Vec<_>>(), [(&9, &(9 ^ 0x55))]);
    }

    #[test]
    fn requests_are_taken_out() {
        let kept = without_requests(&datagram(), &Layout::RFC);
        assert_eq!(kept.len(), datagram().len() - 9);
        let has_request = |message: &Message<'_>| matches!(message, Message::Request(_));
        assert!(places(&kept, &Layout::RFC, has_request).is_empty());
        assert_eq!(places(&kept, &Layout::RFC, |_| true).len(), 3);
        assert_eq!(without_requests(b"xx", &Layout::RFC), b"xx");
    }
}
