//! Where the hashes and chunks of a swarm came from: which datagram brought them.
//!
//! What is kept of that is little: rows by groups of chunks. A search reads the
//! datagrams that come into question.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use ppspp_dissector::session::{Record, SwarmIndex, Verdict};
use ppspp_dissector::wire::{Bin, Message, MessageType};

use super::reader::Reader;
use super::row::Row;
use super::store::Store;

/// A group is 2^this chunks.
const LAYER: u32 = 8;

/// Groups of chunks and nodes above them that are remembered, of all swarms
/// together; about 32 bytes each.
const MOST: usize = 64 * 1024;

/// Rows that are looked at between two glances at the clock.
const STRIDE: usize = 256;

/// What a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The hash of a node, sent as such.
    Hash(Bin),
    /// A chunk, whatever becomes of it.
    Chunk(u64),
    /// A chunk that was verified.
    VerifiedChunk(u64),
}

/// Rows of the datagrams with hashes and chunks.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// The first and the last row with something of a group of chunks.
    groups: HashMap<(u32, u64), (u32, u32), FixedState>,
    /// The first row with the hash of a node that is wider than a group.
    wide: HashMap<(u32, Bin), u32, FixedState>,
}

impl Origins {
    pub(super) fn note(&mut self, record: &Record<'_, '_>, row: u32) {
        let Some(channel) = record.channel else {
            return;
        };
        let swarm = channel.swarm.number();
        let size = record.layout.chunk_size.or_assumed();
        for located in record.messages {
            let range = match &located.message {
                Message::Data { spec, .. } | Message::Integrity { spec, .. } => {
                    spec.chunks(size).range()
                }
                _ => None,
            };
            let Some(range) = range else {
                continue;
            };
            let group = range.start() >> LAYER;
            let has_room = self.groups.len() + self.wide.len() < MOST;
            if range.end() >> LAYER == group {
                match self.groups.get_mut(&(swarm, group)) {
                    Some((_, last)) => *last = row,
                    None if has_room => {
                        self.groups.insert((swarm, group), (row, row));
                    }
                    None => {}
                }
            } else if let Some(bin) = Bin::covering(range)
                && has_room
            {
                self.wide.entry((swarm, bin)).or_insert(row);
            }
        }
    }

    /// The rows that may have brought something.
    fn window(&self, swarm: u32, wanted: Origin) -> Option<(u32, u32)> {
        let chunk = match wanted {
            Origin::Hash(bin) if bin.layer() > LAYER => {
                let first = self.wide.get(&(swarm, bin))?;
                return Some((*first, u32::MAX));
            }
            Origin::Hash(bin) => bin.range().start(),
            Origin::Chunk(chunk) | Origin::VerifiedChunk(chunk) => chunk,
        };
        self.groups.get(&(swarm, chunk >> LAYER)).copied()
    }
}

/// A datagram that brought what was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its row.
    pub row: usize,
    /// The frame that it came in.
    pub frame: u64,
}

/// Rows to look at, and for what.
#[derive(Debug)]
struct Scan {
    next: usize,
    last: usize,
    wanted: Vec<Origin>,
}

/// A search for where hashes and chunks of a swarm came from.
#[derive(Debug)]
pub struct OriginSearch {
    swarm: SwarmIndex,
    reader: Reader,
    scans: Vec<Scan>,
    found: HashMap<Origin, Place>,
}

impl OriginSearch {
    /// For these things, nothing looked at yet.
    pub fn new(store: &Store, swarm: SwarmIndex, wanted: impl IntoIterator<Item = Origin>) -> Self {
        let mut scans: Vec<Scan> = Vec::new();
        store.with_origins(|origins| {
            for wanted in wanted {
                let Some((first, last)) = origins.window(swarm.number(), wanted) else {
                    continue;
                };
                let (next, last) = (first as usize, last as usize);
                let same = scans
                    .iter_mut()
                    .find(|scan| (scan.next, scan.last) == (next, last));
                match same {
                    Some(scan) => scan.wanted.push(wanted),
                    None => scans.push(Scan {
                        next,
                        last,
                        wanted: vec![wanted],
                    }),
                }
            }
        });
        Self {
            swarm,
            reader: Reader::sequential(store),
            scans,
            found: HashMap::new(),
        }
    }

    /// Whether there are datagrams to be looked at.
    pub const fn has_more(&self) -> bool {
        !self.scans.is_empty()
    }

    /// Where something came from, once that is found.
    pub fn found(&self, wanted: Origin) -> Option<Place> {
        self.found.get(&wanted).copied()
    }

    /// Whether it is still searched for.
    pub fn is_open(&self, wanted: Origin) -> bool {
        let mut scans = self.scans.iter();
        scans.any(|scan| scan.wanted.contains(&wanted))
    }

    /// Looks at more datagrams for about as long as is told; returns whether there
    /// are more.
    pub fn advance(&mut self, store: &Store, most: Duration) -> bool {
        let begin = Instant::now();
        let length = store.len();
        while let Some(scan) = self.scans.last_mut() {
            if begin.elapsed() > most {
                return true;
            }
            if scan.wanted.is_empty() || scan.next > scan.last || scan.next >= length {
                self.scans.pop();
                continue;
            }
            let until = (scan.next + STRIDE).min(length).min(scan.last + 1);
            let analyzer = store.analyzer();
            let of_swarm = |row: &Row| {
                let kinds = row.kinds();
                (kinds.has(MessageType::Data) || kinds.has(MessageType::Integrity))
                    && row
                        .channel()
                        .and_then(|(index, _)| analyzer.channel(analyzer.lasting_channel(index)))
                        .is_some_and(|channel| channel.swarm == self.swarm)
            };
            for number in scan.next..until {
                if scan.wanted.is_empty() {
                    break;
                }
                if !store.get(number).as_ref().is_some_and(of_swarm) {
                    continue;
                }
                let (wanted, found) = (&mut scan.wanted, &mut self.found);
                self.reader.row(&analyzer, number, |item, record| {
                    let frame = item.datagram.frame;
                    look(record, wanted, |origin| {
                        let place = Place { row: number, frame };
                        found.entry(origin).or_insert(place);
                    });
                });
            }
            scan.next = until;
        }
        false
    }
}

/// Takes out of `wanted` what a datagram has brought.
fn look(record: &Record<'_, '_>, wanted: &mut Vec<Origin>, mut found: impl FnMut(Origin)) {
    let size = record.layout.chunk_size.or_assumed();
    for (place, located) in record.messages.iter().enumerate() {
        let (spec, is_hash) = match &located.message {
            Message::Data { spec, .. } => (spec, false),
            Message::Integrity { spec, .. } => (spec, true),
            _ => continue,
        };
        let Some(range) = spec.chunks(size).range() else {
            continue;
        };
        let is_verified = record.verdict(place) == Verdict::Verified;
        wanted.retain(|origin| {
            let fits = match *origin {
                Origin::Hash(bin) => is_hash && is_verified && bin.range() == range,
                Origin::Chunk(chunk) => !is_hash && range.contains(chunk),
                Origin::VerifiedChunk(chunk) => !is_hash && is_verified && range.contains(chunk),
            };
            if fits {
                found(*origin);
            }
            !fits
        });
    }
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::ChunkRange;

    use super::*;

    #[test]
    fn nodes_up_to_a_group_are_found_by_their_chunks() {
        let is_in_one_group = |range: ChunkRange| range.start() >> LAYER == range.end() >> LAYER;
        let mut bin = Bin::leaf(77).expect("a leaf");
        while bin.layer() <= LAYER {
            assert!(is_in_one_group(bin.range()), "{bin:?}");
            bin = bin.parent().expect("a parent");
        }
        assert!(!is_in_one_group(bin.range()));
    }
}
